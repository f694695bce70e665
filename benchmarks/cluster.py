"""The cluster of the benchmarks: the one of the tests that runs, or one that is started for the time of them."""

from __future__ import annotations

import contextlib
import json
import os
import ssl
import subprocess
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SCRIPT = Path(__file__).resolve().parents[1] / "scripts" / "cluster.sh"
GONE = 120.0
"""Seconds until a namespace must be gone."""


class UnavailableError(Exception):
    """There is no cluster: why, in one line."""


class Cluster:
    """A cluster that runs, and namespaces on it which are ours."""

    def __init__(self, told: dict[str, str]) -> None:
        self.kubeconfig = told["KUBECONFIG"]
        self.server = told["SERVER"]
        self.token = told["TOKEN"]
        self.cafile = Path(told["CAFILE"])
        trust = urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=self.cafile))
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), trust)
        self._namespaces: list[str] = []

    def namespace(self) -> str:
        """A new namespace, which `remove` removes."""
        name = f"bench-{uuid.uuid4().hex[:8]}"
        self._call("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
        self._namespaces.append(name)
        return name

    def remove(self) -> None:
        """Remove all namespaces that were made, and wait until they are gone."""
        for name in self._namespaces:
            with contextlib.suppress(urllib.error.HTTPError):
                self._call("DELETE", f"/api/v1/namespaces/{name}")
        end = time.monotonic() + GONE
        for name in self._namespaces:
            while self._there(name):
                if time.monotonic() > end:
                    raise RuntimeError(f"the namespace {name} is not gone after {GONE:g} s")
                time.sleep(0.2)
        self._namespaces.clear()

    def _there(self, name: str) -> bool:
        try:
            self._call("GET", f"/api/v1/namespaces/{name}")
        except urllib.error.HTTPError as error:
            if error.code != 404:
                raise
            return False
        return True

    def _call(self, method: str, path: str, body: object = None) -> Any:
        request = urllib.request.Request(
            self.server + path,
            data=None if body is None else json.dumps(body).encode(),
            method=method,
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
        )
        with self._opener.open(request, timeout=30) as answer:
            return json.load(answer)


@contextlib.contextmanager
def running() -> Iterator[Cluster]:
    """The cluster; one that ran before is left alone. UnavailableError when there is none and none can be started."""
    status = _script("status")
    ours = status.returncode != 0
    if ours:
        if os.geteuid() != 0:
            raise UnavailableError("no cluster runs, and only root may start one")
        status = _script("up")
        if status.returncode != 0:
            raise UnavailableError(f"no cluster runs, and none can be started: {_last_line(status.stderr)}")
    try:
        cluster = Cluster(dict(line.split("=", 1) for line in status.stdout.splitlines() if "=" in line))
        try:
            yield cluster
        finally:
            cluster.remove()
    finally:
        if ours:
            _script("down")


def _script(verb: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["bash", str(SCRIPT), verb], capture_output=True, text=True, check=False)


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["?"])[-1].removeprefix("cluster.sh: ")
