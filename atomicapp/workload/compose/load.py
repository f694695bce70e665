"""From the text of a file to its tree, with variables replaced."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from typing import Any

from atomicapp import document
from atomicapp.document import MappingNode, Node, ScalarNode, SequenceNode
from atomicapp.workload.compose.context import Context, Source
from atomicapp.workload.compose.interpolate import interpolate
from atomicapp.workload.compose.kinds import CAST, OVERRIDE, RESET

_NUL = re.compile(r"\\(0|x00|u0000|U00000000)")


def tree(context: Context, text: str, source: Source) -> Node | None:
    """The tree of a file; SpecError when it is no YAML."""
    root = document.compose(text, source.file)
    if root is None:
        return None
    if source is context.source:
        _project_name(context, root)
    else:
        context.alone = False
    if "$" in text or source is not context.source:
        prepare(context, root, source)
    if _NUL.search(text):
        _check_nul(context, root)
    context.marked = context.marked or "!reset" in text or "!override" in text
    return root


def _project_name(context: Context, root: Node) -> None:
    """Let the file see its own name as Compose does."""
    name = document.text_of(document.fields(root).get("name"))
    if name and "COMPOSE_PROJECT_NAME" not in context.variables:
        with contextlib.suppress(ValueError):
            own = interpolate(name, context.variables, lambda _: None)
            context.variables = {**context.variables, "COMPOSE_PROJECT_NAME": own}


def _check_nul(context: Context, root: Node) -> None:
    seen: set[int] = set()
    stack: list[Any] = [root]
    while stack:
        node = stack.pop()
        if isinstance(node, ScalarNode):
            if "\0" in node.value:
                context.fault(node, "a NUL character can't be passed to a container", "nul")
        elif id(node) not in seen:
            seen.add(id(node))
            for part in node.value:
                stack += part if isinstance(part, tuple) else (part,)


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
            if "$" in part.value and id(part) not in seen:
                _replace(context, part, variables)
                seen.add(id(part))
            if not main:
                any_part: Any = part
                any_part.source = source


def _replace(context: Context, node: ScalarNode, variables: Mapping[str, str]) -> None:
    try:
        node.value = interpolate(node.value, variables, lambda name: context.unset(node, name))
    except ValueError as error:
        context.fault(node, str(error), "interpolation")
        node.value = ""
    context.grow(len(node.value), node)
    if "\0" in node.value:
        context.fault(node, "a NUL character can't be passed to a container", "nul")
    if node.tag not in (RESET, OVERRIDE):
        node.tag = CAST
