"""The table of the options of `docker service create`: every one that the client of version 28 knows.

Those that mean what they mean to `docker run` are taken from its table; tests hold both against the client's own help.
"""

from __future__ import annotations

import shlex
from functools import partial
from types import MappingProxyType

from atomicapp.position import Position
from atomicapp.workload import model, specs, values
from atomicapp.workload.drafts import (
    BOOL,
    Draft,
    Option,
    field,
    flag,
    item,
    many,
    member,
    option,
    pair,
    plain,
)
from atomicapp.workload.options import LONG as RUN

_SHARED = (
    *("name", "env", "env-file", "workdir", "user", "init", "tty", "isolation", "stop-signal", "read-only", "mount"),
    *("health-cmd", "health-interval", "health-timeout", "health-start-period", "health-start-interval"),
    *("health-retries", "no-healthcheck", "hostname", "dns", "dns-option", "dns-search", "cap-add", "cap-drop"),
    *("sysctl", "ulimit", "oom-score-adj", "log-driver", "log-opt", "detach", "quiet", "help"),
)
"""The options that `docker run` has as well, with the same meaning and the same values."""

# ---------------------------------------------------------------- values


def _words(text: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        raise ValueError(f"not a command: {error}") from None


def _ports(text: str, position: Position) -> list[model.Port]:
    """As for `docker run`, with `mode=host` or `mode=ingress` in the long form."""
    mode = "ingress"
    if "=" in text:
        kept = []
        for part in text.split(","):
            key, _, value = part.partition("=")
            if key == "mode":
                mode = values.one_of(("host", "ingress"), value)
            else:
                kept.append(part)
        text = ",".join(kept)
    found = specs.ports(text, position)
    for port in found:
        if port.host_ip:
            raise ValueError("a service is published at every address of a node: leave the address out")
        if "-" in port.host:
            raise ValueError("a service is published at one port, not at one of a range")
    return [port._replace(mode=mode) for port in found]


def _network(text: str, position: Position) -> model.Network:
    found = specs.network(text, position)
    plain_one = model.Network(found.name, position, aliases=found.aliases, driver_options=found.driver_options)
    if found != plain_one:
        raise ValueError("a service's network takes name, alias and driver-opt: addresses are the swarm's to give")
    return found


def _grant(folder: str, text: str, position: Position) -> model.FileGrant:
    """`NAME`, or `source=NAME,target=PATH,uid=1,gid=1,mode=0440`."""
    found: dict[str, str] = {}
    if "=" not in text and "," not in text:
        found["source"] = text
    for part in values.fields(text) if not found else ():
        key, sign, value = part.partition("=")
        name = {"src": "source"}.get(key, key)
        if not sign or name not in ("source", "target", "uid", "gid", "mode"):
            raise ValueError(f"'{part}' is not one of source, target, uid, gid, mode with =VALUE")
        found[name] = value
    if not found.get("source"):
        raise ValueError("no source is given")
    target = found.get("target") or found["source"]
    try:
        mode = int(found["mode"], 8) if "mode" in found else None
    except ValueError:
        raise ValueError("mode: expected permission bits in octal such as 0440") from None
    for name in ("uid", "gid"):
        if name in found:
            values.natural(found[name])
    return model.FileGrant(
        found["source"],
        values.absolute(target if target.startswith("/") else folder + target),
        position,
        uid=found.get("uid", ""),
        gid=found.get("gid", ""),
        mode=mode,
    )


def _constraint(text: str) -> str:
    name, sign, value = text.replace("!=", "==", 1).partition("==")
    if not sign or not name.strip() or not value.strip():
        raise ValueError("expected a constraint such as node.role==manager or node.labels.disk!=ssd")
    return text


def _preference(text: str) -> str:
    strategy, sign, found = text.partition("=")
    if strategy != "spread" or not sign or not found:
        raise ValueError("expected spread=LABEL such as spread=node.labels.zone")
    return found


def _generic(draft: Draft, text: str, position: Position) -> None:
    for part in text.split(","):
        kind, sign, number = part.partition("=")
        if not sign or not kind:
            raise ValueError("expected KIND=NUMBER such as gpu=2")
        draft.maps["generic"][kind] = str(values.natural(number))


def _credential_spec(text: str) -> MappingProxyType[str, str]:
    kind, sign, value = text.partition("://")
    if kind not in ("file", "registry", "config") or not sign or not value:
        raise ValueError("expected file://NAME, registry://NAME or config://NAME")
    return MappingProxyType({kind: value})


def _ratio(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if not 0 <= found <= 1:
        raise ValueError("expected a share from 0 to 1")
    return found


def _whole_seconds(text: str) -> int:
    """Seconds, rounded up: the model knows no parts of them."""
    return -(-values.duration(text) // 10**9)


_action = partial(values.one_of, ("pause", "continue", "rollback"))
_back = partial(values.one_of, ("pause", "continue"))
_order = partial(values.one_of, ("start-first", "stop-first"))
_modes = (model.REPLICATED, model.GLOBAL, model.REPLICATED_JOB, model.GLOBAL_JOB)


def _rollout(verb: str) -> tuple[Option, ...]:
    """`--update-...` or `--rollback-...`."""
    return (
        option(f"{verb}-parallelism", member(verb, "parallelism", values.natural)),
        option(f"{verb}-delay", member(verb, "delay", values.duration)),
        option(f"{verb}-failure-action", member(verb, "failure_action", _action if verb == "update" else _back)),
        option(f"{verb}-monitor", member(verb, "monitor", values.duration)),
        option(f"{verb}-max-failure-ratio", member(verb, "max_failure_ratio", _ratio)),
        option(f"{verb}-order", member(verb, "order", _order)),
    )


_TABLE: tuple[Option, ...] = (
    *(RUN[name] for name in _SHARED),
    option("entrypoint", field("entrypoint", _words)),
    many("container-label", pair("labels", values.pair)),
    many("label", pair("service_labels", values.pair), "l"),
    many("group", plain("groups")),
    many("host", plain("extra_hosts", values.extra_host)),
    option("stop-grace-period", field("stop_grace", _whole_seconds)),
    option("credential-spec", field("credential_spec", _credential_spec)),
    # network
    many("network", item("networks", _network)),
    many("publish", item("ports", _ports), "p"),
    option("endpoint-mode", member("scheduling", "endpoint_mode", partial(values.one_of, ("vip", "dnsrr")))),
    # files
    many("config", item("configs", partial(_grant, "/"))),
    many("secret", item("secrets", partial(_grant, "/run/secrets/"))),
    # limits
    option("limit-cpu", member("resources", "cpus", values.processors)),
    option("limit-memory", member("resources", "memory", values.size)),
    option("limit-pids", member("resources", "pids", values.natural)),
    option("reserve-cpu", member("resources", "cpu_reservation", values.processors)),
    option("reserve-memory", member("resources", "memory_reservation", values.size)),
    many("generic-resource", _generic),
    # how many, and where
    option("mode", member("scheduling", "mode", partial(values.one_of, _modes))),
    option("replicas", field("replicas", values.natural)),
    option("max-concurrent", member("scheduling", "concurrent", values.natural)),
    option("replicas-max-per-node", member("scheduling", "max_per_node", values.natural)),
    many("constraint", plain("constraints", _constraint)),
    many("placement-pref", plain("spread", _preference)),
    # what follows an end, and how replicas are replaced
    option(
        "restart-condition",
        member("restart_rule", "condition", partial(values.one_of, ("none", "on-failure", "any"))),
    ),
    option("restart-delay", member("restart_rule", "delay", values.duration)),
    option("restart-max-attempts", member("restart_rule", "max_attempts", values.natural)),
    option("restart-window", member("restart_rule", "window", values.duration)),
    *_rollout("update"),
    *_rollout("rollback"),
    # the registry
    flag("no-resolve-image", field("no_resolve", values.boolean)),
    Option("with-registry-auth", "", BOOL, None),  # always: the nodes may need it
)

_INSTEAD = {
    "volume": "write --mount type=volume,source=NAME,target=/path",
    "tmpfs": "write --mount type=tmpfs,target=/path",
    "volumes-from": "mount the same volumes: --mount source=NAME,target=/path",
    "memory": "write --limit-memory",
    "memory-reservation": "write --reserve-memory",
    "cpus": "write --limit-cpu",
    "pids-limit": "write --limit-pids",
    "restart": "write --restart-condition",
    "add-host": "write --host",
    "group-add": "write --group",
    "network-alias": "write --network name=NETWORK,alias=NAME",
    "stop-timeout": "write --stop-grace-period",
    "shm-size": "write --mount type=tmpfs,target=/dev/shm,tmpfs-size=SIZE",
}
"""What a service says in place of an option of `docker run`."""

_OWN = {found.name: found for found in _TABLE}
_SHORTS = {found.short for found in _TABLE}
_OF_RUN = (
    Option(
        found.name,
        found.short if found.short not in _SHORTS else "",
        found.takes,
        None,
        refusal="is an option of docker run, which services do not have",
        hint=_INSTEAD.get(found.name, "leave it out, or give the app an artifact for the docker provider"),
        many=True,
    )
    for found in RUN.values()
    if found.name not in _OWN
)

LONG: dict[str, Option] = {**_OWN, **{found.name: found for found in _OF_RUN}}
SHORT: dict[str, Option] = {found.short: found for found in LONG.values() if found.short}
