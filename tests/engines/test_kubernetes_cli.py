"""The verbs on the real cluster, by the program as a user runs it."""

from __future__ import annotations

import json
import signal
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engines.cluster import LABELS, Cluster, RefusedError
from tests.engines.kubernetes_apps import Body, body, deployment, template
from tests.engines.program import ATOMICAPP, Program

pytestmark = [pytest.mark.engine, pytest.mark.slow]

MERGE = "application/merge-patch+json"


class Package:
    """An app whose components are lists of objects, run by the program under a name of its own."""

    def __init__(self, folder: Path, cluster: Cluster, namespace: str) -> None:
        self.name = f"cli-{uuid.uuid4().hex[:8]}"
        self.folder = folder / "app"
        self.folder.mkdir()
        self.cluster = cluster
        self.namespace = namespace
        self.program = Program(folder / "state", env={"KUBECONFIG": str(cluster.kubeconfig)})
        self.engine = ("--provider", "kubernetes", "--namespace", namespace)

    def write(self, **components: list[Body]) -> None:
        graph = [{"name": name, "artifacts": {"kubernetes": [f"file://{name}.json"]}} for name in components]
        nulecule = {"specversion": "0.0.2", "id": "app", "graph": graph}
        (self.folder / "Nulecule").write_text(json.dumps(nulecule))
        for name, bodies in components.items():
            (self.folder / f"{name}.json").write_text(json.dumps({"kind": "List", "apiVersion": "v1", "items": bodies}))

    def run(self, *words: str) -> str:
        return self.program("run", str(self.folder), "--name", self.name, *self.engine, *words)

    def get(self, path: str) -> Any:
        return self.cluster.call("GET", path.replace("NS", f"namespaces/{self.namespace}"))

    def states(self) -> dict[str, str]:
        report = self.program.json("status", self.name)
        return {f"{item['kind']}/{item['name']}": item["state"] for item in report["resources"]}


@pytest.fixture
def package(tmp_path: Path, cluster: Cluster, namespace: str) -> Iterator[Package]:
    found = Package(tmp_path, cluster, namespace)
    yield found
    found.program.attempt("uninstall", found.name, *found.engine, "--purge-data")


def controller(name: str, image: str, replicas: int) -> Body:
    spec = {"replicas": replicas, "selector": {"app": name}, "template": template(name, image)}
    return body("ReplicationController", name, spec=spec)


def pod(name: str, image: str) -> Body:
    return body("Pod", name, metadata={"labels": {"app": name}}, spec=template(name, image)["spec"])


def test_scale_up_and_down_stays_until_the_artifact_changes(package: Package, busybox_in_cluster: str) -> None:
    package.write(web=[controller("web", busybox_in_cluster, 1)])
    package.run()
    assert package.program("scale", package.name, "web=3") == "web: ReplicationController web: 1 -> 3 replicas\n"
    found = package.get("/api/v1/NS/replicationcontrollers/web")
    assert (found["spec"]["replicas"], found["status"]["readyReplicas"]) == (3, 3)
    assert "nothing to do" in package.run(), "a run without changes leaves the count"
    package.program("stop", package.name)
    package.program("start", package.name)
    assert package.get("/api/v1/NS/replicationcontrollers/web")["spec"]["replicas"] == 3
    assert "3 -> 0" in package.program("scale", package.name, "web=0")
    assert package.program("scale", package.name, "web=0").endswith("it has these counts already\n")
    package.write(web=[controller("web", busybox_in_cluster, 2)])
    plan = package.program("plan", str(package.folder), "--name", package.name, *package.engine)
    assert "spec/replicas: 0 -> 2" in plan
    package.run()
    assert package.get("/api/v1/NS/replicationcontrollers/web")["spec"]["replicas"] == 2


