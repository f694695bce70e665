"""The docker provider: artifacts are `docker run` commands, carried out by the Docker Engine API.

    resources   artifacts -> images, networks, volumes, containers (pure); items, names, body, risks help it
    compose     the services of a Compose file as containers (pure); rules tells what becomes of each key of it
    texts       the same as `docker run` commands (pure), each written by command
    endpoint    where the engine is; client the wire to it
    observe     what is there; compare what differs; apply makes it so; ready and logs watch it

Works with every engine that speaks the API from 1.41 on, Podman's service among them.
"""

from __future__ import annotations

from atomicapp.errors import EngineError
from atomicapp.model import Parsed, Rendered, Target
from atomicapp.providers.base import Output, Reachable, Session
from atomicapp.workload.fidelity import Table
from atomicapp.workload.project import Project

NAME = "docker"
ACCEPTS = "a text of `docker run ...` commands (all options of the Docker client), Compose files"


def parse(rendered: Rendered, target: Target) -> Parsed:
    """See providers.base.Provider. Pure, and imports no engine library."""
    from atomicapp.providers.docker import resources

    return resources.parse(rendered, target)


def fidelity(*, converted: bool = False) -> Table:
    """See providers.base.Provider."""
    from atomicapp.providers.docker import rules

    return rules.converted() if converted else rules.table()


def convert(project: Project, target: Target) -> tuple[Output, ...]:
    """See providers.base.Provider."""
    from atomicapp.providers.docker import texts

    return texts.convert(project, target)


def connect(target: Target) -> Session:
    """See providers.base.Provider."""
    from atomicapp.providers.docker import client, endpoint
    from atomicapp.providers.docker.session import DockerSession

    return DockerSession(client.connect(endpoint.current(target)))


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
        version = connection.get("/version") or {}
    except (client.Refused, EngineError) as error:
        return Reachable(False, str(error), where)
    finally:
        connection.close()
    name = next((part.get("Name", "") for part in version.get("Components") or []), "") or "Engine"
    return Reachable(True, f"{name} {version.get('Version', '?')}, API {connection.api.api_version}", where)
