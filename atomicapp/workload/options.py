"""The table of the options of `docker run`: every one that the client of version 28 knows, and the older spellings.

Each says where its value goes in the Draft of a Workload, or why it can't be honoured. The names are those of the
client's own reference; tests hold this table against `docker run --help`.
"""

from __future__ import annotations

from functools import partial

from atomicapp.position import Position
from atomicapp.workload import specs, values
from atomicapp.workload.drafts import (
    BOOL,
    TEXT,
    Draft,
    Option,
    field,
    flag,
    item,
    many,
    member,
    option,
    pair,
    placed,
    plain,
)


def _device(draft: Draft, text: str, position: Position) -> None:
    found = specs.device(text, position)
    draft.lists["device_requests" if hasattr(found, "driver") else "devices"].append(found)


def _container_mode(words: tuple[str, ...], text: str) -> str:
    kind, colon, name = text.partition(":")
    if colon and kind == "container":
        if not name:
            raise ValueError("container: needs a name after the colon")
        return text
    known = ("", *words)
    if text not in known:
        raise ValueError(f"expected one of {', '.join(words)} or container:NAME")
    return text


def _entrypoint(text: str) -> tuple[str, ...]:
    return (text,)


_WINDOWS = "means something to Windows engines only"
_BACKGROUND = "has no meaning here: an app's containers run in the background"
_rate = partial(specs.device_rate, size=True)
_count = partial(specs.device_rate, size=False)

