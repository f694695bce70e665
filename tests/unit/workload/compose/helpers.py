"""How the tests of the reader call it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from atomicapp.errors import ERROR, SpecError
from atomicapp.workload.compose import read
from atomicapp.workload.model import Workload
from atomicapp.workload.project import Project

FILE = "compose.yaml"


def reader(files: Mapping[str, str]) -> Callable[[str], str]:
    """Files of a package from a dictionary."""

    def read_file(path: str) -> str:
        try:
            return files[path]
        except KeyError:
            raise FileNotFoundError(2, "No such file or directory") from None

    return read_file


def project(
    text: str,
    variables: Mapping[str, str] | None = None,
    files: Mapping[str, str] | None = None,
    profiles: Sequence[str] = (),
    **more: Any,
) -> Project:
    """The project of a text."""
    read_file = None if files is None else reader(files)
    return read(text, FILE, variables=variables or {}, files=read_file, profiles=profiles, **more)


def indented(text: str, blanks: int) -> str:
    """A text, each line of it moved to the right."""
    return "".join(f"{' ' * blanks}{line}\n" for line in text.strip("\n").split("\n"))


def service_text(keys: str, rest: str = "") -> str:
    """A file with one service `web`, with some keys besides its image."""
    return f"services:\n  web:\n    image: example/web:1\n{indented(keys, 4)}{rest}"


def service(keys: str, rest: str = "", **more: Any) -> Workload:
    """The one service of such a file."""
    found = project(service_text(keys, rest), **more).service("web")
    assert found is not None
    return found


def faults(text: str, variables: Mapping[str, str] | None = None, files: Mapping[str, str] | None = None) -> list[str]:
    """The errors of a bad text, as LINE:COLUMN MESSAGE (| HINT)."""
    with pytest.raises(SpecError) as caught:
        project(text, variables, files)
    found = [issue for issue in caught.value.issues if issue.severity == ERROR]
    for issue in found:
        assert issue.position.line or not text.strip()
        assert issue.code
    return [
        f"{'' if issue.position.file == FILE else issue.position.file + ':'}{issue.position.line}:{issue.position.column} "
        + issue.message
        + (f" | {issue.hint}" if issue.hint else "")
        for issue in found
    ]
