"""Manifests and indexes of images: the values, the strict reading of their JSON, and the choice of a platform.

    Descriptor   media type, digest and size of a blob
    Manifest     one image: its config and its layers, lowest first
    Index        several images, one for each platform

Docker's schema 2 and OCI's are one shape with other media types. All of it comes from outside: sizes, digests
and counts are checked here, once.
"""

from __future__ import annotations

import hashlib
import json
import platform as machine_platform
from collections.abc import Mapping
from typing import Any

from atomicapp.errors import FetchError
from atomicapp.images.reference import is_digest, shown
from atomicapp.records import NamedTuple

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"

MANIFESTS = (OCI_MANIFEST, DOCKER_MANIFEST)
INDEXES = (OCI_INDEX, DOCKER_INDEX)
ACCEPT = ", ".join((*MANIFESTS, *INDEXES))

REF_NAME = "org.opencontainers.image.ref.name"

MAX_MANIFEST = 4 * 1024 * 1024
"""Bytes of a manifest or an index."""
MAX_CONFIG = 8 * 1024 * 1024
"""Bytes of an image's config."""
MAX_LAYERS = 512
MAX_INDEX = 1024
MAX_BLOB = 16 * 1024**3
"""Bytes of one layer as it is stored."""

_ARCHITECTURES = {
    "x86_64": ("amd64", ""),
    "amd64": ("amd64", ""),
    "aarch64": ("arm64", "v8"),
    "arm64": ("arm64", "v8"),
    "armv7l": ("arm", "v7"),
    "armv6l": ("arm", "v6"),
    "i386": ("386", ""),
    "i686": ("386", ""),
}


class Platform(NamedTuple):
    """Operating system, architecture (Go's words) and its variant ("" when there is none)."""

    os: str = ""
    architecture: str = ""
    variant: str = ""

    def __str__(self) -> str:
        return "/".join(part for part in self if part) or "unknown"

    @classmethod
    def parse(cls, text: str) -> Platform:
        """`linux/arm64` or `linux/arm/v7`."""
        os, _, rest = text.partition("/")
        architecture, _, variant = rest.partition("/")
        return cls(os, architecture, variant)

    @classmethod
    def here(cls) -> Platform:
        """Linux on this machine's processor: what the engines run."""
        found = machine_platform.machine().lower()
        return cls("linux", *_ARCHITECTURES.get(found, (found, "")))


class Descriptor(NamedTuple):
    """A blob by its digest. `size` is in bytes."""

    media_type: str
    digest: str
    size: int
    platform: Platform = Platform()
    annotations: tuple[tuple[str, str], ...] = ()

    @property
    def ref_name(self) -> str:
        return dict(self.annotations).get(REF_NAME, "")

    def to_dict(self) -> dict[str, Any]:
        found: dict[str, Any] = {"mediaType": self.media_type, "digest": self.digest, "size": self.size}
        if self.platform != Platform():
            found["platform"] = {
                key: value for key, value in self.platform._asdict().items() if value or key != "variant"
            }
        if self.annotations:
            found["annotations"] = dict(self.annotations)
        return found


class Manifest(NamedTuple):
    """One image. `raw` is the text that `digest` is the digest of."""

    media_type: str
    digest: str
    raw: bytes
    config: Descriptor
    layers: tuple[Descriptor, ...]

    @property
    def size(self) -> int:
        """Bytes of config and layers as stored."""
        return self.config.size + sum(layer.size for layer in self.layers)

    @property
    def descriptor(self) -> Descriptor:
        return Descriptor(self.media_type, self.digest, len(self.raw))


class Index(NamedTuple):
    """Several images under one name."""

    media_type: str
    digest: str
    raw: bytes
    manifests: tuple[Descriptor, ...]


def digest_of(data: bytes) -> str:
    """The sha256 digest of some bytes, as images name it."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def parse_json(data: bytes, what: str, reference: str) -> dict[str, Any]:
    """A JSON object out of foreign bytes; FetchError that names `what` it should have been."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        raise FetchError(reference, f"the {what} is not readable as JSON") from None
    if not isinstance(found, dict):
        raise FetchError(reference, f"the {what} is not a JSON object")
    return found


