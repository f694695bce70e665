"""The samples on a real cluster, as a user meets them: run from a registry, changed, stopped, removed."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.engines import samples
from tests.engines.cluster import Cluster, RefusedError
from tests.engines.docker import ROOT
from tests.engines.program import Program
from tests.engines.registry import Registry
from tests.engines.samples import SECRETS, fetch, free_node_port

pytestmark = [pytest.mark.engine, pytest.mark.slow]

KINDS = ("secrets", "services", "persistentvolumeclaims", "configmaps", "pods", "replicationcontrollers")


class Site:
    """WordPress and its MariaDB as a deployment in a namespace of its own, with a volume for its claim."""

    def __init__(self, program: Program, cluster: Cluster, registry: Registry, folder: Path) -> None:
        self.program = program
        self.cluster = cluster
        self.name = f"wp-{uuid.uuid4().hex[:8]}"
        self.namespace = cluster.make_namespace()
        samples.enforce(cluster, self.namespace, "baseline")
        self.volume = cluster.make_volume(self.namespace, "mariadb-data")
        # WordPress keeps its address once it is installed: the port must outlive the Service
        self.port = free_node_port(cluster)
        self.url = f"http://127.0.0.1:{self.port}/"
        self.app = f"{registry.host}/wordpress-app"
        self.answers = folder / f"{self.name}.conf"
        self.write_answers()

    def write_answers(self, *, provider: str = "kubernetes", password: str = SECRETS[0], **wordpress: str) -> None:
        lines = ["[general]", f"provider = {provider}", f"namespace = {self.namespace}"]
        lines += [f"images = {self.cluster.registry}/samples", f"db_password = {password}"]
        lines += ["[mariadb:mariadb]", f"db_root_password = {SECRETS[1]}", "[wordpress]", f"node_port = {self.port}"]
        lines += [f"{name} = {value}" for name, value in wordpress.items()]
        self.answers.write_text("\n".join(lines) + "\n")

    @property
    def words(self) -> tuple[str, ...]:
        return (self.app, "-a", str(self.answers), "--name", self.name)

    def run(self) -> str:
        return self.program("run", *self.words)

    def changes(self) -> list[dict[str, Any]]:
        """The steps of a plan that do something."""
        return [step for step in self.program.json("plan", *self.words)["steps"] if step["op"] != "keep"]

    def held(self, *kinds: str) -> set[str]:
        """`KIND/NAME` of what the namespace holds of these kinds, but for what the cluster itself puts there."""
        found = set()
        for kind in kinds:
            group = "apis/apps/v1" if kind in ("deployments", "replicasets") else "api/v1"
            rows = self.cluster.call("GET", f"/{group}/namespaces/{self.namespace}/{kind}")["items"]
            found |= {f"{kind}/{row['metadata']['name']}" for row in rows}
        return found - {"configmaps/kube-root-ca.crt"}

    def pods(self) -> dict[str, str]:
        """The name of each workload -> uid of its pod that is not on its way out."""
        rows = self.cluster.call("GET", f"/api/v1/namespaces/{self.namespace}/pods")["items"]
        return {
            row["metadata"]["labels"]["app.kubernetes.io/name"]: row["metadata"]["uid"]
            for row in rows
            if "deletionTimestamp" not in row["metadata"]
        }

    def remove(self) -> None:
        self.cluster.remove_namespace(self.namespace)
        self.cluster.remove_volume(self.volume)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory, cluster: Cluster) -> Program:
    home = tmp_path_factory.mktemp("samples-kubernetes") / "home"
    return Program(home, env={"KUBECONFIG": str(cluster.kubeconfig)})


@pytest.fixture(scope="module")
def packages(program: Program, registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> None:
    samples.package(program, tmp_path_factory.mktemp("packages"), registry.host, "mariadb", "wordpress")


@pytest.fixture(scope="module")
def site(
    program: Program,
    cluster: Cluster,
    registry: Registry,
    packages: None,
    sample_images_in_cluster: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Site]:
    found = Site(program, cluster, registry, tmp_path_factory.mktemp("site"))
    yield found
    found.remove()


@pytest.fixture
def running(site: Site) -> Site:
    """The site, run with its first answers: whatever an earlier test made of it."""
    site.write_answers()
    site.run()
    return site


def test_wordpress_shows_its_page_with_the_database_connected(running: Site) -> None:
    page = fetch(running.url)
    # the installer asks the database first: without it, WordPress says 500
    assert "<title>WordPress &rsaquo; Installation</title>" in page or f"Blog of {running.name}" in page
    assert set(running.pods()) == {"wordpress", "mariadb"}
    claim = f"/api/v1/namespaces/{running.namespace}/persistentvolumeclaims/mariadb-data"
    assert running.cluster.call("GET", claim)["spec"]["volumeName"] == running.volume


def test_a_second_run_changes_nothing(running: Site) -> None:
    before = running.pods()
    assert running.changes() == []
    assert "nothing to do" in running.run()
    assert running.pods() == before


def test_a_changed_answer_rolls_only_what_it_concerns(running: Site) -> None:
    before = running.pods()
    running.write_answers(table_prefix="other_")
    (step,) = running.changes()
    assert (step["op"], step["component"], step["kind"]) == ("update", "wordpress", "Deployment")
    (change,) = step["changes"]
    assert "WORDPRESS_TABLE_PREFIX" in change["path"]
    assert (change["old"], change["new"]) == ("wp_", "other_")
    assert running.pods() == before, "a plan changes nothing"

    running.run()
    after = running.pods()
    assert after["mariadb"] == before["mariadb"]
    assert after["wordpress"] != before["wordpress"]
    assert "<title>WordPress" in fetch(running.url), "the other prefix means a site that is not installed yet"


def test_a_changed_password_changes_secrets_and_restarts_nothing(running: Site) -> None:
    running.write_answers(password="another-password")
    shown = running.program("plan", *running.words)
    assert "another-password" not in shown
    assert {(step["op"], step["kind"], step["name"]) for step in running.changes()} == {
        ("update", "Secret", "mariadb"),
        ("update", "Secret", "wordpress"),
    }


def test_an_image_that_is_not_there_is_explained_and_repaired(running: Site) -> None:
    wrong = running.program.attempt("run", *running.words, "-p", "wordpress:tag=none")
    assert wrong.returncode == 1
    assert f"{running.cluster.registry}/samples/wordpress:none" in wrong.stderr
    assert "ERROR  :: wordpress: Deployment wordpress" in wrong.stderr
    assert "<title>" in fetch(running.url), "the pod that ran goes on until the new one is ready"
    assert running.program.json("status", running.name)["outcome"] == "failed"
    running.run()
    assert running.program.json("status", running.name)["state"] == "running"
    assert "nothing to do" in running.run()


def test_two_deployments_side_by_side(running: Site, registry: Registry, tmp_path: Path) -> None:
    other = Site(running.program, running.cluster, registry, tmp_path)
    try:
        other.run()
        before = running.pods()
        samples.install_wordpress(other.url, f"Blog of {other.name}")
        assert f"Blog of {other.name}" in fetch(other.url)
        assert f"Blog of {other.name}" not in fetch(running.url)
        other.program("uninstall", other.name, "--purge-data")
        assert running.pods() == before
        assert running.changes() == []
    finally:
        other.remove()


def test_status_list_and_logs_tell_of_both(running: Site) -> None:
    status = running.program.json("status", running.name)
    assert status["state"] == "running"
    states = {item["component"]: item for item in status["resources"] if item["kind"] == "Deployment"}
    assert {scope: item["state"] for scope, item in states.items()} == {
        "wordpress": "running",
        "mariadb:mariadb": "running",
    }
    assert all(item["detail"] == "1 of 1 ready" for item in states.values())
    (service,) = [item for item in status["resources"] if item["kind"] == "Service" and item["name"] == "wordpress"]
    assert str(running.port) in " ".join(service["ports"])
    assert running.name in {row["name"] for row in running.program.json("list")}
    fetch(running.url)
    logs = running.program("logs", running.name)
    assert "ready for connections" in logs
    assert "GET / HTTP/1.1" in logs
    assert "kube-probe" not in logs


def test_data_outlives_stop_and_uninstall(running: Site) -> None:
    title = f"Blog of {running.name}"
    samples.install_wordpress(running.url, title)
    assert title in fetch(running.url)

    running.program("stop", running.name)
    assert running.pods() == {}
    assert running.program.json("status", running.name)["state"] == "stopped"
    running.program("start", running.name)
    assert title in fetch(running.url)
    running.program("stop", running.name)
    running.run()
    assert title in fetch(running.url), "run starts a stopped app, data and all"

    told = running.program("uninstall", running.name)
    assert "PersistentVolumeClaim mariadb-data" in told
    assert running.held(*KINDS, "deployments", "replicasets") == {"persistentvolumeclaims/mariadb-data"}
    running.run()
    assert title in fetch(running.url), "the claim was kept, and found again"


def test_no_secret_is_shown_or_kept_in_clear(running: Site) -> None:
    running.write_answers(table_prefix="third_")
    said = [
        running.program("plan", *running.words),
        running.program("run", *running.words, "-v"),
        running.program("run", *running.words, "-o", "json"),
        running.program("params", running.app, "-a", str(running.answers), "--explain"),
        running.program("status", running.name, "-o", "json"),
        running.program("logs", running.name),
        running.program("inspect", running.app),
    ]
    home = Path(running.program.env["ATOMICAPP_HOME"])
    kept = [path.read_bytes() for path in home.rglob("*") if path.is_file()]
    assert any(running.name.encode() in data for data in kept)
    for secret in SECRETS:
        for form in (secret, base64.b64encode(secret.encode()).decode()):
            assert not any(form in text for text in said)
            assert not any(form.encode() in data for data in kept)
            path = f"/apis/apps/v1/namespaces/{running.namespace}/deployments"
            assert form not in str(running.cluster.call("GET", path)), "on the cluster it stands in Secrets only"


def test_purging_leaves_nothing(running: Site) -> None:
    running.program("uninstall", running.name, "--purge-data")
    assert running.held(*KINDS, "deployments", "replicasets") == set()
    assert running.name not in {row["name"] for row in running.program.json("list")}
    assert running.program.attempt("status", running.name).returncode == 1


def test_openshift_gets_the_same_objects_and_a_route(site: Site) -> None:
    def objects(provider: str) -> list[dict[str, Any]]:
        found = site.program.json("render", site.app, "-a", str(site.answers), "--provider", provider)
        return [body for item in found for body in yaml.safe_load_all(item["data"])]

    on_kubernetes, on_openshift = objects("kubernetes"), objects("openshift")
    assert {body["kind"] for body in on_kubernetes} == {"Secret", "Service", "Deployment"}
    (route,) = [body for body in on_openshift if body not in on_kubernetes]
    assert len(on_openshift) == len(on_kubernetes) + 1
    assert route["kind"] == "Route"
    services = {body["metadata"]["name"]: body for body in on_kubernetes if body["kind"] == "Service"}
    target = services[route["spec"]["to"]["name"]]
    assert route["spec"]["port"]["targetPort"] in {port["name"] for port in target["spec"]["ports"]}


def test_wordpress_on_openshift_is_reached_by_its_route(
    program: Program,
    openshift: Cluster,
    registry: Registry,
    packages: None,
    sample_images_in_cluster: dict[str, str],
    tmp_path: Path,
) -> None:
    site = Site(program, openshift, registry, tmp_path)
    site.write_answers(provider="openshift")
    try:
        # nothing acts on routes here: the test itself says what a router would
        program("run", *site.words, "--no-wait")
        assert "<title>WordPress &rsaquo; Installation</title>" in fetch(site.url)
        path = f"/apis/route.openshift.io/v1/namespaces/{site.namespace}/routes/wordpress"
        admitted = {"host": "blog.example.com", "conditions": [{"type": "Admitted", "status": "True"}]}
        says = {"status": {"ingress": [admitted]}}
        openshift.call("PATCH", f"{path}/status", says, kind="application/merge-patch+json")
        assert "nothing to do" in site.run()
        assert "https://blog.example.com" in program("status", site.name)
        program("uninstall", site.name, "--purge-data")
        assert site.held(*KINDS, "deployments", "replicasets") == set()
        with pytest.raises(RefusedError, match="404"):
            openshift.call("GET", path)
    finally:
        site.remove()


def test_helloapache_runs_from_its_folder(
    program: Program, cluster: Cluster, namespace: str, sample_images_in_cluster: dict[str, str]
) -> None:
    name = f"hello-{uuid.uuid4().hex[:8]}"
    port = free_node_port(cluster)
    words = ("-p", f"images={cluster.registry}/samples", "-p", f"helloapache:node_port={port}")
    folder = str(ROOT / "samples" / "helloapache")
    program("run", folder, *words, "--provider", "kubernetes", "--namespace", namespace, "--name", name)
    try:
        assert "It works!" in fetch(f"http://127.0.0.1:{port}/")
    finally:
        program("uninstall", name)
    assert cluster.call("GET", f"/apis/apps/v1/namespaces/{namespace}/deployments")["items"] == []


def test_what_init_makes_runs_and_is_updated(
    program: Program, cluster: Cluster, namespace: str, sample_images: dict[str, str], tmp_path: Path
) -> None:
    name = f"fresh-{uuid.uuid4().hex[:8]}"
    folder = str(tmp_path / name)
    program("init", name, "--destination", folder)
    words = (folder, "--provider", "kubernetes", "--namespace", namespace, "-p")
    first, second = (cluster.push(sample_images["httpd"], f"samples/httpd:{tag}") for tag in (1, 2))
    program("run", *words, f"{name}:image={first}", "--name", name)
    try:
        service = cluster.call("GET", f"/api/v1/namespaces/{namespace}/services/{name}")
        url = f"http://127.0.0.1:{service['spec']['ports'][0]['nodePort']}/"
        assert "It works!" in fetch(url)
        program("run", *words, f"{name}:image={second}", "--name", name)
        assert "It works!" in fetch(url)
        assert second in {item["image"] for item in program.json("status", name)["resources"]}
    finally:
        program("uninstall", name)
    assert cluster.call("GET", f"/api/v1/namespaces/{namespace}/services")["items"] == []
