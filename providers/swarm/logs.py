"""The log of a service as lines with their task, stream and time."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from atomicapp.errors import EngineError
from atomicapp.model import Existing, LogLine
from atomicapp.providers.docker import logs as framing
from atomicapp.providers.docker.client import Client, Refused, seg, talking
from atomicapp.providers.swarm import client as wire
from atomicapp.providers.swarm import nodes as noding
from atomicapp.providers.swarm import tasks as tasking
from atomicapp.providers.swarm.client import Row
from atomicapp.providers.swarm.nodes import Node

_DETAILS = re.compile(r"(?P<details>\S*com\.docker\.swarm\.task\.id=\S*) ")
_TASK = re.compile(r"com\.docker\.swarm\.task\.id=(\w+)")
LONGEST = 20.0
"""Seconds without a byte: nodes that are down never answer."""


def read(client: Client, existing: Existing, *, tail: int | None, follow: bool, since: str) -> Iterator[LogLine]:
    """The lines of a service's log; see providers.base.Session.logs."""
    params = _params(tail, follow=follow)
    if since:
        params["since"] = framing.since_stamp(since).partition(".")[0]
    try:
        row = wire.service(client, existing.id or existing.name)
        if row is None:
            raise Refused(404, "the service is gone")
        names = _Names(client, row)
        response = client.request(
            "GET",
            f"/services/{seg(str(row['ID']))}/logs",
            params=params,
            stream=True,
            timeout=None if follow else LONGEST,
        )
    except Refused as error:
        raise EngineError(
            f"{existing.component}: the log of {existing.name} can't be read: {error.message}",
            component=existing.component,
            hint="only the log drivers json-file and journald keep what can be read" if error.status != 404 else "",
        ) from error
    tty = bool(((wire.spec_of(row).get("TaskTemplate") or {}).get("ContainerSpec") or {}).get("TTY"))
    with response, talking(client.endpoint):
        for stream, stamp, line in framing.lines(response, tty=tty):
            text = line.decode("utf-8", "replace").rstrip("\r")
            details = _DETAILS.match(text)
            name = existing.name
            if details:
                text = text[details.end() :]
                task = _TASK.search(details["details"])
                name = names.of(task[1] if task else "")
            yield LogLine(existing.component, name, text, stream, stamp.decode())


def _params(tail: int | None, *, follow: bool) -> dict[str, Any]:
    found = {"stdout": "1", "stderr": "1", "timestamps": "1", "details": "1", "follow": "1" if follow else "0"}
    return {**found, "tail": "all" if tail is None else str(tail)}


class _Names:
    """What the tasks of a service are called; asked for anew when an unknown one writes."""

    def __init__(self, client: Client, row: Row) -> None:
        self.client = client
        self.service = str(row["ID"])
        self.name = wire.name_of(row)
        self.known: dict[str, str] = {}
        self._ask()

    def _ask(self) -> None:
        nodes: Mapping[str, Node] = noding.read(wire.rows(self.client, "/nodes"))
        for task in wire.rows(self.client, "/tasks", service=[self.service]):
            self.known[str(task["ID"])] = tasking.names_of(task, self.name, nodes)

    def of(self, task: str) -> str:
        if task not in self.known:
            with suppress(Refused, EngineError):
                self._ask()
            self.known.setdefault(task, f"{self.name}.{task[:12]}")
        return self.known[task]


def tail(client: Client, task: Row, count: int) -> tuple[str, ...]:
    """The last lines of one task as text; empty when they can't be had."""
    container = (task.get("Spec") or {}).get("ContainerSpec") or {}
    params = {**_params(count, follow=False), "details": "0"}
    try:
        with (
            client.request(
                "GET", f"/tasks/{seg(str(task['ID']))}/logs", params=params, stream=True, timeout=LONGEST
            ) as response,
            talking(client.endpoint),
        ):
            found = framing.lines(response, tty=bool(container.get("TTY")))
            return tuple(line.decode("utf-8", "replace").rstrip("\r") for _, _, line in found)[-count:]
    except (Refused, EngineError):
        return ()
