"""Find every error of an app: its Nulecule files, params and artifacts, at file:line:column, all at once.

Errors make the exit status 1; so do warnings with --strict. Notes are advice."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from atomicapp.cli import options as opts
from atomicapp.cli import pipeline
from atomicapp.cli.ui import Ui, count
from atomicapp.errors import ERROR, NOTE, WARNING, Issue, SpecError
from atomicapp.model import COMPOSE, App, Artifact, Rendered, Target, Volume
from atomicapp.nulecule.resolve import walk
from atomicapp.params.settings import Settings
from atomicapp.rendering.render import lister, reader
from atomicapp.rendering.sources import Sources
from atomicapp.store import Store, name_for
from atomicapp.version import VERSION

EXAMPLES = """
  atomicapp validate ./myapp
  atomicapp validate ./myapp --strict -o json
  atomicapp validate ./myapp -o sarif > report.sarif      for code review tools
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    opts.app(parser)
    parser.add_argument("--strict", action="store_true", help="warnings count as errors")
    parser.add_argument("--no-deps", action="store_true", help="leave out apps that are not on disk")
    parser.add_argument("-u", "--update", action="store_true", help="ask registries again")
    opts.answers(parser, asking=False)
    opts.provider(parser)
    opts.registry(parser)
    opts.output(parser, ("text", "json", "sarif"))


def run(options: argparse.Namespace, ui: Ui) -> int:
    store = Store()
    issues = _issues(options, ui, store)
    errors = sum(issue.severity == ERROR for issue in issues)
    warnings = sum(issue.severity == WARNING for issue in issues)
    failed = errors > 0 or (options.strict and warnings > 0)
    if options.output_format == "sarif":
        ui.report(_sarif(issues))
    elif ui.as_json:
        ui.report({"valid": not failed, "issues": [issue.to_dict() for issue in issues]})
    else:
        colours = {ERROR: "31;1", WARNING: "33;1", NOTE: "36"}
        for issue in issues:
            first, *more = ui.picture(issue).split("\n")
            position = str(issue.position)
            word = ui.paint(f"{issue.severity}:", colours[issue.severity])
            ui.print(f"{position}: {word} {first[len(position) + 2 :]}")
            for line in more:
                ui.print(line)
        verdict = "not valid" if failed else "valid"
        ui.print(
            f"{options.app or opts.required_app(options)} is {verdict}: {count(errors, 'error')}, {count(warnings, 'warning')}"
        )
    return 1 if failed else 0


def _issues(options: argparse.Namespace, ui: Ui, store: Store) -> list[Issue]:
    """All findings, without doubles, in the order of files and lines within an app."""
    from atomicapp.rendering.check import check

    try:
        app = pipeline.open_app(options, ui, store, deps=not options.no_deps, update=options.update, quiet=True)
        settings = pipeline.settle(options, ui, app, complete=False)
    except SpecError as error:
        return list(error.issues)
    found = [issue for node in walk(app) for issue in node.nulecule.issues]
    chosen = frozenset([options.provider]) if options.provider else frozenset()
    with pipeline.sources() as sources:
        artifacts, wrong = check(app, settings, sources, chosen)
        found += wrong
        if not any(issue.severity == ERROR for issue in wrong):
            found += _parsed(app, settings, artifacts, wrong, sources, options.provider)
    return list(dict.fromkeys(found))


def _parsed(
    app: App, settings: Settings, artifacts: list[Artifact], told: list[Issue], sources: Sources, chosen: str
) -> list[Issue]:
    """What the providers that are installed say of the artifacts for them; only the `chosen` one where one is."""
    from atomicapp import providers
    from atomicapp.rendering.check import stand_ins

    found: list[Issue] = []
    volumes = tuple(Volume(node.namespace, item) for node in walk(app) for item in node.nulecule.requirements)
    target = Target(name_for(app.nulecule.id, ""))
    every = Rendered(
        tuple(artifacts),
        volumes,
        tuple(told),
        reader(app, sources),
        variables=stand_ins(settings),
        below=lister(app, sources),
    )
    names = dict.fromkeys(artifact.provider for artifact in artifacts)
    for name in [chosen] if chosen else [name for name in names if name != COMPOSE]:
        if name not in providers.BUILTIN:
            continue
        mine = tuple(artifact for artifact in artifacts if artifact.provider in (name, COMPOSE if chosen else name))
        try:
            parsed = providers.load(name).parse(every._replace(artifacts=mine), target)
            found += parsed.issues
        except SpecError as error:
            found += error.issues
    if not chosen:
        for artifact in artifacts:
            found += _read_compose(every, artifact) if artifact.provider == COMPOSE else ()
    return found


def _read_compose(rendered: Rendered, artifact: Artifact) -> Sequence[Issue]:
    """What is wrong with a Compose file on any engine; what one of them loses is told where that one is chosen."""
    from atomicapp.workload.compose import read_artifact

    try:
        return read_artifact(rendered, artifact).issues
    except SpecError as error:
        return error.issues


def _sarif(issues: list[Issue]) -> dict[str, Any]:
    levels = {ERROR: "error", WARNING: "warning", NOTE: "note"}
    results = [
        {
            "ruleId": issue.code or "problem",
            "level": levels[issue.severity],
            "message": {"text": issue.message + (f" ({issue.hint})" if issue.hint else "")},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": issue.position.file},
                        "region": {
                            "startLine": max(issue.position.line, 1),
                            "startColumn": max(issue.position.column, 1),
                        },
                    }
                }
            ],
        }
        for issue in issues
    ]
    rules = [{"id": name} for name in sorted({result["ruleId"] for result in results})]  # type: ignore[type-var]
    driver = {"name": "atomicapp", "version": VERSION, "rules": rules}
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": results}],
    }
