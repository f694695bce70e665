"""What is written must read the same, by parsers of YAML 1.1 and of 1.2."""

from __future__ import annotations

import math
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from atomicapp.emit import emit, emit_all
from tests.unit.properties import examples

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
LIKE_YAML = st.text("ab01 -:#\n\t'\"\\|>?&*!%@{}[],.~=$()eExX_+\u2028\x85\ufeff")
SCALARS = TEXT | LIKE_YAML | st.integers() | st.booleans() | st.none() | st.floats(allow_nan=False)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT | LIKE_YAML | st.just("k" * 400), inner),
    max_leaves=30,
)


@examples
@given(VALUES)
def test_reads_the_same(value: Any) -> None:
    for loader in (yaml.SafeLoader, yaml.CSafeLoader):
        assert yaml.load(emit(value), loader) == value


@examples
@given(st.lists(VALUES.filter(lambda value: value is not None)))
def test_several_documents_read_the_same(values: list[Any]) -> None:
    assert list(yaml.load_all(emit_all(values), yaml.CSafeLoader)) == values


def test_not_a_number() -> None:
    assert math.isnan(yaml.safe_load(emit(math.nan)))


@pytest.mark.parametrize(
    "text",
    [
        "no",
        "Yes",
        "y",
        "null",
        "~",
        "1",
        "1e3",
        "0o7",
        "0x1f",
        "1_000",
        "12:30",
        "2001-01-01",
        ".5",
        ".inf",
        "=",
        "<<",
        "-",
        "-1",
        "1.10",
        "00123",
        "True",
        "nan",
    ],
)
def test_what_looks_like_another_kind_is_quoted(text: str) -> None:
    assert emit({"a": text, text: 1}) == f'a: "{text}"\n"{text}": 1\n'


@pytest.mark.parametrize(
    "text",
    [
        *[
            "web",
            "nginx:1.27",
            "localhost:5000/a/b:1",
            "--port=80",
            "-c",
            "500m",
            "64Mi",
            "/var/run",
            "$(HOST)",
            "apps/v1",
            "a,b",
            "a-b_c.d",
        ],
        "a b",
    ],
)
def test_what_is_plain_stays_plain(text: str) -> None:
    assert emit({"a": text}) == f"a: {text}\n"


def test_the_look() -> None:
    value = {
        "kind": "Deployment",
        "spec": {
            "replicas": 2,
            "empty": {},
            "none": [],
            "list": [{"name": "a", "args": ["x", 'say "hi"']}, "b", [1, [2]], {}, None, True, 1.5],
            "script": "set -e\nrun\n",
            "open": "a\nb",
            "blank": "a\n\n\n",
            "indented": "  a\n b\n",
        },
    }
    assert emit(value) == (
        "kind: Deployment\n"
        "spec:\n"
        "  replicas: 2\n"
        "  empty: {}\n"
        "  none: []\n"
        "  list:\n"
        "    - name: a\n"
        "      args:\n"
        "        - x\n"
        "        - 'say \"hi\"'\n"
        "    - b\n"
        "    -\n"
        "      - 1\n"
        "      -\n"
        "        - 2\n"
        "    - {}\n"
        "    - null\n"
        "    - true\n"
        "    - 1.5\n"
        "  script: |\n"
        "    set -e\n"
        "    run\n"
        "  open: |-\n"
        "    a\n"
        "    b\n"
        "  blank: |+\n"
        "    a\n"
        "\n"
        "\n"
        "  indented: |2\n"
        "      a\n"
        "     b\n"
    )


def test_the_order_is_kept() -> None:
    assert emit_all([{"b": 1, "a": 2}, {"c": 3}]) == "b: 1\na: 2\n---\nc: 3\n"
