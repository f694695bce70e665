"""A connection to one Docker Engine, as the core knows it (providers.base.Session)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from atomicapp.errors import EngineError
from atomicapp.model import Change, Event, Existing, LogLine, Readiness, Resource, Step
from atomicapp.providers import base
from atomicapp.providers.base import Report
from atomicapp.providers.docker import apply as applying
from atomicapp.providers.docker import compare as comparing
from atomicapp.providers.docker import events as eventing
from atomicapp.providers.docker import logs as logging
from atomicapp.providers.docker import observe as observing
from atomicapp.providers.docker.client import Client, Refused
from atomicapp.providers.docker.ready import Watch


class DockerSession:
    """Safe to use from several threads. Close it when done."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._app = ""
        self.watch = Watch(client)

    def observe(self, app: str, wanted: Sequence[Resource]) -> tuple[Existing, ...]:
        """See providers.base.Session."""
        self._app = app
        with _reading():
            return observing.observe(self.client, app, wanted)

    def observe_all(self) -> dict[str, tuple[Existing, ...]]:
        """See providers.base.Session."""
        with _reading():
            return observing.observe_all(self.client)

    def compare(self, wanted: Resource, existing: Existing) -> tuple[str, tuple[Change, ...]]:
        """See providers.base.Session."""
        with _reading():
            return comparing.compare(self.client, wanted, existing)

    def check(self, coming: Sequence[Resource]) -> None:
        """See providers.base.Session. The engine has no dry run."""
        base.no_check(coming)

    def apply(self, step: Step, app: str, revision: int, report: Report) -> None:
        """See providers.base.Session."""
        applying.apply(self.client, step, app, revision, report)

    def ready(self, resource: Resource) -> Readiness:
        """See providers.base.Session."""
        with _reading():
            return self.watch.look(resource)

    def logs(self, existing: Existing, *, tail: int | None, follow: bool, since: str) -> Iterator[LogLine]:
        """See providers.base.Session. What is no container has no log."""
        if existing.kind != "container":
            return iter(())
        return logging.read(self.client, existing, tail=tail, follow=follow, since=since)

    def events(self, items: Sequence[Existing], *, follow: bool, since: str) -> Iterator[Event]:
        """See providers.base.Session."""
        with _reading():
            yield from eventing.read(self.client, self._app, items, follow=follow, since=since)

    def close(self) -> None:
        """Give the connection back."""
        self.client.close()


@contextmanager
def _reading() -> Iterator[None]:
    """A refusal of what only reads is one of the engine as a whole."""
    try:
        yield
    except Refused as error:
        raise EngineError(
            f"the Docker Engine refused to answer: {error.message}", hint="see the engine's own log for the cause"
        ) from error
