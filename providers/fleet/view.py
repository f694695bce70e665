"""What the cluster looked like a moment ago: one listing of units, of states and of machines, shared by all who ask."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence

from atomicapp.position import Position
from atomicapp.providers.fleet import marks, times
from atomicapp.providers.fleet.client import Client, Machine, State, Unit
from atomicapp.providers.fleet.marks import Mark
from atomicapp.providers.fleet.placement import Cluster
from atomicapp.providers.units.syntax import Option, write
from atomicapp.records import NamedTuple

_NOWHERE = Position("<fleet>")


class Own(NamedTuple):
    """A unit with a mark of ours, and its options without it."""

    unit: Unit
    options: tuple[tuple[str, str, str], ...]
    mark: Mark

    @property
    def touched(self) -> bool:
        """Whether others have changed its options."""
        return marks.digest(self.options) != self.mark.text


class Snapshot(NamedTuple):
    """`taken` is the time of `time.monotonic` before the first listing was asked for."""

    taken: float
    units: Mapping[str, Unit]
    states: Mapping[str, tuple[State, ...]]
    machines: Mapping[str, Machine]
    own: Mapping[str, Own]
    apps: Mapping[str, Mapping[str, list[Own]]]
    """The units of each deployment by the keys of their resources."""
    cluster: Cluster

    def of(self, app: str) -> Mapping[str, list[Own]]:
        """The units of a deployment by the keys of their resources."""
        return self.apps.get(app, {})

    def place(self, machine: str) -> str:
        """A machine as fleetctl shows it."""
        found = self.machines.get(machine)
        return found.shown if found else f"{machine[:8]}..." if machine else "-"


class View:
    """The last snapshot. Safe to use from several threads."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._last: Snapshot | None = None
        self._stale = 0.0
        self._took = 0.0

    def look(self, age: float | None = None) -> Snapshot:
        """A snapshot that is no older than `age` seconds (None: LOOK) and younger than the last write. One that took long to
        get is good for longer: else many who ask in turn would each wait for one of their own."""
        asked = time.monotonic()
        with self._lock:
            last = self._last
            if age is None:
                oldest = asked - max(times.LOOK, 2 * self._took) - self._took
            else:
                oldest = asked - age
            if last is None or last.taken < max(oldest, self._stale):
                taken = time.monotonic()
                units = self._client.units()
                states = self._client.states() if units else []
                self._last = last = snapshot(taken, units, states, self._client.machines())
                self._took = time.monotonic() - taken
            return last

    def written(self) -> None:
        """Something was changed: what was seen before is old."""
        self._stale = time.monotonic()


def snapshot(taken: float, units: Sequence[Unit], states: Sequence[State], machines: Sequence[Machine]) -> Snapshot:
    """The listings, ordered."""
    by_name: dict[str, list[State]] = {}
    for state in states:
        by_name.setdefault(state.name, []).append(state)
    own: dict[str, Own] = {}
    apps: dict[str, dict[str, list[Own]]] = {}
    for unit in units:
        plain, mark = marks.read(unit.options)
        if mark is not None:
            own[unit.name] = Own(unit, plain, mark)
            apps.setdefault(mark.app, {}).setdefault(mark.key, []).append(own[unit.name])
    return Snapshot(
        taken,
        {unit.name: unit for unit in units},
        {name: tuple(found) for name, found in by_name.items()},
        {machine.id: machine for machine in machines},
        own,
        apps,
        Cluster(machines, units),
    )


def hash_of(unit: Unit) -> str:
    """What fleet calls the hash of a unit: it tells which version of it runs."""
    import hashlib

    text = write(Option(section, name, value, _NOWHERE) for section, name, value in unit.options)
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
