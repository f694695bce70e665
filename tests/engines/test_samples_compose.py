"""The samples with Compose files: one file on every engine, and the same page over HTTP from each."""

from __future__ import annotations

import contextlib
import socket
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.engines import samples
from tests.engines.cluster import Cluster
from tests.engines.docker import DockerEngine
from tests.engines.process import free_port
from tests.engines.program import Program
from tests.engines.quadlet import PodmanNode, podman_node
from tests.engines.registry import Registry
from tests.engines.samples import SECRETS, fetch, free_node_port, install_wordpress, until
from tests.engines.swarm import Swarm
from tests.engines.systemd import Node

pytestmark = [pytest.mark.engine, pytest.mark.slow]


class Place(ABC):
    """An engine, and how what runs on it is reached. `keeps_data`: whatever starts again finds its volume."""

    keeps_data = True

    def __init__(self, program: Program, *words: str, **params: str) -> None:
        self.program = program
        self.name = ""
        self.words = words
        self.params = params

    @abstractmethod
    def port(self) -> int:
        """A port that can be published."""

    def url(self, port: int) -> str:
        """The page at a published port."""
        return f"http://127.0.0.1:{port}/"

    def run(self, app: str, answers: Path, *words: str) -> str:
        return self.program("run", app, "-a", str(answers), "--name", self.name, *self.words, *words)

    def end(self) -> None:
        self.program.attempt("uninstall", self.name, "--purge-data", *self.words)

    def leave(self) -> None:  # noqa: B027  # most engines need no more
        """What is to be done after the last test."""

    @abstractmethod
    def left(self) -> list[str]:
        """What the engine still holds of the deployment."""


class OnDocker(Place):
    def __init__(self, program: Program, engine: DockerEngine) -> None:
        super().__init__(program, "--provider", "docker", images="atomicapp-samples")
        self.engine = engine

    def port(self) -> int:
        return free_port()

    def left(self) -> list[str]:
        owned = ("--filter", f"label=io.atomicapp.name={self.name}")
        containers = self.engine.docker("ps", "-aq", *owned)
        return (containers + self.engine.docker("volume", "ls", "-q", *owned)).split()


class OnKubernetes(Place):
    def __init__(self, program: Program, cluster: Cluster) -> None:
        self.cluster = cluster
        self.namespace = cluster.make_namespace()
        # of the one sample and of the other
        self.volumes = [cluster.make_volume(self.namespace, claim) for claim in ("votes", "mariadb-data")]
        words = ("--provider", "kubernetes", "--namespace", self.namespace)
        super().__init__(program, *words, images=f"{cluster.registry}/samples", bind="0.0.0.0")

    def port(self) -> int:
        return free_node_port(self.cluster)

    def leave(self) -> None:
        self.cluster.remove_namespace(self.namespace)
        for name in self.volumes:
            self.cluster.remove_volume(name)

    def left(self) -> list[str]:
        found = []
        for path in (
            "api/v1/{}/pods",
            "api/v1/{}/secrets",
            "api/v1/{}/persistentvolumeclaims",
            "apis/apps/v1/{}/deployments",
        ):
            rows = self.cluster.call("GET", "/" + path.format(f"namespaces/{self.namespace}"))["items"]
            found += [row["metadata"]["name"] for row in rows if "deletionTimestamp" not in row["metadata"]]
        return found


class OnSwarm(Place):
    """A volume belongs to a node, and what starts again may be on another one. Virtual IPs and the ports that all nodes share need more of the kernel than there may be: names lead to tasks, and
    ports are those of the node that runs the page."""

    keeps_data = False

    def __init__(self, program: Program, swarm: Swarm) -> None:
        registry = f"{swarm.registry}/samples"
        super().__init__(program, "--provider", "swarm", images=registry, endpoint_mode="dnsrr", publish_mode="host")
        self.swarm = swarm

    def port(self) -> int:
        return free_port()

    def url(self, port: int) -> str:
        """The page at the node where it runs now."""
        addresses = [node.address for node in self.swarm.nodes]
        for address in addresses:
            with contextlib.suppress(OSError), socket.create_connection((address, port), timeout=1):
                return f"http://{address}:{port}/"
        return f"http://{addresses[0]}:{port}/"

    def left(self) -> list[str]:
        owned = ("--filter", f"label=io.atomicapp.name={self.name}")
        manager = self.swarm.manager
        found = manager.docker("service", "ls", "-q", *owned) + manager.docker("secret", "ls", "-q", *owned)
        return (
            found + manager.docker("config", "ls", "-q", *owned) + manager.docker("network", "ls", "-q", *owned)
        ).split()


