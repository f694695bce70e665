"""Moving blobs: several at a time, and as the body of a request."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, ThreadPoolExecutor, as_completed
from typing import IO

from atomicapp.images.blobs import CHUNK, Checker
from atomicapp.images.manifests import Descriptor

PARALLEL = 4
"""Blobs that are moved at the same time."""

Progress = Callable[[int], None]
"""Told how many bytes of a blob are there; fewer than before when it had to begin again."""


class Body:
    """A blob as the body of a request, checked as it goes out. `len` tells requests the size."""

    def __init__(self, stream: IO[bytes], blob: Descriptor, reference: str, progress: Progress | None) -> None:
        self._stream = stream
        self._checker = Checker(blob, reference)
        self._progress = progress
        self._size = blob.size

    def __len__(self) -> int:
        return self._size

    def read(self, size: int = -1) -> bytes:
        chunk = self._stream.read(CHUNK if size < 0 else min(size, CHUNK))
        if chunk:
            self._checker.feed(chunk)
            if self._progress is not None:
                self._progress(self._checker.done)
        elif self._checker.done:
            self._checker.finish()
        return chunk


def each_parallel(work: Callable[[Descriptor, Callable[[], None]], None], blobs: tuple[Descriptor, ...]) -> None:
    """Do something for each blob, some at a time.

    `work` is handed a function to call now and then: it raises when another one failed or the user interrupts, so
    that nobody waits for the rest. The first failure is raised when all have ended.
    """
    stop = threading.Event()

    def go_on() -> None:
        if stop.is_set():
            raise CancelledError

    with ThreadPoolExecutor(max_workers=PARALLEL) as pool:
        futures = [pool.submit(work, blob, go_on) for blob in blobs]
        try:
            # in the order in which they end: the first that fails is the cause, the others are cut short
            for future in as_completed(futures):
                future.result()
        except BaseException:
            stop.set()
            for future in futures:
                future.cancel()
            raise
