"""What an artifact of units is: files called as their units, files that hold several, and texts of which units are made. Pure.

A file is called as its unit (`web.service`, `web@.service`). One whose name is no unit's holds some, as `systemctl cat` prints
them: each begins with a comment `# NAME.TYPE`, a path before the name does not count; without one it is the service
APP-COMPONENT.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial

from atomicapp.errors import Issue
from atomicapp.model import COMPOSE, Artifact, Rendered
from atomicapp.providers.units import names, podman
from atomicapp.providers.units.syntax import Unit
from atomicapp.workload.fidelity import Table
from atomicapp.workload.project import Project

TRUE = ("true", "yes", "1", "on", "t")
"""What systemd and fleet take for true."""

_HEAD = re.compile(
    r"^#[ \t]*(?:/\S*/)?([^\s/]+\.(?:" + "|".join(sorted({*names.TYPES, *podman.SUFFIXES})) + r"))[ \t]*\r?$",
    re.MULTILINE,
)
_COMMAND = re.compile(
    r"\A(?:[ \t]*(?:#[^\n]*)?\r?\n)*[ \t]*(?:sudo[ \t]+(?:-\S+[ \t]+)*)?(?:\S*/)?(?:docker|podman)[ \t]"
)
_TRIGGERS = {"timer": "Unit", "path": "Unit", "socket": "Service"}
"""The option by which a unit of each type names what it starts."""


def texts(artifact: Artifact, app: str) -> Iterator[tuple[str, str, int]]:
    """The units of a file: name, text, and the line where it begins."""
    name = artifact.path.rpartition("/")[2]
    if name.rpartition(".")[2] in names.TYPES or podman.is_file(name):
        yield name, artifact.data, 1
        return
    heads = list(_HEAD.finditer(artifact.data))
    if not heads or artifact.data[: heads[0].start()].strip():
        yield f"{names.clean(app, *artifact.component.split(':'))}.service", artifact.data, 1
        return
    ends = [*(head.start() for head in heads[1:]), len(artifact.data)]
    for head, end in zip(heads, ends, strict=True):
        yield head[1], artifact.data[head.start() : end], artifact.data.count("\n", 0, head.start()) + 1


def is_project(artifact: Artifact) -> bool:
    """Whether an artifact is no unit file but a Compose file, or a text of `docker run` commands."""
    return artifact.provider == COMPOSE or bool(_COMMAND.match(artifact.data))


def project(
    rendered: Rendered, artifact: Artifact, issues: list[Issue], provider: str, table: Callable[[], Table]
) -> Project:
    """The containers of such an artifact. What is found, and what the provider can't do by its table, goes to `issues`.
    SpecError for faults."""
    if artifact.provider == COMPOSE:
        from atomicapp.workload import fidelity
        from atomicapp.workload.compose import read_artifact

        found = read_artifact(rendered, artifact)
        issues += found.issues
        issues += fidelity.issues_of(fidelity.judge(found, table()), provider)
        return found
    from atomicapp.workload import runs

    files = partial(rendered.read, artifact) if rendered.read else None
    found = runs.read(artifact.data, artifact.file, files=files)
    issues += found.issues
    return found


def starts(unit: Unit) -> str:
    """The unit that a timer, a socket or a path starts; empty for all others."""
    name = names.split(unit.name)
    if name.type not in _TRIGGERS:
        return ""
    given = unit.value(name.type.title(), _TRIGGERS[name.type])
    accepts = name.type == "socket" and unit.value("Socket", "Accept").lower() in TRUE
    return names.expand(given, unit.name) or f"{name.prefix}{'@' if accepts else ''}.service"


def is_once(unit: Unit) -> bool:
    """Whether a service does its work by coming to an end."""
    remains = unit.value("Service", "RemainAfterExit").lower() in TRUE
    return unit.value("Service", "Type") == "oneshot" and not remains
