"""Check a document against the JSON Schema of its version and say what is wrong where.

Most documents are plain and good, which quick.py sees at once; only the others are given to jsonschema, which takes
100 ms to import.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from atomicapp import document
from atomicapp.errors import ERROR, WARNING, Issue
from atomicapp.nulecule.quick import is_plain
from atomicapp.position import line_of

SPECS = Path(__file__).parent.parent / "nulecule_specs"
KNOWN_VERSIONS = ("0.0.2",)

_ARTIFACT_KINDS = ("resource", "inherit")
"""The keys that tell the kinds of artifacts beside `source`."""

_TYPE_NAMES = {
    "object": "a mapping",
    "array": "a list",
    "string": "a text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "null": "nothing",
}


@cache
def schema(version: str) -> dict[str, Any]:
    """The JSON Schema of a version of the format."""
    found: dict[str, Any] = json.loads((SPECS / version / "schema.json").read_text(encoding="utf-8"))
    return found


def check(root: document.Node, version: str, text: str, file: str) -> list[Issue]:
    """Every breach of the schema, in the order of the file; empty for a good document."""
    if is_plain(root):
        return []
    import jsonschema

    found = jsonschema.Draft202012Validator(schema(version)).iter_errors(document.plain(root))
    issues = [issue for error in found for issue in _issues(error, root, text, file)]
    return sorted(set(issues), key=lambda issue: (issue.position.line, issue.position.column, issue.message))


def _issues(error: Any, root: document.Node, text: str, file: str) -> Iterable[Issue]:
    path = list(error.absolute_path)
    key, node = document.find(root, path)
    pointer = "".join(f"/{part}" for part in path)
    lenient = "constraints" in path  # a constraint of a wrong form is told and ignored in 0.0.2

    def issue(severity: str, message: str, at: document.Node | None, code: str, hint: str = "") -> Issue:
        position = document.position_of(at or key or root, file)
        return Issue(severity, message, position, code, pointer, hint, line_of(text, position.line))

    rule, wanted = error.validator, error.validator_value
    what = f"'{path[-1]}'" if path and isinstance(path[-1], str) else "this item" if path else "the file"
    if rule == "additionalProperties":
        known = list(error.schema.get("properties", {}))
        close_ones = [*known, *_ARTIFACT_KINDS] if "artifacts" in path and "source" in known else known
        for name_node, _ in document.items(node):
            name = name_node.value
            if name in known:
                continue
            close = did_you_mean(name, close_ones)
            hint = f"did you mean '{close}'?" if close else f"known here: {', '.join(known)}"
            yield issue(WARNING, f"unknown key '{name}'; it is ignored", name_node, "unknown-key", hint)
    elif rule == "required":
        # one error a missing key: the validator reports each on its own, named first in its message
        missing = error.message.split("'")[1]
        hint = ""
        present = [name.value for name, _ in document.items(node)]
        is_artifact = missing == "source" and "artifacts" in path
        # an artifact without a key of its own may have been meant as any of the three kinds
        kinds = [missing, *_ARTIFACT_KINDS] if is_artifact else [missing]
        missing = max(kinds, key=lambda kind: _likeness(kind, present))
        close = did_you_mean(missing, present)
        if close:
            hint = f"did you mean '{missing}' where '{close}' stands?"
        elif missing == "specversion":
            hint = f"add 'specversion: {KNOWN_VERSIONS[-1]}'"
        elif is_artifact:
            hint = (
                "an artifact is a URL text, {inherit: [...]}, {resource: URL, params: {...}} or {source: GIT-URL, ...}"
            )
        elif lenient:
            hint = "the constraint is ignored"
        owner = what if what != "the file" else "the app"
        yield issue(WARNING if lenient else ERROR, f"{owner} has no '{missing}'", node, "missing-key", hint)
    elif rule == "type":
        wanted_list = [wanted] if isinstance(wanted, str) else list(wanted)
        expected = " or ".join(_TYPE_NAMES[name] for name in wanted_list if name != "null")
        hint = (
            "write it as a list: '- allowed_pattern: ...'; it is ignored"
            if lenient
            else _type_hint(path, error.instance)
        )
        message = f"{what} must be {expected}, found {describe(error.instance)}"
        yield issue(WARNING if lenient else ERROR, message, node, "type", hint)
    elif rule in ("enum", "const"):
        allowed = [wanted] if rule == "const" else [str(value) for value in wanted if value is not None]
        close = did_you_mean(str(error.instance), allowed)
        hint = f"did you mean '{close}'?" if close else ""
        message = f"{what} must be {' or '.join(allowed)}, found {describe(error.instance)}"
        yield issue(ERROR, message, node, "value", hint)
    elif rule == "exclusiveMinimum":
        yield issue(ERROR, f"{what} must be more than {wanted}, found {describe(error.instance)}", node, "value")
    elif rule in ("minLength", "minItems"):
        yield issue(ERROR, f"{what} is empty", node, "value")
    else:
        yield issue(ERROR, f"{what}: {error.message}", node, "schema")


def _type_hint(path: list[Any], instance: Any) -> str:
    if path == ["graph"] and isinstance(instance, dict):
        return "format 0.0.1-alpha had a mapping here: write a list, each item with its 'name:' ('- name: web')"
    if path and path[-1] == "params" and isinstance(instance, dict):
        return "write a list: '- name: image'"
    return ""


def describe(value: Any) -> str:
    """A value of a document in a few words."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    shown = str(value)
    kind = "the number" if isinstance(value, int | float) else "the text"
    return f"{kind} '{shown if len(shown) <= 40 else shown[:37] + '...'}'"


_LONGEST_WORD, _MOST_WORDS = 60, 3000
"""Comparing words costs the product of their lengths: what is beyond this was not misspelt."""


def _likeness(word: str, present: Sequence[str]) -> float:
    near = [name for name in present[:_MOST_WORDS] if len(name) <= _LONGEST_WORD]
    import difflib

    return max((difflib.SequenceMatcher(None, word, name).ratio() for name in near), default=0)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The known word that is nearest to a misspelt one, or ''."""
    if len(word) > _LONGEST_WORD:
        return ""
    candidates = {name.lower(): name for name in list(known)[:_MOST_WORDS] if len(name) <= _LONGEST_WORD}
    import difflib

    close = difflib.get_close_matches(word.lower(), list(candidates), n=1, cutoff=0.6)
    return candidates[close[0]] if close else ""
