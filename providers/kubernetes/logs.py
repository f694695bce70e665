"""The logs of a workload: those of its pods, as lines with their time."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from queue import Empty, Queue
from threading import Thread
from typing import Any
from urllib.parse import quote

from atomicapp.errors import EngineError, UsageError
from atomicapp.model import Existing, LogLine
from atomicapp.providers.kubernetes.client import Client, Refused
from atomicapp.workload import values

_STAMP = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)) ")
_LONGEST = 1 << 20


def log_path(namespace: str, pod: str) -> str:
    return f"/api/v1/namespaces/{quote(namespace, safe='')}/pods/{quote(pod, safe='')}/log"


def since_query(since: str) -> dict[str, str]:
    """`10m` or an RFC 3339 time as the server's words. UsageError for anything else."""
    if not since:
        return {}
    try:
        seconds = values.duration(since) / 1e9
        found = datetime.fromtimestamp(time.time() - seconds, UTC)
    except ValueError:
        try:
            found = datetime.fromisoformat(since)
        except ValueError:
            raise UsageError(f"'{since}' is no time", hint="expected 10m, 2h, or 2024-05-01T12:00:00Z") from None
    stamp = (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    return {"sinceTime": stamp.strftime("%Y-%m-%dT%H:%M:%SZ")}


def read(
    client: Client,
    namespace: str,
    existing: Existing,
    pods: list[dict[str, Any]],
    *,
    tail: int | None,
    follow: bool,
    since: str,
) -> Iterator[LogLine]:
    """The lines of all containers of all pods; when followed, as they come."""
    query = {"timestamps": "true", **since_query(since)}
    if tail is not None:
        query["tailLines"] = str(tail)
    sources = [
        (str(pod["metadata"]["name"]), str(container["name"]))
        for pod in pods
        for container in (pod.get("spec") or {}).get("containers") or []
    ]
    if not follow:
        for pod, container in sources:
            yield from _one(client, namespace, existing, pod, {**query, "container": container})
        return
    yield from _together(
        [
            _one(client, namespace, existing, pod, {**query, "container": container, "follow": "true"})
            for pod, container in sources
        ]
    )


def _together(streams: list[Iterator[LogLine]]) -> Iterator[LogLine]:
    """Several streams as one, in the order of their coming. The threads end with their streams, or with the program."""
    lines: Queue[LogLine | BaseException | None] = Queue(1000)

    def pump(stream: Iterator[LogLine]) -> None:
        try:
            for line in stream:
                lines.put(line)
        except EngineError as error:
            lines.put(error)
        finally:
            lines.put(None)

    for stream in streams:
        Thread(target=pump, args=(stream,), daemon=True, name="log").start()
    running = len(streams)
    while running:
        try:
            found = lines.get(timeout=0.5)
        except Empty:
            continue
        if found is None:
            running -= 1
        elif isinstance(found, BaseException):
            raise found
        else:
            yield found


def _one(client: Client, namespace: str, existing: Existing, pod: str, query: Mapping[str, str]) -> Iterator[LogLine]:
    timeout = None if "follow" in query else 60.0
    try:
        with (
            client.open("GET", log_path(namespace, pod), query, accept="*/*", timeout=timeout) as response,
            client.talking(),
        ):
            for line in _lines(response.stream(65536)):
                match = _STAMP.match(line)
                text = line[match.end() :] if match else line
                yield LogLine(existing.component, pod, text, "stdout", match[1] if match else "")
    except Refused as refused:
        # a container that has not started yet has no log
        if refused.status not in (400, 404):
            raise EngineError(
                f"{existing.component}: the log of {pod} can't be read: {refused.message}", component=existing.component
            ) from refused


def _lines(pieces: Iterator[bytes]) -> Iterator[str]:
    waiting = b""
    for piece in pieces:
        *whole, waiting = (waiting + piece).split(b"\n")
        for line in whole:
            yield line.decode("utf-8", "replace").rstrip("\r")
        if len(waiting) > _LONGEST:
            yield waiting.decode("utf-8", "replace")
            waiting = b""
    if waiting:
        yield waiting.decode("utf-8", "replace")


def last_lines(client: Client, namespace: str, pod: str, container: str, count: int) -> tuple[str, ...]:
    """The last lines of a container, of its run before when this one has said nothing; empty when there are none."""
    for previous in ("false", "true"):
        query = {"container": container, "tailLines": str(count), "previous": previous, "limitBytes": "65536"}
        try:
            with client.open("GET", log_path(namespace, pod), query, accept="*/*") as response, client.talking():
                lines = tuple(_lines(iter([response.data])))
        except (Refused, EngineError):
            continue
        if lines:
            return lines
    return ()
