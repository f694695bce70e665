"""The way to systemd: `systemctl` and `journalctl` of this machine, and the folder of its unit files.

They are stable and on every machine that systemd has booted, where a library for its bus is not. Root has the system's
manager and /etc/systemd/system; everyone else has a manager of their own and $XDG_CONFIG_HOME/systemd/user. The first
entry of the variable SYSTEMD_UNIT_PATH, which systemd itself knows, names another folder.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from atomicapp.errors import EngineError
from atomicapp.model import Target
from atomicapp.providers.systemd import process, runtime
from atomicapp.records import NamedTuple

PATIENCE = 60.0
"""Seconds that systemd has to answer a question."""

LONGEST_END = 600.0
"""Seconds that units have to end; by themselves they end sooner, unless they say otherwise (TimeoutStopSec=)."""

LONGEST_ARGUMENTS = 60_000
"""Bytes of the names of one call: the kernel takes more, but not on every machine."""

_LOCAL = ("", "local", "localhost", *runtime.NAMES)
_NOT_BOOTED = ("has not been booted with systemd", "Host is down")
_NO_BUS = ("Failed to connect to bus", "Failed to connect to user scope bus", "Failed to connect to system scope bus")
_DENIED = ("Access denied", "Permission denied", "authentication required", "Interactive authentication")


class Done(NamedTuple):
    """What a call came to."""

    code: int
    out: str
    said: str
    """What it wrote to standard error, on one line."""


class Refused(Exception):  # noqa: N818 (becomes an EngineError where the step is known)
    """systemd did not do what it was told; `message` is what it said."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Systemd:
    """One manager: `user` tells whose. Unit files go to `folder`, those of Podman's generator to `podman`. Safe to use from
    several threads. `chosen`: the user has said which program runs containers (see runtime)."""

    def __init__(self, folder: Path, *, user: bool, podman: Path | None = None, chosen: bool = False) -> None:
        self.folder = folder
        self.podman = podman or folder
        self.user = user
        self.chosen = chosen

    @property
    def where(self) -> str:
        """For messages."""
        return "the systemd of this user" if self.user else "the systemd of this machine"

    def systemctl(self, *words: str, timeout: float = PATIENCE) -> Done:
        """One call. EngineError when systemd can't be spoken to; another failure is in the code."""
        return self._call(self._words("systemctl", "--no-ask-password", *words), timeout)

    def order(self, verb: str, *words: str, timeout: float = PATIENCE) -> str:
        """A call that must succeed; what it said. Refused when it did not."""
        done = self.systemctl(verb, *words, timeout=timeout)
        if done.code != 0:
            raise Refused(done.said or f"systemctl {verb} ended with {done.code}")
        return done.out

    def journalctl(self, *words: str) -> Done:
        """One call that reads the journal."""
        return self._call(self._words("journalctl", *words), PATIENCE)

    def show(self, names: Sequence[str], properties: Sequence[str]) -> dict[str, Mapping[str, str]]:
        """The properties of units, by the names that were asked for: one call, or some where there are very many."""
        found: dict[str, Mapping[str, str]] = {}
        for batch in _batches(list(dict.fromkeys(names))):
            done = self.systemctl("show", f"--property={','.join(properties)}", "--", *batch)
            blocks = [_properties(block) for block in done.out.strip("\n").split("\n\n")]
            if done.code != 0 or len(blocks) != len(batch):
                raise EngineError(
                    f"{self.where} does not tell how its units are: {done.said or 'it left some out'}",
                    hint="see `systemctl status`; run the same command again",
                )
            found.update(zip(batch, blocks, strict=True))
        return found

    def health(self, program: str, container: str) -> Done:
        """What `program` (docker, podman) says of the health of a container; a code other than 0 where it says nothing."""
        words = [program, "container", "inspect", "--format", "{{.State.Health.Status}}", container]
        try:
            done = process.run(words, PATIENCE)
        except (OSError, subprocess.TimeoutExpired) as error:
            return Done(1, "", str(error))
        return Done(done.returncode, done.stdout.strip(), " ".join(done.stderr.split()))

    def lines(self, *words: str) -> Iterator[str]:
        """The lines that `journalctl` writes as they come; it is ended when nobody reads any more."""
        with subprocess.Popen(
            self._words("journalctl", *words),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(),
            text=True,
            errors="replace",
        ) as started:
            assert started.stdout is not None
            try:
                yield from started.stdout
            finally:
                started.terminate()

    def _words(self, program: str, *words: str) -> list[str]:
        # the journal of a user alone is there on few machines: what is a user's is told by its fields
        user = ["--user"] if self.user and program == "systemctl" else []
        return [program, *user, "--no-pager", *words]

    def _call(self, words: Sequence[str], timeout: float) -> Done:
        try:
            done = process.run(words, timeout, _environment())
        except FileNotFoundError as error:
            raise _absent(words[0]) from error
        except OSError as error:
            raise EngineError(
                f"{words[0]} can't be run: {error.strerror}", hint=f"see `{words[0]} --version`"
            ) from error
        except subprocess.TimeoutExpired as error:
            raise EngineError(
                f"{self.where} has not answered for {timeout:.0f} s: {' '.join(words[:4])} ...",
                hint="see `systemctl list-jobs` for what it is busy with",
            ) from error
        found = Done(done.returncode, done.stdout, " ".join(done.stderr.split()))
        if found.code != 0:
            self._refuse_silence(found)
        return found

    def _refuse_silence(self, done: Done) -> None:
        """EngineError when the answer is that there is nobody to speak to, or that one may not."""
        if any(words in done.said for words in _NOT_BOOTED):
            raise EngineError(
                "this machine was not booted with systemd: nothing would start its units",
                hint="run the app on a machine that is, or by another provider; `atomicapp providers` lists them",
            )
        if any(words in done.said for words in _NO_BUS):
            hint = "log in as that user (not by su or sudo), or set XDG_RUNTIME_DIR=/run/user/UID; `loginctl enable-linger`"
            raise EngineError(
                f"{self.where} can't be reached: {done.said}",
                hint=f"{hint} keeps it running without a login" if self.user else "see `systemctl status`",
            )
        if any(words in done.said for words in _DENIED):
            raise EngineError(
                f"{self.where} does not let this user do that: {done.said}", hint="run the same command as root"
            )


