"""Projects as stack files: what stands in them, and that the client of Docker takes them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from atomicapp.model import Artifact, Rendered, Target
from atomicapp.position import Position
from atomicapp.providers import swarm
from atomicapp.workload.values import duration_text as duration
from tests.compose import keys
from tests.compose.files import NAMES, VARIABLES, file_text, read_input

HERE = Position("Nulecule", 1, 1)


def files(text: str) -> dict[str, str]:
    return {item.path: item.text for item in swarm.convert(keys.project(text), Target("app"))}


def test_dollars_come_back_as_they_were() -> None:
    text = "services: {web: {image: 'example/web:1', environment: {A: '$$HOME $${B}'}, command: ['echo', '$$1']}}"
    document = yaml.safe_load(files(text)["stack.yaml"])
    assert document["services"]["web"]["environment"]["A"] == "$$HOME $${B}"
    again = keys.project(files(text)["stack.yaml"])
    assert again.services[0].env[0].value == "$HOME ${B}"
    assert again.services[0].command == ("echo", "$1")


def test_texts_of_configs_and_secrets_are_files_beside_it() -> None:
    text = """
services: {web: {image: 'example/web:1', configs: [page], secrets: [key]}}
configs: {page: {content: 'a $$ b'}}
secrets: {key: {environment: PASSWORD}}
"""
    found = files(text)
    assert found["configs/page"] == "a $ b"
    assert found["secrets/key"] == "hush"
    assert "hush" not in found["stack.yaml"]
    document = yaml.safe_load(found["stack.yaml"])
    assert document["configs"]["page"] == {"file": "./configs/page"}


def test_a_predefined_network_is_an_external_one() -> None:
    found = yaml.safe_load(files("services: {web: {image: 'example/web:1', network_mode: host}}")["stack.yaml"])
    assert found["services"]["web"]["networks"] == {"host": {}}
    assert found["networks"] == {"host": {"external": True, "name": "host"}}


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [(0, "0s"), (10**9, "1s"), (90 * 10**9, "90s"), (1_500_000_000, "1500ms"), (1500, "1500ns"), (2000, "2us")],
)
def test_durations(nanoseconds: int, text: str) -> None:
    assert duration(nanoseconds) == text


LOST = {
    "ci": {"Groups", "Networks", "Placement"},
    "home": {"Groups"},
    "mail": {"DNSConfig", "Gateway"},
    "media": {"Groups", "Networks"},
    "networks": {"Networks", "EnableIPv6", "IPAM"},
    "proxy": {"Ports", "Networks"},
    "windows": {"Placement"},
}
"""What a stack file can't say, or says in another way, as the table of fidelity tells."""


# dollars in keys, which Compose does not fill in, are doubled on the way
@pytest.mark.parametrize("name", [name for name in NAMES if name != "variables"])
def test_what_is_written_is_an_artifact_of_the_provider(name: str) -> None:
    def made(artifact: Artifact, read: Callable[[str], str], variables: dict[str, str]) -> dict[str, Any]:
        rendered = Rendered((artifact,), read=lambda _, path: read(path), variables=lambda _: variables)
        found = swarm.parse(rendered, Target("app")).resources
        return {item.name: _plain(item.body, LOST.get(name, set())) for item in found}

    files = {item.path: item.text for item in swarm.convert(read_input(name, ("*",)), Target("app"))}
    source = Artifact("all", "compose", f"{name}.yaml", file_text(f"{name}.yaml"), "source", HERE)
    # as the package fills it in: two dollars are one
    stack = Artifact("all", "swarm", "stack.yaml", files["stack.yaml"].replace("$$", "$"), "stack.yaml", HERE)
    before = made(source, file_text, {**VARIABLES, "COMPOSE_PROFILES": "*"})
    after = made(stack, files.__getitem__, {})
    # networks that a service without one comes to
    assert {name: body for name, body in after.items() if name in before} == before
    assert after.keys() - before.keys() <= {"host", "app_default"}


def _plain(value: Any, lost: set[str]) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item, lost) for key, item in value.items() if key not in lost and key not in _MADE}
    return [_plain(item, lost) for item in value] if isinstance(value, list) else value


_MADE = ("SecretName", "ConfigName", "pull")
"""What a stack file can't fix: the names of files have a digest of their settings."""


@pytest.mark.parametrize("name", NAMES)
def test_the_client_of_docker_takes_it(name: str, tmp_path: Path) -> None:
    help_text = ["docker", "stack", "config", "--help"]
    if (
        shutil.which("docker") is None
        or "--compose-file" not in subprocess.run(help_text, capture_output=True, text=True, check=False).stdout
    ):
        pytest.skip("not installed: a docker client that has `stack config` (from version 25 on)")
    for item in swarm.convert(read_input(name), Target("app")):
        path = tmp_path / item.path
        path.parent.mkdir(exist_ok=True)
        path.write_text(item.text)
    command = ["docker", "stack", "config", "--compose-file", str(tmp_path / "stack.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert yaml.safe_load(done.stdout)["services"]
