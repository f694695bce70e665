"""What Marathon says of the apps of a deployment: deployments on their way, tasks that began and failed, and what waits."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from atomicapp.model import Event, Existing
from atomicapp.providers.docker.logs import since_stamp
from atomicapp.providers.marathon import labels as marks
from atomicapp.providers.marathon import observe, reasons
from atomicapp.providers.marathon.client import Client, Row
from atomicapp.providers.marathon.resources import APP

_PAUSE = 1.0
"""Seconds between two looks while following."""

Told = tuple[tuple[str, str], Event]


def read(client: Client, app: str, items: Sequence[Existing], *, follow: bool, since: str) -> Iterator[Event]:
    """See providers.base.Session.events."""
    apps = {item.name: item for item in items if item.kind == APP}
    start = since_stamp(since)
    earliest = datetime.fromtimestamp(float(start), UTC).strftime("%Y-%m-%dT%H:%M:%S") if start else ""
    told: set[tuple[str, str]] = set()
    while apps:
        found = list(_all(client, app, apps))
        for key, event in sorted(found, key=lambda pair: pair[1].time):
            if key not in told and event.time >= earliest:
                told.add(key)
                yield event
        if not follow:
            return
        time.sleep(_PAUSE)


def _all(client: Client, app: str, apps: Mapping[str, Existing]) -> Iterator[Told]:
    for row in client.apps(marks.selector(app), observe.EMBED):
        item = apps.get(str(row.get("id", "")))
        if item is not None:
            yield from _of_app(row, item)
    for row in client.deployments():
        for path in row.get("affectedApps") or ():
            item = apps.get(str(path))
            if item is not None:
                actions = ", ".join(str(action.get("action", "")) for action in row.get("currentActions") or ())
                said = f"step {row.get('currentStep', '?')} of {row.get('totalSteps', '?')}: {actions}"
                subject = f"deployment {row.get('id', '')}"
                yield (
                    (str(row.get("id")), said),
                    Event(item.component, str(row.get("version", "")), False, subject, "deploying", said),
                )
    for entry in client.queue():
        path = str((entry.get("app") or {}).get("id", ""))
        item = apps.get(path)
        if item is not None:
            said = reasons.waiting(entry, entry.get("app") or {})
            yield (path, said), Event(item.component, str(entry.get("since", "")), True, f"app {path}", "queued", said)


def _of_app(row: Row, item: Existing) -> Iterator[Told]:
    for task in row.get("tasks") or ():
        ident, state = str(task.get("id", "")), str(task.get("state") or "TASK_RUNNING")
        stamp = str(task.get("startedAt") or task.get("stagedAt") or "")
        said = f"on {task.get('host', '?')}"
        yield (ident, state), Event(item.component, stamp, False, f"task {ident}", state, said)
    failure = row.get("lastTaskFailure")
    if isinstance(failure, dict):
        ident, state = str(failure.get("taskId", "")), str(failure.get("state") or "TASK_FAILED")
        stamp = str(failure.get("timestamp", ""))
        yield (ident, state), Event(item.component, stamp, True, f"task {ident}", state, observe.end_of(failure))
