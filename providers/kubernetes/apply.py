"""Carry out single steps: the only writer of this provider. Every step may be repeated."""

from __future__ import annotations

import time
from typing import Any

from atomicapp.errors import EngineError
from atomicapp.model import CREATE, DELETE, KEEP, REPLACE, START, STOP, UPDATE, Existing, Resource, Step
from atomicapp.providers.base import Report
from atomicapp.providers.kubernetes import labels as marks
from atomicapp.providers.kubernetes.client import APPLY, MERGE, Client, Refused
from atomicapp.providers.kubernetes.discovery import Api, Discovery
from atomicapp.providers.kubernetes.observe import conditions, foreign, list_all, unknown
from atomicapp.providers.kubernetes.reasons import MANAGER, conflicts, explain
from atomicapp.providers.kubernetes.resources import DEFINITION, NAMESPACE

GONE = 300.0
"""Seconds until something that was deleted must be gone; pods may take their grace period."""
ESTABLISHED = 60.0
STOPPED_WITHIN = 120.0
_SUSPENDED = "suspended"


def patch(client: Client, api: Api, namespace: str, body: dict[str, Any], *, dry: bool = False) -> dict[str, Any]:
    """Server-side apply; returns the object as it then is. Refused with the fields that others own.

    What only this program owns by another of its calls (the count that `stop` set) is taken back.
    """
    query = {"fieldManager": MANAGER}
    if dry:
        query["dryRun"] = "All"
    path = api.path(namespace, str(body["metadata"]["name"]))
    try:
        found = client.call("PATCH", path, query, body, APPLY)
    except Refused as refused:
        owners = {owner for owner, _ in conflicts(refused)}
        if refused.status != 409 or not owners or any(owner.split(" ")[0] != MANAGER for owner in owners):
            raise
        found = client.call("PATCH", path, {**query, "force": "true"}, body, APPLY)
    return dict(found)


def apply(
    client: Client, discovery: Discovery, namespace: str, step: Step, app: str, revision: int, report: Report
) -> None:
    """Carry out one step. EngineError with the cause in plain words."""
    try:
        _Applier(client, discovery, namespace, app, revision, report).apply(step)
    except Refused as refused:
        raise explain(step, refused, client.access.server) from refused


