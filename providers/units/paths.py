"""A unit as paths and texts, by which two can be compared: `Service/ExecStart`, `Service/Environment/COLOUR`. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from atomicapp.providers.units import syntax


def texts(options: Iterable[tuple[str, str, str]]) -> dict[str, str]:
    """Options (section, name, value) by their paths; those that are said more than once have a line for each."""
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
