"""Stack files on a real swarm: networks, secrets, configs, order, rollouts, and what a second run costs."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator

import pytest

from atomicapp.errors import EngineError
from atomicapp.model import CREATE, DELETE, KEEP, UPDATE
from atomicapp.params.secrets import Redactor
from atomicapp.planning import diff
from atomicapp.providers.swarm import client as wire
from tests.engines.swarm import Swarm
from tests.engines.swarm_apps import SwarmApp, app_on

pytestmark = pytest.mark.engine

# rolled over at once, and watched for a moment only
QUICK = "update_config: {parallelism: 0, monitor: 500ms}"


@pytest.fixture
def life(swarm: Swarm, busybox_in_swarm: str) -> Iterator[SwarmApp]:
    with app_on(swarm, busybox_in_swarm) as found:
        yield found


TWO_NETWORKS = """
services:
  web:
    image: IMAGE
    command: [httpd, -f, -p, "80", -h, /www]
    container_name: the-web
    stop_grace_period: 1s
    networks: {front: {aliases: [shop]}, back: {}}
    ports: ["18101:80"]
    deploy: {endpoint_mode: dnsrr, placement: {constraints: [node.labels.name == n2]}}
  near:
    image: IMAGE
    command: [sh, -c, "SLEEP"]
    networks: [front]
    deploy: {placement: {constraints: [node.labels.name == n3]}}
  far:
    image: IMAGE
    command: [sh, -c, "SLEEP"]
    networks: [far]
    deploy: {placement: {constraints: [node.labels.name == n3]}}
networks: {front: {}, back: {internal: true}, far: {}}
"""


def test_services_find_each_other_across_nodes_on_networks_that_they_share(life: SwarmApp) -> None:
    life.run(site=TWO_NETWORKS)
    for name in ("web", "shop", "the-web", f"{life.app}_web"):
        assert life.inside("near", f"timeout 5 busybox wget -qO- http://{name}/") == "hello\n"
    assert "can't find" in life.inside("far", "nslookup web. 2>&1 || true").lower().replace("**", "") or (
        life.inside("far", "timeout 5 busybox wget -qO- http://web/ 2>&1 || echo none").strip().endswith("none")
    )
    assert life.group.inspect("network", f"{life.app}_back")["Internal"]
    (port,) = life.of("web").ports
    assert port == "10.201.0.3:18101->80/tcp"
    with urllib.request.urlopen(f"http://{port.partition('->')[0]}/", timeout=10) as answer:
        assert answer.read() == b"hello\n"


def test_a_second_run_only_lists(life: SwarmApp) -> None:
    life.variables = {"TOKEN": "a secret text"}
    text = """
services:
  one: {image: IMAGE, command: [sh, -c, "SLEEP"], secrets: [token], configs: [page], volumes: ["data:/data"]}
secrets: {token: {environment: TOKEN}}
configs: {page: {content: hello}}
volumes: {data: {}}
"""
    assert set(life.run(site=text).values()) == {CREATE}
    life.proxy.forget()
    assert {step.op for step in life.plan(life.wanted(site=text))} == {KEEP}
    assert life.proxy.writes == []
    asked = sorted(re.sub(r"\?.*", "", call) for call in life.proxy.calls)
    assert asked == [
        f"GET /{kind}" for kind in ("configs", "networks", "nodes", "secrets", "services", "tasks", "volumes")
    ]


def test_a_plan_writes_nothing(life: SwarmApp) -> None:
    steps = life.plan(life.wanted(site=TWO_NETWORKS))
    assert {step.op for step in steps} == {CREATE}
    assert life.proxy.writes == []


def test_another_secret_or_config_rolls_the_service_and_the_old_ones_go(life: SwarmApp) -> None:
    text = f"""
services:
  one:
    image: IMAGE
    command: [sh, -c, "SLEEP"]
    secrets: [{{source: token, target: t, mode: 0400}}]
    configs: [{{source: page, target: /page}}]
    deploy: {{{QUICK}}}
  other: {{image: IMAGE, command: [sh, -c, "SLEEP"]}}
