"""A contract server for Marathon: an HTTP server of the tests that answers as Marathon's public API description says.

    settings    times, agents, who may ask
    specs       apps: their ids, defaults, and what is wrong with them
    scheduler   deployments, offers, tasks, failures, health; the only state
    backends    what tasks are: simulated ones, or containers of a Docker Engine
    http        the wire

README.md says what it is, and what it is not.
"""

from __future__ import annotations

from tests.engines.marathon_contract.backends import Behaviour, Containers, Simulated
from tests.engines.marathon_contract.http import Fault, Server
from tests.engines.marathon_contract.settings import Agent, Settings

__all__ = ["Agent", "Behaviour", "Containers", "Fault", "Server", "Settings", "Simulated"]
