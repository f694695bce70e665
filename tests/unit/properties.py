"""How property tests run: the same examples on every machine, nothing kept, no clock."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

examples = settings(
    deadline=None, derandomize=True, database=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow]
)
