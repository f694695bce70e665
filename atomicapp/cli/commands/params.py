"""Show every param of an app: its value and, with --explain, where it comes from and what it must match."""

from __future__ import annotations

import argparse

from atomicapp.cli import options as opts
from atomicapp.cli import pipeline
from atomicapp.cli.ui import Ui
from atomicapp.params.configure import environment_names
from atomicapp.store import Store

EXAMPLES = """
  atomicapp params ./myapp
  atomicapp params ./myapp -a answers.conf --explain
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    opts.app(parser)
    parser.add_argument("--explain", action="store_true", help="also the origin, the constraints and the description")
    parser.add_argument("-u", "--update", action="store_true", help="ask registries again")
    opts.answers(parser, asking=False)
    opts.provider(parser)
    opts.registry(parser)
    opts.output(parser)


def run(options: argparse.Namespace, ui: Ui) -> int:
    store = Store()
    app = pipeline.open_app(options, ui, store, update=options.update)
    settings = pipeline.settle(options, ui, app, complete=False)
    found = []
    for item in settings.declared:
        value = settings.value(item.scope, item.param.name) if item.used else None
        found.append(
            {
                "scope": item.scope,
                "name": item.param.name,
                "value": value.shown if value else None,
                "origin": value.origin if value else "missing" if item.used else "not used",
                "position": str(value.position) if value else "",
                "hidden": item.param.hidden,
                "description": item.param.description,
                "constraints": [constraint.allowed_pattern for constraint in item.param.constraints],
                "variable": environment_names(item.scope, item.param.name)[1],
                "declared": str(item.param.position),
            }
        )
    if ui.as_json:
        ui.report({"provider": settings.provider, "namespace": settings.namespace, "params": found})
        return 0
    ui.print(f"provider {settings.provider}, namespace {settings.namespace}")
    heads = ["SCOPE", "NAME", "VALUE", "ORIGIN"] + (["FROM", "MUST MATCH", "DESCRIPTION"] if options.explain else [])
    rows = []
    for row in found:
        cells = [row["scope"], row["name"], "-" if row["value"] is None else row["value"], row["origin"]]
        if options.explain:
            cells += [row["position"] or "-", " and ".join(row["constraints"]) or "-", row["description"] or "-"]  # type: ignore[arg-type]
        rows.append([str(cell) for cell in cells])
    ui.table(heads, rows)
    return 0
