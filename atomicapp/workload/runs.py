"""`docker run` commands as a project: what belongs to a Compose file is told apart, named, and said by its key. Pure.

Each command becomes a service, called as its container (`--name`), else after its image. Networks and volumes that are
named become those of the project; commands without a network share the project's own, where they find each other by name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from atomicapp.position import Position
from atomicapp.workload import docker_run, model
from atomicapp.workload.assemble import is_mode
from atomicapp.workload.command_files import Read
from atomicapp.workload.model import Mount, Network, Workload
from atomicapp.workload.project import DEFAULT_NETWORK, NetworkSpec, Project, Said, VolumeSpec

_BAD = re.compile(r"[^a-z0-9_.-]+")


def read(text: str, file: str, *, files: Read | None = None) -> Project:
    """The project of a text of commands. SpecError with all faults."""
    found = docker_run.parse(text, file, read=files)
    names: dict[str, int] = {}
    works = tuple(_service(work, names) for work in found.workloads)
    networks = {
        network.name: NetworkSpec(
            network.name, network.position, name="" if network.name == DEFAULT_NETWORK else network.name
        )
        for work in works
        for network in work.networks
    }
    volumes = {
        mount.source: VolumeSpec(
            mount.source, mount.position, mount.source, driver=mount.driver, driver_options=mount.driver_options
        )
        for work in works
        for mount in work.mounts
        if mount.kind == model.VOLUME and mount.source
    }
    said = [item for work in works for item in _said(work)]
    return Project(
        file,
        works,
        MappingProxyType(networks),
        MappingProxyType(volumes),
        said=tuple(sorted(said, key=lambda item: item.position[:3])),
        issues=found.issues,
    )


def _service(work: Workload, names: dict[str, int]) -> Workload:
    base = work.name.removeprefix("/") or _BAD.sub("-", _last(work.image).lower()).strip("-._") or "app"
    names[base] = names.get(base, 0) + 1
    service = base if names[base] == 1 else f"{base}-{names[base]}"
    spaces, networks = work.namespaces, work.networks
    if spaces.network in ("", "default") and not [network for network in networks if not is_mode(network.name)]:
        spaces = spaces._replace(network="")
        first = networks[0] if networks else Network(DEFAULT_NETWORK, work.position)
        networks = (first._replace(name=DEFAULT_NETWORK),)
    return work._replace(service=service, name=work.name.removeprefix("/"), namespaces=spaces, networks=networks)


def _last(image: str) -> str:
    """The name of an image without its registry, folders, tag and digest."""
    return image.partition("@")[0].rpartition("/")[2].partition(":")[0]


# ---------------------------------------------------------------- what a command says, by the keys of Compose

_PLAIN = {
    "name": "container_name",
    "image": "image",
    "command": "command",
    "entrypoint": "entrypoint",
    "restart": "restart",
    "sysctls": "sysctls",
    "user": "user",
    "groups": "group_add",
    "workdir": "working_dir",
    "hostname": "hostname",
    "domainname": "domainname",
    "extra_hosts": "extra_hosts",
    "shm_size": "shm_size",
    "labels": "labels",
    "annotations": "annotations",
    "stop_signal": "stop_signal",
    "stop_grace": "stop_grace_period",
    "init": "init",
    "tty": "tty",
    "stdin": "stdin_open",
    "platform": "platform",
    "runtime": "runtime",
    "isolation": "isolation",
    "pull": "pull_policy",
    "cgroup_parent": "cgroup_parent",
    "storage_options": "storage_opt",
    "device_rules": "device_cgroup_rules",
}
"""Fields of a workload, and the keys that say them."""

_GROUPS: Mapping[str, Mapping[str, str]] = {
    "resources": {
        "memory": "mem_limit",
        "memory_reservation": "mem_reservation",
        "memory_swap": "memswap_limit",
        "memory_swappiness": "mem_swappiness",
        "kernel_memory": "--kernel-memory",
        "windows_io_bandwidth": "--io-maxbandwidth",
        "windows_io_iops": "--io-maxiops",
        "cpus": "cpus",
        "cpu_shares": "cpu_shares",
        "cpu_period": "cpu_period",
        "cpu_quota": "cpu_quota",
        "cpu_rt_period": "cpu_rt_period",
        "cpu_rt_runtime": "cpu_rt_runtime",
        "cpuset_cpus": "cpuset",
        "cpuset_mems": "--cpuset-mems",
        "pids": "pids_limit",
        "oom_kill_disable": "oom_kill_disable",
        "oom_score_adj": "oom_score_adj",
        "windows_cpu_count": "cpu_count",
        "windows_cpu_percent": "cpu_percent",
    },
    "security": {
        "privileged": "privileged",
        "cap_add": "cap_add",
        "cap_drop": "cap_drop",
        "options": "security_opt",
        "all_system_paths": "security_opt",
        "read_only_root": "read_only",
    },
    "namespaces": {
        "network": "network_mode",
        "pid": "pid",
        "ipc": "ipc",
        "uts": "uts",
        "user": "userns_mode",
        "cgroup": "cgroup",
    },
    "dns": {"servers": "dns", "search": "dns_search", "options": "dns_opt"},
    "logging": {"driver": "logging.driver", "options": "logging.options"},
    "block_io": {"weight": "blkio_config.weight"},
}
"""Groups of fields, likewise."""

_PLACES = {"read_only_root": "read_only", "user": "userns", "options": "security_opt", "network": "networks"}
_RATES = {
    "weight_devices": ("weight_device", "weight"),
    "read_bps": ("device_read_bps", "rate"),
    "write_bps": ("device_write_bps", "rate"),
    "read_iops": ("device_read_iops", "rate"),
    "write_iops": ("device_write_iops", "rate"),
}
_NETWORK = {
    "aliases": "aliases",
    "ipv4": "ipv4_address",
    "ipv6": "ipv6_address",
    "link_local_ips": "link_local_ips",
    "mac": "mac_address",
    "driver_options": "driver_opts",
    "gateway_priority": "gw_priority",
}
_OPTIONS = {"publish_all": "--publish-all", "volume_driver": "--volume-driver", "auto_remove": "--rm"}
"""Fields for which Compose has no key: they are said by their option, of which only the docker provider's table knows."""


