"""atomicapp/position.py."""

from __future__ import annotations

import pytest

from atomicapp.position import Position, line_of


@pytest.mark.parametrize(
    ("position", "text"),
    [
        (Position("f"), "f"),
        (Position("f", 3), "f:3"),
        (Position("f", 3, 7), "f:3:7"),
        (Position("<command line>"), "<command line>"),
    ],
)
def test_as_text(position: Position, text: str) -> None:
    assert str(position) == text


@pytest.mark.parametrize(
    ("offset", "line", "column"), [(0, 1, 1), (1, 1, 2), (2, 1, 3), (3, 2, 1), (4, 2, 2), (6, 4, 1)]
)
def test_at_offset(offset: int, line: int, column: int) -> None:
    assert Position.at_offset("f", "ab\nc\n\nd", offset) == Position("f", line, column)


@pytest.mark.parametrize(
    ("text", "line", "found"),
    [
        ("a\nb", 1, "a"),
        ("a\nb", 2, "b"),
        ("a\r\nb\r\n", 1, "a"),
        ("a\n", 2, ""),
        ("a\n", 3, ""),
        ("a", 0, ""),
        ("", 1, ""),
        ("\ufeffa: 1\n", 1, "a: 1"),
    ],
)
def test_line_of(text: str, line: int, found: str) -> None:
    assert line_of(text, line) == found


def test_positions_sort_by_place() -> None:
    places = [Position("f", 2, 1), Position("f", 1, 9), Position("f", 1, 2), Position("e", 7, 7)]
    assert sorted(places) == [places[3], places[2], places[1], places[0]]
