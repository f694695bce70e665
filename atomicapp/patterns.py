"""Regular expressions that are compiled when they are first used."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Any


class _Late:
    """Stands for a compiled pattern and becomes one with its first use."""

    def __init__(self, *arguments: Any) -> None:
        self._arguments = arguments

    def __getattr__(self, name: str) -> Any:
        """An attribute of the pattern; from then on it is one of this, found without a call."""
        pattern = _COMPILE(*self._arguments)  # which keeps what it has compiled
        found = self.__dict__[name] = getattr(pattern, name)
        return found


_COMPILE = re.compile


@contextlib.contextmanager
def late() -> Iterator[None]:
    """What is imported in here compiles its patterns on their first use.

    For libraries that compile at import what we never use: those of PyYAML's pure Python reader cost more than all the rest
    of its import. To be used for imports at the top of a module only: `re.compile` is another one meanwhile.
    """
    re.compile = _Late  # type: ignore[assignment]
    try:
        yield
    finally:
        re.compile = _COMPILE
