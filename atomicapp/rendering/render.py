"""Render an app: for every component the artifacts of one provider, with its params filled in.

Nothing is written here: artifacts are values in memory, and the app's folder stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from atomicapp import document
from atomicapp.errors import ERROR, WARNING, Issue, SpecError
from atomicapp.model import (
    COMPOSE,
    GENERAL,
    App,
    Artifact,
    Component,
    FileArtifact,
    GitArtifact,
    Include,
    InheritArtifact,
    Pointer,
    Rendered,
    UrlArtifact,
    Volume,
)
from atomicapp.nulecule.resolve import walk
from atomicapp.nulecule.schema import did_you_mean
from atomicapp.params.configure import BUILT_IN, Settings
from atomicapp.position import Position, line_of
from atomicapp.rendering import pointers
from atomicapp.rendering.sources import Sources, Text
from atomicapp.rendering.substitute import Unresolved, substitute

NO_ARTIFACTS = "no-artifacts"

RealSource = FileArtifact | UrlArtifact | GitArtifact


def render(app: App, settings: Settings, sources: Sources) -> Rendered:
    """All artifacts in graph order, depth first. SpecError lists every component without artifacts for the
    provider, every missing file and every bad pointer of the whole tree at once."""
    artifacts: list[Artifact] = []
    issues: list[Issue] = []
    _render(app, settings, sources, settings.quoted, artifacts, issues)
    if any(issue.severity == ERROR for issue in issues):
        raise SpecError(map(_with_choice(settings), issues))
    volumes = tuple(Volume(node.namespace, item) for node in walk(app) for item in node.nulecule.requirements)
    return Rendered(
        tuple(artifacts),
        volumes,
        tuple(issues),
        reader(app, sources),
        settings.secrets,
        variables_of(settings),
        lister(app, sources),
    )


def variables_of(settings: Settings) -> Callable[[str], Mapping[str, str]]:
    """The texts of all params that reach a component, by its scope."""
    return lambda scope: {name: value.text for name, value in settings.variables(scope).items()}


def reader(app: App, sources: Sources) -> Callable[[Artifact, str], str]:
    """Reads further files that an artifact names (`--env-file`), by their path below the artifact's app."""
    folders = _folders(app)

    def read(artifact: Artifact, path: str) -> str:
        return sources.beside(folders[artifact.component], path, artifact.position)

    return read


def _folders(app: App) -> dict[str, Path]:
    """The folder of the app of each component, by its scope."""
    return {node.scope_of(item): node.folder for node in walk(app) for item in node.nulecule.graph}


def lister(app: App, sources: Sources) -> Callable[[Artifact, str], tuple[str, ...]]:
    """Lists the files below a folder that an artifact names, by their paths below the artifact's app."""
    folders = _folders(app)
    return lambda artifact, path: sources.below(folders[artifact.component], path)


def _render(
    app: App,
    settings: Settings,
    sources: Sources,
    quoted: frozenset[tuple[str, str]],
    found: list[Artifact],
    issues: list[Issue],
) -> None:
    children = {child.name: child for child in app.children}
    for item in app.nulecule.graph:
        if isinstance(item, Include):
            child = children.get(item.name)
            if child is not None:
                _render(child, settings, sources, quoted, found, issues)
            continue
        scope = app.scope_of(item)
        texts = variables_of(settings)(scope)
        try:
            for provider, source in expand(item, settings.provider):
                for text in sources.read(app.folder, source):
                    found.append(fill(scope, provider, text, source, texts, issues, quoted))
        except SpecError as error:
            issues.extend(error.issues)


def _with_choice(settings: Settings) -> Callable[[Issue], Issue]:
    """Adds to an issue about a provider who chose it."""
    value = settings.value(GENERAL, "provider")
    if value is None or value.origin == BUILT_IN:
        return lambda issue: issue
    chosen = f"the provider was chosen by {value.origin}: {value.position}"

    def add(issue: Issue) -> Issue:
        return issue._replace(hint=f"{issue.hint}; {chosen}") if issue.code == NO_ARTIFACTS else issue

    return add


def expand(component: Component, provider: str) -> Iterator[tuple[str, RealSource]]:
    """The sources of a component for one provider, with `inherit` followed, each with the provider whose text it is: this
    one, or COMPOSE. A component that has none for it falls back to its Compose files. SpecError shows the chain."""
    if provider not in component.artifacts and COMPOSE in component.artifacts:
        provider = COMPOSE
    if provider not in component.artifacts:
        raise SpecError.single(
            f"the component '{component.name}' has no artifacts for {provider}",
            component.position,
            code=NO_ARTIFACTS,
            hint=_offer(component, provider),
        )
    yield from _expand(component, provider, (provider,))


