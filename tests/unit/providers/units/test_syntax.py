"""Unit files to values and back; what is wrong with one is told at its line."""

import hashlib
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atomicapp.errors import SpecError
from atomicapp.position import Position
from atomicapp.providers.units import syntax
from atomicapp.providers.units.syntax import Option, Unit, read, write

HERE = Position("web.service")


def pairs(unit: Unit) -> list[tuple[str, str, str]]:
    return [(option.section, option.name, option.value) for option in unit.options]


def faults(text: str) -> list[str]:
    with pytest.raises(SpecError) as caught:
        read(text, "web.service", "web.service")
    return [f"{issue.position}: {issue.message}" for issue in caught.value.issues]


def test_options_with_their_places() -> None:
    text = "# one\n[Unit]\nDescription = The web\n\n; two\n[Service]\nExecStart=/bin/sleep 1\n  Restart=always  \n"
    unit = read(text, "a/web.service", "web.service")
    assert pairs(unit) == [
        ("Unit", "Description", "The web"),
        ("Service", "ExecStart", "/bin/sleep 1"),
        ("Service", "Restart", "always"),
    ]
    assert [str(option.position) for option in unit.options] == [
        "a/web.service:3:1",
        "a/web.service:7:1",
        "a/web.service:8:3",
    ]
    assert unit.text == text
    assert unit.sections == ("Unit", "Service")


def test_continuations_are_kept_and_joined() -> None:
    unit = read('[Service]\nExecStart=/bin/sh -c \\\n  "echo hi"\nA=b\n', HERE, "web.service")
    assert unit.options[0].value == '/bin/sh -c \\\n  "echo hi"'
    assert unit.value("Service", "ExecStart") == '/bin/sh -c    "echo hi"'
    assert unit.options[1].position.line == 4


def test_a_comment_in_a_continuation_is_passed_over() -> None:
    unit = read("[Service]\nExecStart=/bin/a \\\n# no\n  b \\\n\nX=1\n", HERE, "web.service")
    assert pairs(unit) == [("Service", "ExecStart", "/bin/a \\\n  b"), ("Service", "X", "1")]


def test_an_empty_value_takes_back() -> None:
    unit = read("[Service]\nEnvironment=A=1\nEnvironment=\nEnvironment=B=2\n", HERE, "web.service")
    assert [option.value for option in unit.said("Service", "Environment")] == ["A=1", "", "B=2"]
    assert [option.value for option in unit.values("Service", "Environment")] == ["B=2"]
    assert unit.value("Service", "User", "root") == "root"


def test_windows_line_ends_and_a_mark_at_the_start() -> None:
    unit = read("\ufeff[Service]\r\nExecStart=/bin/a \\\r\n  b\r\n", HERE, "web.service")
    assert pairs(unit) == [("Service", "ExecStart", "/bin/a \\\n  b")]


def test_the_hash_is_that_of_fleet() -> None:
    unit = read("[Service]\nExecStart=/bin/sleep 3000\n", HERE, "web.service")
    assert unit.digest == "7dc08eb00f0c705e84a61e030d98e8cc3c994954"


def test_sections_are_gathered() -> None:
    unit = read("[A]\nx=1\n[B]\ny=2\n[A]\nz= 3\n", HERE, "web.service")
    assert write(unit.options) == "[A]\nx=1\nz=3\n\n[B]\ny=2\n"
    more = unit.with_options("X-Atomicapp", [("Name", "blog")])
    assert more.text == "[A]\nx=1\nz=3\n\n[B]\ny=2\n\n[X-Atomicapp]\nName=blog\n"
    assert read(more.text, HERE, "web.service").digest == more.digest


def test_all_faults_at_once() -> None:
    text = "a=1\n[Unit\nDescription=x\n[Service]\nExecStart\n=x\n[Service] # run\n[]\nfoo\x00=1\n[X]\nb=\\\\\nc=\x07\n"
    assert faults(text) == [
        "web.service:1:1: 'a=1' stands before the first section",
        "web.service:2:1: '[Unit' is no header of a section",
        "web.service:5:1: 'ExecStart' is no option: it has no '='",
        "web.service:6:1: there is no name before the '='",
        "web.service:7:1: '[Service] # run' is no header of a section",
        "web.service:8:1: '[]' is no header of a section",
        r"web.service:9:4: the control character \x00 can't stand in a unit",
        "web.service:11:4: two backslashes at the end of a line: fleet reads on in the next one, systemd does not",
        r"web.service:12:3: the control character \x07 can't stand in a unit",
    ]


@pytest.mark.parametrize("text", ["", "\n\n", "# only this\n", "[Service]\n"])
def test_an_empty_unit(text: str) -> None:
    assert faults(text) == ["web.service: the unit is empty"]


def test_a_long_line() -> None:
    fits = "A=" + "x" * 2045
    assert read(f"[Service]\n{fits}\n", HERE, "web.service").options[0].value == fits[2:]
    assert faults(f"[Service]\n{fits}x\n") == ["web.service:2: the line has 2,048 bytes; 2,048 and more are too many"]
    assert read(f"[Service]\n{fits}xyz\n", HERE, "web.service", line_max=None).options
    half = "A=" + "é" * 1023
    assert faults(f"[Service]\n{half}\n") == ["web.service:2: the line has 2,048 bytes; 2,048 and more are too many"]


def test_a_comment_that_fleet_would_continue() -> None:
    assert "a comment ends in a backslash" in faults("[Service]\n# a \\\nExecStart=/bin/a\n")[0]
    assert read("[Service]\n#a \\\n#  b\nExecStart=/bin/a\n", HERE, "web.service").options


def test_many_faults_are_told_in_time() -> None:
    assert len(faults("[Service]\n" + "nothing\n" * 20_000)) == 20_000


WORDS = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=20)
NAMES = WORDS.filter(lambda text: "=" not in text and text[0] not in "#;[\ufeff" and not text.endswith("\\"))
SECTIONS = WORDS.filter(lambda text: not set(text) & set("[]"))
PARTS = st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), max_size=30).map(
    lambda text: text.strip().rstrip("\\").strip()
)
LATER = PARTS.filter(lambda text: text != "" and text[0] not in "#;")
VALUES = st.builds(lambda first, later: "\\\n".join([first, *later]), PARTS.filter(bool), st.lists(LATER, max_size=3))
OPTIONS = st.lists(st.builds(Option, SECTIONS, NAMES, PARTS | VALUES, st.just(HERE)), min_size=1, max_size=8)


@given(OPTIONS)
def test_what_is_written_is_read_again(options: list[Option]) -> None:
    text = write(options)
    unit = read(text, HERE, "web.service", line_max=None)
    assert [option[:3] for option in unit.options] == [option[:3] for option in syntax.grouped(options)]
    assert write(unit.options) == text
    assert unit.digest == hashlib.sha1(text.encode()).hexdigest()


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        unit = read(text, HERE, "web.service")
    except SpecError:
        return
    again = read(write(unit.options), HERE, "web.service", line_max=None)
    assert [option[:3] for option in again.options] == [option[:3] for option in syntax.grouped(unit.options)]


def test_systemd_itself_reads_it_so(tmp_path: Path) -> None:
    analyze = subprocess.run(["systemd-analyze", "--version"], capture_output=True, check=False)
    if analyze.returncode:
        pytest.skip("systemd-analyze is not here")
    path = tmp_path / "web.service"
    text = '[Unit]\nDescription=x\n[Service]\nExecStart=/bin/sh -c \\\n# no\n  "echo hi" \\\n\nType=oneshot\n'
    path.write_text(write(read(text, HERE, "web.service").options))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(path)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
