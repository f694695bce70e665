"""What units wrote, and what systemd says of them: the journal."""

from __future__ import annotations

import json
import os
import re
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from atomicapp.errors import EngineError
from atomicapp.model import Event, Existing, LogLine
from atomicapp.providers.docker.logs import since_stamp
from atomicapp.providers.systemd.tools import Systemd
from atomicapp.records import NamedTuple

_WARNING = 4
"""The least urgent priority of bad news."""

_FIELDS = "MESSAGE,UNIT,USER_UNIT,_SYSTEMD_UNIT,_SYSTEMD_USER_UNIT,JOB_TYPE,JOB_RESULT,MESSAGE_ID,PRIORITY,__REALTIME_TIMESTAMP"


_PODMAN = re.compile(
    r"[0-9a-f]{64}|"
    r"\d{4}-\d\d-\d\d [\d:.]+ \S+ \S+ m=\+\S+ (?:container|image|network|pod|secret|system|volume) .*|",
    re.DOTALL,
)
"""What Podman itself writes among the lines of a container: its events, and the id of what it has made."""
_PODMANS = 20
"""Lines that Podman may write of one start."""


def read(
    systemd: Systemd,
    existing: Existing,
    units: Sequence[str],
    *,
    tail: int | None,
    follow: bool,
    since: str,
    podman: bool = False,
) -> Iterator[LogLine]:
    """The lines that a unit's processes wrote; see providers.base.Session.logs. `podman`: its generator has made the unit, and
    what it says of itself is left out."""
    asked = tail if tail is None or not podman else 2 * tail + _PODMANS
    words = [*_options(since), f"--lines={'all' if asked is None else asked}"]
    # a call that follows shows ten lines only, unless it is told otherwise
    words += ["--follow"] if follow else []
    field = _own(systemd)
    rows = _rows(systemd.lines(*words, *_matches(systemd, field, units)))
    if podman:
        rows = (row for row in rows if not _PODMAN.fullmatch(_text(row)))
        if tail is not None and not follow:
            rows = iter(deque(rows, maxlen=tail))
    for row in rows:
        yield LogLine(existing.component, row.get(field, existing.name), _text(row), "stdout", _time(row))


LOOKS = 4
"""Times that the journal is asked for the lines of what has ended: it may write them down a moment later."""

_PAUSE = 0.15


def tail(systemd: Systemd, unit: str, invocation: str, count: int, *, pid: str = "", looks: int = 1) -> tuple[str, ...]:
    """The last lines of a unit's last run (whose process was `pid`), or of an earlier one; what systemd says of it when it
    wrote nothing itself."""
    own = _matches(systemd, _own(systemd), [unit])
    if systemd.user and pid not in ("", "0"):
        # of a user's process that has ended soon, the journal does not find out the unit
        own += ["+", f"_PID={pid}", f"_UID={os.geteuid()}"]
    # what a user's manager runs has no field of its own for the run
    run = [f"_SYSTEMD_INVOCATION_ID={invocation}"] if invocation and not systemd.user else []
    for number in range(looks):
        time.sleep(_PAUSE if number else 0)
        lines = _last(systemd, [*own, *run], count) or (_last(systemd, own, count) if run else ())
        if lines:
            return lines
    return _last(systemd, _matches(systemd, _about(systemd), [unit]), count)


def _last(systemd: Systemd, matches: Sequence[str], count: int) -> tuple[str, ...]:
    try:
        done = systemd.journalctl("--output=cat", "--quiet", f"--lines={count + _PODMANS}", *matches)
    except EngineError:
        return ()
    return tuple(line for line in done.out.splitlines() if not _PODMAN.fullmatch(line))[-count:]


class Word(NamedTuple):
    """The last that systemd said of a unit: the result of the job that it was about (`dependency`), which message it is
    (`ENDED_WELL`), its text."""

    result: str = ""
    message: str = ""
    text: str = ""


ENDED_WELL = "7ad2d189f7e94e70a38c781354912448"
"""The id of the message that a unit has come to its end with success."""


def last_word(systemd: Systemd, unit: str, since: float) -> Word:
    """What systemd said of a unit at last, since a time (in seconds since 1970; 0 for ever)."""
    words = ["--output=json", "--quiet", "--lines=1", f"--output-fields={_FIELDS}", f"--since=@{since:.6f}"]
    matches = _matches(systemd, _about(systemd), [unit])
    for number in range(LOOKS):
        time.sleep(_PAUSE if number else 0)
        row = next(_rows(iter(systemd.journalctl(*words, *matches).out.splitlines())), None)
        if row is not None:
            return Word(str(row.get("JOB_RESULT", "")), str(row.get("MESSAGE_ID", "")), _text(row))
    return Word()


def events(systemd: Systemd, units: Mapping[str, Existing], *, follow: bool, since: str) -> Iterator[Event]:
    """What systemd says of units, by their names; see providers.base.Session.events."""
    if not units:
        return
    field = _about(systemd)
    words = [*_options(since), "--lines=all", *(["--follow"] if follow else [])]
    for row in _rows(systemd.lines(*words, *_matches(systemd, field, units))):
        name = str(row.get(field, ""))
        item = units.get(name)
        if item is None:
            continue
        reason = str(row.get("JOB_RESULT") or row.get("JOB_TYPE") or "")
        bad = int(row.get("PRIORITY") or 6) <= _WARNING or reason in ("failed", "dependency", "timeout")
        yield Event(
            item.component, _time(row), bad, f"unit {name}", reason or ("failed" if bad else "state"), _text(row)
        )


def _own(systemd: Systemd) -> str:
    """The field of what a unit wrote."""
    return "_SYSTEMD_USER_UNIT" if systemd.user else "_SYSTEMD_UNIT"


def _about(systemd: Systemd) -> str:
    """The field of what systemd says of a unit."""
    return "USER_UNIT" if systemd.user else "UNIT"


def _matches(systemd: Systemd, field: str, units: Iterable[str]) -> list[str]:
    """Of a user's units the journal of the machine may have some of the same name, of other users."""
    user = [f"_UID={os.geteuid()}"] if systemd.user else []
    return [*(f"{field}={unit}" for unit in units), *user]


def _options(since: str) -> list[str]:
    found = ["--output=json", "--quiet", f"--output-fields={_FIELDS}"]
    return [*found, f"--since=@{float(since_stamp(since)):.6f}"] if since else found


def _rows(lines: Iterator[str]) -> Iterator[Mapping[str, Any]]:
    for line in lines:
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if isinstance(found, dict):
            yield found


def _text(row: Mapping[str, Any]) -> str:
    """The journal tells what is no text as numbers, and nothing of what is very long."""
    said = row.get("MESSAGE")
    if isinstance(said, list):
        return bytes(number for number in said if isinstance(number, int) and 0 <= number < 256).decode(
            "utf-8", "replace"
        )
    return str(said) if said is not None else "(a line too long for the journal to tell)"


def _time(row: Mapping[str, Any]) -> str:
    try:
        stamp = int(row.get("__REALTIME_TIMESTAMP", ""))
    except ValueError:
        return ""
    return datetime.fromtimestamp(stamp / 1e6, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
