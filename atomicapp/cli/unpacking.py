"""Apps as folders of the user's: `fetch`, and `--destination`."""

from __future__ import annotations

import argparse
import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from atomicapp import io
from atomicapp.cli import options as opts
from atomicapp.cli import pipeline
from atomicapp.cli.ui import Ui
from atomicapp.errors import AtomicAppError, ResolveError, UsageError
from atomicapp.host import in_host
from atomicapp.model import App
from atomicapp.nulecule import load as loading
from atomicapp.nulecule.resolve import EXTERNAL
from atomicapp.store import Store


@contextlib.contextmanager
def destination(options: argparse.Namespace, ui: Ui, store: Store) -> Iterator[None]:
    """For `run --destination DIR`: unpack the app there and make APP that folder; `none` is a temporary one."""
    chosen = options.destination
    if not chosen:
        yield
        return
    if options.dry_run and chosen.lower() != "none":
        raise UsageError("--dry-run writes nothing, so it takes no --destination", hint="--destination none is allowed")
    with contextlib.ExitStack() as stack:
        if chosen.lower() == "none":
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="atomicapp-"))) / "app"
        else:
            folder = in_host(chosen)
        app = pipeline.open_app(options, ui, store, update=options.update, keep=not options.dry_run)
        unpack(app, folder, replace=options.update)
        if chosen.lower() != "none":
            ui.info(f"the application is in {folder}")
        options.app = str(folder.resolve())
        options.update = False
        yield


def unpack(app: App, folder: Path, *, replace: bool) -> None:
    """Copy an app with its nested apps (in external/NAME) to a folder.

    A folder that holds the same app is kept, or replaced with `replace`; one that holds another app or other
    files is refused.
    """
    if folder.exists() and any(folder.iterdir()):
        if not (folder / loading.FILE_NAME).is_file():
            raise ResolveError(f"{folder} is not empty and holds no app", hint="choose an empty folder")
        there = loading.load(folder).id
        if there != app.nulecule.id:
            raise ResolveError(
                f"{folder} holds another app: {there}, not {app.nulecule.id}",
                hint="choose another folder, or remove it",
            )
        if folder.resolve() == app.folder.resolve() or not replace:
            return
    with fresh_folder(folder) as fresh:
        copy(app, fresh)


def copy(app: App, folder: Path) -> None:
    """Copy an app's own files and, below external/, its nested apps."""
    try:
        shutil.copytree(
            app.folder, folder, symlinks=True, dirs_exist_ok=True, ignore=_without_external if app.children else None
        )
    except (OSError, shutil.Error) as error:
        raise AtomicAppError(
            f"can't copy {app.folder} to {folder}: {error}", hint="check free space and permissions"
        ) from error
    for child in app.children:
        copy(child, folder / EXTERNAL / child.name)


def _without_external(folder: str, names: list[str]) -> list[str]:
    return [EXTERNAL] if EXTERNAL in names and (Path(folder) / loading.FILE_NAME).is_file() else []


def complete(app: App, *, replace: bool) -> list[Path]:
    """Unpack the nested apps of a folder into its external/; returns the folders that were written."""
    written: list[Path] = []
    for child in app.children:
        folder = app.folder / EXTERNAL / child.name
        inside = child.folder.resolve().is_relative_to(app.folder.resolve())
        if inside and not replace:
            written += complete(child, replace=replace)
        elif not inside:
            unpack(child, folder, replace=True)
            written.append(folder)
    return written


def app_folder(options: argparse.Namespace) -> Path | None:
    """APP when it is a folder of the user's."""
    return pipeline.path_of(opts.required_app(options))


@contextlib.contextmanager
def fresh_folder(path: Path) -> Iterator[Path]:
    """A temporary folder beside `path` that is moved there at the end, or removed when something fails."""
    with io.writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        yield temporary
        with io.writing(path):
            temporary.chmod(0o755)
            if path.exists():
                old = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
                path.rename(old / "old")
                temporary.rename(path)
                shutil.rmtree(old)
            else:
                temporary.rename(path)
    except OSError as error:
        raise AtomicAppError(f"can't write {path}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