def parse(data: bytes, reference: str, media_type: str = "") -> Manifest | Index:
    """Read a manifest or an index; `media_type` is what the carrier called it ("" when it did not say).

    FetchError for anything that is neither, with what was found.
    """
    document = parse_json(data, "image's manifest", reference)
    declared = document.get("mediaType") or media_type
    if "manifests" in document and "layers" not in document:
        kind = declared if declared in INDEXES else OCI_INDEX
        entries = _list(document, "manifests", MAX_INDEX, reference)
        found = tuple(_descriptor(entry, MAX_MANIFEST, reference) for entry in entries)
        return Index(kind, digest_of(data), data, found)
    if document.get("schemaVersion") == 1:
        raise FetchError(
            reference,
            "the image has a manifest of Docker's old schema 1",
            hint="push it again with a current Docker, Podman or skopeo",
        )
    if "layers" not in document or "config" not in document:
        raise FetchError(
            reference, "what was found is not an image manifest", hint="it may be another kind of OCI artifact"
        )
    kind = declared if declared in MANIFESTS else OCI_MANIFEST
    layers = tuple(
        _descriptor(entry, MAX_BLOB, reference) for entry in _list(document, "layers", MAX_LAYERS, reference)
    )
    return Manifest(kind, digest_of(data), data, _descriptor(document["config"], MAX_CONFIG, reference), layers)


def choose(index: Index, wanted: Platform, reference: str) -> Descriptor:
    """The image of an index for a platform, else its only one; FetchError that lists what is there."""
    candidates = [entry for entry in index.manifests if entry.media_type in (*MANIFESTS, *INDEXES, "")]
    # BuildKit's attestations are listed beside the images, for the platform unknown/unknown
    candidates = [entry for entry in candidates if entry.platform.architecture != "unknown"]
    if len(candidates) == 1:
        return candidates[0]
    matching = [
        entry
        for entry in candidates
        if (entry.platform.os, entry.platform.architecture) == (wanted.os, wanted.architecture)
    ]
    for entry in matching:
        if entry.platform.variant == wanted.variant:
            return entry
    if matching:
        return matching[0]
    there = ", ".join(sorted({shown(str(entry.platform)) for entry in candidates})) or "nothing"
    raise FetchError(
        reference,
        f"there is no image for {wanted} in it; it holds {there}",
        hint="choose another platform, or another tag",
    )


def make(config: bytes, layers: tuple[Descriptor, ...], annotations: dict[str, str] | None = None) -> Manifest:
    """An OCI manifest of a config and layers; equal input gives equal bytes."""
    described = Descriptor(OCI_CONFIG, digest_of(config), len(config))
    document: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": described.to_dict(),
        "layers": [layer.to_dict() for layer in layers],
    }
    if annotations:
        document["annotations"] = dict(sorted(annotations.items()))
    raw = json.dumps(document, separators=(",", ":")).encode()
    return Manifest(OCI_MANIFEST, digest_of(raw), raw, described, layers)


def labels_of(config: Mapping[str, Any]) -> dict[str, str]:
    """The labels in an image's config, fit to be printed; what is not text is left out."""
    inner = config.get("config")
    found = inner.get("Labels") if isinstance(inner, dict) else None
    if not isinstance(found, dict):
        return {}
    return {_printable(key): _printable(value) for key, value in found.items() if isinstance(value, str)}


def _printable(text: str) -> str:
    """Text without control characters other than ends of lines, and without what can't be written as UTF-8."""
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() or sign in "\n\t" else ascii(sign)[1:-1] for sign in text)


def _list(document: Mapping[str, Any], key: str, limit: int, reference: str) -> list[Any]:
    found = document[key]
    if not isinstance(found, list):
        raise FetchError(reference, f"'{key}' of the manifest is not a list")
    if len(found) > limit:
        raise FetchError(reference, f"the manifest lists {len(found)} {key}, more than the {limit} allowed")
    return found


def _descriptor(entry: Any, limit: int, reference: str) -> Descriptor:
    if not isinstance(entry, dict):
        raise FetchError(reference, "an entry of the manifest is not a JSON object")
    digest, size, media_type = entry.get("digest"), entry.get("size"), entry.get("mediaType", "")
    if not isinstance(digest, str) or not is_digest(digest):
        raise FetchError(reference, f"the manifest names a blob by '{shown(str(digest))}', which is no digest")
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise FetchError(reference, f"the manifest gives no size for {digest}")
    if size > limit:
        raise FetchError(reference, f"{digest} has {size} bytes, more than the {limit} allowed")
    if not isinstance(media_type, str):
        raise FetchError(reference, f"the manifest gives no media type for {digest}")
    return Descriptor(media_type, digest, size, _platform(entry.get("platform")), _annotations(entry))


def _platform(found: Any) -> Platform:
    if not isinstance(found, dict):
        return Platform()
    parts = [found.get(key) for key in ("os", "architecture", "variant")]
    return Platform(*(part if isinstance(part, str) else "" for part in parts))


def _annotations(entry: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    found = entry.get("annotations")
    if not isinstance(found, dict):
        return ()
    return tuple((key, value) for key, value in found.items() if isinstance(value, str))
