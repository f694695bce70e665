"""What tasks write. Marathon keeps no logs: they are files in the sandbox of a task, which the Mesos agent gives out.

Marathon tells where the master of Mesos is, the master where the agents are, an agent the folder of each task.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode, urlsplit

from atomicapp.errors import EngineError
from atomicapp.model import Existing, LogLine
from atomicapp.providers.kubernetes.wire import BrokenError
from atomicapp.providers.marathon.access import Access
from atomicapp.providers.marathon.client import Client, Refused, Row

STREAMS = ("stdout", "stderr")
PIECE = 64 * 1024
"""Bytes that are read at once, and of which the last lines are taken."""
_PAUSE = 0.5


class Sandbox:
    """Reads the files of tasks. Remembers where agents are."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._master: str | None = None
        self._agents: dict[str, str] = {}
        self._folders: dict[str, tuple[str, str]] = {}
        self._clients: dict[str, Client] = {}

    def tail(self, task: Row, count: int) -> tuple[str, ...]:
        """The last lines of a task, of both streams; empty when they can't be had."""
        lines: list[str] = []
        try:
            for stream in STREAMS:
                found = self.last(task, stream, count)
                lines += found
        except (EngineError, Refused, BrokenError):
            return ()
        return tuple(lines[-count:])

    def last(self, task: Row, stream: str, count: int) -> list[str]:
        """The last lines of one stream."""
        size = self.size(task, stream)
        text = self.text(task, stream, max(0, size - PIECE), size)
        return text.splitlines()[-count:] if count else []

    def size(self, task: Row, stream: str) -> int:
        """How long a stream is by now, in bytes."""
        return int(self._read(task, stream, -1, 0).get("offset") or 0)

    def text(self, task: Row, stream: str, start: int, end: int) -> str:
        """A part of a stream."""
        found: list[str] = []
        while start < end:
            data = str(self._read(task, stream, start, min(PIECE, end - start)).get("data") or "")
            if not data:
                break
            found.append(data)
            start += len(data.encode("utf-8", "replace"))
        return "".join(found)

    def _read(self, task: Row, stream: str, offset: int, length: int) -> Row:
        agent, folder = self._folder(task)
        query = {"path": f"{folder}/{stream}", "offset": str(offset), **({"length": str(length)} if length else {})}
        return self._ask(f"{agent}/files/read?{urlencode(query)}")

    # ------------------------------------------------------------ where

    def _folder(self, task: Row) -> tuple[str, str]:
        """The address of the agent and the folder there, of a task that runs or ran."""
        ident = str(task.get("taskId") or task.get("id") or "")
        if ident not in self._folders:
            agent = str(task.get("slaveId") or "")
            for name, place in self._known_agents().items():
                if not agent or name == agent:
                    self._list(place)
        if ident not in self._folders:
            raise EngineError(f"no agent of Mesos keeps the sandbox of the task {ident} any more")
        return self._folders[ident]

    def _list(self, place: str) -> None:
        state = self._ask(f"{place}/state")
        address = place.rpartition("/")[0]
        for framework in [*(state.get("frameworks") or ()), *(state.get("completed_frameworks") or ())]:
            for executor in [*(framework.get("executors") or ()), *(framework.get("completed_executors") or ())]:
                self._folders[str(executor.get("id", ""))] = (address, str(executor.get("directory", "")))

    def _known_agents(self) -> dict[str, str]:
        if not self._agents:
            master = self._master_url()
            scheme = urlsplit(master).scheme
            for row in self._ask(f"{master}/slaves").get("slaves") or ():
                process, _, address = str(row.get("pid") or "").partition("@")
                address = address or f"{row.get('hostname')}:{row.get('port', 5051)}"
                self._agents[str(row.get("id", ""))] = f"{scheme}://{address}/{process or 'slave(1)'}"
        return self._agents

    def _master_url(self) -> str:
        if self._master is None:
            config = self.client.info().get("marathon_config") or {}
            found = str(config.get("mesos_leader_ui_url") or "")
            master = str(config.get("master") or "")
            if not found and master and "zk://" not in master:
                found = f"http://{master}"
            self._master = found.rstrip("/")
        if not self._master:
            raise EngineError(
                "Marathon does not tell where the master of Mesos is, so the logs of its tasks can't be read",
                hint="set --mesos_leader_ui_url on Marathon, or read the sandbox on the agent",
            )
        return self._master

    def _ask(self, url: str) -> Row:
        parts = urlsplit(url)
        server = f"{parts.scheme}://{parts.netloc}"
        client = self._clients.get(server)
        if client is None:
            own = self.client.access
            # who we are is told to the machine of Marathon only
            same = urlsplit(own.server).hostname == parts.hostname
            access = Access(server, "Mesos", own.authorization if same else "", own.ca, own.verify)
            client = self._clients[server] = Client(access)
        found: Any = client.get(f"{parts.path}?{parts.query}" if parts.query else parts.path)
        return found if isinstance(found, dict) else {}

    def close(self) -> None:
        """Give the connections back."""
        for client in self._clients.values():
            client.close()


def read(
    client: Client, sandbox: Sandbox, existing: Existing, *, tail: int | None, follow: bool, since: str
) -> Iterator[LogLine]:
    """The lines of all tasks of an app; see providers.base.Session.logs."""
    if since:
        raise EngineError(
            f"{existing.component}: the sandboxes of Mesos tell no times, so there is no `since`", hint="use --tail"
        )
    row = client.app(existing.name, ("tasks", "lastTaskFailure"))
    if row is None:
        raise EngineError(f"{existing.component}: the app {existing.name} is gone", component=existing.component)
    tasks = _begun(row)
    if not tasks and isinstance(row.get("lastTaskFailure"), dict):
        tasks = [row["lastTaskFailure"]]
    places: dict[tuple[str, str], int] = {}
    try:
        while True:
            for task in tasks:
                for stream in STREAMS:
                    yield from _news(sandbox, existing, task, stream, places, tail)
            if not follow:
                return
            time.sleep(_PAUSE)
            row = client.app(existing.name, ("tasks",))
            tasks = _begun(row or {})
    except (Refused, BrokenError) as error:
        raise EngineError(
            f"{existing.component}: the sandbox of a task of {existing.name} can't be read: {error}",
            component=existing.component,
            hint="Marathon keeps no logs: they are on the agents of Mesos, which must be reached from here",
        ) from error


def _begun(row: Row) -> list[Row]:
    """The tasks of an app that may have written something."""
    from atomicapp.providers.marathon.observe import live_tasks

    return [task for task in live_tasks(row) if task.get("startedAt")]


def _news(
    sandbox: Sandbox, existing: Existing, task: Row, stream: str, places: dict[tuple[str, str], int], tail: int | None
) -> Iterator[LogLine]:
    """The lines that came since the last look; at the first one the last `tail` of them."""
    ident = str(task.get("taskId") or task.get("id") or "")
    size = sandbox.size(task, stream)
    first = (ident, stream) not in places
    start = places.get((ident, stream), 0 if tail is None else max(0, size - PIECE))
    text = sandbox.text(task, stream, start, size)
    places[ident, stream] = size
    lines = text.splitlines()
    for line in lines[-tail:] if first and tail else lines if tail != 0 or not first else []:
        yield LogLine(existing.component, ident, line, stream)
