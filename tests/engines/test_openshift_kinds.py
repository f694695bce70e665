"""OpenShift's own kinds: when they are ready and why they are not, stop and start, former names, projects.

No controller of OpenShift's runs here: what one would have written into a status, the tests write.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator

import pytest

from atomicapp.errors import EngineError
from atomicapp.model import CREATE, KEEP, RUNNING, STOPPED, Failed, Readiness, Ready, Waiting
from atomicapp.planning import diff
from tests.engines.cluster import LABELS, Cluster, RefusedError
from tests.engines.kubernetes_apps import Body, body, template
from tests.engines.openshift_apps import MERGE, OpenShiftApp, route

pytestmark = [pytest.mark.engine, pytest.mark.slow]


@pytest.fixture
def app(openshift: Cluster, namespace: str) -> Iterator[OpenShiftApp]:
    found = OpenShiftApp(openshift, namespace)
    yield found
    found.uninstall()


def settled(app: OpenShiftApp, *bodies: Body) -> Readiness:
    """The answer once it is no longer Waiting: pods take a while."""
    with app.session() as session:
        resource = list(app.wanted(*bodies).values())[-1]
        found = session.ready(resource)
        deadline = time.monotonic() + 60
        while isinstance(found, Waiting) and time.monotonic() < deadline:
            time.sleep(0.2)
            found = session.ready(resource)
        return found


# ---------------------------------------------------------------- Route


def admitted(status: str, **more: str) -> dict[str, object]:
    condition = {"type": "Admitted", "status": status, **more}
    return {"routerName": "default", "host": "web.apps.example.com", "conditions": [condition]}


def test_a_route_is_ready_when_a_router_has_taken_it(app: OpenShiftApp) -> None:
    wanted = route(path="/shop", tls={"termination": "edge"})
    app.run(wanted, wait=False)
    assert app.ready(wanted) == Waiting("no router has taken it yet")
    app.says("Route", "web", ingress=[admitted("True")])
    assert app.ready(wanted) == Ready("https://web.apps.example.com/shop")
    assert app.held()["route.openshift.io/Route/web"].ports == ("https://web.apps.example.com/shop",)
    assert app.run(wanted) == {}


def test_a_route_that_is_refused_says_why(app: OpenShiftApp) -> None:
    wanted = route(host="taken.example.com")
    app.run(wanted, wait=False)
    refused = admitted("False", reason="HostAlreadyClaimed", message="route other already exposes taken.example.com")
    app.says("Route", "web", ingress=[refused])
    said = "is refused by default: route other already exposes taken.example.com"
    assert app.ready(wanted) == Failed(said)
    with pytest.raises(EngineError, match="web: Route web is refused"):
        app.run(route(host="taken.example.com", path="/x"))
    # of several routers one is enough
    app.says("Route", "web", ingress=[refused, admitted("True")])
    assert isinstance(app.ready(wanted), Ready)


def test_a_route_of_the_former_api_is_one_of_its_group(app: OpenShiftApp) -> None:
    wanted = route(version="v1", host="web.example.com")
    assert app.run(wanted, wait=False) == {"route.openshift.io/Route/web": CREATE}
    assert app.cluster.call("GET", app.path("Route", "web"))["spec"]["host"] == "web.example.com"
    assert app.held()["route.openshift.io/Route/web"].ports == ("http://web.example.com",)
    assert {step.op for step in app.plan(wanted)} == {KEEP}
    app.uninstall()
    with pytest.raises(RefusedError, match="404"):
        app.cluster.call("GET", app.path("Route", "web"))


# ---------------------------------------------------------------- DeploymentConfig


def config(image: str, triggers: list[dict[str, object]] | None = None, replicas: int = 1) -> Body:
    spec: dict[str, object] = {"replicas": replicas, "selector": {"app": "web"}, "template": template("web", image)}
    if triggers is not None:
        spec["triggers"] = triggers
    return body("DeploymentConfig", "web", "apps.openshift.io/v1", spec=spec)


def rolled_out(app: OpenShiftApp, image: str, count: int = 1) -> None:
    """The pods that a deployer would have made, as an object that the test's namespace takes away."""
    pod = template("web", image)
    pod["metadata"]["labels"] |= {"deployment": "web-1"}
    spec = {"replicas": count, "selector": {"deployment": "web-1"}, "template": pod}
    path = f"/api/v1/namespaces/{app.target.namespace}/replicationcontrollers"
    app.cluster.call("POST", path, {"metadata": {"name": "web-1"}, "spec": spec})


