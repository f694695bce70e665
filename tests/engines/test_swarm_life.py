"""Where tasks run, how many, how they end, and what is said when they don't: the swarm provider on a real swarm."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from atomicapp.errors import EngineError
from atomicapp.model import CREATE, DELETE, FAILED, KEEP, REPLACE, RUNNING, START, STOPPED, UPDATE, Existing
from atomicapp.planning import diff
from tests.engines.swarm import Swarm
from tests.engines.swarm_apps import SwarmApp, app_on

pytestmark = pytest.mark.engine


@pytest.fixture
def life(swarm: Swarm, busybox_in_swarm: str) -> Iterator[SwarmApp]:
    with app_on(swarm, busybox_in_swarm) as found:
        yield found


def one(deploy: str = "{}", command: str = "SLEEP", more: str = "") -> str:
    return f"""
services:
  one:
    image: IMAGE
    command: [sh, -c, "{command}"]
    deploy: {deploy}
    {more}
"""


# ---------------------------------------------------------------- where


def test_replicas_spread_over_the_nodes(life: SwarmApp) -> None:
    life.run(app=one("{replicas: 3, placement: {preferences: [{spread: node.labels.name}]}}"))
    assert life.where("one") == ["n1", "n2", "n3"]
    assert life.of("one").detail.startswith("3 of 3 running on ")


def test_a_label_of_a_node_is_a_constraint_and_replicas_are_limited_for_each(life: SwarmApp) -> None:
    only = "placement: {constraints: ['node.labels.name == n2'], max_replicas_per_node: 1}"
    life.run(app=one(f"{{replicas: 1, {only}}}"))
    assert life.where("one") == ["n2"]
    with pytest.raises(EngineError) as caught:
        life.run(app=one(f"{{replicas: 2, {only}}}"), timeout=8)
    assert "no suitable node" in caught.value.message
    assert "max replicas per node limit" in caught.value.message


def test_the_words_of_classic_swarm_are_those_of_swarm_mode(life: SwarmApp) -> None:
    text = one(more="environment: ['constraint:name==n3', 'affinity:container!=one', A=b]")
    life.run(app=text)
    assert life.where("one") == ["n3"]
    task = life.service("one")["Spec"]["TaskTemplate"]
    assert task["Placement"]["MaxReplicas"] == 1
    assert task["ContainerSpec"]["Env"] == ["A=b"]


def test_a_global_service_runs_everywhere_and_stops_and_starts(life: SwarmApp) -> None:
    text = one("{mode: global}")
    life.run(app=text)
    assert life.where("one") == ["n1", "n2", "n3"]
    _stop(life)
    assert life.group.tasks(f"{life.app}_one") == []
    assert life.of("one").state == STOPPED
    _start(life)
    assert life.where("one") == ["n1", "n2", "n3"]
    assert {step.op for step in life.plan(life.wanted(app=text))} == {KEEP}


def test_no_suitable_node_is_explained(life: SwarmApp) -> None:
    constraints = "['node.labels.disk == ssd', 'node.role == worker', 'node.labels.name != n2']"
    with pytest.raises(EngineError) as caught:
        life.run(app=one(f"{{placement: {{constraints: {constraints}}}}}"), timeout=5)
    assert "no suitable node (scheduling constraints not satisfied on 3 nodes)" in caught.value.message
    assert "no node has node.labels.disk == ssd" in caught.value.message
    assert "node.role" not in caught.value.message
    found = life.of("one")
    assert (found.state, found.health) == (RUNNING, "unready")
    assert "no suitable node" in found.detail


def test_more_than_any_node_has_is_explained(life: SwarmApp) -> None:
    with pytest.raises(EngineError) as caught:
        life.run(app=one("{resources: {reservations: {memory: 900G}}}"), timeout=5)
    assert "no suitable node (insufficient resources on 3 nodes)" in caught.value.message


# ---------------------------------------------------------------- how many


def _scaled(life: SwarmApp, count: int) -> None:
    found = list(life.held().values())
    life.carry_out(diff.scale(found, {life.of("one").key: count}))
    life.group.until(lambda: len(life.where("one")) == count, f"{count} tasks run")


def _stop(life: SwarmApp) -> None:
    life.carry_out(diff.stop(life.held().values()))


def _start(life: SwarmApp) -> None:
    life.carry_out(diff.start(life.held().values()))
    wanted = life.of("one")
    life.group.until(lambda: life.of("one").ready and life.of("one").state == RUNNING, f"{wanted.name} runs")


def test_scale_and_stop_and_start_remember_the_count(life: SwarmApp) -> None:
    text = one("{replicas: 1}")
    life.run(app=text)
    _scaled(life, 3)
    assert life.of("one").replicas == 3
    assert {step.op for step in life.plan(life.wanted(app=text))} == {KEEP}
    _stop(life)
    stopped = life.of("one")
    assert (stopped.state, stopped.replicas, life.where("one")) == (STOPPED, 0, [])
    _stop(life)
    assert life.service("one")["Spec"]["Labels"]["io.atomicapp.replicas"] == "3"
    _start(life)
    assert life.of("one").replicas == 3
    assert "io.atomicapp.replicas" not in life.service("one")["Spec"]["Labels"]


def test_a_job_is_done_once_and_again_when_it_changes(life: SwarmApp) -> None:
    text = one("{mode: replicated-job, replicas: 2}", command="echo $$WHAT", more="environment: {WHAT: '%s'}")
    assert set(life.run(app=text % "first").values()) == {CREATE}
    assert life.of("one").detail == "completed"
    iteration = life.service("one")["JobStatus"]["JobIteration"]
    assert {step.op for step in life.plan(life.wanted(app=text % "first"))} == {KEEP}
    _stop(life)
    assert life.service("one")["JobStatus"]["JobIteration"] == iteration, "stopping what is done begins nothing"
    assert UPDATE in life.run(app=text % "second").values()
    assert life.service("one")["JobStatus"]["JobIteration"] != iteration
    lines = {line.text for line in life.session.logs(life.of("one"), tail=None, follow=False, since="")}
    assert lines == {"first", "second"}


def test_a_job_that_runs_stops_and_starts(life: SwarmApp) -> None:
    life.carry_out(life.plan(life.wanted(app=one("{mode: replicated-job}"))))
    life.group.until(lambda: "running on" in life.of("one").detail, "the job runs")
    _stop(life)
    assert life.of("one").state == STOPPED
    life.carry_out(diff.start(life.held().values()))
    life.group.until(lambda: "running on" in life.of("one").detail, "the job runs again")
    # the engine would leave the tasks of a job that is removed while it runs
    key = f"label=com.docker.swarm.service.name={life.app}_one"
    life.carry_out(diff.uninstall(life.held().values(), purge_data=True))
    assert [node.name for node in life.group.nodes if node.docker("ps", "-q", "--filter", key)] == []


def test_another_mode_is_another_service(life: SwarmApp) -> None:
    life.run(app=one("{mode: replicated}"))
    before = life.of("one").id
    assert REPLACE in life.run(app=one("{mode: global}")).values()
    assert life.of("one").id != before
    assert life.where("one") == ["n1", "n2", "n3"]


# ---------------------------------------------------------------- how it ends


def test_a_missing_image_is_explained(life: SwarmApp) -> None:
    with pytest.raises(EngineError) as caught:
        life.run(app=one().replace("IMAGE", "IMAGE-nope"), timeout=60)
    assert "can't get its image" in caught.value.message
    assert "No such image" in caught.value.message
    assert any("does not tell the digest" in text for text in life.notes.progress)
    assert life.of("one").state == FAILED


def test_an_end_is_told_with_its_code_and_the_last_lines(life: SwarmApp) -> None:
    with pytest.raises(EngineError) as caught:
        life.run(app=one(command="echo one; echo boom >&2; exit 7", more="restart: 'no'"))
    assert "has ended with exit code 7" in caught.value.message
    assert set(caught.value.log_tail) == {"one", "boom"}
    assert life.of("one").state == FAILED
    # the next run tries it again
    steps = life.plan(life.wanted(app=one(command="echo one; echo boom >&2; exit 7", more="restart: 'no'")))
    assert START in {step.op for step in steps}


def test_a_command_that_is_not_there_is_told(life: SwarmApp) -> None:
    with pytest.raises(EngineError) as caught:
        life.run(app="services: {one: {image: IMAGE, command: [nosuchcommand]}}")
    assert "nosuchcommand" in caught.value.message


def test_an_unhealthy_task_is_told(life: SwarmApp) -> None:
    check = "healthcheck: {test: [CMD, 'false'], interval: 300ms, retries: 2, start_period: 0s}"
    with pytest.raises(EngineError) as caught:
        life.run(
            app=one(command="echo here; sleep 1000", more=f"restart: 'no'\n    stop_grace_period: 1s\n    {check}")
        )
    assert "it is unhealthy: its health check fails" in caught.value.message
    assert "here" in caught.value.log_tail
    assert any("health check not passed yet" in reason for reason in life.notes.reasons)


def test_a_port_that_another_service_publishes_is_told(life: SwarmApp, swarm: Swarm, busybox_in_swarm: str) -> None:
    text = one(more="ports: ['18121:80']")
    life.run(app=text)
    with app_on(swarm, busybox_in_swarm) as other:
        with pytest.raises(EngineError) as caught:
            other.run(app=text)
        assert f"port 18121 of the swarm is published already, by the service {life.app}_one" in caught.value.message


def test_what_ends_well_and_is_started_again_is_told(life: SwarmApp) -> None:
    with pytest.raises(EngineError) as caught:
        life.run(app=one(command="echo done"))
    assert "has ended with exit code 0, again and again" in caught.value.message
    assert "with `restart: no` it would be done" in caught.value.message
    assert caught.value.log_tail == ("done",)


def test_what_ends_well_and_is_not_restarted_is_done(life: SwarmApp) -> None:
    text = one(command="echo done", more="restart: 'no'")
    life.run(app=text)
    assert (life.of("one").state, life.of("one").detail) == (RUNNING, "completed")
    assert {step.op for step in life.plan(life.wanted(app=text))} == {KEEP}


# ---------------------------------------------------------------- what others made


def test_a_service_of_another_is_not_touched(life: SwarmApp) -> None:
    docker = life.group.manager.docker
    name = f"{life.app}_one"
    docker("service", "create", "--detach", "--name", name, "--label", "io.atomicapp.test=1", life.image, "sleep", "9")
    try:
        with pytest.raises(EngineError) as caught:
            life.plan(life.wanted(app=one()))
        assert caught.value.message == (
            f"a service named '{name}' is in the swarm already, and it was not made by atomicapp"
        )
    finally:
        docker("service", "rm", name)


@pytest.mark.parametrize("kind", ["network", "secret", "config"])
def test_what_is_external_must_be_there_and_stays(life: SwarmApp, kind: str) -> None:
    name = f"{life.app}-theirs"
    uses = f"{kind}s: [theirs]"
    text = one(more=uses) + f"{kind}s: {{theirs: {{external: true, name: {name}}}}}\n"
    with pytest.raises(EngineError) as caught:
        life.plan(life.wanted(app=text))
    assert (
        caught.value.message == f"the {kind} '{name}' is not in the swarm, and the app does not make it: it is external"
    )
    label = ("--label", "io.atomicapp.test=1")
    if kind == "network":
        life.group.manager.docker("network", "create", "--driver", "overlay", *label, name)
    else:
        life.group.manager.docker(kind, "create", *label, name, "-", stdin="theirs")
    try:
        life.run(app=text)
        if kind == "secret":
            assert life.inside("one", "cat /run/secrets/theirs") == "theirs"
        life.carry_out(diff.uninstall(life.held().values(), purge_data=True))
        assert life.group.inspect(kind, name)
    finally:
        life.group.manager.docker(kind, "rm", name)


# ---------------------------------------------------------------- docker service create, logs, events


def test_lines_of_docker_service_create_run(life: SwarmApp) -> None:
    net = f"{life.app}-net"
    text = f"""