secrets: {{token: {{environment: TOKEN}}}}
configs: {{page: {{content: "${{PAGE}}"}}}}
"""
    life.variables = {"TOKEN": "the first secret", "PAGE": "page one"}
    life.run(site=text)
    assert (
        life.inside("one", "cat /run/secrets/t; stat -c %a /run/secrets/t; cat /page")
        == "the first secret400\npage one"
    )
    other = life.group.tasks(f"{life.app}_other")[0]["ID"]
    life.variables = {"TOKEN": "the second secret", "PAGE": "page two"}
    parsed = life.parsed(site=text)
    wanted = parsed.resources
    steps = life.plan(wanted)
    kept = [Redactor(parsed.secrets).value(item.body) for item in wanted]
    shown = str([(step.key, step.changes) for step in steps]) + json.dumps(kept)
    assert "the second secret" not in shown
    assert "the first secret" not in shown
    done = life.bring_up(wanted)
    assert sorted((key.partition("/")[0], op) for key, op in done.items()) == [
        ("config", CREATE),
        ("config", DELETE),
        ("secret", CREATE),
        ("secret", DELETE),
        ("service", UPDATE),
    ]
    assert life.inside("one", "cat /run/secrets/t /page") == "the second secretpage two"
    assert life.group.tasks(f"{life.app}_other")[0]["ID"] == other
    assert len([key for key in life.held() if key.startswith(("secret/", "config/"))]) == 2


def test_an_old_secret_stays_where_the_rollout_does_not_come_to_its_end(life: SwarmApp) -> None:
    text = """
services:
  one:
    image: IMAGE
    command: [sh, -c, "grep -q good /run/secrets/token || exit 4; SLEEP"]
    secrets: [token]
    deploy: {update_config: {monitor: 2s}}
secrets: {token: {environment: TOKEN}}
"""
    life.variables = {"TOKEN": "a good one"}
    life.run(site=text)
    life.variables = {"TOKEN": "a bad one"}
    with pytest.raises(EngineError) as caught:
        life.run(site=text)
    assert "was not updated to the end" in caught.value.message
    assert "exit code 4" in caught.value.message
    assert life.notes.kept == [f"{life.app}_one still needs it"]
    life.variables = {"TOKEN": "a good one again"}
    life.run(site=text)
    assert len([key for key in life.held() if key.startswith("secret/")]) == 1


def test_an_update_goes_by_the_version_that_is_there(life: SwarmApp) -> None:
    text = "services: {one: {image: IMAGE, command: [sh, -c, 'SLEEP'], environment: {A: '%s'}, deploy: {%s}}}"
    life.run(site=text % (1, QUICK))
    before = life.service("one")
    life.proxy.forget()
    steps = life.plan(life.wanted(site=text % (2, QUICK)))
    (step,) = [step for step in steps if step.op != KEEP]
    assert [(change.path, change.old, change.new) for change in step.changes] == [("env/A", "1", "2")]
    life.bring_up(life.wanted(site=text % (2, QUICK)))
    (write,) = life.proxy.writes
    assert write == f"POST /services/{before['ID']}/update?version={before['Version']['Index']}"
    after = life.service("one")
    image = "TaskTemplate", "ContainerSpec", "Image"
    assert re.search(r"@sha256:[0-9a-f]{64}$", after["Spec"][image[0]][image[1]][image[2]])
    assert after["Spec"]["TaskTemplate"]["ContainerSpec"]["Env"] == ["A=2"]


def test_an_update_of_someone_else_in_between_is_no_fault(life: SwarmApp) -> None:
    life.run(site="services: {one: {image: IMAGE, command: [sh, -c, 'SLEEP']}}")
    tried = []

    def change(row: wire.Row) -> wire.Row:
        tried.append(row["Version"]["Index"])
        if len(tried) == 1:
            life.group.manager.docker("service", "update", "--detach", "--label-add", "by=another", f"{life.app}_one")
        spec: wire.Row = row["Spec"]
        spec["Labels"]["ours"] = "too"
        return spec

    wire.update(life.session.client, f"{life.app}_one", change)  # type: ignore[attr-defined]
    labels = life.service("one")["Spec"]["Labels"]
    assert (labels["by"], labels["ours"], len(tried)) == ("another", "too", 2)


def test_a_failed_update_is_rolled_back_where_the_file_says_so(life: SwarmApp) -> None:
    text = """
