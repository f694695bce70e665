"""What becomes of tasks when nodes go: on a swarm of this file's own, so that no other test loses a node."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from atomicapp.model import KEEP
from atomicapp.planning import diff
from tests.engines.swarm import Group, Swarm
from tests.engines.swarm_apps import SwarmApp, app_on

pytestmark = [pytest.mark.engine, pytest.mark.slow]

TEXT = """
services:
  one:
    image: IMAGE
    command: [sh, -c, "SLEEP"]
    stop_grace_period: 1s
    deploy:
      replicas: 2
      placement: {preferences: [{spread: node.labels.name}], constraints: ["node.role == worker"]}
"""


@pytest.fixture(scope="module")
def own(swarm: Swarm, busybox_in_swarm: str) -> Iterator[Group]:
    with swarm.another(11, 12, 13) as found:
        yield found


@pytest.fixture
def life(own: Group, busybox_in_swarm: str) -> Iterator[SwarmApp]:
    with app_on(own, busybox_in_swarm) as found:
        yield found


def test_a_drained_node_hands_its_tasks_over(life: SwarmApp, own: Group) -> None:
    life.run(app=TEXT)
    assert life.where("one") == ["n12", "n13"]
    node = own.node("n12")["ID"]
    own.manager.docker("node", "update", "--availability", "drain", node)
    try:
        own.until(lambda: life.where("one") == ["n13", "n13"], "the tasks are on the other node")
        found = life.of("one")
        assert found.ready
        assert found.detail.startswith("2 of 2 running on ")
        assert {step.op for step in life.plan(life.wanted(app=TEXT))} == {KEEP}
    finally:
        own.manager.docker("node", "update", "--availability", "active", node)


def test_tasks_of_a_killed_node_run_elsewhere_and_all_goes_on(life: SwarmApp, own: Group) -> None:
    life.run(app=TEXT)
    lost = next(node for node in own.nodes if node.name == "n12")
    assert "n12" in life.where("one")
    lost.kill()
    own.until(lambda: life.where("one") == ["n13", "n13"], "the tasks of the lost node run elsewhere")
    assert life.of("one").ready
    # what the lost node can't tell any more holds nothing up
    life.carry_out(diff.scale(life.held().values(), {life.of("one").key: 1}))
    life.carry_out(diff.stop(life.held().values()))
    life.carry_out(diff.uninstall(life.held().values(), purge_data=True))
    assert life.held() == {}
    lost.start()
    lost.wait()
    own.until(lambda: own.node("n12")["Status"]["State"] == "ready", "the node is back")
    life.run(app=TEXT)
    assert life.where("one") == ["n12", "n13"]
