"""A quick look that tells most good documents from all others, so that the schema need not be asked.

A validator takes longer to import than a Nulecule takes to be read. `is_plain` is allowed to be wrong in one direction
only: what it accepts satisfies the schema (a property test holds the two together); what it does not accept
may be good all the same, and is then looked at by the schema.
"""

from __future__ import annotations

from collections.abc import Callable

from atomicapp.document import MappingNode, Node, ScalarNode, SequenceNode

_TAG = "tag:yaml.org,2002:"
_NULL, _BOOL, _STR = _TAG + "null", _TAG + "bool", _TAG + "str"
# dates and the like are texts to us, but their tag is no word of the schema: those documents take the other way
_TEXTS = frozenset({_STR, _BOOL, _TAG + "int", _TAG + "float"})

Check = Callable[[Node], bool]

_ROOT = frozenset({"specversion", "id", "metadata", "params", "requirements", "graph"})
_COMPONENT = frozenset({"name", "source", "params", "artifacts"})
_PARAM = frozenset({"name", "description", "default", "hidden", "constraints"})
_CONSTRAINT = frozenset({"allowed_pattern", "description"})


def is_plain(root: Node) -> bool:
    """Whether a document of a known specversion is surely good in the eyes of its schema."""
    top = _keys(root, _ROOT)
    if top is None or not _text(top.get("id")) or "graph" not in top or "requirements" in top:
        return False
    return _metadata(top.get("metadata")) and _params(top.get("params")) and _all(top["graph"], _component)


def _keys(node: Node, known: frozenset[str] | None) -> dict[str, Node] | None:
    """The values of a mapping by key; None for anything else, for unknown keys, and for merged ones."""
    if not isinstance(node, MappingNode):
        return None
    found = {key.value: value for key, value in node.value}
    return None if "<<" in found or (known is not None and not known.issuperset(found)) else found


def _text(node: Node | None) -> bool:
    return isinstance(node, ScalarNode) and node.tag in _TEXTS and node.value != ""


def _scalar(node: Node | None) -> bool:
    return node is None or (isinstance(node, ScalarNode) and (node.tag in _TEXTS or node.tag == _NULL))


def _string(node: Node | None) -> bool:
    return isinstance(node, ScalarNode) and node.tag == _STR and node.value != ""


def _all(node: Node | None, check: Check) -> bool:
    return isinstance(node, SequenceNode) and all(map(check, node.value))


def _metadata(node: Node | None) -> bool:
    if node is None:
        return True
    keys = _keys(node, None)
    return (
        keys is not None
        and "license" not in keys
        and all(_scalar(keys.get(name)) for name in ("name", "appversion", "description"))
    )


def _params(node: Node | None) -> bool:
    return node is None or _all(node, _param)


def _param(node: Node) -> bool:
    keys = _keys(node, _PARAM)
    if keys is None or not _text(keys.get("name")):
        return False
    hidden = keys.get("hidden")
    if hidden is not None and not (isinstance(hidden, ScalarNode) and hidden.tag == _BOOL):
        return False
    constraints = keys.get("constraints")
    return (
        _scalar(keys.get("description"))
        and _scalar(keys.get("default"))
        and (constraints is None or _all(constraints, _constraint))
    )


def _constraint(node: Node) -> bool:
    keys = _keys(node, _CONSTRAINT)
    return keys is not None and _text(keys.get("allowed_pattern")) and _scalar(keys.get("description"))


def _component(node: Node) -> bool:
    keys = _keys(node, _COMPONENT)
    if keys is None or not _text(keys.get("name")) or not _params(keys.get("params")):
        return False
    if "source" in keys and not _string(keys["source"]):
        return False
    artifacts = keys.get("artifacts")
    if artifacts is None:
        return True
    providers = _keys(artifacts, None)
    return providers is not None and all(_all(value, _artifact) for value in providers.values())


def _artifact(node: Node) -> bool:
    if isinstance(node, ScalarNode):
        return _string(node)
    keys = _keys(node, None)
    # git sources and pointers are rare: the schema looks at them
    return (
        keys is not None and list(keys) == ["inherit"] and keys["inherit"].value != [] and _all(keys["inherit"], _text)
    )
