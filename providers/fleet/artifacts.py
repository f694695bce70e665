"""The units of an app, and what fleet or systemd would refuse of them, or choke on. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from atomicapp.errors import ERROR, WARNING, Issue, SpecError
from atomicapp.model import Artifact
from atomicapp.position import Position, line_of
from atomicapp.providers.fleet import xfleet
from atomicapp.providers.fleet.client import Pair
from atomicapp.providers.units import artifacts as common
from atomicapp.providers.units import names, own, syntax
from atomicapp.providers.units.own import SECTION
from atomicapp.providers.units.syntax import Option, Unit
from atomicapp.records import NamedTuple

_INSTALL = ("WantedBy", "RequiredBy", "UpheldBy", "Alias", "Also", "DefaultInstance")
_MOUNT = re.compile(r"(?:-v|--volume)(?:\s+|=)[\"']?([a-zA-Z0-9][a-zA-Z0-9_.-]+):/", re.ASCII)
_TIED = (
    *(("MachineID", other) for other in ("MachineOf", "Conflicts", "Global", "Replaces")),
    *(("Global", other) for other in ("MachineOf", "Replaces")),
    ("Conflicts", "Replaces"),
)
"""Pairs that fleet refuses on a new unit, and does not look at when one changes."""


class Found(NamedTuple):
    """One unit, with the artifact that holds it."""

    unit: Unit
    artifact: Artifact

    @property
    def name(self) -> names.Name:
        return names.split(self.unit.name)

    @property
    def options(self) -> tuple[Pair, ...]:
        """What is sent: grouped by section, values trimmed, as fleet gives them back; without our own section."""
        return tuple(
            (option.section, option.name, option.value)
            for option in syntax.grouped(self.unit.options)
            if option.section != SECTION
        )

    @property
    def wish(self) -> xfleet.Wish:
        return xfleet.read(self.options, self.unit.name)


def read(artifact: Artifact, app: str, issues: list[Issue]) -> list[Found]:
    """The units of an artifact; what is wrong with them goes to `issues`."""
    found: list[Found] = []
    for name, text, line in common.texts(artifact, app):
        place = Position(artifact.file, line, 1)
        wrong = names.fault(name) or names.harm(name)
        if wrong:
            issues.append(
                _issue(artifact, f"'{name}': {wrong}", place, "name", "expected NAME.service, NAME@.service ...")
            )
            continue
        try:
            # empty lines in place of what stands before: the places stay those of the file
            unit = syntax.read("\n" * (line - 1) + text, place, name)._replace(text=text)
        except SpecError as error:
            excerpts = [line_of(artifact.data, issue.position.line)[:200] for issue in error.issues]
            issues += [issue._replace(excerpt=shown) for issue, shown in zip(error.issues, excerpts, strict=True)]
            continue
        found.append(Found(unit, artifact))
        issues += _faults(found[-1])
    return found


def clean(*parts: str) -> str:
    """The parts joined with dashes, without what a unit's name can't hold."""
    cleaned = (re.sub(r"[^a-zA-Z0-9:_.-]+", "-", part, flags=re.ASCII).strip("-.") for part in parts)
    return "-".join(part for part in cleaned if part) or "app"


def _issue(
    artifact: Artifact, message: str, place: Position, code: str, hint: str = "", severity: str = ERROR
) -> Issue:
    return Issue(severity, message, place, code, "", hint, line_of(artifact.data, place.line)[:200])


# ---------------------------------------------------------------- one unit


def _faults(found: Found) -> Iterator[Issue]:
    unit, artifact, kind = found.unit, found.artifact, found.name.type
    if kind == "service" and not unit.said("Service", "ExecStart", "ExecStop", "BusName"):
        hint = "add ExecStart= to [Service]: systemd refuses a service without, and holds up those beside it"
        yield _issue(artifact, f"{unit.name} does not say what it runs", unit.position, "incomplete", hint)
    for wrong in own.faults(unit):
        yield _issue(artifact, wrong.message, wrong.option.position, wrong.code, wrong.hint)
    yield from _install(found)
    yield from _wishes(found)


def _unknown(artifact: Artifact, option: Option) -> Issue:
    message = f"'{option.name}' is no option of [{xfleet.SECTION}]; fleet would pass it over without a word"
    return _issue(artifact, message, option.position, "unknown-key", own.meant(option.name, xfleet.NAMES))


def _install(found: Found) -> Iterator[Issue]:
    """[Install] is carried out when a unit is loaded: systemd may then start it without fleet."""
    said = found.unit.said("Install")
    if not said:
        return
    place = said[0].position
    if not any(option.name in _INSTALL for option in said):
        message = "systemd can't enable this [Install] section, and no unit after it would be started on that machine"
        yield _issue(found.artifact, message, place, "install", "leave [Install] out: fleet starts the unit")
    else:
        message = f"[Install] of {found.unit.name} has systemd start it without fleet when its machine boots"
        hint = "leave [Install] out for fleet; for a systemd of its own the file may keep it"
        yield _issue(found.artifact, message, place, "install", hint, WARNING)


def _wishes(found: Found) -> Iterator[Issue]:
    unit, artifact = found.unit, found.artifact
    said: dict[str, list[Option]] = {}
    for option in unit.said(xfleet.SECTION):
        name = xfleet.OLD.get(option.name, option.name)
        if name not in xfleet.NAMES:
            yield _unknown(artifact, option)
            continue
        said.setdefault(name, []).append(option)
        for wrong, hint in _bad_value(found, name, option):
            yield _issue(artifact, f"{option.name}={option.value}: {wrong}", option.position, "value", hint)
    if "Global" in said and not found.wish.is_global:
        del said["Global"]
    for first, other in _TIED:
        if first in said and other in said:
            later = max(said[first][0], said[other][0], key=lambda option: option.position[1:])
            sooner = said[first][0] if later is said[other][0] else said[other][0]
            message = f"{first} can't be used with {other} (line {sooner.position.line})"
            yield _issue(artifact, message, later.position, "combination", "fleet places no unit that has both")
    wish = found.wish
    for name, globs in (("Conflicts", wish.conflicts), ("Replaces", wish.replaces)):
        for glob in globs:
            for peer in wish.peers:
                if xfleet.matches(glob, peer):
                    message = f"MachineOf={peer} wants the unit to which {name}={glob} says no"
                    yield _issue(artifact, message, said[name][-1].position, "combination", "take one of the two away")
    if unit.name in wish.peers:
        message = f"MachineOf={unit.name} is the unit itself: it would never be placed"
        yield _issue(artifact, message, said["MachineOf"][-1].position, "combination", "name another unit")


def _bad_value(found: Found, name: str, option: Option) -> Iterator[tuple[str, str]]:
    value = syntax.joined(option.value)
    if not value:
        yield "it has no value", f"leave it out, or say {name}=..."
        return
    for one in xfleet.values(name, value):
        if name == "MachineMetadata" and (one.count("=") != 1 or one.startswith("=")):
            yield f"'{one}' is not KEY=VALUE; fleet would pass it over without a word", 'several are "a=b" "c=d"'
        elif name == "MachineID" and not re.fullmatch(r"[0-9a-f]{8}|[0-9a-f]{32}", one):
            yield (
                "expected the 32 hexadecimal digits of a machine, or their first 8",
                "see `fleetctl list-machines --full`",
            )
        elif name == "MachineOf" and "%" not in one and names.fault(one):
            yield f"'{one}' is no name of a unit: {names.fault(one)}", "it takes one whole name, and no pattern"
        elif name == "Global" and one.lower() not in (*xfleet.TRUE, *xfleet.FALSE):
            yield "neither true nor false; fleet would take it for false", "write Global=true, or leave it out"
        elif name in ("Conflicts", "Replaces") and xfleet.pattern(one) is None:
            yield (
                f"'{one}' is no pattern: it has a '[' without a ']'",
                "*, ? and [a-z] have a meaning, over the whole name",
            )


# ---------------------------------------------------------------- what units say of themselves


def triggered(units: Sequence[Found]) -> dict[str, Found]:
    """The units that another one of them starts (a timer, a socket, a path), by name, each with that one."""
    found = {common.starts(item.unit): item for item in units}
    own = {item.unit.name for item in units}
    return {name: item for name, item in found.items() if name in own}


def mounted(found: Found) -> tuple[str, ...]:
    """The named volumes that a unit's own commands mount (`docker run -v NAME:/path`). Its machine makes and keeps them."""
    commands = (option.value for option in found.unit.said("Service", "ExecStart"))
    return tuple(name for command in commands for name in _MOUNT.findall(command))
