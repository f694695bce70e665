"""The console script as a process: its exit status, all of its output, and what is registered for the end."""

from __future__ import annotations

import subprocess
import sys

_PROGRAM = """
import atexit, sys, threading, time
from atomicapp.cli import start
{before}
def main(arguments):
    print("x" * 200_000)
    print("said", file=sys.stderr)
    {inside}
    return 3
start.main = main
start.entry()
"""


def ended(before: str = "", inside: str = "pass") -> subprocess.CompletedProcess[str]:
    program = _PROGRAM.format(before=before, inside=inside)
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)


def test_the_status_and_all_output_come_through_a_pipe() -> None:
    found = ended()
    assert (found.returncode, len(found.stdout), found.stderr) == (3, 200_001, "said\n")


def test_what_is_registered_for_the_end_runs() -> None:
    found = ended("atexit.register(lambda: print('the end'))")
    assert (found.returncode, found.stdout[-8:]) == (3, "the end\n")


def test_threads_that_still_work_are_waited_for() -> None:
    work = "threading.Thread(target=lambda: (time.sleep(0.2), print('worked'))).start()"
    found = ended(inside=work)
    assert (found.returncode, found.stdout[-7:]) == (3, "worked\n")


def test_output_that_nobody_can_take_is_no_success() -> None:
    command = f'"{sys.executable}" -m atomicapp --version >/dev/full'
    found = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert found.returncode == 1
    assert found.stderr == "atomicapp: can't write to standard output: No space left on device\n"


def test_closed_streams_are_no_fault() -> None:
    found = subprocess.run(
        ["bash", "-c", f'"{sys.executable}" -m atomicapp --version >&- 2>&-; echo $?'],
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.stdout == "0\n"
