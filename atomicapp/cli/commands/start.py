"""Start a stopped deployment again, in order, as it was."""

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

    store = Store()
    found = pipeline.deployment(options, ui, store)
    redactor = Redactor(())
    lock = contextlib.nullcontext() if options.dry_run else deploying.locked(options, ui, store, found.name, "start")
    with lock, contextlib.closing(found.provider.connect(found.target)) as session:
        existing = pipeline.held(found, session)
        plan = deploying.steps_for(found, diff.start(existing))
        if options.dry_run:
            ui.report(plan_report(plan, redactor)) if ui.as_json else show_plan(ui, plan, redactor)
            return 0
        started = pipeline.as_resources(step.existing for step in plan.changes)
        deploying.execute(options, ui, session, plan, {resource.key: resource for resource in started})
        if found.record is not None:
            store.save(found.record._replace(stopped=False))
    if ui.as_json:
        ui.report(plan_report(plan, redactor))
    else:
        ui.print(f"{found.name} runs" if plan.changes else f"{found.name}: nothing was stopped")
    return 0
