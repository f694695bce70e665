"""What is measured: real processes, in pairs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks import measure
from benchmarks.run import counted


def test_each_pair_is_made_for_its_turn(tmp_path: Path) -> None:
    def commands(number: int) -> tuple[list[str], list[str]]:
        return ["touch", str(tmp_path / f"a{number}")], ["touch", str(tmp_path / f"b{number}")]

    found = measure.paired_of(commands, 2)
    assert {path.name for path in tmp_path.iterdir()} == {"a0", "a1", "a2", "b0", "b1", "b2"}
    assert found.peak > 0


def test_a_command_that_fails_is_no_measurement() -> None:
    with pytest.raises(RuntimeError, match="ended with 3"):
        measure.once([sys.executable, "-c", "raise SystemExit(3)"])


@pytest.mark.parametrize(("ours", "theirs", "goal", "good"), [(5, 10, 10, True), (0, 3, 0, True), (1, 0, 0, False)])
def test_counts_are_good_up_to_their_goal(ours: int, theirs: int, goal: int, good: bool) -> None:
    row = counted("what", ours, theirs, goal)
    assert (row.ours, row.theirs, row.good) == (str(ours), str(theirs), good)
