"""From the artifacts of an app to projects: Compose files, and texts of `docker service create` commands. Pure."""

from __future__ import annotations

import re
from functools import partial

from atomicapp.errors import ERROR, Issue, SpecError
from atomicapp.model import COMPOSE, Artifact, Rendered
from atomicapp.position import Position, line_of
from atomicapp.providers.swarm import rules
from atomicapp.providers.swarm.normal import normalised
from atomicapp.records import NamedTuple
from atomicapp.workload.fidelity import issues_of, judge
from atomicapp.workload.project import Project

_COMMAND = re.compile(r"^[ \t]*(?:sudo[ \t]+(?:-\S+[ \t]+)*)?(?:\S*/)?docker[ \t]", re.MULTILINE)
_VARIABLE = re.compile(r"\$\{[A-Za-z_]\w*:?[-+?][^}\n]*\}?", re.ASCII)
_MAPPING = re.compile(r"\A\s*(?:\{|(?:[#%\-].*\n\s*)*[\"']?[\w.-]+[\"']?[ \t]*:(?:\s|\Z))", re.MULTILINE)


class Part(NamedTuple):
    """What one artifact says. `literal`: names are those of the swarm itself, as a command line has them, and what it
    names but does not describe may be there already."""

    artifact: Artifact
    project: Project
    literal: bool


def read(rendered: Rendered, issues: list[Issue]) -> list[Part]:
    """The artifacts, each as a project in the words of swarm mode. Faults go to `issues`; what has some is left out."""
    parts = []
    for artifact in rendered.artifacts:
        try:
            part = _read(rendered, artifact, issues)
        except SpecError as error:
            issues += error.issues
            continue
        if not part.literal:
            issues += issues_of(judge(part.project, rules.TABLE), "swarm")
        project, found = normalised(part.project)
        issues += [issue._replace(excerpt=line_of(artifact.data, issue.position.line)) for issue in found]
        parts.append(part._replace(project=project))
    return parts


def is_compose(artifact: Artifact) -> bool:
    """Whether an artifact is a Compose file: by its key, or by what it looks like."""
    if artifact.provider == COMPOSE:
        return True
    return not _COMMAND.search(artifact.data) and bool(_MAPPING.match(artifact.data))


def _read(rendered: Rendered, artifact: Artifact, issues: list[Issue]) -> Part:
    if is_compose(artifact):
        from atomicapp.workload import compose

        own = artifact.provider != COMPOSE
        if own:
            _refuse_variables(artifact)
        # a stack file of this provider is filled in by the package alone, where `$$` is a dollar
        project = compose.read_artifact(rendered, artifact, artifact.data.replace("$", "$$") if own else None)
        issues += project.issues
        return Part(artifact, project, literal=False)
    from atomicapp.workload import docker_service

    files = partial(rendered.read, artifact) if rendered.read else None
    found = docker_service.parse(artifact.data, artifact.file, read=files)
    issues += found.issues
    return Part(artifact, Project(artifact.file, found.workloads), literal=True)


def _refuse_variables(artifact: Artifact) -> None:
    """SpecError for what only Compose's own rules would fill in."""
    issues = []
    for match in _VARIABLE.finditer(artifact.data):
        place = Position.at_offset(artifact.file, artifact.data, match.start())
        message = f"'{match[0]}' is filled in by Compose's own rules, which hold for artifacts with the key compose"
        hint = "put the file under that key, or write a param: $NAME"
        issues.append(Issue(ERROR, message, place, "variable", "", hint, line_of(artifact.data, place.line)))
    if issues:
        raise SpecError(issues)
