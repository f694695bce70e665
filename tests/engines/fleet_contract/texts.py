"""Option lists as unit texts and back, as fleet stores them; what it refuses about names and texts."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

LONGEST_LINE = 2048
LONGEST_NAME = 256
TYPES = frozenset(
    [
        "automount",
        "busname",
        "device",
        "mount",
        "path",
        "scope",
        "service",
        "slice",
        "snapshot",
        "socket",
        "swap",
        "target",
        "timer",
    ]
)
TEMPLATES = ("path", "service", "socket", "target", "timer")
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-_.\\@")


class Refusal(Exception):  # noqa: N818 (a word of the server)
    """The daemon says no: the status and its words."""

    def __init__(self, status: int, message: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class Option(NamedTuple):
    """One line of a unit."""

    section: str
    name: str
    value: str


def text_of(options: Sequence[Option]) -> str:
    """A unit text: options grouped by section in the order of first appearance."""
    sections: dict[str, list[str]] = {}
    for option in options:
        sections.setdefault(option.section, []).append(f"{option.name}={option.value}\n")
    return "\n".join(f"[{section}]\n{''.join(lines)}" for section, lines in sections.items())


def hash_of(text: str) -> str:
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def parse(text: str) -> tuple[Option, ...]:
    """The options of a text; Refusal for one that the daemon can't read back."""
    found, section = [], ""
    lines = iter(text.split("\n"))
    for line in lines:
        _measure(line)
        if not line.strip() or line[0] in "#;":
            continue
        if line.startswith("["):
            section = line[1 : line.rindex("]")]
            continue
        name, equals, value = line.partition("=")
        if not equals:
            raise Refusal(400, "unexpected newline encountered while parsing option name")
        while value.endswith("\\"):
            more = next(lines, None)
            if more is None:
                break
            _measure(more)
            value += f"\n{more}"
        found.append(Option(section, name.strip(), value.strip()))
    return tuple(found)


def _measure(line: str) -> None:
    if len(line.encode()) > LONGEST_LINE:
        raise Refusal(400, "line too long (max 2048 bytes)")


def check_name(name: str) -> None:
    """Refusal for a bad name, in the order of the daemon's own checks."""

    def refuse(message: str) -> None:
        raise Refusal(400, message)

    if len(name) > LONGEST_NAME:
        refuse("unit name exceeds maximum length (256)")
    stem, dot, kind = name.rpartition(".")
    if not dot:
        refuse('unit name must contain "."')
    if not kind:
        refuse('unit name cannot end in "."')
    if kind not in TYPES:
        refuse(f'invalid unit type: "{kind}"')
    if "@" in stem and not stem.startswith("@") and kind not in TEMPLATES:
        refuse(f'invalid unit type for template: "{kind}"')
    for character in stem:
        if character not in _PLAIN:
            refuse(f"invalid character '{character}' in unit name")
    if stem.startswith("@"):
        refuse('unit name cannot start in "@"')


def is_template(name: str) -> bool:
    return name.rpartition(".")[0].endswith("@")
