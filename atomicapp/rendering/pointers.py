"""Set values in a JSON or YAML artifact at JSON pointers (RFC 6901), keeping the rest of its text.

The value keeps the type that its text has in YAML (`80` is a number, `"80"` can't be said by a param); the
place must exist, and the artifact keeps its format. Only the scalar that the pointer names is rewritten, in
its place, so comments and layout stay as the author wrote them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from atomicapp import document
from atomicapp.errors import Issue, SpecError
from atomicapp.model import Pointer


def apply(text: str, file: str, assignments: Sequence[tuple[Pointer, str]]) -> str:
    """`text` with each pointer's place set to the value beside it. SpecError for a pointer that leads nowhere."""
    root = document.compose(text, file)
    issues: list[Issue] = []
    edits: list[tuple[int, int, str]] = []
    as_json = text.lstrip()[:1] in ("{", "[")
    for pointer, value in assignments:
        node = _at(root, pointer.pointer)
        if node is None:
            message = f"the pointer '{pointer.pointer}' leads nowhere in {file}"
            issues.append(Issue("error", message, pointer.position, "pointer", hint=_nearest(root, pointer.pointer)))
        elif not isinstance(node, document.ScalarNode):
            message = f"the pointer '{pointer.pointer}' leads to a list or mapping in {file}, not to a value"
            issues.append(Issue("error", message, pointer.position, "pointer", hint="point at one text or number"))
        else:
            flow = as_json or node.style in ("'", '"')
            replaced = _text(value, as_json or flow)
            start, end = _offset(text, node.start_mark), _offset(text, node.end_mark)
            if start == end:  # an empty value: `image:`
                replaced = " " + replaced
            edits.append((start, end, replaced))
    if issues:
        raise SpecError(issues)
    for start, end, replaced in sorted(edits, reverse=True):
        text = text[:start] + replaced + text[end:]
    return text


def _offset(text: str, mark: object) -> int:
    """Where a mark stands in `text`: libyaml counts no byte order mark."""
    offset: int = mark.index  # type: ignore[attr-defined]
    return offset + (1 if text.startswith("\ufeff") else 0)


def _at(root: document.Node | None, pointer: str) -> document.Node | None:
    node = root
    for part in pointer.split("/")[1:]:
        part = part.replace("~1", "/").replace("~0", "~")
        if isinstance(node, document.SequenceNode):
            if not part.isdecimal() or int(part) >= len(node.value):
                return None
            node = node.value[int(part)]
        else:
            node = document.fields(node).get(part)
        if node is None:
            return None
    return node


def _nearest(root: document.Node | None, pointer: str) -> str:
    """How far a pointer does lead, and what is there."""
    parts = pointer.split("/")
    for length in range(len(parts) - 1, 0, -1):
        node = _at(root, "/".join(parts[:length]))
        if isinstance(node, document.MappingNode):
            return f"'{'/'.join(parts[:length]) or '/'}' holds {', '.join(document.fields(node))}"
        if isinstance(node, document.SequenceNode):
            return f"'{'/'.join(parts[:length])}' is a list of {len(node.value)}"
    return ""


def _text(value: str, quoted: bool) -> str:
    """A value as a YAML scalar that reads back as this text, or as the number or boolean that it looks like."""
    try:
        found = document.compose(value, "")
    except SpecError:
        found = None
    scalar = isinstance(found, document.ScalarNode) and found.value == value.strip()
    tag = found.tag.rpartition(":")[2] if scalar and found is not None else "str"
    if tag in ("int", "float", "bool"):
        try:
            json.loads(value)  # 00123, 0x1F or yes are numbers to YAML only: as texts they keep their shape
        except ValueError:
            tag = "str"
    if tag in ("int", "float", "bool"):
        return value
    plain = scalar and tag == "str" and not quoted and value == value.strip() and not set(value) & set("{}[],#\n")
    return value if plain else json.dumps(value, ensure_ascii=False)
