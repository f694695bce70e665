"""The systemd provider on a real systemd: what it writes and what it does not, and each way to fail explained."""

from __future__ import annotations

import contextlib
import os
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from atomicapp.errors import EngineError
from atomicapp.model import (
    COMPOSE,
    DATA,
    DELETE,
    FAILED,
    KEEP,
    PRESENT,
    RUNNING,
    STOPPED,
    Artifact,
    Existing,
    Failed,
    Plan,
    Readiness,
    Ready,
    Rendered,
    Resource,
    Step,
    Target,
    Waiting,
)
from atomicapp.planning import diff
from atomicapp.planning.apply import apply
from atomicapp.planning.observer import Observer
from atomicapp.planning.wait import wait_until_ready
from atomicapp.position import Position
from atomicapp.providers import systemd
from atomicapp.providers.systemd import marks
from atomicapp.providers.systemd.folder import Folder
from tests.compose.files import read_input
from tests.compose.units import NAMES
from tests.engines.docker import DockerEngine
from tests.engines.process import free_port
from tests.engines.samples import fetch
from tests.engines.systemd import Node, Nodes

pytestmark = pytest.mark.engine

HERE = Position("Nulecule", 1, 1)
SLEEP = "[Service]\nExecStart=/bin/sleep 1000\n[Install]\nWantedBy=multi-user.target\n"
READING = {"show", "is-system-running"}


class Life:
    """One app on a node. In texts and names of units APP stands for its name."""

    def __init__(self, node: Node, calls: Path) -> None:
        self.node = node
        self.app = f"life-{uuid.uuid4().hex[:8]}"
        self.target = Target(self.app)
        self.secrets: frozenset[str] = frozenset()
        self._calls = calls

    def wanted(self, provider: str = "systemd", /, **units: str) -> tuple[Resource, ...]:
        """The resources of units by their names, `web_service` for `APP-web.service`."""
        artifacts = []
        for name, text in units.items():
            stem, _, kind = name.rpartition("_")
            path = f"{self.app}-{stem.replace('_at', '@')}.{kind}"
            filled = text.replace("APP", self.app)
            artifacts.append(Artifact(stem, provider, path, filled, path, HERE))
        rendered = Rendered(tuple(artifacts), secrets=self.secrets, variables=lambda scope: {})
        return systemd.parse(rendered, self.target).resources

    def plan(self, wanted: Sequence[Resource]) -> tuple[Step, ...]:
        with contextlib.closing(systemd.connect(self.target)) as session:
            return diff.run(wanted, session.observe(self.app, wanted), session.compare)

    def run(self, wanted: Sequence[Resource]) -> dict[str, str]:
        """Bring it up and wait; the op of each step that did something, by the name of its unit."""
        with contextlib.closing(systemd.connect(self.target)) as session:
            steps = diff.run(wanted, session.observe(self.app, wanted), session.compare)
            apply(Plan(self.target, "systemd", 1, steps), session, Observer())
            started = [step.resource for step in steps if step.op != KEEP and step.resource]
            wait_until_ready(started, session, Observer(), timeout=60)
        return {step.name.removeprefix(f"{self.app}-"): step.op for step in steps if step.op != KEEP}

    def carry_out(self, steps: Sequence[Step]) -> None:
        with contextlib.closing(systemd.connect(self.target)) as session:
            session.observe(self.app, ())
            apply(Plan(self.target, "systemd", 1, tuple(steps)), session, Observer())

    def held(self) -> dict[str, Existing]:
        with contextlib.closing(systemd.connect(self.target)) as session:
            return {item.name.removeprefix(f"{self.app}-"): item for item in session.observe(self.app, ())}

    def states(self) -> dict[str, str]:
        return {name: item.state for name, item in self.held().items() if item.kind == "unit"}

    def files(self) -> dict[str, tuple[int, str]]:
        """All that lies in the folder of units: time of writing and text by path."""
        return {
            str(path.relative_to(self.node.units)): (
                path.lstat().st_mtime_ns,
                path.read_text() if path.is_file() else "",
            )
            for path in self.node.units.rglob("*")
            if self.app in str(path)
        }

    def calls(self) -> list[str]:
        """What was called since it was asked last: the program and its verb."""
        lines = self._calls.read_text().splitlines() if self._calls.exists() else []
        self._calls.unlink(missing_ok=True)
        return [
            next(word for word in line.split()[1:] if not word.startswith("-")) for line in lines if "systemctl" in line
        ]

    def wrote(self, name: str, line: str) -> int:
        """How often a unit has written a line, once it has: the journal may have it a moment later."""
        for _ in range(100):
            count = self.node.journal(self.unit(name)).splitlines().count(line)
            if count:
                return count
            time.sleep(0.1)
        return 0

    def unit(self, name: str) -> str:
        return f"{self.app}-{name}"

    def settled(self, resource: Resource) -> Readiness:
        """How a unit is once it is no longer Waiting."""
        with contextlib.closing(systemd.connect(self.target)) as session:
            found = session.ready(resource)
            while isinstance(found, Waiting):
                time.sleep(0.1)
                found = session.ready(resource)
        return found

    def end(self) -> None:
        self.carry_out(diff.uninstall(self.held().values(), purge_data=True))


