"""Every failure that a user can meet.

    AtomicAppError
      UsageError       the command line is wrong                              exit 2
      SpecError        a file of the package or the answers breaks its rules  exit 1
      ResolveError     the tree of apps can't be built (cycle, clash, absent)
      ConfigError      params are missing or break their constraints
      FetchError       an image, a URL or a repository can't be read
      EngineError      the engine refused, or what runs there failed
      StateError       the state folder or a lock stands in the way
    Kept               not a failure: a step has left its thing as it is, and says why

One handler, in cli/main.py, turns them into text or JSON and an exit status; nothing below it prints
or exits. A message is one sentence that says what was found; `hint` says what to do next.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from atomicapp.position import Position
from atomicapp.records import NamedTuple

ERROR = "error"
WARNING = "warning"
NOTE = "note"


class Issue(NamedTuple):
    """One finding about a text. `code` is a stable short name (`unknown-key`), `path` a JSON pointer into
    the document where there is one, `excerpt` the source line for the caret picture."""

    severity: str
    message: str
    position: Position
    code: str = ""
    path: str = ""
    hint: str = ""
    excerpt: str = ""

    def to_dict(self) -> dict[str, Any]:
        return {
            "severity": self.severity,
            "message": self.message,
            "file": self.position.file,
            "line": self.position.line,
            "column": self.position.column,
            "code": self.code,
            "path": self.path,
            "hint": self.hint,
        }


class AtomicAppError(Exception):
    """The base. `message` is the cause in one sentence, `hint` the next step, `details` further lines."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "", details: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = tuple(details)

    def to_dict(self) -> dict[str, Any]:
        """The error as JSON-ready values; subclasses add their own keys."""
        found: dict[str, Any] = {"error": type(self).__name__, "message": self.message}
        if self.hint:
            found["hint"] = self.hint
        if self.details:
            found["details"] = list(self.details)
        return found


class UsageError(AtomicAppError):
    """The command line is wrong."""

    exit_code = 2


class SpecError(AtomicAppError):
    """One text or several break the rules of their format; `issues` holds every finding, errors and warnings."""

    def __init__(self, issues: Iterable[Issue], *, hint: str = "") -> None:
        self.issues = tuple(issues)
        errors = [issue for issue in self.issues if issue.severity == ERROR]
        first = errors[0] if errors else self.issues[0]
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        super().__init__(f"{first.position}: {first.message}{more}", hint=hint or first.hint)

    def to_dict(self) -> dict[str, Any]:
        return {**super().to_dict(), "issues": [issue.to_dict() for issue in self.issues]}

    @classmethod
    def single(
        cls, message: str, position: Position, *, code: str = "", path: str = "", hint: str = "", excerpt: str = ""
    ) -> SpecError:
        return cls([Issue(ERROR, message, position, code, path, hint, excerpt)])


class ResolveError(AtomicAppError):
    """The tree of apps can't be built; `chain` names the apps from the root to the fault."""

    def __init__(
        self, message: str, *, chain: Sequence[str] = (), position: Position | None = None, hint: str = ""
    ) -> None:
        where = f"{position}: " if position else ""
        via = f" (through {' -> '.join(chain)})" if chain else ""
        super().__init__(f"{where}{message}{via}", hint=hint)
        self.chain = tuple(chain)

    def to_dict(self) -> dict[str, Any]:
        return {**super().to_dict(), "chain": list(self.chain)}


class ConfigError(AtomicAppError):
    """Params without a value, or with one that breaks a rule."""

    def __init__(
        self,
        message: str,
        *,
        missing: Sequence[dict[str, str]] = (),
        invalid: Sequence[Issue] = (),
        hint: str = "",
        details: Sequence[str] = (),
    ) -> None:
        super().__init__(message, hint=hint, details=details)
        self.missing = tuple(missing)
        self.invalid = tuple(invalid)

    def to_dict(self) -> dict[str, Any]:
        return {
            **super().to_dict(),
            "missing": list(self.missing),
            "invalid": [issue.to_dict() for issue in self.invalid],
        }


class FetchError(AtomicAppError):
    """Something outside can't be read; `reference` is what was asked for."""

    def __init__(self, reference: str, cause: str, *, hint: str = "") -> None:
        super().__init__(f"can't get {reference}: {cause}", hint=hint)
        self.reference = reference
        self.cause = cause

    def to_dict(self) -> dict[str, Any]:
        return {**super().to_dict(), "reference": self.reference, "cause": self.cause}


class EngineError(AtomicAppError):
    """The engine refused a step, or what it started failed. `log_tail` holds the last lines of its log."""

    def __init__(
        self,
        message: str,
        *,
        component: str = "",
        position: Position | None = None,
        log_tail: Sequence[str] = (),
        hint: str = "",
        details: Sequence[str] = (),
    ) -> None:
        super().__init__(message, hint=hint, details=details)
        self.component = component
        self.position = position
        self.log_tail = tuple(log_tail)

    def to_dict(self) -> dict[str, Any]:
        found = {**super().to_dict(), "component": self.component, "log_tail": list(self.log_tail)}
        if self.position:
            found["position"] = str(self.position)
        return found


class StateError(AtomicAppError):
    """The state folder can't be used, a deployment is unknown, or another run holds the lock."""


class Kept(Exception):  # noqa: N818 (no error: the engine at hand is the reason why the step did nothing)
    """A step has left its thing as it is, for a reason that only the engine knows (`it holds ConfigMap others`)."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
