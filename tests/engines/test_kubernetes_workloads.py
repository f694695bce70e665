"""Workloads of every kind: when they are ready, what they log, and how few requests a run without changes makes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from atomicapp.errors import EngineError, UsageError
from atomicapp.model import KEEP
from atomicapp.planning import diff
from tests.engines.cluster import Cluster
from tests.engines.kubernetes_apps import App, body, deployment, template

pytestmark = [pytest.mark.engine, pytest.mark.slow]


@pytest.fixture
def app(cluster: Cluster, namespace: str) -> Iterator[App]:
    found = App(cluster, namespace)
    yield found
    found.uninstall()


def pod(name: str, image: str, script: str, **spec: Any) -> dict[str, Any]:
    made = template(name, image, script)
    return body("Pod", name, spec={**made["spec"], **spec})


def test_every_kind_of_workload_gets_ready_and_is_removed(cluster: Cluster, app: App, busybox_in_cluster: str) -> None:
    def of(name: str, script: str = "sleep 1000", **spec: Any) -> dict[str, Any]:
        return {"template": template(name, busybox_in_cluster, script), **spec}

    def selected(name: str) -> dict[str, Any]:
        return {"selector": {"matchLabels": {"app": name}}}

    task = of("task", "echo done")
    task["template"]["spec"]["restartPolicy"] = "Never"
    cron = of("cron", "true")
    cron["template"]["spec"]["restartPolicy"] = "Never"
    objects = (
        body("StatefulSet", "set", "apps/v1", spec={**of("set"), **selected("set"), "serviceName": "set"}),
        body("DaemonSet", "all", "apps/v1", spec={**of("all"), **selected("all")}),
        body("ReplicaSet", "rs", "apps/v1", spec={**of("rs"), **selected("rs")}),
        body("ReplicationController", "rc", spec={**of("rc"), "selector": {"app": "rc"}}),
        body("Job", "task", "batch/v1", spec=task),
        body("CronJob", "cron", "batch/v1", spec={"schedule": "0 0 1 1 *", "jobTemplate": {"spec": cron}}),
        pod("alone", busybox_in_cluster, "sleep 1000"),
        body("Service", "lb", spec={"type": "LoadBalancer", "selector": {"app": "rc"}, "ports": [{"port": 80}]}),
    )
    app.run(*objects, timeout=120)
    assert {step.op for step in app.plan(*objects)} == {KEEP}
    app.carry_out(diff.stop(app.held().values()))
    held = app.held()
    stopped = {item.name for item in held.values() if item.state == "stopped"}
    assert {"set", "rs", "rc", "cron", "all", "alone"} <= stopped
    app.carry_out(diff.start(app.held().values()))
    assert {item.name for item in app.held().values() if item.state == "stopped"} == set()
    app.uninstall()
    assert app.held() == {}


def test_a_pod_that_fails_is_told_with_its_log(app: App, busybox_in_cluster: str) -> None:
    with pytest.raises(EngineError) as caught:
        app.run(pod("once", busybox_in_cluster, "echo boom; exit 5", restartPolicy="Never"))
    assert "exit code 5" in caught.value.message
    assert caught.value.log_tail == ("boom",)
    assert app.run(pod("once", busybox_in_cluster, "exit 0", restartPolicy="Never")) == {"Pod/once": "replace"}


def test_a_command_that_is_not_there(app: App, busybox_in_cluster: str) -> None:
    with pytest.raises(EngineError) as caught:
        app.run(deployment("web", busybox_in_cluster, command=["/none"]), timeout=120)
    assert "can't be started" in caught.value.message
    assert "/none" in caught.value.message


def test_a_config_that_is_missing(app: App, busybox_in_cluster: str) -> None:
    source = [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "absent", "key": "a"}}}]
    with pytest.raises(EngineError, match=r'secret "absent" not found'):
        app.run(deployment("web", busybox_in_cluster, env=source))


def test_logs_of_all_pods_followed(app: App, busybox_in_cluster: str) -> None:
    app.run(deployment("web", busybox_in_cluster, "echo one; sleep 2; echo two; sleep 1000", replicas=2))
    with app.session() as session:
        existing = app.held()["apps/Deployment/web"]
        lines = session.logs(existing, tail=None, follow=True, since="1h")
        found = [next(lines) for _ in range(4)]
        assert sorted(line.text for line in found) == ["one", "one", "two", "two"]
        assert len({line.name for line in found}) == 2
        assert all(line.time for line in found)
        assert len(list(session.logs(existing, tail=1, follow=False, since=""))) == 2
        with pytest.raises(UsageError):
            list(session.logs(existing, tail=1, follow=False, since="soon"))
        assert not list(
            session.logs(existing._replace(key="Service/x", kind="Service"), tail=1, follow=False, since="")
        )


def test_a_claim_without_a_volume_says_so(app: App) -> None:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "900Gi"}}, "storageClassName": ""}
    with pytest.raises(EngineError, match="no volume yet"):
        app.run(body("PersistentVolumeClaim", "data", spec=spec), timeout=3)


def test_a_field_that_the_kind_does_not_know(app: App) -> None:
    with pytest.raises(EngineError, match="a field that its kind does not know"):
        app.run(body("ConfigMap", "c", dta={"a": "b"}))


def test_a_server_that_is_no_kubernetes(app: App, cluster: Cluster) -> None:
    registry = App(cluster, "default", api=f"http://{cluster.registry}")
    with pytest.raises(EngineError) as caught:
        registry.held()
    assert "is no Kubernetes API" in caught.value.message
