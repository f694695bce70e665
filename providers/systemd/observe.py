"""What there is of a deployment: the folder of unit files tells what is whose, and one call to systemd how it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from atomicapp.errors import EngineError
from atomicapp.model import PRESENT, STOPPED, Existing, Resource
from atomicapp.providers.systemd import marks, runtime, state
from atomicapp.providers.systemd.folder import File, Folder
from atomicapp.providers.systemd.marks import UNIT, Mark
from atomicapp.providers.systemd.state import Row
from atomicapp.providers.systemd.tools import Systemd
from atomicapp.providers.units import names
from atomicapp.providers.units.own import numbered


def units_of(name: str, instances: Sequence[str]) -> list[str]:
    """What systemd is asked for: the unit itself, or the instances of a template."""
    if not names.split(name).is_template:
        return [name]
    return [names.instance(name, instance) for instance in instances]


def observe(systemd: Systemd, folder: Folder, app: str, wanted: Sequence[Resource]) -> tuple[Existing, ...]:
    """All that belongs to `app`. EngineError when a wanted unit is there and not ours."""
    files = folder.ours()
    own = [file for file in files if file.mark and file.mark.app == app]
    there = {file.name for file in own if file.mark and file.mark.kind == UNIT}
    coming = [item for item in wanted if item.kind == UNIT and item.name not in there]
    _refuse_other_program(own, wanted, chosen=systemd.chosen)
    _refuse_without_generator(wanted, user=systemd.user)
    asked = [unit for file in own for unit in _asked(file)]
    asked += [unit for item in coming for unit in units_of(item.name, item.body.get("instances", ()))]
    rows = systemd.show(asked, state.PROPERTIES) if asked else {}
    owners = {file.name: file.mark.app for file in files if file.mark and file.mark.kind == UNIT}
    for item in coming:
        _refuse_foreign(folder, item, owners.get(item.name, ""), rows)
    return tuple(_existing(file, file.mark, rows) for file in own if file.mark)


def observe_all(systemd: Systemd, folder: Folder) -> dict[str, tuple[Existing, ...]]:
    """All deployments of this manager."""
    files = folder.ours()
    asked = [unit for file in files for unit in _asked(file)]
    rows = systemd.show(asked, state.PROPERTIES) if asked else {}
    found: dict[str, list[Existing]] = {}
    for file in files:
        if file.mark:
            found.setdefault(file.mark.app, []).append(_existing(file, file.mark, rows))
    return {app: tuple(items) for app, items in sorted(found.items())}


def _asked(file: File) -> list[str]:
    return units_of(file.name, file.mark.instances) if file.mark and file.mark.kind == UNIT else []


def _existing(file: File, mark: Mark, rows: Mapping[str, Row]) -> Existing:
    if mark.kind != UNIT:
        return marks.existing(file.name, mark, state=PRESENT, touched=False)
    own = [(unit, rows.get(unit, {})) for unit in _asked(file)]
    found, detail, ready = state.tell(mark, own)
    if file.due and found in (PRESENT, STOPPED) and mark.way != marks.PRESENT_ONLY:
        found, detail = STOPPED, "not started yet"
    counted = mark.instances == numbered(len(mark.instances)) and bool(mark.instances or mark.way == marks.SCALED)
    return marks.existing(file.name, mark, state=found, touched=file.touched or file.due)._replace(
        detail=detail,
        ready=ready,
        id=" ".join(row.get("InvocationID", "") for _, row in own),
        replicas=len(mark.instances) if counted else None,
    )


def _refuse_foreign(folder: Folder, item: Resource, owner: str, rows: Mapping[str, Row]) -> None:
    """EngineError for a unit of a wanted name that someone else has made."""
    place = folder.place(item.name, item.body.get("source", ""))
    if owner:
        raise foreign(item, f"belongs to the app '{owner}'", f"`atomicapp uninstall {owner}`")
    if place.is_symlink() or place.exists():
        raise foreign(item, f"was not made by atomicapp: {place}", "disable it and remove the file")
    for unit in units_of(item.name, item.body.get("instances", ())):
        row = rows.get(unit, {})
        # what systemd holds of a file that is gone is no hindrance
        if row.get("FragmentPath") and row.get("NeedDaemonReload") != "yes" and row.get("LoadState") == "loaded":
            raise foreign(item, f"was not made by atomicapp: {row['FragmentPath']}", "it would be hidden by ours")


def _refuse_other_program(own: Sequence[File], wanted: Sequence[Resource], *, chosen: bool) -> None:
    """EngineError where data would be left behind (a volume of Docker's is none of Podman's), and where nobody has `chosen` the
    program that would take over the containers of another one."""
    images = {file.mark.key: file.source for file in own if file.mark and file.mark.image}
    for item in wanted if not chosen else ():
        source = item.body.get("source", "")
        if item.body.get("image") and item.key in images and bool(images[item.key]) != bool(source):
            before, now = (runtime.DOCKER, runtime.PODMAN) if source else (runtime.PODMAN, runtime.DOCKER)
            raise EngineError(
                f"{before} runs the containers of this app, and {now} is what this machine has for them now",
                component=item.component,
                position=item.position,
                hint=f"say which of the two is to run them: --provider-api {before}, or --provider-api {now}",
            )
    there = {file.mark.key: file.mark.purge for file in own if file.mark and file.mark.purge}
    for item in wanted:
        before, now = _program(there.get(item.key, ())), _program(item.body.get("purge", ()))
        if before and now and before != now:
            raise EngineError(
                f"the data of {item.name} is in a volume of {before}, and {now} is to run the app now",
                component=item.component,
                position=item.position,
                hint=f"go on with --provider-api {before}; or move the data, `atomicapp uninstall` the app with --purge-data, "
                f"and run it with --provider-api {now}",
            )


def _refuse_without_generator(wanted: Sequence[Resource], *, user: bool) -> None:
    """EngineError where nothing would make units of files that are for Podman."""
    item = next((item for item in wanted if item.body.get("source")), None)
    if item is not None and runtime.generator(user=user) is None:
        raise EngineError(
            f"{item.body['source']} is for Podman's generator of units (Quadlet), which is not on this machine",
            component=item.component,
            position=item.position,
            hint="install Podman 4.4 or newer (what is written for a Compose file takes 4.9)",
        )


def _program(words: Sequence[str]) -> str:
    return words[0].rpartition("/")[2] if words else ""


def foreign(item: Resource, whose: str, what: str) -> EngineError:
    """A unit with a wanted name is not ours to touch."""
    return EngineError(
        f"a unit named '{item.name}' is on this machine already, and it {whose}",
        component=item.component,
        position=item.position,
        hint=f"give the app's unit another name, or see to the other one: {what}",
    )
