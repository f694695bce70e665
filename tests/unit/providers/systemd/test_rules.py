"""The truth of what the systemd provider tells of each key of a Compose file."""

from __future__ import annotations

from typing import Any

from atomicapp.model import COMPOSE, Artifact, Rendered, Target
from atomicapp.position import Position
from atomicapp.providers import systemd
from tests.compose import keys, truth

HERE = Position("Nulecule", 1, 1)
# what these say in their texts is what a machine with one engine does anyway, or it is one of a kind
SAME = frozenset(
    {
        *("name", "networks.driver", "volumes.driver", "services.deploy.mode", "services.deploy.endpoint_mode"),
        *("services.ports.mode", "services.networks.priority", "services.pre_start.per_replica"),
    }
)


def made(text: str) -> Any:
    rendered = Rendered(
        (Artifact("one", COMPOSE, "one.yaml", text, "one.yaml", HERE),),
        read=lambda artifact, path: keys.FILES[path],
        variables=lambda scope: keys.VARIABLES,
    )
    found = systemd.parse(rendered, Target("app")).resources
    return [(item.key, item.name, item.body, item.order, item.needs, item.waits) for item in found]


def converted(text: str) -> Any:
    return systemd.convert(truth.read(text), Target("app"))


def test_the_tables_tell_of_every_key_and_of_no_other() -> None:
    assert truth.gaps(systemd.fidelity()) == ([], [])
    assert truth.gaps(systemd.fidelity(converted=True)) == ([], [])


def test_what_the_table_tells_is_true() -> None:
    assert truth.lies(systemd.fidelity(), made, SAME) == {}


def test_what_the_table_tells_of_unit_files_is_true() -> None:
    assert truth.lies(systemd.fidelity(converted=True), converted, SAME) == {}
