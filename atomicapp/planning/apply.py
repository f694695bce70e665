"""Carry out the steps of a plan, side by side where their order allows."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from graphlib import TopologicalSorter
from typing import Protocol

from atomicapp.errors import AtomicAppError, EngineError, Kept
from atomicapp.model import KEEP, Plan, Step

PARALLEL = 4
_TICK = 0.2
"""Seconds between looks for Ctrl-C while steps are under way."""


class Applier(Protocol):
    """The writing end of a provider's session."""

    def apply(self, step: Step, app: str, revision: int, report: Report) -> None: ...


class Report(Protocol):
    """Told of progress within a step."""

    def __call__(self, key: str, text: str, /) -> None: ...


class Observer:
    """Told what happens; every method may be left out. Called from several threads."""

    def step_started(self, step: Step) -> None: ...
    def step_progress(self, key: str, text: str) -> None: ...
    def step_done(self, step: Step) -> None: ...
    def step_kept(self, step: Step, reason: str) -> None: ...
    def step_failed(self, step: Step, error: AtomicAppError) -> None: ...
    def waiting(self, component: str, name: str, reason: str) -> None:
        """Told at each look, also while the reason stays the same."""

    def ready(self, component: str, name: str, detail: str) -> None: ...


def apply(plan: Plan, session: Applier, observer: Observer) -> Plan:
    """Carry out all steps of a plan; returns it as it went: what the engine made us leave is kept, with the reason.

    After the first failure no further step is begun; those under way are waited for. The EngineError then says
    which steps were done and which were not. KeyboardInterrupt passes through in the same way.
    """
    steps = plan.steps
    went = list(steps)
    done: set[int] = set()
    ready: deque[int] = deque()
    running: dict[Future[None], int] = {}
    failures: list[tuple[int, AtomicAppError]] = []
    sorter = TopologicalSorter({number: step.after for number, step in enumerate(steps)})
    sorter.prepare()

    def carry_out(step: Step) -> None:
        observer.step_started(step)
        session.apply(step, plan.target.app, plan.revision, observer.step_progress)

    pool = ThreadPoolExecutor(PARALLEL, thread_name_prefix="apply")
    try:
        while sorter.is_active():
            ready.extend(sorter.get_ready())
            # never more than there are threads: one that waits for a free thread could begin after a failure
            while ready and not failures and len(running) < PARALLEL:
                number = ready.popleft()
                if steps[number].op == KEEP:
                    sorter.done(number)
                else:
                    running[pool.submit(carry_out, steps[number])] = number
            if not running:
                if failures:
                    break
                continue  # steps that were kept made others ready
            finished, _ = wait_for(running, timeout=_TICK, return_when=FIRST_COMPLETED)
            for future in finished:
                number = running.pop(future)
                try:
                    future.result()
                except Kept as kept:
                    went[number] = steps[number]._replace(op=KEEP, cause=kept.reason)
                    sorter.done(number)
                    observer.step_kept(steps[number], kept.reason)
                except AtomicAppError as error:
                    failures.append((number, error))
                    observer.step_failed(steps[number], error)
                else:
                    done.add(number)
                    sorter.done(number)
                    observer.step_done(steps[number])
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    if failures:
        raise _failure(steps, done, failures)
    return plan._replace(steps=tuple(went))


def _naming(step: Step, message: str) -> str:
    """A message that names its thing, once."""
    return message if step.name in message else f"{step.kind} {step.name}: {message}"


def _failure(steps: Sequence[Step], done: set[int], failures: Sequence[tuple[int, AtomicAppError]]) -> EngineError:
    number, first = failures[0]
    step = steps[number]
    details = [*first.details]
    details += [f"also failed: {_naming(steps[other], error.message)}" for other, error in failures[1:]]
    made = [f"{steps[index].op} {steps[index].kind} {steps[index].name}" for index in sorted(done)]
    failed = {index for index, _ in failures}
    left = [
        f"{item.op} {item.kind} {item.name}"
        for index, item in enumerate(steps)
        if index not in done and index not in failed and item.op != KEEP
    ]
    if made:
        details.append(f"done before: {', '.join(made)}")
    if left:
        details.append(f"not begun: {', '.join(left)}")
    position = getattr(first, "position", None) or (step.resource.position if step.resource else None)
    return EngineError(
        first.message,
        component=step.component,
        position=position,
        log_tail=getattr(first, "log_tail", ()),
        hint=first.hint or "mend the cause and run the same command again: it goes on where this one ended",
        details=details,
    )
