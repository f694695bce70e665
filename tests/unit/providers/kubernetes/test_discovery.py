"""What is kept of a server's kinds between commands, against a server of the tests' own that gives ETags."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from atomicapp.providers.kubernetes import cache
from atomicapp.providers.kubernetes.client import Client
from atomicapp.providers.kubernetes.config import Access
from atomicapp.providers.kubernetes.discovery import Discovery


def resource(kind: str, *subresources: str) -> dict[str, Any]:
    return {
        "resource": f"{kind.lower()}s",
        "responseKind": {"group": "", "version": "", "kind": kind},
        "scope": "Namespaced",
        "verbs": ["list", "patch", "delete"],
        "subresources": [{"subresource": name} for name in subresources],
    }


class Server(ThreadingHTTPServer):
    """Aggregated discovery with an ETag for each root; `seen` holds the path and the ETag of each request."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen: list[tuple[str, str]] = []
        self.kinds = {"/api": {"": [resource("Pod")]}, "/apis": {"apps": [resource("Deployment", "scale")]}}
        self.tags = {"/api": '"A1"', "/apis": '"B1"'}

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        asked = self.headers.get("If-None-Match", "")
        self.server.seen.append((self.path, asked))
        tag = self.server.tags[self.path]
        items = [
            {"metadata": {"name": group}, "versions": [{"version": "v1", "resources": resources}]}
            for group, resources in self.server.kinds[self.path].items()
        ]
        same = tag and asked == tag
        data = b"" if same else json.dumps({"kind": "APIGroupDiscoveryList", "items": items}).encode()
        self.send_response(304 if same else 200)
        if tag:
            self.send_header("ETag", tag)
        if not same:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (its name there)
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    found = Server()
    thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield found
    found.shutdown()
    found.server_close()
    thread.join()


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    found = Client(Access(server.address, "test", token="a-token"))
    yield found
    found.close()


def kinds(found: Discovery) -> list[str]:
    return [api.kind for api in found.apis]


def only_file(folder: Path) -> Path:
    (path,) = folder.iterdir()
    return path


def test_what_is_kept_is_asked_for_by_its_etag(server: Server, client: Client, tmp_path: Path) -> None:
    folder = tmp_path / "state" / "cache" / "engines"
    first = Discovery.load(client, str(folder))
    assert server.seen == [("/api", ""), ("/apis", "")]
    path = only_file(folder)
    assert path.stat().st_mode & 0o777 == 0o600
    assert {part.stat().st_mode & 0o777 for part in (folder, folder.parent, folder.parent.parent)} == {0o700}
    assert "a-token" not in path.read_text()
    assert "127.0.0.1" not in path.read_text() + path.name
    kept = path.stat().st_mtime_ns
    server.seen.clear()
    second = Discovery.load(client, str(folder))
    assert server.seen == [("/api", '"A1"'), ("/apis", '"B1"')]
    assert second.apis == first.apis
    assert path.stat().st_mtime_ns == kept, "not written again"
    deployment = second.find("apps/v1", "Deployment")
    assert deployment is not None
    assert deployment.scales


def test_what_has_changed_is_told_anew(server: Server, client: Client, tmp_path: Path) -> None:
    found = Discovery.load(client, str(tmp_path))
    assert found.find("example.com/v1", "Widget") is None
    server.kinds["/apis"]["example.com"] = [resource("Widget")]
    server.tags["/apis"] = '"B2"'
    server.seen.clear()
    found.refresh()
    assert server.seen == [("/api", '"A1"'), ("/apis", '"B1"')]
    assert found.find("example.com/v1", "Widget") is not None
    server.seen.clear()
    assert kinds(Discovery.load(client, str(tmp_path))) == ["Pod", "Deployment", "Widget"]
    assert server.seen == [("/api", '"A1"'), ("/apis", '"B2"')]


