"""From the artifacts of an app to projects: Compose files, and texts of `docker service create` commands. Pure."""

from __future__ import annotations

import re
from functools import partial
from pathlib import PurePosixPath
from typing import NamedTuple

from atomicapp.errors import Issue, SpecError
from atomicapp.model import COMPOSE, Artifact, Rendered
from atomicapp.workload.project import Project

_COMMAND = re.compile(r"^[ \t]*(?:sudo[ \t]+(?:-\S+[ \t]+)*)?(?:\S*/)?docker[ \t]", re.MULTILINE)
_MAPPING = re.compile(r"\A\s*(?:\{|(?:[#%\-].*\n\s*)*[\"']?[\w.-]+[\"']?[ \t]*:(?:\s|\Z))", re.MULTILINE)


class Part(NamedTuple):
    """What one artifact says. `literal`: names are those of the swarm itself, as a command line has them, and what it
    names but does not describe may be there already."""

    artifact: Artifact
    project: Project
    literal: bool


def read(rendered: Rendered, issues: list[Issue]) -> list[Part]:
    """The artifacts, each as a project. Faults go to `issues`; what has some is left out."""
    parts = []
    for artifact in rendered.artifacts:
        try:
            parts.append(_read(rendered, artifact, issues))
        except SpecError as error:
            issues += error.issues
    return parts


def is_compose(artifact: Artifact) -> bool:
    """Whether an artifact is a Compose file: by its key, or by what it looks like."""
    if artifact.provider == COMPOSE:
        return True
    return not _COMMAND.search(artifact.data) and bool(_MAPPING.match(artifact.data))


def _read(rendered: Rendered, artifact: Artifact, issues: list[Issue]) -> Part:
    files = partial(rendered.read, artifact) if rendered.read else None
    if is_compose(artifact):
        from atomicapp.workload import compose

        folder = str(PurePosixPath(artifact.path).parent)
        project = compose.read(
            artifact.data,
            artifact.file,
            variables=rendered.variables(artifact.component) if rendered.variables else {},
            files=files,
            folder="" if folder == "." else folder,
        )
        issues += project.issues
        return Part(artifact, project, literal=False)
    from atomicapp.workload import docker_service

    found = docker_service.parse(artifact.data, artifact.file, read=files)
    issues += found.issues
    return Part(artifact, Project(artifact.file, found.workloads), literal=True)
