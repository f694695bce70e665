"""What has to be done: the difference between what is wanted and what the engine holds. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from atomicapp.model import (
    CREATE,
    DATA,
    DELETE,
    FAILED,
    KEEP,
    OWNED,
    PLACE,
    PRESENT,
    SCALE,
    SHARED,
    START,
    STOP,
    STOPPED,
    Change,
    Existing,
    Resource,
    Step,
)
from atomicapp.planning.order import arrange

Compare = Callable[[Resource, Existing], tuple[str, tuple[Change, ...]]]
"""How an existing resource has to change: the op and the fields. Asked only when the hashes differ."""


def run(wanted: Sequence[Resource], existing: Iterable[Existing], compare: Compare) -> tuple[Step, ...]:
    """The steps after which exactly what is wanted runs; what holds data is never removed."""
    there = {item.key: item for item in existing}
    steps = [_step(resource, there.get(resource.key), compare) for resource in wanted]
    keys = {resource.key for resource in wanted}
    for item in there.values():
        if item.key in keys or item.lifetime == SHARED:
            continue
        if item.lifetime == DATA:
            steps.append(Step(KEEP, None, item, cause="no longer in the app, kept because it holds data"))
        elif item.lifetime == PLACE:
            steps.append(Step(KEEP, None, item, cause="all else stands in it"))
        else:
            steps.append(Step(DELETE, None, item, cause="no longer in the app"))
    return arrange(steps)


def _step(resource: Resource, item: Existing | None, compare: Compare) -> Step:
    if item is None:
        return Step(CREATE, resource, None, cause="absent")
    changes: tuple[Change, ...] = ()
    # what is shared was not made by us, so there is no hash to compare with and nothing to change
    if item.lifetime != SHARED and item.hash != resource.hash:
        op, changes = compare(resource, item)
        if op != KEEP:
            return Step(op, resource, item, cause="changed", changes=changes)
    if item.state in (STOPPED, FAILED):
        return Step(START, resource, item, cause=item.detail or item.state)
    return Step(KEEP, resource, item)


def stop(existing: Iterable[Existing]) -> tuple[Step, ...]:
    """The steps after which nothing runs and everything is still there."""
    return arrange(
        [
            Step(STOP, None, item, cause="stop")
            if item.lifetime == OWNED and item.state not in (STOPPED, PRESENT)
            else Step(KEEP, None, item)
            for item in existing
        ]
    )


def start(existing: Iterable[Existing]) -> tuple[Step, ...]:
    """The steps after which all that was stopped runs again."""
    return arrange(
        [
            Step(START, None, item, cause=item.detail or item.state)
            if item.lifetime == OWNED and item.state in (STOPPED, FAILED)
            else Step(KEEP, None, item)
            for item in existing
        ]
    )


def uninstall(existing: Iterable[Existing], *, purge_data: bool) -> tuple[Step, ...]:
    """The steps after which nothing of the deployment is left, but its data unless `purge_data`."""
    steps = []
    for item in existing:
        if item.lifetime in (OWNED, PLACE) or (item.lifetime == DATA and purge_data):
            steps.append(Step(DELETE, None, item, cause="uninstall"))
        elif item.lifetime == DATA:
            steps.append(Step(KEEP, None, item, cause="kept: it holds data"))
    return arrange(steps)


def scale(existing: Iterable[Existing], counts: Mapping[str, int]) -> tuple[Step, ...]:
    """The steps after which as many of each key of `counts` are wanted as it says; all else stays."""
    steps = []
    for item in existing:
        count = counts.get(item.key, item.replicas)
        if count == item.replicas:
            steps.append(Step(KEEP, None, item))
        else:
            change = Change("replicas", str(item.replicas), str(count))
            steps.append(Step(SCALE, None, item, cause="scale", changes=(change,), replicas=count))
    return arrange(steps)
