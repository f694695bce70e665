"""How a container that was started is doing."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from atomicapp.model import RUNNING, Existing, Failed, Readiness, Ready, Resource, Waiting
from atomicapp.providers.docker import logs
from atomicapp.providers.docker.client import Client
from atomicapp.providers.docker.resources import CONTAINER

STEADY = 1.0
"""Seconds that a container without a health check must have run: most wrong commands end sooner."""

LONG_AGO = 10.0
"""Seconds. What started before is no news, whatever the difference between the engine's clock and ours."""

MOST_RESTARTS = 5
"""A container may be restarted some times while what it needs comes up; after these it is taken for failed."""

TAIL = 10


class Watch:
    """Remembers since when each container was seen running."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.seen: dict[str, tuple[str, float]] = {}
        self.restarts: dict[str, int] = {}

    def look(self, resource: Resource) -> Readiness:
        """One look; what is no container is ready once it is made."""
        if resource.kind != CONTAINER:
            return Ready()
        found = self.client.inspect(CONTAINER, resource.name)
        if found is None:
            if resource.body["host"].get("AutoRemove"):
                return Failed("has ended and was removed at once with its log, as --rm asks")
            return Failed("is gone: someone else has removed it")
        state: dict[str, Any] = found.get("State") or {}
        container_id = str(found.get("Id", ""))
        restarts = int(found.get("RestartCount") or 0)
        before = self.restarts.setdefault(container_id, restarts)
        existing = Existing(resource.key, resource.component, CONTAINER, resource.name, "", RUNNING, id=container_id)
        if restarts - before >= MOST_RESTARTS:
            return self._failed(existing, f"ends again and again ({restarts} restarts, last {_end(state)})")
        if state.get("Restarting"):
            return Waiting(f"restarting ({restarts} so far, last {_end(state)})")
        if state.get("Running"):
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
            long_ago = restarts == 0 and _age(started) > LONG_AGO
            return Ready("running") if long_ago else Waiting("running, for less than a second")
        return Ready("running") if now - first[1] >= STEADY else Waiting("running, for less than a second")

    def _failed(self, existing: Existing, reason: str) -> Failed:
        return Failed(reason, logs.tail(self.client, existing, TAIL))


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


def _age(stamp: str) -> float:
    """Seconds since a time of the engine; 0 when it can't be read."""
    try:
        # the engine writes nanoseconds, of which Python takes six digits
        found = datetime.fromisoformat(stamp)
    except ValueError:
        return 0.0
    return (datetime.now(UTC) - found).total_seconds() if found.tzinfo else 0.0
