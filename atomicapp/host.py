"""Where the host's files are: inside our tool image its root is mounted at /host."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def name_in_host(path: str) -> str:
    """An absolute path of the host as it is called here: inside our tool image, the host's root is mounted at /host."""
    return "/host" + path if path.startswith("/") and _inside() and not path.startswith("/host/") else path


def in_host(path: str) -> Path:
    """The same as a Path."""
    from pathlib import Path

    return Path(name_in_host(path))


def _inside() -> bool:
    return os.path.isdir("/host") and (os.path.exists("/.dockerenv") or os.path.exists("/run/.containerenv"))
