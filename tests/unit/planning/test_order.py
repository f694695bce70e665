"""atomicapp/planning/order.py: which step waits for which."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atomicapp.errors import SpecError
from atomicapp.model import CREATE, DELETE, KEEP, REPLACE, START, STOP, UPDATE, Step
from atomicapp.planning.order import arrange
from tests.unit.planning.steps import leaving, step
from tests.unit.properties import examples


def shown(steps: tuple[Step, ...]) -> list[str]:
    """`op name < those it waits for`."""
    return [
        f"{item.op} {item.name}" + (f" < {' '.join(steps[index].name for index in item.after)}" if item.after else "")
        for item in steps
    ]


def test_the_graph_goes_up_level_by_level_after_what_it_needs() -> None:
    steps = [
        step("web", 2, "network/net", "container/db"),
        step("network/net", 0),
        step("db", 1, "network/net", "volume/data", "image/not-in-the-plan"),
        step("volume/data", 0),
        step("web2", 2),
        step("last", 5),
    ]
    assert shown(arrange(steps)) == [
        "create net",
        "create data",
        "create db < net data",
        "create web < net db",
        "create web2 < db",
        "create last < web web2",
    ]


def test_what_runs_goes_down_in_reverse_then_the_rest() -> None:
    steps = [
        leaving("network/net", 0, op=DELETE),
        leaving("db", 1, op=DELETE),
        leaving("a", 2, op=STOP),
        leaving("b", 2, op=DELETE),
        leaving("volume/v", 0, op=DELETE),
    ]
    assert shown(arrange(steps)) == [
        "stop a",
        "delete b",
        "delete db < a b",
        "delete net < a b db",
        "delete v < a b db",
    ]


def test_down_before_up_before_what_nothing_uses_any_more() -> None:
    steps = [
        step("new", 1, "network/new"),
        step("network/new", 0),
        leaving("old", 3, op=DELETE),
        leaving("network/old", 0, op=DELETE),
        leaving("same", 2, op=KEEP),
    ]
    assert shown(arrange(steps)) == [
        "keep same",
        "delete old",
        "create new < old",
        "create new < old new",
        "delete old < old new new",
    ]


def test_every_way_up_keeps_the_order() -> None:
    steps = [step(op, number + 1, op=op) for number, op in enumerate((CREATE, UPDATE, REPLACE, START))]
    assert shown(arrange(steps)) == [
        "create create",
        "update update < create",
        "replace replace < update",
        "start start < replace",
    ]


def test_one_level_may_need_each_other_in_one_direction() -> None:
    assert shown(arrange([step("a", 1, "container/b"), step("b", 1)])) == ["create a < b", "create b"]


@pytest.mark.parametrize(
    ("steps", "message", "hint"),
    [
        (
            [step("web", 1, "container/db"), step("db", 2)],
            "container web needs container db, which waits for it",
            "put the component c-db before c-web in the graph",
        ),
        (
            [step("a", 1, "container/b"), step("b", 1, "container/a")],
            "container a needs container b, which waits for it",
            "put the component c-b before c-a in the graph",
        ),
    ],
)
def test_a_circle_is_told_and_never_waited_for(steps: list[Step], message: str, hint: str) -> None:
    with pytest.raises(SpecError) as found:
        arrange(steps)
    assert (found.value.message, found.value.hint) == (f"Nulecule:3:5: {message}", hint)


def test_a_thing_never_waits_for_itself() -> None:
    assert shown(arrange([step("a", 1, "container/a")])) == ["create a"]


STEPS = st.lists(
    st.tuples(st.sampled_from([CREATE, UPDATE, START, DELETE, STOP, KEEP]), st.integers(0, 4)), max_size=12
)


@examples
@given(STEPS)
def test_all_steps_come_once_each_after_what_it_waits_for(found: list[tuple[str, int]]) -> None:
    steps = [
        leaving(f"n{number}", order, op=op) if op in (DELETE, STOP) else step(f"n{number}", order, op=op)
        for number, (op, order) in enumerate(found)
    ]
    arranged = arrange(steps)
    assert sorted(item.name for item in arranged) == sorted(item.name for item in steps)
    for number, item in enumerate(arranged):
        assert all(index < number for index in item.after)
        assert item.op != KEEP or not item.after
    up = [item for item in arranged if item.op in (CREATE, UPDATE, START) and item.resource]
    for item in up:
        for other in up:
            if 0 < (item.resource.order if item.resource else 0) < (other.resource.order if other.resource else 0):
                assert arranged.index(item) < arranged.index(other)
