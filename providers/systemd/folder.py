"""The folder of unit files, and that of the files of which Podman makes units: what of them is ours, and how we write to them.

FOLDER/web.service              a unit, with its mark
FOLDER/atomicapp/APP/NAME       files of the app's units (0600): values that must not stand in a unit
FOLDER/atomicapp/APP/KEY.data   the mark of data that outlives its units
"""

from __future__ import annotations

import contextlib
import os
import stat
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from atomicapp.errors import EngineError
from atomicapp.providers.systemd import marks
from atomicapp.providers.systemd.marks import Mark
from atomicapp.providers.units import names, podman
from atomicapp.records import NamedTuple

OWN = "atomicapp"
FILES = "/@atomicapp-files@"
"""What stands in a wanted text for the folder of our own files, which is known where they are written."""

_TYPES = tuple(f".{kind}" for kind in sorted(names.TYPES))
_DATA = ".data"
_DUE = ".due"


class OwnFile(NamedTuple):
    """A file that a unit uses: its path below the folder of our own files, its text, its mode and owner as numbers."""

    path: str
    text: str
    mode: int = 0o600
    uid: int = 0
    gid: int = 0


class File(NamedTuple):
    """A unit file, or the mark of data. `mark` is None for what is not ours; `due`: nothing has started it with this text
    yet; `source` is the name of the file where it is not that of the unit, since Podman's generator makes the unit of it."""

    name: str
    text: str
    mark: Mark | None
    due: bool = False
    source: str = ""

    @property
    def touched(self) -> bool:
        """Whether its text is another one than we wrote."""
        return self.mark is not None and self.mark.text != marks.digest(self.text)


