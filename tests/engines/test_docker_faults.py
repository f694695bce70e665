"""The docker provider on a real engine: why it refuses something, and images that it gets or can't get."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from atomicapp.errors import EngineError
from atomicapp.model import (
    CREATE,
    DELETE,
    REPLACE,
    Step,
)
from atomicapp.planning import diff
from atomicapp.providers.docker import client as wire
from atomicapp.providers.docker.endpoint import Endpoint
from tests.engines.docker import DockerEngine
from tests.engines.life import Life
from tests.engines.recording_proxy import recording
from tests.engines.registry import Registry

pytestmark = pytest.mark.engine


@pytest.fixture
def life(docker_engine: DockerEngine, busybox_image: str) -> Iterator[Life]:
    with recording(docker_engine.host) as proxy:
        found = Life(docker_engine.docker, busybox_image, proxy)
        yield found
        found.close()


# ---------------------------------------------------------------- reasons


def fails(life: Life, text: str) -> EngineError:
    with pytest.raises(EngineError) as caught:
        life.run(web=text)
    assert "web" in caught.value.message
    assert not [item for item in life.held().values() if item.kind == "container"], "nothing half-made stays"
    return caught.value


def test_reason_port_taken_by_a_container(life: Life) -> None:
    holder = f"{life.app}-holder"
    life.command("run", "-d", "--name", holder, "-p", "127.0.0.1:18432:80", life.image, "sleep", "100")
    try:
        error = fails(life, "docker run -d -p 127.0.0.1:18432:80 IMAGE SLEEP")
        assert f"port 18432 of the host is taken already by the container {holder}" in error.message
        assert f"docker stop {holder}" in error.hint
    finally:
        life.command("rm", "-f", holder)


def test_reason_port_taken_by_a_program(life: Life) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        error = fails(life, f"docker run -d -p 127.0.0.1:{port}:80 IMAGE SLEEP")
    assert f"port {port} of the host is taken already by another program" in error.message


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("docker run -d IMAGE no-such-program", "'no-such-program' can't be started in the container"),
        ("docker run -d --entrypoint /www/index.html IMAGE", "'/www/index.html' can't be started in the container"),
        ("docker run -d --mount type=bind,src=/no/such/folder,dst=/x IMAGE SLEEP", "/no/such/folder"),
        ("docker run -d --link nobody:x IMAGE SLEEP", "nobody"),
        ("docker run -d --device /dev/no-such IMAGE SLEEP", "a device of the host is not there"),
        ("docker run -d --runtime no-such IMAGE SLEEP", "does not know this runtime"),
        ("docker run -d --gpus all IMAGE SLEEP", "no driver for these devices"),
        ("docker run -d --volumes-from nobody IMAGE SLEEP", "a container that it needs is not there"),
        ("docker run -d --user no-such-user IMAGE SLEEP", "no-such-user"),
    ],
)
def test_reasons(life: Life, text: str, reason: str) -> None:
    assert reason in fails(life, text).message


def test_reason_network_in_use(life: Life) -> None:
    life.run(web="docker run -d --network APP-net IMAGE SLEEP")
    other = f"{life.app}-other"
    life.command("run", "-d", "--name", other, "--network", f"{life.app}-net", life.image, "sleep", "100")
    try:
        with pytest.raises(EngineError, match="other containers still use it"):
            life.apply(*diff.uninstall(life.held().values(), purge_data=True))
    finally:
        life.command("rm", "-f", other)


def test_reason_volume_in_use(life: Life) -> None:
    life.run(web="docker run -d -v APP-data:/d IMAGE SLEEP")
    (volume,) = [item for item in life.held().values() if item.kind == "volume"]
    with pytest.raises(EngineError, match="a container still uses it"):
        life.apply(Step(DELETE, None, volume))


def test_the_engine_going_away_in_the_middle_is_one_line(life: Life) -> None:
    life.proxy.cut = re.compile("POST /containers/create")
    with pytest.raises(EngineError, match=r"connection to the Docker Engine at .* broke") as caught:
        life.run(web="docker run -d IMAGE SLEEP")
    assert "run the same command again" in caught.value.hint


def test_an_option_that_the_engine_is_too_old_for(life: Life, docker_host: str) -> None:
    (*_, resource) = life.wanted(web="docker run -d --annotation a=b --network name=n,gw-priority=5 IMAGE")
    with contextlib.closing(wire.connect(Endpoint(docker_host, "the test"))) as connection:
        if connection.version >= (1, 43):
            pytest.skip("this engine knows them all")
    with pytest.raises(EngineError, match=r"does not know --annotation \(API 1.43\)"):
        life.session.observe(life.app, (resource,))


# ---------------------------------------------------------------- images


def test_an_absent_image_is_pulled_with_progress(life: Life, busybox_in_registry: str) -> None:
    text = f"docker run -d {busybox_in_registry} SLEEP"
    try:
        assert life.run(web=text) == {f"image/{busybox_in_registry}": CREATE, "container/web:1": CREATE}
        texts = [text for key, text in life.reports if key == f"image/{busybox_in_registry}"]
        assert texts[0] == f"pulling {busybox_in_registry}"
        assert life.run(web=text) == {}
        # an image is shared: it stays when the app goes
        life.apply(*diff.uninstall(life.held().values(), purge_data=True))
        assert life.command("images", "-q", busybox_in_registry)
    finally:
        life.apply(*diff.uninstall(life.held().values(), purge_data=True))
        life.command("rmi", busybox_in_registry)


def test_pull_always_pulls_for_each_new_container(life: Life, busybox_in_registry: str) -> None:
    text = f"docker run -d --pull always -e V=1 {busybox_in_registry} SLEEP"
    try:
        life.run(web=text)
        life.proxy.forget()
        assert life.run(web=text.replace("V=1", "V=2")) == {"container/web:1": REPLACE}
        assert [call for call in life.proxy.writes if call.startswith("POST /images/create")]
    finally:
        life.apply(*diff.uninstall(life.held().values(), purge_data=True))
        life.command("rmi", busybox_in_registry)


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        ("localhost:1/no/such", "its registry does not answer"),
        ("no-such-host.invalid/no/such", "its registry is not known to the engine's machine"),
    ],
)
def test_an_image_that_cannot_be_had(life: Life, image: str, reason: str) -> None:
    with pytest.raises(EngineError, match=f"the image {image} is not on the engine and can't be pulled: {reason}"):
        life.run(web=f"docker run -d {image}")


def test_an_image_that_the_registry_does_not_hold(life: Life, busybox_in_registry: str) -> None:
    with pytest.raises(EngineError, match="the registry has no such image or tag"):
        life.run(web=f"docker run -d {busybox_in_registry}-no-such-tag")


def test_pull_never(life: Life, busybox_in_registry: str) -> None:
    with pytest.raises(EngineError, match="--pull never forbids"):
        life.run(web=f"docker run -d --pull never {busybox_in_registry}")


# ---------------------------------------------------------------- registries with a password


def test_an_image_of_a_private_registry(
    docker_engine: DockerEngine,
    busybox_image: str,
    registry_auth: Registry,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = f"{registry_auth.host}/private/busybox:1"
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    words = ("--username", registry_auth.username, "--password-stdin", registry_auth.host)
    docker_engine.docker("login", *words, stdin=registry_auth.password)
    docker_engine.docker("tag", busybox_image, name)
    docker_engine.docker("push", name)
    docker_engine.docker("rmi", name)
    with recording(docker_engine.host) as proxy:
        life = Life(docker_engine.docker, name, proxy)
        try:
            assert life.run(web="docker run -d IMAGE SLEEP")[f"image/{name}"] == CREATE
        finally:
            life.close()
            docker_engine.docker("rmi", name)
    (tmp_path / "config.json").unlink()
    with recording(docker_engine.host) as proxy:
        life = Life(docker_engine.docker, name, proxy)
        try:
            with pytest.raises(EngineError, match="the registry wants you to log in") as caught:
                life.run(web="docker run -d IMAGE SLEEP")
            assert registry_auth.password not in str(caught.value.to_dict())
        finally:
            life.close()
