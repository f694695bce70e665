"""Make, change, scale, stop and start services: writes that are made by the version of what is there."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from typing import Any

from atomicapp.errors import EngineError
from atomicapp.model import Existing, Resource
from atomicapp.providers import base
from atomicapp.providers.base import Report
from atomicapp.providers.docker import labels as marks
from atomicapp.providers.docker.client import Client, Refused, seg
from atomicapp.providers.swarm import client as wire
from atomicapp.providers.swarm import fields, images, observe, state, tasks
from atomicapp.providers.swarm.client import Row
from atomicapp.providers.swarm.parts import CONFIG, SECRET

STOPPED_WITHIN = 120.0
"""Seconds for the tasks to end; after that `stop` says what is still there."""

_PAUSE = 0.1


class Services:
    """Writes services. Every call may be repeated."""

    def __init__(self, client: Client, digests: images.Digests, app: str, revision: int, report: Report) -> None:
        self.client = client
        self.digests = digests
        self.app = app
        self.revision = revision
        self.report = report

    # ------------------------------------------------------------ make and change

    def create(self, resource: Resource) -> None:
        """Make a service; one of ours of that name is brought to what is wanted."""
        spec = self._spec(resource, None)
        try:
            made = self.client.call("POST", "/services/create", body=spec, headers=self._auth(resource))
        except Refused as error:
            if "already exists" not in error.message and "name conflicts" not in error.message:
                raise
            there = wire.service(self.client, resource.name)
            owner = wire.labels_of(there or {}).get(base.LABEL_APP)
            if there is not None and owner != self.app:
                raise observe.foreign(resource, owner) from error
            if there is not None and wire.labels_of(there).get(base.LABEL_HASH) != resource.hash:
                self.update(resource, resource.name)
            return
        for warning in [(made or {}).get("Warning"), *((made or {}).get("Warnings") or [])]:
            if warning and "digest" not in warning:
                self.report(resource.key, f"the engine warns: {warning}")

    def update(self, resource: Resource, name: str) -> None:
        """Bring a service to what is wanted; it is made when it is gone."""
        found = wire.update(self.client, name, lambda row: self._spec(resource, row), self._auth(resource))
        if found is None:
            self.create(resource)

    def replace(self, resource: Resource, existing: Existing) -> None:
        """Make a service anew, of which the mode or the name changes."""
        self.delete(existing)
        self.create(resource)

    def delete(self, existing: Existing) -> None:
        """Remove a service and wait until its tasks are gone: they hold networks and volumes."""
        there = wire.service(self.client, existing.id or existing.name)
        if there is not None and tasks.kind_of(there) in tasks.JOBS:
            # the engine removes a job and leaves its tasks: so it is brought to rest before
            self._change(existing, self._rest)
            self._until_ended(existing)
        try:
            self.client.call("DELETE", f"/services/{seg(existing.id or existing.name)}")
        except Refused as error:
            if error.status != 404:
                raise
        if existing.id:
            self._until_ended(existing)

    def _auth(self, resource: Resource) -> dict[str, str]:
        return images.credentials(self.client, str(resource.body["spec"]["TaskTemplate"]["ContainerSpec"]["Image"]))

    def _spec(self, resource: Resource, live: Row | None) -> Row:
        """What is sent: the wanted spec with ids, digest and labels."""
        spec: Row = copy.deepcopy(dict(resource.body["spec"]))
        labels = {**resource.body.get("labels", {}), **marks.ownership(resource, self.app, self.revision)}
        labels[marks.LABEL_FIELDS] = wire.as_json(fields.digests(resource.body))
        spec |= {"Name": resource.name, "Labels": labels}
        task = spec["TaskTemplate"]
        container = task["ContainerSpec"]
        # these stay the same as long as the service does: another label makes tasks anew
        own = {name: labels[name] for name in (base.LABEL_APP, base.LABEL_COMPONENT, base.LABEL_KEY)}
        container["Labels"] = {**container.get("Labels", {}), **own}
        self._fix_image(resource, task, live)
        self._put_ids(resource, container)
        if live is not None:
            task["ForceUpdate"] = _forced(live)
        return spec

    def _fix_image(self, resource: Resource, task: Row, live: Row | None) -> None:
        container, pull = task["ContainerSpec"], resource.body.get("pull", "")
        image = container["Image"]
        before = ((wire.spec_of(live or {}).get("TaskTemplate") or {}).get("ContainerSpec") or {}).get("Image", "")
        if pull != "always" and before.partition("@")[0] == image and "@" in before:
            container["Image"] = before
            platforms = ((wire.spec_of(live or {})["TaskTemplate"]).get("Placement") or {}).get("Platforms")
            if platforms and "Platforms" not in task.get("Placement", {}):
                task.setdefault("Placement", {})["Platforms"] = platforms
            return
        if pull == "never" or "@" in image:
            return
        self.report(resource.key, f"asking the registry for the digest of {image}")
        # what is to be asked for each time is asked for each time
        found = images.resolve(self.client, image) if pull == "always" else self.digests.of(image)
        if found is None:
            self.report(
                resource.key,
                f"the registry does not tell the digest of {image}: each node takes what that name means to it",
            )
            return
        container["Image"] = f"{image}@{found.digest}"
        if found.platforms and "Platforms" not in task.get("Placement", {}):
            task.setdefault("Placement", {})["Platforms"] = [
                {"OS": system, "Architecture": machine} for system, machine in found.platforms
            ]

    def _put_ids(self, resource: Resource, container: Row) -> None:
        for kind, member in ((CONFIG, "Configs"), (SECRET, "Secrets")):
            grants = container.get(member) or []
            wanted = sorted({str(grant[f"{kind.title()}Name"]) for grant in grants})
            if not wanted:
                continue
            ids = {wire.name_of(row): str(row["ID"]) for row in wire.rows(self.client, f"/{kind}s", name=wanted)}
            for grant in grants:
                name = str(grant[f"{kind.title()}Name"])
                if name not in ids:
                    raise EngineError(
                        f"{resource.component}: the {kind} {name} is gone from the swarm",
                        component=resource.component,
                        position=resource.position,
                        hint="run the same command again: it makes what is missing",
                    )
                grant[f"{kind.title()}ID"] = ids[name]

    # ------------------------------------------------------------ scale, stop, start

    def scale(self, existing: Existing, count: int) -> None:
        """Ask for another number of tasks."""

        def change(row: Row) -> Row | None:
            spec = copy.deepcopy(wire.spec_of(row))
            spec["Mode"] = {tasks.REPLICATED: {"Replicas": count}}
            spec.get("Labels", {}).pop(state.LABEL_REPLICAS, None)
            return spec

        self._change(existing, change)

    def stop(self, existing: Existing) -> None:
        """Bring a service to rest, remember what `start` brings back, and wait until its tasks have ended."""

        def change(row: Row) -> Row | None:
            # any update would carry a job out anew
            return None if tasks.kind_of(row) in tasks.JOBS and self._has_ended(row) else self._rest(row)

        self._change(existing, change)
        self._until_ended(existing)

    def _rest(self, row: Row) -> Row | None:
        """The spec of a service that has no tasks, and remembers how many it had."""
        if state.is_stopped(row):
            return None
        spec, kind, count = copy.deepcopy(wire.spec_of(row)), tasks.kind_of(row), tasks.count_of(row)
        spec.setdefault("Labels", {})[state.LABEL_REPLICAS] = state.EVERYWHERE if count is None else str(count)
        if kind == tasks.REPLICATED:
            spec["Mode"] = {kind: {"Replicas": 0}}
        elif kind == tasks.REPLICATED_JOB:
            spec["Mode"] = {kind: {**spec["Mode"][kind], "TotalCompletions": 0}}
        else:
            placement = spec["TaskTemplate"].setdefault("Placement", {})
            placement["Constraints"] = [*(placement.get("Constraints") or []), state.NOWHERE]
        return spec

    def start(self, existing: Existing, resource: Resource | None) -> None:
        """As many tasks as there were before `stop`; what has failed, or has come to its end, is tried anew."""

        def change(row: Row) -> Row | None:
            spec, kind = copy.deepcopy(wire.spec_of(row)), tasks.kind_of(row)
            labels = spec.setdefault("Labels", {})
            if not state.is_stopped(row):
                spec["TaskTemplate"]["ForceUpdate"] = _forced(row) + 1
                return spec
            remembered = labels.pop(state.LABEL_REPLICAS)
            if kind == tasks.REPLICATED:
                spec["Mode"] = {kind: {"Replicas": marks.number({"n": remembered}, "n")}}
            elif kind == tasks.REPLICATED_JOB:
                spec["Mode"] = {kind: {**spec["Mode"][kind], "TotalCompletions": marks.number({"n": remembered}, "n")}}
            else:
                placement = spec["TaskTemplate"]["Placement"]
                placement["Constraints"] = [text for text in placement["Constraints"] if text != state.NOWHERE]
            return spec

        found = wire.update(self.client, existing.id or existing.name, change)
        if found is None and resource is not None:
            self.create(resource)
        elif found is None:
            raise _gone(existing)

    def _change(self, existing: Existing, change: Callable[[Row], Row | None]) -> None:
        if wire.update(self.client, existing.id or existing.name, change) is None:
            raise _gone(existing)

    # ------------------------------------------------------------ tasks

    def _tasks(self, service_id: str) -> list[Row]:
        # not by the service, which may be gone already, while its tasks are not
        listed = wire.rows(self.client, "/tasks", label=[f"{base.LABEL_APP}={self.app}"])
        return [task for task in listed if task.get("ServiceID") == service_id]

    def _has_ended(self, row: Row) -> bool:
        found = tasks.newest(row, self._tasks(str(row["ID"])))
        return bool(found) and all(tasks.state_of(task) in tasks.ENDED for task in found)

    def _until_ended(self, existing: Existing) -> None:
        """EngineError when it takes long. A task of a node that is down can't tell, and is not waited for."""
        end = time.monotonic() + STOPPED_WITHIN
        while True:
            left = [task for task in self._tasks(existing.id) if _occupies(task)]
            if left and time.monotonic() > end:
                raise EngineError(
                    f"{existing.component}: {len(left)} tasks of {existing.name} have not ended after {STOPPED_WITHIN:g} s",
                    component=existing.component,
                    hint=f"see what holds them (`docker service ps {existing.name}`), and run the same command again",
                )
            if not left or self._all_lost(left):
                return
            time.sleep(_PAUSE)

    def _all_lost(self, left: list[Row]) -> bool:
        from atomicapp.providers.swarm import nodes as noding

        nodes = noding.read(wire.rows(self.client, "/nodes"))
        places = {str(task.get("NodeID", "")) for task in left}
        return all(place in nodes and not nodes[place].ready for place in places)


def _occupies(task: Row) -> bool:
    """Whether something of a task is, or may come to be, on its node."""
    return tasks.state_of(task) not in (*tasks.ENDED, "new", "pending", "allocated") or (
        task.get("DesiredState") == "running" and tasks.state_of(task) not in tasks.ENDED and bool(task.get("NodeID"))
    )


def _forced(row: Row) -> int:
    found: Any = (wire.spec_of(row).get("TaskTemplate") or {}).get("ForceUpdate")
    return int(found or 0)


def _gone(existing: Existing) -> EngineError:
    return EngineError(
        f"{existing.component}: the service {existing.name} is gone: someone else has removed it",
        component=existing.component,
        hint="`atomicapp run` makes it anew",
    )
