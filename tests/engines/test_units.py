"""What a Compose file becomes runs on a real systemd: order, waits, words of any kind, files, hooks, ends and restarts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from atomicapp.providers.units.parts import SHARED_STEPS, Settings, Units
from atomicapp.providers.units.writer import write
from atomicapp.workload.compose import read
from tests.engines.docker import DockerEngine
from tests.engines.systemd import Node

pytestmark = pytest.mark.engine

COMPOSE = r"""
x-plain: &plain {image: 'IMAGE', pull_policy: never, stop_grace_period: 1s}
x-test: &test {labels: {io.atomicapp.test: '1'}}
services:
  init: {<<: *plain, command: [sh, -c, echo made >/d/made], volumes: ['data:/d']}
  db:
    <<: *plain
    command: [sh, -c, 'touch /tmp/ok; exec sleep 3000']
    healthcheck: {test: [CMD, test, -e, /tmp/ok], interval: 1s}
    restart: always
  web:
    <<: *plain
    command:
      - sh
      - -c
      - 'for word; do echo "[$$word]"; done; echo "$$PLAIN $$ODD $$LINES"; cat /run/secrets/key /srv/page; ls /d; ping -c1 db >/dev/null && echo found; exec sleep 3000'
      - words
      - a b
      - 100%
      - $$HOME
      - q"q
      - it's
      - back\slash
      - ;
      - "two\nlines"
      - '%i %n'
      - ''
    environment: {PLAIN: 'x y', ODD: '"q" $$x 100%', LINES: "one\ntwo"}
    secrets: [key]
    configs: [{source: page, target: /srv/page}]
    volumes: ['data:/d']
    networks: [front, default]
    stdin_open: true
    depends_on: {db: {condition: service_healthy}, init: {condition: service_completed_successfully}}
    restart: on-failure
    post_start: [{command: [sh, -c, 'echo "100% $$0" >/d/post', hook]}]
    pre_stop: [{command: [touch, /d/bye]}]
    pre_start: [{command: [touch, /d/before]}]
  many: {<<: *plain, command: [sleep, '3000'], scale: 2, depends_on: [db]}
  fails: {<<: *plain, command: [sh, -c, exit 3], restart: 'on-failure:1', deploy: {restart_policy: {condition: on-failure, max_attempts: 1, delay: 100ms}}}
  late: {<<: *plain, command: [sleep, '3000'], depends_on: {fails: {condition: service_completed_successfully}}}
