"""Where pods may run and how they are spread over nodes."""

import re

from atomicapp.providers.kubernetes.writer import names
from atomicapp.providers.kubernetes.writer.around import Json, said
from atomicapp.providers.kubernetes.writer.facts import DAEMON_SET, DEPLOYMENT
from atomicapp.records import NamedTuple
from atomicapp.workload.model import Workload

HOSTNAME = "kubernetes.io/hostname"
_CONTROL_PLANE = "node-role.kubernetes.io/control-plane"
_CONSTRAINT = re.compile(r"\s*([\w.\-/]+)\s*(==|!=)\s*(.*?)\s*", re.ASCII)
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i386": "386"}
_KEYS = {"node.hostname": HOSTNAME, "node.platform.os": "kubernetes.io/os", "node.platform.arch": "kubernetes.io/arch"}


class Constraint(NamedTuple):
    """A condition on the labels of a node."""

    key: str
    operator: str
    value: str = ""


def constraint(text: str) -> Constraint | None:
    """One of Swarm's constraints; None for what no node of Kubernetes tells."""
    match = _CONSTRAINT.fullmatch(text)
    if not match:
        return None
    name, sign, value = match.groups()
    operator = "In" if sign == "==" else "NotIn"
    if name == "node.role":
        # the nodes of the control plane take no workloads, so that nothing would run
        wanted = (value == "worker") == (sign == "==")
        return Constraint(_CONTROL_PLANE, "DoesNotExist") if wanted and value in ("worker", "manager") else None
    if name in _KEYS:
        return Constraint(_KEYS[name], operator, _ARCHITECTURES.get(value, value) if name.endswith("arch") else value)
    key = name.removeprefix("node.labels.")
    return Constraint(key, operator, value) if key != name and names.is_qualified(key) else None


def spread_key(text: str) -> str:
    """The label of nodes that a preference spreads over; "" for one that Kubernetes' nodes don't have."""
    key = text.strip().removeprefix("node.labels.")
    if text.strip() in _KEYS:
        return _KEYS[text.strip()]
    return key if key != text.strip() and names.is_qualified(key) else ""


def platform(text: str) -> Json:
    """`linux/arm64/v8` as labels of nodes; the variant is no label."""
    system, _, rest = text.partition("/")
    arch = rest.partition("/")[0]
    if not rest and system not in ("linux", "windows"):
        system, arch = "", system
    found = {"kubernetes.io/os": system, "kubernetes.io/arch": _ARCHITECTURES.get(arch, arch)}
    return {name: value for name, value in found.items() if value}


def of_pod(work: Workload, together: list[str], selector: Json) -> Json:
    """nodeSelector, affinity and topologySpreadConstraints. `together` are the labels of pods that it must be beside."""
    rules = work.scheduling
    if not (together or rules.constraints or rules.spread or rules.max_per_node or work.platform):
        return {}
    wanted = [found for text in rules.constraints for found in [constraint(text)] if found]
    simple = {item.key: item.value for item in wanted if item.operator == "In"}
    expressions = [
        said(key=item.key, operator=item.operator, values=[item.value] if item.value else [])
        for item in wanted
        if item.operator != "In" or simple[item.key] != item.value
    ]
    spread: list[Json] = [
        {"maxSkew": 1, "topologyKey": key, "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": selector}
        for text in rules.spread
        for key in [spread_key(text)]
        if key
    ]
    affinity: Json = {}
    if expressions:
        terms = [{"matchExpressions": expressions}]
        affinity["nodeAffinity"] = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
    if together:
        affinity["podAffinity"] = _required([{"matchLabels": {name: "mounted"}} for name in together])
    if rules.max_per_node == 1:
        affinity["podAntiAffinity"] = _required([selector])
    elif rules.max_per_node > 1:
        spread.append(
            {
                "maxSkew": rules.max_per_node,
                "topologyKey": HOSTNAME,
                "whenUnsatisfiable": "DoNotSchedule",
                "labelSelector": selector,
            }
        )
    return said(nodeSelector={**platform(work.platform), **simple}, affinity=affinity, topologySpreadConstraints=spread)


def _required(selectors: list[Json]) -> Json:
    terms = [{"labelSelector": selector, "topologyKey": HOSTNAME} for selector in selectors]
    return {"requiredDuringSchedulingIgnoredDuringExecution": terms}


def surges(work: Workload, kind: str) -> bool:
    """Whether a new pod may come up beside the old one: not where they would need one port of a node, or one place."""
    fixed = any(port.mode == "host" and port.host for port in work.ports)
    host = work.namespaces.network == "host" and bool(work.ports or work.exposed)
    return kind in (DEPLOYMENT, DAEMON_SET) and not fixed and not host and work.scheduling.max_per_node == 0
