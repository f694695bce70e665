"""Marks for generated values, and the Secret that keeps them."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atomicapp.model import DATA
from atomicapp.position import Position
from atomicapp.providers.openshift import generated
from tests.unit.properties import examples

HERE = Position("t.yaml", 1, 1)
VALUES = {"web.t.A": 'a"b', "web.t.N": "42"}


def coded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def fill(body: Any) -> Any:
    return generated.fill(body, VALUES.__getitem__)


def test_values_take_the_place_of_marks_everywhere() -> None:
    a, n = generated.mark("web.t.A"), generated.mark("web.t.N")
    body = {"spec": {f"k-{n}": [f"x{a}y{n}", 1, None, True]}, "plain": "<io.atomicapp.other/x>"}
    assert fill(body) == {"spec": {"k-42": ['xa"by42', 1, None, True]}, "plain": "<io.atomicapp.other/x>"}
    assert generated.keys_in(body) == {"web.t.A", "web.t.N"}


def test_a_whole_value_may_become_a_number() -> None:
    assert fill({"port": generated.mark("web.t.N", as_json=True)}) == {"port": 42}
    assert fill({"port": generated.mark("web.t.A", as_json=True)}) == {"port": 'a"b'}


def test_the_coded_data_of_secrets_is_filled_too() -> None:
    a = generated.mark("web.t.A")
    body = {
        "kind": "Secret",
        "data": {"one": coded(f"pw={a}"), "two": a, "three": coded("x"), "four": None, "five": "!"},
    }
    assert generated.keys_in(body) == {"web.t.A"}
    assert fill(body)["data"] == {"one": coded('pw=a"b'), "two": 'a"b', "three": coded("x"), "four": None, "five": "!"}


def test_the_secret_is_the_same_in_every_run_and_holds_no_value() -> None:
    found = generated.secret("shop", "web", {"web.t.B": "[a-z]{8}", "web.t.A": "[0-9]{8}"}, HERE, 2)
    again = generated.secret("shop", "web", {"web.t.A": "[0-9]{8}", "web.t.B": "[a-z]{8}"}, HERE, 2)
    assert (found.hash, found.lifetime, found.name) == (again.hash, DATA, "shop-generated")
    assert generated.expressions_of(found.body) == {"web.t.A": "[0-9]{8}", "web.t.B": "[a-z]{8}"}
    assert generated.keys_in(found.body) == {"web.t.A", "web.t.B"}


def test_the_secret_keeps_what_is_no_longer_asked_for() -> None:
    body = generated.secret("shop", "web", {"web.t.A": "[0-9]{8}"}, HERE, 2).body
    kept = generated.keeping(fill(body), {"web.t.A": "other", "web.old.X": "old"})
    assert generated.values_of(kept) == {"web.t.A": 'a"b', "web.old.X": "old"}


@pytest.mark.parametrize("notes", [{}, {generated.EXPRESSIONS: "{"}, {generated.EXPRESSIONS: "[]"}, None])
def test_what_others_write_into_annotations_does_no_harm(notes: Any) -> None:
    body = {"kind": "Secret", "metadata": {"annotations": notes}}
    assert generated.expressions_of(body) == {}
    assert generated.values_of({"data": {"a": "!", "b": coded("x"), "c": "/w=="}}) == {"b": "x"}


def test_names_are_allowed_and_unique() -> None:
    assert generated.key_for("web", "tpl", "A") == "web.tpl.A"
    keys = [
        generated.key_for(*parts)
        for parts in (("a:b", "t", "A"), ("a.b", "t", "A"), ("a", "b.t", "A"), ("a", "t", "A" * 500), ("ä", "ö", "A"))
    ]
    assert len(set(keys)) == len(keys)
    names = [generated.name_for(app) for app in ("shop", "Shop", "a_b", "a.b", "x" * 300, "ä")]
    assert names[0] == "shop-generated"
    assert len(set(names)) == len(names)
    for text in keys + names:
        assert len(text) <= 253
        assert all(part.isascii() and (part.isalnum() or part in "-._") for part in text)
        assert text[0].isalnum()
        assert text[-1].isalnum()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@examples
@given(JSON)
def test_a_value_in_json_is_taken_as_that(value: Any) -> None:
    assert generated.from_json(json.dumps(value)) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "string1",
        "01",
        "NaN",
        "-Infinity",
        "1e999",
        '{"key":"value"',
        '"\\ud800"',
        "[" * 150 + "]" * 150,
        "[" * 9000,
    ],
)
def test_what_is_no_json_that_a_server_reads_stays_a_text(text: str) -> None:
    assert generated.from_json(text) == text


def test_marks_are_hidden_from_people() -> None:
    assert generated.told(generated.mark("web.t.A"), "shop") == "(web.t.A of the Secret shop-generated)"
    assert generated.hidden(f"it is {generated.mark('web.t.A')}!", "(generated)") == "it is (generated)!"
    assert not generated.is_marked("it is plain")
