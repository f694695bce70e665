"""Quadlet's own generator makes units of what is written for it. Debian 12 has Podman 4.3, from before Quadlet: the
generator is built from its module, which needs Go and nothing else of Podman."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from atomicapp.model import Target
from atomicapp.providers.units import quadlet
from tests.compose import truth
from tests.compose.files import read_input
from tests.compose.units import NAMES
from tests.engines.quadlet import VERSIONS, build

pytestmark = pytest.mark.engine

OWN = (".container", ".network", ".volume")


@pytest.fixture(scope="module", params=VERSIONS)
def generator(request: pytest.FixtureRequest) -> Path:
    """The program `quadlet`."""
    return build(request.param)


def units(generator: Path, folder: Path, name: str, text: str = "") -> dict[str, str]:
    """The units that the generator makes of an input, by name; what it complains of is a failure."""
    project = truth.read(text) if text else read_input(name)
    files = quadlet.convert(project, Target(name))
    for item in files:
        path = folder / item.path
        path.parent.mkdir(exist_ok=True)
        path.write_text(item.text)
    done = subprocess.run(
        [generator, "-dryrun"], env={"QUADLET_UNIT_DIRS": str(folder)}, capture_output=True, text=True, check=False
    )
    # short names of images are a matter of the app
    said = [line for line in done.stderr.splitlines() if "Loading source" not in line and "fully qualified" not in line]
    assert (done.returncode, said) == (0, [])
    parts = re.split(r"^---(.+)---$", done.stdout, flags=re.MULTILINE)[1:]
    found = dict(zip(parts[::2], parts[1::2], strict=True))
    assert len(found) == len([item for item in files if item.path.endswith(OWN)])
    return found


@pytest.mark.parametrize("name", NAMES)
def test_every_file_becomes_a_unit_that_systemd_takes(generator: Path, tmp_path: Path, name: str) -> None:
    found = units(generator, tmp_path, name)
    if not shutil.which("systemd-analyze"):
        return
    for unit, text in found.items():
        (tmp_path / unit).write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *found],
        cwd=tmp_path,
        env={"SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert [line for line in done.stderr.splitlines() if "is not executable" not in line] == []


def test_the_command_that_comes_of_it(generator: Path, tmp_path: Path) -> None:
    text = (
        "services:\n  web:\n    image: quay.io/example/web:1\n    command: [sh, -c, 'echo $$HOME 100% \"q\"']\n"
        "    environment: {PLAIN: a b, ODD: '\"q\" 100%'}\n    ports: ['8080:80/udp']\n    volumes: ['data:/d:ro']\n"
        "    healthcheck: {test: [CMD, ready, '100%']}\n    networks: {back: {aliases: [inner]}}\n    secrets: [key]\n"
        "volumes: {data: {}}\nnetworks: {back: {}}\nsecrets: {key: {environment: PASSWORD}}\n"
    )
    web = units(generator, tmp_path, "app", text)["app-web.service"]
    (start,) = re.findall("^ExecStart=(.*)$", web, re.MULTILINE)
    # each version writes the same command in its own way
    start = re.sub(r"( --[a-z-]+)=", r"\1 ", start.replace(r"\x20", " "))
    assert start.startswith("/usr/bin/podman run --name app-web ")
    for part in (
        "--network app_back:alias=inner,alias=web",
        f"--env-file {tmp_path}/app-web.env",
        r'--env "ODD=\"q\" 100%%"',
        "-v app_data:/d:ro",
        "--publish 8080:80/udp",
        "--secret app-key-secret,type=mount,target=/run/secrets/key",
        r'--health-cmd "[\"ready\", \"100%%\"]"',
        r'quay.io/example/web:1 sh -c "echo $$HOME 100%% \"q\""',
    ):
        assert part in start
    assert "Requires=app-back-network.service" in web
    assert "Requires=app-data-volume.service" in web
    assert (tmp_path / "app-web.env").read_text() == "PLAIN=a b\n"
