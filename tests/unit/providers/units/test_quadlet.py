"""Projects as Quadlet files."""

from __future__ import annotations

from typing import Any

from atomicapp.model import Target
from atomicapp.providers.units import quadlet
from tests.compose import truth

# what these say in their texts is what Podman does anyway, or it is one of a kind
SAME = frozenset(
    {
        *("name", "networks.driver", "volumes.driver", "services.deploy.mode", "services.deploy.endpoint_mode"),
        *("services.ports.mode", "services.networks.priority", "services.pre_start.per_replica"),
        "networks.ipam.driver",
    }
)


def converted(text: str) -> Any:
    return quadlet.convert(truth.read(text), Target("app"))


def test_the_table_tells_of_every_key_and_of_no_other() -> None:
    assert truth.gaps(quadlet.fidelity()) == ([], [])


def test_what_the_table_tells_is_true() -> None:
    assert truth.lies(quadlet.fidelity(), converted, SAME) == {}
