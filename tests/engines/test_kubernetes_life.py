"""Kinds of objects, and what goes wrong with them, on the real cluster."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from atomicapp.errors import EngineError
from atomicapp.model import DATA, KEEP, SHARED, STOPPED, Readiness, Ready, Target, Waiting
from atomicapp.planning import diff
from atomicapp.providers.kubernetes import config, scaling
from atomicapp.providers.kubernetes.client import Client, Refused
from tests.engines.cluster import CRDS, LABELS, Cluster, RefusedError
from tests.engines.kubernetes_apps import App, Body, body, deployment, template

pytestmark = [pytest.mark.engine, pytest.mark.slow]


@pytest.fixture
def app(cluster: Cluster, namespace: str) -> Iterator[App]:
    found = App(cluster, namespace)
    yield found
    found.uninstall()


def refused(app: App, *bodies: dict[str, object], timeout: float = 120) -> EngineError:
    with pytest.raises(EngineError) as caught:
        app.run(*bodies, timeout=timeout)
    assert caught.value.component == "web"
    assert str(caught.value.position).startswith("web.yaml:")
    return caught.value


def definition_of(kind: str, group: str, **version: object) -> Body:
    """A kind of objects with any fields, in the namespace; `version` adds to what is said of its only version."""
    plural = f"{kind.lower()}s"
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    spec = {
        "group": group,
        "scope": "Namespaced",
        "names": {"kind": kind, "plural": plural},
        "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema, **version}],
    }
    name, labels = f"{plural}.{group}", {"labels": LABELS}
    return body("CustomResourceDefinition", name, "apiextensions.k8s.io/v1", metadata=labels, spec=spec)


def test_a_definition_and_its_objects_in_one_app(cluster: Cluster, app: App) -> None:
    group = f"g{uuid.uuid4().hex[:8]}.example.com"
    definition = definition_of("Widget", group)
    widget = body("Widget", "w", f"{group}/v1", spec={"size": 1})
    assert set(app.run(widget, definition)) == {
        f"{group}/Widget/w",
        f"apiextensions.k8s.io/CustomResourceDefinition/widgets.{group}",
    }
    assert {step.op for step in app.plan(widget, definition)} == {KEEP}
    # another deployment shares the definition, and leaves it
    other = App(cluster, app.target.namespace)
    lifetimes = {step.kind: step.existing and step.existing.lifetime for step in other.plan(definition)}
    assert lifetimes == {"CustomResourceDefinition": SHARED}
    # what others made of it would go with it
    objects = f"/apis/{group}/v1/namespaces/{app.target.namespace}/widgets"
    cluster.call("POST", objects, {"apiVersion": f"{group}/v1", "kind": "Widget", "metadata": {"name": "others"}})
    app.uninstall()
    assert [item["metadata"]["name"] for item in cluster.call("GET", objects)["items"]] == ["others"]
    cluster.call("DELETE", f"{objects}/others")
    app.uninstall()
    with pytest.raises(RefusedError, match="404"):
        cluster.call("GET", f"{CRDS}/widgets.{group}")


def test_stop_remembers_the_count_and_what_was_added_by_the_server_is_no_change(
    cluster: Cluster, app: App, busybox_in_cluster: str
) -> None:
    objects = (
        body("Secret", "s", stringData={"password": "one"}),
        body("ConfigMap", "c", data={"a": "b"}),
        body("Service", "web", spec={"selector": {"app": "web"}, "ports": [{"port": 80}]}),
        deployment("web", busybox_in_cluster, replicas=2),
    )
    app.run(*objects)
    assert {step.op for step in app.plan(*objects)} == {KEEP}
    path = f"/apis/apps/v1/namespaces/{app.target.namespace}/deployments/web"
    app.carry_out(diff.stop(app.held().values()))
    assert cluster.call("GET", path)["spec"]["replicas"] == 0
    assert app.held()["apps/Deployment/web"].state == STOPPED
    app.carry_out(diff.start(app.held().values()))
    found = cluster.call("GET", path)
    assert found["spec"]["replicas"] == 2
    assert "io.atomicapp.replicas" not in found["metadata"]["annotations"]


def unwilling(kind: str, image: str) -> Body:
    """A workload whose pod ends only when its grace period is over."""
    found = deployment("web", image, "trap '' TERM; while :; do sleep 1; done")
    found.update(kind=kind)
    if kind == "StatefulSet":
        found["spec"]["serviceName"] = "web"
    found["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = 5
    return found


@pytest.mark.parametrize("kind", ["StatefulSet", "Deployment"])
def test_stop_waits_until_the_pods_have_ended(cluster: Cluster, app: App, kind: str, busybox_in_cluster: str) -> None:
    app.run(unwilling(kind, busybox_in_cluster))
    app.carry_out(diff.stop(app.held().values()))
    assert cluster.call("GET", f"/api/v1/namespaces/{app.target.namespace}/pods")["items"] == []


@pytest.mark.parametrize(("kind", "pod"), [("StatefulSet", "pod web-0"), ("Deployment", "pod web-")])
def test_what_does_not_stop_is_named(
    app: App, kind: str, pod: str, busybox_in_cluster: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    app.run(unwilling(kind, busybox_in_cluster))
    monkeypatch.setattr(scaling, "STOPPED_WITHIN", -4.0)
    with pytest.raises(EngineError) as caught:
        app.carry_out(diff.stop(app.held().values()))
    assert f"{kind} web has not stopped after 1 s: {pod}" in caught.value.message
    assert " on node node1 was told to end by " in caught.value.message
    assert "(grace period 5 s); container main still runs" in caught.value.message
    assert app.held()[f"apps/{kind}/web"].state == STOPPED


def test_a_changed_secret_is_shown_without_its_values(app: App) -> None:
    app.run(body("Secret", "s", stringData={"password": "one"}))
    step = next(iter(app.plan(body("Secret", "s", stringData={"password": "two"}))))
    assert step.op == "update"
    assert [tuple(change) for change in step.changes] == [("data/password", "(hidden)", "(hidden)")]


def test_what_can_not_be_changed_is_made_anew(app: App, busybox_in_cluster: str) -> None:
    def job(script: str) -> dict[str, object]:
        made = template("job", busybox_in_cluster, script)
        made["spec"]["restartPolicy"] = "Never"
        return body("Job", "job", "batch/v1", spec={"template": made, "backoffLimit": 0})

    app.run(job("true"))
    assert app.run(job("echo again")) == {"batch/Job/job": "replace"}
    error = refused(app, job("echo boom; exit 4"))
    assert "exit code 4" in error.message
    assert "boom" in error.log_tail


def test_fields_of_others_are_left_to_them(cluster: Cluster, app: App) -> None:
    app.run(body("ConfigMap", "c", data={"a": "1"}))
    path = f"/api/v1/namespaces/{app.target.namespace}/configmaps/c?fieldManager=someone"
    cluster.call("PATCH", path, {"data": {"a": "2"}}, kind="application/merge-patch+json")
    error = refused(app, body("ConfigMap", "c", data={"a": "3"}))
    assert "data.a (owned by someone" in error.message


def test_an_object_of_any_kind_is_ready_by_its_condition(cluster: Cluster, app: App) -> None:
    group = f"g{uuid.uuid4().hex[:8]}.example.com"
    definition = definition_of("Tank", group, subresources={"status": {}})
    objects = (definition, body("Tank", "t", f"{group}/v1", spec={"size": 1}))
    app.run(*objects)
    path = f"/apis/{group}/v1/namespaces/{app.target.namespace}/tanks/t/status"

    def ready(status: str, message: str = "") -> Readiness:
        condition = {"type": "Ready", "status": status, "message": message}
        patch = {"status": {"conditions": [condition]}}
        cluster.call("PATCH", path, patch, kind="application/merge-patch+json")
        (tank,) = (step.resource for step in app.plan(*objects) if step.kind == "Tank")
        assert tank is not None
        with app.session() as session:
            return session.ready(tank)

    assert ready("False", "still filling") == Waiting("not ready: still filling")
    assert ready("True") == Ready("ready")


def test_a_balancer_waits_for_what_it_leads_to(app: App) -> None:
    spec = {"type": "LoadBalancer", "selector": {"app": "nothing"}, "ports": [{"port": 80}]}
    assert "no pod that it leads to is ready" in refused(app, body("Service", "lb", spec=spec), timeout=2).message


def test_a_volume_of_the_app_is_kept_with_its_claim(cluster: Cluster, app: App, tmp_path: Path) -> None:
    name = f"test-{uuid.uuid4().hex[:8]}"
    common = {"accessModes": ["ReadWriteOnce"], "storageClassName": ""}
    capacity, folder = {"storage": "1Mi"}, {"path": str(tmp_path), "type": "Directory"}
    volume = {**common, "capacity": capacity, "hostPath": folder, "persistentVolumeReclaimPolicy": "Retain"}
    claim = {**common, "volumeName": name, "resources": {"requests": capacity}}
    objects = (
        body("PersistentVolume", name, metadata={"labels": LABELS}, spec=volume),
        body("PersistentVolumeClaim", "data", spec=claim),
    )
    app.run(*objects)
    app.carry_out(diff.uninstall(app.held().values(), purge_data=False))
    assert {item.lifetime for item in app.held().values()} == {DATA}
    assert {step.op for step in app.plan(*objects)} == {KEEP}
    app.uninstall()
    assert app.held() == {}


def test_what_belongs_to_nobody_is_not_taken(cluster: Cluster, app: App) -> None:
    path = f"/api/v1/namespaces/{app.target.namespace}/configmaps"
    cluster.call("POST", path, {"metadata": {"name": "c"}})
    error = refused(app, body("ConfigMap", "c", data={"a": "3"}))
    assert "is there already" in error.message
    assert "not made by Atomic App" in error.message


@pytest.mark.parametrize(
    ("version", "kind", "hint"),
    [("apps/v1", "Deploymnt", "Deployment"), ("apps/v9", "Deployment", "apps/v1"), ("x.y/v1", "Qqqqqq", "operator")],
)
def test_an_unknown_kind(app: App, version: str, kind: str, hint: str) -> None:
    error = refused(app, body(kind, "a", version))
    assert f"no kind {kind} in apiVersion {version}" in error.message
    assert hint in error.hint


def test_an_image_that_is_not_there(cluster: Cluster, app: App) -> None:
    error = refused(app, deployment("web", f"{cluster.registry}/none:1"), timeout=120)
    assert f"{cluster.registry}/none:1" in error.message
    assert "image" in error.message


def test_what_no_node_takes(app: App, busybox_in_cluster: str) -> None:
    huge = {"requests": {"cpu": "1000"}}
    error = refused(app, deployment("web", busybox_in_cluster, resources=huge), timeout=10)
    assert "Insufficient cpu" in error.message


def test_a_probe_that_fails(app: App, busybox_in_cluster: str) -> None:
    probe = {"exec": {"command": ["sh", "-c", "echo not yet; exit 1"]}, "periodSeconds": 1}
    error = refused(app, deployment("web", busybox_in_cluster, readinessProbe=probe), timeout=20)
    assert "not yet" in error.message


def test_a_quota_that_is_used_up(cluster: Cluster, app: App, busybox_in_cluster: str) -> None:
    core = f"/api/v1/namespaces/{app.target.namespace}"
    hard = {"hard": {"pods": "0", "count/configmaps": "1"}}
    cluster.call("POST", f"{core}/resourcequotas", {"metadata": {"name": "q"}, "spec": hard})
    cluster.until(f"{core}/resourcequotas/q", lambda found: found.get("status", {}).get("used"))
    assert "exceeded quota" in refused(app, deployment("web", busybox_in_cluster)).message
    assert "quota is used up" in refused(app, body("ConfigMap", "one"), body("ConfigMap", "two")).message


def test_an_account_of_few_rights(cluster: Cluster, namespace: str) -> None:
    token = cluster.make_account(namespace, {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list"]})
    few = App(cluster, namespace, auth=token)
    core = f"/api/v1/namespaces/{namespace}/configmaps"

    def reads(found: object) -> bool:
        try:
            return bool(cluster.call("GET", core, token=token))
        except RefusedError:
            return False

    cluster.until(f"/api/v1/namespaces/{namespace}", reads)
    error = refused(few, body("ConfigMap", "c"))
    assert "forbidden" in error.message
    assert "patch configmaps" in error.hint
    with pytest.raises(EngineError, match="secrets is forbidden"):
        few.run(body("Secret", "s"))
    nobody = App(cluster, namespace, auth="wrong")
    with pytest.raises(EngineError, match="401"):
        nobody.held()


def test_a_namespace_that_is_absent_or_goes(cluster: Cluster) -> None:
    absent = App(cluster, f"none-{uuid.uuid4().hex[:8]}")
    assert "there is no namespace" in refused(absent, body("ConfigMap", "c")).message
    name = cluster.make_namespace()
    finalized = {"metadata": {"name": "holds", "finalizers": ["example.com/held"]}}
    cluster.call("POST", f"/api/v1/namespaces/{name}/configmaps", finalized)
    cluster.remove_namespace(name)
    try:
        assert "is being removed" in refused(App(cluster, name), body("ConfigMap", "c")).message
    finally:
        free = {"metadata": {"finalizers": None}}
        cluster.call("PATCH", f"/api/v1/namespaces/{name}/configmaps/holds", free, kind="application/merge-patch+json")


def test_a_namespace_of_the_app_goes_unless_others_use_it(cluster: Cluster) -> None:
    name = f"test-{uuid.uuid4().hex[:8]}"
    app, core = App(cluster, name), f"/api/v1/namespaces/{name}"
    objects = (body("Namespace", name, metadata={"labels": LABELS}), body("ConfigMap", "c"))
    app.run(*objects)
    cluster.call("POST", f"{core}/configmaps", {"metadata": {"name": "others"}})
    app.uninstall()
    assert cluster.call("GET", core)["status"]["phase"] == "Active"
    assert list(app.held()) == [f"Namespace/{name}"]
    cluster.call("DELETE", f"{core}/configmaps/others")
    app.uninstall()
    with pytest.raises(RefusedError, match="404"):
        cluster.call("GET", core)


def test_the_ways_to_the_server(cluster: Cluster, namespace: str) -> None:
    for context in ("tests", "certificate"):
        by_file = App(cluster, namespace, api="", auth="", cafile="", config=str(cluster.kubeconfig), context=context)
        assert by_file.held() == {}
    with pytest.raises(EngineError, match="is not trusted"):
        App(cluster, namespace, cafile="").held()
    with pytest.raises(EngineError, match="Connection refused"):
        App(cluster, namespace, api="https://127.0.0.1:9").held()


def test_two_deployments_of_one_app(cluster: Cluster, app: App) -> None:
    other = App(cluster, cluster.make_namespace())
    try:
        for each in (app, other):
            each.run(body("ConfigMap", "c"))
        with app.session() as session:
            names = set(session.observe_all())
        assert {app.target.app, other.target.app} <= names
        other.uninstall()
        assert list(app.held()) == ["ConfigMap/c"]
    finally:
        cluster.remove_namespace(other.target.namespace)


def test_the_account_of_the_pod_that_we_run_in(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    rule = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list"]}
    (tmp_path / "token").write_text(cluster.make_account(namespace, rule) + "\n")
    (tmp_path / "ca.crt").write_text(cluster.cafile.read_text())
    host, _, port = cluster.server.removeprefix("https://").rpartition(":")
    environ = {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port}
    access = config.find(Target("app", namespace), environ, tmp_path, in_cluster=tmp_path)
    with contextlib.closing(Client(access)) as client:

        def listed(_: object) -> bool:
            try:
                return bool(client.get(f"/api/v1/namespaces/{namespace}/configmaps")["items"])
            except Refused:  # the right comes a moment after the account
                return False

        cluster.until(f"/api/v1/namespaces/{namespace}", listed)
        with pytest.raises(Refused, match="system:serviceaccount"):
            client.get(f"/api/v1/namespaces/{namespace}/secrets")
