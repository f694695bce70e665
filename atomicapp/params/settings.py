"""What is settled about an app: which params it declares, and one value for each with its origin."""

from __future__ import annotations

from collections.abc import Mapping

from atomicapp.errors import Issue
from atomicapp.model import GENERAL, App, Component, Include, Param, Target
from atomicapp.nulecule.resolve import walk
from atomicapp.params.secrets import MASK
from atomicapp.position import Position
from atomicapp.records import NamedTuple

PROVIDER_OPTIONS = ("provider-api", "provider-auth", "provider-cafile", "provider-config", "provider-tlsverify")

COMMAND_LINE = "command line"
ENVIRONMENT = "environment"
ANSWERS = "answers"
ASKED = "asked"
DEFAULT = "default"
BUILT_IN = "built-in"


class Value(NamedTuple):
    """A settled value. `origin` is one of the words above, `position` where it stands."""

    text: str
    origin: str
    position: Position
    hidden: bool = False

    @property
    def shown(self) -> str:
        """The text for people: masked when hidden."""
        return MASK if self.hidden else self.text


class Declared(NamedTuple):
    """A param and the scope that declares it. `used` is False for those that reach no artifact (the params of an
    app that is included: format 0.0.2 hands them to nobody)."""

    scope: str
    param: Param
    used: bool


class Settings(NamedTuple):
    """The outcome. `layers` go from low to high; `declared` is in the order of the graph."""

    provider: str
    namespace: str
    declared: tuple[Declared, ...]
    layers: tuple[Mapping[str, Mapping[str, Value]], ...]
    issues: tuple[Issue, ...] = ()

    def variables(self, scope: str) -> dict[str, Value]:
        """Every value that a component with this scope sees, by name."""
        found: dict[str, Value] = {}
        for layer in self.layers:
            for level in (GENERAL, scope):
                if level in layer:
                    found.update(layer[level])
        return found

    def value(self, scope: str, name: str) -> Value | None:
        """The value of one param, or None."""
        for layer in reversed(self.layers):
            for level in (scope, GENERAL):
                if name in layer.get(level, ()):
                    return layer[level][name]
        return None

    @property
    def quoted(self) -> frozenset[tuple[str, str]]:
        """The params (scope, name) whose default is written as a text."""
        return frozenset((item.scope, item.param.name) for item in self.declared if item.param.quoted)

    @property
    def secrets(self) -> frozenset[str]:
        """The texts of all hidden values."""
        return frozenset(
            value.text
            for layer in self.layers
            for section in layer.values()
            for value in section.values()
            if value.hidden
        )

    def target(self, app: str) -> Target:
        """Where the app is to run, by the provider options in `general`."""

        def option(name: str) -> str:
            value = self.value(GENERAL, f"provider-{name}")
            return value.text if value else ""

        verify = option("tlsverify").lower() not in ("false", "0", "no")
        return Target(
            app, self.namespace, option("api"), option("auth"), option("cafile"), option("config"),
            option("context"), verify,
        )  # fmt: skip


def declarations(app: App) -> tuple[Declared, ...]:
    """Every declared param: the top level of the root first, then depth first in the order of the graphs."""
    found: list[Declared] = [Declared(GENERAL, param, True) for param in app.nulecule.params]
    _declared(app, found)
    return tuple(found)


def _declared(app: App, found: list[Declared]) -> None:
    children = {child.name: child for child in app.children}
    for item in app.nulecule.graph:
        scope = app.scope_of(item)
        used = isinstance(item, Component)
        found.extend(Declared(scope, param, used) for param in item.params)
        child = children.get(item.name)
        if child is not None and isinstance(item, Include):
            own = {param.name for param in item.params}
            found.extend(Declared(scope, param, False) for param in child.nulecule.params if param.name not in own)
            _declared(child, found)


def scopes(app: App) -> set[str]:
    """Every scope that answers may name."""
    return {GENERAL} | {node.scope_of(item) for node in walk(app) for item in node.nulecule.graph}
