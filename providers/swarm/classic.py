"""What the classic (standalone) Swarm was told by the environment and labels of containers, as swarm mode has it. Pure.

Constraints (`constraint:storage==ssd`) are placement constraints on the labels of engines. An affinity against a
container's own kind (`affinity:container!=web*`) is a limit of one replica a node. All else has no word in swarm mode: it
is left out, and said. Spreading is what swarm mode does by itself; packing (binpack) it can't do.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from types import MappingProxyType

from atomicapp.errors import NOTE, WARNING, Issue
from atomicapp.position import Position
from atomicapp.workload.model import REPLICATED, Workload

_LABELS = {"com.docker.swarm.constraints": "constraint:", "com.docker.swarm.affinities": "affinity:"}
_RESCHEDULE = "com.docker.swarm.reschedule-policies"
_EXPRESSION = re.compile(r"(?P<key>[\w.-]+)(?P<operator>==|!=)(?P<soft>~?)(?P<value>.*)", re.DOTALL)
_OWN = {"node": "node.hostname", "ostype": "node.platform.os"}
_OF_ENGINES = ("storagedriver", "executiondriver", "kernelversion", "operatingsystem", "containerslots")


def translate(work: Workload) -> tuple[Workload, list[Issue]]:
    """The workload in the words of swarm mode, and what was translated or left out."""
    found = [(f"{item.name}={item.value}", item.position) for item in work.env if _is_classic(item.name)]
    found += _of_labels(work)
    if not found and _RESCHEDULE not in work.labels:
        return work, []
    constraints = list(work.scheduling.constraints)
    most = work.scheduling.max_per_node
    issues: list[Issue] = []
    for text, place in found:
        kind, _, expression = text.partition(":")
        match = _EXPRESSION.fullmatch(expression)
        new = _constraint(match) if match and kind == "constraint" else ""
        if new:
            constraints.append(new)
            issues.append(_issue(NOTE, text, f"is the placement constraint {new}", place))
        elif match and kind == "affinity" and _repels_itself(work, match):
            most = 1
            issues.append(_issue(NOTE, text, "is a limit of one replica a node", place))
        else:
            issues.append(_issue(WARNING, text, f"is left out: {_why(kind, match)}", place))
    if _RESCHEDULE in work.labels:
        why = "needs no saying: tasks of a lost node run elsewhere in any case"
        issues.append(_issue(NOTE, _RESCHEDULE, why, work.place("labels")))
    kept = {name: value for name, value in work.labels.items() if name not in _LABELS and name != _RESCHEDULE}
    return (
        work._replace(
            env=tuple(item for item in work.env if not _is_classic(item.name)),
            labels=MappingProxyType(kept),
            scheduling=work.scheduling._replace(constraints=tuple(constraints), max_per_node=most),
        ),
        issues,
    )


def _is_classic(name: str) -> bool:
    return name.startswith(("constraint:", "affinity:"))


def _of_labels(work: Workload) -> Iterator[tuple[str, Position]]:
    for label, prefix in _LABELS.items():
        try:
            listed = json.loads(work.labels.get(label, "[]"))
        except ValueError:
            listed = [work.labels[label]]
        for text in listed if isinstance(listed, list) else [listed]:
            yield f"{prefix}{text}", work.place("labels")


def _issue(severity: str, text: str, what: str, place: Position) -> Issue:
    return Issue(severity, f"{text} of classic Swarm {what}", place, "classic-swarm")


def _is_pattern(value: str) -> bool:
    return "*" in value or (value.startswith("/") and value.endswith("/") and len(value) > 1)


def _constraint(match: re.Match[str]) -> str:
    """A placement constraint; empty for what has none."""
    key, value = match["key"], match["value"]
    if match["soft"] or _is_pattern(value) or not value or key in _OF_ENGINES:
        return ""
    return f"{_OWN.get(key, f'engine.labels.{key}')}{match['operator']}{value}"


def _repels_itself(work: Workload, match: re.Match[str]) -> bool:
    """Whether an affinity keeps the replicas of one service apart."""
    if match["operator"] != "!=" or match["soft"] or work.scheduling.mode not in ("", REPLICATED):
        return False
    key, value = match["key"], match["value"]
    own = [name for name in (work.service, work.name) if name]
    if key in ("container", "service", "com.docker.compose.service"):
        start = value.rstrip("*")
        return any(name == start or (value.endswith("*") and name.startswith(start)) for name in own)
    if key == "image":
        return value == work.image
    return work.labels.get(key) == value


def _why(kind: str, match: re.Match[str] | None) -> str:
    if match is None:
        return "it is not understood; expected KEY==VALUE or KEY!=VALUE"
    if match["soft"]:
        return "swarm mode has no wishes, only rules"
    if kind == "affinity":
        return "swarm mode knows no affinity between tasks; put a label on the nodes that both are to run on"
    if match["key"] in _OF_ENGINES:
        return "nodes don't tell it in swarm mode; put a label on those that are meant"
    return "swarm mode knows no patterns; put a label on the nodes that are meant"
