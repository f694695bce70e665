"""Compose files as real projects have them: read without a fault, as a person has looked at once."""

from __future__ import annotations

import pytest

from atomicapp.workload.compose.keys import KEYS
from tests.compose.dump import GOLDEN, dump
from tests.compose.files import NAMES, read_input


@pytest.mark.parametrize("name", NAMES)
def test_an_input_is_read_as_it_was(name: str) -> None:
    assert dump(read_input(name)) == (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")


def test_the_inputs_say_every_key() -> None:
    said = {item.key for name in NAMES for item in read_input(name).said}
    assert said == KEYS
    assert len(NAMES) >= 30
    assert {path.stem for path in GOLDEN.glob("*.txt")} == set(NAMES)
