"""How ends are told, what differs between two texts, and where systemd is."""

from __future__ import annotations

from pathlib import Path

import pytest

from atomicapp.errors import EngineError
from atomicapp.model import Change, Target
from atomicapp.providers import systemd
from atomicapp.providers.systemd import fields, reasons, tools
from atomicapp.providers.systemd.folder import Folder, OwnFile
from atomicapp.providers.systemd.marks import Mark

BEFORE = (
    "{ path=/bin/sh ; argv[]=/bin/sh -c exit 4 ; ignore_errors=no ; start_time=[n/a] ; stop_time=[n/a] ; pid=0 ; "
    "code=exited ; status=4 }"
)


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"Result": "exit-code", "ExecMainCode": "1", "ExecMainStatus": "3"}, "exit code 3"),
        (
            {"Result": "exit-code", "ExecMainCode": "1", "ExecMainStatus": "127"},
            "exit code 127: a command was not found",
        ),
        ({"Result": "signal", "ExecMainCode": "2", "ExecMainStatus": "9"}, "ended by signal KILL"),
        ({"Result": "core-dump", "ExecMainCode": "3", "ExecMainStatus": "11"}, "ended by signal SEGV (core dumped)"),
        ({"Result": "signal", "ExecMainCode": "2", "ExecMainStatus": "63"}, "ended by signal 63"),
        ({"Result": "exit-code", "ExecStartPre": BEFORE}, "ExecStartPre= ended with exit code 4 (/bin/sh -c exit 4)"),
        (
            {"Result": "signal", "ExecStartPre": BEFORE.replace("exited", "killed")},
            "ExecStartPre= was ended by signal ILL (/bin/sh -c exit 4)",
        ),
        (
            {
                "Result": "exit-code",
                "ExecStartPre": BEFORE.replace("=no", "=yes"),
                "ExecMainCode": "1",
                "ExecMainStatus": "2",
            },
            "exit code 2",
        ),
        (
            {
                "Result": "exit-code",
                "ExecMainCode": "1",
                "ExecMainStatus": "125",
                "ExecStart": "{ path=/usr/bin/docker ; }",
            },
            "exit code 125: the engine could not run the container",
        ),
        ({"Result": "oom-kill"}, "it needed more memory than there was (OOM)"),
        ({"Result": "some-new-thing"}, "some new thing"),
        ({}, "ended"),
    ],
)
def test_ends_are_told_in_plain_words(row: dict[str, str], told: str) -> None:
    assert reasons.end(row) == told


def test_hints_say_what_to_do() -> None:
    assert "Requires=" in reasons.hint("Unit x.service not found.", "a.service")
    assert "unmask a.service" in reasons.hint("Unit a.service is masked.", "a.service")
    assert "systemd-analyze verify a.service" in reasons.hint(
        "Unit a.service has a bad unit file setting.", "a.service"
    )
    assert "systemctl status a.service" in reasons.hint("something else", "a.service")


def test_changes_are_told_by_option_and_variable() -> None:
    old = "[Service]\nEnvironment=A=1 'B=x y'\nExecStartPre=/a\nExecStartPre=/b\nUser=u\n"
    new = "# other words\n[Service]\nEnvironment=A=2 'B=x y'\nExecStartPre=/a\nExecStartPre=/c\nGroup=g\n"
    files = {
        "app/web/env": ("X=1\nP=old", "X=2\nP=new\nY=3"),
        "app/web/config": ("one", "two"),
        "app/web/same": ("one", "one"),
        "app/web/gone": ("one", None),
    }
    assert fields.changes(old, new, {"env/P"}, files) == (
        Change("Service/Environment/A", "1", "2"),
        Change("Service/ExecStartPre", "/a\n/b", "/a\n/c"),
        Change("Service/Group", None, "g"),
        Change("env/X", "1", "2"),
        Change("env/P", "(hidden)", "(hidden)"),
        Change("env/Y", None, "3"),
        Change("Service/User", "u", None),
        Change("file/app/web/config", "(hidden)", "(hidden)"),
        Change("file/app/web/gone", "(hidden)", None),
    )
    assert fields.texts("no unit at all") == {}


