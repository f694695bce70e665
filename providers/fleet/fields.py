"""A unit as paths and texts, by which two can be compared: `Service/ExecStart`, `Service/Environment/COLOUR`. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable

from atomicapp.model import Change
from atomicapp.providers.docker.labels import HIDDEN
from atomicapp.providers.fleet.client import Pair
from atomicapp.providers.units import syntax


def texts(options: Iterable[Pair]) -> dict[str, str]:
    """The options by their paths; those that are said more than once have a line for each."""
    found: dict[str, str] = {}
    for section, name, value in options:
        value = syntax.joined(value)
        if name == "Environment":
            for word in _words(value):
                variable, _, one = word.partition("=")
                found[f"{section}/Environment/{variable}"] = one
            continue
        path = f"{section}/{name}"
        found[path] = f"{found[path]}\n{value}" if path in found else value
    return found


def _words(value: str) -> list[str]:
    try:
        return shlex.split(value)
    except ValueError:
        return value.split()


def changes(old: Iterable[Pair], new: Iterable[Pair], secret: Collection[str]) -> tuple[Change, ...]:
    """What differs between two units; the values of the paths of `secret` are not shown."""
    before, after = texts(old), texts(new)
    found = []
    for path in [*after, *(path for path in before if path not in after)]:
        was, now = before.get(path), after.get(path)
        if was != now:
            if path in secret:
                was, now = was and HIDDEN, now and HIDDEN
            found.append(Change(path, was, now))
    return tuple(found)
