"""The kubernetes provider: artifacts are Kubernetes objects, carried out by the API of a cluster.

    resources   artifacts -> objects in the order of their making (pure); labels marks them
    writer      what a Compose file becomes (pure): compose reads one among the artifacts, artifacts makes some of one
    config      where the server is and who we are; client the wire to it; discovery what kinds it knows, cache keeps
                that between commands
    observe     what is there; compare what differs; apply makes it so; ready, pods and logs watch it
    reasons     why the server refused, in plain words

It knows no list of kinds: the server's discovery says how each is reached.
"""

from __future__ import annotations

from atomicapp.errors import EngineError
from atomicapp.model import Parsed, Rendered, Target
from atomicapp.providers.base import Output, Reachable, Session
from atomicapp.workload.fidelity import Table
from atomicapp.workload.project import Project

NAME = "kubernetes"
ACCEPTS = "Kubernetes objects of any kind, JSON or YAML, several in one file; Compose files"


def parse(rendered: Rendered, target: Target) -> Parsed:
    """See providers.base.Provider. Pure, and imports no client."""
    from atomicapp.providers.kubernetes import resources

    return resources.parse(rendered, target)


def fidelity(*, converted: bool = False) -> Table:
    """See providers.base.Provider."""
    from atomicapp.providers.kubernetes.writer import rules

    return rules.table(converted=converted)


def convert(project: Project, target: Target) -> tuple[Output, ...]:
    """See providers.base.Provider."""
    from atomicapp.providers.kubernetes import artifacts

    return artifacts.convert(project)


def connect(target: Target) -> Session:
    """See providers.base.Provider."""
    import os
    from pathlib import Path

    from atomicapp.providers.kubernetes import config
    from atomicapp.providers.kubernetes.client import Client
    from atomicapp.providers.kubernetes.discovery import Discovery
    from atomicapp.providers.kubernetes.session import KubernetesSession

    client = Client(config.find(target, os.environ, Path("~").expanduser()))
    try:
        discovery = Discovery.load(client, target.cache)
        return KubernetesSession(client, discovery, target.namespace, force=target.force_conflicts)
    except BaseException:
        client.close()
        raise


def reachable(target: Target) -> Reachable:
    """See providers.base.Provider."""
    import os
    from pathlib import Path

    from atomicapp.providers.kubernetes import config
    from atomicapp.providers.kubernetes.client import Client, Refused
    from atomicapp.providers.kubernetes.reasons import of_server

    where = ""
    client = None
    try:
        access = config.find(target, os.environ, Path("~").expanduser())
        where = access.server
        client = Client(access)
        version = client.get("/version")
    except EngineError as error:
        return Reachable(False, error.message, where)
    except Refused as refused:
        return Reachable(False, of_server(refused, where).message, where)
    finally:
        if client is not None:
            client.close()
    return Reachable(True, f"Kubernetes {version.get('gitVersion', '?')}", where)
