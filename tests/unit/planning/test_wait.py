"""atomicapp/planning/wait.py: until all is ready, by a clock in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import pytest

from atomicapp.errors import EngineError
from atomicapp.model import Failed, Readiness, Ready, Resource, Restored, Waiting
from atomicapp.planning.observer import Observer
from atomicapp.planning.wait import FIRST_PAUSE, LONGEST_PAUSE, wait_until_ready
from tests.unit.planning.steps import HERE, resource


class Engine:
    """Answers by a script: name -> one answer for each look, the last one for ever."""

    def __init__(self, script: Mapping[str, Sequence[Readiness]]) -> None:
        self.script: dict[str, Iterator[Readiness]] = {name: iter(found) for name, found in script.items()}
        self.last: dict[str, Readiness] = {}
        self.asked: list[str] = []

    def ready(self, resource: Resource) -> Readiness:
        self.asked.append(resource.name)
        self.last[resource.name] = next(self.script[resource.name], self.last.get(resource.name, Ready()))
        return self.last[resource.name]


class Watcher(Observer):
    def __init__(self) -> None:
        self.seen: list[str] = []

    def waiting(self, component: str, name: str, reason: str) -> None:
        self.seen.append(f"{component} {name} waits: {reason}")

    def ready(self, component: str, name: str, detail: str) -> None:
        self.seen.append(f"{component} {name} ready: {detail}")


class Clock:
    """Time that only passes by pausing."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def __call__(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


def wait(script: Mapping[str, Sequence[Readiness]], timeout: float = 10) -> tuple[Engine, Watcher, Clock]:
    engine, watcher, clock = Engine(script), Watcher(), Clock()
    wait_until_ready(
        [resource(name) for name in script], engine, watcher, timeout=timeout, clock=clock, pause=clock.pause
    )
    return engine, watcher, clock


def test_all_ready_at_once_costs_no_pause() -> None:
    engine, watcher, clock = wait({"a": [Ready("healthy")], "b": [Ready()]})
    assert clock.pauses == []
    assert watcher.seen == ["c-a a ready: healthy", "c-b b ready: "]
    assert engine.asked == ["a", "b"]
    assert wait({})[2].pauses == []


def test_a_reason_is_told_at_each_look_and_ready_ones_are_not_asked_again() -> None:
    engine, watcher, _ = wait({"a": [Waiting("starting")] * 3 + [Waiting("unhealthy"), Ready()], "b": [Ready()]})
    assert watcher.seen == [
        "c-a a waits: starting",
        "c-b b ready: ",
        "c-a a waits: starting",
        "c-a a waits: starting",
        "c-a a waits: unhealthy",
        "c-a a ready: ",
    ]
    assert engine.asked.count("b") == 1


def test_pauses_grow_to_a_bound() -> None:
    _, _, clock = wait({"a": [Waiting("x")] * 12 + [Ready()]}, timeout=100)
    assert clock.pauses[0] == FIRST_PAUSE
    assert clock.pauses == sorted(clock.pauses)
    assert clock.pauses[-1] == LONGEST_PAUSE


def test_a_failure_ends_the_wait_with_reason_and_log() -> None:
    failed = Failed("exited with status 1", ("last", "lines"))
    with pytest.raises(EngineError) as found:
        wait({"ok": [Waiting("x")], "a": [Waiting("x"), failed], "b": [Waiting("x"), Failed("is gone")]})
    error = found.value
    assert error.message == "c-a: container a exited with status 1"
    assert (error.component, error.position, error.log_tail) == ("c-a", HERE, ("last", "lines"))
    assert error.details == ("also: c-b: container b is gone",)
    assert error.hint == "mend the cause and run the same command again: it goes on where this one ended"


def again(number: int) -> Failed:
    return Failed(f"ends again and again ({number} restarts)", ("no database",), lasting=False)


def test_what_fails_again_and_again_is_waited_for_while_others_are_not_ready() -> None:
    wait({"db": [Waiting("starting")] * 5 + [Ready()], "web": [Waiting("x"), again(3), again(4), again(4), Ready()]})
    wait({"db": [Waiting("starting")] * 3 + [Ready()], "web": [again(3)] * 6 + [Ready()]})


def test_it_has_one_more_try_when_the_others_are_ready() -> None:
    with pytest.raises(EngineError) as found:
        wait({"db": [Waiting("starting")] * 3 + [Ready()], "web": [again(3)] * 6 + [again(4)]})
    assert found.value.message == "c-web: container web ends again and again (4 restarts)"
    assert found.value.log_tail == ("no database",)


