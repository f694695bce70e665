"""A connection to a fleet, as the core knows it (providers.base.Session)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from atomicapp.model import Change, Event, Existing, LogLine, Readiness, Resource, Step
from atomicapp.providers import base
from atomicapp.providers.base import Report
from atomicapp.providers.fleet import apply as applying
from atomicapp.providers.fleet import compare as comparing
from atomicapp.providers.fleet import logs as logging
from atomicapp.providers.fleet import observe as observing
from atomicapp.providers.fleet.client import Client
from atomicapp.providers.fleet.ready import Watch
from atomicapp.providers.fleet.remote import Machines
from atomicapp.providers.fleet.view import View


class FleetSession:
    """Safe to use from several threads. Close it when done."""

    def __init__(self, client: Client, machines: Machines | None = None) -> None:
        self.client = client
        self.machines = machines or Machines()
        self.view = View(client)
        self.watch = Watch(self.view, self.machines)
        self.applier = applying.Applier(client, self.view, self.watch)
        self._app = ""

    def observe(self, app: str, wanted: Sequence[Resource]) -> tuple[Existing, ...]:
        """See providers.base.Session."""
        self._app = app
        return observing.observe(self.view.look(0), app, wanted)

    def observe_all(self) -> dict[str, tuple[Existing, ...]]:
        """See providers.base.Session."""
        return observing.observe_all(self.view.look(0))

    def compare(self, wanted: Resource, existing: Existing) -> tuple[str, tuple[Change, ...]]:
        """See providers.base.Session."""
        owns = self.view.look(float("inf")).of(self._app).get(existing.key, [])
        return comparing.compare(wanted, existing, owns)

    def check(self, coming: Sequence[Resource]) -> None:
        """See providers.base.Session: whether each unit would have a machine."""
        files = [file for resource in coming for file in applying.files_of(resource, self._app, 0)]
        applying.check_placement(self.view.look(), files, "nothing was sent")

    def foresee(self, steps: Sequence[Step]) -> None:
        """See providers.base.Foresighted."""
        self.applier.foresee(steps)

    def apply(self, step: Step, app: str, revision: int, report: Report) -> None:
        """See providers.base.Session."""
        self._app = app
        self.applier.apply(step, app, revision, report)

    def ready(self, resource: Resource) -> Readiness:
        """See providers.base.Session."""
        return self.watch.look(resource, self._app)

    def logs(self, existing: Existing, *, tail: int | None, follow: bool, since: str) -> Iterator[LogLine]:
        """See providers.base.Session."""
        snapshot = self.view.look()
        owns = next((found[existing.key] for found in snapshot.apps.values() if _has(found, existing)), [])
        return logging.read(self.machines, snapshot, owns, existing, tail=tail, follow=follow, since=since)

    def events(self, items: Sequence[Existing], *, follow: bool, since: str) -> Iterator[Event]:
        """See providers.base.Session. Fleet tells none."""
        return base.no_events(items, follow=follow, since=since)

    def close(self) -> None:
        """Give the connections back."""
        self.client.close()


def _has(found: object, existing: Existing) -> bool:
    owns = found.get(existing.key, []) if isinstance(found, dict) else []
    return any(own.unit.name == existing.id for own in owns)
