"""One app of the marathon provider on a contract server, which counts what is asked."""

from __future__ import annotations

import contextlib
import json
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

from atomicapp.model import (
    KEEP,
    Artifact,
    Existing,
    Plan,
    Readiness,
    Rendered,
    Resource,
    Step,
    Target,
    Waiting,
)
from atomicapp.planning import diff
from atomicapp.planning.apply import apply
from atomicapp.planning.wait import wait_until_ready
from atomicapp.position import Position
from atomicapp.providers import marathon
from tests.engines.marathon_contract import Server, Simulated
from tests.engines.swarm_apps import Notes

HERE = Position("Nulecule", 1, 1)


def app(path: str, **fields: Any) -> str:
    """The text of an app that runs an image."""
    container = {"type": "DOCKER", "docker": {"image": "example/web:1", "network": "BRIDGE"}}
    return json.dumps({"id": path, "cpus": 0.1, "mem": 32, "container": container, **fields})


class Life:
    """One deployment on a server."""

    def __init__(self, server: Server, **target: Any) -> None:
        self.server = server
        self.app = f"life-{uuid.uuid4().hex[:8]}"
        self.target = Target(self.app, api=server.url)._replace(**target)
        self.notes = Notes()
        self.timeout = 60.0

    @property
    def simulated(self) -> Simulated:
        backend = self.server.scheduler.backend
        assert isinstance(backend, Simulated)
        return backend

    @contextlib.contextmanager
    def session(self) -> Iterator[Any]:
        with contextlib.closing(marathon.connect(self.target)) as session:
            yield session

    def wanted(self, **texts: str) -> tuple[Resource, ...]:
        """The resources of components with these texts."""
        artifacts = [
            Artifact(name, "marathon", f"{name}.json", text, f"{name}.json", HERE) for name, text in texts.items()
        ]
        return marathon.parse(Rendered(tuple(artifacts)), self.target).resources

    def plan(self, wanted: tuple[Resource, ...]) -> tuple[Step, ...]:
        with self.session() as session:
            return diff.run(wanted, session.observe(self.app, wanted), session.compare)

    def carry_out(self, steps: tuple[Step, ...], revision: int = 1) -> None:
        with self.session() as session:
            apply(Plan(self.target, "marathon", revision, steps), session, self.notes)

    def run(self, **texts: str) -> dict[str, str]:
        """Bring it up and wait; the op of each step that did something, by key."""
        wanted = self.wanted(**texts)
        with self.session() as session:
            steps = diff.run(wanted, session.observe(self.app, wanted), session.compare)
            apply(Plan(self.target, "marathon", 1, steps), session, self.notes)
            started = [step.resource for step in steps if step.op != KEEP and step.resource]
            wait_until_ready(started, session, self.notes, timeout=self.timeout)
        return {step.key: step.op for step in steps if step.op != KEEP}

    def held(self) -> dict[str, Existing]:
        with self.session() as session:
            return {item.key: item for item in session.observe(self.app, ())}

    def until(self, wanted: tuple[Resource, ...], good: Callable[[Readiness], object]) -> Readiness:
        """What is said of the last of the wanted once `good` says yes to it."""
        found: Readiness = Waiting("")
        with self.session() as session:
            end = time.monotonic() + 30
            while not good(found := session.ready(wanted[-1])):
                assert time.monotonic() < end, found
                time.sleep(0.02)
        return found
