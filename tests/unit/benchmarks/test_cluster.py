"""Where no cluster runs and none can be started, that is said, and nothing else is done."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmarks import cluster


@pytest.mark.parametrize(
    ("user", "said"), [(0, "none can be started: its programs are not built yet"), (1000, "only root may start one")]
)
def test_the_reason_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, user: int, said: str) -> None:
    script = tmp_path / "cluster.sh"
    script.write_text('echo "$1" >>"$0.seen"; echo "cluster.sh: its programs are not built yet" >&2; exit 1\n')
    monkeypatch.setattr(cluster, "SCRIPT", script)
    monkeypatch.setattr(os, "geteuid", lambda: user)
    with pytest.raises(cluster.UnavailableError, match=said), cluster.running():
        pass
    assert "down" not in (tmp_path / "cluster.sh.seen").read_text()