def _absent(program: str) -> EngineError:
    return EngineError(
        f"{program} is not on PATH: this machine is not run by systemd",
        hint="run the app on a machine that is, or by another provider; `atomicapp providers` lists them",
    )


def _environment() -> dict[str, str]:
    return {**os.environ, "LC_ALL": "C", "SYSTEMD_COLORS": "0", "SYSTEMD_LOG_LEVEL": "err"}


def _batches(names: list[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    size = 0
    for name in names:
        if batch and size + len(name) > LONGEST_ARGUMENTS:
            yield batch
            batch, size = [], 0
        batch.append(name)
        size += len(name) + 1
    if batch:
        yield batch


def _properties(block: str) -> Mapping[str, str]:
    return dict(line.split("=", 1) for line in block.splitlines() if "=" in line)


# ---------------------------------------------------------------- which one


def locate(target: Target) -> Systemd:
    """The manager and the folder that are meant, without asking it anything. EngineError when there can be none."""
    if target.api not in _LOCAL:
        raise EngineError(
            f"the systemd provider works on this machine only, not at {target.api}",
            hint="leave out --provider-api and run the command there (docker or podman tells what runs the containers); "
            "the provider fleet speaks to other machines",
        )
    for program in ("systemctl", "journalctl"):
        if shutil.which(program) is None:
            raise _absent(program)
    user = os.geteuid() != 0
    chosen = target.api in runtime.NAMES
    return Systemd(folder(user=user), user=user, podman=podman_folder(user=user), chosen=chosen)


def folder(*, user: bool) -> Path:
    """Where unit files go."""
    given = os.environ.get("SYSTEMD_UNIT_PATH", "").partition(":")[0]
    if given:
        return Path(given)
    if not user:
        return Path("/etc/systemd/system")
    config = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(config) / "systemd" / "user"


def podman_folder(*, user: bool) -> Path:
    """Where the files go of which Podman's generator makes units."""
    given = os.environ.get("QUADLET_UNIT_DIRS", "").partition(":")[0]
    if given:
        return Path(given)
    if not user:
        return Path("/etc/containers/systemd")
    config = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(config) / "containers" / "systemd"


def connect(target: Target) -> Systemd:
    """A manager that has answered. EngineError with one clear line when it can't be reached."""
    found = locate(target)
    version(found)
    return found


def version(systemd: Systemd) -> tuple[str, str]:
    """The version, and how the system as a whole is (`running`, `degraded`). EngineError when nobody answers."""
    done = systemd.systemctl("show", "--property=Version,SystemState")
    if done.code != 0:
        raise EngineError(f"{systemd.where} can't be reached: {done.said}", hint="see `systemctl status`")
    told = _properties(done.out)
    return told.get("Version", "?"), told.get("SystemState", "?")
