"""Wait until what was started is ready, and say why when it is not."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Protocol

from atomicapp.errors import EngineError
from atomicapp.model import Failed, Readiness, Ready, Resource, Waiting
from atomicapp.planning.observer import Observer

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 1.0
"""Seconds between two looks; the pause grows, so that short starts end fast and long ones cost little."""


class Watcher(Protocol):
    """The reading end of a provider's session."""

    def ready(self, resource: Resource) -> Readiness: ...


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

    A failure that may not last is waited for while others are not ready, and then until it fails once more.
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
            raise _failure(failed)
        if len(waiting) > len(unsteady):
            came_up |= {resource.key for resource in waiting}
            before = None
        elif waiting and before is None and came_up - unsteady.keys():
            before = dict(unsteady)  # the others are ready now: each has one more try with them
        elif waiting and before != unsteady:
            raise _failure([(resource, unsteady[resource.key]) for resource in waiting])
        if waiting and clock() >= end:
            raise _timeout(waiting, reasons, ended, timeout)
        if waiting:
            pause(min(length, max(end - clock(), 0.01)))
            length = min(length * 1.5, LONGEST_PAUSE)


def _failure(failed: Sequence[tuple[Resource, Failed]]) -> EngineError:
    resource, first = failed[0]
    return EngineError(
        f"{resource.component}: {resource.kind} {resource.name} {first.reason}",
        component=resource.component,
        position=resource.position,
        log_tail=first.log_tail,
        hint="mend the cause and run the same command again: it goes on where this one ended",
        details=[f"also: {other.component}: {other.kind} {other.name} {why.reason}" for other, why in failed[1:]],
    )


def _timeout(
    waiting: Sequence[Resource], reasons: dict[str, str], ended: dict[str, Waiting | Failed], timeout: float
) -> EngineError:
    first, reason = waiting[0], reasons.get(waiting[0].key, "")
    trouble = ended.get(first.key)
    if trouble and trouble.reason != reason:
        # what is tried again may just be up at the moment: its last end says more than that
        reason += f" (before: {trouble.reason})"
    return EngineError(
        f"{first.component}: {first.kind} {first.name} is not ready after {timeout:g} s: {reason}",
        component=first.component,
        position=first.position,
        log_tail=trouble.log_tail if trouble else (),
        hint="it may still come up: see `atomicapp status` and `atomicapp logs`; --timeout SECONDS waits longer",
        details=[
            f"also: {item.component}: {item.kind} {item.name}: {reasons.get(item.key, '')}" for item in waiting[1:]
        ],
    )
