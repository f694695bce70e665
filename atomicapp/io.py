"""Reading and writing files: the only helpers for it, so that encodings and half-written files are dealt with once."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
from collections.abc import Iterator
from typing import TYPE_CHECKING

from atomicapp.errors import AtomicAppError, SpecError
from atomicapp.position import Position

if TYPE_CHECKING:
    from pathlib import Path

MAX_TEXT = 16 * 1024 * 1024
"""Bytes. A Nulecule, an answers file or an artifact beyond this is refused, not read."""


def decode(data: bytes, file: str) -> str:
    """Bytes as UTF-8 text, line ends untouched. SpecError at line:column for bytes that are no UTF-8."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        raise SpecError.single(
            f"byte 0x{data[error.start]:02x} at offset {error.start} is not UTF-8 text",
            Position.at_offset(file, before, len(before)),
            code="encoding",
            hint="save the file as UTF-8; binary files can't be artifacts",
        ) from None


def shown_url(url: str) -> str:
    """A URL as messages may show it: without a name and password in front of the host."""
    return re.sub(r"^([\w+.-]+://)[^/?#]*@", r"\1", url)


def read_text(path: str | Path, name: str = "", *, plain: bool = True) -> str:
    """The text of a file. `name` is how messages call it. OSError passes through to the caller.

    Pipes and devices are refused unless `plain` is False: an app that brings one would make us wait for ever.
    """
    # O_NONBLOCK: else the opening of a pipe waits for a writer
    handle = os.open(path, os.O_RDONLY | (os.O_NONBLOCK if plain else 0))
    return text_of(handle, name or str(path), plain=plain)


def text_of(handle: int, file: str, *, plain: bool = True) -> str:
    """The rest of an open file as text; closes it. OSError for what is no plain file (unless `plain` is False),
    SpecError when it is larger than MAX_TEXT or no UTF-8."""
    try:
        found = os.fstat(handle)
        if stat.S_ISDIR(found.st_mode) or (plain and not stat.S_ISREG(found.st_mode)):
            raise OSError(errno.EINVAL, "it is no plain file", file)
        expected = found.st_size if plain else 0
        data = os.read(handle, min(expected, MAX_TEXT) + 1)
        # a plain file comes whole; a pipe, or a file that grows, piece by piece
        while data and len(data) != expected and len(data) <= MAX_TEXT:
            piece = os.read(handle, MAX_TEXT + 1 - len(data))
            if not piece:
                break
            data += piece
    finally:
        os.close(handle)
    if len(data) > MAX_TEXT:
        raise SpecError.single(f"the file is larger than {MAX_TEXT // 1024 // 1024} MiB", Position(file), code="size")
    return decode(data, file)


MOST_LISTED = 1000
"""Files of a folder."""


def listing(root: str | Path, path: str) -> tuple[str, ...]:
    """The plain files below the folder `path` of `root`, by their paths below `root`, in order; at most MOST_LISTED.

    Links and hidden files are left out. NotADirectoryError or FileNotFoundError for what is no folder.
    """
    top = os.path.join(root, path)
    if not os.path.isdir(top):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
    found: list[str] = []
    for folder, folders, names in os.walk(top):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            file = os.path.join(folder, name)
            if not name.startswith(".") and os.path.isfile(file) and not os.path.islink(file):
                found.append(os.path.relpath(file, root))
        if len(found) >= MOST_LISTED:
            break
    return tuple(found[:MOST_LISTED])


def write_text(path: Path, text: str, *, mode: int = 0o644) -> None:
    """Write a file beside its place and move it there, so that no reader ever sees half of it."""
    write_bytes(path, text.encode("utf-8"), mode=mode)


def write_bytes(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """As write_text, for bytes. The folder must exist. Errors of the system become AtomicAppError."""
    import tempfile  # brings random and hashlib

    with writing(path):
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fchmod(stream.fileno(), mode)
                os.fsync(stream.fileno())
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn the system's refusal to write `path` (full disk, no permission) into one clear line."""
    try:
        yield
    except OSError as error:
        raise AtomicAppError(
            f"can't write {path}: {error.strerror or error}",
            hint="check free space and permissions; nothing was left half-written",
        ) from error
