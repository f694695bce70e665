"""Compose files on a real Docker Engine, by the program: names, files, networks, order, replicas, what is changed."""

from __future__ import annotations

import json
import textwrap
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engines.docker import DockerEngine
from tests.engines.program import Program
from tests.engines.recording_proxy import RecordingProxy, recording

pytestmark = pytest.mark.engine

NULECULE = """\
specversion: 0.0.2
id: many
graph:
  - name: shop
    params:
      - {name: colour, default: blue}
      - {name: password, default: hush-hush-1, hidden: true}
    artifacts: {compose: [file://compose.yaml]}
"""
SLEEP = "sh -c 'trap exit TERM; while true; do sleep 0.1; done'"


class Shop:
    """An app of one Compose file, and the program behind a recording proxy. In the files IMAGE is an image with busybox,
    LABELS a label by which tests find what they have made, APP the deployment."""

    def __init__(self, folder: Path, engine: DockerEngine, image: str, proxy: RecordingProxy) -> None:
        self.name = f"shop-{uuid.uuid4().hex[:8]}"
        self.folder = folder / "app"
        self.folder.mkdir()
        self.engine = engine
        self.image = image
        self.proxy = proxy
        self.state = folder / "state"
        self.program = Program(self.state, env={"DOCKER_HOST": proxy.host})
        (self.folder / "Nulecule").write_text(NULECULE)

    def write(self, text: str) -> None:
        filled = textwrap.dedent(text).replace("IMAGE", self.image).replace("SLEEP", SLEEP).replace("APP", self.name)
        (self.folder / "compose.yaml").write_text(filled.replace("LABELS", 'labels: {io.atomicapp.test: "1"}'))

    def words(self, verb: str, *words: str) -> list[str]:
        return [verb, str(self.folder), "--provider", "docker", "--name", self.name, *words]

    def run(self, text: str = "", *words: str) -> str:
        if text:
            self.write(text)
        return self.program(*self.words("run", *words))

    def fails(self, text: str, *words: str) -> str:
        """What it says when it can't be run."""
        self.write(text)
        done = self.program.attempt(*self.words("run", *words))
        assert done.returncode == 1, done.stderr
        return done.stderr

    def container(self, service: str) -> str:
        return f"{self.name}-shop-{service}"

    def inspect(self, name: str, kind: str = "container") -> dict[str, Any]:
        found: list[dict[str, Any]] = json.loads(self.engine.docker(kind, "inspect", name))
        return found[0]

    def exec(self, service: str, *words: str) -> str:
        return self.engine.docker("exec", self.container(service), *words).strip()

    def states(self) -> dict[str, str]:
        items = self.program.json("status", self.name)["resources"]
        return {item["name"]: item["state"] for item in items if item["kind"] == "container"}


@pytest.fixture
def shop(tmp_path: Path, docker_engine: DockerEngine, busybox_image: str) -> Iterator[Shop]:
    with recording(docker_engine.host) as proxy:
        found = Shop(tmp_path, docker_engine, busybox_image, proxy)
        yield found
        found.program.attempt("uninstall", found.name, "--provider", "docker", "--purge-data")


def test_configs_and_secrets_are_files_with_their_owner_and_mode(shop: Shop) -> None:
    text = """
        services:
          web:
            image: IMAGE
            LABELS
            command: SLEEP
            user: "65534"
            configs: [{source: settings, target: /etc/web/deep/settings.ini}]
            secrets: [{source: password, uid: "65534", gid: "65534", mode: 0400}]
          plain: {image: IMAGE, LABELS, command: SLEEP}
        configs: {settings: {content: "colour=${colour}\\n"}}
        secrets: {password: {environment: password}}
        """
    shop.run(text)
    assert shop.exec("web", "cat", "/etc/web/deep/settings.ini") == "colour=blue"
    assert shop.exec("web", "cat", "/run/secrets/password") == "hush-hush-1"
    assert shop.exec("web", "stat", "-c", "%a %u:%g", "/run/secrets/password") == "400 65534:65534"
    folder = ("stat", "-c", "%a %u:%g", "/etc")
    assert shop.exec("web", *folder) == shop.exec("plain", *folder), "folders of the image stay as they are"
    planned = shop.program(*shop.words("plan", "-p", "colour=red"))
    assert "file/etc/web/deep/settings.ini: colour=blue -> colour=red" in planned
    assert "password" not in planned, "what stays is not told"
    kept = "".join(path.read_text() for path in shop.state.rglob("*") if path.is_file())
    assert "hush-hush-1" not in kept
    assert "hush-hush-1" not in json.dumps(shop.inspect(shop.container("web")))


