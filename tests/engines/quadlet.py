"""Podman's generator of units (Quadlet), and a machine that has it.

Debian 12 has Podman 4.3, from before Quadlet: the generator is built from its module, which needs Go and nothing else of Podman.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pwd
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from filelock import FileLock

from tests.engines import systemd
from tests.engines.docker import DockerEngine
from tests.engines.images import CACHE
from tests.engines.process import missing, run
from tests.engines.systemd import COMMANDS, Node

MODULE = Path(__file__).parent / "quadlet_generator"
GO = {"GOTOOLCHAIN": "local", "CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly -modcacherw"}
IMAGE = "localhost/atomicapp-test/busybox:1"
"""What the machine's Podman calls the image of the tests."""

_GENERATOR = "/usr/lib/systemd/system-generators/podman-system-generator"
_STORAGE = (
    '[storage]\ndriver = "overlay"\nrunroot = "/run/containers/storage"\ngraphroot = "/var/lib/containers/storage"\n'
)
_PODMAN = """#!/bin/sh
# Podman 4.3 as the generator of 5.6 calls it: without --ignore and --replace of secrets, which it does not know yet, and without
# control groups of its own, which a container does not let it have. --sdnotify=healthy is done here.
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
healthy= name= last=
for word; do
    shift
    [ "$last" != --name ] || name=$word
    last=$word
    case "$word" in --cgroups=split) word=--cgroups=disabled ;; --sdnotify=healthy) word=--sdnotify=ignore healthy=1 ;; esac
    set -- "$@" "$word"
done
[ -n "$healthy" ] || exec /usr/bin/podman.real "$@"
/usr/bin/podman.real "$@" || exit
until [ "$(/usr/bin/podman.real inspect --format '{{.State.Health.Status}}' "$name")" = healthy ]; do
    [ "$(/usr/bin/podman.real inspect --format '{{.State.Running}}' "$name")" = true ] || exit 1
    sleep 0.3
done
systemd-notify --ready --pid="$(/usr/bin/podman.real inspect --format '{{.State.ConmonPid}}' "$name")"
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


def build(version: str = "5.6") -> Path:
    """The generator of a Podman, which is kept between runs."""
    key = hashlib.sha256((MODULE / "go.sum").read_bytes()).hexdigest()[:16]
    made = CACHE / f"quadlet-{version}-{key}"
    made.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(made.with_name(f"quadlet-{version}.lock")):
        if made.exists():
            return made
        part = made.with_name(f"{made.name}.part")
        # with the modules of the user, and the kept compilations of what most of it shares
        kept = {name: text for name, text in os.environ.items() if name != "XDG_CACHE_HOME"}
        done = subprocess.run(
            [go(), "build", "-o", str(part), f"github.com/containers/podman/{VERSIONS[version]}/cmd/quadlet"],
            cwd=MODULE,
            env={**kept, **GO, "HOME": pwd.getpwuid(os.getuid()).pw_dir},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            missing(f"Quadlet can't be built: {done.stderr.strip()[-500:]}")
        part.rename(made)
    return made


class PodmanNode(Node):
    """A machine with systemd, a real Podman, and the generator."""

    image = "atomicapp-test/node-podman:1"
    commands = (*COMMANDS, "podman")

    def __init__(self, engine: DockerEngine, folder: Path, name: str) -> None:
        super().__init__(engine, folder, name)
        self.files = folder / "quadlets"
        self.generators = folder / "generators"
        self.options = (
            *(
                "--cap-add",
                "NET_ADMIN",
                "--cap-add",
                "SYS_PTRACE",
                "--security-opt",
                "systempaths=unconfined",
                "--volume",
                "/var/lib/containers",
            ),
            *("--volume", f"{self.files}:/etc/containers/systemd"),
        )

    def set_up(self, generator: Path, *images: str) -> None:
        """Boot it, and give it the generator and images of the Docker Engine."""
        self.files.mkdir(parents=True)
        self.start()
        # Docker has bridges filtered like routers, in new machines too: a container would not reach itself by its published port
        self.run(
            "sh", "-c", "for file in /proc/sys/net/bridge/bridge-nf-call-*; do [ ! -e $file ] || echo 0 >$file; done"
        )
        self._engine.docker("cp", str(generator), f"{self.name}:{_GENERATOR}")
        # where it is looked for on this machine, and asked what it has against a file
        self.generators.mkdir()
        (self.generators / "podman-system-generator").symlink_to(generator)
        self.run("mv", "/usr/bin/podman", "/usr/bin/podman.real")
        self.run("sh", "-c", "cat >/usr/bin/podman && chmod 755 /usr/bin/podman", stdin=_PODMAN)
        self.run("sh", "-c", "cat >/etc/containers/storage.conf", stdin=_STORAGE)
        host = shlex.quote(self._engine.host)
        load = f"docker --host {host} exec -i {self.name} podman load"
        run("sh", "-c", f"docker --host {host} save {shlex.join(images)} | {load}")

    @property
    def environment(self) -> Mapping[str, str]:
        own = {"QUADLET_UNIT_DIRS": str(self.files), "SYSTEMD_GENERATOR_PATH": str(self.generators)}
        return {**super().environment, **own}

    @property
    def address(self) -> str:
        """Where its ports are reached from this machine."""
        # not what the machine says of itself, which has bridges of its own
        return self._engine.docker("inspect", "--format", "{{.NetworkSettings.IPAddress}}", self.name).strip()

    def podman(self, *words: str) -> str:
        return self.run("podman", *words)


@contextlib.contextmanager
def podman_node(engine: DockerEngine, folder: Path, *images: str) -> Iterator[PodmanNode]:
    """One that is removed again, with images of the Docker Engine."""
    generator = build()
    systemd.build(engine, "podman")
    found = PodmanNode(engine, folder / "p1", "p1")
    try:
        found.set_up(generator, *images)
        yield found
    finally:
        found.remove()