def test_of_long_commands_the_words_that_differ_are_told() -> None:
    command = "[Service]\nExecStart=/usr/bin/docker run --name app-web --network name=app_default,alias=web {} image\n"
    found = fields.changes(command.format("-p 1:80 -v a:/a"), command.format("-p 2:80 -v a:/a --rm"), set(), {})
    assert found == (Change("Service/ExecStart", "... -p 1:80", "... -p 2:80 ... --rm"),)
    found = fields.changes(command.format("--rm"), command.format(""), set(), {})
    assert found == (Change("Service/ExecStart", "... --rm", "..."),)


def test_the_folder_is_that_of_the_manager(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SYSTEMD_UNIT_PATH", raising=False)
    assert tools.folder(user=False) == Path("/etc/systemd/system")
    monkeypatch.setenv("XDG_CONFIG_HOME", "/srv/conf")
    assert tools.folder(user=True) == Path("/srv/conf/systemd/user")
    monkeypatch.setenv("SYSTEMD_UNIT_PATH", "/srv/units:")
    assert tools.folder(user=True) == tools.folder(user=False) == Path("/srv/units")
    # other entries only: the usual place is first
    monkeypatch.setenv("SYSTEMD_UNIT_PATH", ":/srv/units")
    assert tools.folder(user=False) == Path("/etc/systemd/system")


def test_other_machines_and_machines_without_systemd_are_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="this machine only, not at ssh://host"):
        systemd.connect(Target("app", api="ssh://host"))
    assert not systemd.reachable(Target("app", api="ssh://host")).ok
    monkeypatch.setenv("PATH", str(tmp_path))
    found = systemd.reachable(Target("app"))
    assert not found.ok
    assert found.detail.startswith("systemctl is not on PATH")


@pytest.mark.parametrize(
    ("said", "message", "hint"),
    [
        (
            "System has not been booted with systemd as init system (PID 1).",
            "was not booted with systemd",
            "another provider",
        ),
        ("Failed to connect to bus: No such file or directory", "can't be reached", "systemctl status"),
        ("Failed to reload daemon: Access denied", "does not let this user", "as root"),
        ("something new", "can't be reached: something new", "systemctl status"),
    ],
)
def test_why_systemd_does_not_answer_is_told(
    said: str, message: str, hint: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """By what systemctl says, which is the same for all of them."""
    for program in ("systemctl", "journalctl"):
        (tmp_path / program).write_text(f"#!/bin/sh\necho '{said}' >&2\nexit 1\n")
        (tmp_path / program).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(EngineError) as caught:
        systemd.connect(Target("app"))
    assert message in caught.value.message
    assert hint in caught.value.hint


# ---------------------------------------------------------------- the folder


def test_files_come_and_go_as_a_whole(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "units")
    assert folder.ours() == []
    mark = Mark("app", "web", "unit/web.service", "h", files=("app/web/env", "app/web/x/token"), hidden=("Service/X",))
    other = mark._replace(key="unit/b.service", files=("app/b/config",), hidden=())
    own = [OwnFile("app/web/env", "P=1"), OwnFile("app/web/x/token", "t", 0o400)]
    folder.write("web.service", "[Service]\nX=y\n", mark, own)
    folder.write("b.service", "[Service]\nX=y\n", other, [OwnFile("app/b/config", "text", 0o444)])
    (folder.path / "alias.service").symlink_to("b.service")
    (folder.path / "foreign.service").write_text("[Service]\n")
    assert [file.name for file in folder.ours()] == ["b.service", "web.service"]
    modes = {path.name: path.stat().st_mode & 0o777 for path in folder.path.rglob("*") if not path.is_symlink()}
    assert (modes["web.service"], modes["b.service"], modes["env"], modes["config"]) == (0o600, 0o644, 0o600, 0o444)
    assert modes["atomicapp"] == 0o700
    folder.set_due("app", "b.service")
    assert [file.due for file in folder.ours()] == [True, False]
    folder.remove("web.service", mark)
    assert folder.own("app/web/env") is None
    assert folder.own("app/b/config") == "text"
    folder.remove("b.service", other)
    assert sorted(path.name for path in folder.path.iterdir()) == ["alias.service", "foreign.service"]


def test_a_folder_that_can_not_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "units").write_text("a file")
    with pytest.raises(EngineError, match=r"web\.service can't be written"):
        Folder(tmp_path / "units").write("web.service", "", Mark("a", "b", "c", "d"))
