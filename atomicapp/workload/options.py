"""The table of the options of `docker run`: every one that the client of version 28 knows, and the older spellings.

Each says where its value goes in the Draft of a Workload, or why it can't be honoured. The names are those of the
client's own reference; tests hold this table against `docker run --help`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from atomicapp.position import Position
from atomicapp.workload import specs, values

BOOL = "bool"
TEXT = "text"


class Draft:
    """A Workload in the making: plain fields, members of the grouped ones, lists and mappings."""

    def __init__(self) -> None:
        self.fields: dict[str, Any] = {}
        self.groups: dict[str, dict[str, Any]] = defaultdict(dict)
        self.lists: dict[str, list[Any]] = defaultdict(list)
        self.maps: dict[str, dict[str, str]] = defaultdict(dict)
        self.where: dict[str, Position] = {}


Store = Callable[[Draft, str, Position], None]


class Option(NamedTuple):
    """One option. `store` puts its value into a Draft; `refusal` says why there is none; `remark` is a warning."""

    name: str
    short: str
    takes: str
    store: Store | None
    refusal: str = ""
    remark: str = ""
    hint: str = ""
    many: bool = False


def _field(name: str, parse: Callable[[str], Any] = str) -> Store:
    def store(draft: Draft, text: str, position: Position) -> None:
        draft.fields[name] = parse(text)
        draft.where[name] = position

    return store


def _member(group: str, name: str, parse: Callable[[str], Any] = str) -> Store:
    def store(draft: Draft, text: str, position: Position) -> None:
        draft.groups[group][name] = parse(text)
        draft.where[name] = position

    return store


def _item(name: str, parse: Callable[[str, Position], Any]) -> Store:
    """One entry of a list for each time that the option is given; or several, when `parse` returns a list."""

    def store(draft: Draft, text: str, position: Position) -> None:
        found = parse(text, position)
        draft.lists[name] += found if isinstance(found, list) else [found]
        draft.where[name] = position

    return store


def _plain(name: str, parse: Callable[[str], Any] = str) -> Store:
    return _item(name, lambda text, _: parse(text))


def _placed(name: str) -> Store:
    """The text with its position, for what is read only when all options are known."""
    return _item(name, lambda text, position: (text, position))


def _pair(name: str, parse: Callable[[str], tuple[str, str]]) -> Store:
    def store(draft: Draft, text: str, position: Position) -> None:
        key, value = parse(text)
        draft.maps[name][key] = value
        draft.where[name] = position

    return store


def _device(draft: Draft, text: str, position: Position) -> None:
    found = specs.device(text, position)
    draft.lists["device_requests" if hasattr(found, "driver") else "devices"].append(found)


def _text(name: str, store: Store, short: str = "", *, many: bool = False, remark: str = "") -> Option:
    return Option(name, short, TEXT, store, remark=remark, many=many)


def _flag(name: str, store: Store, short: str = "") -> Option:
    return Option(name, short, BOOL, store)


def _many(name: str, store: Store, short: str = "") -> Option:
    return Option(name, short, TEXT, store, many=True)


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
    _text("name", _field("name")),
    _text("entrypoint", _field("entrypoint", _entrypoint)),
    _many("env", _placed("env"), "e"),
    _many("env-file", _placed("env_file")),
    _text("workdir", _field("workdir", str), "w"),
    _text("user", _field("user"), "u"),
    _many("group-add", _plain("groups")),
    _flag("init", _field("init", values.boolean)),
    _flag("tty", _field("tty", values.boolean), "t"),
    _flag("interactive", _field("stdin", values.boolean), "i"),
    _text("platform", _field("platform")),
    _text("pull", _field("pull", partial(values.one_of, ("always", "missing", "never")))),
    _many("label", _pair("labels", values.pair), "l"),
    _many("label-file", _placed("label_file")),
    _many("annotation", _pair("annotations", values.pair)),
    # how it ends
    _text("restart", _field("restart", specs.restart)),
    _flag("rm", _field("auto_remove", values.boolean)),
    _text("stop-signal", _field("stop_signal")),
    _text("stop-timeout", _field("stop_grace", values.integer)),
    # health
    _text("health-cmd", _member("health", "test")),
    _text("health-interval", _member("health", "interval", values.duration)),
    _text("health-timeout", _member("health", "timeout", values.duration)),
    _text("health-start-period", _member("health", "start_period", values.duration)),
    _text("health-start-interval", _member("health", "start_interval", values.duration)),
    _text("health-retries", _member("health", "retries", values.natural)),
    _flag("no-healthcheck", _field("no_healthcheck", values.boolean)),
    # network
    _many("publish", _item("ports", specs.ports), "p"),
    _flag("publish-all", _field("publish_all", values.boolean), "P"),
    _many("expose", _item("exposed", specs.exposed)),
    _many("network", _item("networks", specs.network)),
    _many("net", _item("networks", specs.network)),
    _many("network-alias", _plain("aliases")),
    _many("net-alias", _plain("aliases")),
    _text("ip", _field("ipv4", values.address4)),
    _text("ip6", _field("ipv6", values.address6)),
    _many("link-local-ip", _plain("link_local_ips", values.address)),
    _text("mac-address", _field("mac", values.mac)),
    _many("link", _item("links", specs.link)),
    _text("hostname", _field("hostname"), "h"),
    _text("domainname", _field("domainname")),
    _many("dns", _plain("dns", values.address)),
    _many("dns-search", _plain("dns_search")),
    _many("dns-option", _plain("dns_options")),
    _many("dns-opt", _plain("dns_options")),
    _many("add-host", _plain("extra_hosts", values.extra_host)),
    # storage
    _many("volume", _item("mounts", specs.volume), "v"),
    _many("mount", _item("mounts", specs.mount)),
    _many("tmpfs", _item("mounts", specs.tmpfs)),
    _many("volumes-from", _item("volumes_from", specs.volumes_from)),
    _text("volume-driver", _field("volume_driver")),
    _many("storage-opt", _pair("storage_options", values.strict_pair)),
    _text("shm-size", _field("shm_size", values.size)),
    _flag("read-only", _member("security", "read_only_root", values.boolean)),
    # rights
    _flag("privileged", _member("security", "privileged", values.boolean)),
    _many("cap-add", _plain("cap_add")),
    _many("cap-drop", _plain("cap_drop")),
    _many("security-opt", _placed("security_opt")),
    _text("userns", _member("namespaces", "user")),
    _text("pid", _member("namespaces", "pid", partial(_container_mode, ("host",)))),
    _text("ipc", _member("namespaces", "ipc", partial(_container_mode, ("host", "private", "shareable", "none")))),
    _text("uts", _member("namespaces", "uts", partial(values.one_of, ("", "host")))),
    _text("cgroupns", _member("namespaces", "cgroup", partial(values.one_of, ("", "host", "private")))),
    _many("sysctl", _pair("sysctls", values.strict_pair)),
    _many("device", _device),
    _many("device-cgroup-rule", _plain("device_rules", specs.device_rule)),
    _many("gpus", _item("device_requests", specs.gpus)),
    # limits
    _text("memory", _member("resources", "memory", values.size), "m"),
    _text("memory-reservation", _member("resources", "memory_reservation", values.size)),
    _text("memory-swap", _member("resources", "memory_swap", values.swap)),
    _text("memory-swappiness", _member("resources", "memory_swappiness", partial(values.between, -1, 100))),
    _text(
        "kernel-memory",
        _member("resources", "kernel_memory", values.size),
        remark="is gone from current kernels and engines; an engine that doesn't know it ignores it",
    ),
    _text("cpus", _member("resources", "cpus", values.processors)),
    _text("cpu-shares", _member("resources", "cpu_shares", values.natural), "c"),
    _text("cpu-period", _member("resources", "cpu_period", values.natural)),
    _text("cpu-quota", _member("resources", "cpu_quota", values.integer)),
    _text("cpu-rt-period", _member("resources", "cpu_rt_period", values.natural)),
    _text("cpu-rt-runtime", _member("resources", "cpu_rt_runtime", values.integer)),
    _text("cpuset-cpus", _member("resources", "cpuset_cpus")),
    _text("cpuset-mems", _member("resources", "cpuset_mems")),
    _text("pids-limit", _member("resources", "pids", values.integer)),
    _flag("oom-kill-disable", _member("resources", "oom_kill_disable", values.boolean)),
    _text("oom-score-adj", _member("resources", "oom_score_adj", partial(values.between, -1000, 1000))),
    _many("ulimit", _item("ulimits", specs.ulimit)),
    _text("blkio-weight", _member("block_io", "weight", specs.block_weight)),
    _many("blkio-weight-device", _item("weight_devices", specs.device_weight)),
    _many("device-read-bps", _item("read_bps", _rate)),
    _many("device-write-bps", _item("write_bps", _rate)),
    _many("device-read-iops", _item("read_iops", _count)),
    _many("device-write-iops", _item("write_iops", _count)),
    _text("cgroup-parent", _field("cgroup_parent")),
    _text("runtime", _field("runtime")),
    _text("isolation", _field("isolation")),
    _text("cpu-count", _member("resources", "windows_cpu_count", values.natural), remark=_WINDOWS),
    _text("cpu-percent", _member("resources", "windows_cpu_percent", values.natural), remark=_WINDOWS),
    _text("io-maxbandwidth", _member("resources", "windows_io_bandwidth", values.size), remark=_WINDOWS),
    _text("io-maxiops", _member("resources", "windows_io_iops", values.natural), remark=_WINDOWS),
    # log
    _text("log-driver", _member("logging", "driver")),
    _many("log-opt", _pair("log_options", values.pair)),
    # what concerns the terminal of the one who calls docker
    _flag("detach", _field("detach", values.boolean), "d"),
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
