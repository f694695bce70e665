"""The samples and the real apps on the contract server for Marathon, with containers of a Docker Engine beneath."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.compat.recorded import ABSENT, CHECKER, COMPAT
from tests.engines.docker import ROOT, DockerEngine
from tests.engines.marathon_contract import Containers, Server, Settings
from tests.engines.process import free_port
from tests.engines.program import Program
from tests.engines.samples import SECRETS, fetch, install_wordpress

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def server(docker_engine: DockerEngine) -> Iterator[Server]:
    found = Server(Settings(scale=0.5), Containers(docker_engine.host)).start()
    yield found
    found.stop()


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path / "home")


def wordpress(folder: Path) -> Path:
    """The composite sample as a folder, with the app that it takes from a registry already in it."""
    target = folder / "wordpress"
    shutil.copytree(ROOT / "samples" / "wordpress", target)
    shutil.copytree(ROOT / "samples" / "mariadb", target / "external" / "mariadb")
    return target


@pytest.mark.slow
@pytest.mark.usefixtures("sample_images")
def test_wordpress_is_reached_over_http_and_keeps_its_data(server: Server, program: Program, tmp_path: Path) -> None:
    app, site, database = wordpress(tmp_path), free_port(), free_port()
    answers = tmp_path / "answers.conf"
    answers.write_text(
        f"[general]\ndb_password = {SECRETS[0]}\n[mariadb:mariadb]\ndb_root_password = {SECRETS[1]}\n"
        f"host_port = {database}\n[wordpress]\nhostport = {site}\ndb_address = mariadb.marathon.mesos:{database}\n"
    )
    name = f"wp-{uuid.uuid4().hex[:8]}"
    words = ("--provider", "marathon", "--provider-api", server.url, "--name", name, "-a", str(answers))
    server.requests.clear()
    program("plan", str(app), *words)
    assert server.writes() == []
    program("run", str(app), *words)
    try:
        url = f"http://127.0.0.1:{site}/"
        assert "<title>WordPress &rsaquo; Installation</title>" in fetch(url)
        install_wordpress(url, "A blog on Marathon")
        assert "A blog on Marathon" in fetch(url)
        before = len(server.writes())
        assert "nothing to do" in program("run", str(app), *words)
        assert len(server.writes()) == before
        status = program.json("status", name)
        assert {item["state"] for item in status["resources"] if item["kind"] == "app"} == {"running"}
        program("stop", name)
        program("start", name)
        assert "A blog on Marathon" in fetch(url)
        program("uninstall", name)
        assert set(server.scheduler.apps) == {"/mariadb"}
        program("run", str(app), *words)
        assert "A blog on Marathon" in fetch(url), "the data outlives the app"
        kept = "".join(path.read_text(errors="replace") for path in (tmp_path / "home").rglob("*") if path.is_file())
        assert not any(secret in kept for secret in SECRETS)
    finally:
        program.attempt("uninstall", name, "--purge-data")
    assert not server.scheduler.apps


APPS = ("apache-centos7-atomicapp", "etherpad-centos7-atomicapp", "helloapache", "mariadb-centos7-atomicapp",
        "wordpress-centos7-atomicapp")  # fmt: skip


@pytest.mark.skipif(not CHECKER.exists(), reason=ABSENT)
@pytest.mark.parametrize("variant", ["defaults", "override"])
@pytest.mark.parametrize("app", APPS)
def test_the_real_apps_run(program: Program, app: str, variant: str) -> None:
    """Their images can't be had: what is sent is what counts, and that it comes up where tasks do."""
    server = Server(Settings(step=0.02, stage=0.02)).start()
    try:
        folder = COMPAT / "golden" / app / "marathon" / variant
        given = ("-a", str(folder / "answers.conf")) if (folder / "answers.conf").exists() else ()
        words = ("--provider", "marathon", "--provider-api", server.url, *given)
        program("run", str(COMPAT / "apps" / app), *words, "--name", "real")
        rendered = [json.loads(path.read_text()) for path in (folder / "rendered").rglob("*.json")]
        assert sorted(server.scheduler.apps) == sorted(f"/{item['id']}" for item in rendered)
        for item in rendered:
            spec = server.scheduler.apps[f"/{item['id']}"].spec
            assert spec["container"]["docker"]["image"] == item["container"]["docker"]["image"]
            wanted = item["container"]["docker"]["portMappings"][0]
            found = spec["container"]["portMappings"][0]
            assert {name: found[name] for name in wanted} == wanted
            assert (spec["cpus"], spec["mem"], spec["env"]) == (item["cpus"], item["mem"], item.get("env", {}))
        before = len(server.writes())
        assert "nothing to do" in program("run", str(COMPAT / "apps" / app), *words, "--name", "real")
        assert len(server.writes()) == before
        urls = json.loads((folder / "result.json").read_text())["urls"]
        assert server.writes() == ["POST /v2/apps"] * len(urls)
        program("uninstall", "real")
        assert not server.scheduler.apps
    finally:
        server.stop()


