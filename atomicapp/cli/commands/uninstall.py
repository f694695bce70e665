"""Remove a deployment in reverse order. What holds data (volumes) is kept unless --purge-data."""

from __future__ import annotations

import argparse

from atomicapp.cli import options as opts
from atomicapp.cli.report import kept
from atomicapp.cli.ui import Ui
from atomicapp.model import DATA, KEEP, SHARED
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
    from atomicapp.cli import deploying, deployments
    from atomicapp.planning import diff

    store = Store()
    found = deployments.find(options, ui, store)
    plan = deploying.change(
        options,
        ui,
        store,
        found,
        "uninstall",
        lambda existing: diff.uninstall(existing, purge_data=options.purge_data),
        lambda: store.forget(found.name),
    )
    if options.dry_run:
        return 0
    left = kept(plan.steps)
    if ui.as_json:
        deploying.report(ui, plan, kept=left)
        return 0
    ui.print(f"{found.name} is removed")
    for step in plan.steps:
        if step.op == KEEP and step.existing and step.existing.lifetime not in (DATA, SHARED):
            ui.print(f"kept: {step.kind} {step.name}: {step.cause}")
    if left:
        again = f"atomicapp uninstall {found.name} --provider {found.provider.NAME} --purge-data"
        ui.print(f"kept because it holds data: {', '.join(left)}")
        ui.print(f"`{again}` removes that too, for good")
    return 0
