"""Set values in a JSON or YAML artifact at JSON pointers (RFC 6901), keeping the rest of its text.

The value has the type of the param: a text when its default is quoted in the Nulecule, else what it looks like
(`80` is a number). The place must exist, and the artifact keeps its format. Only the scalar that the pointer names is rewritten, in
its place, so comments and layout stay as the author wrote them.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence

from atomicapp import document
from atomicapp.errors import ERROR, Issue, SpecError
from atomicapp.model import Pointer
from atomicapp.records import NamedTuple


class Assignment(NamedTuple):
    """A pointer and the value for its place; `as_text`: a text, also when it looks like a number."""

    pointer: Pointer
    value: str
    as_text: bool = False


def apply(text: str, file: str, assignments: Sequence[Assignment]) -> str:
    """`text` with each pointer's place set to its value. SpecError for a pointer that leads nowhere."""
    as_json = text.removeprefix("\ufeff").lstrip()[:1] in ("{", "[")
    if as_json:
        # places are counted in the text that YAML reads
        text = document.escaped_for_yaml(text)
    root = document.compose(text, file)
    issues: list[Issue] = []
    edits: dict[tuple[int, int], str] = {}
    for pointer, value, as_text in assignments:
        found = _way(root, pointer.pointer)
        node = found[-1] if found else None
        if node is None:
            message = f"the pointer '{pointer.pointer}' leads nowhere in {file}"
            issues.append(Issue(ERROR, message, pointer.position, "pointer", hint=_nearest(root, pointer.pointer)))
        elif not isinstance(node, document.ScalarNode):
            message = f"the pointer '{pointer.pointer}' leads to a list or mapping in {file}, not to a value"
            issues.append(Issue(ERROR, message, pointer.position, "pointer", hint="point at one text or number"))
        elif _is_shared(root, found):
            message = f"the pointer '{pointer.pointer}' leads to an alias in {file}, which stands at several places"
            issues.append(Issue(ERROR, message, pointer.position, "pointer", hint="write the value there in full"))
        else:
            start, end = _offset(text, node.start_mark), _offset(text, node.end_mark)
            replaced = _text(value, as_json or node.style in ("'", '"'), as_text)
            if start == end:  # an empty value: `image:`
                replaced = f" {replaced}"
            elif text[end - 1] == "\n":  # a text block ends with its line
                replaced += "\r\n" if text[end - 2] == "\r" else "\n"
            edits[start, end] = replaced
    if issues:
        raise SpecError(issues)
    for (start, end), replaced in sorted(edits.items(), reverse=True):
        text = text[:start] + replaced + text[end:]
    return text


def _offset(text: str, mark: object) -> int:
    """Where a mark stands in `text`: libyaml counts no byte order mark."""
    offset: int = mark.index  # type: ignore[attr-defined]
    return offset + (1 if text.startswith("\ufeff") else 0)


def _way(root: document.Node | None, pointer: str) -> list[document.Node]:
    """The nodes from the root to the place of a pointer; empty when it leads nowhere."""
    if root is None:
        return []
    way = [root]
    for part in pointer.split("/")[1:]:
        part = part.replace("~1", "/").replace("~0", "~")
        if isinstance(way[-1], document.SequenceNode):
            if not re.fullmatch(r"0|[1-9][0-9]{0,8}", part) or int(part) >= len(way[-1].value):
                return []
            way.append(way[-1].value[int(part)])
        else:
            node = document.fields(way[-1]).get(part)
            if node is None:
                return []
            way.append(node)
    return way


def _at(root: document.Node | None, pointer: str) -> document.Node | None:
    way = _way(root, pointer)
    return way[-1] if way else None


def _is_shared(root: document.Node | None, way: Sequence[document.Node]) -> bool:
    """Whether a node on the way stands at more than one place, by an alias."""
    places: Counter[int] = Counter()
    stack = [root]
    while stack:
        node = stack.pop()
        places[id(node)] += 1
        if places[id(node)] > 2:  # met again twice: what is below is known to be shared by now
            continue
        if isinstance(node, document.MappingNode):
            stack += [value for _, value in node.value]
        elif isinstance(node, document.SequenceNode):
            stack += node.value
    return any(places[id(node)] > 1 for node in way)


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


def _text(value: str, quoted: bool, as_text: bool) -> str:
    """A value as a YAML scalar that reads back as this text, or as the number or boolean that it looks like (unless
    `as_text`)."""
    try:
        found = document.compose(value, "")
    except SpecError:
        found = None
    scalar = isinstance(found, document.ScalarNode) and found.value == value
    tag = found.tag.rpartition(":")[2] if scalar and found is not None else "str"
    if tag in ("int", "float", "bool"):
        try:
            json.loads(value)
            if not as_text:
                return value
        except ValueError:
            pass  # 00123, 0x1F or yes are numbers to YAML only: as texts they keep their shape
        quoted = True
    plain = scalar and tag == "str" and not quoted and not set(value) & set("{}[],#\n")
    return value if plain else document.escaped_for_yaml(json.dumps(value, ensure_ascii=False))
