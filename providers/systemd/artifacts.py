"""Unit files of an app: which units its artifacts hold, and what systemd would refuse of them. Pure.

A file is called as its unit (`web.service`, `web@.service`). One whose name is no unit's holds some, as `systemctl cat` prints
them: each begins with a comment `# NAME.TYPE`, a path before the name does not count; without one it is the service
APP-COMPONENT.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator

from atomicapp.errors import ERROR, Issue, SpecError
from atomicapp.model import Artifact
from atomicapp.position import Position, line_of
from atomicapp.providers.systemd.marks import SECTION
from atomicapp.providers.units import names, syntax
from atomicapp.providers.units.syntax import Option, Unit
from atomicapp.records import NamedTuple

LONGEST = 255
"""Bytes of a unit's name."""

MOST_INSTANCES = 1000
OWN = ("Instances", "DesiredState", "Volume")
"""The options of [X-Atomicapp] that an author may write; they are those of the provider fleet."""

_HEAD = re.compile(r"^#[ \t]*(?:/\S*/)?([^\s/]+\.(?:" + "|".join(sorted(names.TYPES)) + r"))[ \t]*\r?$", re.MULTILINE)
_VOLUME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+", re.ASCII)
_NO_FILE = ("device", "scope", "busname", "snapshot")
_OTHERS = (".yaml", ".yml", ".json")
_OTHERS_HINT = "expected a file called as its unit (NAME.service, ...); a Compose file goes under the key `compose`"
_TRIGGERS = {"timer": "Unit", "path": "Unit", "socket": "Service"}
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
    """One unit, with the artifact that holds it."""

    unit: Unit
    artifact: Artifact

    @property
    def name(self) -> names.Name:
        return names.split(self.unit.name)


def read(artifact: Artifact, app: str) -> list[Found]:
    """The units of an artifact. SpecError with all that is wrong with them."""
    issues: list[Issue] = []
    found: list[Found] = []
    if artifact.path.endswith(_OTHERS):
        message = f"{artifact.path} is no unit file"
        raise SpecError([_issue(artifact, message, Position(artifact.file, 1, 1), "kind", _OTHERS_HINT)])
    for name, text, line in _texts(artifact, app):
        place = Position(artifact.file, line, 1)
        wrong = names.fault(name) or _bad_name(name)
        if wrong:
            issues.append(
                _issue(artifact, f"'{name}': {wrong}", place, "name", "expected NAME.service, NAME@.service ...")
            )
            continue
        try:
            # empty lines in place of what stands before: the places stay those of the file
            unit = syntax.read("\n" * (line - 1) + text, place, name, line_max=None)._replace(text=text)
        except SpecError as error:
            issues += [issue._replace(excerpt=line_of(artifact.data, issue.position.line)) for issue in error.issues]
            continue
        found.append(Found(unit, artifact))
        issues += _faults(found[-1])
    if any(issue.severity == ERROR for issue in issues):
        raise SpecError(sorted(issues, key=lambda issue: issue.position[1:3]))
    return found


def _texts(artifact: Artifact, app: str) -> Iterator[tuple[str, str, int]]:
    """The units of a file: name, text, and the line where it begins."""
    name = artifact.path.rpartition("/")[2]
    if name.rpartition(".")[2] in names.TYPES:
        yield name, artifact.data, 1
        return
    heads = list(_HEAD.finditer(artifact.data))
    if not heads or artifact.data[: heads[0].start()].strip():
        yield f"{names.clean(app, *artifact.component.split(':'))}.service", artifact.data, 1
        return
    ends = [*(head.start() for head in heads[1:]), len(artifact.data)]
    for head, end in zip(heads, ends, strict=True):
        yield head[1], artifact.data[head.start() : end], artifact.data.count("\n", 0, head.start()) + 1


def _bad_name(name: str) -> str:
    kind = name.rpartition(".")[2]
    if name == f".{kind}":
        return "there is nothing before its dot"
    if kind in _NO_FILE:
        return f"systemd makes no {kind} of a file"
    return f"systemd takes names of at most {LONGEST} bytes" if len(name) > LONGEST else ""


def _issue(artifact: Artifact, message: str, place: Position, code: str, hint: str = "") -> Issue:
    return Issue(ERROR, message, place, code, "", hint, line_of(artifact.data, place.line))


