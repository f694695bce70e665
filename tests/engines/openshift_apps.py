"""Apps of OpenShift's objects for the tests, and what OpenShift's controllers would write.

The API server has OpenShift's kinds as definitions, and no controller acts on them: a test says what one would have said, by
the status of an object.
"""

from __future__ import annotations

from typing import Any

from atomicapp.model import Readiness
from atomicapp.providers import load
from tests.engines.cluster import Cluster
from tests.engines.kubernetes_apps import App, Body, body

MERGE = "application/merge-patch+json"
PLURALS = {
    "Route": ("route", "routes"),
    "DeploymentConfig": ("apps", "deploymentconfigs"),
    "ImageStream": ("image", "imagestreams"),
    "BuildConfig": ("build", "buildconfigs"),
    "Build": ("build", "builds"),
}


class OpenShiftApp(App):
    """A deployment of the openshift provider."""

    provider = load("openshift")

    def __init__(self, cluster: Cluster, namespace: str, **options: str) -> None:
        super().__init__(cluster, namespace, **options)
        self.cluster = cluster

    def path(self, kind: str, name: str = "") -> str:
        group, plural = PLURALS[kind]
        root = f"/apis/{group}.openshift.io/v1/namespaces/{self.target.namespace}/{plural}"
        return f"{root}/{name}" if name else root

    def says(self, kind: str, name: str, **status: Any) -> None:
        """What a controller would write into the status of an object that it has seen as it is now."""
        path = self.path(kind, name)
        seen = self.cluster.call("GET", path)["metadata"]["generation"]
        written = {"observedGeneration": seen, **status}
        self.cluster.call("PATCH", f"{path}/status", {"status": written}, kind=MERGE)

    def ready(self, *bodies: Body) -> Readiness:
        """One look at the last of the objects."""
        with self.session() as session:
            return session.ready(list(self.wanted(*bodies).values())[-1])


def template(name: str, *objects: Body, **parameters: str) -> Body:
    """A template; a parameter of the form `[...]{n}` is generated, another is a value."""
    listed = [
        {"name": key, "generate": "expression", "from": text} if "]{" in text else {"name": key, "value": text}
        for key, text in parameters.items()
    ]
    return {
        "apiVersion": "v1",
        "kind": "Template",
        "metadata": {"name": name},
        "parameters": listed,
        "objects": list(objects),
    }


def route(name: str = "web", version: str = "route.openshift.io/v1", **spec: Any) -> Body:
    return body("Route", name, version, spec={"to": {"kind": "Service", "name": name}, **spec})
