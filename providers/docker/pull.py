"""Pull an image, with progress and the credentials of the Docker client's own configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from atomicapp.model import Resource
from atomicapp.providers.base import Report
from atomicapp.providers.docker.client import Client, talking
from atomicapp.providers.docker.reasons import pull_failed


def pull(client: Client, resource: Resource, report: Report) -> None:
    """Pull the image of a resource. EngineError with the cause when it can't be had."""
    from docker.errors import APIError, DockerException

    name = resource.name
    progress = Progress(name)
    report(resource.key, f"pulling {name}")
    # docker's own errors are requests' errors too: they are told apart before `talking` sees them
    with talking(client.endpoint):
        try:
            stream = client.api.pull(name, stream=True, decode=True, platform=resource.body.get("platform") or None)
            for line in stream:
                if line.get("error"):
                    raise pull_failed(name, str(line["error"]), resource)
                text = progress.take(line)
                if text:
                    report(resource.key, text)
        except APIError as error:
            raise pull_failed(name, str(error.explanation or error), resource) from error
        except DockerException as error:
            # the credentials of a helper that is not installed, for one
            raise pull_failed(name, str(error), resource) from error


class Progress:
    """Adds the layers up. A new text comes only when the tenth of a megabyte changes."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.layers: dict[str, tuple[int, int]] = {}
        self.last = ""

    def take(self, line: Mapping[str, Any]) -> str:
        detail = line.get("progressDetail") or {}
        layer, total = str(line.get("id", "")), detail.get("total")
        if line.get("status") == "Downloading" and total:
            self.layers[layer] = (int(detail.get("current") or 0), int(total))
        elif line.get("status") in ("Download complete", "Pull complete") and layer in self.layers:
            self.layers[layer] = (self.layers[layer][1], self.layers[layer][1])
        else:
            return ""
        done = sum(current for current, _ in self.layers.values())
        size = sum(total for _, total in self.layers.values())
        text = f"pulling {self.name}: {_megabytes(done)} of {_megabytes(size)}"
        if text == self.last:
            return ""
        self.last = text
        return text


def _megabytes(size: int) -> str:
    return f"{size / 1_000_000:.1f} MB"