@pytest.fixture
def life(systemd_node: Node, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Life]:
    for variable, text in systemd_node.environment.items():
        monkeypatch.setenv(variable, text)
    monkeypatch.setenv("AAP_CALLS", str(tmp_path / "calls"))
    found = Life(systemd_node, tmp_path / "calls")
    yield found
    found.end()
    assert not [path for path in found.files() if "atomicapp" in path], "own files are left"
    assert not found.files()


# ---------------------------------------------------------------- what is written, and what is not


def test_a_plan_writes_nothing(life: Life) -> None:
    wanted = life.wanted(web_service=SLEEP)
    life.calls()
    assert [step.op for step in life.plan(wanted)] == ["create"]
    assert life.files() == {}
    assert set(life.calls()) <= READING


def test_a_second_run_reads_once_and_writes_nothing(life: Life) -> None:
    wanted = life.wanted(
        web_service=SLEEP, db_service=SLEEP, tick_timer="[Timer]\nOnCalendar=daily\nUnit=APP-web.service\n"
    )
    life.run(wanted)
    before = life.files()
    life.calls()
    assert life.run(wanted) == {}
    assert life.files() == before
    # one asks who answers, one asks how all units are
    assert life.calls() == ["show", "show"]


def test_new_units_are_read_once_before_the_first_starts(life: Life) -> None:
    # the first needs the second, which comes later in the graph
    first = SLEEP.replace("[Service]", "[Unit]\nRequires=APP-last.service\n[Service]", 1)
    life.calls()
    life.run(life.wanted(first_service=first, middle_service=SLEEP, last_service=SLEEP))
    calls = life.calls()
    assert calls.count("daemon-reload") == 1
    assert calls.index("daemon-reload") < calls.index("enable")
    assert set(life.states().values()) == {RUNNING}


def test_only_what_changed_is_restarted_and_a_comment_restarts_nothing(life: Life) -> None:
    life.run(life.wanted(web_service=SLEEP, db_service=SLEEP))
    ids = {name: item.id for name, item in life.held().items()}
    changed = SLEEP.replace("1000", "1001")
    assert life.run(life.wanted(web_service=changed, db_service=SLEEP)) == {"web.service": "update"}
    now = {name: item.id for name, item in life.held().items()}
    assert now["db.service"] == ids["db.service"]
    assert now["web.service"] != ids["web.service"]
    life.run(life.wanted(web_service=f"# more to say\n{changed}", db_service=SLEEP))
    assert {name: item.id for name, item in life.held().items()} == now
    assert "# more to say" in (life.node.units / life.unit("web.service")).read_text()


