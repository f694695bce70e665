"""Stop a deployment in reverse order. Everything stays in place: `start` or `run` brings it up again."""

from __future__ import annotations

import argparse
import contextlib

from atomicapp.cli import options as opts
from atomicapp.cli import pipeline
from atomicapp.cli.report import plan_report, show_plan
from atomicapp.cli.ui import Ui
from atomicapp.params.secrets import Redactor
from atomicapp.store import Store

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

    store = Store()
    found = pipeline.deployment(options, ui, store)
    redactor = Redactor(())
    lock = contextlib.nullcontext() if options.dry_run else deploying.locked(options, ui, store, found.name, "stop")
    with lock, contextlib.closing(found.provider.connect(found.target)) as session:
        existing = pipeline.held(found, session)
        plan = deploying.steps_for(found, diff.stop(existing))
        if options.dry_run:
            ui.report(plan_report(plan, redactor)) if ui.as_json else show_plan(ui, plan, redactor)
            return 0
        deploying.execute(options, ui, session, plan)
        if found.record is not None:
            store.save(found.record._replace(stopped=True))
    if ui.as_json:
        ui.report(plan_report(plan, redactor))
    else:
        ui.print(f"{found.name} is stopped; `atomicapp start {found.name}` starts it again")
    return 0
