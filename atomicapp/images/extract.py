"""Taking `/application-entity/` out of the layers of an image, into a fresh folder.

Layers are laid over each other as a container engine would do it (whiteouts, opaque folders, replaced entries), but
only this one folder is written. Refused are: names that are absolute or hold `..`, links that lead outside,
entries below a symbolic link, devices, pipes, and anything beyond the limits of layers.py. Owners, times, set-user-id
and write bits for others are not taken over. The folder is made beside its place and moved there when all is well.
"""

from __future__ import annotations

import os
import shutil
import stat
import tarfile
import tempfile
from pathlib import Path
from typing import NoReturn

from atomicapp.errors import FetchError
from atomicapp.images.blobs import Image
from atomicapp.images.layers import Budget, Entry, Limits, open_layer
from atomicapp.images.reference import shown
from atomicapp.io import writing
from atomicapp.records import NamedTuple

APP_FOLDER = "application-entity"

_WHITEOUT = ".wh."
_WHITEOUT_META = ".wh..wh."
_OPAQUE = ".wh..wh..opq"
_MAX_LINKS = 16
"""Hard links followed one after the other."""

Parts = tuple[str, ...]


class Extracted(NamedTuple):
    """What was written: the folder, how many entries and how many bytes of files."""

    folder: Path
    entries: int
    size: int


def extract(image: Image, target: Path, limits: Limits | None = None) -> Extracted:
    """Write the app of an image to `target`, which must not exist; FetchError for an image that is no app or hostile.

    On any failure nothing is left behind.
    """
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f".{target.name[:40]}.", dir=target.parent)).resolve()
    try:
        with writing(target):
            tree = _Tree(image, work / APP_FOLDER, limits or Limits())
            tree.apply_all()
            (work / APP_FOLDER).rename(target)
        return Extracted(target, tree.entries, tree.size)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def split_name(name: str, reference: str) -> Parts:
    """The parts of an entry's name below the image's root; FetchError for one that leads elsewhere."""
    if name.startswith("/"):
        raise FetchError(reference, f"its layer holds the absolute name '{shown(name)}'", hint=_HOSTILE)
    parts = tuple(part for part in name.split("/") if part not in ("", "."))
    if ".." in parts:
        raise FetchError(reference, f"its layer holds '{shown(name)}', which leads out of the image", hint=_HOSTILE)
    return parts


_HOSTILE = "the image was made to do harm, or by a broken tool; nothing of it was used"


