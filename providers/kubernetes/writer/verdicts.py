"""What becomes of keys whose values matter: each function looks at what was said and gives another verdict, or None. Pure.

They ask the parts that write, so that a verdict and what is written can't differ.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

from atomicapp.position import Position
from atomicapp.providers.kubernetes.writer import (
    amounts,
    controllers,
    facts,
    files,
    names,
    placement,
    probes,
    security,
    services,
    volumes,
    waiting,
)
from atomicapp.providers.kubernetes.writer.around import Around
from atomicapp.providers.kubernetes.writer.containers import on_host
from atomicapp.workload import model
from atomicapp.workload.fidelity import APPROXIMATED, KEPT, LOST, Decide, Verdict
from atomicapp.workload.model import FileGrant, Mount, Port, Workload
from atomicapp.workload.project import FileSpec, Project, Said, VolumeSpec

AROUND = Around()
YES = Verdict(KEPT)
ByWork = Callable[[Workload, facts.Facts], Verdict | None]


class _Placed(Protocol):
    @property
    def position(self) -> Position: ...


Item = TypeVar("Item", bound=_Placed)


def instead(how: str) -> Verdict:
    """Another way."""
    return Verdict(APPROXIMATED, how)


def gone(why: str) -> Verdict:
    """No way."""
    return Verdict(LOST, why)


def by_work(decide: ByWork) -> Decide:
    """A decision by the service alone."""

    def found(project: Project, work: Workload | None, said: Said) -> Verdict | None:
        return decide(work, facts.of(project)) if work is not None else None

    return found


def at(items: Iterable[Item], said: Said) -> Item | None:
    """The item of a list in which something was said: the last one that begins before it."""
    found: Item | None = None
    for item in items:
        same = item.position.file == said.position.file and item.position <= said.position
        if same and (found is None or found.position <= item.position):
            found = item
    return found


def by_port(decide: Callable[[Workload, Port], Verdict | None]) -> Decide:
    """A decision by one port."""

    def found(project: Project, work: Workload | None, said: Said) -> Verdict | None:
        port = at(work.ports, said) if work is not None else None
        return decide(work, port) if work is not None and port is not None else None

    return found


def by_mount(decide: Callable[[Project, Workload, Mount], Verdict | None]) -> Decide:
    """A decision by one mount."""

    def found(project: Project, work: Workload | None, said: Said) -> Verdict | None:
        mount = at(work.mounts, said) if work is not None else None
        return decide(project, work, mount) if work is not None and mount is not None else None

    return found


def by_grant(field: str) -> Decide:
    """Of the owner of a file: whether the bits that stand in for it say anything."""

    def found(project: Project, work: Workload | None, said: Said) -> Verdict | None:
        grants: tuple[FileGrant, ...] = () if work is None else work.secrets if "secrets" in said.key else work.configs
        grant = at(grants, said)
        if grant is None:
            return None
        alone = grant._replace(uid="") if field == "uid" else grant._replace(gid="")
        same = files.mode_of(alone) == files.mode_of(grant)
        return gone("files belong to root; all may read it") if same else None

    return found


def by_labels(get: Callable[[Workload], Iterable[str]]) -> Decide:
    """Of labels: those whose names Kubernetes doesn't take are lost."""

    def found(project: Project, work: Workload | None, said: Said) -> Verdict | None:
        bad = [name for name in get(work) if not names.is_qualified(name)] if work is not None else []
        return gone(f"these are no names for annotations: {', '.join(bad)}") if bad else None

    return found


# ---------------------------------------------------------------- services


def image(work: Workload, found: facts.Facts) -> Verdict | None:
    """Always said: so it tells what a service is called, too, where that is another name."""
    name = found.names[work.service]
    if name == work.service.lower() or not services.has_name(work, found):
        return None
    return instead(f"names are of small letters, digits and dashes: the service is called {name}, also by others")


def container_name(work: Workload, found: facts.Facts) -> Verdict | None:
    return gone("it is no name for a Service") if (work.service, work.name) in found.uncalled else None


def aliases(work: Workload, found: facts.Facts) -> Verdict | None:
    said = {alias for network in work.networks for alias in network.aliases}
    bad = sorted(alias for alias in said if (work.service, alias) in found.uncalled)
    return gone(f"no names for a Service: {', '.join(bad)}") if bad else None


def links(work: Workload, found: facts.Facts) -> Verdict | None:
    own = [link for link in work.links if not link.external]
    bad = sorted(link.alias for link in own if (work.service, link.alias) in found.uncalled)
    if bad:
        return gone(f"no names for a Service, or those of others: {', '.join(bad)}")
    return YES if all(link.alias == link.target for link in own) else None


