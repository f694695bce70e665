"""`make demo` and `make demo-down`, as a newcomer types them."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.engines import images
from tests.engines.docker import ROOT, DockerEngine
from tests.engines.process import free_port

pytestmark = [pytest.mark.engine, pytest.mark.slow]

OWN = ("--filter", "label=io.atomicapp.name=wordpress")


@pytest.fixture
def demo(
    docker_engine: DockerEngine, sample_images: dict[str, str], tmp_path: Path
) -> Iterator[Callable[[str], subprocess.CompletedProcess[str]]]:
    """Runs scripts/demo.sh with a verb, on a port and with state of the test's own."""
    if Path(sys.executable).parent != ROOT / ".venv" / "bin":
        pytest.skip("the demo uses the program in .venv, and these tests run from elsewhere")
    if docker_engine.docker("ps", "-aq", *OWN):
        pytest.skip("a demo runs on this machine: the test would take it over (make demo-down)")
    env = {
        **os.environ,
        "PORT": str(free_port()),
        "ATOMICAPP_HOME": str(tmp_path / "home"),
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "ATOMICAPP_CACHE": str(images.CACHE),
        "DOCKER_HOST": docker_engine.host,
    }

    def run(verb: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(ROOT / "scripts" / "demo.sh"), verb],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=250,
            env=env,
            check=False,
        )

    yield run
    run("down")


def test_demo_shows_its_page_may_be_repeated_and_leaves_nothing(
    demo: Callable[[str], subprocess.CompletedProcess[str]], docker_engine: DockerEngine, tmp_path: Path
) -> None:
    first = demo("up")
    assert first.returncode == 0, first.stdout + first.stderr
    address = first.stdout.split("WordPress runs: ")[1].split()[0]
    with urllib.request.urlopen(address) as page:
        assert b"<title>WordPress &rsaquo; Installation</title>" in page.read()
    assert "atomicapp stop wordpress" in first.stdout
    before = docker_engine.docker("ps", "-q", *OWN)

    again = demo("up")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "nothing to do" in again.stdout
    assert docker_engine.docker("ps", "-q", *OWN) == before

    down = demo("down")
    assert down.returncode == 0, down.stdout + down.stderr
    for listing in (("ps", "-aq"), ("volume", "ls", "-q"), ("network", "ls", "-q")):
        assert docker_engine.docker(*listing, *OWN) == ""
    assert not (tmp_path / "state" / "atomicapp-demo").exists()
