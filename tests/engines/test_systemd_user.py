"""The systemd provider without root: the manager of a user, on a real systemd."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from atomicapp import providers
from atomicapp.errors import EngineError
from atomicapp.model import RUNNING, STOPPED, Target
from atomicapp.planning import diff
from atomicapp.providers import systemd
from tests.contract import driver
from tests.contract.case import Case
from tests.engines.systemd import USER, Node

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def manager(systemd_node: Node) -> Iterator[Mapping[str, str]]:
    environment = systemd_node.start_user()
    yield environment
    systemd_node.stop_user()


@pytest.fixture
def case(manager: Mapping[str, str], systemd_node: Node, monkeypatch: pytest.MonkeyPatch) -> Iterator[Case]:
    """An app of one unit, run as one who is not root."""
    monkeypatch.delenv("SYSTEMD_UNIT_PATH", raising=False)
    for name, text in manager.items():
        monkeypatch.setenv(name, text)
    monkeypatch.setattr(os, "geteuid", lambda: USER)
    name = f"user-{uuid.uuid4().hex[:8]}"

    def unit(script: str) -> str:
        start = f"# {name}.service\n[Service]\nExecStart=/bin/sh -c '{script}'\n"
        return f"{start}[Install]\nWantedBy=default.target\n"

    found = Case(
        providers.load("systemd"),
        Target(name),
        web=unit("echo hello; exec sleep 1000"),
        web_changed=unit("echo hello; exec sleep 1001"),
        broken=unit("echo boom; exit 3"),
        db="",
    )
    yield found
    driver.carry_out(found, diff.uninstall(driver.held(found).values(), purge_data=True))
    assert not [path for path in (systemd_node.home / "systemd" / "user").rglob("*") if name in path.name]


def test_a_users_manager_runs_the_app(case: Case, systemd_node: Node) -> None:
    driver.run(case, case.rendered(web=case.web))
    assert [item.state for item in driver.of_component(case, "web")] == [RUNNING]
    assert (systemd_node.home / "systemd" / "user" / "default.target.wants" / f"{case.target.app}.service").is_symlink()
    assert driver.run(case, case.rendered(web=case.web)) == {}
    assert driver.run(case, case.rendered(web=case.web_changed)) == {f"unit/{case.target.app}.service": "update"}
    with driver.session_of(case) as session:
        (item,) = driver.of_component(case, "web")
        lines = [line.text for line in session.logs(item, tail=None, follow=False, since="")]
        events = list(session.events([item], follow=False, since="1h"))
    assert lines == ["hello", "hello"]
    assert any("Started" in event.message for event in events)
    driver.carry_out(case, diff.stop(driver.held(case).values()))
    assert [item.state for item in driver.of_component(case, "web")] == [STOPPED]


def test_what_fails_is_explained(case: Case) -> None:
    with pytest.raises(EngineError) as caught:
        driver.run(case, case.rendered(web=case.broken))
    assert "exit code 3" in caught.value.message
    assert "boom" in caught.value.log_tail


def test_it_says_who_it_is(case: Case, systemd_node: Node) -> None:
    found = systemd.reachable(case.target)
    assert found.ok
    assert "user manager running" in found.detail
    assert found.endpoint == str(systemd_node.home / "systemd" / "user")


def test_without_a_manager_it_says_what_to_do(
    case: Case, systemd_node: Node, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As by su or sudo: XDG_RUNTIME_DIR is not that of a login."""
    for command in ("systemctl", "journalctl"):
        script = (systemd_node.folder / "bin-user" / command).read_text()
        (tmp_path / command).write_text(script.replace(f"XDG_RUNTIME_DIR=/run/user/{USER}", "XDG_RUNTIME_DIR="))
        (tmp_path / command).chmod(0o755)
    with monkeypatch.context() as patch:
        patch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
        with pytest.raises(EngineError, match="the systemd of this user can't be reached") as caught:
            driver.held(case)
    assert "loginctl enable-linger" in caught.value.hint
