"""How a service that was made or changed is doing: whether the swarm has come to what is wanted, and why not."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from atomicapp.model import Failed, Readiness, Ready, Resource, Waiting
from atomicapp.providers.docker.client import Client
from atomicapp.providers.swarm import client as wire
from atomicapp.providers.swarm import logs, state, tasks
from atomicapp.providers.swarm import nodes as noding
from atomicapp.providers.swarm.client import Row
from atomicapp.providers.swarm.nodes import Node
from atomicapp.providers.swarm.resources import SERVICE

STEADY = 1.5
"""Seconds that the tasks must stay as they are: most wrong commands end sooner, and an update begins a moment after it was
asked for."""

TAIL = 10


class Watch:
    """Remembers since when each service was seen as it is wanted."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.seen: dict[str, tuple[Any, float]] = {}
        self.counted: dict[str, set[str]] = {}

    def look(self, resource: Resource) -> Readiness:
        """One look; what is no service is ready once it is made."""
        if resource.kind != SERVICE:
            return Ready()
        row = wire.service(self.client, resource.name)
        if row is None:
            return Failed("is gone: someone else has removed it")
        if state.is_stopped(row):
            return Ready("stopped")
        every = wire.rows(self.client, "/tasks", service=[str(row["ID"])])
        if tasks.kind_of(row) in tasks.JOBS:
            return self._job(row, tasks.newest(row, every))
        update = row.get("UpdateStatus") or {}
        found = self._update(row, update, every)
        return found or self._service(row, update, every)

    # ------------------------------------------------------------ updates

    def _update(self, row: Row, update: Row, every: Sequence[Row]) -> Readiness | None:
        """What an update has come to, when that is the end of the matter."""
        status = update.get("State", "")
        said = str(update.get("Message") or "")
        if status in ("rollback_completed", "rollback_started", "rollback_paused"):
            # the spec is the old one again: the tasks that failed are of none that is there now
            own = {str(task["ID"]) for task in tasks.newest(row, every)}
            ended = tasks.last_ended([task for task in every if str(task["ID"]) not in own]) or tasks.last_ended(every)
        else:
            ended = tasks.last_ended(tasks.newest(row, every))
        cause = f"; its task {tasks.end_of(ended)}" if ended else ""
        if status == "paused":
            return self._failed(row, f"was not updated to the end ({said or 'paused'}){cause}", ended)
        if status == "rollback_paused":
            return self._failed(row, f"could not be rolled back ({said or 'paused'}){cause}", ended)
        if status == "rollback_completed" and self._fresh(update):
            return self._failed(row, f"was rolled back to what ran before ({said}){cause}", ended)
        if status == "rollback_started":
            return Waiting(f"is being rolled back ({said}){cause}", self._tail(ended))
        return None

    def _fresh(self, update: Row) -> bool:
        """Whether an end was told in this run: the service may stay as it was rolled back for long."""
        from atomicapp.providers.docker.ready import age

        return age(str(update.get("CompletedAt") or "")) < _NEWS

    # ------------------------------------------------------------ services

    def _service(self, row: Row, update: Row, every: Sequence[Row]) -> Readiness:
        own = tasks.newest(row, every)
        meant, count = tasks.wanted(every), tasks.count_of(row)
        runs = [task for task in tasks.running(own) if task in meant]
        old = [task for task in meant if task not in own]
        wanted = count if count is not None else len({tasks.place_of(task) for task in meant})
        if len(runs) >= wanted and not old and update.get("State") in (None, "", "completed", "rollback_completed"):
            return self._steady(row, runs, wanted, update)
        trouble = self._trouble(row, own, meant)
        if trouble is not None:
            return trouble
        if not old and not any(tasks.state_of(task) not in tasks.ENDED for task in meant) and own:
            found = self._at_its_end(row, own, wanted)
            if found is not None:
                return found
        being = ", being rolled over" if old or update.get("State") == "updating" else ""
        if any(tasks.state_of(task) == "starting" and _has_check(task) for task in meant):
            being += ", health check not passed yet"
        return Waiting(f"{min(len(runs), wanted)} of {wanted} running{being}")

    def _at_its_end(self, row: Row, own: Sequence[Row], wanted: int) -> Readiness | None:
        """All tasks have ended, and the restart condition brings no others."""
        rule = (wire.spec_of(row).get("TaskTemplate") or {}).get("RestartPolicy") or {}
        if rule.get("Condition", "any") == "any" and not rule.get("MaxAttempts"):
            return None
        places: dict[str, Row] = {}
        for task in sorted(own, key=tasks.stamp):
            places[tasks.place_of(task)] = task
        bad = [task for task in places.values() if tasks.state_of(task) in tasks.BAD]
        if bad:
            return self._failed(row, tasks.end_of(bad[-1]), bad[-1])
        if len(places) >= wanted and all(tasks.state_of(task) == "complete" for task in places.values()):
            return Ready("completed")
        return None

    def _steady(self, row: Row, runs: Sequence[Row], wanted: int, update: Row) -> Readiness:
        """Ready once everything has stayed as it is for a while."""
        key = str(row["ID"])
        now = time.monotonic()
        as_it_is = (sorted(str(task["ID"]) for task in runs), (row.get("Version") or {}).get("Index"), wanted)
        before = self.seen.get(key)
        if before is None or before[0] != as_it_is:
            self.seen[key] = (as_it_is, now)
            return Waiting(f"{wanted} of {wanted} running, for less than two seconds")
        if now - before[1] < STEADY:
            return Waiting(f"{wanted} of {wanted} running, for less than two seconds")
        if not wanted:
            return Ready("no node has what it asks for" if tasks.count_of(row) is None else "scaled to zero")
        return Ready(f"{wanted} of {wanted} running")

    def _trouble(self, row: Row, own: Sequence[Row], meant: Sequence[Row]) -> Readiness | None:
        """Why the newest tasks do not run."""
        nodes: dict[str, Node] | None = None
        for task in meant:
            status = task.get("Status") or {}
            if task in own and tasks.state_of(task) == "pending" and status.get("Err"):
                nodes = nodes or noding.read(wire.rows(self.client, "/nodes"))
                why = noding.misfit(nodes, state.constraints(row))
                return Waiting(f"{status['Err']}{f': {why}' if why else ''}")
        rule = (wire.spec_of(row).get("TaskTemplate") or {}).get("RestartPolicy") or {}
        condition = rule.get("Condition") or "any"
        if condition == "none":
            return None
        # what ends well is started again too, unless the file says otherwise
        ends = (*tasks.BAD, "complete") if condition == "any" and tasks.kind_of(row) not in tasks.JOBS else tasks.BAD
        bad = [task for task in own if tasks.state_of(task) in ends]
        ended = tasks.last_ended(bad, ends)
        if ended is None:
            return None
        # the swarm forgets all but the last few
        seen = self.counted.setdefault(str(row["ID"]), set())
        seen |= {str(task["ID"]) for task in bad}
        well = tasks.state_of(ended) == "complete"
        reason = "has ended with exit code 0" if well else tasks.end_of(ended)
        if len(seen) < MOST_FAILURES:
            return Waiting(f"{reason}; it is tried again", self._tail(ended))
        hint = " (with `restart: no` it would be done then)" if well else ""
        return Failed(f"{reason}, again and again ({len(seen)} times){hint}", self._tail(ended), lasting=False)

    # ------------------------------------------------------------ jobs

    def _job(self, row: Row, own: Sequence[Row]) -> Readiness:
        count = tasks.count_of(row)
        done = {tasks.place_of(task) for task in own if tasks.state_of(task) == "complete"}
        wanted = count if count is not None else len({tasks.place_of(task) for task in own})
        if len(done) >= wanted and (own or count == 0):
            return Ready("completed")
        trouble = self._trouble(row, own, [task for task in own if tasks.state_of(task) not in tasks.ENDED])
        if trouble is not None:
            return trouble
        left = [task for task in own if tasks.state_of(task) not in tasks.ENDED]
        ended = tasks.last_ended(own)
        if ended is not None and not left:
            return self._failed(row, tasks.end_of(ended), ended)
        return Waiting(f"{len(done)} of {wanted} completed" if own else "no task yet")

    # ------------------------------------------------------------ logs

    def _failed(self, row: Row, reason: str, task: Row | None) -> Failed:
        return Failed(reason, self._tail(task))

    def _tail(self, task: Row | None) -> tuple[str, ...]:
        return logs.tail(self.client, task, TAIL) if task is not None else ()


def _has_check(task: Row) -> bool:
    check = ((task.get("Spec") or {}).get("ContainerSpec") or {}).get("Healthcheck") or {}
    return check.get("Test") not in (None, [], ["NONE"])


MOST_FAILURES = 2
"""A task may end once while what it needs comes up; after these ends its service is taken for failed."""

_NEWS = 300.0
"""Seconds."""
