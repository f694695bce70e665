"""WordPress on a fleet (its contract server) whose machines are real systemds: launched in order, moved, removed."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engines import samples
from tests.engines.docker import DockerEngine
from tests.engines.fleet import Fleet
from tests.engines.process import free_port
from tests.engines.program import Program
from tests.engines.registry import Registry
from tests.engines.samples import SECRETS, fetch

pytestmark = [pytest.mark.engine, pytest.mark.slow]


class Site:
    def __init__(self, program: Program, registry: Registry, folder: Path) -> None:
        self.program = program
        self.name = f"wpf-{uuid.uuid4().hex[:8]}"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/"
        self.app = f"{registry.host}/wordpress-app"
        self.answers = folder / "answers.conf"
        lines = ["[general]", "provider = fleet", f"network = {self.name}", f"db_password = {SECRETS[0]}"]
        lines += ["[mariadb:mariadb]", f"db_root_password = {SECRETS[1]}", "[wordpress]", f"hostport = {self.port}"]
        self.answers.write_text("\n".join(lines) + "\n")

    def __call__(self, verb: str) -> str:
        return self.program(verb, self.app, "-a", str(self.answers), "--name", self.name)


@pytest.fixture
def site(
    docker_engine: DockerEngine,
    registry: Registry,
    fleet_systemd: Fleet,
    sample_images: dict[str, str],
    tmp_path: Path,
) -> Iterator[Site]:
    program = Program(tmp_path / "home", env={"DOCKER_HOST": docker_engine.host, **fleet_systemd.environment})
    samples.package(program, tmp_path, registry.host, "mariadb", "wordpress")
    found = Site(program, registry, tmp_path)
    yield found
    program.attempt("uninstall", found.name, "--purge-data")
    docker_engine.docker("network", "rm", found.name)
    # the data stays with the machine, which is this one for all nodes
    docker_engine.docker("volume", "rm", "--force", "mariadb-data")


def test_wordpress_runs_moves_and_goes(site: Site, fleet_systemd: Fleet) -> None:
    fleet = fleet_systemd
    site("plan")
    assert fleet.units() == {}
    fleet.cluster.writes.clear()
    site("run")
    launched = [write for write in fleet.cluster.writes if write.endswith("launched")]
    assert [write.split()[1] for write in launched] == ["mariadb.service", "wordpress.service"]
    assert "<title>WordPress &rsaquo; Installation</title>" in fetch(site.url)
    written = len(fleet.cluster.writes)
    assert "nothing to do" in site("run")
    assert len(fleet.cluster.writes) == written

    first = fleet.machine_of("wordpress.service")
    status = site.program("status", site.name)
    assert f"{first[:8]}.../127.0.0.1" in status
    assert "active running" in status

    fleet.cluster.freeze(first)
    end = time.monotonic() + 120
    while (
        site.program.json("status", site.name)["state"] != "running" or fleet.machine_of("wordpress.service") == first
    ):
        assert time.monotonic() < end
        time.sleep(1)
    fleet.cluster.thaw(first)

    site.program("uninstall", site.name)
    assert fleet.units() == {}
