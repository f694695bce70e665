"""A registry in memory that can lie, stall, break off and ask for logins, as the tests want it.

`faults` is a list of functions that are asked first for each request; one that returns True has answered it.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from atomicapp.images.blobs import Image
from atomicapp.images.manifests import digest_of
from tests.unit.images.helpers import all_blobs

V2 = {"Docker-Distribution-Api-Version": "registry/2.0"}


class Asked(NamedTuple):
    method: str
    path: str
    authorization: str
    range: str


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def log_message(self, *_: object) -> None:
        pass

    def do(self) -> None:
        registry = self.server.registry
        with registry.lock:
            registry.asked.append(
                Asked(self.command, self.path, self.headers.get("Authorization", ""), self.headers.get("Range", ""))
            )
        length = int(self.headers.get("Content-Length") or 0)
        self.body = self.rfile.read(length)
        for fault in list(registry.faults):
            if fault(self):
                return
        registry.answer(self)

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do  # noqa: N815

    def say(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        for key, value in {**V2, "Content-Length": str(len(body)), **named}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def cut(self) -> None:
        """End the connection as it is."""
        self.wfile.flush()
        self.close_connection = True
        self.connection.close()


class Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    registry: FakeRegistry

    def handle_error(self, *_: object) -> None:
        """Connections that break are what these tests are about."""


class FakeRegistry:
    """`host` is its name in references; `close` ends it."""

    def __init__(self) -> None:
        self.manifests: dict[tuple[str, str], tuple[bytes, str]] = {}
        self.blobs: dict[str, bytes] = {}
        self.asked: list[Asked] = []
        self.faults: list[Callable[[Handler], bool]] = []
        self.lock = threading.Lock()
        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.registry = self
        self.host = f"127.0.0.1:{self._server.server_address[1]}"
        self.url = f"http://{self.host}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def put(self, name: str, tag: str, image: Image) -> None:
        """Hold an image under a name."""
        self.blobs.update(all_blobs(image))
        self.put_manifest(name, tag, image.manifest.raw, image.manifest.media_type)

    def put_manifest(self, name: str, tag: str, raw: bytes, media_type: str) -> None:
        self.manifests[name, tag] = self.manifests[name, digest_of(raw)] = (raw, media_type)

    def count(self, part: str, method: str = "GET") -> int:
        """How many requests of a method had this in their path."""
        return sum(1 for asked in self.asked if asked.method == method and part in asked.path)

    def answer(self, handler: Handler) -> None:
        """What an honest registry says."""
        path = urlsplit(handler.path).path
        if path == "/v2/":
            handler.say(200, b"{}", Content_Type="application/json")
            return
        name, _, rest = path.removeprefix("/v2/").rpartition("/manifests/")
        if name:
            self._manifest(handler, name, rest)
        elif "/blobs/uploads/" in path:
            self._upload(handler, path)
        else:
            self._blob(handler, path.rpartition("/")[2])

    def _manifest(self, handler: Handler, name: str, target: str) -> None:
        if handler.command == "PUT":
            self.put_manifest(name, target, handler.body, handler.headers["Content-Type"])
            handler.say(201, Docker_Content_Digest=digest_of(handler.body))
            return
        found = self.manifests.get((name, target))
        if found is None:
            handler.say(404, error("MANIFEST_UNKNOWN", "manifest unknown"))
            return
        handler.say(200, found[0], Content_Type=found[1], Docker_Content_Digest=digest_of(found[0]))

    def _blob(self, handler: Handler, digest: str) -> None:
        data = self.blobs.get(digest)
        if data is None:
            handler.say(404, error("BLOB_UNKNOWN", "blob unknown"))
            return
        span = handler.headers.get("Range", "")
        if span:
            start = int(span.removeprefix("bytes=").partition("-")[0])
            handler.say(206, data[start:], Content_Range=f"bytes {start}-{len(data) - 1}/{len(data)}")
            return
        handler.say(200, data)

    def _upload(self, handler: Handler, path: str) -> None:
        query = parse_qs(urlsplit(handler.path).query)
        if handler.command == "POST":
            mounted = query.get("mount", [""])[0]
            if mounted in self.blobs:
                handler.say(201)
            else:
                handler.say(202, Location=f"{path}0001?state=x")
            return
        digest = query["digest"][0]
        if digest_of(handler.body) != digest:
            handler.say(400, error("DIGEST_INVALID", "provided digest did not match"))
            return
        self.blobs[digest] = handler.body
        handler.say(201, Docker_Content_Digest=digest)


def error(code: str, message: str) -> bytes:
    return json.dumps({"errors": [{"code": code, "message": message}]}).encode()


def times(count: int, fault: Callable[[Handler], bool]) -> Callable[[Handler], bool]:
    """A fault that happens so many times and then no more."""
    left = [count]

    def limited(handler: Handler) -> bool:
        if left[0] <= 0 or not fault(handler):
            return False
        left[0] -= 1
        return True

    return limited


def on(part: str, method: str = "") -> Callable[[Handler], bool]:
    """Whether a request's path holds a text."""
    return lambda handler: part in handler.path and method in ("", handler.command)


def status(part: str, code: int, body: bytes = b"", **headers: str) -> Callable[[Handler], bool]:
    """Answer requests whose path holds `part` with a status."""

    def fault(handler: Handler) -> bool:
        if part not in handler.path:
            return False
        handler.say(code, body, **headers)
        return True

    return fault


def cut_blob(registry: FakeRegistry, after: int) -> Callable[[Handler], bool]:
    """Send so many bytes of what is asked for, and cut the connection."""

    def fault(handler: Handler) -> bool:
        if "/blobs/" not in handler.path or handler.command != "GET":
            return False
        data = registry.blobs[handler.path.rpartition("/")[2]]
        if len(data) <= after:
            return False
        start = int((handler.headers.get("Range") or "bytes=0-").removeprefix("bytes=").partition("-")[0])
        handler.send_response(206 if start else 200)
        for key, value in V2.items():
            handler.send_header(key, value)
        if start:
            handler.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        handler.send_header("Content-Length", str(len(data) - start))
        handler.end_headers()
        handler.wfile.write(data[start : start + after])
        handler.cut()
        return True

    return fault


def wants_basic(username: str, password: str) -> Callable[[Handler], bool]:
    """Refuse whoever is not this user."""
    wanted = "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()

    def fault(handler: Handler) -> bool:
        if handler.headers.get("Authorization") == wanted:
            return False
        handler.say(401, error("UNAUTHORIZED", "authentication required"), WWW_Authenticate='Basic realm="test"')
        return True

    return fault
