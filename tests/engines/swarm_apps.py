"""One app of the swarm provider on a real swarm, driven through a proxy that records what is asked."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from typing import Any

from atomicapp.model import KEEP, Artifact, Existing, Parsed, Plan, Rendered, Resource, Step, Target
from atomicapp.planning import diff
from atomicapp.planning.apply import apply
from atomicapp.planning.observer import Observer
from atomicapp.planning.wait import wait_until_ready
from atomicapp.position import Position
from atomicapp.providers import swarm
from tests.engines.recording_proxy import RecordingProxy, recording
from tests.engines.swarm import Group

HERE = Position("Nulecule", 1, 1)
SLEEP = "trap exit TERM; while true; do sleep 0.1; done"
"""Runs until it is told to stop, and then stops at once."""


class Notes(Observer):
    """Keeps what is told."""

    def __init__(self) -> None:
        self.progress: list[str] = []
        self.kept: list[str] = []
        self.reasons: list[str] = []

    def step_progress(self, key: str, text: str) -> None:
        self.progress.append(text)

    def step_kept(self, step: Step, reason: str) -> None:
        self.kept.append(reason)

    def waiting(self, component: str, name: str, reason: str) -> None:
        self.reasons.append(reason)


class SwarmApp:
    """IMAGE, APP and SLEEP in texts stand for the image, the name of the app, and a script that runs until it is told to
    stop; `&test` for the label of the tests."""

    def __init__(self, group: Group, image: str, proxy: RecordingProxy) -> None:
        self.group = group
        self.image = image
        self.proxy = proxy
        self.app = f"sw-{uuid.uuid4().hex[:8]}"
        self.target = Target(self.app, api=proxy.host)
        self.session = swarm.connect(self.target)
        self.notes = Notes()
        self.files: dict[str, str] = {}
        self.variables: dict[str, str] = {}
        self.secrets: frozenset[str] = frozenset()
        self.revision = 0

    def parsed(self, provider: str = "compose", **texts: str) -> Parsed:
        """The resources of components with these texts."""
        artifacts = []
        for name, text in texts.items():
            filled = text.replace("IMAGE", self.image).replace("APP", self.app).replace("SLEEP", SLEEP)
            artifacts.append(Artifact(name, provider, f"{name}.yaml", filled, f"{name}.yaml", HERE))
        rendered = Rendered(
            tuple(artifacts),
            read=lambda artifact, path: self.files[path],
            variables=lambda scope: self.variables,
            secrets=self.secrets,
        )
        return swarm.parse(rendered, self.target)

    def wanted(self, provider: str = "compose", **texts: str) -> tuple[Resource, ...]:
        return self.parsed(provider, **texts).resources

    def plan(self, wanted: tuple[Resource, ...]) -> tuple[Step, ...]:
        return diff.run(wanted, self.session.observe(self.app, wanted), self.session.compare)

    def carry_out(self, steps: tuple[Step, ...]) -> Plan:
        self.revision += 1
        return apply(Plan(self.target, "swarm", self.revision, steps), self.session, self.notes)

    def bring_up(self, wanted: tuple[Resource, ...], *, timeout: float = 180) -> dict[str, str]:
        """Bring it up and wait; the op of each step that did something, by key."""
        steps = self.plan(wanted)
        went = self.carry_out(steps)
        started = [step.resource for step in steps if step.op != KEEP and step.resource]
        wait_until_ready(started, self.session, self.notes, timeout=timeout)
        return {step.key: step.op for step in went.steps if step.op != KEEP}

    def run(self, provider: str = "compose", *, timeout: float = 180, **texts: str) -> dict[str, str]:
        return self.bring_up(self.wanted(provider, **texts), timeout=timeout)

    def held(self) -> dict[str, Existing]:
        return {item.key: item for item in self.session.observe(self.app, ())}

    def of(self, service: str) -> Existing:
        """The service that is called so in the swarm, without the name of the app."""
        (found,) = [item for item in self.held().values() if item.name == f"{self.app}_{service}"]
        return found

    def service(self, name: str) -> dict[str, Any]:
        """The service in full, as the swarm has it."""
        return self.group.inspect("service", f"{self.app}_{name}")

    def where(self, name: str) -> list[str]:
        return self.group.where(f"{self.app}_{name}")

    def inside(self, name: str, script: str) -> str:
        """Standard output of a shell script in a running task of a service."""
        return self.group.inside(f"{self.app}_{name}", "sh", "-c", script)

    def close(self) -> None:
        self.proxy.mend()
        with contextlib.closing(swarm.connect(self.target)) as session:
            steps = diff.uninstall(session.observe(self.app, ()), purge_data=True)
            apply(Plan(self.target, "swarm", 1, steps), session, Observer())
        self.session.close()


@contextlib.contextmanager
def app_on(group: Group, image: str) -> Iterator[SwarmApp]:
    """An app on a swarm, of which nothing is left afterwards."""
    with recording(group.manager.host) as proxy:
        found = SwarmApp(group, image, proxy)
        try:
            yield found
        finally:
            found.close()
