"""A connection to one cluster, as the core knows it (providers.base.Session)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from atomicapp.model import Change, Event, Existing, LogLine, Readiness, Resource, Step
from atomicapp.providers.base import Report
from atomicapp.providers.kubernetes import check as checking
from atomicapp.providers.kubernetes import compare as comparing
from atomicapp.providers.kubernetes import events as eventing
from atomicapp.providers.kubernetes import logs as logging
from atomicapp.providers.kubernetes import observe as observing
from atomicapp.providers.kubernetes import pods as watching
from atomicapp.providers.kubernetes.apply import Applier
from atomicapp.providers.kubernetes.client import Client, Refused
from atomicapp.providers.kubernetes.discovery import Discovery
from atomicapp.providers.kubernetes.ready import Watch
from atomicapp.providers.kubernetes.reasons import of_server


class KubernetesSession:
    """Safe to use from several threads. Close it when done."""

    def __init__(self, client: Client, discovery: Discovery, namespace: str, *, force: bool = False) -> None:
        self.force = force
        self.client = client
        self.discovery = discovery
        self.namespace = namespace
        self.watch = Watch(client, discovery, namespace)
        self._app = ""

    def observe(self, app: str, wanted: Sequence[Resource]) -> tuple[Existing, ...]:
        """See providers.base.Session."""
        self._app = app
        with self._reading():
            return observing.observe(self.client, self.discovery, self.namespace, app, wanted)

    def observe_all(self) -> dict[str, tuple[Existing, ...]]:
        """See providers.base.Session."""
        with self._reading():
            return observing.observe_all(self.client, self.discovery, self.namespace)

    def compare(self, wanted: Resource, existing: Existing) -> tuple[str, tuple[Change, ...]]:
        """See providers.base.Session."""
        api = self.discovery.find(str(wanted.body["apiVersion"]), wanted.kind)
        if api is None:
            raise observing.unknown(self.discovery, wanted)
        with self._reading():
            return comparing.compare(self.client, api, self.namespace, self._app, wanted, existing, force=self.force)

    def check(self, coming: Sequence[Resource]) -> None:
        """See providers.base.Session."""
        checking.check(self.client, self.discovery, self.namespace, self._app, coming)

    def apply(self, step: Step, app: str, revision: int, report: Report) -> None:
        """See providers.base.Session."""
        applier = Applier(self.client, self.discovery, self.namespace, app, revision, report, force=self.force)
        applier.apply(step)

    def ready(self, resource: Resource) -> Readiness:
        """See providers.base.Session."""
        with self._reading():
            return self.watch.look(resource)

    def logs(self, existing: Existing, *, tail: int | None, follow: bool, since: str) -> Iterator[LogLine]:
        """See providers.base.Session. What has no pods has no log."""
        api = self.discovery.of_key(existing.key)
        if api is None or not observing.runs(api):
            return iter(())
        with self._reading():
            item = self.client.find(api.path(self.namespace, existing.name))
            pods = [] if item is None else watching.pods_of(self.client, self.namespace, existing.kind, item)
        return logging.read(self.client, self.namespace, existing, pods, tail=tail, follow=follow, since=since)

    def events(self, items: Sequence[Existing], *, follow: bool, since: str) -> Iterator[Event]:
        """See providers.base.Session."""
        with self._reading():
            yield from eventing.read(self.client, self.discovery, self.namespace, items, follow=follow, since=since)

    def close(self) -> None:
        """Give the connections back."""
        self.client.close()

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """A refusal of what only reads is one of the server as a whole."""
        try:
            yield
        except Refused as refused:
            raise of_server(refused, self.client.access.server) from refused
