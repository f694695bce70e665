"""A connection to one OpenShift cluster: that of the kubernetes provider, with what is OpenShift's own around it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from atomicapp.errors import EngineError
from atomicapp.model import Change, Event, Existing, LogLine, Readiness, Ready, Resource, Step
from atomicapp.providers.base import Report
from atomicapp.providers.kubernetes import labels as marks
from atomicapp.providers.kubernetes.client import Client, Refused
from atomicapp.providers.kubernetes.compare import HIDDEN
from atomicapp.providers.kubernetes.reasons import of_server
from atomicapp.providers.kubernetes.resources import SECRET, key_of
from atomicapp.providers.kubernetes.session import KubernetesSession
from atomicapp.providers.openshift import expressions, generated
from atomicapp.providers.openshift.ready import OpenShiftWatch

_LEAST = 4
"""Characters: a shorter value is hidden only where it stands alone, for it would be found in everything."""


class Values:
    """The generated values of deployments: those that their Secrets hold, else new ones, drawn once for a session.

    `finish` is what the client makes of every object that it sends to be applied.
    """

    def __init__(self, client: Client, namespace: str) -> None:
        self.client = client
        self.namespace = namespace
        self.expressions: dict[str, str] = {}
        self._values: dict[str, dict[str, str]] = {}
        self._lock = threading.RLock()

    def finish(self, body: Any) -> Any:
        """An object with values in the place of its marks. The Secret keeps those that are no longer asked for: what
        was set up with them still needs them."""
        app = marks.owner(body)
        drawn = generated.expressions_of(body)
        if not drawn and not generated.keys_in(body):
            return body
        with self._lock:
            self.expressions |= drawn
            values = self.of(app)
            filled = generated.fill(body, lambda key: self._value(values, key))
            return generated.keeping(filled, values) if drawn else filled

    def of(self, app: str) -> dict[str, str]:
        """The values of a deployment, asked for once."""
        with self._lock:
            if app not in self._values:
                live = self._live(app)
                self._values[app] = generated.values_of(live) if live else {}
            return self._values[app]

    def _live(self, app: str) -> dict[str, Any] | None:
        from urllib.parse import quote

        name = generated.name_for(app)
        found = self.client.find(f"/api/v1/namespaces/{quote(self.namespace, safe='')}/secrets/{quote(name, safe='')}")
        return found if found is not None and marks.owner(found) == app else None

    def _value(self, values: dict[str, str], key: str) -> str:
        if key not in values:
            if key not in self.expressions:
                raise EngineError(
                    f"the generated value {key} is not on the cluster",
                    hint="run the app again: its Secret with generated values is made anew",
                )
            values[key] = expressions.draw(self.expressions[key])
        return values[key]

    def mask(self, text: str) -> str:
        """A text without any value that is known here."""
        text = generated.hidden(text, HIDDEN)
        with self._lock:
            values = {value for found in self._values.values() for value in found.values() if value}
        for value in sorted(values, key=len, reverse=True):
            if text == value or (len(value) >= _LEAST and value in text):
                text = text.replace(value, HIDDEN)
        return text


class OpenShiftSession:
    """Safe to use from several threads. Close it when done."""

    def __init__(self, inner: KubernetesSession) -> None:
        self.inner = inner
        self.namespace = inner.namespace
        self.values = Values(inner.client, inner.namespace)
        self._app = ""
        self._kept = False
        """Whether the cluster holds generated values of the deployment."""
        inner.client.finish = self.values.finish
        inner.watch = OpenShiftWatch(inner.client, inner.discovery, inner.namespace)

    def observe(self, app: str, wanted: Sequence[Resource]) -> tuple[Existing, ...]:
        """See providers.base.Session. Where the Secret with generated values is gone, what was made with them counts as
        changed: it gets the new ones."""
        self._app = app
        with self._telling():
            found = self.inner.observe(app, wanted)
        key = key_of("v1", SECRET, generated.name_for(app))
        for resource in wanted:
            if resource.key == key:
                self.values.expressions |= generated.expressions_of(resource.body)
        self._kept = any(item.key == key for item in found)
        if self._kept:
            return found
        stale = {resource.key for resource in wanted if key in resource.needs}
        return tuple(item._replace(hash="") if item.key in stale else item for item in found)

    def observe_all(self) -> dict[str, tuple[Existing, ...]]:
        """See providers.base.Session."""
        with self._telling():
            return self.inner.observe_all()

    def compare(self, wanted: Resource, existing: Existing) -> tuple[str, tuple[Change, ...]]:
        """See providers.base.Session."""
        with self._telling():
            if self._kept:
                # also those that it was made with and does not ask for any more are hidden
                self._known()
            op, changes = self.inner.compare(wanted, existing)
        return op, tuple(
            Change(self.values.mask(change.path), self._masked(change.old), self._masked(change.new))
            for change in changes
        )

    def check(self, coming: Sequence[Resource]) -> None:
        """See providers.base.Session."""
        with self._telling():
            self.inner.check(coming)

    def apply(self, step: Step, app: str, revision: int, report: Report) -> None:
        """See providers.base.Session."""
        with self._telling():
            self.inner.apply(step, app, revision, report)

    def ready(self, resource: Resource) -> Readiness:
        """See providers.base.Session."""
        with self._telling():
            found = self.inner.ready(resource)
        if isinstance(found, Ready):
            return found
        return found._replace(reason=self.values.mask(found.reason), log_tail=(*map(self.values.mask, found.log_tail),))

    def logs(self, existing: Existing, *, tail: int | None, follow: bool, since: str) -> Iterator[LogLine]:
        """See providers.base.Session."""
        return self.inner.logs(existing, tail=tail, follow=follow, since=since)

    def events(self, items: Sequence[Existing], *, follow: bool, since: str) -> Iterator[Event]:
        """See providers.base.Session."""
        return self.inner.events(items, follow=follow, since=since)

    def close(self) -> None:
        """Give the connections back."""
        self.inner.close()

    def _known(self) -> None:
        try:
            self.values.of(self._app)
        except Refused as refused:
            raise of_server(refused, self.inner.client.access.server) from refused

    def _masked(self, text: str | None) -> str | None:
        return None if text is None else self.values.mask(text)

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """Errors without generated values, and in OpenShift's words where a project is missing."""
        try:
            yield
        except EngineError as error:
            error.message = self.values.mask(error.message)
            error.args = (error.message, *error.args[1:])
            error.details = (*map(self.values.mask, error.details),)
            error.hint = self._hint(error)
            raise

    def _hint(self, error: EngineError) -> str:
        cause = error.__cause__
        if not isinstance(cause, Refused):
            return error.hint
        project = f"oc new-project {self.namespace}"
        if cause.status == 404 and f'namespaces "{self.namespace}" not found' in cause.message:
            return f"make the project (`{project}`), or give --namespace another"
        if cause.status == 403 and f'in the namespace "{self.namespace}"' in cause.message:
            # who may not see a project is not told whether there is one
            return f"if there is no such project yet, make it (`{project}`); else {error.hint}"
        return error.hint
