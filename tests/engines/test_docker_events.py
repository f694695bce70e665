"""What a Docker Engine says of the containers of a deployment, by the program."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import pytest

from tests.engines.docker import LABEL, DockerEngine
from tests.engines.program import Program

pytestmark = pytest.mark.engine


def test_events_tell_how_a_container_came_and_went(
    tmp_path: Path, docker_engine: DockerEngine, busybox_image: str
) -> None:
    name = f"events-{uuid.uuid4().hex[:8]}"
    app = tmp_path / "app"
    app.mkdir()
    (app / "Nulecule").write_text(
        "specversion: 0.0.2\nid: ev\ngraph:\n"
        "  - {name: web, artifacts: {docker: [file://web]}}\n  - {name: db, artifacts: {docker: [file://db]}}\n"
    )
    run = f"docker run -d --label {LABEL} --stop-timeout 1"
    (app / "web").write_text(f"{run} --health-cmd true --health-interval 1s {busybox_image} sh -c 'sleep 1; exit 3'\n")
    (app / "db").write_text(f"{run} {busybox_image} sleep 1000\n")
    program = Program(tmp_path / "state", env={"DOCKER_HOST": docker_engine.host})
    try:
        assert program.attempt("run", str(app), "--name", name, "--provider", "docker").returncode == 1
        rows = [json.loads(line) for line in program("events", name, "-o", "json").splitlines()]
        assert {row["component"] for row in rows} == {"web", "db"}
        assert not [row for row in rows if row["reason"].startswith("exec")], "health checks are no news"
        (bad,) = [json.loads(line) for line in program("events", name, "-w", "-o", "json").splitlines()]
        assert (bad["component"], bad["message"]) == ("web", "ended with exit code 3")
        assert "start" in program("events", name, "-c", "db", "--since", "5m")
        refused = program.attempt("scale", name, "web=2")
        assert refused.returncode == 2
        assert "nothing of web can be scaled on docker (container)" in refused.stderr
    finally:
        program.attempt("uninstall", name)
