"""Compose files on a real cluster: what is written is taken by the server, and a small app really runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from atomicapp.emit import emit
from atomicapp.providers.kubernetes.writer import Around, write
from atomicapp.providers.openshift import routes
from tests.compose.files import NAMES, read_input
from tests.engines.cluster import Cluster, RefusedError
from tests.engines.program import Program
from tests.engines.recording_proxy import RecordingProxy, recording
from tests.engines.samples import fetch

pytestmark = [pytest.mark.engine, pytest.mark.slow]

PATHS = {
    "v1": "/api/v1",
    "apps/v1": "/apis/apps/v1",
    "batch/v1": "/apis/batch/v1",
    "networking.k8s.io/v1": "/apis/networking.k8s.io/v1",
    "route.openshift.io/v1": "/apis/route.openshift.io/v1",
}
PLURALS = {"NetworkPolicy": "networkpolicies"}


@pytest.fixture(scope="module")
def space(cluster: Cluster) -> Iterator[str]:
    """A namespace that the tests of this file share, for nothing stays in it."""
    name = cluster.make_namespace()
    yield name
    cluster.remove_namespace(name)


def refusals(cluster: Cluster, namespace: str, bodies: list[dict[str, object]]) -> list[str]:
    """What the server says against objects in its dry run, where fields that it doesn't know count."""
    found = []
    for body in bodies:
        kind, name = str(body["kind"]), body["metadata"]["name"]  # type: ignore[index]
        plural = PLURALS.get(kind, f"{kind.lower()}s")
        path = f"{PATHS[str(body['apiVersion'])]}/namespaces/{namespace}/{plural}/{name}"
        query = "dryRun=All&fieldManager=tests&fieldValidation=Strict&force=true"
        try:
            cluster.call("PATCH", f"{path}?{query}", body, kind="application/apply-patch+yaml")
        except RefusedError as refused:
            found.append(f"{kind} {name}: {refused}")
    return found


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("waiting", [False, True])
def test_the_server_takes_what_is_written(cluster: Cluster, space: str, name: str, waiting: bool) -> None:
    written = write(read_input(name, ("*",)), Around("" if waiting else "an app", waiting=waiting))
    assert written.issues == ()
    bodies = [yaml.safe_load(emit(item.body)) for item in written.objects]
    assert bodies == [item.body for item in written.objects]
    assert refusals(cluster, space, bodies) == []


@pytest.mark.parametrize("name", ["blog", "proxy", "shop", "voting"])
def test_openshift_takes_what_is_written_for_it(openshift: Cluster, space: str, name: str) -> None:
    written = routes.write(read_input(name, ("*",)), Around("an app"))
    assert any(item.body["kind"] == "Route" for item in written.objects) == (name != "proxy")
    assert refusals(openshift, space, [item.body for item in written.objects]) == []


def test_the_dry_run_refuses_what_the_server_does_not_know(cluster: Cluster, space: str) -> None:
    body: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "dada": {}}
    (refusal,) = refusals(cluster, space, [body])
    assert "dada" in refusal


# ---------------------------------------------------------------- an app that runs

NULECULE = """\
specversion: 0.0.2
id: shop
params:
  - {name: password, default: a-word-for-db, hidden: true}
  - {name: greeting, default: good morning}
graph:
  - name: shop
    artifacts: {compose: ["file://compose.yaml"]}
"""
# the page of web tells that all parts came, and in their order: it is made when web starts
COMPOSE = """\
services:
  web:
    image: %(image)s
    command: [sh, -ec, "cat /greeting.txt /run/secrets/key >/www/index.html; echo >>/www/index.html; wget -O - http://store:8081/up >>/www/index.html;
      hostname >>/www/index.html; exec httpd -f -p 8080 -h /www"]
    user: "0"
    hostname: front
    configs: [{source: greeting, target: /greeting.txt}]
    secrets: [key]
    ports: ["8080"]
    read_only: false
    tmpfs: ["/tmp:size=1m"]
    healthcheck: {test: "wget -O /dev/null http://localhost:8080/", interval: 1s}
    depends_on:
      db: {condition: service_healthy}
      seed: {condition: service_completed_successfully}
    cap_drop: [MKNOD]
    stop_grace_period: 1s
  seed:
    image: %(image)s
    command: [sh, -ec, "wget -O - http://db:8081/up | grep $$WORD; sleep 2"]
    environment: {WORD: "${password}"}
    depends_on: {db: {condition: service_healthy}}
  db:
    image: %(image)s
    command: [sh, -ec, "sleep 3; echo up $$WORD >/data/up; exec httpd -f -p 8081 -h /data"]
    environment: {WORD: "of ${password}"}
    volumes: ["data:/data"]
    networks: {default: {aliases: [store]}}
    healthcheck: {test: [CMD, test, -e, /data/up], interval: 1s}
    mem_limit: 64m
    cpus: 0.5
    stop_grace_period: 1s
  side:
    image: %(image)s
    network_mode: service:web
    command: [sh, -ec, "until wget -O /dev/null http://localhost:8080/; do sleep 1; done; touch /tmp/seen; exec sleep 1000"]
    healthcheck: {test: [CMD, test, -e, /tmp/seen], interval: 1s}
configs: {greeting: {content: "%(greeting)s\\n"}}
secrets: {key: {environment: password}}
volumes: {data: {labels: {io.atomicapp.kubernetes.storage-class: ""}}}
"""


