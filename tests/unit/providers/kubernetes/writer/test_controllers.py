"""What runs the pods of a service, how they are replaced, and who comes before whom."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.providers.kubernetes.writer.made import bodies, service, written

DATA = "volumes: {data: {}}\n"
OWN = "volumes: ['data:/data']"


@pytest.mark.parametrize(
    ("said", "rest", "kind"),
    [
        ("tty: true", "", "Deployment"),
        ("restart: always", "", "Deployment"),
        (OWN, DATA, "StatefulSet"),
        (f"{OWN}\nscale: 2", DATA, "Deployment"),
        ("volumes: ['data:/data:ro']", DATA, "Deployment"),
        (f"{OWN}\nhostname: fixed", DATA, "Deployment"),
        ("volumes: [/data]", "", "Deployment"),
        (OWN, DATA + "  # x\n", "StatefulSet"),
        ("deploy: {mode: global}", "", "DaemonSet"),
        ("deploy: {mode: replicated-job}", "", "Job"),
        ("deploy: {mode: global-job}", "", "Job"),
        ("restart: 'no'", "", "Job"),
        ("deploy: {restart_policy: {condition: none}}", "", "Job"),
        ("restart: 'no'\nports: ['80']", "", "Deployment"),
        ("restart: 'no'\nexpose: ['80']", "", "Deployment"),
        ("restart: 'no'\nhealthcheck: {test: [CMD, x]}", "", "Deployment"),
        ("restart: on-failure", "", "Deployment"),
        ("scale: 3\nvolumes: ['data:/data']", "volumes: {data: {name: 'data-{{.Task.Slot}}'}}\n", "StatefulSet"),
    ],
)
def test_kinds_of_workloads(said: str, rest: str, kind: str) -> None:
    found = service(said, rest)
    kinds = {key.partition("/")[0] for key in found} & {"Deployment", "StatefulSet", "DaemonSet", "Job"}
    assert kinds == {kind}


def test_what_another_one_waits_to_end_is_a_job() -> None:
    text = (
        "services:\n"
        "  web: {image: 'example/web:1', depends_on: {init: {condition: service_completed_successfully}}}\n"
        "  init: {image: 'example/web:1', command: [init], restart: 'on-failure:2'}\n"
    )
    found = written(text)
    assert found["Job/init"].body["spec"]["backoffLimit"] == 2
    assert found["Job/init"].body["spec"]["template"]["spec"]["restartPolicy"] == "OnFailure"
    assert (found["Deployment/web"].level, found["Deployment/web"].waits) == (2, ("init",))


def test_two_writers_of_a_volume_are_no_stateful_sets() -> None:
    text = (
        "services:\n"
        "  a: {image: 'example/a:1', volumes: ['data:/data']}\n"
        "  b: {image: 'example/b:1', volumes: ['data:/data']}\n"
        "volumes: {data: {}}\n"
    )
    assert {"Deployment/a", "Deployment/b"} <= set(bodies(text))


@pytest.mark.parametrize(
    ("said", "found", "policy"),
    [
        ("restart: 'no'", {"backoffLimit": 0}, "Never"),
        ("deploy: {mode: replicated-job}", {"backoffLimit": 0}, "Never"),
        ("deploy: {mode: replicated-job}\nrestart: 'on-failure:4'", {"backoffLimit": 4}, "OnFailure"),
        ("deploy: {mode: replicated-job, restart_policy: {condition: on-failure}}", {}, "OnFailure"),
        (
            "deploy: {mode: replicated-job, replicas: 3, restart_policy: {condition: on-failure, max_attempts: 2}}",
            {"backoffLimit": 2, "completions": 3, "parallelism": 3},
            "OnFailure",
        ),
        ("deploy: {mode: global-job}", {"backoffLimit": 0}, "Never"),
    ],
)
def test_jobs(said: str, found: dict[str, Any], policy: str) -> None:
    spec = service(said)["Job/web"]["spec"]
    template = spec.pop("template")
    assert spec == found
    assert template["spec"]["restartPolicy"] == policy


def test_a_stateful_set_is_replaced_even_when_it_never_came_up() -> None:
    spec = service(OWN, DATA)["StatefulSet/web"]["spec"]
    assert (spec["serviceName"], spec["podManagementPolicy"], spec["replicas"]) == ("web", "Parallel", 1)


def test_a_template_in_the_name_of_a_volume_gives_each_replica_its_own() -> None:
    found = service(
        "scale: 3\nvolumes: ['data:/data']",
        "volumes: {data: {name: 'data-{{.Task.Slot}}', labels: {io.atomicapp.kubernetes.size: 2Gi}}}\n",
    )
    spec = found["StatefulSet/web"]["spec"]
    assert spec["volumeClaimTemplates"] == [
        {
            "metadata": {"name": "data"},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "2Gi"}}},
        }
    ]
    assert "volumes" not in spec["template"]["spec"]
    assert not [key for key in found if key.startswith("PersistentVolumeClaim")]


# ---------------------------------------------------------------- replacing


@pytest.mark.parametrize(
    ("update", "found"),
    [
        ("{parallelism: 2}", {"maxSurge": 0, "maxUnavailable": 2}),
        ("{order: start-first}", {"maxSurge": 1, "maxUnavailable": 0}),
        ("{order: start-first, parallelism: 0}", {"maxSurge": "100%", "maxUnavailable": 0}),
        ("{order: stop-first, parallelism: 0}", {"maxSurge": 0, "maxUnavailable": "100%"}),
    ],
)
def test_rolling_updates(update: str, found: dict[str, Any]) -> None:
    spec = service(f"deploy: {{update_config: {update}}}")["Deployment/web"]["spec"]
    assert spec["strategy"] == {"type": "RollingUpdate", "rollingUpdate": found}
    daemon = service(f"deploy: {{mode: global, update_config: {update}}}")["DaemonSet/web"]["spec"]
    assert daemon["updateStrategy"] == {"type": "RollingUpdate", "rollingUpdate": found}


@pytest.mark.parametrize(
    "said",
    [
        "ports: [{target: 80, published: 80, mode: host}]",
        "network_mode: host\nexpose: ['80']",
        "deploy: {placement: {max_replicas_per_node: 1}}",
    ],
)
def test_no_second_pod_where_there_is_no_place_for_it(said: str) -> None:
    spec = service(said)["Deployment/web"]["spec"]
    assert spec["strategy"]["rollingUpdate"] == {"maxSurge": 0, "maxUnavailable": 1}


def test_the_only_writer_of_a_volume_is_gone_before_the_next_one_comes() -> None:
    spec = service(f"{OWN}\nhostname: fixed\ndeploy: {{update_config: {{order: start-first}}}}", DATA)[
        "Deployment/web"
    ]["spec"]
    assert spec["strategy"] == {"type": "Recreate"}


def test_a_new_pod_must_stay_ready() -> None:
    spec = service("deploy: {update_config: {delay: 5s, monitor: 1m}}")["Deployment/web"]["spec"]
    assert spec["minReadySeconds"] == 60


def test_without_a_word_kubernetes_own_way() -> None:
    assert "strategy" not in service("scale: 3")["Deployment/web"]["spec"]


# ---------------------------------------------------------------- order

CHAIN = """\
services:
  web:
    image: example/web:1
    depends_on:
      app: {condition: service_started}
      db: {condition: service_healthy}
      cache: {condition: service_healthy, required: false}
  app: {image: 'example/app:1', depends_on: {db: {condition: service_healthy, restart: true}}}
  db: {image: 'example/db:1', healthcheck: {test: [CMD, ready]}, expose: ['5432']}
  cache: {image: 'example/cache:1', healthcheck: {test: [CMD, ready]}}
