"""Go back to the version before of an app whose update has failed, where its author asks for that."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from atomicapp.errors import AtomicAppError
from atomicapp.model import Failed, Ready, Resource, Restored
from atomicapp.providers.marathon import labels as marks
from atomicapp.providers.marathon import observe
from atomicapp.providers.marathon.client import Client, Refused, Row, at
from atomicapp.providers.marathon.ready import Watch
from atomicapp.providers.marathon.resources import APP
from atomicapp.providers.marathon.shape import TOLD
from atomicapp.records import NamedTuple

RESTORED_WITHIN = 180.0
"""Seconds in which the version before runs again."""

_PAUSE = 0.1
_FORCE = ("force", "true")
_BACK = "was rolled back to what ran before, which runs again"
_NOT = "could not be rolled back"


class Update(NamedTuple):
    """An update that this command has begun: its deployment, the version that it makes, and the one before (empty when
    that did not run as it should)."""

    deployment: str
    version: str
    before: str


class Updates:
    """The updates of a session, by the ids of their apps. Safe to use from several threads."""

    def __init__(self) -> None:
        self._known: dict[str, Update] = {}
        self._lock = threading.Lock()

    def note(self, path: str, row: Row | None, answer: Any) -> None:
        """Marathon has taken a change of an app, which was `row` before."""
        told = answer if isinstance(answer, dict) else {}
        well = (
            row is not None
            and observe.count_of(row) > 0
            and observe.tell(row)[2]
            and marks.LABEL_KEPT not in marks.of(row)
        )
        before = str((row or {}).get("version") or "") if well else ""
        with self._lock:
            self._known[path] = Update(str(told.get("deploymentId") or ""), str(told.get("version") or ""), before)

    def of(self, path: str) -> Update | None:
        """The update of an app."""
        with self._lock:
            return self._known.get(path)


def restore(
    client: Client, watch: Watch, updates: Updates, resource: Resource, report: Callable[[str], None]
) -> Restored:
    """See providers.base.Restoring. An app that does not ask for it is left as it is, with what to do next."""
    if resource.kind != APP:
        return Restored()
    update = updates.of(resource.name)
    asked = resource.body["app"].get("labels", {}).get(marks.LABEL_FAILURE) == marks.ROLLBACK
    try:
        row = client.app(resource.name, observe.EMBED)
        if row is None:
            return Restored()
        if update is None:
            return Restored("", _advice(row))
        if not asked:
            return Restored("", _advice(row, undo=True))
        if not update.before:
            said = ("no version of it ran well before that it could be rolled back to", _advice(row))
            return Restored("", "; ".join(text for text in said if text))
        return _Back(client, watch, resource, update, report).go(row)
    except (AtomicAppError, Refused) as error:
        return Restored(f"{_NOT} ({error.message})") if asked and update and update.before else Restored()


def _advice(row: Row, *, undo: bool = False) -> str:
    """What to do about a deployment that goes on. `undo`: there is something to go back to."""
    deployments = observe.deployments_of(row)
    if not deployments:
        return ""
    back = f", or roll it back: DELETE /v2/deployments/{deployments[0]}" if undo else ""
    return f"its deployment {deployments[0]} goes on: mend it and `run` again, which goes over it by force{back}"


class _Back:
    """One app on its way back."""

    def __init__(
        self, client: Client, watch: Watch, resource: Resource, update: Update, report: Callable[[str], None]
    ) -> None:
        self.client = client
        self.watch = watch
        self.resource = resource
        self.update = update
        self.report = report

    def go(self, row: Row) -> Restored:
        """AtomicAppError, Refused."""
        path, update = self.resource.name, self.update
        own = update.deployment in observe.deployments_of(row)
        if not own and update.version and observe.changed_at(row) > update.version:
            return Restored(f"{_NOT} (someone else has changed it meanwhile)")
        self.report(f"is being rolled back to its version {update.before}")
        if not self._reverted():
            spec = self.client.get(at(path, "versions", quote(update.before)))
            if not isinstance(spec, dict):
                return Restored(f"{_NOT} (Marathon does not tell its version {update.before})")
            body = {name: value for name, value in spec.items() if name not in TOLD}
            self.client.call("PUT", at(path), [("partialUpdate", "false"), _FORCE], body)
        return self._wait()

    def _reverted(self) -> bool:
        """Whether Marathon has begun a deployment that undoes that of the update. What it can't undo is given up, so that
        it does not stand in the way."""
        if not self.update.deployment:
            return False
        place = f"/v2/deployments/{quote(self.update.deployment)}"
        try:
            self.client.call("DELETE", place)
        except Refused as refused:
            if (
                refused.status in (401, 403)
                and not refused.deployments
                and "running deployments" not in refused.message
            ):
                raise
            if refused.status != 404:
                try:
                    self.client.call("DELETE", place, [_FORCE])
                except Refused as again:
                    if again.status != 404:
                        raise
            return False
        return True

    def _wait(self) -> Restored:
        path, end, said = self.resource.name, time.monotonic() + RESTORED_WITHIN, ""
        while True:
            row = self.client.app(path)
            if row is None:
                return Restored(f"{_NOT} (someone else has removed it)")
            if observe.changed_at(row) != self.update.version:
                found = self.watch.look(self.resource)
                if isinstance(found, Ready):
                    return Restored(_BACK)
                if isinstance(found, Failed):
                    return Restored(f"{_NOT} (the version before does not run either: it {found.reason})", _advice(row))
                said = found.reason
                self.report(f"is being rolled back: {said}")
            if time.monotonic() > end:
                why = f"the version before does not run again after {RESTORED_WITHIN:g} s: {said}"
                return Restored(f"{_NOT} ({why})", _advice(row))
            time.sleep(_PAUSE)
