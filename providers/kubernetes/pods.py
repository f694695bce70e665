"""The pods of a workload, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from atomicapp.model import Failed, Waiting
from atomicapp.providers.kubernetes.client import Client, Refused
from atomicapp.providers.kubernetes.logs import last_lines
from atomicapp.providers.kubernetes.observe import conditions, rows_of

Item = dict[str, Any]

MOST_RESTARTS = 3
"""A container may be restarted some times while what it needs comes up (the kubelet waits 0, 10, 20 s between them); after
these it is taken for failed."""
TAIL = 10
_IMAGE = ("ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError")
_BROKEN = ("CreateContainerConfigError", "CreateContainerError", "RunContainerError", "StartError")
_CODES = {137: ": it was killed (SIGKILL)", 127: ": a command was not found", 126: ": a command can't be run"}


def selector_of(item: Item) -> str:
    """The label selector of a workload's pods; empty for what has none."""
    found = (item.get("spec") or {}).get("selector")
    if not isinstance(found, dict):
        return ""
    parts = found.get("matchLabels") if "matchLabels" in found or "matchExpressions" in found else found
    terms = [f"{name}={value}" for name, value in (parts or {}).items() if isinstance(value, str)]
    for expression in found.get("matchExpressions") or []:
        key, operator = expression.get("key"), expression.get("operator")
        listed = ",".join(expression.get("values") or [])
        form = {
            "In": f"{key} in ({listed})",
            "NotIn": f"{key} notin ({listed})",
            "Exists": key,
            "DoesNotExist": f"!{key}",
        }
        terms.append(str(form.get(operator, key)))
    return ",".join(terms)


def pods_of(client: Client, namespace: str, kind: str, item: Item) -> list[Item]:
    """The pods of a workload that are to stay; a pod is its own."""
    if kind == "Pod":
        return [item]
    return [pod for pod in _all_of(client, namespace, item) if not pod["metadata"].get("deletionTimestamp")]


def _all_of(client: Client, namespace: str, item: Item) -> list[Item]:
    selector = selector_of(item)
    path = f"/api/v1/namespaces/{quote(namespace, safe='')}/pods"
    return rows_of(client, path, {"labelSelector": selector}) if selector else []


def ending(client: Client, namespace: str, item: Item) -> list[str]:
    """The names of a workload's pods that were told to end, and have not yet; none for who may not list pods."""
    try:
        found = _all_of(client, namespace, item)
    except Refused as refused:
        if refused.status != 403:
            raise
        return []
    return [str(pod["metadata"]["name"]) for pod in found if pod["metadata"].get("deletionTimestamp")]


def lingering(client: Client, namespace: str, kind: str, item: Item) -> str:
    """What is still there of a workload that has been told to stop: its first pod, its node, what was last said of it.

    Empty when no pod is left.
    """
    if not item:
        return ""
    pods = [item] if kind == "Pod" else _all_of(client, namespace, item)
    if not pods:
        return ""
    pod, node = pods[0], str((pods[0].get("spec") or {}).get("nodeName") or "")
    metadata, grace = pod["metadata"], pod["metadata"].get("deletionGracePeriodSeconds")
    found = f"pod {metadata['name']}" + (f" on node {node}" if node else "")
    if not metadata.get("deletionTimestamp"):
        found += " was not told to end yet: its controller is late"
    elif metadata.get("finalizers"):
        found += f" waits for {', '.join(metadata['finalizers'])}"
    else:
        running = [str(status["name"]) for status in _statuses(pod) if "running" in (status.get("state") or {})]
        still = f"container {', '.join(running)} still runs" if running else "its containers have ended"
        found += f" was told to end by {metadata['deletionTimestamp']} (grace period {grace} s); {still}"
    said = _event(client, namespace, pod) or _event(client, namespace, pod, ("Killing",))
    return found + (f"; last said: {said}" if said else "")


def newest(client: Client, namespace: str, kind: str, item: Item, pods: list[Item]) -> list[Item]:
    """Those pods that are made from the workload as it is now: an old one that still fails is no news."""
    revision = str((item.get("status") or {}).get("updateRevision") or "")
    if kind == "StatefulSet" and revision:
        return [pod for pod in pods if _label(pod, "controller-revision-hash") == revision]
    if kind == "Deployment":
        number = (item["metadata"].get("annotations") or {}).get("deployment.kubernetes.io/revision")
        path = f"/apis/apps/v1/namespaces/{quote(namespace, safe='')}/replicasets"
        for found in rows_of(client, path, {"labelSelector": selector_of(item)}):
            metadata = found["metadata"]
            owners = {owner.get("uid") for owner in metadata.get("ownerReferences") or []}
            if item["metadata"]["uid"] in owners and number == (metadata.get("annotations") or {}).get(
                "deployment.kubernetes.io/revision"
            ):
                digest = (metadata.get("labels") or {}).get("pod-template-hash")
                return [pod for pod in pods if _label(pod, "pod-template-hash") == digest]
    return pods


