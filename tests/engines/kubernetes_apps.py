"""Apps of Kubernetes objects for the tests, and the stages that bring them to the cluster."""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

from atomicapp.model import KEEP, Artifact, Existing, Plan, Rendered, Resource, Step, Target
from atomicapp.planning import diff
from atomicapp.planning.apply import apply
from atomicapp.planning.observer import Observer
from atomicapp.planning.wait import wait_until_ready
from atomicapp.position import Position
from atomicapp.providers import load
from atomicapp.providers.base import Provider, Session
from tests.engines.cluster import Cluster

Body = dict[str, Any]


class App:
    """A deployment in a namespace; `run` takes the objects of its one component `web`."""

    provider: Provider = load("kubernetes")

    def __init__(self, cluster: Cluster, namespace: str, **options: str) -> None:
        given = {"api": cluster.server, "auth": cluster.token, "cafile": str(cluster.cafile)} | options
        name = given.pop("app", f"app-{uuid.uuid4().hex[:8]}")
        self.target = Target(name, namespace, **given)  # type: ignore[arg-type]

    @contextlib.contextmanager
    def session(self) -> Iterator[Session]:
        with contextlib.closing(self.provider.connect(self.target)) as session:
            yield session

    def plan(self, *bodies: Body) -> tuple[Step, ...]:
        with self.session() as session:
            return self._plan(session, bodies)

    def _plan(self, session: Session, bodies: Sequence[Body]) -> tuple[Step, ...]:
        wanted = tuple(self.wanted(*bodies).values())
        return diff.run(wanted, session.observe(self.target.app, wanted), session.compare)

    def run(self, *bodies: Body, timeout: float = 120, wait: bool = True) -> dict[str, str]:
        with self.session() as session:
            steps = self._plan(session, bodies)
            self._apply(session, steps)
            if wait:
                started = [step.resource for step in steps if step.op != KEEP and step.resource]
                wait_until_ready(started, session, Observer(), timeout=timeout)
        return {step.key: step.op for step in steps if step.op != KEEP}

    def wanted(self, *bodies: Body) -> dict[str, Resource]:
        """What the objects are to become, by key."""
        text = "\n---\n".join(json.dumps(body) for body in bodies)
        artifact = Artifact("web", self.provider.NAME, "web.yaml", text, "web.yaml", Position("Nulecule", 1, 1))
        parsed = self.provider.parse(Rendered((artifact,)), self.target)
        return {resource.key: resource for resource in parsed.resources}

    def held(self) -> dict[str, Existing]:
        with self.session() as session:
            return {item.key: item for item in session.observe(self.target.app, ())}

    def carry_out(self, steps: Sequence[Step]) -> None:
        with self.session() as session:
            self._apply(session, steps)

    def uninstall(self) -> None:
        self.carry_out(diff.uninstall(self.held().values(), purge_data=True))

    def _apply(self, session: Session, steps: Sequence[Step]) -> None:
        apply(Plan(self.target, self.provider.NAME, 1, tuple(steps)), session, Observer())


def body(kind: str, name: str, version: str = "v1", **more: Any) -> Body:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, **more.pop("metadata", {})}, **more}


def template(name: str, image: str, script: str = "sleep 1000", **container: Any) -> Body:
    main = {"name": "main", "image": image, "command": ["sh", "-c", script], **container}
    spec = {"terminationGracePeriodSeconds": 0, "containers": [main]}
    return {"metadata": {"labels": {"app": name}}, "spec": spec}


def deployment(name: str, image: str, script: str = "sleep 1000", replicas: int = 1, **container: Any) -> Body:
    spec = {
        "replicas": replicas,
        "selector": {"matchLabels": {"app": name}},
        "template": template(name, image, script, **container),
    }
    return body("Deployment", name, "apps/v1", spec=spec)
