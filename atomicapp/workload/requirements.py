"""The persistent volumes that a package requires, and the mounts that meet them. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from atomicapp.model import Volume


def find(volumes: Iterable[Volume], component: str, name: str) -> Volume | None:
    """The requirement called `name` of the component's app, or of the nearest app around it."""
    named = {volume.namespace: volume for volume in volumes if volume.requirement.name == name}
    namespace = component
    while namespace:
        namespace = namespace.rpartition(":")[0]
        if namespace in named:
            return named[namespace]
    return None
