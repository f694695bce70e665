"""The names of things on the engine. Pure.

A container is called as its command says (`--name`), else `APP-COMPONENT`, with `-2`, `-3`... for further commands of
one component; a volume that the app asks for by `requirements` is `APP-NAMESPACE-NAME`; a folder that only asks to be
kept (`-v /path`, VOLUME of an image) is `CONTAINER-PATH`. The parts of a namespace are joined with dashes.
"""

from __future__ import annotations

import re

_BAD = re.compile(r"[^a-zA-Z0-9_.-]+", re.ASCII)
VALID = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+", re.ASCII)
"""What the engine takes as the name of a container or a volume."""


def clean(*parts: str) -> str:
    """The parts joined with dashes, without what the engine does not take in a name."""
    cleaned = (_BAD.sub("-", part).strip("-._") for part in parts)
    return "-".join(part for part in cleaned if part) or "app"


def container(app: str, component: str, number: int) -> str:
    """The name of the `number`-th (from 1) nameless command of a component."""
    return clean(app, *component.split(":"), *([str(number)] if number > 1 else []))


def requirement(app: str, namespace: str, name: str) -> str:
    """The name of a volume that an app's requirements ask for."""
    return clean(app, *namespace.split(":"), name)


def kept_folder(container_name: str, target: str) -> str:
    """The name of the volume for a folder of one container."""
    return clean(container_name, *target.split("/"))


def aliases(component: str) -> tuple[str, ...]:
    """What a component is called on networks: its own name, and the dashed path from the root when that differs."""
    parts = [clean(part) for part in component.split(":") if part]
    return tuple(dict.fromkeys([parts[-1], "-".join(parts)])) if parts else ()
