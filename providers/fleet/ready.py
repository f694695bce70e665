"""Whether a unit has come up, from one listing for all that ask: see fleet's own states for what they don't say."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from atomicapp.model import Failed, Readiness, Ready, Resource, Waiting
from atomicapp.providers.fleet import state as telling
from atomicapp.providers.fleet import times, xfleet
from atomicapp.providers.fleet.client import LAUNCHED, State
from atomicapp.providers.fleet.marks import LOADED_ONLY, ONCE
from atomicapp.providers.fleet.observe import instances
from atomicapp.providers.fleet.remote import Machines, Told
from atomicapp.providers.fleet.view import Own, Snapshot, View, hash_of
from atomicapp.records import NamedTuple


class _Since(NamedTuple):
    """What a unit was seen in, and since when; `looks` counts different listings."""

    what: str
    begun: float
    looks: int
    taken: float


class Watch:
    """Asked again and again, by several threads."""

    def __init__(self, view: View, machines: Machines, clock: Callable[[], float] = time.monotonic) -> None:
        self._view = view
        self._machines = machines
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: dict[tuple[str, str], _Since] = {}

    def forget(self, names: list[str]) -> None:
        """These were changed: what was seen of them before does not count."""
        with self._lock:
            gone = set(names)
            self._seen = {key: since for key, since in self._seen.items() if key[0] not in gone}

    def look(self, resource: Resource, app: str) -> Readiness:
        """How a resource is doing."""
        snapshot = self._view.look()
        owns = snapshot.of(app).get(resource.key) or []
        running = instances(owns)
        if not owns:
            return Failed("is not there any more: others have destroyed it")
        found = [self._unit(own, snapshot) for own in running]
        for kind in (Failed, Waiting):
            for one in found:
                if isinstance(one, kind):
                    return one
        details = [one.detail for one in found if isinstance(one, Ready) and one.detail]
        return Ready("; ".join(details[:3]) + (" ..." if len(details) > 3 else ""))

    def unit(self, name: str) -> Readiness:
        """How one unit is doing."""
        snapshot = self._view.look()
        own = snapshot.own.get(name)
        return self._unit(own, snapshot) if own else Failed("is not there any more: others have destroyed it")

    def _unit(self, own: Own, snapshot: Snapshot) -> Readiness:
        unit, way = own.unit, own.mark.way
        if unit.desired != LAUNCHED and way != LOADED_ONLY:
            return Failed(f"is to be {unit.desired}: others have stopped it")
        wish = xfleet.read(unit.options, unit.name)
        if not unit.machine and not wish.is_global:
            return self._unplaced(own, wish, snapshot)
        states = telling.reported(unit, snapshot)
        awaited = self._awaited(own, wish, snapshot)
        if len(states) < awaited:
            seconds = self._since(unit.name, "", "unreported", snapshot).begun
            where = snapshot.place(unit.machine) if unit.machine else f"{awaited - len(states)} of {awaited} machines"
            late = self._clock() - seconds > times.REPORTED
            more = ": its agent is stuck, or the machine has just died" if late else ""
            return Waiting(f"is placed on {where}, which has not reported it yet{more}")
        wanted = hash_of(unit)
        if any(state.hash != wanted for state in states):
            self._since(unit.name, "", "old", snapshot)
            return Waiting(f"still runs as it was before: {telling.words(states[0], snapshot)}")
        found = [self._state(own, state, snapshot) for state in states]
        for kind in (Failed, Waiting):
            for one in found:
                if isinstance(one, kind):
                    return one
        return found[0] if found else Ready()

    def _awaited(self, own: Own, wish: xfleet.Wish, snapshot: Snapshot) -> int:
        if not wish.is_global:
            return 1
        return len(snapshot.cluster.judge(own.unit.name, wish).fits)

    def _unplaced(self, own: Own, wish: xfleet.Wish, snapshot: Snapshot) -> Readiness:
        since = self._since(own.unit.name, "", "unplaced", snapshot)
        late = self._clock() - since.begun > times.PLACED
        reason = snapshot.cluster.judge(own.unit.name, wish).reason
        if reason and late:
            return Failed(f"can't be placed: {reason}")
        if reason:
            return Waiting(f"is on no machine: {reason}")
        return Waiting(
            "is not placed yet" + (": a machine matches, and fleet's engine has not taken it" if late else "")
        )

    def _state(self, own: Own, state: State, snapshot: Snapshot) -> Readiness:
        """What one machine says of it."""
        unit, way = own.unit, own.mark.way
        words = telling.words(state, snapshot)
        if state.load not in ("loaded", ""):
            return Failed(f"can't be loaded by systemd ({state.load}) on {snapshot.place(state.machine)}")
        if way == LOADED_ONLY:
            return Ready(words)
        since = self._since(unit.name, state.machine, f"{state.active} {state.sub}", snapshot)
        lasted = self._clock() - since.begun
        if state.active == "failed":
            return self._failed(own, state, snapshot)
        if state.sub == "auto-restart":
            if lasted > times.AGAIN and since.looks > 2:
                return self._failed(own, state, snapshot)
            return Waiting(f"ended, and is started again: {words}")
        if state.active in telling.UP:
            if state.sub == "running" and lasted < times.STEADY:
                return Waiting(f"came up a moment ago: {words}")
            return Ready(words)
        if state.active == "inactive" and unit.current == LAUNCHED:
            if way == ONCE and lasted >= times.DONE:
                return Ready(f"{words} (done)")
            if way != ONCE and lasted > times.ENDED:
                reason = f"has ended ({words}): fleet starts a unit once; Restart= has systemd start it again"
                return Failed(reason, self._ended(state, snapshot).tail)
        return Waiting(words)

    def _failed(self, own: Own, state: State, snapshot: Snapshot) -> Failed:
        told = self._ended(state, snapshot)
        why = f": {told.reason}" if told.reason else ""
        more = (
            ()
            if told.tail or told.reason
            else (f"(no log at hand: `fleetctl journal {own.unit.name}` reads it by SSH)",)
        )
        return Failed(
            f"is {telling.words(state, snapshot).partition(' ')[2]} on {snapshot.place(state.machine)}{why}",
            told.tail or more,
        )

    def _ended(self, state: State, snapshot: Snapshot) -> Told:
        machine = snapshot.machines.get(state.machine)
        return self._machines.ended(machine.address, state.name) if machine and machine.address else Told("", ())

    def _since(self, name: str, machine: str, what: str, snapshot: Snapshot) -> _Since:
        with self._lock:
            before = self._seen.get((name, machine))
            if before is None or before.what != what:
                found = _Since(what, self._clock(), 1, snapshot.taken)
            elif before.taken != snapshot.taken:
                found = before._replace(looks=before.looks + 1, taken=snapshot.taken)
            else:
                return before
            self._seen[name, machine] = found
            return found
