"""How a service is doing, as a listing of its tasks tells: its state, a few words on it, and what a user can open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from atomicapp.model import FAILED, RUNNING, STOPPED
from atomicapp.providers.swarm import tasks as tasking
from atomicapp.providers.swarm.client import Row, labels_of, spec_of
from atomicapp.providers.swarm.nodes import Node

LABEL_REPLICAS = "io.atomicapp.replicas"
"""On a service that `stop` has brought to rest: what `start` brings back, a count or the word below."""

EVERYWHERE = "everywhere"
NOWHERE = "node.labels.io.atomicapp.stopped==true"
"""A constraint that no node meets: a service with it has no tasks."""

PAUSED = ("paused", "rollback_paused")


def is_stopped(row: Row) -> bool:
    """Whether `stop` was here, and nobody has started the service since by other means."""
    if LABEL_REPLICAS not in labels_of(row):
        return False
    return tasking.count_of(row) == 0 or NOWHERE in constraints(row)


def constraints(row: Row) -> list[str]:
    """The placement constraints of a service."""
    found: list[str] = ((spec_of(row).get("TaskTemplate") or {}).get("Placement") or {}).get("Constraints") or []
    return found


def tell(row: Row, tasks: Sequence[Row], nodes: Mapping[str, Node]) -> tuple[str, str, bool]:
    """The state of a service, a few words on it, and whether it does its work."""
    if is_stopped(row):
        return STOPPED, "stopped", True
    if tasking.kind_of(row) in tasking.JOBS:
        return _job(row, tasks, nodes)
    update = row.get("UpdateStatus") or {}
    runs, count = tasking.running(tasks), tasking.count_of(row)
    meant = tasking.wanted(tasks)
    wanted = count if count is not None else len({tasking.place_of(task) for task in meant})
    detail = f"{len(runs)} of {wanted} running"
    if runs:
        detail += f" on {tasking.where(runs, nodes)}"
    if update.get("State") in PAUSED:
        return FAILED, f"{detail}: {update.get('Message') or 'its update is paused'}", False
    if len(runs) >= wanted:
        if update.get("State") in ("updating", "rollback_started"):
            return RUNNING, f"{detail}, {'being rolled back' if 'roll' in update['State'] else 'being updated'}", False
        return RUNNING, detail, True
    waits = next((str((task.get("Status") or {}).get("Err") or "") for task in meant if _pending(task)), "")
    # what failed before the last change is no news
    own = tasking.newest(row, tasks)
    ended = tasking.last_ended(own)
    if not meant:
        # nothing will come any more: its restart condition says so
        if ended is None and tasking.last_ended(own, ("complete",)):
            return RUNNING, "completed", True
        return FAILED, tasking.end_of(ended) if ended else detail, False
    if waits:
        return RUNNING, f"{detail}: {waits}", False
    if ended is not None and not runs:
        return FAILED, f"{detail}: {tasking.end_of(ended)}", False
    return RUNNING, f"{detail}: {tasking.end_of(ended)}" if ended else detail, False


def _pending(task: Row) -> bool:
    return tasking.state_of(task) == "pending" and bool((task.get("Status") or {}).get("Err"))


def _job(row: Row, tasks: Sequence[Row], nodes: Mapping[str, Node]) -> tuple[str, str, bool]:
    own = tasking.newest(row, tasks)
    done = {tasking.place_of(task) for task in own if tasking.state_of(task) == "complete"}
    count = tasking.count_of(row)
    wanted = count if count is not None else len({str(task.get("NodeID") or task.get("ID")) for task in own})
    if len(done) >= wanted:
        return RUNNING, "completed", True
    detail = f"{len(done)} of {wanted} completed"
    runs = [task for task in own if tasking.state_of(task) not in tasking.ENDED]
    ended = tasking.last_ended(own)
    if not runs and ended is not None:
        return FAILED, f"{detail}: {tasking.end_of(ended)}", False
    on = tasking.where(tasking.running(own), nodes)
    return RUNNING, f"{detail}, running on {on}" if on else detail, True


def ports(row: Row, tasks: Sequence[Row], nodes: Mapping[str, Node]) -> tuple[str, ...]:
    """What a user can open: `10.0.0.3:8080->80/tcp`, at one of the nodes for what all of them publish."""
    found = set()
    for port in (row.get("Endpoint") or {}).get("Ports") or []:
        shown = f"{port.get('TargetPort')}/{port.get('Protocol', 'tcp')}"
        if port.get("PublishMode") != "host":
            at = min((node.address for node in nodes.values() if node.usable and node.address), default="")
            found.add(f"{_host(at)}:{port.get('PublishedPort')}->{shown}")
    for task in tasking.running(tasks):
        node = nodes.get(str(task.get("NodeID", "")))
        for port in ((task.get("Status") or {}).get("PortStatus") or {}).get("Ports") or []:
            if port.get("PublishMode") == "host" and port.get("PublishedPort"):
                shown = f"{port.get('TargetPort')}/{port.get('Protocol', 'tcp')}"
                found.add(f"{_host(node.address if node else '')}:{port['PublishedPort']}->{shown}")
    return tuple(sorted(found))


def _host(address: str) -> str:
    return f"[{address}]" if ":" in address else address or "*"