def test_a_changed_secret_makes_the_container_anew_and_is_not_shown(shop: Shop) -> None:
    text = """
        services:
          web: {image: IMAGE, LABELS, command: SLEEP, secrets: [password]}
          other: {image: IMAGE, LABELS, command: SLEEP}
        secrets: {password: {environment: password}}
        """.replace("LABELS", 'labels: {io.atomicapp.test: "1"}')
    shop.run(text)
    shop.program.env["ATOMICAPP_PARAM_SHOP__PASSWORD"] = "another-word-2"
    planned = shop.program(*shop.words("plan"))
    assert "file/run/secrets/password: (hidden) -> (hidden)" in planned
    assert "1 to replace" in planned
    shop.run()
    assert shop.exec("web", "cat", "/run/secrets/password") == "another-word-2"


def test_services_find_each_other_only_on_networks_that_they_share(shop: Shop) -> None:
    shop.run(
        """
        x-common: &common {image: IMAGE, LABELS, command: SLEEP}
        services:
          front: {<<: *common, networks: [outside, both]}
          middle: {<<: *common, networks: {both: {aliases: [centre]}, inside: {}}}
          back: {<<: *common, networks: [inside]}
        networks:
          outside: {}
          both: {driver_opts: {com.docker.network.driver.mtu: "1400"}, labels: {a: b}}
          inside: {internal: true, ipam: {config: [{subnet: 10.199.77.0/24}]}}
        """
    )
    assert "1 packets received" in shop.exec("front", "ping", "-c", "1", "middle")
    assert "1 packets received" in shop.exec("front", "ping", "-c", "1", "centre")
    assert "1 packets received" in shop.exec("middle", "ping", "-c", "1", "back")
    with pytest.raises(AssertionError, match="bad address"):
        shop.exec("front", "ping", "-c", "1", "back")
    inside = shop.inspect(f"{shop.name}_inside", "network")
    assert inside["Internal"]
    assert inside["IPAM"]["Config"] == [{"Subnet": "10.199.77.0/24"}]
    both = shop.inspect(f"{shop.name}_both", "network")
    assert both["Options"] == {"com.docker.network.driver.mtu": "1400"}
    assert both["Labels"]["a"] == "b"


ORDER = """
    services:
      web:
        image: IMAGE
        LABELS
        command: SLEEP
        depends_on:
          db: {condition: service_healthy}
          setup: {condition: service_completed_successfully}
      db:
        image: IMAGE
        LABELS
        command: sh -c 'sleep 2; touch /tmp/up; exec sleep 1000'
        stop_grace_period: 1s
        # the engine keeps the last five checks only: when it was well first is known to the file
        healthcheck: {test: "test -e /tmp/up && { test -e /tmp/well || touch /tmp/well; }", interval: 500ms, timeout: 2s, retries: 40}
      setup: {image: IMAGE, LABELS, command: "sh -c 'sleep 1; exit CODE'"}
    """


def test_dependencies_are_waited_for(shop: Shop) -> None:
    shop.run(ORDER.replace("CODE", "0"))
    started = shop.inspect(shop.container("web"))["State"]["StartedAt"]
    ended = shop.inspect(shop.container("setup"))["State"]["FinishedAt"]
    assert started > ended
    day, moment, _ = shop.exec("db", "stat", "-c", "%y", "/tmp/well").split()
    assert started > f"{day}T{moment}Z"
    # what has done its work does not do it again
    assert "nothing to do" in shop.run()
    assert shop.states() == {
        shop.container("web"): "running", shop.container("db"): "running", shop.container("setup"): "present",
    }  # fmt: skip
    shop.program("stop", shop.name, "--provider", "docker")
    shop.program("start", shop.name, "--provider", "docker")
    assert shop.inspect(shop.container("setup"))["State"]["FinishedAt"] == ended


def test_a_dependency_that_fails_is_told_and_nothing_is_started_after_it(shop: Shop) -> None:
    said = shop.fails(ORDER.replace("CODE", "7"))
    assert f"container {shop.container('setup')} has ended with exit code 7" in said
    assert "compose.yaml:" in said
    assert f"not begun: create container {shop.container('web')}" in said
    assert shop.container("web") not in shop.states()
    shop.run(ORDER.replace("CODE", "0"))
    assert shop.states()[shop.container("web")] == "running"


