"""Write a Workload as a `docker run` command: the inverse of atomicapp.workload.docker_run. Pure.

What a command can't say (configs, secrets, dependencies, the cluster's settings) is not here: `rules` tells of it.
"""

from __future__ import annotations

import csv
import io
import shlex
from collections.abc import Iterable, Iterator, Mapping

from atomicapp.workload import model, values
from atomicapp.workload.model import Mount, Workload

Option = tuple[str, str]
"""The name of an option and its value; a flag has the empty value."""


def line(work: Workload, aliases: Iterable[str] = ()) -> str:
    """The command as lines of a shell, as an artifact has it: a dollar sign is doubled. It ends with a line end."""
    words = [" ".join([option, _word(value)]) if value else option for option, value in options(work, tuple(aliases))]
    entrypoint = list(work.entrypoint or ())[1:]
    words.append(" ".join(map(_word, [work.image, *entrypoint, *(work.command or ())])))
    return " \\\n    ".join(["docker run -d", *words]) + "\n"


def _word(text: str) -> str:
    return shlex.quote(text).replace("$", "$$")


def options(work: Workload, aliases: tuple[str, ...] = ()) -> Iterator[Option]:
    """The options in an order that people read: what it is, its networks, its data, its rights, its limits."""
    yield from _plain(name=work.name)
    yield from _networks(work, aliases)
    yield from (("-p", _port(port)) for port in work.ports)
    yield from (("--expose", f"{port.container}/{port.protocol}") for port in work.exposed)
    yield from _flags(publish_all=work.publish_all)
    yield from (("-e", f"{item.name}={item.value}") for item in work.env)
    yield from map(_mount, work.mounts)
    yield from (
        ("--volumes-from", f"{item.container}:{item.mode}" if item.mode else item.container)
        for item in work.volumes_from
    )
    yield from (("--link", f"{link.target}:{link.alias}") for link in work.links)
    yield from _health(work.healthcheck)
    yield from _process(work)
    yield from _rights(work)
    yield from _limits(work)


def _plain(**found: str | int | None) -> Iterator[Option]:
    """Options that take a value, of those which are said. A name's underscores are dashes."""
    return ((f"--{name.replace('_', '-')}", str(value)) for name, value in found.items() if value not in (None, ""))


def _sizes(**found: int | None) -> Iterator[Option]:
    """As `_plain`, where 0 says nothing."""
    return _plain(**{name: value for name, value in found.items() if value})


def _flags(**found: bool | None) -> Iterator[Option]:
    for name, value in found.items():
        if value is not None and (value or name == "init"):
            yield f"--{name.replace('_', '-')}" + ("" if value else "=false"), ""


def _many(name: str, found: Iterable[str]) -> Iterator[Option]:
    return ((f"--{name}", text) for text in found)


def _pairs(name: str, found: Mapping[str, str]) -> Iterator[Option]:
    return ((f"--{name}", f"{key}={value}") for key, value in found.items())


def fields(found: Iterable[str]) -> str:
    """One line of CSV, as the long forms of options take it."""
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(list(found))
    return text.getvalue()


# ---------------------------------------------------------------- what it is


def _process(work: Workload) -> Iterator[Option]:
    if work.entrypoint is not None:
        yield ("--entrypoint", work.entrypoint[0]) if work.entrypoint and work.entrypoint[0] else ("--entrypoint=", "")
    yield from _plain(workdir=work.workdir, user=work.user)
    yield from _many("group-add", work.groups)
    yield from _flags(init=work.init, tty=work.tty or None, interactive=work.stdin or None)
    yield from _plain(platform=work.platform, pull=work.pull if work.pull != model.PULL_MISSING else "")
    yield from _pairs("label", work.labels)
    yield from _pairs("annotation", work.annotations)
    if work.restart.policy != "no":
        retries = f":{work.restart.retries}" if work.restart.retries else ""
        yield "--restart", f"{work.restart.policy}{retries}"
    yield from _flags(rm=work.auto_remove or None)
    yield from _plain(stop_signal=work.stop_signal, stop_timeout=work.stop_grace)


