"""OpenShift's expressions for random values: `db-[a-z0-9]{8}`. Pure, but for the drawing.

`[...]{N}` stands for N characters of a set, 1 to 255 of them; all else is text. A set is made of ranges (`a-z`, `0-9`; the
order is a..z, A..Z, 0..9) and of `\\w` (letters, digits, `_`), `\\d` (digits), `\\a` (letters and digits) and `\\A` (signs).
Both ends of a range belong to it. What OpenShift would take for plain text though it looks like a set (`[a_b]{8}`) is refused:
a password would be the same everywhere.
"""

from __future__ import annotations

import re
import secrets

from atomicapp.records import NamedTuple

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
DIGITS = "0123456789"
SIGNS = "~!@#$%^&*()-_+={}[]\\|<,>.?/\"';:`"
MOST = 255

_ORDER = LETTERS + DIGITS
_CLASSES = {"\\w": f"{_ORDER}_", "\\d": DIGITS, "\\a": _ORDER, "\\A": SIGNS}
_SET = re.compile(r"\[([^\[\]]*)\]\{([^{}]*)\}")
_MEMBER = re.compile(r"\\[wdaA]|[a-zA-Z0-9]-[a-zA-Z0-9]")
_MEMBERS = re.compile(rf"(?:{_MEMBER.pattern})+")


class Draw(NamedTuple):
    """So many characters of this alphabet."""

    alphabet: str
    length: int


def parse(expression: str) -> tuple[str | Draw, ...]:
    """The parts of an expression. ValueError says what is wrong with it."""
    parts: list[str | Draw] = []
    end = 0
    for match in _SET.finditer(expression):
        parts.append(expression[end : match.start()])
        parts.append(Draw(_alphabet(match[1]), _length(match[2])))
        end = match.end()
    return (*(part for part in (*parts, expression[end:]) if part),)


def is_random(expression: str) -> bool:
    """Whether there is anything to draw."""
    return any(isinstance(part, Draw) for part in parse(expression))


def draw(expression: str) -> str:
    """A value that fits the expression, from the system's source of secrets."""
    return "".join(
        part if isinstance(part, str) else "".join(secrets.choice(part.alphabet) for _ in range(part.length))
        for part in parse(expression)
    )


def _alphabet(text: str) -> str:
    if not _MEMBERS.fullmatch(text):
        raise ValueError(
            f"[{text}] is no set of characters: ranges such as a-z and 0-9, \\w, \\d, \\a and \\A make one"
        )
    found = ""
    for member in _MEMBER.findall(text):
        if member in _CLASSES:
            found += _CLASSES[member]
            continue
        first, last = _ORDER.index(member[0]), _ORDER.index(member[2])
        if first > last:
            raise ValueError(f"the range {member} is empty: the order is a..z, A..Z, 0..9")
        found += _ORDER[first : last + 1]
    # each character as likely as any other
    return "".join(dict.fromkeys(found))


def _length(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and 1 <= int(text) <= MOST):
        raise ValueError(f"{{{text}}} is no length: a number from 1 to {MOST}")
    return int(text)
