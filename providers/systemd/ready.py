"""How units that were started are doing: whether they do their work, and why not."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence

from atomicapp.model import Failed, Readiness, Ready, Resource, Waiting
from atomicapp.providers.systemd import journal, marks, reasons, runtime, state
from atomicapp.providers.systemd.marks import UNIT
from atomicapp.providers.systemd.observe import units_of
from atomicapp.providers.systemd.state import Row
from atomicapp.providers.systemd.tools import Systemd
from atomicapp.providers.units import names, podman

STEADY = 1.5
"""Seconds that a service must have stayed up whose type does not tell when it is ready: most wrong commands end sooner."""

MOST_RESTARTS = 2
"""A service may be restarted while what it needs comes up; after these it is taken for failed."""

APPEARS_WITHIN = 20.0
"""Seconds after which the container of an active unit is one that this user's docker or podman does not know."""

FRESH = 0.1
"""Seconds for which one answer serves all units that are waited for."""

TAIL = 10
_TELLS = ("notify", "notify-reload", "dbus", "oneshot", "forking")
"""Types of services that are active only when they have come up."""


class Watch:
    """Remembers since when each unit was seen up. One call to systemd looks at all units that were ever asked for."""

    def __init__(self, systemd: Systemd) -> None:
        self.systemd = systemd
        self._lock = threading.Lock()
        self._rows: dict[str, Row] = {}
        self._at = 0.0
        self._names: dict[str, None] = {}
        self._since = 0.0
        self._seen: dict[str, tuple[tuple[str, str], float]] = {}
        self._asked: dict[str, float] = {}

    def look(self, resource: Resource) -> Readiness:
        """One look; what does not run by itself is ready once it is there."""
        if resource.kind != UNIT:
            return Ready()
        units = units_of(resource.name, resource.body.get("instances", ()))
        if not units:
            return Ready("a template")
        rows = self._look(units)
        if resource.body.get("way") == marks.PRESENT_ONLY:
            bad = next((row for row in rows.values() if row.get("LoadState") not in ("loaded", None)), None)
            return Failed(reasons.not_loaded(bad)) if bad else Ready("until another unit starts it")
        once = resource.body.get("way") == marks.ONCE
        # Podman says that it is ready when the container has begun
        begun = podman.is_file(resource.body.get("source", ""))
        found = [(unit, self._one(unit, row, once, begun)) for unit, row in rows.items()]
        for kind in (Failed, Waiting):
            for unit, readiness in found:
                if isinstance(readiness, kind):
                    if len(found) == 1:
                        return readiness
                    return readiness._replace(reason=f"{unit} {readiness.reason}")
        if resource.body.get("health"):
            program = runtime.PODMAN if begun else runtime.DOCKER
            for unit, row in rows.items():
                found_health = self._health(program, resource.body["health"], unit, row)
                if not isinstance(found_health, Ready):
                    return found_health
        return found[0][1] if len(found) == 1 else Ready(f"{len(found)} instances active")

    def _look(self, units: Sequence[str]) -> Mapping[str, Row]:
        with self._lock:
            if time.monotonic() - self._at > FRESH or any(unit not in self._names for unit in units):
                self._names |= dict.fromkeys(units)
                self._rows = dict(self.systemd.show(list(self._names), state.PROPERTIES))
                self._at = time.monotonic()
            return {unit: self._rows[unit] for unit in units}

    def begin(self) -> None:
        """Something is about to be told to systemd: what it said before is of no interest."""
        with self._lock:
            self._since = self._since or time.time()

    def forget(self) -> None:
        """What was seen counts no more: something was told to systemd since."""
        with self._lock:
            self._at = 0.0

    def _health(self, program: str, container: str, unit: str, row: Row) -> Readiness:
        """What runs a container of an active unit says of its health. Where it knows nothing of it, that the unit is active
        has to do."""
        name = container.replace("%i", names.split(unit).instance or "")
        done = self.systemd.health(program, name)
        if done.code == 0 and done.out == "starting":
            return Waiting("health check not passed yet")
        if done.code == 0 and done.out == "unhealthy":
            return Failed("is unhealthy", self._tail(unit, row))
        if "no such" in done.said.lower():
            # a moment passes between the start of a unit and its container
            first = self._asked.setdefault(f"{name} {row.get('InvocationID', '')}", time.monotonic())
            if time.monotonic() - first < APPEARS_WITHIN:
                return Waiting("its container is not there yet")
        return Ready(done.out if done.code == 0 else "active")

    # ------------------------------------------------------------ one unit

    def _one(self, unit: str, row: Row, once: bool, begun: bool) -> Readiness:
        if row.get("LoadState") != "loaded":
            return Failed(reasons.not_loaded(row))
        active, sub = row.get("ActiveState", ""), row.get("SubState", "")
        if active == "failed":
            count = int(row.get("NRestarts") or 0)
            after = f", after {count} restarts" if count else ""
            return self._failed(unit, row, f"has failed: {reasons.end(row)}{after}")
        if active == "activating" and sub == "auto-restart":
            if (count := int(row.get("NRestarts") or 0)) < MOST_RESTARTS:
                return Waiting(f"has ended: {reasons.end(row)}; it is started again", self._tail(unit, row))
            reason = f"ends again and again ({count} restarts): {reasons.end(row)}"
            return Failed(reason, self._tail(unit, row, looks=journal.LOOKS), lasting=False)
        if active in ("active", "reloading", "refreshing"):
            return self._up(unit, row, once, begun)
        if active in ("activating", "deactivating", "maintenance"):
            text = row.get("StatusText", "")
            return Waiting(f"{active} ({sub})" + (f": {text}" if text else ""))
        if state.job(row):
            return Waiting("waits for its turn")
        return self._down(unit, row, once)

    def _up(self, unit: str, row: Row, once: bool, begun: bool) -> Readiness:
        shown = f"{row.get('ActiveState')} ({row.get('SubState')})"
        tells = row.get("Type") in _TELLS and not (begun and row.get("Type") == "notify")
        if not unit.endswith(".service") or tells or row.get("SubState") == "exited":
            return Ready(shown)
        if once:
            return Waiting("has not come to its end yet")
        as_it_is, now = (row.get("InvocationID", ""), row.get("NRestarts", "")), time.monotonic()
        before = self._seen.get(unit)
        if before is None or before[0] != as_it_is:
            self._seen[unit] = (as_it_is, now)
        elif now - before[1] >= STEADY:
            return Ready(shown)
        return Waiting(f"{shown}, for less than two seconds")

    def _down(self, unit: str, row: Row, once: bool) -> Readiness:
        """It is not up, did not fail, and nothing more will come."""
        if row.get("ConditionResult") == "no" and row.get("ConditionTimestampMonotonic", "0") != "0":
            return Failed("was not started: one of its conditions (Condition...=) is not met")
        if row.get("ExecMainStartTimestampMonotonic", "0") not in ("", "0"):
            return Ready("completed")
        # systemd has forgotten it, as it does with what nothing refers to: the journal has not
        word = journal.last_word(self.systemd, unit, self._since)
        if word.result == "dependency":
            culprit, tail = self._culprit(row)
            return Failed(f"was not started, for what it needs did not come up: {culprit or word.text}", tail)
        if "condition" in word.text or "assertion" in word.text.lower():
            return Failed(f"was not started: {word.text}")
        if once or word.message == journal.ENDED_WELL:
            return Ready("completed")
        return self._failed(unit, row, f"is not active: {word.text or 'systemd does not say why'}")

    def _culprit(self, row: Row) -> tuple[str, tuple[str, ...]]:
        """Which of the units that it needs has failed, why, and what it wrote."""
        names = [name for key in ("Requires", "BindsTo", "Requisite") for name in row.get(key, "").split()]
        rows = self.systemd.show(names, state.PROPERTIES) if names else {}
        for name, other in rows.items():
            if other.get("ActiveState") == "failed":
                return f"{name} has failed ({reasons.end(other)})", self._tail(name, other, looks=journal.LOOKS)
            if other.get("LoadState") not in ("loaded", ""):
                return f"{name} {reasons.not_loaded(other)}", ()
        return "", ()

    # ------------------------------------------------------------ logs

    def _failed(self, unit: str, row: Row, reason: str) -> Failed:
        return Failed(reason, self._tail(unit, row, looks=journal.LOOKS))

    def _tail(self, unit: str, row: Row, *, looks: int = 1) -> tuple[str, ...]:
        run, pid = row.get("InvocationID", ""), row.get("ExecMainPID", "")
        return journal.tail(self.systemd, unit, run, TAIL, pid=pid, looks=looks)
