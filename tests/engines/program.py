"""The real program as a user runs it: a process of its own, with a state folder of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ATOMICAPP = Path(sys.executable).with_name("atomicapp")


class Program:
    """Call it with the words after `atomicapp`. `home` keeps its state, `cwd` is where it runs."""

    def __init__(self, home: Path, *, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> None:
        self.cwd = cwd or home.parent
        self.env = {**os.environ, "ATOMICAPP_HOME": str(home), **(env or {})}

    def attempt(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run it, however it ends. There is never a terminal; a traceback is a failure in any case."""
        done = subprocess.run(
            [str(ATOMICAPP), *words],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=420,  # more than any takes, also on a busy machine
            cwd=self.cwd,
            env=self.env,
            check=False,
        )
        assert "Traceback" not in done.stderr + done.stdout, f"{' '.join(words)}:\n{done.stdout}{done.stderr}"
        return done

    def __call__(self, *words: str, stdin: str = "") -> str:
        """Its standard output; it must end with 0."""
        done = self.attempt(*words, stdin=stdin)
        assert done.returncode == 0, f"{' '.join(words)} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        return done.stdout

    def json(self, *words: str) -> Any:
        """What it reports with `-o json`."""
        return json.loads(self(*words, "-o", "json"))
