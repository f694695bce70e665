"""One value for each param of each scope, and where it came from.

Sources, low to high: built-in < default < answers (and what was asked) < environment < command line. In one source
the exact scope beats `general`; a higher source's `general` beats a lower source's scope. Among defaults it is the
other way round in 0.0.2: a top-level default beats a component's, because real apps rely on it.

A component sees its own scope and `general`, nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from atomicapp.errors import ERROR, NOTE, WARNING, ConfigError, Issue, UsageError
from atomicapp.model import GENERAL, App, Include, Param
from atomicapp.nulecule.patterns import allows
from atomicapp.nulecule.resolve import walk
from atomicapp.nulecule.schema import did_you_mean
from atomicapp.params import environment
from atomicapp.params.answers import Answer, Answers
from atomicapp.params.engines import DEFAULT_PROVIDER, choose_provider, common_providers, providers_of
from atomicapp.params.environment import environment_names, from_environ
from atomicapp.params.settings import (
    ANSWERS,
    ASKED,
    BUILT_IN,
    COMMAND_LINE,
    DEFAULT,
    ENVIRONMENT,
    PROVIDER_OPTIONS,
    Declared,
    Settings,
    Value,
    declarations,
    scopes,
)
from atomicapp.position import Position
from atomicapp.records import NamedTuple

# the way in to this package: what the others need of it stands here
__all__ = [
    "ANSWERS", "ASKED", "BUILT_IN", "COMMAND_LINE", "DEFAULT", "DEFAULT_NAMESPACE", "DEFAULT_PROVIDER", "ENVIRONMENT",
    "Ask", "Declared", "Given", "Question", "Settings", "Value", "command_line", "common_providers", "configure",
    "declarations", "environment_names", "from_environ", "parse_assignment", "providers_of", "scopes", "violation",
]  # fmt: skip

DEFAULT_NAMESPACE = "default"
SECRET_OPTIONS = frozenset({"provider-auth"})
_SUGGESTIONS = 10
"""Misspelt scopes that get a "did you mean": each is compared with every scope of the app."""


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
        if not environment.is_text(text):
            raise UsageError(f"the value of {scope}:{name} is not UTF-8 text")
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

    def is_hidden(scope: str, name: str) -> bool:
        # a value in general may serve a hidden param of any component, and one of a component a hidden one of
        # general: then it is as secret as that
        if (scope, name) in hidden or (GENERAL, name) in hidden or name in SECRET_OPTIONS:
            return True
        return scope == GENERAL and name in hidden_names

    def layer(values: Answers, origin: str) -> dict[str, dict[str, Value]]:
        return {
            scope: {
                name: Value(answer.text, origin, answer.position, is_hidden(scope, name))
                for name, answer in section.items()
            }
            for scope, section in values.items()
        }

    defaults_own: dict[str, dict[str, Value]] = {}
    defaults_top: dict[str, dict[str, Value]] = {GENERAL: {}}
    for item in declared:
        param = item.param
        if param.default is not None:
            value = Value(param.default, DEFAULT, param.default_position, is_hidden(item.scope, param.name))
            table = defaults_top if item.scope == GENERAL else defaults_own
            table.setdefault(item.scope, {})[param.name] = value
    exported = layer(environment.given_by(declared, given.environment), ENVIRONMENT)
    answers, typed = layer(given.answers, ANSWERS), layer(given.command_line, COMMAND_LINE)
    where = Position("<built-in>")
    built_in = {GENERAL: {"namespace": Value(DEFAULT_NAMESPACE, BUILT_IN, where)}}

    settings = Settings("", "", declared, (built_in, defaults_own, defaults_top, answers, exported, typed))
    issues = [*_unknown_answers(app, declared, given), *_hidden_behind(declared, defaults_top[GENERAL])]
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
        name, note = choose_provider(app)
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


def _hidden_behind(declared: Iterable[Declared], top: Mapping[str, Value]) -> Iterator[Issue]:
    """Notes for defaults of components that never count, because the top level of the app has one of that name."""
    for item in declared:
        default, above = item.param.default, top.get(item.param.name)
        if item.scope != GENERAL and item.used and above is not None and default not in (None, above.text):
            yield Issue(
                NOTE,
                f"the default of {item.scope}:{item.param.name} is not used: the one of the app goes before it "
                f"({above.position})",
                item.param.default_position,
                "default-hidden",
                hint=f"an answer in [{item.scope}] goes before both",
            )


def _broken(declared: Iterable[Declared], settings: Settings) -> Iterable[Issue]:
    seen: set[tuple[str, Position]] = set()
    for scope, param, _ in declared:
        if not param.constraints:
            continue
        value = settings.value(scope, param.name)
        if value is None:
            continue
        for constraint in param.constraints:
            if not allows(constraint, value.text):
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
        if not allows(constraint, text):
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
    issues: list[Issue] = []
    for source in (given.answers, given.command_line):
        for scope, section in source.items():
            if scope.startswith(left_out):
                continue
            if scope not in known:
                where = next((answer.position for answer in section.values()), None)
                if where is None:
                    continue
                close = did_you_mean(scope, known) if len(issues) < _SUGGESTIONS else ""
                hint = f"did you mean [{close}]?" if close else f"known: {_some(known)}"
                issues.append(Issue(WARNING, f"no component has the scope '{scope}': its answers are not used", where,
                                    "unknown-scope", hint=hint))  # fmt: skip
                continue
            candidates = everywhere if scope == GENERAL else names.get(scope, set())
            for name, answer in section.items():
                if name not in candidates and (close := did_you_mean(name, candidates)):
                    issues.append(Issue(WARNING, f"no param is named '{name}' in the scope '{scope}'", answer.position,
                                        "unknown-param", hint=f"did you mean '{close}'?"))  # fmt: skip
    return issues


def _some(names: Iterable[str]) -> str:
    found = sorted(names)
    return ", ".join(found[:20]) + (f" and {len(found) - 20} more" if len(found) > 20 else "")
