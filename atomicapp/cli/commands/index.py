"""List the apps of the index, get a newer index, or make one of a folder of apps.

The index is ~/.atomicapp/index.yaml; it is taken from an image that holds /index.yaml."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from atomicapp import document, io
from atomicapp.cli import options as opts
from atomicapp.cli import pipeline
from atomicapp.cli.ui import Ui
from atomicapp.errors import AtomicAppError, SpecError, UsageError
from atomicapp.host import in_host
from atomicapp.model import Nulecule
from atomicapp.nulecule import load as loading
from atomicapp.params.configure import providers_of
from atomicapp.store import Store

EXAMPLES = """
  atomicapp index list
  atomicapp index update --index-image localhost:5000/library
  atomicapp index generate ./apps            writes ./index.yaml
"""

INDEX_IMAGE = "docker.io/projectatomic/nulecule-library"
INDEX_FILE = "index.yaml"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=("list", "update", "generate"), help="what to do")
    parser.add_argument("folder", metavar="DIR", nargs="?", help="for generate: the folder with a folder for each app")
    parser.add_argument(
        "--index-image", metavar="REF", default=INDEX_IMAGE, help=f"where the index comes from (default {INDEX_IMAGE})"
    )
    opts.registry(parser)
    opts.output(parser)


def run(options: argparse.Namespace, ui: Ui) -> int:
    if options.action == "generate":
        return _generate(options, ui)
    if options.folder:
        raise UsageError(f"index {options.action} takes no folder")
    if options.action == "update":
        path = _update(options, ui)
        ui.report({"index": str(path)}) if ui.as_json else ui.print(f"the index is in {path}")
        return 0
    return _list(options, ui)


def index_path() -> Path:
    """~/.atomicapp/index.yaml of the user who typed the command, also under sudo."""
    user = os.environ.get("SUDO_USER")
    if user:
        import pwd

        try:
            return in_host(pwd.getpwnam(user).pw_dir) / ".atomicapp" / INDEX_FILE
        except KeyError:
            pass  # a user of another system: as if the variable were not there
    return Path.home() / ".atomicapp" / INDEX_FILE


def _update(options: argparse.Namespace, ui: Ui) -> Path:
    data = pipeline.images(options, ui, Store(), keep=False).read_file(options.index_image, f"/{INDEX_FILE}")
    text = io.decode(data, f"{options.index_image}:/{INDEX_FILE}")
    _entries(text, f"{options.index_image}:/{INDEX_FILE}")
    path = index_path()
    with io.writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    io.write_text(path, text)
    return path


def _list(options: argparse.Namespace, ui: Ui) -> int:
    path = index_path()
    if not path.exists():
        _update(options, ui)
    location, entries = _entries(io.read_text(path), str(path))
    if ui.as_json:
        ui.report(entries)
        return 0
    rows = []
    for entry in entries:
        metadata = entry.get("metadata") or {}
        initials = ",".join(str(name)[:1].upper() for name in entry.get("providers") or [])
        where = str(
            (Path(location) / str(entry.get("path", ""))) if location not in ("", ".") else entry.get("path", "")
        )
        rows.append((str(entry.get("id")), str(metadata.get("appversion", "")), f"{{{initials}}}", where))
    # the original's table: no column is narrower than seven characters
    heads = [head.ljust(7) for head in ("ID", "VER", "PROVIDERS", "LOCATION")]
    ui.table(heads, rows)
    return 0


def _entries(text: str, file: str) -> tuple[str, list[dict[str, Any]]]:
    """Location and entries of an index; SpecError when it is none."""
    found = document.plain(document.compose(text, file))
    entries = found.get("nulecules") if isinstance(found, dict) else None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) and "id" in entry for entry in entries):
        from atomicapp.position import Position

        raise SpecError.single(
            "this is no index: a mapping with a list 'nulecules' was expected", Position(file, 1, 1), code="index",
            hint="`atomicapp index update` gets it again",
        )  # fmt: skip
    return str(found.get("location", "")), entries


def _generate(options: argparse.Namespace, ui: Ui) -> int:
    if not options.folder:
        raise UsageError("index generate needs the folder with the apps", hint="atomicapp index generate DIR")
    root = in_host(options.folder)
    if not root.is_dir():
        raise AtomicAppError(f"there is no folder {options.folder}")
    entries = list(_found(root, ui))
    import yaml

    text = yaml.safe_dump({"location": ".", "nulecules": entries}, sort_keys=False, allow_unicode=True)
    io.write_text(Path(INDEX_FILE), text)
    if ui.as_json:
        ui.report(entries)
    else:
        ui.print(f"wrote {INDEX_FILE} with {len(entries)} apps")
    return 0


def _found(root: Path, ui: Ui) -> Iterator[dict[str, Any]]:
    for folder in sorted(path for path in root.iterdir() if path.is_dir()):
        if not (folder / loading.FILE_NAME).is_file():
            continue
        try:
            nulecule = loading.load(folder)
        except AtomicAppError as error:
            ui.warn(f"left out: {error.message}")
            continue
        yield _entry(nulecule, folder.relative_to(root))


def _entry(nulecule: Nulecule, path: Path) -> dict[str, Any]:
    return {
        "id": nulecule.id,
        "metadata": dict(nulecule.metadata),
        "path": str(path),
        "providers": list(providers_of([nulecule])),
        "specversion": nulecule.specversion,
    }
