"""From the text of a file to its tree, with variables replaced."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from atomicapp import document
from atomicapp.document import MappingNode, Node, ScalarNode, SequenceNode
from atomicapp.workload.compose.context import CAST, STR, Context, Source
from atomicapp.workload.compose.interpolate import interpolate


def tree(context: Context, text: str, source: Source) -> Node | None:
    """The tree of a file; SpecError when it is no YAML."""
    root = document.compose(text, source.file)
    if root is not None and ("$" in text or source is not context.source):
        prepare(context, root, source)
    context.marked = context.marked or "!reset" in text or "!override" in text
    return root


def prepare(context: Context, root: Node, source: Source) -> None:
    """Replace the variables in all values, and note at each node the file it stands in."""
    main = source is context.source
    variables = context.variables if source.variables is None else source.variables
    seen: set[int] = set()
    stack: list[Any] = [root]
    while stack:
        node = stack.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if not main:
            node.source = source
        if isinstance(node, ScalarNode):
            if "$" in node.value:
                _replace(context, node, variables)
        elif isinstance(node, MappingNode):
            for key, value in node.value:
                if not main:
                    key.source = source
                stack.append(value)
        elif isinstance(node, SequenceNode):
            stack += node.value


def _replace(context: Context, node: ScalarNode, variables: Mapping[str, str]) -> None:
    try:
        node.value = interpolate(node.value, variables, lambda name: context.unset(node, name))
    except ValueError as error:
        context.fault(node, str(error), "interpolation")
        node.value = ""
    if node.tag == STR:
        node.tag = CAST
