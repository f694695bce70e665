"""No swarm, no manager, no engine: what is said, and what --init-swarm does. And an app's life by the command line."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from atomicapp.errors import EngineError
from atomicapp.model import Target
from atomicapp.providers import swarm as provider
from tests.engines.process import run
from tests.engines.program import Program
from tests.engines.recording_proxy import recording
from tests.engines.swarm import Node, Swarm

pytestmark = pytest.mark.engine

NULECULE = """\
specversion: 0.0.2
id: shop
metadata: {name: shop}
graph:
  - name: web
    params:
      - {name: greeting, default: hello}
    artifacts:
      compose: [file://compose.yaml]
"""
COMPOSE = """\
services:
  front:
    image: IMAGE
    command: [sh, -c, "mkdir -p /srv; echo $greeting >/srv/index.html; echo up; exec httpd -f -p 80 -h /srv"]
    stop_grace_period: 1s
    ports: ["18111:80"]
    deploy:
      endpoint_mode: dnsrr
      labels: {io.atomicapp.test: "1"}
      update_config: {monitor: 500ms}
  back: {image: IMAGE, command: [sh, -c, "trap exit TERM; while true; do sleep 0.1; done"]}
"""


@pytest.fixture
def lonely(swarm: Swarm) -> Iterator[Node]:
    with swarm.engine(21) as found:
        yield found


def package(folder: Path, image: str) -> Path:
    folder.mkdir()
    (folder / "Nulecule").write_text(NULECULE)
    (folder / "compose.yaml").write_text(COMPOSE.replace("IMAGE", image))
    return folder


def test_an_engine_without_a_swarm_is_told_and_made_one_when_allowed(
    lonely: Node, busybox_in_swarm: str, tmp_path: Path
) -> None:
    folder = package(tmp_path / "app", busybox_in_swarm)
    program = Program(tmp_path / "state")
    where = ("--provider", "swarm", "--provider-api", lonely.host)
    for verb in ("run", "plan"):
        done = program.attempt(verb, str(folder), *where)
        assert done.returncode == 1
        assert f"the engine at {lonely.host} is in no swarm" in done.stderr
        assert "docker swarm init" in done.stderr
        assert "--init-swarm" in done.stderr
    found = provider.reachable(Target("x", api=lonely.host))
    assert (found.ok, found.detail) == (False, "the engine is in no swarm (inactive)")
    with recording(lonely.host) as proxy:
        plan = program.json(
            "run", str(folder), "--provider", "swarm", "--provider-api", proxy.host, "--init-swarm", "--dry-run"
        )
        assert plan["steps"][0]["kind"] == "swarm"
        assert proxy.writes == []
    program("run", str(folder), *where, "--init-swarm")
    assert lonely.docker("info", "--format", "{{.Swarm.LocalNodeState}}").strip() == "active"
    # what one command was allowed is not kept, and what it made is not the app's
    assert "init_swarm" not in (tmp_path / "state" / "deployments" / "shop" / "record.json").read_text()
    assert not program.json("plan", str(folder), *where, "--init-swarm")["pending"]
    program("uninstall", "shop")
    assert lonely.docker("info", "--format", "{{.Swarm.LocalNodeState}}").strip() == "active"
    assert lonely.docker("service", "ls", "-q") == ""


def test_an_engine_that_can_not_choose_its_address_is_told_what_to_do(
    lonely: Node, busybox_in_swarm: str, tmp_path: Path
) -> None:
    link = ("ip", "-n", lonely.space)
    run(*link, "link", "add", "other0", "type", "veth", "peer", "name", "other1")
    run(*link, "addr", "add", "10.202.0.9/24", "dev", "other0")
    run(*link, "link", "set", "other0", "up")
    folder = package(tmp_path / "app", busybox_in_swarm)
    program = Program(tmp_path / "state")
    done = program.attempt("run", str(folder), "--provider", "swarm", "--provider-api", lonely.host, "--init-swarm")
    assert done.returncode == 1
    assert "the engine has several addresses" in done.stderr
    assert "docker swarm init --advertise-addr ADDRESS" in done.stderr


def test_a_worker_is_told_where_the_managers_are(swarm: Swarm) -> None:
    worker = swarm.nodes[1]
    session = provider.connect(Target("x", api=worker.host))
    with pytest.raises(EngineError) as caught:
        session.observe("x", ())
    assert caught.value.message == f"the engine at {worker.host} is a worker of its swarm, and only managers change it"
    assert f"{swarm.manager.address}:2377" in caught.value.hint
    session.close()
    assert provider.reachable(Target("x", api=worker.host)).detail == (
        "the engine is a worker of its swarm, not a manager"
    )
    told = provider.reachable(Target("x", api=swarm.manager.host))
    assert told.ok
    assert told.detail.startswith("3 nodes, 1 of them managers")


def test_an_app_lives_by_the_command_line(swarm: Swarm, busybox_in_swarm: str, tmp_path: Path) -> None:
    folder = package(tmp_path / "app", busybox_in_swarm)
    program = Program(tmp_path / "state")
    name = "shop-by-hand"
    where = ("--provider", "swarm", "--provider-api", swarm.manager.host)
    program("run", str(folder), "--name", name, *where)
    try:
        report = program.json("status", name)
        found = {item["name"]: item for item in report["resources"]}
        front = found[f"{name}_front"]
        assert front["detail"].startswith("1 of 1 running on ")
        assert _page(front["ports"][0]) == "hello\n"
        assert "up" in program("logs", name)
        program("run", str(folder), "--name", name, *where, "-p", "web:greeting=goodbye")
        front = {item["name"]: item for item in program.json("status", name)["resources"]}[f"{name}_front"]
        assert _page(front["ports"][0]) == "goodbye\n"
        program("scale", name, f"web/{name}_back=3")
        back = {item["name"]: item for item in program.json("status", name)["resources"]}[f"{name}_back"]
        assert back["detail"].startswith("3 of 3 running on ")
        program("stop", name)
        states = {item["state"] for item in program.json("status", name)["resources"] if item["kind"] == "service"}
        assert states == {"stopped"}
        program("start", name)
        events = [json.loads(line) for line in program("events", name, "-o", "json").splitlines()]
        assert {"create", "update"} <= {event["reason"] for event in events}
    finally:
        program("uninstall", name)
    assert swarm.manager.docker("service", "ls", "-q", "--filter", f"label=io.atomicapp.name={name}") == ""
    assert swarm.manager.docker("network", "ls", "-q", "--filter", f"label=io.atomicapp.name={name}") == ""


def _page(port: str) -> str:
    with urllib.request.urlopen(f"http://{port.partition('->')[0]}/", timeout=10) as answer:
        return str(answer.read().decode())
