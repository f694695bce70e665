"""Images in one tar file: an OCI layout in a tar, or what `docker save` writes.

A docker-save tar holds no manifest. One is made of its config and its layers as they are stored, so that the rest
sees an image like any other; its digest depends on the content only.
"""

from __future__ import annotations

import hashlib
import io
import json
import posixpath
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast

from atomicapp.errors import FetchError, UsageError
from atomicapp.images import manifests, oci
from atomicapp.images.blobs import CHUNK, Image
from atomicapp.images.layers import damaged, forget_members
from atomicapp.images.manifests import MAX_CONFIG, MAX_MANIFEST, Descriptor, Platform
from atomicapp.images.reference import Reference, shown
from atomicapp.records import NamedTuple

_LIST = "manifest.json"
_MAX_FILES = 20_000
_MAX_LINKS = 8


class _Stored(NamedTuple):
    """A file of the tar: where its bytes are, or the name that it links to."""

    offset: int
    size: int
    link: str = ""


def read(path: Path, name: str, platform: Platform) -> Image:
    """The image called `name` (a tag or a reference; "" = the only one) of a tar; FetchError when it can't be read."""
    reference = f"{path}{':' + name if name else ''}"
    try:
        files = _files(path, reference)
    except OSError as error:
        raise FetchError(reference, f"the file can't be read: {error.strerror or error}") from None
    archive = _Archive(path, reference, files)
    if archive.holds("oci-layout") and archive.holds("index.json"):
        index = oci.read_index(archive.small, reference)
        entries = [entry for entry in index.manifests if entry.ref_name == name] if name else []
        # docker save writes the tag alone, containerd the whole name
        descriptor = entries[0] if entries else oci.select(index, _tag_of(name), reference)
        return oci.image_at(descriptor, oci.opener_of(archive.stream, reference), platform, reference)
    if archive.holds(_LIST):
        return _docker_save(archive, name)
    raise FetchError(
        reference,
        "the tar is neither an OCI layout nor made by 'docker save'",
        hint="make one with 'docker save IMAGE -o FILE' or 'skopeo copy ... oci-archive:FILE'",
    )


def _files(path: Path, reference: str) -> dict[str, _Stored]:
    """The table of contents. Only names, sizes and offsets are kept."""
    with path.open("rb") as stream:
        head = stream.read(6)
        if head.startswith((b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"BZh", b"\xfd7zXZ")):
            raise FetchError(reference, "the tar is compressed", hint="unpack it first (gunzip, unzstd)")
        stream.seek(0)
        found: dict[str, _Stored] = {}
        with damaged(reference, "the tar"), tarfile.TarFile(fileobj=_Forward(stream), mode="r") as archive:
            while (info := archive.next()) is not None:
                forget_members(archive)
                name = posixpath.normpath(info.name)
                if info.isreg() and info.sparse is None:
                    found[name] = _Stored(info.offset_data, info.size)
                elif info.issym():
                    found[name] = _Stored(
                        0, 0, posixpath.normpath(posixpath.join(posixpath.dirname(name), info.linkname))
                    )
                elif info.islnk():
                    found[name] = _Stored(0, 0, posixpath.normpath(info.linkname))
                if len(found) > _MAX_FILES:
                    raise FetchError(reference, f"the tar holds more than {_MAX_FILES} files")
        return found


