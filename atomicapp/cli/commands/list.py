"""List all deployments: those that this machine keeps a record of, and others that the engines hold."""

from __future__ import annotations

import argparse
import contextlib

from atomicapp.cli import options as opts
from atomicapp.cli.report import counted, overall
from atomicapp.cli.ui import Ui
from atomicapp.errors import AtomicAppError
from atomicapp.model import Existing, Target
from atomicapp.store import Record, Store

EXAMPLES = """
  atomicapp list
  atomicapp list --provider docker -o json
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    opts.provider(parser)
    opts.output(parser)


def run(options: argparse.Namespace, ui: Ui) -> int:
    from atomicapp import providers

    records = [record for record in Store().records() if not options.provider or record.provider == options.provider]
    held: dict[str, dict[str, tuple[Existing, ...]]] = {}
    unreachable: dict[str, str] = {}
    # an engine without a record may be asked too, but its absence is no news then
    known = {record.provider: record.target for record in reversed(records)}
    for name in dict.fromkeys([*known, *([options.provider] if options.provider else providers.BUILTIN)]):
        target = opts.engine_target(options, known.get(name, Target("")))
        try:
            with contextlib.closing(providers.load(name).connect(target)) as session:
                held[name] = session.observe_all()
        except AtomicAppError as error:
            unreachable[name] = error.message
            if name in known or options.provider:
                ui.warn(error.message)
    rows = [_row(record, held, unreachable) for record in records]
    listed = {(record.provider, record.name) for record in records}
    seen = {item.id for provider, name in listed for item in held.get(provider, {}).get(name, ())}
    for provider, deployments in held.items():
        for name, existing in deployments.items():
            ids = {item.id for item in existing if item.id}
            # two providers may ask the same engine (kubernetes and openshift do)
            if (provider, name) not in listed and not (ids and ids <= seen):
                seen |= ids
                rows.append((name, provider, overall(existing), counted(existing), "", "", "(no record here)"))
    rows.sort()
    heads = ("NAME", "PROVIDER", "STATE", "RUNNING", "REVISION", "CHANGED", "APP")
    if ui.as_json:
        ui.report([dict(zip((head.lower() for head in heads), row, strict=True)) for row in rows])
    elif rows:
        ui.table(heads, rows)
    else:
        ui.print("no deployments; `atomicapp run APP` makes one")
    return 0


def _row(
    record: Record, held: dict[str, dict[str, tuple[Existing, ...]]], unreachable: dict[str, str]
) -> tuple[str, str, str, str, str, str, str]:
    if record.provider in unreachable:
        state, number = "unknown", "?"
    else:
        existing = held.get(record.provider, {}).get(record.name, ())
        state, number = overall(existing), counted(existing)
    return record.name, record.provider, state, number, str(record.revision), record.changed, record.reference
