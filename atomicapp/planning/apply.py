"""Carry out the steps of a plan, side by side where their order allows."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from graphlib import TopologicalSorter
from threading import Event
from typing import Protocol, runtime_checkable

from atomicapp.errors import AtomicAppError, EngineError, Kept
from atomicapp.model import CREATE, KEEP, REPLACE, START, UPDATE, Plan, Readiness, Resource, Step
from atomicapp.planning.observer import Observer
from atomicapp.planning.wait import wait_until_ready

PARALLEL = 4
LONGEST_WAIT = 300.0
"""Seconds that a step waits for those that it needs ready, unless the caller says otherwise."""
MOST_WAITS = 32
"""Threads that wait for what must be ready before a step begins."""
COMING = frozenset({CREATE, UPDATE, REPLACE, START})
_TICK = 0.2
"""Seconds between looks for Ctrl-C while steps are under way."""


class Applier(Protocol):
    """The writing end of a provider's session."""

    def apply(self, step: Step, app: str, revision: int, report: Report) -> None: ...
    def ready(self, resource: Resource) -> Readiness: ...


@runtime_checkable
class Foresighted(Protocol):
    """One that does many things better at once, and so wants to know what is to come."""

    def foresee(self, steps: Sequence[Step]) -> None: ...


class Report(Protocol):
    """Told of progress within a step."""

    def __call__(self, key: str, text: str, /) -> None: ...


class _GivenUp(Exception):  # noqa: N818 (no error: another one is told)
    """A step that waits is not begun: another has failed."""


def apply(plan: Plan, session: Applier, observer: Observer, *, timeout: float = LONGEST_WAIT) -> Plan:
    """Carry out all steps of a plan; returns it as it went: what the engine made us leave is kept, with the reason.

    A step begins when those before it are done, and when what it waits for is ready, which must come true within `timeout`
    seconds. After the first failure no further step is begun; those under way are waited for. The EngineError then says
    which steps were done and which were not. KeyboardInterrupt passes through in the same way.
    """
    return _Applying(plan, session, observer, timeout).run()


class _Applying:
    def __init__(self, plan: Plan, session: Applier, observer: Observer, timeout: float) -> None:
        self.plan = plan
        self.session = session
        self.observer = observer
        self.timeout = timeout
        self.wanted = {step.resource.key: step.resource for step in plan.steps if step.resource}
        self.settled: set[str] = set()  # keys that were waited for already
        self.went = list(plan.steps)
        self.done: set[int] = set()
        self.begun: set[int] = set()  # and failed
        self.failures: list[tuple[int, AtomicAppError]] = []
        self.sorter = TopologicalSorter({number: step.after for number, step in enumerate(plan.steps)})
        self.ready: deque[int] = deque()  # those that may begin
        self.running: dict[Future[None], int] = {}
        self.waiting: dict[Future[None], int] = {}
        self.given_up = Event()

    def run(self) -> Plan:
        # those that wait have threads of their own: they must not keep others from beginning
        with_waits = sum(1 for step in self.plan.steps if self._awaited(step)) or 1
        pool = ThreadPoolExecutor(PARALLEL, thread_name_prefix="apply")
        waits = ThreadPoolExecutor(min(with_waits, MOST_WAITS), thread_name_prefix="wait")
        self.sorter.prepare()
        if isinstance(self.session, Foresighted):
            self.session.foresee(self.plan.steps)
        try:
            while self.sorter.is_active():
                for number in self.sorter.get_ready():
                    step = self.plan.steps[number]
                    if step.op == KEEP:
                        self.sorter.done(number)
                    elif awaited := self._awaited(step):
                        self.waiting[waits.submit(self._wait, awaited)] = number
                    else:
                        self.ready.append(number)
                # never more than there are threads: one that waits for a free thread could begin after a failure
                while self.ready and not self.failures and len(self.running) < PARALLEL:
                    number = self.ready.popleft()
                    self.running[pool.submit(self._carry_out, self.plan.steps[number])] = number
                if self.failures:
                    self.given_up.set()
                if not self.running and not self.waiting:
                    if self.failures:
                        break
                    continue  # steps that were kept made others ready
                finished, _ = wait_for([*self.running, *self.waiting], timeout=_TICK, return_when=FIRST_COMPLETED)
                for future in finished:
                    self._finished(future)
        finally:
            self.given_up.set()
            pool.shutdown(wait=True, cancel_futures=True)
            waits.shutdown(wait=True, cancel_futures=True)
        if self.failures:
            raise _failure(self.plan.steps, self.done, self.begun, self.failures)
        return self.plan._replace(steps=tuple(self.went))

    def _awaited(self, step: Step) -> list[Resource]:
        """What must be ready before a step begins. What stops or goes waits for nothing."""
        if step.op not in COMING or step.resource is None:
            return []
        return [self.wanted[key] for key in step.resource.waits if key in self.wanted]

    def _carry_out(self, step: Step) -> None:
        self.observer.step_started(step)
        self.session.apply(step, self.plan.target.app, self.plan.revision, self.observer.step_progress)

    def _wait(self, awaited: Sequence[Resource]) -> None:
        def pause(seconds: float) -> None:
            if self.given_up.wait(seconds):
                raise _GivenUp

        pause(0)
        resources = [resource for resource in awaited if resource.key not in self.settled]
        wait_until_ready(resources, self.session, self.observer, timeout=self.timeout, pause=pause)
        self.settled |= {resource.key for resource in resources}

    def _finished(self, future: Future[None]) -> None:
        waited = future in self.waiting
        number = self.waiting.pop(future) if waited else self.running.pop(future)
        step = self.plan.steps[number]
        try:
            future.result()
        except _GivenUp:
            pass
        except Kept as kept:
            self.went[number] = step._replace(op=KEEP, cause=kept.reason)
            self.sorter.done(number)
            self.observer.step_kept(step, kept.reason)
        except AtomicAppError as error:
            self.failures.append((number, error))
            if not waited:
                self.begun.add(number)
                self.observer.step_failed(step, error)
        else:
            if waited:
                self.ready.append(number)
                return
            self.done.add(number)
            self.sorter.done(number)
            self.observer.step_done(step)


def _naming(step: Step, message: str) -> str:
    """A message that names its thing, once."""
    return message if step.name in message else f"{step.kind} {step.name}: {message}"


def _failure(
    steps: Sequence[Step], done: set[int], begun: set[int], failures: Sequence[tuple[int, AtomicAppError]]
) -> EngineError:
    number, first = failures[0]
    step = steps[number]
    details = [*first.details]
    details += [f"also failed: {_naming(steps[other], error.message)}" for other, error in failures[1:]]
    made = [f"{steps[index].op} {steps[index].kind} {steps[index].name}" for index in sorted(done)]
    left = [
        f"{item.op} {item.kind} {item.name}"
        for index, item in enumerate(steps)
        if index not in done and index not in begun and item.op != KEEP
    ]
    if made:
        details.append(f"done before: {', '.join(made)}")
    if left:
        details.append(f"not begun: {', '.join(left)}")
    position = getattr(first, "position", None) or (step.resource.position if step.resource else None)
    return EngineError(
        first.message,
        component=getattr(first, "component", "") or step.component,
        position=position,
        log_tail=getattr(first, "log_tail", ()),
        hint=first.hint or "mend the cause and run the same command again: it goes on where this one ended",
        details=details,
    )
