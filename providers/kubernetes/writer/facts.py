"""What the services of a project are to each other: who shares a pod, who waits for whom, what each is called, and what
kind of workload each becomes. Pure; all else in this package is written from it. As in atomicapp.model, annotations are
values."""

import re
from collections.abc import Iterable, Iterator, Mapping

from atomicapp.errors import ERROR, Issue
from atomicapp.providers.kubernetes.writer import names
from atomicapp.records import NamedTuple
from atomicapp.workload import model
from atomicapp.workload.model import Mount, Workload
from atomicapp.workload.project import Project

DEPLOYMENT = "Deployment"
STATEFUL_SET = "StatefulSet"
DAEMON_SET = "DaemonSet"
JOB = "Job"

_JOBS = (model.REPLICATED_JOB, model.GLOBAL_JOB)
_GLOBAL = (model.GLOBAL,)
_PER_REPLICA = "{{"
"""In the name of a volume: Swarm's template, by which each replica has its own."""
_MENTION = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.-]*):([0-9]{2,5})(?![0-9.])", re.ASCII)


class Facts(NamedTuple):
    """Found out of one project. Keys are services unless said.

    `names` are those on the cluster. `roots` gives the service whose pod a service lives in (itself for most), `members`
    those that live in the pod of a root, itself first. `kinds` and `levels` (from 0: what it depends on is of a lower
    one) are by root. `users` and `writers` are, by volume, the roots that mount it; `mounts` are, by root, the volumes.
    `calls` gives for each address the services that answer there, `shared_calls` by root those where others do so too;
    `uncalled` are (service, address) which can't be had. `mentioned` are the ports that
    texts of the project name with an address of a service (`db:5432`).
    """

    project: Project
    services: Mapping[str, Workload]
    names: Mapping[str, str]
    roots: Mapping[str, str]
    members: Mapping[str, tuple[Workload, ...]]
    kinds: Mapping[str, str]
    levels: Mapping[str, int]
    users: Mapping[str, tuple[str, ...]]
    writers: Mapping[str, tuple[str, ...]]
    mounts: Mapping[str, tuple[str, ...]]
    calls: Mapping[str, tuple[str, ...]]
    shared_calls: Mapping[str, tuple[str, ...]]
    uncalled: frozenset[tuple[str, str]]
    mentioned: Mapping[str, frozenset[int]]
    issues: tuple[Issue, ...]


_last: list[Facts] = []


def of(project: Project) -> Facts:
    """The facts of a project; those of the last one are kept, for a report asks once for each thing said."""
    if not _last or _last[0].project is not project:
        _last[:] = [_find(project)]
    return _last[0]


def _find(project: Project) -> Facts:
    services = {work.service: work for work in project.services}
    called = {name: names.address(name) for name in services}
    issues = names.clashes("service", ((name, called[name], work.position) for name, work in services.items()))
    roots = {name: _root(name, services) for name in services}
    members: dict[str, tuple[Workload, ...]] = {root: (services[root],) for root in roots.values()}
    for name, root in roots.items():
        if name != root:
            members[root] = (*members[root], services[name])
    users, writers = _volumes(services, roots)
    ended = {
        roots[item.target]
        for work in services.values()
        for item in work.depends_on
        if item.condition == model.COMPLETED and item.target in roots
    }
    awaited = {item.target for work in services.values() for item in work.depends_on if item.condition == model.HEALTHY}
    kinds = {root: _kind(root, members[root], project, ended, awaited, writers) for root in members}
    levels, circles = _levels(members, roots)
    calls, uncalled = _calls(project, services, called)
    mentioned = _mentions(project, calls) if any(work.ports or work.exposed for work in services.values()) else {}
    found = (*issues, *circles)
    mounts = _turned(users)
    shared = _turned(
        {name: dict.fromkeys(roots[service] for service in who) for name, who in calls.items() if len(who) > 1}
    )
    return Facts(
        project,
        services,
        called,
        roots,
        members,
        kinds,
        levels,
        users,
        writers,
        mounts,
        calls,
        shared,
        uncalled,
        mentioned,
        found,
    )


def _turned(found: Mapping[str, Iterable[str]]) -> dict[str, tuple[str, ...]]:
    """Keys by values."""
    turned: dict[str, list[str]] = {}
    for key, values in found.items():
        for name in values:
            turned.setdefault(name, []).append(key)
    return {name: tuple(keys) for name, keys in turned.items()}


# ---------------------------------------------------------------- pods


def shared_with(work: Workload) -> str:
    """The service whose pod this one is to live in: whose network, or processes, it shares."""
    spaces = work.namespaces
    for mode in (spaces.network, spaces.pid, spaces.ipc):
        kind, colon, name = mode.partition(":")
        if kind == "service" and colon:
            return name
    return ""


def _root(name: str, services: Mapping[str, Workload]) -> str:
    seen = {name}
    while True:
        other = shared_with(services[name])
        if other not in services or other in seen:
            return name
        seen.add(other)
        name = other


def _levels(
    members: Mapping[str, tuple[Workload, ...]], roots: Mapping[str, str]
) -> tuple[dict[str, int], tuple[Issue, ...]]:
    from graphlib import CycleError, TopologicalSorter

    needs = {
        root: {roots[item.target] for work in works for item in work.depends_on if item.target in roots} - {root}
        for root, works in members.items()
    }
    levels: dict[str, int] = {}
    try:
        for root in TopologicalSorter(needs).static_order():
            levels[root] = max((levels[other] + 1 for other in needs[root]), default=0)
    except CycleError as error:
        circle = [str(name) for name in error.args[1]]
        message = f"these depend on each other in a circle, for what shares a network is one pod: {' -> '.join(circle)}"
        issue = Issue(ERROR, message, members[circle[0]][0].position, "circle")
        return dict.fromkeys(members, 0), (issue,)
    return levels, ()


