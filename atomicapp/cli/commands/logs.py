"""Show what the components of a deployment write; several at once are told apart by their component."""

from __future__ import annotations

import argparse
import contextlib
import queue
import threading
from collections.abc import Iterator, Sequence

from atomicapp.cli import deployments
from atomicapp.cli import options as opts
from atomicapp.cli.ui import Ui
from atomicapp.errors import AtomicAppError
from atomicapp.model import PRESENT, SHARED, Existing, LogLine
from atomicapp.providers.base import Session
from atomicapp.store import Store

EXAMPLES = """
  atomicapp logs wordpress
  atomicapp logs wordpress -c mariadb:db --tail 20
  atomicapp logs wordpress -f --since 10m
"""

_COLOURS = ("36", "33", "32", "35", "34", "31")


def arguments(parser: argparse.ArgumentParser) -> None:
    opts.deployment(parser)
    opts.components(parser)
    parser.add_argument("-f", "--follow", action="store_true", help="go on with new lines until Ctrl-C")
    parser.add_argument("--tail", metavar="N", type=_lines, default=None, help="only the last N lines of each")
    parser.add_argument(
        "--since", metavar="TIME", default="", help="only newer lines: 10m, 2h, or 2026-01-31T12:00:00Z"
    )
    parser.add_argument("-t", "--timestamps", action="store_true", help="show the time of each line")
    opts.provider(parser)
    opts.output(parser)


def _lines(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"'{text}' is no number of lines")
    return int(text)


def run(options: argparse.Namespace, ui: Ui) -> int:
    store = Store()
    found = deployments.find(options, ui, store)
    with contextlib.closing(found.provider.connect(found.target)) as session:
        existing = [
            item for item in deployments.held(found, session) if item.lifetime != SHARED and item.state != PRESENT
        ]
        known = sorted({item.component for item in existing})
        chosen = deployments.of_components(found, existing, options.component)
        width = max((len(item.component) for item in chosen), default=0)
        colours = {name: _COLOURS[number % len(_COLOURS)] for number, name in enumerate(known)}
        for line in _merged(session, chosen, options):
            if ui.as_json:
                import json

                ui.print(json.dumps(line._asdict(), ensure_ascii=False))
                continue
            prefix = ui.paint(f"{line.component.ljust(width)} | ", colours[line.component]) if len(known) > 1 else ""
            time = f"{line.time} " if options.timestamps and line.time else ""
            ui.print(prefix + time + line.text)
    return 0


def _merged(session: Session, items: Sequence[Existing], options: argparse.Namespace) -> Iterator[LogLine]:
    """The lines of all items: one after the other by time, or, while following, as they come."""

    def lines(item: Existing) -> Iterator[LogLine]:
        return session.logs(item, tail=options.tail, follow=options.follow, since=options.since)

    if not options.follow:
        # sorted by time, and stable: lines without a time stay with those before them
        yield from sorted((line for item in items for line in lines(item)), key=lambda line: line.time)
        return
    arrived: queue.Queue[LogLine | AtomicAppError | None] = queue.Queue(maxsize=1000)

    def pump(item: Existing) -> None:
        try:
            for line in lines(item):
                arrived.put(line)
            arrived.put(None)
        except AtomicAppError as error:
            arrived.put(error)

    for item in items:
        threading.Thread(target=pump, args=(item,), daemon=True).start()
    open_ends = len(items)
    while open_ends:
        found = arrived.get()
        if isinstance(found, AtomicAppError):
            raise found
        if found is None:
            open_ends -= 1
        else:
            yield found
