"""What the section [X-Fleet] of a unit asks for. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator
from functools import lru_cache

from atomicapp.providers.fleet.client import Pair
from atomicapp.providers.units import names
from atomicapp.records import NamedTuple

SECTION = "X-Fleet"
OLD = {
    "X-ConditionMachineID": "MachineID",
    "X-ConditionMachineBootID": "MachineID",
    "X-ConditionMachineOf": "MachineOf",
    "X-ConditionMachineMetadata": "MachineMetadata",
    "X-Conflicts": "Conflicts",
}
"""Old spellings that count like the new ones."""
NAMES = ("MachineID", "MachineOf", "MachineMetadata", "Conflicts", "Global", "Replaces")
TRUE = ("true", "yes", "1", "on", "t")
FALSE = ("false", "no", "0", "off", "f")


class Wish(NamedTuple):
    """Where a unit may run. `metadata` holds for each key the values of which a machine must have one."""

    machine_id: str = ""
    peers: tuple[str, ...] = ()
    metadata: tuple[tuple[str, tuple[str, ...]], ...] = ()
    conflicts: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()
    is_global: bool = False


def values(name: str, value: str) -> Iterator[str]:
    """The single values of one option: `"a=b" "c=d"` are two, and blanks separate those of Conflicts in any case."""
    value = value.strip()
    if len(value) > 1 and value.startswith('"') and value.endswith('"'):
        try:
            words = shlex.split(value)
        except ValueError:
            words = [value]
    else:
        words = [value]
    for word in words:
        yield from ((part.strip('"') for part in word.split()) if name == "Conflicts" else (word,))


def read(options: Iterable[Pair], name: str) -> Wish:
    """The wish of a unit, with the specifiers of its name filled in."""
    found: dict[str, list[str]] = {}
    for section, option, value in options:
        if section == SECTION:
            known = OLD.get(option, option)
            found.setdefault(known, []).extend(names.expand(one, name) for one in values(known, value))
    metadata: dict[str, list[str]] = {}
    for pair in found.get("MachineMetadata", ()):
        key, equals, value = pair.partition("=")
        if equals and "=" not in value:
            metadata.setdefault(key, []).append(value)
    said = found.get("Global", [])
    return Wish(
        (*found.get("MachineID", ()), "")[0],
        tuple(found.get("MachineOf", ())),
        tuple((key, tuple(wanted)) for key, wanted in metadata.items()),
        tuple(found.get("Conflicts", ())),
        tuple(found.get("Replaces", ())),
        bool(said) and said[-1].lower() in TRUE,
    )


@lru_cache(maxsize=4096)
def pattern(glob: str) -> re.Pattern[str] | None:
    """A glob over whole names: `*`, `?`, `[a-z]`; None for one that matches nothing because it is none."""
    found, at = "", 0
    while at < len(glob):
        character = glob[at]
        if character == "[":
            end = glob.find("]", at + 2)
            if end < 0:
                return None
            inner = glob[at + 1 : end]
            negated = inner.startswith("^")
            members = re.sub(r"([^a-zA-Z0-9-])", r"\\\1", inner[negated:])
            found += f"[{'^' if negated else ''}{members}]"
            at = end
        elif character == "\\" and at + 1 < len(glob):
            at += 1
            found += re.escape(glob[at])
        else:
            found += {"*": "[^/]*", "?": "[^/]"}.get(character, re.escape(character))
        at += 1
    try:
        return re.compile(found)
    except re.error:
        return None


def matches(glob: str, name: str) -> bool:
    """Whether a glob means a unit."""
    found = pattern(glob)
    return found is not None and found.fullmatch(name) is not None
