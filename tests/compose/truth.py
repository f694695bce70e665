"""Holds a provider's table of fidelity against what it makes of each key: what is said to be kept or approximated makes
a difference, what is said to be lost makes none, and what is said of every key is said of some key that there is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from atomicapp.errors import SpecError
from atomicapp.workload import fidelity
from atomicapp.workload.compose.keys import KEYS
from atomicapp.workload.fidelity import LOST, Table
from atomicapp.workload.project import Project
from tests.compose import keys

Make = Callable[[str], Any]
"""What a provider makes of the text of a Compose file, comparable; positions of the text left out."""


class Refused(NamedTuple):
    """A text that a provider does not take."""

    messages: tuple[str, ...]


def lies(table: Table, make: Make, same: frozenset[str] = frozenset()) -> dict[str, str]:
    """The keys whose verdict is not true, with what was found. A text that the provider refuses is said loudly: it counts
    as different, and as lost. `same` are keys whose text in PAIRS says what the provider does anyway."""
    found = {}
    for key, (without, said) in keys.PAIRS.items():
        verdicts = {item.verdict for item in fidelity.judge(keys.project(said), table) if item.said.key == key}
        if not verdicts:
            found[key] = "it is not said in its own text"
            continue
        before, after = _made(make, without), _made(make, said)
        outcomes = {verdict.outcome for verdict in verdicts}
        if outcomes == {LOST} and before != after and not isinstance(after, Refused):
            found[key] = f"it is said to be lost, and makes a difference: {before} {after}"
        elif LOST not in outcomes and (before == after) != (key in keys.QUIET or key in same):
            found[key] = (
                f"it is said to be {' and '.join(outcomes)}, and makes {'no' if before == after else 'a'} difference"
            )
    return found


def _made(make: Make, text: str) -> Any:
    try:
        return make(text)
    except SpecError as error:
        return Refused(tuple(issue.message for issue in error.issues))


def gaps(table: Table) -> tuple[list[str], list[str]]:
    """The keys that a table lacks, and those that there are not."""
    return sorted(KEYS - table.keys()), sorted(key for key in table.keys() - KEYS if not key.startswith("--"))


def read(text: str) -> Project:
    """The project of a text of `keys.PAIRS`."""
    return keys.project(text)
