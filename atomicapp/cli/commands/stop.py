"""Stop a deployment in reverse order. Everything stays in place: `start` or `run` brings it up again."""

from __future__ import annotations

import argparse

from atomicapp.cli import options as opts
from atomicapp.cli.ui import Ui

EXAMPLES = """
  atomicapp stop wordpress
  atomicapp stop ./myapp --dry-run
  atomicapp stop wordpress --provider docker      also when another machine ran it
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    opts.deployment(parser)
    opts.answers(parser, asking=False)
    opts.provider(parser)
    parser.add_argument("--dry-run", action="store_true", help="show what would be done and write nothing")
    opts.locking(parser)
    opts.output(parser)


def run(options: argparse.Namespace, ui: Ui) -> int:
    from atomicapp.cli import deploying
    from atomicapp.planning import diff

    found, plan = deploying.toggle(options, ui, "stop", diff.stop, stopped=True)
    if options.dry_run:
        return 0
    if ui.as_json:
        deploying.report(ui, plan)
    else:
        ui.print(f"{found.name} is stopped; `atomicapp start {found.name}` starts it again")
    return 0
