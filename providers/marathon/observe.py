"""What Marathon holds of a deployment: one listing by label."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from atomicapp.errors import EngineError
from atomicapp.model import (
    DATA,
    FAILED,
    OWNED,
    PRESENT,
    RUNNING,
    STOPPED,
    Existing,
    Resource,
)
from atomicapp.position import Position
from atomicapp.providers import base
from atomicapp.providers.marathon import labels as marks
from atomicapp.providers.marathon import normal
from atomicapp.providers.marathon.client import Client, Row
from atomicapp.providers.marathon.resources import APP, VOLUME, app_key, volume_key

EMBED = ("tasks", "counts", "deployments", "lastTaskFailure")
_NOWHERE = Position("<engine>")
_RUNS = "TASK_RUNNING"
_ENDED = tuple(f"TASK_{word}" for word in ("FINISHED", "FAILED", "KILLED", "ERROR", "LOST", "DROPPED", "GONE"))
LONGEST = 400
"""Characters of a message that are shown."""


def observe(client: Client, app: str, wanted: Sequence[Resource], rows: Sequence[Row]) -> tuple[Existing, ...]:
    """All that belongs to `app`, of the rows of its listing. See providers.base.Session."""
    resources = {resource.key: resource for resource in wanted}
    found = [item for row in rows for item in of_row(row, resources)]
    # what is uninstalled but for its data is not there as an app, and still ours
    own = {str(row.get("id", "")) for row in rows}
    absent = {resource.name: resource for resource in wanted if resource.kind == APP and resource.name not in own}
    if absent:
        for row in client.apps():
            resource = absent.get(str(row.get("id", "")))
            if resource is not None and marks.owner(row) != app:
                raise foreign(resource, marks.owner(row))
    return tuple(found)


def observe_all(client: Client) -> dict[str, tuple[Existing, ...]]:
    """All deployments: one listing."""
    found: dict[str, list[Existing]] = {}
    for row in client.apps(marks.selector(""), EMBED):
        found.setdefault(marks.of(row).get(base.LABEL_APP, ""), []).extend(of_row(row, {}))
    return {app: tuple(items) for app, items in sorted(found.items())}


def foreign(resource: Resource, owner: str | None) -> EngineError:
    """An app with a wanted id is not ours to touch."""
    whose = f"belongs to the app '{owner}'" if owner else "was not made by atomicapp"
    remove = f"`atomicapp uninstall {owner}`" if owner else f"DELETE /v2/apps{resource.name}"
    return EngineError(
        f"an app '{resource.name}' is in Marathon already, and it {whose}",
        component=resource.component,
        position=resource.position,
        hint=f"run this one in a group of its own (--namespace NAME), or remove the other one: {remove}",
    )


def of_row(row: Row, resources: Mapping[str, Resource]) -> Iterator[Existing]:
    """An app, and the volumes that hold its data."""
    labels, path = marks.of(row), str(row.get("id", ""))
    component = labels.get(base.LABEL_COMPONENT, "")
    for inside, body in normal.persistent(row).items():
        key = volume_key(path, inside)
        name = f"{path}:{inside}"
        digest = Resource(key, component, VOLUME, name, body, _NOWHERE).hash
        detail = "its app is uninstalled" if marks.LABEL_KEPT in labels else ""
        yield Existing(key, component, VOLUME, name, digest, PRESENT, detail, lifetime=DATA, id=name)
    if marks.LABEL_KEPT in labels:
        return
    key = labels.get(base.LABEL_KEY) or app_key(path)
    resource = resources.get(key)
    digest = labels.get(base.LABEL_HASH, "")
    if resource is not None and digest == resource.hash and normal.drift(resource.body["app"], row):
        digest = ""  # someone else has changed it
    state, detail, ready = tell(row)
    stopped = stopped_with(row)
    if state == STOPPED and stopped is None and not (resource and resource.body["app"].get("instances", 1)):
        state = RUNNING  # as many as are wanted
    yield Existing(
        key,
        component,
        APP,
        path,
        digest,
        state,
        detail,
        marks.number(labels, base.LABEL_ORDER),
        OWNED,
        path,
        str(((row.get("container") or {}).get("docker") or {}).get("image", "")),
        ports(row),
        marks.number(labels, base.LABEL_REVISION),
        replicas=count_of(row) if stopped is None else 0,
        ready=ready,
    )


# ---------------------------------------------------------------- how an app is doing


def count_of(row: Row) -> int:
    """The instances that are wanted of an app."""
    found = row.get("instances")
    return found if isinstance(found, int) else 1


def stopped_with(row: Row) -> int | None:
    """How many instances an app had when it was stopped; None for one that was not."""
    labels = marks.of(row)
    if marks.LABEL_STOPPED not in labels or count_of(row):
        return None
    return marks.number(labels, marks.LABEL_STOPPED)


def changed_at(row: Row) -> str:
    """The version of the last change of an app but for its count."""
    info = row.get("versionInfo") or {}
    return str(info.get("lastConfigChangeAt") or row.get("version") or "")


def failure_of(row: Row) -> Row | None:
    """The last failure of a task, of the app as it is now."""
    found = row.get("lastTaskFailure")
    if not isinstance(found, dict) or str(found.get("version", "")) < changed_at(row):
        return None
    return found


def tasks_of(row: Row, *, now: bool = True) -> list[Row]:
    """The tasks of an app as it is now (or those of earlier versions)."""
    since = changed_at(row)
    return [task for task in live_tasks(row) if (str(task.get("version", "")) >= since) == now]


def live_tasks(row: Row) -> list[Row]:
    """The tasks of an app that have not come to their end: those that keep a volume are told for ever."""
    tasks = [task for task in row.get("tasks") or () if isinstance(task, dict)]
    return [task for task in tasks if task.get("state") not in _ENDED]


def runs(task: Row) -> bool:
    """Whether a task runs. Old versions of Marathon tell no state, but a start."""
    return task.get("state") == _RUNS if task.get("state") else bool(task.get("startedAt"))


def is_healthy(row: Row, task: Row) -> bool:
    """Whether a task runs and all its health checks pass."""
    if not runs(task):
        return False
    results = [item for item in task.get("healthCheckResults") or () if isinstance(item, dict)]
    if row.get("healthChecks") and not results:
        return False
    return all(item.get("alive") for item in results)


def deployments_of(row: Row) -> list[str]:
    """The deployments that are at work on an app."""
    return [str(item.get("id", "")) for item in row.get("deployments") or () if isinstance(item, dict)]


def tell(row: Row) -> tuple[str, str, bool]:
    """The state of an app, the words for it, and whether it does its work."""
    count, own = count_of(row), tasks_of(row)
    good = sum(is_healthy(row, task) for task in own)
    if not count:
        return STOPPED, "suspended" if stopped_with(row) is not None else "scaled to zero", True
    failure = failure_of(row)
    if failure is not None and not any(map(runs, own)):
        return FAILED, f"0 of {count} running: {end_of(failure)}", False
    word = "healthy" if row.get("healthChecks") else "running"
    detail = f"{good} of {count} {word}"
    if deployments_of(row):
        detail += ", being deployed"
    return RUNNING, detail, good >= count and not deployments_of(row)


def end_of(failure: Row) -> str:
    """How a task ended."""
    import re

    message = " ".join(str(failure.get("message") or "").split())[:LONGEST] or "no reason given"
    host = f" on {failure['host']}" if failure.get("host") else ""
    status = re.search(r"exited with status (\d+)", message)
    if status:
        return f"ended with exit code {status[1]}{host} ({message})"
    state = str(failure.get("state") or "TASK_FAILED").removeprefix("TASK_").lower()
    return f"{'was killed' if state == 'killed' else f'has {state}'}{host}: {message}"


def ports(row: Row) -> tuple[str, ...]:
    """`HOST:PORT->80/tcp` for each port of each task that runs."""
    mappings: list[Any] = (normal.canonical(row).get("container") or {}).get("portMappings") or []
    found = []
    for task in tasks_of(row):
        for number, port in enumerate(task.get("ports") or () if runs(task) else ()):
            mapping = mappings[number] if number < len(mappings) else {}
            inside = f"->{mapping.get('containerPort') or port}/{mapping.get('protocol', 'tcp')}" if mapping else ""
            found.append(f"{task.get('host', '?')}:{port}{inside}")
    return tuple(found)
