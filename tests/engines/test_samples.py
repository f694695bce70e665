"""The samples as a user meets them: packaged, pushed, run from a registry, changed, stopped, removed."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.engines import samples
from tests.engines.docker import ROOT, DockerEngine
from tests.engines.process import free_port
from tests.engines.program import Program
from tests.engines.registry import Registry
from tests.engines.samples import SECRETS, fetch

pytestmark = [pytest.mark.engine, pytest.mark.slow]


class Site:
    """WordPress and its MariaDB under a name of their own, with ports and networks that no other run has."""

    def __init__(self, program: Program, engine: DockerEngine, registry: Registry, folder: Path) -> None:
        self.program = program
        self.engine = engine
        self.name = f"wp-{uuid.uuid4().hex[:8]}"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/"
        self.app = f"{registry.host}/wordpress-app"
        self.answers = folder / "answers.conf"
        self.write_answers()

    def write_answers(self, **wordpress: str) -> None:
        lines = ["[general]", "provider = docker", f"network = {self.name}", f"db_password = {SECRETS[0]}"]
        lines += ["[mariadb:mariadb]", f"db_root_password = {SECRETS[1]}", "[wordpress]", f"hostport = {self.port}"]
        lines += [f"{name} = {value}" for name, value in wordpress.items()]
        self.answers.write_text("\n".join(lines) + "\n")

    def run(self) -> None:
        self.program("run", self.app, "-a", str(self.answers), "--provider", "docker", "--name", self.name)

    def held(self, *listing: str) -> set[str]:
        """What the engine holds with the label of this deployment."""
        return set(self.engine.docker(*listing, "--filter", f"label=io.atomicapp.name={self.name}").split())

    def containers(self) -> dict[str, str]:
        """Component -> id of its container, running or not."""
        shown = self.engine.docker(
            *("ps", "-a", "--no-trunc", "--filter", f"label=io.atomicapp.name={self.name}"),
            *("--format", '{{.Label "io.atomicapp.component"}} {{.ID}}'),
        )
        return dict(line.split() for line in shown.splitlines())


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory, docker_host: str) -> Program:
    return Program(tmp_path_factory.mktemp("samples") / "home", env={"DOCKER_HOST": docker_host})


@pytest.fixture(scope="module")
def packages(program: Program, registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Both packages in a registry. The sample names the one on port 5000; the tests' has another port."""
    samples.package(program, tmp_path_factory.mktemp("packages"), registry.host, "mariadb", "wordpress")


@pytest.fixture(scope="module")
def site(
    program: Program,
    docker_engine: DockerEngine,
    registry: Registry,
    packages: None,
    sample_images: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Site]:
    found = Site(program, docker_engine, registry, tmp_path_factory.mktemp("site"))
    yield found
    for listing, removal in (("ps -aq", "rm -fv"), ("network ls -q", "network rm"), ("volume ls -q", "volume rm")):
        left = found.held(*listing.split())
        if left:
            docker_engine.docker(*removal.split(), *left)


@pytest.fixture
def running(site: Site) -> Site:
    """The site, run with its first answers: whatever an earlier test made of it."""
    site.write_answers()
    site.run()
    return site


def test_wordpress_shows_its_page_with_the_database_connected(running: Site) -> None:
    page = fetch(running.url)
    # the installer asks the database first: without it, WordPress says 500
    assert "<title>WordPress &rsaquo; Installation</title>" in page or f"Blog of {running.name}" in page
    assert set(running.containers()) == {"wordpress", "mariadb:mariadb"}


def test_a_second_run_changes_nothing(running: Site) -> None:
    before = running.containers()
    plan = running.program.json("plan", running.app, "-a", str(running.answers), "--name", running.name)
    assert {step["op"] for step in plan["steps"]} == {"keep"}
    running.run()
    assert running.containers() == before


def test_a_changed_answer_replaces_only_what_it_concerns(running: Site) -> None:
    before = running.containers()
    running.write_answers(table_prefix="other_")
    words = (running.app, "-a", str(running.answers), "--name", running.name)
    plan = running.program.json("plan", *words)
    changed = [step for step in plan["steps"] if step["op"] != "keep"]
    assert [(step["op"], step["component"]) for step in changed] == [("replace", "wordpress")]
    assert any("WORDPRESS_TABLE_PREFIX" in change["path"] for change in changed[0]["changes"])
    assert running.containers() == before, "a plan changes nothing"

    running.run()
    after = running.containers()
    assert after["mariadb:mariadb"] == before["mariadb:mariadb"]
    assert after["wordpress"] != before["wordpress"]
    assert "<title>WordPress" in fetch(running.url), "the other prefix means a site that is not installed yet"


def test_status_list_and_logs_tell_of_both(running: Site) -> None:
    status = running.program.json("status", running.name)
    assert status["state"] == "running"
    states = {item["component"]: item["state"] for item in status["resources"] if item["kind"] == "container"}
    assert states == {"wordpress": "running", "mariadb:mariadb": "running"}
    assert running.name in {row["name"] for row in running.program.json("list")}
    fetch(running.url)
    logs = running.program("logs", running.name)
    assert "ready for connections" in logs
    assert "GET / HTTP/1.1" in logs


def test_data_outlives_stop_and_uninstall(running: Site) -> None:
    title = f"Blog of {running.name}"
    samples.install_wordpress(running.url, title)
    assert title in fetch(running.url)

    running.program("stop", running.name)
    assert running.held("ps", "-q") == set()
    assert running.program.json("status", running.name)["state"] == "stopped"
    running.run()
    assert title in fetch(running.url), "run starts a stopped app, data and all"

    running.program("stop", running.name)
    running.program("start", running.name)
    assert title in fetch(running.url)

    running.program("uninstall", running.name)
    assert running.held("ps", "-aq") == set()
    assert running.held("network", "ls", "-q") == set()
    assert len(running.held("volume", "ls", "-q")) == 1
    running.run()
    assert title in fetch(running.url), "the volume was kept, and found again"


