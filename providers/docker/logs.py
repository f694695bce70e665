"""The log of a container as lines with their stream and time."""

from __future__ import annotations

import re
import struct
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from atomicapp.errors import EngineError, UsageError
from atomicapp.model import Existing, LogLine
from atomicapp.providers.docker.client import Client, Refused, seg, talking
from atomicapp.workload import values

if TYPE_CHECKING:
    from requests import Response

_HEADER = struct.Struct(">BxxxL")
_LONGEST = 1 << 20
"""Bytes of one line. A program that never ends its line must not fill our memory."""

_STREAMS = {1: "stdout", 2: "stderr"}
_STAMP = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)) ")


def since_stamp(since: str) -> str:
    """`10m` or an RFC 3339 time as the engine's seconds since 1970. UsageError for anything else."""
    if not since:
        return ""
    try:
        return f"{time.time() - values.duration(since) / 1e9:.9f}"
    except ValueError:
        pass
    try:
        found = datetime.fromisoformat(since)
    except ValueError:
        raise UsageError(f"'{since}' is no time", hint="expected 10m, 2h, or 2024-05-01T12:00:00Z") from None
    return f"{(found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp():.9f}"


def read(client: Client, existing: Existing, *, tail: int | None, follow: bool, since: str) -> Iterator[LogLine]:
    """The lines of a container's log; see providers.base.Session.logs."""
    params = {"stdout": "1", "stderr": "1", "timestamps": "1", "follow": "1" if follow else "0"}
    params["tail"] = "all" if tail is None else str(tail)
    if since:
        params["since"] = since_stamp(since)
    container = existing.id or existing.name
    try:
        found = client.inspect("container", container)
        if found is None:
            raise Refused(404, "the container is gone")
        response = client.request(
            "GET", f"/containers/{seg(container)}/logs", params=params, stream=True, timeout=None if follow else 60.0
        )
    except Refused as error:
        raise EngineError(
            f"{existing.component}: the log of {existing.name} can't be read: {error.message}",
            component=existing.component,
            hint="a log driver such as none or syslog keeps nothing to read" if error.status != 404 else "",
        ) from error
    tty = bool((found.get("Config") or {}).get("Tty"))
    with response, talking(client.endpoint):
        for stream, stamp, line in lines(response, tty=tty):
            text = line.decode("utf-8", "replace").rstrip("\r")
            yield LogLine(existing.component, existing.name, text, stream, stamp.decode())


def lines(response: Response, *, tty: bool) -> Iterator[tuple[str, bytes, bytes]]:
    """The lines of a stream as it comes from the engine: stream, time, text."""
    return _lines(_plain(response) if tty else _frames(response))


def tail(client: Client, existing: Existing, count: int) -> tuple[str, ...]:
    """The last lines as text; empty when they can't be had."""
    try:
        return tuple(line.text for line in read(client, existing, tail=count, follow=False, since=""))
    except EngineError:
        return ()


def _plain(response: Response) -> Iterator[tuple[int, bytes]]:
    """A terminal's output comes as it is."""
    for chunk in response.iter_content(chunk_size=None):
        yield 1, chunk


def _frames(response: Response) -> Iterator[tuple[int, bytes]]:
    """Without a terminal each piece has a header of eight bytes: its stream and its length."""
    while True:
        header = _exactly(response, _HEADER.size)
        if len(header) < _HEADER.size:
            return
        stream, length = _HEADER.unpack(header)
        while length:
            piece = _exactly(response, min(length, _LONGEST))
            if not piece:
                return
            length -= len(piece)
            yield stream, piece


def _exactly(response: Response, count: int) -> bytes:
    found = b""
    while len(found) < count:
        piece: bytes = response.raw.read(count - len(found))
        if not piece:
            break
        found += piece
    return found


def _lines(pieces: Iterator[tuple[int, bytes]]) -> Iterator[tuple[str, bytes, bytes]]:
    """Pieces as whole lines: stream, time, text. Each line begins with its time; a long one comes in several pieces
    of which every one has it."""
    waiting: dict[int, tuple[bytes, bytes]] = {}
    for stream, piece in pieces:
        for part in piece.splitlines(keepends=True) if b"\n" in piece else [piece]:
            stamp, text = waiting.pop(stream, (b"", b""))
            match = _STAMP.match(part)
            if match:
                stamp, part = stamp or match[1], part[match.end() :]
            text += part
            if text.endswith(b"\n") or len(text) >= _LONGEST:
                yield _STREAMS.get(stream, "stdout"), stamp, text.removesuffix(b"\n")
            else:
                waiting[stream] = (stamp, text)
    for stream, (stamp, text) in waiting.items():
        if text:
            yield _STREAMS.get(stream, "stdout"), stamp, text
