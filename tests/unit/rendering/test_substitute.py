"""atomicapp/rendering/substitute.py: the rules of string.Template.safe_substitute."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atomicapp.rendering.substitute import Unresolved, names, substitute
from tests.unit.properties import examples

VALUES = {"image": "nginx:1", "db": "D", "empty": "", "money": "$image", "Image": "other", "_x1": "u"}


@pytest.mark.parametrize(
    ("text", "rendered"),
    [
        ("$image", "nginx:1"),
        ("${image}", "nginx:1"),
        ("$image-x ${image}x", "nginx:1-x nginx:1x"),
        ("$Image", "other"),
        ("$_x1", "u"),
        ("[$empty]", "[]"),
        ("$$image $$ $$$image", "$image $ $nginx:1"),
        ("$money", "$image"),
        ("$db-name", "D-name"),
        ("$1 $(date) ${x:-y} ${image-x} $ $", "$1 $(date) ${x:-y} ${image-x} $ $"),
        ("$é ${é}", "$é ${é}"),
        ("a\r\n$db\r\n", "a\r\nD\r\n"),
        ("no dollars", "no dollars"),
        ("$", "$"),
        ("", ""),
    ],
)
def test_what_is_replaced(text: str, rendered: str) -> None:
    assert substitute(text, VALUES) == (rendered, ())


def test_unknown_names_stay_and_are_told_once_with_their_first_place() -> None:
    text = "a $none ${gone}\n$none $$none $image"
    assert substitute(text, VALUES) == (
        "a $none ${gone}\n$none $none nginx:1",
        (Unresolved("none", 2, 2), Unresolved("gone", 8, 1)),
    )


def test_a_text_of_dollars_only_takes_no_memory_for_each() -> None:
    assert substitute("$a" * 100_000, {})[1] == (Unresolved("a", 0, 100_000),)


def test_the_names_of_a_text() -> None:
    assert names("$a ${b} $$c $1 ${d:-x} $a") == {"a", "b"}


IDENTIFIERS = st.from_regex(r"[_a-zA-Z][_a-zA-Z0-9]{0,3}", fullmatch=True)


@examples
@given(
    st.text(st.sampled_from("$${}ab_1 \n:-é"), max_size=30) | st.text(),
    st.dictionaries(IDENTIFIERS | st.sampled_from(["a", "b", "ab"]), st.text(max_size=4), max_size=4),
)
def test_it_is_safe_substitute(text: str, values: dict[str, str]) -> None:
    class Ascii(string.Template):
        flags = 0  # type: ignore[assignment]  # without IGNORECASE, which lets letters beyond ASCII pass

        idpattern = "[_a-zA-Z][_a-zA-Z0-9]*"

    rendered, unresolved = substitute(text, values)
    assert rendered == Ascii(text).safe_substitute(values)
    assert {item.name for item in unresolved} == names(text) - set(values)
    for item in unresolved:
        assert text[item.offset :].startswith((f"${item.name}", f"${{{item.name}}}"))
