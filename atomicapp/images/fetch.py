"""Getting apps: one place to ask, whatever the app lies in.

    Images.fetch    the folder of an app, out of: the local store, what was fetched before, a Docker Engine, a registry,
                    an OCI layout (oci:DIR[:TAG]), a tar
    Images.pull, push, inspect

The order for a name: an image that was built or pulled here; the digest that the name had at the last fetch; the Docker
Engine's own image; the registry. With `update` the registry comes first; a local image is used only when the registry
says that it does not have the name. A name with a digest never needs the network once it was fetched.

In the cache:

    apps/sha256-HEX/    the unpacked app of the image with that manifest digest; never changed once it is there
    refs/HEX.json       the digest that a name had
    images/             the local store, unless another folder is given
    locks/  tmp/
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from atomicapp import io
from atomicapp.errors import FetchError, UsageError
from atomicapp.images import archive, build, credentials, oci
from atomicapp.images.auth import FindCredential
from atomicapp.images.blobs import Image, blob_path, folder_opener, new_file
from atomicapp.images.engine import Engine
from atomicapp.images.extract import extract
from atomicapp.images.localstore import LocalImages
from atomicapp.images.locks import locked
from atomicapp.images.manifests import Descriptor, Manifest, Platform, labels_of, parse_json
from atomicapp.images.onefile import read_file
from atomicapp.images.reference import Reference, is_digest
from atomicapp.images.registry import Registry, each_parallel
from atomicapp.images.transport import CERTS, AbsentError, HttpOptions

LOCAL, CACHE, ENGINE, REGISTRY, LAYOUT, ARCHIVE = "local store", "cache", "docker engine", "registry", "oci", "tar"

_STALE_SECONDS = 24 * 3600


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
        self._writable = scratch or cache
        self.options = options or FetchOptions()
        self.local = LocalImages(local or cache / "images")
        self._environment = os.environ if environment is None else environment
        self._observer = observer or Silent()
        self._platform = Platform.parse(self.options.platform) if self.options.platform else Platform.here()
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
        """What there is to know of an image: in the local store, in a file, or else at its registry."""
        image = self._file(reference)
        if image is not None:
            source = LAYOUT if reference.startswith(oci.SCHEME) else ARCHIVE
            return _info(reference, image.manifest, image.config(), source)
        name = Reference.parse(reference)
        image = self.local.get(name)
        if image is not None:
            return _info(str(name), image.manifest, image.config(), LOCAL)
        registry = self._registry(name)
        manifest = registry.image_manifest(name, self._platform)
        with self._temporary() as folder, io.writing(folder):
            path = folder / "config"
            with path.open("xb") as stream:
                registry.download(name, manifest.config, stream)
            config = parse_json(path.read_bytes(), "image's config", str(name))
        return _info(str(name), manifest, config, REGISTRY)

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
        digest = self._recall(str(name)) or name.digest
        if digest and self._present(digest):
            return _Found(str(name), digest, CACHE, _nothing)
        return None

    def _in_engine(self, name: Reference) -> _Found | None:
        """The engine's image. Its id is not the digest of a manifest: which belongs to it is known after the first time."""
        identity = self._engine.image_id(name) if self._engine else ""
        if self._engine is None or not is_digest(identity):
            return None
        digest = self._recall(f"engine:{identity}")
        if digest and self._present(digest):
            return _Found(str(name), digest, ENGINE, _nothing)
        with self._temporary() as folder:
            image = self._engine.save(identity, folder / "image.tar", name, self._platform)
            found = _found(str(name), image, ENGINE)
            self._unpacked(found)
        self._remember(f"engine:{identity}", found.digest)
        return found._replace(load=_nothing)

    def _in_registry(self, name: Reference) -> _Found:
        manifest = self._registry(name).image_manifest(name, self._platform)
        found = _Found(str(name), manifest.digest, REGISTRY, lambda: self._downloaded(name, manifest))
        self._unpacked(found)
        self._remember(str(name), manifest.digest)
        return found

    def _updated(self, name: Reference) -> _Found:
        """The registry's image; a local one of that name is replaced, or it would be taken the next time."""
        found = self._in_registry(name)
        local = self.local.digest_of(name)
        if local and local != found.digest and self._writable == self.cache:
            self.pull(str(name))
        return found

    # ---------------------------------------------------------------- getting it

    def _unpacked(self, found: _Found) -> Path:
        """The folder with the app of an image; made when it is not there yet."""
        present = self._present(found.digest)
        if present is not None:
            return present
        folder = self._app(found.digest, self._writable)
        with locked(self._locks(found.digest), f"the app {found.reference}"):
            if not folder.is_dir():
                self._sweep(folder.parent)
                with found.load() as image:
                    extract(image._replace(reference=found.reference), folder)
        return folder

    @contextlib.contextmanager
    def _downloaded(self, name: Reference, manifest: Manifest) -> Iterator[Image]:
        """An image of a registry, its blobs in a folder that goes away afterwards."""
        registry = self._registry(name)
        reference = str(name)
        counter = _Counter(lambda done: self._observer.progress(reference, done, manifest.size))
        with self._temporary() as folder:

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
        with self._lock:
            if name.registry not in self._registries:
                options = self.options
                http = HttpOptions(
                    options.insecure, options.cafile, options.timeout, options.attempts, options.certs, options.sleep
                )
                self._registries[name.registry] = Registry(name, http, self._credentials(), self._observer.retry)
            return self._registries[name.registry]

    def _credentials(self) -> FindCredential:
        return lambda name: credentials.find(name, self._environment)

    # ---------------------------------------------------------------- the cache

    def _app(self, digest: str, root: Path) -> Path:
        return root / "apps" / digest.replace(":", "-")

    def _present(self, digest: str) -> Path | None:
        """The folder of an app that is there already."""
        places = (self._app(digest, root) for root in dict.fromkeys((self.cache, self._writable)))
        return next((folder for folder in places if folder.is_dir()), None)

    def _locks(self, digest: str) -> Path:
        return self._writable / "locks" / f"{digest.replace(':', '-')}.lock"

    def _ref_file(self, key: str, root: Path) -> Path:
        # a build for another platform is another image
        text = f"{key} {self._platform}"
        return root / "refs" / f"{hashlib.sha256(text.encode()).hexdigest()}.json"

    def _recall(self, key: str) -> str:
        """The digest noted for a name, "" when there is none that can be read."""
        for root in dict.fromkeys((self._writable, self.cache)):
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
                digest = json.loads(self._ref_file(key, root).read_bytes())["digest"]
                if isinstance(digest, str) and is_digest(digest):
                    return digest
        return ""

    def _remember(self, key: str, digest: str) -> None:
        path = self._ref_file(key, self._writable)
        with io.writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        with new_file(path) as stream:
            stream.write(json.dumps({"reference": key, "digest": digest}).encode())

    @contextlib.contextmanager
    def _temporary(self) -> Iterator[Path]:
        """A folder for what is on its way; removed on every way out."""
        root = self._writable / "tmp"
        with io.writing(root):
            root.mkdir(parents=True, exist_ok=True)
            self._sweep(root)
            folder = Path(tempfile.mkdtemp(dir=root, prefix=".get-"))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _sweep(self, folder: Path) -> None:
        """Remove what a process that was killed left behind."""
        with contextlib.suppress(OSError):
            for path in folder.glob(".*"):
                if time.time() - path.stat().st_mtime > _STALE_SECONDS:
                    shutil.rmtree(path, ignore_errors=True)


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


def _info(reference: str, manifest: Manifest, config: dict[str, Any], source: str) -> ImageInfo:
    labels = labels_of(config)
    created = config.get("created")
    platform = Platform(*(str(config.get(key) or "") for key in ("os", "architecture", "variant")))
    return ImageInfo(
        reference=reference,
        digest=manifest.digest,
        source=source,
        created=created if isinstance(created, str) else "",
        size=manifest.size,
        layers=tuple(layer.digest for layer in manifest.layers),
        labels=labels,
        platform=str(platform),
        spec=labels.get(build.LABEL_SPEC, ""),
        providers=tuple(part.strip() for part in labels.get(build.LABEL_PROVIDERS, "").split(",") if part.strip()),
    )
