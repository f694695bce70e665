"""A project as artifacts: a file for each service, and one each for what several may use and for secrets. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from atomicapp.emit import emit_all
from atomicapp.errors import ERROR, SpecError
from atomicapp.providers.base import Output
from atomicapp.providers.kubernetes.writer import Around, Object, Written, names, write
from atomicapp.providers.kubernetes.writer.files import SECRET
from atomicapp.workload.project import Project

Write = Callable[[Project, Around], Written]


def convert(project: Project, write: Write = write) -> tuple[Output, ...]:
    """The files, in the order in which they are to be carried out. SpecError when there are names that clash."""
    written = write(project, Around(waiting=True))
    if any(issue.severity == ERROR for issue in written.issues):
        raise SpecError(written.issues)
    files: dict[str, list[Object]] = {}
    taken = {names.address(work.service) for work in project.services}
    for item in written.objects:
        if item.service:
            name = names.address(item.service)
        else:
            name = _free("secrets" if item.body["kind"] == SECRET else "shared", taken)
        files.setdefault(name, []).append(item)
    return tuple(Output(f"{name}.yaml", emit_all(_bodies(objects))) for name, objects in files.items())


def _free(name: str, taken: Iterable[str]) -> str:
    return f"{name}-objects" if name in taken else name


def _bodies(objects: Iterable[Object]) -> Iterable[object]:
    return (item.body for item in objects)