def test_alone_it_fails_at_once_and_two_that_wait_for_each_other_fail_too() -> None:
    with pytest.raises(EngineError, match=r"web ends again and again \(3 restarts\)"):
        wait({"db": [Ready()], "web": [Waiting("starting"), again(3), again(4)]})
    with pytest.raises(EngineError, match=r"a ends again and again \(3 restarts\)") as found:
        wait({"a": [again(3)], "b": [again(3)]})
    assert found.value.details == ("also: c-b: container b ends again and again (3 restarts)",)


def test_a_timeout_shows_the_log_of_what_fails_again_and_again() -> None:
    with pytest.raises(EngineError, match="not ready after 2 s: ends again") as found:
        wait({"web": [again(3)], "db": [Waiting("starting")]}, timeout=2)
    assert found.value.log_tail == ("no database",)


def test_a_timeout_names_all_that_is_not_ready_and_why() -> None:
    with pytest.raises(EngineError) as found:
        wait(
            {"ok": [Ready()], "a": [Waiting("pulling"), Waiting("unhealthy")], "b": [Waiting("starting")]}, timeout=2.5
        )
    error = found.value
    assert error.message == "c-a: container a is not ready after 2.5 s: unhealthy"
    assert error.details == ("also: c-b: container b: starting",)
    assert error.component == "c-a"
    assert (
        error.hint
        == "it may still come up: see `atomicapp status` and `atomicapp logs`; --timeout SECONDS waits longer"
    )


def test_the_last_pause_ends_at_the_timeout() -> None:
    engine, watcher, clock = Engine({"a": [Waiting("x")]}), Watcher(), Clock()
    with pytest.raises(EngineError):
        wait_until_ready([resource("a")], engine, watcher, timeout=1, clock=clock, pause=clock.pause)
    assert clock.now == pytest.approx(1, abs=0.02)


def test_without_time_it_looks_once() -> None:
    with pytest.raises(EngineError, match=r"is not ready after 0 s: x$"):
        wait({"a": [Waiting("x")]}, timeout=0)
    assert wait({"a": [Ready()]}, timeout=0)[2].pauses == []


def test_a_timeout_shows_the_last_end_of_what_just_runs_again() -> None:
    looks = [Waiting("ended with 3", ("boom",)), Waiting("running, for less than a second")]
    with pytest.raises(EngineError) as caught:
        wait({"a": looks}, timeout=1)
    assert caught.value.message == (
        "c-a: container a is not ready after 1 s: running, for less than a second (before: ended with 3)"
    )
    assert caught.value.log_tail == ("boom",)


class Restoring(Engine):
    """One that goes back to what ran before, or says what to do."""

    def __init__(self, script: Mapping[str, Sequence[Readiness]], restored: Mapping[str, Restored]) -> None:
        super().__init__(script)
        self.restored = restored

    def restore(self, resource: Resource, report: Callable[[str], None]) -> Restored:
        report("is being restored")
        return self.restored[resource.name]


def restoring(script: Mapping[str, Sequence[Readiness]], **restored: Restored) -> tuple[EngineError, list[str]]:
    engine, watcher, clock = Restoring(script, restored), Watcher(), Clock()
    with pytest.raises(EngineError) as caught:
        wait_until_ready(
            [resource(name) for name in script], engine, watcher, timeout=1, clock=clock, pause=clock.pause
        )
    return caught.value, watcher.seen


def test_what_failed_is_restored_and_both_are_told() -> None:
    failed = [Failed("has ended", ("bye",))]
    error, seen = restoring({"a": failed, "b": failed}, a=Restored("was rolled back"), b=Restored("", "remove it"))
    assert error.message == "c-a: container a was rolled back: it has ended"
    assert error.log_tail == ("bye",)
    assert error.details == ("also: c-b: container b has ended; remove it",)
    assert seen == ["c-a a waits: is being restored", "c-b b waits: is being restored"]


def test_what_is_late_is_restored_and_nobody_is_told_to_wait_on() -> None:
    late = [Waiting("staged")]
    error, _ = restoring({"a": late, "b": late}, a=Restored("was rolled back", "see it"), b=Restored())
    assert error.message == "c-a: container a was rolled back: it was not ready after 1 s: staged; see it"
    assert "may still come up" not in error.hint
    assert error.details == ("also: c-b: container b: staged",)
    error, _ = restoring({"a": late}, a=Restored("", "its deployment goes on"))
    assert error.message == "c-a: container a is not ready after 1 s: staged; its deployment goes on"
    assert "may still come up" in error.hint
