"""Split a text into commands and words as a POSIX shell does, but run and expand nothing.

Quotes, escapes, comments and backslash-newline mean what they mean to a shell. What only a shell could do
(pipes, redirection, command substitution, `;`, `&`) is an error: silently passing it on as text would start
something else than the author meant.
"""

from __future__ import annotations

import re
from bisect import bisect_right

from atomicapp.errors import ERROR, WARNING, Issue
from atomicapp.position import Position
from atomicapp.records import NamedTuple

_NO_SHELL = "no shell runs here"
_HINT = "quote it to pass it as text, or run a shell inside the container: IMAGE sh -c '...'"
_BLANK = " \t\r\v\f"
_OPERATORS = ";|&<>()"
_COMMAND = re.compile(r"(?P<open>`)[^`]*`?|(?P<open2>\$\()[^)]*\)?")
_VARIABLE = re.compile(r"\$\{[^}\n]*\}|\$[A-Za-z_][A-Za-z0-9_]*")
_PLAIN = re.compile(r"""[^\s\\'"#;|&<>()$`]+""")
_PLAIN_QUOTED = re.compile(r"""[^\\"$`]+""")
"""What means itself, outside and inside double quotes: most of any text, so it is taken in one piece."""

_ESCAPED_IN_QUOTES = '$`"\\'


class Word(NamedTuple):
    """One word without its quotes. `offsets` holds for each character its place in the text; `partial` says that a part
    of it was a fault and is left out, so that what the rest looks like is no fault of its own."""

    text: str
    offsets: tuple[int, ...]
    start: int
    partial: bool = False

    def offset(self, index: int) -> int:
        """The place in the text of character `index` of the word; of its opening quote for the first."""
        return self.offsets[index] if 0 < index < len(self.offsets) else self.start

    def cut(self, index: int) -> Word:
        """The word from character `index` on."""
        return Word(self.text[index:], self.offsets[index:], self.offset(index), self.partial)


class Source:
    """A text and its name, for positions; it collects the issues found in it."""

    def __init__(self, text: str, file: str) -> None:
        self.text = text
        self.file = file
        self.issues: list[Issue] = []
        # line starts are found once: a long hostile text must not cost its length for every word
        self._lines = [0, *(match.end() for match in re.finditer("\n", text))]

    def position(self, offset: int) -> Position:
        """Where an offset is."""
        line = bisect_right(self._lines, offset)
        return Position(self.file, line, offset - self._lines[line - 1] + 1)

    def line(self, number: int) -> str:
        """Line `number` (from 1) without its end."""
        if not 1 <= number <= len(self._lines):
            return ""
        end = self._lines[number] if number < len(self._lines) else len(self.text)
        return self.text[self._lines[number - 1] : end].rstrip("\r\n")

    def add(self, severity: str, message: str, offset: int, *, code: str, hint: str = "") -> None:
        """Note a finding at an offset, with its source line."""
        position = self.position(offset)
        self.issues.append(Issue(severity, message, position, code, "", hint, self.line(position.line)))

    def error(self, message: str, offset: int, *, code: str, hint: str = "") -> None:
        """Note an error."""
        self.add(ERROR, message, offset, code=code, hint=hint)

    def warning(self, message: str, offset: int, *, code: str, hint: str = "") -> None:
        """Note a warning."""
        self.add(WARNING, message, offset, code=code, hint=hint)


