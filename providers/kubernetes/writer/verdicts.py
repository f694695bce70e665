"""What becomes of keys of services whose values matter: each function looks at what was said and gives another verdict than
that of the table, or None. Pure.

They ask the parts that write, so that a verdict and what is written can't differ.
"""

from __future__ import annotations

from atomicapp.providers.kubernetes.writer import (
    amounts,
    controllers,
    facts,
    names,
    placement,
    probes,
    security,
    services,
    waiting,
)
from atomicapp.providers.kubernetes.writer.deciding import YES, at, by_work, gone, instead
from atomicapp.workload import model
from atomicapp.workload.fidelity import KEPT, Decide, Verdict
from atomicapp.workload.model import Workload
from atomicapp.workload.project import Project, Said

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
