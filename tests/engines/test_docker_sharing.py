"""Two deployments that name the same network or volume: refused, unless the user made it for both."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engines.docker import LABEL, DockerEngine
from tests.engines.program import Program

pytestmark = pytest.mark.engine

NULECULE = """\
specversion: 0.0.2
id: web
graph:
  - name: web
    params: [{name: with}]
    artifacts: {docker: [file://run]}
"""


class Pair:
    """One app under two names on an engine."""

    def __init__(self, folder: Path, image: str) -> None:
        self.one, self.two = (f"pair-{uuid.uuid4().hex[:8]}" for _ in range(2))
        self.thing = f"shared-{uuid.uuid4().hex[:8]}"
        self.program = Program(folder / "state")
        self.app = folder / "web"
        self.app.mkdir()
        (self.app / "Nulecule").write_text(NULECULE)
        (self.app / "run").write_text(f"docker run -d --stop-timeout 1 --label {LABEL} $with {image} sleep 1000\n")

    def words(self, name: str, option: str) -> tuple[str, ...]:
        return ("run", str(self.app), "--provider", "docker", "--name", name, "-p", f"web:with={option}")


@pytest.fixture
def pair(tmp_path: Path, docker_engine: DockerEngine, busybox_image: str) -> Iterator[Pair]:
    found = Pair(tmp_path, busybox_image)
    yield found
    for name in (found.two, found.one):
        found.program.attempt("uninstall", name, "--provider", "docker", "--purge-data")


@pytest.mark.parametrize(("kind", "option"), [("network", "--network {}"), ("volume", "-v {}:/data")])
def test_what_another_deployment_made_is_not_shared_in_silence(pair: Pair, kind: str, option: str) -> None:
    option = option.format(pair.thing)
    pair.program(*pair.words(pair.one, option))
    refused = pair.program.attempt(*pair.words(pair.two, option))
    assert refused.returncode == 1
    assert f"the {kind} '{pair.thing}' belongs to the deployment '{pair.one}'" in refused.stderr
    assert f"docker {kind} create {pair.thing}" in refused.stderr
    assert pair.program.attempt("status", pair.two, "--provider", "docker").returncode == 1


@pytest.mark.parametrize(("kind", "option"), [("network", "--network {}"), ("volume", "-v {}:/data")])
def test_what_the_user_made_serves_both(pair: Pair, docker_engine: DockerEngine, kind: str, option: str) -> None:
    docker_engine.docker(kind, "create", "--label", LABEL, pair.thing)
    for name in (pair.one, pair.two):
        pair.program(*pair.words(name, option.format(pair.thing)))
    for name in (pair.one, pair.two):
        pair.program("uninstall", name, "--purge-data")
    assert docker_engine.docker(kind, "ls", "-q", "--filter", f"name={pair.thing}") != ""
    docker_engine.docker(kind, "rm", pair.thing)
