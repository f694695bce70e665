"""YAML and JSON as node trees with a position for every value.

`yaml.compose` with libyaml's C loader is twice as fast as `yaml.load` and keeps line and column, and a node
keeps the text of a scalar as it was written (`00123`, `1.10`, `yes`), which is what the format needs.
Everything that reads the package's own files or answers goes through `compose` here: it turns syntax errors,
duplicate keys and alias bombs into SpecError with file:line:column.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from atomicapp import patterns
from atomicapp.errors import ERROR, Issue, SpecError
from atomicapp.position import Position, line_of

with patterns.late():
    import yaml

Node = yaml.Node
MappingNode = yaml.MappingNode
SequenceNode = yaml.SequenceNode
ScalarNode = yaml.ScalarNode

MAX_NODES = 200_000
"""Values in one document after aliases are followed; more is taken for a bomb."""
MAX_DEPTH = 100

_SMALL = 2_000
"""Characters and levels: what is not larger can't overflow the C stack of libyaml's binding."""
_LARGE = 256 * 1024
"""Characters: beyond this, values are counted before a tree of them takes up the memory."""
_STEEP = re.compile(rf"(?<![ \t?:-])[ \t?:-]{{{_SMALL // 2}}}")

_BASE: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_BOUNDED: bool = hasattr(yaml, "CSafeLoader") and tuple(yaml._yaml.get_version()) >= (0, 2, 6)
"""Whether the parser itself refuses a thousand levels, as libyaml does from this version on."""
_TAG = "tag:yaml.org,2002:"
_NULL, _BOOL, _INT, _FLOAT, _MERGE = _TAG + "null", _TAG + "bool", _TAG + "int", _TAG + "float", _TAG + "merge"
_SURROGATES = re.compile(r"(?<!\\)((?:\\\\)*)(\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})")
_UNPRINTABLE = re.compile("(?!\\A\ufeff)[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_STR, _MAP, _SEQ = _TAG + "str", _TAG + "map", _TAG + "seq"


@lru_cache(maxsize=4096)
def _tag_of(text: str) -> str:
    """The tag of a plain scalar; keys and short values come again and again."""
    for tag, pattern in (*_RESOLVERS.get(text[:1], ()), *_RESOLVERS.get(None, ())):
        if pattern.match(text):
            return str(tag)
    return _STR


_RESOLVERS: dict[str | None, list[tuple[str, re.Pattern[str]]]] = _BASE.yaml_implicit_resolvers


class _Loader(_BASE):  # type: ignore[misc]  # which of the two is known only here
    """The safe loader with the tags of plain scalars remembered: a fifth of the time of `compose`."""

    def resolve(self, kind: type[Node], value: str, implicit: Any) -> str:
        if kind is ScalarNode:
            return _tag_of(value) if implicit[0] else _STR
        return _MAP if kind is MappingNode else _SEQ

    # the parser tells these two of each node, for resolvers by path, which there are none of here: a method in C, whatever
    # it returns, spares two of Python
    descend_resolver = ascend_resolver = staticmethod("".format)


def compose(text: str, file: str) -> Node | None:
    """The tree of one YAML or JSON document; None for an empty text. SpecError names every fault."""
    found = _trees(text, file, lambda plain: [yaml.compose(plain, Loader=_Loader)])
    return found[0] if found else None


def compose_all(text: str, file: str) -> list[Node]:
    """The trees of all documents of a text; empty documents are left out."""
    found = _trees(text, file, lambda plain: list(yaml.compose_all(plain, Loader=_Loader)))
    return [root for root in found if not is_null(root)]


def _trees(text: str, file: str, read: Callable[[str], list[Node | None]]) -> list[Node]:
    _check_size(text, file)
    if "\x85" in text:  # a line break to YAML 1.1, but a character like any other to JSON
        text = _json_as_yaml(text) or text
    try:
        found = read(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        plain = _json_as_yaml(text)
        try:
            found = [] if plain is None else read(plain)
        except yaml.YAMLError:
            found = []
        if not found:
            raise _syntax_error(error, text, file) from None
    roots = [root for root in found if root is not None]
    for root in roots:
        _check_tree(root, text, file)
    return roots


def _check_size(text: str, file: str) -> None:
    """Refuse a text whose tree would overflow the stack or the memory, before there is a tree.

    The parser below `compose` recurses in C, where depth ends the process unless it is bounded; its events come without
    recursion.
    """
    too_many = len(text) > _LARGE and _at_most(text) > MAX_NODES
    if len(text) <= _SMALL or not (too_many or (not _BOUNDED and _may_be_deep(text))):
        return
    depth, count = -1, 0
    try:
        for event in yaml.parse(text, Loader=_Loader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            count += isinstance(event, yaml.NodeEvent)
            if depth > MAX_DEPTH or count > MAX_NODES:
                raise _bomb(count, position_of(event, file))
    except (yaml.YAMLError, ValueError):
        return  # told by the caller, which meets it at the same place


def _may_be_deep(text: str) -> bool:
    return text.count("[") + text.count("{") > _SMALL or _STEEP.search(text) is not None


def _at_most(text: str) -> int:
    """More values than this can't be in a text: each follows its beginning, a line end or one of these characters."""
    return sum(map(text.count, "\n-:,[{?"), 1)


