"""Networks as NetworkPolicies, where they keep services apart or from the outside.

All pods of a cluster reach each other. Where every two services of a project share a network nothing is written; else
each network lets in its own pods only. Whether policies are carried out is up to the cluster's network plugin.
"""

from __future__ import annotations

from collections.abc import Iterator

from atomicapp.providers.kubernetes.writer import names
from atomicapp.providers.kubernetes.writer.around import Around, Json, Object, named
from atomicapp.providers.kubernetes.writer.facts import Facts
from atomicapp.providers.kubernetes.writer.marks import NETWORK, labels, of_app
from atomicapp.providers.kubernetes.writer.services import outside
from atomicapp.workload.project import DEFAULT_NETWORK, Project

POLICY = "NetworkPolicy"
VERSION = "networking.k8s.io/v1"
APART = "io.atomicapp.apart"
"""On pods that are not in the network which a package's components have in common."""
_DNS = [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]


def isolated(project: Project) -> bool:
    """Whether networks keep two services apart, or any from the outside."""
    if any(spec.internal for spec in project.networks.values()):
        return True
    groups = {frozenset(network.name for network in work.networks) for work in project.services if work.networks}
    return any(not first & second for first in groups for second in groups)


def attached(root: str, facts: Facts) -> list[str]:
    """The networks of a pod, as they are called in labels."""
    found = [network.name for work in facts.members[root] for network in work.networks]
    return list(dict.fromkeys(names.label(name) for name in found))


def pod_labels(root: str, facts: Facts) -> Json:
    """The labels by which the policies know a pod."""
    found: Json = {f"{NETWORK}{name}": "attached" for name in attached(root, facts)}
    if found and f"{NETWORK}{DEFAULT_NETWORK}" not in found:
        found[APART] = "apart"
    return found


def objects(facts: Facts, around: Around) -> Iterator[Object]:
    """The policies of a project."""
    project = facts.project
    for root, works in facts.members.items():
        if works[0].namespaces.network == "none":
            spec: Json = {"podSelector": _these(root, facts, around), "policyTypes": ["Ingress", "Egress"]}
            yield Object(_policy(f"{facts.names[root]}-isolated", spec), works[0].place("networks"), root)
    if not isolated(project):
        return
    inside = any(spec.internal for spec in project.networks.values())
    used = {network.name for work in project.services for network in work.networks}
    for key, network in project.networks.items():
        if key in used:
            yield Object(_network(names.label(key), network.internal, inside, around), network.position)
    for root, works in facts.members.items():
        ports = [port for work in works for port in outside(work, around._replace(routed=lambda work, port: False))]
        if ports and attached(root, facts):
            numbers = dict.fromkeys((port.container, port.protocol.upper()) for port in ports)
            rule = {"ports": [{"port": number, "protocol": protocol} for number, protocol in numbers]}
            spec = {"podSelector": _these(root, facts, around), "policyTypes": ["Ingress"], "ingress": [rule]}
            yield Object(_policy(f"{facts.names[root]}-published", spec), ports[0].position, root)


def _network(name: str, internal: bool, some_internal: bool, around: Around) -> Json:
    pods: Json = {"matchLabels": {**of_app(around), f"{NETWORK}{name}": "attached"}}
    # what a package brings besides this file has no labels of networks, and is in the one that all have in common
    near: Json = {"matchExpressions": [{"key": APART, "operator": "DoesNotExist"}]} if name == DEFAULT_NETWORK else pods
    spec: Json = {"podSelector": pods, "policyTypes": ["Ingress"], "ingress": [{"from": [{"podSelector": near}]}]}
    if some_internal:
        spec["policyTypes"] = ["Ingress", "Egress"]
        spec["egress"] = [{"to": [{"podSelector": near}]}, {"ports": _DNS}] if internal else [{}]
    return _policy(f"network-{name}", spec)


def _these(root: str, facts: Facts, around: Around) -> Json:
    return {"matchLabels": labels(root, facts, around)}


def _policy(name: str, spec: Json) -> Json:
    return named(POLICY, names.label(name), VERSION, spec=spec)
