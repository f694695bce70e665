"""Machines of the tests that systemd has booted: containers on the Docker Engine, each with a systemd of its own.

Their units run containers on that same engine, whose socket they have at /host-docker.sock (DOCKER_HOST says so to all
units). A node is driven by `docker exec`; `environment` has a program find its `systemctl` and `journalctl` on PATH and
its unit files in a folder of this machine, so that it works on the node as it would on its own machine. The variable
AAP_CALLS names a file to which each call is written.
"""

from __future__ import annotations

import os
import shlex
import time
import uuid
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.engines import images
from tests.engines.docker import LABEL, ROOT, DockerEngine
from tests.engines.process import missing, needs

IMAGE = "atomicapp-test/node:1"
SOCKET = "/host-docker.sock"
USER = 1000
"""The id of the node's user `tester`."""

COMMANDS = ("systemctl", "journalctl", "systemd-analyze")


class Node:
    """One machine. `units` is its /etc/systemd/system, as a folder of this machine that lies at the same place on the
    node, too; `machine_id` is its identity, 32 hex digits."""

    image = IMAGE
    commands: tuple[str, ...] = COMMANDS
    options: tuple[str, ...] = ()
    """Further options of `docker run`."""

    def __init__(self, engine: DockerEngine, folder: Path, name: str) -> None:
        self._engine = engine
        self.label = name
        self.machine_id = uuid.uuid4().hex
        self.name = f"aap-node-{name}-{self.machine_id[:8]}"
        self.folder = folder
        self.units = folder / "units"
        self.home = folder / "home"
        self.path = folder / "bin"

    # ------------------------------------------------------------ life

    def start(self) -> None:
        """Boot it, and wait until systemd has started all that it starts."""
        for place in (self.units, self.path, self.home):
            place.mkdir(parents=True, exist_ok=True)
        self._commands(self.path)
        mounts = (
            *("--volume", f"{self._engine.host.removeprefix('unix://')}:{SOCKET}"),
            *("--volume", f"{self.units}:/etc/systemd/system", "--volume", f"{self.units}:{self.units}"),
            *("--volume", f"{self.home}:{self.home}"),
        )
        self._engine.docker(
            *("run", "--detach", "--name", self.name, "--hostname", self.label, "--label", LABEL),
            *("--cgroupns", "private", "--cap-add", "SYS_ADMIN", "--tmpfs", "/run", "--tmpfs", "/run/lock"),
            *("--tmpfs", "/tmp", "--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined"),
            *("--env", f"MACHINE_ID={self.machine_id}", *mounts, *self.options, self.image),
        )
        self.wait()

    def _commands(self, folder: Path, *options: str) -> None:
        """Programs of this machine that are those of the node."""
        host, name = shlex.quote(self._engine.host), shlex.quote(self.name)
        folder.mkdir(exist_ok=True)
        for command in self.commands:
            note = f'[ -z "$AAP_CALLS" ] || echo {command} "$*" >>"$AAP_CALLS"'
            call = f'exec docker --host {host} exec -i {shlex.join(options)} {name} {command} "$@"'
            (folder / command).write_text(f"#!/bin/sh\n{note}\n{call}\n")
            (folder / command).chmod(0o755)

    def wait(self) -> None:
        deadline = time.monotonic() + 90
        while True:
            state = self.run("sh", "-c", "systemctl is-system-running || true").strip()
            if state == "running":
                return
            if state == "degraded" or time.monotonic() > deadline:
                units = self.run("sh", "-c", "systemctl --no-pager list-jobs; systemctl --no-pager --failed; true")
                pytest.fail(f"{self.name} is {state or 'silent'}:\n{units}\n{self._engine.docker('logs', self.name)}")
            time.sleep(0.2)

    def kill(self) -> None:
        """As when a machine loses its power. The containers that its units run stay: they are the engine's."""
        self._engine.docker("kill", self.name)

    def remove(self) -> None:
        """It goes. The containers that its units run stay."""
        self._engine.docker("rm", "--force", "--volumes", self.name)

    # ------------------------------------------------------------ what tests ask for

    def run(self, *words: str, stdin: str = "", user: str = "root") -> str:
        """Standard output of a command on the node, which must succeed."""
        return self._engine.docker("exec", "-i", "--user", user, self.name, *words, stdin=stdin)

    def systemctl(self, *words: str) -> str:
        return self.run("systemctl", "--no-pager", *words)

    def show(self, unit: str, *properties: str) -> dict[str, str]:
        """Properties of a unit as texts."""
        said = self.systemctl("show", "--property", ",".join(properties), "--", unit)
        return dict(line.split("=", 1) for line in said.splitlines() if "=" in line)

    def journal(self, unit: str) -> str:
        return self.run("journalctl", "--no-pager", "--output=cat", "--unit", unit)

    @property
    def environment(self) -> Mapping[str, str]:
        """Has a program of this machine work on the node's systemd."""
        return {
            "PATH": os.pathsep.join([str(self.path), os.environ.get("PATH", "")]),
            "SYSTEMD_UNIT_PATH": f"{self.units}:",
        }

    def start_user(self) -> Mapping[str, str]:
        """Start the manager of the node's user `tester`, as a login does; has a program of this machine work on it, as
        long as it takes itself for that user."""
        units = self.home / "systemd" / "user"
        units.mkdir(parents=True, exist_ok=True)
        for place in (self.home, self.home / "systemd", units):
            os.chown(place, USER, USER)
            place.chmod(0o755)
        runtime = f"/run/user/{USER}"
        (self.units / f"user@{USER}.service").write_text(
            f"[Service]\nType=notify\nUser=tester\nDelegate=yes\nRuntimeDirectory=user/{USER}\n"
            f"RuntimeDirectoryMode=0700\nEnvironment=XDG_RUNTIME_DIR={runtime} XDG_CONFIG_HOME={self.home}\n"
            "ExecStart=/lib/systemd/systemd --user --log-target=journal\n"
        )
        self.systemctl("daemon-reload")
        self.systemctl("start", f"user@{USER}.service")
        path = self.folder / "bin-user"
        self._commands(path, "--user", "tester", "--env", f"XDG_RUNTIME_DIR={runtime}")
        return {"PATH": os.pathsep.join([str(path), os.environ.get("PATH", "")]), "XDG_CONFIG_HOME": str(self.home)}

    def stop_user(self) -> None:
        """End that manager."""
        self.systemctl("stop", f"user@{USER}.service")
        (self.units / f"user@{USER}.service").unlink()


