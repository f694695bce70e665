"""Files of the package that a Compose file names, and what becomes of the host's folders that it mounts.

Paths are relative to the folder of the file in which they stand. What lies outside of the package can't be read: an app
is the same wherever it runs.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from atomicapp.document import Node
from atomicapp.errors import AtomicAppError
from atomicapp.position import Position
from atomicapp.workload import model
from atomicapp.workload.compose.context import Context
from atomicapp.workload.compose.kinds import shortened
from atomicapp.workload.fidelity import APPROXIMATED, LOST
from atomicapp.workload.project import FileSpec, VolumeSpec

Files = Callable[[str], str]
_UNFIT = re.compile(r"[^a-zA-Z0-9_.-]+", re.ASCII)
LARGEST_CONFIG = 500_000
"""Characters; engines take no config of more (Swarm: 500 kB)."""
MOST_CONFIGS = 50
"""Files of one folder."""


def below(folder: str, path: str) -> str | None:
    """A path of the package: `path` seen from `folder`. None when it leads out of the package; "" is its root."""
    if path.startswith(("/", "~")) or "\\" in path or "\0" in path:
        return None
    parts = [part for part in folder.split("/") if part]
    for part in path.split("/"):
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


def text_of(context: Context, place: Node | Position, path: str, folder: str, what: str) -> str | None:
    """The text of a file of the package; None with a fault when it can't be had. `what` begins the message."""
    found, why, hint = attempt(context, path, folder)
    if found is None:
        code = "outside" if below(folder, path) is None else "no-file"
        context.fault(place, f"{what} '{shortened(path)}': {why}", code, hint)
    return found


def attempt(context: Context, path: str, folder: str) -> tuple[str | None, str, str]:
    """The text of a file of the package, or None, why not, and what to do."""
    full = below(folder, path)
    if full is None:
        return (
            None,
            "it is not a file of the package",
            "put the file beside the Compose file and give its relative path",
        )
    if context.files is None:
        return None, "the files of the package are not at hand here", ""
    known = context.loaded.get(full)
    if known is None:
        known = context.loaded[full] = _load(context.files, full)
    return known


def _load(files: Files, path: str) -> tuple[str | None, str, str]:
    try:
        return files(path), "", ""
    except AtomicAppError as error:
        return None, error.message, error.hint
    except FileNotFoundError:
        return None, "there is no such file in the package", "add it, or correct the path"
    except (OSError, ValueError, LookupError) as error:
        return None, f"it can't be read: {getattr(error, 'strerror', None) or error}", ""


Bound = model.Mount | model.FileGrant | tuple[model.FileGrant, ...] | None
"""What becomes of a mount whose source is relative."""


def bind(context: Context, node: Node, key: str, source: str, mount: model.Mount) -> Bound:
    """A mount whose source is relative: a file of the package becomes a config, a folder a config for each file that it has
    in the package, all else a volume."""
    folder = context.source_of(node).folder
    full = below(folder, source)
    if full is None:
        context.fault(
            node,
            f"the source '{shortened(source)}' lies outside of the package",
            "outside",
            "name a file of the package, an absolute path of the host, or a volume",
        )
        return None
    place = context.position(node)
    text, _, _ = attempt(context, source, folder) if full else (None, "it is a folder", "")
    if text is not None and len(text) <= LARGEST_CONFIG:
        name = _config(context, full, text, place)
        context.settle(key, node, f"the file of the package is the config {name}, and read-only")
        return model.FileGrant(name, mount.target, mount.position)
    held, why = ({}, "for it is too large for a config") if text is not None else _held(context, full)
    if held:
        many = f"{len(held)} files are configs" if len(held) > 1 else "one file is a config"
        context.settle(key, node, f"its {many}, and read-only; what else is written there goes with the container")
        return tuple(
            model.FileGrant(_config(context, path, text, place), f"{mount.target.rstrip('/')}/{rest}", mount.position)
            for path, (rest, text) in held.items()
        )
    name = _volume(context, full, place)
    without = f"which begins without what the folder holds, {why}" if why else "which is empty at first"
    if context.folders is None and not why:
        without = "which begins without what the folder holds"
    context.settle(key, node, f"it is the volume {name}, {without}", LOST if why else APPROXIMATED)
    return mount._replace(kind=model.VOLUME, source=name, create_source=False, selinux="", propagation="", recursive="")


def _held(context: Context, full: str) -> tuple[dict[str, tuple[str, str]], str]:
    """The files of a folder of the package by their paths, each with its path in the folder and its text; none, and why not,
    when they can't all be configs. A folder that the package does not have holds none, and there is no why."""
    if context.folders is None:
        return {}, ""
    try:
        paths = context.folders(full)
    except (OSError, AtomicAppError):
        return {}, ""
    if len(paths) > MOST_CONFIGS:
        return {}, f"for these are more than {MOST_CONFIGS} files"
    found: dict[str, tuple[str, str]] = {}
    for path in paths:
        text, why, _ = attempt(context, path, "")
        if text is None:
            return {}, f"for {shortened(path)} can't be a config: {why}"
        found[path] = (path.removeprefix(full).lstrip("/"), text)
    if sum(len(text) for _, text in found.values()) > LARGEST_CONFIG:
        return {}, "for it is too large for configs"
    return found, ""


def _name(path: str, prefix: str, taken: Any, made: dict[str, str]) -> str:
    """A key for what is made of a path: the same for the same path, and none that is taken."""
    known = made.get(path)
    if known is not None:
        return known
    plain = _UNFIT.sub("-", path.lower().replace("/", "-")).strip("-._") or "package"
    name = plain = prefix + plain if prefix or len(plain) < 2 else plain
    number = 2
    while name in taken or name in made.values():
        name = f"{plain}-{number}"
        number += 1
    made[path] = name
    return name


def _volume(context: Context, path: str, position: Position) -> str:
    name = _name(path, "" if len(path) > 1 else "folder-", context.declared["volumes"], context.named_volumes)
    context.made_volumes.setdefault(name, VolumeSpec(name, position))
    return name


def _config(context: Context, path: str, text: str, position: Position) -> str:
    name = _name(path, "", context.declared["configs"], context.named_configs)
    context.made_configs.setdefault(name, FileSpec(name, position, content=text))
    return name
