"""Logs, which only the machines have: journalctl by SSH, as `fleetctl journal` reads them."""

from __future__ import annotations

import queue
import subprocess
import threading
from collections.abc import Iterator, Sequence

from atomicapp.errors import EngineError
from atomicapp.model import Existing, LogLine
from atomicapp.providers.fleet import state as telling
from atomicapp.providers.fleet.observe import instances
from atomicapp.providers.fleet.remote import Line, Machines
from atomicapp.providers.fleet.view import Own, Snapshot


def read(
    machines: Machines,
    snapshot: Snapshot,
    owns: Sequence[Own],
    existing: Existing,
    *,
    tail: int | None,
    follow: bool,
    since: str,
) -> Iterator[LogLine]:
    """The lines of one resource. EngineError where its machine can't be asked."""
    sources = []
    for own in instances(owns):
        for state in telling.reported(own.unit, snapshot):
            machine = snapshot.machines.get(state.machine)
            if machine is not None and machine.address:
                sources.append((own.unit.name, machine.address))
    if follow:
        yield from _followed(machines, sources, existing, tail, since)
        return
    for name, host in sources:
        try:
            for line in machines.journal(host, name, tail=tail, since=since):
                yield _told(existing, name, line)
        except (OSError, subprocess.SubprocessError) as error:
            raise EngineError(
                f"the log of {name} can't be read: ssh to {host} failed: {error}",
                component=existing.component,
                hint="fleet keeps no logs; they are read on the machine, by ssh (FLEETCTL_SSH_USERNAME, FLEETCTL_TUNNEL)",
            ) from error


def _told(existing: Existing, name: str, line: Line) -> LogLine:
    return LogLine(existing.component, name, line.text, time=line.time)


def _followed(
    machines: Machines, sources: Sequence[tuple[str, str]], existing: Existing, tail: int | None, since: str
) -> Iterator[LogLine]:
    lines: queue.Queue[LogLine | None] = queue.Queue()

    def follow(name: str, host: str) -> None:
        try:
            for line in machines.follow(host, name, tail=tail, since=since):
                lines.put(_told(existing, name, line))
        finally:
            lines.put(None)

    threads = [threading.Thread(target=follow, args=source, daemon=True) for source in sources]
    for thread in threads:
        thread.start()
    left = len(threads)
    while left:
        line = lines.get()
        if line is None:
            left -= 1
        else:
            yield line
