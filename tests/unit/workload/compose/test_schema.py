"""Our table against the schema of the Compose Specification, as the package check-jsonschema carries it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib import resources
from typing import Any

import check_jsonschema
import pytest
import yaml

from atomicapp.errors import SpecError
from atomicapp.workload.compose.keys import KEYS
from atomicapp.workload.compose.shapes import Obj
from tests.compose.files import INPUTS
from tests.compose.keys import PAIRS, project


@pytest.fixture(scope="module")
def schema() -> Any:
    file = resources.files(check_jsonschema) / "builtin_schemas" / "vendor" / "compose-spec.json"
    return json.loads(file.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def validator(schema: Any) -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(schema)


class Loader(yaml.SafeLoader):
    """YAML 1.2, which Compose reads: `no` and `22:22` are texts, `!reset` and `!override` are known."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(("bool", "int", "float", "timestamp"))]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for name, pattern, first in (
    ("bool", "true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", "[-+]?[0-9]+", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+\.[0-9]*)", "-+.0123456789"),
):
    Loader.add_implicit_resolver(f"tag:yaml.org,2002:{name}", re.compile(f"^(?:{pattern})$"), list(first))
GONE = object()
Loader.add_constructor("!reset", lambda loader, node: GONE)


def _override(loader: Any, node: Any) -> Any:
    kind = {"MappingNode": "mapping", "SequenceNode": "sequence"}.get(type(node).__name__, "scalar")
    return getattr(loader, f"construct_{kind}")(node)


Loader.add_constructor("!override", _override)


def load(text: str) -> Any:
    """What a text says, without what is reset."""

    def cleared(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: cleared(part) for key, part in value.items() if part is not GONE}
        return [cleared(part) for part in value if part is not GONE] if isinstance(value, list) else value

    return json.loads(text) if text.startswith("{") else cleared(yaml.load(text, Loader=Loader))


# ---------------------------------------------------------------- keys


def keys_of(schema: Any, node: Any, path: str, seen: tuple[str, ...] = ()) -> Iterator[str]:
    """The paths of all named properties below a node of the schema; names that the author chooses are left out."""
    if not isinstance(node, dict):
        return
    reference = node.get("$ref")
    if reference is not None and reference not in seen:
        target = schema
        for part in reference.removeprefix("#/").split("/"):
            target = target[part]
        yield from keys_of(schema, target, path, (*seen, reference))
    for word in ("allOf", "anyOf", "oneOf"):
        for part in node.get(word, ()):
            yield from keys_of(schema, part, path, seen)
    yield from keys_of(schema, node.get("items"), path, seen)
    for name, part in node.get("properties", {}).items():
        full = f"{path}.{name}" if path else name
        yield full
        yield from keys_of(schema, part, full, seen)
    for name, part in node.get("patternProperties", {}).items():
        if name != "^x-":
            yield from keys_of(schema, part, path, seen)


AS_ONE = ("jobs", "services.pre_start", "services.ulimits", "services.build.ulimits", "services.build.extra_hosts")
"""What we say as one; the name of an external network is said as its name."""


def known(keys: Iterator[str]) -> set[str]:
    found = set()
    for key in keys:
        whole = next((one for one in AS_ONE if key.startswith(f"{one}.") and not key.endswith("per_replica")), key)
        found.add(whole.replace(".external.name", ".name"))
    return found


def test_our_table_has_the_keys_of_the_schema_and_no_other(schema: Any) -> None:
    theirs = known(keys_of(schema, schema, ""))
    ours = {key for leaf in KEYS for key in prefixes(leaf)}
    assert theirs - ours == set()
    assert ours - theirs == set()


def prefixes(key: str) -> Iterator[str]:
    parts = key.split(".")
    for end in range(1, len(parts) + 1):
        yield ".".join(parts[:end])


def test_the_hooks_and_jobs_have_the_keys_of_the_schema(schema: Any) -> None:
    from atomicapp.workload.compose import tables_service, top

    theirs = {key.removeprefix("services.pre_start.") for key in keys_of(schema, schema, "") if "pre_start." in key}
    assert {key for key in theirs if "." not in key} == set(tables_service.PreStart.keys.fields)
    job, triggers = top.JOB.shape, top.TRIGGERS
    assert isinstance(job, Obj)
    theirs = {key.removeprefix("jobs.") for key in keys_of(schema, schema, "") if key.startswith("jobs.")}
    assert {key for key in theirs if "." not in key} == set(job.fields)
    assert {key for key in theirs if key.startswith("triggers.")} == {
        key for leaf in triggers.leaves("triggers") for key in prefixes(leaf) if "." in key
    }


# ---------------------------------------------------------------- texts


FILES = sorted(path.relative_to(INPUTS).as_posix() for path in INPUTS.rglob("*.yaml"))


@pytest.mark.parametrize("file", FILES)
def test_the_inputs_are_valid_by_the_schema(validator: Any, file: str) -> None:
    found = [error.message for error in validator.iter_errors(load((INPUTS / file).read_text(encoding="utf-8")))]
    assert found == []


@pytest.mark.parametrize("key", sorted(KEYS))
def test_the_pairs_are_valid_by_the_schema(validator: Any, key: str) -> None:
    for text in PAIRS[key]:
        assert [error.message for error in validator.iter_errors(load(text))] == []


WRONG: tuple[Any, ...] = (17, 1.5, True, None, "one", [], [[]], [{"none": 1}], {}, {"none": 1})


def put(found: Any, key: str, value: Any) -> bool:
    """Put a value in place of all that stands at a key; whether there was any."""
    name, dot, rest = key.partition(".")
    if isinstance(found, list):
        return max((put(item, key, value) for item in found), default=False)
    if not isinstance(found, dict):
        return False
    if name in found:
        if not dot:
            found[name] = value
            return True
        return put(found[name], rest, value)
    return max((put(item, key, value) for item in found.values() if isinstance(item, (dict, list))), default=False)


@pytest.mark.parametrize("key", sorted(KEYS))
def test_what_the_schema_refuses_is_refused(validator: Any, key: str) -> None:
    """Each kind of wrong value at each key: what is wrong by the schema is a fault here, at its line and column."""
    for value in WRONG:
        text = load(PAIRS[key][1])
        if put(text, key, value) and not validator.is_valid(text):
            assert_refused(text)


@pytest.mark.parametrize("key", sorted(KEYS))
def test_an_unknown_key_beside_each_key_is_refused(validator: Any, key: str) -> None:
    text = load(PAIRS[key][1])
    if put_beside(text, key) and not validator.is_valid(text):
        assert_refused(text)


def put_beside(found: Any, key: str) -> bool:
    """Put a key that is unknown beside all that stands at a key; whether there was any."""
    name, dot, rest = key.partition(".")
    parts = found if isinstance(found, list) else list(found.values()) if isinstance(found, dict) else []
    if isinstance(found, dict) and name in found:
        if not dot:
            found[f"{name}-unknown"] = found[name]
            return True
        return put_beside(found[name], rest)
    return max((put_beside(part, key) for part in parts), default=False)


def assert_refused(text: Any) -> None:
    with pytest.raises(SpecError) as caught:
        project(json.dumps(text, indent=1))
    assert all(issue.position.line for issue in caught.value.issues)
