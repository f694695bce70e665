"""Things that need each other come in an order, and circles are told."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from atomicapp.workload.ordering import ordered


def of(needs: dict[str, str]) -> tuple[str, list[str]]:
    """The order and the circles of letters, where each needs those of its text."""
    order, circles = ordered(needs, key=lambda name: name, needs=lambda name: iter(needs[name]))
    return "".join(order), ["".join(circle) for circle in circles]


def test_the_order_given_holds_but_for_what_is_needed() -> None:
    assert of({"a": "", "b": "d", "c": "", "d": ""}) == ("adbc", [])
    assert of({"a": "bc", "b": "c", "c": ""}) == ("cba", [])


def test_a_circle_is_told_from_a_thing_to_itself() -> None:
    assert of({"a": "b", "b": "c", "c": "b"}) == ("cba", ["bcb"])
    assert of({"a": "a"}) == ("a", ["aa"])


def test_a_chain_of_any_length() -> None:
    many = 20_000
    order, circles = ordered(range(many), key=str, needs=lambda number: [number + 1] if number + 1 < many else [])
    assert order == [*range(many)][::-1]
    assert circles == []


@given(st.dictionaries(st.sampled_from("abcdef"), st.sets(st.sampled_from("abcdef"))))
def test_each_comes_once_after_what_it_needs_unless_there_is_a_circle(found: dict[str, set[str]]) -> None:
    needs = {name: "".join(sorted(others & found.keys())) for name, others in found.items()}
    order, circles = of(needs)
    assert sorted(order) == sorted(needs)
    for circle in circles:
        assert circle[0] == circle[-1]
        assert all(after in needs[before] for before, after in itertools.pairwise(circle))
    if not circles:
        places = {name: number for number, name in enumerate(order)}
        assert all(places[other] < places[name] for name, others in needs.items() for other in others)
