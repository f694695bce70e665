from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.images.fakeregistry import FakeRegistry


@pytest.fixture
def fake() -> Iterator[FakeRegistry]:
    """A registry in memory."""
    found = FakeRegistry()
    yield found
    found.close()


@pytest.fixture
def other() -> Iterator[FakeRegistry]:
    """A second host: a token server, a place to be redirected to."""
    found = FakeRegistry()
    yield found
    found.close()
