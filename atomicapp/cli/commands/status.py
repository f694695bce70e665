"""Show what of a deployment runs, as the engine says."""

from __future__ import annotations

import argparse
import contextlib

from atomicapp.cli import deployments
from atomicapp.cli import options as opts
from atomicapp.cli.report import existing_report, overall, show_existing
from atomicapp.cli.ui import Ui
from atomicapp.model import PRESENT, RUNNING, UNREADY, Existing, Failed, Waiting
from atomicapp.providers.base import Session
from atomicapp.store import DONE, Store

EXAMPLES = """
  atomicapp status wordpress
  atomicapp status wordpress -o json
  atomicapp status wordpress --exit-code || echo "not all of it runs"
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    opts.deployment(parser)
    opts.provider(parser)
    parser.add_argument("--exit-code", action="store_true", help="exit with 1 unless all of it runs")
    opts.output(parser)


def _explained(item: Existing, session: Session) -> Existing:
    """What is not ready with the reason beside what the listing says."""
    if item.health != UNREADY:
        return item
    for resource in deployments.as_resources([item]):
        found = session.ready(resource)
        if isinstance(found, Waiting | Failed):
            return item._replace(detail=f"{item.detail}: {found.reason}" if item.detail else found.reason)
    return item


def run(options: argparse.Namespace, ui: Ui) -> int:
    store = Store()
    found = deployments.find(options, ui, store)
    with contextlib.closing(found.provider.connect(found.target)) as session:
        existing = tuple(_explained(item, session) for item in deployments.held(found, session))
    state = overall(existing)
    record = found.record
    if ui.as_json:
        ui.report(
            {
                "name": found.name,
                "provider": found.provider.NAME,
                "namespace": found.target.namespace,
                "state": state,
                "app": record.app if record else "",
                "reference": record.reference if record else "",
                "revision": record.revision if record else max((item.revision for item in existing), default=0),
                "outcome": record.outcome if record else "",
                "changed": record.changed if record else "",
                "resources": existing_report(existing),
            }
        )
    else:
        ui.print(f"{found.name} on {found.provider.NAME}: {state}")
        if record is not None:
            ui.print(f"from {record.reference}, revision {record.revision}, changed {record.changed}")
            if record.outcome != DONE:
                ui.print(f"the last run of it was {record.outcome}: run it again, or uninstall it")
        show_existing(ui, existing)
    return 1 if options.exit_code and state not in (RUNNING, PRESENT) else 0
