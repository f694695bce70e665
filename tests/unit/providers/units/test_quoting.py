"""Words as command lines: what systemd makes of a line is what was meant."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atomicapp.position import Position
from atomicapp.providers.units import quoting, syntax
from atomicapp.providers.units.quoting import INSTANCE, TooLongError, command

_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"', "'": "'", "s": " "}


def words_of(value: str, instance: str = "") -> list[str]:
    """A command line as systemd reads it (systemd.service(5), "Command lines"), the value of %i given."""
    text = syntax.joined(value)
    words: list[str] = []
    at, word, quote, inside = 0, "", "", False
    while at < len(text):
        char = text[at]
        if char == "\\":
            code = text[at + 1]
            if code == "x":
                word += chr(int(text[at + 2 : at + 4], 16))
                at += 4
            else:
                word += _ESCAPES[code]
                at += 2
            inside = True
            continue
        if quote:
            if char == quote:
                quote = ""
            else:
                word += char
        elif char in "\"'":
            quote, inside = char, True
        elif char in " \t\n":
            if inside or word:
                words.append(word)
            word, inside = "", False
        else:
            word += char
        at += 1
    assert not quote
    if inside or word:
        words.append(word)
    return [item.replace("%%", "\0").replace("%i", instance).replace("\0", "%").replace("$$", "$") for item in words]


def through_a_file(value: str) -> str:
    """The value after it was written to a unit file and read again."""
    text = syntax.write([syntax.Option("Service", "ExecStart", value, Position("x"))])
    return syntax.read(text, "x.service", "x.service").value("Service", "ExecStart")


# the reader of this test undoes dollars and specifiers after the quotes, as systemd does
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\x85\u2028\u2029"), max_size=60)


@given(st.lists(st.lists(TEXTS, min_size=1, max_size=4), min_size=1, max_size=5))
def test_words_come_back(groups: list[list[str]]) -> None:
    groups = [["/bin/echo"], *groups]
    value = command(groups, name="ExecStart")
    assert words_of(through_a_file(value)) == [item for group in groups for item in group]


@given(st.text("ab #;\\\"'$%é€😀", min_size=2000, max_size=9000))
def test_long_words_are_broken_at_blanks(text: str) -> None:
    try:
        value = command([["/bin/echo"], ["-e", text]], name="ExecStart")
    except TooLongError:
        return
    assert words_of(through_a_file(value)) == ["/bin/echo", "-e", text]


def test_a_prefix_and_an_instance() -> None:
    value = command([["/bin/rm", f"web-{INSTANCE}", "100%"]], prefix="-")
    assert value == '-/bin/rm web-%i "100%%"'
    assert words_of(value[1:], "3") == ["/bin/rm", "web-3", "100%"]


def test_groups_stand_on_lines_of_their_own() -> None:
    value = command([["/usr/bin/docker", "run"], ["-e", "A=" + "x" * 60], ["-p", "80:80"], ["web:1", "a b"]])
    assert value.split("\\\n") == [
        "/usr/bin/docker run ",
        f"    -e A={'x' * 60} ",
        "    -p 80:80 ",
        '    web:1 "a b"',
    ]


def test_a_word_that_fits_nowhere() -> None:
    with pytest.raises(TooLongError, match="xxx"):
        command([["/bin/echo", "x" * 3000]])
    assert "x" * 3000 in command([["/bin/echo", "x" * 3000]], line_max=None)


def test_a_plain_text() -> None:
    assert quoting.text("50% of\n all \\") == "50%% of all"