networks: {front: *test, default: *test}
volumes: {data: *test}
secrets: {key: {environment: PASSWORD}}
configs: {page: {content: "hello $$x 100% é\n"}}
"""
SAID = """\
[a b]
[100%]
[$HOME]
[q"q]
[it's]
[back\\slash]
[;]
[two
lines]
[%i %n]
[]
x y "q" $x 100% one
two
hushhello $x 100% é
before
made
found
"""


class App:
    """The units of one way of writing them, on a node."""

    def __init__(self, node: Node, engine: DockerEngine, name: str, found: Units) -> None:
        self.node, self.engine, self.name, self.found = node, engine, name, found
        self.units = [instance for part in found.parts for instance in part.instances]

    def write(self) -> None:
        assert [issue.message for issue in self.found.issues if issue.severity == "error"] == []
        for part in self.found.parts:
            (self.node.units / part.unit.name).write_text(part.unit.text)
        for file in self.found.files:
            path = Path(file.path)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(file.text)
            path.chmod(file.mode)
        self.node.systemctl("daemon-reload")

    def start(self) -> None:
        # of those that fail the command tells, too
        self.node.run("sh", "-c", f"systemctl start {' '.join(self.units)} 2>/dev/null || true")

    def state(self, service: str) -> str:
        found = self.node.show(f"{self.name}-{service}.service", "ActiveState", "SubState")
        return f"{found['ActiveState']}/{found['SubState']}"

    def remove(self) -> None:
        self.node.run(
            "sh", "-c", f"systemctl stop {' '.join(self.units)}; systemctl reset-failed '{self.name}-*' || true"
        )
        for part in self.found.parts:
            (self.node.units / part.unit.name).unlink(missing_ok=True)
        self.node.systemctl("daemon-reload")
        self.engine.docker("volume", "rm", "--force", f"{self.name}_data")


@pytest.fixture(scope="module", params=["placed", "inline"])
def app(
    request: pytest.FixtureRequest, systemd_node: Node, docker_engine: DockerEngine, busybox_image: str
) -> Iterator[App]:
    name = f"units{request.param}"
    folder = str(systemd_node.units / "files")
    settings = Settings(name, folder=folder, engine_unit="", install="multi-user.target")
    if request.param == "inline":
        settings = settings._replace(shared=SHARED_STEPS, inline=True, env_file=False)
    project = read(COMPOSE.replace("IMAGE", busybox_image), "compose.yaml", variables={"PASSWORD": "hush"})
    found = App(systemd_node, docker_engine, name, write(project, settings))
    found.write()
    try:
        found.start()
        yield found
    finally:
        found.remove()


def until(true: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.2)


def test_what_is_to_run_runs(app: App) -> None:
    assert app.state("init") == "active/exited"
    assert [app.state(name) for name in ("db", "web", "many@1", "many@2")] == ["active/running"] * 4
    running = app.engine.docker("ps", "--filter", f"name={app.name}-", "--format", "{{.Names}}").split()
    assert sorted(running) == sorted(f"{app.name}-{name}" for name in ("db", "web", "many-1", "many-2"))


def test_words_variables_and_files_arrive_as_they_are(app: App) -> None:
    until(lambda: "found\n" in app.engine.docker("logs", f"{app.name}-web"), "it has not said all")
    assert app.engine.docker("logs", f"{app.name}-web") == SAID
    assert "found" in app.node.journal(f"{app.name}-web.service")
    until(lambda: "post" in app.engine.docker("exec", f"{app.name}-web", "ls", "/d"), "the hook was not carried out")
    assert app.engine.docker("exec", f"{app.name}-web", "cat", "/d/post") == "100% hook\n"


def test_what_fails_is_tried_again_and_given_up(app: App) -> None:
    until(lambda: app.state("fails") == "failed/failed", "it did not give up")
    assert app.node.show(f"{app.name}-fails.service", "NRestarts")["NRestarts"] in ("1", "2")
    assert app.state("late") != "active/running"
    assert f"{app.name}-fails.service is not active" in app.node.journal(f"{app.name}-late.service")


def test_a_crash_brings_back_itself_and_nothing_else(app: App) -> None:
    before = app.node.show(f"{app.name}-web.service", "MainPID")
    app.engine.docker("kill", f"{app.name}-db")
    until(lambda: app.node.show(f"{app.name}-db.service", "NRestarts")["NRestarts"] == "1", "it was not started again")
    until(lambda: app.state("db") == "active/running", "it does not run again")
    assert app.node.show(f"{app.name}-web.service", "MainPID") == before


def test_a_stop_takes_its_time_and_is_no_failure(app: App) -> None:
    app.node.systemctl("stop", f"{app.name}-web.service", f"{app.name}-many@1.service", f"{app.name}-db.service")
    assert [app.state(name) for name in ("web", "many@1", "db")] == ["inactive/dead"] * 3
    assert app.state("many@2") == "active/running"
    files = app.engine.docker(
        "run", "--rm", "-v", f"{app.name}_data:/d", "atomicapp-test/busybox:1", "ls", "/d"
    ).split()
    assert files == ["before", "bye", "made", "post"]


def test_nothing_is_left(app: App) -> None:
    app.node.systemctl("stop", *app.units)
    assert app.engine.docker("ps", "--all", "--filter", f"name={app.name}-", "--format", "{{.Names}}") == ""
    assert app.engine.docker("network", "ls", "--filter", f"name={app.name}_", "--format", "{{.Name}}") == ""
