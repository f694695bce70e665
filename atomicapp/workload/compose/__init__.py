"""Read a Compose file, as the Compose Specification has it today, into a Project.

Pure but for `files` and `folders`. `variables` are what the file's own variables (`${NAME}`) and names without a value see, `profiles`
those that are active (`*`: all), `files` gives the text of a file of the package by its path below the folder of the
package, of which `folder` is the part in which the Compose file stands; `folders` lists the files below a folder of the package
by their paths (OSError for what is none).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from posixpath import dirname

from atomicapp.model import Artifact, Rendered
from atomicapp.workload.compose.reader import read_project, read_variables
from atomicapp.workload.project import Project

__all__ = ["read", "read_artifact", "read_env"]


def read(
    text: str,
    file: str,
    *,
    variables: Mapping[str, str],
    files: Callable[[str], str] | None = None,
    profiles: Sequence[str] = (),
    folder: str = "",
    folders: Callable[[str], Sequence[str]] | None = None,
) -> Project:
    """The project of a text; `file` is how messages name it. SpecError with all faults at once."""
    return read_project(text, file, variables, files, profiles, folder, folders)


def read_artifact(rendered: Rendered, artifact: Artifact, text: str | None = None) -> Project:
    """The project of an artifact (of `text`, where it is to be read in another wording): the params that reach its component
    are its environment, and paths are relative to the folder in which it stands."""
    return read(
        artifact.data if text is None else text,
        artifact.file,
        variables=rendered.variables(artifact.component) if rendered.variables else {},
        files=partial(rendered.read, artifact) if rendered.read else None,
        folders=partial(rendered.below, artifact) if rendered.below else None,
        folder=dirname(artifact.path),
    )


def read_env(text: str, file: str, variables: Mapping[str, str]) -> dict[str, str]:
    """The variables of a file such as `.env`, where `variables` go before its own. SpecError with all faults."""
    return read_variables(text, file, variables)
