"""The truth of what the swarm provider tells of each key of a Compose file."""

from __future__ import annotations

from typing import Any

from atomicapp.model import COMPOSE, Artifact, Rendered, Target
from atomicapp.position import Position
from atomicapp.providers import swarm
from tests.compose import keys, truth

HERE = Position("Nulecule", 1, 1)


def made(text: str) -> Any:
    rendered = Rendered(
        (Artifact("one", COMPOSE, "one.yaml", text, "one.yaml", HERE),),
        read=lambda artifact, path: keys.FILES[path],
        variables=lambda scope: keys.VARIABLES,
    )
    found = swarm.parse(rendered, Target("app")).resources
    return [(item.key, item.name, item.body, item.order, item.needs, item.waits) for item in found]


def converted(text: str) -> Any:
    return swarm.convert(truth.read(text), Target("app"))


def test_the_tables_tell_of_every_key_and_of_no_other() -> None:
    assert truth.gaps(swarm.fidelity()) == ([], [])
    assert truth.gaps(swarm.fidelity(converted=True)) == ([], [])


# what these say in their texts is what a swarm does anyway
SAME = frozenset(
    {
        *("name", "networks.driver", "volumes.driver", "services.expose", "services.depends_on.required"),
        "services.volumes.bind.create_host_path",
    }
)


def test_what_the_table_tells_is_true() -> None:
    assert truth.lies(swarm.fidelity(), made, SAME) == {}


def test_what_the_table_tells_of_stack_files_is_true() -> None:
    assert truth.lies(swarm.fidelity(converted=True), converted, SAME - {"volumes.driver"}) == {}
