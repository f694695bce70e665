"""Reports that several verbs share, as text and as JSON-ready values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from atomicapp.cli.progress import COLOURS, SIGNS
from atomicapp.cli.ui import Ui
from atomicapp.model import (
    CREATE,
    DATA,
    DELETE,
    FAILED,
    KEEP,
    PRESENT,
    REPLACE,
    RUNNING,
    SCALE,
    SHARED,
    START,
    STOP,
    STOPPED,
    UNREADY,
    UPDATE,
    Existing,
    Plan,
    Step,
)
from atomicapp.params.secrets import Redactor

_TO = {
    CREATE: "to create", UPDATE: "to update", REPLACE: "to replace", DELETE: "to remove", START: "to start",
    STOP: "to stop", SCALE: "to scale", KEEP: "unchanged",
}  # fmt: skip
STATE_COLOURS = {RUNNING: "32", FAILED: "31", STOPPED: "33", UNREADY: "33", PRESENT: ""}


def plan_report(plan: Plan, redactor: Redactor) -> dict[str, Any]:
    """A plan as JSON-ready values, secrets masked."""
    return {
        "name": plan.target.app,
        "provider": plan.provider,
        "namespace": plan.target.namespace,
        "revision": plan.revision,
        "pending": bool(plan.changes),
        "steps": [
            {
                "op": step.op,
                "kind": step.kind,
                "name": step.name,
                "component": step.component,
                "cause": redactor.text(step.cause),
                "after": list(step.after),
                "changes": [
                    {"path": change.path, "old": redactor.value(change.old), "new": redactor.value(change.new)}
                    for change in step.changes
                ],
                "position": str(step.resource.position) if step.resource else "",
            }
            for step in plan.steps
        ],
    }


def summary(steps: Iterable[Step]) -> str:
    """`2 to create, 1 unchanged`."""
    numbers: dict[str, int] = {}
    for step in steps:
        numbers[step.op] = numbers.get(step.op, 0) + 1
    return ", ".join(f"{numbers[op]} {_TO[op]}" for op in _TO if op in numbers) or "nothing there"


def show_plan(ui: Ui, plan: Plan, redactor: Redactor) -> None:
    """A plan for people: a line a step, the fields that change below it."""
    ui.print(f"Plan for {plan.target.app} on {plan.provider}: {summary(plan.steps)}")
    for step in plan.steps:
        if step.op == KEEP:
            continue
        where = f"  ({step.component})" if step.component else ""
        cause = f"  {step.cause}" if step.cause else ""
        ui.print(ui.paint(f"  {SIGNS[step.op]} {step.op:<8}{step.kind} {step.name}{where}{cause}", COLOURS[step.op]))
        for change in step.changes:
            old, new = (redactor.value(value) for value in (change.old, change.new))
            ui.print(f"        {change.path}: {_shown(old)} -> {_shown(new)}")
    if not plan.changes:
        ui.print("Nothing to do: everything is as it is wanted.")


def _shown(value: str | None) -> str:
    if value is None:
        return "(absent)"
    line = value.strip("\n").replace("\n", "\\n")
    return line if len(line) <= 100 else line[:97] + "..."


def existing_report(existing: Iterable[Existing]) -> list[dict[str, Any]]:
    """What an engine holds, as JSON-ready values."""
    return [
        {
            "component": item.component,
            "kind": item.kind,
            "name": item.name,
            "state": item.health,
            "detail": item.detail,
            "image": item.image,
            "ports": list(item.ports),
            "revision": item.revision,
            "replicas": item.replicas,
            "id": item.id,
            "data": item.lifetime == DATA,
        }
        for item in existing
        if item.lifetime != SHARED
    ]


def show_existing(ui: Ui, existing: Iterable[Existing]) -> None:
    """What an engine holds, as a table."""
    items = [item for item in existing if item.lifetime != SHARED]
    rows = [
        (item.component or "-", item.kind, item.name, item.health, item.detail, ", ".join(item.ports)) for item in items
    ]
    heads = ("COMPONENT", "KIND", "NAME", "STATE", "DETAIL", "PORTS")
    ui.table(heads, rows, [STATE_COLOURS.get(item.health, "") for item in items])


def overall(existing: Iterable[Existing]) -> str:
    """The state of a deployment in one word: running, unready, stopped, degraded (some of it runs), absent; when nothing of it
    can run, `data` (only what holds data was kept) or `present` (an app of settings only, or the rest of one)."""
    items = [item for item in existing if item.lifetime != SHARED]
    states = [item.health for item in items if item.state != PRESENT]
    if not items:
        return "absent"
    if not states:
        return "data" if all(item.lifetime == DATA for item in items) else PRESENT
    if all(state == RUNNING for state in states):
        return "running"
    if all(state == STOPPED for state in states):
        return "stopped"
    if all(state in (RUNNING, UNREADY) for state in states):
        return UNREADY
    return "degraded"


def show_deployment(ui: Ui, plan: Plan, existing: Iterable[Existing]) -> None:
    """What stands after a run: what was done, where it can be reached, what to type next."""
    name, items = plan.target.app, tuple(existing)
    if plan.changes:
        state = overall(items)
        shown = "not ready yet" if state == UNREADY else state
        ui.print(f"{name} is {shown} on {plan.provider} (revision {plan.revision})")
    else:
        ui.print(f"{name}: nothing to do, everything is as it is wanted")
    open_ones = [item for item in items if item.ports]
    times = Counter(item.component for item in open_ones)
    for item in open_ones:
        # several services of one Compose file have the component in common
        of = f" ({item.name})" if times[item.component] > 1 else ""
        ui.print(f"  {item.component}{of}: {', '.join(address(port) for port in item.ports)}")
    if plan.changes:
        ui.print(f"See `atomicapp status {name}`, `atomicapp logs {name}`, `atomicapp stop {name}`.")


def address(port: str) -> str:
    """`0.0.0.0:8080->80/tcp` with a URL that a user can open, when it is TCP."""
    host, arrow, inner = port.partition("->")
    ip, colon, number = host.rpartition(":")
    if not (arrow and colon and number.isdigit() and inner.endswith("/tcp")):
        return port
    shown = "localhost" if ip in ("0.0.0.0", "127.0.0.1", "[::]", "::", "") else ip  # noqa: S104 -- read, not bound
    return f"http://{shown}:{number} (port {inner.removesuffix('/tcp')})"


def kept(steps: Iterable[Step]) -> list[str]:
    """What an uninstall leaves because it holds data."""
    return [
        f"{step.kind} {step.name}"
        for step in steps
        if step.op == KEEP and step.existing and step.existing.lifetime == DATA
    ]


def counted(existing: Iterable[Existing]) -> str:
    """`2/3`: how many of those that run do."""
    states = [item.health for item in existing if item.lifetime != SHARED and item.state != PRESENT]
    return f"{sum(state == RUNNING for state in states)}/{len(states)}"