def test_a_rollout_is_followed_to_its_end(app: OpenShiftApp, busybox_in_cluster: str) -> None:
    wanted = config(busybox_in_cluster, replicas=2)
    app.run(wanted, wait=False)
    assert app.ready(wanted) == Waiting("its change is not seen yet")
    app.says("DeploymentConfig", "web", latestVersion=0)
    assert app.ready(wanted) == Waiting("is not rolled out yet")
    rolled_out(app, busybox_in_cluster, 2)
    app.says("DeploymentConfig", "web", latestVersion=1, replicas=2, updatedReplicas=2, availableReplicas=1)
    controller = f"/api/v1/namespaces/{app.target.namespace}/replicationcontrollers/web-1"
    app.cluster.until(controller, lambda found: found["status"].get("readyReplicas") == 2)
    assert app.ready(wanted) == Waiting("1 of 2 available")
    app.says("DeploymentConfig", "web", latestVersion=1, replicas=2, updatedReplicas=2, availableReplicas=2)
    assert settled(app, wanted) == Ready("2 of 2 ready")


def test_a_rollout_that_fails_says_why(app: OpenShiftApp, busybox_in_cluster: str) -> None:
    wanted = config(busybox_in_cluster)
    app.run(wanted, wait=False)
    said = 'replication controller "web-1" has failed progressing'
    condition = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": said}
    app.says("DeploymentConfig", "web", latestVersion=1, conditions=[condition])
    assert app.ready(wanted) == Failed(f"its rollout has failed: {said}")
    assert app.held()["apps.openshift.io/DeploymentConfig/web"].state == "failed"


def test_pods_that_can_not_start_are_told(app: OpenShiftApp, openshift: Cluster) -> None:
    image = f"{openshift.registry}/test/absent:1"
    wanted = config(image)
    app.run(wanted, wait=False)
    rolled_out(app, image)
    app.says("DeploymentConfig", "web", latestVersion=1, replicas=1, updatedReplicas=1)
    found = settled(app, wanted)
    assert isinstance(found, Failed)
    assert f"can't get its image {image}" in found.reason


def test_what_a_deployment_waits_for_is_said(app: OpenShiftApp, busybox_in_cluster: str) -> None:
    source = {"automatic": True, "containerNames": ["main"], "from": {"kind": "ImageStreamTag", "name": "web:latest"}}
    change: dict[str, object] = {"type": "ImageChange", "imageChangeParams": source}
    wanted = config(busybox_in_cluster, [{"type": "ConfigChange"}, change])
    app.run(wanted, wait=False)
    app.says("DeploymentConfig", "web", latestVersion=0)
    assert app.ready(wanted) == Waiting("waits for the image web:latest of an image stream")
    by_hand = config(busybox_in_cluster, [])
    app.run(by_hand, wait=False)
    app.says("DeploymentConfig", "web", latestVersion=0)
    assert app.ready(by_hand) == Ready("has no trigger: `oc rollout latest` starts it")


