"""From the text of a file to its tree, with variables replaced."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from atomicapp import document
from atomicapp.document import MappingNode, Node, ScalarNode, SequenceNode
from atomicapp.workload.compose.context import Context, Source
from atomicapp.workload.compose.interpolate import interpolate
from atomicapp.workload.compose.kinds import CAST


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
        if isinstance(node, ScalarNode):
            inner: list[Any] = [node]
        elif id(node) in seen:
            continue
        else:
            seen.add(id(node))
            if not main:
                node.source = source
            inner = node.value if isinstance(node, SequenceNode) else [value for _, value in node.value]
            if not main and isinstance(node, MappingNode):
                for key, _ in node.value:
                    key.source = source
        for part in inner:
            if not isinstance(part, ScalarNode):
                stack.append(part)
                continue
            # what was replaced has another tag, so that an alias is not replaced twice
            if "$" in part.value and part.tag != CAST:
                _replace(context, part, variables)
            if not main:
                any_part: Any = part
                any_part.source = source


def _replace(context: Context, node: ScalarNode, variables: Mapping[str, str]) -> None:
    try:
        node.value = interpolate(node.value, variables, lambda name: context.unset(node, name))
    except ValueError as error:
        context.fault(node, str(error), "interpolation")
        node.value = ""
    node.tag = CAST