class Nodes:
    """The nodes of one test process, by their names: each is booted when it is first asked for."""

    def __init__(self, engine: DockerEngine, folder: Path) -> None:
        self._engine = engine
        self._folder = folder
        self._nodes: dict[str, Node] = {}

    def __call__(self, name: str) -> Node:
        """The node of that name, the same each time. Tests that share one leave no unit on it."""
        if not self._nodes:
            build(self._engine)
        if name not in self._nodes:
            node = Node(self._engine, self._folder / name, name)
            self._nodes[name] = node
            node.start()
        return self._nodes[name]

    def drop(self, name: str) -> None:
        """Remove a node, as a machine that is lost; one of that name can be asked for anew."""
        node = self._nodes.pop(name, None)
        if node is not None:
            node.remove()

    def remove(self) -> None:
        for name in list(self._nodes):
            self.drop(name)


def build(engine: DockerEngine, *variant: str) -> None:
    """The image of the nodes, on the engine; the variant `podman` has Podman, too."""
    needs("mmdebstrap", "flock")
    if not engine.host.startswith("unix://"):
        missing(f"systemd's nodes need the socket of a Docker Engine of this machine, not {engine.host}")
    with engine.lock("-".join(["node", *variant])):
        images.run_script(engine, ROOT / "tests" / "engines" / "node" / "build.sh", *variant)
