"""Images made by hand, so that a test can say exactly what is in them."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from typing import Any

import zstandard

from atomicapp.images import manifests
from atomicapp.images.blobs import Image, memory_opener
from atomicapp.images.manifests import Descriptor, digest_of

NULECULE = b"specversion: 0.0.2\nid: test\ngraph: []\n"


def file(name: str, data: bytes = b"x", mode: int = 0o644) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(data), mode
    return info, data


def folder(name: str, mode: int = 0o755) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.mode = tarfile.DIRTYPE, mode
    return info, b""


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info, b""


def hard(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    return link(name, target, tarfile.LNKTYPE)


def special(name: str, kind: bytes) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type = kind
    return info, b""


def tar(*entries: tuple[tarfile.TarInfo, bytes]) -> bytes:
    """A plain layer."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for info, data in entries:
            archive.addfile(info, io.BytesIO(data))
    return packed.getvalue()


def app(*entries: tuple[tarfile.TarInfo, bytes]) -> bytes:
    """A layer with the smallest app and more."""
    return tar(folder("application-entity"), file("application-entity/Nulecule", NULECULE), *entries)


def gz(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


def zst(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=19).compress(data)


def image(*layers: bytes, labels: dict[str, str] | None = None, reference: str = "test/image") -> Image:
    """An image of layers as they are to be stored, lowest first."""
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {"Labels": labels or {}}}).encode()
    blobs = {digest_of(layer): layer for layer in layers}
    described = tuple(Descriptor(f"{manifests.OCI_LAYER}+gzip", digest_of(layer), len(layer)) for layer in layers)
    manifest = manifests.make(config, described)
    return Image(reference, manifest, memory_opener({**blobs, digest_of(config): config}))


def index(*entries: tuple[Image, dict[str, str]]) -> bytes:
    """An index of images for platforms."""
    listed: list[dict[str, Any]] = []
    for found, platform in entries:
        listed.append({**found.manifest.descriptor.to_dict(), "platform": platform})
    document = {"schemaVersion": 2, "mediaType": manifests.OCI_INDEX, "manifests": listed}
    return json.dumps(document).encode()


def all_blobs(found: Image) -> dict[str, bytes]:
    return {blob.digest: found.read(blob) for blob in (found.manifest.config, *found.manifest.layers)}
