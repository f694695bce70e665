"""The docker provider on a real engine: when something is ready, why it is not, what it logs and what is shown of it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest

from atomicapp.errors import EngineError
from atomicapp.model import (
    KEEP,
    RUNNING,
    STOPPED,
    Failed,
    Readiness,
    Ready,
    Step,
    Target,
    Waiting,
)
from atomicapp.providers import docker
from atomicapp.providers.docker.session import DockerSession
from tests.engines.docker import DockerEngine
from tests.engines.life import Life
from tests.engines.recording_proxy import recording

pytestmark = pytest.mark.engine


@pytest.fixture
def life(docker_engine: DockerEngine, busybox_image: str) -> Iterator[Life]:
    with recording(docker_engine.host) as proxy:
        found = Life(docker_engine.docker, busybox_image, proxy)
        yield found
        found.close()


# ---------------------------------------------------------------- readiness


def begun(life: Life, text: str) -> Readiness:
    wanted = life.wanted(web=text)
    life.apply(*life.plan(wanted))
    return life.ready(wanted, "container/web:1")


def test_ready_running(life: Life) -> None:
    assert begun(life, "docker run -d IMAGE SLEEP") == Ready("running")
    assert life.session.ready(life.wanted(web="docker run -d IMAGE")[0]) == Ready()


def test_ready_healthy(life: Life) -> None:
    check = "--health-cmd true --health-interval 100ms"
    assert begun(life, f"docker run -d {check} IMAGE SLEEP") == Ready("healthy")


def test_ready_completed(life: Life) -> None:
    assert begun(life, "docker run -d IMAGE true") == Ready("completed")


def test_ready_failed_with_exit_code_and_log(life: Life) -> None:
    found = begun(life, "docker run -d IMAGE sh -c 'for i in 1 2 3 4 5 6 7 8 9 10 11; do echo line $i; done; exit 3'")
    assert isinstance(found, Failed)
    assert found.reason == "has ended with exit code 3"
    assert found.log_tail == tuple(f"line {number}" for number in range(2, 12))


def test_ready_killed(life: Life) -> None:
    found = begun(life, "docker run -d IMAGE sh -c 'exit 137'")
    assert isinstance(found, Failed)
    assert "exit code 137: it was killed (SIGKILL)" in found.reason


def test_ready_out_of_memory(life: Life) -> None:
    found = begun(
        life, "docker run -d -m 8m --memory-swap 8m IMAGE sh -c 'x=xxxxxxxxxxxxxxxx; while true; do x=$x$x; done'"
    )
    assert isinstance(found, Failed)
    assert "more memory than it may have" in found.reason


def test_ready_unhealthy(life: Life) -> None:
    check = "--health-cmd 'echo no good; false' --health-interval 100ms --health-retries 1"
    found = begun(
        life, f"docker run -d {check} IMAGE sh -c 'echo hello; trap exit TERM; while true; do sleep 0.1; done'"
    )
    assert isinstance(found, Failed)
    assert found.reason == "is unhealthy: no good"
    assert found.log_tail == ("hello",)


def test_ready_restarting_for_ever(life: Life) -> None:
    found = begun(life, "docker run -d --restart always IMAGE sh -c 'echo again; exit 4'")
    assert isinstance(found, Failed)
    assert "ends again and again" in found.reason
    assert "exit code 4" in found.reason
    assert life.held()["container/web:1"].state in ("failed", "running")


def test_ready_gone(life: Life) -> None:
    wanted = life.wanted(web="docker run -d IMAGE SLEEP")
    life.apply(*life.plan(wanted))
    life.command("rm", "-f", f"{life.app}-web")
    found = life.session.ready(wanted[-1])
    assert isinstance(found, Failed)
    assert "is gone" in found.reason


def test_ready_of_what_removes_itself(life: Life) -> None:
    assert begun(life, "docker run -d --rm --name APP-good IMAGE true") == Ready("completed")
    found = begun(life, "docker run -d --rm --name APP-bad IMAGE sh -c 'exit 3'")
    assert isinstance(found, Failed)
    assert "exit code 3" in found.reason
    found = life.ready(life.wanted(web="docker run -d --rm --name APP-never IMAGE"), "container/web:1")
    assert isinstance(found, Failed)
    assert "can't be told" in found.reason


def test_ready_paused_and_created(life: Life) -> None:
    wanted = life.wanted(web="docker run -d IMAGE SLEEP")
    life.apply(*life.plan(wanted))
    life.command("pause", f"{life.app}-web")
    assert life.session.ready(wanted[-1]) == Waiting("paused")
    assert life.held()["container/web:1"].state == RUNNING
    life.command("unpause", f"{life.app}-web")
    made = life.wanted(web="docker run -d IMAGE SLEEP", made="docker run -d --name APP-made IMAGE SLEEP")
    life.command("create", "--name", f"{life.app}-made", life.image, "sleep", "1")
    try:
        assert life.session.ready(made[-1]) == Waiting("not started yet")
    finally:
        life.command("rm", f"{life.app}-made")


# ---------------------------------------------------------------- logs


def lines(life: Life, *, tail: int | None = None, follow: bool = False, since: str = "") -> list[tuple[str, str]]:
    existing = life.held()["container/web:1"]
    return [(line.stream, line.text) for line in life.session.logs(existing, tail=tail, follow=follow, since=since)]


def test_logs_tell_the_streams_apart(life: Life) -> None:
    begun(life, "docker run -d IMAGE sh -c 'echo one; sleep 0.1; echo two >&2; sleep 0.1; printf three'")
    assert lines(life) == [("stdout", "one"), ("stderr", "two"), ("stdout", "three")]
    assert lines(life, tail=1) == [("stdout", "three")]
    existing = life.held()["container/web:1"]
    (first, *_) = life.session.logs(existing, tail=None, follow=False, since="")
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$", first.time)
    assert first.component == "web"
    assert lines(life, since="1h")[0] == ("stdout", "one")
    assert lines(life, since="2999-01-01T00:00:00Z") == []


def test_logs_of_a_terminal(life: Life) -> None:
    begun(life, "docker run -dt IMAGE sh -c 'echo one; echo two >&2'")
    assert lines(life) == [("stdout", "one"), ("stdout", "two")]


def test_logs_follow_until_the_end(life: Life) -> None:
    life.run(web="docker run -d IMAGE sh -c 'echo one; sleep 0.5; echo two'")
    assert lines(life, follow=True) == [("stdout", "one"), ("stdout", "two")]


def test_logs_of_a_very_long_line_are_one_line(life: Life) -> None:
    begun(life, "docker run -d IMAGE sh -c 'head -c 40000 /dev/zero | tr \"\\0\" x; echo; echo end'")
    (first, second) = lines(life)
    assert first[1] == "x" * 40000
    assert second[1] == "end"


def test_logs_of_an_engine_that_goes_away_end_with_its_reason(life: Life) -> None:
    life.run(web="docker run -d IMAGE sh -c 'echo one; trap exit TERM; while true; do sleep 0.1; done'")
    existing = life.held()["container/web:1"]
    following = life.session.logs(existing, tail=None, follow=True, since="")
    assert next(following).text == "one"
    life.proxy.drop()
    with pytest.raises(EngineError, match="connection to the Docker Engine"):
        next(following)


def test_logs_that_are_kept_nowhere(life: Life) -> None:
    life.run(web="docker run -d --log-driver none IMAGE SLEEP")
    with pytest.raises(EngineError, match="can't be read"):
        lines(life)
    gone = life.held()["container/web:1"]._replace(id="0" * 64)
    with pytest.raises(EngineError, match="the container is gone"):
        list(life.session.logs(gone, tail=None, follow=False, since=""))
    network = gone._replace(kind="network")
    assert list(life.session.logs(network, tail=None, follow=False, since="")) == []


# ---------------------------------------------------------------- looking


def test_status_shows_ports_and_ends(life: Life) -> None:
    life.run(
        web="docker run -d -p 127.0.0.1:18433:80 IMAGE SLEEP",
        bad="docker run -d IMAGE sh -c 'exit 3'",
        good="docker run -d IMAGE true",
    )
    for key in ("container/bad:1", "container/good:1"):
        for _ in range(100):
            if life.held()[key].state != RUNNING:
                break
            time.sleep(0.05)
    held = life.held()
    assert held["container/web:1"].ports == ("127.0.0.1:18433->80/tcp",)
    assert held["container/bad:1"].state == "failed"
    assert held["container/bad:1"].detail.startswith("Exited (3)")
    assert held["container/good:1"].state == STOPPED


def test_reachable(life: Life) -> None:
    found = docker.reachable(life.target)
    assert found.ok
    assert "API 1." in found.detail
    assert found.endpoint == life.proxy.host
    assert not docker.reachable(Target("x", api="unix:///no/such.sock")).ok


def test_a_step_that_makes_no_sense_is_refused(life: Life) -> None:
    (*_, resource) = life.wanted(web="docker run -d IMAGE")
    with pytest.raises(EngineError, match="can't update a container"):
        life.apply(Step("update", resource, None))
    life.apply(Step(KEEP, resource, None))
    assert isinstance(life.session, DockerSession)
