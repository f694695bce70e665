"""The recorded behaviour of the original Atomic App on real applications, compared by the checker that comes with it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.compat.recorded import ABSENT, CHECKER


@pytest.mark.slow
@pytest.mark.skipif(not CHECKER.exists(), reason=ABSENT)
def test_renders_as_the_original_did(tmp_path: Path) -> None:
    found = tmp_path / "found.json"
    program = Path(sys.executable).with_name("atomicapp")
    done = subprocess.run(
        [sys.executable, str(CHECKER), "--strict", "--exe", str(program), "--json", str(found)],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    results = json.loads(found.read_text())
    assert len(results) >= 78
    assert not [result for result in results if result["traceback"]], said
