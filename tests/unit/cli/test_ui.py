"""What people see of findings."""

from __future__ import annotations

import pytest

from atomicapp.cli.ui import Ui
from atomicapp.errors import WARNING, Issue
from atomicapp.position import Position


def test_what_services_share_by_an_anchor_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    issue = Issue(WARNING, "it is readable", Position("compose.yaml", 3, 5))
    elsewhere = issue._replace(position=Position("compose.yaml", 4, 5))
    Ui(logtype="nocolor").issues([issue, elsewhere, issue])
    said = [line for line in capsys.readouterr().err.splitlines() if "readable" in line]
    assert [line.partition("compose.yaml:")[2] for line in said] == ["3:5: it is readable", "4:5: it is readable"]
