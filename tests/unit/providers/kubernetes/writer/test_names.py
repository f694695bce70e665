"""Whatever a thing is called, its name on the cluster is one that the server takes."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atomicapp.providers.kubernetes.writer import names
from tests.unit.properties import examples

LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
ADDRESS = re.compile(r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")
ENTRY = re.compile(r"[A-Za-z0-9._-]{1,253}")


@examples
@given(st.text(min_size=1) | st.from_regex(r"[a-zA-Z0-9._-]{1,200}", fullmatch=True))
def test_names_are_taken(text: str) -> None:
    for most in (names.LONGEST, names.WORKLOAD, 15):
        found = names.label(text, most)
        assert LABEL.fullmatch(found)
        assert len(found) <= most
    assert ADDRESS.fullmatch(names.address(text))
    assert ENTRY.fullmatch(names.entry(text))
    assert names.entry(text) not in (".", "..")


@examples
@given(st.from_regex(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?", fullmatch=True))
def test_names_that_are_taken_stay(text: str) -> None:
    assert names.label(text) == names.address(text) == text


@pytest.mark.parametrize(
    ("text", "found"),
    [("My_App", "my-app"), ("a.b", "a-b"), ("3d", "s-3d"), ("_x_", "x"), ("Web", "web")],
)
def test_names(text: str, found: str) -> None:
    assert names.address(text) == found


def test_long_names_that_differ_at_the_end_differ() -> None:
    first, second = (names.label("n" * 80 + end) for end in "ab")
    assert first != second
    assert first[:54] == second[:54] == "n" * 54
