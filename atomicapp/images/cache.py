"""The cache of apps: what was unpacked, by digest, and the digests that names had.

    apps/sha256-HEX/    the unpacked app of the image with that manifest digest; never changed once it is there
    refs/HEX.json       the digest that a name had
    locks/  tmp/

All of it may be removed at any time when nothing runs.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from atomicapp.images.blobs import Image, new_file
from atomicapp.images.extract import extract
from atomicapp.images.locks import locked
from atomicapp.images.manifests import Platform
from atomicapp.images.reference import is_digest
from atomicapp.io import writing

_STALE_SECONDS = 24 * 3600


class AppCache:
    """The cache in `root`, for one platform. With `scratch` it is only read, and what is new goes to that folder."""

    def __init__(self, root: Path, platform: Platform, scratch: Path | None = None) -> None:
        self.is_kept = scratch is None
        self._platform = platform
        self._writable = scratch or root
        self._places = (root,) if scratch is None else (scratch, root)

    def present(self, digest: str) -> Path | None:
        """The folder of an app that is there already."""
        folders = (_app(root, digest) for root in self._places)
        return next((folder for folder in folders if folder.is_dir()), None)

    def unpacked(self, reference: str, digest: str, load: Callable[[], AbstractContextManager[Image]]) -> Path:
        """The folder with the app of an image; `load` opens the image when it is not there yet.

        Of all threads and processes that ask at the same time, one gets it and the others wait.
        """
        present = self.present(digest)
        if present is not None:
            return present
        folder = _app(self._writable, digest)
        with locked(self._writable / "locks" / f"{folder.name}.lock", f"the app {reference}"):
            if not folder.is_dir():
                _sweep(folder.parent)
                with load() as image:
                    extract(image._replace(reference=reference), folder)
        return folder

    def recall(self, key: str) -> str:
        """The digest noted for a name, "" when there is none that can be read."""
        for root in self._places:
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
                digest = json.loads(self._note(root, key).read_bytes())["digest"]
                if isinstance(digest, str) and is_digest(digest):
                    return digest
        return ""

    def remember(self, key: str, digest: str) -> None:
        """Note the digest that a name has now."""
        path = self._note(self._writable, key)
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        with new_file(path) as stream:
            stream.write(json.dumps({"reference": key, "digest": digest}).encode())

    @contextlib.contextmanager
    def temporary(self) -> Iterator[Path]:
        """A folder for what is on its way; removed on every way out."""
        root = self._writable / "tmp"
        with writing(root):
            root.mkdir(parents=True, exist_ok=True)
            _sweep(root)
            folder = Path(tempfile.mkdtemp(dir=root, prefix=".get-"))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _note(self, root: Path, key: str) -> Path:
        # the same name is another image for another platform
        text = f"{key} {self._platform}"
        return root / "refs" / f"{hashlib.sha256(text.encode()).hexdigest()}.json"


def _app(root: Path, digest: str) -> Path:
    return root / "apps" / digest.replace(":", "-")


def _sweep(folder: Path) -> None:
    """Remove what a process that was killed left behind."""
    with contextlib.suppress(OSError):
        for path in folder.glob(".*"):
            if time.time() - path.stat().st_mtime > _STALE_SECONDS:
                shutil.rmtree(path, ignore_errors=True)
