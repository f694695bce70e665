"""The Docker Engine of the tests: the one that runs, else one that we start; shared by all test processes.

Several pytest processes (workers of xdist, or two runs side by side) may use it at once. Each writes its pid
into a folder; the last one to leave removes what the tests left and stops the engine if the tests started it.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from filelock import FileLock

from tests.engines.process import missing, needs, run

LABEL = "io.atomicapp.test=1"
"""What tests make carries this label: containers have it from the busybox image already."""

DEFAULT_HOST = "unix:///var/run/docker.sock"
ROOT = Path(__file__).resolve().parents[2]


class DockerEngine:
    """`acquire` before use, `release` after; `host` is what DOCKER_HOST takes."""

    def __init__(self) -> None:
        self.host = os.environ.get("DOCKER_HOST") or DEFAULT_HOST
        self.folder = Path(tempfile.gettempdir()) / f"atomicapp-tests-{os.getuid()}"
        self.folder.mkdir(mode=0o700, exist_ok=True)
        assert self.folder.stat().st_uid == os.getuid(), f"{self.folder} belongs to another user"
        self._users = self.folder / "users"
        self._users.mkdir(exist_ok=True)

    def lock(self, name: str) -> FileLock:
        """A lock between the test processes of this machine, for things that only one of them must make."""
        return FileLock(self.folder / f"{name}.lock")

    def acquire(self) -> str:
        """The address of an engine that answers; see `missing` for what happens when there is none."""
        needs("docker")
        with self.lock("engine"):
            done = self._script("up")
            if done.returncode != 0:
                missing(f"no Docker Engine: {done.stderr.strip()}")
            (self._users / str(os.getpid())).touch()
        return self.host

    def release(self) -> None:
        with self.lock("engine"):
            (self._users / str(os.getpid())).unlink(missing_ok=True)
            if any(self.alive(user) for user in self._users.iterdir()):
                return
            self.remove_leftovers()
            self._script("down")

    def remove_leftovers(self) -> None:
        """Everything with the label of the tests goes: containers first, since they hold the rest."""
        for listing, removal in (
            (("ps", "-aq"), ("rm", "-fv")),
            (("network", "ls", "-q"), ("network", "rm")),
            (("volume", "ls", "-q"), ("volume", "rm")),
            (("images", "-q"), ("rmi", "-f")),
        ):
            # newest first, as listed: an image can't go before those that were made from it
            found = list(dict.fromkeys(self.docker(*listing, "--filter", f"label={LABEL}").split()))
            if found:
                self.docker(*removal, *found)
        # the first stage of the tool's own image, which no tag holds
        self.docker("image", "prune", "--force", "--filter", "label=io.atomicapp.stage")

    def docker(self, *words: str, stdin: str = "") -> str:
        """Standard output of the docker command on this engine. Images are built without BuildKit, which Debian lacks."""
        return run("docker", *words, env={"DOCKER_HOST": self.host, "DOCKER_BUILDKIT": "0"}, stdin=stdin)

    def _script(self, verb: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", str(ROOT / "scripts" / "engine.sh"), verb],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env={**os.environ, "ATOMICAPP_ENGINE_DIR": str(self.folder / "engine")},
        )

    @staticmethod
    def alive(user: Path) -> bool:
        """Whether the test process that left this file still runs; the file of one that was killed goes."""
        try:
            os.kill(int(user.name), 0)
            # the pid may be another program's by now
            alive = b"python" in Path(f"/proc/{user.name}/cmdline").read_bytes()
        except PermissionError:
            alive = True
        except (ProcessLookupError, FileNotFoundError):
            alive = False
        if not alive:
            user.unlink(missing_ok=True)
        return alive
