"""What a swarm says of the services of a deployment: its events, and the ends of tasks, which it tells by their state only."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from atomicapp.model import Event, Existing
from atomicapp.providers.docker.client import Client, talking
from atomicapp.providers.docker.logs import since_stamp
from atomicapp.providers.swarm import client as wire
from atomicapp.providers.swarm import nodes as noding
from atomicapp.providers.swarm import tasks as tasking
from atomicapp.providers.swarm.client import Row
from atomicapp.providers.swarm.resources import SERVICE

_PAUSE = 1.0
"""Seconds between two looks while following."""


def read(client: Client, items: Sequence[Existing], *, follow: bool, since: str) -> Iterator[Event]:
    """See providers.base.Session.events."""
    services = {item.id: item for item in items if item.kind == SERVICE and item.id}
    start = since_stamp(since)
    told: set[tuple[str, str, str]] = set()
    while services:
        found = [*_events(client, services, start or "0"), *_tasks(client, services, start)]
        for key, event in sorted(found, key=lambda pair: pair[1].time):
            if key not in told:
                told.add(key)
                yield event
        if not follow:
            return
        time.sleep(_PAUSE)


Told = tuple[tuple[str, str, str], Event]


def _events(client: Client, services: Mapping[str, Existing], start: str) -> Iterator[Told]:
    filters = {"type": ["service"], "service": sorted(services)}
    params = {"filters": json.dumps(filters), "since": start, "until": f"{time.time():.9f}"}
    with client.request("GET", "/events", params=params, timeout=30.0) as response, talking(client.endpoint):
        lines = response.text.splitlines()
    for line in lines:
        found = json.loads(line) if line.strip() else {}
        actor = found.get("Actor") or {}
        item = services.get(str(actor.get("ID", "")))
        if item is None:
            continue
        about = actor.get("Attributes") or {}
        update = str(about.get("updatestate.new", ""))
        said = f"its update is {update.replace('_', ' ')}" if update else ""
        if about.get("replicas.new"):
            said = f"{about.get('replicas.old')} -> {about['replicas.new']} replicas"
        nano = int(found.get("timeNano") or 0)
        stamp = datetime.fromtimestamp(nano / 1e9, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        bad = update in ("paused", "rollback_started", "rollback_paused", "rollback_completed")
        action = str(found.get("Action", ""))
        yield (item.id, str(nano), action), Event(item.component, stamp, bad, f"service {item.name}", action, said)


def _tasks(client: Client, services: Mapping[str, Existing], start: str) -> Iterator[Told]:
    nodes = noding.read(wire.rows(client, "/nodes"))
    earliest = datetime.fromtimestamp(float(start), UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ") if start else ""
    for task in wire.rows(client, "/tasks", service=sorted(services)):
        item = services[str(task["ServiceID"])]
        state, stamp = tasking.state_of(task), tasking.stamp(task)
        if stamp < earliest:
            continue
        subject = f"task {tasking.names_of(task, item.name, nodes)}"
        bad = state in tasking.BAD or _is_stuck(task)
        yield (
            (str(task["ID"]), state, _error(task)),
            Event(item.component, stamp, bad, subject, state, _said(task, state)),
        )


def _is_stuck(task: Row) -> bool:
    return tasking.state_of(task) == "pending" and bool(_error(task))


def _error(task: Row) -> str:
    return str((task.get("Status") or {}).get("Err") or "")


def _said(task: Row, state: str) -> str:
    if state in (*tasking.BAD, "complete"):
        return tasking.end_of(task)
    status: Mapping[str, Any] = task.get("Status") or {}
    return str(status.get("Err") or status.get("Message") or "")
