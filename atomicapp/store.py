"""The state of this machine's user: one folder, one class.

    cache/                    what was fetched, by digest; may be removed at any time
    images/                   the local store of packages: an OCI layout
    deployments/NAME/         record.json: what runs under this name, without secrets
    locks/NAME.lock           held while a deployment is changed; NAME.owner says by whom

Folders are 0700, files 0600; a file is written beside its place and moved there.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from atomicapp import io
from atomicapp.errors import StateError
from atomicapp.host import in_host
from atomicapp.model import Target
from atomicapp.records import NamedTuple

RECORD_FORMAT = 1
PENDING = "pending"  # a run began and did not say how it ended: it was killed
DONE = "done"
FAILED = "failed"
INTERRUPTED = "interrupted"

NAME = re.compile(r"[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?")
"""A deployment's name: what container engines, DNS labels and folders all allow."""


_OF_ONE_COMMAND = ("create_namespace", "force_conflicts", "init_swarm", "cache")
"""Fields of a target that say what one command may do, not where the app is."""


class Record(NamedTuple):
    """What is known of a deployment. `resources` are those last wanted, bodies masked; `target` goes without the
    token; times are RFC 3339 in UTC."""

    name: str
    app: str
    provider: str
    target: Target
    revision: int
    outcome: str
    reference: str
    digest: str
    changed: str
    stopped: bool = False
    resources: tuple[Mapping[str, Any], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        target = self.target._asdict()
        for name in ("auth", *_OF_ONE_COMMAND):
            target.pop(name)
        return {**self._asdict(), "format": RECORD_FORMAT, "target": target, "resources": list(self.resources)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Record:
        """The record of such a dictionary; ValueError, KeyError or TypeError for another shape."""
        known = {key: data[key] for key in cls._fields if key in data}
        known["target"] = Target(**{key: value for key, value in data["target"].items() if key in Target._fields})
        known["resources"] = tuple(data.get("resources", ()))
        record = cls(**known)
        for part, defaults in ((record, _SHAPE), (record.target, Target(""))):
            for field, example in defaults._asdict().items():
                value = getattr(part, field)
                if type(value) is not type(example):
                    raise ValueError(f"'{field}' is {value!r:.40}")
        return record


_SHAPE = Record("", "", "", Target(""), 0, "", "", "", "")
"""A record with a value of the right type in every field."""


def default_root() -> Path:
    """Where state is kept: ATOMICAPP_HOME, for root the system's place, else the user's XDG state folder."""
    chosen = os.environ.get("ATOMICAPP_HOME")
    if chosen:
        return Path(chosen)
    if os.geteuid() == 0 and "XDG_STATE_HOME" not in os.environ:
        return in_host("/var/lib/atomicapp")
    import platformdirs

    return platformdirs.user_state_path("atomicapp")


class Store:
    """Reads and writes the state folder. Folders are made when something is written, never before."""

    def __init__(self, root: Path | None = None) -> None:
        self.root = root or default_root()

    @property
    def cache(self) -> Path:
        return self.root / "cache"

    @property
    def images(self) -> Path:
        return self.root / "images"

    def record(self, name: str) -> Record | None:
        """The record of a deployment, or None. StateError when the file can't be understood."""
        path = self._record_path(name)
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            if data.get("format", 0) > RECORD_FORMAT:
                raise StateError(f"{path} was written by a newer version of this program", hint="update this program")
            return Record.from_dict(data)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StateError(f"can't read {path}: {error.strerror}") from None
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
            raise StateError(
                f"{path} is damaged: {what}",
                hint=f"move it away; `atomicapp status {name} --provider P` reads the state from the engine itself",
            ) from None

    def records(self) -> list[Record]:
        """All records, by name; damaged ones raise."""
        folder = self.root / "deployments"
        names = sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []
        return [record for record in map(self.record, names) if record is not None]

    def save(self, record: Record) -> None:
        """Write a record in place of the one before."""
        path = self._record_path(record.name)
        self.folder(path.parent)
        text = json.dumps(record.to_dict(), indent=1, sort_keys=True, ensure_ascii=False)
        io.write_text(path, text + "\n", mode=0o600)

    def forget(self, name: str) -> None:
        """Remove all that is kept of a deployment."""
        import shutil

        folder = self._record_path(name).parent
        with io.writing(folder):
            if folder.exists():
                shutil.rmtree(folder)

    def folder(self, path: Path) -> Path:
        """Make a folder of the state, private to the user, and return it."""
        with io.writing(path):
            # `parents=True` would make the folders above with the mode of the umask
            for folder in [*reversed(path.parents), path]:
                if self.root == folder or self.root in folder.parents:
                    folder.mkdir(mode=0o700, parents=folder == self.root, exist_ok=True)
        return path

    def _record_path(self, name: str) -> Path:
        return self.root / "deployments" / check_name(name) / "record.json"

    @contextlib.contextmanager
    def lock(self, name: str, *, timeout: float, what: str, waiting: Callable[[str], None]) -> Iterator[None]:
        """Hold the lock of a deployment. `waiting` is told once who holds it; StateError after `timeout` seconds."""
        import filelock

        check_name(name)
        folder = self.folder(self.root / "locks")
        owner_path = folder / f"{name}.owner"
        lock = filelock.FileLock(folder / f"{name}.lock", mode=0o600)
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            owner = _owner(owner_path)
            if timeout > 0:
                waiting(owner)
            try:
                lock.acquire(timeout=timeout, poll_interval=0.2)
            except filelock.Timeout:
                raise StateError(
                    f"the deployment {name} is being changed by {_owner(owner_path)}",
                    hint="wait for it to end, or give --lock-timeout SECONDS",
                ) from None
        except OSError as error:
            raise StateError(f"can't lock {lock.lock_file}: {error.strerror}") from None
        try:
            started = time.strftime("%H:%M:%S")
            text = json.dumps({"pid": os.getpid(), "what": what, "since": started})
            io.write_text(owner_path, text, mode=0o600)
            yield
        finally:
            owner_path.unlink(missing_ok=True)
            lock.release()


def _owner(path: Path) -> str:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return f"process {data['pid']} (atomicapp {data['what']}, since {data['since']})"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"


def check_name(name: str) -> str:
    """The name, when it can be one of a deployment; StateError else."""
    if not NAME.fullmatch(name):
        raise StateError(
            f"'{name}' can't be the name of a deployment",
            hint="use at most 63 of a-z, 0-9, '-', '_' and '.', with a letter or digit at both ends",
        )
    return name


def name_for(app_id: str, namespace: str) -> str:
    """The name of a deployment when the user gives none: the app's id, and the namespace unless it is `default`."""
    text = app_id if namespace in ("", "default") else f"{app_id}-{namespace}"
    plain = re.sub(r"[^a-z0-9._-]+", "-", text.lower()).strip("-._")[:63].rstrip("-._")
    return plain or "app"


def now() -> str:
    """The time as RFC 3339 in UTC, whole seconds."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