def _expand(component: Component, provider: str, chain: tuple[str, ...]) -> Iterator[tuple[str, RealSource]]:
    for source in component.artifacts[provider]:
        if not isinstance(source, InheritArtifact):
            yield (COMPOSE if provider == COMPOSE else chain[0]), source
            continue
        for name in source.providers:
            if name in chain:
                raise SpecError.single(
                    f"artifacts inherit in a circle: {' -> '.join([*chain, name])}",
                    source.position,
                    code="inherit-cycle",
                )
            if name not in component.artifacts:
                raise SpecError.single(
                    f"'{component.name}' inherits artifacts of '{name}', which it has none for "
                    f"({' -> '.join([*chain, name])})",
                    source.position,
                    code="inherit-unknown",
                    hint=_offer(component, name),
                )
            yield from _expand(component, name, (*chain, name))


def _offer(component: Component, provider: str) -> str:
    known = list(component.artifacts)
    close = did_you_mean(provider, known)
    if close:
        return f"did you mean '{close}'?"
    return f"it has artifacts for: {', '.join(known)}" if known else "it has no artifacts at all"


def fill(
    scope: str,
    provider: str,
    source: Text,
    origin: RealSource,
    texts: Mapping[str, str],
    issues: list[Issue],
    quoted: frozenset[tuple[str, str]],
) -> Artifact:
    """One text with pointers and names filled in; names without a value are added to `issues`. `quoted` are the
    params (scope, name) that are texts, whatever their values look like.

    A Compose file is filled in once more by its own rules, with the params as its environment: `$$` stays for that, as do
    the dollars of values, and names without a value.
    """
    data, unresolved = substitute(source.text, texts, escape=provider == COMPOSE)
    if unresolved and provider != COMPOSE:
        # a Template's own ${NAME} are filled in by the engine, not by us
        known = _template_parameters(data, source.file)
        issues.extend(
            _unresolved(item, scope, source.text, source.file, texts) for item in unresolved if item.name not in known
        )
    if origin.pointers:
        # after the names: `containerPort: $port` is read with its value, and a `$` in a param stays one
        data = pointers.apply(data, source.file, list(_assignments(origin.pointers, texts, scope, quoted)))
    return Artifact(scope, provider, source.path, data, source.file, origin.position)


def _assignments(
    found: tuple[Pointer, ...], texts: Mapping[str, str], scope: str, quoted: frozenset[tuple[str, str]]
) -> Iterator[pointers.Assignment]:
    missing = [
        Issue(
            ERROR,
            f"no param '{pointer.param}' reaches {scope}",
            pointer.position,
            "pointer",
            hint=_names(pointer.param, texts),
        )
        for pointer in found
        if pointer.param not in texts
    ]
    if missing:
        raise SpecError(missing)
    for pointer in found:
        is_text = not quoted.isdisjoint({(scope, pointer.param), (GENERAL, pointer.param)})
        yield pointers.Assignment(pointer, texts[pointer.param], is_text)


def _names(name: str, texts: Mapping[str, str]) -> str:
    close = did_you_mean(name, texts)
    return f"did you mean '{close}'?" if close else f"known there: {', '.join(sorted(texts))}"


def _unresolved(item: Unresolved, scope: str, text: str, file: str, texts: Mapping[str, str]) -> Issue:
    position = Position.at_offset(file, text, item.offset)
    close = did_you_mean(item.name, texts)
    hint = f"did you mean '${close}'? " if close else ""
    times = f" (and {item.times - 1} more of it)" if item.times > 1 else ""
    return Issue(
        WARNING,
        f"no param '{item.name}' reaches {scope}: the text stays as it is{times}",
        position,
        "unresolved",
        hint=hint + "write $$ for a dollar sign",
        excerpt=line_of(text, position.line),
    )


def _template_parameters(data: str, file: str) -> frozenset[str]:
    """The parameters of the objects of kind Template in a text."""
    if "Template" not in data:
        return frozenset()
    try:
        roots = document.compose_all(data, file)
    except SpecError:
        return frozenset()
    found: set[str] = set()
    while roots:
        keys = document.fields(roots.pop())
        kind = document.text_of(keys.get("kind")) or ""
        if kind.endswith("List"):
            roots += document.elements(keys.get("items"))
        if kind == "Template":
            for parameter in document.elements(keys.get("parameters")):
                found.add(document.text_of(document.fields(parameter).get("name")) or "")
    return frozenset(found)


def output_path(root: Path, artifact: Artifact) -> Path:
    """Where `render --output` puts an artifact: ROOT/a/b/PATH for the component a:b."""
    return root.joinpath(*artifact.component.split(":"), *artifact.path.split("/"))
