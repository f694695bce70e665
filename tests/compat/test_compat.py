"""The recorded behaviour of the original Atomic App on real applications, compared by the checker that comes with it.

The records are data of another project under another licence and stay outside this one: in the folder
`shared` beside the checkout, or where ATOMICAPP_SHARED says.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("ATOMICAPP_SHARED") or ROOT.parent / "shared")
CHECKER = SHARED / "compat" / "check.py"


@pytest.mark.slow
@pytest.mark.skipif(not CHECKER.exists(), reason=f"the records of the original are not there: {CHECKER}")
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