_TABLE: tuple[Option, ...] = (
    # what runs
    option("name", field("name")),
    option("entrypoint", field("entrypoint", _entrypoint)),
    many("env", placed("env"), "e"),
    many("env-file", placed("env_file")),
    option("workdir", field("workdir", str), "w"),
    option("user", field("user"), "u"),
    many("group-add", plain("groups")),
    flag("init", field("init", values.boolean)),
    flag("tty", field("tty", values.boolean), "t"),
    flag("interactive", field("stdin", values.boolean), "i"),
    option("platform", field("platform")),
    option("pull", field("pull", partial(values.one_of, ("always", "missing", "never")))),
    many("label", pair("labels", values.pair), "l"),
    many("label-file", placed("label_file")),
    many("annotation", pair("annotations", values.pair)),
    # how it ends
    option("restart", field("restart", specs.restart)),
    flag("rm", field("auto_remove", values.boolean)),
    option("stop-signal", field("stop_signal")),
    option("stop-timeout", field("stop_grace", values.integer)),
    # health
    option("health-cmd", member("health", "test")),
    option("health-interval", member("health", "interval", values.duration)),
    option("health-timeout", member("health", "timeout", values.duration)),
    option("health-start-period", member("health", "start_period", values.duration)),
    option("health-start-interval", member("health", "start_interval", values.duration)),
    option("health-retries", member("health", "retries", values.natural)),
    flag("no-healthcheck", field("no_healthcheck", values.boolean)),
    # network
    many("publish", item("ports", specs.ports), "p"),
    flag("publish-all", field("publish_all", values.boolean), "P"),
    many("expose", item("exposed", specs.exposed)),
    many("network", item("networks", specs.network)),
    many("net", item("networks", specs.network)),
    many("network-alias", plain("aliases")),
    many("net-alias", plain("aliases")),
    option("ip", field("ipv4", values.address4)),
    option("ip6", field("ipv6", values.address6)),
    many("link-local-ip", plain("link_local_ips", values.address)),
    option("mac-address", field("mac", values.mac)),
    many("link", item("links", specs.link)),
    option("hostname", field("hostname"), "h"),
    option("domainname", field("domainname")),
    many("dns", plain("dns", values.address)),
    many("dns-search", plain("dns_search")),
    many("dns-option", plain("dns_options")),
    many("dns-opt", plain("dns_options")),
    many("add-host", plain("extra_hosts", values.extra_host)),
    # storage
    many("volume", item("mounts", specs.volume), "v"),
    many("mount", item("mounts", specs.mount)),
    many("tmpfs", item("mounts", specs.tmpfs)),
    many("volumes-from", item("volumes_from", specs.volumes_from)),
    option("volume-driver", field("volume_driver")),
    many("storage-opt", pair("storage_options", values.strict_pair)),
    option("shm-size", field("shm_size", values.size)),
    flag("read-only", member("security", "read_only_root", values.boolean)),
    # rights
    flag("privileged", member("security", "privileged", values.boolean)),
    many("cap-add", plain("cap_add")),
    many("cap-drop", plain("cap_drop")),
    many("security-opt", placed("security_opt")),
    option("userns", member("namespaces", "user")),
    option("pid", member("namespaces", "pid", partial(_container_mode, ("host",)))),
    option("ipc", member("namespaces", "ipc", partial(_container_mode, ("host", "private", "shareable", "none")))),
    option("uts", member("namespaces", "uts", partial(values.one_of, ("", "host")))),
    option("cgroupns", member("namespaces", "cgroup", partial(values.one_of, ("", "host", "private")))),
    many("sysctl", pair("sysctls", values.strict_pair)),
    many("device", _device),
    many("device-cgroup-rule", plain("device_rules", specs.device_rule)),
    many("gpus", item("device_requests", specs.gpus)),
    # limits
    option("memory", member("resources", "memory", values.size), "m"),
    option("memory-reservation", member("resources", "memory_reservation", values.size)),
    option("memory-swap", member("resources", "memory_swap", values.swap)),
    option("memory-swappiness", member("resources", "memory_swappiness", partial(values.between, -1, 100))),
    option(
        "kernel-memory",
        member("resources", "kernel_memory", values.size),
        remark="is gone from current kernels and engines; an engine that doesn't know it ignores it",
    ),
    option("cpus", member("resources", "cpus", values.processors)),
    option("cpu-shares", member("resources", "cpu_shares", values.natural), "c"),
    option("cpu-period", member("resources", "cpu_period", values.natural)),
    option("cpu-quota", member("resources", "cpu_quota", values.integer)),
    option("cpu-rt-period", member("resources", "cpu_rt_period", values.natural)),
    option("cpu-rt-runtime", member("resources", "cpu_rt_runtime", values.integer)),
    option("cpuset-cpus", member("resources", "cpuset_cpus")),
    option("cpuset-mems", member("resources", "cpuset_mems")),
    option("pids-limit", member("resources", "pids", values.integer)),
    flag("oom-kill-disable", member("resources", "oom_kill_disable", values.boolean)),
    option("oom-score-adj", member("resources", "oom_score_adj", partial(values.between, -1000, 1000))),
    many("ulimit", item("ulimits", specs.ulimit)),
    option("blkio-weight", member("block_io", "weight", specs.block_weight)),
    many("blkio-weight-device", item("weight_devices", specs.device_weight)),
    many("device-read-bps", item("read_bps", _rate)),
    many("device-write-bps", item("write_bps", _rate)),
    many("device-read-iops", item("read_iops", _count)),
    many("device-write-iops", item("write_iops", _count)),
    option("cgroup-parent", field("cgroup_parent")),
    option("runtime", field("runtime")),
    option("isolation", field("isolation")),
    option("cpu-count", member("resources", "windows_cpu_count", values.natural), remark=_WINDOWS),
    option("cpu-percent", member("resources", "windows_cpu_percent", values.natural), remark=_WINDOWS),
    option("io-maxbandwidth", member("resources", "windows_io_bandwidth", values.size), remark=_WINDOWS),
    option("io-maxiops", member("resources", "windows_io_iops", values.natural), remark=_WINDOWS),
    # log
    option("log-driver", member("logging", "driver")),
    many("log-opt", pair("log_options", values.pair)),
    # what concerns the terminal of the one who calls docker
    flag("detach", field("detach", values.boolean), "d"),
    Option("attach", "a", TEXT, None, remark=_BACKGROUND, hint="see them with `atomicapp logs`", many=True),
    Option("detach-keys", "", TEXT, None, remark=_BACKGROUND),
    Option("sig-proxy", "", BOOL, None, remark=_BACKGROUND),
    Option("quiet", "q", BOOL, None),
    Option(
        "disable-content-trust",
        "",
        BOOL,
        None,
        remark="has no meaning here: content trust is the Docker client's; name the image by digest to fix what runs",
    ),
    Option(
        "cidfile",
        "",
        TEXT,
        None,
        refusal="writes a file on the machine where docker is called, and no such place belongs to an app",
        hint="`atomicapp status -o json` tells the container's id",
    ),
    Option(
        "use-api-socket",
        "",
        BOOL,
        None,
        refusal="hands the engine's socket and the caller's registry credentials to the container",
        hint="mount the socket alone, if the app must have it: -v /var/run/docker.sock:/var/run/docker.sock",
    ),
    Option("help", "", BOOL, None, refusal="prints a help text and runs nothing", hint="remove it"),
)

LONG: dict[str, Option] = {option.name: option for option in _TABLE}
SHORT: dict[str, Option] = {option.short: option for option in _TABLE if option.short}

GLOBAL = ("config", "context", "debug", "host", "log-level", "tls", "tlscacert", "tlscert", "tlskey", "tlsverify")
"""Options of the docker command itself, which stand before `run`."""