def networks(work: Workload, found: facts.Facts) -> Verdict | None:
    from atomicapp.providers.kubernetes.writer.policies import isolated

    if not isolated(found.project):
        return Verdict(KEPT, "all pods reach each other, as all services here do")
    return None


def network_mode(work: Workload, found: facts.Facts) -> Verdict | None:
    mode = work.namespaces.network
    if mode == "host":
        return YES
    if mode == "none":
        return instead("a NetworkPolicy that lets nothing in or out, if the cluster's network plugin carries it out")
    if mode.startswith("service:"):
        return instead("both live in one pod, with one number of replicas, and start together")
    return None


def namespace(field: str) -> Decide:
    """Of pid and ipc."""

    def decide(work: Workload, found: facts.Facts) -> Verdict | None:
        mode = getattr(work.namespaces, field)
        if mode == "host":
            return YES
        if mode.startswith("service:"):
            return instead("both live in one pod, with one network")
        return None

    return by_work(decide)


def hostname(work: Workload, found: facts.Facts) -> Verdict | None:
    root = found.roots[work.service]
    if root != work.service:
        return gone("it lives in the pod of another service, whose name counts")
    if found.kinds[root] == facts.STATEFUL_SET:
        return gone("a StatefulSet names its hosts itself: NAME-0, NAME-1, ...")
    plain = work.hostname.partition(".")[0]
    if names.label(plain) != plain:
        return gone("it is no name for a host of Kubernetes: small letters, digits and dashes")
    return instead("only the part before the first dot") if plain != work.hostname else None


