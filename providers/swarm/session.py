"""A connection to a manager of a swarm, as the core knows it (providers.base.Session)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from atomicapp.model import Change, Event, Existing, LogLine, Readiness, Resource, Step
from atomicapp.providers import base
from atomicapp.providers.base import Report
from atomicapp.providers.docker.client import Client, Refused
from atomicapp.providers.swarm import client as wire
from atomicapp.providers.swarm import compare as comparing
from atomicapp.providers.swarm import events as eventing
from atomicapp.providers.swarm import logs as logging
from atomicapp.providers.swarm import observe as observing
from atomicapp.providers.swarm.apply import Applier
from atomicapp.providers.swarm.images import Digests
from atomicapp.providers.swarm.ready import Watch
from atomicapp.providers.swarm.resources import SERVICE


class SwarmSession:
    """Safe to use from several threads. Close it when done."""

    def __init__(self, client: Client, *, init: bool = False) -> None:
        self.client = client
        self.init = init
        self.watch = Watch(client)
        self.digests = Digests(client)
        self._places: Mapping[str, tuple[str, ...]] = {}

    def observe(self, app: str, wanted: Sequence[Resource]) -> tuple[Existing, ...]:
        """See providers.base.Session."""
        with wire.reading(self.client):
            try:
                seen = observing.observe(self.client, app, wanted)
            except Refused as error:
                if self.init and wire.no_swarm(error) and wire.is_free(self.client):
                    return ()  # the plan begins with the swarm
                raise
        self._places = seen.places
        return seen.items

    def observe_all(self) -> dict[str, tuple[Existing, ...]]:
        """See providers.base.Session."""
        with wire.reading(self.client):
            return observing.observe_all(self.client)

    def compare(self, wanted: Resource, existing: Existing) -> tuple[str, tuple[Change, ...]]:
        """See providers.base.Session."""
        with wire.reading(self.client):
            return comparing.compare(self.client, wanted, existing)

    def check(self, coming: Sequence[Resource]) -> None:
        """See providers.base.Session. A swarm has no dry run."""
        base.no_check(coming)

    def apply(self, step: Step, app: str, revision: int, report: Report) -> None:
        """See providers.base.Session."""
        Applier(self.client, self.digests, app, revision, report, self._places).apply(step)

    def ready(self, resource: Resource) -> Readiness:
        """See providers.base.Session."""
        with wire.reading(self.client):
            return self.watch.look(resource)

    def logs(self, existing: Existing, *, tail: int | None, follow: bool, since: str) -> Iterator[LogLine]:
        """See providers.base.Session. What is no service has no log."""
        if existing.kind != SERVICE:
            return iter(())
        return logging.read(self.client, existing, tail=tail, follow=follow, since=since)

    def events(self, items: Sequence[Existing], *, follow: bool, since: str) -> Iterator[Event]:
        """See providers.base.Session."""
        with wire.reading(self.client):
            yield from eventing.read(self.client, items, follow=follow, since=since)

    def close(self) -> None:
        """Give the connection back."""
        self.client.close()
