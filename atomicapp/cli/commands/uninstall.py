"""Remove a deployment in reverse order. What holds data (volumes) is kept unless --purge-data."""

from __future__ import annotations

import argparse
import contextlib

from atomicapp.cli import options as opts
from atomicapp.cli import pipeline
from atomicapp.cli.report import kept, plan_report, show_plan
from atomicapp.cli.ui import Ui
from atomicapp.params.secrets import Redactor
from atomicapp.store import Store

EXAMPLES = """
  atomicapp uninstall wordpress
  atomicapp uninstall wordpress --purge-data      also the volumes, for good
  atomicapp uninstall wordpress --dry-run
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    opts.deployment(parser)
    opts.provider(parser)
    parser.add_argument(
        "--purge-data", action="store_true", help="also remove what holds data; it can't be brought back"
    )
    parser.add_argument("--dry-run", action="store_true", help="show what would be done and write nothing")
    opts.locking(parser)
    opts.output(parser)


def run(options: argparse.Namespace, ui: Ui) -> int:
    from atomicapp.cli import deploying
    from atomicapp.planning import diff

    store = Store()
    found = pipeline.deployment(options, ui, store)
    redactor = Redactor(())
    lock = (
        contextlib.nullcontext() if options.dry_run else deploying.locked(options, ui, store, found.name, "uninstall")
    )
    with lock, contextlib.closing(found.provider.connect(found.target)) as session:
        existing = session.observe(found.name, ())
        if not existing and found.record is None:
            raise pipeline.unknown(found)
        plan = deploying.steps_for(found, diff.uninstall(existing, purge_data=options.purge_data))
        if options.dry_run:
            ui.report(plan_report(plan, redactor)) if ui.as_json else show_plan(ui, plan, redactor)
            return 0
        deploying.execute(options, ui, session, plan)
        store.forget(found.name)
    left = kept(plan.steps)
    if ui.as_json:
        ui.report({**plan_report(plan, redactor), "kept": left})
        return 0
    ui.print(f"{found.name} is removed")
    if left:
        again = f"atomicapp uninstall {found.name} --provider {found.provider.NAME} --purge-data"
        ui.print(f"kept because it holds data: {', '.join(left)}")
        ui.print(f"`{again}` removes that too, for good")
    return 0
