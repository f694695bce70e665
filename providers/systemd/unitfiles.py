"""Write a project as unit files, which a machine with systemd and the docker command takes as they are. Pure."""

from __future__ import annotations

from atomicapp.errors import ERROR, SpecError
from atomicapp.model import Target
from atomicapp.providers.base import Output
from atomicapp.providers.systemd import containers
from atomicapp.workload.project import Project

PLACE = "/etc"
"""What the paths of files go below: those of the converted folder `atomicapp` belong to /etc/atomicapp."""


def convert(project: Project, target: Target) -> tuple[Output, ...]:
    """A file for each unit, called as the unit, and the files that the units use. SpecError for what no unit can say."""
    units = containers.write(project, target.app, folder=f"{PLACE}/atomicapp")
    errors = [issue for issue in units.issues if issue.severity == ERROR]
    if errors:
        raise SpecError(errors)
    files = (Output(file.path.removeprefix(f"{PLACE}/"), file.text) for file in units.files)
    return (*(Output(part.unit.name, part.unit.text) for part in units.parts), *files)