class _Splitter:
    """One pass over the text, a character at a time."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.text = source.text
        self.at = 0
        self.commands: list[list[Word]] = []
        self.words: list[Word] = []
        self.start = -1  # of the word under way; -1 between words
        self.chars: list[str] = []
        self.offsets: list[int] = []
        self.partial = False

    def run(self) -> list[list[Word]]:
        while self.at < len(self.text):
            plain = _PLAIN.match(self.text, self.at)
            if plain:
                self._take_all(plain.end())
            else:
                self._step(self.text[self.at])
        self._end_command()
        return self.commands

    def _step(self, char: str) -> None:
        if char == "\\":
            self._escape()
        elif char == "\n":
            self._end_command()
            self.at += 1
        elif char in _BLANK:
            if self.start >= 0:
                self._end_word()
            self.at += 1
        elif char == "#" and self.start < 0:
            end = self.text.find("\n", self.at)
            self.at = len(self.text) if end < 0 else end
        elif char == "'":
            self._single()
        elif char == '"':
            self._double()
        elif char in _OPERATORS:
            self._operator(char)
        elif not self._substitution():
            self._take(char)

    def _take(self, char: str) -> None:
        if self.start < 0:
            self.start = self.at
        self.chars.append(char)
        self.offsets.append(self.at)
        self.at += 1

    def _take_all(self, end: int) -> None:
        if self.start < 0:
            self.start = self.at
        self.chars.append(self.text[self.at : end])
        self.offsets.extend(range(self.at, end))
        self.at = end

    def _newline_after(self, offset: int) -> int:
        """The length of a line end at `offset`, 0 when there is none. CRLF counts: artifacts come from Windows too."""
        if self.text.startswith("\r\n", offset):
            return 2
        return 1 if self.text.startswith("\n", offset) else 0

    def _escape(self) -> None:
        length = self._newline_after(self.at + 1)
        if length:
            self.at += 1 + length
            return
        if self.start < 0:
            self.start = self.at
        self.at += 1
        if self.at >= len(self.text):
            self.source.error(
                "the text ends with a lone backslash", self.at - 1, code="quote", hint="remove it, or continue the line"
            )
            return
        self._take(self.text[self.at])

    def _single(self) -> None:
        opening = self.at
        if self.start < 0:
            self.start = opening
        end = self.text.find("'", opening + 1)
        if end < 0:
            self._unclosed("'", opening)
            return
        self.at += 1
        self._take_all(end)
        self.at = end + 1

    def _double(self) -> None:
        opening = self.at
        if self.start < 0:
            self.start = opening
        self.at += 1
        while self.at < len(self.text):
            plain = _PLAIN_QUOTED.match(self.text, self.at)
            if plain:
                self._take_all(plain.end())
                continue
            char = self.text[self.at]
            if char == '"':
                self.at += 1
                return
            if char == "\\" and self.at + 1 < len(self.text):
                length = self._newline_after(self.at + 1)
                if length:
                    self.at += 1 + length
                    continue
                if self.text[self.at + 1] in _ESCAPED_IN_QUOTES:
                    self.at += 1
                    self._take(self.text[self.at])
                    continue
            elif self._substitution():
                continue
            self._take(self.text[self.at])
        self._unclosed('"', opening)

    def _unclosed(self, quote: str, opening: int) -> None:
        self.source.error(f"the quote {quote} is never closed", opening, code="quote", hint=f"add the closing {quote}")
        self.at = len(self.text)

    def _operator(self, char: str) -> None:
        end = self.at
        while end < len(self.text) and self.text[end] in _OPERATORS:
            end += 1
        operator = self.text[self.at : end]
        self.source.error(f"'{operator}' outside quotes: {_NO_SHELL}", self.at, code="shell", hint=_HINT)
        self._end_word()
        self.at = end

    def _substitution(self) -> bool:
        """Report what a shell would replace, in double quotes as well; True when it was skipped."""
        command = _COMMAND.match(self.text, self.at)
        if command:
            self.source.error(
                f"'{command['open'] or command['open2']}' asks a shell for a command's output: {_NO_SHELL}",
                self.at,
                code="shell",
                hint="use a param for the value, or single quotes to pass it as text",
            )
            if self.start < 0:
                self.start = self.at
            self.partial = True
            self.at = command.end()
            return True
        variable = _VARIABLE.match(self.text, self.at)
        if variable:
            self.source.warning(
                f"'{variable[0]}' stays as it is: {_NO_SHELL} that could replace it",
                self.at,
                code="no-expansion",
                hint="declare a param of that name, or put it in single quotes if it is meant as text",
            )
        return False

    def _end_word(self) -> None:
        if self.start >= 0:
            self.words.append(Word("".join(self.chars), tuple(self.offsets), self.start, self.partial))
        self.start = -1
        self.partial = False
        self.chars, self.offsets = [], []

    def _end_command(self) -> None:
        self._end_word()
        if self.words:
            self.commands.append(self.words)
        self.words = []


def split(source: Source) -> list[list[Word]]:
    """The commands of a text, each a list of words; faults go to `source.issues`."""
    return _Splitter(source).run()
