"""A project of Compose services as objects of OpenShift: those of Kubernetes, and a Route for each published port that
speaks HTTP, in place of a Service for the outside. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType

from atomicapp.providers.kubernetes.writer import Around, Object, Written, names, steering, verdicts_outside
from atomicapp.providers.kubernetes.writer import facts as finding
from atomicapp.providers.kubernetes.writer import rules as kubernetes
from atomicapp.providers.kubernetes.writer import write as write_objects
from atomicapp.providers.kubernetes.writer.around import named
from atomicapp.providers.kubernetes.writer.containers import on_host
from atomicapp.providers.kubernetes.writer.deciding import by_port, instead
from atomicapp.providers.kubernetes.writer.facts import Facts
from atomicapp.providers.kubernetes.writer.marks import labels
from atomicapp.providers.kubernetes.writer.services import is_loopback, listed
from atomicapp.workload.fidelity import Table, Verdict
from atomicapp.workload.model import Port, Workload
from atomicapp.workload.project import Project

ROUTE, VERSION = "Route", "route.openshift.io/v1"
HTTP_PORTS = frozenset((80, 443, 3000, 5000, 8000, 8008, 8080, 8081, 8443, 8888))
"""Ports of containers that are taken for web servers where nothing is said of what they speak."""
_TLS_PORTS = frozenset((443, 8443))


def is_routed(work: Workload, port: Port) -> bool:
    """Whether a Route leads to a published port: its `app_protocol` or its name says HTTP, or its number does."""
    if port.protocol != "tcp" or work.namespaces.network == "host" or on_host(work, port) or is_loopback(port.host_ip):
        return False
    if steering.of(work, steering.PUBLISH):
        return False
    said = port.app_protocol.rpartition("/")[2] or port.name
    return said.startswith(("http", "h2c", "ws")) if said else port.container in HTTP_PORTS


def speaks_tls(port: Port) -> bool:
    """Whether it is to get requests as they come, still encrypted."""
    said = port.app_protocol.rpartition("/")[2] or port.name
    return said.startswith(("https", "wss")) if said else port.container in _TLS_PORTS


def write(project: Project, around: Around) -> Written:
    """The objects of a project."""
    around = around._replace(routed=is_routed)
    written = write_objects(project, around)
    return written._replace(objects=(*written.objects, *_routes(finding.of(project), around)))


def _routes(facts: Facts, around: Around) -> Iterator[Object]:
    for work in facts.project.services:
        ports: dict[int, Port] = {}
        for port in work.ports:
            if is_routed(work, port):
                ports.setdefault(port.container, port)
        for number, port in ports.items():
            name = facts.names[work.service]
            root = facts.roots[work.service]
            spec = {
                "to": {"kind": "Service", "name": name},
                "port": {"targetPort": listed(work)[number, "tcp"]["name"]},
            }
            if speaks_tls(port):
                spec["tls"] = {"termination": "passthrough"}
            called = name if len(ports) == 1 else names.label(f"{name}-{number}")
            yield Object(
                named(ROUTE, called, VERSION, labels=labels(root, facts, around), spec=spec), port.position, root
            )


# ---------------------------------------------------------------- verdicts

_ROUTED = instead("a Route leads to it, at the ports 80 and 443 of the router, whatever number is said")


def _published(work: Workload, port: Port) -> Verdict | None:
    return _ROUTED if is_routed(work, port) else verdicts_outside.published(work, port)


def table(*, converted: bool = False) -> Table:
    """The verdicts of the kubernetes provider, but for published ports."""
    found = kubernetes.table(converted=converted)
    rule = found["services.ports.published"]
    routed = rule._replace(decide=by_port(_published), also=(_ROUTED, *rule.also))
    return MappingProxyType({**found, "services.ports.published": routed})
