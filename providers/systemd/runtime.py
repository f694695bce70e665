"""Which program runs the containers of Compose files and `docker run` commands on this machine: Docker's or Podman's."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from atomicapp.model import Target
from atomicapp.providers.systemd import process

DOCKER = "docker"
PODMAN = "podman"
NAMES = (DOCKER, PODMAN)

FOLDERS = ("/run/systemd", "/etc/systemd", "/usr/local/lib/systemd", "/usr/lib/systemd", "/lib/systemd")
"""Where systemd finds generators, below them `system-generators` and `user-generators`; its own variable
SYSTEMD_GENERATOR_PATH names other folders, and these too when it ends in a colon."""

PATIENCE = 30.0
"""Seconds for the generator to look at all files; it takes a fraction of one."""

_SHIM = 4096
"""Bytes: what is called docker and is shorter is a script that calls another program."""


def of(target: Target) -> str:
    """The one that is meant: what the target says, else the one that is here; docker's where both are, or none."""
    if target.api in NAMES:
        return target.api
    if not _has_docker() and shutil.which(PODMAN) and generator(user=os.geteuid() != 0):
        return PODMAN
    return DOCKER


def generator(*, user: bool) -> Path | None:
    """Podman's generator of units (Quadlet), which came with Podman 4.4; None where there is none."""
    who = "user" if user else "system"
    given = os.environ.get("SYSTEMD_GENERATOR_PATH", "")
    folders = [folder for folder in given.split(":") if folder]
    if not given or given.endswith(":"):
        folders += [f"{folder}/{who}-generators" for folder in FOLDERS]
    places = (Path(folder) / f"podman-{who}-generator" for folder in folders)
    return next((path for path in places if path.exists()), None)


def complaint(source: str, *, user: bool) -> str:
    """What the generator has to say against a file of this name; empty when it says nothing, or can't be asked."""
    program = generator(user=user)
    if program is None:
        return ""
    words = [str(program), *(["--user"] if user else []), "--dryrun"]
    try:
        done = process.run(words, PATIENCE)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    said = (re.sub(r"^\S+\[\d+\]: ", "", line) for line in done.stderr.splitlines())
    return "; ".join(line for line in said if source in line and not line.startswith("Loading source"))


def _has_docker() -> bool:
    """Whether a docker command is here that is not Podman's by another name (package podman-docker)."""
    found = shutil.which(DOCKER)
    if not found:
        return False
    try:
        path = Path(found).resolve()
        return path.name != PODMAN and not (path.stat().st_size < _SHIM and PODMAN in path.read_text(errors="replace"))
    except OSError:
        return True
