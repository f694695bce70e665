"""Params in variables of the environment: ATOMICAPP_PARAM_NAME, ATOMICAPP_PARAM_SCOPE__NAME."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence

from atomicapp.errors import ConfigError
from atomicapp.model import GENERAL
from atomicapp.params.answers import Answer, Answers
from atomicapp.params.settings import PROVIDER_OPTIONS, Declared
from atomicapp.position import Position

ENVIRONMENT_PREFIX = "ATOMICAPP_PARAM_"


def environment_names(scope: str, name: str) -> tuple[str, str]:
    """The variables that can hold a param: scope and name as written, and in capitals; other signs become `_`."""
    parts = [] if scope == GENERAL else scope.split(":")
    joined = "__".join(re.sub(r"[^A-Za-z0-9_]", "_", part) for part in [*parts, name])
    return ENVIRONMENT_PREFIX + joined, ENVIRONMENT_PREFIX + joined.upper()


def given_by(declared: Sequence[Declared], environment: Mapping[str, str]) -> Answers:
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
            if not is_text(environment[variable]):
                raise ConfigError(f"the value of the variable {variable} is not UTF-8 text")
            found.setdefault(scope, {}).setdefault(name, Answer(environment[variable], Position(f"${variable}")))
            break
    return found


def from_environ() -> dict[str, str]:
    """The variables of this process that may hold params."""
    return {key: value for key, value in os.environ.items() if key.startswith(ENVIRONMENT_PREFIX)}


def is_text(value: str) -> bool:
    """Whether a value from outside is text: Python keeps bytes that are not in half surrogates."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
