"""The artifacts that the inputs become, as golden files.

python -m tests.compose.kubernetes        writes golden/PROVIDER/NAME.yaml anew; then look at what git shows
"""

from __future__ import annotations

from pathlib import Path

from atomicapp.model import Target
from atomicapp.providers import fleet, kubernetes, marathon, openshift, swarm
from atomicapp.providers.base import Provider
from tests.compose.files import NAMES, read_input

GOLDEN = Path(__file__).parent / "golden"
CASES: tuple[tuple[Provider, tuple[str, ...]], ...] = (
    (kubernetes, NAMES),
    (marathon, NAMES),
    (openshift, ("blog", "proxy", "shop")),
    (swarm, NAMES),
    (fleet, ("blog", "jobs", "queue", "volumes", "voting")),
)
"""The providers, and the inputs that are kept for each: openshift differs from kubernetes by its Routes only."""


def text(provider: Provider, name: str) -> str:
    """All files of an input in one text."""
    files = provider.convert(read_input(name), Target("app"))
    return "".join(f"# {item.path}\n---\n{item.text}" for item in files)


def golden(provider: Provider, name: str) -> Path:
    """Where the text is kept."""
    return GOLDEN / provider.NAME / f"{name}.yaml"


def main() -> None:
    """Write all of them."""
    for provider, names in CASES:
        for name in names:
            path = golden(provider, name)
            path.parent.mkdir(exist_ok=True)
            path.write_text(text(provider, name), encoding="utf-8")


if __name__ == "__main__":
    main()
