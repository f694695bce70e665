"""The nodes of a swarm: what they are called, and why none of them takes a task."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from atomicapp.providers.swarm.client import Row, labels_of, spec_of
from atomicapp.records import NamedTuple

_CONSTRAINT = re.compile(r"\s*(?P<key>[^=!\s]+)\s*(?P<operator>==|!=)\s*(?P<value>.*?)\s*", re.DOTALL)


class Node(NamedTuple):
    """One node. `facts` are what constraints ask for, by their keys."""

    name: str
    address: str
    ready: bool
    active: bool
    facts: Mapping[str, str]

    @property
    def usable(self) -> bool:
        """Whether it takes tasks at all."""
        return self.ready and self.active


def read(rows: Sequence[Row]) -> dict[str, Node]:
    """The nodes of a listing, by id. Host names tell them apart, and their addresses where these are the same."""
    hosts = Counter(_host(row) for row in rows)
    return {str(row.get("ID", "")): _node(row, hosts) for row in rows}


def _host(row: Row) -> str:
    return str((row.get("Description") or {}).get("Hostname") or row.get("ID", ""))


def _node(row: Row, hosts: Counter[str]) -> Node:
    status, spec, about = row.get("Status") or {}, spec_of(row), row.get("Description") or {}
    host, address = _host(row), str(status.get("Addr", ""))
    manager = row.get("ManagerStatus") or {}
    if address in ("", "0.0.0.0") and manager.get("Addr"):  # noqa: S104 (shown, not bound)
        address = str(manager["Addr"]).rpartition(":")[0]
    platform = about.get("Platform") or {}
    facts = {
        "node.id": str(row.get("ID", "")),
        "node.hostname": host,
        "node.ip": address,
        "node.role": str(spec.get("Role", "")),
        "node.platform.os": str(platform.get("OS", "")),
        "node.platform.arch": str(platform.get("Architecture", "")),
        **{f"node.labels.{name}": value for name, value in labels_of(row).items()},
        **{f"engine.labels.{name}": value for name, value in ((about.get("Engine") or {}).get("Labels") or {}).items()},
    }
    return Node(
        host if hosts[host] == 1 else f"{host}/{address}",
        address,
        status.get("State") == "ready",
        spec.get("Availability") == "active",
        facts,
    )


def name_of(nodes: Mapping[str, Node], node_id: str) -> str:
    """What a node is called; its id when it has left."""
    found = nodes.get(node_id)
    return found.name if found else node_id[:12]


def misfit(nodes: Mapping[str, Node], constraints: Sequence[str]) -> str:
    """Why no node takes a task with these constraints, as far as that is why; empty when some would."""
    usable = [node for node in nodes.values() if node.usable]
    if not usable:
        down = ", ".join(f"{node.name} is {'drained or paused' if node.ready else 'down'}" for node in nodes.values())
        return f"no node takes tasks: {down}"
    reasons = [
        f"no node has {text}{_values(usable, text)}"
        for text in constraints
        if not any(_meets(node, text) for node in usable)
    ]
    if reasons:
        return "; ".join(reasons)
    if constraints and not any(all(_meets(node, text) for text in constraints) for node in usable):
        return f"no node has all of {', '.join(constraints)}"
    return ""


def _meets(node: Node, text: str) -> bool:
    """Whether a node meets a constraint, as the scheduler of the swarm sees it."""
    match = _CONSTRAINT.fullmatch(text)
    if match is None:
        return True
    has = _fact(node.facts, match["key"])
    same = has.lower() == match["value"].lower()
    return same if match["operator"] == "==" else not same


def _fact(facts: Mapping[str, str], key: str) -> str:
    lowered = key.lower()
    return facts.get(key) or next((value for name, value in facts.items() if name.lower() == lowered), "")


def _values(nodes: Sequence[Node], text: str) -> str:
    """What nodes have instead."""
    match = _CONSTRAINT.fullmatch(text)
    found = sorted({_fact(node.facts, match["key"]) for node in nodes} - {""}) if match else []
    return f" (there is {', '.join(found[:5])})" if found else ""
