"""Show what `run` would change, field by field. Reads the engine; writes nothing anywhere."""

from __future__ import annotations

import argparse

from atomicapp.cli import options as opts
from atomicapp.cli import pipeline
from atomicapp.cli.ui import Ui
from atomicapp.store import Store

EXAMPLES = """
  atomicapp plan ./myapp -a answers.conf
  atomicapp plan ./myapp -o json
  atomicapp plan ./myapp --detailed-exitcode || echo "something would change"
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    opts.app(parser)
    parser.add_argument("-n", "--name", default="", help="the name of the deployment (default: the app's id)")
    opts.answers(parser, asking=False)
    opts.provider(parser)
    opts.changing(parser)
    parser.add_argument(
        "--detailed-exitcode", action="store_true", help="exit with 2 when something would change, 0 when nothing would"
    )
    parser.add_argument(
        "-u", "--update", action="store_true", help="ask registries again for apps that are here already"
    )
    opts.registry(parser)
    opts.output(parser)


def run(options: argparse.Namespace, ui: Ui) -> int:
    from atomicapp.cli import deploying

    store = Store()
    wanted = pipeline.want(options, ui, store, keep=False)
    plan, _ = deploying.plan(wanted, store)
    deploying.report(ui, plan, wanted.redactor)
    return 2 if options.detailed_exitcode and plan.changes else 0
