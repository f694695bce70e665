"""Write a project as `docker run` commands, one text in the order of its dependencies. Pure."""

from __future__ import annotations

from atomicapp.errors import ERROR, SpecError
from atomicapp.model import Target
from atomicapp.providers.base import Output
from atomicapp.providers.docker import command, compose
from atomicapp.workload import model
from atomicapp.workload.model import Mount, Workload
from atomicapp.workload.project import Project


def convert(project: Project, target: Target) -> tuple[Output, ...]:
    """See providers.base.Provider. The names are those of a deployment called as the target's app."""
    placed = compose.place(project, target.app, "", frozenset())
    errors = [issue for issue in placed.issues if issue.severity == ERROR]
    if errors:
        raise SpecError(errors)
    lines = [
        command.line(_described(piece.work._replace(name=piece.name), placed), piece.aliases) for piece in placed.pieces
    ]
    return (Output(f"{target.app}_run", "\n".join(lines)),)


def _described(work: Workload, placed: compose.Placed) -> Workload:
    """With the settings of the volumes, which a command says where it mounts them."""

    def described(mount: Mount) -> Mount:
        found = placed.volumes.get(mount.source) if mount.kind == model.VOLUME else None
        if found is None or found.body == {"driver": "local"} or "external" in found.body:
            return mount
        return mount._replace(
            driver=found.body["driver"],
            driver_options=found.body.get("options", {}),
            labels={**mount.labels, **found.body.get("labels", {})},
        )

    return work._replace(mounts=tuple(map(described, work.mounts)))
