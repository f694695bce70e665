"""atomicapp/planning/apply.py: plans carried out by a session in memory."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from atomicapp.errors import AtomicAppError, EngineError, Kept
from atomicapp.model import DELETE, KEEP, Failed, Plan, Readiness, Ready, Resource, Step, Waiting
from atomicapp.planning import apply as applying
from atomicapp.planning.observer import Observer
from atomicapp.planning.order import arrange
from tests.unit.planning.steps import HERE, leaving, plan, step


class Engine:
    """Carries out steps in memory: notes their begin and end, fails those of `broken`, holds those of `held`."""

    def __init__(self, **broken: AtomicAppError) -> None:
        self.broken = broken
        self.events: list[str] = []
        self.reached: dict[str, threading.Event] = {}
        self.held: dict[str, threading.Event] = {}
        self.scripts: dict[str, list[Readiness]] = {}

    def apply(self, step: Step, app: str, revision: int, report: applying.Report) -> None:
        assert (app, revision) == ("shop", 7)
        self.events.append(f"begin {step.name}")
        report(step.key, f"{step.op} {step.name}")
        if step.name in self.reached:
            self.reached[step.name].set()
        if step.name in self.held:
            assert self.held[step.name].wait(60)
        if step.name in self.broken:
            raise self.broken[step.name]
        self.events.append(f"end {step.name}")

    def ready(self, resource: Resource) -> Readiness:
        """Each asked answers by its script, the last answer again and again; one that is not done yet must not be asked."""
        assert f"end {resource.name}" in self.events or resource.name in self.scripts
        script = self.scripts.get(resource.name, [])
        found = script.pop(0) if len(script) > 1 else (script or [Ready()])[0]
        self.events.append(f"look {resource.name}: {type(found).__name__}")
        return found


class Watcher(Observer):
    def __init__(self) -> None:
        self.seen: list[str] = []

    def step_started(self, step: Step) -> None:
        self.seen.append(f"started {step.name}")

    def step_progress(self, key: str, text: str) -> None:
        self.seen.append(f"progress {key} {text}")

    def step_done(self, step: Step) -> None:
        self.seen.append(f"done {step.name}")

    def step_failed(self, step: Step, error: AtomicAppError) -> None:
        self.seen.append(f"failed {step.name} {error.message}")


def run(planned: Plan, engine: Engine) -> list[str]:
    watcher = Watcher()
    applying.apply(planned, engine, watcher)
    return watcher.seen


def test_steps_are_carried_out_in_order_and_told() -> None:
    engine = Engine()
    seen = run(plan(*arrange([step("b", 2), step("a", 1), leaving("k", 1, op=KEEP)])), engine)
    assert engine.events == ["begin a", "end a", "begin b", "end b"]
    assert seen == [
        "started a", "progress container/a create a", "done a", "started b", "progress container/b create b", "done b",
    ]  # fmt: skip


def test_a_plan_without_changes_does_nothing() -> None:
    engine = Engine()
    assert run(plan(), engine) == []
    assert run(plan(leaving("a", op=KEEP), step("b", op=KEEP)), engine) == []
    assert engine.events == []


def test_independent_steps_run_side_by_side() -> None:
    engine = Engine()
    names = [f"s{number}" for number in range(applying.PARALLEL)]
    together = threading.Barrier(applying.PARALLEL)

    class Together(Engine):
        def apply(self, step: Step, app: str, revision: int, report: applying.Report) -> None:
            together.wait(60)

    applying.apply(plan(*(step(name) for name in names)), Together(), Observer())
    assert not together.broken
    assert engine.events == []


def test_what_waits_for_another_begins_after_its_end() -> None:
    engine = Engine()
    steps = [step(f"n{number}", number % 5 + 1) for number in range(40)]
    planned = plan(*arrange(steps))
    run(planned, engine)
    place = {event: number for number, event in enumerate(engine.events)}
    assert len(place) == 80
    for item in planned.steps:
        for index in item.after:
            assert place[f"end {planned.steps[index].name}"] < place[f"begin {item.name}"]


def test_a_failure_in_the_middle_says_what_was_done_and_what_was_not() -> None:
    broken = EngineError("no such image", log_tail=["tail"], hint="build it", details=["more"])
    engine = Engine(b=broken)
    planned = plan(
        *arrange(
            [
                step("network/n", 0),
                step("a", 1),
                step("b", 2),
                step("c", 3),
                leaving("k", op=KEEP),
                leaving("old", op=DELETE),
            ]
        )
    )
    with pytest.raises(EngineError) as found:
        run(planned, engine)
    error = found.value
    assert error.message == "no such image"
    assert (error.component, error.position, error.log_tail, error.hint) == ("c-b", HERE, ("tail",), "build it")
    done_before, not_begun = error.details[1:]
    assert error.details[0] == "more"
    assert done_before == "done before: delete container old, create network n, create container a"
    assert not_begun == "not begun: create container c"
    assert "begin c" not in engine.events


def test_a_failure_without_a_hint_says_that_it_may_be_run_again() -> None:
    with pytest.raises(EngineError) as found:
        run(plan(step("a")), Engine(a=AtomicAppError("oops")))
    assert found.value.hint == "mend the cause and run the same command again: it goes on where this one ended"
    assert found.value.details == ()
    with pytest.raises(EngineError) as found:
        run(plan(leaving("a", op=DELETE)), Engine(a=AtomicAppError("oops")))
    assert found.value.position is None


def test_those_under_way_are_waited_for_and_no_other_is_begun() -> None:
    engine = Engine(bad=AtomicAppError("first"), slow=AtomicAppError("second"))
    engine.reached = {"slow": threading.Event(), "good": threading.Event()}
    engine.held = {"bad": threading.Event(), "slow": threading.Event(), "good": threading.Event()}

    class Releasing(Watcher):
        def step_failed(self, step: Step, error: AtomicAppError) -> None:
            super().step_failed(step, error)
            engine.held["slow"].set()
            engine.held["good"].set()

    def release() -> None:
        for event in engine.reached.values():
            assert event.wait(60)
        engine.held["bad"].set()

    names = ["bad", "slow", "good", *(f"waiting{number}" for number in range(applying.PARALLEL))]
    engine.held |= {name: engine.held["good"] for name in names if name.startswith("waiting")}
    releaser = threading.Thread(target=release)
    releaser.start()
    watcher = Releasing()
    with pytest.raises(EngineError) as found:
        applying.apply(plan(*(step(name) for name in names)), engine, watcher)
    releaser.join()
    assert found.value.message == "first"
    assert "also failed: container slow: second" in found.value.details
    assert "end good" in engine.events
    begun = {event.partition(" ")[2] for event in engine.events if event.startswith("begin")}
    left = found.value.details[-1].removeprefix("not begun: ").split(", ")
    assert left[-1] == f"create container waiting{applying.PARALLEL - 1}"
    assert {line.rpartition(" ")[2] for line in left}.isdisjoint(begun)
    assert len(begun) + len(left) == len(names)


def test_ctrl_c_begins_nothing_more_and_waits_for_what_is_under_way() -> None:
    class Interrupted(Engine):
        def apply(self, step: Step, app: str, revision: int, report: applying.Report) -> None:
            # not in the first step, whose thread may not be known to the pool yet
            if step.name == "a":
                os.kill(os.getpid(), signal.SIGINT)
            super().apply(step, app, revision, report)

    engine = Interrupted()
    with pytest.raises(KeyboardInterrupt):
        run(plan(*arrange([step("first", 1), step("a", 2), step("b", 3)])), engine)
    assert engine.events == ["begin first", "end first", "begin a", "end a"]


def test_what_the_engine_made_us_leave_is_kept_in_the_plan_that_comes_back() -> None:
    class Clinging(Engine):
        def apply(self, step: Step, app: str, revision: int, report: applying.Report) -> None:
            if step.name == "first":
                raise Kept("it is in use")
            super().apply(step, app, revision, report)

    class Told(Watcher):
        def step_kept(self, step: Step, reason: str) -> None:
            self.seen.append(f"kept {step.name}: {reason}")

    watcher = Told()
    went = applying.apply(plan(*arrange([step("first", 1), step("second", 2)])), Clinging(), watcher)
    assert [(item.op, item.cause) for item in went.steps if item.name == "first"] == [(KEEP, "it is in use")]
    assert watcher.seen[:2] == ["started first", "kept first: it is in use"]
    assert watcher.seen[-1] == "done second", "what waited for it goes on"


def waiting_step(name: str, order: int, *waits: str) -> Step:
    found = step(name, order, *waits)
    assert found.resource
    return found._replace(resource=found.resource._replace(waits=waits))


def test_a_step_waits_until_what_it_needs_is_ready() -> None:
    engine = Engine()
    engine.scripts = {"db": [Waiting("starting"), Ready("healthy")]}
    steps = arrange([step("db", 1), waiting_step("web", 1, "container/db"), step("other", 1)])
    applying.apply(plan(*steps), engine, Watcher())
    looks = ["end db", "look db: Waiting", "look db: Ready", "begin web"]
    assert [event for event in engine.events if event in looks] == looks
    assert engine.events.index("end other") < engine.events.index("begin web"), "others need not wait"


def test_what_is_there_already_is_waited_for_too() -> None:
    engine = Engine()
    engine.scripts = {"db": [Waiting("starting"), Ready()]}
    run(plan(*arrange([step("db", 1, op=KEEP), waiting_step("web", 2, "container/db")])), engine)
    assert engine.events == ["look db: Waiting", "look db: Ready", "begin web", "end web"]


def test_a_step_is_not_begun_when_what_it_waits_for_fails() -> None:
    engine = Engine()
    engine.scripts = {"db": [Failed("has ended with exit code 1", ("no disk",))]}
    watcher = Watcher()
    steps = arrange([step("db", 1), waiting_step("web", 2, "container/db")])
    with pytest.raises(EngineError) as caught:
        applying.apply(plan(*steps), engine, watcher)
    assert caught.value.message == "c-db: container db has ended with exit code 1"
    assert caught.value.component == "c-db"
    assert caught.value.log_tail == ("no disk",)
    assert "done before: create container db" in caught.value.details
    assert "not begun: create container web" in caught.value.details
    assert "begin web" not in engine.events
    assert not [line for line in watcher.seen if line.startswith("failed")]


def test_what_waits_is_given_up_when_another_step_fails() -> None:
    engine = Engine(bad=EngineError("no room"))
    engine.scripts = {"db": [Waiting("starting")]}
    engine.reached["bad"] = threading.Event()
    steps = arrange([step("db", op=KEEP), waiting_step("web", 1, "container/db"), step("bad", 1)])
    with pytest.raises(EngineError, match="no room") as caught:
        applying.apply(plan(*steps), engine, Watcher())
    assert "not begun: create container web" in caught.value.details


def test_a_wait_ends_with_its_time() -> None:
    engine = Engine()
    engine.scripts = {"db": [Waiting("starting")]}
    with pytest.raises(EngineError, match=r"db is not ready after 0\.2 s: starting"):
        applying.apply(
            plan(*arrange([step("db", 1), waiting_step("web", 2, "container/db")])), engine, Watcher(), timeout=0.2
        )
    assert "begin web" not in engine.events
