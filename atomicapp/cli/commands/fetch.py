"""Unpack an app and the apps that it refers to, and write answers.conf.sample with all its params.

An image is unpacked to --destination, or only into the cache when none is given. For a folder the nested apps are
unpacked into its external/."""

from __future__ import annotations

import argparse

from atomicapp import io
from atomicapp.cli import options as opts
from atomicapp.cli import pipeline
from atomicapp.cli.ui import Ui
from atomicapp.host import in_host
from atomicapp.nulecule.resolve import walk
from atomicapp.params import answers as answering
from atomicapp.params.sample import commented_ini, sample
from atomicapp.store import Store

EXAMPLES = """
  atomicapp fetch localhost:5000/wordpress-app --destination ./wordpress
  atomicapp fetch ./myapp                     the nested apps go into ./myapp/external
  atomicapp fetch ./myapp -u                  ask the registries again
"""

SAMPLE = "answers.conf.sample"


def arguments(parser: argparse.ArgumentParser) -> None:
    opts.app(parser)
    parser.add_argument(
        "--destination", metavar="DIR", default="", help="the folder to unpack to; none: nowhere, only check"
    )
    parser.add_argument("--no-deps", action="store_true", help="leave out the apps that it refers to")
    parser.add_argument("-u", "--update", action="store_true", help="ask registries again and replace what is there")
    parser.add_argument("--dry-run", action="store_true", help="say what would be fetched and write nothing")
    opts.answers(parser, asking=False)
    opts.provider(parser)
    opts.registry(parser)
    opts.output(parser)


def run(options: argparse.Namespace, ui: Ui) -> int:
    from atomicapp.cli import unpacking

    store = Store()
    own = unpacking.app_folder(options)
    keep = not options.dry_run and options.destination.lower() != "none"
    app = pipeline.open_app(options, ui, store, deps=not options.no_deps, update=options.update, keep=keep)
    settings = pipeline.settle(options, ui, app, complete=False)
    folder = own or app.folder
    if keep:
        if options.destination:
            folder = in_host(options.destination)
            unpacking.unpack(app, folder, replace=options.update)
        elif own is not None:
            for nested in unpacking.complete(app, replace=options.update):
                ui.info(f"unpacked {nested}")
        if own is not None or options.destination:
            table = sample(settings)
            text = (
                commented_ini(settings, table)
                if options.answers_format == "ini"
                else answering.dump(table, options.answers_format)
            )
            io.write_text(folder / SAMPLE, text)
    apps = [
        {
            "namespace": node.namespace,
            "id": node.nulecule.id,
            "reference": node.reference,
            "digest": node.digest,
            "folder": str(node.folder),
        }
        for node in walk(app)
    ]
    if ui.as_json:
        ui.report({"folder": str(folder) if keep else "", "apps": apps})
    elif keep:
        ui.print(f"{app.nulecule.id} with {len(apps) - 1} nested apps is in {folder}")
    else:
        ui.print(f"{app.nulecule.id} with {len(apps) - 1} nested apps can be fetched; nothing was written")
    return 0
