"""Packing an app's folder into an image, without a daemon.

The same folder gives the same digest: entries are sorted, owners and times are nobody's and 1970's, modes are 0644 or
0755, and nothing of the machine goes in. The image is OCI's, with one gzip layer that holds `/application-entity/`.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import stat
import tarfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from atomicapp.errors import Issue, SpecError, UsageError
from atomicapp.images import manifests
from atomicapp.images.blobs import Image, memory_opener
from atomicapp.images.extract import APP_FOLDER
from atomicapp.images.layers import MAX_APP_BYTES, MAX_APP_ENTRIES, MAX_FILE
from atomicapp.images.manifests import Descriptor, Platform, digest_of
from atomicapp.images.reference import shown
from atomicapp.position import Position
from atomicapp.records import NamedTuple
from atomicapp.version import VERSION

LABEL_SPEC = "io.projectatomic.nulecule.specversion"
LABEL_PROVIDERS = "io.projectatomic.nulecule.providers"
LABEL_TOOL = "io.projectatomic.nulecule.atomicappversion"
LABEL_OCI = "org.opencontainers.image."

TOOL_IMAGE = "docker.io/atomicapp/atomicapp"
"""The image of this program, which the RUN label and its kin start."""
PLATFORM = Platform("linux", "amd64")
"""What the image says it is for: it holds no program, and one digest must do for every machine."""
EXCLUDED = frozenset({".git", ".hg", ".svn", "__pycache__", "answers.conf.gen"})
"""Names, at any depth, that do not go into the package."""
NULECULE = "Nulecule"

# The program in a container needs the engine's socket, and the host's files at /host: apps, answers, its own state. Who may
# use the socket is root on the host anyway; no other right is asked for. The host's network, since a registry on it is
# called localhost. IMAGE is replaced by podman with the name that the user gave; more words are appended.
_CALL = (
    "docker run -it --rm --network host --security-opt label=disable "
    "-v /var/run/docker.sock:/var/run/docker.sock -v /:/host {tool} {verb} IMAGE"
)
_VERBS = {"RUN": "run", "INSTALL": "pull", "STOP": "stop", "UNINSTALL": "uninstall"}


class PackageInfo(NamedTuple):
    """What the labels say of the app; empty texts are left out."""

    id: str
    specversion: str
    providers: tuple[str, ...] = ()
    title: str = ""
    description: str = ""
    version: str = ""
    licenses: str = ""


def build(
    folder: Path,
    info: PackageInfo,
    *,
    tool_image: str = TOOL_IMAGE,
    platform: Platform = PLATFORM,
    epoch: int | None = None,
) -> Image:
    """The image of the app in `folder`, in memory. `epoch` (seconds since 1970) becomes its date; None: it has none.

    UsageError for a folder without a Nulecule; SpecError that lists every file that can't be packed.
    """
    if not (folder / NULECULE).is_file():
        raise UsageError(f"there is no file {NULECULE} in {folder}", hint="'atomicapp init NAME' makes a first one")
    layer, diff_id = _layer(folder, epoch or 0)
    config = _config(labels(info, tool_image), diff_id, platform, epoch)
    described = Descriptor(f"{manifests.OCI_LAYER}+gzip", digest_of(layer), len(layer))
    manifest = manifests.make(config, (described,))
    opener = memory_opener({described.digest: layer, manifest.config.digest: config})
    return Image(str(folder), manifest, opener)


def source_date_epoch(environment: Mapping[str, str]) -> int | None:
    """The date that $SOURCE_DATE_EPOCH asks for, None when it is not set; UsageError when it is no number."""
    text = environment.get("SOURCE_DATE_EPOCH", "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 11):
        raise UsageError(f"SOURCE_DATE_EPOCH is {text[:40]!a}, not a number of seconds since 1970")
    return int(text)


def labels(info: PackageInfo, tool_image: str = TOOL_IMAGE) -> dict[str, str]:
    """The labels of a package."""
    found = {
        LABEL_SPEC: info.specversion,
        LABEL_PROVIDERS: ",".join(sorted(set(info.providers))),
        LABEL_TOOL: VERSION,
        f"{LABEL_OCI}title": info.title or info.id,
        f"{LABEL_OCI}description": info.description,
        f"{LABEL_OCI}version": info.version,
        f"{LABEL_OCI}licenses": info.licenses,
    }
    for name, verb in _VERBS.items():
        # podman's runlabel takes the name as it is typed, the Atomic command took capitals
        found[name] = _CALL.format(tool=tool_image, verb=verb)
    return {key: value for key, value in sorted(found.items()) if value}


def _config(found: dict[str, str], diff_id: str, platform: Platform, epoch: int | None) -> bytes:
    date = {} if epoch is None else {"created": datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}
    document = {
        **date,
        "architecture": platform.architecture,
        **({"variant": platform.variant} if platform.variant else {}),
        "os": platform.os,
        "config": {"Labels": found},
        "rootfs": {"type": "layers", "diff_ids": [diff_id]},
        "history": [{**date, "created_by": "atomicapp build"}],
    }
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


class _Hashing(io.RawIOBase):
    """Passes what is written on to another file and hashes it."""

    def __init__(self, target: io.BufferedIOBase) -> None:
        self._target = target
        self._size = 0
        self.hash = hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self.hash.update(data)
        self._size += len(data)
        return self._target.write(data)

    def tell(self) -> int:
        return self._size


def _layer(folder: Path, mtime: int) -> tuple[bytes, str]:
    """The compressed layer and the digest of what is in it."""
    files = _checked(folder)
    packed = io.BytesIO()
    # neither a name nor a time in gzip's header
    with gzip.GzipFile(filename="", fileobj=packed, mode="wb", compresslevel=9, mtime=0) as compressed:
        plain = _Hashing(compressed)
        with tarfile.TarFile(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as archive:
            archive.addfile(_header(APP_FOLDER, tarfile.DIRTYPE, 0o755, mtime))
            for path in files:
                _add(archive, path, f"{APP_FOLDER}/{path.relative_to(folder).as_posix()}", mtime)
        digest = f"sha256:{plain.hash.hexdigest()}"
    return packed.getvalue(), digest


def _header(name: str, kind: bytes, mode: int, mtime: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.mtime = kind, mode, mtime
    return info


def _add(archive: tarfile.TarFile, path: Path, name: str, mtime: int) -> None:
    status = path.lstat()
    if stat.S_ISDIR(status.st_mode):
        archive.addfile(_header(name, tarfile.DIRTYPE, 0o755, mtime))
    elif stat.S_ISLNK(status.st_mode):
        info = _header(name, tarfile.SYMTYPE, 0o777, mtime)
        info.linkname = str(path.readlink())
        archive.addfile(info)
    else:
        info = _header(name, tarfile.REGTYPE, 0o755 if status.st_mode & stat.S_IXUSR else 0o644, mtime)
        with path.open("rb") as stream:
            info.size = os.fstat(stream.fileno()).st_size
            try:
                archive.addfile(info, stream)
            except OSError as error:  # it shrank while it was read, or the disk failed
                raise UsageError(f"{path} can't be read: {error}") from None


def _checked(folder: Path) -> list[Path]:
    """The files and folders to pack in the order of their names; SpecError with all that can't be packed."""
    issues: list[Issue] = []
    found: list[Path] = []
    size = 0
    root = folder.resolve()
    for path in _walk(folder, issues):
        found.append(path)
        why, hint = _fault(path, root)
        if why:
            issues.append(Issue("error", why, Position(shown(str(path))), "package", hint=hint))
        elif path.is_file() and not path.is_symlink():
            size += path.stat().st_size
    if size > MAX_APP_BYTES or len(found) > MAX_APP_ENTRIES:
        what = f"{len(found)} files and folders, {size // 1024**2} MiB"
        issues.append(Issue("error", f"the app is too large to be a package ({what})", Position(str(folder)), "size"))
    if issues:
        raise SpecError(issues)
    return sorted(found, key=lambda path: path.relative_to(folder).as_posix())


