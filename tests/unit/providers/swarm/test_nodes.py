"""Why no node takes a task."""

from __future__ import annotations

from typing import Any

import pytest

from atomicapp.providers.swarm import nodes


def row(number: int, *, role: str = "worker", labels: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    return {
        "ID": f"id{number}",
        "Spec": {"Role": role, "Availability": more.get("availability", "active"), "Labels": labels or {}},
        "Description": {
            "Hostname": more.get("host", f"host{number}"),
            "Platform": {"OS": "linux", "Architecture": "x86_64"},
            "Engine": {"Labels": {"storage": "disk"}},
        },
        "Status": {"State": more.get("state", "ready"), "Addr": f"192.0.2.{number}"},
    }


TWO = nodes.read([row(1, role="manager", labels={"disk": "ssd"}), row(2, labels={"disk": "hdd", "zone": "a"})])


@pytest.mark.parametrize(
    ("constraints", "expected"),
    [
        ([], ""),
        (["node.role==worker"], ""),
        (["node.role == Worker", "node.labels.disk!=ssd"], ""),
        (["node.labels.disk==nvme"], "no node has node.labels.disk==nvme (there is hdd, ssd)"),
        (["node.labels.gpu==yes"], "no node has node.labels.gpu==yes"),
        (["engine.labels.storage!=disk"], "no node has engine.labels.storage!=disk (there is disk)"),
        (["node.hostname==host3"], "no node has node.hostname==host3 (there is host1, host2)"),
        (
            ["node.role==manager", "node.labels.zone==a"],
            "no node has all of node.role==manager, node.labels.zone==a",
        ),
    ],
)
def test_constraints(constraints: list[str], expected: str) -> None:
    assert nodes.misfit(TWO, constraints) == expected


def test_nodes_that_take_nothing() -> None:
    found = nodes.read([row(1, state="down"), row(2, availability="drain")])
    assert nodes.misfit(found, []) == "no node takes tasks: host1 is down, host2 is drained or paused"


def test_hosts_of_one_name_are_told_apart_by_their_addresses() -> None:
    found = nodes.read([row(1, host="vm"), row(2, host="vm"), row(3)])
    assert [nodes.name_of(found, f"id{number}") for number in (1, 2, 3)] == ["vm/192.0.2.1", "vm/192.0.2.2", "host3"]
    assert nodes.name_of(found, "gone-long-since") == "gone-long-si"
