"""Variables in values: `$V`, `${V}`, `${V:-default}`, `${V-default}`, `${V:?message}`, `${V?message}`, `${V:+other}`,
`${V+other}`, and `$$` for a dollar. What follows the sign may hold variables itself. A dollar before anything else is one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

_PLAIN = re.compile(r"[^$]+")
_NAME = re.compile(r"[_a-zA-Z][_a-zA-Z0-9]*", re.ASCII)
_SIGN = re.compile(r":?[-?+]")
_MAX_DEPTH = 30
MAX_LENGTH = 4 * 1024 * 1024
"""Characters of one value; more is taken for a bomb."""

Unset = Callable[[str], None]


class RefusedError(ValueError):
    """`${V:?message}` of a variable that has no value."""


def interpolate(text: str, variables: Mapping[str, str], unset: Unset) -> str:
    """The text with its variables replaced. ValueError says what is wrong with it; `unset` is told the name of each
    variable that has neither a value nor a default, and is empty therefore."""
    found, at = _text(text, 0, variables, unset, 0)
    assert at == len(text)
    return found


def _text(text: str, at: int, variables: Mapping[str, str], unset: Unset | None, depth: int) -> tuple[str, int]:
    """The replaced text from `at` on, and where it ends: before the closing brace when inside of one. Without `unset` the
    text doesn't count: only its end is wanted."""
    if depth > _MAX_DEPTH:
        raise ValueError(f"variables stand more than {_MAX_DEPTH} levels deep in one another")
    pieces: list[str] = []
    length = 0
    while at < len(text):
        char = text[at]
        if char == "}" and depth:
            break
        if char != "$":
            end = text.find("$", at)
            end = len(text) if end < 0 else end
            if depth:
                brace = text.find("}", at, end)
                end = end if brace < 0 else brace
            piece = text[at:end]
            at = end
        else:
            piece, at = _variable(text, at, variables, unset, depth)
        length += len(piece)
        if length > MAX_LENGTH:
            raise ValueError(f"more than {MAX_LENGTH} characters once its variables are replaced")
        pieces.append(piece)
    return "".join(pieces), at


def _variable(text: str, at: int, variables: Mapping[str, str], unset: Unset | None, depth: int) -> tuple[str, int]:
    following = text[at + 1 : at + 2]
    if following == "$":
        return "$", at + 2
    braced = following == "{"
    name = _NAME.match(text, at + 2 if braced else at + 1)
    if not name and not braced:
        return "$", at + 1
    if not name:
        raise ValueError(f"'{text[at : at + 12]}' is no variable; a dollar is written as $$")
    value = variables.get(name[0])
    if not braced:
        if value is None and unset:
            unset(name[0])
        return value or "", name.end()
    sign = _SIGN.match(text, name.end())
    if sign is None:
        if text[name.end() : name.end() + 1] != "}":
            raise ValueError(
                f"'{text[at : name.end() + 1]}' has no closing brace, or a sign that is not known after it"
            )
        if value is None and unset:
            unset(name[0])
        return value or "", name.end() + 1
    counts = _counts(sign[0], value)
    other, end = _text(text, sign.end(), variables, unset if counts else None, depth + 1)
    if end >= len(text):
        raise ValueError(f"'{text[at : at + 20]}' has no closing brace")
    if not counts:
        return ("" if sign[0].endswith("+") else value or ""), end + 1
    if sign[0].endswith("?") and unset:
        raise RefusedError(f"the variable '{name[0]}' is required: {other or 'it has no value'}")
    return other, end + 1


def _counts(sign: str, value: str | None) -> bool:
    """Whether what follows the sign is used."""
    given = bool(value) if sign.startswith(":") else value is not None
    return given if sign.endswith("+") else not given