def test_an_image_that_is_not_there_is_told(server: Server, program: Program, tmp_path: Path) -> None:
    container = {
        "type": "DOCKER",
        "docker": {"image": "127.0.0.1:9/none:1", "network": "BRIDGE", "forcePullImage": True},
    }
    app = package(tmp_path, {"id": f"none-{uuid.uuid4().hex[:8]}", "cpus": 0.1, "mem": 16, "container": container})
    done = program.attempt("run", str(app), "--provider", "marathon", "--provider-api", server.url, "--timeout", "30")
    try:
        assert done.returncode == 1
        assert "Failed to run 'docker pull'" in done.stderr
        assert "127.0.0.1:9" in done.stderr
    finally:
        program.attempt("uninstall", app.name)


def package(folder: Path, body: Any) -> Path:
    """A package with one component and one app."""
    app = folder / f"app-{uuid.uuid4().hex[:8]}"
    app.mkdir()
    (app / "web.json").write_text(json.dumps(body))
    (app / "Nulecule").write_text(
        f"specversion: 0.0.2\nid: {app.name}\nmetadata: {{name: one, appversion: 1.0.0}}\n"
        "graph:\n  - name: web\n    artifacts: {marathon: ['file://web.json']}\n"
    )
    return app


def test_a_failed_update_is_undone_by_what_ran_before(
    server: Server, program: Program, tmp_path: Path, busybox_image: str
) -> None:
    container = {"type": "DOCKER", "docker": {"image": busybox_image, "network": "BRIDGE"}}
    body = {"id": f"undo-{uuid.uuid4().hex[:8]}", "cpus": 0.1, "mem": 16, "container": container}
    good = json.dumps({**body, "cmd": "exec sleep 1000"})
    app = package(tmp_path, {**body, "cmd": "exec sleep 1000"})
    words = ("--provider", "marathon", "--provider-api", server.url)
    program("run", str(app), *words)
    try:
        (app / "web.json").write_text(json.dumps({**body, "cmd": "echo boom; exit 3"}))
        done = program.attempt("run", str(app), *words)
        assert done.returncode == 1
        assert "exit code 3" in done.stderr
        assert "boom" in done.stderr
        (app / "web.json").write_text(json.dumps({**body, "cmd": "exec sleep 1000", "cpus": 10**6}))
        done = program.attempt("run", str(app), *words, "--timeout", "2")
        assert "waiting for resources" in done.stderr
        (deployment,) = [found for found in server.scheduler.deployments if f"/{body['id']}" in found.affected]
        assert f"DELETE /v2/deployments/{deployment.id}" in done.stderr
        (app / "web.json").write_text(good)
        program("run", str(app), *words)
        assert deployment not in server.scheduler.deployments
        assert server.scheduler.apps[f"/{body['id']}"].spec["cpus"] == 0.1
        assert program.json("status", app.name)["resources"][0]["state"] == "running"
    finally:
        program.attempt("uninstall", app.name)
