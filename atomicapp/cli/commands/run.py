"""Start an app on an engine, or bring a running one to what is wanted now.

What is there already and unchanged is left alone, so a second run writes nothing. A failed or interrupted run is
taken up by the next one."""

from __future__ import annotations

import argparse

from atomicapp.cli import options as opts
from atomicapp.cli import pipeline
from atomicapp.cli.report import existing_report, show_deployment
from atomicapp.cli.ui import Ui
from atomicapp.store import Store

EXAMPLES = """
  atomicapp run ./myapp                                     ask for what has no value
  atomicapp run localhost:5000/wordpress-app -a answers.conf --provider docker
  atomicapp run ./myapp -p web:hostport=8080 --name shop    a deployment with a name of its own
  atomicapp run ./myapp --dry-run                           show the plan, change nothing
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    opts.app(parser)
    parser.add_argument("-n", "--name", default="", help="the name of the deployment (default: the app's id)")
    opts.answers(parser)
    opts.provider(parser)
    opts.changing(parser)
    parser.add_argument("--dry-run", action="store_true", help="show what would be done and write nothing")
    parser.add_argument(
        "--destination",
        metavar="DIR",
        default="",
        help="unpack the app to this folder and run it there; none: a temporary one",
    )
    parser.add_argument(
        "-u", "--update", action="store_true", help="ask registries again for apps that are here already"
    )
    opts.waiting(parser)
    opts.locking(parser)
    opts.registry(parser)
    opts.output(parser)


def run(options: argparse.Namespace, ui: Ui) -> int:
    from atomicapp.cli import deploying, unpacking

    store = Store()
    with unpacking.destination(options, ui, store):
        wanted = pipeline.want(options, ui, store, keep=not options.dry_run)
        if options.dry_run:
            plan, _ = deploying.plan(wanted, store)
            deploying.report(ui, plan, wanted.redactor)
            return 0
        pipeline.write_answers(options, ui, wanted.settings)
        plan, existing = deploying.run(options, ui, store, wanted)
    if ui.as_json:
        deploying.report(ui, plan, wanted.redactor, resources=existing_report(existing))
    else:
        show_deployment(ui, plan, existing)
    return 0
