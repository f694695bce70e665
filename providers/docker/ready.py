"""How a container that was started is doing."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from atomicapp.model import RUNNING, Existing, Failed, Readiness, Ready, Resource, Waiting
from atomicapp.providers import base
from atomicapp.providers.docker import logs
from atomicapp.providers.docker.client import Client
from atomicapp.providers.docker.resources import CONTAINER

STEADY = 1.0
"""Seconds that a container without a health check must have run: most wrong commands end sooner."""

LONG_AGO = 10.0
"""Seconds. What started before is no news, whatever the difference between the engine's clock and ours."""

MOST_RESTARTS = 5
"""A container may be restarted some times while what it needs comes up; after these it is taken for failed."""

_RECENT = 3600
"""Seconds of the past in which the end of a container is looked for."""

MOST_LOOKS = 6
"""Looks for the event of an end, which the engine may tell a moment after the container is gone."""

TAIL = 10


class Watch:
    """Remembers since when each container was seen running."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.seen: dict[str, tuple[str, float]] = {}
        self.restarts: dict[str, int] = {}
        self.missed: dict[str, int] = {}

    def look(self, resource: Resource) -> Readiness:
        """One look; what is no container is ready once it is made."""
        if resource.kind != CONTAINER:
            return Ready()
        found = self.client.inspect(CONTAINER, resource.name)
        if found is None:
            if (resource.body.get("host") or {}).get("AutoRemove"):
                return self._removed(resource)
            return Failed("is gone: someone else has removed it")
        state: dict[str, Any] = found.get("State") or {}
        container_id = str(found.get("Id", ""))
        restarts = int(found.get("RestartCount") or 0)
        before = self.restarts.setdefault(container_id, restarts)
        existing = Existing(resource.key, resource.component, CONTAINER, resource.name, "", RUNNING, id=container_id)
        if restarts - before >= MOST_RESTARTS:
            return self._failed(existing, f"ends again and again ({restarts} restarts, last {_end(state)})")
        if state.get("Restarting"):
            lines = logs.tail(self.client, existing, TAIL)
            return Waiting(f"restarting ({restarts} so far, last {_end(state)})", lines)
        if state.get("Running"):
            if resource.body.get("once"):
                return Waiting("has not come to its end yet")
            return self._running(existing, state, restarts)
        if state.get("Status") == "created":
            if state.get("Error"):
                return self._failed(existing, f"did not start: {state['Error']}")
            return Waiting("not started yet")
        if int(state.get("ExitCode") or 0) == 0 and not state.get("OOMKilled"):
            return Ready("completed")
        return self._failed(existing, f"has ended {_end(state)}")

    def _running(self, existing: Existing, state: Mapping[str, Any], restarts: int) -> Readiness:
        if state.get("Paused"):
            return Waiting("paused")
        health: dict[str, Any] = state.get("Health") or {}
        status = health.get("Status", "none")
        if status == "healthy":
            return Ready("healthy")
        if status == "unhealthy":
            return self._failed(existing, f"is unhealthy: {_last_check(health) or 'its check gives no output'}")
        if status == "starting":
            last = _last_check(health)
            return Waiting(f"health check not passed yet{f': {last}' if last else ''}")
        started = str(state.get("StartedAt", ""))
        now = time.monotonic()
        first = self.seen.get(existing.id)
        if first is None or first[0] != started:
            self.seen[existing.id] = (started, now)
            long_ago = restarts == 0 and age(started) > LONG_AGO
            return Ready("running") if long_ago else Waiting("running, for less than a second")
        return Ready("running") if now - first[1] >= STEADY else Waiting("running, for less than a second")

    def _removed(self, resource: Resource) -> Readiness:
        """How a container ended that removes itself: the engine's recent events remember it for a while."""
        name = resource.name
        code = _last_exit_code(self.client, resource)
        if code == 0:
            return Ready("completed")
        if code is not None:
            return Failed(f"has ended with exit code {code}, and its log was removed with it, as --rm asks")
        self.missed[name] = self.missed.get(name, 0) + 1
        if self.missed[name] < MOST_LOOKS:
            return Waiting("has ended, and was removed as --rm asks")
        return Failed("has ended and was removed with its log, as --rm asks; how it ended can't be told")

    def _failed(self, existing: Existing, reason: str) -> Failed:
        return Failed(reason, logs.tail(self.client, existing, TAIL))


def _last_exit_code(client: Client, resource: Resource) -> int | None:
    """The exit code of the last container of a resource, from the engine's events; None when they don't tell."""
    labels = [f"{base.LABEL_KEY}={resource.key}", f"{base.LABEL_HASH}={resource.hash}"]
    filters = {"type": ["container"], "event": ["die"], "container": [resource.name], "label": labels}
    # with a moment in the future the engine would wait for it: so it is the engine's own clock that counts
    with client.request("GET", "/version") as response:
        now = parsedate_to_datetime(response.headers["Date"]) if "Date" in response.headers else datetime.now(UTC)
    end = int(now.timestamp())
    params = {"since": str(end - _RECENT), "until": str(end), "filters": json.dumps(filters)}
    with client.request("GET", "/events", params=params, timeout=10.0) as response:
        lines = response.text.splitlines()
    try:
        return int(json.loads(lines[-1])["Actor"]["Attributes"]["exitCode"])
    except (IndexError, ValueError, KeyError, TypeError):
        return None


def _end(state: Mapping[str, Any]) -> str:
    code = int(state.get("ExitCode") or 0)
    text = f"with exit code {code}"
    if state.get("OOMKilled"):
        text += ": it needed more memory than it may have (OOM)"
    elif code == 137:
        text += ": it was killed (SIGKILL)"
    elif code == 127:
        text += ": a command was not found"
    if state.get("Error"):
        text += f" ({state['Error']})"
    return text


def _last_check(health: Mapping[str, Any]) -> str:
    """The output of the last health check on one line."""
    log = health.get("Log") or []
    output = " ".join(str(log[-1].get("Output", "")).split()) if log else ""
    return output[:300]


def age(stamp: str) -> float:
    """Seconds since a time of the engine; 0 when it can't be read."""
    try:
        # the engine writes nanoseconds, of which Python takes six digits
        found = datetime.fromisoformat(stamp)
    except ValueError:
        return 0.0
    return (datetime.now(UTC) - found).total_seconds() if found.tzinfo else 0.0