def test_a_controller_that_does_not_roll_is_made_anew_with_its_pods(package: Package, busybox_in_cluster: str) -> None:
    package.write(web=[controller("web", busybox_in_cluster, 2)])
    package.run()
    changed = controller("web", busybox_in_cluster, 2)
    changed["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "COLOUR", "value": "green"}]
    package.write(web=[changed])
    plan = package.program("plan", str(package.folder), "--name", package.name, *package.engine)
    assert "replace ReplicationController web" in plan
    assert "containers/main/env/COLOUR/value: (absent) -> green" in plan
    package.run()
    pods = package.get("/api/v1/NS/pods")["items"]
    assert [pod["spec"]["containers"][0]["env"][0]["value"] for pod in pods] == ["green", "green"]


def test_a_rollout_that_fails_is_seen_in_the_status(package: Package, busybox_in_cluster: str) -> None:
    package.write(web=[deployment("web", busybox_in_cluster)])
    package.run()
    package.write(web=[deployment("web", f"{package.cluster.registry}/none:1")])
    done = package.program.attempt("run", str(package.folder), "--name", package.name, *package.engine)
    assert done.returncode == 1
    (found,) = package.program.json("status", package.name)["resources"]
    assert (found["state"], found["detail"].split(":")[0]) == ("unready", "1 of 1 ready, 1 of them outdated")
    assert "none:1" in found["detail"]


def test_stop_and_start_bring_bare_pods_and_daemon_sets_back(package: Package, busybox_in_cluster: str) -> None:
    spec = {"selector": {"matchLabels": {"app": "all"}}, "template": template("all", busybox_in_cluster)}
    objects = [pod("alone", busybox_in_cluster), body("DaemonSet", "all", "apps/v1", spec=spec)]
    package.write(web=objects)
    package.run()
    first = package.get("/api/v1/NS/pods/alone")
    package.program("stop", package.name)
    assert package.get("/api/v1/NS/pods")["items"] == []
    assert package.states() == {"Pod/alone": "stopped", "DaemonSet/all": "stopped"}
    assert package.program.json("status", package.name)["state"] == "stopped"

    package.program("start", package.name)
    assert package.states() == {"Pod/alone": "running", "DaemonSet/all": "running"}
    again = package.get("/api/v1/NS/pods/alone")
    assert again["metadata"]["uid"] != first["metadata"]["uid"]
    for field in ("command", "image", "name"):
        assert again["spec"]["containers"][0][field] == first["spec"]["containers"][0][field]
    assert again["metadata"]["labels"] == first["metadata"]["labels"]
    assert package.get("/api/v1/NS/podtemplates")["items"] == []
    assert "nothing to do" in package.run()

    package.program("stop", package.name)
    package.run()
    assert package.states() == {"Pod/alone": "running", "DaemonSet/all": "running"}, "run starts what was stopped"
    package.program("stop", package.name)
    package.program("uninstall", package.name)
    assert package.get("/api/v1/NS/podtemplates")["items"] == []


@pytest.mark.parametrize("volume", ["data-db-0"], indirect=True)
def test_the_claims_of_a_stateful_set_outlive_it_until_they_are_purged(
    package: Package, volume: str, busybox_in_cluster: str
) -> None:
    claim = {"accessModes": ["ReadWriteOnce"], "storageClassName": "", "resources": {"requests": {"storage": "1Gi"}}}
    spec = {
        "serviceName": "db",
        "selector": {"matchLabels": {"app": "db"}},
        "template": template("db", busybox_in_cluster),
        "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": claim}],
    }
    package.write(db=[body("StatefulSet", "db", "apps/v1", spec=spec)])
    package.run()
    assert "nothing to do" in package.run()
    out = package.program("uninstall", package.name)
    assert "kept because it holds data: PersistentVolumeClaim data-db-0" in out
    package.run()
    package.program("uninstall", package.name, "--purge-data")
    assert package.get("/api/v1/NS/persistentvolumeclaims")["items"] == []


def test_events_tell_of_the_pods_of_each_component(package: Package, busybox_in_cluster: str) -> None:
    package.write(
        web=[deployment("web", busybox_in_cluster)],
        bad=[deployment("bad", f"{package.cluster.registry}/none:1")],
    )
    done = package.program.attempt("run", str(package.folder), "--name", package.name, *package.engine)
    assert done.returncode == 1
    assert "none:1" in done.stderr
    package.cluster.call("POST", f"/api/v1/namespaces/{package.namespace}/pods", pod("webby", busybox_in_cluster))
    package.cluster.until(
        f"/api/v1/namespaces/{package.namespace}/pods/webby", lambda found: found["status"].get("startTime")
    )
    rows = [json.loads(line) for line in package.program("events", package.name, "-o", "json").splitlines()]
    assert {row["component"] for row in rows} == {"web", "bad"}
    assert {"ScalingReplicaSet", "Scheduled", "Started"} <= {row["reason"] for row in rows if row["component"] == "web"}
    assert not [row for row in rows if "webby" in row["subject"]], "what is not ours is not told"
    assert rows == sorted(rows, key=lambda row: row["time"])
    status = package.program.json("status", package.name)
    assert status["state"] == "unready"
    details = {item["name"]: item["detail"] for item in status["resources"]}
    assert details["web"] == "1 of 1 ready"
    assert "0 of 1 ready: can't get its image" in details["bad"]
    assert package.program.attempt("status", package.name, "--exit-code").returncode == 1
    warnings = package.program("events", package.name, "--warnings", "-c", "bad", "--since", "10m")
    assert "none:1" in warnings
    assert "Started" not in warnings


def test_events_are_followed_as_they_come(package: Package, busybox_in_cluster: str) -> None:
    package.write(web=[controller("web", busybox_in_cluster, 0)])
    package.run()
    words = [str(ATOMICAPP), "events", package.name, "--follow", "-o", "json"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, env=package.program.env, text=True) as following:
        try:
            package.program("scale", package.name, "web=1")
            assert following.stdout is not None
            for line in following.stdout:  # pytest's own timeout ends this when none comes
                if json.loads(line)["reason"] == "Started":
                    break
            assert json.loads(line)["component"] == "web"
            following.send_signal(signal.SIGINT)
            assert following.wait(timeout=30) == 130
        finally:
            following.kill()


