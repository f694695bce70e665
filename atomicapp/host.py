"""Where the host's files are: inside our tool image its root is mounted at /host."""

from __future__ import annotations

from pathlib import Path


def in_host(path: str) -> Path:
    """An absolute path of the host: inside our tool image, the host's root is mounted at /host."""
    if path.startswith("/") and inside_tool_container() and not path.startswith("/host/"):
        return Path("/host" + path)
    return Path(path)


def inside_tool_container() -> bool:
    """Whether this process runs in a container with the host's root at /host."""
    return Path("/host").is_dir() and (Path("/.dockerenv").exists() or Path("/run/.containerenv").exists())
