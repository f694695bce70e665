"""What the cluster holds of a deployment: one paged listing of units and one of states."""

from __future__ import annotations

from collections.abc import Sequence

from atomicapp.errors import EngineError
from atomicapp.model import PRESENT, STOPPED, Existing, Resource
from atomicapp.providers.fleet import state as telling
from atomicapp.providers.fleet.marks import LOADED_ONLY, UNIT, VOLUME
from atomicapp.providers.fleet.state import Told
from atomicapp.providers.fleet.view import Own, Snapshot
from atomicapp.providers.units import names


def observe(snapshot: Snapshot, app: str, wanted: Sequence[Resource]) -> tuple[Existing, ...]:
    """All that belongs to `app`. EngineError when a wanted name belongs to something else."""
    for resource in wanted:
        for name in units_of(resource):
            refuse_foreign(snapshot, app, resource, name)
    return tuple(existing(owns, snapshot) for owns in snapshot.of(app).values())


def observe_all(snapshot: Snapshot) -> dict[str, tuple[Existing, ...]]:
    """All deployments."""
    return {app: observe(snapshot, app, ()) for app in sorted(snapshot.apps)}


def units_of(resource: Resource) -> list[str]:
    """The names of the units of a wanted resource: one, or a template and its instances."""
    return [resource.name, *(names.instance(resource.name, one) for one in resource.body.get("instances", ()))]


def refuse_foreign(snapshot: Snapshot, app: str, resource: Resource, name: str) -> None:
    """EngineError when a unit of that name is there and not of this deployment."""
    unit = snapshot.units.get(name)
    own = snapshot.own.get(name)
    if unit is None or (own is not None and own.mark.app == app and own.mark.key == resource.key):
        return
    whose = f"the deployment '{own.mark.app}'" if own else "something else"
    if own is not None and own.mark.app == app:
        whose = f"another part of this deployment ({own.mark.key})"
    raise EngineError(
        f"the fleet has a unit '{name}' already, and it belongs to {whose}",
        component=resource.component,
        position=resource.position,
        hint=f"names of units are those of the whole cluster: give it another one, or `fleetctl destroy {name}`",
    )


def is_template(name: str) -> bool:
    return names.split(name).is_template


def leader(owns: Sequence[Own]) -> Own:
    """The unit that stands for a resource: the template, or the only one."""
    return next((own for own in owns if own.unit.name and is_template(own.unit.name)), owns[0])


def instances(owns: Sequence[Own]) -> list[Own]:
    """The units of a resource that run."""
    return [own for own in owns if not is_template(own.unit.name)]


def existing(owns: Sequence[Own], snapshot: Snapshot) -> Existing:
    """One resource as it is there."""
    first = leader(owns)
    mark, running = first.mark, instances(owns)
    template = is_template(first.unit.name)
    told = telling.all_of([telling.tell(own, snapshot) for own in running]) if running else _nothing(template, first)
    if mark.kind == VOLUME:
        told = Told(PRESENT, True, told.detail)
    whole = not any(own.touched or own.mark.hash != mark.hash for own in owns)
    if template:
        # what a run has left halfway, and what others have taken away, is to be made whole
        there = {names.split(own.unit.name).instance or "" for own in running}
        whole = whole and there == set(mark.instances)
    elif names.split(first.unit.name).is_instance and mark.key != f"{mark.kind}/{first.unit.name}":
        whole = False  # its template is gone
    return Existing(
        mark.key,
        mark.component,
        mark.kind,
        mark.key.partition("/")[2] if mark.kind == UNIT else first.unit.name,
        mark.hash if whole else "",
        told.state,
        told.detail,
        mark.order,
        mark.lifetime,
        first.unit.name,
        mark.image,
        _ports(owns, snapshot),
        mark.revision,
        replicas=len(running) if template and _counted(mark.instances) and mark.way != LOADED_ONLY else None,
        ready=told.ready,
    )


def _nothing(template: bool, first: Own) -> Told:
    return Told(PRESENT if first.mark.way == LOADED_ONLY else STOPPED, True, "no instance" if template else "")


def _counted(instances: Sequence[str]) -> bool:
    return list(instances) == [str(number) for number in range(1, len(instances) + 1)]


def _ports(owns: Sequence[Own], snapshot: Snapshot) -> tuple[str, ...]:
    found = []
    for own in owns:
        for port in own.mark.ports:
            machine = snapshot.machines.get(own.unit.machine)
            if machine is not None and machine.address:
                found.append(f"{machine.address}:{port}")
    return tuple(dict.fromkeys(found))
