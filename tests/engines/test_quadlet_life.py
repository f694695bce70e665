"""Quadlet files by the systemd provider, on a machine with a real systemd, Podman 4.3, and the generator of Podman 5.6."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from atomicapp.errors import EngineError
from atomicapp.model import Artifact, Rendered
from atomicapp.planning import diff
from atomicapp.providers import systemd
from atomicapp.providers.units import quadlet
from tests.compose import truth
from tests.conftest import SAMPLES_CACHE
from tests.engines import systemd as nodes
from tests.engines.docker import DockerEngine
from tests.engines.quadlet import IMAGE, PodmanNode, build
from tests.engines.test_systemd_life import HERE, Life

pytestmark = [pytest.mark.engine, pytest.mark.slow]

WEB = f"""[Unit]
Description=the page of APP
[Container]
Image={IMAGE}
ContainerName=APP-web
Exec=sh -c 'echo hello >/data/page; echo up; exec busybox httpd -f -p 8099 -h /data'
Network=host
Volume=APP-data.volume:/data
StopTimeout=1
[Install]
WantedBy=multi-user.target
"""
DATA = "[Volume]\nVolumeName=APP-data\n"


@pytest.fixture(scope="module")
def node(
    docker_engine: DockerEngine, busybox_image: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PodmanNode]:
    folder = tmp_path_factory.mktemp("podman")
    generator = build(folder)
    nodes.build(docker_engine, SAMPLES_CACHE, "podman")
    found = PodmanNode(docker_engine, folder / "p1", "p1")
    try:
        found.set_up(generator, busybox_image)
        yield found
    finally:
        found.remove()


@pytest.fixture
def life(node: PodmanNode, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Life]:
    for variable, text in node.environment.items():
        monkeypatch.setenv(variable, text)
    found = Life(node, tmp_path / "calls")
    yield found
    found.end()
    assert not found.files()
    assert not list(node.files.iterdir())


def page(life: Life, node: PodmanNode) -> str:
    return node.podman("exec", f"{life.app}-web", "busybox", "wget", "-qO-", "http://127.0.0.1:8099/page")


def test_files_become_units_that_run_containers(life: Life, node: PodmanNode) -> None:
    wanted = life.wanted(data_volume=DATA, web_container=WEB)
    assert life.run(wanted) == {"data": "create", "data-volume.service": "create", "web.service": "create"}
    assert {path.name for path in node.files.iterdir()} == {f"{life.app}-data.volume", f"{life.app}-web.container"}
    assert life.states() == {"data-volume.service": "present", "web.service": "running"}
    assert page(life, node) == "hello\n"
    assert life.run(wanted) == {}, "nothing to do"
    with contextlib.closing(systemd.connect(life.target)) as session:
        lines = [
            line.text.strip() for line in session.logs(life.held()["web.service"], tail=None, follow=False, since="")
        ]
    assert "up" in lines

    other = life.wanted(data_volume=DATA, web_container=WEB.replace("echo hello", "echo changed"))
    (step,) = [step for step in life.plan(other) if step.op != "keep"]
    assert [change.path for change in step.changes] == ["Container/Exec"]
    assert life.run(other) == {"web.service": "update"}
    assert page(life, node) == "changed\n"

    life.carry_out(diff.stop(life.held().values()))
    assert life.states()["web.service"] == "stopped"
    assert node.podman("ps", "--quiet") == ""
    life.carry_out(diff.start(life.held().values()))
    life.run(other)
    assert life.states()["web.service"] == "running"

    life.carry_out(diff.uninstall(life.held().values(), purge_data=False))
    assert list(node.files.iterdir()) == []
    assert node.podman("volume", "ls", "--quiet").split() == [f"{life.app}-data"]
    life.carry_out(diff.uninstall(life.held().values(), purge_data=True))
    assert node.podman("volume", "ls", "--quiet") == ""
    assert node.systemctl("list-units", "--all", "--plain", "--no-legend", f"{life.app}*") == ""


def test_what_convert_writes_runs(life: Life, node: PodmanNode, tmp_path: Path) -> None:
    text = f"services: {{web: {{image: '{IMAGE}', command: [sh, -c, 'echo got $$GREETING; exec sleep 1000'],"
    text += " environment: {GREETING: g-s3cret}, network_mode: host, stop_grace_period: 1s}}"
    artifacts = [
        Artifact("web", "systemd", item.path, item.text, item.path, HERE)
        for item in quadlet.convert(truth.read(text), life.target)
    ]
    assert {item.path for item in artifacts} == {f"{life.app}-web.container", f"{life.app}-web.env"}
    app = Rendered(tuple(artifacts), secrets=frozenset({"g-s3cret"}), variables=lambda _: {})
    wanted = systemd.parse(app, life.target).resources
    assert life.run(wanted) == {"web.service": "create"}
    assert life.wrote("web.service", "got g-s3cret")
    unit = life.unit("web.service")
    said = node.systemctl("show", unit) + node.systemctl("cat", unit) + node.run("sh", "-c", "cat /proc/[0-9]*/cmdline")
    assert "s3cret" not in said
    assert life.run(wanted) == {}


def test_what_podman_makes_no_unit_of_is_told(life: Life) -> None:
    text = f"[Container]\nImage={IMAGE}\nBogus=yes\n"
    with pytest.raises(EngineError, match=r"Podman has made no unit \S+-web.service of \S+-web.container") as caught:
        life.run(life.wanted(web_container=text))
    assert "--dryrun" in caught.value.hint
    assert caught.value.component == "web"


def test_a_container_that_ends_is_told_with_its_log(life: Life) -> None:
    text = f"[Container]\nImage={IMAGE}\nExec=sh -c 'echo boom; exit 7'\nNetwork=host\n"
    with pytest.raises(EngineError) as caught:
        life.run(life.wanted(web_container=text))
    assert "7" in caught.value.message
    assert "boom" in "\n".join(caught.value.log_tail)
