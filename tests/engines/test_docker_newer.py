"""Options of engines newer than the one at hand: our request against that of a real, newer Docker client.

A server that only writes requests down stands in for the engine; what is compared comes from the real client.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from atomicapp.model import Artifact, Rendered, Target
from atomicapp.position import Position
from atomicapp.providers import docker
from atomicapp.providers.docker import apply, client, endpoint
from tests.engines.process import needs, run

pytestmark = pytest.mark.engine

VERSION = "1.48"
LINES = [
    "",
    "--annotation a=b",
    "--health-cmd true --health-start-interval 2s --health-start-period 1m",
    "--network n1 --mac-address 92:d0:c6:0a:29:34 --ip 10.0.0.5 --ip6 2001:db8::33",
    "--network name=n1,alias=a,mac-address=92:d0:c6:0a:29:34 --network name=n2,ip=10.0.0.6",
    "--network name=n1,driver-opt=com.example.x=y --network n2 --network-alias z",
    "--mount type=bind,src=/a,dst=/b,bind-recursive=writable,readonly",
    "--mount type=bind,src=/a,dst=/b,bind-recursive=readonly,readonly,bind-propagation=rprivate",
    "--mount type=volume,src=vol,dst=/b,volume-subpath=sub/folder",
    "--device vendor.com/class=one --device /dev/null",
    "--cpu-count 2 --cpu-percent 50 --io-maxbandwidth 1m --io-maxiops 7",
    "--cap-add net_admin --cap-drop ALL -e A=b -p 80:80 --memory 5m --restart always",
]


class Recorder(BaseHTTPRequestHandler):
    """Says yes to everything, and keeps the bodies of container creations on the server."""

    def answer(self, found: Any, status: int = 200) -> None:
        body = json.dumps(found).encode()
        self.send_response(status)
        self.send_header("Api-Version", VERSION)
        self.send_header("Ostype", self.server.os)  # type: ignore[attr-defined]
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_HEAD(self) -> None:
        self.answer({})

    def do_GET(self) -> None:
        self.answer({"ApiVersion": VERSION, "MinAPIVersion": "1.24", "Os": "linux", "Config": {}, "Volumes": []})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if "/containers/create" in self.path:
            self.server.bodies.append(json.loads(body))  # type: ignore[attr-defined]
        self.answer({"Id": "a" * 64, "Warnings": ["a warning"]}, 201)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the name is the base class's)
        pass


@pytest.fixture(scope="module")
def engine() -> Iterator[ThreadingHTTPServer]:
    needs("docker")
    # the client's own highest, whatever engine it finds
    done = subprocess.run(
        ["docker", "version", "--format", "{{.Client.DefaultAPIVersion}}"], capture_output=True, text=True, check=False
    )
    client_version = done.stdout.strip() or "0"
    if tuple(map(int, client_version.split("."))) < tuple(map(int, VERSION.split("."))):
        pytest.skip(f"the Docker client here speaks API {client_version} only")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
    server.bodies = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def tidy(value: Any) -> Any:
    """Without what is empty, -1 (not said, for the client's swappiness), and order where it has no meaning."""
    if isinstance(value, dict):
        kept = {key: tidy(item) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item not in (None, "", 0, -1, False, [], {})}
    return [tidy(item) for item in value] if isinstance(value, list) else value


def comparable(body: dict[str, Any]) -> Any:
    found = tidy(body)
    for name in ("AttachStdout", "AttachStderr"):
        found.pop(name, None)
    found["Labels"] = {key: text for key, text in found.get("Labels", {}).items() if "atomicapp" not in key}
    host = found["HostConfig"]
    host.pop("ConsoleSize", None)
    host.setdefault("RestartPolicy", {}).setdefault("Name", "no")
    # the same mount in its short and its long form
    host["Binds"] = sorted(host.get("Binds", []))
    endpoints = found.get("NetworkingConfig", {}).get("EndpointsConfig", {})
    for settings in endpoints.values():
        # ours adds the name of the component
        settings["Aliases"] = sorted(alias for alias in settings.get("Aliases", []) if alias != "web")
    found["NetworkingConfig"] = tidy(endpoints)
    # an endpoint that says nothing is as good as none where the network is the mode's own
    return tidy(found)


@pytest.mark.parametrize("line", LINES)
def test_request_is_that_of_the_client(line: str, engine: ThreadingHTTPServer, tmp_path: Path) -> None:
    host = f"tcp://127.0.0.1:{engine.server_port}"
    bodies: list[dict[str, Any]] = engine.bodies  # type: ignore[attr-defined]
    bodies.clear()
    # the client offers some options for Windows engines only
    engine.os = "windows" if "--cpu-count" in line else "linux"  # type: ignore[attr-defined]
    run("docker", "create", *shlex.split(line), "img", "x", env={"DOCKER_HOST": host})
    artifact = Artifact("web", "docker", "run", f"docker run -d {line} img x", "run", Position("Nulecule", 1, 1))
    (*_, container) = docker.parse(Rendered((artifact,)), Target("app")).resources
    connection = client.connect(endpoint.Endpoint(host, "the test"))
    reports: list[str] = []
    try:
        apply.make(connection, container, "app", 1, lambda key, text: reports.append(text))
    finally:
        connection.close()
    theirs, mine = bodies
    assert comparable(mine) == comparable(theirs)
    assert reports == ["the engine warns: a warning"]
