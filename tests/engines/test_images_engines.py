"""Packages in a Docker Engine and in Podman."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from atomicapp.errors import FetchError
from atomicapp.images.build import PackageInfo, build
from atomicapp.images.fetch import FetchOptions, Images
from atomicapp.images.reference import Reference
from tests.engines.docker import DEFAULT_HOST, LABEL, DockerEngine
from tests.engines.podman import Podman
from tests.engines.process import run
from tests.engines.registry import Registry

pytestmark = pytest.mark.engine


@pytest.fixture
def app(tmp_path: Path) -> Path:
    folder = tmp_path / "app"
    (folder / "artifacts").mkdir(parents=True)
    (folder / "Nulecule").write_text("specversion: 0.0.2\nid: x\ngraph: []\n")
    (folder / "artifacts/run").write_text("docker run x")
    return folder


@pytest.fixture
def built(docker_engine: DockerEngine, app: Path, tmp_path: Path) -> Iterator[str]:
    """An app's image made by `docker build`, in several layers."""
    name = f"localhost:1/images-test/{tmp_path.name.lower().replace('_', '-').strip('-')}:1"
    (tmp_path / "Dockerfile").write_text(
        f"FROM scratch\nLABEL {LABEL}\nCOPY app/Nulecule /application-entity/\nCOPY app/artifacts /application-entity/artifacts\n"
    )
    (tmp_path / ".dockerignore").write_text("*\n!app\n")
    docker_engine.docker("build", "--quiet", "--tag", name, str(tmp_path))
    yield name
    docker_engine.docker("rmi", name)


@pytest.fixture(autouse=True)
def _logged_in_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Podman refuses to work when DOCKER_CONFIG names a folder without a file."""
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker" / "config.json").write_text("{}")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))


def images(folder: Path, host: str, **options: object) -> Images:
    environment = {"HOME": str(folder), "DOCKER_HOST": host}
    return Images(folder / "cache", options=FetchOptions(**options), environment=environment)  # type: ignore[arg-type]


def same(one: Path, other: Path) -> bool:
    return run("diff", "-r", str(one), str(other)) == ""


def test_an_image_of_the_engine(built: str, app: Path, tmp_path: Path, docker_host: str) -> None:
    with images(tmp_path, docker_host) as found:
        first = found.fetch(built)
        assert first.source == "docker engine"
        assert same(first.folder, app)
        # the second time the engine is asked for the id only
        tars = list((tmp_path / "cache" / "tmp").iterdir())
        assert tars == []
        again = found.fetch(built)
        assert again == first
        info = found.inspect(built)
        assert (info.source, info.platform.partition("/")[0], len(info.layers)) == ("docker engine", "linux", 2)
        assert info.labels == dict([LABEL.split("=")])
        assert info.created


def test_the_engine_at_its_usual_place(built: str, tmp_path: Path, docker_host: str) -> None:
    if docker_host != DEFAULT_HOST:
        pytest.skip(f"the engine of the tests is at {docker_host}")
    with Images(tmp_path / "cache", environment={"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)}) as found:
        assert found.fetch(built).source == "docker engine"


def test_the_engine_can_be_left_out(built: str, tmp_path: Path, docker_host: str) -> None:
    with images(tmp_path, docker_host, use_engine=False) as found, pytest.raises(FetchError, match="nobody listens"):
        found.fetch(built)


def test_an_image_that_the_engine_lacks(tmp_path: Path, docker_host: str) -> None:
    with images(tmp_path, docker_host) as found, pytest.raises(FetchError, match="nobody listens"):
        found.fetch("localhost:1/none/such:1")


@pytest.mark.parametrize("host", ["unix:///nowhere/docker.sock", "tcp://127.0.0.1:1", "nonsense://x", "ssh://nobody@h"])
def test_an_engine_that_is_not_there_is_no_error(host: str, tmp_path: Path) -> None:
    with images(tmp_path, host) as found, pytest.raises(FetchError, match="nobody listens at localhost:1"):
        found.fetch("localhost:1/x")


def test_docker_pulls_what_we_push(
    docker_engine: DockerEngine, registry: Registry, app: Path, tmp_path: Path, docker_host: str
) -> None:
    name = f"{registry.host}/images-test/ours:1"
    image = build(app, PackageInfo("x", "0.0.2", ("docker",), "A title"))
    with images(tmp_path, docker_host, use_engine=False) as found:
        found.local.add(image, Reference.parse(name))
        found.push(name)
    docker_engine.docker("pull", name)
    try:
        labels = json.loads(docker_engine.docker("inspect", "--format", "{{json .Config.Labels}}", name))
        assert labels["org.opencontainers.image.title"] == "A title"
        # as the original unpacked it
        container = docker_engine.docker("create", "--label", LABEL, "--entrypoint", "/bin/true", name).strip()
        docker_engine.docker("cp", f"{container}:/application-entity", str(tmp_path / "copied"))
        docker_engine.docker("rm", container)
        assert same(tmp_path / "copied", app)
        with images(tmp_path / "second", docker_host) as found:
            again = found.fetch(name)
        assert again.source == "docker engine"
        assert same(again.folder, app)
    finally:
        docker_engine.docker("rmi", name)


def test_what_docker_pushes_and_saves(
    docker_engine: DockerEngine, built: str, registry: Registry, app: Path, tmp_path: Path, docker_host: str
) -> None:
    name = f"{registry.host}/images-test/theirs:1"
    docker_engine.docker("tag", built, name)
    docker_engine.docker("push", name)
    docker_engine.docker("save", "--output", str(tmp_path / "saved.tar"), name)
    docker_engine.docker("rmi", name)
    with images(tmp_path, docker_host) as found:
        pushed = found.fetch(name)
        assert pushed.source == "registry"
        assert same(pushed.folder, app)
        saved = found.fetch(str(tmp_path / "saved.tar"))
        assert saved.source == "tar"
        assert same(saved.folder, app)
        # the same bytes as out of the engine itself
        assert saved.digest == found.fetch(built).digest


def test_podmans_service_is_an_engine(podman_service: Podman, registry: Registry, app: Path, tmp_path: Path) -> None:
    name = f"{registry.host}/images-test/podman:1"
    with images(tmp_path, podman_service.host, use_engine=False) as found:
        found.local.add(build(app, PackageInfo("x", "0.0.2")), Reference.parse(name))
        found.push(name)
    podman_service.podman("pull", "--tls-verify=false", name)
    with images(tmp_path / "second", podman_service.host) as found:
        again = found.fetch(name)
    assert again.source == "docker engine"
    assert same(again.folder, app)


@pytest.mark.parametrize("verb", ["run", "install", "stop", "uninstall"])
def test_podman_runs_the_labels(
    verb: str, podman_service: Podman, registry: Registry, app: Path, tmp_path: Path
) -> None:
    name = f"{registry.host}/images-test/labels:1"
    with images(tmp_path, podman_service.host, use_engine=False) as found:
        image = build(app, PackageInfo("x", "0.0.2"), tool_image="example.com/tool:1")
        found.local.add(image, Reference.parse(name))
        found.push(name)
    shown = podman_service.podman("container", "runlabel", "--tls-verify=false", "--display", verb, name, "extra")
    assert shown.startswith("command: podman run ")
    called = {"install": "pull"}.get(verb, verb)
    assert shown.rstrip().endswith(f"example.com/tool:1 {called} {name} extra")