class Folder:
    """Reads and writes. What can't be read or written is an EngineError that says what to do."""

    def __init__(self, path: Path, podman: Path | None = None) -> None:
        self.path = path
        self.podman = podman or path
        self._lock = threading.Lock()

    # ------------------------------------------------------------ reading

    def ours(self) -> list[File]:
        """All units that carry a mark, of whichever app, and all marks of data."""
        found = []
        for entry in self._entries(self.path):
            if entry.name.endswith(_TYPES) and entry.is_file(follow_symlinks=False):
                file = self._read(Path(entry.path), entry.name)
                if file is not None and file.mark is not None:
                    found.append(file._replace(due=self._due(file.mark.app, file.name).exists()))
        for entry in self._entries(self.podman):
            if podman.is_file(entry.name) and entry.is_file(follow_symlinks=False):
                name = podman.service(entry.name)
                file = self._read(Path(entry.path), name, entry.name)
                if file is not None and file.mark is not None:
                    found.append(file._replace(due=self._due(file.mark.app, name).exists()))
        for app in self._entries(self.path / OWN):
            if app.is_dir(follow_symlinks=False):
                found += self._data(Path(app.path))
        return sorted(found, key=lambda file: file.name)

    def unit(self, name: str) -> File | None:
        """One unit file, or the file that becomes it, whoever wrote it; None when there is none."""
        if (found := self._read(self.path / name, name)) is not None or not name.endswith(".service"):
            return found
        for source in podman.files(name):
            if (found := self._read(self.podman / source, name, source)) is not None:
                return found
        return None

    def place(self, name: str, source: str = "") -> Path:
        """Where a unit is written."""
        return self.podman / Path(source).name if source else self.path / name

    def data(self, app: str, key: str) -> File | None:
        """The mark of data."""
        return self._read(self._mark(app, key), "")

    @property
    def files(self) -> Path:
        """The folder of our own files."""
        return self.path / OWN

    def own(self, path: str) -> str | None:
        """The text of one of our own files."""
        with contextlib.suppress(OSError):
            return (self.files / path).read_text(errors="surrogateescape")
        return None

    def _data(self, folder: Path) -> Iterator[File]:
        for entry in self._entries(folder):
            if entry.name.endswith(_DATA):
                file = self._read(Path(entry.path), entry.name)
                if file is not None and file.mark is not None:
                    yield file._replace(name=file.mark.key.partition("/")[2])

    def _entries(self, folder: Path) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(folder) as entries:
                return list(entries)
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise self._error(folder, error, "read") from error

    def _read(self, path: Path, name: str, source: str = "") -> File | None:
        try:
            with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    return File(name, "", None, source=source)
                return File(name, *marks.read(file.read()), source=source)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None
        except OSError as error:
            raise self._error(path, error, "read") from error

    # ------------------------------------------------------------ writing

    def write(self, name: str, text: str, mark: Mark, files: Sequence[OwnFile] = ()) -> None:
        """A unit with its own files. Each comes as a whole or not at all."""
        for own in files:
            self._write(self.files / own.path, own.text, own.mode, (own.uid, own.gid))
        self._write(self.place(name, mark.source), marks.written(text, mark), 0o600 if mark.hidden else 0o644)

    def write_data(self, mark: Mark) -> None:
        """The mark of data."""
        self._write(self._mark(mark.app, mark.key), marks.written("", mark), 0o600)

    def remove(self, name: str, mark: Mark) -> None:
        """A unit and its own files."""
        self._unlink(self.place(name, mark.source))
        self._unlink(self._due(mark.app, name))
        for own in mark.files:
            self._unlink(self.files / own)

    def remove_file(self, name: str, source: str) -> None:
        """The file of a unit, and nothing else."""
        self._unlink(self.place(name, source))

    def set_due(self, app: str, name: str) -> None:
        """Remember that a unit is to be started with what will be written: whatever comes between."""
        self._write(self._due(app, name), "", 0o600)

    def clear_due(self, app: str, name: str) -> None:
        """It was started."""
        self._unlink(self._due(app, name))

    def remove_own(self, path: str) -> None:
        """One of our own files."""
        self._unlink(self.files / path)

    def remove_data(self, app: str, key: str) -> None:
        """The mark of data."""
        self._unlink(self._mark(app, key))

    def remove_plain(self, name: str) -> None:
        """A unit file without more."""
        self._unlink(self.path / name)

    def write_plain(self, name: str, text: str) -> None:
        """A unit file without a mark, for a moment."""
        self._write(self.path / name, text, 0o644)

    def _due(self, app: str, name: str) -> Path:
        return self.files / names.escape(app) / f"{names.escape(name)}{_DUE}"

    def _mark(self, app: str, key: str) -> Path:
        return self.files / names.escape(app) / f"{names.escape(key)}{_DATA}"

    def _write(self, path: Path, text: str, mode: int, owner: tuple[int, int] = (0, 0)) -> None:
        for tries_left in (2, 1, 0):
            try:
                with self._lock:
                    self._write_whole(path, text, mode, owner)
                return
            except FileNotFoundError as error:
                # another app, whose last file has just gone, has taken the folder along
                if not tries_left:
                    raise self._error(path, error, "written") from error
            except OSError as error:
                raise self._error(path, error, "written") from error

    def _write_whole(self, path: Path, text: str, mode: int, owner: tuple[int, int]) -> None:
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        root = self.path if path.is_relative_to(self.path) else self.podman
        root.mkdir(parents=True, exist_ok=True)
        for folder in reversed(path.relative_to(root).parents[:-1]):
            (root / folder).mkdir(mode=0o700, exist_ok=True)
        try:
            handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
            with os.fdopen(handle, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
                file.write(text)
                file.flush()
                os.fchmod(handle, mode)
                if owner != (0, 0):
                    os.fchown(handle, *owner)
                os.fsync(handle)
            part.replace(path)
        except OSError:
            with contextlib.suppress(OSError):
                part.unlink()
            raise

    def _unlink(self, path: Path) -> None:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise self._error(path, error, "removed") from error
        if path.is_relative_to(self.files):
            # the folders of own files go with the last of them
            with self._lock, contextlib.suppress(OSError):
                for folder in path.parents[: len(path.relative_to(self.path).parts) - 1]:
                    folder.rmdir()

    def _error(self, path: Path, error: OSError, what: str) -> EngineError:
        hint = f"see to {path.parent} and run the same command again"
        if isinstance(error, PermissionError):
            hint = f"run the same command as one who may write to {path.parent}"
        return EngineError(f"{path} can't be {what}: {error.strerror}", hint=hint)
