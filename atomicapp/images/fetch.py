"""Getting apps: one place to ask, whatever the app lies in.

    Images.fetch    the folder of an app, out of: the local store, what was fetched before, a Docker Engine, a registry,
                    an OCI layout (oci:DIR[:TAG]), a tar
    Images.pull, push, inspect

The order for a name: an image that was built or pulled here; the digest that the name had at the last fetch; the Docker
Engine's own image; the registry. With `update` the registry comes first; a local image is used only when the registry
says that it does not have the name. A name with a digest never needs the network once it was fetched.

What is fetched is kept as cache.py tells.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from atomicapp import io
from atomicapp.errors import FetchError, UsageError
from atomicapp.host import in_host
from atomicapp.images import archive, credentials, oci
from atomicapp.images.blobs import Image, blob_path, folder_opener
from atomicapp.images.cache import AppCache
from atomicapp.images.engine import Engine
from atomicapp.images.info import ImageInfo, of_engine, of_image
from atomicapp.images.localstore import LocalImages
from atomicapp.images.manifests import Descriptor, Manifest, Platform, parse_json
from atomicapp.images.onefile import read_file
from atomicapp.images.options import CERTS, AbsentError, HttpOptions
from atomicapp.images.reference import Reference, is_digest
from atomicapp.records import NamedTuple

if TYPE_CHECKING:
    from atomicapp.images.registry import Registry

LOCAL, CACHE, ENGINE, REGISTRY, LAYOUT, ARCHIVE = "local store", "cache", "docker engine", "registry", "oci", "tar"


class FetchOptions(NamedTuple):
    """What a user may say of fetching. `insecure` are registries (`HOST` or `HOST:PORT`) that may be talked to in plain
    http or with an unchecked certificate, `cafile` one more CA, `timeout` the seconds without an answer, `platform`
    (`linux/arm64`) another one than this machine's."""

    insecure: frozenset[str] = frozenset()
    cafile: str = ""
    use_engine: bool = True
    timeout: float = 60.0
    platform: str = ""
    attempts: int = 5
    certs: Path = CERTS
    sleep: Callable[[float], None] = time.sleep


class Fetched(NamedTuple):
    """An app on disk. `folder` is shared and must not be written to; `source` is one of the words above."""

    folder: Path
    digest: str
    reference: str
    source: str


class FetchObserver(Protocol):
    """Told of what goes on, from several threads; a class that inherits it overrides what it wants to hear."""

    def started(self, reference: str) -> None:
        """An app was asked for."""
        return

    def progress(self, reference: str, done: int, total: int | None) -> None:
        """So many bytes of it have been moved."""
        return

    def retry(self, reference: str, why: str) -> None:
        """A request is tried again."""
        return

    def done(self, reference: str, digest: str) -> None:
        """The app is there."""
        return


class Silent(FetchObserver):
    """The observer that does nothing."""


class _Found(NamedTuple):
    """Where an image is: its manifest digest, and how to open it when its app is not in the cache."""

    reference: str
    digest: str
    source: str
    load: Callable[[], AbstractContextManager[Image]]


