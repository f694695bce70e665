"""A project in the words of swarm mode: what a swarm has no word for, but can do in another way, is put so. Pure.

After this a stack file and a service of the API say the same thing in two languages; `rules` tells what was put otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from atomicapp.errors import Issue
from atomicapp.providers.swarm import classic
from atomicapp.workload import model, values
from atomicapp.workload.model import Mount, Network, Workload
from atomicapp.workload.project import Project, VolumeSpec

_PERIOD = 100_000
"""Microseconds: the kernel's own period of processor time."""

_SHM = "/dev/shm"  # noqa: S108 (of the container)


def normalised(project: Project) -> tuple[Project, list[Issue]]:
    """The project, and what was translated from the words of the classic Swarm or left out."""
    issues: list[Issue] = []
    services = {work.service: work for work in project.services if work.service}
    awaited, linked = _awaited(project, services), _linked(project, services)
    done = []
    for work in project.services:
        translated, found = classic.translate(work)
        issues += found
        done.append(_service(project, translated, services, work.service in awaited, linked.get(work.service, ())))
    return project._replace(services=tuple(done), volumes=_volumes(project)), issues


def _volumes(project: Project) -> Mapping[str, VolumeSpec]:
    """The volumes with the labels that mounts give them."""
    found = dict(project.volumes)
    for work in project.services:
        for mount in work.mounts:
            spec = found.get(mount.source) if mount.kind == model.VOLUME and mount.labels else None
            if spec is not None:
                found[mount.source] = spec._replace(labels=MappingProxyType({**spec.labels, **mount.labels}))
    return MappingProxyType(found)


def _awaited(project: Project, services: Mapping[str, Workload]) -> set[str]:
    """Those of which others wait for the end."""
    return {
        dependency.target
        for work in project.services
        for dependency in work.depends_on
        if dependency.condition == model.COMPLETED and dependency.target in services
    }


def _linked(project: Project, services: Mapping[str, Workload]) -> dict[str, tuple[str, ...]]:
    """What others call a service. Only all on a network can call it so."""
    found: dict[str, tuple[str, ...]] = {}
    for work in project.services:
        for link in work.links:
            if link.target in services and not link.external and link.alias != link.target:
                found[link.target] = (*found.get(link.target, ()), link.alias)
    return found


def _service(
    project: Project, work: Workload, services: Mapping[str, Workload], awaited: bool, linked: tuple[str, ...]
) -> Workload:
    scheduling, limits = work.scheduling, work.resources
    # a service of commands has a name of its own, and needs no other
    called = (*((work.name,) if work.service and work.name not in ("", work.service) else ()), *linked)
    # without an address of the service's own, only the nodes that run it can publish it
    published = "host" if scheduling.endpoint_mode == "dnsrr" else "ingress"
    return work._replace(
        networks=tuple(_network(network, called) for network in work.networks) if not work.namespaces.network else (),
        ports=tuple(port if port.mode else port._replace(mode=published) for port in work.ports),
        mounts=tuple(_mounts(work, services, project.volumes)),
        hostname=f"{work.hostname}.{work.domainname}" if work.hostname and work.domainname else work.hostname,
        resources=limits._replace(cpus=limits.cpus or _quota(limits)),
        scheduling=scheduling._replace(restart=_restart(work, awaited)),
        extra_hosts=tuple(entry for entry in work.extra_hosts if not entry.endswith(":host-gateway")),
    )


def _network(network: Network, called: tuple[str, ...]) -> Network:
    return network._replace(aliases=tuple(dict.fromkeys([*network.aliases, *called])))


def _quota(limits: model.Resources) -> int | None:
    """Microseconds of each period, as billionths of a processor."""
    if not limits.cpu_quota or limits.cpu_quota < 0:
        return limits.cpus
    return limits.cpu_quota * 10**9 // (limits.cpu_period or _PERIOD)


def _restart(work: Workload, awaited: bool) -> model.RestartRule | None:
    """What follows an end; None for the swarm's own way, which starts everything again."""
    if work.scheduling.restart is not None:
        return work.scheduling.restart
    policy, retries = work.restart
    if policy == "no":
        # what others wait for must come to its end
        said = "restart" in work.where
        return model.RestartRule("none") if said or awaited else None
    if policy == "on-failure":
        return model.RestartRule("on-failure", max_attempts=retries or None)
    return model.RestartRule("any")


def _mounts(work: Workload, services: Mapping[str, Workload], volumes: Mapping[str, VolumeSpec]) -> Iterator[Mount]:
    """The mounts that a task can have: those of others whose volumes it shares are its own."""
    targets = {mount.target for mount in work.mounts}
    for mount in work.mounts:
        if mount.kind != model.IMAGE:
            # of a volume of the project they are the volume's own
            described = mount.source in volumes
            yield _tmpfs(mount._replace(labels=model.NOTHING) if described else mount)
    for source in work.volumes_from:
        other = services.get(source.container)
        for mount in other.mounts if other else ():
            if mount.target not in targets and mount.kind != model.IMAGE:
                targets.add(mount.target)
                read_only = mount.read_only or "ro" in source.mode.split(",")
                yield _tmpfs(mount._replace(read_only=read_only, labels=model.NOTHING, position=source.position))
    if work.shm_size and _SHM not in targets:
        yield Mount(model.TMPFS, "", _SHM, work.place("shm_size"), size=work.shm_size)


def _tmpfs(mount: Mount) -> Mount:
    """With size and permission bits in place of the options of the short form."""
    if mount.kind != model.TMPFS or mount.options is None:
        return mount
    size, mode, read_only = mount.size, mount.mode, mount.read_only
    for option in mount.options.split(","):
        name, _, value = option.partition("=")
        try:
            if name == "size":
                size = values.size(value)
            elif name == "mode":
                mode = int(value, 8)
            elif name == "ro":
                read_only = True
        except ValueError:
            continue
    return mount._replace(options=None, size=size, mode=mode, read_only=read_only)