class _Forward(io.RawIOBase):
    """A file on disk as tarfile sees it: never backwards, and no header of more than CHUNK bytes."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= CHUNK:
            raise tarfile.ReadError(f"a header of {size} bytes")
        return self._stream.read(size)

    def tell(self) -> int:
        return self._stream.tell()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence != io.SEEK_SET or offset < self._stream.tell() - 1:
            raise tarfile.ReadError("a header points backwards")
        return self._stream.seek(offset)


class _Part(io.RawIOBase):
    """A span of a file as a stream of its own."""

    def __init__(self, path: Path, offset: int, size: int) -> None:
        self._stream = path.open("rb")
        self._stream.seek(offset)
        self._left = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        data = self._stream.read(min(len(buffer), self._left))
        buffer[: len(data)] = data
        self._left -= len(data)
        return len(data)

    def close(self) -> None:
        self._stream.close()
        super().close()


class _Archive:
    """The files of a tar by name."""

    def __init__(self, path: Path, reference: str, files: dict[str, _Stored]) -> None:
        self.path = path
        self.reference = reference
        self._files = files

    def holds(self, name: str) -> bool:
        try:
            self.find(name)
        except FileNotFoundError:
            return False
        return True

    def find(self, name: str) -> _Stored:
        """A file through its links; FileNotFoundError when there is none."""
        name = posixpath.normpath(name)
        for _ in range(_MAX_LINKS):
            found = self._files.get(name)
            if found is None:
                raise FileNotFoundError(name)
            if not found.link:
                return found
            name = found.link
        raise FileNotFoundError(name)

    def stream(self, name: str) -> IO[bytes]:
        found = self.find(name)
        return cast("IO[bytes]", _Part(self.path, found.offset, found.size))

    def small(self, name: str, limit: int = MAX_MANIFEST) -> bytes:
        """The bytes of a file that must not be large."""
        found = self.find(name)
        if found.size > limit:
            raise FetchError(self.reference, f"{shown(name)} has {found.size} bytes, more than the {limit} allowed")
        with self.stream(name) as stream:
            return stream.read(limit)


def _docker_save(archive: _Archive, name: str) -> Image:
    """The image of a docker-save tar, with a manifest made for it."""
    reference = archive.reference
    try:
        listed = json.loads(archive.small(_LIST))
    except (ValueError, RecursionError):
        raise FetchError(reference, f"{_LIST} is not readable as JSON") from None
    entry = _pick(listed if isinstance(listed, list) else [], name, reference)
    config_name, layer_names = entry.get("Config"), entry.get("Layers")
    if not isinstance(config_name, str) or not isinstance(layer_names, list):
        raise FetchError(reference, f"{_LIST} names no config or no layers")
    if not all(isinstance(layer, str) for layer in layer_names):
        raise FetchError(reference, f"{_LIST} holds something else than names of layers")
    if len(layer_names) > manifests.MAX_LAYERS:
        raise FetchError(reference, f"it has {len(layer_names)} layers, more than the {manifests.MAX_LAYERS} allowed")
    try:
        config = archive.small(config_name, MAX_CONFIG)
        sizes = [archive.find(layer).size for layer in layer_names]
    except FileNotFoundError as error:
        raise FetchError(reference, f"{shown(str(error))} is named by {_LIST} and is not in the tar") from None
    diff_ids = _diff_ids(manifests.parse_json(config, "image's config", reference))
    if diff_ids and len(diff_ids) != len(layer_names):
        raise FetchError(reference, f"its config tells of {len(diff_ids)} layers, {_LIST} of {len(layer_names)}")
    layers = []
    places: dict[str, str] = {}
    for number, (layer, size) in enumerate(zip(layer_names, sizes, strict=True)):
        digest = _digest_of_file(archive, layer)
        # what is stored may be compressed; the config tells the digests of the plain layers
        if diff_ids and digest != diff_ids[number] and not _is_packed(archive, layer):
            raise FetchError(
                reference,
                f"wrong digest: layer {number + 1} should be {shown(diff_ids[number])} and is {digest}",
                hint="the file was damaged or tampered with; nothing of it was used",
            )
        places[digest] = layer
        layers.append(Descriptor(manifests.OCI_LAYER, digest, size))
    manifest = manifests.make(config, tuple(layers))
    places[manifest.config.digest] = config_name
    return Image(reference, manifest, lambda descriptor: archive.stream(places[descriptor.digest]), checked=True)


def _pick(listed: list[Any], name: str, reference: str) -> dict[str, Any]:
    entries = [entry for entry in listed if isinstance(entry, dict)]
    if not name and len(entries) == 1:
        return entries[0]
    tags: list[str] = []
    for entry in entries:
        for tag in entry.get("RepoTags") or ():
            if not isinstance(tag, str):
                continue
            if (name and name in (tag, _tag_of(tag))) or (name and _same(tag, name)):
                return entry
            tags.append(shown(tag))
    cause = f"it holds no image called '{name}'" if name else f"it holds {len(entries)} images"
    raise FetchError(reference, f"{cause}; there are: {', '.join(tags) or 'none with a name'}", hint="name one of them")


def _same(one: str, other: str) -> bool:
    try:
        return Reference.parse(one) == Reference.parse(other)
    except UsageError:
        return False


def _tag_of(name: str) -> str:
    """The tag of a whole reference; a name that is none is a tag already."""
    return name.rpartition(":")[2] if "/" in name or ":" in name else name


def _diff_ids(config: dict[str, Any]) -> list[str]:
    rootfs = config.get("rootfs")
    found = rootfs.get("diff_ids") if isinstance(rootfs, dict) else None
    return [str(digest) for digest in found] if isinstance(found, list) else []


def _is_packed(archive: _Archive, layer: str) -> bool:
    with archive.stream(layer) as stream:
        return stream.read(4).startswith((b"\x1f\x8b", b"\x28\xb5\x2f\xfd"))


def _digest_of_file(archive: _Archive, name: str) -> str:
    found = hashlib.sha256()
    for chunk in _chunks(archive.stream(name)):
        found.update(chunk)
    return f"sha256:{found.hexdigest()}"


def _chunks(stream: IO[bytes]) -> Iterator[bytes]:
    with stream:
        while chunk := stream.read(CHUNK):
            yield chunk
