"""The regular expressions of constraints: a value is fine when the whole of its text matches."""

from __future__ import annotations

import re
import warnings
from functools import lru_cache

from atomicapp.model import Constraint


@lru_cache(maxsize=4096)
def compiled(pattern: str) -> re.Pattern[str]:
    """The compiled pattern; ValueError says what is wrong with it."""
    try:
        with warnings.catch_warnings():
            # `[[]` may mean something else in a Python to come: nothing that a user of the app can act on
            warnings.simplefilter("ignore")
            return re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(str(error)) from None


def allows(constraint: Constraint, text: str) -> bool:
    """Whether a value keeps to a constraint."""
    return compiled(constraint.allowed_pattern).fullmatch(text) is not None
