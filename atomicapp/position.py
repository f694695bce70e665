"""Where a value was read: file, line and column, so that every message can point at its cause."""

from __future__ import annotations

from functools import lru_cache

from atomicapp.records import NamedTuple


class Position(NamedTuple):
    """A place in a text. `line` and `column` count from 1; 0 means that the whole file is meant.

    `file` is a path as the user would type it, a URL, or a name in brackets such as `<command line>`.
    """

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        if not self.line:
            return self.file
        if not self.column:
            return f"{self.file}:{self.line}"
        return f"{self.file}:{self.line}:{self.column}"

    @classmethod
    def at_offset(cls, file: str, text: str, offset: int) -> Position:
        """The position of the character at `offset` (from 0) of `text`."""
        line = text.count("\n", 0, offset) + 1
        return cls(file, line, offset - (text.rfind("\n", 0, offset) + 1) + 1)


def line_of(text: str, line: int) -> str:
    """Line number `line` (from 1) of a text without its end; empty when there is no such line."""
    lines = _lines(text)
    return lines[line - 1].rstrip("\r") if 1 <= line <= len(lines) else ""


@lru_cache(maxsize=1)
def _lines(text: str) -> list[str]:
    # kept, because a file with one fault often has a thousand
    return text.removeprefix("\ufeff").split("\n")