def _walk(folder: Path, issues: list[Issue]) -> Iterator[Path]:
    """Everything below a folder; links to folders are not followed."""
    try:
        children = sorted(folder.iterdir())
    except OSError as error:
        why = f"the folder can't be read: {error.strerror or error}"
        issues.append(Issue("error", why, Position(shown(str(folder))), "package"))
        return
    for path in children:
        if path.name in EXCLUDED:
            continue
        yield path
        if path.is_dir() and not path.is_symlink():
            yield from _walk(path, issues)


def _fault(path: Path, root: Path) -> tuple[str, str]:
    """Why a path can't be packed and what to do about it, or two empty texts."""
    status = path.lstat()
    if path.name.startswith(".wh."):
        return "the name begins with '.wh.', which deletes files in an image", "rename it"
    try:
        path.name.encode()
    except UnicodeEncodeError:
        return "the name is not UTF-8", "rename it"
    if stat.S_ISLNK(status.st_mode):
        target = path.readlink()
        inside = Path(os.path.realpath(path)).is_relative_to(root)
        if target.is_absolute() or not inside:
            return f"the symbolic link leads out of the app, to {shown(str(target))}", "put the file itself there"
        return "", ""
    if stat.S_ISDIR(status.st_mode):
        return "", ""
    if not stat.S_ISREG(status.st_mode):
        return "it is neither a file nor a folder nor a link", "remove it"
    if status.st_size > MAX_FILE:
        return f"the file is larger than {MAX_FILE // 1024**2} MiB", "data belongs in a volume or an image"
    if not os.access(path, os.R_OK):
        return "the file can't be read", "check its permissions"
    return "", ""
