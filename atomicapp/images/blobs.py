"""An image as a value that can be read, wherever it lies, and the checked reading of its blobs.

Every place that holds images (registry, engine, layout, archive, a build in memory) gives an `Image`: the
manifest and a way to open a blob. What is read is hashed on the way; a blob that is not what its digest says
never gets past this module.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, Any, BinaryIO

from atomicapp.errors import FetchError
from atomicapp.images.manifests import MAX_CONFIG, Descriptor, Manifest, labels_of, parse_json
from atomicapp.io import writing
from atomicapp.records import NamedTuple

CHUNK = 256 * 1024
"""Bytes read at a time."""

OpenBlob = Callable[[Descriptor], AbstractContextManager[IO[bytes]]]


class Image(NamedTuple):
    """A readable image. `reference` is how messages name it; `open_blob` gives a fresh stream at each call;
    `checked` tells that size and digest of all blobs were compared when they were stored."""

    reference: str
    manifest: Manifest
    open_blob: OpenBlob
    checked: bool = False

    @property
    def digest(self) -> str:
        return self.manifest.digest

    def config(self) -> dict[str, Any]:
        """The image's config, checked against its digest."""
        descriptor = self.manifest.config
        if descriptor.size > MAX_CONFIG:
            raise FetchError(self.reference, f"the image's config has {descriptor.size} bytes")
        return parse_json(self.read(descriptor), "image's config", self.reference)

    def labels(self) -> dict[str, str]:
        return labels_of(self.config())

    def read(self, descriptor: Descriptor) -> bytes:
        """A small blob as a whole, checked."""
        target = io.BytesIO()
        self.copy(descriptor, target)
        return target.getvalue()

    def check(self, descriptor: Descriptor) -> None:
        """Read a blob to its end and compare size and digest; FetchError when they differ."""
        self.copy(descriptor, None)

    def copy(self, descriptor: Descriptor, target: BinaryIO | None) -> None:
        """Copy a blob into an open file (None: only check it); FetchError when it is not what it should be."""
        checker = Checker(descriptor, self.reference)
        with self.open_blob(descriptor) as stream:
            while chunk := stream.read(CHUNK):
                checker.feed(chunk)
                if target is not None:
                    target.write(chunk)
        checker.finish()


class Checker:
    """Counts and hashes the bytes of a blob; raises FetchError on the first byte too many or a wrong digest."""

    def __init__(self, descriptor: Descriptor, reference: str) -> None:
        self.descriptor = descriptor
        self.reference = reference
        self.reset()

    def reset(self) -> None:
        """Begin again from the first byte."""
        self.done = 0
        self._hash = hashlib.new(self.descriptor.digest.partition(":")[0])

    def feed(self, chunk: bytes) -> None:
        self.done += len(chunk)
        if self.done > self.descriptor.size:
            raise FetchError(
                self.reference, f"{self.descriptor.digest} is longer than the {self.descriptor.size} bytes announced"
            )
        self._hash.update(chunk)

    def finish(self) -> None:
        expected = self.descriptor
        if self.done < expected.size:
            raise FetchError(
                self.reference, f"{expected.digest} ends after {self.done} of {expected.size} bytes: it is cut off"
            )
        found = f"{expected.digest.partition(':')[0]}:{self._hash.hexdigest()}"
        if found != expected.digest:
            raise FetchError(
                self.reference,
                f"wrong digest: {expected.digest} was asked for and {found} was found",
                hint="the data was damaged or tampered with; nothing of it was used",
            )


def blob_path(folder: Path, digest: str) -> Path:
    """Where a blob lies below `blobs/` of a layout. Digests are checked when they are parsed."""
    algorithm, _, name = digest.partition(":")
    return folder / algorithm / name


def folder_opener(folder: Path, reference: str) -> OpenBlob:
    """Open blobs that lie in a folder as in an OCI layout: `FOLDER/sha256/HEX`."""

    def opener(descriptor: Descriptor) -> AbstractContextManager[IO[bytes]]:
        try:
            return blob_path(folder, descriptor.digest).open("rb")
        except FileNotFoundError:
            raise FetchError(reference, f"{descriptor.digest} is not in {folder}") from None
        except OSError as error:
            raise FetchError(reference, f"{descriptor.digest} can't be read: {error.strerror or error}") from None

    return opener


def memory_opener(blobs: dict[str, bytes]) -> OpenBlob:
    """Open blobs out of memory."""

    def opener(descriptor: Descriptor) -> AbstractContextManager[IO[bytes]]:
        return io.BytesIO(blobs[descriptor.digest])

    return opener


def store_blob(image: Image, descriptor: Descriptor, folder: Path) -> bool:
    """Copy a blob into a folder of blobs, checked; whole or not at all. False when it was there already."""
    target = blob_path(folder, descriptor.digest)
    if target.is_file() and target.stat().st_size == descriptor.size:
        return False
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
    with new_file(target) as stream:
        image.copy(descriptor, stream)
    return True


@contextlib.contextmanager
def new_file(target: Path) -> Iterator[BinaryIO]:
    """A file that appears under its name when the block ends well, and not at all when it fails."""
    temporary = target.with_name(f".{target.name}.{os.getpid()}.{os.urandom(4).hex()}")
    with writing(target):
        try:
            with temporary.open("xb") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(target)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
