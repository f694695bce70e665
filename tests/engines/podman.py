"""Podman's Docker-compatible service on a socket of its own, with its storage in a folder of its own."""

from __future__ import annotations

import os
import resource
from pathlib import Path
from typing import NamedTuple

from tests.engines.process import Daemon, missing, needs, run


class Podman(NamedTuple):
    """A service that runs. `host` is what DOCKER_HOST takes; `command` begins every podman command on its storage."""

    host: str
    command: tuple[str, ...]
    env: dict[str, str]
    daemon: Daemon

    def podman(self, *words: str, stdin: str = "") -> str:
        return run(*self.command, *words, env=self.env, stdin=stdin)

    def stop(self) -> None:
        self.podman("rm", "-fa")
        self.daemon.stop()
        self.podman("system", "reset", "--force")


def start(folder: Path) -> Podman:
    """Start the service; the socket's path must stay under 108 characters, so `folder` should be short."""
    needs("podman", "runc")
    if os.getuid() != 0:
        missing("podman is tested as root only")
    limit = min(20000, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    # the defaults ask for more open files than the hard limit; crun refuses a hybrid cgroup set-up
    (folder / "containers.conf").write_text(
        f'[containers]\ndefault_ulimits = ["nofile={limit}:{limit}", "nproc=4096:4096"]\n[engine]\nruntime = "runc"\n'
    )
    command = ("podman", "--root", str(folder / "root"), "--runroot", str(folder / "run"), "--cgroup-manager=cgroupfs")
    env = {"CONTAINERS_CONF": str(folder / "containers.conf")}
    socket = folder / "podman.sock"
    host = f"unix://{socket}"
    daemon = Daemon([*command, "system", "service", "-t", "0", host], folder / "podman.log", env)
    daemon.wait_until(socket.exists)
    return Podman(host, command, env, daemon)
