"""A provider whose engine is a dictionary in this process: for tests of the core and the command line.

An artifact has a line for each thing: `service NAME [KEY=VALUE ...]` or `volume NAME`. A service with `fail=WHY`
is made and then fails; one with `refuse=WHY` can't be made, one with `cling=WHY` can't be removed; `replicas=N` scales.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from atomicapp.errors import EngineError, Kept, SpecError
from atomicapp.model import (
    CREATE,
    DATA,
    DELETE,
    FAILED,
    OWNED,
    PRESENT,
    REPLACE,
    RUNNING,
    SCALE,
    START,
    STOP,
    STOPPED,
    Change,
    Event,
    Existing,
    Failed,
    LogLine,
    Parsed,
    Readiness,
    Ready,
    Rendered,
    Resource,
    Step,
    Target,
)
from atomicapp.position import Position
from atomicapp.providers import base
from atomicapp.providers.base import Reachable, Report

NAME = "memory"
ACCEPTS = "lines `service NAME [KEY=VALUE ...]` or `volume NAME`"
fidelity = base.no_fidelity
convert = base.no_convert

ENGINE: dict[str, dict[str, Existing]] = {}
"""Deployment -> key -> what is there. Emptied by the fixture `memory`."""

CALLS: list[str] = []
"""Every call that reached the engine."""


def parse(rendered: Rendered, target: Target) -> Parsed:
    resources: list[Resource] = []
    for order, artifact in enumerate(rendered.artifacts, 1):
        for number, line in enumerate(artifact.data.splitlines(), 1):
            kind, *words = line.split() or ["", ""]
            position = Position(artifact.file, number, 1)
            if kind not in ("service", "volume") or not words:
                raise SpecError.single(f"'{line}' is neither a service nor a volume", position, excerpt=line)
            body = dict(word.split("=", 1) for word in words[1:])
            lifetime, place = (OWNED, order) if kind == "service" else (DATA, 0)
            key = f"{kind}/{words[0]}"
            resources.append(
                Resource(key, artifact.component, kind, words[0], body, position, place, lifetime=lifetime)
            )
    return Parsed(tuple(resources))


class Session:
    """Reads and writes ENGINE."""

    def observe(self, app: str, wanted: Sequence[Resource]) -> tuple[Existing, ...]:
        CALLS.append("observe")
        return tuple(ENGINE.get(app, {}).values())

    def observe_all(self) -> dict[str, tuple[Existing, ...]]:
        return {app: tuple(found.values()) for app, found in ENGINE.items()}

    def compare(self, wanted: Resource, existing: Existing) -> tuple[str, tuple[Change, ...]]:
        old = existing.body or {}
        names = sorted({*old, *wanted.body})
        changes = [Change(name, old.get(name), wanted.body.get(name)) for name in names]
        return REPLACE, tuple(change for change in changes if change.old != change.new)

    def check(self, coming: Sequence[Resource]) -> None:
        CALLS.append("check")
        for resource in coming:
            if "refuse" in resource.body:
                raise EngineError(f"{resource.name} would be refused: {resource.body['refuse']}")

    def apply(self, step: Step, app: str, revision: int, report: Report) -> None:
        CALLS.append(f"{step.op} {step.key}")
        held = ENGINE.setdefault(app, {})
        if step.op == DELETE:
            if step.key in held and "cling" in (held[step.key].body or {}):
                raise Kept(str((held[step.key].body or {})["cling"]))
            held.pop(step.key, None)
            if not held:
                del ENGINE[app]
            return
        if step.op == STOP:
            held[step.key] = held[step.key]._replace(state=STOPPED)
            return
        if step.op == SCALE:
            held[step.key] = held[step.key]._replace(replicas=step.replicas)
            return
        if step.op == START and step.resource is None:
            held[step.key] = held[step.key]._replace(state=RUNNING)
            return
        resource = step.resource
        assert resource is not None
        assert step.op in (CREATE, REPLACE, START)
        report(step.key, f"making {resource.name}")
        if "refuse" in resource.body:
            raise EngineError(f"{resource.name} was refused: {resource.body['refuse']}", component=resource.component)
        state = PRESENT if resource.kind == "volume" else FAILED if "fail" in resource.body else RUNNING
        held[resource.key] = Existing(
            resource.key, resource.component, resource.kind, resource.name, resource.hash, state,
            order=resource.order, lifetime=resource.lifetime, revision=revision, body=resource.body,
            id=f"{app}/{resource.key}",
            replicas=int(resource.body["replicas"]) if "replicas" in resource.body else None,
            ports=(f"127.0.0.1:{resource.body['port']}->80/tcp",) if "port" in resource.body else (),
        )  # fmt: skip

    def ready(self, resource: Resource) -> Readiness:
        if "fail" in resource.body:
            return Failed(f"failed: {resource.body['fail']}", ("last words",))
        return Ready()

    def logs(self, existing: Existing, *, tail: int | None, follow: bool, since: str) -> Iterator[LogLine]:
        lines = [f"line {number} of {existing.name}" for number in range(1, 4)]
        for number, text in enumerate(lines[-tail:] if tail else lines):
            yield LogLine(existing.component, existing.name, text, time=f"2026-01-01T00:00:0{number}Z")

    def events(self, items: Sequence[Existing], *, follow: bool, since: str) -> Iterator[Event]:
        for number, item in enumerate(items):
            time = f"2026-01-01T00:00:0{number}Z"
            yield Event(
                item.component, time, item.state == FAILED, f"{item.kind} {item.name}", "Made", f"made {item.name}"
            )

    def close(self) -> None:
        """Nothing to give back."""


def connect(target: Target) -> Session:
    if target.api == "nowhere":
        raise EngineError("the engine at nowhere can't be reached", hint="start it")
    return Session()


def reachable(target: Target) -> Reachable:
    return Reachable(target.api != "nowhere", "a dictionary", target.api or "here")