class Shop:
    """The app on the cluster, behind a recording proxy."""

    def __init__(self, folder: Path, cluster: Cluster, proxy: RecordingProxy, namespace: str, image: str) -> None:
        self.folder, self.cluster, self.proxy, self.namespace, self.image = folder, cluster, proxy, namespace, image
        self.program = Program(folder / "state")
        (folder / "app").mkdir()
        (folder / "app" / "Nulecule").write_text(NULECULE)
        self.write("${greeting}")

    def write(self, greeting: str) -> None:
        (self.folder / "app" / "compose.yaml").write_text(COMPOSE % {"image": self.image, "greeting": greeting})

    def do(self, verb: str, *more: str) -> str:
        where = (
            "--namespace",
            self.namespace,
            "--provider-api",
            self.proxy.host,
            "--provider-auth",
            self.cluster.token,
        )
        what = (
            (str(self.folder / "app"), "--provider", "kubernetes", "--name", "shop")
            if verb in ("run", "plan")
            else ("shop",)
        )
        return self.program(verb, *what, *where, *more)

    def held(self, group: str, plural: str) -> dict[str, Any]:
        found = self.cluster.call("GET", f"{group}/namespaces/{self.namespace}/{plural}")["items"]
        return {item["metadata"]["name"]: item for item in found if item["metadata"]["name"] != "kube-root-ca.crt"}

    def page(self) -> str:
        (port,) = self.held("/api/v1", "services")["web-published"]["spec"]["ports"]
        return fetch(f"http://{self.cluster.node_ip}:{port['nodePort']}/")


@pytest.fixture
def shop(tmp_path: Path, cluster: Cluster, namespace: str, volume: str, busybox_in_cluster: str) -> Iterator[Shop]:
    with recording(cluster.server, cafile=cluster.cafile) as proxy:
        yield Shop(tmp_path, cluster, proxy, namespace, busybox_in_cluster)


def test_an_app_runs_is_changed_and_goes(shop: Shop) -> None:
    shop.do("run")
    assert shop.page().splitlines() == ["good morning", "a-word-for-db", "up of a-word-for-db", "front"]
    assert set(shop.held("/apis/apps/v1", "statefulsets")) == {"db"}
    assert set(shop.held("/apis/apps/v1", "deployments")) == {"web"}
    ended = shop.held("/apis/batch/v1", "jobs")["seed"]["status"]["completionTime"]
    web = next(pod for name, pod in shop.held("/api/v1", "pods").items() if name.startswith("web-"))
    assert ended <= web["metadata"]["creationTimestamp"]

    # nothing is written by a plan, nor by a second run
    before = len(shop.proxy.requests)
    shop.do("plan")
    shop.do("run")
    changing = [item for item in shop.proxy.requests[before:] if item.writes and "dryRun=All" not in item.path]
    assert changing == []

    # a changed config rolls who reads it, and nobody else
    generations = {
        name: item["metadata"]["generation"] for name, item in shop.held("/apis/apps/v1", "statefulsets").items()
    }
    shop.write("good evening")
    plan = shop.do("plan")
    assert "a-word-for-db" not in plan
    shop.do("run")
    assert shop.page().splitlines()[0] == "good evening"
    after = {name: item["metadata"]["generation"] for name, item in shop.held("/apis/apps/v1", "statefulsets").items()}
    assert after == generations

    assert "shop" in shop.do("status")
    shop.do("uninstall")
    for group, plural in (
        *(("/api/v1", name) for name in ("services", "configmaps", "secrets", "pods")),
        *(("/apis/apps/v1", name) for name in ("deployments", "statefulsets")),
        ("/apis/batch/v1", "jobs"),
    ):
        assert shop.held(group, plural) == {}, plural
    assert set(shop.held("/api/v1", "persistentvolumeclaims")) == {"data"}


def test_what_convert_writes_comes_up_by_itself(
    cluster: Cluster, namespace: str, volume: str, busybox_in_cluster: str, tmp_path: Path
) -> None:
    (tmp_path / "compose.yaml").write_text(
        COMPOSE.replace("${greeting}", "hello") % {"image": busybox_in_cluster, "greeting": "hello"}
    )
    program = Program(tmp_path / "state", cwd=tmp_path)
    program("convert", "compose.yaml", "--to", "kubernetes", "--output", "out", "-p", "password=word")
    for path in sorted((tmp_path / "out").iterdir()):
        for body in yaml.safe_load_all(path.read_text()):
            plural = f"{body['kind'].lower()}s"
            cluster.call("POST", f"{PATHS[body['apiVersion']]}/namespaces/{namespace}/{plural}", body)
    web = cluster.until(f"{PATHS['apps/v1']}/namespaces/{namespace}/deployments/web", _all_ready)
    assert web["status"]["readyReplicas"] == 1
    pods = cluster.call("GET", f"/api/v1/namespaces/{namespace}/pods?labelSelector=app.kubernetes.io/name%3Dweb")[
        "items"
    ]
    (first,) = pods[0]["status"]["initContainerStatuses"]
    assert (first["name"], first["state"]["terminated"]["exitCode"]) == ("web-wait", 0)
    assert "waiting for db-ready" in cluster.text(
        f"/api/v1/namespaces/{namespace}/pods/{pods[0]['metadata']['name']}/log?container=web-wait"
    )


def _all_ready(item: Any) -> bool:
    return bool(item["status"].get("readyReplicas") == item["spec"]["replicas"])
