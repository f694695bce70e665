"""`$name`, `${name}` and `$$` in a text, by the rules of Python's string.Template.safe_substitute.

Everything else stays as it is: `$1`, `$(date)`, `${x:-default}`, a lone `$`, and a name without a value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from atomicapp.records import NamedTuple

_PATTERN = re.compile(r"\$(?:\$|([a-zA-Z_][a-zA-Z0-9_]*)|\{([a-zA-Z_][a-zA-Z0-9_]*)\})")


class Unresolved(NamedTuple):
    """A name without a value, the offset of its first `$` in the text before substitution, and how often it stands
    there."""

    name: str
    offset: int
    times: int


def substitute(text: str, values: Mapping[str, str], *, escape: bool = False) -> tuple[str, tuple[Unresolved, ...]]:
    """The text with every known name replaced, and the unknown ones. `escape`: the text is substituted once more by
    somebody else, so `$$` stays as it is and the dollars of values are doubled."""
    if "$" not in text:
        return text, ()
    unresolved: dict[str, Unresolved] = {}

    def replace(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        if name is None:
            return "$$" if escape else "$"
        value = values.get(name)
        if value is None:
            before = unresolved.get(name)
            unresolved[name] = before._replace(times=before.times + 1) if before else Unresolved(name, match.start(), 1)
            return match[0]
        return value.replace("$", "$$") if escape else value

    return _PATTERN.sub(replace, text), tuple(unresolved.values())


def names(text: str) -> frozenset[str]:
    """The names that a text refers to."""
    return frozenset(match[1] or match[2] for match in _PATTERN.finditer(text) if match[1] or match[2])
