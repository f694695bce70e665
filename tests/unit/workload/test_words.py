"""Splitting as a shell does, without one."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atomicapp.workload.words import Source, split
from tests.unit.properties import examples


def words(text: str) -> list[list[str]]:
    source = Source(text, "run")
    found = [[word.text for word in command] for command in split(source)]
    assert not [issue for issue in source.issues if issue.severity == "error"], source.issues
    return found


def issues(text: str) -> list[str]:
    source = Source(text, "run")
    split(source)
    return [
        f"{issue.position.line}:{issue.position.column} {issue.severity} {issue.message}" for issue in source.issues
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("  \n\t\n", []),
        ("a b  c", [["a", "b", "c"]]),
        ("a\nb\r\nc", [["a"], ["b"], ["c"]]),
        ("a \\\n  b \\\r\n c", [["a", "b", "c"]]),
        ("a\\\nb", [["ab"]]),
        ("# all of it\na # the rest\nb#c", [["a"], ["b#c"]]),
        ("'a b' \"c d\" e\\ f", [["a b", "c d", "e f"]]),
        ("'' \"\" x", [["", "", "x"]]),
        ("a'b'\"c\"d", [["abcd"]]),
        (r"'a\b' " + r'"a\b\"\\\$\`"', [[r"a\b", 'a\\b"\\$`']]),
        ('"a\nb" c', [["a\nb", "c"]]),
        ('"a\\\nb"', [["ab"]]),
        ("'#' \\#", [["#", "#"]]),
        ("'$(x)' '`y`' '$Z' \\$Z", [["$(x)", "`y`", "$Z", "$Z"]]),
        ("'a;b|c&d<e>f(g)'", [["a;b|c&d<e>f(g)"]]),
        ("sleep\t1\v2", [["sleep", "1", "2"]]),
        ("$1 ${ $", [["$1", "${", "$"]]),
    ],
)
def test_split(text: str, expected: list[list[str]]) -> None:
    assert words(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a; b", "1:2 error ';' outside quotes: no shell runs here"),
        ("a && b", "1:3 error '&&' outside quotes: no shell runs here"),
        ("x\na | b", "2:3 error '|' outside quotes: no shell runs here"),
        ("a > b", "1:3 error '>' outside quotes: no shell runs here"),
        ("a &", "1:3 error '&' outside quotes: no shell runs here"),
        ("a `b c` d", "1:3 error '`' asks a shell for a command's output: no shell runs here"),
        ('a "x $(b) y"', "1:6 error '$(' asks a shell for a command's output: no shell runs here"),
        ("a $HOME", "1:3 warning '$HOME' stays as it is: no shell runs here that could replace it"),
        ('a "${HOME:-x}"', "1:4 warning '${HOME:-x}' stays as it is: no shell runs here that could replace it"),
        ("a 'b\nc", "1:3 error the quote ' is never closed"),
        ('a "b\\', '1:3 error the quote " is never closed'),
        ("a \\", "1:3 error the text ends with a lone backslash"),
    ],
)
def test_faults(text: str, expected: str) -> None:
    assert issues(text) == [expected]


def test_positions_point_into_words() -> None:
    source = Source("a\n  --x='b c'", "run")
    (_, [word]) = split(source)
    assert source.position(word.start) == ("run", 2, 3)
    assert source.position(word.cut(4).start) == ("run", 2, 8)
    assert source.line(2) == "  --x='b c'"
    assert source.line(3) == ""


@examples
@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), min_size=1))
def test_quoted_words_come_back(expected: list[str]) -> None:
    assert words(shlex.join(expected)) == [expected]


@examples
@given(st.text("abc '\"\\\t-=:/.,#", max_size=40))
def test_agrees_with_shlex(text: str) -> None:
    source = Source(text, "run")
    found = [word.text for command in split(source) for word in command]
    try:
        lexer = shlex.shlex(text, posix=True, punctuation_chars=False)
        lexer.whitespace_split = True
        lexer.commenters = ""
        expected = list(lexer)
    except ValueError:
        assert source.issues or "#" in text
        return
    # to a shell and to us a comment begins with a word; shlex knows no such rule
    if "#" not in text:
        assert found == expected


@examples
@given(st.text())
def test_any_text_is_split_or_reported(text: str) -> None:
    source = Source(text, "run")
    for command in split(source):
        for word in command:
            assert len(word.text) == len(word.offsets)
            assert source.position(word.start).line >= 1
