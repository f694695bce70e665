"""The mounts of a service, in their short and long forms."""

from __future__ import annotations

from types import MappingProxyType

from atomicapp.document import Node
from atomicapp.workload import model, specs, values
from atomicapp.workload.compose import forms, sources
from atomicapp.workload.compose.context import Context
from atomicapp.workload.compose.items import Found, Keys, options, refuse, text_of

_OPTION_KEYS = {
    "ro": "read_only",
    "rw": "read_only",
    "z": "bind.selinux",
    "Z": "bind.selinux",
    "nocopy": "volume.nocopy",
}


def mount_text(context: Context, node: Node, path: str) -> sources.Bound:
    """`[SOURCE:]TARGET[:OPTIONS]`; a relative source is one of the package."""
    text = text_of(context, node, path)
    if text is None:
        return None
    first, colon, rest = text.partition(":")
    relative = bool(colon) and first.startswith((".", "~"))
    named = bool(colon) and not relative and not first.startswith("/")
    try:
        # the names of volumes are keys of the file, of which engines make names of their own
        stand_in = "/" if relative else forms.name(first) and "volume" if named else first
        mount = specs.volume(stand_in + colon + rest, context.position(node))
    except ValueError as error:
        refuse(context, node, path, text, error)
        return None
    context.say(f"{path}.type", node)
    context.say(f"{path}.target", node)
    for option in text.split(":")[2].split(",") if text.count(":") == 2 else ():
        known = "consistency" if mount.consistency == option else "bind.propagation"
        context.say(f"{path}.{_OPTION_KEYS.get(option, known)}", node)
    if relative:
        return sources.bind(context, node, f"{path}.source", first, mount)
    if mount.source:
        context.say(f"{path}.source", node)
    return mount._replace(source=first) if named else mount


MOUNT_KEYS = ("type", "source", "target", "consistency", "bind.propagation", *_OPTION_KEYS.values())


def mount_mapping(context: Context, node: Node, found: Found, keys: Keys) -> sources.Bound:
    """The long form."""
    form, target = found["type"], found.get("target") or ""
    source, source_node = found.get("source") or ("", node)
    given = {name: found[name] for name in ("bind", "volume", "tmpfs", "image") if name in found}
    before = context.faults
    for name in given:
        if name != form:
            context.fault(keys[name], f"volumes: '{name}' means nothing to a mount of type {form}", "conflict")
    if not target:
        context.fault(node, "volumes: 'target' is missing", "missing", "say where the container finds it")
    if form == model.TMPFS and source:
        context.fault(keys["source"], "volumes: a tmpfs has no source", "conflict", "remove it")
    elif form not in (model.TMPFS, model.VOLUME) and not source:
        context.fault(node, f"volumes: a mount of type {form} needs a source", "missing")
    if target and form != model.NAMED_PIPE:
        try:
            target = values.absolute(target)
            if target == "/":
                raise ValueError("the container's root '/' can't be mounted over")
        except ValueError as error:
            context.fault(keys["target"], f"volumes: {error}", "value")
    if context.faults != before:
        return None
    bind, volume, tmpfs = given.get("bind", {}), given.get("volume", {}), given.get("tmpfs", {})
    mount = model.Mount(
        form,
        source,
        target,
        context.position(node),
        read_only=bool(found.get("read_only")),
        create_source=form == model.BIND and bind.get("create_host_path") is not False,
        selinux={"z": "shared", "Z": "private"}.get(bind.get("selinux", ""), ""),
        propagation=bind.get("propagation") or "",
        recursive=bind.get("recursive") or "",
        consistency=found.get("consistency") or "",
        no_copy=bool(volume.get("nocopy")),
        subpath=volume.get("subpath") or given.get("image", {}).get("subpath") or "",
        labels=MappingProxyType(options(volume.get("labels"))),
        size=tmpfs.get("size"),
        mode=tmpfs.get("mode"),
    )
    if form == model.BIND and not source.startswith("/"):
        return sources.bind(context, source_node, "services.volumes.source", source, mount)
    if source:
        context.say("services.volumes.source", keys["source"])
    return mount


def mount_source(context: Context, node: Node, path: str) -> tuple[str, Node] | None:
    """The source of a long form, with its place: what is said of it depends on the whole mount."""
    text = text_of(context, node, path)
    return None if text is None else (text, node)


def tmpfs(context: Context, node: Node, value: str) -> model.Mount:
    """`TARGET[:OPTIONS]`."""
    return specs.tmpfs(value, context.position(node))


def volumes_from(context: Context, node: Node, value: str) -> model.VolumesFrom:
    """`SERVICE[:ro]` or `container:NAME[:ro]`."""
    position = context.position(node)
    if value.startswith("container:"):
        found = specs.volumes_from(value.removeprefix("container:"), position)
        return found._replace(container=f"container:{found.container}")
    return specs.volumes_from(value, position)
