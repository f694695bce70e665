"""Draw the tree of an app: its components, and the apps that it takes with theirs."""

from __future__ import annotations

import argparse
from typing import Any

from atomicapp.cli import options as opts
from atomicapp.cli import pipeline
from atomicapp.cli.ui import Ui
from atomicapp.model import App, Component
from atomicapp.store import Store

EXAMPLES = """
  atomicapp graph ./myapp
  atomicapp graph ./myapp -o dot | dot -Tsvg > graph.svg
  atomicapp graph ./myapp -o mermaid
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    opts.app(parser)
    parser.add_argument("--no-deps", action="store_true", help="leave out apps that are not on disk")
    parser.add_argument("-u", "--update", action="store_true", help="ask registries again")
    opts.registry(parser)
    opts.output(parser, ("tree", "dot", "mermaid", "json"), "tree")


def run(options: argparse.Namespace, ui: Ui) -> int:
    store = Store()
    app = pipeline.open_app(options, ui, store, deps=not options.no_deps, update=options.update)
    draw = {"tree": _tree, "dot": _dot, "mermaid": _mermaid, "json": _json}[options.output_format]
    draw(ui, _nodes(app))
    return 0


def _nodes(app: App, parent: Any = None, name: str = "") -> Any:
    """The app as an anytree tree: apps are inner nodes, components are leaves."""
    import anytree

    node = anytree.AnyNode(
        parent, id=app.namespace or app.nulecule.id, label=name or app.nulecule.id, kind="app", app=app.nulecule.id,
        reference=app.reference, digest=app.digest, providers=[],
    )  # fmt: skip
    children = {child.name: child for child in app.children}
    for item in app.nulecule.graph:
        scope = app.scope_of(item)
        if isinstance(item, Component):
            anytree.AnyNode(node, id=scope, label=item.name, kind="component", providers=list(item.artifacts))
        elif item.name in children:
            _nodes(children[item.name], node, item.name)
        else:
            anytree.AnyNode(
                node, id=scope, label=item.name, kind="app", app="", reference=item.source, digest="", providers=[]
            )
    return node


def _text(node: Any) -> str:
    if node.kind == "component":
        return f"{node.label} [{', '.join(node.providers) or 'no artifacts'}]"
    reference = f" <- docker://{node.reference}" if node.reference else ""
    digest = f" ({node.digest[:19]})" if node.digest else ""
    return f"{node.label}{reference}{digest}" + ("" if node.app or not node.reference else " (not fetched)")


def _tree(ui: Ui, root: Any) -> None:
    from anytree import RenderTree

    for prefix, _, node in RenderTree(root):
        ui.print(f"{prefix}{_text(node)}")


def _dot(ui: Ui, root: Any) -> None:
    from anytree.exporter import UniqueDotExporter

    exporter = UniqueDotExporter(
        root,
        nodeattrfunc=lambda node: (
            f'label="{_quoted(node.label)}", shape={"box" if node.kind == "component" else "folder"}'
        ),
    )
    for line in exporter:
        ui.print(line)


def _mermaid(ui: Ui, root: Any) -> None:
    from anytree import PreOrderIter

    ui.print("graph TD")
    numbers = {id(node): f"n{number}" for number, node in enumerate(PreOrderIter(root))}
    for node in PreOrderIter(root):
        opening, closing = ("[", "]") if node.kind == "component" else ("([", "])")
        ui.print(f'  {numbers[id(node)]}{opening}"{_quoted(node.label)}"{closing}')
        if node.parent is not None:
            ui.print(f"  {numbers[id(node.parent)]} --> {numbers[id(node)]}")


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', "#quot;")


def _json(ui: Ui, root: Any) -> None:
    from anytree.exporter import DictExporter

    ui.report(DictExporter().export(root))
