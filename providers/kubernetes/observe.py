"""What the server holds of a deployment: one listing for each kind that can hold something of ours, side by side.

All kinds are listed, not only the wanted ones, so that what left the app is found without our files.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from atomicapp.errors import EngineError
from atomicapp.model import DATA, FAILED, OWNED, PLACE, PRESENT, RUNNING, SHARED, STOPPED, Existing, Resource
from atomicapp.providers import base
from atomicapp.providers.kubernetes import labels as marks
from atomicapp.providers.kubernetes import resting
from atomicapp.providers.kubernetes.client import PARALLEL, Client, Refused
from atomicapp.providers.kubernetes.discovery import Api, Discovery
from atomicapp.providers.kubernetes.resources import DEFINITION, NAMESPACE, POD, defines, group_of, key_of

Item = dict[str, Any]

LIFETIMES = (OWNED, DATA, SHARED, PLACE)
RESTS = "PodTemplate"
"""What `stop` keeps of a bare pod."""
_PAGE = "500"
_COUNTED = ("", "apps", "apps.openshift.io")
"""Groups whose workloads leave out readyReplicas where there are none; others may not know the word."""

_REPLACING = (("apps", "Deployment"), ("apps", "StatefulSet"), ("apps.openshift.io", "DeploymentConfig"))

METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
"""The form of an answer that brings names, labels and owners only."""
_ONLY_NAMES = frozenset((("", "Secret"), ("", "ConfigMap")))
"""Of these nothing else is looked at; their data, which may be large or secret, stays where it is."""


def observe(
    client: Client, discovery: Discovery, namespace: str, app: str, wanted: Sequence[Resource]
) -> tuple[Existing, ...]:
    """All that belongs to `app`, and those of `wanted` that are there and shared. See providers.base.Session."""
    known = _kinds(discovery, wanted)
    selector = f"{base.LABEL_APP}={marks.value(app)}"
    needed = {(api.group, api.kind) for api in known.values()}
    listed = list_all(client, discovery, namespace, selector, needed)
    found = _by_key(item for api, rows in listed for item in _ours(api, rows, app))
    absent = [resource for resource in wanted if resource.key not in found and resource.key in known]
    for shared in _present(client, namespace, app, absent, known):
        found[shared.key] = shared
    return tuple(found.values())


def observe_all(client: Client, discovery: Discovery, namespace: str) -> dict[str, tuple[Existing, ...]]:
    """All deployments of all namespaces, or of ours where more is forbidden."""
    try:
        listed = list_all(client, discovery, "", base.LABEL_APP, {("", "ConfigMap")})
    except Refused as refused:
        if refused.status != 403:
            raise
        listed = list_all(client, discovery, namespace, base.LABEL_APP, set())
    found: dict[str, list[Existing]] = {}
    for api, rows in listed:
        for row in rows:
            app = marks.owner(row)
            found.setdefault(app, []).extend(_ours(api, [row], app))
    return {app: tuple(_by_key(items).values()) for app, items in sorted(found.items()) if items}


def _by_key(items: Iterable[Existing]) -> dict[str, Existing]:
    """Things by key; a pod goes before what a `stop` that was interrupted has kept of it."""
    found: dict[str, Existing] = {}
    for item in items:
        if item.state != STOPPED or item.key not in found:
            found[item.key] = item
    return found


def list_all(
    client: Client, discovery: Discovery, namespace: str, selector: str, needed: set[tuple[str, str]]
) -> list[tuple[Api, list[Item]]]:
    """What a selector selects of every kind. A kind that we may not list is passed over unless it is `needed`."""

    def one(api: Api) -> tuple[Api, list[Item]]:
        try:
            accept = METADATA if (api.group, api.kind) in _ONLY_NAMES else "application/json"
            return api, rows_of(client, _collection(api, namespace), {"labelSelector": selector}, accept)
        except Refused as refused:
            # 404, 405, 503: a kind that went since it was discovered, or whose own server does not answer
            if refused.status == 403 and (api.group, api.kind) not in needed:
                return api, []
            if refused.status in (404, 405, 503):
                return api, []
            raise

    with ThreadPoolExecutor(PARALLEL, thread_name_prefix="list") as pool:
        return list(pool.map(one, discovery.listable()))


def rows_of(client: Client, path: str, query: Mapping[str, str], accept: str = "application/json") -> list[Item]:
    """The items of a listing, page by page."""
    rows: list[Item] = []
    ask = {**query, "limit": _PAGE}
    while True:
        answer = client.get(path, ask, accept=accept)
        rows += [row for row in answer.get("items") or [] if isinstance(row, dict)]
        more = (answer.get("metadata") or {}).get("continue")
        if not more:
            return rows
        ask = {**ask, "continue": str(more)}


def _collection(api: Api, namespace: str) -> str:
    """The path of a kind in one namespace, or in all when there is none."""
    return api.path(namespace) if namespace else api._replace(namespaced=False).path("")


# ---------------------------------------------------------------- wanted


def _kinds(discovery: Discovery, wanted: Sequence[Resource]) -> dict[str, Api]:
    """How each wanted resource is reached, by key; what the app itself defines may be absent still."""
    own = {defines(resource.body) for resource in wanted if resource.kind == DEFINITION}
    known: dict[str, Api] = {}
    for resource in wanted:
        version = str(resource.body["apiVersion"])
        api = discovery.find(version, resource.kind)
        if api is not None:
            known[resource.key] = api
        elif (group_of(version), resource.kind) not in own:
            raise unknown(discovery, resource)
    return known


def unknown(discovery: Discovery, resource: Resource) -> EngineError:
    """The server knows no such kind: which ones it knows instead."""
    from difflib import get_close_matches

    version, kind = resource.body["apiVersion"], resource.kind
    others = discovery.others(kind)
    near = get_close_matches(kind, sorted({api.kind for api in discovery.apis}), 1)
    if others:
        hint = f"it knows {kind} in {', '.join(others)}: correct apiVersion"
    elif near:
        hint = f"did you mean {near[0]}?"
    else:
        hint = "install what defines it (an operator, a CustomResourceDefinition) first"
    return EngineError(
        f"{resource.component}: the server knows no kind {kind} in apiVersion {version}",
        component=resource.component,
        position=resource.position,
        hint=hint,
    )


def _present(
    client: Client, namespace: str, app: str, absent: Sequence[Resource], known: Mapping[str, Api]
) -> list[Existing]:
    """What is named like a wanted resource and not ours: shared where that can be, else an EngineError. One listing of
    names for each kind."""
    found = []
    names: dict[Api, dict[str, Item]] = {}
    for resource in absent:
        api = known[resource.key]
        if api not in names:
            rows = rows_of(client, api.path(namespace), {}, accept=METADATA)
            names[api] = {str(row["metadata"]["name"]): row for row in rows}
        row = names[api].get(resource.name)
        if row is None:
            continue
        if resource.kind not in (NAMESPACE, DEFINITION):
            raise foreign(resource, marks.owner(row))
        order, uid = resource.order, str(row["metadata"].get("uid", ""))
        found.append(
            Existing(
                resource.key, resource.component, resource.kind, resource.name, "", PRESENT, order=order,
                lifetime=SHARED, id=uid,
            )
        )  # fmt: skip
    return found


def foreign(resource: Resource, owner: str) -> EngineError:
    """A thing of that name is there and not ours."""
    whose = f"it belongs to the deployment '{owner}'" if owner else "it was not made by Atomic App"
    return EngineError(
        f"{resource.component}: a {resource.kind} named '{resource.name}' is there already, and {whose}",
        component=resource.component,
        position=resource.position,
        hint="give one of them another name, run in another namespace, or remove the old one",
    )


# ---------------------------------------------------------------- rows


def _ours(api: Api, rows: Sequence[Item], app: str) -> list[Existing]:
    return [existing for row in rows if (existing := _existing(api, row, app)) is not None]


def _existing(api: Api, row: Item, app: str) -> Existing | None:
    metadata = row.get("metadata") or {}
    found = marks.notes(row)
    version = f"{api.group}/{api.version}" if api.group else api.version
    kind, name = _shown(api, str(metadata.get("name", "")), found.get(base.LABEL_KEY, ""))
    key = key_of(version, kind, name)
    # controllers copy labels to what they make (Endpoints, EndpointSlices), but then the key is another's
    if marks.owner(row) != app or found.get(base.LABEL_KEY) not in (key, marks.ANY):
        return None
    state, detail = state_of(api, row) if kind == api.kind else (STOPPED, "stopped")
    lifetime = found.get(base.LABEL_LIFETIME, OWNED)
    return Existing(
        key,
        found.get(base.LABEL_COMPONENT, ""),
        kind,
        name,
        # what is on its way out does not count as there: it is made anew
        "" if metadata.get("deletionTimestamp") else found.get(base.LABEL_HASH, ""),
        state,
        detail,
        marks.number(found, base.LABEL_ORDER),
        lifetime if lifetime in LIFETIMES else OWNED,
        str(metadata.get("uid", "")),
        _image(row),
        _ports(api, row),
        marks.number(found, base.LABEL_REVISION),
        replicas=_replicas(api, row),
        ready=_is_ready(api, row),
    )


def _shown(api: Api, name: str, noted: str) -> tuple[str, str]:
    """The kind and the name of what a live object stands for: itself, or the bare pod that rests in it."""
    pod = noted.removeprefix(f"{POD}/")
    if (api.group, api.kind) == ("", RESTS) and name == resting.resting_name(pod):
        return POD, pod
    return api.kind, name


def _replicas(api: Api, row: Item) -> int | None:
    """How many are wanted of what has a count where nearly all kinds have it."""
    count = (row.get("spec") or {}).get("replicas") if api.scales else None
    return count if isinstance(count, int) else None


def conditions(row: Item) -> dict[str, Item]:
    """The conditions of an object by type."""
    status = row.get("status")
    found = status.get("conditions") if isinstance(status, dict) else None
    return {str(item.get("type")): item for item in found or [] if isinstance(item, dict)}


def runs(api: Api) -> bool:
    """Whether objects of a kind run: what has a count of replicas, and the kinds that end by themselves."""
    return api.scales or (api.group, api.kind) in (
        ("", "Pod"),
        ("apps", "DaemonSet"),
        ("batch", "Job"),
        ("batch", "CronJob"),
    )


def state_of(api: Api, row: Item) -> tuple[str, str]:
    """The state of a live object, and a few words on it."""
    status = row.get("status") or {}
    if not runs(api):
        return PRESENT, str(status.get("phase", "")) if isinstance(status, dict) else ""
    if resting.is_stopped(row):
        return STOPPED, "stopped"
    found = conditions(row)
    for name, bad in (("Failed", "True"), ("ReplicaFailure", "True"), ("Progressing", "False")):
        if found.get(name, {}).get("status") == bad:
            return FAILED, str(found[name].get("message") or found[name].get("reason") or name)
    if api.kind == "Pod":
        phase = str(status.get("phase", ""))
        if phase == "Failed":
            return FAILED, phase
        return RUNNING, phase
    if api.kind == "Job":
        return RUNNING, "complete" if found.get("Complete", {}).get("status") == "True" else "running"
    counts, old = _counts(api, row), _not_updated(api, row)
    return RUNNING, (f"{counts[0]} of {counts[1]} ready" if counts else "") + (
        f", {old} of them outdated" if old else ""
    )


def _counts(api: Api, row: Item) -> tuple[int, int] | None:
    """How many replicas are ready, and how many are wanted; None for a kind that does not tell."""
    status, spec = row.get("status") or {}, row.get("spec") or {}
    wanted = status.get("desiredNumberScheduled", spec.get("replicas"))
    ready = status.get("numberReady", status.get("readyReplicas", 0 if api.group in _COUNTED else None))
    return None if wanted is None or ready is None else (int(ready), int(wanted))


def _not_updated(api: Api, row: Item) -> int:
    """How many pods are still made from an earlier version, of the kinds that replace them by themselves."""
    status, spec = row.get("status") or {}, row.get("spec") or {}
    if (spec.get("updateStrategy") or {}).get("type") == "OnDelete":
        return 0
    if (api.group, api.kind) == ("apps", "DaemonSet"):
        return int(status.get("desiredNumberScheduled") or 0) - int(status.get("updatedNumberScheduled") or 0)
    if (api.group, api.kind) in _REPLACING:
        return int(status.get("replicas") or 0) - int(status.get("updatedReplicas") or 0)
    return 0


def _is_ready(api: Api, row: Item) -> bool:
    """Whether a thing that runs does its work, as far as its own fields tell."""
    if (api.group, api.kind) == ("", "Pod"):
        ended = (row.get("status") or {}).get("phase") in ("Succeeded", "Failed")
        return ended or conditions(row).get("Ready", {}).get("status") == "True"
    counts = _counts(api, row) if runs(api) else None
    return counts is None or (counts[0] >= counts[1] and not _not_updated(api, row))


def _image(row: Item) -> str:
    spec = row.get("spec")
    inner = ((spec.get("template") or {}).get("spec") or spec) if isinstance(spec, dict) else {}
    containers = inner.get("containers") if isinstance(inner, dict) else None
    return ", ".join(str(item.get("image", "")) for item in containers or [] if isinstance(item, dict))


def address_of_route(row: Item) -> str:
    """What a user opens to reach OpenShift's Route; empty before it has a host."""
    spec, status = row.get("spec") or {}, row.get("status") or {}
    hosts = [str(ingress["host"]) for ingress in status.get("ingress") or [] if ingress.get("host")]
    host = hosts[0] if hosts else str(spec.get("host") or "")
    return f"{'https' if spec.get('tls') else 'http'}://{host}{spec.get('path') or ''}" if host else ""


def _ports(api: Api, row: Item) -> tuple[str, ...]:
    if (api.group, api.kind) == ("route.openshift.io", "Route"):
        address = address_of_route(row)
        return (address,) if address else ()
    if (api.group, api.kind) != ("", "Service"):
        return ()
    spec = row.get("spec") or {}
    return tuple(
        f"{spec.get('clusterIP', '')}:{port.get('port')}"
        + (f" (node port {port['nodePort']})" if port.get("nodePort") else "")
        for port in spec.get("ports") or []
    )
