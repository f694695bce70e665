"""OCI image layouts: folders with `oci-layout`, `index.json` and `blobs/ALGORITHM/HEX`."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO

from atomicapp.errors import FetchError, UsageError
from atomicapp.images import manifests
from atomicapp.images.blobs import Image, OpenBlob, blob_path, folder_opener, new_file, store_blob
from atomicapp.images.manifests import (
    INDEXES,
    MAX_MANIFEST,
    REF_NAME,
    Descriptor,
    Index,
    Manifest,
    Platform,
    choose,
)
from atomicapp.images.reference import shown
from atomicapp.io import writing

SCHEME = "oci:"

_LAYOUT_FILE, _INDEX_FILE, _BLOBS = "oci-layout", "index.json", "blobs"
_LAYOUT = {"imageLayoutVersion": "1.0.0"}
_MAX_NESTED = 4

ReadFile = Callable[[str], bytes]
"""Gives a small file of a layout by its name; raises FileNotFoundError."""


def split_name(text: str) -> tuple[Path, str]:
    """`oci:DIR[:TAG]` as folder and tag ("" when none); a folder whose name holds a colon is found as well."""
    rest = text.removeprefix(SCHEME)
    if not rest:
        raise UsageError("'oci:' names no folder", hint="write oci:DIR or oci:DIR:TAG")
    if Path(rest).is_dir() or ":" not in rest:
        return Path(rest), ""
    folder, _, tag = rest.rpartition(":")
    return Path(folder), tag


def is_layout(folder: Path) -> bool:
    return (folder / _LAYOUT_FILE).is_file()


def read(folder: Path, tag: str, platform: Platform) -> Image:
    """The image of a layout called `tag`, or its only one; FetchError when it is not there or can't be read."""
    reference = f"{SCHEME}{folder}{':' + tag if tag else ''}"
    if not folder.is_dir():
        raise FetchError(reference, "there is no such folder")
    index = read_index(lambda name: _read_small(folder / name), reference)
    descriptor = select(index, tag, reference)
    return image_at(descriptor, folder_opener(folder / _BLOBS, reference), platform, reference)


def read_index(read_file: ReadFile, reference: str) -> Index:
    """The index of a layout through any way to read its files (a folder, a tar)."""
    try:
        layout = manifests.parse_json(read_file(_LAYOUT_FILE), f"file {_LAYOUT_FILE}", reference)
        data = read_file(_INDEX_FILE)
    except FileNotFoundError:
        raise FetchError(reference, f"it is no OCI image layout: {_LAYOUT_FILE} or {_INDEX_FILE} is missing") from None
    except OSError as error:
        raise FetchError(reference, f"it can't be read: {error.strerror or error}") from None
    if not str(layout.get("imageLayoutVersion", "")).startswith("1."):
        raise FetchError(reference, "the version of the OCI layout is not 1.x")
    found = manifests.parse(data, reference, manifests.OCI_INDEX)
    if not isinstance(found, Index):
        raise FetchError(reference, f"{_INDEX_FILE} holds no index")
    return found


def select(index: Index, tag: str, reference: str) -> Descriptor:
    """The entry of an index by its name annotation, or the only one."""
    if tag:
        for entry in index.manifests:
            if entry.ref_name == tag:
                return entry
    elif len(index.manifests) == 1:
        return index.manifests[0]
    names = (
        ", ".join(sorted(shown(entry.ref_name) for entry in index.manifests if entry.ref_name)) or "none with a name"
    )
    if not index.manifests:
        raise FetchError(reference, "the OCI layout holds no image")
    cause = f"it holds no image called '{shown(tag)}'" if tag else f"it holds {len(index.manifests)} images"
    raise FetchError(reference, f"{cause}; there are: {names}", hint="name one as oci:DIR:TAG")


def image_at(
    descriptor: Descriptor, open_blob: OpenBlob, platform: Platform, reference: str, *, checked: bool = False
) -> Image:
    """The image that a descriptor leads to, through indexes down to the manifest for a platform."""
    for _ in range(_MAX_NESTED):
        if descriptor.size > MAX_MANIFEST:
            raise FetchError(reference, f"its manifest has {descriptor.size} bytes, more than {MAX_MANIFEST}")
        # Image.read needs no manifest, only the way to the blobs
        reader = Image(reference, _NO_MANIFEST, open_blob)
        found = manifests.parse(reader.read(descriptor), reference, descriptor.media_type)
        if isinstance(found, Manifest):
            return Image(reference, found, open_blob, checked)
        descriptor = choose(found, platform, reference)
    raise FetchError(reference, f"its indexes lead to each other, more than {_MAX_NESTED} deep")


