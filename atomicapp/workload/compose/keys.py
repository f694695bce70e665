"""All keys of the Compose Specification that a file can say, as Said has them."""

from __future__ import annotations

from atomicapp.workload.compose.top import TOP

KEYS: frozenset[str] = frozenset(TOP.leaves(""))
