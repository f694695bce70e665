"""Write the artifacts of one provider with the params filled in: DIR/a/b/PATH for the component a:b.

Without --output they are printed. Works for every provider that the app has artifacts for, also for engines that
this program can't run yet. Nothing is written beside the sources."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from atomicapp import io
from atomicapp.cli import options as opts
from atomicapp.cli import pipeline
from atomicapp.cli.ui import Ui
from atomicapp.errors import SpecError
from atomicapp.host import in_host
from atomicapp.model import Artifact
from atomicapp.rendering.render import output_path, render
from atomicapp.store import Store

EXAMPLES = """
  atomicapp render ./myapp --provider docker -a answers.conf
  atomicapp render ./myapp --provider kubernetes -a answers.conf --output ./out
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    opts.app(parser)
    parser.add_argument("--output", metavar="DIR", default="", help="the folder to write to (default: standard output)")
    parser.add_argument("-u", "--update", action="store_true", help="ask registries again")
    opts.answers(parser)
    opts.provider(parser)
    opts.registry(parser)
    opts.output(parser)


def run(options: argparse.Namespace, ui: Ui) -> int:
    store = Store()
    app = pipeline.open_app(options, ui, store, update=options.update)
    settings = pipeline.settle(options, ui, app)
    with pipeline.sources() as reader:
        rendered = render(app, settings, reader)
    ui.issues(rendered.issues)
    pipeline.write_answers(options, ui, settings)
    if options.output:
        _write(options, rendered.artifacts)
    if ui.as_json:
        keep = {"component", "provider", "path", "file"} | (set() if options.output else {"data"})
        ui.report([{key: value for key, value in item._asdict().items() if key in keep} for item in rendered.artifacts])
    elif options.output:
        ui.info(f"{len(rendered.artifacts)} artifacts are in {options.output}")
    else:
        # the rendered text is what was asked for: it is the one report that shows hidden values
        ui.hide(lambda text: text)
        for item in rendered.artifacts:
            ui.print(f"# {item.component}: {item.path}")
            ui.print(item.data.rstrip("\n"))
    return 0


def _write(options: argparse.Namespace, artifacts: tuple[Artifact, ...]) -> None:
    root = in_host(options.output)
    places: dict[str, Artifact] = {}
    for item in artifacts:
        path = output_path(root, item)
        first = places.setdefault(str(path), item)
        if first is not item and first.file != item.file:
            raise SpecError.single(
                f"two artifacts of {item.component} are both named '{item.path}', the other is asked for at {first.position}",
                item.position,
                code="name-clash",
            )
    folders: set[str] = set()
    for place, item in places.items():
        with io.writing(Path(place)):
            folder = os.path.dirname(place)  # noqa: PTH120 -- by the thousand, a Path costs more than the call
            if folder not in folders:
                os.makedirs(folder, exist_ok=True)  # noqa: PTH103
                folders.add(folder)
            # hidden values may stand in it: for the user alone. Written in place and not moved there: the folder is
            # new or the user's, and 1,500 fsyncs would take longer than all the rest
            handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "wb") as stream:
                os.fchmod(handle, 0o600)
                stream.write(item.data.encode("utf-8"))
