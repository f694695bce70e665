"""A container that runs but is not healthy is seen by status, and the next run starts it anew."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engines.docker import LABEL, DockerEngine
from tests.engines.program import Program

pytestmark = pytest.mark.engine

NULECULE = "specversion: 0.0.2\nid: sick\ngraph:\n- {name: web, artifacts: {docker: [file://run]}}\n"
# healthy at the second start only: the first one leaves a mark in the container
RUN = (
    "docker run -d --stop-timeout 1 --label {label} --health-cmd 'test -e /tmp/second' --health-interval 1s "
    "--health-retries 1 {image} sh -c 'test -e /tmp/first && touch /tmp/second; touch /tmp/first; exec sleep 1000'\n"
)


@pytest.fixture
def name(docker_engine: DockerEngine, tmp_path: Path) -> Iterator[str]:
    found = f"sick-{uuid.uuid4().hex[:8]}"
    yield found
    Program(tmp_path / "state").attempt("uninstall", found, "--provider", "docker", "--purge-data")


def test_an_unhealthy_container_is_told_and_started_anew(tmp_path: Path, busybox_image: str, name: str) -> None:
    app = tmp_path / "sick"
    app.mkdir()
    (app / "Nulecule").write_text(NULECULE)
    (app / "run").write_text(RUN.format(label=LABEL, image=busybox_image))
    program = Program(tmp_path / "state")
    words = ("run", str(app), "--provider", "docker", "--name", name)
    failed = program.attempt(*words)
    assert failed.returncode == 1
    assert "is unhealthy" in failed.stderr
    status = program.json("status", name)
    assert (status["state"], status["resources"][0]["state"]) == ("degraded", "failed")
    assert program.attempt("status", name, "--exit-code").returncode == 1
    assert '"op": "start"' in program("plan", str(app), "--provider", "docker", "--name", name, "-o", "json")
    program(*words)
    assert program.json("status", name)["state"] == "running"