def _said(work: Workload) -> Iterator[Said]:
    plain = Workload(work.image, work.position)

    def say(key: str, position: Position) -> Said:
        return Said(key if key.startswith("--") else f"services.{key}", work.service, position)

    for field, key in _PLAIN.items():
        if field == "image" or getattr(work, field) != getattr(plain, field):
            yield say(key, work.place(field))
    for group, keys in _GROUPS.items():
        found, empty = getattr(work, group), getattr(plain, group)
        for field, key in keys.items():
            if getattr(found, field) != getattr(empty, field):
                yield say(key, work.place(_PLACES.get(field, field)))
    for field, option in _OPTIONS.items():
        if getattr(work, field) != getattr(plain, field):
            yield say(option, work.place(field))
    yield from (say(key, position) for key, position in _items(work))


def _items(work: Workload) -> Iterator[tuple[str, Position]]:
    """What is said by the items of lists, each at its place."""
    yield from (("environment", item.position) for item in work.env)
    for port in work.ports:
        yield from _fields("ports", port, {"container": "target", "host": "published", "host_ip": "host_ip"})
        if port.protocol != "tcp":
            yield "ports.protocol", port.position
    yield from (("expose", item.position) for item in work.exposed)
    for mount in work.mounts:
        yield from _mount(mount)
    yield from (("volumes_from", item.position) for item in work.volumes_from)
    yield from (("links", item.position) for item in work.links)
    for network in work.networks:
        if network.name != DEFAULT_NETWORK:
            yield "networks", network.position
        yield from _fields("networks", network, _NETWORK)
    if work.healthcheck is not None:
        place = work.place("test")
        if work.healthcheck.test == ("NONE",):
            yield "healthcheck.disable", work.place("no_healthcheck")
        else:
            yield from _fields("healthcheck", work.healthcheck, {n: n for n in model.Healthcheck._fields}, place)
    yield from (("ulimits", item.position) for item in work.ulimits)
    for device in work.devices:
        yield from _fields("devices", device, {"host": "source", "container": "target", "permissions": "permissions"})
    for request in work.device_requests:
        keys = {
            "number": "count",
            "ids": "device_ids",
            "driver": "driver",
            "capabilities": "capabilities",
            "options": "options",
        }
        yield from _fields("gpus", request, keys)
    for field, (key, value) in _RATES.items():
        for rate in getattr(work.block_io, field):
            yield f"blkio_config.{key}.path", rate.position
            yield f"blkio_config.{key}.{value}", rate.position


def _fields(
    room: str, item: Any, keys: Mapping[str, str], place: Position | None = None
) -> Iterator[tuple[str, Position]]:
    for field, key in keys.items():
        if getattr(item, field):
            yield f"{room}.{key}", place or item.position


def _mount(mount: Mount) -> Iterator[tuple[str, Position]]:
    place = mount.position
    if mount.kind == model.TMPFS and mount.options is not None:
        yield "tmpfs", place
        return
    yield "volumes.type", place
    keys = {"source": "source", "target": "target", "read_only": "read_only", "consistency": "consistency"}
    yield from _fields("volumes", mount, keys)
    kinds = {
        model.BIND: {"propagation": "propagation", "recursive": "recursive", "selinux": "selinux"},
        model.VOLUME: {"no_copy": "nocopy", "subpath": "subpath", "labels": "labels"},
        model.TMPFS: {"size": "size", "mode": "mode"},
        model.IMAGE: {"subpath": "subpath"},
    }
    yield from _fields(f"volumes.{mount.kind}", mount, kinds.get(mount.kind, {}))
