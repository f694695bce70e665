"""Services: the names by which workloads reach each other, and what brings published ports to the outside.

A service of a Compose file can be reached at every port that its containers listen on, a Service of Kubernetes only at
those that it lists. So one whose file lists ports gets an address of its own with these (and with those that other
texts of the project name, as `db:5432`), and one that lists none is headless: its name leads to its pods themselves.
"""

from __future__ import annotations

from collections.abc import Iterator

from atomicapp.providers.kubernetes.writer import names, steering
from atomicapp.providers.kubernetes.writer.around import Around, Json, Object, named, said
from atomicapp.providers.kubernetes.writer.containers import on_host
from atomicapp.providers.kubernetes.writer.facts import JOB, Facts, single
from atomicapp.providers.kubernetes.writer.marks import CALLED, labels
from atomicapp.providers.kubernetes.writer.steering import CLUSTER_IP, LOAD_BALANCER, NODE_PORT
from atomicapp.workload.model import Port, Workload

SERVICE = "Service"
NODE_PORTS = range(30000, 32768)
"""The ports that a cluster gives to Services on its nodes, unless it is set up otherwise."""
_LONGEST_NAME = 15


def listed(work: Workload) -> dict[tuple[int, str], Json]:
    """The ports that a file lists for a service, as those of a Service, by number and protocol."""
    found: dict[tuple[int, str], Json] = {}
    for port in work.ports:
        entry = found.setdefault((port.container, port.protocol), entry_of(port.container, port.protocol))
        if port.app_protocol:
            entry["appProtocol"] = port.app_protocol
        if port.name and names.label(port.name, _LONGEST_NAME) == port.name:
            entry["name"] = port.name
    for exposed in work.exposed:
        found.setdefault((exposed.container, exposed.protocol), entry_of(exposed.container, exposed.protocol))
    return found


def entry_of(number: int, protocol: str) -> Json:
    """A port of a Service; TCP is not said."""
    found: Json = {"name": f"{protocol}-{number}", "port": number}
    return found if protocol == "tcp" else {**found, "protocol": protocol.upper()}


def headless(work: Workload) -> bool:
    """Whether the name of a service leads to its pods themselves."""
    return not listed(work) or work.scheduling.endpoint_mode == "dnsrr"


def tells_ready(root: str, facts: Facts) -> bool:
    """Whether the name of a service is found only when a pod of it is ready."""
    return headless(facts.services[root]) and not single(root, facts)


def has_name(work: Workload, facts: Facts) -> bool:
    """Whether others reach it by a name: not a job that listens nowhere, nor what has no network of its own."""
    mode = work.namespaces.network
    if mode == "none" or mode.startswith(("service:", "container:")):
        return False
    root = facts.roots[work.service]
    return facts.kinds[root] != JOB or bool(listed(work))


def objects(facts: Facts, around: Around, ready: frozenset[str]) -> Iterator[Object]:
    """The Services of a project. `ready` are the roots that are waited for by a name."""
    for name, answering in facts.calls.items():
        works = [facts.services[service] for service in answering if has_name(facts.services[service], facts)]
        if works:
            yield _called(name, works, facts, around)
    for root in facts.members:
        for work in facts.members[root]:
            body = published(work, facts, around)
            if body:
                yield Object(body, work.ports[0].position, root)
        if root in ready and not tells_ready(root, facts):
            work = facts.services[root]
            spec = {"clusterIP": "None", "selector": labels(root, facts, around)}
            name = names.label(f"{facts.names[root]}-ready")
            yield Object(named(SERVICE, name, labels=labels(root, facts, around), spec=spec), work.position, root)


def _called(name: str, works: list[Workload], facts: Facts, around: Around) -> Object:
    work = works[0]
    root = facts.roots[work.service]
    selector = labels(root, facts, around)
    if len({facts.roots[item.service] for item in works}) > 1:
        selector = {f"{CALLED}{name}": "answers"} | {
            key: text for key, text in selector.items() if key.endswith("/instance")
        }
    ports: dict[tuple[int, str], Json] = {}
    for item in works:
        for key, entry in listed(item).items():
            ports.setdefault(key, entry)
    alone = any(headless(item) for item in works)
    if not alone:
        for number in sorted({port for item in works for port in facts.mentioned.get(item.service, ())}):
            ports.setdefault((number, "tcp"), entry_of(number, "tcp"))
    spec = said(
        clusterIP="None" if alone else "",
        # the parts of one database find each other before they are healthy; with one pod there is none to prefer
        publishNotReadyAddresses=all(single(facts.roots[item.service], facts) for item in works),
        selector=selector,
        ports=_unique(ports),
    )
    body = named(SERVICE, name, labels=labels(root, facts, around), spec=spec)
    return Object(body, work.position, root)


def _unique(ports: dict[tuple[int, str], Json]) -> list[Json]:
    """The ports in order, each with a name of its own."""
    seen: set[str] = set()
    found = []
    for (number, protocol), entry in ports.items():
        name = entry["name"] if entry["name"] not in seen else f"{protocol}-{number}"
        seen.add(name)
        found.append({**entry, "name": name})
    return found


# ---------------------------------------------------------------- the outside


def outside(work: Workload, around: Around) -> list[Port]:
    """The published ports that a Service brings to the outside: not those of the node itself, nor those that are for the
    node alone."""
    if work.namespaces.network == "host":
        return []
    return [
        port
        for port in work.ports
        if not on_host(work, port) and not is_loopback(port.host_ip) and not around.routed(work, port)
    ]


def is_loopback(text: str) -> bool:
    """Whether an address is that of the machine itself."""
    if not text:
        return False
    import ipaddress

    try:
        return ipaddress.ip_address(text.strip("[]")).is_loopback
    except ValueError:
        return False


def way_out(work: Workload, around: Around) -> str:
    """The type of the Service for the published ports; "" when there are none."""
    ports = outside(work, around)
    if not ports:
        return ""
    chosen = steering.of(work, steering.PUBLISH)
    if chosen:
        return chosen
    return NODE_PORT if all(node_port(port) or not port.host.isdigit() for port in ports) else LOAD_BALANCER


def node_port(port: Port) -> int:
    """The published port, if nodes can give it; else 0."""
    return int(port.host) if port.host.isdigit() and int(port.host) in NODE_PORTS else 0


def published(work: Workload, facts: Facts, around: Around) -> Json:
    """The Service that brings the published ports of a service to the outside; empty when there are none."""
    kind = way_out(work, around)
    if not kind:
        return {}
    found: dict[tuple[int, str], Json] = {}
    for port in outside(work, around):
        number = int(port.host) if port.host.isdigit() else port.container
        if (number, port.protocol) in found:
            continue
        entry = entry_of(number, port.protocol)
        if port.app_protocol:
            entry["appProtocol"] = port.app_protocol
        if port.name and names.label(port.name, _LONGEST_NAME) == port.name:
            entry["name"] = port.name
        if number != port.container:
            entry["targetPort"] = port.container
        if kind != CLUSTER_IP and node_port(port):
            entry["nodePort"] = node_port(port)
        found[number, port.protocol] = entry
    root = facts.roots[work.service]
    selector = labels(root, facts, around)
    spec = {"type": kind, "selector": selector, "ports": _unique(found)}
    return named(SERVICE, published_name(facts.names[work.service]), labels=selector, spec=spec)


def published_name(name: str) -> str:
    """The name of the Service for published ports."""
    return names.label(f"{name}-published")
