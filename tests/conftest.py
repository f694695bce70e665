"""Fixtures for all tests: a home of their own, and the real engines of tests/engines.

Engines start when the first test asks for one. Where one can't be had, its tests are skipped with the
reason, or fail where CI=true.
"""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from tests.engines import fleet as fleets
from tests.engines import images, podman
from tests.engines import registry as registries
from tests.engines.cluster import Cluster
from tests.engines.docker import DockerEngine
from tests.engines.fleet import Fleet
from tests.engines.marathon_contract import Containers, Server, Settings
from tests.engines.registry import Registry
from tests.engines.swarm import Swarm
from tests.engines.systemd import Node, Nodes

FORGOTTEN = (
    *("DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "DOCKER_DEFAULT_PLATFORM", "REGISTRY_AUTH_FILE"),
    *("FLEETCTL_ENDPOINT", "FLEETCTL_DRIVER", "FLEETCTL_TUNNEL", "FLEETCTL_SSH_USERNAME", "ATOMICAPP_SSH"),
    *("ATOMICAPP_ARGS", "ATOMICAPP_APPEND_ARGS", "IMAGE", "KUBECONFIG", "CONTAINERS_CONF", "SUDO_USER"),
)
"""Variables of the user's shell that would change what the program does."""


LONG = (
    *(
        "test_samples_compose.py",
        "test_quadlet_life.py",
        "test_tool_image.py",
        "test_life.py",
        "test_swarm_life.py",
        "test_systemd_life.py",
    ),
    *("test_samples_kubernetes.py", "test_kubernetes_cli.py", "test_kubernetes_calls.py", "test_kubernetes_life.py"),
    *("test_swarm_stack.py", "test_samples.py", "test_marathon_samples.py", "test_compose_docker.py"),
    *("test_swarm_connect.py", "test_objects.py", "test_samples_fleet.py", "test_interrupted.py"),
)
"""Files that take minutes, in the order in which they are handed out, before all others."""

BY_PARAM = ("test_life.py", "test_samples_compose.py")
"""Files that are not handed out whole, but in parts: one for each value of their parameter, which is an engine."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {name: number for number, name in enumerate(LONG)}
    items.sort(key=lambda item: places.get(item.path.name, len(LONG)))


class _Parts(LoadFileScheduling):  # type: ignore[misc]  # not typed
    """Hands out whole files, and some in parts. Not by `--dist loadgroup`: pytest-xdist 3.8 forgets groups on pytest 9."""

    def _split_scope(self, nodeid: str) -> str:
        file, _, name = nodeid.partition("::")
        _, bracket, param = name.partition("[")
        return f"{file}[{param}" if bracket and file.endswith(BY_PARAM) else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling | None:
    """Share tests out between processes."""
    return _Parts(config, log) if config.getoption("dist") == "loadfile" else None


@pytest.fixture(scope="session", autouse=True)
def _ctrl_c_counts() -> None:
    """A job in the background of a script ignores SIGINT and so would all that it starts; tests send it on purpose."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def _home_of_their_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads or writes the real home folder."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(home))
        for name in ("CONFIG", "CACHE", "DATA", "STATE"):
            patch.setenv(f"XDG_{name}_HOME", str(home / f"xdg-{name.lower()}"))
        patch.setenv("XDG_RUNTIME_DIR", str(home / "runtime"))
        (home / "runtime").mkdir(mode=0o700)
        patch.setenv("DOCKER_CONFIG", str(home / "docker"))
        patch.setenv("ATOMICAPP_HOME", str(home / "atomicapp"))
        patch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        for role in ("AUTHOR", "COMMITTER"):
            patch.setenv(f"GIT_{role}_NAME", "A Tester")
            patch.setenv(f"GIT_{role}_EMAIL", "tester@example.com")
        for name in FORGOTTEN:
            patch.delenv(name, raising=False)
        yield


@pytest.fixture(scope="session")
def docker_engine() -> Iterator[DockerEngine]:
    """The Docker Engine, with `docker(...)` to drive it by the docker command."""
    engine = DockerEngine()
    engine.acquire()
    yield engine
    engine.release()


@pytest.fixture(scope="session")
def docker_host(docker_engine: DockerEngine) -> str:
    """The address of a Docker Engine that answers, `unix:///var/run/docker.sock`."""
    return docker_engine.host


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry by plain http on localhost, open to all."""
    found = registries.start(tmp_path_factory.mktemp("registry"))
    yield found
    found.stop()


@pytest.fixture(scope="session")
def registry_auth(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry by plain http that wants .username and .password."""
    found = registries.start(tmp_path_factory.mktemp("registry-auth"), auth=True)
    yield found
    found.stop()


@pytest.fixture(scope="session")
def registry_tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry by https, certified by the CA in .cafile, that wants .username and .password."""
    found = registries.start(tmp_path_factory.mktemp("registry-tls"), auth=True, tls=True)
    yield found
    found.stop()


@pytest.fixture(scope="session")
def busybox_image(docker_engine: DockerEngine, tmp_path_factory: pytest.TempPathFactory) -> str:
    """An image on the engine that holds busybox with all applets; it labels its containers as the tests' own."""
    return images.busybox(docker_engine, tmp_path_factory.mktemp("busybox"))