docker service create --name APP-web --replicas 2 --network {net} --endpoint-mode dnsrr --env A=b \\
    --label io.atomicapp.test=1 --mount type=tmpfs,target=/t,tmpfs-size=1m --update-monitor 500ms \\
    --stop-grace-period 1s IMAGE sh -c "SLEEP"
docker service create --network {net} --label io.atomicapp.test=1 IMAGE sh -c "SLEEP"
"""
    text = text.replace('"SLEEP"', "'SLEEP'")
    done = life.run("swarm", site=text)
    assert set(done) == {f"network/{net}", "service/site:1", "service/site:2"}
    assert len(life.group.where(f"{life.app}-web")) == 2
    # a nameless service is called after its component
    address = life.inside("site-2", f"nslookup {life.app}-web | grep -c 'Address.*10[.]'").strip()
    assert int(address) >= 2
    assert {step.op for step in life.plan(life.wanted("swarm", site=text))} == {KEEP}
    assert life.run("swarm", site="\n".join(text.splitlines()[:-1])) == {"service/site:2": DELETE}


def test_logs_and_events_name_their_tasks(life: SwarmApp) -> None:
    life.run(app=one("{replicas: 2}", command="echo hello; SLEEP"))
    found = life.of("one")
    lines = list(life.session.logs(found, tail=None, follow=False, since=""))
    assert [line.text for line in lines] == ["hello", "hello"]
    assert sorted(line.name.partition(" on ")[0] for line in lines) == [f"{found.name}.1", f"{found.name}.2"]
    assert all(line.component == "app" and line.time for line in lines)
    assert [line.text for line in life.session.logs(found, tail=0, follow=False, since="")] == []
    life.carry_out(diff.scale([*life.held().values()], {found.key: 1}))
    events = list(life.session.events([found], follow=False, since=""))
    assert {event.component for event in events} == {"app"}
    assert ("create", False) in {(event.reason, event.warning) for event in events}
    assert any(event.message == "2 -> 1 replicas" for event in events)
    assert any(event.reason == "running" and event.subject.startswith(f"task {found.name}.") for event in events)


def test_the_log_of_a_terminal_comes_as_it_is(life: SwarmApp) -> None:
    life.run(app=one(command="echo hello; SLEEP", more="tty: true"))
    lines = list(life.session.logs(life.of("one"), tail=None, follow=False, since=""))
    assert [(line.text, line.stream) for line in lines] == [("hello", "stdout")]


def test_all_deployments_are_listed_with_all_their_kinds(life: SwarmApp) -> None:
    life.run(app=one(more="volumes: [data:/d]") + "volumes: {data: {}}\n")
    found: dict[str, tuple[Existing, ...]] = life.session.observe_all()
    assert {item.kind for item in found[life.app]} == {"service", "network", "volume"}


def test_a_volume_with_other_options_is_refused(life: SwarmApp) -> None:
    text = one(more="volumes: [data:/d]") + "volumes: {data: {driver_opts: %s}}\n"
    life.run(app=text % "{}")
    other: dict[str, Any] = {"type": "tmpfs", "device": "tmpfs"}
    with pytest.raises(EngineError) as caught:
        life.plan(life.wanted(app=text % other))
    assert "was made with another driver or other options" in caught.value.message


def test_a_network_with_other_settings_is_refused(life: SwarmApp) -> None:
    text = one(more="networks: [net]") + "networks: {net: {%s}}\n"
    life.run(app=text % "")
    with pytest.raises(EngineError) as caught:
        life.plan(life.wanted(app=text % "internal: true"))
    assert "was made with other settings" in caught.value.message
