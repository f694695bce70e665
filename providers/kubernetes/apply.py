"""Carry out single steps: the only writer of this provider. Every step may be repeated."""

from __future__ import annotations

import time
from typing import Any

from atomicapp.errors import EngineError, Kept
from atomicapp.model import CREATE, DELETE, KEEP, REPLACE, SCALE, START, STOP, UPDATE, Existing, Resource, Step
from atomicapp.providers.base import Report
from atomicapp.providers.kubernetes import labels as marks
from atomicapp.providers.kubernetes.client import APPLY, Client, Refused
from atomicapp.providers.kubernetes.discovery import Api, Discovery
from atomicapp.providers.kubernetes.observe import METADATA, conditions, foreign, list_all, rows_of, unknown
from atomicapp.providers.kubernetes.reasons import MANAGER, conflicts, explain
from atomicapp.providers.kubernetes.resources import DEFINITION, NAMESPACE, POD, defines
from atomicapp.providers.kubernetes.scaling import Scaler

GONE = 300.0
"""Seconds until something that was deleted must be gone; pods may take their grace period."""
ESTABLISHED = 60.0

_MADE_BY_ITSELF = {
    "ServiceAccount": ("default", "builder", "deployer"),
    "ConfigMap": ("kube-root-ca.crt", "openshift-service-ca.crt"),
}
_OF_ACCOUNTS = "kubernetes.io/service-account.name"
"""The annotation of Secrets that are made for accounts: tokens, and OpenShift's credentials of its registry."""


def patch(
    client: Client, api: Api, namespace: str, body: dict[str, Any], *, dry: bool = False, force: bool = False
) -> dict[str, Any]:
    """Server-side apply; returns the object as it then is. Refused with the fields that others own, unless `force`d.

    What only this program owns by another of its calls (the count that `stop` set) is taken back.
    """
    query = {"fieldManager": MANAGER}
    if dry:
        query["dryRun"] = "All"
    if force:
        query["force"] = "true"
    path = api.path(namespace, str(body["metadata"]["name"]))
    try:
        found = client.call("PATCH", path, query, body, APPLY)
    except Refused as refused:
        owners = {owner for owner, _ in conflicts(refused)}
        if refused.status != 409 or not owners or any(owner.split(" ")[0] != MANAGER for owner in owners):
            raise
        found = client.call("PATCH", path, {**query, "force": "true"}, body, APPLY)
    return dict(found)


class Applier:
    """Carries out the steps of one deployment; `force` takes fields from other managers."""

    def __init__(
        self,
        client: Client,
        discovery: Discovery,
        namespace: str,
        app: str,
        revision: int,
        report: Report,
        *,
        force: bool = False,
    ) -> None:
        self.client = client
        self.discovery = discovery
        self.namespace = namespace
        self.scaler = Scaler(client, namespace)
        self.force = force
        self.app = app
        self.revision = revision
        self.report = report

    def apply(self, step: Step) -> None:
        """Carry out one step. EngineError with the cause in plain words; Kept when the thing is left as it is."""
        try:
            self._apply(step)
        except Refused as refused:
            raise explain(step, refused, self.client.access.server) from refused

    def _apply(self, step: Step) -> None:
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
        elif step.op == SCALE and existing is not None and step.replicas is not None:
            self._scale(existing, step.replicas)
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
        made = patch(
            self.client, api, self.namespace, marks.marked(resource, self.app, self.revision), force=self.force
        )
        if marks.REPLICAS in marks.notes(made):
            self.scaler.bring_back(api, made)
        if resource.kind == POD:
            self.scaler.forget(resource.name)
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
        api = self.discovery.of_key(existing.key)
        if api is None:
            # its definition is gone, and it with it
            return Api("", "", existing.kind, "", True, frozenset(), frozenset()), "", None
        path = api.path(self.namespace, existing.name)
        found = self.client.find(path)
        if found is None or marks.owner(found) != self.app:
            return api, path, None
        if existing.id and (found.get("metadata") or {}).get("uid") != existing.id:
            return api, path, None
        return api, path, dict(found)

    def _delete(self, existing: Existing) -> None:
        _, path, live = self._live(existing)
        if existing.kind == POD:
            self.scaler.forget(existing.name)
        if live is None:
            return
        others = ""
        if existing.kind == NAMESPACE:
            others = self._others(existing)
        elif existing.kind == DEFINITION:
            others = self._objects_of_others(live)
        if others:
            raise Kept(f"it holds {others}")
        uid = str((live.get("metadata") or {}).get("uid", ""))
        body = {"propagationPolicy": "Foreground", "preconditions": {"uid": uid}}
        try:
            self.client.call("DELETE", path, body={"kind": "DeleteOptions", "apiVersion": "v1", **body})
        except Refused as refused:
            if refused.status not in (404, 409):
                raise
        self._until_gone(path, uid, existing.kind, existing.name)

    def _others(self, existing: Existing) -> str:
        """What a namespace holds that is not ours to remove: an object of others, or data that is kept."""
        for api, rows in list_all(self.client, self.discovery, existing.name, "", set()):
            if not api.namespaced or api.kind in ("Endpoints", "EndpointSlice"):
                continue
            for row in rows:
                name = str(row["metadata"]["name"])
                by_itself = name in _MADE_BY_ITSELF.get(api.kind, ()) or _OF_ACCOUNTS in marks.notes(row)
                by_itself = by_itself or (api.kind == "RoleBinding" and name.startswith("system:"))
                if not by_itself and not row["metadata"].get("ownerReferences"):
                    return f"{api.kind} {name}"
        return ""

    def _objects_of_others(self, definition: dict[str, Any]) -> str:
        """An object of a kind that the app defines which another made: it would go with the definition."""
        group, kind = defines(definition)
        api = self.discovery.of_kind(group, kind)
        if api is None:
            return ""
        for row in rows_of(self.client, api._replace(namespaced=False).path(""), {}, accept=METADATA):
            if marks.owner(row) != self.app:
                space = row["metadata"].get("namespace")
                return f"{kind} {row['metadata']['name']}" + (f" of the namespace {space}" if space else "")
        return ""

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
        if live is not None:
            self.scaler.stop(api, path, live, existing)

    def _start(self, existing: Existing, resource: Resource | None) -> None:
        api, _, live = self._live(existing)
        if live is None:
            if resource is not None:
                self._make(resource)
            elif existing.kind == POD:
                self.scaler.wake(api, existing.name)
            return
        if marks.REPLICAS in marks.notes(live):
            self.scaler.bring_back(api, live)
        elif resource is not None and not api.scales:
            # a job or a pod that has failed runs again only when it is made anew
            self._delete(existing)
            self._make(resource)

    def _scale(self, existing: Existing, count: int) -> None:
        _, path, live = self._live(existing)
        if live is None:
            raise EngineError(
                f"{existing.component}: {existing.kind} {existing.name} is gone", component=existing.component
            )
        self.scaler.scale(path, count)