@pytest.fixture(scope="session")
def busybox_in_registry(docker_engine: DockerEngine, busybox_image: str, registry: Registry) -> str:
    """The same image as `HOST/test/busybox:1` in the open registry; the engine does not hold that name."""
    return images.push(docker_engine, busybox_image, f"{registry.host}/test/busybox:1")


@pytest.fixture(scope="session")
def sample_images(docker_engine: DockerEngine) -> dict[str, str]:
    """The images of the samples on the engine: `mariadb`, `wordpress`, `httpd`, `redis`, `guestbook` -> reference."""
    return images.samples(docker_engine)


@pytest.fixture(scope="session")
def podman_service() -> Iterator[podman.Podman]:
    """Podman's service, with `podman(...)` to drive it by the podman command."""
    # not below pytest's folder: the path of a socket is limited to 108 characters
    with tempfile.TemporaryDirectory(prefix="aap-") as folder:
        found = podman.start(Path(folder))
        yield found
        found.stop()


@pytest.fixture(scope="session")
def podman_host(podman_service: podman.Podman) -> str:
    """The address of Podman's Docker-compatible socket."""
    return podman_service.host


@pytest.fixture(scope="session")
def cluster(docker_engine: DockerEngine) -> Iterator[Cluster]:
    """A Kubernetes cluster of one node, with `call(...)` to speak to its API."""
    found = Cluster(docker_engine)
    found.acquire()
    yield found
    found.release()


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    """A namespace of the test's own."""
    name = cluster.make_namespace()
    yield name
    cluster.remove_namespace(name)


@pytest.fixture
def volume(request: pytest.FixtureRequest, cluster: Cluster, namespace: str) -> Iterator[str]:
    """A persistent volume of 1Gi, ReadWriteOnce, for a claim `data` (or what the parameter says) in the namespace."""
    name = cluster.make_volume(namespace, getattr(request, "param", "data"))
    yield name
    cluster.remove_volume(name)


@pytest.fixture(scope="session")
def busybox_in_cluster(cluster: Cluster, busybox_image: str) -> str:
    """The image of busybox by a name that the cluster's node can pull."""
    return cluster.push(busybox_image, "test/busybox:1")


@pytest.fixture(scope="session")
def sample_images_in_cluster(cluster: Cluster, sample_images: dict[str, str]) -> dict[str, str]:
    """The images of the samples by names that the cluster's node can pull, `REGISTRY/samples/NAME`.

    Without a tag: what the node holds of an earlier one is not taken then.
    """
    return {name: cluster.push(image, f"samples/{name}") for name, image in sample_images.items()}


@pytest.fixture(scope="session")
def openshift(cluster: Cluster) -> Cluster:
    """The cluster, with OpenShift's kinds (Route, DeploymentConfig, ImageStream, BuildConfig, Build, Template,
    ClusterVersion) defined and no controllers."""
    cluster.define_openshift()
    return cluster


@pytest.fixture(scope="session")
def swarm(docker_engine: DockerEngine) -> Iterator[Swarm]:
    """A swarm of three nodes (one manager), with `manager.docker(...)` to drive it by the docker command."""
    found = Swarm(docker_engine)
    found.acquire()
    yield found
    found.release()


@pytest.fixture(scope="session")
def busybox_in_swarm(swarm: Swarm, busybox_image: str) -> str:
    """The image of busybox by a name that all nodes can pull."""
    return swarm.push(busybox_image, "test/busybox:1")


@pytest.fixture(scope="session")
def marathon(docker_engine: DockerEngine) -> Iterator[Server]:
    """A contract server for Marathon, whose tasks are containers of the Docker Engine."""
    found = Server(Settings(), Containers(docker_engine.host)).start()
    yield found
    found.stop()


@pytest.fixture(scope="session")
def systemd_nodes(docker_engine: DockerEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    """Machines that systemd has booted: called with a name, it gives the one of that name. Their units run containers on
    the Docker Engine."""
    found = Nodes(docker_engine, tmp_path_factory.mktemp("nodes"))
    yield found
    found.remove()


@pytest.fixture
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """The contract server of fleet with two simulated machines."""
    found = Fleet(tmp_path_factory.mktemp("f"))
    yield found
    found.close()


@pytest.fixture(scope="session")
def fleet_systemd(systemd_nodes: Nodes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """The same with two machines on which a real systemd runs the units."""
    found = fleets.on_nodes(tmp_path_factory.mktemp("f"), [systemd_nodes("f1"), systemd_nodes("f2")])
    yield found
    found.close()


@pytest.fixture(scope="session")
def systemd_node(systemd_nodes: Nodes) -> Node:
    """The one that tests of a single machine share."""
    return systemd_nodes("n1")
