"""How an object that was applied is doing."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from atomicapp.model import Failed, Readiness, Ready, Resource, Waiting
from atomicapp.providers.kubernetes import pods as watching
from atomicapp.providers.kubernetes.client import Client
from atomicapp.providers.kubernetes.discovery import Discovery
from atomicapp.providers.kubernetes.observe import conditions, rows_of

Item = dict[str, Any]
Look = Callable[[str, Item], Readiness]
"""Takes the kind and the live object, whose `status` is a mapping."""

STEADY = 1.5
"""Seconds that pods must stay ready: most wrong commands end sooner, and a pod without a probe is ready at once."""

_GOOD = ("Ready", "Available", "Established", "Complete")


class Watch:
    """Remembers since when each workload was seen ready."""

    def __init__(self, client: Client, discovery: Discovery, namespace: str) -> None:
        self.client = client
        self.discovery = discovery
        self.namespace = namespace
        self.seen: dict[tuple[str, int], float] = {}

    def look(self, resource: Resource) -> Readiness:
        """One look. What has no notion of being ready is ready once it is made."""
        version = resource.body.get("apiVersion")
        # what `start` and `scale` wait for is known by its key only
        api = self.discovery.find(str(version), resource.kind) if version else self.discovery.of_key(resource.key)
        if api is None:
            return Waiting("the server does not list its kind yet")
        item = self.client.find(api.path(self.namespace, resource.name))
        if item is None:
            return Failed("is gone: someone else has removed it")
        status = item.get("status")
        if not isinstance(status, dict):
            item["status"] = status = {}
        look = self.looks().get((api.group, api.kind))
        if look is not None:
            return look(resource.kind, item)
        seen = int(status.get("observedGeneration") or 0)
        if seen and seen < int(item["metadata"].get("generation") or 0):
            return Waiting("its change is not seen yet")
        return _generic(item)

    def looks(self) -> dict[tuple[str, str], Look]:
        """How to look at a kind, by (group, kind); all others are looked at by their conditions."""
        return {
            ("apps", "Deployment"): self._replicas,
            ("apps", "StatefulSet"): self._replicas,
            ("apps", "ReplicaSet"): self._replicas,
            ("", "ReplicationController"): self._replicas,
            ("apps", "DaemonSet"): self._replicas,
            ("", "Pod"): self._pod,
            ("batch", "Job"): self._job,
            ("", "PersistentVolumeClaim"): self._claim,
            ("", "Service"): self._service,
        }

    # ------------------------------------------------------------ workloads

    def _replicas(self, kind: str, item: Item) -> Readiness:
        spec, status = item.get("spec") or {}, item["status"]
        generation = int(item["metadata"].get("generation") or 0)
        if int(status.get("observedGeneration") or 0) < generation:
            return Waiting("its change is not seen yet")
        if kind == "DaemonSet":
            wanted, ready = int(status.get("desiredNumberScheduled") or 0), int(status.get("numberReady") or 0)
            updated, there = int(status.get("updatedNumberScheduled") or 0), wanted
        else:
            wanted = int(spec.get("replicas", 1))
            ready, there = int(status.get("readyReplicas") or 0), int(status.get("replicas") or 0)
            updated = int(status.get("updatedReplicas") or 0)
        counts_updates = kind in ("Deployment", "StatefulSet", "DaemonSet")
        if kind == "StatefulSet" and (spec.get("updateStrategy") or {}).get("type") == "OnDelete":
            counts_updates = False
        done = ready >= wanted and there == wanted and (updated >= wanted or not counts_updates)
        failure = conditions(item).get("ReplicaFailure", {})
        if not done and failure.get("status") == "True":
            return Failed(f"its pods can't be made: {failure.get('message')}")
        found = watching.pods_of(self.client, self.namespace, kind, item)
        if done:
            return self.steady(item, found, wanted)
        found = watching.newest(self.client, self.namespace, kind, item, found)
        trouble = watching.trouble(self.client, self.namespace, found)
        if trouble is None and len(found) < wanted:
            refused = self._refused(item)
            if refused:
                return Failed(f"its pods can't be made: {refused}")
        return trouble or Waiting(f"{min(ready, wanted)} of {wanted} ready")

    def _refused(self, item: Item) -> str:
        """Why the controller can't make pods, where only its events tell."""
        uid = str(item["metadata"]["uid"])
        return watching.last_event(self.client, self.namespace, uid, ("FailedCreate",))

    def steady(self, item: Item, found: list[Item], wanted: int) -> Readiness:
        """Ready once the pods of a workload that has all of them stayed so for a while."""
        key = (str(item["metadata"]["uid"]), watching.restarts(found))
        now = time.monotonic()
        first = self.seen.setdefault(key, now)
        if wanted and now - first < STEADY:
            return Waiting("ready, for less than a second")
        return Ready(f"{wanted} of {wanted} ready" if wanted else "scaled to zero")

    def _pod(self, kind: str, item: Item) -> Readiness:
        phase = item["status"].get("phase")
        if phase == "Succeeded":
            return Ready("completed")
        if phase == "Failed":
            ended = watching.failed_pod(self.client, self.namespace, [item])
            return ended or Failed(f"has failed: {item['status'].get('message') or item['status'].get('reason') or ''}")
        if conditions(item).get("Ready", {}).get("status") == "True":
            return self.steady(item, [item], 1)
        return watching.trouble(self.client, self.namespace, [item]) or Waiting("its pod is being started")

    def _job(self, kind: str, item: Item) -> Readiness:
        found = conditions(item)
        if (item.get("spec") or {}).get("suspend"):
            return Ready("suspended")
        if found.get("Complete", {}).get("status") == "True":
            return Ready("completed")
        pods = watching.pods_of(self.client, self.namespace, kind, item)
        if found.get("Failed", {}).get("status") == "True":
            said = found["Failed"].get("message") or found["Failed"].get("reason")
            ended = watching.failed_pod(self.client, self.namespace, pods)
            return Failed(f"{ended.reason} ({said})", ended.log_tail) if ended else Failed(f"has failed: {said}")
        trouble = watching.trouble(self.client, self.namespace, pods)
        refused = "" if pods else self._refused(item)
        if refused:
            return Failed(f"its pods can't be made: {refused}")
        return trouble or Waiting("has not ended yet")

    # ------------------------------------------------------------ others

    def _claim(self, kind: str, item: Item) -> Readiness:
        phase = item["status"].get("phase")
        if phase == "Bound":
            return Ready("bound")
        if phase == "Lost":
            return Failed("has lost its volume")
        uid = str(item["metadata"]["uid"])
        if watching.last_event(self.client, self.namespace, uid, ("WaitForFirstConsumer",)):
            return Ready("gets its volume when a pod uses it")
        said = watching.last_event(self.client, self.namespace, uid, ("FailedBinding", "ProvisioningFailed"))
        return Waiting(f"no volume yet: {said}" if said else "no volume yet")

    def _service(self, kind: str, item: Item) -> Readiness:
        spec = item.get("spec") or {}
        if spec.get("type") != "LoadBalancer" or not spec.get("selector"):
            return Ready()
        inside = (item["status"].get("loadBalancer") or {}).get("ingress") or []
        path = f"/apis/discovery.k8s.io/v1/namespaces/{quote(self.namespace, safe='')}/endpointslices"
        query = {"labelSelector": f"kubernetes.io/service-name={item['metadata']['name']}"}
        slices = rows_of(self.client, path, query)
        ready = [
            end
            for found in slices
            for end in found.get("endpoints") or []
            if (end.get("conditions") or {}).get("ready") is not False
        ]
        if not ready:
            return Waiting("no pod that it leads to is ready")
        addresses = ", ".join(str(entry.get("ip") or entry.get("hostname")) for entry in inside)
        return Ready(addresses or "its pods are ready")


def _generic(item: Item) -> Readiness:
    """Any object: by its conditions where it has one that we know, else ready."""
    found = conditions(item)
    for name in _GOOD:
        if name in found:
            condition = found[name]
            if condition.get("status") == "True":
                return Ready(name.lower())
            return Waiting(f"not {name.lower()}: {condition.get('message') or condition.get('reason') or ''}")
    return Ready()
