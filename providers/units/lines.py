"""Options of units that hold commands, and what is found while they are written. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from atomicapp.errors import ERROR, Issue
from atomicapp.position import Position
from atomicapp.providers.units import quoting
from atomicapp.providers.units.parts import Group


class Lines:
    """Writes options; faults are in `issues`. `line_max`: the bytes that a line must not reach, None for no limit."""

    def __init__(self, line_max: int | None) -> None:
        self.line_max = line_max
        self.issues: list[Issue] = []

    def say(self, severity: str, message: str, place: Position, code: str, hint: str = "") -> None:
        """Note something found."""
        self.issues.append(Issue(severity, message, place, code, "", hint))

    def command(self, name: str, groups: Iterable[Group], place: Position, *, prefix: str = "") -> tuple[str, str]:
        """An option whose value carries out these words; `prefix` tells systemd how to take their failure."""
        try:
            value = quoting.command(groups, prefix=prefix, name=name, line_max=self.line_max)
        except quoting.TooLongError as error:
            # not what is behind the sign: it may be a secret
            found = str(error)
            message = f"a text of {len(found.encode()):,} bytes fits into no line of a unit: '{found.partition('=')[0][:30]}...'"
            hint = (
                f"lines have to be shorter than {self.line_max:,} bytes, and can be broken at blanks: give it by a file"
            )
            self.say(ERROR, message, place, "long-line", hint)
            return name, ""
        return name, value
