"""As `verdicts`, of what goes out of a container: ports and mounts, and the volumes, configs and secrets themselves. Pure."""

from __future__ import annotations

from atomicapp.providers.kubernetes.writer import amounts, facts, names, services, steering, volumes
from atomicapp.providers.kubernetes.writer.around import Around
from atomicapp.providers.kubernetes.writer.containers import on_host
from atomicapp.providers.kubernetes.writer.deciding import YES, gone, instead
from atomicapp.workload import model
from atomicapp.workload.fidelity import KEPT, LOST, Verdict
from atomicapp.workload.model import Mount, Port, Workload
from atomicapp.workload.project import FileSpec, Project, Said, VolumeSpec

AROUND = Around()


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
    if kind == steering.LOAD_BALANCER:
        return instead(
            "that port of a load balancer, where the cluster has any; else one of the cluster's choice on each node"
        )
    if kind == steering.CLUSTER_IP:
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
