"""What there is to know of an image, for `inspect`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from atomicapp.images import build
from atomicapp.images.manifests import Manifest, Platform, labels_of
from atomicapp.images.reference import shown
from atomicapp.records import NamedTuple


class ImageInfo(NamedTuple):
    """What `inspect` tells. `size` is in bytes as stored, `created` the image's own words ("" when it has none)."""

    reference: str
    digest: str
    source: str
    created: str
    size: int
    layers: tuple[str, ...]
    labels: Mapping[str, str]
    platform: str
    spec: str
    providers: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        return {
            **self._asdict(),
            "layers": list(self.layers),
            "labels": dict(self.labels),
            "providers": list(self.providers),
        }


def of_image(reference: str, manifest: Manifest, config: Mapping[str, Any], source: str) -> ImageInfo:
    """From a manifest and the config that belongs to it."""
    layers = tuple(layer.digest for layer in manifest.layers)
    parts = (config.get("os"), config.get("architecture"), config.get("variant"))
    return _made(
        reference, manifest.digest, source, config.get("created"), manifest.size, layers, labels_of(config), parts
    )


def of_engine(reference: str, found: Mapping[str, Any], source: str) -> ImageInfo:
    """From what a Docker Engine tells of one of its images; the digest is its id there, the layers are plain ones."""
    rootfs = found.get("RootFS")
    layers = rootfs.get("Layers") if isinstance(rootfs, dict) else None
    size = found.get("Size")
    parts = (found.get("Os"), found.get("Architecture"), found.get("Variant"))
    return _made(
        reference,
        str(found.get("Id", "")),
        source,
        found.get("Created"),
        size if isinstance(size, int) else 0,
        tuple(str(layer) for layer in layers) if isinstance(layers, list) else (),
        labels_of({"config": found.get("Config")}),
        parts,
    )


def _made(
    reference: str,
    digest: str,
    source: str,
    created: Any,
    size: int,
    layers: tuple[str, ...],
    labels: Mapping[str, str],
    platform: tuple[Any, ...],
) -> ImageInfo:
    providers = labels.get(build.LABEL_PROVIDERS, "").split(",")
    return ImageInfo(
        reference=reference,
        digest=digest,
        source=source,
        created=shown(created) if isinstance(created, str) else "",
        size=size,
        layers=layers,
        labels=labels,
        platform=shown(str(Platform(*(str(part or "") for part in platform)))),
        spec=labels.get(build.LABEL_SPEC, ""),
        providers=tuple(part.strip() for part in providers if part.strip()),
    )
