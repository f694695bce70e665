"""A project as stable text, for the eye and for comparison.

python -m tests.compose.dump        writes golden/NAME.txt of all inputs anew; then look at what git shows
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from atomicapp.position import Position
from atomicapp.workload.project import Project
from tests.compose.files import NAMES, read_input

GOLDEN = Path(__file__).parent / "golden"


def dump(project: Project) -> str:
    """All of a project but what is as by default; what is said and the findings with their places."""
    lines = [f"name: {project.name!r}"]
    for work in project.services:
        lines.append(f"service {work.service} at {work.position.file}:{work.position.line}")
        lines += _fields(work._replace(service=""), 1)
    for room in ("networks", "volumes", "configs", "secrets"):
        for key, spec in getattr(project, room).items():
            lines.append(f"{room} {key} at {spec.position.file}:{spec.position.line}")
            lines += _fields(spec._replace(key=""), 1)
    lines.append("said")
    for item in project.said:
        verdict = f" [{item.outcome}: {item.how}]" if item.outcome else ""
        place = f"{item.position.file}:{item.position.line}:{item.position.column}"
        lines.append(f"  {place} {item.key}{f' of {item.subject}' if item.subject else ''}{verdict}")
    lines.append("issues")
    for issue in project.issues:
        lines.append(f"  {issue.severity} {issue.position}: {issue.message} [{issue.code}]")
    return "\n".join(lines) + "\n"


def _fields(value: Any, depth: int) -> Iterator[str]:
    defaults = value._field_defaults
    for name in value._fields:
        part = getattr(value, name)
        if name not in ("position", "where") and not (name in defaults and part == defaults[name]):
            yield from _part(name, part, depth)


def _part(name: str, part: Any, depth: int) -> Iterator[str]:
    indent = "  " * depth
    if isinstance(part, Position):
        return
    if hasattr(part, "_fields"):
        yield f"{indent}{name}"
        yield from _fields(part, depth + 1)
    elif isinstance(part, Mapping):
        yield f"{indent}{name}: {dict(part)!r}"
    elif isinstance(part, tuple) and part and hasattr(part[0], "_fields"):
        for item in part:
            if any(hasattr(inner, "_fields") and not isinstance(inner, Position) for inner in item):
                yield f"{indent}{name} -"
                yield from _fields(item, depth + 1)
            else:
                yield f"{indent}{name} - {', '.join(line.strip() for line in _fields(item, 0))}"
    elif part != "":
        yield f"{indent}{name}: {part!r}"


def main() -> None:
    """Write the dumps of all inputs."""
    for name in NAMES:
        (GOLDEN / f"{name}.txt").write_text(dump(read_input(name)), encoding="utf-8")


if __name__ == "__main__":
    main()
