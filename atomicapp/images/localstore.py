"""The images that were built or pulled here: an OCI layout in one folder, any number of them side by side.

The name of an image stands in the annotation `org.opencontainers.image.ref.name` as a whole reference, so that
skopeo and podman can read the folder as well.
"""

from __future__ import annotations

from pathlib import Path

from atomicapp.errors import UsageError
from atomicapp.images import oci
from atomicapp.images.blobs import Image, folder_opener
from atomicapp.images.locks import locked
from atomicapp.images.manifests import Descriptor, Platform
from atomicapp.images.reference import Reference
from atomicapp.records import NamedTuple


class Stored(NamedTuple):
    """One line of the listing. `size` is in bytes, config and layers together."""

    reference: str
    digest: str
    size: int


class LocalImages:
    """The store in `folder`, which is made when the first image comes. Safe between processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = folder.with_name(f"{folder.name}.lock")

    def add(self, image: Image, reference: Reference) -> str:
        """Keep an image under a name; one that had the name loses it. The digest is given back."""
        with locked(self._lock, "the store of images"):
            before = oci.entries_of(self.folder)
            oci.write(self.folder, image, _name(reference))
            if any(entry.ref_name == _name(reference) and entry.digest != image.digest for entry in before):
                oci.remove_unused(self.folder, oci.entries_of(self.folder))
        return image.digest

    def digest_of(self, reference: Reference) -> str:
        """The digest that a name has here, "" when there is none."""
        found = self._find(reference)
        return found.digest if found else ""

    def get(self, reference: Reference) -> Image | None:
        """The image of a name, or None."""
        found = self._find(reference)
        if found is None:
            return None
        opener = folder_opener(self.folder / "blobs", str(reference))
        return oci.image_at(found, opener, Platform.here(), str(reference))

    def list(self) -> tuple[Stored, ...]:
        """All images, by name."""
        opener = folder_opener(self.folder / "blobs", str(self.folder))
        found = []
        for entry in oci.entries_of(self.folder):
            image = oci.image_at(entry, opener, Platform.here(), entry.ref_name)
            found.append(Stored(entry.ref_name, entry.digest, image.manifest.size))
        return tuple(found)

    def remove(self, reference: Reference) -> None:
        """Forget a name, and the blobs that no other name needs; UsageError when there is no such name."""
        with locked(self._lock, "the store of images"):
            entries = oci.entries_of(self.folder)
            kept = [entry for entry in entries if not _fits(entry, reference)]
            if len(kept) == len(entries):
                raise UsageError(f"there is no image {reference.familiar} in the local store")
            oci.write_index(self.folder, kept)
            oci.remove_unused(self.folder, kept)

    def _find(self, reference: Reference) -> Descriptor | None:
        return next((entry for entry in oci.entries_of(self.folder) if _fits(entry, reference)), None)


def _name(reference: Reference) -> str:
    """The name to keep an image under: its tag says more than its digest, which is known anyway."""
    return str(reference._replace(digest="")) if reference.tag else str(reference)


def _fits(entry: Descriptor, reference: Reference) -> bool:
    if not reference.digest:
        return entry.ref_name == str(reference)
    if entry.digest != reference.digest:
        return False
    name = entry.ref_name.partition("@")[0]
    return name == reference.name or name.startswith(f"{reference.name}:")
