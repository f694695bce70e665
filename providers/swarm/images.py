"""Images: the credentials for their registries, and the digest behind a name."""

from __future__ import annotations

from threading import Lock

from atomicapp.errors import EngineError
from atomicapp.providers.docker.client import Client, Refused, seg
from atomicapp.records import NamedTuple

LONGEST = 30.0
"""Seconds for the registry to answer; the engine asks it."""


class Resolved(NamedTuple):
    """The digest that a name means now, and the platforms for which there is an image (system, architecture)."""

    digest: str
    platforms: tuple[tuple[str, str], ...]


def credentials(client: Client, image: str) -> dict[str, str]:
    """The header with the user's credentials for the registry of an image, as the Docker client keeps them."""
    from docker import auth
    from docker.errors import DockerException

    try:
        registry, _ = auth.resolve_repository_name(image)
        header = auth.get_config_header(client.api, registry)
    except DockerException as error:
        # a helper that is not installed, for one
        raise EngineError(
            f"the credentials for the image {image} can't be had: {error}",
            hint="see config.json of the Docker client, or log in again: docker login",
        ) from error
    return {"X-Registry-Auth": header.decode() if isinstance(header, bytes) else header} if header else {}


class Digests:
    """Digests that were asked for, each once: a registry that does not answer takes its time to say so."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._known: dict[str, Resolved | None] = {}
        self._locks: dict[str, Lock] = {}
        self._lock = Lock()

    def of(self, image: str) -> Resolved | None:
        """As `resolve`."""
        with self._lock:
            lock = self._locks.setdefault(image, Lock())
        with lock:
            if image not in self._known:
                self._known[image] = resolve(self.client, image)
            return self._known[image]


def resolve(client: Client, image: str) -> Resolved | None:
    """Ask the registry, by the engine, what a name means; None when it does not tell."""
    if "@" in image:
        return None
    try:
        found = client.call(
            "GET", f"/distribution/{seg(image)}/json", headers=credentials(client, image), timeout=LONGEST
        )
        digest = str(found["Descriptor"]["digest"])
        platforms = tuple(
            (str(platform.get("os", "")), str(platform.get("architecture", "")))
            for platform in found.get("Platforms") or []
        )
    except (Refused, EngineError, KeyError, TypeError, AttributeError):
        return None
    return Resolved(digest, platforms)
