"""The truth of what the marathon provider tells of each key of a Compose file."""

from __future__ import annotations

from typing import Any

from atomicapp.model import COMPOSE, Artifact, Rendered, Target
from atomicapp.position import Position
from atomicapp.providers import marathon
from tests.compose import keys, truth

HERE = Position("Nulecule", 1, 1)


def made(text: str) -> Any:
    rendered = Rendered(
        (Artifact("one", COMPOSE, "one.yaml", text, "one.yaml", HERE),),
        read=lambda artifact, path: keys.FILES[path],
        variables=lambda scope: keys.VARIABLES,
    )
    found = marathon.parse(rendered, Target("app")).resources
    return [(item.key, item.name, item.body, item.order, item.needs, item.waits) for item in found]


def converted(text: str) -> Any:
    return marathon.convert(truth.read(text), Target("app"))


def test_the_table_tells_of_every_key_and_of_no_other() -> None:
    assert truth.gaps(marathon.fidelity()) == ([], [])
    assert truth.gaps(marathon.fidelity(converted=True)) == ([], [])


# what these say in their texts is what Marathon does anyway, or what the writer asks for in any case
SAME = frozenset(
    {
        *("name", "services.ports.mode", "services.depends_on.required"),
        *("services.mem_limit", "services.deploy.resources.limits.memory"),
    }
)


def test_what_the_table_tells_is_true() -> None:
    assert truth.lies(marathon.fidelity(), made, SAME) == {}


def test_what_the_table_tells_of_converted_files_is_true() -> None:
    assert truth.lies(marathon.fidelity(converted=True), converted, SAME) == {}
