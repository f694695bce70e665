"""How an app that was made or changed is doing: whether Marathon has come to what is wanted, and why not."""

from __future__ import annotations

import threading
import time
from typing import Any

from atomicapp.model import Failed, Readiness, Ready, Resource, Waiting
from atomicapp.providers.marathon import labels as marks
from atomicapp.providers.marathon import logs, observe, reasons
from atomicapp.providers.marathon.client import Client, Row
from atomicapp.providers.marathon.resources import APP

STEADY = 1.5
"""Seconds that the tasks must stay as they are: most wrong commands end sooner."""

FRESH = 0.1
"""Seconds for which an answer serves the looks at all apps."""

MOST_FAILURES = 2
"""A task may end once while what it needs comes up; after these ends its app is taken for failed."""

TAIL = 10


class Watch:
    """Remembers which tasks of each app it has seen, and how they ended. All apps of a deployment are read at once."""

    def __init__(self, client: Client, app: str) -> None:
        self.client = client
        self.app = app
        self.sandbox = logs.Sandbox(client)
        self.ends: dict[tuple[str, str], dict[str, str]] = {}
        self.seen: dict[tuple[str, str], set[str]] = {}
        self.steady: dict[str, tuple[Any, float]] = {}
        self._lock = threading.Lock()
        self._rows: dict[str, Row] = {}
        self._queue: dict[str, Row] = {}
        self._read_at = self._queue_at = -FRESH

    def look(self, resource: Resource) -> Readiness:
        """One look; what is no app is ready once it is made."""
        if resource.kind != APP:
            return Ready()
        row = self._row(resource.name)
        if row is None:
            return Failed("is gone: someone else has removed it")
        count, deployments = observe.count_of(row), observe.deployments_of(row)
        own = observe.tasks_of(row)
        old = observe.tasks_of(row, now=False)
        if not count:
            if deployments or own or old:
                return Waiting(f"{len(own) + len(old)} tasks are being ended")
            return Ready("suspended" if observe.stopped_with(row) is not None else "scaled to zero")
        failure = self._note(row, own)
        good = [task for task in own if observe.is_healthy(row, task)]
        if len(good) >= count and not old and not deployments:
            return self._steady(row, good, count)
        return self._trouble(row, own, good, failure) or self._coming(row, own, old, good)

    # ------------------------------------------------------------ what is told

    def _row(self, path: str) -> Row | None:
        with self._lock:
            # an app that was made since the last answer is not in it
            if path not in self._rows or time.monotonic() - self._read_at >= FRESH:
                rows = self.client.apps(marks.selector(self.app), observe.EMBED)
                self._rows = {str(row.get("id", "")): row for row in rows}
                self._read_at = time.monotonic()
            return self._rows.get(path)

    def _entry(self, path: str) -> Row | None:
        """What the queue says of an app."""
        with self._lock:
            if time.monotonic() - self._queue_at >= FRESH:
                entries = self.client.queue()
                self._queue = {str((entry.get("app") or {}).get("id", "")): entry for entry in entries}
                self._queue_at = time.monotonic()
            return self._queue.get(path)

    def _note(self, row: Row, own: list[Row]) -> Row | None:
        """Remember the tasks that are there and those that ended; the last failure of the app as it is now."""
        key = str(row.get("id", "")), observe.changed_at(row)
        ends, seen = self.ends.setdefault(key, {}), self.seen.setdefault(key, set())
        failure = observe.failure_of(row)
        if failure is not None:
            ends[str(failure.get("taskId", ""))] = observe.end_of(failure)
        now = {str(task.get("id", "")) for task in own}
        if not observe.deployments_of(row):
            for task in seen - now:
                ends.setdefault(task, "has ended with exit code 0")
        seen |= {str(task.get("id", "")) for task in own if observe.runs(task)}
        return failure

    # ------------------------------------------------------------ verdicts

    def _steady(self, row: Row, good: list[Row], count: int) -> Readiness:
        """Ready once everything has stayed as it is for a while."""
        path, now = str(row.get("id", "")), time.monotonic()
        as_it_is = (sorted(str(task.get("id", "")) for task in good), row.get("version"))
        word = "healthy" if row.get("healthChecks") else "running"
        before = self.steady.get(path)
        if before is None or before[0] != as_it_is:
            self.steady[path] = before = (as_it_is, now)
        if now - before[1] < STEADY:
            return Waiting(f"{count} of {count} {word}, for less than two seconds")
        return Ready(f"{count} of {count} {word}")

    def _trouble(self, row: Row, own: list[Row], good: list[Row], failure: Row | None) -> Readiness | None:
        """Tasks that have ended, or are not healthy."""
        path = str(row.get("id", ""))
        ends = self.ends.get((path, observe.changed_at(row)), {})
        if ends:
            last = observe.end_of(failure) if failure is not None else list(ends.values())[-1]
            tail = self.sandbox.tail(failure or {"taskId": list(ends)[-1]}, TAIL)
            if len(ends) >= MOST_FAILURES:
                return Failed(f"{last}, again and again ({len(ends)} times)", tail, lasting=False)
            return Waiting(f"{last}; it is tried again", tail)
        for task in own:
            for result in task.get("healthCheckResults") or ():
                if not result.get("alive") and result.get("lastFailureCause"):
                    cause = " ".join(str(result["lastFailureCause"]).split())
                    times = result.get("consecutiveFailures") or 0
                    said = f" ({times} times)" if times else ""
                    return Waiting(f"{len(good)} of {observe.count_of(row)} healthy: {cause}{said}")
        return None

    def _coming(self, row: Row, own: list[Row], old: list[Row], good: list[Row]) -> Readiness:
        count = observe.count_of(row)
        said = f"{len(good)} of {count} {'healthy' if row.get('healthChecks') else 'running'}"
        if old:
            said += f", {len(old)} of the version before"
        if len(own) < count:
            entry = self._entry(str(row.get("id", "")))
            if entry is not None:
                said += f"; {reasons.waiting(entry, row)}"
                if old and "InsufficientPorts" in said:
                    said += "; its instances of the version before hold the port: see upgradeStrategy"
        elif any(not observe.runs(task) for task in own):
            said += "; staged: the agent is fetching the image"
        return Waiting(said)
