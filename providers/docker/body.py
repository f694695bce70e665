"""Write a Workload as what the Docker Engine API takes to make a container. Pure.

Only what was said is written, so that a body stays the same when a newer release knows more options.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from atomicapp.records import NamedTuple
from atomicapp.workload import model
from atomicapp.workload.assemble import is_mode
from atomicapp.workload.model import Mount, Workload

Json = dict[str, Any]


class Names(NamedTuple):
    """What the names in a workload are called on the engine.

    `volume` takes a mount and tells the volume's name; `container` the name of a container or component;
    `aliases` are those that the container has on every network of its own.
    """

    volume: Callable[[Mount], str]
    container: Callable[[str], str]
    aliases: tuple[str, ...] = ()


def _said(**found: Any) -> Json:
    """Without what was not said. 0 is no limit and no value to the engine in all fields that are written so."""
    return {name: value for name, value in found.items() if value}


def _map(found: Mapping[str, str]) -> Json:
    return dict(sorted(found.items()))


def _port(number: int, protocol: str) -> str:
    return f"{number}/{protocol}"


def config(work: Workload) -> Json:
    """The part of the body that an image could say as well."""
    ports = [(port.container, port.protocol) for port in work.ports]
    ports += [(port.container, port.protocol) for port in work.exposed]
    exposed: dict[str, Json] = {_port(*port): {} for port in ports}
    found = _said(
        Image=work.image,
        Hostname=work.hostname,
        Domainname=work.domainname,
        User=work.user,
        Tty=work.tty,
        OpenStdin=work.stdin,
        Env=[f"{item.name}={item.value}" for item in work.env],
        Cmd=list(work.command) if work.command else None,
        Entrypoint=list(work.entrypoint) if work.entrypoint is not None else None,
        WorkingDir=work.workdir,
        Labels=_map(work.labels),
        StopSignal=work.stop_signal,
        Healthcheck=health(work.healthcheck),
        ExposedPorts=dict(sorted(exposed.items())),
    )
    if work.stop_grace is not None:
        found["StopTimeout"] = work.stop_grace
    return found


def health(check: model.Healthcheck | None) -> Json:
    """A health check as the API has it, for containers and services."""
    if check is None:
        return {}
    return _said(
        Test=list(check.test),
        Interval=check.interval,
        Timeout=check.timeout,
        StartPeriod=check.start_period,
        StartInterval=check.start_interval,
        Retries=check.retries,
    )


def host(work: Workload, names: Names) -> Json:
    """The part of the body that concerns the machine."""
    security, spaces = work.security, work.namespaces
    cap_add, cap_drop = capabilities(security)
    binds, tmpfs, mounts = _mounts(work.mounts, names)
    bindings: dict[str, list[Json]] = {}
    for port in work.ports:
        binding = {"HostIp": port.host_ip, "HostPort": port.host}
        bindings.setdefault(_port(port.container, port.protocol), []).append(binding)
    found = _said(
        Binds=binds,
        Tmpfs=tmpfs,
        Mounts=mounts,
        VolumesFrom=[
            f"{names.container(item.container)}:{item.mode}" if item.mode else names.container(item.container)
            for item in work.volumes_from
        ],
        VolumeDriver=work.volume_driver,
        StorageOpt=_map(work.storage_options),
        ShmSize=work.shm_size,
        PortBindings=dict(sorted(bindings.items())),
        PublishAllPorts=work.publish_all,
        Links=links(work, names),
        Dns=list(work.dns.servers),
        DnsSearch=list(work.dns.search),
        DnsOptions=list(work.dns.options),
        ExtraHosts=list(work.extra_hosts),
        NetworkMode=_network_mode(work, names),
        PidMode=_shared(spaces.pid, names),
        IpcMode=_shared(spaces.ipc, names),
        UTSMode=spaces.uts,
        UsernsMode=spaces.user,
        CgroupnsMode=spaces.cgroup,
        Privileged=security.privileged,
        CapAdd=cap_add,
        CapDrop=cap_drop,
        SecurityOpt=list(security.options),
        ReadonlyRootfs=security.read_only_root,
        GroupAdd=list(work.groups),
        Sysctls=_map(work.sysctls),
        Runtime=work.runtime,
        Isolation=work.isolation,
        Annotations=_map(work.annotations),
        AutoRemove=work.auto_remove,
        CgroupParent=work.cgroup_parent,
        LogConfig=_said(Type=work.logging.driver, Config=_map(work.logging.options)),
    )
    found["RestartPolicy"] = {"Name": work.restart.policy, "MaximumRetryCount": work.restart.retries}
    if work.init is not None:
        found["Init"] = work.init
    if security.all_system_paths:
        found |= {"MaskedPaths": [], "ReadonlyPaths": []}
    return found | _limits(work)


def capabilities(security: model.Security) -> tuple[list[str], list[str]]:
    """What is added and dropped, in the kernel's names; ALL stands for all others of its list."""
    add, drop = (
        sorted({name if name == "ALL" else f"CAP_{name.removeprefix('CAP_')}" for name in map(str.upper, found)})
        for found in (security.cap_add, security.cap_drop)
    )
    return add, drop


