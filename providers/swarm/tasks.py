"""The tasks of a service: which of them count, how they are doing, and why they are not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from atomicapp.providers.docker.reasons import no_program
from atomicapp.providers.swarm.client import Row, spec_of
from atomicapp.providers.swarm.nodes import Node, name_of

REPLICATED = "Replicated"
GLOBAL = "Global"
REPLICATED_JOB = "ReplicatedJob"
GLOBAL_JOB = "GlobalJob"
JOBS = (REPLICATED_JOB, GLOBAL_JOB)

ENDED = ("complete", "failed", "rejected", "shutdown", "orphaned", "remove")
BAD = ("failed", "rejected")
_WANTED = ("running", "ready", "complete")
_TEMPLATE = ("ContainerSpec", "Resources", "RestartPolicy", "LogDriver", "Networks", "ForceUpdate")
"""What makes tasks anew when it changes. A changed placement does so only for those that no longer fit."""

_CODES = {137: ": it was killed (SIGKILL)", 127: ": a command was not found", 126: ": a command can't be run"}


def kind_of(row: Row) -> str:
    """The mode of a service."""
    return next(iter(spec_of(row).get("Mode") or {}), REPLICATED)


def count_of(row: Row) -> int | None:
    """How many tasks are asked for; None where each node has one."""
    mode = (spec_of(row).get("Mode") or {}).get(kind_of(row)) or {}
    found = mode.get("Replicas", mode.get("TotalCompletions"))
    return int(found) if found is not None else 1 if kind_of(row) == REPLICATED else None


def by_service(tasks: Sequence[Row]) -> dict[str, list[Row]]:
    """The tasks by the id of their service."""
    found: dict[str, list[Row]] = {}
    for task in tasks:
        found.setdefault(str(task.get("ServiceID", "")), []).append(task)
    return found


def state_of(task: Row) -> str:
    """What a task does now."""
    return str((task.get("Status") or {}).get("State", ""))


def newest(row: Row, tasks: Sequence[Row]) -> list[Row]:
    """The tasks that are made from the service as it is now."""
    if kind_of(row) in JOBS:
        iteration = _iteration(row.get("JobStatus") or {})
        return [task for task in tasks if _iteration(task) == iteration]
    template = _template(spec_of(row).get("TaskTemplate") or {})
    return [task for task in tasks if _template(task.get("Spec") or {}) == template]


def _iteration(found: Row) -> int:
    return int((found.get("JobIteration") or {}).get("Index") or 0)


def _template(found: Mapping[str, Any]) -> list[Any]:
    return [found.get(name) for name in _TEMPLATE]


def wanted(tasks: Sequence[Row]) -> list[Row]:
    """The tasks that are meant to run, or to run to their end."""
    return [task for task in tasks if task.get("DesiredState") in _WANTED]


def running(tasks: Sequence[Row]) -> list[Row]:
    """The tasks that run, and are meant to."""
    return [
        task for task in tasks if task.get("DesiredState") in ("running", "complete") and state_of(task) == "running"
    ]


def place_of(task: Row) -> str:
    """The slot of a task, or its node where each node has one."""
    return str(task.get("Slot") or task.get("NodeID") or task.get("ID"))


def stamp(task: Row) -> str:
    """When the state of a task was told."""
    return str((task.get("Status") or {}).get("Timestamp", ""))


def last_ended(tasks: Sequence[Row], states: Sequence[str] = BAD) -> Row | None:
    """The task that was the last to end so."""
    found = sorted((task for task in tasks if state_of(task) in states), key=stamp)
    return found[-1] if found else None


def end_of(task: Row) -> str:
    """How a task has ended, in a few words."""
    status = task.get("Status") or {}
    code = int((status.get("ContainerStatus") or {}).get("ExitCode") or 0)
    said = " ".join(str(status.get("Err") or status.get("Message") or "").split())
    if state_of(task) == "complete":
        return "completed"
    if state_of(task) == "rejected":
        return f"can't be started: {_cause(said)}"
    if "unhealthy" in said:
        return "was ended because it is unhealthy: its health check fails"
    program = no_program(said)
    if program:
        return f"has failed: {program}"
    if code:
        return f"has ended with exit code {code}{_CODES.get(code, '')}"
    return f"has failed: {_cause(said) or state_of(task)}"


def _cause(said: str) -> str:
    if said.startswith("No such image"):
        return f"the node can't get its image ({said[:300]})"
    return said[:300]


def names_of(task: Row, service: str, nodes: Mapping[str, Node]) -> str:
    """A task as people call it: `web.1 on node1`."""
    place = str(task.get("Slot") or str(task.get("ID", ""))[:12])
    return f"{service}.{place} on {name_of(nodes, str(task.get('NodeID', '')))}"


def where(tasks: Sequence[Row], nodes: Mapping[str, Node]) -> str:
    """`node1, node2`: the nodes of some tasks."""
    return ", ".join(sorted({name_of(nodes, str(task.get("NodeID", ""))) for task in tasks}))