_NO_MANIFEST = Manifest("", "", b"", Descriptor("", "", 0), ())


def _read_small(path: Path) -> bytes:
    with path.open("rb") as stream:
        data = stream.read(MAX_MANIFEST + 1)
    if len(data) > MAX_MANIFEST:
        raise OSError(f"larger than {MAX_MANIFEST} bytes")
    return data


# ---------------------------------------------------------------- writing


def write(folder: Path, image: Image, name: str) -> Descriptor:
    """Put an image into a layout (made when absent) under `name` ("" for none); an image of that name is replaced.

    Blobs first, the index last and in one move: a reader never finds a name without its blobs.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    if any(path.name != _BLOBS for path in folder.iterdir()) and not is_layout(folder):
        raise UsageError(f"{folder} holds other files and is no OCI layout", hint="name a new folder")
    entries = list(entries_of(folder))
    annotations = ((REF_NAME, name),) if name else ()
    added = image.manifest.descriptor._replace(annotations=annotations)
    kept = [entry for entry in entries if entry.ref_name != name or (not name and entry.digest != added.digest)]
    stored: list[Path] = []
    try:
        for blob in dict.fromkeys((image.manifest.config, *image.manifest.layers, image.manifest.descriptor)):
            opened = image if blob.digest != image.digest else _of_bytes(image.manifest.raw, image)
            if store_blob(opened, blob, folder / _BLOBS):
                stored.append(blob_path(folder / _BLOBS, blob.digest))
        write_index(folder, [*kept, added])
    except BaseException:
        for path in stored:
            with contextlib.suppress(OSError):
                path.unlink()
        raise
    return added


def _of_bytes(data: bytes, image: Image) -> Image:
    """An image whose one blob is at hand."""
    return image._replace(open_blob=lambda _: io.BytesIO(data))


def entries_of(folder: Path) -> tuple[Descriptor, ...]:
    """What the index of a layout lists; nothing when there is no layout yet."""
    if not is_layout(folder):
        return ()
    return read_index(lambda name: _read_small(folder / name), f"{SCHEME}{folder}").manifests


def write_index(folder: Path, entries: Iterable[Descriptor]) -> None:
    """Replace the index of a layout, sorted by name, in one move."""
    ordered = sorted(entries, key=lambda entry: (entry.ref_name, entry.digest))
    index = {
        "schemaVersion": 2,
        "mediaType": manifests.OCI_INDEX,
        "manifests": [entry.to_dict() for entry in ordered],
    }
    for name, content in ((_LAYOUT_FILE, _LAYOUT), (_INDEX_FILE, index)):
        with new_file(folder / name) as stream:
            stream.write(json.dumps(content, separators=(",", ":")).encode())


def remove_unused(folder: Path, entries: Iterable[Descriptor]) -> None:
    """Delete the blobs that no entry leads to. The caller holds the lock of the layout."""
    opener = folder_opener(folder / _BLOBS, f"{SCHEME}{folder}")
    used: set[str] = set()
    todo = list(entries)
    while todo:
        descriptor = todo.pop()
        if descriptor.digest in used:
            continue
        used.add(descriptor.digest)
        if descriptor.media_type in INDEXES or descriptor.media_type in manifests.MANIFESTS:
            data = Image("", _NO_MANIFEST, opener).read(descriptor)
            found = manifests.parse(data, f"{SCHEME}{folder}", descriptor.media_type)
            todo.extend(found.manifests if isinstance(found, Index) else (found.config, *found.layers))
    for path in _blob_files(folder):
        if f"{path.parent.name}:{path.name}" not in used:
            with writing(path):
                path.unlink(missing_ok=True)


def _blob_files(folder: Path) -> Iterator[Path]:
    yield from [path for path in (folder / _BLOBS).glob("*/*") if path.is_file()]


def opener_of(stream_of: Callable[[str], IO[bytes]], reference: str) -> OpenBlob:
    """Open blobs by their name within a layout that is no folder."""

    def opener(descriptor: Descriptor) -> IO[bytes]:
        try:
            return stream_of(str(blob_path(Path(_BLOBS), descriptor.digest)))
        except FileNotFoundError:
            raise FetchError(reference, f"{descriptor.digest} is not in it") from None

    return opener