def test_replicas_share_a_name_and_come_and_go(shop: Shop) -> None:
    text = """
        services:
          web: {image: IMAGE, LABELS, command: SLEEP, deploy: {replicas: N}}
          probe: {image: IMAGE, LABELS, command: SLEEP}
        """
    shop.run(text.replace("N}", "3}"))
    names = [shop.container("web"), shop.container("web-2"), shop.container("web-3")]
    assert sorted(shop.states()) == sorted([*names, shop.container("probe")])
    addresses = [
        shop.inspect(name)["NetworkSettings"]["Networks"][f"{shop.name}_default"]["IPAddress"] for name in names
    ]
    found = shop.exec("probe", "nslookup", "web")
    assert all(address in found for address in addresses)
    shop.run(text.replace("N}", "1}"))
    assert sorted(shop.states()) == sorted([names[0], shop.container("probe")])


def test_a_second_run_is_one_listing_and_no_write(shop: Shop) -> None:
    shop.run(ORDER.replace("CODE", "0"))
    shop.proxy.forget()
    assert "nothing to do" in shop.run()
    assert shop.proxy.writes == []
    assert len([call for call in shop.proxy.calls if "/version" not in call]) == 1


def test_volumes_outlive_the_app_and_external_things_must_be_there(shop: Shop) -> None:
    text = """
        services:
          web: {image: IMAGE, LABELS, command: SLEEP, volumes: ["data:/data", "given:/given"], networks: [theirs]}
        volumes: {data: {labels: {a: b}}, given: {external: true, name: APP-given}}
        networks: {theirs: {external: true, name: APP-theirs}}
        """
    shop.engine.docker("volume", "create", f"{shop.name}-given", "--label", "io.atomicapp.test=1")
    said = shop.fails(text)
    assert f"network '{shop.name}-theirs' is external, which means that it is there already, but it is not" in said
    assert f"docker network create {shop.name}-theirs" in said
    shop.engine.docker("network", "create", f"{shop.name}-theirs", "--label", "io.atomicapp.test=1")
    try:
        shop.run(text)
        shop.exec("web", "touch", "/data/kept")
        shop.program("uninstall", shop.name, "--provider", "docker")
        assert shop.inspect(f"{shop.name}_data", "volume")["Labels"]["a"] == "b"
        shop.run()
        assert shop.exec("web", "ls", "/data") == "kept"
        shop.program("uninstall", shop.name, "--provider", "docker", "--purge-data")
        assert shop.name not in shop.engine.docker("volume", "ls", "-q", "--filter", f"name={shop.name}_data")
        assert shop.inspect(f"{shop.name}-given", "volume"), "what was there before stays"
    finally:
        shop.engine.docker("volume", "rm", f"{shop.name}-given")
        shop.engine.docker("network", "rm", f"{shop.name}-theirs")


def test_changed_settings_of_a_network_are_refused_with_what_to_do(shop: Shop) -> None:
    text = """
        services: {web: {image: IMAGE, LABELS, command: SLEEP, networks: [one]}}
        networks: {one: {internal: INTERNAL}}
        """
    shop.run(text.replace("INTERNAL", "false"))
    said = shop.fails(text.replace("INTERNAL", "true"))
    assert f"the network '{shop.name}_one' was made with other settings" in said
    assert "atomicapp uninstall" in said


def test_shared_namespaces_links_and_volumes_of_others(shop: Shop) -> None:
    shop.run(
        """
        services:
          main: {image: IMAGE, LABELS, command: SLEEP, volumes: ["data:/data"], links: ["side:by"]}
          side: {image: IMAGE, LABELS, command: SLEEP}
          within: {image: IMAGE, LABELS, command: SLEEP, network_mode: "service:main", volumes_from: [main]}
        volumes: {data: {}}
        """
    )
    assert "1 packets received" in shop.exec("main", "ping", "-c", "1", "by")
    shop.exec("main", "touch", "/data/one")
    assert shop.exec("within", "ls", "/data") == "one"
    assert shop.exec("within", "hostname") == shop.exec("main", "hostname")


def test_what_the_engine_can_not_do_is_said_once(shop: Shop) -> None:
    shop.write(
        """
        services:
          a: {image: IMAGE, LABELS, command: SLEEP, deploy: {placement: {constraints: ["node.labels.a == b"]}}}
          b: {image: IMAGE, LABELS, command: SLEEP, deploy: {placement: {constraints: ["node.labels.a == c"]}}}
        """
    )
    said = shop.program.attempt(*shop.words("plan")).stderr
    assert said.count("deploy.placement.constraints of a and b is lost on docker") == 1
