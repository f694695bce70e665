"""Commands that are interrupted or killed half-way, and commands side by side: the next one repairs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engines.docker import DockerEngine
from tests.engines.program import ATOMICAPP, Program

pytestmark = pytest.mark.engine

NULECULE = """\
specversion: 0.0.2
id: slow
graph:
  - name: first
    artifacts: {docker: [file://first]}
  - name: second
    params: [{name: gate}]
    artifacts: {docker: [file://second]}
"""


class Slow:
    """An app of two components; the second is healthy when the folder `gate` of the host holds a file `open`."""

    def __init__(self, folder: Path, engine: DockerEngine, image: str) -> None:
        self.engine = engine
        self.name = f"slow-{uuid.uuid4().hex[:8]}"
        self.folder = folder / "slow"
        self.gate = folder / "gate"
        self.folder.mkdir()
        self.gate.mkdir()
        self.program = Program(folder / "state")
        (self.folder / "Nulecule").write_text(NULECULE)
        run = "docker run -d --label io.atomicapp.test=1 --stop-timeout 1"
        (self.folder / "first").write_text(f"{run} {image} sleep 1000\n")
        check = "--health-cmd 'test -e /gate/open' --health-interval 1s --health-start-period 60s"
        (self.folder / "second").write_text(f"{run} {check} -v $gate:/gate:ro {image} sleep 1000\n")
        self.words = [
            "run",
            str(self.folder),
            "--provider",
            "docker",
            "--name",
            self.name,
            "-p",
            f"second:gate={self.gate}",
        ]

    def start(self) -> subprocess.Popen[str]:
        """The run in the background, when both containers are there and it waits for the second."""
        process = subprocess.Popen(
            [str(ATOMICAPP), *self.words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.program.env,
        )
        assert process.stderr is not None
        for line in process.stderr:
            if "waiting for second" in line:
                return process
        raise AssertionError(f"the run ended with {process.wait()} before it waited")

    def open(self) -> None:
        (self.gate / "open").touch()

    def outcome(self) -> str:
        return str(self.program.json("status", self.name)["outcome"])


@pytest.fixture
def slow(tmp_path: Path, docker_engine: DockerEngine, busybox_image: str) -> Iterator[Slow]:
    found = Slow(tmp_path, docker_engine, busybox_image)
    yield found
    found.program.attempt("uninstall", found.name, "--provider", "docker", "--purge-data")


def end(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Exit status and the rest of standard error."""
    _, err = process.communicate(timeout=60)
    return process.returncode, err


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 130)])
def test_an_interrupted_run_is_taken_up_by_the_next(slow: Slow, number: signal.Signals, status: int) -> None:
    process = slow.start()
    process.send_signal(number)
    code, err = end(process)
    assert code == status
    assert "Traceback" not in err
    assert "the next `run` goes on from here" in err
    assert slow.outcome() == "interrupted"
    in_vain = slow.program.attempt(*slow.words, "--timeout", "2")
    assert in_vain.returncode == 1
    assert "is not ready after 2 s" in in_vain.stderr
    assert slow.outcome() == "failed"
    slow.open()
    slow.program(*slow.words)
    assert slow.outcome() == "done"


def test_a_killed_run_is_seen_and_uninstalled(slow: Slow) -> None:
    process = slow.start()
    process.kill()
    end(process)
    assert slow.outcome() == "pending"
    assert "the last run of it was pending" in slow.program("status", slow.name)
    slow.program("uninstall", slow.name, "--purge-data")
    assert slow.engine.docker("ps", "-aq", "--filter", f"label=io.atomicapp.name={slow.name}") == ""
    assert slow.program.json("list") == [] or slow.name not in str(slow.program.json("list"))


def test_a_killed_run_is_finished_by_the_next(slow: Slow) -> None:
    process = slow.start()
    process.kill()
    end(process)
    # as if it had been killed between the creation and the start of the second container
    slow.engine.docker("rm", "-f", f"{slow.name}-second")
    slow.open()
    slow.program(*slow.words)
    report = slow.program.json("status", slow.name)
    assert (report["state"], report["outcome"]) == ("running", "done")


def test_a_second_run_waits_for_the_first(slow: Slow) -> None:
    first = slow.start()
    refused = slow.program.attempt(*slow.words, "--lock-timeout", "0")
    assert refused.returncode == 1
    assert f"process {first.pid} (atomicapp run" in refused.stderr
    second = subprocess.Popen(
        [str(ATOMICAPP), *slow.words, "-o", "json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **slow.program.env},
    )  # fmt: skip
    assert second.stderr is not None
    assert "waiting for it to end" in second.stderr.readline()
    slow.open()
    assert end(first)[0] == 0
    out, _ = second.communicate(timeout=60)
    assert second.returncode == 0
    assert json.loads(out)["pending"] is False