@contextlib.contextmanager
def controller(app: OpenShiftApp) -> Iterator[None]:
    """Writes into the status of the configuration the count that its spec has, as OpenShift's controller would."""
    done = threading.Event()

    def act() -> None:
        while not done.wait(0.05):
            found = app.cluster.call("GET", app.path("DeploymentConfig", "web"))
            count = found["spec"]["replicas"]
            if (found.get("status") or {}).get("readyReplicas") != count:
                counts = dict.fromkeys(("replicas", "readyReplicas", "updatedReplicas", "availableReplicas"), count)
                app.says("DeploymentConfig", "web", latestVersion=1, **counts)

    thread = threading.Thread(target=act)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def test_a_deployment_configuration_is_stopped_started_and_scaled(app: OpenShiftApp, busybox_in_cluster: str) -> None:
    wanted = config(busybox_in_cluster, replicas=3)
    key, path = "apps.openshift.io/DeploymentConfig/web", app.path("DeploymentConfig", "web")
    app.run(wanted, wait=False)
    with controller(app):
        app.cluster.until(path, lambda found: (found.get("status") or {}).get("readyReplicas") == 3)
        assert (app.held()[key].state, app.held()[key].detail) == (RUNNING, "3 of 3 ready")
        app.carry_out(diff.stop(app.held().values()))
        assert app.held()[key].state == STOPPED
        assert app.cluster.call("GET", path)["spec"]["replicas"] == 0
        app.carry_out(diff.start(app.held().values()))
        assert app.cluster.call("GET", path)["spec"]["replicas"] == 3
        assert app.held()[key].state == RUNNING
        assert {step.op for step in app.plan(wanted)} == {KEEP}
        app.carry_out(diff.scale(app.held().values(), {key: 5}))
        assert app.held()[key].replicas == 5


# ---------------------------------------------------------------- ImageStream


def stream(*tags: dict[str, object]) -> Body:
    return body("ImageStream", "web", "image.openshift.io/v1", spec={"tags": list(tags)})


def tag(name: str, generation: int = 1) -> dict[str, object]:
    return {"name": name, "generation": generation, "from": {"kind": "DockerImage", "name": f"example.com/web:{name}"}}


def test_an_image_stream_is_ready_when_its_tags_are_there(app: OpenShiftApp) -> None:
    wanted = stream(tag("a"), tag("b"), {"name": "own"})
    app.run(wanted, wait=False)
    assert app.ready(wanted) == Waiting("its tag a (example.com/web:a) is not imported yet")
    image = [{"image": "sha256:0", "generation": 1}]
    app.says("ImageStream", "web", tags=[{"tag": "a", "items": image}])
    assert app.ready(wanted) == Waiting("its tag b (example.com/web:b) is not imported yet")
    app.says("ImageStream", "web", tags=[{"tag": "a", "items": image}, {"tag": "b", "items": image}])
    assert app.ready(wanted) == Ready("2 tags imported")
    empty = body("ImageStream", "empty", "image.openshift.io/v1", spec={})
    app.run(empty)
    assert app.ready(empty) == Ready()


def test_an_import_that_fails_says_why(app: OpenShiftApp) -> None:
    wanted = stream(tag("a", 2))
    app.run(wanted, wait=False)
    failed = {"type": "ImportSuccess", "status": "False", "reason": "NotFound", "message": "image not found"}
    app.says("ImageStream", "web", tags=[{"tag": "a", "items": None, "conditions": [{**failed, "generation": 1}]}])
    assert isinstance(app.ready(wanted), Waiting), "that was the import before the change"
    app.says("ImageStream", "web", tags=[{"tag": "a", "items": None, "conditions": [{**failed, "generation": 2}]}])
    assert app.ready(wanted) == Failed("can't import example.com/web:a as its tag a: image not found")


# ---------------------------------------------------------------- builds


def build(app: OpenShiftApp, number: int, phase: str, label: str = "buildconfig", **status: str) -> None:
    """A build that the configuration `web` would have started."""
    name = f"web-{number}"
    metadata = {"name": name, "labels": {label: "web"}, "annotations": {"openshift.io/build.number": str(number)}}
    made = {"apiVersion": "build.openshift.io/v1", "kind": "Build", "metadata": metadata, "spec": {}}
    app.cluster.call("POST", app.path("Build"), made)
    app.says("Build", name, phase=phase, **status)


