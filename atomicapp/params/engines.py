"""Which provider an app is to run on, when nobody says."""

from __future__ import annotations

from collections.abc import Iterable

from atomicapp.errors import NOTE, ConfigError, Issue
from atomicapp.model import App, Component, Nulecule
from atomicapp.nulecule.resolve import walk
from atomicapp.position import Position

DEFAULT_PROVIDER = "kubernetes"


def common_providers(app: App) -> tuple[str, ...]:
    """The providers that every component of the tree has artifacts for, in the order of the first component."""
    return providers_of(node.nulecule for node in walk(app))


def providers_of(nulecules: Iterable[Nulecule]) -> tuple[str, ...]:
    """The providers that every component with artifacts has some for."""
    shared: list[str] | None = None
    for nulecule in nulecules:
        for item in nulecule.graph:
            if isinstance(item, Component) and item.artifacts:
                shared = [name for name in (item.artifacts if shared is None else shared) if name in item.artifacts]
    return tuple(shared or ())


def choose_provider(app: App) -> tuple[str, Issue | None]:
    shared = common_providers(app)
    where = Position(app.nulecule.file)
    if len(shared) == 1:
        if shared[0] == DEFAULT_PROVIDER:
            return shared[0], None
        return shared[0], Issue(
            NOTE,
            f"the provider is {shared[0]}: the only one that all components have artifacts for",
            where,
            "provider",
        )
    if DEFAULT_PROVIDER in shared or not shared:
        return DEFAULT_PROVIDER, None
    raise ConfigError(
        f"the app can run on {', '.join(shared)}: which one is meant?", hint=f"add --provider {shared[0]}"
    )
