"""A connection to a systemd, as the core knows it (providers.base.Session)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from atomicapp.errors import EngineError
from atomicapp.model import Change, Event, Existing, LogLine, Readiness, Resource, Step
from atomicapp.providers import base
from atomicapp.providers.base import Report
from atomicapp.providers.systemd import compare as comparing
from atomicapp.providers.systemd import journal
from atomicapp.providers.systemd import observe as observing
from atomicapp.providers.systemd.apply import Applier, Reloads, Submissions
from atomicapp.providers.systemd.folder import Folder
from atomicapp.providers.systemd.marks import UNIT
from atomicapp.providers.systemd.observe import units_of
from atomicapp.providers.systemd.ready import Watch
from atomicapp.providers.systemd.tools import Refused, Systemd


class SystemdSession:
    """Safe to use from several threads. Close it when done: systemd then reads what was removed."""

    def __init__(self, systemd: Systemd) -> None:
        self.systemd = systemd
        self.folder = Folder(systemd.folder, systemd.podman)
        self.watch = Watch(systemd)
        self.reloads = Reloads(systemd)
        self._coming = Submissions(())

    def observe(self, app: str, wanted: Sequence[Resource]) -> tuple[Existing, ...]:
        """See providers.base.Session."""
        found = observing.observe(self.systemd, self.folder, app, wanted)
        there = {item.key for item in found}
        self._coming = Submissions([item for item in wanted if item.key not in there])
        return found

    def observe_all(self) -> dict[str, tuple[Existing, ...]]:
        """See providers.base.Session."""
        return observing.observe_all(self.systemd, self.folder)

    def compare(self, wanted: Resource, existing: Existing) -> tuple[str, tuple[Change, ...]]:
        """See providers.base.Session."""
        return comparing.compare(self.folder, wanted, existing)

    def check(self, coming: Sequence[Resource]) -> None:
        """See providers.base.Session. systemd has no dry run for units that are not there."""
        base.no_check(coming)

    def apply(self, step: Step, app: str, revision: int, report: Report) -> None:
        """See providers.base.Session."""
        self.watch.begin()
        try:
            Applier(self.systemd, self.folder, self.reloads, self._coming, app, revision, report).apply(step)
        finally:
            self.watch.forget()

    def ready(self, resource: Resource) -> Readiness:
        """See providers.base.Session."""
        return self.watch.look(resource)

    def logs(self, existing: Existing, *, tail: int | None, follow: bool, since: str) -> Iterator[LogLine]:
        """See providers.base.Session. What does not run has no log."""
        units = self._units(existing)
        if not units:
            return iter(())
        file = self.folder.unit(existing.name)
        podman = bool(file and file.source)
        return journal.read(self.systemd, existing, units, tail=tail, follow=follow, since=since, podman=podman)

    def events(self, items: Sequence[Existing], *, follow: bool, since: str) -> Iterator[Event]:
        """See providers.base.Session."""
        units = {unit: item for item in items for unit in self._units(item)}
        return journal.events(self.systemd, units, follow=follow, since=since)

    def _units(self, existing: Existing) -> list[str]:
        if existing.kind != UNIT:
            return []
        file = self.folder.unit(existing.name)
        return units_of(existing.name, file.mark.instances if file and file.mark else ())

    def close(self) -> None:
        """Give the connection back."""
        try:
            self.reloads.last()
        except Refused as error:
            raise EngineError(
                f"systemd could not read its units again: {error.message}", hint="run `systemctl daemon-reload`"
            ) from error
