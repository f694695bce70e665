"""How to talk to registries: apart from the client itself, which takes a while to import."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from atomicapp.errors import FetchError
from atomicapp.records import NamedTuple

CERTS = Path("/etc/docker/certs.d")
"""Docker's folder of certificates: one folder for each registry, named HOST or HOST:PORT."""


class HttpOptions(NamedTuple):
    """How to talk. `insecure` are hosts (`HOST` or `HOST:PORT`) for which plain http and unchecked certificates are
    accepted; `cafile` is one more CA for all; `timeout` are the seconds without an answer; `attempts` how often a
    request is tried in all."""

    insecure: frozenset[str] = frozenset()
    cafile: str = ""
    timeout: float = 60.0
    attempts: int = 5
    certs: Path = CERTS
    sleep: Callable[[float], None] = time.sleep


class AbsentError(FetchError):
    """The registry answers, and does not have it."""
