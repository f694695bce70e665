"""Which texts of an app mean the same: what Marathon fills in, and the forms that newer versions turn older ones into. Pure.

`canonical` has one form for all versions; `differences` looks at what is wanted only, so that nothing which Marathon
fills in is a difference.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from atomicapp.providers.marathon.shape import TOLD
from atomicapp.records import NamedTuple

App = Mapping[str, Any]

_MODES = {"BRIDGE": "container/bridge", "HOST": "host", "USER": "container"}
_ANY_PORT = ("hostPort", "servicePort", "containerPort", "port")
"""0 leaves the choice to Marathon, which then writes down what it has chosen."""
_FREE = ("env", "labels")
"""Mappings of the author's names: what is in them and not wanted is one that is to go."""


class Difference(NamedTuple):
    """A field that differs, with its values (None: absent)."""

    path: str
    old: Any
    new: Any


def canonical(app: App) -> dict[str, Any]:
    """An app in one form, without what is only told of it."""
    found = {name: value for name, value in app.items() if name not in TOLD and value is not None}
    container = found.get("container")
    if isinstance(container, dict):
        container = {name: value for name, value in container.items() if value is not None}
        docker = {name: value for name, value in (container.get("docker") or {}).items() if value is not None}
        mappings = docker.pop("portMappings", None)
        if mappings is not None and not container.get("portMappings"):
            container["portMappings"] = mappings
        old = docker.pop("network", None)
        if old in _MODES and not found.get("networks"):
            name = (found.get("ipAddress") or {}).get("networkName") if old == "USER" else None
            found["networks"] = [{"mode": _MODES[old], **({"name": name} if name else {})}]
            if name:
                found.pop("ipAddress")
        if docker:
            container["docker"] = docker
        found["container"] = container
    uris = found.pop("uris", None) or []
    if uris and not found.get("fetch"):
        found["fetch"] = [{"uri": uri} for uri in uris]
    ports = found.pop("ports", None)
    if ports and not found.get("portDefinitions"):
        found["portDefinitions"] = [{"port": port} for port in ports]
    return found


def differences(wanted: App, live: App) -> Iterator[Difference]:
    """What differs between two canonical apps, in the fields that are wanted. `instances` is one of them."""
    for name, value in wanted.items():
        yield from _differ(name, value, live.get(name))


def drift(wanted: App, live: App) -> bool:
    """Whether someone has changed what was wanted. Another count is none: that is what scaling is for. What others have
    put beside it in free mappings is none either."""
    for found in differences(canonical(wanted), canonical(live)):
        if found.path == "instances" or (found.new is None and found.path.partition("/")[0] in _FREE):
            continue
        return True
    return False


def _differ(path: str, wanted: Any, live: Any) -> Iterator[Difference]:
    if isinstance(wanted, dict) and (isinstance(live, dict) or live is None):
        for name, value in wanted.items():
            yield from _differ(f"{path}/{name}", value, (live or {}).get(name))
        if path in _FREE:
            yield from (
                Difference(f"{path}/{name}", value, None) for name, value in (live or {}).items() if name not in wanted
            )
    elif isinstance(wanted, list) and (isinstance(live, list) or live is None) and not _plain(wanted):
        there = live or []
        for number, value in enumerate(wanted):
            yield from _differ(f"{path}/{number}", value, there[number] if number < len(there) else None)
        for number in range(len(wanted), len(there)):
            yield Difference(f"{path}/{number}", there[number], None)
    elif not _same(path.rpartition("/")[2], wanted, live):
        yield Difference(path, live, wanted)


def _plain(items: list[Any]) -> bool:
    return not any(isinstance(item, dict) for item in items)


def _same(name: str, wanted: Any, live: Any) -> bool:
    if live is None:
        # what is empty, 0 or false need not be told
        return wanted in ("", 0, False) or wanted == [] or wanted == {}
    if name in _ANY_PORT and wanted == 0:
        return True
    if name == "protocol" and isinstance(wanted, str) and isinstance(live, str):
        return sorted(wanted.split(",")) == sorted(live.split(","))
    return bool(wanted == live)


def leaves(app: App) -> Iterator[tuple[str, Any]]:
    """Every value of a canonical app with its path, as differences have them."""
    for name, value in app.items():
        yield from _leaves(name, value)


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(f"{path}/{name}", inner)
    elif isinstance(value, list) and not _plain(value):
        for number, inner in enumerate(value):
            yield from _leaves(f"{path}/{number}", inner)
    else:
        yield path, value


def as_text(value: Any) -> str:
    """A value as people read it."""
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, ensure_ascii=False)


def persistent(app: App) -> dict[str, dict[str, Any]]:
    """The volumes of an app that hold data, by their path: what makes each of them what it is."""
    found = {}
    for volume in (app.get("container") or {}).get("volumes") or ():
        kept = volume.get("persistent") if isinstance(volume, dict) else None
        if isinstance(kept, dict):
            said = {name: value for name, value in kept.items() if value not in (None, [], "root")}
            found[str(volume.get("containerPath", ""))] = said
    return found
