"""The docker provider on Podman's Docker-compatible service."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from atomicapp.errors import EngineError
from atomicapp.model import CREATE, REPLACE, RUNNING, START, STOPPED, Failed, Ready
from atomicapp.planning import diff
from atomicapp.providers import docker
from tests.engines.docker import DockerEngine
from tests.engines.life import Life
from tests.engines.podman import Podman
from tests.engines.recording_proxy import recording

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def image(
    podman_service: Podman, docker_engine: DockerEngine, busybox_image: str, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """The busybox image, carried over from the Docker Engine."""
    archive: Path = tmp_path_factory.mktemp("image") / "busybox.tar"
    docker_engine.docker("save", "--output", str(archive), busybox_image)
    podman_service.podman("load", "--input", str(archive))
    return f"localhost/{busybox_image}"


@pytest.fixture
def life(podman_service: Podman, image: str) -> Iterator[Life]:
    with recording(podman_service.host) as proxy:
        found = Life(podman_service.podman, image, proxy)
        yield found
        found.close()


def test_life_of_an_app(life: Life) -> None:
    text = "docker run -d --network APP-net -v APP-data:/data -v /kept --user 0:0 -e V=1 IMAGE SLEEP"
    made = life.run(web=text)
    assert made["container/web:1"] == CREATE
    assert {item.kind for item in life.held().values()} == {"container", "network", "volume"}
    life.command("exec", f"{life.app}-web", "sh", "-c", "echo precious > /kept/file")
    life.proxy.forget()
    assert life.run(web=text) == {}
    assert life.proxy.writes == []
    assert len(life.proxy.calls) == 1, life.proxy.calls
    wanted = life.wanted(web=text)
    assert life.ready(wanted, "container/web:1") == Ready("running")
    assert life.run(web=text.replace("V=1", "V=2")) == {"container/web:1": REPLACE}
    assert life.command("exec", f"{life.app}-web", "cat", "/kept/file") == "precious\n"
    life.apply(*diff.stop(life.held().values()))
    assert life.held()["container/web:1"].state == STOPPED
    assert life.run(web=text.replace("V=1", "V=2")) == {"container/web:1": START}
    assert life.held()["container/web:1"].state == RUNNING
    assert set(life.session.observe_all()[life.app]) == set(life.held().values())
    life.apply(*diff.uninstall(life.held().values(), purge_data=True))
    assert life.held() == {}


def test_failure_and_log(life: Life) -> None:
    wanted = life.wanted(web="docker run -d IMAGE sh -c 'echo boom; exit 3'")
    life.apply(*life.plan(wanted))
    found = life.ready(wanted, "container/web:1")
    assert isinstance(found, Failed)
    assert found.log_tail == ("boom",)
    assert "exit code 3" in found.reason


def test_reasons(life: Life) -> None:
    with pytest.raises(EngineError, match="'no-such-program' can't be started in the container"):
        life.run(web="docker run -d IMAGE no-such-program")
    with pytest.raises(EngineError, match="can't be pulled: its registry does not answer"):
        life.run(web="docker run -d localhost:1/no/such:1")


def test_reachable(podman_service: Podman) -> None:
    from atomicapp.model import Target

    found = docker.reachable(Target("x", api=podman_service.host))
    assert found.ok
    assert found.detail.startswith("Podman Engine 4.") or "Podman" in found.detail