def test_a_namespace_is_made_when_asked_and_goes_when_it_is_empty(tmp_path: Path, cluster: Cluster) -> None:
    name = f"test-{uuid.uuid4().hex[:8]}"
    package = Package(tmp_path, cluster, name)
    package.write(web=[body("ConfigMap", "c", data={"a": "b"})])
    refused = package.program.attempt("run", str(package.folder), "--name", package.name, *package.engine)
    assert refused.returncode == 1
    assert f"there is no namespace '{name}'" in refused.stderr
    assert "--create-namespace" in refused.stderr

    package.run("--create-namespace")
    try:
        labels = {"metadata": {"labels": LABELS}}
        cluster.call("PATCH", f"/api/v1/namespaces/{name}", labels, kind=MERGE)
        assert "nothing to do" in package.run("--create-namespace")
        assert "nothing to do" in package.run(), "a run without the option does not prune the namespace it stands in"
        cluster.call("POST", f"/api/v1/namespaces/{name}/configmaps", {"metadata": {"name": "others"}})
        out = package.program("uninstall", package.name)
        assert f"kept: Namespace {name}: it holds ConfigMap others" in out
        cluster.call("DELETE", f"/api/v1/namespaces/{name}/configmaps/others")
        package.program("uninstall", package.name, *package.engine)
        with pytest.raises(RefusedError, match="404"):
            cluster.call("GET", f"/api/v1/namespaces/{name}")
    finally:
        cluster.remove_namespace(name)


def test_a_namespace_of_others_is_used_and_left(package: Package) -> None:
    package.write(web=[body("ConfigMap", "c", data={"a": "b"})])
    package.run("--create-namespace")
    package.program("uninstall", package.name)
    assert package.get("/api/v1/NS")["status"]["phase"] == "Active"


def test_fields_of_others_are_taken_when_that_is_allowed(package: Package) -> None:
    package.write(web=[body("ConfigMap", "c", data={"a": "1"})])
    package.run()
    path = f"/api/v1/namespaces/{package.namespace}/configmaps/c"
    package.cluster.call("PATCH", f"{path}?fieldManager=someone", {"data": {"a": "2"}}, kind=MERGE)
    package.write(web=[body("ConfigMap", "c", data={"a": "3"})])
    refused = package.program.attempt("run", str(package.folder), "--name", package.name, *package.engine)
    assert refused.returncode == 1
    assert "data.a (owned by someone" in refused.stderr
    assert "--force-conflicts" in refused.stderr
    words = (str(package.folder), "--name", package.name, *package.engine, "--force-conflicts")
    assert "data/a: 2 -> 3" in package.program("plan", *words)
    assert package.get("/api/v1/NS/configmaps/c")["data"] == {"a": "2"}
    package.program("run", *words)
    assert package.get("/api/v1/NS/configmaps/c")["data"] == {"a": "3"}
    kept = json.loads(
        (Path(package.program.env["ATOMICAPP_HOME"]) / "deployments" / package.name / "record.json").read_text()
    )
    assert "force_conflicts" not in kept["target"], "it was allowed for one command"


def test_a_context_is_chosen_and_a_wrong_one_told(package: Package) -> None:
    package.write(web=[body("ConfigMap", "c")])
    package.run("--provider-context", "certificate")
    assert package.program.json("status", package.name)["state"] == "present"
    done = package.program.attempt("status", package.name, "--provider-context", "none")
    assert done.returncode == 1
    assert "holds no context named 'none'" in done.stderr
    assert "there is: certificate, tests" in done.stderr


def test_list_and_providers_know_the_cluster(package: Package) -> None:
    package.write(web=[body("ConfigMap", "c")])
    package.run()
    row = next(row for row in package.program.json("list") if row["name"] == package.name)
    assert row["provider"] == "kubernetes"
    found = package.program.json("providers", "--provider", "kubernetes")
    assert [(item["reachable"], item["endpoint"]) for item in found] == [("yes", package.cluster.server)]
    assert "Kubernetes v1.33" in found[0]["detail"]


def test_a_plan_tells_what_the_server_would_refuse_and_writes_nothing(package: Package) -> None:
    wrong = body("ConfigMap", "c", dta={"a": "b"})
    package.write(good=[body("ConfigMap", "a")], web=[wrong, body("Service", "s", spec={"ports": [{"port": 99999}]})])
    done = package.program.attempt("plan", str(package.folder), "--name", package.name, *package.engine)
    assert done.returncode == 1
    assert "web: ConfigMap c: it has a field that its kind does not know" in done.stderr
    assert "also: web: Service s: spec.ports[0].port: Invalid value: 99999" in done.stderr
    assert "web.json:1:" in done.stderr
    package.write(web=[body("ConfigMap", "c")])
    assert "create" in package.program("plan", str(package.folder), "--name", package.name, *package.engine)
    assert [item["metadata"]["name"] for item in package.get("/api/v1/NS/configmaps")["items"]] == ["kube-root-ca.crt"]
