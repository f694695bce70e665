"""The engines themselves: what other tests lean on is there and does what its fixture says."""

from __future__ import annotations

import os
import ssl
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.engines.docker import DockerEngine
from tests.engines.podman import Podman
from tests.engines.process import run
from tests.engines.registry import Registry
from tests.engines.swarm import Swarm
from tests.engines.systemd import Node, Nodes

pytestmark = pytest.mark.engine


def test_home_is_not_the_users() -> None:
    assert Path.home() != Path(f"~{os.environ.get('USER', 'root')}").expanduser()
    assert Path.home().is_relative_to(Path(os.environ["XDG_STATE_HOME"]).parent)


def test_docker_runs_busybox(docker_engine: DockerEngine, busybox_image: str) -> None:
    said = docker_engine.docker("run", "--rm", busybox_image, "sh", "-c", "echo $((6*7)); cat /www/index.html")
    assert said.split() == ["42", "hello"]
    assert (
        docker_engine.docker("run", "--rm", busybox_image, "sh", "-c", "which httpd sleep cat wget nc").count("/bin/")
        == 5
    )


def test_open_registry_serves_busybox(registry: Registry, busybox_in_registry: str) -> None:
    with urllib.request.urlopen(f"http://{registry.host}/v2/test/busybox/tags/list") as answer:
        assert b'"1"' in answer.read()
    assert busybox_in_registry == f"{registry.host}/test/busybox:1"


def test_registry_with_password_refuses_strangers(registry_auth: Registry) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"http://{registry_auth.host}/v2/")
    refused.value.close()
    assert refused.value.code == 401
    assert refused.value.headers["Www-Authenticate"] == 'Basic realm="test"'


def test_registry_with_tls_is_trusted_by_its_ca_only(registry_tls: Registry) -> None:
    assert registry_tls.cafile is not None
    manager = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    manager.add_password(None, f"https://{registry_tls.host}", registry_tls.username, registry_tls.password)
    own = urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=registry_tls.cafile))
    opener = urllib.request.build_opener(own, urllib.request.HTTPBasicAuthHandler(manager))
    with opener.open(f"https://{registry_tls.host}/v2/") as answer:
        assert answer.status == 200
    with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
        urllib.request.urlopen(f"https://{registry_tls.host}/v2/")


def test_podman_answers_as_docker(podman_service: Podman) -> None:
    assert podman_service.host.startswith("unix:///")
    # the docker command itself talks to it, and is told that it is Podman
    told = run("docker", "--host", podman_service.host, "version", "--format", "{{json .Server.Components}}")
    assert "Podman Engine" in told


def test_an_engine_on_the_bridge_leaves_nothing(swarm: Swarm, busybox_in_swarm: str) -> None:
    with swarm.engine(22) as node:
        container = node.docker("run", "--detach", busybox_in_swarm, "sleep", "1000").strip()
        assert list(Path("/sys/fs/cgroup").glob(f"*/docker/{container}"))
    assert not node.folder.exists()
    assert not Path(f"/run/netns/{node.space}").exists()
    assert f"{node.folder}/" not in Path("/proc/self/mountinfo").read_text()
    assert not list(Path("/sys/fs/cgroup").glob(f"*/docker/{container}"))


def test_a_node_runs_a_container_by_a_unit(systemd_node: Node, docker_engine: DockerEngine, busybox_image: str) -> None:
    unit = "aap-fixture.service"
    start = f"/usr/bin/docker run --rm --name aap-fixture {busybox_image} sh -c 'echo hello; exec sleep 1000'"
    stop = "ExecStop=/usr/bin/docker stop --time 1 aap-fixture"
    (systemd_node.units / unit).write_text(f"[Service]\nExecStart={start}\n{stop}\n")
    systemd_node.systemctl("start", unit)
    for _ in range(600):
        if "hello" in systemd_node.journal(unit):
            break
        time.sleep(0.1)
    assert systemd_node.show(unit, "ActiveState", "SubState") == {"ActiveState": "active", "SubState": "running"}
    assert "aap-fixture" in docker_engine.docker("ps", "--format", "{{.Names}}").split()
    # from outside, as a program of the node itself
    said = run("systemctl", "is-active", unit, env=systemd_node.environment)
    assert said.strip() == "active"
    systemd_node.systemctl("stop", unit)
    assert "aap-fixture" not in docker_engine.docker("ps", "--all", "--format", "{{.Names}}").split()
    (systemd_node.units / unit).unlink()
    systemd_node.systemctl("daemon-reload")


def test_nodes_are_machines_of_their_own(systemd_nodes: Nodes) -> None:
    first, second = systemd_nodes("n1"), systemd_nodes("n2")
    assert first.run("cat", "/etc/machine-id").strip() == first.machine_id != second.machine_id
    assert first.run("hostname").strip() == "n1"
    systemd_nodes.drop("n2")
    assert systemd_nodes("n2").machine_id != second.machine_id
    systemd_nodes.drop("n2")
