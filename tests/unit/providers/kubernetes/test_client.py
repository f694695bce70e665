"""The wire, against a server of the tests' own: older discovery, pages, and answers that make no sense."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from atomicapp.errors import EngineError
from atomicapp.model import Target
from atomicapp.providers import kubernetes
from atomicapp.providers.kubernetes.client import Client, Refused
from atomicapp.providers.kubernetes.config import Access
from atomicapp.providers.kubernetes.discovery import Discovery
from atomicapp.providers.kubernetes.observe import rows_of

VERBS = ["list", "patch", "delete", "get"]
ANSWERS: dict[str, Any] = {
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/api/v1": {
        "resources": [
            {"name": "pods", "kind": "Pod", "namespaced": True, "verbs": VERBS},
            {"name": "nodes", "kind": "Node", "namespaced": False, "verbs": VERBS},
            {"name": "events", "kind": "Event", "namespaced": True, "verbs": VERBS},
        ]
    },
    "/apis": {
        "kind": "APIGroupList",
        "groups": [
            {
                "name": "apps",
                "versions": [{"version": "v1beta1"}, {"version": "v1"}],
                "preferredVersion": {"version": "v1"},
            }
        ],
    },
    "/apis/apps/v1": {
        "resources": [
            {"name": "deployments", "kind": "Deployment", "namespaced": True, "verbs": VERBS},
            {"name": "deployments/scale", "kind": "Scale", "namespaced": True, "verbs": ["get"]},
        ]
    },
    "/apis/apps/v1beta1": {
        "resources": [{"name": "deployments", "kind": "Deployment", "namespaced": True, "verbs": VERBS}]
    },
    "/version": {"gitVersion": "v1.20.0"},
    "/rows": {"items": [{"a": 1}], "metadata": {"continue": "more"}},
    "/rows?continue": {"items": [{"a": 2}], "metadata": {}},
}


class Handler(BaseHTTPRequestHandler):
    """Answers by the table above."""

    seen: list[str]

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        self.server.seen.append(self.headers.get("Authorization", ""))  # type: ignore[attr-defined]
        known = ANSWERS.get(f"{path}?continue" if "continue=more" in query else path)
        if path == "/odd":
            data, status = b"<html>", 200
        elif path == "/cut":
            self.send_response(200)
            self.send_header("Content-Length", "100")
            self.end_headers()
            self.wfile.write(b"{")
            return
        else:
            data, status = (json.dumps(known).encode(), 200) if known else (b"<h1>not here</h1>", 404)
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (its name there)
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    found = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.seen = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield found
    found.shutdown()
    found.server_close()
    thread.join()


@pytest.fixture
def client(server: ThreadingHTTPServer) -> Iterator[Client]:
    found = Client(Access(f"http://127.0.0.1:{server.server_port}", "test", username="u", password="p"))
    yield found
    found.close()


def test_a_server_without_aggregated_discovery(client: Client) -> None:
    found = Discovery.load(client)
    deployment = found.find("apps/v1", "Deployment")
    assert deployment is not None
    assert deployment.scales
    assert deployment.path("a b", "c/d") == "/apis/apps/v1/namespaces/a%20b/deployments/c%2Fd"
    assert found.others("Deployment") == ("apps/v1", "apps/v1beta1")
    assert [(api.kind, api.version) for api in found.listable()] == [
        ("Pod", "v1"),
        ("Node", "v1"),
        ("Deployment", "v1"),
    ]
    node = found.find("v1", "Node")
    assert node is not None
    assert node.path("a", "b") == "/api/v1/nodes/b"
    found.refresh()
    assert found.find("v1", "Nothing") is None


def test_pages_are_put_together(client: Client, server: ThreadingHTTPServer) -> None:
    assert rows_of(client, "/rows", {}) == [{"a": 1}, {"a": 2}]
    assert server.seen[0] == "Basic dTpw"  # type: ignore[attr-defined]


def test_answers_that_make_no_sense(client: Client) -> None:
    with pytest.raises(EngineError, match="is no JSON"):
        client.get("/odd")
    with pytest.raises(EngineError, match="can't reach"):
        client.get("/cut")
    with pytest.raises(Refused, match="not here") as caught:
        client.get("/none")
    assert caught.value.status == 404
    assert client.find("/none") is None


def test_whether_a_server_is_reachable(server: ThreadingHTTPServer) -> None:
    good = kubernetes.reachable(Target("app", api=f"http://127.0.0.1:{server.server_port}"))
    assert (good.ok, good.detail) == (True, "Kubernetes v1.20.0")
    bad = kubernetes.reachable(Target("app", api=f"http://127.0.0.1:{server.server_port}/none"))
    assert not bad.ok
    assert "is no Kubernetes API" in bad.detail


@pytest.mark.parametrize(
    ("access", "said"),
    [
        (Access("https://127.0.0.1:9", "x", ca="no pem"), "no PEM text"),
        (Access("https://127.0.0.1:9", "x", certificate="no", key="pem", verify=False), "can't be used"),
    ],
)
def test_certificates_that_are_none(access: Access, said: str) -> None:
    with pytest.raises(EngineError, match=said):
        Client(access)
