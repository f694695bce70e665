"""CPU time and peak memory of whole processes, as the system accounts for them; two commands in turn."""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable, Sequence
from typing import NamedTuple


class Run(NamedTuple):
    """One process: user and system seconds, and the largest resident size in MiB."""

    cpu: float
    peak: float


class Pair(NamedTuple):
    """Two commands run in turn, A B A B: their medians, and the median of the ratios pair by pair."""

    cpu: float
    other_cpu: float
    ratio: float
    peak: float
    other_peak: float


def once(command: Sequence[str]) -> Run:
    """Run a command with its output thrown away; RuntimeError when it fails."""
    null = os.open(os.devnull, os.O_RDWR)
    try:
        actions = [(os.POSIX_SPAWN_DUP2, null, number) for number in (0, 1, 2)]
        pid = os.posix_spawnp(command[0], list(command), os.environ, file_actions=actions)
        _, status, usage = os.wait4(pid, 0)
    finally:
        os.close(null)
    code = os.waitstatus_to_exitcode(status)
    if code:
        raise RuntimeError(f"{' '.join(command)} ended with {code}")
    return Run(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def repeated(command: Sequence[str], runs: int) -> Run:
    """The medians of several runs after one that is not counted."""
    once(command)
    found = [once(command) for _ in range(runs)]
    return Run(statistics.median(run.cpu for run in found), max(run.peak for run in found))


def paired(command: Sequence[str], other: Sequence[str], runs: int) -> Pair:
    """Two commands in turn, so that a machine that gets slower slows both."""
    return paired_of(lambda number: (command, other), runs)


def paired_of(commands: Callable[[int], tuple[Sequence[str], Sequence[str]]], runs: int) -> Pair:
    """The same where each pair is made for its turn (0, which is not counted, 1, 2...)."""
    found = []
    for number in range(runs + 1):
        ours, theirs = commands(number)
        found.append((once(ours), once(theirs)))
    found = found[1:]
    return Pair(
        statistics.median(ours.cpu for ours, _ in found),
        statistics.median(theirs.cpu for _, theirs in found),
        statistics.median(ours.cpu / theirs.cpu for ours, theirs in found),
        max(ours.peak for ours, _ in found),
        max(theirs.peak for _, theirs in found),
    )
