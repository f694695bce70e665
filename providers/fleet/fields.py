"""What differs between two units, by the paths of their options. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from atomicapp.model import Change
from atomicapp.providers.docker.labels import HIDDEN
from atomicapp.providers.fleet.client import Pair
from atomicapp.providers.units.paths import texts


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
