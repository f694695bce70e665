"""The openshift provider: all of the kubernetes provider, and what OpenShift has besides.

resources    artifacts -> objects (pure): templates processed, former kinds brought to their groups
templates    parameters and `${X}`; expressions are what values are drawn from; generated keeps them in a Secret
kinds        what was in the one API of former versions
routes       a Compose file -> objects: those of the kubernetes provider, and Routes (pure)
session      the wire of the kubernetes provider, with generated values filled in on the way to the server
ready        Route, DeploymentConfig, ImageStream, BuildConfig
"""

from __future__ import annotations

from atomicapp.model import Parsed, Rendered, Target
from atomicapp.providers import kubernetes
from atomicapp.providers.base import Output, Reachable, Session
from atomicapp.workload.fidelity import Table
from atomicapp.workload.project import Project

NAME = "openshift"
ACCEPTS = "OpenShift and Kubernetes objects, JSON or YAML, several in one file; templates are processed; Compose files"


def parse(rendered: Rendered, target: Target) -> Parsed:
    """See providers.base.Provider. Pure, and imports no client."""
    from atomicapp.providers.openshift import resources

    return resources.parse(rendered, target)


def fidelity(*, converted: bool = False) -> Table:
    """See providers.base.Provider."""
    from atomicapp.providers.openshift import routes

    return routes.table(converted=converted)


def convert(project: Project, target: Target) -> tuple[Output, ...]:
    """See providers.base.Provider."""
    from atomicapp.providers.kubernetes import artifacts
    from atomicapp.providers.openshift import routes

    return artifacts.convert(project, routes.write)


def connect(target: Target) -> Session:
    """See providers.base.Provider."""
    from atomicapp.providers.kubernetes.session import KubernetesSession
    from atomicapp.providers.openshift.session import OpenShiftSession

    inner = kubernetes.connect(target)
    assert isinstance(inner, KubernetesSession)
    return OpenShiftSession(inner)


def reachable(target: Target) -> Reachable:
    """See providers.base.Provider. OpenShift's own version is for those who may read it."""
    found = kubernetes.reachable(target)
    version = _version(target) if found.ok else ""
    return found._replace(detail=f"OpenShift {version} ({found.detail})") if version else found


def _version(target: Target) -> str:
    import os
    from contextlib import closing
    from pathlib import Path

    from atomicapp.errors import EngineError
    from atomicapp.providers.kubernetes import config
    from atomicapp.providers.kubernetes.client import Client, Refused

    try:
        with closing(Client(config.find(target, os.environ, Path("~").expanduser()))) as client:
            found = client.find("/apis/config.openshift.io/v1/clusterversions/version") or {}
    except (EngineError, Refused):
        return ""
    status = found.get("status") or {}
    done = [entry for entry in status.get("history") or [] if entry.get("state") == "Completed"]
    return str((done[0] if done else status.get("desired") or {}).get("version") or "")