class OnSystemd(Place):
    """The machine's Docker Engine runs the containers, a systemd in a container of its own starts them."""

    def __init__(self, program: Program, node: Node, engine: DockerEngine) -> None:
        super().__init__(program, "--provider", "systemd", images="atomicapp-samples")
        self.node = node
        self.engine = engine

    def port(self) -> int:
        return free_port()

    def left(self) -> list[str]:
        files = [path.name for path in self.node.units.rglob("*") if self.name in str(path)]
        units = self.node.systemctl("list-units", "--all", "--plain", "--no-legend", f"{self.name}*").split()
        named = ("--filter", f"name={self.name}")
        containers = self.engine.docker("ps", "-aq", *named).split()
        kept = self.engine.docker("volume", "ls", "-q", *named) + self.engine.docker("network", "ls", "-q", *named)
        return [*files, *units, *containers, *kept.split()]


class OnPodman(Place):
    """A machine with systemd and Podman, which has its own network and its own images."""

    def __init__(self, program: Program, node: PodmanNode) -> None:
        words = ("--provider", "systemd", "--provider-api", "podman")
        super().__init__(program, *words, images="localhost/atomicapp-samples", bind="0.0.0.0")
        self.node = node

    def port(self) -> int:
        return free_port()

    def url(self, port: int) -> str:
        return f"http://{self.node.address}:{port}/"

    def left(self) -> list[str]:
        files = [path.name for folder in (self.node.units, self.node.files) for path in folder.rglob("*")]
        units = self.node.systemctl("list-units", "--all", "--plain", "--no-legend", f"{self.name}*").split()
        kept = [self.node.podman(*words, "--quiet") for words in (("ps", "-a"), ("volume", "ls"), ("secret", "ls"))]
        networks = [name for name in self.node.podman("network", "ls").split() if self.name in name]
        return [*[name for name in files if self.name in name], *units, *" ".join(kept).split(), *networks]


@pytest.fixture(scope="module", params=["docker", "kubernetes", "swarm", "systemd", "podman"])
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    of = request.getfixturevalue
    home = tmp_path_factory.mktemp("compose") / "home"
    found: Place
    if request.param == "docker":
        of("sample_images")
        daemon = of("docker_engine")
        found = OnDocker(Program(home, env={"DOCKER_HOST": daemon.host}), daemon)
    elif request.param == "systemd":
        of("sample_images")
        node = of("systemd_node")
        found = OnSystemd(Program(home, env=node.environment), node, of("docker_engine"))
    elif request.param == "podman":
        images = [of("sample_images")[name] for name in ("voting", "redis", "mariadb", "wordpress")]
        with podman_node(of("docker_engine"), tmp_path_factory.mktemp("podman"), *images) as machine:
            yield OnPodman(Program(home, env=machine.environment), machine)
        return
    elif request.param == "swarm":
        swarm = of("swarm")
        for name, image in of("sample_images").items():
            swarm.push(image, f"samples/{name}:latest")
        found = OnSwarm(Program(home, env={"DOCKER_HOST": swarm.manager.host}), swarm)
    else:
        of("sample_images_in_cluster")
        cluster = of("cluster")
        found = OnKubernetes(Program(home, env={"KUBECONFIG": str(cluster.kubeconfig)}), cluster)
    yield found
    found.leave()


@pytest.fixture
def place(engine: Place) -> Iterator[Place]:
    """The engine, for one deployment, which is removed also when the test fails."""
    engine.name = f"sample-{uuid.uuid4().hex[:8]}"
    yield engine
    engine.end()


def answers(file: Path, sections: dict[str, dict[str, str]]) -> Path:
    lines = [
        line
        for section, values in sections.items()
        for line in [f"[{section}]", *(f"{name} = {value}" for name, value in values.items())]
    ]
    file.write_text("\n".join(lines) + "\n")
    return file


