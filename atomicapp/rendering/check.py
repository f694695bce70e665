"""What is wrong with the artifacts of an app, found without running it: for `validate`."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from atomicapp import document
from atomicapp.errors import ERROR, Issue, SpecError
from atomicapp.model import COMPOSE, GENERAL, App, Artifact, Component
from atomicapp.nulecule.patterns import allows
from atomicapp.nulecule.resolve import walk
from atomicapp.params.configure import Settings
from atomicapp.rendering.render import expand, fill
from atomicapp.rendering.sources import Sources

PLACEHOLDER = "1"
"""Stands for a param without a value: it can be a name, a number, a port or a path."""


def check(
    app: App, settings: Settings, sources: Sources, providers: frozenset[str]
) -> tuple[list[Artifact], list[Issue]]:
    """The artifacts of every provider (or only of `providers`) as far as they can be rendered, and all findings:
    missing files, bad pointers, names that no param has, artifacts that are no YAML or JSON by their ending,
    defaults that break their own constraints."""
    artifacts: list[Artifact] = []
    issues = list(_broken_defaults(settings))
    told: set[Issue] = set()
    quoted = settings.quoted
    texts_of = stand_ins(settings)
    for node in walk(app):
        for component in node.nulecule.graph:
            if not isinstance(component, Component):
                continue
            scope = node.scope_of(component)
            texts = texts_of(scope)
            own = not providers.isdisjoint(component.artifacts)
            for provider in component.artifacts:
                if providers and provider not in providers and (provider != COMPOSE or own):
                    continue
                found, wrong = _component(node, component, provider, texts, sources, quoted)
                artifacts += found
                # a file that two providers share is told once
                issues += [issue for issue in wrong if issue not in told]
                told.update(wrong)
    return artifacts, issues


def stand_ins(settings: Settings) -> Callable[[str], dict[str, str]]:
    """The texts of all params that reach a component, by its scope; a placeholder for those without a value."""
    names: dict[str, dict[str, str]] = {}
    for item in settings.declared:
        names.setdefault(item.scope, {})[item.param.name] = PLACEHOLDER

    def texts(scope: str) -> dict[str, str]:
        known = {**names.get(GENERAL, {}), **names.get(scope, {}), "provider": PLACEHOLDER}
        return known | {name: value.text for name, value in settings.variables(scope).items()}

    return texts


def _component(
    app: App,
    component: Component,
    provider: str,
    texts: dict[str, str],
    sources: Sources,
    quoted: frozenset[tuple[str, str]],
) -> tuple[list[Artifact], list[Issue]]:
    artifacts: list[Artifact] = []
    issues: list[Issue] = []
    try:
        for whose, source in expand(component, provider):
            try:
                for text in sources.read(app.folder, source):
                    artifact = fill(app.scope_of(component), whose, text, source, texts, issues, quoted)
                    artifacts.append(artifact)
                    issues += _syntax(artifact)
            except SpecError as error:
                issues += error.issues
    except SpecError as error:
        issues += error.issues
    return artifacts, issues


def _syntax(artifact: Artifact) -> tuple[Issue, ...]:
    if not artifact.path.endswith((".json", ".yaml", ".yml")):
        return ()
    try:
        document.compose_all(artifact.data, artifact.file)
    except SpecError as error:
        return error.issues
    return ()


def _broken_defaults(settings: Settings) -> Iterator[Issue]:
    for scope, param, _ in settings.declared:
        if param.default is None:
            continue
        for constraint in param.constraints:
            if not allows(constraint, param.default):
                shown = "the default" if param.hidden else f"the default '{param.default}'"
                yield Issue(
                    ERROR,
                    f"{shown} of {scope}:{param.name} breaks its constraint {constraint.allowed_pattern}",
                    param.default_position,
                    "constraint",
                    hint=constraint.description,
                )
