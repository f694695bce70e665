"""The swarm provider: artifacts are stack files (Compose) and `docker service create` commands, carried out by a manager of
a Docker swarm.

    artifacts   texts -> projects; resources projects -> networks, volumes, configs, secrets, services (pure)
    spec        a workload as a service; parts what services need; classic the words of the standalone Swarm
    rules       what becomes of each key of a Compose file; stack writes a project as a stack file
    observe     what is there; compare what differs; apply and services make it so; ready, logs and events watch it

The wire is that of the docker provider: a swarm is managed by the Docker Engine API, from 1.41 on.
"""

from __future__ import annotations

from atomicapp.errors import EngineError
from atomicapp.model import Parsed, Rendered, Target
from atomicapp.providers.base import Output, Reachable, Session
from atomicapp.workload.fidelity import Table
from atomicapp.workload.project import Project

NAME = "swarm"
ACCEPTS = "a stack file (Compose), or a text of `docker service create ...` commands"


def parse(rendered: Rendered, target: Target) -> Parsed:
    """See providers.base.Provider. Pure, and imports no engine library."""
    from atomicapp.providers.swarm import resources

    return resources.parse(rendered, target)


def fidelity(*, converted: bool = False) -> Table:
    """See providers.base.Provider."""
    from atomicapp.providers.swarm import rules

    return rules.CONVERTED if converted else rules.TABLE


def convert(project: Project, target: Target) -> tuple[Output, ...]:
    """See providers.base.Provider."""
    from atomicapp.providers.swarm import stack

    return stack.convert(project, target)


def connect(target: Target) -> Session:
    """See providers.base.Provider."""
    from atomicapp.providers.docker import client, endpoint
    from atomicapp.providers.swarm.session import SwarmSession

    return SwarmSession(client.connect(endpoint.current(target)), init=target.init_swarm)


def reachable(target: Target) -> Reachable:
    """See providers.base.Provider."""
    from atomicapp.providers.docker import client, endpoint

    where = ""
    try:
        found = endpoint.current(target)
        where = found.url
        connection = client.connect(found)
    except EngineError as error:
        return Reachable(False, error.message, where)
    try:
        swarm = (connection.get("/info") or {}).get("Swarm") or {}
    except (client.Refused, EngineError) as error:
        return Reachable(False, str(error), where)
    finally:
        connection.close()
    if not swarm.get("ControlAvailable"):
        state = swarm.get("LocalNodeState")
        what = "a worker of its swarm, not a manager" if state == "active" else f"in no swarm ({state or 'inactive'})"
        return Reachable(False, f"the engine is {what}", where)
    nodes, managers = swarm.get("Nodes", "?"), swarm.get("Managers", "?")
    return Reachable(True, f"{nodes} nodes, {managers} of them managers, API {connection.api.api_version}", where)
