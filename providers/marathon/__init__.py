"""The marathon provider: artifacts are apps and groups of Marathon, carried out by its API on a Mesos cluster.

    artifacts   texts -> apps (pure): groups are taken apart, every field is checked against shape; writer makes apps of a
                Compose file, rules says what becomes of each of its keys
    resources   apps -> resources (pure); normal knows which texts mean the same, labels marks them
    access      where Marathon is and who we are; client the wire to it
    observe     what is there; compare what differs; apply makes it so; ready, logs and events watch it
    reasons     why Marathon refused, in plain words

The wire is that of the kubernetes provider: JSON over HTTP by urllib3.
"""

from __future__ import annotations

from atomicapp.errors import EngineError
from atomicapp.model import Parsed, Rendered, Target
from atomicapp.providers.base import Output, Reachable, Session
from atomicapp.workload.fidelity import Table
from atomicapp.workload.project import Project

NAME = "marathon"
ACCEPTS = "apps and groups of Marathon, JSON or YAML; Compose files"


def parse(rendered: Rendered, target: Target) -> Parsed:
    """See providers.base.Provider. Pure, and imports no client."""
    from atomicapp.providers.marathon import resources

    return resources.parse(rendered, target)


def fidelity(*, converted: bool = False) -> Table:
    """See providers.base.Provider."""
    from atomicapp.providers.marathon import rules

    return rules.table()


def convert(project: Project, target: Target) -> tuple[Output, ...]:
    """See providers.base.Provider."""
    from atomicapp.providers.marathon import writer

    return writer.convert(project, target)


def connect(target: Target) -> Session:
    """See providers.base.Provider."""
    import os

    from atomicapp.providers.marathon import access
    from atomicapp.providers.marathon.client import Client
    from atomicapp.providers.marathon.session import MarathonSession

    client = Client(access.find(target, os.environ))
    try:
        return MarathonSession(client, target)
    except BaseException:
        client.close()
        raise


def reachable(target: Target) -> Reachable:
    """See providers.base.Provider."""
    import os

    from atomicapp.providers.marathon import access
    from atomicapp.providers.marathon.client import Client, Refused

    where = ""
    client = None
    try:
        found = access.find(target, os.environ)
        where = found.shown
        client = Client(found)
        info = client.info()
    except (EngineError, Refused) as error:
        return Reachable(False, error.message, where)
    finally:
        if client is not None:
            client.close()
    return Reachable(True, f"Marathon {info.get('version', '?')}", where)
