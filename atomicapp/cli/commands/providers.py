"""Show the engines: which providers are installed, whether they can be reached, and what artifacts they take."""

from __future__ import annotations

import argparse

from atomicapp.cli import options as opts
from atomicapp.cli.ui import Ui
from atomicapp.model import Target

EXAMPLES = """
  atomicapp providers
  atomicapp providers --provider docker --provider-api tcp://10.0.0.5:2376 -o json
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    opts.provider(parser)
    opts.output(parser)


def run(options: argparse.Namespace, ui: Ui) -> int:
    from atomicapp import providers

    target = opts.engine_target(options, Target(""))
    rows = []
    for name in [options.provider] if options.provider else providers.names():
        provider = providers.load(name)
        found = provider.reachable(target)
        rows.append((name, "yes" if found.ok else "no", found.endpoint, found.detail, provider.ACCEPTS))
    heads = ("PROVIDER", "REACHABLE", "ENDPOINT", "DETAIL", "ARTIFACTS")
    if ui.as_json:
        ui.report([dict(zip((head.lower() for head in heads), row, strict=True)) for row in rows])
    else:
        ui.table(heads, rows)
    return 0
