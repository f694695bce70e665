"""The pairs of texts that writers are tried with say what they are said to."""

from __future__ import annotations

from typing import Any

import pytest

from atomicapp.position import Position
from atomicapp.workload.compose.keys import KEYS
from tests.compose.keys import PAIRS, QUIET, project


def test_each_key_has_a_pair() -> None:
    assert set(PAIRS) == KEYS
    assert QUIET <= KEYS


def bare(value: Any) -> Any:
    """A value without its places."""
    if isinstance(value, Position):
        return None
    if hasattr(value, "_asdict"):
        return {key: bare(part) for key, part in value._asdict().items() if key not in ("where", "said", "issues")}
    if isinstance(value, tuple):
        return [bare(part) for part in value]
    return {key: bare(part) for key, part in value.items()} if hasattr(value, "items") else value


@pytest.mark.parametrize("key", sorted(KEYS))
def test_a_pair_differs_in_its_key(key: str) -> None:
    without, said = (project(text) for text in PAIRS[key])
    assert key in {item.key for item in said.said}
    keys = [[item.key for item in found.said] for found in (without, said)]
    assert keys[1].count(key) > keys[0].count(key) or key in ("services.image", "configs.content")
    assert (bare(without) == bare(said)) == (key in QUIET)
