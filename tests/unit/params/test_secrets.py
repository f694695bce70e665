"""atomicapp/params/secrets.py: no secret in what is shown or kept."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atomicapp.params.secrets import MASK, Redactor
from tests.unit.properties import examples

SECRET = 'p&ss "wörd"/1'


@pytest.mark.parametrize(
    "form",
    [SECRET, base64.b64encode(SECRET.encode()).decode(), quote(SECRET, safe=""), json.dumps(SECRET)[1:-1]],
    ids=["plain", "base64", "url", "json"],
)
def test_every_form_of_a_secret_is_masked(form: str) -> None:
    assert Redactor([SECRET]).text(f"failed: <{form}> at {form}") == f"failed: <{MASK}> at {MASK}"


def test_each_line_of_a_key_is_masked() -> None:
    key = "-----BEGIN KEY-----\nMIIEvQIBADANBg\nab\n-----END KEY-----\n"
    shown = Redactor([key]).text("line 2: MIIEvQIBADANBg and ab")
    assert shown == f"line 2: {MASK} and ab"


def test_the_longest_form_is_masked_first() -> None:
    assert Redactor(["pass", "password"]).text("my password, my pass") == f"my {MASK}, my {MASK}"


@pytest.mark.parametrize("secret", ["1", "abc"])
def test_a_short_secret_is_masked_only_where_it_is_the_whole(secret: str) -> None:
    redactor = Redactor([secret])
    assert redactor.text(f"port 1{secret}1") == f"port 1{secret}1"
    assert redactor.text(secret) == MASK
    assert redactor.value(["A=" + secret, secret, f"x{secret}"]) == [f"A={MASK}", MASK, f"x{secret}"]


def test_nested_values_are_masked_and_others_kept() -> None:
    value = {
        "env": ["DB=hunter2", "URL=http://u:hunter2@h/", "A=b=c"],
        "deep": [{"x": ("hunter2", 5, None, True, 1.5)}],
        "plain": "text",
    }
    assert Redactor(["hunter2"]).value(value) == {
        "env": [f"DB={MASK}", f"URL=http://u:{MASK}@h/", "A=b=c"],
        "deep": [{"x": [MASK, 5, None, True, 1.5]}],
        "plain": "text",
    }


def test_without_secrets_nothing_changes() -> None:
    value = {"a": ["b"]}
    assert Redactor([]).value(value) is value
    assert Redactor(["", ""]).text("any text") == "any text"


def test_a_secret_of_odd_bytes_does_no_harm() -> None:
    assert Redactor(["\udcff\udcfe\udcfd\udcfc"]).text("x") == "x"


@examples
@given(st.lists(st.text(min_size=4), min_size=1, max_size=3), st.text())
def test_no_secret_of_length_comes_through(secrets: list[str], around: str) -> None:
    redactor = Redactor(secrets)
    for secret in secrets:
        shown = redactor.text(around + secret + around)
        assert secret not in shown.replace(MASK, "\x00") or secret in MASK
