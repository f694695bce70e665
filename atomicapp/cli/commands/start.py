"""Start a stopped deployment again, in order, as it was."""

from __future__ import annotations

import argparse

from atomicapp.cli import options as opts
from atomicapp.cli.ui import Ui

EXAMPLES = """
  atomicapp start wordpress
  atomicapp start wordpress --no-wait
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    opts.deployment(parser)
    opts.provider(parser)
    parser.add_argument("--dry-run", action="store_true", help="show what would be done and write nothing")
    opts.waiting(parser)
    opts.locking(parser)
    opts.output(parser)


def run(options: argparse.Namespace, ui: Ui) -> int:
    from atomicapp.cli import deploying
    from atomicapp.planning import diff

    found, plan = deploying.toggle(options, ui, "start", diff.start, stopped=False)
    if options.dry_run:
        return 0
    if ui.as_json:
        deploying.report(ui, plan)
    else:
        ui.print(f"{found.name} runs" if plan.changes else f"{found.name}: nothing was stopped")
    return 0
