"""The fleet provider: artifacts are unit files of systemd, which fleet places on the machines of a CoreOS cluster.

artifacts   texts -> units, and what is wrong with them; xfleet what [X-Fleet] asks for
resources   units -> resources: units, templates with instances, and units that keep volumes (pure)
endpoint    where the API is; wire and client speak to it; view is one listing for all that ask
placement   which machines are left for a unit, and which option excludes each of the others
observe     what is there; state what a unit does; compare what differs; apply makes it so; ready watches it
remote      logs and exit codes, which only the machines have; logs reads them
marks       the section [X-Atomicapp] that tells whose a unit is
"""

from __future__ import annotations

from atomicapp.errors import EngineError
from atomicapp.model import Parsed, Rendered, Target
from atomicapp.providers.base import Output, Reachable, Session
from atomicapp.workload.fidelity import Table
from atomicapp.workload.project import Project

NAME = "fleet"
ACCEPTS = (
    "unit files of systemd (NAME.service, NAME@.service, NAME.timer, ...), Compose files, `docker run ...` commands"
)


def parse(rendered: Rendered, target: Target) -> Parsed:
    """See providers.base.Provider. Pure."""
    from atomicapp.providers.fleet import resources

    return resources.parse(rendered, target)


def fidelity(*, converted: bool = False) -> Table:
    """See providers.base.Writer."""
    from atomicapp.providers.fleet import rules

    return rules.CONVERTED if converted else rules.TABLE


def convert(project: Project, target: Target) -> tuple[Output, ...]:
    """See providers.base.Writer."""
    from atomicapp.providers.fleet import containers

    return containers.convert(project, target.app)


def connect(target: Target) -> Session:
    """See providers.base.Provider."""
    from atomicapp.providers.fleet import endpoint
    from atomicapp.providers.fleet.client import Client
    from atomicapp.providers.fleet.session import FleetSession

    return FleetSession(Client(endpoint.current(target)))


def reachable(target: Target) -> Reachable:
    """See providers.base.Provider."""
    from atomicapp.providers.fleet import endpoint
    from atomicapp.providers.fleet.client import Client

    where = ""
    try:
        found = endpoint.current(target)
        where = found.shown
        client = Client(found)
        try:
            machines = client.machines()
        finally:
            client.close()
    except EngineError as error:
        return Reachable(False, error.message, where)
    return Reachable(bool(machines), f"{len(machines)} machines" if machines else "no machine is alive", where)
