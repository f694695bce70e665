"""The items of the lists of a service: ports, devices, configs and secrets, networks, hooks. Mounts are in `mounts`.

`..._text` functions read a short form and say what it stands for; `..._mapping` functions are given the checked fields
of a long form.
"""

from __future__ import annotations

from typing import Any

from atomicapp.document import Node
from atomicapp.records import NamedTuple
from atomicapp.workload import model, specs
from atomicapp.workload.compose import forms
from atomicapp.workload.compose.context import Context
from atomicapp.workload.compose.kinds import kind, shortened
from atomicapp.workload.fidelity import short

Found = dict[str, Any]
Keys = dict[str, Node]


def text_of(context: Context, node: Node, path: str, *kinds: str) -> str | None:
    """The text of a short form; None with a fault for another kind."""
    if kind(node) in ("text", *kinds):
        return str(node.value)
    context.mistaken(node, path, "a text or a mapping")
    return None


def refuse(context: Context, node: Node, path: str, text: str, error: ValueError) -> None:
    """Note what is wrong with a text."""
    context.fault(node, f"{short(path)} '{shortened(text)}': {error}", "value")


# ---------------------------------------------------------------- ports


def port_text(context: Context, node: Node, path: str) -> list[model.Port] | None:
    """`[[IP:]HOST:]CONTAINER[/PROTOCOL]` with ranges."""
    text = text_of(context, node, path, "number")
    if text is None:
        return None
    try:
        if "=" in text:
            raise ValueError("expected [[IP:]HOST_PORT:]CONTAINER_PORT[/PROTOCOL]")
        found = specs.ports(text, context.position(node))
    except ValueError as error:
        refuse(context, node, path, text, error)
        return None
    context.spend(len(found) - 1, node)
    context.say(f"{path}.target", node)
    if found[0].host:
        context.say(f"{path}.published", node)
    if found[0].host_ip:
        context.say(f"{path}.host_ip", node)
    if "/" in text:
        context.say(f"{path}.protocol", node)
    return found


def port_mapping(context: Context, node: Node, found: Found, keys: Keys) -> list[model.Port] | None:
    """The long form; `published` may be a range."""
    ip = found.get("host_ip") or ""
    published = found.get("published") or ""
    text = f"{found['target']}/{found.get('protocol') or 'tcp'}"
    if ip or published:
        text = f"{published}:{text}"
    if ip:
        text = f"{f'[{ip}]' if ':' in ip else ip}:{text}"
    try:
        ports = specs.ports(text, context.position(node))
    except ValueError as error:
        context.fault(node, f"ports: {error}", "value")
        return None
    context.spend(len(ports) - 1, node)
    mode, name, protocol = (found.get(key) or "" for key in ("mode", "name", "app_protocol"))
    return [port._replace(mode=mode, name=name, app_protocol=protocol) for port in ports]


def expose(context: Context, node: Node, value: str) -> list[model.Exposed]:
    """`PORT[-PORT][/PROTOCOL]`."""
    if ":" in value:
        raise ValueError("expected PORT[/PROTOCOL]; ports is the key that maps ports")
    exposed = specs.exposed(value, context.position(node))
    context.spend(len(exposed) - 1, node)
    return exposed


# ---------------------------------------------------------------- links, dependencies


def link(context: Context, node: Node, value: str) -> model.Link:
    """`SERVICE[:ALIAS]`."""
    return specs.link(value, context.position(node))


def external_link(context: Context, node: Node, value: str) -> model.Link:
    """`CONTAINER[:ALIAS]`, of something outside of the project."""
    return specs.link(value, context.position(node))._replace(external=True)


CONDITIONS = {
    "service_started": model.STARTED,
    "service_healthy": model.HEALTHY,
    "service_completed_successfully": model.COMPLETED,
}


def dependency(context: Context, node: Node, value: str) -> model.Dependency:
    """The short form: it has to be started."""
    return model.Dependency(value, model.STARTED, context.position(node))


# ---------------------------------------------------------------- devices


def device_text(context: Context, node: Node, path: str) -> model.Device | model.DeviceRequest | None:
    """`HOST[:CONTAINER][:rwm]`, or a CDI name."""
    text = text_of(context, node, path)
    if text is None:
        return None
    try:
        found = specs.device(text, context.position(node))
    except ValueError as error:
        refuse(context, node, path, text, error)
        return None
    context.say(f"{path}.source", node)
    if isinstance(found, model.Device):
        if ":/" in text:
            context.say(f"{path}.target", node)
        if text.endswith(f":{found.permissions}"):
            context.say(f"{path}.permissions", node)
    return found


def device_mapping(context: Context, node: Node, found: Found, keys: Keys) -> Any:
    """The long form."""
    parts = [found["source"], found.get("target") or found["source"], found.get("permissions") or "rwm"]
    text = found["source"] if len(found) == 1 else ":".join(parts)
    try:
        return specs.device(text, context.position(node))
    except ValueError as error:
        context.fault(node, f"devices '{shortened(text)}': {error}", "value")
        return None


def device_request(context: Context, node: Node, found: Found, keys: Keys) -> model.DeviceRequest | None:
    """A number of devices, or some by name; all when neither is said."""
    if "count" in found and found.get("device_ids"):
        context.fault(keys["count"], "devices: 'count' and 'device_ids' exclude each other", "conflict", "remove one")
        return None
    ids = tuple(found.get("device_ids") or ())
    return model.DeviceRequest(
        found.get("driver") or "",
        found.get("count", 0 if ids else -1),
        ids,
        tuple(found.get("capabilities") or ()),
        {name: value or "" for name, value, _ in found.get("options") or ()},
        context.position(node),
    )


