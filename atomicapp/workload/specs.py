"""The values that describe a thing of their own: ports, mounts, networks, devices, limits.

As in `values`, each function takes one text and raises ValueError with what was expected.
"""

from __future__ import annotations

import re
from typing import Any

from atomicapp.position import Position
from atomicapp.workload import model, values

PROTOCOLS = ("tcp", "udp", "sctp")
_MOST_PORTS = 65536
_VOLUME_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+", re.ASCII)
_PROPAGATION = ("rprivate", "private", "rshared", "shared", "rslave", "slave")
_CONSISTENCY = ("consistent", "cached", "delegated", "default")
_ULIMITS = (
    *("core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile", "nproc", "rss", "rtprio"),
    *("rttime", "sigpending", "stack"),
)
_DEVICE_RULE = re.compile(r"[acb] (\d+|\*):(\d+|\*) [rwm]{1,3}", re.ASCII)
_CDI = re.compile(r"[A-Za-z][\w.-]*/[A-Za-z][\w.-]*=[A-Za-z0-9][\w.:-]*", re.ASCII)
_LONG_NETWORK = re.compile(r"\w+=\w+", re.ASCII)
_LONG_PORT = ("published", "target", "protocol")
BUILT_IN_NETWORKS = ("default", "bridge", "host", "none")


def _range(text: str, what: str) -> tuple[int, int]:
    first, dash, last = text.partition("-")
    try:
        low = values.between(1, 65535, first)
        high = values.between(1, 65535, last) if dash else low
    except ValueError:
        raise ValueError(f"the {what} port '{text}' is not a port (1 to 65535) or a range of ports") from None
    if high < low:
        raise ValueError(f"the range of {what} ports '{text}' ends before it begins")
    return low, high


def ports(text: str, position: Position) -> list[model.Port]:
    """`[[IP:]HOST:]CONTAINER[/PROTOCOL]` with ranges, or `target=80,published=8080,protocol=tcp`."""
    if "=" in text:
        text = _long_port(text)
    rest, slash, protocol = text.partition("/")
    protocol = protocol.lower() if slash else "tcp"
    if protocol not in PROTOCOLS:
        raise ValueError(f"the protocol '{protocol}' is none of {', '.join(PROTOCOLS)}")
    before, _, container = rest.rpartition(":")
    ip, _, host = before.rpartition(":")
    if ip.startswith("[") and ip.endswith("]"):
        ip = ip[1:-1]
    if ip:
        values.address(ip)
    if not container:
        raise ValueError("no port of the container is given; expected [[IP:]HOST_PORT:]CONTAINER_PORT[/PROTOCOL]")
    low, high = _range(container, "container")
    if not host:
        return [model.Port(port, protocol, "", ip, position) for port in range(low, high + 1)]
    host_low, host_high = (0, 0) if host == "0" else _range(host, "host")
    if host_high - host_low != high - low:
        if low != high:
            raise ValueError(f"the ranges {host} and {container} differ in length")
        # one port of the container on whichever of the range is free
        return [model.Port(low, protocol, f"{host_low}-{host_high}", ip, position)]
    return [model.Port(low + step, protocol, str(host_low + step), ip, position) for step in range(high - low + 1)]


def _long_port(text: str) -> str:
    found = {"protocol": "tcp"}
    for field in text.split(","):
        key, sign, value = field.partition("=")
        if not sign or key not in _LONG_PORT:
            raise ValueError(f"'{field}' is not one of {', '.join(_LONG_PORT)} with =VALUE")
        found[key] = value
    return f"{found.get('published', '')}:{found.get('target', '')}/{found['protocol']}"


def exposed(text: str, position: Position) -> list[model.Exposed]:
    """`PORT[-PORT][/PROTOCOL]`."""
    if ":" in text:
        raise ValueError("expected PORT[/PROTOCOL]; --publish is the option that maps ports")
    rest, slash, protocol = text.partition("/")
    protocol = protocol.lower() if slash else "tcp"
    if protocol not in PROTOCOLS:
        raise ValueError(f"the protocol '{protocol}' is none of {', '.join(PROTOCOLS)}")
    low, high = _range(rest, "container")
    return [model.Exposed(port, protocol, position) for port in range(low, high + 1)]


def _target(text: str) -> str:
    found = values.absolute(text)
    if found == "/":
        raise ValueError("the container's root '/' can't be mounted over")
    return found


