"""The checks that concern several things at once: names that must exist, cycles, what is given twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from atomicapp.position import Position
from atomicapp.records import NamedTuple
from atomicapp.workload import model
from atomicapp.workload.compose.context import Context
from atomicapp.workload.compose.kinds import shortened
from atomicapp.workload.project import DEFAULT_NETWORK


class Names(NamedTuple):
    """The services of a file: all, and those that are left out with the reason."""

    known: frozenset[str]
    left_out: Mapping[str, str]


def check(context: Context, works: Sequence[model.Workload], names: Names) -> tuple[model.Workload, ...]:
    """Note all that is wrong with the services taken together. The services without the dependencies that are not
    required and not there."""
    done = tuple(_dependencies(context, work, names) for work in works)
    for work in works:
        _defined(context, work)
        _others(context, work, names)
        _alone(context, work)
    _containers(context, works)
    _ports(context, works)
    _cycles(context, works)
    return done


# ---------------------------------------------------------------- names that must exist


def _defined(context: Context, work: model.Workload) -> None:
    declared = context.declared
    for network in work.networks if not work.namespaces.network else ():
        if network.name not in declared["networks"] and network.name != DEFAULT_NETWORK:
            context.undefined(network.position, "the network", network.name, declared["networks"])
    for mount in work.mounts:
        named = mount.source if mount.kind in (model.VOLUME, model.CLUSTER) else ""
        if named.startswith("group:"):  # of cluster volumes: any of the group
            continue
        if named and named not in declared["volumes"] and named not in context.made_volumes:
            context.undefined(mount.position, "the volume", named, declared["volumes"])
    for config in work.configs:
        if config.source not in declared["configs"] and config.source not in context.made_configs:
            context.undefined(config.position, "the config", config.source, declared["configs"])
    for secret in work.secrets:
        if secret.source not in declared["secrets"]:
            context.undefined(secret.position, "the secret", secret.source, declared["secrets"])
    credentials = work.credential_spec.get("config")
    if credentials and credentials not in declared["configs"]:
        place = work.place("credential_spec")
        context.undefined(place, "the config", credentials, declared["configs"])


def _dependencies(context: Context, work: model.Workload, names: Names) -> model.Workload:
    gone = set()
    for dependency in work.depends_on:
        name = dependency.target
        if name == work.service:
            context.fault(dependency.position, f"the service {name} depends on itself", "cycle", "remove this")
        elif name in names.left_out:
            gone.add(name)
            if dependency.required and names.left_out[name]:
                context.fault(
                    dependency.position,
                    f"the service {work.service} depends on '{name}', which is left out: {names.left_out[name]}",
                    "undefined",
                    "activate its profile, or say required: false",
                )
        elif name not in names.known:
            context.undefined(dependency.position, "the service", name, names.known)
    if not gone:
        return work
    return work._replace(depends_on=tuple(item for item in work.depends_on if item.target not in gone))


def _others(context: Context, work: model.Workload, names: Names) -> None:
    """Services that are named elsewhere than in depends_on."""
    for name, position in _named(work):
        if name in names.left_out:
            context.fault(position, f"the service '{name}' is left out: {names.left_out[name]}", "undefined")
        elif name not in names.known:
            context.undefined(position, "the service", name, names.known)
        elif name == work.service:
            context.fault(position, f"the service {name} refers to itself", "cycle", "remove this")


def _named(work: model.Workload) -> Iterator[tuple[str, Position]]:
    for link in work.links:
        if not link.external:
            yield link.target, link.position
    yield from _shared(work)


def _shared(work: model.Workload) -> Iterator[tuple[str, Position]]:
    """Services whose volumes or namespaces it takes: these have to be there first."""
    for item in work.volumes_from:
        if not item.container.startswith("container:"):
            yield item.container, item.position
    for field, key in (("network", "network_mode"), ("pid", "pid"), ("ipc", "ipc")):
        mode = getattr(work.namespaces, field)
        if mode.startswith("service:"):
            yield mode.removeprefix("service:"), work.place(key)


# ---------------------------------------------------------------- one service


def _alone(context: Context, work: model.Workload) -> None:
    if work.name and work.replicas > 1:
        context.fault(
            work.place("name"),
            f"container_name gives one name to {work.replicas} containers",
            "conflict",
            "remove it, or the number of replicas",
        )
    if work.scheduling.mode in (model.GLOBAL, model.GLOBAL_JOB) and work.replicas != 1:
        context.fault(
            work.place("replicas"), f"replicas can't be joined with deploy.mode {work.scheduling.mode}", "conflict"
        )
    seen: dict[str, Position] = {}
    places = [(mount.target, mount.position) for mount in work.mounts]
    places += [(grant.target, grant.position) for grant in (*work.configs, *work.secrets)]
    for target, position in places:
        other = seen.setdefault(target, position)
        if other is not position:
            context.fault(
                position,
                f"two mounts at {shortened(target)}: the other one is at {other}",
                "conflict",
                "give one of them another path in the container",
            )


# ---------------------------------------------------------------- all services


def _containers(context: Context, works: Sequence[model.Workload]) -> None:
    seen: dict[str, str] = {}
    for work in works:
        other = seen.setdefault(work.name, work.service) if work.name else work.service
        if other != work.service:
            context.fault(
                work.place("name"),
                f"the container_name '{shortened(work.name)}' is that of the service {other} too",
                "duplicate",
                "give each its own",
            )


def _ports(context: Context, works: Sequence[model.Workload]) -> None:
    """Host ports that are given twice; those of a range are taken as they are free."""
    seen: dict[tuple[str, str], dict[str, tuple[str, Position]]] = {}
    for work in works:
        for port in work.ports:
            if not port.host or "-" in port.host or port.host == "0":
                continue
            others = seen.setdefault((port.host, port.protocol), {})
            other = _taken(others, port.host_ip)
            if other is not None and other != (work.service, port.position):
                context.fault(
                    port.position,
                    f"the host's port {port.host}/{port.protocol} is published by the service {other[0]} too, at {other[1]}",
                    "duplicate",
                    "publish one of them at another port",
                )
            others.setdefault(port.host_ip, (work.service, port.position))


_ALL = {False: "0.0.0.0", True: "::"}  # noqa: S104


def _taken(others: dict[str, tuple[str, Position]], ip: str) -> tuple[str, Position] | None:
    """Who publishes at an address that has one in common with this; "" are all, of both kinds."""
    wide = _ALL[":" in ip]
    for known in (ip, "", wide):
        if known in others:
            return others[known]
    if ip in ("", wide):
        return next((found for known, found in others.items() if not ip or (":" in known) == (":" in ip)), None)
    return None


_MOST_CYCLES = 20


def _cycles(context: Context, works: Sequence[model.Workload]) -> None:
    """Cycles of what has to be there first; each is told once."""
    follows = {
        work.service: [
            *((item.target, item.position) for item in work.depends_on if item.target != work.service),
            *(item for item in _shared(work) if item[0] != work.service),
        ]
        for work in works
    }
    done: set[str] = set()
    told = 0
    for start in follows:
        if start in done or told >= _MOST_CYCLES:
            continue
        path: list[str] = [start]
        on_path = {start}
        stack = [iter(follows[start])]
        while stack:
            step = next(stack[-1], None)
            if step is None:
                stack.pop()
                name = path.pop()
                on_path.discard(name)
                done.add(name)
                continue
            target, position = step
            if target in on_path and told < _MOST_CYCLES:
                told += 1
                chain = [*path[path.index(target) :], target]
                shown = chain if len(chain) <= 12 else [*chain[:6], "...", *chain[-5:]]
                context.fault(
                    position,
                    f"services depend on each other in a cycle: {' -> '.join(shown)}",
                    "cycle",
                    "remove one of these",
                )
            elif target in follows and target not in done and target not in on_path:
                path.append(target)
                on_path.add(target)
                stack.append(iter(follows[target]))