def all_gpus(context: Context, node: Node, value: str) -> tuple[model.DeviceRequest, ...]:
    """`all`."""
    return (model.DeviceRequest("", -1, (), ("gpu",), {}, context.position(node)),)


def gpus(context: Context, node: Node, value: tuple[model.DeviceRequest, ...]) -> tuple[model.DeviceRequest, ...]:
    """Requests for GPUs."""
    return tuple(
        found if "gpu" in found.capabilities else found._replace(capabilities=(*found.capabilities, "gpu"))
        for found in value
    )


# ---------------------------------------------------------------- images

_PULL = {
    "always": model.PULL_ALWAYS,
    "never": model.PULL_NEVER,
    "missing": model.PULL_MISSING,
    "if_not_present": model.PULL_MISSING,
}


def pull_policy(context: Context, node: Node, path: str) -> str | None:
    """When the image is fetched; what engines have no word for becomes the nearest that they have."""
    text = text_of(context, node, path)
    if text is None:
        return None
    try:
        forms.pull_policy(text)
    except ValueError as error:
        refuse(context, node, path, text, error)
        return None
    if text in _PULL:
        context.say(path, node)
        return _PULL[text]
    built = text == "build"
    how = (
        "nothing is built; the image is fetched when it is absent" if built else "the image is asked for at each start"
    )
    context.settle(path, node, how)
    return model.PULL_MISSING if built else model.PULL_ALWAYS


# ---------------------------------------------------------------- configs and secrets


def grant(context: Context, node: Node, found: Found, keys: Keys) -> model.FileGrant:
    """The long form of a config or secret of a service; its target is completed where the service is made."""
    return model.FileGrant(
        found["source"],
        found.get("target") or "",
        context.position(node),
        found.get("uid") or "",
        found.get("gid") or "",
        found.get("mode"),
    )


def grant_text(context: Context, node: Node, value: str) -> model.FileGrant:
    """The short form: the name alone."""
    return model.FileGrant(value, "", context.position(node))


# ---------------------------------------------------------------- files


class Read(NamedTuple):
    """A service, or a hook before its start, whose keys were read: its values and its key nodes, by key."""

    node: Node
    found: Found
    keys: Keys


class EnvFile(NamedTuple):
    """A file of variables; a raw one has no quotes and no variables of its own."""

    path: str
    node: Node
    raw: bool = False
    required: bool = True


def env_file_text(context: Context, node: Node, value: str) -> EnvFile:
    """The short form: the path."""
    return EnvFile(value, node)


def env_file(context: Context, node: Node, found: Found, keys: Keys) -> EnvFile:
    """The long form."""
    return EnvFile(found["path"], keys["path"], found.get("format") == "raw", found.get("required") is not False)


def placed(context: Context, node: Node, value: str) -> tuple[str, Node]:
    """A text with its place."""
    return value, node


# ---------------------------------------------------------------- hooks and the like


def hook(context: Context, node: Node, found: Found, keys: Keys) -> model.Hook:
    """A command to carry out in the container."""
    return model.Hook(
        found.get("command") or (),
        context.position(node),
        found.get("user") or "",
        bool(found.get("privileged")),
        found.get("working_dir") or "",
        environment(context, found.get("environment") or ()),
    )


def environment(context: Context, pairs: tuple[tuple[str, str | None, Node], ...]) -> tuple[model.Env, ...]:
    """Variables with their values; one without a value has that of the caller's environment."""
    found: dict[str, model.Env] = {}
    for name, value, node in pairs:
        if value is None:
            value = context.variables_of(node).get(name)
            if value is None:
                context.unset(node, name)
                found.pop(name, None)
                continue
        found[name] = model.Env(name, value, context.position(node))
    return tuple(found.values())


def command(context: Context, node: Node, value: Any) -> tuple[str, ...]:
    """A command as a text, or as its words."""
    return value if isinstance(value, tuple) else forms.words(value)


def health_test(context: Context, node: Node, value: Any) -> tuple[str, ...]:
    """A text is for the shell; a list begins with NONE, CMD or CMD-SHELL."""
    if isinstance(value, str):
        return ("CMD-SHELL", value)
    if not value or value[0] not in ("NONE", "CMD", "CMD-SHELL"):
        raise ValueError("the first word must be NONE, CMD or CMD-SHELL")
    if value[0] != "NONE" and len(value) < 2:
        raise ValueError(f"a command is missing after {value[0]}")
    return tuple(value)


def ulimit(context: Context, node: Node, found: Found, keys: Keys) -> tuple[int, int]:
    """Soft and hard."""
    return found["soft"], found["hard"]


def credentials(context: Context, node: Node, found: Found, keys: Keys) -> Found:
    """Where the credentials of a Windows container are: in one place."""
    if len(found) != 1:
        context.fault(node, "credential_spec: expected one of config, file, registry", "conflict")
    return found


def attachment(context: Context, node: Node, found: Found, keys: Keys) -> Found:
    """How a service appears on a network; the name comes with the key."""
    return {
        "aliases": tuple(found.get("aliases") or ()),
        "ipv4": found.get("ipv4_address") or "",
        "ipv6": found.get("ipv6_address") or "",
        "link_local_ips": tuple(found.get("link_local_ips") or ()),
        "mac": found.get("mac_address") or "",
        "driver_options": found.get("driver_opts") or model.NOTHING,
        "gateway_priority": found.get("gw_priority") or 0,
        "interface": found.get("interface_name") or "",
        "priority": found.get("priority") or 0,
        "unnamed": found.get("use_service_name_alias") is False,
    }


def options(pairs: tuple[tuple[str, str | None, Node], ...] | None) -> dict[str, str]:
    """Free pairs as a dictionary."""
    return {name: value or "" for name, value, _ in pairs or ()}
