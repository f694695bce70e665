"""Show what a package holds: its digest, size and labels, without unpacking it. A folder is described as its package would be."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from atomicapp.cli import options as opts
from atomicapp.cli import pipeline
from atomicapp.cli.progress import size
from atomicapp.cli.ui import Ui
from atomicapp.model import Component
from atomicapp.nulecule.resolve import resolve
from atomicapp.params.configure import common_providers
from atomicapp.store import Store

EXAMPLES = """
  atomicapp inspect localhost:5000/wordpress-app
  atomicapp inspect oci:./out -o json
  atomicapp inspect ./myapp
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    opts.app(parser)
    opts.registry(parser)
    opts.output(parser)


def run(options: argparse.Namespace, ui: Ui) -> int:
    text = opts.required_app(options)
    folder = pipeline.path_of(text)
    if folder is not None:
        app = resolve(folder)
        nulecule = app.nulecule
        found = {
            "id": nulecule.id,
            "specversion": nulecule.specversion,
            "metadata": dict(nulecule.metadata),
            "providers": list(common_providers(app)),
            "components": [item.name for item in nulecule.graph if isinstance(item, Component)],
            "apps": {item.name: item.source for item in nulecule.graph if not isinstance(item, Component)},
            "volumes": [f"{item.name} ({item.size:g} GB, {item.access_mode})" for item in nulecule.requirements],
        }
        _show(ui, found)
        return 0
    info = pipeline.images(options, ui, Store(), keep=False).inspect(text)
    found = info.to_dict()
    if not ui.as_json:
        found["size"] = size(info.size)
    _show(ui, found)
    return 0


def _show(ui: Ui, found: Mapping[str, object]) -> None:
    if ui.as_json:
        ui.report(found)
        return
    for key, value in found.items():
        if isinstance(value, dict):
            ui.print(f"{key}:")
            for name, text in value.items():
                ui.print(f"  {name}: {text}")
        else:
            shown = ", ".join(map(str, value)) if isinstance(value, list | tuple) else value
            ui.print(f"{key}: {shown}")