class Images:
    """All that has to do with images. Safe to use from several threads and processes; close it at the end.

    `cache` and `local` are the folders described above (`local` default: cache/images). With `scratch`, `fetch` reads
    them but writes to that folder alone: for plans and dry runs.
    """

    def __init__(
        self,
        cache: Path,
        local: Path | None = None,
        *,
        options: FetchOptions | None = None,
        observer: FetchObserver | None = None,
        scratch: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.cache = cache
        self.options = options or FetchOptions()
        self.local = LocalImages(local or cache / "images")
        self._environment = os.environ if environment is None else environment
        self._observer = observer or Silent()
        self._platform = Platform.parse(self.options.platform) if self.options.platform else Platform.here()
        self._apps = AppCache(cache, self._platform, scratch)
        self._registries: dict[str, Registry] = {}
        self._lock = threading.Lock()
        self._engine = Engine(self._environment, self.options.timeout) if self.options.use_engine else None

    def __enter__(self) -> Images:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back."""
        with self._lock:
            for registry in self._registries.values():
                registry.close()
            self._registries.clear()

    # ---------------------------------------------------------------- what can be asked

    def fetch(self, reference: str, *, update: bool = False) -> Fetched:
        """The folder of an app; each digest is fetched and unpacked once, whoever asks and how often.

        `reference` is a name of an image (also with docker://), `oci:DIR[:TAG]` or the path of a tar.
        """
        self._observer.started(reference)
        found = self._find(reference, update)
        folder = self._unpacked(found)
        self._observer.done(reference, found.digest)
        return Fetched(folder, found.digest, found.reference, found.source)

    def pull(self, reference: str) -> str:
        """Copy an image of a registry into the local store. The digest is given back."""
        name = Reference.parse(reference)
        self._observer.started(reference)
        manifest = self._registry(name).image_manifest(name, self._platform)
        with self._downloaded(name, manifest) as image:
            digest = self.local.add(image, name)
        self._observer.done(reference, digest)
        return digest

    def push(self, reference: str, *, source: str = "") -> str:
        """Copy an image of the local store (or `source`: oci:DIR[:TAG] or a tar) to its registry; its digest."""
        name = Reference.parse(reference)
        if name.digest:
            raise UsageError("an image is pushed under a tag, not under a digest", hint=f"push {name.name}:TAG")
        if source:
            image = self._file(source)
            if image is None:
                raise UsageError(f"{source} is neither oci:DIR nor a tar")
        else:
            image = self.local.get(name)
        if image is None:
            raise UsageError(
                f"there is no image {name.familiar} in the local store",
                hint=f"build it first: atomicapp build PATH -t {name.familiar}",
            )
        self._observer.started(reference)
        total = image.manifest.size
        counter = _Counter(lambda done: self._observer.progress(reference, done, total))
        digest = self._registry(name).push(name, image, counter.tell)
        self._observer.done(reference, digest)
        return digest

    def read_file(self, reference: str, path: str) -> bytes:
        """One small file of an image, by its absolute path; the registry is asked before what is kept here."""
        image = self._file(reference)
        if image is not None:
            return read_file(image, path)
        name = Reference.parse(reference)
        self._observer.started(reference)
        try:
            manifest = self._registry(name).image_manifest(name, self._platform)
        except AbsentError:
            image = self.local.get(name)
            if image is None:
                raise
            return read_file(image, path)
        with self._downloaded(name, manifest) as downloaded:
            return read_file(downloaded, path)

    def inspect(self, reference: str) -> ImageInfo:
        """What there is to know of an image: in a file, the local store, the engine, or else at its registry."""
        image = self._file(reference)
        if image is not None:
            source = LAYOUT if reference.startswith(oci.SCHEME) else ARCHIVE
            return of_image(reference, image.manifest, image.config(), source)
        name = Reference.parse(reference)
        image = self.local.get(name)
        if image is not None:
            return of_image(str(name), image.manifest, image.config(), LOCAL)
        described = self._engine.describe(name) if self._engine else None
        if described is not None:
            return of_engine(str(name), described, ENGINE)
        registry = self._registry(name)
        manifest = registry.image_manifest(name, self._platform)
        with self._apps.temporary() as folder, io.writing(folder):
            path = folder / "config"
            with path.open("xb") as stream:
                registry.download(name, manifest.config, stream)
            config = parse_json(path.read_bytes(), "image's config", str(name))
        return of_image(str(name), manifest, config, REGISTRY)

    # ---------------------------------------------------------------- where it is

    def _find(self, reference: str, update: bool) -> _Found:
        image = self._file(reference)
        if image is not None:
            source = LAYOUT if reference.startswith(oci.SCHEME) else ARCHIVE
            return _found(reference, image, source)
        name = Reference.parse(reference)
        if update and not name.digest:
            try:
                return self._updated(name)
            except AbsentError:
                local = self._here(name)
                if local is None:
                    raise
                return local
        return self._here(name) or self._remembered(name) or self._in_engine(name) or self._in_registry(name)

    def _file(self, reference: str) -> Image | None:
        """The image of an OCI layout or a tar; None when the text is a name."""
        if reference.startswith(oci.SCHEME):
            folder, tag = oci.split_name(reference)
            return oci.read(folder, tag, self._platform)
        path = Path(reference)
        if path.is_file() or (reference.endswith(".tar") and reference.startswith(("/", ".", "~"))):
            return archive.read(path, "", self._platform)
        return None

    def _here(self, name: Reference) -> _Found | None:
        image = self.local.get(name)
        return _found(str(name), image, LOCAL) if image else None

    def _remembered(self, name: Reference) -> _Found | None:
        """What was fetched before, if its app is still there."""
        # a digest may be that of an index; which image was taken from it is noted like that of a tag
        digest = self._apps.recall(str(name)) or name.digest
        if digest and self._apps.present(digest):
            return _Found(str(name), digest, CACHE, _nothing)
        return None

    def _in_engine(self, name: Reference) -> _Found | None:
        """The engine's image. Its id is not the digest of a manifest: which belongs to it is known after the first time."""
        identity = self._engine.image_id(name) if self._engine else ""
        if self._engine is None or not is_digest(identity):
            return None
        digest = self._apps.recall(f"engine:{identity}")
        if digest and self._apps.present(digest):
            return _Found(str(name), digest, ENGINE, _nothing)
        with self._apps.temporary() as folder:
            image = self._engine.save(identity, folder / "image.tar", name, self._platform)
            found = _found(str(name), image, ENGINE)
            self._unpacked(found)
        self._apps.remember(f"engine:{identity}", found.digest)
        return found._replace(load=_nothing)

    def _in_registry(self, name: Reference) -> _Found:
        manifest = self._registry(name).image_manifest(name, self._platform)
        found = _Found(str(name), manifest.digest, REGISTRY, lambda: self._downloaded(name, manifest))
        self._unpacked(found)
        self._apps.remember(str(name), manifest.digest)
        return found

    def _updated(self, name: Reference) -> _Found:
        """The registry's image; a local one of that name is replaced, or it would be taken the next time."""
        found = self._in_registry(name)
        local = self.local.digest_of(name)
        if local and local != found.digest and self._apps.is_kept:
            self.pull(str(name))
        return found

    # ---------------------------------------------------------------- getting it

    def _unpacked(self, found: _Found) -> Path:
        """The folder with the app of an image; made when it is not there yet."""
        return self._apps.unpacked(found.reference, found.digest, found.load)

    @contextlib.contextmanager
    def _downloaded(self, name: Reference, manifest: Manifest) -> Iterator[Image]:
        """An image of a registry, its blobs in a folder that goes away afterwards."""
        from atomicapp.images.transfer import each_parallel

        registry = self._registry(name)
        reference = str(name)
        counter = _Counter(lambda done: self._observer.progress(reference, done, manifest.size))
        with self._apps.temporary() as folder:

            def download(blob: Descriptor, go_on: Callable[[], None]) -> None:
                def told(done: int) -> None:
                    go_on()
                    counter.tell(blob.digest, done)

                path = blob_path(folder, blob.digest)
                with io.writing(path):
                    path.parent.mkdir(exist_ok=True)
                    with path.open("xb") as stream:
                        registry.download(name, blob, stream, told)

            each_parallel(download, tuple(dict.fromkeys((manifest.config, *manifest.layers))))
            yield Image(reference, manifest, folder_opener(folder, reference), checked=True)

    def _registry(self, name: Reference) -> Registry:
        """The client of a registry; one for all its repositories."""
        from atomicapp.images.registry import Registry

        with self._lock:
            if name.registry not in self._registries:
                options = self.options
                certs = in_host(str(options.certs))
                http = HttpOptions(
                    options.insecure, options.cafile, options.timeout, options.attempts, certs, options.sleep
                )
                self._registries[name.registry] = Registry(name, http, self._find_credential, self._observer.retry)
            return self._registries[name.registry]

    def _find_credential(self, name: Reference) -> credentials.Credential | None:
        return credentials.find(name, self._environment)


class _Counter:
    """Adds up the bytes of several blobs that come at the same time."""

    def __init__(self, report: Callable[[int], None]) -> None:
        self._report = report
        self._done: dict[str, int] = {}
        self._lock = threading.Lock()

    def tell(self, digest: str, done: int) -> None:
        with self._lock:
            self._done[digest] = done
            self._report(sum(self._done.values()))


def _nothing() -> AbstractContextManager[Image]:
    """The way to open an image whose app is there already; reached only when somebody removes it meanwhile."""
    raise FetchError("the app", "it was removed from the cache while it was asked for", hint="try again")


def _found(reference: str, image: Image, source: str) -> _Found:
    return _Found(reference, image.digest, source, lambda: contextlib.nullcontext(image))
