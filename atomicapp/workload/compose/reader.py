"""The reading of one Compose file, from its text to a Project."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from atomicapp.document import MappingNode, Node
from atomicapp.errors import ERROR, SpecError
from atomicapp.position import Position
from atomicapp.workload import model
from atomicapp.workload.compose import checks, envfile, expand, load, merge, top
from atomicapp.workload.compose.context import Context, Source
from atomicapp.workload.compose.items import Read
from atomicapp.workload.compose.kinds import kind, shortened
from atomicapp.workload.compose.services import workload
from atomicapp.workload.project import DEFAULT_NETWORK, NetworkSpec, Project, Said

ROOMS = ("networks", "volumes", "configs", "secrets")


def read_project(
    text: str,
    file: str,
    variables: Mapping[str, str],
    files: Callable[[str], str] | None,
    profiles: Sequence[str],
    folder: str,
    folders: Callable[[str], Sequence[str]] | None,
) -> Project:
    """See `read`."""
    context = Context(Source(file, folder), text, variables, files, folders)
    root = load.tree(context, text, context.source)
    tree = _expanded(context, root)
    found = _top(context, tree)
    if found is None:
        raise _refused(context)
    services = found.get("services") or {}
    if not services and not context.faults:
        context.fault(Position(file, 1, 1), "the file has no service", "no-service", "expected the key services")
    left_out = _left_out(context, services, profiles)
    works = []
    for name, (key, read) in services.items():
        if read is not None and name not in left_out:
            context.subject = name
            _check_image(context, key, read)
            works.append(workload(context, name, key, read))
    services_done = checks.check(context, works, checks.Names(frozenset(services), left_out))
    if context.faults:
        raise _refused(context)
    rooms = _rooms(context, found, services_done)
    return Project(
        file,
        services_done,
        **{room: MappingProxyType(rooms[room]) for room in ROOMS},
        name=found.get("name") or "",
        said=_said(context, left_out, rooms),
        issues=tuple(context.issues),
    )


def read_variables(text: str, file: str, variables: Mapping[str, str]) -> dict[str, str]:
    """See `read_env`."""
    context = Context(Source(file), text, variables)
    found = {env.name: env.value for env in envfile.parse(context, text, file, envfile.NAME, {}, variables, raw=False)}
    if context.faults:
        raise _refused(context)
    return found


def _expanded(context: Context, root: Node | None) -> Node | None:
    """The tree with all that it takes from elsewhere."""
    text = context.texts[context.source.file]
    if isinstance(root, MappingNode) and ("extends" in text or "include" in text):
        root = expand.expand(context, root)
        context.expanded = True
    if root is not None and context.marked:
        merge.settle(root)
    return root


def _refused(context: Context) -> SpecError:
    return SpecError(sorted(context.issues, key=lambda issue: (issue.severity != ERROR, issue.position[:3])))


def _top(context: Context, root: Node | None) -> dict[str, Any] | None:
    """The values of the top level; None when nothing can be said of them."""
    if root is None or not isinstance(root, MappingNode):
        what = "the file is empty" if root is None else f"expected a mapping, found {kind(root)}"
        place = context.position(root) if root is not None else Position(context.source.file, 1, 1)
        context.fault(place, what, "type", "a Compose file has the key services, with a service or more")
        return None
    for key, value in context.pairs(root):
        if key.value in ROOMS and isinstance(value, MappingNode):
            context.declared[key.value] = frozenset(item.value for item, _ in context.pairs(value))
    for room in ROOMS:
        context.declared.setdefault(room, frozenset())
    found: dict[str, Any] = {}
    top.TOP.fields_of(context, root, "", found, {})
    return found


def _check_image(context: Context, key: Node, read: Read) -> None:
    if read.found.get("image") or key.value in context.unfinished:
        return
    if "image" in read.found:
        context.fault(read.keys["image"], "the name of the image is empty", "no-image")
    elif "image" in read.keys:
        return  # it is wrong in another way
    elif "build" in read.keys:
        context.fault(
            read.keys["build"],
            f"the service {shortened(key.value)} is only built, and names no image",
            "no-image",
            "build the image beforehand and name it: image: NAME:TAG",
        )
    else:
        context.fault(key, f"the service {shortened(key.value)} names no image", "no-image", "expected image: NAME:TAG")


def _left_out(context: Context, services: dict[str, tuple[Node, Any]], profiles: Sequence[str]) -> dict[str, str]:
    """The services that belong to profiles of which none is active, or are not containers, with the reason."""
    wanted = set(profiles or context.variables.get("COMPOSE_PROFILES", "").split(","))
    left_out = {}
    for name, (key, read) in services.items():
        if read is None:
            continue
        own = read.found.get("profiles") or ()
        if "provider" in read.found:
            left_out[name] = ""
        elif own and "*" not in wanted and not wanted.intersection(own):
            left_out[name] = f"none of its profiles ({', '.join(own)}) is active"
            context.note(key, f"the service {name} is left out: {left_out[name]}", "profile")
    return left_out


def _rooms(context: Context, found: dict[str, Any], works: Sequence[model.Workload]) -> dict[str, dict[str, Any]]:
    """What the services use of each room, by key, and a note of what none of them uses."""
    rooms: dict[str, dict[str, Any]] = {}
    for room in ROOMS:
        used = {name for work in works for name in _USES[room](work)}
        rooms[room] = {}
        for name, (key, spec) in (found.get(room) or {}).items():
            if name in used:
                rooms[room][name] = spec._replace(key=name, position=context.position(key))
            else:
                context.note(key, f"no service uses {name} of {room}: it is not made", "unused")
        if room == "networks" and DEFAULT_NETWORK in used:
            position = next(work.position for work in works if DEFAULT_NETWORK in _USES[room](work))
            rooms[room].setdefault(DEFAULT_NETWORK, NetworkSpec(DEFAULT_NETWORK, position))
        rooms[room].update({name: spec for name, spec in context.made(room).items() if name in used})
    return rooms


_USES: dict[str, Callable[[model.Workload], Iterable[str]]] = {
    "networks": lambda work: [item.name for item in work.networks],
    "volumes": lambda work: [item.source for item in work.mounts if item.kind in (model.VOLUME, model.CLUSTER)],
    "configs": lambda work: [*(item.source for item in work.configs), work.credential_spec.get("config", "")],
    "secrets": lambda work: [item.source for item in work.secrets],
}


def _said(context: Context, left_out: dict[str, str], rooms: dict[str, dict[str, Any]]) -> tuple[Said, ...]:
    """What is said of all that is not left out."""
    found = context.said
    if left_out:
        # of a service that a program makes (the reason is empty), just this is told
        found = [
            item
            for item in found
            if item.subject not in left_out
            or not item.key.startswith("services.")
            or item.key == "services.profiles"
            or (item.key.startswith("services.provider") and not left_out[item.subject])
        ]
    unused = {(room, name) for room in ROOMS for name in context.declared[room] if name not in rooms[room]}
    if unused:
        found = [item for item in found if (item.key.partition(".")[0], item.subject) not in unused]
    if context.expanded:  # what was taken from elsewhere was said first
        files = {name: number for number, name in enumerate(context.texts)}
        found = sorted(found, key=lambda item: (files.get(item.position.file, 0), *item.position[1:]))
    return tuple(found)
