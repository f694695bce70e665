"""Words as command lines of units (`ExecStart=` and its like): quoted for systemd, and broken into lines that are short enough.

Pure. A word may hold INSTANCE: it becomes `%i`, what a template calls its instance.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Sequence

from atomicapp.providers.units.syntax import CONTINUED, LINE_MAX

INSTANCE = "\0"

_PLAIN = re.compile(r"[a-zA-Z0-9_@:,./=+\0-]+", re.ASCII)
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r", "%": "%%", "$": "$$", INSTANCE: "%i"}
_SPECIAL = re.compile(r'[\\"\x00-\x1f\x7f%$]')
_INDENT = "    "
_COMFORT = 100
"""Characters that stand on one line although they could be broken."""
_ROOM = 8
"""For what goes around a word: the indent, and the backslash at the end."""


class TooLongError(ValueError):
    """A word that no line can hold: it has no blank at which it could be broken."""


def word(text: str) -> str:
    """One word, quoted where it must be."""
    escaped = _SPECIAL.sub(_escaped, text)
    return escaped if _PLAIN.fullmatch(text) else f'"{escaped}"'


def _escaped(match: re.Match[str]) -> str:
    return _ESCAPES.get(match[0]) or f"\\x{ord(match[0]):02x}"


def variable(value: str) -> str:
    """A value in a file that EnvironmentFile= names: it may have several lines."""
    return '"' + re.sub(r'([\\"`$])', r"\\\1", value) + '"'


def forms(secrets: Iterable[str]) -> frozenset[str]:
    """Secrets as they are, and as they stand in a unit: in a command, in a script of the shell, and in Environment=."""
    found = set(secrets)
    for secret in tuple(found):
        command = _SPECIAL.sub(_escaped, secret)
        value = command.replace("$$", "$")
        found |= {command, _SPECIAL.sub(_escaped, shlex.quote(secret)), value, *shlex.split(f'"{value}"')}
    return frozenset(found)


def text(value: str) -> str:
    """A value that is no command line: specifiers are doubled, and it stays on its line."""
    return re.sub(r"\s+", " ", value).rstrip("\\ ").strip().replace("%", "%%").replace(INSTANCE, "%i")


def command(
    groups: Iterable[Sequence[str]], *, prefix: str = "", name: str = "ExecStartPre", line_max: int | None = LINE_MAX
) -> str:
    """The value of the option `name` that carries out these words; words of a group stay on one line where they can.

    `prefix` goes before the first word (`-`: it may fail). TooLongError names the word that does not fit.
    """
    quoted = [[word(item) for item in group] for group in groups]
    whole = prefix + " ".join(item for group in quoted for item in group)
    if len(whole) <= _COMFORT:
        return whole
    limit = (line_max or 1 << 30) - _ROOM - len(name) - len(prefix)
    lines = [line for group in quoted for line in _lines(group, limit)]
    return prefix + f" {CONTINUED}{_INDENT}".join(lines)


def _lines(group: Sequence[str], limit: int) -> Iterable[str]:
    line = " ".join(group)
    if _size(line) < limit:
        return [line]
    return [_broken(item, limit) for item in group]


def _size(text: str) -> int:
    return len(text.encode())


def _broken(item: str, limit: int) -> str:
    """A word of any length: systemd reads a continuation as the blank that stood in its place."""
    if _size(item) < limit:
        return item
    lines, rest = [], item
    while _size(rest) >= limit:
        at = _last_blank(rest, limit)
        if at < 0:
            raise TooLongError(item)
        lines.append(rest[:at])
        rest = rest[at + 1 :]
    return CONTINUED.join([*lines, rest])


def _last_blank(text: str, limit: int) -> int:
    # characters may have four bytes: what fits is at most so many of them
    head = text.encode()[:limit].decode("utf-8", "ignore")
    at = len(head)
    while (at := head.rfind(" ", 1, at)) >= 0:
        # a line that begins with one of these would be a comment, or lose its blanks
        if text[at + 1 : at + 2] not in ("", " ", "\t", "#", ";"):
            return at
    return -1
