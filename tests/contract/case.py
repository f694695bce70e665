"""What a provider's tests must bring so that the contract can drive it."""

from __future__ import annotations

from typing import NamedTuple

from atomicapp.model import Artifact, Rendered, Target
from atomicapp.position import Position
from atomicapp.providers.base import Provider

HERE = Position("Nulecule", 1, 1)


class Case(NamedTuple):
    """A provider on a real engine, and texts of its own artifacts.

    `web` and `db` are two components that run; `web_changed` is web with another setting; `broken` ends with exit
    code 3 after it wrote `boom`; `web` writes `hello` into its log and `db` holds data.
    """

    provider: Provider
    target: Target
    web: str
    web_changed: str
    broken: str
    db: str
    artifacts: str = ""
    """The provider whose text these are, where it is not this one: COMPOSE."""

    def rendered(self, **components: str) -> Rendered:
        """Artifacts of the named components, in this order."""
        return Rendered(
            tuple(
                Artifact(name, self.artifacts or self.provider.NAME, f"{name}_run", text, f"{name}_run", HERE)
                for name, text in components.items()
            )
        )