def _health(check: model.Healthcheck | None) -> Iterator[Option]:
    if check is None:
        return
    if check.test[:1] == ("NONE",):
        yield "--no-healthcheck", ""
        return
    if check.test:
        # the option knows no words, only a text for the shell
        yield "--health-cmd", check.test[1] if check.test[0] == "CMD-SHELL" else shlex.join(check.test[1:])
    for name, value in (
        ("interval", check.interval),
        ("timeout", check.timeout),
        ("start-period", check.start_period),
        ("start-interval", check.start_interval),
    ):
        if value:
            yield f"--health-{name}", values.duration_text(value)
    if check.retries:
        yield "--health-retries", str(check.retries)


# ---------------------------------------------------------------- networks


def _port(port: model.Port) -> str:
    ip = f"[{port.host_ip}]" if ":" in port.host_ip else port.host_ip
    host = f"{ip}:{port.host}:" if ip else f"{port.host}:" if port.host else ""
    protocol = f"/{port.protocol}" if port.protocol != "tcp" else ""
    return f"{host}{port.container}{protocol}"


def _networks(work: Workload, aliases: tuple[str, ...]) -> Iterator[Option]:
    yield from _plain(network=work.namespaces.network)
    for network in work.networks:
        own = () if network.unnamed else aliases
        names = (*network.aliases, *(alias for alias in own if alias not in network.aliases))
        said = [
            *(f"alias={alias}" for alias in names),
            *(f"ip={network.ipv4}" for _ in [0] if network.ipv4),
            *(f"ip6={network.ipv6}" for _ in [0] if network.ipv6),
            *(f"mac-address={network.mac}" for _ in [0] if network.mac),
            *(f"link-local-ip={address}" for address in network.link_local_ips),
            *(f"driver-opt={key}={value}" for key, value in network.driver_options.items()),
            *(f"gw-priority={network.gateway_priority}" for _ in [0] if network.gateway_priority),
        ]
        yield "--network", fields([f"name={network.name}", *said]) if said else network.name
    yield from _plain(hostname=work.hostname, domainname=work.domainname)
    yield from _many("dns", work.dns.servers)
    yield from _many("dns-search", work.dns.search)
    yield from _many("dns-option", work.dns.options)
    yield from _many("add-host", work.extra_hosts)


# ---------------------------------------------------------------- data


def _mount(mount: Mount) -> Option:
    if mount.kind == model.TMPFS and mount.options is not None:
        return "--tmpfs", f"{mount.target}:{mount.options}" if mount.options else mount.target
    if _fits_short(mount):
        options = [
            *(["ro"] if mount.read_only else []),
            *([{"shared": "z", "private": "Z"}[mount.selinux]] if mount.selinux else []),
            *(["nocopy"] if mount.no_copy else []),
            *([mount.propagation] if mount.propagation else []),
            *([mount.consistency] if mount.consistency else []),
        ]
        source = f"{mount.source}:" if mount.source else ""
        return "-v", f"{source}{mount.target}" + (f":{','.join(options)}" if options else "")
    return "--mount", fields(_long_mount(mount))


def _fits_short(mount: Mount) -> bool:
    long = mount.subpath or mount.recursive or mount.driver or mount.driver_options or mount.labels
    if long or ":" in mount.source or ":" in mount.target or mount.kind not in (model.BIND, model.VOLUME):
        return False
    if mount.kind == model.BIND:
        return mount.create_source
    # an anonymous one has no room for options before its target
    return bool(mount.source) or not (mount.read_only or mount.no_copy or mount.selinux or mount.consistency)


def _long_mount(mount: Mount) -> Iterator[str]:
    yield f"type={mount.kind}"
    if mount.source:
        yield f"source={mount.source}"
    yield f"target={mount.target}"
    if mount.read_only:
        yield "readonly"
    for name, value in (
        ("consistency", mount.consistency),
        ("bind-propagation", mount.propagation),
        ("bind-recursive", mount.recursive),
        ("volume-driver", mount.driver),
        (f"{mount.kind}-subpath", mount.subpath),
    ):
        if value:
            yield f"{name}={value}"
    if mount.kind == model.BIND and mount.create_source:
        yield "bind-create-src"
    if mount.no_copy:
        yield "volume-nocopy"
    yield from (f"volume-label={key}={value}" for key, value in mount.labels.items())
    yield from (f"volume-opt={key}={value}" for key, value in mount.driver_options.items())
    if mount.size is not None:
        yield f"tmpfs-size={mount.size}"
    if mount.mode is not None:
        yield f"tmpfs-mode={mount.mode:o}"


