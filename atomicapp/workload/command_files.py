"""What the options of a command say by way of files of the app: `--env-file`, `--label-file`, seccomp profiles.

Called when all options are known, for what a file says counts less than what the command says itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import PurePosixPath

from atomicapp.errors import ERROR, AtomicAppError, Issue
from atomicapp.position import Position
from atomicapp.workload.drafts import Draft
from atomicapp.workload.model import Env
from atomicapp.workload.words import Source

Read = Callable[[str], str]
"""The text of a file of the app, by its path below the app's folder; AtomicAppError or OSError when it can't be had."""

_ENV_NAME = re.compile(r"[^\s=\0]+")


class Files:
    """Completes a draft. `flawed` once a fault was found; faults go to the source."""

    def __init__(self, source: Source, draft: Draft, read: Read | None) -> None:
        self.source = source
        self.draft = draft
        self.read = read
        self.flawed = False

    def complete(self) -> None:
        """Put the environment, the labels and the security options into the draft."""
        self._environment()
        self._labels()
        self._security()

    def _environment(self) -> None:
        found: dict[str, Env] = {}
        for text, position in self.draft.lists.pop("env_file", []):
            for name, value, place in self._file("--env-file", text, position, "variable"):
                found[name] = Env(name, value, place)
        for text, position in self.draft.lists.pop("env", []):
            name, sign, value = text.partition("=")
            if not _ENV_NAME.fullmatch(name):
                self._at(position, f"'{quoted(text)}' is no NAME=VALUE", "value")
            elif not sign:
                self._at(
                    position,
                    f"'{name}' has no value: docker would take it from the environment of the one who calls it",
                    "environment",
                    f"declare a param and write -e {name}=$PARAM, so that the app is the same wherever it is run",
                )
            else:
                found[name] = Env(name, value, position)
        self.draft.lists["env"] = list(found.values())

    def _labels(self) -> None:
        read: dict[str, str] = {}
        for text, position in self.draft.lists.pop("label_file", []):
            read.update({name: value for name, value, _ in self._file("--label-file", text, position, "label")})
        self.draft.maps["labels"] = read | self.draft.maps["labels"]

    def _security(self) -> None:
        kept = []
        for text, position in self.draft.lists.pop("security_opt", []):
            name, sign, value = text.partition("=")
            if not sign and name.partition(":")[0] != "no-new-privileges":
                name, sign, value = text.partition(":")
            if (not sign or not value) and name.partition(":")[0] != "no-new-privileges":
                known = "apparmor, label, no-new-privileges, seccomp, systempaths"
                self._at(
                    position, f"--security-opt '{text}': expected NAME=VALUE, with a name such as {known}", "value"
                )
            elif text == "systempaths=unconfined":
                self.draft.groups["security"]["all_system_paths"] = True
            elif name == "seccomp" and value not in ("unconfined", "builtin", "default"):
                kept.append("seccomp=" + self._profile(value, position))
            else:
                kept.append(text)
        self.draft.lists["security_opt"] = kept

    def _profile(self, path: str, position: Position) -> str:
        import json

        text = self._text("--security-opt seccomp=", path, position)
        try:
            return json.dumps(json.loads(text or "{}"), separators=(",", ":"), ensure_ascii=False)
        except (ValueError, RecursionError) as error:
            self._at(position, f"the seccomp profile {path} is not JSON: {error}", "value")
            return ""

    def _file(self, option: str, path: str, position: Position, what: str) -> list[tuple[str, str, Position]]:
        text = self._text(option, path, position)
        found = []
        for number, raw in enumerate((text or "").removeprefix("\ufeff").split("\n"), 1):
            line = raw.removesuffix("\r").lstrip()
            if not line or line.startswith("#"):
                continue
            place = Position(path, number)
            name, sign, value = line.partition("=")
            if not _ENV_NAME.fullmatch(name) or (not sign and what == "variable"):
                self.flawed = True
                self.source.issues.append(
                    Issue(ERROR, f"expected a {what} as NAME=VALUE", place, "value", "", "", line[:200])
                )
                continue
            found.append((name, value, place))
        return found

    def _text(self, option: str, path: str, position: Position) -> str | None:
        pure = PurePosixPath(path)
        if not path or pure.is_absolute() or ".." in pure.parts or "\\" in path:
            hint = "put the file into the app and give its path below the folder of the Nulecule"
            self._at(position, f"{option} '{path}' is not a file of the app", "outside", hint)
            return None
        if self.read is None:
            hint = "write the values into the command: -e NAME=VALUE"
            self._at(
                position, f"{option} '{path}' can't be read here: the app's files are not at hand", "no-file", hint
            )
            return None
        try:
            return self.read(path)
        except AtomicAppError as error:
            self._at(position, f"{option} '{path}': {error.message}", "no-file", error.hint)
        except OSError as error:
            self._at(position, f"{option} '{path}': {error.strerror or 'unreadable'}", "no-file", "add it to the app")
        return None

    def _at(self, position: Position, message: str, code: str, hint: str = "") -> None:
        self.flawed = True
        excerpt = self.source.line(position.line)
        self.source.issues.append(Issue(ERROR, message, position, code, "", hint, excerpt))


def quoted(text: str) -> str:
    """A value as messages show it."""
    return repr(text if len(text) <= 60 else f"{text[:57]}...")
