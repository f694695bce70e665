"""Which step waits for which. Pure: lists of steps in, lists with `after` filled in out."""

from __future__ import annotations

from collections.abc import Sequence
from graphlib import CycleError, TopologicalSorter

from atomicapp.errors import SpecError
from atomicapp.model import CREATE, DELETE, KEEP, REPLACE, SCALE, START, STOP, UPDATE, Step

_COMING = frozenset({CREATE, UPDATE, REPLACE, START, SCALE})
_GOING = frozenset({DELETE, STOP})


def arrange(steps: Sequence[Step]) -> tuple[Step, ...]:
    """The steps in the order of their execution, each with the indexes of those that it waits for.

    What runs (`order` > 0) goes down in reverse order of the graph, then what is wanted comes up in the order
    of the graph, each after what it needs; what has no place in the graph (`order` 0: networks, volumes) comes
    before those that need it and goes when nothing uses it any more. Steps that keep wait for nothing.
    SpecError when what is needed comes later in the graph.
    """
    kept = [step for step in steps if step.op == KEEP]
    going = sorted((step for step in steps if step.op in _GOING and _order(step)), key=_order, reverse=True)
    coming = sorted((step for step in steps if step.op in _COMING), key=_order)
    last = [step for step in steps if step.op in _GOING and not _order(step)]
    arranged: list[Step] = [*kept]
    down = _levels(arranged, going, ())
    index = {step.key: len(arranged) + number for number, step in enumerate(coming)}
    up = _levels(arranged, coming, down, index)
    _levels(arranged, last, [*down, *up])
    _refuse_circles(arranged)
    return tuple(arranged)


def _refuse_circles(arranged: Sequence[Step]) -> None:
    """SpecError for a step that waits for one that waits for it: one of them is needed but comes later in the graph."""
    try:
        TopologicalSorter({number: step.after for number, step in enumerate(arranged)}).prepare()
    except CycleError as error:
        circle = {arranged[number].key: arranged[number] for number in error.args[1]}
    else:
        return
    for step in circle.values():
        for key in step.resource.needs if step.resource else ():
            if step.resource and key in circle:
                other = circle[key]
                raise SpecError.single(
                    f"{step.kind} {step.name} needs {other.kind} {other.name}, which waits for it",
                    step.resource.position,
                    code="order",
                    hint=f"put the component {other.component} before {step.component} in the graph",
                )


def _order(step: Step) -> int:
    found = step.resource or step.existing
    assert found is not None
    return found.order


def _levels(
    arranged: list[Step], steps: Sequence[Step], before: Sequence[int], index: dict[str, int] | None = None
) -> list[int]:
    """Append steps so that those of one order wait for those of the order before; returns all their indexes.

    `before` are the indexes that all of them wait for; `index` finds the step of a needed resource.
    """
    added: list[int] = []
    previous: list[int] = []
    current: list[int] = []
    level: int | None = None
    for step in steps:
        order = _order(step)
        if order != level:
            # order 0 is no level of the graph: only `needs` ties it
            previous = current if level else []
            current, level = [], order
        needs = [index[key] for key in (step.resource.needs if step.resource else ()) if key in index] if index else []
        after = tuple(sorted({*before, *previous, *needs} - {len(arranged)}))
        current.append(len(arranged))
        added.append(len(arranged))
        arranged.append(step._replace(after=after))
    return added