def test_without_a_folder_nothing_is_written(
    server: Server, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = Discovery.load(client)
    found.refresh()
    assert server.seen == [("/api", ""), ("/apis", ""), ("/api", '"A1"'), ("/apis", '"B1"')]
    assert kinds(found) == ["Pod", "Deployment"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("tag", ["", "caf\u00e9"])
def test_without_an_etag_nothing_is_kept(server: Server, client: Client, tmp_path: Path, tag: str) -> None:
    server.tags = {"/api": tag, "/apis": tag}
    assert kinds(Discovery.load(client, str(tmp_path))) == ["Pod", "Deployment"]
    assert list(tmp_path.iterdir()) == []
    server.tags["/apis"] = '"B1"'
    Discovery.load(client, str(tmp_path))
    server.seen.clear()
    assert kinds(Discovery.load(client, str(tmp_path))) == ["Pod", "Deployment"]
    assert server.seen == [("/api", ""), ("/apis", '"B1"')], "each root for itself"


def test_each_server_has_a_file_of_its_own(server: Server, client: Client, tmp_path: Path) -> None:
    Discovery.load(client, str(tmp_path))
    other = Client(Access(f"http://localhost:{server.server_port}", "test"))
    server.seen.clear()
    Discovery.load(other, str(tmp_path))
    other.close()
    assert server.seen == [("/api", ""), ("/apis", "")]
    assert len(list(tmp_path.iterdir())) == 2


def test_a_password_in_the_address_goes_nowhere(tmp_path: Path) -> None:
    cache.write(str(tmp_path), "https://user:pass@example.com:6443", {"a": 1})
    cache.write(str(tmp_path), "https://example.com:6443", {"a": 2})
    assert cache.read(str(tmp_path), "https://user:other@example.com:6443") == {"a": 2}


ROW = ["apps", "v1", "Deployment", "deployments", True, ["list"], ["scale"]]


@pytest.mark.parametrize(
    "told",
    [
        {"/apis": []},
        {"/apis": {"etag": '"B1"'}},
        {"/apis": {"etag": 1, "kinds": []}},
        {"/apis": {"etag": '"B1"', "kinds": 1}},
        {"/apis": {"etag": '"B1"', "kinds": [[]]}},
        {"/apis": {"etag": '"B1"', "kinds": [ROW[:-1]]}},
        {"/apis": {"etag": '"B1"', "kinds": [[*ROW[:4], "yes", [], []]]}},
        {"/apis": {"etag": '"B1"', "kinds": [[*ROW[:5], 7, []]]}},
        {"/apis": {"etag": '"B1"', "kinds": [[None, *ROW[1:]]]}},
        {"/apis": {"etag": 'B1"\r\nX-Evil: 1', "kinds": [ROW]}},
        {"/other": {"etag": '"B1"', "kinds": [ROW]}},
    ],
)
def test_a_table_that_is_none_is_passed_over(
    server: Server, client: Client, tmp_path: Path, told: dict[str, Any]
) -> None:
    cache.write(str(tmp_path), server.address, told)
    assert kinds(Discovery.load(client, str(tmp_path))) == ["Pod", "Deployment"]
    assert server.seen == [("/api", ""), ("/apis", "")]
    server.seen.clear()
    assert kinds(Discovery.load(client, str(tmp_path))) == ["Pod", "Deployment"]
    assert server.seen == [("/api", '"A1"'), ("/apis", '"B1"')], "it was mended"


@pytest.mark.parametrize("data", [b"", b"{", b"[" * 100_000, b"null", b"\xff\xfe", b'{"format": 2}', b'{"format": 1}'])
def test_a_file_that_is_damaged_is_passed_over(server: Server, client: Client, tmp_path: Path, data: bytes) -> None:
    Discovery.load(client, str(tmp_path))
    only_file(tmp_path).write_bytes(data)
    server.seen.clear()
    assert kinds(Discovery.load(client, str(tmp_path))) == ["Pod", "Deployment"]
    assert server.seen == [("/api", ""), ("/apis", "")]


def test_the_file_of_another_server_is_passed_over(server: Server, client: Client, tmp_path: Path) -> None:
    Discovery.load(client, str(tmp_path))
    path = only_file(tmp_path)
    kept = json.loads(path.read_text())
    path.write_text(json.dumps({**kept, "server": "kubernetes-another"}))
    server.seen.clear()
    Discovery.load(client, str(tmp_path))
    assert server.seen == [("/api", ""), ("/apis", "")]


def test_where_nothing_can_be_written_nothing_is_said(server: Server, client: Client, tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.write_text("a file")
    assert kinds(Discovery.load(client, str(taken / "engines"))) == ["Pod", "Deployment"]
    Discovery.load(client, str(tmp_path / "good"))
    path = only_file(tmp_path / "good")
    path.unlink()
    path.mkdir()
    assert kinds(Discovery.load(client, str(tmp_path / "good"))) == ["Pod", "Deployment"]
    assert path.is_dir()
    path.rmdir()
    os.mkfifo(path)
    assert kinds(Discovery.load(client, str(tmp_path / "good"))) == ["Pod", "Deployment"]
