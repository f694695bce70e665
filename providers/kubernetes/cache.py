"""What a server can be asked for again, kept between commands: one file for each server, named by its address.

It holds nothing secret: the address goes in as a digest, without a password in it. It is there to spare work only, so
what can't be read is as if it were not there, and what can't be written is left.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from pathlib import Path
from typing import Any

from atomicapp import io
from atomicapp.errors import AtomicAppError

_FORMAT = 1


def read(folder: str, server: str) -> dict[str, Any]:
    """What was written last of the server at this address; empty when nothing, or when it can't be understood."""
    if not folder:
        return {}
    name = _name(server)
    try:
        found = json.loads(io.read_text(Path(folder) / f"{name}.json"))
    except (OSError, AtomicAppError, ValueError, RecursionError):
        return {}
    if not isinstance(found, dict) or (found.get("format"), found.get("server")) != (_FORMAT, name):
        return {}
    told = found.get("told")
    return told if isinstance(told, dict) else {}


def write(folder: str, server: str, told: dict[str, Any]) -> None:
    """Keep something JSON-ready; nothing where there is no folder to keep it in."""
    if not folder:
        return
    place, name = Path(folder), _name(server)
    text = json.dumps({"format": _FORMAT, "server": name, "told": told}, separators=(",", ":"))
    with contextlib.suppress(OSError, AtomicAppError):
        # `parents=True` would make the folders above with the mode of the umask
        for part in (*reversed(place.parents), place):
            if not part.exists():
                part.mkdir(mode=0o700, exist_ok=True)
        io.write_text(place / f"{name}.json", text, mode=0o600)


def _name(server: str) -> str:
    return "kubernetes-" + hashlib.sha256(io.shown_url(server).encode()).hexdigest()[:32]
