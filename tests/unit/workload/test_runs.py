"""docker run commands as projects: each thing that they say is told by a key."""

from __future__ import annotations

import pytest

from atomicapp.errors import SpecError
from atomicapp.model import Target
from atomicapp.providers import docker
from atomicapp.workload import fidelity, runs
from atomicapp.workload.compose.keys import KEYS
from atomicapp.workload.project import Project
from tests.engines.test_docker_options import LINES
from tests.unit.providers.docker.test_command import without_places

NOTHING_SAID = {"services.image", "services.command"}


def read(text: str) -> Project:
    return runs.read(text, "run", files=lambda path: "{}" if path.endswith(".json") else "FROM_FILE=1\n")


@pytest.mark.parametrize("options", [line for line in LINES if line not in ("", "--quiet")])
def test_every_option_is_said_by_a_key(options: str) -> None:
    found = read(f"docker run {options} example/web:1 serve")
    keys = {item.key for item in found.said}
    assert keys > NOTHING_SAID
    assert all(key in KEYS or key in docker.fidelity() for key in keys)
    assert {item.subject for item in found.said} == {found.services[0].service}


@pytest.mark.parametrize("options", [line for line in LINES if "profile.json" not in line])
def test_commands_come_back_as_they_were(options: str) -> None:
    """From commands by way of the project to commands: the writer loses nothing that it says is kept."""
    found = read(f"docker run --name box {options} example/web:1 serve")
    (written,) = docker.convert(found, Target("app"))
    again = read(written.text.replace("$$", "$"))
    lost = [
        item for item in fidelity.judge(found, docker.fidelity(converted=True)) if item.verdict.outcome == fidelity.LOST
    ]
    assert lost == []
    ours, theirs = found.services[0], again.services[0]
    # names on the network are added to those of the command
    assert without_places(theirs._replace(networks=(), service=ours.service)) == without_places(
        ours._replace(networks=())
    )


def test_services_are_called_as_their_containers_or_images() -> None:
    found = read(
        "docker run --name Box a/b\ndocker run registry.example.com:5000/team/web:1\ndocker run web@sha256:" + "0" * 64
    )
    assert [work.service for work in found.services] == ["Box", "web", "web-2"]
    assert [work.name for work in found.services] == ["Box", "", ""]


def test_networks_and_volumes_of_the_project() -> None:
    found = read(
        "docker run -v data:/a -v /b --network back web\ndocker run --network host web\ndocker run --mount "
        "type=volume,src=more,dst=/c,volume-driver=nfs,volume-opt=o=1 web\n"
    )
    assert {key: spec.name for key, spec in found.networks.items()} == {"back": "back", "default": ""}
    assert {key: (spec.driver, dict(spec.driver_options)) for key, spec in found.volumes.items()} == {
        "data": ("", {}), "more": ("nfs", {"o": "1"}),
    }  # fmt: skip
    assert [work.namespaces.network for work in found.services] == ["", "host", ""]
    assert [[network.name for network in work.networks] for work in found.services] == [["back"], [], ["default"]]


def test_faults_are_those_of_the_commands() -> None:
    with pytest.raises(SpecError, match="run:1:12"):
        read("docker run --nonsense web")
