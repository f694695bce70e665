"""Carry out single steps: the only writer of this provider. Every step may be repeated."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

from atomicapp.errors import EngineError, Kept
from atomicapp.model import CREATE, DELETE, KEEP, REPLACE, SCALE, SHARED, START, STOP, UPDATE, Existing, Resource, Step
from atomicapp.providers import base
from atomicapp.providers.base import Report
from atomicapp.providers.marathon import labels as marks
from atomicapp.providers.marathon import normal, observe, reasons
from atomicapp.providers.marathon.client import Client, Query, Refused, Row, at
from atomicapp.providers.marathon.resources import APP, VOLUME
from atomicapp.providers.marathon.rollback import Updates

LOCKED_WITHIN = 120.0
"""Seconds that deployments of others may take which are at work on the same app."""

ENDED_WITHIN = 180.0
"""Seconds in which the tasks of an app that is stopped or removed have ended."""

_PAUSE = 0.1
_FORCE = ("force", "true")
_WHOLE = ("partialUpdate", "false")
"""A PUT stands for the whole app; older versions keep what is not named in any case."""


class Applier:
    """Carries out steps for one app. `force`: deployments of others are overridden, too."""

    def __init__(
        self, client: Client, app: str, revision: int, report: Report, updates: Updates, *, force: bool
    ) -> None:
        self.client = client
        self.app = app
        self.revision = revision
        self.report = report
        self.updates = updates
        self.force = force

    def apply(self, step: Step) -> None:
        """Carry out one step. EngineError with the cause in plain words."""
        try:
            self._apply(step)
        except Refused as refused:
            raise reasons.explain(step, refused, self.client.access.shown) from refused

    def _apply(self, step: Step) -> None:
        resource, existing = step.resource, step.existing
        if step.kind == VOLUME and step.op == CREATE:
            self.report(step.key, "made with its app")
        elif step.kind == VOLUME and step.op == DELETE and existing is not None:
            self._delete_volume(existing)
        elif step.kind == APP and step.op == CREATE and resource is not None:
            self._create(resource)
        elif step.kind == APP and step.op in (UPDATE, REPLACE) and resource is not None:
            self._update(resource, self.client.app(resource.name, observe.EMBED))
        elif step.kind == APP and step.op == DELETE and existing is not None:
            self._delete(existing)
        elif step.kind == APP and step.op == START and existing is not None:
            self._start(existing, resource)
        elif step.kind == APP and step.op == STOP and existing is not None:
            self._stop(existing)
        elif step.kind == APP and step.op == SCALE and existing is not None and step.replicas is not None:
            self._scale(existing, step.replicas)
        elif step.op != KEEP:
            raise EngineError(f"the marathon provider can't {step.op} a {step.kind}", component=step.component)

    # ------------------------------------------------------------ make and change

    def _create(self, resource: Resource) -> None:
        try:
            self._write(resource.key, "POST", "/v2/apps", body=marks.marked(resource, self.app, self.revision))
        except Refused as refused:
            if refused.status != 409 or refused.deployments:
                raise
            row = self.client.app(resource.name, observe.EMBED)
            if row is None:
                raise
            self._take(resource, row)

    def _take(self, resource: Resource, row: Row) -> None:
        """An app that is there: ours as it is wanted, ours that only keeps data, or another's."""
        owner = marks.owner(row)
        if owner != self.app:
            raise observe.foreign(resource, owner)
        labels = marks.of(row)
        same = labels.get(base.LABEL_HASH) == resource.hash and not normal.drift(resource.body["app"], row)
        if same and marks.LABEL_KEPT not in labels and marks.LABEL_STOPPED not in labels:
            return
        self._update(resource, row)

    def _update(self, resource: Resource, row: Row | None) -> None:
        body = marks.marked(resource, self.app, self.revision)
        if row is not None and "instances" not in body:
            # as many as someone has scaled it to
            count = observe.stopped_with(row)
            if marks.LABEL_KEPT not in marks.of(row):
                body["instances"] = observe.count_of(row) if count is None else count
        if row is not None and marks.owner(row) != self.app:
            raise observe.foreign(resource, marks.owner(row))
        answer = self._write(resource.key, "PUT", at(resource.name), [_WHOLE], body)
        self.updates.note(resource.name, row, answer)

    # ------------------------------------------------------------ scale, stop, start

    def _scale(self, existing: Existing, count: int) -> None:
        row = self._own(existing)
        change: dict[str, Any] = {"instances": count}
        if observe.stopped_with(row) is not None:
            change["labels"] = _without(marks.of(row), marks.LABEL_STOPPED)
        self._write(existing.key, "PUT", at(existing.name), body=change)

    def _stop(self, existing: Existing) -> None:
        """Suspend an app, remember how many instances `start` brings back, and wait until its tasks have ended."""
        row = self._own(existing)
        count = observe.count_of(row)
        if count:
            labels = {**marks.of(row), marks.LABEL_STOPPED: str(count)}
            self._write(existing.key, "PUT", at(existing.name), body={"instances": 0, "labels": labels})
        self._until_ended(existing)

    def _start(self, existing: Existing, resource: Resource | None) -> None:
        """As many instances as before `stop`; what is delayed after failures is tried at once."""
        row = self.client.app(existing.name)
        if row is None and resource is not None:
            self._create(resource)
            return
        row = self._own(existing)
        remembered = observe.stopped_with(row)
        if not observe.count_of(row):
            wanted = resource.body["app"].get("instances", 1) if resource is not None else 1
            count = remembered if remembered is not None else int(wanted)
            labels = _without(marks.of(row), marks.LABEL_STOPPED)
            self._write(existing.key, "PUT", at(existing.name), body={"instances": count, "labels": labels})
            return
        try:
            self.client.call("DELETE", f"/v2/queue{existing.name}/delay")
        except Refused as refused:
            if refused.status != 404:  # it is not delayed
                raise
        self._write(
            existing.key, "POST", at(existing.name, "restart"), [_FORCE] if self._is_stuck(existing.name) else []
        )

    def _is_stuck(self, path: str) -> bool:
        row = self.client.app(path, ("deployments",))
        return row is not None and bool(observe.deployments_of(row))

    # ------------------------------------------------------------ remove

    def _delete(self, existing: Existing) -> None:
        """What holds data stays as an app without instances: its volumes would go with it."""
        row = self.client.app(existing.name)
        if existing.lifetime == SHARED or row is None or marks.owner(row) != self.app:
            return
        if normal.persistent(row):
            if marks.LABEL_KEPT not in marks.of(row):
                labels = {**_without(marks.of(row), marks.LABEL_STOPPED), marks.LABEL_KEPT: "data"}
                self._write(existing.key, "PUT", at(existing.name), body={"instances": 0, "labels": labels})
        else:
            self._remove(existing)
            return
        self._until_ended(existing)

    def _delete_volume(self, existing: Existing) -> None:
        path = existing.name.rpartition(":")[0]
        row = self.client.app(path)
        if row is None or marks.owner(row) != self.app:
            return
        if marks.LABEL_KEPT not in marks.of(row):
            raise Kept(f"the app {path} uses it")
        self._remove(existing._replace(name=path))

    def _remove(self, existing: Existing) -> None:
        try:
            answer = self._write(existing.key, "DELETE", at(existing.name))
        except Refused as refused:
            if refused.status != 404:
                raise
            return
        self._follow(existing, str((answer or {}).get("deploymentId") or ""))

    # ------------------------------------------------------------ deployments

    def _own(self, existing: Existing) -> Row:
        row = self.client.app(existing.name)
        if row is None:
            raise EngineError(
                f"{existing.component}: the app {existing.name} is gone: someone else has removed it",
                component=existing.component,
                hint="`atomicapp run` makes it anew",
            )
        return row

    def _until_ended(self, existing: Existing) -> None:
        """Wait until an app without instances has no task left."""
        end = time.monotonic() + ENDED_WITHIN
        while True:
            row = self.client.app(existing.name, ("tasks", "deployments"))
            left = observe.live_tasks(row or {})
            if row is None or not (left or observe.deployments_of(row)):
                return
            if time.monotonic() > end:
                raise EngineError(
                    f"{existing.component}: {len(left)} tasks of {existing.name} have not ended after {ENDED_WITHIN:g} s",
                    component=existing.component,
                    hint="see what holds them on their agents, and run the same command again",
                )
            self.report(existing.key, f"waiting until {len(left)} tasks have ended")
            time.sleep(_PAUSE)

    def _follow(self, existing: Existing, deployment: str) -> None:
        """Wait until a deployment has come to its end."""
        end = time.monotonic() + ENDED_WITHIN
        while deployment:
            found = next((row for row in self.client.deployments() if row.get("id") == deployment), None)
            if found is None:
                return
            if time.monotonic() > end:
                raise EngineError(
                    f"{existing.component}: the deployment {deployment} that removes {existing.name} has not come to its "
                    f"end after {ENDED_WITHIN:g} s",
                    component=existing.component,
                    hint="see /v2/deployments of Marathon, and run the same command again",
                )
            self.report(existing.key, f"deployment {deployment}: {told(found)}")
            time.sleep(_PAUSE)

    def _write(self, key: str, method: str, path: str, query: Query = (), body: object = None) -> Any:
        """A request that changes something. A deployment that holds an app is overridden when it is about apps of ours
        only (an earlier run that hangs), or by `force`; that of others is waited for."""
        end = time.monotonic() + LOCKED_WITHIN
        while True:
            try:
                return self.client.call(method, path, query, body)
            except Refused as refused:
                if refused.status != 409 or not refused.deployments or _FORCE in query:
                    raise
                others = [] if self.force else list(self._of_others(refused.deployments))
                if others and time.monotonic() > end:
                    raise
                if others:
                    self.report(key, f"waiting for the deployment {others[0]} of others")
                    time.sleep(_PAUSE)
                    continue
                ids = ", ".join(refused.deployments)
                self.report(key, f"takes the place of the deployment {ids}, which has not come to its end")
                query = [*query, _FORCE]

    def _of_others(self, deployments: Iterable[str]) -> Iterable[str]:
        """Those of the deployments that change what is not of this deployment."""
        wanted = set(deployments)
        own = {str(row.get("id", "")) for row in self.client.apps(marks.selector(self.app))}
        for row in self.client.deployments():
            affected = {str(path) for path in row.get("affectedApps") or ()} | {
                str(path) for path in row.get("affectedPods") or ()
            }
            if row.get("id") in wanted and affected - own:
                yield str(row["id"])


def told(deployment: Mapping[str, Any]) -> str:
    """Where a deployment is."""
    actions = ", ".join(
        f"{action.get('action', '?')} {action.get('app', '')}" for action in deployment.get("currentActions") or ()
    )
    return f"step {deployment.get('currentStep', '?')} of {deployment.get('totalSteps', '?')} ({actions})"


def _without(labels: Mapping[str, str], name: str) -> dict[str, str]:
    return {key: value for key, value in labels.items() if key != name}
