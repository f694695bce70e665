"""Locks between threads and processes, as files."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from atomicapp.errors import StateError
from atomicapp.io import writing

WAIT_SECONDS = 1800.0


@contextlib.contextmanager
def locked(path: Path, what: str, seconds: float = WAIT_SECONDS) -> Iterator[None]:
    """Hold the lock file `path`; StateError when another process holds it for too long."""
    from filelock import FileLock, Timeout

    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    with writing(path):
        try:
            lock.acquire(timeout=seconds)
        except Timeout:  # an OSError, but not of the disk
            raise StateError(
                f"another process has held {what} for {seconds:g} seconds",
                hint=f"wait for it, or end it; the lock is {path}",
            ) from None
    try:
        yield
    finally:
        lock.release()