services:
  one:
    image: IMAGE
    environment: {MODE: '%s'}
    command: [sh, -c, "echo mode $$MODE; [ $$MODE = good ] || exit 5; SLEEP"]
    deploy:
      update_config: {failure_action: rollback, monitor: 2s}
      rollback_config: {parallelism: 0, monitor: 500ms}
"""
    life.run(site=text % "good")
    with pytest.raises(EngineError) as caught:
        life.run(site=text % "bad")
    assert "was rolled back to what ran before" in caught.value.message
    assert "exit code 5" in caught.value.message
    assert caught.value.log_tail == ("mode bad",)
    assert life.service("one")["Spec"]["TaskTemplate"]["ContainerSpec"]["Env"] == ["MODE=good"]
    assert life.service("one")["Spec"]["RollbackConfig"]["Parallelism"] == 0
    # the app as it was is what runs; the other one would be tried again
    assert {step.op for step in life.plan(life.wanted(site=text % "good"))} == {KEEP}
    assert UPDATE in {step.op for step in life.plan(life.wanted(site=text % "bad"))}


def test_what_depends_on_others_is_made_when_they_are_ready(life: SwarmApp) -> None:
    life.run(
        site="""
services:
  web:
    image: IMAGE
    command: [sh, -c, "SLEEP"]
    depends_on: {db: {condition: service_healthy}, setup: {condition: service_completed_successfully}}
  setup: {image: IMAGE, command: [sh, -c, "sleep 1; echo done"]}
  db:
    image: IMAGE
    command: [sh, -c, "sleep 2; touch /tmp/up; SLEEP"]
    healthcheck: {test: [CMD, test, -f, /tmp/up], interval: 500ms, retries: 20}
"""
    )
    running = {
        name: life.group.tasks(f"{life.app}_{name}")[0]["CreatedAt"] if name != "setup" else ""
        for name in ("web", "db")
    }
    healthy = life.group.tasks(f"{life.app}_db")[0]["Status"]["Timestamp"]
    assert running["web"] > healthy > running["db"]
    assert life.of("setup").detail == "completed"
    assert life.of("web").order > life.of("db").order


def test_an_uninstalled_app_leaves_nothing(life: SwarmApp, swarm: Swarm) -> None:
    life.variables = {"TOKEN": "text"}
    text = """
services:
  one:
    image: IMAGE
    command: [sh, -c, "echo 1 >/data/x; SLEEP"]
    secrets: [token]
    configs: [page]
    volumes: ["data:/data"]
    deploy: {placement: {constraints: [node.labels.name == n1]}}
  two:
    image: IMAGE
    command: [sh, -c, "SLEEP"]
    volumes: ["far:/data"]
    deploy: {placement: {constraints: [node.labels.name == n2]}}
secrets: {token: {environment: TOKEN}}
configs: {page: {content: hello}}
volumes: {data: {}, far: {}}
"""
    life.run(site=text)
    assert life.of("one").state == "running"
    assert {item.detail for item in life.held().values() if item.kind == "volume"} == {
        "on vm/10.201.0.2".replace("vm", _hostname(swarm)),
        f"on {_hostname(swarm)}/10.201.0.3",
    }
    life.carry_out(diff.uninstall(life.held().values(), purge_data=True))
    assert life.held() == {}
    for kind in ("service", "network", "secret", "config", "volume"):
        assert swarm.manager.docker(kind, "ls", "-q", "--filter", f"label=io.atomicapp.name={life.app}") == ""
    # the manager's engine can't reach the volumes of another node, which is said
    (kept,) = life.notes.kept
    assert f"`docker volume rm {life.app}_far`" in kept
    swarm.nodes[1].docker("volume", "rm", f"{life.app}_far")


def _hostname(swarm: Swarm) -> str:
    return str(swarm.node("n1")["Description"]["Hostname"])