def _label(pod: Item, name: str) -> str | None:
    return (pod["metadata"].get("labels") or {}).get(name)


def trouble(client: Client, namespace: str, pods: list[Item]) -> Failed | Waiting | None:
    """Why pods are not ready: what has failed goes before what may still come."""
    waiting: Waiting | None = None
    for pod in pods:
        found = _pod(client, namespace, pod)
        if isinstance(found, Failed):
            return found
        waiting = waiting or found
    return waiting


def restarts(pods: list[Item]) -> int:
    """How often the containers of pods were restarted, together."""
    return sum(int(status.get("restartCount") or 0) for pod in pods for status in _statuses(pod))


def _statuses(pod: Item) -> Iterator[Item]:
    status = pod.get("status") or {}
    for name in ("initContainerStatuses", "containerStatuses"):
        yield from status.get(name) or []


def _pod(client: Client, namespace: str, pod: Item) -> Failed | Waiting | None:
    name, status = str(pod["metadata"]["name"]), pod.get("status") or {}
    scheduled = conditions(pod).get("PodScheduled", {})
    if scheduled.get("status") == "False":
        return Waiting(f"no node takes its pod: {scheduled.get('message') or scheduled.get('reason')}")
    for container in _statuses(pod):
        found = _container(client, namespace, name, container)
        if found is not None:
            return found
    if status.get("phase") == "Failed":
        said = status.get("message") or status.get("reason") or "its pod has failed"
        return Failed(f"has failed: {said}")
    if status.get("phase") == "Pending":
        return Waiting(_event(client, namespace, pod) or "its pod is being started")
    if conditions(pod).get("Ready", {}).get("status") == "False" and status.get("phase") == "Running":
        said = _event(client, namespace, pod, ("Unhealthy",))
        return Waiting(f"its probe fails: {said}" if said else "its pod runs and is not ready yet")
    return None


def _container(client: Client, namespace: str, pod: str, status: Item) -> Failed | Waiting | None:
    name, count = str(status.get("name", "")), int(status.get("restartCount") or 0)
    state = status.get("state") or {}
    waiting = state.get("waiting") or {}
    reason, message = str(waiting.get("reason", "")), " ".join(str(waiting.get("message", "")).split())
    if reason in _IMAGE:
        return Failed(f"can't get its image {status.get('image')}: {message or reason}")
    if reason == "ErrImagePull":
        return Waiting(f"its image can't be pulled: {message}")
    ended = state.get("terminated") or (status.get("lastState") or {}).get("terminated") or {}
    if reason in _BROKEN and reason != "RunContainerError":
        return Failed(f"its container {name} can't be made: {message or reason}")
    if reason == "RunContainerError" or (reason == "CrashLoopBackOff" and ended.get("reason") == "StartError"):
        return Failed(f"its container {name} can't be started: {ended.get('message') or message or reason}")
    looping = reason == "CrashLoopBackOff"
    if not looping and not (state.get("terminated") and ended.get("exitCode")):
        return None
    lines = last_lines(client, namespace, pod, name, TAIL)
    if count >= MOST_RESTARTS:
        return Failed(f"ends again and again ({count} restarts, last {_end(ended)})", lines, lasting=False)
    again = f" and is restarted ({count} so far)" if looping or count else ""
    return Waiting(f"its container {name} has ended {_end(ended)}{again}", lines)


def _end(ended: Mapping[str, Any]) -> str:
    code = int(ended.get("exitCode") or 0)
    if ended.get("reason") == "OOMKilled":
        return f"with exit code {code}: it needed more memory than it may have (OOM)"
    return f"with exit code {code}{_CODES.get(code, '')}"


def failed_pod(client: Client, namespace: str, pods: list[Item]) -> Failed | None:
    """The first container that ended with an error, with its log: for what is not restarted (jobs, bare pods)."""
    for pod in pods:
        for status in _statuses(pod):
            state = status.get("state") or {}
            ended = state.get("terminated") or (status.get("lastState") or {}).get("terminated") or {}
            if ended.get("exitCode"):
                lines = last_lines(client, namespace, str(pod["metadata"]["name"]), str(status["name"]), TAIL)
                return Failed(f"has ended {_end(ended)}", lines)
    return None


def _event(client: Client, namespace: str, item: Item, reasons: tuple[str, ...] = ()) -> str:
    return last_event(client, namespace, str(item["metadata"]["uid"]), reasons)


def last_event(client: Client, namespace: str, uid: str, reasons: tuple[str, ...] = ()) -> str:
    """The message of the last warning about an object; empty when there is none."""
    path = f"/api/v1/namespaces/{quote(namespace, safe='')}/events"
    rows = rows_of(client, path, {"fieldSelector": f"involvedObject.uid={uid}"})
    rows = [row for row in rows if row.get("reason") in reasons or (not reasons and row.get("type") == "Warning")]
    rows.sort(key=lambda row: str(row.get("lastTimestamp") or row.get("eventTime") or ""))
    return " ".join(str(rows[-1].get("message", "")).split())[:400] if rows else ""
