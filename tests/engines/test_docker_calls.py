"""What the command line asks of a real engine, seen by a proxy on its socket: a second run, a plan, a dry run."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engines.docker import LABEL, DockerEngine
from tests.engines.program import Program
from tests.engines.recording_proxy import RecordingProxy, recording

pytestmark = pytest.mark.engine

NULECULE = """\
specversion: 0.0.2
id: pair
params: [{name: colour, default: blue}]
requirements: [{persistentVolume: {name: data, accessMode: ReadWriteOnce, size: 1}}]
graph:
  - {name: db, artifacts: {docker: [file://db]}}
  - {name: web, artifacts: {docker: [file://web]}}
"""


class Watched:
    """An app of two components with a network and a volume, and the program behind a recording proxy."""

    def __init__(self, folder: Path, image: str, proxy: RecordingProxy) -> None:
        self.name = f"calls-{uuid.uuid4().hex[:8]}"
        self.folder = folder
        self.proxy = proxy
        self.app = folder / "pair"
        self.app.mkdir()
        self.program = Program(folder / "state", env={"DOCKER_HOST": proxy.host})
        run = f"docker run -d --label {LABEL} --stop-timeout 1 --network {self.name}"
        (self.app / "Nulecule").write_text(NULECULE)
        (self.app / "db").write_text(f"{run} -v data:/data {image} sleep 1000\n")
        (self.app / "web").write_text(f"{run} -e COLOUR=$colour {image} sleep 1000\n")

    def do(self, verb: str, *words: str) -> str:
        return self.program(verb, str(self.app), "--provider", "docker", "--name", self.name, *words)

    def files(self) -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in self.folder.rglob("*") if path.is_file()}


@pytest.fixture
def watched(tmp_path: Path, docker_engine: DockerEngine, busybox_image: str) -> Iterator[Watched]:
    with recording(docker_engine.host) as proxy:
        found = Watched(tmp_path, busybox_image, proxy)
        yield found
        found.program.attempt("uninstall", found.name, "--provider", "docker", "--purge-data")


def listings(watched: Watched) -> list[str]:
    """The calls without the question for the engine's version."""
    return [call for call in watched.proxy.calls if "/version" not in call and "_ping" not in call]


def test_a_second_run_is_one_listing_and_no_write(watched: Watched) -> None:
    watched.do("run")
    assert watched.proxy.writes != []
    watched.proxy.forget()
    assert "nothing to do" in watched.do("run")
    assert watched.proxy.writes == []
    assert len(listings(watched)) == 1
    assert "/containers/json" in listings(watched)[0]


@pytest.mark.parametrize("words", [("plan",), ("run", "--dry-run"), ("run", "--dry-run", "-o", "json")])
def test_a_plan_or_dry_run_writes_nothing_anywhere(watched: Watched, words: tuple[str, ...]) -> None:
    before = watched.files()
    assert "create" in watched.do(*words)
    assert watched.proxy.writes == []
    assert watched.files() == before, "nothing is there yet, and nothing is written"
    watched.do("run")
    kept = watched.files()
    watched.proxy.forget()
    assert "blue" in watched.do(*words, "-p", "colour=green")
    assert watched.proxy.writes == []
    assert watched.files() == kept
