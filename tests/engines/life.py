"""One app of the docker provider on a real engine, driven through a proxy that records what is asked."""

from __future__ import annotations

import contextlib
import json
import time
import uuid
from collections.abc import Callable
from typing import Any

from atomicapp.model import KEEP, Artifact, Existing, Readiness, Rendered, Resource, Step, Target, Volume, Waiting
from atomicapp.planning import diff
from atomicapp.position import Position
from atomicapp.providers import docker
from tests.engines.recording_proxy import RecordingProxy

HERE = Position("Nulecule", 1, 1)
SLEEP = "sh -c 'trap exit TERM; while true; do sleep 0.1; done'"
"""Runs until it is told to stop, and then stops at once, which a plain sleep as the first process does not."""


class Life:
    """One app on the engine, and the proxy that its session goes through."""

    def __init__(self, command: Callable[..., str], image: str, proxy: RecordingProxy) -> None:
        self.command = command
        self.image = image
        self.proxy = proxy
        self.app = f"life-{uuid.uuid4().hex[:8]}"
        self.target = Target(self.app, api=proxy.host)
        self.session = docker.connect(self.target)
        self.reports: list[tuple[str, str]] = []
        self.secrets: frozenset[str] = frozenset()

    def wanted(self, *volumes: Volume, **texts: str) -> tuple[Resource, ...]:
        """The resources of components with these texts; IMAGE, APP and SLEEP stand for what they say."""
        artifacts = []
        for name, text in texts.items():
            filled = text.replace("IMAGE", self.image).replace("APP", self.app).replace("SLEEP", SLEEP)
            artifacts.append(Artifact(name, "docker", f"{name}_run", filled, f"{name}_run", HERE))
        return docker.parse(Rendered(tuple(artifacts), volumes, secrets=self.secrets), self.target).resources

    def plan(self, wanted: tuple[Resource, ...]) -> tuple[Step, ...]:
        return diff.run(wanted, self.session.observe(self.app, wanted), self.session.compare)

    def apply(self, *steps: Step) -> None:
        for step in steps:
            self.session.apply(step, self.app, 1, lambda key, text: self.reports.append((key, text)))

    def run(self, *volumes: Volume, **texts: str) -> dict[str, str]:
        """Bring it up; the op of each step that did something, by key."""
        steps = self.plan(self.wanted(*volumes, **texts))
        self.apply(*steps)
        return {step.key: step.op for step in steps if step.op != KEEP}

    def held(self) -> dict[str, Existing]:
        return {item.key: item for item in self.session.observe(self.app, ())}

    def ready(self, wanted: tuple[Resource, ...], key: str) -> Readiness:
        """The answer once it is no longer Waiting."""
        (resource,) = [item for item in wanted if item.key == key]
        found: Readiness = Waiting("")
        for _ in range(300):
            found = self.session.ready(resource)
            if not isinstance(found, Waiting):
                break
            time.sleep(0.05)
        return found

    def inspect(self, name: str, kind: str = "container") -> dict[str, Any]:
        found: list[dict[str, Any]] = json.loads(self.command(kind, "inspect", name))
        return found[0]

    def close(self) -> None:
        self.proxy.cut = None
        with contextlib.closing(docker.connect(self.target)) as session:
            for step in diff.uninstall(session.observe(self.app, ()), purge_data=True):
                session.apply(step, self.app, 1, lambda key, text: None)
        self.session.close()
