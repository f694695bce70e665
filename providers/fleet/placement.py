"""Where a unit may run: which machines its [X-Fleet] options leave, and which option excludes each of the others. Pure.

Fleet itself gives no reason for a unit that it does not place; these are the rules of its engine.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from atomicapp.providers.fleet.client import INACTIVE, Machine, Unit
from atomicapp.providers.fleet.xfleet import Wish, matches, read
from atomicapp.records import NamedTuple


class Placed(NamedTuple):
    """A unit of the cluster as others see it: its wish, and its machine ("" while it has none)."""

    name: str
    wish: Wish
    machine: str
    wanted: bool


class Verdict(NamedTuple):
    """The machines that a unit may run on, and why not on the others; `missing` is what no machine can help."""

    fits: tuple[Machine, ...]
    excluded: tuple[str, ...] = ()
    missing: str = ""

    @property
    def reason(self) -> str:
        """Why there is no machine; empty where there is one."""
        if self.fits:
            return ""
        return self.missing or f"no machine matches: {'; '.join(self.excluded) or 'there is none'}"


class Cluster:
    """The machines that are alive, and the units that are on them."""

    def __init__(self, machines: Sequence[Machine], units: Iterable[Unit]) -> None:
        self.machines = machines
        self._take(
            Placed(unit.name, read(unit.options, unit.name), unit.machine, unit.desired != INACTIVE) for unit in units
        )

    def _take(self, units: Iterable[Placed]) -> None:
        self.units: dict[str, Placed] = {placed.name: placed for placed in units}
        self._on: dict[str, list[Placed]] = {}
        for placed in self.units.values():
            if placed.machine:
                self._on.setdefault(placed.machine, []).append(placed)
        self._binding = {
            machine: [placed for placed in found if placed.wish.conflicts or placed.wish.replaces]
            for machine, found in self._on.items()
        }

    def without(self, names: Collection[str]) -> Cluster:
        """The cluster as if some units were not there."""
        rest = Cluster(self.machines, ())
        rest._take(placed for placed in self.units.values() if placed.name not in names)
        return rest

    def judge(self, name: str, wish: Wish, coming: Mapping[str, Wish] | None = None) -> Verdict:
        """What is left for a unit; `coming` are further units that will be there (a peer may be one of them)."""
        lone = self._peers(name, wish, coming or {})
        if lone:
            return Verdict((), (), lone)
        fits, excluded = [], []
        for machine in self.machines:
            why = self._why_not(name, wish, machine, coming or {})
            if why:
                excluded.append(f"{why} excludes {machine.shown}")
            else:
                fits.append(machine)
        return Verdict(tuple(fits), tuple(excluded))

    def _peers(self, name: str, wish: Wish, coming: Mapping[str, Wish]) -> str:
        for peer in wish.peers:
            found = self.units.get(peer)
            if found is None and peer not in coming:
                return f"MachineOf={peer} names a unit that is not there"
            if found is not None and peer not in coming and not found.wanted:
                return f"MachineOf={peer} names a unit that is not loaded (it is inactive, so on no machine)"
        return ""

    def _why_not(self, name: str, wish: Wish, machine: Machine, coming: Mapping[str, Wish]) -> str:
        if wish.machine_id and wish.machine_id not in (machine.id, machine.id[:8]):
            return f"MachineID={wish.machine_id}"
        for key, values in wish.metadata:
            if machine.metadata.get(key) not in values:
                has = machine.metadata.get(key)
                told = f"{key}={has}" if has is not None else f"no {key}"
                return f"MachineMetadata={key}={'|'.join(values)} (it has {told})"
        for peer in wish.peers:
            found = self.units.get(peer)
            if found is not None and found.machine and found.machine != machine.id:
                return f"MachineOf={peer}"
            if found is not None and not found.machine and peer not in coming:
                return f"MachineOf={peer} (which is on no machine)"
        if wish.conflicts:
            for other in self._on.get(machine.id, ()):
                if other.name != name:
                    for glob in wish.conflicts:
                        if matches(glob, other.name):
                            return f"Conflicts={glob} ({other.name} is there)"
        for other in self._binding.get(machine.id, ()):
            if other.name != name:
                for option, globs in (("Conflicts", other.wish.conflicts), ("Replaces", other.wish.replaces)):
                    for glob in globs:
                        if matches(glob, name):
                            return f"{option}={glob} of {other.name}, which is there,"
        return ""


def too_many(cluster: Cluster, coming: Mapping[str, Wish]) -> list[tuple[str, str]]:
    """Units of `coming` for which no machine can be left, since as many that conflict with each other have to be on others:
    names, each with the reason."""
    found = []
    groups: dict[tuple[object, ...], list[str]] = {}
    for name, wish in coming.items():
        # those that conflict with their own like, as the instances of a template do
        own = [glob for glob in wish.conflicts if matches(glob, name)]
        if own:
            groups.setdefault((own[0], wish.metadata, wish.machine_id, wish.peers), []).append(name)
    for (glob, *_), members in groups.items():
        together = [name for name in members if matches(str(glob), name)]
        # where they are now does not count: they may change places
        fits = cluster.without(together).judge(together[0], coming[together[0]]._replace(conflicts=()), coming).fits
        for name in together[len(fits) :]:
            told = f"Conflicts={glob} lets one of {len(together)} run on a machine, and {len(fits)} match"
            found.append((name, f"no machine is left: {told}"))
    return found
