"""What a contract server is told: its times, its agents, and who may ask."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple


class Agent(NamedTuple):
    """A machine that offers what it has."""

    hostname: str = "127.0.0.1"
    cpus: float = 16.0
    mem: float = 16384.0
    disk: float = 100000.0
    ports: tuple[tuple[int, int], ...] = ((31000, 32000), (1, 30999), (32001, 65535))
    """Ranges; a port that may be any is taken of the first one."""
    attributes: Mapping[str, str] = MappingProxyType({})


class Settings(NamedTuple):
    """Times are seconds. `scale` is how long a second of an app definition (backoff, health checks) lasts here."""

    version: str = "1.8.222"
    agents: tuple[Agent, ...] = (Agent(),)
    tick: float = 0.02
    stage: float = 0.05
    step: float = 0.05
    scale: float = 0.05
    username: str = ""
    password: str = ""
    token: str = ""
    certificate: Path | None = None
    """A PEM file of a key and its certificate: then it speaks TLS."""
    logs: bool = True
    """Whether the sandboxes of tasks can be read, as by the endpoints of Mesos."""

    @property
    def number(self) -> tuple[int, int]:
        major, minor, *_ = self.version.split(".")
        return int(major), int(minor)
