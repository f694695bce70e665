"""The truth of what is told of each key of a Compose file that becomes units."""

from __future__ import annotations

from typing import Any

import pytest

from atomicapp.errors import ERROR, SpecError
from atomicapp.providers.units import rules
from atomicapp.providers.units.parts import SHARED_STEPS, Settings
from atomicapp.providers.units.writer import write
from tests.compose import truth

# what these say in their texts is what a machine with one engine does anyway, or it is one of a kind; tried below
SAME = frozenset(
    {
        *("name", "networks.driver", "volumes.driver", "services.deploy.mode", "services.deploy.endpoint_mode"),
        *("services.ports.mode", "services.networks.priority", "services.pre_start.per_replica"),
    }
)
PLACED = Settings("app")
INLINE = Settings("app", shared=SHARED_STEPS, inline=True, env_file=False)


def test_the_table_tells_of_every_key_and_of_no_other() -> None:
    assert truth.gaps(rules.table()) == ([], [])


@pytest.mark.parametrize("settings", [PLACED, INLINE], ids=["placed", "inline"])
def test_what_the_table_tells_is_true(settings: Settings) -> None:
    def made(text: str) -> Any:
        found = write(truth.read(text), settings)
        if any(issue.severity == ERROR for issue in found.issues):
            raise SpecError(found.issues)
        files = [file._replace(position=None) for file in found.files]  # type: ignore[arg-type]
        return [(part.unit.name, part.unit.text, part.instances) for part in found.parts], files

    assert truth.lies(rules.table(), made, SAME) == {}
