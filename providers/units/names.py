"""The names of units: their rules, templates and instances, specifiers and escapes. Pure.

PREFIX.TYPE            a unit
PREFIX@.TYPE           a template: a text for many
PREFIX@INSTANCE.TYPE   an instance of it
"""

from __future__ import annotations

import hashlib
import re

from atomicapp.records import NamedTuple

LONGEST = 256
"""Bytes of a name that fleet takes; systemd takes one less."""

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
TEMPLATE_TYPES = frozenset(("path", "service", "socket", "target", "timer"))
USABLE = ("service", "socket", "timer", "path", "mount")
"""The types that an agent of fleet sees again among its own files: a unit of another type can't be removed."""

_BAD = re.compile(r"[^a-zA-Z0-9:_.\\@-]", re.ASCII)
_PLAIN = re.compile(r"[^a-zA-Z0-9:_.]", re.ASCII)
_DIGEST = 8


class Name(NamedTuple):
    """A name in parts. `instance` is None where there is no `@`, empty for a template."""

    full: str
    prefix: str
    instance: str | None
    type: str

    @property
    def is_template(self) -> bool:
        return self.instance == ""

    @property
    def is_instance(self) -> bool:
        return bool(self.instance)

    @property
    def template(self) -> str:
        """The name of the template of an instance; empty for a unit without `@`."""
        return f"{self.prefix}@.{self.type}" if self.instance is not None else ""


def fault(name: str) -> str:
    """What is wrong with a name, in the words of fleet and by its order of checks; empty for a good one."""
    if len(name.encode("utf-8", "replace")) > LONGEST:
        return f"unit name exceeds maximum length ({LONGEST})"
    stem, dot, kind = name.rpartition(".")
    if not dot:
        return 'unit name must contain "."'
    if not kind:
        return 'unit name cannot end in "."'
    if kind not in TYPES:
        return f'invalid unit type: "{kind}"'
    if "@" in stem and kind not in TEMPLATE_TYPES:
        return f'invalid unit type for template: "{kind}"'
    bad = _BAD.search(stem)
    if bad:
        return f"invalid character '{bad.group()}' in unit name"
    return 'unit name cannot start in "@"' if stem.startswith("@") else ""


def harm(name: str) -> str:
    """Why a name that fleet takes does harm all the same; empty for a harmless one. For names without a `fault`."""
    stem, _, kind = name.rpartition(".")
    if not stem:
        return "the name has nothing before its dot: no unit after it would be started on that machine"
    if kind not in USABLE:
        return f"a {kind} can be started but never be removed again; expected one of {', '.join(USABLE)}"
    if len(name) >= LONGEST:
        return f"systemd takes names of at most {LONGEST - 1} bytes"
    return ""


def split(name: str) -> Name:
    """The parts of a name that has no `fault`."""
    stem, _, kind = name.rpartition(".")
    prefix, at, instance = stem.partition("@")
    return Name(name, prefix, instance if at else None, kind)


def instance(template: str, number: object) -> str:
    """The name of an instance of a template: `web@.service`, 1 -> `web@1.service`."""
    found = split(template)
    return f"{found.prefix}@{number}.{found.type}"


def expand(text: str, name: str) -> str:
    """The specifiers that fleet knows in [X-Fleet]: %n (the name), %N (without its type), %p (before `@`), %i."""
    if "%" not in text:
        return text
    found = split(name)
    for specifier, value in (
        ("%n", name),
        ("%N", name.rpartition(".")[0]),
        ("%p", found.prefix),
        ("%i", found.instance or ""),
    ):
        text = text.replace(specifier, value)
    return text


# ---------------------------------------------------------------- escapes


def escape(text: str) -> str:
    """Any text as a part of a name, as `systemd-escape` does: `/` is a dash, what can't stand in a name `\\xNN`."""
    found = "".join(_escaped(byte) for byte in text.encode())
    return f"\\x2e{found[1:]}" if found.startswith(".") else found


def _escaped(byte: int) -> str:
    char = chr(byte)
    if char == "/":
        return "-"
    return f"\\x{byte:02x}" if _PLAIN.match(char) else char


def unescape(text: str) -> str:
    """The text of which `escape` has made this."""
    found = re.sub(
        rb"\\x([0-9a-f]{2})|-",
        lambda match: bytes([int(match[1], 16)]) if match[1] else b"/",
        text.encode(),
    )
    return found.decode("utf-8", "replace")


def clean(*parts: str) -> str:
    """Texts as one readable part of a name, with dashes between: what can't stand in a name is a dash, too."""
    found = [re.sub(r"[^a-zA-Z0-9_.]+", "-", part).strip("-._") for part in parts]
    return "-".join(part for part in found if part) or "app"


def cut(text: str, longest: int) -> str:
    """A part that is short enough, and differs for each that was not."""
    if len(text) <= longest:
        return text
    return f"{text[: longest - _DIGEST - 1]}-{hashlib.sha256(text.encode()).hexdigest()[:_DIGEST]}"