"""


def test_levels_and_waits() -> None:
    found = written(CHAIN)
    levels = {key: item.level for key, item in found.items() if item.level}
    assert levels == {"Deployment/web": 3, "Deployment/app": 2, "Deployment/db": 1, "Deployment/cache": 1}
    assert found["Deployment/web"].after == ("app", "db", "cache")
    assert found["Deployment/web"].waits == ("db",)
    assert found["Deployment/app"].waits == ("db",)


def test_nothing_waits_in_the_pods_of_a_run() -> None:
    assert "initContainers" not in str(bodies(CHAIN))


def test_what_is_written_for_others_waits_itself() -> None:
    found = bodies(CHAIN, waiting=True)
    (first,) = found["Deployment/web"]["spec"]["template"]["spec"]["initContainers"]
    assert (first["name"], first["image"], first["args"]) == ("web-wait", "example/web:1", ["db-ready"])
    assert found["Service/db-ready"]["spec"] == {
        "clusterIP": "None",
        "selector": {"app.kubernetes.io/name": "db"},
    }
    assert "Service/cache-ready" not in found


def test_a_name_that_tells_when_it_is_ready_needs_no_other() -> None:
    found = bodies(CHAIN.replace(", expose: ['5432']", ""), waiting=True)
    (first,) = found["Deployment/web"]["spec"]["template"]["spec"]["initContainers"]
    assert first["args"] == ["db"]
    assert "Service/db-ready" not in found


@pytest.mark.parametrize(("image", "found"), [("example/tools:1", "example/tools:1"), ("none", None)])
def test_a_label_chooses_the_image_that_waits(image: str, found: str | None) -> None:
    text = CHAIN.replace(
        "image: example/web:1", f"image: example/web:1\n    labels: {{io.atomicapp.kubernetes.wait: '{image}'}}"
    )
    spec = bodies(text, waiting=True)["Deployment/web"]["spec"]["template"]["spec"]
    assert [item["image"] for item in spec.get("initContainers", [])] == ([found] if found else [])


def test_what_is_to_follow_another_is_made_anew_with_it() -> None:
    def checksum(text: str) -> Any:
        return bodies(text)["Deployment/app"]["spec"]["template"]["metadata"]["annotations"]["checksum/db"]

    assert checksum(CHAIN) != checksum(CHAIN.replace("example/db:1", "example/db:2"))
    assert checksum(CHAIN) == checksum(CHAIN.replace("example/cache:1", "example/cache:2"))


def test_a_long_name_leaves_room_for_what_controllers_add() -> None:
    name = "n" * 60
    found = bodies(f"services: {{{name}: {{image: 'example/a:1', expose: ['80']}}}}")
    deployment = next(key.partition("/")[2] for key in found if key.startswith("Deployment/"))
    assert len(deployment) == 52
    assert f"Service/{name}" in found