def _bomb(count: int, position: Position) -> SpecError:
    what = f"more than {MAX_NODES} values" if count > MAX_NODES else f"more than {MAX_DEPTH} levels"
    return SpecError.single(
        f"the document has {what} once its aliases are followed",
        position,
        code="bomb",
        hint="write it without deep nesting, and without recursive or multiplied aliases",
    )


def escaped_for_yaml(text: str) -> str:
    """JSON in which what YAML can't say is said so that it can: pairs of surrogates by their character, characters
    that YAML takes for control characters by an escape. The values stay the same."""
    joined = _SURROGATES.sub(lambda pair: pair[1] + str(json.loads(f'"{pair[2]}"')), text)
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", joined)


def _json_as_yaml(text: str) -> str | None:
    """JSON that PyYAML refuses (indented with tabs, or with characters as pairs of surrogates) in a form that it
    reads, every value at the same line; None for what is no JSON."""
    bare = text.removeprefix("\ufeff")
    if bare.lstrip()[:1] not in ("{", "["):
        return None
    try:
        json.loads(bare)
    except (ValueError, RecursionError):
        return None
    # in JSON a tab stands only between values, so a blank in its place keeps meaning and columns
    return escaped_for_yaml(text.replace("\t", " "))


def _syntax_error(error: Exception, text: str, file: str) -> SpecError:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or str(error)
    context = getattr(error, "context", None)
    if isinstance(error, yaml.reader.ReaderError):
        # libyaml counts bytes and gives the character's number, the loader in Python counts characters and gives it
        number = isinstance(error.character, int)
        offset = len(text.encode()[: error.position].decode(errors="ignore")) if number else error.position
        position = Position.at_offset(file, text, offset)
        problem = f"character {(chr(error.character) if number else error.character)!r} is not allowed in YAML"
    else:
        position = Position(file, mark.line + 1, mark.column + 1) if mark else Position(file)
        # where something is missing at the end, the parser means the line after the last
        position = min(position, Position.at_offset(file, text, len(text.rstrip())))
    if "nesting depth" in str(problem):  # newer parsers have a limit of their own, at a thousand levels
        return _bomb(0, position)
    hint = ""
    if "\t" in line_of(text, position.line).partition(":")[0] or "'\\t'" in str(problem):
        hint = "indent with blanks: YAML allows no tabs there"
    elif "mapping values are not allowed" in str(problem):
        hint = "check the indentation, and quote a text that holds ': '"
    elif "another document" in str(problem):
        problem, context, hint = "the file holds more than one document", None, "remove the line '---' and what follows"
    message = f"YAML syntax: {problem}" + (f" ({context})" if context else "")
    return SpecError.single(message, position, code="syntax", hint=hint, excerpt=line_of(text, position.line))


