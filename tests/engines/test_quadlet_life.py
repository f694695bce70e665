"""Quadlet files by the systemd provider, on a machine with a real systemd, Podman 4.3, and the generator of Podman 5.6."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from atomicapp.errors import EngineError
from atomicapp.model import COMPOSE, Artifact, Rendered, Resource
from atomicapp.planning import diff
from atomicapp.providers import systemd
from atomicapp.providers.systemd import runtime
from atomicapp.providers.units import quadlet
from tests.compose import truth
from tests.engines.docker import DockerEngine
from tests.engines.quadlet import IMAGE, PodmanNode, podman_node
from tests.engines.samples import until
from tests.engines.systemd import SOCKET
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
    with podman_node(docker_engine, tmp_path_factory.mktemp("podman"), busybox_image) as found:
        yield found


@pytest.fixture
def life(node: PodmanNode, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Life]:
    for variable, text in node.environment.items():
        monkeypatch.setenv(variable, text)
    found = Life(node, tmp_path / "calls")
    found.target = found.target._replace(api=runtime.PODMAN)
    yield found
    found.end()
    assert not found.files()
    assert not list(node.files.iterdir())
    for what in ("ps --all", "volume ls", "secret ls"):
        assert node.podman(*what.split(), "--quiet") == "", what
    assert found.app not in node.podman("network", "ls")


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
        web = life.held()["web.service"]
        for tail in (None, 5, 1):
            lines = [line.text.strip() for line in session.logs(web, tail=tail, follow=False, since="")]
            assert lines == ["up"], "what Podman says of itself is left out"

    other = life.wanted(data_volume=DATA, web_container=WEB.replace("echo hello", "echo changed"))
    (step,) = [step for step in life.plan(other) if step.op != "keep"]
    assert [change.path for change in step.changes] == ["Container/Exec"]
    assert life.run(other) == {"web.service": "update"}
    assert page(life, node) == "changed\n"

    def wants() -> str:
        return node.run("sh", "-c", "ls /run/systemd/generator/multi-user.target.wants 2>/dev/null || true")

    assert life.unit("web.service") in wants()
    life.carry_out(diff.stop(life.held().values()))
    assert life.states()["web.service"] == "stopped"
    assert node.podman("ps", "--quiet") == ""
    assert life.unit("web.service") not in wants(), "no boot starts it"
    assert [step.op for step in life.plan(other)] == ["keep", "keep", "start"]
    life.carry_out(diff.start(life.held().values()))
    assert life.run(other) == {}
    assert life.states()["web.service"] == "running"
    assert life.unit("web.service") in wants()

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
    assert "unsupported key 'Bogus' in group 'Container'" in caught.value.message
    assert "--dryrun" in caught.value.hint
    assert caught.value.component == "web"


def test_without_the_generator_nothing_is_written(
    life: Life, node: PodmanNode, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    wanted = life.wanted(web_container=WEB)
    monkeypatch.setenv("SYSTEMD_GENERATOR_PATH", str(tmp_path))
    with pytest.raises(EngineError, match="is for Podman's generator of units"):
        life.run(wanted)
    assert list(node.files.iterdir()) == []


SHOP = f"""
services:
  db:
    image: {IMAGE}
    command: [sh, -c, 'cp /run/secrets/key /data/index.html; cat /etc/conf >>/data/index.html; exec busybox httpd -f -p 8080 -h /data']
    volumes: ['data:/data']
    secrets: [key]
    configs: [{{source: conf, target: /etc/conf}}]
    stop_grace_period: 1s
    pre_start: [{{command: [sh, -c, 'echo once >>/data/count']}}]
  web:
    image: {IMAGE}
    command: [sh, -c, 'wget -qO- http://db:8080/; printf "%s|" "$$LINES"; echo "$$PLAIN"; exec sleep 1000']
    environment: {{PLAIN: 'a b', LINES: "one\\ntwo 's3cret'"}}
    depends_on: [db]
    deploy: {{replicas: 2}}
    stop_grace_period: 1s