def test_purging_leaves_nothing(running: Site) -> None:
    running.program("uninstall", running.name, "--purge-data")
    for listing in ("ps -aq", "network ls -q", "volume ls -q"):
        assert running.held(*listing.split()) == set(), listing
    assert running.name not in {row["name"] for row in running.program.json("list")}
    assert running.program.attempt("status", running.name).returncode == 1


def test_no_secret_is_shown_or_kept_in_clear(running: Site) -> None:
    said = [
        running.program("run", running.app, "-a", str(running.answers), "--name", running.name, "-v"),
        running.program("params", running.app, "-a", str(running.answers), "--explain"),
        running.program("status", running.name, "-o", "json"),
        running.program("inspect", running.app),
    ]
    home = Path(running.program.env["ATOMICAPP_HOME"])
    kept = [path.read_bytes() for path in home.rglob("*.json") if path.is_file()]
    for secret in SECRETS:
        assert not any(secret in text for text in said)
        assert not any(secret.encode() in data for data in kept)


def test_helloapache_runs_from_its_folder(
    program: Program, docker_engine: DockerEngine, sample_images: dict[str, str], tmp_path: Path
) -> None:
    name = f"hello-{uuid.uuid4().hex[:8]}"
    port = free_port()
    words = (str(ROOT / "samples" / "helloapache"), "-p", f"helloapache:hostport={port}", "--name", name)
    try:
        program("run", *words)
        assert "It works!" in fetch(f"http://127.0.0.1:{port}/")
    finally:
        program("uninstall", name)
    assert docker_engine.docker("ps", "-aq", "--filter", f"label=io.atomicapp.name={name}") == ""


def test_the_guestbook_reads_from_the_follower_what_the_leader_was_told(
    program: Program, docker_engine: DockerEngine, sample_images: dict[str, str]
) -> None:
    name = f"guests-{uuid.uuid4().hex[:8]}"
    port = free_port()
    words = ("-p", f"general:network={name}", "-p", f"frontend:hostport={port}", "--name", name)
    try:
        program("run", str(ROOT / "samples" / "guestbook"), *words, "--provider", "docker")
        url = f"http://127.0.0.1:{port}/"
        fetch(url, {"entry": "<b>Ada & Bob</b>"})
        found = samples.until(lambda: fetch(url), lambda page: "Ada" in page)
        assert "<li>&lt;b&gt;Ada &amp; Bob&lt;/b&gt;</li>" in found
        running = [item for item in program.json("status", name)["resources"] if item["kind"] == "container"]
        assert {item["component"] for item in running} == {"redis-leader", "redis-follower", "frontend"}
        assert all("(healthy)" in item["detail"] for item in running)
    finally:
        program("uninstall", name)
    assert docker_engine.docker("ps", "-aq", "--filter", f"label=io.atomicapp.name={name}") == ""


ENGINES = {
    "helloapache": "docker,kubernetes,openshift",
    "guestbook": "docker,kubernetes,openshift",
    "mariadb": "docker,kubernetes,openshift,marathon,fleet,compose",
    "wordpress": "docker,kubernetes,openshift,marathon,fleet,compose",
    "compose-voting": "compose",
}


@pytest.mark.parametrize("sample", ENGINES)
def test_samples_are_valid_and_their_sample_answers_complete(
    program: Program, packages: None, sample: str, registry: Registry, tmp_path: Path
) -> None:
    folder = samples.copy(sample, tmp_path, registry.host)
    # Docker's local volumes have no limit, and the program says so: the only thing to say
    assert {issue["code"] for issue in program.json("validate", str(folder))["issues"]} <= {"volume-size"}
    artifacts = [item.get("artifacts") for item in yaml.safe_load((folder / "Nulecule").read_text())["graph"]]
    engines = {",".join(found) for found in artifacts if found}
    assert engines == {ENGINES[sample]}
    assert f'providers="{engines.pop()}"' in (folder / "Dockerfile").read_text()
    # the sample beside the Nulecule names every param that `params` knows, and no other
    known = {(item["scope"], item["name"]) for item in program.json("params", str(folder))["params"]}
    listed = set()
    scope = ""
    for line in (folder / "answers.conf.sample").read_text().splitlines():
        if line.startswith("["):
            scope = line.strip("[]")
        else:
            listed.add((scope, line.split(" = ")[0]))
    own = {("general", "namespace"), ("general", "provider")}
    shared = {item for item in known if item[0] == "mariadb:mariadb" and ("general", item[1]) in known}
    assert listed - own == known - shared


def test_one_param_chooses_the_public_images(
    program: Program, packages: None, registry: Registry, tmp_path: Path
) -> None:
    words = ["-p", "general:images=docker.io/library", "-p", f"general:db_password={SECRETS[0]}"]
    words += ["-p", f"mariadb:mariadb:db_root_password={SECRETS[1]}", "--provider", "docker"]
    program("render", f"{registry.host}/wordpress-app", *words, "--output", str(tmp_path / "out"))
    texts = {path.name: path.read_text() for path in (tmp_path / "out").rglob("*_run")}
    assert texts["wordpress_run"].split()[-1] == "docker.io/library/wordpress:latest"
    assert texts["mariadb_run"].split()[-1] == "docker.io/library/mariadb:latest"