def condition(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    """Of a dependency, where nobody but the pods themselves can wait."""
    item = at(work.depends_on, said) if work is not None else None
    if work is None or item is None:
        return None
    if item.condition == model.STARTED:
        return gone("all start at once; every name is found from the beginning")
    if item.condition == model.COMPLETED:
        return gone("all start at once: no pod can tell the end of a job; `atomicapp run` waits for it")
    return None if waiting.waiter(work) else gone("its label says that nothing waits")


def required(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    """Of a dependency."""
    item = at(work.depends_on, said) if work is not None else None
    return YES if item is not None and item.required else None


def restarted(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    """Of a dependency."""
    item = at(work.depends_on, said) if work is not None else None
    return YES if item is not None and not item.restart else None


def restart(work: Workload, found: facts.Facts) -> Verdict | None:
    """What follows an end."""
    if found.kinds[found.roots[work.service]] == facts.JOB:
        return YES
    if work.restart.policy in ("always", "unless-stopped"):
        return YES
    if work.restart.policy == "no":
        return gone("others reach it, so that it is no job: it is started again when it ends")
    return gone("it is started again whenever it ends, as often as needed")


def attempts(work: Workload, found: facts.Facts) -> Verdict | None:
    job = found.kinds[found.roots[work.service]] == facts.JOB
    return YES if job and controllers.on_failure(work) else None


def numeric_user(work: Workload, found: facts.Facts) -> Verdict | None:
    user, group = security.user_of(work.user)
    if user is None:
        return gone("Kubernetes takes numbers only: say UID:GID")
    return gone("the group is no number") if ":" in work.user and group is None else None


def numeric_groups(work: Workload, found: facts.Facts) -> Verdict | None:
    bad = [group for group in work.groups if security.number(group) is None]
    return gone(f"Kubernetes takes numbers only: {', '.join(bad)}") if bad else None


def options(work: Workload, found: facts.Facts) -> Verdict | None:
    """Of security_opt."""
    bad = sorted(
        name
        for name, value in security.options(work)
        if not security.known_option(work, name, value) and (name, value) != ("no-new-privileges", "false")
    )
    if work.security.all_system_paths:
        bad.append("systempaths")
    if bad:
        return gone(f"no word for it, or not with the other rights: {', '.join(dict.fromkeys(bad))}")
    return None


def sysctls(work: Workload, found: facts.Facts) -> Verdict | None:
    first = found.members[found.roots[work.service]][0]
    bad = sorted(name for name in work.sysctls if not security.can_set(name, first))
    if bad:
        return gone(f"nodes take it only when they are set up for it, or have it in common: {', '.join(bad)}")
    return None


def runtime(work: Workload, found: facts.Facts) -> Verdict | None:
    if work.runtime == "runc":
        return YES
    return gone("it is no name for a RuntimeClass") if names.label(work.runtime) != work.runtime else None


def stop_signal(work: Workload, found: facts.Facts) -> Verdict | None:
    return YES if work.stop_signal.upper().removeprefix("SIG") in ("TERM", "15") else None


def extra_hosts(work: Workload, found: facts.Facts) -> Verdict | None:
    if any(entry.endswith(":host-gateway") for entry in work.extra_hosts):
        return gone("the address of the node (host-gateway) is not known beforehand")
    return None


def platform(work: Workload, found: facts.Facts) -> Verdict | None:
    return instead("the variant is left out: no label of a node tells it") if work.platform.count("/") > 1 else None


def storage(work: Workload, found: facts.Facts) -> Verdict | None:
    size = amounts.storage(work.storage_options)
    return gone("only its size is known") if not size or len(work.storage_options) > 1 else None


def quota(work: Workload, found: facts.Facts) -> Verdict | None:
    return None if work.resources.cpu_quota and not work.resources.cpus else gone("without a cpu_quota it says nothing")


def init(work: Workload, found: facts.Facts) -> Verdict | None:
    return YES if not work.init else None


def health(work: Workload, found: facts.Facts) -> Verdict | None:
    """Of all of a health check: nothing comes of one whose test is that of the image."""
    check = work.healthcheck
    if check is not None and check.test[:1] != ("NONE",) and not probes.command(check.test):
        return gone("Kubernetes does not know the test of the image: say it here")
    return None


def hook(field: str) -> Decide:
    """Of several commands at one moment."""

    def decide(work: Workload, found: facts.Facts) -> Verdict | None:
        joined = len(getattr(work, field)) > 1
        return instead("one after the other, by a shell of the container") if joined else None

    return by_work(decide)


def devices(work: Workload, found: facts.Facts) -> Verdict | None:
    return None if work.security.privileged else gone("only a privileged container gets devices without a plugin")


def gpus(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    """How many: all can't be asked for."""
    request = at(work.device_requests, said) if work is not None else None
    if request is None:
        return None
    if not amounts.gpus(request)[0]:
        return gone("Kubernetes has no word for these devices")
    return instead("one: how many a node has is not known beforehand") if request.number < 0 else None


def gpu_driver(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    """Whose."""
    request = at(work.device_requests, said) if work is not None else None
    known = request is not None and amounts.gpus(request)[0]
    return None if known else gone("Kubernetes has no word for these devices")


def gpu_ids(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    """Which."""
    request = at(work.device_requests, said) if work is not None else None
    some = request is not None and len(request.ids) > 1 and amounts.gpus(request)[0]
    return instead("as many of them as are named; the cluster chooses which") if some else None


def volumes_from(work: Workload, found: facts.Facts) -> Verdict | None:
    more = len([*facts.own_volumes(work, found.services)]) > len(work.mounts)
    return None if more else gone("what has no name is of its own pod alone")


# ---------------------------------------------------------------- ports


def published(work: Workload, port: Port) -> Verdict | None:
    """The port of the outside."""
    if not port.host:
        return None
    if on_host(work, port):
        first = next(
            item
            for item in work.ports
            if on_host(work, item) and (item.container, item.protocol) == (port.container, port.protocol)
        )
        return YES if first is port else gone("a port of a container has one port of the node")
    if work.namespaces.network == "host":
        return gone("the container has the node's own ports")
    if services.is_loopback(port.host_ip):
        return instead("of the cluster only: its address is that of a machine itself; see `kubectl port-forward`")
    kind = services.way_out(work, AROUND)
    if not port.host.isdigit():
        return instead("a port of the cluster's choice, on each node")
    if kind == services.LOAD_BALANCER:
        return instead(
            "that port of a load balancer, where the cluster has any; else one of the cluster's choice on each node"
        )
    if kind == services.CLUSTER_IP:
        return instead("of the cluster only, as its label says")
    return YES if services.node_port(port) else instead("a port of the cluster's choice, on each node")


def host_ip(work: Workload, port: Port) -> Verdict | None:
    if on_host(work, port):
        return YES
    if port.host_ip in ("0.0.0.0", "::"):  # noqa: S104 (compared, not bound)
        return YES
    if services.is_loopback(port.host_ip):
        return instead("its Service leads there inside of the cluster only; see `kubectl port-forward`")
    return None


def port_mode(work: Workload, port: Port) -> Verdict | None:
    if port.mode == "host" and not port.host.isdigit():
        return gone("a port of the node must be said")
    return None


def port_name(work: Workload, port: Port) -> Verdict | None:
    return gone("15 small letters, digits and dashes make a name") if names.label(port.name, 15) != port.name else None


def target(work: Workload, port: Port) -> Verdict | None:
    """Of a port that is published, where nothing says which ports others of the app use."""
    if work.exposed or work.scheduling.endpoint_mode == "dnsrr":
        return YES
    return None


# ---------------------------------------------------------------- volumes


def mount_type(project: Project, work: Workload, mount: Mount) -> Verdict | None:
    """The kind of a mount."""
    if mount.kind in (model.IMAGE, model.NAMED_PIPE):
        return gone(f"Kubernetes mounts no {'image' if mount.kind == model.IMAGE else 'named pipe'}")
    if mount.kind == model.BIND:
        return instead("the folder of whichever node the pod runs on")
    if mount.kind == model.CLUSTER:
        return instead("a claim of that name must be on the cluster")
    if mount.kind == model.VOLUME and not mount.source:
        return instead("an empty folder that goes with the pod")
    return None


def mount_source(project: Project, work: Workload, mount: Mount) -> Verdict | None:
    """Where a mount comes from."""
    other = mount_type(project, work, mount)
    if other is not None:
        return other
    spec = project.volumes.get(mount.source)
    if mount.kind != model.VOLUME or spec is None or spec.external:
        return None
    if volumes.inline(spec):
        return instead("what the options of the volume describe, mounted by the pod itself")
    if facts.per_replica(project, mount):
        return instead("a claim of each replica's own")
    found = facts.of(project)
    if volumes.together(found.roots[work.service], found, AROUND):
        return instead("a claim; all pods that share it run on one node")
    return None


def mounted(project: Project, work: Workload, mount: Mount) -> Verdict | None:
    """All that is said of what can't be mounted is lost with it."""
    other = mount_type(project, work, mount)
    return other if other is not None and other.outcome == LOST else None


def propagation(project: Project, work: Workload, mount: Mount) -> Verdict | None:
    if volumes.propagation(mount, work):
        return YES
    return gone("mounts go from the container to the node only where it is privileged")


def subpath(project: Project, work: Workload, mount: Mount) -> Verdict | None:
    return gone("Kubernetes mounts no image") if mount.kind == model.IMAGE else None


def volume_options(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    """The options of a volume's driver."""
    spec = project.volumes.get(said.subject)
    if spec is None:
        return None
    if volumes.inline(spec):
        return instead("mounted by the pod itself")
    return instead("the size that its claim asks for") if amounts.storage(spec.driver_options) else None


def volume_driver(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    spec = project.volumes.get(said.subject)
    return Verdict(KEPT, "the cluster's own storage") if spec is not None and spec.driver == "local" else None


def spec_labels(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    """Labels of volumes, configs and secrets."""
    room = said.key.partition(".")[0]
    spec: VolumeSpec | FileSpec | None = project.volumes.get(said.subject) if room == "volumes" else None
    if room != "volumes":
        spec = (project.configs if room == "configs" else project.secrets).get(said.subject)
    bad = [name for name in spec.labels if not names.is_qualified(name)] if spec is not None else []
    return gone(f"these are no names for annotations: {', '.join(bad)}") if bad else None


# ---------------------------------------------------------------- deploy


def mode(work: Workload, found: facts.Facts) -> Verdict | None:
    if work.scheduling.mode == model.GLOBAL_JOB:
        return instead("a Job that runs once, and not on every node")
    return None


def endpoint_mode(work: Workload, found: facts.Facts) -> Verdict | None:
    if work.scheduling.endpoint_mode == "dnsrr" or services.listed(work):
        return YES
    return gone("it lists no port, which an address of its own would lead to")


def constraints(work: Workload, found: facts.Facts) -> Verdict | None:
    bad = [text for text in work.scheduling.constraints if placement.constraint(text) is None]
    if bad:
        return gone(f"no label of Kubernetes' nodes tells it: {', '.join(bad)}")
    return None


def spread(work: Workload, found: facts.Facts) -> Verdict | None:
    bad = [text for text in work.scheduling.spread if not placement.spread_key(text)]
    return gone(f"no label of Kubernetes' nodes tells it: {', '.join(bad)}") if bad else None


def per_node(work: Workload, found: facts.Facts) -> Verdict | None:
    if work.scheduling.max_per_node > 1:
        return instead("the numbers of pods on two nodes differ by that at most")
    return None


def update(field: str) -> Decide:
    """Of how replicas are replaced: by the kind of the workload."""

    def decide(work: Workload, found: facts.Facts) -> Verdict | None:
        kind = found.kinds[found.roots[work.service]]
        rollout = work.scheduling.update or model.Rollout()
        if kind == facts.JOB:
            return gone("a job is made anew as a whole")
        if field == "steady":
            return None
        if field == "failure_action":
            return YES if rollout.failure_action == "pause" else None
        if kind == facts.STATEFUL_SET or facts.single(found.roots[work.service], found):
            stops = field == "order" and rollout.order == "stop-first"
            return (
                YES
                if stops or (field == "parallelism" and rollout.parallelism == 1)
                else gone("one pod after the other is stopped and made anew: no two of them write to one volume")
            )
        if field == "order" and rollout.order == "start-first" and not placement.surges(work, kind):
            return gone("two pods would need one port of a node, or one place")
        return None

    return by_work(decide)


def count(work: Workload, found: facts.Facts) -> Verdict | None:
    """The number of replicas."""
    root = found.roots[work.service]
    if root != work.service:
        return gone("it lives in the pod of another service, whose number counts")
    return None
