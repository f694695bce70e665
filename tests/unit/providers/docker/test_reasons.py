"""What engines and registries really say (recorded from Docker 20.10, 28 and Podman 4), and what we make of it."""

from __future__ import annotations

from typing import Any

import pytest

from atomicapp.errors import UsageError
from atomicapp.model import Resource
from atomicapp.position import Position
from atomicapp.providers.docker import labels, logs
from atomicapp.providers.docker.observe import moved_image
from atomicapp.providers.docker.pull import Progress
from atomicapp.providers.docker.reasons import lost_network, pull_failed

IMAGE = Resource("image/x", "web", "image", "x", {}, Position("run", 1, 5))


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        (
            "Get https://nowhere.example/v2/: dial tcp: lookup nowhere.example: no such host",
            "its registry is not known to the engine's machine",
        ),
        (
            "Get http://localhost:1/v2/: dial tcp 127.0.0.1:1: connect: connection refused",
            "its registry does not answer",
        ),
        ("Get https://r/v2/: net/http: TLS handshake timeout", "its registry does not answer in time"),
        ("Get https://r/v2/: context deadline exceeded", "its registry does not answer in time"),
        (
            "Get https://r/v2/: x509: certificate signed by unknown authority",
            "its registry is not trusted by the engine",
        ),
        ("Get https://r/v2/: http: server gave HTTP response to HTTPS client", "its registry is not trusted"),
        ("Get https://r/v2/x/manifests/1: no basic auth credentials", "the registry wants you to log in"),
        ("unauthorized: authentication required", "the registry wants you to log in"),
        (
            "pull access denied for x, repository does not exist or may require 'docker login'",
            "it does not exist there",
        ),
        ("manifest for x:1 not found: manifest unknown: manifest unknown", "the registry has no such image or tag"),
        ("write /var/lib/docker/tmp/x: no space left on device", "the disk of the engine is full"),
        ("something new", "the engine refused (something new)"),
    ],
)
def test_why_an_image_cannot_be_pulled(text: str, cause: str) -> None:
    error = pull_failed("x", text, IMAGE)
    assert error.message.startswith(f"the image x is not on the engine and can't be pulled: {cause}")
    assert error.hint
    assert (error.component, error.position) == ("web", IMAGE.position)


def test_progress_adds_layers_up() -> None:
    progress = Progress("x")
    lines: list[dict[str, Any]] = [
        {"status": "Pulling from library/x", "id": "latest"},
        {"status": "Pulling fs layer", "progressDetail": {}, "id": "a"},
        {"status": "Downloading", "progressDetail": {"current": 1_000_000, "total": 10_000_000}, "id": "a"},
        {"status": "Downloading", "progressDetail": {"current": 1_000_001, "total": 10_000_000}, "id": "a"},
        {"status": "Downloading", "progressDetail": {"current": 500_000, "total": 2_000_000}, "id": "b"},
        {"status": "Download complete", "progressDetail": {}, "id": "a"},
        {"status": "Already exists", "progressDetail": {}, "id": "c"},
        {"status": "Status: Downloaded newer image"},
    ]
    assert [progress.take(line) for line in lines] == [
        "",
        "",
        "pulling x: 1.0 MB of 10.0 MB",
        "",
        "pulling x: 1.5 MB of 12.0 MB",
        "pulling x: 10.5 MB of 12.0 MB",
        "",
        "",
    ]


def test_lost_network() -> None:
    assert lost_network("network f6bcf8bd27 not found")
    assert not lost_network("no such image")


@pytest.mark.parametrize(
    ("row", "wanted", "moved"),
    [
        ({"Image": "x", "ImageID": "sha256:" + "a" * 64}, "x", False),
        ({"Image": "sha256:" + "a" * 64, "ImageID": "sha256:" + "a" * 64}, "x", True),
        ({"Image": "a" * 12, "ImageID": "sha256:" + "a" * 64}, "x", True),
        ({"Image": "a" * 12, "ImageID": "sha256:" + "a" * 64}, "a" * 12, False),
        ({"Image": "docker.io/library/x:latest", "ImageID": "a" * 64}, "x", False),
        ({}, "x", False),
    ],
)
def test_moved_image(row: dict[str, str], wanted: str, moved: bool) -> None:
    assert moved_image(row, wanted) is moved


@pytest.mark.parametrize("text", ["", "x", "-1", "9" * 20, "٣"])
def test_labels_written_by_anyone(text: str) -> None:
    assert labels.number({"n": text}, "n") == 0
    assert labels.read_digests({labels.LABEL_FIELDS: text or "[]"}) is None


def test_secrets_are_not_in_digests() -> None:
    body = {"config": {"Env": ["A=secret"], "Cmd": ["x", "secret"], "Labels": {"l": "secret"}}, "host": {"Memory": 5}}
    found = labels.digests(body)
    assert {path for path, digest in found.items() if digest} == {"Memory"}
    assert set(found) == {"env/A", "command", "label/l", "Memory"}


def test_since() -> None:
    assert logs.since_stamp("") == ""
    assert logs.since_stamp("2024-05-01T12:00:00Z") == "1714564800.000000000"
    assert logs.since_stamp("2024-05-01T14:00:00+02:00") == "1714564800.000000000"
    assert logs.since_stamp("2024-05-01T12:00:00") == "1714564800.000000000"
    assert float(logs.since_stamp("1h")) < float(logs.since_stamp("1m"))

    with pytest.raises(UsageError, match="'yesterday' is no time"):
        logs.since_stamp("yesterday")
