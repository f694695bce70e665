"""What the machines themselves say of a unit, by SSH: fleet's API has neither logs nor exit codes. `fleetctl journal` and
`fleetctl status` go the same way.

ATOMICAPP_SSH is the program (`ssh`; words are split as a shell does), FLEETCTL_SSH_USERNAME the user (core), FLEETCTL_TUNNEL a
host to go through, FLEETCTL_STRICT_HOST_KEY_CHECKING `false` takes any host key.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from atomicapp.records import NamedTuple

CONNECT_TIMEOUT = 5
TIMEOUT = 20.0
TAIL = 20

Runner = Callable[[Sequence[str], float], str]
"""Runs a program; its standard output. OSError or subprocess.SubprocessError."""


class Line(NamedTuple):
    """One line of a journal; `time` is RFC 3339."""

    text: str
    time: str
    pid: str


class Told(NamedTuple):
    """How a unit's last run ended, in words, and its last lines."""

    reason: str
    tail: tuple[str, ...]


def run(words: Sequence[str], timeout: float) -> str:
    """The Runner of the real world."""
    done = subprocess.run(
        list(words),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        stdin=subprocess.DEVNULL,
        errors="replace",
    )
    if done.returncode == 255:
        raise OSError(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "ssh failed")
    return done.stdout


def command(host: str, words: str, environ: Mapping[str, str]) -> list[str]:
    """The words by which a command is carried out on a machine."""
    found = shlex.split(environ.get("ATOMICAPP_SSH", "") or "ssh")
    found += ["-o", "BatchMode=yes", "-o", f"ConnectTimeout={CONNECT_TIMEOUT}"]
    if environ.get("FLEETCTL_STRICT_HOST_KEY_CHECKING", "").lower() == "false":
        found += ["-o", "StrictHostKeyChecking=no"]
    if environ.get("FLEETCTL_TUNNEL"):
        found += ["-J", f"{environ.get('FLEETCTL_SSH_USERNAME', 'core')}@{environ['FLEETCTL_TUNNEL']}"]
    return [*found, f"{environ.get('FLEETCTL_SSH_USERNAME', 'core')}@{host}", words]


class Machines:
    """The machines by SSH."""

    def __init__(self, runner: Runner = run, environ: Mapping[str, str] | None = None) -> None:
        self._runner = runner
        self._environ = os.environ if environ is None else environ

    def ended(self, host: str, unit: str) -> Told:
        """How a unit ended; empty where the machine can't be asked."""
        name = shlex.quote(unit)
        asked = (
            f"systemctl show --property=Result,ExecMainStatus,ExecMainPID,NRestarts -- {name}; {_journal(unit, TAIL)}"
        )
        try:
            said = self._run(host, asked)
        except (OSError, subprocess.SubprocessError):
            return Told("", ())
        shown = dict(line.split("=", 1) for line in said.splitlines() if "=" in line and not line.startswith("{"))
        lines = tuple(line.text for line in _lines(said))
        result, status = shown.get("Result", ""), shown.get("ExecMainStatus", "")
        words = {"exit-code": f"exit code {status}", "success": "", "": ""}.get(result, result)
        if shown.get("NRestarts", "0") not in ("0", ""):
            words = f"{words}, started again {shown['NRestarts']} times".strip(", ")
        return Told(words, lines)

    def journal(self, host: str, unit: str, *, tail: int | None, since: str) -> Iterator[Line]:
        """The lines that a unit's processes have written. OSError or subprocess.SubprocessError."""
        yield from _lines(self._run(host, _journal(unit, tail, since)))

    def follow(self, host: str, unit: str, *, tail: int | None, since: str) -> Iterator[Line]:
        """The same, and those that come."""
        words = command(host, _journal(unit, tail, since, follow=True), self._environ)
        with subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, errors="replace"
        ) as process:
            assert process.stdout is not None
            try:
                for line in process.stdout:
                    yield from _lines(line)
            finally:
                process.terminate()

    def _run(self, host: str, words: str) -> str:
        return self._runner(command(host, words, self._environ), TIMEOUT)


def _journal(unit: str, tail: int | None, since: str = "", *, follow: bool = False) -> str:
    words = ["journalctl", "--no-pager", "--output=json", "--quiet", "-n", "all" if tail is None else str(tail)]
    if since:
        words += ["--since", _since(since)]
    if follow:
        words.append("--follow")
    return " ".join(shlex.quote(word) for word in [*words, f"_SYSTEMD_UNIT={unit}"])


def _since(text: str) -> str:
    """An RFC 3339 time, or a duration such as 10m, as journalctl takes it."""
    if text[-1:] in "smhd" and text[:-1].replace(".", "").isdigit():
        return f"-{text}"
    try:
        return datetime.fromisoformat(text).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except ValueError:
        return text


def _lines(said: str) -> Iterator[Line]:
    for text in said.splitlines():
        if not text.startswith("{"):
            continue
        try:
            found = json.loads(text)
        except ValueError:
            continue
        message = found.get("MESSAGE")
        if isinstance(message, list):  # bytes that are no UTF-8
            message = bytes(byte for byte in message if isinstance(byte, int)).decode("utf-8", "replace")
        stamp = str(found.get("__REALTIME_TIMESTAMP", ""))
        time = datetime.fromtimestamp(int(stamp) / 1e6, UTC).isoformat() if stamp.isdigit() else ""
        if isinstance(message, str):
            yield Line(message, time, str(found.get("_PID", "")))