volumes: {{data: {{}}}}
secrets: {{key: {{environment: KEY_TEXT}}}}
configs: {{conf: {{content: "from config\\n"}}}}
"""


def compose(life: Life, text: str) -> tuple[Resource, ...]:
    artifact = Artifact("shop", COMPOSE, "shop.yaml", text, "shop.yaml", HERE)
    return systemd.parse(Rendered((artifact,), variables=lambda _: {"KEY_TEXT": "k-s3cret\n"}), life.target).resources


def test_a_compose_file_runs_by_podman(life: Life, node: PodmanNode) -> None:
    wanted = compose(life, SHOP)
    assert life.run(wanted) == {
        f"{life.app}_data": "create",
        "default-network.service": "create",
        "data-volume.service": "create",
        "shop-db-before-1.service": "create",
        "shop-db.service": "create",
        "shop-web-1.service": "create",
        "shop-web-2.service": "create",
    }
    assert life.run(wanted) == {}, "nothing to do"
    for number in (1, 2):
        name = f"shop-web-{number}.service"
        assert life.wrote(name, "two 's3cret'|a b"), node.journal(life.unit(name))
        assert life.wrote(name, "k-s3cret")
        assert life.wrote(name, "from config")

    def kept(name: str) -> str:
        # a unit is up a moment before Podman has noted that its container is
        return node.run("sh", "-c", f"podman exec {life.app}-shop-db cat /data/{name} || true")

    assert until(lambda: kept("count"), bool) == "once\n"
    units = [life.unit(f"shop-{name}.service") for name in ("db", "db-before-1", "web-1", "web-2")]
    said = node.systemctl("cat", *units) + node.run("sh", "-c", "cat /proc/[0-9]*/cmdline")
    assert "s3cret" not in said

    other = compose(life, SHOP.replace("from config", "from another one"))
    assert life.run(other) == {"shop-db-before-1.service": "update", "shop-db.service": "update"}
    assert until(lambda: kept("index.html"), lambda text: text.endswith("from another one\n"))
    assert kept("count") == "once\nonce\n", "it comes before each start"

    life.carry_out(diff.stop(life.held().values()))
    assert node.podman("ps", "--quiet") == ""
    assert node.podman("secret", "ls", "--quiet") == ""
    life.carry_out(diff.start(life.held().values()))
    life.run(other)
    assert life.states()["shop-web-2.service"] == "running"
    fewer = compose(life, SHOP.replace("replicas: 2", "replicas: 1"))
    life.run(fewer)
    assert {name for name in life.states() if "web" in name} == {"shop-web.service"}
    life.carry_out(diff.uninstall(life.held().values(), purge_data=False))
    assert node.podman("volume", "ls", "--quiet").split() == [f"{life.app}_data"]


def test_data_does_not_change_the_program_that_holds_it(life: Life, node: PodmanNode) -> None:
    life.run(compose(life, SHOP))
    there = sorted(path.name for path in node.files.iterdir())
    life.target = life.target._replace(api=runtime.DOCKER)
    with pytest.raises(EngineError, match=r"is in a volume of podman, and docker is to run the app now") as caught:
        life.run(compose(life, SHOP))
    assert "--provider-api podman" in caught.value.hint
    assert sorted(path.name for path in node.files.iterdir()) == there


def test_an_app_without_data_goes_over_to_the_other_program(life: Life, node: PodmanNode, busybox_image: str) -> None:
    text = f"services: {{web: {{image: {IMAGE}, command: [sleep, '1000'], network_mode: host, stop_grace_period: 1s}}}}"
    life.run(compose(life, text))
    life.target = life.target._replace(api="")
    with pytest.raises(
        EngineError, match="podman runs the containers of this app, and docker is what this machine has"
    ):
        life.run(compose(life, text))
    life.target = life.target._replace(api=runtime.DOCKER)
    assert life.run(compose(life, text.replace(IMAGE, busybox_image))) == {"shop-web.service": "update"}
    assert list(node.files.iterdir()) == []
    assert node.podman("ps", "--quiet") == ""
    assert node.run("docker", "--host", f"unix://{SOCKET}", "ps", "--quiet", "--filter", f"name={life.app}-shop-web")
    life.target = life.target._replace(api=runtime.PODMAN)
    assert life.run(compose(life, text)) == {"shop-web.service": "update"}
    assert node.podman("ps", "--format", "{{.Names}}").split() == [f"{life.app}-shop-web"]


def test_a_container_that_ends_is_told_with_its_log(life: Life) -> None:
    text = f"[Container]\nImage={IMAGE}\nExec=sh -c 'echo boom; exit 7'\nNetwork=host\n"
    with pytest.raises(EngineError) as caught:
        life.run(life.wanted(web_container=text))
    assert "7" in caught.value.message
    assert set(caught.value.log_tail) == {"boom"}, "what Podman says of itself is left out"


def test_one_that_waits_for_health_starts_when_the_other_is_well(life: Life, node: PodmanNode) -> None:
    text = f"""
services:
  db:
    image: {IMAGE}
    command: [sh, -c, 'sleep 2; touch /tmp/well; date +%s >/tmp/since; exec sleep 1000']
    healthcheck: {{test: [CMD, test, -e, /tmp/well], interval: 1s, retries: 30}}
    stop_grace_period: 1s
  web:
    image: {IMAGE}
    command: [sh, -c, 'date +%s; exec sleep 1000']
    depends_on: {{db: {{condition: service_healthy}}}}
    stop_grace_period: 1s
"""
    life.run(compose(life, text))
    begun = node.podman("logs", f"{life.app}-shop-web")
    assert int(begun) >= int(node.podman("exec", f"{life.app}-shop-db", "cat", "/tmp/since"))
