"""OpenShift's templates: their parameters, and the objects that they stand for. Pure.

The rules are those of `oc process`: `${X}` is put in as text anywhere in a text or a key; a text that is `${{X}}` as a whole
becomes the value that X is in JSON; other names stay. All is done to the nodes of the document, so that every object that
comes out keeps its place in the file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from atomicapp import document
from atomicapp.errors import ERROR, NOTE, WARNING
from atomicapp.model import Artifact
from atomicapp.providers.openshift import expressions, generated
from atomicapp.records import NamedTuple

_TAG = "tag:yaml.org,2002:"
_STR = _TAG + "str"
_PART = re.compile(r"\$\{([a-zA-Z0-9_]+)\}")
_WHOLE = re.compile(r"\$\{\{([a-zA-Z0-9_]+)\}\}")
_NAME = re.compile(r"[a-zA-Z0-9_]+")
_FIELDS = frozenset({"apiVersion", "kind", "metadata", "message", "parameters", "labels", "objects"})

Say = Callable[[str, str, document.Node, str, str], None]
"""Told of a finding: severity, message, the node that it is about, its code, and what to do."""


class Value(NamedTuple):
    """What a parameter stands for: a text, or the mark of a value that is generated."""

    text: str
    key: str = ""

    @property
    def as_text(self) -> str:
        return generated.mark(self.key) if self.key else self.text

    @property
    def as_json(self) -> Any:
        return generated.mark(self.key, as_json=True) if self.key else generated.from_json(self.text)


class Template:
    """One template of an artifact. `given` are the texts of the params that reach its component; `app` is the deployment."""

    def __init__(
        self, node: document.MappingNode, artifact: Artifact, app: str, given: Mapping[str, str], say: Say
    ) -> None:
        self.fields = document.fields(node)
        self.node = node
        self.app = app
        self.component = artifact.component
        self.given = given
        self.say = say
        metadata = document.fields(self.fields.get("metadata"))
        self.name = document.text_of(metadata.get("name")) or artifact.path
        self.expressions: dict[str, str] = {}
        """What each generated value is drawn from, by its key in the Secret."""
        self.unknown: dict[str, document.Node] = {}
        """Names in the objects that no parameter has, and where each stands first."""
        self.values: dict[str, Value] = {}

    def process(self) -> list[document.Node]:
        """Its objects, with values. What is wrong is said; nothing is raised."""
        for name, field in self.fields.items():
            if name not in _FIELDS:
                known = ", ".join(sorted(_FIELDS - {"apiVersion", "kind"}))
                self.say(WARNING, f"a template has no '{name}'", field, "template", f"it has {known}")
        for parameter in self._list("parameters"):
            self._parameter(parameter)
        self._message()
        labels = self._labels()
        objects = self._list("objects")
        if not objects:
            self.say(WARNING, "the template holds no object", self.node, "template", "list them under 'objects'")
        found: list[document.Node] = []
        for item in objects:
            made = self._filled(item)
            self._refuse_generated_names(made)
            found.append(_labelled(made, labels))
        return found

    # ------------------------------------------------------------ parameters

    def _list(self, name: str) -> list[document.Node]:
        found = self.fields.get(name)
        if found is None or document.is_null(found):
            return []
        if not isinstance(found, document.SequenceNode):
            self.say(ERROR, f"'{name}' of a template must be a list", found, "template", "")
        return document.elements(found)

    def _parameter(self, node: document.Node) -> None:
        fields = document.fields(node)
        name = document.text_of(fields.get("name"))
        if not name:
            hint = "a parameter has name, value, required, generate, from, displayName, description"
            self.say(ERROR, "the parameter has no name", fields.get("name", node), "parameter", hint)
            return
        if not _NAME.fullmatch(name):
            self.say(
                ERROR, f"'{name}' is no name of a parameter", fields["name"], "parameter", "use A-Z, a-z, 0-9 and _"
            )
            return
        if name in self.values:
            self.say(WARNING, f"the parameter {name} stands here twice: this one counts", node, "parameter", "")
        value = self._value(name, node, fields)
        if document.is_true(fields.get("required")) and not value.key and not value.text:
            described = document.text_of(fields.get("description")) or document.text_of(fields.get("displayName"))
            about = f" ({' '.join(described.split())})" if described else ""
            hint = f"add to the answers: [{self.component}] {name} = VALUE; or declare a param {name} in the Nulecule"
            self.say(ERROR, f"the parameter {name}{about} needs a value", node, "parameter", hint)
        self.values[name] = value

    def _value(self, name: str, node: document.Node, fields: Mapping[str, document.Node]) -> Value:
        """By precedence: a param of the app (even an empty one), the parameter's own value, a generated one."""
        if name in self.given:
            return Value(self.given[name])
        own = document.text_of(fields.get("value")) or ""
        generator = document.text_of(fields.get("generate")) or ""
        if own or not generator:
            return Value(own)
        if generator != "expression":
            hint = "the only one is 'expression', with the expression in 'from'"
            self.say(ERROR, f"there is no generator '{generator}'", fields["generate"], "parameter", hint)
            return Value("", "unknown")
        source = document.text_of(fields.get("from")) or ""
        try:
            random = expressions.is_random(source)
        except ValueError as error:
            hint = "an expression is text with sets of characters: db-[a-z0-9]{8}"
            self.say(ERROR, f"the parameter {name} can't be generated: {error}", fields["from"], "parameter", hint)
            return Value("", "unknown")
        if not random:
            return Value(source)
        key = generated.key_for(self.component, self.name, name)
        self.expressions[key] = source
        return Value("", key)

    # ------------------------------------------------------------ filling in

    def _filled(self, node: document.Node) -> document.Node:
        if isinstance(node, document.MappingNode):
            pairs = []
            seen: set[str] = set()
            for key, value in node.value:
                name = key
                if key.tag == _STR and "${" in key.value:
                    name = _scalar(self._text(key.value, key), key)
                    if name.value in seen:
                        self.say(ERROR, f"the key '{name.value}' stands here twice", key, "duplicate-key", "")
                seen.add(name.value)
                pairs.append((name, self._filled(value)))
            return document.MappingNode(node.tag, pairs, node.start_mark, node.end_mark)
        if isinstance(node, document.SequenceNode):
            items = [self._filled(item) for item in node.value]
            return document.SequenceNode(node.tag, items, node.start_mark, node.end_mark)
        if not isinstance(node, document.ScalarNode) or node.tag != _STR or "${" not in node.value:
            return node
        whole = _WHOLE.fullmatch(node.value)
        if whole is None:
            return _scalar(self._text(node.value, node), node)
        value = self.values.get(whole[1])
        if value is None:
            self.unknown.setdefault(whole[1], node)
            return node
        return _node(value.as_json, node)

    def _text(self, text: str, node: document.Node) -> str:
        def value(match: re.Match[str]) -> str:
            found = self.values.get(match[1])
            if found is None:
                self.unknown.setdefault(match[1], node)
                return match[0]
            return found.as_text

        return _PART.sub(value, text)

    def _message(self) -> None:
        node = self.fields.get("message")
        text = document.text_of(node)
        if node is not None and text:
            words = generated.told(self._text(text, node), self.app)
            self.say(NOTE, f"the template says: {' '.join(words.split())}", node, "message", "")

    def _labels(self) -> list[tuple[document.ScalarNode, document.Node]]:
        node = self.fields.get("labels")
        if node is None or document.is_null(node):
            return []
        if not isinstance(node, document.MappingNode):
            self.say(ERROR, "'labels' of a template must be a mapping", node, "template", "")
        return list(document.items(self._filled(node)))

    def _refuse_generated_names(self, node: document.Node) -> None:
        fields = document.fields(node)
        for item in document.elements(fields.get("items")):
            self._refuse_generated_names(item)
        places = [fields.get("apiVersion"), fields.get("kind"), document.fields(fields.get("metadata")).get("name")]
        for place in places:
            if place is not None and generated.is_marked(document.text_of(place) or ""):
                hint = "give the parameter a value: objects are found again by their names"
                self.say(ERROR, "a generated value can't name an object", place, "parameter", hint)


