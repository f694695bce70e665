"""All output: reports on standard output; logs, progress and errors on standard error.

The types of log are those of the original: `nocolor` (default without a terminal) has the level before each
line, `color` (default on one) shows it in colours, `cockpit` has lines that a web page can parse, `none` has
errors only.
"""

from __future__ import annotations

import _thread
import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TextIO

from atomicapp.errors import ERROR, NOTE, WARNING, AtomicAppError, ConfigError, EngineError, Issue, SpecError

LOGTYPES = ("cockpit", "color", "nocolor", "none")

_DEBUG, _INFO, _WARN, _ERROR = 10, 20, 30, 40
_LEVELS = {_DEBUG: ("DEBUG", "36"), _INFO: ("INFO", ""), _WARN: ("WARN", "33"), _ERROR: ("ERROR", "31")}
_COCKPIT = {_DEBUG: "debug", _INFO: "info", _WARN: "warning", _ERROR: "error"}

Redact = Callable[[str], str]


class Ui:
    """Where a command writes. Safe to use from several threads."""

    def __init__(
        self, *, logtype: str = "", verbosity: int = 0, as_json: bool = False, out: TextIO | None = None,
        err: TextIO | None = None,
    ) -> None:  # fmt: skip
        self._out = out or sys.stdout
        self._err = err or sys.stderr
        self.as_json = as_json
        self.verbosity = verbosity
        self.logtype = logtype or ("color" if self._colours(self._err) else "nocolor")
        self.colour = self._colours(self._out) and logtype in ("", "color")
        self.at_end = contextlib.ExitStack()
        """What is to be closed or removed when the command ends, however it ends."""
        self._lock = _thread.allocate_lock()  # `threading` is a package of its own weight
        self._redact: Redact = lambda text: text
        self._line: Callable[[str], None] | None = None

    @staticmethod
    def _colours(stream: TextIO) -> bool:
        return stream.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"

    def hide(self, redact: Redact) -> None:
        """From now on every line goes through `redact`, which masks secrets."""
        self._redact = redact

    @property
    def is_live(self) -> bool:
        """Whether a live progress display makes sense."""
        return self._err.isatty() and self.logtype == "color" and self.verbosity >= 0

    def divert(self, line: Callable[[str], None] | None) -> None:
        """While a live display holds the terminal, lines of the log go through it."""
        self._line = line

    # ------------------------------------------------------------ logs

    def debug(self, text: str) -> None:
        """Shown with -v."""
        if self.verbosity > 0:
            self._log(_DEBUG, text)

    def info(self, text: str) -> None:
        """Progress; not shown with -q."""
        if self.verbosity >= 0:
            self._log(_INFO, text)

    def warn(self, text: str) -> None:
        self._log(_WARN, text)

    def error(self, text: str) -> None:
        """Shown with every type of log."""
        self._log(_ERROR, text)

    def _log(self, level: int, text: str) -> None:
        text = self._redact(text)
        name, code = _LEVELS[level]
        if self.logtype == "none" and level < _ERROR:
            return
        if self.logtype == "cockpit":
            if level == _DEBUG:
                return
            flat = " ".join(text.split())
            line = f"atomicapp.status.{_COCKPIT[level]}.message={flat}"
        elif self.logtype == "color":
            prefix = {_WARN: "warning: ", _ERROR: "error: "}.get(level, "")
            line = f"\x1b[{code}m{prefix}{text}\x1b[0m" if code and not prefix else text
            if prefix:
                line = f"\x1b[{code};1m{prefix}\x1b[0m{text}"
        else:
            line = f"{name:<6} :: {text}"
        self._write_err(line)

    def _write_err(self, line: str) -> None:
        with self._lock:
            if self._line is not None:
                self._line(line)
                return
            try:
                print(line, file=self._err, flush=True)
            except UnicodeEncodeError:
                print(line.encode("ascii", "replace").decode(), file=self._err, flush=True)

    # ------------------------------------------------------------ findings and errors

    def issues(self, found: Iterable[Issue], *, notes: bool = False) -> None:
        """Findings, each with its source line; notes only when asked for. What services share by an anchor is told once."""
        for issue in dict.fromkeys(found):
            if issue.severity == NOTE and not notes:
                self.debug(f"{issue.position}: {issue.message}")
                continue
            level = {ERROR: _ERROR, WARNING: _WARN}.get(issue.severity, _INFO)
            if level < _WARN and self.verbosity < 0:
                continue
            self._log(level, self.picture(issue))

    def picture(self, issue: Issue) -> str:
        """A finding as text: where, what, the source line with a caret, and what to do."""
        lines = [f"{issue.position}: {issue.message}"]
        if issue.excerpt.strip():
            number = str(issue.position.line)
            shown = issue.excerpt.replace("\t", " ").rstrip()
            column = max(issue.position.column, 1)
            if column > 100:  # a long line: show the part around the fault
                shown, column = "..." + shown[column - 60 :], 64
            lines.append(f"  {number} | {shown[:140]}")
            lines.append(f"  {' ' * len(number)} | {' ' * (column - 1)}^")
        if issue.hint:
            lines.append(f"  {issue.hint}")
        return "\n".join(lines)

    def failure(self, error: AtomicAppError) -> None:
        """An error for people, or as JSON on standard output with -o json."""
        if self.as_json:
            self.report(error.to_dict())
            return
        if isinstance(error, SpecError):
            self.issues(error.issues)
            errors = sum(issue.severity == ERROR for issue in error.issues)
            warnings = sum(issue.severity == WARNING for issue in error.issues)
            self.error(count(errors, "error") + (f", {count(warnings, 'warning')}" if warnings else ""))
            return
        lines = [error.message]
        if isinstance(error, EngineError):
            if error.position:
                lines.append(f"  the component {error.component} of {error.position}")
            lines += [f"  {detail}" for detail in error.details]
            if error.log_tail:
                lines.append("  last lines of its log:")
                lines += [f"    {line}" for line in error.log_tail]
        elif isinstance(error, ConfigError):
            lines += [detail if detail.startswith(" ") else f"  {detail}" for detail in error.details]
        else:
            lines += [f"  {detail}" for detail in error.details]
        if error.hint:
            lines.append(f"  {error.hint}")
        self.error("\n".join(lines))

    # ------------------------------------------------------------ reports

    def report(self, data: Any) -> None:
        """A report as JSON on standard output."""
        self.print(json.dumps(data, indent=2, ensure_ascii=False, default=str))

    def print(self, text: str = "") -> None:
        """A line of a report on standard output."""
        text = self._redact(text)
        try:
            print(text, file=self._out)
        except UnicodeEncodeError:
            print(text.encode("ascii", "replace").decode(), file=self._out)

    def paint(self, text: str, code: str) -> str:
        """A text in an ANSI colour, on a terminal."""
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour and code else text

    def table(self, heads: Sequence[str], rows: Iterable[Sequence[str]], colours: Sequence[str] = ()) -> None:
        """Columns as wide as their longest cell; the last one is cut at the edge of a terminal, never elsewhere."""
        cells = [[self._redact(str(cell)) for cell in row] for row in rows]
        widths = [max(len(row[column]) for row in [list(heads), *cells]) for column in range(len(heads))]
        import shutil

        edge = shutil.get_terminal_size((10_000, 24)).columns if self._out.isatty() else 10_000
        for number, row in enumerate([list(heads), *cells]):
            line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            if len(line) > edge > 20:
                line = line[: edge - 3] + "..."
            colour = "1" if number == 0 else colours[number - 1] if number <= len(colours) else ""
            self.print(self.paint(line, colour))


def count(number: int, noun: str) -> str:
    """`1 error`, `2 errors`, `no errors`."""
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"
