"""The section by which a unit file says whose it is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from atomicapp.model import DATA, FAILED, PRESENT, RUNNING, STOPPED
from atomicapp.providers.systemd import marks, state
from atomicapp.providers.systemd.marks import Mark

LINE = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=12)
TEXT = st.lists(st.one_of(LINE, st.sampled_from(["[Service]", "[X-Atomicapp]", "Name=x", "a\\", ""]))).map("\n".join)


@given(TEXT, st.lists(LINE, max_size=3), st.integers(0, 99))
def test_what_is_written_is_read(text: str, words: list[str], order: int) -> None:
    mark = Mark(
        "shop", "a:web", "unit/web.service", "abc", order, 3, DATA, marks.digest(text), marks.ONCE,
        ("1", "2"), tuple(words), tuple(words), ("docker", "rm"), "unit", "image:1", ("0.0.0.0:80->80/tcp",),
    )  # fmt: skip
    whole = marks.written(text, mark)
    found, again = marks.read(whole)
    assert again == mark
    assert marks.digest(found) == mark.text
    # written twice it stays the same
    assert marks.written(found, mark) == whole


def test_what_is_not_ours_has_no_mark() -> None:
    for text in ("", "[Service]\nExecStart=/bin/true\n", "[Service]\n[X-Atomicapp]\nInstances=3\n"):
        assert marks.read(text) == (text, None)


def test_damaged_sections_are_read_as_far_as_they_go() -> None:
    text = "[Service]\n\n[X-Atomicapp]\nName=a\nKey=k\nOrder=x\nInstances={\nLifetime=else\nnonsense\n"
    mark = marks.read(text)[1]
    assert mark is not None
    assert (mark.app, mark.order, mark.instances, mark.lifetime) == ("a", 0, (), "owned")
    assert marks.read(text.replace("Key=k\n", ""))[1] is None


# ---------------------------------------------------------------- how units are

MARK = Mark("a", "web", "unit/web.service", "h")


def row(active: str, sub: str, **more: str) -> dict[str, str]:
    return {"LoadState": "loaded", "ActiveState": active, "SubState": sub, **more}


def test_states_of_single_units() -> None:
    once, there, thing = (MARK._replace(way=way) for way in (marks.ONCE, marks.PRESENT_ONLY, marks.THING))
    assert state.one(MARK, row("active", "running")) == (RUNNING, "active (running)", True)
    assert state.one(MARK, row("active", "running", StatusText="busy")) == (RUNNING, "active (running): busy", True)
    assert state.one(MARK, row("activating", "start-pre")) == (RUNNING, "activating (start-pre)", False)
    assert state.one(MARK, row("inactive", "dead")) == (STOPPED, "inactive (dead)", True)
    assert state.one(once, row("inactive", "dead", UnitFileState="enabled"))[0] == PRESENT
    assert state.one(once, row("inactive", "dead", UnitFileState="disabled"))[0] == STOPPED
    assert state.one(there, row("inactive", "dead")) == (PRESENT, "until another unit starts it", True)
    assert state.one(thing, row("active", "exited"))[0] == PRESENT
    assert state.one(thing, row("failed", "failed"))[0] == FAILED
    again = row("activating", "auto-restart", NRestarts="7", ExecMainCode="1", ExecMainStatus="3")
    assert state.one(MARK, again) == (FAILED, "activating (auto-restart): exit code 3, 7 restarts", False)
    masked = state.one(MARK, {"LoadState": "masked", "ActiveState": "inactive"})
    assert masked[0] == FAILED
    assert "systemctl unmask" in masked[1]
    bad = {"LoadState": "bad-setting", "LoadError": 'org.x "Unit web.service has a bad unit file setting."'}
    assert state.one(MARK, bad)[1].endswith("(bad-setting): Unit web.service has a bad unit file setting.")


def test_a_template_is_as_its_instances_are() -> None:
    mark = MARK._replace(key="unit/web@.service", instances=("1", "2"))
    up, down, bad = row("active", "running"), row("inactive", "dead"), row("failed", "failed", Result="timeout")
    assert state.tell(mark, [("w@1", up), ("w@2", up)]) == (RUNNING, "2 of 2 active", True)
    assert state.tell(mark, [("w@1", up), ("w@2", down)]) == (STOPPED, "1 of 2 active; w@2: inactive (dead)", False)
    found = state.tell(mark, [("w@1", bad), ("w@2", down)])
    assert found[0] == FAILED
    assert "w@1: failed (failed): it took longer" in found[1]
    assert state.tell(mark._replace(instances=()), []) == (PRESENT, "a template", True)
