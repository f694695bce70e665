"""One value for each param of each scope, and where it came from.

Sources, low to high: built-in < default < answers (and what was asked) < environment < command line. In one source
the exact scope beats `general`; a higher source's `general` beats a lower source's scope. Among defaults it is the
other way round in 0.0.2: a top-level default beats a component's, because real apps rely on it.

A component sees its own scope and `general`, nothing else.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from atomicapp.errors import ERROR, WARNING, ConfigError, Issue, UsageError
from atomicapp.model import GENERAL, App, Component, Include, Nulecule, Param, Target
from atomicapp.nulecule.resolve import walk
from atomicapp.nulecule.schema import did_you_mean
from atomicapp.params.answers import Answer, Answers
from atomicapp.params.secrets import MASK
from atomicapp.position import Position

ENVIRONMENT_PREFIX = "ATOMICAPP_PARAM_"
DEFAULT_PROVIDER = "kubernetes"
DEFAULT_NAMESPACE = "default"
PROVIDER_OPTIONS = ("provider-api", "provider-auth", "provider-cafile", "provider-config", "provider-tlsverify")
SECRET_OPTIONS = frozenset({"provider-auth"})

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


class Question(NamedTuple):
    """What is put to the user: the param, and the value that counts if nothing is typed."""

    declared: Declared
    current: Value | None


Ask = Callable[[Question], str]


class Given(NamedTuple):
    """All that was given from outside, by source."""

    command_line: Answers = {}
    environment: Mapping[str, str] = {}
    answers: Answers = {}


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


def parse_assignment(text: str) -> tuple[str, str, str]:
    """`[SCOPE:]NAME=VALUE` as (scope, name, value); UsageError for anything else."""
    left, equals, value = text.partition("=")
    scope, _, name = left.rpartition(":")
    if not equals or not name or left.startswith(":"):
        raise UsageError(
            f"'{left if equals else text.split(' ')[0]}' is no param", hint="write -p NAME=VALUE or -p SCOPE:NAME=VALUE"
        )
    return scope or GENERAL, name, value


def command_line(assignments: Iterable[str], options: Mapping[str, str]) -> Answers:
    """The layer of the command line: `-p` texts, and options that count as params of `general` (empty: not given)."""
    where = Position("<command line>")
    found: dict[str, dict[str, Answer]] = {GENERAL: {}}
    for text in assignments:
        scope, name, value = parse_assignment(text)
        found.setdefault(scope, {})[name] = Answer(value, where)
    found[GENERAL].update({name: Answer(value, where) for name, value in options.items() if value})
    return found


def configure(
    app: App, given: Given, *, ask: Ask | None = None, ask_all: bool = False, complete: bool = True
) -> Settings:
    """Settle every param. With `ask`, what is missing is asked for (with `ask_all` everything is).

    Without `complete` a missing value is no error (for `genanswers`, `params`, `validate`).
    Raises ConfigError that lists all missing params and all broken constraints at once.
    """
    declared = declarations(app)
    hidden = {(item.scope, item.param.name) for item in declared if item.param.hidden}
    hidden_names = {name for _, name in hidden}

    def layer(values: Answers, origin: str) -> dict[str, dict[str, Value]]:
        # an answer in general may serve a hidden param of any component: then it is as secret as that
        return {
            scope: {
                name: Value(
                    answer.text,
                    origin,
                    answer.position,
                    (scope, name) in hidden or name in SECRET_OPTIONS or (scope == GENERAL and name in hidden_names),
                )
                for name, answer in section.items()
            }
            for scope, section in values.items()
        }

    defaults_own: dict[str, dict[str, Value]] = {}
    defaults_top: dict[str, dict[str, Value]] = {GENERAL: {}}
    for item in declared:
        param = item.param
        if param.default is not None:
            value = Value(param.default, DEFAULT, param.default_position, param.hidden)
            table = defaults_top if item.scope == GENERAL else defaults_own
            table.setdefault(item.scope, {})[param.name] = value
    environment = layer(_environment(declared, given.environment), ENVIRONMENT)
    answers, typed = layer(given.answers, ANSWERS), layer(given.command_line, COMMAND_LINE)
    where = Position("<built-in>")
    built_in = {GENERAL: {"namespace": Value(DEFAULT_NAMESPACE, BUILT_IN, where)}}

    settings = Settings("", "", declared, (built_in, defaults_own, defaults_top, answers, environment, typed))
    issues = _unknown_answers(app, declared, given)
    missing: list[Declared] = []
    for item in declared:
        if not item.used:
            continue
        value_now = settings.value(item.scope, item.param.name)
        asked = ask is not None and (
            value_now is None or (ask_all and value_now.origin not in (ENVIRONMENT, COMMAND_LINE))
        )
        if asked and ask is not None and not _chosen_elsewhere(item, value_now):
            answer = ask(Question(item, value_now))
            value = Value(answer, ASKED, Position("<terminal>"), item.param.hidden)
            answers.setdefault(item.scope, {})[item.param.name] = value
        elif value_now is None and not _chosen_elsewhere(item, value_now):
            missing.append(item)
    broken = list(_broken(declared, settings))
    if (missing and complete) or broken:
        raise _refusal(missing if complete else [], broken)

    provider = settings.value(GENERAL, "provider")
    if provider is None:
        name, note = _choose_provider(app)
        if note:
            issues.append(note)
        built_in[GENERAL]["provider"] = provider = Value(name, BUILT_IN, where)
    namespace = settings.value(GENERAL, "namespace")
    return settings._replace(
        provider=provider.text, namespace=namespace.text if namespace else DEFAULT_NAMESPACE, issues=tuple(issues)
    )


def _chosen_elsewhere(item: Declared, value: Value | None) -> bool:
    """The provider is never missing: without a value it is chosen from what the app has artifacts for."""
    return item.scope == GENERAL and item.param.name in ("provider", "namespace") and value is None


def environment_names(scope: str, name: str) -> tuple[str, str]:
    """The variables that can hold a param: scope and name as written, and in capitals; other signs become `_`."""
    parts = [] if scope == GENERAL else scope.split(":")
    joined = "__".join(re.sub(r"[^A-Za-z0-9_]", "_", part) for part in [*parts, name])
    return ENVIRONMENT_PREFIX + joined, ENVIRONMENT_PREFIX + joined.upper()


def _environment(declared: Sequence[Declared], environment: Mapping[str, str]) -> Answers:
    """The answers that stand in variables. ConfigError when one variable could mean two params."""
    set_ = {key for key in environment if key.startswith(ENVIRONMENT_PREFIX)}
    if not set_:
        return {}
    found: dict[str, dict[str, Answer]] = {}
    owner: dict[str, tuple[str, str]] = {}
    wanted = [(item.scope, item.param.name) for item in declared]
    # a param of a component may also be answered for all by its plain name, as [general] of an answers file does
    wanted += [(GENERAL, name) for name in ("provider", "namespace", *PROVIDER_OPTIONS)]
    wanted += [(GENERAL, item.param.name) for item in declared]
    for scope, name in dict.fromkeys(wanted):
        for variable in dict.fromkeys(environment_names(scope, name)):
            if variable not in set_:
                continue
            if owner.setdefault(variable, (scope, name)) != (scope, name):
                other = ":".join(owner[variable])
                raise ConfigError(
                    f"the variable {variable} could mean both {other} and {scope}:{name}",
                    hint="give one of the two in an answers file instead",
                )
            found.setdefault(scope, {}).setdefault(name, Answer(environment[variable], Position(f"${variable}")))
            break
    return found


def from_environ() -> dict[str, str]:
    """The variables of this process that may hold params."""
    return {key: value for key, value in os.environ.items() if key.startswith(ENVIRONMENT_PREFIX)}


def _broken(declared: Iterable[Declared], settings: Settings) -> Iterable[Issue]:
    seen: set[tuple[str, Position]] = set()
    for scope, param, _ in declared:
        if not param.constraints:
            continue
        value = settings.value(scope, param.name)
        if value is None:
            continue
        for constraint in param.constraints:
            if re.fullmatch(constraint.allowed_pattern, value.text) is None:
                message = (
                    f"'{value.shown}' ({value.origin}) is no value for {scope}:{param.name}: it must match "
                    f"{constraint.allowed_pattern} ({constraint.position})"
                )
                if (message, value.position) not in seen:
                    seen.add((message, value.position))
                    yield Issue(ERROR, message, value.position, "constraint", hint=constraint.description)


def violation(param: Param, text: str) -> str:
    """What a typed value breaks, for the prompt; '' when it is fine."""
    for constraint in param.constraints:
        if re.fullmatch(constraint.allowed_pattern, text) is None:
            return constraint.description or f"it must match {constraint.allowed_pattern}"
    return ""


def _refusal(missing: Sequence[Declared], broken: Sequence[Issue]) -> ConfigError:
    details: list[str] = []
    if missing:
        details.append("add these to the answers file:")
        scope = None
        for item in missing:
            if item.scope != scope:
                scope = item.scope
                details.append(f"  [{scope}]")
            description = f"   # {item.param.description}" if item.param.description else ""
            details.append(f"  {item.param.name} = ...{description}")
    for issue in broken:
        details.append(f"{issue.position}: {issue.message}" + (f": {issue.hint}" if issue.hint else ""))
    parts = []
    if missing:
        parts.append(f"{len(missing)} param{'s have' if len(missing) > 1 else ' has'} no value")
    if broken:
        parts.append(f"{len(broken)} value{'s break' if len(broken) > 1 else ' breaks'} a constraint")
    hint = "pass an answers file with -a FILE (`atomicapp genanswers APP` writes one), or -p SCOPE:NAME=VALUE"
    return ConfigError(
        " and ".join(parts),
        missing=[
            {"scope": item.scope, "name": item.param.name, "description": item.param.description} for item in missing
        ],
        invalid=broken,
        hint=hint if missing else "",
        details=details,
    )


def _not_resolved(app: App) -> Iterator[str]:
    """The scopes of included apps that were left out (`--no-deps`): what is inside is not known."""
    for node in walk(app):
        resolved = {child.name for child in node.children}
        for item in node.nulecule.graph:
            if isinstance(item, Include) and item.name not in resolved:
                yield node.scope_of(item)


def _unknown_answers(app: App, declared: Sequence[Declared], given: Given) -> list[Issue]:
    """Warnings for scopes that no component has and names that look like a misspelt param."""
    known = scopes(app)
    left_out = tuple(f"{scope}:" for scope in _not_resolved(app))
    names: dict[str, set[str]] = {}
    for item in declared:
        names.setdefault(item.scope, set()).add(item.param.name)
    everywhere = {item.param.name for item in declared} | {
        "provider",
        "namespace",
        "provider-context",
        *PROVIDER_OPTIONS,
    }
    issues = []
    for source in (given.answers, given.command_line):
        for scope, section in source.items():
            if scope.startswith(left_out):
                continue
            if scope not in known:
                where = next((answer.position for answer in section.values()), None)
                if where is None:
                    continue
                close = did_you_mean(scope, known)
                hint = f"did you mean [{close}]?" if close else f"known: {', '.join(sorted(known))}"
                issues.append(Issue(WARNING, f"no component has the scope '{scope}': its answers are not used", where,
                                    "unknown-scope", hint=hint))  # fmt: skip
                continue
            candidates = everywhere if scope == GENERAL else names.get(scope, set())
            for name, answer in section.items():
                if name not in candidates and (close := did_you_mean(name, candidates)):
                    issues.append(Issue(WARNING, f"no param is named '{name}' in the scope '{scope}'", answer.position,
                                        "unknown-param", hint=f"did you mean '{close}'?"))  # fmt: skip
    return issues


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


def _choose_provider(app: App) -> tuple[str, Issue | None]:
    shared = common_providers(app)
    where = Position(app.nulecule.file)
    if len(shared) == 1:
        if shared[0] == DEFAULT_PROVIDER:
            return shared[0], None
        return shared[0], Issue(
            "note",
            f"the provider is {shared[0]}: the only one that all components have artifacts for",
            where,
            "provider",
        )
    if DEFAULT_PROVIDER in shared or not shared:
        return DEFAULT_PROVIDER, None
    raise ConfigError(
        f"the app can run on {', '.join(shared)}: which one is meant?", hint=f"add --provider {shared[0]}"
    )
