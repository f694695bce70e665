"""Programs and daemons that tests need: found or told missing, started, waited for, stopped by pid."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

import pytest

SYSTEM_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin"])
"""Daemons lie in sbin, which a user's PATH may lack."""


def missing(reason: str) -> NoReturn:
    """An engine can't be had: a failure where CI=true, else a skip with the reason."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason} (CI=true: every engine must be there)")
    pytest.skip(reason)


def needs(*programs: str) -> None:
    """The test needs these programs; see `missing` for what happens when one is not installed."""
    absent = [program for program in programs if shutil.which(program, path=SYSTEM_PATH) is None]
    if absent:
        missing(f"not installed: {', '.join(absent)}")


def free_port() -> int:
    """A TCP port of the loopback that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def run(*words: str, env: Mapping[str, str] | None = None, stdin: str = "") -> str:
    """Standard output of a command that must succeed; the assertion shows what it wrote."""
    done = subprocess.run(
        words, input=stdin, capture_output=True, text=True, timeout=600, env={**os.environ, **(env or {})}, check=False
    )
    assert done.returncode == 0, f"{' '.join(words)} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
    return done.stdout


class Daemon:
    """A process of our own, in a session of its own, with its output in a log file."""

    def __init__(self, words: Sequence[str], log: Path, env: Mapping[str, str] | None = None) -> None:
        self.words = list(words)
        self.log = log
        program = shutil.which(self.words[0], path=SYSTEM_PATH)
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [program or self.words[0], *self.words[1:]],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PATH": SYSTEM_PATH, **(env or {})},
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait_until(self, probe: Callable[[], bool], seconds: float = 30) -> None:
        """Poll until `probe` says yes; fail with the log when the process ends or time is up before."""
        deadline = time.monotonic() + seconds
        while not probe():
            ended = self._process.poll()
            if ended is not None or time.monotonic() > deadline:
                self.stop()
                why = f"ended with {ended}" if ended is not None else f"is not ready after {seconds:.0f} s"
                pytest.fail(f"{self.words[0]} {why}:\n{self.log.read_text(errors='replace')[-3000:]}")
            time.sleep(0.05)

    def stop(self) -> None:
        """TERM, then KILL for what does not listen. Stopping twice is fine."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(15)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


def listens(port: int, host: str = "127.0.0.1") -> bool:
    """Whether something accepts connections there."""
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False
