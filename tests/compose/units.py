"""The units and the Quadlet files that the inputs become, as golden files.

python -m tests.compose.units        writes golden/units/NAME.txt and golden/quadlet/NAME.txt anew; then look at what git shows
"""

from __future__ import annotations

from pathlib import Path

from atomicapp.model import Target
from atomicapp.providers.units import quadlet
from atomicapp.providers.units.parts import Settings
from atomicapp.providers.units.writer import write
from tests.compose.files import read_input

GOLDEN = Path(__file__).parent / "golden"
KINDS = ("units", "quadlet")
NAMES = ("blog", "gpu", "hooks", "jobs", "legacy", "limits", "networks", "queue", "volumes", "voting", "wiki")
"""Those of the inputs that say more than others; of some an engine of one machine can't make what they ask for."""


def text(kind: str, name: str) -> str:
    """All files of an input in one text."""
    project = read_input(name)
    if kind == "quadlet":
        return "".join(f"# {item.path}\n{item.text}\n" for item in quadlet.convert(project, Target("app")))
    found = write(project, Settings("app", install="multi-user.target"))
    units = [f"# {part.unit.name}\n# starts {' '.join(part.instances)}\n{part.unit.text}\n" for part in found.parts]
    files = [f"# {file.path} {file.mode:o} {file.uid}:{file.gid}\n{file.text}\n" for file in found.files]
    issues = [f"# {issue.severity} {issue.position}: {issue.message}\n" for issue in found.issues]
    return "".join([*units, *files, *issues])


def golden(kind: str, name: str) -> Path:
    """Where the text is kept."""
    return GOLDEN / kind / f"{name}.txt"


def main() -> None:
    """Write all of them."""
    for kind in KINDS:
        for name in NAMES:
            path = golden(kind, name)
            path.parent.mkdir(exist_ok=True)
            path.write_text(text(kind, name), encoding="utf-8")


if __name__ == "__main__":
    main()
