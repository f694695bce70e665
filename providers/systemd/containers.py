"""Units that run containers, written for Compose files and `docker run` commands: by providers.units.writer for the docker
command, by providers.units.quadlet for Podman's generator. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from atomicapp.errors import Issue
from atomicapp.model import Artifact, Rendered
from atomicapp.position import Position, line_of
from atomicapp.providers.docker import names as docker_names
from atomicapp.providers.systemd import runtime
from atomicapp.providers.systemd.folder import FILES
from atomicapp.providers.units import artifacts, podman, quadlet, writer
from atomicapp.providers.units.parts import CONTAINER, Part, Settings, Units
from atomicapp.records import NamedTuple
from atomicapp.workload import model, requirements
from atomicapp.workload.fidelity import Table
from atomicapp.workload.model import Port
from atomicapp.workload.project import Project

DOCKER = "/usr/bin/docker"
ENGINE = "docker.service"
TARGETS = "multi-user.target default.target"
"""What starts units at boot: the first is of the system, the second of a user's manager."""


class Written(NamedTuple):
    """The units of one artifact, the volumes whose data outlives them (name, what removes it, place), and the requirements
    of the package (namespace, name) that they meet."""

    artifact: Artifact
    units: Units
    volumes: tuple[tuple[str, tuple[str, ...], Position], ...]
    met: frozenset[tuple[str, str]]


def read(rendered: Rendered, artifact: Artifact, app: str, issues: list[Issue], program: str) -> Written:
    """The units of an artifact, whose containers a `program` of runtime.NAMES runs. SpecError for faults of its text; others
    go to `issues`."""
    of_podman = program == runtime.PODMAN
    project = artifacts.project(rendered, artifact, issues, "systemd", quadlet.fidelity if of_podman else _table)
    found = {
        key: requirements.find(rendered.volumes, artifact.component, key)
        for key in {*project.volumes, *(mount.source for work in project.services for mount in work.mounts)}
        if key
    }
    met = {key: volume for key, volume in found.items() if volume is not None}
    names = {
        key: docker_names.requirement(app, volume.namespace, volume.requirement.name) for key, volume in met.items()
    }
    units = (_for_podman if of_podman else write)(project, app, artifact.component, names)
    issues += [issue._replace(excerpt=_excerpt(artifact, issue)) for issue in units.issues]
    used = frozenset((volume.namespace, volume.requirement.name) for volume in met.values())
    purge = podman.purge if of_podman else _purge
    return Written(artifact, units, tuple(_volumes(project, units, purge)), used)


def write(
    project: Project, app: str, component: str = "", volumes: dict[str, str] | None = None, *, folder: str = FILES
) -> Units:
    """The units of a project, whose files lie in `folder`. The docker service may be absent (another engine answers the
    command): it is wanted, not required."""
    settings = Settings(
        app,
        component,
        folder=folder,
        docker=DOCKER,
        engine_unit="",
        install=TARGETS,
        volumes=volumes or {},
        line_max=None,
    )
    found = writer.write(project, settings)
    wanted = (("Wants", ENGINE), ("After", ENGINE))
    return found._replace(
        parts=tuple(part._replace(unit=part.unit.with_options("Unit", wanted)) for part in found.parts)
    )


def _for_podman(project: Project, app: str, component: str, volumes: dict[str, str]) -> Units:
    """The files of which Podman's generator makes the units of a project."""
    settings = Settings(
        app,
        component,
        folder=FILES,
        docker=quadlet.PROGRAM,
        engine_unit="",
        install=TARGETS,
        volumes=volumes,
        line_max=None,
    )
    return quadlet.write(project, settings)


def _purge(name: str) -> tuple[str, ...]:
    return (DOCKER, "volume", "rm", name)


def _table() -> Table:
    from atomicapp.providers.systemd import rules

    return rules.TABLE


def _excerpt(artifact: Artifact, issue: Issue) -> str:
    return line_of(artifact.data, issue.position.line) if issue.position.file == artifact.file else ""


def _volumes(
    project: Project, units: Units, purge: Callable[[str], tuple[str, ...]]
) -> list[tuple[str, tuple[str, ...], Position]]:
    """The named volumes that are not someone else's; `purge` gives the words that remove one."""
    external = {spec.name or key for key, spec in project.volumes.items() if spec.external}
    undo = {part.name: part.undo for part in units.parts if part.undo}
    found: dict[str, tuple[str, tuple[str, ...], Position]] = {}
    for part in units.parts:
        for mount in part.work.mounts if part.work else ():
            name = mount.source
            if mount.kind == model.VOLUME and name and name not in external:
                found.setdefault(name, (name, undo.get(name) or purge(name), mount.position))
    return list(found.values())


def told(part: Part) -> dict[str, Any]:
    """What a listing is to tell of a container: its image, and its ports as a user opens them; its name, where it tells of
    its health."""
    if part.kind != CONTAINER or part.work is None:
        return {}
    check = part.work.healthcheck
    checked = check is not None and check.test not in ((), ("NONE",)) and not part.once
    return {
        "image": part.work.image,
        "ports": [_port(port) for port in part.work.ports if port.host],
        "health": part.name if checked else "",
    }


def _port(port: Port) -> str:
    ip = f"[{port.host_ip}]" if ":" in port.host_ip else port.host_ip
    return f"{ip or '0.0.0.0'}:{port.host}->{port.container}/{port.protocol or 'tcp'}"  # noqa: S104 (shown, not bound)