def _faults(found: Found) -> Iterator[Issue]:
    """What systemd refuses to load."""
    unit, artifact, kind = found.unit, found.artifact, found.name.type
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
    for option in unit.said(SECTION):
        wrong = ""
        if option.name not in OWN:
            close = difflib.get_close_matches(option.name, OWN, 1)
            hint = f"did you mean {close[0]}=?" if close else f"expected one of {', '.join(OWN)}"
            yield _issue(artifact, f"'{option.name}' is no option of [{SECTION}]", option.position, "unknown-key", hint)
        elif option.name == "Instances":
            wrong = _bad_instances(found, option)
        elif option.name == "DesiredState" and option.value not in ("loaded", "launched"):
            wrong = "expected launched, or loaded for a unit that others start"
        elif option.name == "Volume":
            bad = [word for word in syntax.joined(option.value).split() if not _VOLUME.fullmatch(word)]
            wrong = f"'{bad[0]}' can't name a volume" if bad else ""
        if wrong:
            yield _issue(artifact, f"{option.name}={option.value}: {wrong}", option.position, option.name.lower())


def _instance_options(unit: Unit) -> tuple[Option, ...]:
    return unit.said(SECTION, "Instances")[-1:]


def _bad_instances(found: Found, option: Option) -> str:
    if not found.name.is_template:
        return f"only a template has instances; expected a file {found.name.prefix}@.{found.name.type}"
    value = syntax.joined(option.value)
    if value.isascii() and value.isdigit():
        return f"at most {MOST_INSTANCES}" if len(value) > 6 or int(value) > MOST_INSTANCES else ""
    for word in value.split():
        name = f"{found.name.prefix}@{word}.{found.name.type}"
        if "@" in word or names.fault(name):
            return f"'{word}' can't name an instance; expected a count, or names between spaces"
    return "" if value.split() else "expected a count, or names between spaces"


# ---------------------------------------------------------------- what units say of themselves


def instances(found: Found) -> tuple[str, ...]:
    """The instances that a template is to run as: by Instances=, or the one that DefaultInstance= names."""
    if not found.name.is_template:
        return ()
    said = _instance_options(found.unit)
    if not said:
        default = found.unit.value("Install", "DefaultInstance")
        return (default,) if default else ()
    value = syntax.joined(said[-1].value)
    if value.isdigit():
        return numbered(int(value))
    return tuple(dict.fromkeys(value.split()))


def numbered(count: int) -> tuple[str, ...]:
    """The names of so many instances."""
    return tuple(str(number) for number in range(1, count + 1))


def triggered(units: list[Found]) -> set[str]:
    """The names of units that another one of them starts (a timer, a socket, a path), and nothing else."""
    found = set()
    for item in units:
        kind = item.name.type
        if kind not in _TRIGGERS:
            continue
        given = item.unit.value(kind.title(), _TRIGGERS[kind])
        accepts = kind == "socket" and item.unit.value("Socket", "Accept").lower() in ("yes", "true", "on", "1")
        found.add(names.expand(given, item.unit.name) or f"{item.name.prefix}{'@' if accepts else ''}.service")
    own = {item.unit.name: item.unit for item in units}
    return {name for name in found if name in own and not own[name].said("Install")}


def named(found: Found, option: str) -> tuple[str, ...]:
    """The units that an option of [Unit] names, instances by their templates."""
    words = (word for said in found.unit.values("Unit", option) for word in syntax.joined(said.value).split())
    full = [names.expand(word, found.unit.name) for word in words]
    return tuple(names.split(name).template or name for name in full if not names.fault(name))


def is_loaded_only(unit: Unit) -> bool:
    """Whether a unit is for others to start."""
    return unit.value(SECTION, "DesiredState") == "loaded"


def volumes(unit: Unit) -> tuple[Option, ...]:
    """The volumes of the container engine that hold a unit's data, an option for each."""
    return tuple(
        option._replace(value=word)
        for option in unit.said(SECTION, "Volume")
        for word in syntax.joined(option.value).split()
    )


def is_once(unit: Unit) -> bool:
    """Whether a service does its work by coming to an end."""
    remains = unit.value("Service", "RemainAfterExit").lower() in ("yes", "true", "on", "1")
    return unit.value("Service", "Type") == "oneshot" and not remains


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
