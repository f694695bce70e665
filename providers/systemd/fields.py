"""A unit as paths and texts, by which two can be compared: `Service/ExecStart`, `Service/Environment/COLOUR`. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from atomicapp.errors import SpecError
from atomicapp.model import Change
from atomicapp.providers.docker import labels
from atomicapp.providers.units import paths, quoting, syntax
from atomicapp.providers.units.own import SECTION

HIDDEN = labels.HIDDEN
ENV = "env"
"""The name of a file of variables."""


def texts(text: str) -> dict[str, str]:
    """The options of a text; those that are said more than once have a line for each. Empty when it can't be read."""
    try:
        unit = syntax.read(text, "unit", "unit.service", line_max=None, bare=True)
    except SpecError:
        return {}
    options = ((option.section, option.name, option.value) for option in unit.options if option.section != SECTION)
    return paths.texts(options)


def hidden(text: str, secrets: Collection[str]) -> list[str]:
    """The paths of the options that hold a secret."""
    return labels.holding(texts(text).items(), quoting.forms(secrets)) if secrets else []


def variables(path: str, text: str | None) -> dict[str, str]:
    """The variables of a file of a unit, as `env/NAME`; empty for a file of another kind."""
    if text is None or path.rpartition("/")[2] != ENV:
        return {}
    pairs = (line.partition("=") for line in text.splitlines())
    return {f"{ENV}/{name}": value for name, sign, value in pairs if sign}


def changes(
    old: str, new: str, secret: Collection[str], files: Mapping[str, tuple[str | None, str | None]]
) -> tuple[Change, ...]:
    """What differs between two texts, and in the unit's own files by their paths; the values of `secret` are not shown."""
    before, after = texts(old), texts(new)
    others = []
    for path, (was, now) in sorted(files.items()):
        if path.rpartition("/")[2] == ENV:
            before |= variables(path, was)
            after |= variables(path, now)
        elif was != now:
            others.append(Change(f"file/{path}", was and HIDDEN, now and HIDDEN))
    found = []
    for path in [*after, *(path for path in before if path not in after)]:
        old_value, new_value = before.get(path), after.get(path)
        if old_value == new_value:
            continue
        if path in secret:
            found.append(Change(path, _told(old_value, True), _told(new_value, True)))
        else:
            found.append(Change(path, *_short(old_value, new_value)))
    return (*found, *others)


_LONG = 60
"""Characters up to which both values are shown in full."""


def _short(old: str | None, new: str | None) -> tuple[str | None, str | None]:
    """Two values as they are told: of long ones the words that differ, options with the words behind them."""
    if old is None or new is None or max(len(old), len(new)) <= _LONG:
        return old, new
    words = old.split(), new.split()
    if words[0] == words[1]:
        return old, new
    from difflib import SequenceMatcher

    told: tuple[list[str], list[str]] = ([], [])
    for op, *ends in SequenceMatcher(None, *words, autojunk=False).get_opcodes():
        if op == "equal":
            continue
        for side, (start, end) in enumerate((ends[:2], ends[2:])):
            own = words[side]
            # a value without its option tells little
            begin = start - 1 if 0 < start < end and own[start - 1].startswith("-") else start
            told[side].append(" ".join(own[begin:end]))
    was, now = (" ... ".join(part for part in side if part) for side in told)
    return f"... {was}" if was else "...", f"... {now}" if now else "..."


def _told(text: str | None, secret: bool) -> str | None:
    return HIDDEN if secret and text is not None else text


def of_body(body: Mapping[str, Any]) -> str:
    """The text of a wanted unit."""
    return str(body.get("text", ""))
