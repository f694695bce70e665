"""Where no cluster runs and none can be started, that is said, and nothing else is done."""

from __future__ import annotations

import os
from pathlib import Path

import certifi
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


@pytest.mark.parametrize(("runs", "asked"), [(True, ["status"]), (False, ["status", "up", "down"])])
def test_only_a_cluster_that_was_started_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runs: bool, asked: list[str]
) -> None:
    told = f"KUBECONFIG=/k\\nSERVER=https://127.0.0.1:1\\nTOKEN=t\\nCAFILE={certifi.where()}\\n"
    script = tmp_path / "cluster.sh"
    answer = "" if runs else '[ "$1" = status ] && exit 1\n'
    script.write_text(f'echo "$1" >>"$0.seen"\n{answer}printf "{told}"\n')
    monkeypatch.setattr(cluster, "SCRIPT", script)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(KeyboardInterrupt), cluster.running() as found:
        assert (found.server, found.token, found.kubeconfig) == ("https://127.0.0.1:1", "t", "/k")
        raise KeyboardInterrupt
    assert (tmp_path / "cluster.sh.seen").read_text().split() == asked
