"""What kind of value a node is, as YAML 1.2 and Compose see it: the parser follows YAML 1.1, where `no` and `22:22` are no
texts.
"""

from __future__ import annotations

from atomicapp.document import Node, ScalarNode, SequenceNode

_TAG = "tag:yaml.org,2002:"
STR, INT, FLOAT, BOOL, NULL = _TAG + "str", _TAG + "int", _TAG + "float", _TAG + "bool", _TAG + "null"
MERGE = _TAG + "merge"
CAST = "\0interpolated"
"""The tag of a scalar that was interpolated: it takes the type that is wanted where it stands."""
RESET, OVERRIDE = "!reset", "!override"

_TEXTS = frozenset({STR, CAST, _TAG + "timestamp", _TAG + "value", MERGE})
_KINDS = {INT: "number", FLOAT: "number", BOOL: "boolean", NULL: "null"}


def kind(node: Node) -> str:
    """`text`, `number`, `boolean`, `null`, `list`, `mapping`, or a tag that is not known."""
    tag, value = node.tag, node.value
    if isinstance(node, ScalarNode):
        if tag in _TEXTS or (tag == BOOL and value.lower() not in ("true", "false")):
            return "text"
        if tag in (INT, FLOAT) and (":" in value or "_" in value):
            return "text"
        return _KINDS.get(tag, tag)
    if tag.startswith(_TAG):
        return "list" if isinstance(node, SequenceNode) else "mapping"
    return str(tag)


TEXT = frozenset({STR, CAST})
WHOLE = frozenset({STR, CAST, INT})
NUMBER = frozenset({STR, CAST, INT, FLOAT})
FLAG = frozenset({STR, CAST, BOOL})
PLAIN = frozenset({STR, CAST, INT, FLOAT, BOOL})
NAMES = {
    TEXT: "a text",
    WHOLE: "a whole number or a text",
    NUMBER: "a number or a text",
    FLAG: "true or false",
    PLAIN: "a text, a number, true or false",
}
_ARTICLES = {
    "text": "a text",
    "number": "the number",
    "boolean": "the boolean",
    "null": "nothing",
    "list": "a list",
    "mapping": "a mapping",
}


def shortened(text: str) -> str:
    """A text as messages quote it: one line of bounded length."""
    line = text if len(text) <= 60 else f"{text[:57]}..."
    return line if line.isprintable() else repr(line)[1:-1]


def found_what(node: Node) -> str:
    """What a node is, as messages say it."""
    what = kind(node)
    article = _ARTICLES.get(what)
    if article is None:
        return f"the tag {shortened(what)}"
    return f"{article} {shortened(str(node.value))}" if what in ("number", "boolean") else article
