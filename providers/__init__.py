"""The table of providers: one module or package for each engine, imported only when it is asked for.

Built-in ones stand in BUILTIN. Others are found by the entry-point group `atomicapp.providers`, which is
read only for a name that is not in the table.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from atomicapp.errors import UsageError

if TYPE_CHECKING:
    from atomicapp.providers.base import Provider, Writer

ENTRY_POINTS = "atomicapp.providers"

BUILTIN: dict[str, str] = {
    "docker": "atomicapp.providers.docker",
    "fleet": "atomicapp.providers.fleet",
    "kubernetes": "atomicapp.providers.kubernetes",
    "marathon": "atomicapp.providers.marathon",
    "openshift": "atomicapp.providers.openshift",
    "swarm": "atomicapp.providers.swarm",
    "systemd": "atomicapp.providers.systemd",
}


WRITERS: dict[str, str] = {"quadlet": "atomicapp.providers.units.quadlet"}
"""What `convert` writes and no provider carries out: texts for tools that need nothing from here."""


def names() -> tuple[str, ...]:
    """The names of all providers: the built-in ones, then those of installed packages."""
    from importlib.metadata import entry_points

    return (*BUILTIN, *sorted({entry.name for entry in entry_points(group=ENTRY_POINTS)} - set(BUILTIN)))


def load(name: str) -> Provider:
    """The provider called `name`; UsageError when there is none."""
    from typing import cast

    module = BUILTIN.get(name)
    if module is None:
        from importlib.metadata import entry_points

        for entry in entry_points(group=ENTRY_POINTS):
            if entry.name == name:
                return cast("Provider", entry.load())
        raise UsageError(
            f"no provider named '{name}' is installed",
            hint=f"installed: {', '.join(names())}; render works for every provider that the app has artifacts for",
        )
    return cast("Provider", import_module(module))


def writer(name: str) -> Writer:
    """What writes artifacts called `name`: one of WRITERS, else the provider."""
    from typing import cast

    if name in WRITERS:
        return cast("Writer", import_module(WRITERS[name]))
    if name not in BUILTIN and name not in names():
        raise UsageError(
            f"no provider named '{name}' is installed", hint=f"expected one of {', '.join([*names(), *WRITERS])}"
        )
    return load(name)
