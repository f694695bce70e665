"""Counts of replicas, and how things stop that have none: the writes behind `scale`, `stop` and `start`.

What stops remembers by the annotation `labels.REPLICAS` what `start` brings back: a count, or the word `suspended`.
A bare pod can't rest, so `stop` puts what we applied of it into a PodTemplate, which nothing acts on, and removes it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from atomicapp.errors import EngineError
from atomicapp.model import Existing
from atomicapp.providers.kubernetes import labels as marks
from atomicapp.providers.kubernetes import managed, pods
from atomicapp.providers.kubernetes.client import APPLY, MERGE, Client, Refused
from atomicapp.providers.kubernetes.discovery import Api
from atomicapp.providers.kubernetes.reasons import MANAGER
from atomicapp.providers.kubernetes.resting import NOWHERE, SUSPENDED, resting_name, selector

STOPPED_WITHIN = 90.0
"""Seconds for the pods to go, beyond their grace period; after that `stop` says what is still there."""

Item = dict[str, Any]


class Scaler:
    """Writes counts. Every call may be repeated."""

    def __init__(self, client: Client, namespace: str) -> None:
        self.client = client
        self.namespace = namespace

    def count(self, path: str) -> int:
        """How many replicas are wanted."""
        scale = self.client.get(f"{path}/scale")
        return int((scale.get("spec") or {}).get("replicas") or 0)

    def scale(self, path: str, count: int) -> None:
        self._merge(f"{path}/scale", {"spec": {"replicas": count}})

    def stop(self, api: Api, path: str, live: Item, existing: Existing) -> None:
        """Bring a thing to rest and wait until its pods are gone."""
        if api.scales:
            count = self.count(path)
            if count or marks.REPLICAS not in marks.notes(live):
                self._note(path, str(count))
                self.scale(path, 0)
            self._until(f"{path}/scale", _replicas, live, existing)
            # most controllers don't count a pod any more that is told to end
            self._until(path, lambda found: found and pods.ending(self.client, self.namespace, found), live, existing)
        elif (api.group, api.kind) in (("batch", "Job"), ("batch", "CronJob")):
            self._note(path, SUSPENDED, {"spec": {"suspend": True}})
        elif (api.group, api.kind) == ("apps", "DaemonSet"):
            nowhere = {"template": {"spec": {"nodeSelector": {NOWHERE: "true"}}}}
            self._note(path, SUSPENDED, {"spec": nowhere})
            self._until(path, _scheduled, live, existing)
        elif (api.group, api.kind) == ("", "Pod"):
            self._rest(api, live, existing)
        else:
            raise EngineError(
                f"{existing.component}: a {api.kind} can't be stopped, only removed", component=existing.component
            )

    def bring_back(self, api: Api, live: Item) -> None:
        """As many as there were before `stop`."""
        path = api.path(self.namespace, str(live["metadata"]["name"]))
        remembered = marks.notes(live)[marks.REPLICAS]
        spec = live.get("spec") or {}
        if remembered != SUSPENDED:
            if spec.get("replicas") == 0:
                self.scale(path, marks.number({"n": remembered}, "n"))
        elif NOWHERE in selector(spec):
            self._merge(path, {"spec": {"template": {"spec": {"nodeSelector": {NOWHERE: None}}}}})
        else:
            self._merge(path, {"spec": {"suspend": False}})
        self._merge(path, {"metadata": {"annotations": {marks.REPLICAS: None}}})

    # ------------------------------------------------------------ pods

    def _rest(self, api: Api, live: Item, existing: Existing) -> None:
        name = str(live["metadata"]["name"])
        ours = managed.applied(live, MANAGER)
        metadata = ours.get("metadata") or {}
        notes = metadata.get("annotations") or {}
        body = {
            "apiVersion": "v1",
            "kind": "PodTemplate",
            "metadata": {
                "name": resting_name(name),
                "labels": {key: value for key, value in (metadata.get("labels") or {}).items() if marks.is_ours(key)},
                "annotations": {key: value for key, value in notes.items() if marks.is_ours(key)},
            },
            "template": {
                "metadata": {"labels": metadata.get("labels") or {}, "annotations": notes},
                "spec": ours["spec"],
            },
        }
        query = {"fieldManager": MANAGER, "force": "true"}
        self.client.call("PATCH", self._resting(name), query, body, APPLY)
        path = api.path(self.namespace, name)
        self._remove(path)
        # the kubelet ends it within its grace period
        self._until(path, lambda found: found is not None, live, existing)

    def wake(self, api: Api, name: str) -> bool:
        """Make a pod from what `stop` kept of it; False when nothing was kept."""
        kept = self.client.find(self._resting(name))
        if kept is None:
            return False
        template = kept.get("template") or {}
        body: Item = {"apiVersion": "v1", "kind": "Pod", "spec": template.get("spec") or {}}
        body["metadata"] = {**(template.get("metadata") or {}), "name": name}
        body["metadata"].pop("creationTimestamp", None)
        self.client.call("PATCH", api.path(self.namespace, name), {"fieldManager": MANAGER}, body, APPLY)
        self.forget(name)
        return True

    def forget(self, name: str) -> None:
        """Remove what `stop` kept of a pod."""
        self._remove(self._resting(name))

    def _resting(self, pod: str) -> str:
        api = Api("", "v1", "PodTemplate", "podtemplates", True, frozenset(), frozenset())
        return api.path(self.namespace, resting_name(pod))

    def _remove(self, path: str) -> None:
        try:
            self.client.call("DELETE", path)
        except Refused as refused:
            if refused.status != 404:
                raise

    # ------------------------------------------------------------ writes

    def _note(self, path: str, remembered: str, more: Item | None = None) -> None:
        self._merge(path, {"metadata": {"annotations": {marks.REPLICAS: remembered}}, **(more or {})})

    def _merge(self, path: str, body: Item) -> None:
        self.client.call("PATCH", path, {"fieldManager": MANAGER}, body, MERGE)

    def _until(self, path: str, left: Callable[[Item | None], object], live: Item, existing: Existing) -> None:
        """Wait until nothing is `left`, asked of the object at a path, which may be gone. EngineError when it takes long."""
        limit = STOPPED_WITHIN + _grace(live)
        end = time.monotonic() + limit
        while left(self.client.find(path)):
            if time.monotonic() > end:
                live = self.client.find(path.removesuffix("/scale")) or {}
                rest = pods.lingering(self.client, self.namespace, existing.kind, live)
                raise EngineError(
                    f"{existing.component}: {existing.kind} {existing.name} has not stopped after {limit:g} s"
                    + (f": {rest}" if rest else ""),
                    component=existing.component,
                    hint="see what holds it (`atomicapp events`), and run the same command again",
                )
            time.sleep(0.1)


def _grace(live: Item) -> float:
    """The seconds that the pods of a workload have to end, or those of a pod."""
    spec = live.get("spec") or {}
    template = spec.get("template")
    inner = (template.get("spec") if isinstance(template, dict) else None) or spec
    found = inner.get("terminationGracePeriodSeconds")
    return float(found) if isinstance(found, int) else 0.0


def _replicas(scale: Item | None) -> int:
    """The replicas that are there, by the subresource `scale`."""
    return int(((scale or {}).get("status") or {}).get("replicas") or 0)


def _scheduled(item: Item | None) -> int:
    """The pods of a DaemonSet that are there or wanted, as far as its controller has seen the last change."""
    if item is None:
        return 0
    status = item.get("status") or {}
    seen = int(status.get("observedGeneration") or 0) >= int(item["metadata"].get("generation") or 0)
    counts = (
        int(status.get(name) or 0) for name in ("currentNumberScheduled", "desiredNumberScheduled", "numberReady")
    )
    return max(counts) if seen else 1
