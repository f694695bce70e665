"""Apps on the contract server for Marathon: what is written and when, what fails and how that is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from atomicapp.errors import EngineError
from atomicapp.model import (
    CREATE,
    DATA,
    FAILED,
    KEEP,
    RUNNING,
    START,
    STOPPED,
    UPDATE,
    Failed,
    Ready,
    Waiting,
)
from atomicapp.planning import diff
from atomicapp.providers import marathon
from atomicapp.providers.marathon import apply as applying
from atomicapp.providers.marathon import ready as waiting
from tests.engines.marathon_apps import Life, app
from tests.engines.marathon_contract import Agent, Behaviour, Server, Settings


@pytest.fixture(autouse=True)
def _soon_steady(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "STEADY", 0.1)
    monkeypatch.setattr(waiting, "FRESH", 0.01)


@pytest.fixture
def server() -> Iterator[Server]:
    found = Server(Settings(step=0.02, stage=0.02)).start()
    yield found
    found.stop()


def small(settings: Settings) -> Server:
    return Server(settings._replace(step=0.02, stage=0.02)).start()


# ---------------------------------------------------------------- what is asked


def test_a_plan_and_a_second_run_write_nothing(server: Server) -> None:
    life = Life(server)
    texts = {"db": app("/shop/db"), "web": app("/shop/web", dependencies=["db"], instances=2)}
    life.plan(life.wanted(**texts))
    assert server.writes() == []
    assert set(life.run(**texts).values()) == {CREATE}
    before = len(server.writes())
    assert life.run(**texts) == {}
    life.plan(life.wanted(**{**texts, "web": app("/shop/web", instances=3)}))
    assert len(server.writes()) == before


def test_many_apps_are_read_by_one_listing(server: Server) -> None:
    life = Life(server)
    texts = {"all": json.dumps([json.loads(app(f"/many/app-{number}", instances=0)) for number in range(60)])}
    life.run(**texts)
    server.requests.clear()
    assert life.run(**texts) == {}
    assert [request.partition("?")[0] for request in server.requests] == ["GET /v2/apps"]


def test_apps_start_in_the_order_of_the_graph_and_of_dependencies(server: Server) -> None:
    life = Life(server)
    group = {
        "id": "/site",
        "apps": [json.loads(app("front", dependencies=["back"])), json.loads(app("back"))],
        "groups": [{"id": "more", "dependencies": ["/site/front"], "apps": [json.loads(app("tail"))]}],
    }
    life.run(all=json.dumps(group))
    posted = [json.loads(body)["id"] for body in posts(server)]
    assert posted == ["/site/back", "/site/front", "/site/more/tail"]
    starts = {task["appId"]: task["startedAt"] for task in tasks(server)}
    assert starts["/site/back"] <= starts["/site/front"] <= starts["/site/more/tail"]


def posts(server: Server) -> list[str]:
    return [json.dumps({"id": path}) for path in server.scheduler.apps]  # a dictionary keeps the order


def tasks(server: Server) -> list[dict[str, Any]]:
    return [server.scheduler.task(task) for task in server.scheduler.tasks.values()]


# ---------------------------------------------------------------- what differs


@pytest.mark.parametrize("version", ["1.4.8", "1.8.222"])
def test_what_marathon_fills_in_is_no_difference(version: str) -> None:
    server = small(Settings(version=version))
    try:
        life = Life(server)
        docker = {
            "image": "example/web:1",
            "network": "BRIDGE",
            "portMappings": [{"containerPort": 80, "hostPort": 0, "servicePort": 0}, {"containerPort": 90}],
            "parameters": [{"key": "init", "value": "true"}],
        }
        text = app(
            "/web",
            container={
                "type": "DOCKER",
                "docker": docker,
                "volumes": [{"containerPath": "/a", "hostPath": "/a", "mode": "RO"}],
            },
            uris=["http://example.com/a.tgz"],
            healthChecks=[{"protocol": "TCP", "portIndex": 0}],
            env={"A": "1"},
            labels={"mine": "yes"},
            constraints=[["hostname", "LIKE", ".*"]],
        )
        life.run(web=text)
        assert {step.op for step in life.plan(life.wanted(web=text))} == {KEEP}
    finally:
        server.stop()


def test_a_change_is_shown_by_its_fields_and_secrets_are_not(server: Server) -> None:
    life = Life(server)
    life.run(web=app("/web", env={"COLOUR": "blue", "OLD": "1"}, user="nobody", cmd="run"))
    (step,) = life.plan(life.wanted(web=app("/web", env={"COLOUR": "green", "NEW": "2"}, cmd="run")))
    assert step.op == UPDATE
    shown = {change.path: (change.old, change.new) for change in step.changes}
    expected = {
        "env/COLOUR": ("blue", "green"),
        "env/OLD": ("1", None),
        "env/NEW": (None, "2"),
        "user": ("nobody", None),
    }
    assert shown == expected
    life.carry_out((step,))
    assert "user" not in server.scheduler.apps["/web"].spec


def test_what_someone_else_has_changed_is_mended_and_another_count_is_not(server: Server) -> None:
    life = Life(server)
    text = app("/web", env={"COLOUR": "blue"})
    life.run(web=text)
    life.carry_out(diff.scale(life.held().values(), {"app/web": 3}))
    assert {step.op for step in life.plan(life.wanted(web=text))} == {KEEP}
    spec = json.loads(json.dumps(server.scheduler.apps["/web"].spec))
    server.scheduler.change({"/web": {**spec, "env": {"COLOUR": "red"}}}, force=True)
    (step,) = life.plan(life.wanted(web=text))
    assert [(change.path, change.old, change.new) for change in step.changes] == [("env/COLOUR", "red", "blue")]
    life.run(web=text)
    assert server.scheduler.apps["/web"].spec["env"] == {"COLOUR": "blue"}
    assert server.scheduler.apps["/web"].spec["instances"] == 3


def test_an_app_of_others_is_not_touched(server: Server) -> None:
    life, other = Life(server), Life(server)
    other.run(web=app("/web"))
    with pytest.raises(EngineError) as caught:
        life.run(web=app("/web"))
    assert f"belongs to the app '{other.app}'" in caught.value.message
    assert "--namespace" in caught.value.hint
    assert life.held() == {}
    spec = {**json.loads(json.dumps(server.scheduler.apps["/web"].spec)), "id": "/alone", "labels": {}}
    server.scheduler.change({"/alone": spec}, force=True)
    with pytest.raises(EngineError, match="was not made by atomicapp"):
        life.plan(life.wanted(web=app("/alone")))


def test_a_namespace_is_a_group_for_relative_ids(server: Server) -> None:
    first, second = Life(server, namespace="one"), Life(server, namespace="two")
    for life in (first, second):
        life.run(web=app("web"), db=app("/absolute/db") if life is first else app("db"))
    assert sorted(server.scheduler.apps) == ["/absolute/db", "/one/web", "/two/db", "/two/web"]


# ---------------------------------------------------------------- stop, start, scale, remove


def test_a_stopped_app_comes_back_with_as_many_instances(server: Server) -> None:
    life = Life(server)
    text = app("/web", instances=2)
    life.run(web=text)
    life.carry_out(diff.scale(life.held().values(), {"app/web": 3}))
    life.carry_out(diff.stop(life.held().values()))
    assert (life.held()["app/web"].state, life.held()["app/web"].detail) == (STOPPED, "suspended")
    assert not server.scheduler.tasks
    (step,) = life.plan(life.wanted(web=text))
    assert step.op == START
    life.carry_out(diff.start(life.held().values()))
    assert server.scheduler.apps["/web"].spec["instances"] == 3
    assert life.held()["app/web"].state == RUNNING
    assert {step.op for step in life.plan(life.wanted(web=text))} == {KEEP}


RESIDENT = {
    "type": "DOCKER",
    "docker": {"image": "example/db:1", "network": "BRIDGE"},
    "volumes": [
        {"containerPath": "data", "mode": "RW", "persistent": {"size": 10}},
        {"containerPath": "/data", "hostPath": "data", "mode": "RW"},
    ],
}


def test_volumes_outlive_their_app_until_they_are_purged(server: Server) -> None:
    life = Life(server)
    text = app("/db", container=RESIDENT)
    life.run(db=text)
    held = life.held()
    assert {key: item.lifetime for key, item in held.items() if key.startswith("volume")} == {"volume/db:data": DATA}
    life.carry_out(diff.uninstall(held.values(), purge_data=False))
    assert list(life.held()) == ["volume/db:data"]
    assert not server.scheduler.tasks
    assert life.run(db=text)["app/db"] == CREATE
    assert server.scheduler.apps["/db"].spec["instances"] == 1
    life.carry_out(diff.uninstall(life.held().values(), purge_data=True))
    assert life.held() == {}
    assert not server.scheduler.apps


def test_a_volume_that_would_change_is_an_error_before_anything_is_done(server: Server) -> None:
    life = Life(server)
    life.run(db=app("/db", container=RESIDENT))
    before = len(server.writes())
    volume = {**RESIDENT["volumes"][0], "persistent": {"size": 99}}  # type: ignore[index]
    text = app("/db", container={**RESIDENT, "volumes": [volume, RESIDENT["volumes"][1]]})  # type: ignore[index]
    with pytest.raises(EngineError) as caught:
        life.plan(life.wanted(db=text))
    assert "can't change them" in caught.value.message
    assert len(server.writes()) == before


# ---------------------------------------------------------------- what fails


def test_a_failing_task_is_told_with_its_exit_code_and_log(server: Server) -> None:
    life = Life(server)
    life.simulated.behaviours["/web"] = Behaviour(status=3, stdout="boom\n")
    with pytest.raises(EngineError) as caught:
        life.run(web=app("/web"))
    assert "ended with exit code 3 on 127.0.0.1" in caught.value.message
    assert "again and again" in caught.value.message
    assert caught.value.log_tail == ("boom",)
    assert life.held()["app/web"].state in (FAILED, RUNNING)
    del life.simulated.behaviours["/web"]
    life.run(web=app("/web", env={"MENDED": "yes"}))
    assert life.held()["app/web"].state == RUNNING


def test_a_task_that_ends_well_again_and_again_is_no_service(server: Server) -> None:
    life = Life(server)
    life.simulated.behaviours["/job"] = Behaviour(status=0, after=0.1)
    found = life.until(applied(life, job=app("/job")), lambda said: isinstance(said, Failed))
    assert isinstance(found, Failed)
    assert "has ended with exit code 0, again and again" in found.reason


def applied(life: Life, **texts: str) -> Any:
    wanted = life.wanted(**texts)
    life.carry_out(life.plan(wanted))
    return wanted


def test_a_task_that_is_killed_for_its_health_is_told_with_the_cause(server: Server) -> None:
    life = Life(server)
    life.simulated.behaviours["/web"] = Behaviour(unhealthy="HTTP status 500")
    check = {
        "protocol": "HTTP",
        "path": "/",
        "intervalSeconds": 1,
        "gracePeriodSeconds": 0,
        "maxConsecutiveFailures": 2,
    }
    found = life.until(applied(life, web=app("/web", healthChecks=[check])), lambda said: isinstance(said, Failed))
    assert isinstance(found, Failed)
    assert "was killed on 127.0.0.1: Task was killed since health check failed. Reason: HTTP status 500" in found.reason


def test_health_that_is_not_there_yet_is_waited_for(server: Server) -> None:
    life = Life(server)
    life.simulated.behaviours["/web"] = Behaviour(unhealthy="HTTP status 503")
    check = {"protocol": "HTTP", "path": "/", "intervalSeconds": 1, "gracePeriodSeconds": 600}
    wanted = applied(life, web=app("/web", healthChecks=[check]))
    found = life.until(wanted, lambda said: isinstance(said, Waiting) and "503" in said.reason)
    assert isinstance(found, Waiting)
    assert found.reason == "0 of 1 healthy: HTTP status 503"
    del life.simulated.behaviours["/web"]
    server.scheduler.kill_task(next(iter(server.scheduler.tasks)))
    assert isinstance(life.until(wanted, lambda said: isinstance(said, Ready)), Ready)


def test_waiting_for_resources_is_told_with_the_reasons_and_is_no_failure() -> None:
    server = small(Settings(agents=(Agent("one", cpus=1), Agent("two", cpus=2, attributes={"disk": "ssd"}))))
    try:
        life = Life(server)
        wanted = applied(life, web=app("/web", cpus=4))
        found = life.until(wanted, lambda said: isinstance(said, Waiting) and "InsufficientCpus" in said.reason)
        assert isinstance(found, Waiting)
        assert "waiting for resources: it needs 4 cpus, 32 MB" in found.reason
        assert "InsufficientCpus (too few cpus) 2 times" in found.reason
        other = Life(server)
        text = app("/tape", constraints=[["disk", "LIKE", "tape"]])
        found = other.until(applied(other, web=text), lambda said: isinstance(said, Waiting) and "Unful" in said.reason)
        assert isinstance(found, Waiting)
        assert "UnfulfilledConstraint (a constraint is not met) 2 times" in found.reason
        with pytest.raises(EngineError) as caught:
            life.timeout = 0.3
            life.run(web=app("/web", cpus=5))
        assert "is not ready after 0.3 s" in caught.value.message
        assert "InsufficientCpus" in caught.value.message
    finally:
        server.stop()


def test_a_fixed_host_port_that_its_own_old_instance_holds_is_told(server: Server) -> None:
    docker = {"image": "example/web:1", "network": "BRIDGE", "portMappings": [{"containerPort": 80, "hostPort": 8080}]}
    container = {"type": "DOCKER", "docker": docker}
    life = Life(server)
    texts = [app("/web", container=container, env={"N": number}) for number in "12"]
    life.run(web=texts[0])
    found = life.until(applied(life, web=texts[1]), lambda said: isinstance(said, Waiting) and "hold" in said.reason)
    assert isinstance(found, Waiting)
    assert "see upgradeStrategy" in found.reason
    strategy = {"minimumHealthCapacity": 0, "maximumOverCapacity": 0}
    mended = app("/web", container=container, env={"N": "3"}, upgradeStrategy=strategy)
    assert life.run(web=mended) == {"app/web": UPDATE}
    assert any("takes the place of the deployment" in text for text in life.notes.progress)


# ---------------------------------------------------------------- deployments


def hold(server: Server, *paths: str) -> str:
    """A deployment of someone else, which never ends, about these apps too."""
    specs = {path: json.loads(json.dumps(server.scheduler.apps[path].spec)) for path in paths}
    for spec in specs.values():
        spec["env"] = {"HELD": "yes"}
    elsewhere = {**json.loads(app("/elsewhere")), "cpus": 10**6}
    from tests.engines.marathon_contract.specs import read

    return server.scheduler.change({**specs, "/elsewhere": read(elsewhere, (1, 8))}, force=True).id


def test_a_deployment_of_others_is_waited_for_and_then_named(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(applying, "LOCKED_WITHIN", 0.3)
    life = Life(server)
    life.run(web=app("/web"))
    deployment = hold(server, "/web")
    with pytest.raises(EngineError) as caught:
        life.run(web=app("/web", env={"A": "1"}))
    assert f"other deployments are at work on it ({deployment})" in caught.value.message
    assert f"DELETE /v2/deployments/{deployment}" in caught.value.hint
    assert "--force-conflicts" in caught.value.hint
    assert f"waiting for the deployment {deployment} of others" in life.notes.progress
    assert server.scheduler.apps["/web"].spec["env"] == {"HELD": "yes"}


def test_a_deployment_of_others_is_overridden_where_that_is_asked_for(server: Server) -> None:
    life = Life(server)
    life.run(web=app("/web"))
    hold(server, "/web")
    life.target = life.target._replace(force_conflicts=True)
    assert life.run(web=app("/web", env={"A": "1"})) == {"app/web": UPDATE}
    assert server.scheduler.apps["/web"].spec["env"] == {"A": "1"}


def test_an_own_deployment_that_hangs_is_undone_by_the_old_app(server: Server) -> None:
    life = Life(server)
    good = app("/web", env={"N": "1"})
    life.run(web=good)
    before = {task["id"] for task in tasks(server)}
    applied(life, web=app("/web", env={"N": "2"}, cpus=10**6))
    assert [found.affected for found in server.scheduler.deployments] == [{"/web"}]
    assert life.run(web=good) == {"app/web": UPDATE}
    assert not server.scheduler.deployments
    assert server.scheduler.apps["/web"].spec["env"] == {"N": "1"}
    assert before


def test_a_refusal_names_the_fields(server: Server) -> None:
    life = Life(server)
    with pytest.raises(EngineError) as caught:
        life.run(web=app("/web", upgradeStrategy={"minimumHealthCapacity": 2}))
    assert "Object is not valid" in caught.value.message
    assert caught.value.details == ("upgradeStrategy/minimumHealthCapacity: is greater than 1",)
    assert str(caught.value.position) == "web.json:1:1"


# ---------------------------------------------------------------- logs and events


def test_logs_without_mesos_say_where_they_are() -> None:
    server = small(Settings(logs=False))
    try:
        life = Life(server)
        life.run(web=app("/web"))
        with life.session() as session, pytest.raises(EngineError) as caught:
            list(session.logs(life.held()["app/web"], tail=None, follow=False, since=""))
        assert "sandbox" in caught.value.message or "master of Mesos" in caught.value.message
    finally:
        server.stop()


def test_the_tail_of_a_log_is_its_end(server: Server) -> None:
    life = Life(server)
    life.simulated.behaviours["/web"] = Behaviour(stdout="".join(f"line {number}\n" for number in range(9000)))
    life.run(web=app("/web"))
    with life.session() as session:
        item = life.held()["app/web"]
        lines = [line.text for line in session.logs(item, tail=2, follow=False, since="")]
        assert lines == ["line 8998", "line 8999"]
        assert len(list(session.logs(item, tail=None, follow=False, since=""))) == 9000
        with pytest.raises(EngineError, match="tell no times"):
            list(session.logs(item, tail=None, follow=False, since="10m"))


def test_events_tell_of_failures_and_of_what_waits(server: Server) -> None:
    life = Life(server)
    life.simulated.behaviours["/web"] = Behaviour(status=3)
    wanted = applied(life, big=app("/big", cpus=10**6), web=app("/web"))
    life.until(wanted, lambda said: isinstance(said, Failed))
    with life.session() as session:
        found = list(session.events(session.observe(life.app, ()), follow=False, since=""))
    told = {(event.component, event.reason, event.warning) for event in found}
    assert ("web", "TASK_FAILED", True) in told
    assert ("big", "queued", True) in told
    assert ("big", "deploying", False) in told


def test_it_is_reachable_and_says_its_version(server: Server) -> None:
    found = marathon.reachable(Life(server).target)
    assert (found.ok, found.detail, found.endpoint) == (True, "Marathon 1.8.222", server.url)
