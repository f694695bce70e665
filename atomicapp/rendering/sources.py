"""Where the text of artifacts comes from: files of the app, http(s) URLs, git repositories.

Files are read only below the folder of their app: a path that leaves it, also by a symbolic link, is refused.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from atomicapp import io
from atomicapp.errors import AtomicAppError, FetchError, SpecError
from atomicapp.model import FileArtifact, GitArtifact, UrlArtifact
from atomicapp.position import Position
from atomicapp.records import NamedTuple

if TYPE_CHECKING:
    from tempfile import TemporaryDirectory

GIT_TIMEOUT = 300
"""Seconds for the clone of one repository."""


class Text(NamedTuple):
    """One artifact before substitution. `path` is relative to the app (for remote ones a file name); `file` is how
    messages name it."""

    path: str
    text: str
    file: str


class Remote(NamedTuple):
    """How remote artifacts are got: `download` a URL, `checkout` a git repository at a ref into a folder."""

    download: Callable[[str], bytes]
    checkout: Callable[[str, str, Path], None]


class Sources:
    """Reads artifacts of apps. One object for a whole tree: what was read or fetched once is not fetched again."""

    def __init__(self, remote: Remote) -> None:
        self._remote = remote
        self._safe: set[tuple[Path, str]] = set()
        self._git: dict[tuple[str, str], Path] = {}
        self._downloads: dict[str, bytes] = {}
        self._temporary: list[TemporaryDirectory[str]] = []

    def close(self) -> None:
        """Remove the checkouts."""
        for folder in self._temporary:
            folder.cleanup()

    def __enter__(self) -> Sources:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def read(self, folder: Path, source: FileArtifact | UrlArtifact | GitArtifact) -> list[Text]:
        """The texts of one source, in the order of their names. SpecError or FetchError names what is wrong."""
        if isinstance(source, FileArtifact):
            return self._files(folder, source.path, source.position, "")
        if isinstance(source, UrlArtifact):
            return [self._url(source)]
        return self._repository(source)

    def beside(self, folder: Path, path: str, position: Position) -> str:
        """The text of one more file of an app, by a relative path that stays inside it; SpecError at `position`."""
        if path.startswith("/") or ".." in path.split("/"):
            raise SpecError.single(
                f"the file '{path}' lies outside of the app",
                position,
                code="artifact-outside",
                hint="name it by its path below the folder of the Nulecule",
            )
        texts = self._files(folder, path, position, "")
        if len(texts) != 1 or texts[0].path != path:
            raise SpecError.single(f"'{path}' is a folder, not a file", position, code="artifact-unreadable")
        return texts[0].text

    def below(self, folder: Path, path: str) -> tuple[str, ...]:
        """The files below a folder of an app, by their paths; see `io.listing`. NotADirectoryError for a path that leads
        outside."""
        if path.startswith("/") or ".." in path.split("/"):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
        real = os.path.realpath(f"{folder}/{path}")
        if not f"{real}/".startswith(f"{os.path.realpath(folder)}/"):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
        return io.listing(folder, path)

    def _files(self, folder: Path, path: str, position: Position, shown: str) -> list[Text]:
        plain = path.rstrip("/") or "."
        try:
            self._check_folders(folder, plain, position)
            handle = self._open(folder, plain, position)
            if stat.S_ISDIR(os.fstat(handle).st_mode):
                os.close(handle)
                return self._folder(folder, plain, position, shown)
            if plain != path:
                os.close(handle)
                raise NotADirectoryError
            file = f"{shown}/{plain}" if shown else f"{folder}/{plain}"
            return [Text(plain, io.text_of(handle, file), file)]
        except (FileNotFoundError, NotADirectoryError):
            raise SpecError.single(
                f"the artifact '{path}' does not exist",
                position,
                code="artifact-missing",
                hint=_siblings(folder, plain),
            ) from None
        except OSError as error:
            raise SpecError.single(
                f"the artifact '{path}' can't be read: {error.strerror}", position, code="artifact-unreadable"
            ) from None

    def _open(self, folder: Path, path: str, position: Position) -> int:
        # O_NOFOLLOW: a link is resolved and looked at first; O_NONBLOCK: a pipe is not waited for
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
        try:
            return os.open(f"{folder}/{path}", flags)
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise
        return os.open(self._inside(folder, path, path, position), flags)

    def _folder(self, folder: Path, path: str, position: Position, shown: str) -> list[Text]:
        with os.scandir(f"{folder}/{path}") as entries:
            names = sorted(entry.name for entry in entries if not entry.name.startswith(".") and entry.is_file())
        if not names:
            raise SpecError.single(f"the folder '{path}' holds no files", position, code="artifact-missing")
        prefix = "" if path == "." else f"{path}/"
        return [text for name in names for text in self._files(folder, prefix + name, position, shown)]

    def _check_folders(self, folder: Path, path: str, position: Position) -> None:
        """Refuse a path on whose way a link leads outside of the app; each folder is looked at once."""
        way = path.rpartition("/")[0]
        if (folder, way) in self._safe:
            return
        end = way.find("/")
        while way:
            part = way if end < 0 else way[:end]
            if os.path.islink(f"{folder}/{part}"):  # noqa: PTH114 -- a Path costs more than the call
                self._inside(folder, part, path, position)
            if end < 0:
                break
            end = way.find("/", end + 1)
        self._safe.add((folder, way))

    def _inside(self, folder: Path, link: str, path: str, position: Position) -> str:
        """Where a link leads; SpecError when that is outside of the app."""
        root, real = os.path.realpath(folder), os.path.realpath(f"{folder}/{link}")
        if real != root and not real.startswith(root + os.sep):
            raise SpecError.single(
                f"the artifact '{path}' is a link that leads outside of the app",
                position,
                code="artifact-outside",
                hint="copy the file into the app in place of the link",
            )
        return real

    def _url(self, source: UrlArtifact) -> Text:
        data = self._downloads.get(source.url)
        if data is None:
            try:
                data = self._downloads[source.url] = self._remote.download(source.url)
            except FetchError as error:
                error.details = (*error.details, f"wanted at {source.position}")
                raise
        shown = io.shown_url(source.url)
        digest = ""
        if source.sha256:
            import hashlib

            digest = hashlib.sha256(data).hexdigest()
        if digest != source.sha256.lower():
            raise SpecError.single(
                f"{shown} has the digest {digest}, not {source.sha256}", source.position, code="digest"
            )
        from urllib.parse import urlsplit

        name = Path(urlsplit(source.url).path).name
        return Text(name if name.strip(".") else "artifact", io.decode(data, shown), shown)

    def _repository(self, source: GitArtifact) -> list[Text]:
        key = (source.source, source.ref)
        if key not in self._git:
            from tempfile import TemporaryDirectory

            holder = TemporaryDirectory(prefix="atomicapp-git-")
            self._temporary.append(holder)
            folder = Path(holder.name) / "checkout"
            try:
                self._remote.checkout(source.source, source.ref, folder)
            except AtomicAppError as error:
                error.details = (*error.details, f"wanted at {source.position}")
                raise
            self._git[key] = folder
        url = io.shown_url(source.source)
        shown = f"{url}@{source.ref}" if source.ref else url
        return self._files(self._git[key], source.path or ".", source.position, shown)


def _siblings(folder: Path, path: str) -> str:
    """What the nearest existing folder on the way holds, for the hint."""
    from atomicapp.nulecule.schema import did_you_mean

    parent = (folder / path).parent
    if not parent.is_dir():
        return f"there is no folder '{Path(path).parent}' in the app"
    names = sorted(entry.name for entry in parent.iterdir())[:20]
    close = did_you_mean(Path(path).name, names)
    if close:
        return f"did you mean '{Path(path).parent / close}'?"
    return f"'{Path(path).parent}' holds {', '.join(names) or 'nothing'}"


def checkout(url: str, ref: str, folder: Path) -> None:
    """Clone a repository at a branch or tag (empty: its default) with the `git` command; FetchError says why not.

    Only transports that reach another machine or a plain repository are let through: `ext::` runs programs.
    """
    import subprocess

    shown = io.shown_url(url)
    if url.startswith("-") or ref.startswith("-") or "::" in url.split("/")[0] or "\x00" in url + ref:
        raise FetchError(shown, "that is no address of a repository")
    command = ["git", "-c", "protocol.allow=never"]
    for protocol in ("https", "http", "ssh", "git", "file"):
        command += ["-c", f"protocol.{protocol}.allow=always"]
    command += ["-c", "core.hooksPath=/dev/null", "clone", "--quiet", "--depth", "1"]
    command += ["--branch", ref] if ref else []
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    try:
        done = subprocess.run(
            [*command, "--", url, str(folder)],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=GIT_TIMEOUT,
            check=False,
        )
    except FileNotFoundError:
        raise FetchError(shown, "the program git is not installed", hint="apt-get install git") from None
    except subprocess.TimeoutExpired:
        raise FetchError(shown, f"git took more than {GIT_TIMEOUT} s") from None
    if done.returncode:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        # the first fatal line is the cause; general advice follows it
        reason = next((line[7:] for line in lines if line.startswith("fatal: ")), lines[-1] if lines else "")
        raise FetchError(
            shown,
            reason.replace(url, shown) or f"git ended with {done.returncode}",
            hint="check the address, the branch or tag",
        )