def test_units_are_enabled_for_the_boot_until_they_are_stopped(life: Life) -> None:
    unit = life.unit("web.service")
    wanted = life.wanted(web_service=SLEEP)
    life.run(wanted)
    assert life.node.show(unit, "UnitFileState") == {"UnitFileState": "enabled"}
    life.carry_out(diff.stop(life.held().values()))
    assert life.node.show(unit, "UnitFileState", "ActiveState") == {
        "UnitFileState": "disabled",
        "ActiveState": "inactive",
    }
    life.carry_out(diff.start(life.held().values()))
    assert life.node.show(unit, "UnitFileState", "ActiveState") == {"UnitFileState": "enabled", "ActiveState": "active"}
    # another target: the link of before goes
    life.run(life.wanted(web_service=SLEEP.replace("multi-user", "basic")))
    links = [path.parent.name for path in life.node.units.rglob("*") if path.name == unit and path.is_symlink()]
    assert links == ["basic.target.wants"]


def test_what_was_changed_by_hand_is_brought_back(life: Life) -> None:
    wanted = life.wanted(web_service=SLEEP)
    life.run(wanted)
    path = life.node.units / life.unit("web.service")
    text = path.read_text()
    path.write_text(text.replace("sleep 1000", "sleep 5"))
    (step,) = [step for step in life.plan(wanted) if step.op != KEEP]
    assert [(change.path, change.old, change.new) for change in step.changes] == [
        ("Service/ExecStart", "/bin/sleep 5", "/bin/sleep 1000")
    ]
    life.run(wanted)
    assert path.read_text() == text