def _labelled(node: document.Node, labels: list[tuple[document.ScalarNode, document.Node]]) -> document.Node:
    """An object, or each of a list, with the template's labels, which go before its own."""
    inner = document.fields(node).get("items")
    if isinstance(inner, document.SequenceNode) and _kind(node).endswith("List"):
        items = [_labelled(item, labels) for item in inner.value]
        listed = document.SequenceNode(inner.tag, items, inner.start_mark, inner.end_mark)
        return _with(node, [(_scalar("items", inner), listed)], node)
    metadata = document.fields(node).get("metadata")
    own = document.fields(metadata).get("labels")
    if not labels or not all(map(_is_mapping_or_absent, (node, metadata, own))):
        return node
    merged = [(_scalar("labels", node), _with(own, labels, node))]
    return _with(node, [(_scalar("metadata", node), _with(metadata, merged, node))], node)


def _kind(node: document.Node) -> str:
    return document.text_of(document.fields(node).get("kind")) or ""


def _is_mapping_or_absent(node: document.Node | None) -> bool:
    return node is None or document.is_null(node) or isinstance(node, document.MappingNode)


def _with(
    node: document.Node | None, pairs: Sequence[tuple[document.ScalarNode, document.Node]], like: document.Node
) -> document.MappingNode:
    """A mapping with these pairs in the place of those of the same name; a new one where there is none."""
    names = {key.value for key, _ in pairs}
    place = node if isinstance(node, document.MappingNode) else like
    kept = [(key, value) for key, value in document.items(node) if key.value not in names]
    return document.MappingNode(_TAG + "map", [*kept, *pairs], place.start_mark, place.end_mark)


def _scalar(text: str, like: document.Node, tag: str = _STR) -> document.ScalarNode:
    return document.ScalarNode(tag, text, like.start_mark, like.end_mark)


def _node(value: Any, like: document.Node) -> document.Node:
    """A value of JSON as nodes at the place of another."""
    if isinstance(value, dict):
        pairs = [(_scalar(name, like), _node(inner, like)) for name, inner in value.items()]
        return document.MappingNode(_TAG + "map", pairs, like.start_mark, like.end_mark)
    if isinstance(value, list):
        return document.SequenceNode(
            _TAG + "seq", [_node(item, like) for item in value], like.start_mark, like.end_mark
        )
    if isinstance(value, str):
        return _scalar(value, like)
    kind = {bool: "bool", int: "int", float: "float"}.get(type(value), "null")
    return _scalar(json.dumps(value), like, _TAG + kind)
