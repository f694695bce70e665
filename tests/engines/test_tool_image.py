"""The tool in a container, with the host's root at /host and the engine's socket, as the original was run."""

from __future__ import annotations

import json
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from atomicapp.version import VERSION
from tests.engines import images
from tests.engines.docker import ROOT, DockerEngine
from tests.engines.process import free_port

pytestmark = [pytest.mark.engine, pytest.mark.slow]


class Tool:
    """Runs the image with the arguments of a command line; what it keeps lies in a folder of the test."""

    def __init__(self, engine: DockerEngine, image: str, state: Path) -> None:
        self.engine = engine
        self.words = (
            *("run", "--rm", "-v", "/:/host", "-v", "/var/run/docker.sock:/var/run/docker.sock"),
            *("-e", f"ATOMICAPP_HOME=/host{state}", image),
        )

    def __call__(self, *words: str) -> str:
        return self.engine.docker(*self.words, *words)


@pytest.fixture(scope="module")
def tool_image(docker_engine: DockerEngine, tmp_path_factory: pytest.TempPathFactory) -> str:
    return images.tool(docker_engine, tmp_path_factory.mktemp("tool-image"))


@pytest.fixture
def tool(docker_engine: DockerEngine, tool_image: str, tmp_path: Path) -> Tool:
    return Tool(docker_engine, tool_image, tmp_path / "state")


@pytest.fixture
def deployment(docker_engine: DockerEngine) -> Iterator[str]:
    """The name of a deployment; its containers are gone after the test, whatever happened."""
    name = f"tool-{uuid.uuid4().hex[:8]}"
    yield name
    left = docker_engine.docker("ps", "-aq", "--filter", f"label=io.atomicapp.name={name}").split()
    if left:
        docker_engine.docker("rm", "-fv", *left)


def test_says_its_version(tool: Tool) -> None:
    assert VERSION in tool("--version")


def test_runs_an_app_of_the_host_on_the_hosts_engine(
    tool: Tool, docker_engine: DockerEngine, sample_images: dict[str, str], deployment: str, tmp_path: Path
) -> None:
    port = free_port()
    answers = tmp_path / "answers.conf"
    answers.write_text(f"[helloapache]\nhostport = {port}\n")
    app = str(ROOT / "samples" / "helloapache")

    tool("run", app, "-a", str(answers), "--provider", "docker", "--name", deployment)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as page:
        assert b"It works!" in page.read()
    status = json.loads(tool("status", deployment, "-o", "json"))
    assert "helloapache" in json.dumps(status)

    tool("uninstall", deployment)
    assert docker_engine.docker("ps", "-aq", "--filter", f"label=io.atomicapp.name={deployment}") == ""
