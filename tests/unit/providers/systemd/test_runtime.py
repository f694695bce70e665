"""Which program runs containers on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from atomicapp.model import Target
from atomicapp.providers.systemd import runtime


class Machine:
    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.bin, self.generators = folder / "bin", folder / "systemd"
        self.bin.mkdir()
        patch.setenv("PATH", str(self.bin))
        patch.delenv("SYSTEMD_GENERATOR_PATH", raising=False)
        patch.setattr(runtime, "FOLDERS", (str(folder / "none"), str(self.generators)))

    def has(self, name: str, text: str = "x" * 5000) -> None:
        (self.bin / name).write_text(text)
        (self.bin / name).chmod(0o755)

    def generates(self, text: str = "#!/bin/sh\n") -> None:
        for who in ("system", "user"):
            path = self.generators / f"{who}-generators" / f"podman-{who}-generator"
            path.parent.mkdir(parents=True)
            path.write_text(text)
            path.chmod(0o755)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


@pytest.mark.parametrize("api", ["", "local", "localhost"])
def test_docker_where_it_is_or_where_there_is_none(machine: Machine, api: str) -> None:
    assert runtime.of(Target("app", api=api)) == runtime.DOCKER
    machine.has("podman")
    assert runtime.of(Target("app", api=api)) == runtime.DOCKER, "without its generator, Podman can do nothing here"
    machine.generates()
    assert runtime.of(Target("app", api=api)) == runtime.PODMAN
    machine.has("docker")
    assert runtime.of(Target("app", api=api)) == runtime.DOCKER


def test_the_target_says_it(machine: Machine) -> None:
    machine.has("docker")
    assert runtime.of(Target("app", api="podman")) == runtime.PODMAN


def test_a_docker_command_that_calls_podman_is_podmans(machine: Machine) -> None:
    machine.has("podman")
    machine.generates()
    machine.has("docker", '#!/bin/sh\nexec /usr/bin/podman "$@"\n')
    assert runtime.of(Target("app")) == runtime.PODMAN
    (machine.bin / "docker").unlink()
    (machine.bin / "docker").symlink_to("podman")
    assert runtime.of(Target("app")) == runtime.PODMAN


def test_the_variable_of_systemd_names_other_folders(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.generates()
    monkeypatch.setenv("SYSTEMD_GENERATOR_PATH", "/nowhere")
    assert runtime.generator(user=False) is None
    monkeypatch.setenv("SYSTEMD_GENERATOR_PATH", "/nowhere:")
    assert runtime.generator(user=False) == machine.generators / "system-generators" / "podman-system-generator"
    monkeypatch.setenv("SYSTEMD_GENERATOR_PATH", f"/nowhere:{machine.generators}/user-generators")
    assert runtime.generator(user=True) == machine.generators / "user-generators" / "podman-user-generator"


def test_what_the_generator_complains_of(machine: Machine) -> None:
    assert runtime.complaint("web.container", user=False) == ""
    said = ["quadlet-generator[7]: Loading source unit file /etc/containers/systemd/web.container"]
    said += ['quadlet-generator[7]: converting "web.container": no Image', 'converting "other.container": no']
    lines = "".join(f"echo '{line}' >&2\n" for line in said)
    machine.generates(f'#!/bin/sh\n[ "$1$2" = --user--dryrun ] || exit 0\n{lines}exit 1\n')
    assert runtime.complaint("web.container", user=True) == 'converting "web.container": no Image'
    assert runtime.complaint("web.container", user=False) == ""
