"""The units of an app, and what systemd would refuse of them. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from atomicapp.errors import ERROR, Issue, SpecError
from atomicapp.model import Artifact
from atomicapp.position import Position, line_of
from atomicapp.providers.units import artifacts as common
from atomicapp.providers.units import names, own, podman, syntax
from atomicapp.providers.units.syntax import Unit
from atomicapp.records import NamedTuple

LONGEST = 255
"""Bytes of a unit's name."""

_NO_FILE = ("device", "scope", "busname", "snapshot")
_OTHERS = (".yaml", ".yml", ".json")
_OTHERS_HINT = "expected a file called as its unit (NAME.service, ...); a Compose file goes under the key `compose`"
_MUST = {
    "service": ("Service", ("ExecStart", "ExecStop", "BusName"), "what it runs (ExecStart=)"),
    "timer": ("Timer", (), "when it elapses (OnCalendar=, OnBootSec=, ...)"),
    "socket": ("Socket", (), "where it listens (ListenStream=, ...)"),
    "path": ("Path", (), "what it watches (PathExists=, PathChanged=, ...)"),
    "mount": ("Mount", ("What",), "what it mounts (What=)"),
    "automount": ("Automount", ("Where",), "where it mounts (Where=)"),
    "swap": ("Swap", ("What",), "where it swaps (What=)"),
}
"""The section of each type, and the options of which it must say one: those in the tuple, or any that begins so below."""

_PREFIXES = {
    "timer": ("On",),
    "socket": ("Listen",),
    "path": ("PathExists", "PathExistsGlob", "PathChanged", "PathModified", "DirectoryNotEmpty"),
}


class Found(NamedTuple):
    """One unit, with the artifact that holds it. `source` is the name of the file of which Podman's generator makes it,
    empty for a unit file: `unit` is then what that file says, under the name of the unit."""

    unit: Unit
    artifact: Artifact
    source: str = ""

    @property
    def name(self) -> names.Name:
        return names.split(self.unit.name)


def read(artifact: Artifact, app: str, beside: Collection[str] = ()) -> list[Found]:
    """The units of an artifact; `beside` are the names of its component's files of variables. SpecError with all that is wrong
    with them."""
    issues: list[Issue] = []
    found: list[Found] = []
    if artifact.path.endswith(_OTHERS):
        message = f"{artifact.path} is no unit file"
        raise SpecError([_issue(artifact, message, Position(artifact.file, 1, 1), "kind", _OTHERS_HINT)])
    for name, text, line in common.texts(artifact, app):
        place = Position(artifact.file, line, 1)
        source = name if podman.is_file(name) else ""
        name = podman.service(source) if source else name
        wrong = names.fault(name) or _bad_name(name)
        if wrong:
            issues.append(
                _issue(artifact, f"'{name}': {wrong}", place, "name", "expected NAME.service, NAME@.service ...")
            )
            continue
        try:
            # empty lines in place of what stands before: the places stay those of the file
            whole = "\n" * (line - 1) + text
            unit = syntax.read(whole, place, name, line_max=None, bare=bool(source))._replace(text=text)
        except SpecError as error:
            issues += [issue._replace(excerpt=line_of(artifact.data, issue.position.line)) for issue in error.issues]
            continue
        found.append(Found(unit, artifact, source))
        issues += _faults(found[-1], beside)
    if any(issue.severity == ERROR for issue in issues):
        raise SpecError(sorted(issues, key=lambda issue: issue.position[1:3]))
    return found


def _bad_name(name: str) -> str:
    kind = name.rpartition(".")[2]
    if name == f".{kind}":
        return "there is nothing before its dot"
    if kind in _NO_FILE:
        return f"systemd makes no {kind} of a file"
    return f"systemd takes names of at most {LONGEST} bytes" if len(name) > LONGEST else ""


def _issue(artifact: Artifact, message: str, place: Position, code: str, hint: str = "") -> Issue:
    return Issue(ERROR, message, place, code, "", hint, line_of(artifact.data, place.line))


def _faults(found: Found, beside: Collection[str]) -> Iterator[Issue]:
    """What systemd refuses to load, or Podman's generator."""
    unit, artifact, kind = found.unit, found.artifact, "" if found.source else found.name.type
    for message, option, hint in podman.faults(unit, found.source, beside) if found.source else ():
        said = unit.said(podman.section(found.source), option) if option else ()
        yield _issue(artifact, message, said[-1].position if said else unit.position, "incomplete", hint)
    section, needed, what = _MUST.get(kind, ("", (), ""))
    prefixes = _PREFIXES.get(kind, ())
    if section and not any(
        option.name in needed or (prefixes and option.name.startswith(prefixes)) for option in unit.said(section)
    ):
        hint = f"add it to the section [{section}]; systemd refuses a {kind} without"
        yield _issue(artifact, f"{unit.name} does not say {what}", unit.position, "incomplete", hint)
    if kind in ("mount", "automount"):
        where = unit.value(section, "Where")
        wanted = f"{names.escape(where.strip('/')) or '-'}.{kind}"
        if where and "%" not in where and wanted != unit.name:
            place = unit.said(section, "Where")[-1].position
            message = f"a {kind} of {where} must be called {wanted}, not {unit.name}"
            yield _issue(artifact, message, place, "name", "rename the file; `systemd-escape --path` tells the name")
    for wrong in own.faults(unit):
        yield _issue(artifact, wrong.message, wrong.option.position, wrong.code, wrong.hint)


# ---------------------------------------------------------------- what units say of themselves


def instances(found: Found) -> tuple[str, ...]:
    """The instances that a template is to run as: by Instances=, or the one that DefaultInstance= names."""
    if not found.name.is_template:
        return ()
    said = own.instances(found.unit)
    if said is not None:
        return said
    default = found.unit.value("Install", "DefaultInstance")
    return (default,) if default else ()


def triggered(units: list[Found]) -> set[str]:
    """The names of units that another one of them starts (a timer, a socket, a path), and nothing else."""
    found = {common.starts(item.unit) for item in units}
    return {item.unit.name for item in units if item.unit.name in found and not item.unit.said("Install")}


def named(found: Found, option: str) -> tuple[str, ...]:
    """The units that an option of [Unit] names, instances by their templates."""
    words = (word for said in found.unit.values("Unit", option) for word in syntax.joined(said.value).split())
    full = [names.expand(word, found.unit.name) for word in words]
    return tuple(names.split(name).template or name for name in full if not names.fault(name))


def state_directories(found: Found) -> tuple[str, ...]:
    """The folders below /var/lib that systemd makes for a service, and keeps."""
    if found.name.type != "service" or found.name.is_template:
        return ()
    said = [
        names.expand(word.partition(":")[0], found.unit.name)
        for option in found.unit.values("Service", "StateDirectory")
        for word in syntax.joined(option.value).split()
    ]
    return tuple(dict.fromkeys(word for word in said if "%" not in word and not word.startswith("/")))
