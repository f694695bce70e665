"""Show what the engine says of a deployment: scheduling, pulls, starts, failed probes, ends; the oldest first.

Engines keep events for a while only: Kubernetes an hour by default, Docker the last 256 of all containers."""

from __future__ import annotations

import argparse
import contextlib
import json

from atomicapp.cli import deployments
from atomicapp.cli import options as opts
from atomicapp.cli.ui import Ui
from atomicapp.model import SHARED, Event
from atomicapp.store import Store

EXAMPLES = """
  atomicapp events wordpress
  atomicapp events wordpress --warnings --since 10m
  atomicapp events wordpress -f -c mariadb:mariadb
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    opts.deployment(parser)
    opts.components(parser)
    parser.add_argument("-f", "--follow", action="store_true", help="go on with new events until Ctrl-C")
    parser.add_argument("-w", "--warnings", action="store_true", help="only bad news")
    parser.add_argument("--since", metavar="TIME", default="", help="only newer ones: 10m, 2h, or 2026-01-31T12:00:00Z")
    opts.provider(parser)
    opts.output(parser)


def run(options: argparse.Namespace, ui: Ui) -> int:
    found = deployments.find(options, ui, Store())
    number = 0
    with contextlib.closing(found.provider.connect(found.target)) as session:
        items = deployments.of_components(
            found, [item for item in deployments.held(found, session) if item.lifetime != SHARED], options.component
        )
        for event in session.events(items, follow=options.follow, since=options.since):
            if options.warnings and not event.warning:
                continue
            number += 1
            ui.print(json.dumps(event._asdict(), ensure_ascii=False) if ui.as_json else _line(ui, event))
    if not number and not ui.as_json:
        ui.info(f"{found.provider.NAME} has no {'warnings' if options.warnings else 'events'} of {found.name}")
    return 0


def _line(ui: Ui, event: Event) -> str:
    times = f" ({event.times} times)" if event.times > 1 else ""
    reason = ui.paint(event.reason, "33" if event.warning else "")
    sign = "!" if event.warning else " "
    return f"{event.time} {sign} {event.component} | {event.subject}: {reason}: {event.message}{times}"
