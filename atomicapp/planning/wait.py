"""Wait until what was started is ready, and say why when it is not."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

from atomicapp.errors import EngineError
from atomicapp.model import Failed, Readiness, Ready, Resource, Restored, Waiting
from atomicapp.planning.observer import Observer

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 1.0
"""Seconds between two looks; the pause grows, so that short starts end fast and long ones cost little."""


class Watcher(Protocol):
    """The reading end of a provider's session."""

    def ready(self, resource: Resource) -> Readiness: ...


@runtime_checkable
class Restoring(Protocol):
    """One that goes back to what ran before; see providers.base.Restoring."""

    def restore(self, resource: Resource, report: Callable[[str], None]) -> Restored: ...


def wait_until_ready(
    resources: Sequence[Resource],
    watcher: Watcher,
    observer: Observer,
    *,
    timeout: float,
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Return when all are ready. EngineError for the first that has failed or is not ready after `timeout` seconds;
    it names the component, the reason and the last log lines, and counts the others.

    A failure that may not last is waited for while others are not ready, and then until it fails once more. Where the
    watcher can restore, it is asked to for each that failed, before the error is raised.
    """
    end = clock() + timeout
    waiting = list(resources)
    reasons: dict[str, str] = {}
    unsteady: dict[str, Failed] = {}
    ended: dict[str, Waiting | Failed] = {}
    before: dict[str, Failed] | None = None
    came_up: set[str] = set()
    length = FIRST_PAUSE
    while waiting:
        failed: list[tuple[Resource, Failed]] = []
        for resource in list(waiting):
            found = watcher.ready(resource)
            if isinstance(found, Ready):
                waiting.remove(resource)
                observer.ready(resource.component, resource.name, found.detail)
                unsteady.pop(resource.key, None)
            elif isinstance(found, Failed) and not found.lasting:
                unsteady[resource.key] = ended[resource.key] = found
                reasons[resource.key] = found.reason
                observer.waiting(resource.component, resource.name, found.reason)
            elif isinstance(found, Failed):
                failed.append((resource, found))
            elif isinstance(found, Waiting):
                if found.log_tail:
                    ended[resource.key] = found
                reasons[resource.key] = found.reason
                observer.waiting(resource.component, resource.name, found.reason)
        if failed:
            raise _failure(failed, _restored([resource for resource, _ in failed], watcher, observer))
        if len(waiting) > len(unsteady):
            came_up |= {resource.key for resource in waiting}
            before = None
        elif waiting and before is None and came_up - unsteady.keys():
            before = dict(unsteady)  # the others are ready now: each has one more try with them
        elif waiting and before != unsteady:
            both = [(resource, unsteady[resource.key]) for resource in waiting]
            raise _failure(both, _restored(waiting, watcher, observer))
        if waiting and clock() >= end:
            raise _timeout(waiting, reasons, ended, timeout, _restored(waiting, watcher, observer))
        if waiting:
            pause(min(length, max(end - clock(), 0.01)))
            length = min(length * 1.5, LONGEST_PAUSE)


def _restored(resources: Sequence[Resource], watcher: Watcher, observer: Observer) -> dict[str, Restored]:
    """What became of each, by key."""
    if not isinstance(watcher, Restoring):
        return {}

    def restore(resource: Resource) -> Restored:
        return watcher.restore(resource, lambda text: observer.waiting(resource.component, resource.name, text))

    return {resource.key: restore(resource) for resource in resources}


def _said(resource: Resource, reason: str, restored: dict[str, Restored]) -> str:
    """A resource, what became of it, and why."""
    found = restored.get(resource.key, Restored())
    reason = f"{found.outcome}: it {reason}" if found.outcome else reason
    advice = f"; {found.advice}" if found.advice else ""
    return f"{resource.component}: {resource.kind} {resource.name} {reason}{advice}"


def _failure(failed: Sequence[tuple[Resource, Failed]], restored: dict[str, Restored]) -> EngineError:
    resource, first = failed[0]
    return EngineError(
        _said(resource, first.reason, restored),
        component=resource.component,
        position=resource.position,
        log_tail=first.log_tail,
        hint="mend the cause and run the same command again: it goes on where this one ended",
        details=[f"also: {_said(other, why.reason, restored)}" for other, why in failed[1:]],
    )


def _timeout(
    waiting: Sequence[Resource],
    reasons: dict[str, str],
    ended: dict[str, Waiting | Failed],
    timeout: float,
    restored: dict[str, Restored],
) -> EngineError:
    first, reason = waiting[0], reasons.get(waiting[0].key, "")
    trouble = ended.get(first.key)
    if trouble and trouble.reason != reason:
        # what is tried again may just be up at the moment: its last end says more than that
        reason += f" (before: {trouble.reason})"
    hint = "it may still come up: see `atomicapp status` and `atomicapp logs`; --timeout SECONDS waits longer"
    if restored.get(first.key, Restored()).outcome:
        hint = "mend the cause and run the same command again; --timeout SECONDS waits longer"

    def late(item: Resource, why: str) -> str:
        found = restored.get(item.key, Restored())
        verb = "was" if found.outcome else "is"
        return _said(item, f"{verb} not ready after {timeout:g} s: {why}", restored)

    return EngineError(
        late(first, reason),
        component=first.component,
        position=first.position,
        log_tail=trouble.log_tail if trouble else (),
        hint=hint,
        details=[
            f"also: {late(item, reasons.get(item.key, ''))}"
            if restored.get(item.key, Restored()).outcome
            else f"also: {item.component}: {item.kind} {item.name}: {reasons.get(item.key, '')}"
            for item in waiting[1:]
        ],
    )