def source_kind(source: str) -> str:
    """Whether the source of a mount is a folder of the host or the name of a volume."""
    if source.startswith("/"):
        return model.BIND
    if source.startswith((".", "~")):
        raise ValueError(
            f"'{source}' depends on where the command is called; expected an absolute path of the host, or a volume"
        )
    if not _VOLUME_NAME.fullmatch(source):
        raise ValueError(
            f"'{source}' is neither an absolute path nor a name for a volume (two or more letters, digits, '_.-')"
        )
    return model.VOLUME


def volume(text: str, position: Position) -> model.Mount:
    """`[SOURCE:]TARGET[:OPTIONS]`."""
    parts = text.split(":")
    if len(parts) > 3:
        raise ValueError("expected [SOURCE:]TARGET[:OPTIONS]")
    if len(parts) == 1:
        return model.Mount(model.VOLUME, "", _target(parts[0]), position)
    if not parts[0]:
        raise ValueError("the source before the colon is empty")
    kind = source_kind(parts[0])
    mount = model.Mount(kind, parts[0], _target(parts[1]), position, create_source=kind == model.BIND)
    for option in parts[2].split(",") if len(parts) == 3 else ():
        mount = _mount_option(mount, option)
    return mount


def _mount_option(mount: model.Mount, option: str) -> model.Mount:
    if option in ("ro", "rw"):
        return mount._replace(read_only=option == "ro")
    if option in ("z", "Z"):
        return mount._replace(selinux="shared" if option == "z" else "private")
    if option == "nocopy" and mount.kind == model.VOLUME:
        return mount._replace(no_copy=True)
    if option in _PROPAGATION and mount.kind == model.BIND:
        return mount._replace(propagation=option)
    if option in _CONSISTENCY:
        return mount._replace(consistency=option)
    known = ["ro", "rw", "z", "Z", *(_PROPAGATION if mount.kind == model.BIND else ["nocopy"])]
    raise ValueError(f"'{option}' is no option of a {mount.kind} mount; expected some of {', '.join(known)}")


def tmpfs(text: str, position: Position) -> model.Mount:
    """`TARGET[:OPTIONS]`."""
    target, _, options = text.partition(":")
    return model.Mount(model.TMPFS, "", _target(target), position, options=options)


_MOUNT_KEYS: dict[str, str] = {
    "type": "type",
    "source": "source",
    "src": "source",
    "target": "target",
    "dst": "target",
    "destination": "target",
    "readonly": "read_only",
    "ro": "read_only",
    "consistency": "consistency",
    "bind-propagation": "propagation",
    "bind-nonrecursive": "bind-nonrecursive",
    "bind-recursive": "recursive",
    "bind-create-src": "create_source",
    "volume-nocopy": "no_copy",
    "volume-label": "labels",
    "volume-driver": "driver",
    "volume-opt": "driver_options",
    "volume-subpath": "subpath",
    "image-subpath": "subpath",
    "tmpfs-size": "size",
    "tmpfs-mode": "mode",
}
_MOUNT_FLAGS = ("readonly", "ro", "volume-nocopy", "bind-nonrecursive", "bind-create-src")
_KINDS = (model.BIND, model.VOLUME, model.TMPFS, model.IMAGE, model.NAMED_PIPE, model.CLUSTER)


def mount(text: str, position: Position) -> model.Mount:
    """The CSV form: `type=bind,source=/a,target=/b,readonly`."""
    found: dict[str, Any] = {}
    prefixes: dict[str, str] = {}
    for field in values.fields(text):
        key, sign, value = field.partition("=")
        if key not in _MOUNT_KEYS:
            raise ValueError(f"unknown key '{key}'; expected some of {', '.join(_MOUNT_KEYS)}")
        if not sign and key not in _MOUNT_FLAGS:
            raise ValueError(f"'{field}' must be {key}=VALUE")
        try:
            _mount_field(found, key, value if sign else "true")
        except ValueError as error:
            raise ValueError(f"{key}: {error}") from None
        prefix = key.partition("-")[0]
        if prefix in ("bind", "volume", "tmpfs", "image"):
            prefixes.setdefault(prefix, key)
    kind = found.pop("type", model.VOLUME)
    for prefix, key in prefixes.items():
        if prefix != kind:
            raise ValueError(f"'{key}' means nothing to a mount of type {kind}")
    source, target = found.pop("source", ""), found.pop("target", "")
    if not target:
        raise ValueError("no target is given")
    _check_source(kind, source)
    return model.Mount(kind, source, _target(target), position, **found)