# ---------------------------------------------------------------- rights and limits


def _rights(work: Workload) -> Iterator[Option]:
    security, spaces = work.security, work.namespaces
    yield from _flags(privileged=security.privileged or None, read_only=security.read_only_root or None)
    yield from _many("cap-add", security.cap_add)
    yield from _many("cap-drop", security.cap_drop)
    # a profile is a file to the option, and only its text is known here
    yield from _many("security-opt", (text for text in security.options if not is_profile(text)))
    if security.all_system_paths:
        yield "--security-opt", "systempaths=unconfined"
    yield from _plain(pid=spaces.pid, ipc=spaces.ipc, uts=spaces.uts, userns=spaces.user, cgroupns=spaces.cgroup)
    yield from _pairs("sysctl", work.sysctls)
    yield from (
        ("--device", f"{item.host}:{item.container}:{item.permissions}" if item.host else item.container)
        for item in work.devices
    )
    yield from _many("device-cgroup-rule", work.device_rules)
    yield from map(_device_request, work.device_requests)
    yield from _plain(runtime=work.runtime, isolation=work.isolation, cgroup_parent=work.cgroup_parent)
    yield from _plain(volume_driver=work.volume_driver)
    yield from _pairs("storage-opt", work.storage_options)
    yield from _plain(log_driver=work.logging.driver)
    yield from _pairs("log-opt", work.logging.options)


def is_profile(option: str) -> bool:
    """Whether a security option holds the JSON of a seccomp profile."""
    return option.startswith(("seccomp={", "seccomp:{"))


def _device_request(item: model.DeviceRequest) -> Option:
    if item.driver == "cdi":
        return "--device", item.ids[0] if item.ids else ""
    capabilities = [name for name in item.capabilities if name != "gpu"]
    said = [
        "count=all"
        if item.number == -1
        else f"count={item.number}"
        if not item.ids
        else f"device={','.join(item.ids)}",
        *([f"driver={item.driver}"] if item.driver else []),
        *([f"capabilities={','.join(capabilities)}"] if capabilities else []),
        *([f"options={fields(f'{key}={value}' for key, value in item.options.items())}"] if item.options else []),
    ]
    return "--gpus", "all" if said == ["count=all"] else fields(said)


def _limits(work: Workload) -> Iterator[Option]:
    limits, block = work.resources, work.block_io
    yield from _sizes(memory=limits.memory, memory_reservation=limits.memory_reservation)
    yield from _sizes(memory_swap=limits.memory_swap, kernel_memory=limits.kernel_memory)
    yield from _plain(memory_swappiness=limits.memory_swappiness)
    if limits.cpus:
        yield "--cpus", values.processors_text(limits.cpus)
    yield from _sizes(cpu_shares=limits.cpu_shares, cpu_period=limits.cpu_period, cpu_quota=limits.cpu_quota)
    yield from _sizes(cpu_rt_period=limits.cpu_rt_period, cpu_rt_runtime=limits.cpu_rt_runtime)
    yield from _plain(cpuset_cpus=limits.cpuset_cpus, cpuset_mems=limits.cpuset_mems)
    yield from _sizes(pids_limit=limits.pids)
    yield from _flags(oom_kill_disable=limits.oom_kill_disable or None)
    yield from _plain(oom_score_adj=limits.oom_score_adj)
    yield from _sizes(cpu_count=limits.windows_cpu_count, cpu_percent=limits.windows_cpu_percent)
    yield from _sizes(io_maxbandwidth=limits.windows_io_bandwidth, io_maxiops=limits.windows_io_iops)
    yield from (("--ulimit", f"{item.name}={item.soft}:{item.hard}") for item in work.ulimits)
    yield from _sizes(shm_size=work.shm_size, blkio_weight=block.weight)
    for name, rates in (
        ("blkio-weight-device", block.weight_devices),
        ("device-read-bps", block.read_bps),
        ("device-write-bps", block.write_bps),
        ("device-read-iops", block.read_iops),
        ("device-write-iops", block.write_iops),
    ):
        yield from ((f"--{name}", f"{item.path}:{item.rate}") for item in rates)
