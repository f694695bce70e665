"""A connection to Marathon, as the core knows it (providers.base.Session)."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence

from atomicapp.model import Change, Event, Existing, LogLine, Readiness, Resource, Restored, Step, Target
from atomicapp.providers import base
from atomicapp.providers.base import Report
from atomicapp.providers.marathon import compare as comparing
from atomicapp.providers.marathon import events as eventing
from atomicapp.providers.marathon import labels as marks
from atomicapp.providers.marathon import logs as logging
from atomicapp.providers.marathon import observe as observing
from atomicapp.providers.marathon import reasons, rollback
from atomicapp.providers.marathon.apply import Applier
from atomicapp.providers.marathon.client import Client, Refused, Row
from atomicapp.providers.marathon.ready import Watch
from atomicapp.providers.marathon.resources import APP


class MarathonSession:
    """Safe to use from several threads. Close it when done."""

    def __init__(self, client: Client, target: Target) -> None:
        self.client = client
        self.target = target
        self.watch = Watch(client, target.app)
        self.updates = rollback.Updates()
        self._rows: dict[str, Row] = {}

    @contextlib.contextmanager
    def _reading(self) -> Iterator[None]:
        """A refusal of what only reads is one of Marathon as a whole."""
        try:
            yield
        except Refused as refused:
            raise reasons.of_server(refused, self.client.access.shown) from refused

    def observe(self, app: str, wanted: Sequence[Resource]) -> tuple[Existing, ...]:
        """See providers.base.Session."""
        with self._reading():
            rows = self.client.apps(marks.selector(app), observing.EMBED)
            self._rows = {str(row.get("id", "")): row for row in rows}
            return observing.observe(self.client, app, wanted, rows)

    def observe_all(self) -> dict[str, tuple[Existing, ...]]:
        """See providers.base.Session."""
        with self._reading():
            return observing.observe_all(self.client)

    def compare(self, wanted: Resource, existing: Existing) -> tuple[str, tuple[Change, ...]]:
        """See providers.base.Session. It needs no request: the listing has told all."""
        return comparing.compare(self._rows.get(wanted.name), wanted, existing)

    def check(self, coming: Sequence[Resource]) -> None:
        """See providers.base.Session. Marathon has no dry run."""
        base.no_check(coming)

    def apply(self, step: Step, app: str, revision: int, report: Report) -> None:
        """See providers.base.Session."""
        Applier(self.client, app, revision, report, self.updates, force=self.target.force_conflicts).apply(step)

    def ready(self, resource: Resource) -> Readiness:
        """See providers.base.Session."""
        with self._reading():
            return self.watch.look(resource)

    def restore(self, resource: Resource, report: Callable[[str], None]) -> Restored:
        """See providers.base.Restoring."""
        return rollback.restore(self.client, self.watch, self.updates, resource, report)

    def logs(self, existing: Existing, *, tail: int | None, follow: bool, since: str) -> Iterator[LogLine]:
        """See providers.base.Session. What is no app has no log."""
        if existing.kind != APP:
            return
        with self._reading():
            yield from logging.read(self.client, self.watch.sandbox, existing, tail=tail, follow=follow, since=since)

    def events(self, items: Sequence[Existing], *, follow: bool, since: str) -> Iterator[Event]:
        """See providers.base.Session."""
        with self._reading():
            yield from eventing.read(self.client, self.target.app, items, follow=follow, since=since)

    def close(self) -> None:
        """Give the connections back."""
        self.watch.sandbox.close()
        self.client.close()
