"""How OpenShift's own objects are doing."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from atomicapp.model import Failed, Readiness, Ready, Waiting
from atomicapp.providers.kubernetes import pods as watching
from atomicapp.providers.kubernetes.client import Refused
from atomicapp.providers.kubernetes.logs import last_lines
from atomicapp.providers.kubernetes.observe import address_of_route, conditions, rows_of
from atomicapp.providers.kubernetes.ready import Item, Look, Watch

_BAD_BUILDS = ("Failed", "Error", "Cancelled")
_BUILD_LABELS = ("openshift.io/build-config.name", "buildconfig")
"""The second is what old servers write; a name of more than 63 characters is cut in both."""
_LONGEST_LABEL = 63


class OpenShiftWatch(Watch):
    """Looks at Kubernetes' kinds and at these."""

    def looks(self) -> dict[tuple[str, str], Look]:
        return {
            **super().looks(),
            ("route.openshift.io", "Route"): self._route,
            ("apps.openshift.io", "DeploymentConfig"): self._deployment_config,
            ("image.openshift.io", "ImageStream"): self._image_stream,
            ("build.openshift.io", "BuildConfig"): self._build_config,
            ("build.openshift.io", "Build"): self._build,
        }

    def _route(self, kind: str, item: Item) -> Readiness:
        refused = ""
        for ingress in item["status"].get("ingress") or []:
            for condition in ingress.get("conditions") or []:
                if condition.get("type") != "Admitted":
                    continue
                if condition.get("status") == "True":
                    return Ready(address_of_route(item))
                router = ingress.get("routerName") or "a router"
                refused = refused or f"is refused by {router}: {_said(condition)}"
        return Failed(refused) if refused else Waiting("no router has taken it yet")

    # ------------------------------------------------------------ DeploymentConfig

    def _deployment_config(self, kind: str, item: Item) -> Readiness:
        spec, status = item.get("spec") or {}, item["status"]
        if int(status.get("observedGeneration") or 0) < int(item["metadata"].get("generation") or 0):
            return Waiting("its change is not seen yet")
        found = conditions(item)
        for name, bad in (("Progressing", "False"), ("ReplicaFailure", "True")):
            if found.get(name, {}).get("status") == bad:
                return Failed(f"its rollout has failed: {_said(found[name])}")
        if not int(status.get("latestVersion") or 0):
            return _before_the_first_rollout(spec)
        # one for tests runs only while it is rolled out
        wanted = 0 if spec.get("test") else int(spec.get("replicas", 1))
        available, updated = int(status.get("availableReplicas") or 0), int(status.get("updatedReplicas") or 0)
        pods = watching.pods_of(self.client, self.namespace, kind, item)
        if available >= wanted and updated >= wanted and int(status.get("replicas") or 0) == wanted:
            return self.steady(item, pods, wanted)
        newest = f"{item['metadata']['name']}-{status['latestVersion']}"
        mine = [pod for pod in pods if (pod["metadata"].get("labels") or {}).get("deployment", newest) == newest]
        trouble = watching.trouble(self.client, self.namespace, mine)
        return trouble or Waiting(f"{min(available, wanted)} of {wanted} available")

    # ------------------------------------------------------------ ImageStream

    def _image_stream(self, kind: str, item: Item) -> Readiness:
        there = {str(tag.get("tag")): tag for tag in item["status"].get("tags") or []}
        waiting = ""
        tags = [tag for tag in (item.get("spec") or {}).get("tags") or [] if tag.get("from")]
        for tag in tags:
            name, source = str(tag.get("name")), str((tag.get("from") or {}).get("name"))
            found = there.get(name, {})
            failed = conditions({"status": found}).get("ImportSuccess", {})
            if failed.get("status") == "False" and int(failed.get("generation") or 0) >= int(
                tag.get("generation") or 0
            ):
                return Failed(f"can't import {source} as its tag {name}: {_said(failed)}")
            if not found.get("items"):
                waiting = waiting or f"its tag {name} ({source}) is not imported yet"
        return Waiting(waiting) if waiting else Ready(f"{len(tags)} tags imported" if tags else "")

    # ------------------------------------------------------------ builds

    def _build_config(self, kind: str, item: Item) -> Readiness:
        builds = self._builds(str(item["metadata"]["name"]))
        return self._build("Build", builds[-1]) if builds else Ready("no build yet")

    def _builds(self, config: str) -> list[Item]:
        """The builds of a configuration, the last at the end."""
        path = f"/apis/build.openshift.io/v1/namespaces/{quote(self.namespace, safe='')}/builds"
        for label in _BUILD_LABELS:
            try:
                found = rows_of(self.client, path, {"labelSelector": f"{label}={config[:_LONGEST_LABEL]}"})
            except Refused as refused:
                if refused.status != 404:
                    raise
                return []
            if found:
                return sorted(found, key=_number)
        return []

    def _build(self, kind: str, item: Item) -> Readiness:
        status = item.get("status") or {}
        name, phase = item["metadata"]["name"], str(status.get("phase") or "New")
        said = _said(status)
        if phase == "Complete":
            return Ready(f"build {name} is complete")
        if phase in _BAD_BUILDS:
            why = f": {said}" if said else ""
            return Failed(f"its build {name} ended as {phase}{why}", self._build_log(item))
        return Waiting(f"its build {name} is {phase.lower()}" + (f": {said}" if said else ""))

    def _build_log(self, item: Item) -> tuple[str, ...]:
        """The last lines of a build: those of its pod where that is still there, else those that the server kept."""
        notes = item["metadata"].get("annotations") or {}
        pod = str(notes.get("openshift.io/build.pod-name") or f"{item['metadata']['name']}-build")
        found = self.client.find(f"/api/v1/namespaces/{quote(self.namespace, safe='')}/pods/{quote(pod, safe='')}")
        for container in ((found or {}).get("spec") or {}).get("containers") or []:
            lines = last_lines(self.client, self.namespace, pod, str(container["name"]), watching.TAIL)
            if lines:
                return lines
        kept = str((item.get("status") or {}).get("logSnippet") or "")
        return tuple(kept.splitlines()[-watching.TAIL :])


def _before_the_first_rollout(spec: Item) -> Readiness:
    triggers = spec.get("triggers")
    if isinstance(triggers, list) and not triggers:
        return Ready("has no trigger: `oc rollout latest` starts it")
    for trigger in triggers or []:
        image = trigger.get("imageChangeParams") or {}
        if trigger.get("type") == "ImageChange" and not image.get("lastTriggeredImage"):
            return Waiting(f"waits for the image {(image.get('from') or {}).get('name')} of an image stream")
    return Waiting("is not rolled out yet")


def _number(build: Item) -> tuple[int, str]:
    number = str((build["metadata"].get("annotations") or {}).get("openshift.io/build.number") or "")
    counts = number.isascii() and number.isdigit() and len(number) <= 9
    return int(number) if counts else 0, str(build["metadata"].get("creationTimestamp") or "")


def _said(condition: dict[str, Any]) -> str:
    return " ".join(str(condition.get("message") or condition.get("reason") or "").split())
