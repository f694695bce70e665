"""Get a package from a registry into the local store, where `run` finds it without the network."""

from __future__ import annotations

import argparse

from atomicapp.cli import options as opts
from atomicapp.cli import pipeline
from atomicapp.cli.ui import Ui
from atomicapp.store import Store

EXAMPLES = """
  atomicapp pull localhost:5000/myapp
  atomicapp pull registry.example.com/myapp:1.0 --registry-cafile ca.crt
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("app", metavar="REF", nargs="?", help="the name of the package (default: $IMAGE)")
    opts.registry(parser)
    opts.output(parser)


def run(options: argparse.Namespace, ui: Ui) -> int:
    reference = opts.required_app(options)
    digest = pipeline.images(options, ui, Store()).pull(reference)
    if ui.as_json:
        ui.report({"reference": reference, "digest": digest})
    else:
        ui.print(f"pulled {reference}")
        ui.print(digest)
    return 0
