"""Images that a Docker Engine has: a place to read packages from, when there is an engine.

DOCKER_HOST and its kin are respected. That there is no engine, or that it does not know the image, is no error.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atomicapp.errors import FetchError
from atomicapp.images import archive
from atomicapp.images.blobs import Image, new_file
from atomicapp.images.manifests import Platform
from atomicapp.images.reference import Reference

if TYPE_CHECKING:
    import docker

SOCKETS = ("/var/run/docker.sock", "/host/var/run/docker.sock")
"""The usual places; the second one is the host's in the tool's own container."""
MAX_SAVED = 32 * 1024**3
"""Bytes of an image as the engine gives it out."""


class Engine:
    """The engine that the environment names; `timeout` is in seconds."""

    def __init__(self, environment: Mapping[str, str] | None = None, timeout: float = 60.0) -> None:
        self._environment = os.environ if environment is None else environment
        self._timeout = timeout

    def image_id(self, reference: Reference) -> str:
        """The engine's id of a local image; "" when there is no engine or no such image."""
        identity = (self.describe(reference) or {}).get("Id", "")
        return identity if isinstance(identity, str) else ""

    def describe(self, reference: Reference) -> dict[str, Any] | None:
        """All that the engine tells of a local image; None when there is no engine or no such image."""
        with self._client() as client:
            if client is None:
                return None
            import docker.errors
            import requests

            name = f"{reference.name}@{reference.digest}" if reference.digest else str(reference)
            try:
                found = client.inspect_image(name)  # type: ignore[no-untyped-call]
            except (docker.errors.DockerException, requests.exceptions.RequestException):
                return None
            return found if isinstance(found, dict) else None

    def save(self, identity: str, target: Path, reference: Reference, platform: Platform) -> Image:
        """Write an image to the file `target` and open it; FetchError when the engine fails half-way."""
        with self._client() as client:
            if client is None:
                raise FetchError(str(reference), "the Docker Engine is gone")
            size = 0
            with new_file(target) as stream:
                for chunk in _saved(client, identity, str(reference)):
                    size += len(chunk)
                    if size > MAX_SAVED:
                        raise FetchError(str(reference), f"the engine gives more than {MAX_SAVED} bytes")
                    stream.write(chunk)
        image = archive.read(target, "", platform)
        return image._replace(reference=str(reference))

    def _usual(self) -> Iterator[str]:
        """The sockets that are there, without DOCKER_HOST."""
        own = self._environment.get("XDG_RUNTIME_DIR")
        for place in (*SOCKETS, *([f"{own}/docker.sock"] if own else [])):
            if Path(place).exists():
                yield place

    @contextlib.contextmanager
    def _client(self) -> Iterator[docker.APIClient | None]:
        """A connection, or None when there is nobody to talk to."""
        host = self._environment.get("DOCKER_HOST") or next((f"unix://{place}" for place in self._usual()), "")
        if not host or (host.startswith("unix://") and not _listens(host.removeprefix("unix://"))):
            yield None
            return
        import docker
        import docker.errors
        import docker.utils
        import requests

        client = None
        with contextlib.suppress(docker.errors.DockerException, requests.exceptions.RequestException, ImportError):
            settings = docker.utils.kwargs_from_env(environment={**self._environment, "DOCKER_HOST": host})
            client = docker.APIClient(version="auto", timeout=int(self._timeout), **settings)
        try:
            yield client
        finally:
            if client is not None:
                client.close()


def _listens(path: str) -> bool:
    """Whether somebody is behind a socket. Cheaper than to import docker, which leaves its own try open, too."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(path)
        except OSError:
            return False
        return True


def _saved(client: docker.APIClient, identity: str, reference: str) -> Iterator[bytes]:
    """What `docker save` gives. The engine's errors are turned here: requests' are OSErrors, like those of the disk."""
    import docker.errors
    import requests

    try:
        yield from client.get_image(identity)
    except (docker.errors.DockerException, requests.exceptions.RequestException) as error:
        raise FetchError(reference, f"the Docker Engine does not give it out ({type(error).__name__})") from None
