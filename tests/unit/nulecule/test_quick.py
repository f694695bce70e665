"""What the quick look accepts satisfies the schema, whatever the document."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atomicapp import document
from atomicapp.nulecule import schema
from atomicapp.nulecule.quick import is_plain
from tests.unit.properties import examples

VALIDATOR = jsonschema.Draft202012Validator(schema.schema("0.0.2"))

WORDS = st.sampled_from(["web", "file://a", "docker://b", "0.0.2", "", "x", "yes"])
ODD: st.SearchStrategy[Any] = st.one_of(
    WORDS, st.none(), st.booleans(), st.integers(-2, 2), st.floats(0, 2), st.just([]), st.just({}), st.just(["x"])
)


def mapping(known: dict[str, st.SearchStrategy[Any]], extra: tuple[str, ...] = ("odd",)) -> st.SearchStrategy[Any]:
    """Mappings with some of the known keys, mostly of the right shape, and now and then an unknown key."""
    chosen = {key: st.one_of(value, value, value, ODD) for key, value in known.items()}
    return st.one_of(
        st.fixed_dictionaries({}, optional=chosen),
        st.fixed_dictionaries(chosen),
        st.fixed_dictionaries(chosen, optional=dict.fromkeys(extra, ODD)),
    )


CONSTRAINTS = st.lists(mapping({"allowed_pattern": WORDS, "description": WORDS}), max_size=2)
PARAMS = st.lists(
    mapping({"name": WORDS, "description": WORDS, "default": ODD, "hidden": st.booleans(), "constraints": CONSTRAINTS}),
    max_size=2,
)
ARTIFACTS = st.one_of(
    WORDS, mapping({"inherit": st.lists(WORDS, max_size=2)}), mapping({"source": WORDS, "path": WORDS}), ODD
)
COMPONENTS = mapping(
    {
        "name": WORDS,
        "params": PARAMS,
        "source": WORDS,
        "artifacts": st.dictionaries(WORDS, st.one_of(st.lists(ARTIFACTS, max_size=2), ODD), max_size=2),
    }
)
DOCUMENTS = mapping(
    {
        "specversion": st.just("0.0.2"),
        "id": WORDS,
        "metadata": st.one_of(mapping({"name": WORDS, "description": ODD, "license": ODD}), ODD),
        "params": PARAMS,
        "graph": st.lists(COMPONENTS, max_size=2),
    },
    ("odd", "requirements"),
)


@settings(examples, max_examples=400)
@given(DOCUMENTS)
def test_what_is_plain_is_valid(data: Any) -> None:
    if not isinstance(data, dict) or data.get("specversion") != "0.0.2":
        return
    root = document.compose(json.dumps(data), "Nulecule")
    assert root is not None
    if is_plain(root):
        assert list(VALIDATOR.iter_errors(document.plain(root))) == []


PLAIN = """\
specversion: 0.0.2
id: app
metadata: {name: App, appversion: 1.0, more: [1, {x: y}]}
params: [{name: a, description: b, default: 1, hidden: true, constraints: [{allowed_pattern: x}]}]
graph:
  - {name: web, params: [], artifacts: {docker: ["file://x"], kubernetes: [{inherit: [docker]}]}}
  - {name: db, source: "docker://x"}
"""


def plain(text: str) -> bool:
    root = document.compose(text, "Nulecule")
    assert root is not None
    return is_plain(root)


def test_a_usual_document_is_plain() -> None:
    assert plain(PLAIN)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("id: app", "id:"),
        ("id: app", "ido: app"),
        ("graph:", "grap:"),
        ("metadata: {name: App, appversion: 1.0, more: [1, {x: y}]}", "metadata: [1]"),
        ("appversion: 1.0", "appversion: [1]"),
        ("name: a,", "nme: a,"),
        ("hidden: true", "hidden: 1"),
        ("allowed_pattern: x", "allowed_pattern: [x]"),
        ("[{allowed_pattern: x}]", "{allowed_pattern: x}"),
        ("inherit: [docker]", "inherit: docker"),
        ("inherit: [docker]", "inherit: []"),
        ('"file://x"', "7"),
        ('source: "docker://x"', "source: 7"),
        ("params: []", "params: {}"),
        ("params: []", "<<: {}"),
        ("name: db", "name: ''"),
    ],
)
def test_what_is_odd_is_left_to_the_schema(old: str, new: str) -> None:
    assert old in PLAIN
    assert not plain(PLAIN.replace(old, new))
