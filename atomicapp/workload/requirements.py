"""The persistent volumes that a package requires, and the mounts that meet them. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from atomicapp.errors import WARNING, Issue
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


def unmet(
    volumes: Iterable[Volume], used: Collection[tuple[str, str]], what: str, mount: str, local: str, disk: str
) -> Iterator[Issue]:
    """What is to be said where volumes lie on an engine: of those that no `what` mounts (`used` are namespace and name of the
    others; `mount` is how NAME is mounted), and of sizes, for `local` volumes have no limit, and `disk` must have the room."""
    for volume in volumes:
        wanted = volume.requirement
        if (volume.namespace, wanted.name) not in used:
            message = f"no {what} mounts the persistent volume '{wanted.name}': it is not made"
            hint = f"mount it in an artifact: {mount.replace('NAME', wanted.name)}"
            yield Issue(WARNING, message, wanted.position, "unused-volume", "", hint)
        elif wanted.size:
            message = f"the volume '{wanted.name}' is not limited to {wanted.size:g} GB: {local} know no limit"
            yield Issue(WARNING, message, wanted.position, "volume-size", "", f"see that {disk} the room")