# ---------------------------------------------------------------- volumes and kinds


def per_replica(project: Project, mount: Mount) -> bool:
    """Whether each replica has a volume of its own."""
    spec = project.volumes.get(mount.source)
    return mount.kind == model.VOLUME and spec is not None and _PER_REPLICA in (spec.name or spec.key)


def own_volumes(work: Workload, services: Mapping[str, Workload]) -> Iterator[Mount]:
    """The mounts of a service, and those that it takes from others."""
    yield from work.mounts
    taken = {mount.target for mount in work.mounts}
    for item in work.volumes_from:
        other = services.get(item.container)
        for mount in other.mounts if other and other is not work else ():
            # what has no name is of its own pod alone
            if mount.target not in taken and (mount.kind != model.VOLUME or mount.source):
                taken.add(mount.target)
                yield mount._replace(read_only=True) if item.mode == "ro" else mount


def _volumes(
    services: Mapping[str, Workload], roots: Mapping[str, str]
) -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]]]:
    users: dict[str, dict[str, None]] = {}
    writers: dict[str, dict[str, None]] = {}
    for name, work in services.items():
        for mount in own_volumes(work, services):
            if mount.kind == model.VOLUME and mount.source:
                users.setdefault(mount.source, {})[roots[name]] = None
                if not mount.read_only:
                    writers.setdefault(mount.source, {})[roots[name]] = None
    return {key: tuple(found) for key, found in users.items()}, {key: tuple(found) for key, found in writers.items()}


def _kind(
    root: str,
    works: tuple[Workload, ...],
    project: Project,
    ended: set[str],
    awaited: set[str],
    writers: Mapping[str, tuple[str, ...]],
) -> str:
    work = works[0]
    mode = work.scheduling.mode
    if mode in _JOBS or root in ended:
        return JOB
    if mode in _GLOBAL:
        return DAEMON_SET
    reached = work.ports or work.exposed or work.healthcheck or root in awaited or len(works) > 1
    if runs_once(work) and not reached:
        return JOB
    mounts = [mount for item in works for mount in item.mounts]
    if any(per_replica(project, mount) for mount in mounts):
        return STATEFUL_SET
    # a set never has two pods of one number: two databases would spoil their files. It names its hosts itself, though
    alone = any(mount.kind == model.VOLUME and writers.get(mount.source) == (root,) for mount in mounts)
    return STATEFUL_SET if alone and work.replicas <= 1 and not work.hostname else DEPLOYMENT


def single(root: str, facts: Facts) -> bool:
    """Whether there is one pod of it, and never two at a time: two would write to a volume of its own."""
    if facts.kinds[root] not in (STATEFUL_SET, DEPLOYMENT) or facts.services[root].replicas > 1:
        return False
    return any(facts.writers.get(key) == (root,) for key in facts.mounts.get(root, ()))


def runs_once(work: Workload) -> bool:
    """Whether its author says that it is not started again when it ends."""
    rule = work.scheduling.restart
    said = "restart" in work.where and work.restart.policy == "no"
    return said or (rule is not None and rule.condition == "none")


# ---------------------------------------------------------------- addresses


def _calls(
    project: Project, services: Mapping[str, Workload], called: Mapping[str, str]
) -> tuple[dict[str, tuple[str, ...]], frozenset[tuple[str, str]]]:
    """Who answers to which name. Links come last: they are to be seen by one service only, so they take no name from
    others."""
    found: dict[str, dict[str, None]] = {name: {service: None} for service, name in called.items()}
    lost: set[tuple[str, str]] = set()
    for service, work in services.items():
        aliases = [alias for network in work.networks for alias in network.aliases]
        for alias in dict.fromkeys([*([work.name] if work.name else []), *aliases]):
            if names.is_address(alias):
                found.setdefault(alias.lower(), {})[service] = None
            elif names.address(alias) != called[service]:
                lost.add((service, alias))
    taken = set(found)
    for service, work in services.items():
        for link in work.links:
            alias, target = link.alias.lower(), link.target
            known = target in services and not link.external and names.is_address(alias)
            if not known or target not in found.get(alias, {target: None}):
                lost.add((service, link.alias))
            elif alias not in taken:
                found.setdefault(alias, {})[target] = None
    return {name: tuple(answering) for name, answering in found.items()}, frozenset(lost)


def _mentions(project: Project, calls: Mapping[str, tuple[str, ...]]) -> dict[str, frozenset[int]]:
    texts: list[str] = []
    for work in project.services:
        texts += [item.value for item in work.env if ":" in item.value]
        texts += work.command or ()
    texts += [spec.content for spec in project.configs.values() if spec.content and ":" in spec.content]
    answering = {**{work.service.lower(): (work.service,) for work in project.services}, **calls}
    found: dict[str, set[int]] = {}
    for name, port in _MENTION.findall("\n".join(texts)):
        for service in answering.get(name.lower(), ()) if 0 < int(port) < 65536 else ():
            found.setdefault(service, set()).add(int(port))
    return {service: frozenset(ports) for service, ports in found.items()}
