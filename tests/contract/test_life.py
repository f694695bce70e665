"""Create, keep, change, fail, mend, stop, start, prune, remove: the same for every provider."""

from __future__ import annotations

import time

import pytest

from atomicapp.errors import EngineError, SpecError
from atomicapp.model import CREATE, DATA, DELETE, KEEP, REPLACE, RUNNING, STOPPED, UPDATE
from atomicapp.planning import diff
from tests.contract import driver
from tests.contract.case import Case


def test_a_new_app_is_created_and_runs(case: Case) -> None:
    done = driver.run(case, case.rendered(db=case.db, web=case.web))
    assert set(done.values()) == {CREATE}
    for name in ("db", "web"):
        assert [item.state for item in driver.of_component(case, name)] == [RUNNING]


def test_a_second_run_changes_nothing(case: Case) -> None:
    rendered = case.rendered(db=case.db, web=case.web)
    driver.run(case, rendered)
    assert {step.op for step in driver.planned(case, rendered)} == {KEEP}


def test_only_what_changed_is_touched(case: Case) -> None:
    driver.run(case, case.rendered(db=case.db, web=case.web))
    before = {item.key: item.id for item in driver.of_component(case, "db")}
    steps = driver.planned(case, case.rendered(db=case.db, web=case.web_changed))
    changed = [step for step in steps if step.op != KEEP]
    assert [step.component for step in changed] == ["web"]
    assert changed[0].op in (UPDATE, REPLACE)
    shown = " ".join(f"{change.path} {change.old} {change.new}" for change in changed[0].changes)
    assert "COLOUR" in shown
    assert "blue" in shown
    assert "green" in shown
    done = driver.run(case, case.rendered(db=case.db, web=case.web_changed), revision=2)
    assert list(done.values()) == [changed[0].op]
    assert {item.key: item.id for item in driver.of_component(case, "db")} == before
    assert [item.revision for item in driver.of_component(case, "web")] == [2]


def test_what_fails_is_explained_and_the_next_run_repairs_it(case: Case) -> None:
    with pytest.raises(EngineError) as caught:
        driver.run(case, case.rendered(web=case.broken))
    assert caught.value.component == "web"
    assert "3" in caught.value.message
    assert "boom" in "\n".join(caught.value.log_tail)
    driver.run(case, case.rendered(web=case.web))
    assert [item.state for item in driver.of_component(case, "web")] == [RUNNING]


def test_stop_and_start_keep_everything(case: Case) -> None:
    rendered = case.rendered(db=case.db, web=case.web)
    driver.run(case, rendered)
    keys = set(driver.held(case))
    stops = diff.stop(driver.held(case).values())
    order = [step.component for step in stops if step.op != KEEP]
    assert order == ["web", "db"], "what was started last is stopped first"
    driver.carry_out(case, stops)
    assert {item.state for name in ("db", "web") for item in driver.of_component(case, name)} == {STOPPED}
    assert set(driver.held(case)) == keys
    driver.carry_out(case, diff.start(driver.held(case).values()))

    def states() -> set[tuple[str, bool]]:
        return {(item.state, item.ready) for name in ("db", "web") for item in driver.of_component(case, name)}

    # nobody has waited for it: an engine may tell of it a moment later, and of other states before
    deadline = time.monotonic() + 60
    while states() != {(RUNNING, True)} and time.monotonic() < deadline:
        time.sleep(0.5)
    assert states() == {(RUNNING, True)}
    assert {step.op for step in driver.planned(case, rendered)} == {KEEP}


def test_a_stopped_app_is_started_by_run(case: Case) -> None:
    rendered = case.rendered(web=case.web)
    driver.run(case, rendered)
    driver.carry_out(case, diff.stop(driver.held(case).values()))
    assert list(driver.run(case, rendered).values()) == ["start"]


def test_a_component_that_left_the_app_is_pruned(case: Case) -> None:
    driver.run(case, case.rendered(db=case.db, web=case.web))
    done = driver.run(case, case.rendered(db=case.db), revision=2)
    assert set(done.values()) == {DELETE}
    assert driver.of_component(case, "web") == []
    assert [item.state for item in driver.of_component(case, "db")] == [RUNNING]


def test_uninstall_keeps_data_and_purging_leaves_nothing(case: Case) -> None:
    driver.run(case, case.rendered(db=case.db, web=case.web))
    driver.carry_out(case, diff.uninstall(driver.held(case).values(), purge_data=False))
    left = driver.held(case)
    assert {item.lifetime for item in left.values()} == {DATA}
    driver.run(case, case.rendered(db=case.db, web=case.web))
    driver.carry_out(case, diff.uninstall(driver.held(case).values(), purge_data=True))
    assert driver.held(case) == {}


def test_a_step_done_twice_is_no_error(case: Case) -> None:
    rendered = case.rendered(web=case.web)
    steps = driver.planned(case, rendered)
    driver.carry_out(case, steps)
    driver.carry_out(case, steps)
    assert len(driver.of_component(case, "web")) == 1
    removal = diff.uninstall(driver.held(case).values(), purge_data=True)
    driver.carry_out(case, removal)
    driver.carry_out(case, removal)
    assert driver.held(case) == {}


def test_logs_come_with_their_component(case: Case) -> None:
    driver.run(case, case.rendered(web=case.web))
    with driver.session_of(case) as session:
        lines = list(session.logs(driver.of_component(case, "web")[0], tail=None, follow=False, since=""))
    assert [(line.component, line.text) for line in lines] == [("web", "hello")]


def test_every_deployment_is_listed(case: Case) -> None:
    driver.run(case, case.rendered(web=case.web))
    with driver.session_of(case) as session:
        everything = session.observe_all()
    assert {item.component for item in everything[case.target.app] if item.state == RUNNING} == {"web"}


def test_bad_text_is_refused_with_its_place(case: Case) -> None:
    with pytest.raises(SpecError) as caught:
        case.provider.parse(case.rendered(web="this is no artifact of any engine {"), case.target)
    assert caught.value.issues[0].position.file == "web_run"
    assert caught.value.issues[0].position.line == 1


def test_the_engine_is_reachable_and_a_wrong_address_is_not(case: Case) -> None:
    assert case.provider.reachable(case.target).ok
    nowhere = case.target._replace(api="tcp://127.0.0.1:9")
    assert not case.provider.reachable(nowhere).ok
    with pytest.raises(EngineError) as caught:
        driver.held(case._replace(target=nowhere))
    assert "127.0.0.1:9" in caught.value.message