def test_five_services_from_one_file(place: Place, registry: Registry, tmp_path: Path) -> None:
    samples.package(place.program, tmp_path / "packages", registry.host, "compose-voting")
    app = f"{registry.host}/compose-voting-app"
    votes, results = place.port(), place.port()
    while results == votes:
        results = place.port()
    given = {
        **place.params, "vote_port": str(votes), "result_port": str(results), "title": "Tea or coffee?",
        "db_password": SECRETS[0], "db_root_password": SECRETS[1], "first": "Tea", "second": "Coffee",
    }  # fmt: skip
    file = answers(tmp_path / "answers.conf", {"voting": given})
    place.run(app, file)
    assert "<h1>Tea or coffee?</h1>" in fetch(place.url(votes))
    fetch(place.url(votes), {"vote": "Coffee"})
    fetch(place.url(votes), {"vote": "Coffee"})
    counted = until(lambda: fetch(place.url(results)), lambda page: "<li>Coffee: 2</li>" in page)
    assert "<li>Tea: 0</li>" in counted
    assert "nothing to do" in place.run(app, file)
    answers(tmp_path / "answers.conf", {"voting": {**given, "title": "Which one?"}})
    planned = place.program("plan", app, "-a", str(file), "--name", place.name, *place.words)
    assert "Nothing to do" not in planned
    place.run(app, file)
    assert "<h1>Which one?</h1>" in until(lambda: fetch(place.url(results)), lambda page: "Which one?" in page)
    kept = "".join(path.read_text(errors="replace") for path in (tmp_path / "home").rglob("*") if path.is_file())
    assert not any(secret in kept for secret in SECRETS)
    place.program("stop", place.name, *place.words)
    place.program("start", place.name, *place.words)
    again = "<li>Coffee: 2</li>" if place.keeps_data else "<li>Coffee: "
    assert "<h1>Which one?</h1>" in until(lambda: fetch(place.url(results)), lambda page: again in page)
    place.program("uninstall", place.name, "--purge-data", *place.words)
    assert until(lambda: " ".join(place.left()) or "nothing", lambda found: found == "nothing")


def only_compose(sample: str, folder: Path, registry: str) -> Path:
    """A copy of a sample whose only artifacts are its Compose files."""
    target = samples.copy(sample, folder, registry)
    nulecule = target / "Nulecule"
    found = yaml.safe_load(nulecule.read_text())
    for item in found["graph"]:
        if "artifacts" in item:
            item["artifacts"] = {"compose": item["artifacts"]["compose"]}
    nulecule.write_text(yaml.safe_dump(found, sort_keys=False))
    return target


def test_wordpress_from_compose_files(place: Place, registry: Registry, tmp_path: Path) -> None:
    for name in ("mariadb", "wordpress"):
        reference = f"{registry.host}/compose/{name}-app"
        folder = only_compose(name, tmp_path / "packages", f"{registry.host}/compose")
        place.program("build", str(folder), "-t", reference)
        place.program("push", reference)
    port = place.port()
    params = {name: value for name, value in place.params.items() if name != "bind"}
    own = {
        "hostport": str(port),
        "table_prefix": "wp_",
        **({"bind": place.params["bind"]} if "bind" in place.params else {}),
    }
    sections = {
        "general": {**params, "db_password": SECRETS[0]},
        "mariadb:mariadb": {"db_root_password": SECRETS[1]},
        "wordpress": own,
    }
    file, app = answers(tmp_path / "answers.conf", sections), f"{registry.host}/compose/wordpress-app"
    place.run(app, file)
    url = place.url(port)
    assert "<title>WordPress &rsaquo; Installation</title>" in fetch(url)
    install_wordpress(url, "One file for all")
    assert "One file for all" in fetch(url)
    assert "nothing to do" in place.run(app, file)
    if place.keeps_data:
        place.program("uninstall", place.name, *place.words)
        place.run(app, file)
        assert "One file for all" in fetch(url), "the data outlives the containers"
    place.program("uninstall", place.name, "--purge-data", *place.words)
    assert until(lambda: " ".join(place.left()) or "nothing", lambda found: found == "nothing")
