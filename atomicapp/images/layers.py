"""Reading a layer: gzip, zstd or plain tar, as a stream that only goes forward and stops at its bounds.

A layer is hostile until read: it may be a bomb, be cut off, or hold headers made to confuse. Everything that
the decompressors and tarfile can raise becomes a FetchError here, so that callers see one kind of error.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import IO, Any, cast

from atomicapp.errors import FetchError
from atomicapp.images.blobs import CHUNK
from atomicapp.records import NamedTuple

MAX_ENTRIES = 1_000_000
"""Entries of all layers of an image together."""
MAX_UNPACKED = 32 * 1024**3
"""Bytes of all layers together once decompressed."""
MAX_RATIO = 200
"""Decompressed bytes for each compressed one; real layers stay below 20."""
RATIO_FREE = 16 * 1024**2
"""Bytes that may be decompressed before the ratio counts: small layers of zeros are harmless."""
MAX_APP_ENTRIES = 20_000
"""Entries below /application-entity."""
MAX_APP_BYTES = 512 * 1024**2
"""Bytes of all files below /application-entity."""
MAX_FILE = 128 * 1024**2
"""Bytes of one file below /application-entity."""
ZSTD_WINDOW = 128 * 1024**2
"""Bytes of memory that a zstd layer may ask for."""

_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_OTHERS = {b"BZh": "bzip2", b"\xfd7zXZ\x00": "xz", b"PK\x03\x04": "zip"}
_BLOCK = 512


class Limits(NamedTuple):
    """What an image may take at most when it is unpacked; the defaults are the constants above."""

    entries: int = MAX_ENTRIES
    unpacked: int = MAX_UNPACKED
    ratio: int = MAX_RATIO
    ratio_free: int = RATIO_FREE
    app_entries: int = MAX_APP_ENTRIES
    app_bytes: int = MAX_APP_BYTES
    file: int = MAX_FILE


class Budget:
    """What is used up of the limits, over all layers of an image."""

    def __init__(self, limits: Limits, reference: str) -> None:
        self.limits = limits
        self.reference = reference
        self.entries = 0
        self.unpacked = 0

    def take_entry(self) -> None:
        self.entries += 1
        if self.entries > self.limits.entries:
            raise FetchError(self.reference, f"its layers hold more than {self.limits.entries} entries")

    def take_bytes(self, count: int) -> None:
        self.unpacked += count
        if self.unpacked > self.limits.unpacked:
            raise FetchError(self.reference, f"its layers unpack to more than {self.limits.unpacked} bytes")


class _Counting(io.RawIOBase):
    """The compressed stream, with a count of what was read of it."""

    def __init__(self, head: bytes, stream: IO[bytes]) -> None:
        self.head = head
        self._head = head
        self._stream = stream
        self.done = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        if self._head:
            data, self._head = self._head[: len(buffer)], self._head[len(buffer) :]
        else:
            data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        self.done += len(data)
        return len(data)


class TarStream(io.RawIOBase):
    """A decompressed layer that can be read and skipped forward only, within a budget.

    tarfile reads whole headers with one call: a read of more than CHUNK bytes is a header that lies.
    """

    def __init__(self, plain: IO[bytes], packed: _Counting, budget: Budget) -> None:
        self._plain = plain
        self._packed = packed
        self._budget = budget
        self._position = 0
        self._produced = 0
        self.last = b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence != io.SEEK_SET or offset < self._position:
            raise tarfile.ReadError("a header points backwards")
        while self._position < offset:
            if not self.read(min(CHUNK, offset - self._position)):
                raise tarfile.ReadError("unexpected end of data")
        return self._position

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= CHUNK:
            raise tarfile.ReadError(f"a header of {size} bytes")
        pieces, missing = [], size
        while missing:
            piece = self._plain.read(missing)
            if not piece:
                break
            pieces.append(piece)
            missing -= len(piece)
        data = b"".join(pieces)
        self._position += len(data)
        self._check(len(data))
        if size == _BLOCK:
            self.last = data
        return data

    def _check(self, count: int) -> None:
        self._budget.take_bytes(count)
        self._produced += count
        limits = self._budget.limits
        if self._produced > limits.ratio_free and self._produced > limits.ratio * max(self._packed.done, 1):
            raise FetchError(
                self._budget.reference,
                f"a layer unpacks to more than {limits.ratio} times its size: it looks like a bomb",
            )


class _Zstd(io.RawIOBase):
    """A zstd stream whose errors are those of tarfile: the library is imported only when a layer needs it."""

    def __init__(self, packed: _Counting) -> None:
        import zstandard

        self._error = zstandard.ZstdError
        self._reader = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW).stream_reader(
            cast("IO[bytes]", packed), read_across_frames=True, closefd=False
        )

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        try:
            return bytes(self._reader.read(size))
        except self._error as error:
            raise tarfile.ReadError(str(error)) from None

    def close(self) -> None:
        self._reader.close()  # type: ignore[no-untyped-call]
        super().close()


class Entry:
    """One entry of a layer: its header, and its content while it is the current one."""

    def __init__(self, archive: tarfile.TarFile, info: tarfile.TarInfo, reference: str) -> None:
        self._archive = archive
        self._reference = reference
        self.info = info

    def chunks(self) -> Iterator[bytes]:
        """The content of a plain file; FetchError when the layer ends within it."""
        with damaged(self._reference):
            content = self._archive.extractfile(self.info)
        assert content is not None
        with content:
            while True:
                with damaged(self._reference):
                    chunk = content.read(CHUNK // 2)
                if not chunk:
                    return
                yield chunk


@contextlib.contextmanager
def open_layer(blob: AbstractContextManager[IO[bytes]], budget: Budget) -> Iterator[Iterator[Entry]]:
    """The entries of a layer in their order; each must be used before the next is taken."""
    with blob as stream, contextlib.ExitStack() as closing:
        packed = _Counting(stream.read(6), stream)
        head = packed.head
        plain: Any
        if head.startswith(_GZIP):
            plain = gzip.GzipFile(fileobj=packed, mode="rb")
        elif head.startswith(_ZSTD):
            plain = _Zstd(packed)
        else:
            for magic, name in _OTHERS.items():
                if head.startswith(magic):
                    raise FetchError(budget.reference, f"a layer is compressed with {name}; gzip and zstd are known")
            plain = packed
        closing.enter_context(plain)
        yield _entries(TarStream(plain, packed, budget), budget)


def _entries(stream: TarStream, budget: Budget) -> Iterator[Entry]:
    with damaged(budget.reference):
        archive = tarfile.TarFile(fileobj=stream, mode="r", errorlevel=2)
    with archive:
        while True:
            with damaged(budget.reference):
                info = archive.next()
                # tarfile takes a header with a wrong checksum for the end of the archive
                if info is None and stream.last.strip(b"\0"):
                    raise tarfile.ReadError("a header is not readable")
            if info is None:
                return
            forget_members(archive)
            budget.take_entry()
            yield Entry(archive, info, budget.reference)


def forget_members(archive: tarfile.TarFile) -> None:
    """tarfile keeps every header that it has read, a kilobyte each: a large image would fill the memory."""
    cast(Any, archive).members.clear()


@contextlib.contextmanager
def damaged(reference: str, what: str = "a layer") -> Iterator[None]:
    """Turn what decompressors and tarfile raise into a FetchError."""
    try:
        yield
    except (
        tarfile.TarError,
        gzip.BadGzipFile,
        zlib.error,
        EOFError,
        ValueError,
        OverflowError,
        RecursionError,
    ) as error:
        words = " ".join(str(error).split())[:120] or type(error).__name__
        raise FetchError(
            reference, f"{what} is damaged or cut off ({words!a})", hint="build or pull the image again"
        ) from None