def _check_tree(root: Node, text: str, file: str) -> None:
    """Refuse duplicate keys, keys that are no plain text, and trees that grow beyond all bounds."""
    issues: list[Issue] = []
    count = 0
    stack: list[tuple[Node, int]] = [(root, 0)]
    while stack:
        node, depth = stack.pop()
        count += 1
        if count > MAX_NODES or depth > MAX_DEPTH:
            raise _bomb(count, position_of(node, file))
        if isinstance(node, MappingNode):
            seen: set[str] = set()
            for key, value in node.value:
                if not isinstance(key, ScalarNode):
                    issues.append(_issue("a key must be a text", key, text, file, "key"))
                elif key.value in seen and key.tag != _MERGE:
                    issues.append(_issue(f"the key '{key.value}' stands here twice", key, text, file, "duplicate-key"))
                else:
                    seen.add(key.value)
                if isinstance(value, ScalarNode):
                    count += 1
                else:
                    stack.append((value, depth + 1))
        elif isinstance(node, SequenceNode):
            for item in node.value:
                if isinstance(item, ScalarNode):
                    count += 1
                else:
                    stack.append((item, depth + 1))
    if issues:
        raise SpecError(issues)


def _issue(message: str, node: Node, text: str, file: str, code: str) -> Issue:
    position = position_of(node, file)
    return Issue(ERROR, message, position, code, excerpt=line_of(text, position.line))


def position_of(node: Node | yaml.Event, file: str) -> Position:
    """Where a node begins."""
    mark: Any = node.start_mark
    return Position(file, mark.line + 1, mark.column + 1)


def is_null(node: Node | None) -> bool:
    """Whether a node is absent or null."""
    return node is None or (isinstance(node, ScalarNode) and node.tag == _NULL)


def is_true(node: Node | None) -> bool:
    """Whether a node is the boolean true."""
    return isinstance(node, ScalarNode) and node.tag == _BOOL and node.value.lower() in ("true", "yes", "on")


def text_of(node: Node | None) -> str | None:
    """The text of a scalar as it was written; None for null, absent, or no scalar."""
    if isinstance(node, ScalarNode) and node.tag != _NULL:
        return str(node.value)
    return None


def items(node: Node | None) -> Iterator[tuple[ScalarNode, Node]]:
    """Key and value nodes of a mapping, with `<<` merged in; nothing for anything else."""
    if not isinstance(node, MappingNode):
        return
    merged: list[tuple[ScalarNode, Node]] = []
    own: set[str] = set()
    for key, value in node.value:
        if key.tag == _MERGE:
            for source in value.value if isinstance(value, SequenceNode) else [value]:
                merged.extend(items(source))
        else:
            own.add(key.value)
            yield key, value
    for key, value in merged:
        if key.value not in own:
            own.add(key.value)
            yield key, value


def fields(node: Node | None) -> dict[str, Node]:
    """The values of a mapping by key."""
    return {key.value: value for key, value in items(node)}


def elements(node: Node | None) -> list[Node]:
    """The items of a list; nothing for anything else."""
    return list(node.value) if isinstance(node, SequenceNode) else []


def plain(node: Node | None) -> Any:
    """A node as plain Python values, for checking against a schema: texts, numbers, booleans, None, lists, dicts."""
    if isinstance(node, ScalarNode):
        tag, value = node.tag, node.value
        if tag == _NULL:
            return None
        if tag == _BOOL:
            return value.lower() in ("true", "yes", "on")
        if tag in (_INT, _FLOAT):
            return _number(value)
        return value
    if isinstance(node, MappingNode):
        return {key.value: plain(value) for key, value in items(node)}
    if isinstance(node, SequenceNode):
        return [plain(item) for item in node.value]
    return None


def _number(text: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(text.replace("_", "")) if kind is float else int(text, 0 if text[:2].lower() == "0x" else 10)
        except ValueError:
            continue
    return text  # sexagesimal and the like of YAML 1.1: the text says it better


def find(root: Node | None, path: list[str | int]) -> tuple[Node | None, Node | None]:
    """The key node (None for list items and the root) and the value node at a path of keys and indexes."""
    key: Node | None = None
    node = root
    for part in path:
        if isinstance(node, SequenceNode) and isinstance(part, int):
            key, node = None, node.value[part]
        else:
            for candidate, value in items(node):
                if candidate.value == part:
                    key, node = candidate, value
                    break
            else:
                return key, node
    return key, node
