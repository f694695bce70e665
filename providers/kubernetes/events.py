"""What the server says of a deployment: the Events of its objects, and of the pods and others that these brought.

An Event names the object that it is about; who that belongs to is found by the owners of live objects, and for what is
gone already by its name, which begins with that of what made it.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from atomicapp.model import Event, Existing
from atomicapp.providers.kubernetes.client import Client, Refused
from atomicapp.providers.kubernetes.discovery import Discovery
from atomicapp.providers.kubernetes.logs import since_query
from atomicapp.providers.kubernetes.observe import METADATA, rows_of

Item = dict[str, Any]

WATCH = 300
"""Seconds of one watch; it is then taken up where it ended."""


def read(
    client: Client, discovery: Discovery, namespace: str, items: Sequence[Existing], *, follow: bool, since: str
) -> Iterator[Event]:
    """See providers.base.Session.events. Refused passes through."""
    oldest = since_query(since).get("sinceTime", "")
    path = f"/api/v1/namespaces/{quote(namespace, safe='')}/events"
    version, rows = _listed(client, path)
    family = _Family(client, discovery, namespace, items)
    family.learn(row["involvedObject"] for row in rows)
    found = [event for row in rows if (event := family.event(row)) is not None and event.time >= oldest]
    yield from sorted(found, key=lambda event: event.time)
    while follow:
        for kind, row in _watched(client, path, version):
            if kind == "ERROR":  # what was to be gone on from is too old
                version, _ = _listed(client, path)
                break
            version = str(row["metadata"]["resourceVersion"])
            if kind in ("ADDED", "MODIFIED"):
                family.learn([row["involvedObject"]])
                event = family.event(row)
                if event is not None:
                    yield event


def _listed(client: Client, path: str) -> tuple[str, list[Item]]:
    """The Events of a namespace, and the version from which a watch goes on."""
    answer = client.get(path)
    return str(answer["metadata"].get("resourceVersion", "")), list(answer.get("items") or [])


def _watched(client: Client, path: str, version: str) -> Iterator[tuple[str, Item]]:
    """What changes: ADDED, MODIFIED, DELETED or ERROR, and the object."""
    query = {"watch": "true", "resourceVersion": version, "timeoutSeconds": str(WATCH)}
    with client.open("GET", path, query, timeout=WATCH + 30.0) as response:
        waiting = b""
        with client.talking():
            for piece in response.stream(65536):
                *lines, waiting = (waiting + piece).split(b"\n")
                for line in lines:
                    with contextlib.suppress(ValueError, KeyError):
                        found = json.loads(line)
                        yield str(found["type"]), found["object"]


class _Family:
    """Which component an object belongs to."""

    def __init__(self, client: Client, discovery: Discovery, namespace: str, items: Sequence[Existing]) -> None:
        self.client = client
        self.discovery = discovery
        self.namespace = namespace
        self.components = {item.id: item.component for item in items if item.id}
        self.names = sorted(((item.name, item.component) for item in items), key=lambda pair: -len(pair[0]))
        self.owners: dict[str, list[str]] = {}

    def learn(self, involved: Iterable[Mapping[str, Any]]) -> None:
        """Ask for the owners of objects that are not known yet: a listing for each kind, up to what owns them."""
        wanted = {
            (str(found.get("apiVersion", "")), str(found.get("kind", "")))
            for found in involved
            if found.get("uid") not in self.components and found.get("uid") not in self.owners
        }
        asked: set[tuple[str, str]] = set()
        while wanted:
            above: set[tuple[str, str]] = set()
            for version, kind in wanted:
                api = self.discovery.find(version, kind)
                if api is None or not api.namespaced or "list" not in api.verbs:
                    continue
                rows: list[Item] = []
                with contextlib.suppress(Refused):
                    rows = rows_of(self.client, api.path(self.namespace), {}, accept=METADATA)
                for row in rows:
                    owners = row["metadata"].get("ownerReferences") or []
                    self.owners[str(row["metadata"].get("uid"))] = [str(owner.get("uid")) for owner in owners]
                    above |= {
                        (str(owner.get("apiVersion", "")), str(owner.get("kind", "")))
                        for owner in owners
                        if owner.get("uid") not in self.components and owner.get("uid") not in self.owners
                    }
            asked |= wanted
            # a kind that was listed just now knows all that there is of it
            wanted = above - asked

    def component(self, involved: Mapping[str, Any]) -> str | None:
        """The component of an object; None when it is not ours."""
        seen: set[str] = set()
        waiting = [str(involved.get("uid", ""))]
        while waiting:
            uid = waiting.pop()
            if uid in self.components:
                return self.components[uid]
            if uid not in seen:
                seen.add(uid)
                waiting += self.owners.get(uid, ())
        if str(involved.get("uid", "")) in self.owners:
            return None  # it lives, and none of ours owns it
        name = str(involved.get("name", ""))
        return next((component for own, component in self.names if name == own or name.startswith(f"{own}-")), None)

    def event(self, row: Mapping[str, Any]) -> Event | None:
        """An Event of ours; None for one of others."""
        involved = row.get("involvedObject") or {}
        component = self.component(involved)
        if component is None:
            return None
        series = row.get("series") or {}
        stamps = (
            series.get("lastObservedTime"),
            row.get("lastTimestamp"),
            row.get("eventTime"),
            row.get("firstTimestamp"),
        )
        time = next((str(stamp) for stamp in stamps if stamp), str(row["metadata"].get("creationTimestamp") or ""))
        return Event(
            component,
            _whole_seconds(time),
            row.get("type") == "Warning",
            f"{involved.get('kind', '')} {involved.get('name', '')}",
            str(row.get("reason") or ""),
            " ".join(str(row.get("message") or "").split()),
            int(series.get("count") or row.get("count") or 1),
        )


def _whole_seconds(time: str) -> str:
    """An RFC 3339 time without its fraction, so that all times of a report compare as texts."""
    try:
        found = datetime.fromisoformat(time)
    except ValueError:
        return time
    return found.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
