"""Podman's generator of units (Quadlet), and a machine that has it.

Debian 12 has Podman 4.3, from before Quadlet: the generator is built from its module, which needs Go and nothing else of Podman.
"""

from __future__ import annotations

import os
import pwd
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.engines.docker import DockerEngine
from tests.engines.process import missing, run
from tests.engines.systemd import Node

MODULE = Path(__file__).parent / "quadlet_generator"
GO = {"GOTOOLCHAIN": "local", "CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly -modcacherw"}
IMAGE = "localhost/atomicapp-test/busybox:1"
"""What the machine's Podman calls the image of the tests."""

_GENERATOR = "/usr/lib/systemd/system-generators/podman-system-generator"
_STORAGE = '[storage]\ndriver = "vfs"\nrunroot = "/run/containers/storage"\ngraphroot = "/var/lib/containers/storage"\n'
_PODMAN = """#!/bin/sh
# Podman 4.3 as the generator of 5.6 calls it: without --ignore, --replace of secrets and --sdnotify=healthy, which it does not
# know yet, and without control groups of its own, which a container does not let it have.
case "$1 $2" in
"secret create")
    name= last=
    for word; do name=$last last=$word; done
    /usr/bin/podman.real secret rm "$name" >/dev/null 2>&1
    exec /usr/bin/podman.real secret create "$name" "$last"
    ;;
"network create" | "volume create")
    for last; do :; done
    /usr/bin/podman.real "$1" inspect "$last" >/dev/null 2>&1 || exec /usr/bin/podman.real "$1" create "$last"
    exit
    ;;
esac
for word; do
    shift
    case "$word" in --cgroups=split) word=--cgroups=disabled ;; --sdnotify=healthy) word=--sdnotify=conmon ;; esac
    set -- "$@" "$word"
done
exec /usr/bin/podman.real "$@"
"""


def go() -> str:
    """The Go of the machine, else that of the virtual environment, where the cluster's build puts one."""
    for found in (shutil.which("go"), str(Path(sys.executable).parent / "go")):
        version = re.search(r"go1\.(\d+)", run(found, "version")) if found and Path(found).exists() else None
        if found and version and int(version[1]) >= 24:
            return found
    return missing("no Go 1.24 or newer is there")


VERSIONS = {"4.9": "v4", "5.6": "v5"}
"""The oldest Podman that is to read what is written, and a new one: their modules."""


def build(folder: Path, version: str = "5.6") -> Path:
    """The generator of a Podman."""
    made = folder / f"quadlet-{version}"
    done = subprocess.run(
        [go(), "build", "-o", str(made), f"github.com/containers/podman/{VERSIONS[version]}/cmd/quadlet"],
        cwd=MODULE,
        # with the caches of the user, which tests have no other use for
        env={**os.environ, **GO, "HOME": pwd.getpwuid(os.getuid()).pw_dir},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        missing(f"Quadlet can't be built: {done.stderr.strip()[-500:]}")
    return made


class PodmanNode(Node):
    """A machine with systemd, a real Podman, and the generator."""

    image = "atomicapp-test/node-podman:1"

    def __init__(self, engine: DockerEngine, folder: Path, name: str) -> None:
        super().__init__(engine, folder, name)
        self.files = folder / "quadlets"
        self.generators = folder / "systemd"
        self.options = (
            *("--cap-add", "NET_ADMIN", "--security-opt", "systempaths=unconfined", "--volume", "/var/lib/containers"),
            *("--volume", f"{self.files}:/etc/containers/systemd"),
        )

    def set_up(self, generator: Path, image: str) -> None:
        """Boot it, and give it the generator and an image of the Docker Engine."""
        self.files.mkdir(parents=True)
        self.start()
        self._engine.docker("cp", str(generator), f"{self.name}:{_GENERATOR}")
        # where it is looked for on this machine, and asked what it has against a file
        own = self.generators / "system-generators" / "podman-system-generator"
        own.parent.mkdir(parents=True)
        own.symlink_to(generator)
        self.run("mv", "/usr/bin/podman", "/usr/bin/podman.real")
        self.run("sh", "-c", "cat >/usr/bin/podman && chmod 755 /usr/bin/podman", stdin=_PODMAN)
        self.run("sh", "-c", "cat >/etc/containers/storage.conf", stdin=_STORAGE)
        host = shlex.quote(self._engine.host)
        run("sh", "-c", f"docker --host {host} save {image} | docker --host {host} exec -i {self.name} podman load")

    @property
    def environment(self) -> Mapping[str, str]:
        return {**super().environment, "QUADLET_UNIT_DIRS": str(self.files)}

    def podman(self, *words: str) -> str:
        return self.run("podman", *words)