def _mount_field(found: dict[str, Any], key: str, value: str) -> None:
    name = _MOUNT_KEYS[key]
    if name in ("read_only", "no_copy", "create_source"):
        found[name] = values.boolean(value)
    elif name == "bind-nonrecursive":
        if values.boolean(value):
            found["recursive"] = "disabled"
    elif name == "type":
        found[name] = values.one_of(_KINDS, value.lower())
    elif name == "propagation":
        found[name] = values.one_of(_PROPAGATION, value.lower())
    elif name == "consistency":
        found[name] = values.one_of(_CONSISTENCY, value.lower())
    elif name == "recursive":
        found[name] = values.one_of(("enabled", "disabled", "writable", "readonly"), value)
    elif name in ("labels", "driver_options"):
        option, text = values.pair(value)
        found.setdefault(name, {})[option] = text
    elif name == "size":
        found[name] = values.size(value)
    elif name == "mode":
        if not re.fullmatch(r"[0-7]{1,5}", value, re.ASCII):
            raise ValueError("expected a mode in octal such as 1777")
        found[name] = int(value, 8)
    else:
        found[name] = value


def _check_source(kind: str, source: str) -> None:
    if kind == model.TMPFS and source:
        raise ValueError("a tmpfs has no source")
    if kind in (model.BIND, model.IMAGE, model.NAMED_PIPE, model.CLUSTER) and not source:
        raise ValueError(f"a mount of type {kind} needs a source")
    if kind == model.BIND and not source.startswith("/"):
        raise ValueError(f"the source '{source}' is not an absolute path of the host")
    if kind == model.VOLUME and source and not _VOLUME_NAME.fullmatch(source):
        raise ValueError(f"'{source}' is no name for a volume (two or more letters, digits, '_.-')")


def volumes_from(text: str, position: Position) -> model.VolumesFrom:
    """`CONTAINER[:ro|rw|z|Z]`."""
    container, colon, mode = text.partition(":")
    if not container or (colon and not all(part in ("ro", "rw", "z", "Z") for part in mode.split(","))):
        raise ValueError("expected CONTAINER or CONTAINER:ro")
    return model.VolumesFrom(container, mode, position)


def link(text: str, position: Position) -> model.Link:
    """`TARGET[:ALIAS]`."""
    target, colon, alias = text.partition(":")
    target, alias = target.removeprefix("/"), alias if colon else target.rpartition("/")[2]
    if not target or not alias or ":" in alias:
        raise ValueError("expected NAME or NAME:ALIAS")
    return model.Link(target, alias, position)


def network(text: str, position: Position) -> model.Network:
    """A name, a mode, or `name=NET,alias=A,ip=...`."""
    if not _LONG_NETWORK.search(text):
        if not text.strip():
            raise ValueError("the name of the network is empty")
        return model.Network(text, position)
    found: dict[str, Any] = {}
    for field in values.fields(text):
        key, sign, value = (part.strip() for part in field.partition("="))
        if not sign:
            raise ValueError(f"'{field}' must be KEY=VALUE")
        if key == "name":
            found["name"] = value
        elif key == "alias":
            found["aliases"] = (*found.get("aliases", ()), value)
        elif key == "ip":
            found["ipv4"] = values.address4(value)
        elif key == "ip6":
            found["ipv6"] = values.address6(value)
        elif key == "mac-address":
            found["mac"] = values.mac(value)
        elif key == "link-local-ip":
            found["link_local_ips"] = (*found.get("link_local_ips", ()), values.address(value))
        elif key == "driver-opt":
            option, setting = values.strict_pair(value)
            found.setdefault("driver_options", {})[option.strip()] = setting.strip()
        elif key == "gw-priority":
            found["gateway_priority"] = values.integer(value)
        else:
            raise ValueError(
                f"unknown key '{key}'; expected some of name, alias, ip, ip6, mac-address, link-local-ip, driver-opt, "
                "gw-priority"
            )
    if not found.get("name"):
        raise ValueError("name=NETWORK is missing")
    return model.Network(position=position, **found)


