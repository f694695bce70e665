"""A fleet for tests: the contract server (no real one can be had), quick, with as many machines as a test wants."""

from __future__ import annotations

import shlex
import ssl
import sys
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.engines.fleet_contract.cluster import Cluster, MachineSpec, Settings
from tests.engines.fleet_contract.machines import SimulatedSystemd, Systemd
from tests.engines.fleet_contract.nodes import NodeSystemd
from tests.engines.fleet_contract.server import Server
from tests.engines.systemd import Node

SPEED = 20.0
"""Seconds of a fleet in one of ours."""


class Fleet:
    """`host` is what --provider-api takes; `environment` has a program read logs of its machines."""

    def __init__(
        self,
        folder: Path,
        machines: int = 2,
        settings: Settings | None = None,
        systemds: Sequence[tuple[str, Systemd]] = (),
        address: tuple[str, int] | None = None,
        context: ssl.SSLContext | None = None,
    ) -> None:
        # what containers publish is open at every address of the loopback
        specs = [
            MachineSpec(id_, f"127.0.0.{number}", {}, systemd) for number, (id_, systemd) in enumerate(systemds, 11)
        ]
        if not specs:
            specs = [
                MachineSpec(str(number) * 32, f"192.0.2.1{number}", {"disk": "ssd", "region": f"r{number}"})
                for number in range(1, machines + 1)
            ]
        self.cluster = Cluster(specs, settings or Settings(speed=SPEED, agent_first=1.0))
        # the path of a socket has at most some hundred bytes
        self.socket = str(folder / f"{uuid.uuid4().hex[:6]}.sock")
        self.server = Server(self.cluster, address or self.socket, context)
        self.host = self.server.endpoint

    @property
    def environment(self) -> Mapping[str, str]:
        script = Path(__file__).parent / "fleet_contract" / "ssh.py"
        return {
            "FLEETCTL_ENDPOINT": self.host,
            "ATOMICAPP_SSH": shlex.join([sys.executable, str(script), self.socket]),
        }

    def units(self) -> dict[str, str]:
        """The desired state of each unit by its name."""
        with self.cluster.lock:
            return {name: unit.target_state for name, unit in sorted(self.cluster.units.items())}

    def machine_of(self, name: str) -> str:
        with self.cluster.lock:
            return self.cluster.units[name].machine

    def simulated(self, machine: str) -> SimulatedSystemd:
        found = self.cluster.machines[machine].systemd
        assert isinstance(found, SimulatedSystemd)
        return found

    def close(self) -> None:
        self.server.close()
        for machine in self.cluster.machines.values():
            machine.systemd.close()


def on_nodes(folder: Path, nodes: Sequence[Node]) -> Fleet:
    """A fleet whose units are run by real systemds; they are asked more seldom than simulated ones."""
    settings = Settings(speed=5.0, state_interval=3.0, agent_first=1.0)
    return Fleet(folder, settings=settings, systemds=[(node.machine_id, NodeSystemd(node)) for node in nodes])