def _limits(work: Workload) -> Json:
    limits, block = work.resources, work.block_io
    found = _said(
        Memory=limits.memory,
        MemoryReservation=limits.memory_reservation,
        MemorySwap=limits.memory_swap,
        KernelMemory=limits.kernel_memory,
        NanoCpus=limits.cpus,
        CpuShares=limits.cpu_shares,
        CpuPeriod=limits.cpu_period,
        CpuQuota=limits.cpu_quota,
        CpuRealtimePeriod=limits.cpu_rt_period,
        CpuRealtimeRuntime=limits.cpu_rt_runtime,
        CpusetCpus=limits.cpuset_cpus,
        CpusetMems=limits.cpuset_mems,
        PidsLimit=limits.pids,
        OomKillDisable=limits.oom_kill_disable,
        OomScoreAdj=limits.oom_score_adj,
        CpuCount=limits.windows_cpu_count,
        CpuPercent=limits.windows_cpu_percent,
        IOMaximumBandwidth=limits.windows_io_bandwidth,
        IOMaximumIOps=limits.windows_io_iops,
        BlkioWeight=block.weight,
        BlkioWeightDevice=[{"Path": item.path, "Weight": item.rate} for item in block.weight_devices],
        BlkioDeviceReadBps=_rates(block.read_bps),
        BlkioDeviceWriteBps=_rates(block.write_bps),
        BlkioDeviceReadIOps=_rates(block.read_iops),
        BlkioDeviceWriteIOps=_rates(block.write_iops),
        Ulimits=[{"Name": item.name, "Soft": item.soft, "Hard": item.hard} for item in sorted(work.ulimits)],
        DeviceCgroupRules=list(work.device_rules),
        Devices=[
            {"PathOnHost": item.host, "PathInContainer": item.container, "CgroupPermissions": item.permissions}
            for item in work.devices
        ],
        DeviceRequests=[
            {
                "Driver": item.driver,
                "Count": item.number,
                "DeviceIDs": list(item.ids) or None,
                "Capabilities": [list(item.capabilities)] if item.capabilities else None,
                "Options": dict(item.options),
            }
            for item in work.device_requests
        ],
    )
    if limits.memory_swappiness not in (None, -1):
        # 0 says something here: never swap
        found["MemorySwappiness"] = limits.memory_swappiness
    return found


def _rates(found: Sequence[model.DeviceRate]) -> list[Json]:
    return [{"Path": item.path, "Rate": item.rate} for item in found]


# ---------------------------------------------------------------- storage


def _mounts(mounts: Sequence[Mount], names: Names) -> tuple[list[str], Json, list[Json]]:
    binds: list[str] = []
    tmpfs: Json = {}
    long: list[Json] = []
    for mount in mounts:
        if mount.kind == model.TMPFS and mount.options is not None:
            tmpfs[mount.target] = mount.options
        elif _fits_bind(mount):
            binds.append(_bind(mount, names))
        else:
            long.append(_mount(mount, names))
    return binds, tmpfs, long


def _fits_bind(mount: Mount) -> bool:
    """Whether the short form says it all. It makes absent host folders, and a colon ends its parts."""
    if ":" in mount.source or ":" in mount.target or mount.subpath or mount.recursive:
        return False
    return mount.kind == model.VOLUME or (mount.kind == model.BIND and mount.create_source)


def _bind(mount: Mount, names: Names) -> str:
    source = names.volume(mount) if mount.kind == model.VOLUME else mount.source
    options = [
        "ro" if mount.read_only else "",
        {"shared": "z", "private": "Z"}.get(mount.selinux, ""),
        "nocopy" if mount.no_copy else "",
        mount.propagation,
        mount.consistency,
    ]
    return ":".join([source, mount.target, *([",".join(filter(None, options))] if any(options) else [])])


