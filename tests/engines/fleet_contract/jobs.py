"""What the section [X-Fleet] of a unit asks for."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from tests.engines.fleet_contract.texts import Option, Refusal

_OLD = {
    "X-ConditionMachineID": "MachineID",
    "X-ConditionMachineOf": "MachineOf",
    "X-ConditionMachineMetadata": "MachineMetadata",
    "X-Conflicts": "Conflicts",
}
_TRUE = ("true", "yes", "1", "on", "t")


class Job(NamedTuple):
    """Where a unit may run."""

    machine_id: str
    peers: tuple[str, ...]
    metadata: tuple[tuple[str, str], ...]
    conflicts: tuple[str, ...]
    replaces: tuple[str, ...]
    is_global: bool


def read(options: Sequence[Option], name: str = "") -> Job:
    """The requirements; with a `name` its specifiers are filled in."""
    found: dict[str, list[str]] = {}
    for option in options:
        if option.section == "X-Fleet":
            found.setdefault(_OLD.get(option.name, option.name), []).extend(_values(option.value))

    def told(key: str) -> tuple[str, ...]:
        return tuple(_filled(value, name) for value in found.get(key, ()))

    metadata = tuple((pair[0], pair[1]) for value in told("MachineMetadata") if len(pair := value.split("=")) == 2)
    conflicts = tuple(part.strip('"') for value in told("Conflicts") for part in value.split())
    is_global = bool(found.get("Global")) and found["Global"][-1].lower() in _TRUE
    return Job((*told("MachineID"), "")[0], told("MachineOf"), metadata, conflicts, told("Replaces"), is_global)


def check(options: Sequence[Option]) -> None:
    """Refusal for combinations that can't hold."""
    job = read(options)
    for peer in job.peers:
        for word, globs in (("conflict", job.conflicts), ("replace", job.replaces)):
            for glob in globs:
                if matches(glob, peer):
                    raise Refusal(400, f'unresolvable requirements: peer "{peer}" matches {word} "{glob}"')
    has = {
        "MachineID": bool(job.machine_id),
        "Global": job.is_global,
        "Peers": bool(job.peers),
        "Conflicts": bool(job.conflicts),
        "Replaces": bool(job.replaces),
    }
    for first, others in (
        ("MachineID", ("Peers", "Conflicts", "Global", "Replaces")),
        ("Global", ("Peers", "Replaces")),
        ("Conflicts", ("Replaces",)),
    ):
        for other in others:
            if has[first] and has[other]:
                raise Refusal(400, f"{first} cannot be used with {other}")


def _values(text: str) -> Iterator[str]:
    if text.startswith('"') and text.endswith('"') and len(text) > 1:
        yield from shlex.split(text)
    else:
        yield text


def _filled(text: str, name: str) -> str:
    if not name or "%" not in text:
        return text
    stem = name.rpartition(".")[0]
    prefix, _, instance = stem.partition("@")
    for specifier, value in (("%n", name), ("%N", stem), ("%p", prefix), ("%i", instance)):
        text = text.replace(specifier, value)
    return text


@lru_cache(maxsize=4096)
def _pattern(glob: str) -> re.Pattern[str] | None:
    """A glob as Go's path.Match has it; None for a bad one."""
    found, at = "", 0
    while at < len(glob):
        character = glob[at]
        if character == "[":
            end = glob.find("]", at + 2)
            if end < 0:
                return None
            found += f"[{glob[at + 1 : end]}]"
            at = end
        else:
            found += {"*": "[^/]*", "?": "[^/]"}.get(character, re.escape(character))
        at += 1
    return re.compile(found)


def matches(glob: str, name: str) -> bool:
    pattern = _pattern(glob)
    return pattern is not None and pattern.fullmatch(name) is not None
