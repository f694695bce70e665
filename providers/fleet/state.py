"""What a unit and its states say together: whether it runs, where, in the words of `fleetctl list-units`. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from atomicapp.model import FAILED, PRESENT, RUNNING, STOPPED
from atomicapp.providers.fleet import xfleet
from atomicapp.providers.fleet.client import LAUNCHED, State, Unit
from atomicapp.providers.fleet.marks import LOADED_ONLY, ONCE
from atomicapp.providers.fleet.view import Own, Snapshot, hash_of
from atomicapp.records import NamedTuple

UP = ("active", "reloading", "refreshing")
DOWN = ("inactive", "failed")


class Told(NamedTuple):
    """A word of atomicapp.model, whether it does its work, and the engine's words."""

    state: str
    ready: bool
    detail: str


def tell(own: Own, snapshot: Snapshot) -> Told:
    """What one unit does."""
    unit, way = own.unit, own.mark.way
    states = reported(unit, snapshot)
    detail = "; ".join(words(state, snapshot) for state in states)
    if way == LOADED_ONLY:
        return Told(PRESENT, True, detail or "loaded, others start it")
    if unit.desired != LAUNCHED:
        return Told(STOPPED, True, detail or unit.desired)
    if not states:
        placed = bool(unit.machine) or is_global(unit)
        where = f"{snapshot.place(unit.machine)} nothing reported" if placed else "on no machine"
        return Told(RUNNING, False, where)
    found = [_one(unit, state, way) for state in states]
    for word in (FAILED, STOPPED):
        if any(state == word for state, _ in found):
            return Told(word, False, detail)
    current = all(state.hash == hash_of(unit) for state in states)
    return Told(RUNNING, current and all(ready for _, ready in found), detail)


def _one(unit: Unit, state: State, way: str) -> tuple[str, bool]:
    if state.load not in ("loaded", "") or state.active == "failed" or state.sub == "auto-restart":
        return FAILED, False
    if state.active in UP:
        return RUNNING, True
    if state.active == "inactive":
        # fleet says launched as soon as it has asked systemd to start it
        if way == ONCE or unit.current != LAUNCHED:
            return RUNNING, way == ONCE
        return STOPPED, False
    return RUNNING, False


def reported(unit: Unit, snapshot: Snapshot) -> Sequence[State]:
    """The states that count: that of its machine, or those of all machines for a global unit. For a moment after a unit has
    moved the old machine still speaks of it."""
    found = snapshot.states.get(unit.name, ())
    if is_global(unit):
        return [state for state in found if state.machine in snapshot.machines]
    return [state for state in found if state.machine == unit.machine]


def words(state: State, snapshot: Snapshot) -> str:
    """`11111111.../192.0.2.11 active running`."""
    loaded = "" if state.load in ("loaded", "") else f" ({state.load})"
    return f"{snapshot.place(state.machine)} {state.active} {state.sub}{loaded}"


def is_global(unit: Unit) -> bool:
    return xfleet.read(unit.options, unit.name).is_global


def all_of(told: Sequence[Told]) -> Told:
    """Several units of one resource as one: the worst of them counts."""
    for word in (FAILED, STOPPED):
        bad = [one for one in told if one.state == word]
        if bad and (word == FAILED or len(bad) == len(told)):
            return Told(word, False, bad[0].detail)
    unready = [one for one in told if not one.ready or one.state == STOPPED]
    if unready:
        return Told(RUNNING, False, unready[0].detail)
    return told[0] if len(told) == 1 else Told(told[0].state, True, "; ".join(one.detail for one in told))
