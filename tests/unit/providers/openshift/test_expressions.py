"""Expressions for random values."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atomicapp.providers.openshift import expressions
from atomicapp.providers.openshift.expressions import DIGITS, LETTERS, SIGNS, Draw
from tests.unit.properties import examples


@pytest.mark.parametrize(
    ("expression", "pattern"),
    [
        ("test[0-9]{1}x", "test[0-9]x"),
        ("[0-1]{8}", "[01]{8}"),
        ("0x[A-F0-9]{4}", "0x[A-F0-9]{4}"),
        ("[a-zA-Z0-9]{255}", "[a-zA-Z0-9]{255}"),
        (r"[\w]{40}", r"[A-Za-z0-9_]{40}"),
        (r"[\d]{3}-[\a]{2}", "[0-9]{3}-[A-Za-z0-9]{2}"),
        (r"[\A]{30}", "[^A-Za-z0-9 ]{30}"),
        ("[a-a]{3}", "aaa"),
        ("[y-B]{20}", "[yzAB]{20}"),
        ("plain", "plain"),
        ("[a-z]", r"\[a-z\]"),
        ("a{3}", r"a\{3\}"),
        ("", ""),
    ],
)
def test_a_value_fits_its_expression(expression: str, pattern: str) -> None:
    assert re.fullmatch(pattern, expressions.draw(expression))


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("[a-z]{0}", "{0} is no length"),
        ("[a-z]{256}", "a number from 1 to 255"),
        ("[a-z]{}", "{} is no length"),
        ("[a-z]{²}", "is no length"),
        ("[a-z]{" + "9" * 5000 + "}", "is no length"),
        ("[z-a]{3}", "the range z-a is empty"),
        ("[0-a]{3}", "the range 0-a is empty"),
        ("[abc]{3}", "[abc] is no set"),
        ("[a-z_]{8}", "[a-z_] is no set"),
        ("[]{3}", "[] is no set"),
        (r"[\s]{3}", "is no set"),
        ("a[a-z]{8}b[a-]{2}", "[a-] is no set"),
    ],
)
def test_what_can_not_be_drawn_is_told(expression: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        expressions.parse(expression)


def test_each_character_of_a_set_is_as_likely_as_any_other() -> None:
    assert expressions.parse(r"[a-cb-d\d0-9]{2}") == (Draw("abcd" + DIGITS, 2),)
    assert expressions.parse(r"x[\w]{2}y") == ("x", Draw(f"{LETTERS}{DIGITS}_", 2), "y")


def test_values_differ() -> None:
    assert len({expressions.draw("[a-z0-9]{16}") for _ in range(50)}) == 50


def test_what_holds_no_set_is_not_random() -> None:
    assert not expressions.is_random("[a-z] {3}")
    assert expressions.is_random("a[a-z]{3}")


@examples
@given(st.text(alphabet="[]{}\\-azAZ09wdaA_ \n" + SIGNS, max_size=30))
def test_any_text_is_drawn_or_refused(expression: str) -> None:
    try:
        parts = expressions.parse(expression)
    except ValueError:
        return
    assert len(expressions.draw(expression)) == sum(p.length if isinstance(p, Draw) else len(p) for p in parts)