def device(text: str, position: Position) -> model.Device | model.DeviceRequest:
    """`HOST[:CONTAINER][:rwm]`, or a CDI name `vendor/class=name`."""
    if _CDI.fullmatch(text):
        return model.DeviceRequest("cdi", 0, (text,), (), {}, position)
    parts = text.split(":")
    permissions = "rwm"
    if len(parts) in (2, 3) and _permissions(parts[-1]):
        permissions = parts.pop()
    if not 1 <= len(parts) <= 2:
        raise ValueError("expected HOST_DEVICE[:CONTAINER_DEVICE][:rwm]")
    for part in parts:
        if not part.startswith("/"):
            raise ValueError(f"the device '{part}' is not an absolute path")
    return model.Device(parts[0], parts[-1], permissions, position)


def _permissions(text: str) -> bool:
    return 0 < len(text) <= 3 and set(text) <= set("rwm") and len(set(text)) == len(text)


def device_rule(text: str) -> str:
    """A rule of the devices cgroup: `c 42:* rmw`."""
    if not _DEVICE_RULE.fullmatch(text):
        raise ValueError("expected TYPE MAJOR:MINOR ACCESS such as 'c 42:* rmw'")
    return text


def device_rate(text: str, position: Position, *, size: bool) -> model.DeviceRate:
    """`/dev/sda:1mb`, or `/dev/sda:1000` for operations."""
    path, colon, rate = text.rpartition(":")
    if not colon or not path.startswith("/dev/"):
        raise ValueError("expected DEVICE:RATE such as /dev/sda:1mb" if size else "expected DEVICE:NUMBER")
    return model.DeviceRate(path, values.size(rate) if size else values.natural(rate), position)


def device_weight(text: str, position: Position) -> model.DeviceRate:
    """`/dev/sda:500`; the weight is 0 or 10 to 1000."""
    path, colon, weight = text.rpartition(":")
    if not colon or not path.startswith("/dev/"):
        raise ValueError("expected DEVICE:WEIGHT such as /dev/sda:500")
    return model.DeviceRate(path, block_weight(weight), position)


def block_weight(text: str) -> int:
    """0 (off) or 10 to 1000."""
    found = values.integer(text)
    if found != 0 and not 10 <= found <= 1000:
        raise ValueError("expected a weight from 10 to 1000, or 0")
    return found


def gpus(text: str, position: Position) -> model.DeviceRequest:
    """`all`, a number, or `device=0,driver=nvidia,capabilities=...`."""
    found: dict[str, Any] = {"driver": "", "ids": (), "capabilities": ("gpu",), "options": {}}
    for field in values.fields(text):
        key, sign, value = field.partition("=")
        if not sign:
            key, value = "count", key
        if key == "count":
            found["number"] = -1 if value == "all" else values.integer(value)
        elif key == "device":
            found["ids"] = tuple(value.split(","))
        elif key == "driver":
            found["driver"] = value
        elif key == "capabilities":
            found["capabilities"] = (*value.split(","), "gpu")
        elif key == "options":
            found["options"] = dict(values.pair(option) for option in values.fields(value))
        else:
            raise ValueError(f"unknown key '{key}'; expected count, device, driver, capabilities or options")
    found.setdefault("number", 0 if found["ids"] else 1)
    return model.DeviceRequest(position=position, **found)


def ulimit(text: str, position: Position) -> model.Ulimit:
    """`NAME=SOFT[:HARD]`."""
    name, sign, limits = text.partition("=")
    if not sign:
        raise ValueError("expected NAME=SOFT[:HARD]")
    if name not in _ULIMITS:
        raise ValueError(f"unknown limit '{name}'; expected one of {', '.join(_ULIMITS)}")
    first, colon, last = limits.partition(":")
    soft = values.integer(first)
    hard = values.integer(last) if colon else soft
    if hard != -1 and (soft == -1 or soft > hard):
        raise ValueError(f"the soft limit {soft} is above the hard limit {hard}")
    return model.Ulimit(name, soft, hard, position)


def restart(text: str) -> model.Restart:
    """`no`, `always`, `unless-stopped`, `on-failure[:N]`."""
    policy, colon, count = text.partition(":")
    if not text:
        return model.Restart()
    if policy not in ("no", "always", "on-failure", "unless-stopped"):
        raise ValueError("expected no, always, unless-stopped, on-failure or on-failure:N")
    if colon and policy != "on-failure":
        raise ValueError(f"a number of tries goes with on-failure only, not with {policy}")
    return model.Restart(policy, values.natural(count) if colon else 0)
