"""The life of an app in verbs, by the same stages as the command line: parse, observe, plan, apply, wait."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from atomicapp.model import KEEP, Existing, Plan, Rendered, Step
from atomicapp.planning import diff
from atomicapp.planning.apply import apply
from atomicapp.planning.observer import Observer
from atomicapp.planning.wait import wait_until_ready
from atomicapp.providers.base import Session
from tests.contract.case import Case


def plan_of(case: Case, steps: Sequence[Step], revision: int = 1) -> Plan:
    return Plan(case.target, case.provider.NAME, revision, tuple(steps))


@contextlib.contextmanager
def session_of(case: Case) -> Iterator[Session]:
    with contextlib.closing(case.provider.connect(case.target)) as session:
        yield session


def planned(case: Case, rendered: Rendered) -> tuple[Step, ...]:
    """What `run` would do."""
    wanted = case.provider.parse(rendered, case.target).resources
    with session_of(case) as session:
        return diff.run(wanted, session.observe(case.target.app, wanted), session.compare)


def run(case: Case, rendered: Rendered, revision: int = 1) -> dict[str, str]:
    """Bring the engine to what is wanted and wait; returns the op of each step that did something, by key."""
    wanted = case.provider.parse(rendered, case.target).resources
    with session_of(case) as session:
        steps = diff.run(wanted, session.observe(case.target.app, wanted), session.compare)
        apply(plan_of(case, steps, revision), session, Observer())
        started = [step.resource for step in steps if step.op != KEEP and step.resource]
        wait_until_ready(started, session, Observer(), timeout=120)
    return {step.key: step.op for step in steps if step.op != KEEP}


def carry_out(case: Case, steps: Sequence[Step]) -> None:
    with session_of(case) as session:
        apply(plan_of(case, steps), session, Observer())


def held(case: Case) -> dict[str, Existing]:
    """What the engine holds of the deployment, by key."""
    with session_of(case) as session:
        return {item.key: item for item in session.observe(case.target.app, ())}


def of_component(case: Case, component: str) -> list[Existing]:
    """The things of one component that run or ran."""
    return [item for item in held(case).values() if item.component == component and item.state != "present"]
