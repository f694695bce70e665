"""Regular expressions that are compiled when they are first used."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Any


class _Late:
    """Stands for a compiled pattern and becomes one with its first use."""

    __slots__ = ("_arguments", "_pattern")

    def __init__(self, *arguments: Any) -> None:
        self._arguments = arguments
        self._pattern: re.Pattern[Any] | None = None

    def __getattr__(self, name: str) -> Any:
        # asked for what the slots don't have: an attribute of the pattern
        if self._pattern is None:
            self._pattern = _COMPILE(*self._arguments)
        return getattr(self._pattern, name)


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