def test_a_build_configuration_is_as_ready_as_its_last_build(app: OpenShiftApp) -> None:
    wanted = body("BuildConfig", "web", "v1", spec={"source": {"type": "Binary"}})
    app.run(wanted)
    assert app.ready(wanted) == Ready("no build yet")
    build(app, 9, "Failed", message="Generic Build failure - check logs for details.", logSnippet="one\nnpm ERR! two")
    said = "its build web-9 ended as Failed: Generic Build failure - check logs for details."
    assert app.ready(wanted) == Failed(said, ("one", "npm ERR! two"))
    build(app, 10, "Running")
    assert app.ready(wanted) == Waiting("its build web-10 is running")
    app.says("Build", "web-10", phase="Complete")
    assert app.ready(wanted) == Ready("build web-10 is complete")


def test_a_failed_build_shows_the_log_of_its_pod(app: OpenShiftApp, busybox_in_cluster: str) -> None:
    wanted = body("BuildConfig", "web", "build.openshift.io/v1", spec={})
    app.run(wanted)
    build(app, 1, "Cancelled", label="openshift.io/build-config.name", reason="CancelledBuild")
    assert app.ready(wanted) == Failed("its build web-1 ended as Cancelled: CancelledBuild", ())
    build(app, 2, "Failed", label="openshift.io/build-config.name", reason="DockerBuildFailed")
    core = f"/api/v1/namespaces/{app.target.namespace}/pods"
    made = template("b", busybox_in_cluster, "echo step 1; echo boom; exit 1")["spec"] | {"restartPolicy": "Never"}
    app.cluster.call("POST", core, {"metadata": {"name": "web-2-build"}, "spec": made})
    app.cluster.until(f"{core}/web-2-build", lambda pod: pod["status"].get("phase") == "Failed")
    found = app.ready(wanted)
    assert found == Failed("its build web-2 ended as Failed: DockerBuildFailed", ("step 1", "boom"))


# ---------------------------------------------------------------- projects and the server


def test_a_project_that_is_not_there_is_to_be_made_by_oc(openshift: Cluster) -> None:
    app = OpenShiftApp(openshift, "no-such-project")
    with pytest.raises(EngineError) as caught:
        app.run(route())
    assert "oc new-project no-such-project" in caught.value.hint
    with app.session() as session, pytest.raises(EngineError) as planned:
        session.check(tuple(app.wanted(route()).values()))
    assert planned.value.hint == caught.value.hint


def test_a_project_that_may_not_be_seen_may_not_be_there(openshift: Cluster, namespace: str) -> None:
    rule = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}
    token = openshift.make_account(namespace, rule)
    app = OpenShiftApp(openshift, "no-such-project", auth=token)
    with pytest.raises(EngineError) as caught:
        app.run(route())
    assert "if there is no such project yet, make it (`oc new-project no-such-project`)" in caught.value.hint


def test_the_version_of_openshift_is_told_to_those_who_may_know(openshift: Cluster, namespace: str) -> None:
    path = "/apis/config.openshift.io/v1/clusterversions"
    version = {"apiVersion": "config.openshift.io/v1", "kind": "ClusterVersion", "spec": {}}
    target = OpenShiftApp(openshift, namespace).target
    with contextlib.suppress(RefusedError):
        openshift.call("POST", path, {**version, "metadata": {"name": "version", "labels": LABELS}})
    try:
        history = [{"state": "Partial", "version": "4.16.1"}, {"state": "Completed", "version": "4.15.20"}]
        openshift.call("PATCH", f"{path}/version/status", {"status": {"history": history}}, kind=MERGE)
        found = OpenShiftApp.provider.reachable(target)
        assert found.ok
        assert found.detail.startswith("OpenShift 4.15.20 (Kubernetes v1.")
        token = openshift.make_account(namespace)
        assert OpenShiftApp.provider.reachable(target._replace(auth=token)).detail.startswith("Kubernetes v1.")
    finally:
        openshift.call("DELETE", f"{path}/version")
    assert OpenShiftApp.provider.reachable(target).detail.startswith("Kubernetes v1.")