def test_what_was_written_and_not_restarted_is_restarted_by_the_next_run(
    life: Life, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As when the machine goes down between the two."""
    life.run(life.wanted(web_service=SLEEP, job_service="[Service]\nType=oneshot\nExecStart=/bin/true\n"))
    before = life.held()["web.service"].id
    changed = SLEEP.replace("1000", "1001")
    job = "[Service]\nType=oneshot\nExecStart=/bin/echo it ran\n"
    wanted = life.wanted(web_service=changed, job_service=job, new_service=job)
    script = (life.node.path / "systemctl").read_text().split("\n", 1)[1]
    (tmp_path / "systemctl").write_text(
        f'#!/bin/sh\ncase "$*" in *"restart "*|*"start "*) echo no power >&2; exit 1;; esac\n{script}'
    )
    (tmp_path / "systemctl").chmod(0o755)
    with monkeypatch.context() as patch:
        patch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
        with pytest.raises(EngineError, match="no power"):
            life.run(wanted)
    life.node.systemctl("daemon-reload")
    assert life.held()["web.service"].id == before
    done = life.run(wanted)
    assert done["web.service"] == "update"
    assert life.held()["web.service"].id != before
    for name in ("job.service", "new.service"):
        assert life.wrote(name, "it ran") == 1
    assert life.run(wanted) == {}


def test_a_boot_brings_the_app_up(
    systemd_nodes: Nodes, docker_engine: DockerEngine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    node = systemd_nodes("boot")
    for variable, text in node.environment.items():
        monkeypatch.setenv(variable, text)
    life = Life(node, tmp_path / "calls")
    life.run(life.wanted(web_service=SLEEP, db_service=SLEEP))
    life.carry_out([step for step in diff.stop(life.held().values()) if step.component == "db"])
    docker_engine.docker("restart", node.name)
    node.wait()
    assert life.states() == {"web.service": RUNNING, "db.service": STOPPED}
    life.end()
    systemd_nodes.drop("boot")


def test_uninstall_leaves_nothing_not_even_failures(life: Life) -> None:
    broken = "[Service]\nExecStart=/bin/false\n"
    with pytest.raises(EngineError):
        life.run(life.wanted(web_service=broken))
    life.run(life.wanted(web_service=SLEEP, db_service=SLEEP.replace("[Service]", "[Service]\nStateDirectory=APP")))
    life.carry_out(diff.uninstall(life.held().values(), purge_data=False))
    assert [(item.lifetime, item.state) for item in life.held().values()] == [(DATA, PRESENT)]
    state = f"/var/lib/{life.app}"
    assert life.node.run("ls", "-d", state).strip() == state
    listed = life.node.systemctl("list-units", "--all", "--plain", "--no-legend", f"{life.app}*")
    assert listed.strip() == ""
    life.carry_out(diff.uninstall(life.held().values(), purge_data=True))
    assert life.node.run("sh", "-c", f"ls -d {state} 2>/dev/null || echo gone").strip() == "gone"


def test_a_thousand_units_are_observed_by_one_call(life: Life) -> None:
    wanted = life.wanted(**{f"u{number}_service": SLEEP for number in range(1000)})
    folder = Folder(life.node.units)
    for item in wanted:
        text = str(item.body["text"])
        folder.write(item.name, text, marks.of(item, life.app, 1, text))
    life.calls()
    assert len(life.held()) == 1000
    assert life.calls() == ["show", "show"]
    for item in wanted:
        (life.node.units / item.name).unlink()
    life.node.systemctl("daemon-reload")


# ---------------------------------------------------------------- kinds of units


def test_a_timer_starts_what_we_do_not(life: Life) -> None:
    job = "[Service]\nType=oneshot\nExecStart=/bin/echo tick\n"
    timer = "[Timer]\nOnActiveSec=10h\nUnit=APP-job.service\n[Install]\nWantedBy=timers.target\n"
    life.run(life.wanted(job_service=job, tick_timer=timer))
    assert life.states() == {"job.service": PRESENT, "tick.timer": RUNNING}
    assert "tick" not in life.node.journal(life.unit("job.service"))
    life.carry_out(diff.stop(life.held().values()))
    assert life.states() == {"job.service": PRESENT, "tick.timer": STOPPED}


def test_a_socket_starts_its_service_and_both_can_change(life: Life) -> None:
    service = "[Service]\nExecStart=/bin/sleep 1000\n"
    socket = "[Socket]\nListenStream=/run/APP.sock\n"
    life.run(life.wanted(echo_service=service, echo_socket=socket))
    assert life.states() == {"echo.service": PRESENT, "echo.socket": RUNNING}
    life.node.systemctl("start", life.unit("echo.service"))
    changed = life.run(
        life.wanted(echo_service=service.replace("1000", "999"), echo_socket=f"{socket}SocketMode=0600\n")
    )
    assert set(changed) == {"echo.service", "echo.socket"}
    assert life.states()["echo.socket"] == RUNNING


def test_a_oneshot_is_done_once(life: Life) -> None:
    job = "[Service]\nType=oneshot\nExecStart=/bin/echo done\n"
    wanted = life.wanted(job_service=job)
    assert life.run(wanted) == {"job.service": "create"}
    assert life.states() == {"job.service": PRESENT}
    assert life.run(wanted) == {}
    assert life.wrote("job.service", "done") == 1
    assert life.run(life.wanted(job_service=job.replace("echo done", "echo again"))) == {"job.service": "update"}
    assert life.wrote("job.service", "again") == 1


def test_a_template_is_scaled_by_its_instances(life: Life) -> None:
    text = f"{SLEEP}[X-Atomicapp]\nInstances=2\n"
    wanted = life.wanted(web_at_service=text)
    life.run(wanted)
    item = life.held()["web@.service"]
    assert (item.state, item.replicas, item.detail) == (RUNNING, 2, "2 of 2 active")
    ids = item.id.split()
    life.carry_out(diff.scale(life.held().values(), {item.key: 3}))
    item = life.held()["web@.service"]
    assert (item.state, item.replicas) == (RUNNING, 3)
    assert item.id.split()[:2] == ids, "those that ran run on"
    life.carry_out(diff.scale(life.held().values(), {item.key: 1}))
    listed = life.node.systemctl("list-units", "--plain", "--no-legend", f"{life.app}*")
    assert [line.split()[0] for line in listed.splitlines()] == [life.unit("web@1.service")]
    assert life.run(wanted) == {}, "the count stays until the unit changes"
    life.carry_out(diff.scale(life.held().values(), {item.key: 0}))
    assert life.held()["web@.service"].replicas == 0
    life.run(life.wanted(web_at_service=text.replace("1000", "1001")))
    assert life.held()["web@.service"].replicas == 2


# ---------------------------------------------------------------- each way to fail

WAYS = {
    "exit": ("ExecStart=/bin/sh -c 'echo boom; exit 3'", "has failed: exit code 3", "boom"),
    "not-there": ("ExecStart=/opt/nothing/here", "exit code 203: the program can't be run: it is not there", ""),
    "before": (
        "ExecStartPre=/bin/sh -c 'echo early; exit 4'\nExecStart=/bin/sleep 1000",
        "ExecStartPre= ended with exit code 4",
        "early",
    ),
    "user": ("User=nobody-knows\nExecStart=/bin/sleep 1000", "exit code 217: its user is not known", ""),
    "folder": ("WorkingDirectory=/nowhere\nExecStart=/bin/sleep 1000", "exit code 200: its working directory", ""),
    "signal": ("ExecStart=/bin/sh -c 'kill -9 $$$$'", "has failed: ended by signal KILL", ""),
    "timeout": ("Type=notify\nTimeoutStartSec=1\nExecStart=/bin/sleep 1000", "it took longer than it may", ""),
    "again": (
        "Restart=always\nRestartSec=100ms\nExecStart=/bin/sh -c 'echo boom; exit 5'\n[Unit]\nStartLimitIntervalSec=0",
        "ends again and again",
        "boom",
    ),
    "limit": (
        "Restart=always\nRestartSec=1ms\nStartLimitBurst=1\nExecStart=/bin/false",
        "exit code 1, after 1 restarts",
        "",
    ),
    "oneshot": ("Type=oneshot\nExecStart=/bin/sh -c 'echo half; exit 6'", "has failed: exit code 6", "half"),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_failure_is_explained(life: Life, way: str) -> None:
    service, message, line = WAYS[way]
    with pytest.raises(EngineError) as caught:
        life.run(life.wanted(web_service=f"[Service]\n{service}\n[Install]\nWantedBy=multi-user.target\n"))
    assert message in caught.value.message
    assert caught.value.component == "web"
    if line:
        assert line in caught.value.log_tail
    assert life.states() == {"web.service": FAILED} or way == "again"
    # the next run mends it
    life.run(life.wanted(web_service=SLEEP))
    assert life.states() == {"web.service": RUNNING}


def test_a_condition_that_is_not_met_is_told(life: Life) -> None:
    with pytest.raises(EngineError, match=r"was not started: .* unmet condition check"):
        life.run(life.wanted(web_service=f"[Unit]\nConditionPathExists=/nowhere\n{SLEEP}"))


def test_what_it_needs_and_why_that_failed_is_told(life: Life) -> None:
    db = "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'echo no disk; exit 7'\n"
    web = f"[Unit]\nRequires=APP-db.service\nAfter=APP-db.service\n{SLEEP}"
    with pytest.raises(EngineError) as caught:
        life.run(life.wanted(db_service=db, web_service=web))
    assert "db.service has failed: exit code 7" in caught.value.message
    assert life.settled(life.wanted(db_service=db, web_service=web)[1]) == Failed(
        f"was not started, for what it needs did not come up: {life.unit('db.service')} has failed (exit code 7)",
        ("no disk",),
    )


def test_a_unit_that_needs_one_that_is_nowhere_is_refused(life: Life) -> None:
    with pytest.raises(EngineError) as caught:
        life.run(life.wanted(web_service=f"[Unit]\nRequires=nowhere-at-all.service\n{SLEEP}"))
    assert "nowhere-at-all.service not found" in caught.value.message
    assert "Requires=" in caught.value.hint


def test_a_unit_that_systemd_can_not_load_is_told(life: Life) -> None:
    with pytest.raises(EngineError) as caught:
        life.run(life.wanted(web_service="[Service]\nType=forking\nExecStart=bin/relative\n"))
    assert "bad unit file setting" in caught.value.message
    assert "systemd-analyze verify" in caught.value.hint


def test_a_long_start_waits_and_says_what_for(life: Life) -> None:
    wanted = life.wanted(web_service="[Service]\nExecStartPre=/bin/sleep 1000\nExecStart=/bin/sleep 1000\n")
    with contextlib.closing(systemd.connect(life.target)) as session:
        steps = diff.run(wanted, session.observe(life.app, wanted), session.compare)
        apply(Plan(life.target, "systemd", 1, steps), session, Observer())
        found: Readiness = session.ready(wanted[0])
        for _ in range(50):
            if found == Waiting("activating (start-pre)"):
                break
            time.sleep(0.1)
            found = session.ready(wanted[0])
        assert found == Waiting("activating (start-pre)")
    life.node.systemctl("stop", life.unit("web.service"))
    assert isinstance(life.settled(wanted[0]), Failed)


# ---------------------------------------------------------------- whose it is


def test_a_unit_of_someone_else_is_never_touched(life: Life) -> None:
    path = life.node.units / life.unit("web.service")
    path.write_text(SLEEP)
    with pytest.raises(EngineError, match="was not made by atomicapp"):
        life.plan(life.wanted(web_service=SLEEP))
    assert path.read_text() == SLEEP
    path.unlink()


def test_a_unit_of_the_system_is_not_hidden(life: Life) -> None:
    artifact = Artifact("bus", "systemd", "dbus.service", SLEEP, "dbus.service", HERE)
    wanted = systemd.parse(Rendered((artifact,)), life.target).resources
    with pytest.raises(EngineError, match=r"is on this machine already.*/lib/systemd/system/dbus.service"):
        life.plan(wanted)


def test_a_unit_of_another_app_is_told_with_its_owner(life: Life) -> None:
    wanted = life.wanted(web_service=SLEEP)
    life.run(wanted)
    with (
        contextlib.closing(systemd.connect(life.target)) as session,
        pytest.raises(EngineError, match=f"belongs to the app '{life.app}'"),
    ):
        session.observe("another", wanted)


# ---------------------------------------------------------------- containers

COMPOSE_FILE = """\
services:
  web:
    image: atomicapp-test/busybox:1
    command: [sh, -c, 'cat /run/secrets/token; echo $$GREETING; echo "$$KEY"; exec sleep 1000']
    environment:
      GREETING: g-s3cret
      KEY: "a \\"quoted\\" \\\\ `line` of $$5 and 100%\\nk-s3cret"
    secrets: [token]
    labels: {io.atomicapp.test: "1"}
    stop_grace_period: 1s
secrets: {token: {environment: TOKEN}}
"""


def test_secrets_stand_in_no_unit_and_in_no_command_line(life: Life, busybox_image: str) -> None:
    life.secrets = frozenset({"g-s3cret", "t-s3cret", "k-s3cret"})
    artifact = Artifact("web", COMPOSE, "compose.yaml", COMPOSE_FILE, "compose.yaml", HERE)
    rendered = Rendered((artifact,), secrets=life.secrets, variables=lambda scope: {"TOKEN": "t-s3cret"})
    wanted = systemd.parse(rendered, life.target).resources
    life.run(wanted)
    unit = life.unit("web.service")
    said = (
        life.node.systemctl("show", unit)
        + life.node.systemctl("cat", unit)
        + life.node.run("sh", "-c", "cat /proc/[0-9]*/cmdline")
    )
    assert "s3cret" not in said
    own = [path for path in (life.node.units / "atomicapp").rglob("*") if path.is_file() and life.app in str(path)]
    holding = [path for path in own if "s3cret" in path.read_text()]
    assert len(holding) == 3
    assert {path.stat().st_mode & 0o777 for path in holding if path.name.startswith("env")} == {0o600}
    assert (life.node.units / "atomicapp").stat().st_mode & 0o077 == 0
    with contextlib.closing(systemd.connect(life.target)) as session:
        lines = [line.text for line in session.logs(life.held()["web.service"], tail=None, follow=False, since="")]
    assert "g-s3cret" in "\n".join(lines), "the container has it"
    assert "t-s3cret" in "\n".join(lines)
    assert lines[-2:] == ['a "quoted" \\ `line` of $5 and 100%', "k-s3cret"]
    # a plan of a change does not show it
    text = COMPOSE_FILE.replace("g-s3cret", "g-other")
    other = systemd.parse(rendered._replace(artifacts=(artifact._replace(data=text),)), life.target).resources
    (step,) = [step for step in life.plan(other) if step.op != KEEP]
    assert [(change.path, change.old) for change in step.changes] == [("env/GREETING", "(hidden)")]


def test_commands_become_units_that_answer(life: Life, busybox_image: str) -> None:
    port = free_port()
    run = "docker run -d --label io.atomicapp.test=1 --stop-timeout 1"
    db = f"{run} --name {life.app}-db -v {life.app}-data:/data {busybox_image} httpd -f -p 80 -h /www"
    web = f"{run} -p 127.0.0.1:{port}:80 {busybox_image} httpd -f -p 80 -h /www"
    artifacts = [
        Artifact(name, "systemd", f"{name}_run", text, name, HERE) for name, text in (("db", db), ("web", web))
    ]
    wanted = systemd.parse(Rendered(tuple(artifacts)), life.target).resources
    life.run(wanted)
    assert fetch(f"http://127.0.0.1:{port}/") == "hello\n"
    assert [item.lifetime for item in life.held().values() if item.kind == "volume"] == [DATA]
    assert life.run(wanted) == {}


# ---------------------------------------------------------------- what it says


def test_logs_follow_and_events_tell(life: Life) -> None:
    script = "n=0; while :; do n=$((n+1)); echo line $n; sleep 0.1; done".replace("$", "$$")
    life.run(life.wanted(web_service=f"[Service]\nExecStart=/bin/sh -c '{script}'\n"))
    item = life.held()["web.service"]
    with contextlib.closing(systemd.connect(life.target)) as session:
        assert len(list(session.logs(item, tail=2, follow=False, since=""))) == 2
        assert len(list(session.logs(item, tail=None, follow=False, since="1h"))) > 2
        lines = session.logs(item, tail=1, follow=True, since="")
        numbers = [int(next(lines).text.split()[1]) for _ in range(5)]
        assert numbers == list(range(numbers[0], numbers[0] + 5))
        first = next(lines)
        assert (first.component, first.name, first.time[-1]) == ("web", life.unit("web.service"), "Z")
        events = list(session.events([item], follow=False, since="1h"))
    assert any(event.reason == "done" and "Started" in event.message for event in events)
    assert {event.component for event in events} == {"web"}
    assert not any(event.warning for event in events)


def test_all_deployments_are_listed_and_gone_steps_are_no_fault(life: Life) -> None:
    life.run(life.wanted(web_service=SLEEP))
    with contextlib.closing(systemd.connect(life.target)) as session:
        assert [item.name for item in session.observe_all()[life.app]] == [life.unit("web.service")]
    steps = [Step(DELETE, None, item) for item in life.held().values()]
    life.carry_out(steps)
    life.carry_out(steps)


def test_what_is_converted_is_good_for_systemd(systemd_node: Node) -> None:
    """Its own judge of unit files, on all that golden files are kept of."""
    for name in NAMES:
        files = [item for item in systemd.convert(read_input(name), Target("app")) if item.path.endswith(".service")]
        assert files
        folder = f"/tmp/{name}"
        for item in files:
            systemd_node.run("sh", "-c", f"mkdir -p {folder} && cat >'{folder}/{item.path}'", stdin=item.text)
        said = systemd_node.run(
            "sh", "-c", f"systemd-analyze verify --man=no --recursive-errors=no {folder}/* 2>&1; true"
        )
        # the docker service is not on the node
        assert [line for line in said.splitlines() if "docker.service" not in line] == [], name


HEALTH = """services:
  web:
    image: atomicapp-test/busybox:1
    command: [sh, -c, 'sleep {until}; touch /tmp/well; exec sleep 1000']
    healthcheck: {{test: [CMD, test, -e, /tmp/well], interval: 1s, retries: {retries}}}
    deploy: {{replicas: 2}}
    stop_grace_period: 0s
"""


def test_a_container_with_a_health_check_is_ready_when_it_is_well(life: Life, busybox_image: str) -> None:
    text = HEALTH.replace("atomicapp-test/busybox:1", busybox_image)
    wanted = life.wanted("compose", web_yaml=text.format(until=3, retries=30))
    begun = time.monotonic()
    life.run(wanted)
    assert time.monotonic() - begun > 3
    assert life.settled(next(item for item in wanted if item.body.get("health"))) == Ready("2 instances active")
    with pytest.raises(EngineError, match="is unhealthy"):
        life.run(life.wanted("compose", web_yaml=text.format(until=1000, retries=1)))
