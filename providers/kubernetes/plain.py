"""The nodes of an artifact as the plain values that the server takes. Pure."""

from __future__ import annotations

import base64
from typing import Any

import yaml

from atomicapp import document

_TAG = "tag:yaml.org,2002:"
_NUMBERS = yaml.constructor.SafeConstructor()


def is_built_in(group: str) -> bool:
    """Whether a group is Kubernetes' own. Definitions are left as they are: a null may be a default in their schemas."""
    return group != "apiextensions.k8s.io" and ("." not in group or group.endswith(".k8s.io"))


def without_nulls(value: Any) -> Any:
    """A spec without fields that are null, which to Kubernetes' own kinds are absent: server-side apply refuses those that
    a kind has no more."""
    if isinstance(value, dict):
        return {name: without_nulls(inner) for name, inner in value.items() if inner is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


def with_data(body: dict[str, Any]) -> dict[str, Any]:
    """A Secret whose stringData stands in data: the server does that too, but then can't tell what was taken away."""
    plain = body.pop("stringData", None)
    if not isinstance(plain, dict):
        return body
    coded = {name: base64.b64encode(str(value).encode()).decode() for name, value in plain.items() if value is not None}
    return {**body, "data": {**(body.get("data") or {}), **coded}}


def shape(node: document.Node) -> str:
    """What a node is that is no mapping, as messages say it."""
    return "list" if isinstance(node, document.SequenceNode) else "text"


def value_of(node: document.Node) -> Any:
    """A node as the JSON that Kubernetes' own tools make of it: octal numbers count, times and base 60 are texts."""
    if isinstance(node, document.MappingNode):
        return {key.value: value_of(value) for key, value in document.items(node)}
    if isinstance(node, document.SequenceNode):
        return [value_of(item) for item in node.value]
    if not isinstance(node, document.ScalarNode):
        return None
    text = str(node.value)
    if node.tag == _TAG + "int" and ":" not in text:
        return _NUMBERS.construct_yaml_int(node)
    if node.tag == _TAG + "float" and ":" not in text and text.lstrip("+-").lower() not in (".inf", ".nan"):
        return _NUMBERS.construct_yaml_float(node)
    return document.plain(node) if node.tag in (_TAG + "null", _TAG + "bool") else text
