"""One call of a program of this machine."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence


def run(
    words: Sequence[str], timeout: float, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """What it came to, within `timeout` seconds. OSError when it can't be run, subprocess.TimeoutExpired when it takes longer."""
    return subprocess.run(
        words,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=timeout,
        env=environment,
        check=False,
        # Ctrl-C is ours: what is under way comes to its end
        start_new_session=True,
    )
