"""The contract between the core and an engine.

A provider is a module (or any object) that satisfies `Provider`; what `connect` returns satisfies `Session`.
The optional members have their defaults in this file: a provider without logs, say, assigns
`logs = base.no_logs`. tests/contract drives every provider through the same life.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from types import MappingProxyType
from typing import Protocol, runtime_checkable

from atomicapp.errors import UsageError
from atomicapp.model import (
    Change,
    Event,
    Existing,
    LogLine,
    Parsed,
    Readiness,
    Rendered,
    Resource,
    Restored,
    Step,
    Target,
)
from atomicapp.records import NamedTuple
from atomicapp.workload.fidelity import Table
from atomicapp.workload.project import Project

# Ownership labels. They let any machine list and remove a deployment without our files.
LABEL_APP = "io.atomicapp.name"
LABEL_COMPONENT = "io.atomicapp.component"
LABEL_KEY = "io.atomicapp.key"
LABEL_HASH = "io.atomicapp.hash"
LABEL_ORDER = "io.atomicapp.order"
LABEL_REVISION = "io.atomicapp.revision"
LABEL_LIFETIME = "io.atomicapp.lifetime"

Report = Callable[[str, str], None]
"""Told of progress on long work: the key of the resource, and a short text (`pulling nginx: 12.3 MB of 50.1 MB`)."""


class Reachable(NamedTuple):
    """The answer to `atomicapp providers`: can the engine be talked to, what it calls itself, and where."""

    ok: bool
    detail: str
    endpoint: str = ""


class Output(NamedTuple):
    """One file that `convert` writes: its path below the output folder, and its text."""

    path: str
    text: str


class Session(Protocol):
    """A connection to one engine. Only `apply` writes; `plan`, `status` and `logs` never call it."""

    def observe(self, app: str, wanted: Sequence[Resource]) -> tuple[Existing, ...]:
        """What the engine holds of the deployment `app`, plus those of `wanted` that are there already and shared.

        One listing by ownership label, not one request for each object. What is named like a wanted resource
        but carries another owner's label, or none, is an EngineError that names both.
        """

    def observe_all(self) -> dict[str, tuple[Existing, ...]]:
        """All deployments that the engine holds, by name: one listing."""

    def compare(self, wanted: Resource, existing: Existing) -> tuple[str, tuple[Change, ...]]:
        """How an existing resource has to change: the op (keep, update or replace) and the fields that differ.

        Called only when the hashes differ. Reads, never writes.
        """

    def check(self, coming: Sequence[Resource]) -> None:
        """Ask the engine, for a plan, whether it would take what is to be created. EngineError says what it refuses.

        Reads only. What can't be known before other steps are done is passed over.
        """

    def apply(self, step: Step, app: str, revision: int, report: Report) -> None:
        """Carry out one step; raise EngineError with the cause. Idempotent: a step done already is no error.

        Kept when the engine is the reason to leave the thing as it is (a namespace that holds what others made).
        """

    def ready(self, resource: Resource) -> Readiness:
        """How a resource that was applied is doing now; asked again and again, so it must not block."""

    def logs(self, existing: Existing, *, tail: int | None, follow: bool, since: str) -> Iterator[LogLine]:
        """The log of one resource that runs: the last `tail` lines (None: all), then new ones while `follow`.

        `since` is empty, an RFC 3339 time, or a duration such as `10m`.
        """

    def events(self, items: Sequence[Existing], *, follow: bool, since: str) -> Iterator[Event]:
        """What the engine has to say of these, the oldest first, then what comes while `follow`; `since` as for logs.

        `items` are of the deployment that was observed last.
        """

    def close(self) -> None:
        """Give the connection back."""


@runtime_checkable
class Foresighted(Protocol):
    """A session that does many things better at once: it may have this member beside those of Session."""

    def foresee(self, steps: Sequence[Step]) -> None:
        """Told of all steps of a plan before the first of them is applied. Writes nothing, and keeps no step from coming."""


@runtime_checkable
class Restoring(Protocol):
    """A session whose engine leaves what has failed as it is: it may have this member beside those of Session."""

    def restore(self, resource: Resource, report: Callable[[str], None]) -> Restored:
        """Told once of a resource that was applied, has failed or is not ready in time: go back to what ran before where
        its author asks for that, and wait for it. Raises no EngineError: what fails is said in what is returned."""


class Writer(Protocol):
    """The part of a provider that `convert` needs."""

    NAME: str

    def fidelity(self, *, converted: bool = False) -> Table:
        """What becomes of each key of a Compose file: of one that is run, or of one that is `converted`, where the texts
        of this provider can say less than the engine can do."""

    def convert(self, project: Project, target: Target) -> tuple[Output, ...]:
        """Pure: a project as artifacts of this provider; what they can't say stands in `fidelity`."""


class Provider(Writer, Protocol):
    """A module with these members."""

    ACCEPTS: str
    """One line for `atomicapp providers`: what an artifact is."""

    def parse(self, rendered: Rendered, target: Target) -> Parsed:
        """Pure: the artifacts as resources. Bad text raises SpecError with file:line for every fault at once.

        An artifact whose `provider` is COMPOSE is a Compose file: what it loses here is said in `Parsed.issues`.
        """

    def connect(self, target: Target) -> Session:
        """Open a session; EngineError with one clear line when the engine can't be reached."""

    def reachable(self, target: Target) -> Reachable:
        """Whether `connect` would work, without raising."""


def no_fidelity(*, converted: bool = False) -> Table:
    """The default of `fidelity` for providers that read no Compose files."""
    return MappingProxyType({})


def no_convert(project: Project, target: Target) -> tuple[Output, ...]:
    """The default of `convert` for providers that write none of their artifacts."""
    raise UsageError(
        "this provider can't write artifacts of its own", hint="see `atomicapp providers` for those that can"
    )


def no_logs(existing: Existing, *, tail: int | None, follow: bool, since: str) -> Iterator[LogLine]:
    """The default of `Session.logs` for engines that keep none."""
    return iter(())


def no_check(coming: Sequence[Resource]) -> None:
    """The default of `Session.check` for engines that have no dry run."""


def no_events(items: Sequence[Existing], *, follow: bool, since: str) -> Iterator[Event]:
    """The default of `Session.events` for engines that tell none."""
    return iter(())
