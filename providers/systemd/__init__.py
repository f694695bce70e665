"""The systemd provider: artifacts are unit files, which the systemd of this machine runs.

artifacts   texts -> units, with what systemd would refuse; resources units -> resources (pure)
marks       the section by which a unit file says whose it is; fields a unit as paths and texts
runtime     which program runs containers here: units are written for the docker command, or as files for Podman's generator
process     one call of a program
tools       the way to systemd: systemctl, journalctl, the folder of the unit files
folder      what lies in that folder; observe what is there; compare what differs; apply makes it so
ready, journal, reasons   how it is doing, what it wrote, and why it did not work
"""

from __future__ import annotations

from atomicapp.errors import EngineError
from atomicapp.model import Parsed, Rendered, Target
from atomicapp.providers.base import Output, Reachable, Session
from atomicapp.workload.fidelity import Table
from atomicapp.workload.project import Project

NAME = "systemd"
ACCEPTS = "unit files, called as their units (NAME.service, NAME@.service, ...), Podman's Quadlet files, a text of `docker run` commands, Compose files"


def parse(rendered: Rendered, target: Target) -> Parsed:
    """See providers.base.Provider. Pure, but for a look at which program is here to run containers."""
    from atomicapp.providers.systemd import resources, runtime

    return resources.parse(rendered, target, runtime.of(target))


def fidelity(*, converted: bool = False) -> Table:
    """See providers.base.Provider."""
    from atomicapp.providers.systemd import rules

    return rules.CONVERTED if converted else rules.TABLE


def convert(project: Project, target: Target) -> tuple[Output, ...]:
    """See providers.base.Provider."""
    from atomicapp.providers.systemd import unitfiles

    return unitfiles.convert(project, target)


def connect(target: Target) -> Session:
    """See providers.base.Provider."""
    from atomicapp.providers.systemd import tools
    from atomicapp.providers.systemd.session import SystemdSession

    return SystemdSession(tools.connect(target))


def reachable(target: Target) -> Reachable:
    """See providers.base.Provider."""
    import os

    from atomicapp.providers.systemd import runtime, tools

    where = ""
    try:
        found = tools.locate(target)
        where = str(found.folder)
        version, state = tools.version(found)
    except EngineError as error:
        return Reachable(False, error.message, where)
    nearest = next((folder for folder in (found.folder, *found.folder.parents) if folder.exists()), found.folder)
    if not os.access(nearest, os.W_OK):
        return Reachable(False, "the folder of unit files can't be written to by this user", where)
    return Reachable(
        True,
        f"version {version}, {'user manager' if found.user else 'system'} {state}, containers by {runtime.of(target)}",
        where,
    )
