"""The section [X-Atomicapp], in which an author says what systemd has no words for. Pure.

    [X-Atomicapp]
    Instances=3              what a template runs as: a count, or names
    DesiredState=loaded      the unit is only there, for others to start
    Volume=data              a volume of the container engine that holds the unit's data

systemd passes over it, and fleet keeps it: one file serves both.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence

from atomicapp.providers.units import names, syntax
from atomicapp.providers.units.syntax import Option, Unit
from atomicapp.records import NamedTuple

SECTION = "X-Atomicapp"
OPTIONS = ("Instances", "DesiredState", "Volume")
MOST_INSTANCES = 1000

_VOLUME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+", re.ASCII)


class Fault(NamedTuple):
    """What is wrong with an option; `code` is short and stable."""

    option: Option
    message: str
    code: str
    hint: str = ""


def faults(unit: Unit) -> Iterator[Fault]:
    """All that is wrong in the section."""
    for option in unit.said(SECTION):
        wrong = ""
        if option.name not in OPTIONS:
            message = f"'{option.name}' is no option of [{SECTION}]"
            yield Fault(option, message, "unknown-key", meant(option.name, OPTIONS))
        elif option.name == "Instances":
            wrong = _bad_instances(unit, option)
        elif option.name == "DesiredState" and option.value not in ("loaded", "launched"):
            wrong = "expected launched, or loaded for a unit that others start"
        elif option.name == "Volume":
            bad = [word for word in _words(option) if not _VOLUME.fullmatch(word)]
            wrong = f"'{bad[0]}' can't name a volume" if bad else ""
        if wrong:
            yield Fault(option, f"{option.name}={option.value}: {wrong}", "value")


def meant(name: str, known: Sequence[str]) -> str:
    """What to do about an option that nobody knows."""
    near = difflib.get_close_matches(name, known, 1)
    return f"did you mean {near[0]}=?" if near else f"expected one of {', '.join(known)}"


def _bad_instances(unit: Unit, option: Option) -> str:
    name = names.split(unit.name)
    if not name.is_template:
        return f"only a template has instances; expected a file {name.prefix}@.{name.type}"
    value = syntax.joined(option.value)
    if value.isascii() and value.isdigit():
        return f"at most {MOST_INSTANCES}" if len(value) > 6 or int(value) > MOST_INSTANCES else ""
    for word in value.split():
        if "@" in word or names.fault(f"{name.prefix}@{word}.{name.type}"):
            return f"'{word}' can't name an instance; expected a count, or names between spaces"
    return "" if value.split() else "expected a count, or names between spaces"


def instances(unit: Unit) -> tuple[str, ...] | None:
    """The instances that a template is to run as; None where it says nothing, or is no template."""
    said = unit.said(SECTION, "Instances")
    if not said or not names.split(unit.name).is_template:
        return None
    value = syntax.joined(said[-1].value)
    return numbered(int(value)) if value.isdigit() else tuple(dict.fromkeys(value.split()))


def numbered(count: int) -> tuple[str, ...]:
    """The names of so many instances."""
    return tuple(str(number) for number in range(1, count + 1))


def is_loaded_only(unit: Unit) -> bool:
    """Whether a unit is for others to start."""
    return unit.value(SECTION, "DesiredState") == "loaded"


def volumes(unit: Unit) -> tuple[Option, ...]:
    """The volumes of the container engine that hold a unit's data, an option for each."""
    return tuple(option._replace(value=word) for option in unit.said(SECTION, "Volume") for word in _words(option))


def _words(option: Option) -> list[str]:
    return syntax.joined(option.value).split()
