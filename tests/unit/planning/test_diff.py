"""atomicapp/planning/diff.py: from what is wanted and what is there to steps."""

from __future__ import annotations

from atomicapp.model import (
    DATA,
    DELETE,
    FAILED,
    KEEP,
    PLACE,
    PRESENT,
    REPLACE,
    SHARED,
    STOPPED,
    UPDATE,
    Change,
    Existing,
    Resource,
    Step,
)
from atomicapp.planning import diff
from tests.unit.planning.steps import existing, resource


class Compare:
    """Answers with one op; remembers what it was asked."""

    def __init__(self, op: str = UPDATE) -> None:
        self.op = op
        self.asked: list[str] = []

    def __call__(self, wanted: Resource, there: Existing) -> tuple[str, tuple[Change, ...]]:
        self.asked.append(wanted.name)
        return self.op, (Change("image", "old", "new"),)


def shown(steps: tuple[Step, ...]) -> list[str]:
    return [f"{step.op} {step.name}: {step.cause}".rstrip(": ") for step in steps]


def test_what_is_absent_is_made_and_what_is_no_longer_wanted_goes() -> None:
    compare = Compare()
    steps = diff.run([resource("new", 1), resource("same", 2)], [existing("same", 2), existing("old", 3)], compare)
    assert shown(steps) == ["keep same", "delete old: no longer in the app", "create new: absent"]
    assert compare.asked == []


def test_a_second_run_keeps_everything() -> None:
    wanted = [resource("network/net", 0), resource("web", 1)]
    there = [existing("network/net", 0, state=PRESENT), existing("web", 1)]
    assert {step.op for step in diff.run(wanted, there, Compare())} == {KEEP}


def test_only_what_has_another_hash_is_compared() -> None:
    compare = Compare(REPLACE)
    steps = diff.run([resource("a", 1), resource("b", 2)], [existing("a", 1, digest="x"), existing("b", 2)], compare)
    assert shown(steps) == ["keep b", "replace a: changed"]
    assert steps[1].changes == (Change("image", "old", "new"),)
    assert compare.asked == ["a"]


def test_an_unknown_hash_counts_as_changed() -> None:
    compare = Compare()
    diff.run([resource("a")], [existing("a", digest="")], compare)
    assert compare.asked == ["a"]


def test_what_differs_in_nothing_is_kept_or_started() -> None:
    there = [existing("a", 1, digest="x"), existing("b", 2, digest="x", state=STOPPED, detail="exited (0)")]
    steps = diff.run([resource("a", 1), resource("b", 2)], there, Compare(KEEP))
    assert shown(steps) == ["keep a", "start b: exited (0)"]


def test_what_stands_still_is_started() -> None:
    there = [existing("a", 1, state=STOPPED), existing("b", 2, state=FAILED, detail="exited (1)")]
    steps = diff.run([resource("a", 1), resource("b", 2)], there, Compare())
    assert shown(steps) == ["start a: stopped", "start b: exited (1)"]


def test_data_is_kept_and_shared_things_are_left_alone() -> None:
    there = [
        existing("volume/data", 0, state=PRESENT, lifetime=DATA),
        existing("image/nginx", 0, state=PRESENT, lifetime=SHARED),
    ]
    assert shown(diff.run([], there, Compare())) == ["keep data: no longer in the app, kept because it holds data"]
    compare = Compare()
    steps = diff.run([resource("image/nginx", 0)], [there[1]._replace(hash="")], compare)
    assert shown(steps) == ["keep nginx"]
    assert compare.asked == []


THERE = [
    existing("a", 1),
    existing("b", 2, state=STOPPED),
    existing("c", 3, state=FAILED, detail="exited (1)"),
    existing("network/n", 0, state=PRESENT),
    existing("volume/v", 0, state=PRESENT, lifetime=DATA),
    existing("image/i", 0, state=PRESENT, lifetime=SHARED),
]


def test_stop_stops_what_runs_in_reverse_order() -> None:
    assert shown(diff.stop(THERE)) == ["keep b", "keep n", "keep v", "keep i", "stop c: stop", "stop a: stop"]
    assert {step.op for step in diff.stop([existing("b", state=STOPPED)])} == {KEEP}


def test_start_starts_what_stands_still_in_order() -> None:
    assert shown(diff.start(THERE)) == [
        "keep a",
        "keep n",
        "keep v",
        "keep i",
        "start b: stopped",
        "start c: exited (1)",
    ]


def test_uninstall_leaves_data_and_what_is_shared() -> None:
    assert shown(diff.uninstall(THERE, purge_data=False)) == [
        "keep v: kept: it holds data",
        "delete c: uninstall",
        "delete b: uninstall",
        "delete a: uninstall",
        "delete n: uninstall",
    ]
    purged = diff.uninstall(THERE, purge_data=True)
    assert [step.name for step in purged if step.op == DELETE] == ["c", "b", "a", "n", "v"]
    assert "i" not in [step.name for step in purged]


def test_a_step_tells_what_it_is_about() -> None:
    going, coming = diff.run([resource("new")], [existing("old")], Compare())
    assert [(step.key, step.component, step.kind, step.name) for step in (going, coming)] == [
        ("container/old", "c-old", "container", "old"),
        ("container/new", "c-new", "container", "new"),
    ]


def test_a_place_is_left_by_run_and_removed_by_uninstall_last() -> None:
    place = existing("namespace/shop", 1, lifetime=PLACE, state=PRESENT)
    there = [place, existing("web", 5)]
    assert shown(diff.run([resource("web", 5)], there, Compare())) == [
        "keep web", "keep shop: all else stands in it",
    ]  # fmt: skip
    assert shown(diff.uninstall(there, purge_data=False)) == [
        "delete web: uninstall",
        "delete shop: uninstall",
    ]


def test_scaling_changes_counts_and_nothing_else() -> None:
    there = [existing("web", 1)._replace(replicas=2), existing("db", 2)._replace(replicas=1), existing("pod", 3)]
    steps = diff.scale(there, {there[0].key: 4, there[1].key: 1})
    assert shown(steps) == ["keep db", "keep pod", "scale web: scale"]
    assert steps[2].replicas == 4
    assert steps[2].changes == (Change("replicas", "2", "4"),)
