"""Unit files: text to Unit and back. Pure.

The value of an option is kept as fleet stores it: trimmed, with its continuations (a backslash at the end of a line, and the
next line) as they stand; `joined` gives it as systemd reads it. Comments are dropped, and CRLF ends a line like LF. An empty
value is an option of its own: it takes back what earlier ones of its name have said (`Unit.values` honours that).

What fleet and systemd would read in different ways is a fault: both must run the same.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator

from atomicapp.errors import ERROR, Issue, SpecError
from atomicapp.position import Position, line_of
from atomicapp.records import NamedTuple

LINE_MAX = 2048
"""Bytes of one physical line, its end not counted, which are too many for fleet and for older systemds."""

CONTINUED = "\\\n"
"""What stands between two physical lines of one value."""

_COMMENT = ("#", ";")
_BLANK = " \t"
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_BOM = "\ufeff"
_SHOWN = 200


class Option(NamedTuple):
    """One line `NAME=VALUE` of a section, with its continuations. `position` is that of its name."""

    section: str
    name: str
    value: str
    position: Position


class Unit(NamedTuple):
    """One unit. `name` is the whole name (`web@.service`), `text` the file as its author wrote it, or as `write` does."""

    name: str
    options: tuple[Option, ...]
    text: str
    position: Position

    @property
    def sections(self) -> tuple[str, ...]:
        """The names of its sections in order of their first appearance."""
        return tuple(dict.fromkeys(option.section for option in self.options))

    def said(self, section: str, *names: str) -> tuple[Option, ...]:
        """All options of these names (of any name, when none is given) in a section, taken back or not."""
        return tuple(
            option for option in self.options if option.section == section and (not names or option.name in names)
        )

    def values(self, section: str, name: str) -> tuple[Option, ...]:
        """The options of a name that count: those after the last empty one."""
        found: list[Option] = []
        for option in self.said(section, name):
            if option.value:
                found.append(option)
            else:
                found.clear()
        return tuple(found)

    def value(self, section: str, name: str, default: str = "") -> str:
        """The last value of an option that takes one, as systemd reads it."""
        found = self.said(section, name)
        return joined(found[-1].value) if found else default

    def with_options(self, section: str, pairs: Iterable[tuple[str, str]]) -> Unit:
        """With further options at the end of a section; the text is written anew."""
        more = tuple(Option(section, name, value, self.position) for name, value in pairs)
        options = grouped((*self.options, *more))
        return self._replace(options=options, text=write(options))

    @property
    def digest(self) -> str:
        """What fleet calls the hash of the unit."""
        return hashlib.sha1(write(self.options).encode(), usedforsecurity=False).hexdigest()


# ---------------------------------------------------------------- to text


def write(options: Iterable[Option]) -> str:
    """The text of a unit file: sections in order of their first appearance, an empty line between two of them.

    That is also the text that fleet takes the hash of.
    """
    sections: dict[str, list[str]] = {}
    for option in options:
        sections.setdefault(option.section, []).append(f"{option.name}={option.value.strip()}\n")
    return "\n".join(f"[{section}]\n{''.join(lines)}" for section, lines in sections.items())


def grouped(options: Iterable[Option]) -> tuple[Option, ...]:
    """Options in the order of `write`, with the values trimmed: as fleet gives them back."""
    sections: dict[str, list[Option]] = {}
    for option in options:
        sections.setdefault(option.section, []).append(option._replace(value=option.value.strip()))
    return tuple(option for found in sections.values() for option in found)


def unit(name: str, sections: Iterable[tuple[str, Iterable[tuple[str, str]]]], position: Position) -> Unit:
    """A unit of our own making, of `(section, ((name, value), ...))`."""
    options = grouped(
        Option(section, option, value, position) for section, pairs in sections for option, value in pairs
    )
    return Unit(name, options, write(options), position)


def joined(value: str) -> str:
    """A value as systemd reads it: a continuation is a space."""
    return value.replace(CONTINUED, " ").strip() if CONTINUED in value else value


# ---------------------------------------------------------------- from text


def read(
    text: str, position: Position | str, name: str, *, line_max: int | None = LINE_MAX, bare: bool = False
) -> Unit:
    """The unit `name` of a text; `position` names the file (its line and column are those of the unit as a whole).

    SpecError with a finding for each fault. `line_max` None: lines may be as long as they like; `bare`: it may say nothing
    in its sections.
    """
    whole = position if isinstance(position, Position) else Position(position)
    return _Reader(text, whole, line_max).unit(name, bare=bare)


class _Reader:
    def __init__(self, text: str, whole: Position, line_max: int | None) -> None:
        self.text = text
        self.whole = whole
        self.line_max = line_max
        self.issues: list[Issue] = []
        self.options: list[Option] = []
        self.section: str | None = None
        self.lost = False  # below a header that could not be read: what stands there is no fault of its own

    def unit(self, name: str, *, bare: bool) -> Unit:
        lines = list(self._lines())
        at = 0
        while at < len(lines):
            at = self._line(lines, at)
        if not self.options and not self.issues and not bare:
            self._fault(
                0, 0, "the unit is empty", "empty", "a unit has sections such as [Unit] and [Service] with NAME=VALUE"
            )
        if self.issues:
            raise SpecError(sorted(self.issues, key=lambda issue: issue.position[1:]))
        return Unit(name, tuple(self.options), self.text, self.whole)

    def _lines(self) -> Iterator[str]:
        for number, line in enumerate(self.text.removeprefix(_BOM).split("\n"), 1):
            line = line.removesuffix("\r")
            size = len(line.encode("utf-8", "replace"))
            if self.line_max is not None and size >= self.line_max:
                self._fault(
                    number,
                    0,
                    f"the line has {size:,} bytes; {self.line_max:,} and more are too many",
                    "long-line",
                    "break it: a backslash at the end of a line continues it on the next one",
                )
            bad = _CONTROL.search(line)
            if bad:
                self._fault(
                    number,
                    bad.start() + 1,
                    f"the control character {ascii(bad.group())[1:-1]} can't stand in a unit",
                    "control-character",
                    "remove it; the file must be plain text",
                )
            yield line

    def _line(self, lines: list[str], at: int) -> int:
        """Reads what begins at index `at`; the index of what follows."""
        line = lines[at]
        plain = line.strip(_BLANK)
        column = len(line) - len(line.lstrip(_BLANK)) + 1
        if not plain:
            return at + 1
        if plain.startswith(_COMMENT):
            self._comment(lines, at)
            return at + 1
        if plain.startswith("["):
            self._header(plain, at + 1, column)
            return at + 1
        value, after = self._value(lines, at)
        name, sign, value = value.partition("=")
        if self.section is None and not self.lost:
            hint = "begin with a section such as [Unit] or [Service]"
            self._fault(at + 1, column, f"'{_short(plain)}' stands before the first section", "no-section", hint)
        elif not sign:
            hint = "expected NAME=VALUE, [SECTION] or a comment; a line is continued by a backslash at its end"
            self._fault(at + 1, column, f"'{_short(plain)}' is no option: it has no '='", "no-value", hint)
        elif not name.strip(_BLANK):
            self._fault(at + 1, column, "there is no name before the '='", "no-name", "expected NAME=VALUE")
        elif CONTINUED in name:
            self._fault(
                at + 1, column, "the name of the option is continued", "no-value", "expected NAME=VALUE on one line"
            )
        elif self.section is not None:
            place = Position(self.whole.file, at + 1, column)
            self.options.append(Option(self.section, name.strip(_BLANK), value.strip(), place))
        return after

    def _header(self, plain: str, line: int, column: int) -> None:
        section = plain[1:-1] if plain.endswith("]") else ""
        self.lost = not section or "[" in section or "]" in section or section != section.strip()
        self.section = None if self.lost else section
        if self.lost:
            hint = "expected [SECTION] alone on its line, such as [Service]; a comment needs a line of its own"
            self._fault(line, column, f"'{_short(plain)}' is no header of a section", "bad-section", hint)

    def _comment(self, lines: list[str], at: int) -> None:
        follows = lines[at + 1].strip(_BLANK) if at + 1 < len(lines) else ""
        if lines[at].endswith("\\") and follows and not follows.startswith((*_COMMENT, "[")):
            message = "a comment ends in a backslash: fleet takes the next line for a part of it, systemd does not"
            self._fault(
                at + 1,
                len(lines[at]),
                message,
                "continued-comment",
                "remove the backslash, or comment the next line, too",
            )

    def _value(self, lines: list[str], at: int) -> tuple[str, int]:
        """The option that begins at index `at` with its continuations, and the index of what follows."""
        parts: list[str] = []
        while at < len(lines):
            line = lines[at]
            if parts and line.strip(_BLANK).startswith(_COMMENT):
                at += 1  # systemd reads on below a comment
                continue
            if parts and not line.strip(_BLANK):
                break
            end = len(line) - len(line.rstrip("\\"))
            if end and end % 2 == 0:
                message = "two backslashes at the end of a line: fleet reads on in the next one, systemd does not"
                self._fault(
                    at + 1,
                    len(line),
                    message,
                    "double-backslash",
                    "put the text in quotes, or the last word on a line of its own",
                )
            parts.append(line[:-1] if end else line)
            at += 1
            if not end:
                break
        return CONTINUED.join(parts), at

    def _fault(self, line: int, column: int, message: str, code: str, hint: str) -> None:
        found = line_of(self.text, line)
        excerpt = found if len(found) <= _SHOWN and not _CONTROL.search(found) else ""
        self.issues.append(Issue(ERROR, message, Position(self.whole.file, line, column), code, "", hint, excerpt))


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:37]}..."
