"""The engines themselves: what other tests lean on is there and does what its fixture says."""

from __future__ import annotations

import os
import ssl
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.engines.docker import DockerEngine
from tests.engines.podman import Podman
from tests.engines.process import run
from tests.engines.registry import Registry
from tests.engines.swarm import Swarm

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