class _Applier:
    def __init__(
        self, client: Client, discovery: Discovery, namespace: str, app: str, revision: int, report: Report
    ) -> None:
        self.client = client
        self.discovery = discovery
        self.namespace = namespace
        self.app = app
        self.revision = revision
        self.report = report

    def apply(self, step: Step) -> None:
        resource, existing = step.resource, step.existing
        if step.op in (CREATE, UPDATE) and resource is not None:
            self._make(resource)
        elif step.op == REPLACE and resource is not None and existing is not None:
            self._delete(existing)
            self._make(resource)
        elif step.op == DELETE and existing is not None:
            self._delete(existing)
        elif step.op == START and existing is not None:
            self._start(existing, resource)
        elif step.op == STOP and existing is not None:
            self._stop(existing)
        elif step.op != KEEP:
            raise EngineError(f"the kubernetes provider can't {step.op} a {step.kind}", component=step.component)

    # ------------------------------------------------------------ make

    def _make(self, resource: Resource) -> None:
        api = self._api(resource)
        path = api.path(self.namespace, resource.name)
        there = self.client.find(path)
        if there is not None and (there.get("metadata") or {}).get("deletionTimestamp"):
            self._until_gone(path, "", resource.kind, resource.name)
            there = None
        if there is not None and marks.owner(there) != self.app:
            # made by another since we looked
            raise foreign(resource, marks.owner(there))
        made = patch(self.client, api, self.namespace, marks.marked(resource, self.app, self.revision))
        if marks.REPLICAS in marks.notes(made):
            self._bring_back(api, made)
        if resource.kind == DEFINITION:
            self._until_established(path, resource)

    def _api(self, resource: Resource) -> Api:
        version = str(resource.body["apiVersion"])
        api = self.discovery.find(version, resource.kind)
        if api is None:
            self.discovery.refresh()
            api = self.discovery.find(version, resource.kind)
        if api is None:
            raise unknown(self.discovery, resource)
        return api

    def _until_established(self, path: str, resource: Resource) -> None:
        """Objects of a new kind can be made once the server says so and lists it."""
        end = time.monotonic() + ESTABLISHED
        while time.monotonic() < end:
            found = conditions(self.client.get(path))
            if found.get("Established", {}).get("status") == "True":
                self.discovery.refresh()
                spec = resource.body.get("spec") or {}
                served = [version for version in spec.get("versions") or [] if version.get("served", True)]
                kind = str((spec.get("names") or {}).get("kind"))
                if all(self.discovery.find(f"{spec.get('group')}/{version['name']}", kind) for version in served):
                    return
            refused = found.get("NamesAccepted", {})
            if refused.get("status") == "False":
                raise EngineError(
                    f"{resource.component}: the definition {resource.name} is not accepted: {refused.get('message')}",
                    component=resource.component,
                    position=resource.position,
                    hint="another definition has these names already",
                )
            time.sleep(0.1)
        raise EngineError(
            f"{resource.component}: the definition {resource.name} is not established after {ESTABLISHED:g} s",
            component=resource.component,
            position=resource.position,
        )

    # ------------------------------------------------------------ delete

    def _live(self, existing: Existing) -> tuple[Api, str, dict[str, Any] | None]:
        """How an existing thing is reached, and the live object if it is still the same and ours."""
        group, _, rest = existing.key.rpartition(f"/{existing.kind}/")
        if not rest:
            group = ""
        api = next((a for a in self.discovery.apis if (a.group, a.kind) == (group, existing.kind)), None)
        if api is None:
            # its definition is gone, and it with it
            return Api(group, "", existing.kind, "", True, frozenset(), frozenset()), "", None
        path = api.path(self.namespace, existing.name)
        found = self.client.find(path)
        if found is None or marks.owner(found) != self.app:
            return api, path, None
        if existing.id and (found.get("metadata") or {}).get("uid") != existing.id:
            return api, path, None
        return api, path, dict(found)

    def _delete(self, existing: Existing) -> None:
        _, path, live = self._live(existing)
        if live is None:
            return
        if existing.kind == NAMESPACE and self._others(existing):
            return
        uid = str((live.get("metadata") or {}).get("uid", ""))
        body = {"propagationPolicy": "Foreground", "preconditions": {"uid": uid}}
        try:
            self.client.call("DELETE", path, body={"kind": "DeleteOptions", "apiVersion": "v1", **body})
        except Refused as refused:
            if refused.status not in (404, 409):
                raise
        self._until_gone(path, uid, existing.kind, existing.name)

    def _others(self, existing: Existing) -> bool:
        """Whether a namespace holds what is not ours to remove: others' objects, or data that is kept."""
        for api, rows in list_all(self.client, self.discovery, existing.name, "", set()):
            if not api.namespaced or api.kind in ("Endpoints", "EndpointSlice"):
                continue
            for row in rows:
                name = str(row["metadata"]["name"])
                made_by_itself = (api.kind, name) in (("ServiceAccount", "default"), ("ConfigMap", "kube-root-ca.crt"))
                if not made_by_itself and not row["metadata"].get("ownerReferences"):
                    self.report(existing.key, f"the namespace {existing.name} is kept: it holds {api.kind} {name}")
                    return True
        return False

    def _until_gone(self, path: str, uid: str, kind: str, name: str) -> None:
        end, pause = time.monotonic() + GONE, 0.05
        while True:
            found = self.client.find(path)
            metadata = (found or {}).get("metadata") or {}
            if found is None or (uid and metadata.get("uid") != uid):
                return
            if time.monotonic() > end:
                holders = ", ".join(metadata.get("finalizers") or []) or "nothing known"
                raise EngineError(
                    f"the {kind} {name} is not gone after {GONE:g} s: waited for by {holders}",
                    hint="see what keeps it (its finalizers), and run the same command again",
                )
            time.sleep(pause)
            pause = min(pause * 1.5, 1.0)

    # ------------------------------------------------------------ stop and start

    def _stop(self, existing: Existing) -> None:
        api, path, live = self._live(existing)
        if live is None:
            return
        if not api.scales:
            if (api.group, api.kind) in (("batch", "Job"), ("batch", "CronJob")):
                self._merge(
                    path, {"metadata": {"annotations": {marks.REPLICAS: _SUSPENDED}}, "spec": {"suspend": True}}
                )
            else:
                self.report(existing.key, f"{api.kind} {existing.name} keeps running: it can only be removed")
            return
        scale = self.client.get(f"{path}/scale")
        count = int((scale.get("spec") or {}).get("replicas") or 0)
        if count or marks.REPLICAS not in marks.notes(live):
            self._merge(path, {"metadata": {"annotations": {marks.REPLICAS: str(count)}}})
            self._scale(path, 0)
        end = time.monotonic() + STOPPED_WITHIN
        while time.monotonic() < end:
            scale = self.client.get(f"{path}/scale")
            if not (scale.get("status") or {}).get("replicas"):
                return
            time.sleep(0.1)

    def _start(self, existing: Existing, resource: Resource | None) -> None:
        api, _, live = self._live(existing)
        if live is None:
            if resource is not None:
                self._make(resource)
            return
        if marks.REPLICAS in marks.notes(live):
            self._bring_back(api, live)
        elif resource is not None and not api.scales:
            # a job or a pod that has failed runs again only when it is made anew
            self._delete(existing)
            self._make(resource)

    def _bring_back(self, api: Api, live: dict[str, Any]) -> None:
        path = api.path(self.namespace, str(live["metadata"]["name"]))
        remembered = marks.notes(live)[marks.REPLICAS]
        spec = live.get("spec") or {}
        if remembered == _SUSPENDED:
            self._merge(path, {"spec": {"suspend": False}})
        elif spec.get("replicas") == 0:
            self._scale(path, marks.number({"n": remembered}, "n"))
        self._merge(path, {"metadata": {"annotations": {marks.REPLICAS: None}}})

    def _scale(self, path: str, count: int) -> None:
        self._merge(f"{path}/scale", {"spec": {"replicas": count}})

    def _merge(self, path: str, body: dict[str, Any]) -> None:
        self.client.call("PATCH", path, {"fieldManager": MANAGER}, body, MERGE)