class _Tree:
    """The folder being built. `_written` are the paths that the current layer brought: its whiteouts spare them."""

    def __init__(self, image: Image, root: Path, limits: Limits) -> None:
        self.image = image
        self.reference = image.reference
        self.root = root
        self.limits = limits
        self.budget = Budget(limits, image.reference)
        self.entries = 0
        self.size = 0
        self._written: set[Parts] = set()

    def apply_all(self) -> None:
        for number, layer in enumerate(self.image.manifest.layers):
            if not self.image.checked:
                self.image.check(layer)
            self._written = set()
            with open_layer(self.image.open_blob(layer), self.budget) as entries:
                for entry in entries:
                    self._apply(entry, number)
        if not self.root.is_dir():
            raise FetchError(
                self.reference,
                f"the image is not an Atomic App package: it has no folder /{APP_FOLDER}",
                hint="is it the image of a program instead of an app's package? 'atomicapp build' makes packages",
            )
        self._check_links()

    # ---------------------------------------------------------------- one entry

    def _apply(self, entry: Entry, number: int) -> None:
        parts = split_name(entry.info.name, self.reference)
        if not parts:
            return
        name = parts[-1]
        if name.startswith(_WHITEOUT):
            self._whiteout(parts[:-1], name)
            return
        if parts[0] != APP_FOLDER:
            return
        info = entry.info
        self.entries += 1
        if self.entries > self.limits.app_entries:
            raise FetchError(self.reference, f"/{APP_FOLDER} holds more than {self.limits.app_entries} entries")
        if len(parts) == 1 and not info.isdir():
            raise FetchError(self.reference, f"/{APP_FOLDER} is not a folder in it", hint=_HOSTILE)
        place = self._place(parts)
        if info.isdir():
            self._make_folder(place)
        elif info.isreg():
            self._make_room(place)
            self._write(entry, place)
        elif info.issym():
            self._make_room(place)
            self._symlink(info, parts, place)
        elif info.islnk():
            self._make_room(place)
            self._hard_link(info, parts, place, number)
        else:
            kind = "a device" if info.ischr() or info.isblk() else "a pipe" if info.isfifo() else "of an unknown kind"
            self._refuse(f"/{'/'.join(parts)}", f"is {kind}")
        self._written.update(parts[: end + 1] for end in range(len(parts)))

    def _place(self, parts: Parts) -> Path:
        """Where an entry goes; its parents are made, and none of them may be a link."""
        path = self.root
        for part in parts[1:]:
            found = _kind(path)
            if found == stat.S_IFLNK:
                self._refuse(f"/{'/'.join(parts)}", "lies below a symbolic link")
            if found != stat.S_IFDIR:
                self._make_folder(path)
            path = path / part
        return path

    def _make_folder(self, path: Path) -> None:
        if _kind(path) != stat.S_IFDIR:
            self._make_room(path)
            path.mkdir()
        path.chmod(0o755)

    def _make_room(self, path: Path) -> None:
        """Remove what an earlier layer or entry put at a place."""
        found = _kind(path)
        if found == stat.S_IFDIR:
            shutil.rmtree(path)
        elif found is not None:
            path.unlink()

    def _write(self, entry: Entry, place: Path) -> None:
        size = entry.info.size
        if size > self.limits.file:
            self._refuse(f"/{entry.info.name}", f"has {size} bytes, more than the {self.limits.file} allowed")
        self.size += size
        if self.size > self.limits.app_bytes:
            raise FetchError(self.reference, f"/{APP_FOLDER} holds more than {self.limits.app_bytes} bytes")
        with place.open("xb") as stream:
            for chunk in entry.chunks():
                stream.write(chunk)
            os.fchmod(stream.fileno(), 0o755 if entry.info.mode & 0o111 else 0o644)
            stream.flush()
            # the folder counts as complete once it is there, also after the power was cut
            os.fsync(stream.fileno())

    def _symlink(self, info: tarfile.TarInfo, parts: Parts, place: Path) -> None:
        target = info.linkname
        depth = len(parts) - 2  # folders between the app's folder and the link
        for part in target.split("/"):
            depth += {"..": -1, ".": 0, "": 0}.get(part, 1)
            if depth < 0:
                break
        if target.startswith("/") or depth < 0 or not target or "\0" in target:
            self._refuse(f"/{'/'.join(parts)}", f"is a symbolic link to '{shown(target)}', which leads out of the app")
        place.symlink_to(target)

    def _hard_link(self, info: tarfile.TarInfo, parts: Parts, place: Path, number: int) -> None:
        target = split_name(info.linkname, self.reference)
        if target[:1] == (APP_FOLDER,):
            source = self.root.joinpath(*target[1:])
            below = [self.root.joinpath(*target[1:end]) for end in range(1, len(target))]
            if any(_kind(folder) != stat.S_IFDIR for folder in below) or _kind(source) not in (
                stat.S_IFREG,
                stat.S_IFLNK,
            ):
                self._missing_link(parts, target)
            if _kind(source) == stat.S_IFLNK:
                copied = tarfile.TarInfo("/".join(parts))
                copied.linkname = str(source.readlink())
                self._symlink(copied, parts, place)
            else:
                os.link(source, place)
            return
        if not self._copy_outside(target, number, place, 0):
            self._missing_link(parts, target)

    def _copy_outside(self, target: Parts, number: int, place: Path, depth: int) -> bool:
        """Write the file that a hard link outside of the app's folder means: as it is in layer `number` or below."""
        if depth > _MAX_LINKS:
            return False
        for layer in reversed(self.image.manifest.layers[: number + 1]):
            found = hidden = False
            further: Parts | None = None
            with open_layer(self.image.open_blob(layer), self.budget) as entries:
                for entry in entries:
                    parts = split_name(entry.info.name, self.reference)
                    if parts != target:
                        hidden = hidden or _hides(parts, target)
                        continue
                    if entry.info.isreg():
                        self._make_room(place)
                        self._write(entry, place)
                        found = True
                    elif entry.info.islnk():
                        further, found = split_name(entry.info.linkname, self.reference), True
                    else:
                        return False
                    break
            if further is not None:
                return self._copy_outside(further, number, place, depth + 1)
            if found:
                return True
            if hidden:
                return False
            number -= 1
        return False

    # ---------------------------------------------------------------- whiteouts

    def _whiteout(self, folder: Parts, name: str) -> None:
        if name == _OPAQUE:
            if not folder or folder[0] == APP_FOLDER:
                self._clear(self.root.joinpath(*folder[1:]), folder or (APP_FOLDER,))
            return
        if name.startswith(_WHITEOUT_META):
            return
        hidden = (*folder, name.removeprefix(_WHITEOUT))
        if hidden[0] == APP_FOLDER and hidden[-1] not in ("", ".", ".."):
            self._hide(hidden)

    def _hide(self, parts: Parts) -> None:
        """Remove what lower layers have at a path; what this layer brought there stays."""
        path = self.root.joinpath(*parts[1:])
        parents = [self.root.joinpath(*parts[1:end]) for end in range(1, len(parts))]
        if any(_kind(parent) != stat.S_IFDIR for parent in parents):
            return
        if parts in self._written:
            self._clear(path, parts)
        else:
            self._make_room(path)

    def _clear(self, folder: Path, parts: Parts) -> None:
        """Remove what lower layers have in a folder."""
        parents = [self.root.joinpath(*parts[1:end]) for end in range(1, len(parts) + 1)]
        if any(_kind(parent) != stat.S_IFDIR for parent in parents):
            return
        for child in list(folder.iterdir()):
            inner = (*parts, child.name)
            if inner not in self._written:
                self._make_room(child)
            elif _kind(child) == stat.S_IFDIR:
                self._clear(child, inner)

    # ---------------------------------------------------------------- the end

    def _check_links(self) -> None:
        """Links that are harmless one by one may lead out together; the finished tree is what counts."""
        for folder, folders, files in os.walk(self.root):
            for name in (*folders, *files):
                path = Path(folder, name)
                if path.is_symlink() and not Path(os.path.realpath(path)).is_relative_to(self.root):
                    inner = path.relative_to(self.root.parent)
                    self._refuse(f"/{inner}", "is a symbolic link that leads out of the app through another one")

    def _missing_link(self, parts: Parts, target: Parts) -> NoReturn:
        name, wanted = shown("/".join(parts)), shown("/".join(target))
        raise FetchError(
            self.reference, f"/{name} is a hard link to /{wanted}, which is no file of the image", hint=_HOSTILE
        )

    def _refuse(self, name: str, why: str) -> NoReturn:
        raise FetchError(self.reference, f"{shown(name)} {why}", hint=_HOSTILE)


def _hides(parts: Parts, target: Parts) -> bool:
    """Whether an entry is a whiteout of a path or of a folder above it."""
    if not parts or not parts[-1].startswith(_WHITEOUT):
        return False
    if parts[-1] == _OPAQUE:
        return target[: len(parts) - 1] == parts[:-1]
    hidden = (*parts[:-1], parts[-1].removeprefix(_WHITEOUT))
    return target[: len(hidden)] == hidden


def _kind(path: Path) -> int | None:
    """The kind of file at a path, without following a link; None when there is nothing."""
    try:
        return stat.S_IFMT(path.lstat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return None