def _mount(mount: Mount, names: Names) -> Json:
    source = names.volume(mount) if mount.kind == model.VOLUME else mount.source
    found = _said(Type=mount.kind, Source=source, ReadOnly=mount.read_only, Consistency=mount.consistency)
    found["Target"] = mount.target
    kinds = {
        model.BIND: (
            "BindOptions",
            _said(
                Propagation=mount.propagation,
                NonRecursive=mount.recursive == "disabled",
                CreateMountpoint=mount.create_source,
                ReadOnlyNonRecursive=mount.recursive == "writable",
                ReadOnlyForceRecursive=mount.recursive == "readonly",
            ),
        ),
        model.VOLUME: ("VolumeOptions", _said(NoCopy=mount.no_copy, Subpath=mount.subpath)),
        model.TMPFS: ("TmpfsOptions", _said(SizeBytes=mount.size, Mode=mount.mode)),
        model.IMAGE: ("ImageOptions", _said(Subpath=mount.subpath)),
    }
    name, options = kinds.get(mount.kind, ("", {}))
    if options:
        found[name] = options
    return found


# ---------------------------------------------------------------- network


def own_networks(work: Workload) -> tuple[model.Network, ...]:
    """The networks that have a name of their own, not a mode of the engine."""
    return tuple(network for network in work.networks if not is_mode(network.name))


def _shared(mode: str, names: Names) -> str:
    kind, colon, name = mode.partition(":")
    return f"{kind}:{names.container(name)}" if colon and kind == "container" else mode


def _network_mode(work: Workload, names: Names) -> str:
    if work.namespaces.network:
        return _shared(work.namespaces.network, names)
    own = own_networks(work)
    return own[0].name if own else "default"


def links(work: Workload, names: Names) -> list[str]:
    """The links as the engine takes them, each with an alias."""
    return [f"{names.container(link.target)}:{link.alias}" for link in work.links]


def endpoints(work: Workload, names: Names) -> Json:
    """The settings of each network, by name; the first one is that of the network mode."""
    found: Json = {}
    own = own_networks(work)
    for network in work.networks:
        is_own = network in own
        own_names = () if network.unnamed else names.aliases
        aliases = list(dict.fromkeys([*network.aliases, *own_names])) if is_own else []
        # a link on a network of one's own is a name on that network
        linked = links(work, names) if is_own and network == own[0] else []
        found[network.name] = _said(
            Aliases=aliases,
            Links=linked,
            MacAddress=network.mac,
            DriverOpts=_map(network.driver_options),
            GwPriority=network.gateway_priority,
            IPAMConfig=_said(
                IPv4Address=network.ipv4, IPv6Address=network.ipv6, LinkLocalIPs=list(network.link_local_ips)
            ),
        )
    return found


# ---------------------------------------------------------------- engines of another age

Since = tuple[tuple[str, ...], tuple[int, int], str]
"""A path in a body, the API version from which on it counts, and what a user calls it."""

_SINCE: tuple[Since, ...] = (
    (("host", "Annotations"), (1, 43), "--annotation"),
    (("config", "Healthcheck", "StartInterval"), (1, 44), "--health-start-interval"),
    (("host", "Mounts", "BindOptions", "CreateMountpoint"), (1, 42), "--mount with bind-create-src"),
    (("host", "Mounts", "BindOptions", "ReadOnlyNonRecursive"), (1, 44), "--mount with bind-recursive"),
    (("host", "Mounts", "BindOptions", "ReadOnlyForceRecursive"), (1, 44), "--mount with bind-recursive"),
    (("host", "Mounts", "VolumeOptions", "Subpath"), (1, 45), "--mount with volume-subpath"),
    (("host", "Mounts", "ImageOptions"), (1, 48), "--mount with image-subpath"),
    (("networks", "*", "GwPriority"), (1, 48), "--network with gw-priority"),
)


def too_new(found: Mapping[str, Any], version: tuple[int, int]) -> list[str]:
    """What a body says that an engine of this API version would drop without a word, with the version needed."""
    return newer(found, version, _SINCE)


def newer(found: Mapping[str, Any], version: tuple[int, int], table: Iterable[Since]) -> list[str]:
    """What of a table is said, and is known only to engines of a later version."""
    return [
        f"{option} (API {since[0]}.{since[1]})" for path, since, option in table if version < since and has(found, path)
    ]


def has(found: Any, path: tuple[str, ...]) -> bool:
    """Whether something is said at a path; lists are looked through."""
    if not path:
        return True
    if isinstance(found, list):
        return any(has(item, path) for item in found)
    if not isinstance(found, Mapping):
        return False
    if path[0] == "*":
        return any(has(item, path[1:]) for item in found.values())
    return path[0] in found and has(found[path[0]], path[1:])
