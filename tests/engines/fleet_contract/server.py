"""The HTTP API of a cluster, on a unix socket or a TCP port."""

from __future__ import annotations

import base64
import binascii
import json
import posixpath
import re
import socketserver
import ssl
import struct
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.engines.fleet_contract.cluster import Cluster
from tests.engines.fleet_contract.texts import Option, Refusal

_ROOTS = ("/fleet/v1", "/v1-alpha")
_ONLY = "only {} supported against this resource"
_TICK = 0.02
Listed = Callable[[int, int], list[dict[str, Any]]]


class Dropped(Exception):  # noqa: N818 (what the server does)
    """The connection is closed without an answer."""


class Faults:
    """What a test switches on: requests to be dropped, answers to be refused, pages without end."""

    def __init__(self) -> None:
        self.drop: Callable[[str, str], bool] = lambda method, path: False
        self.refuse: Callable[[str, str], int] = lambda method, path: 0
        self.endless = False
        self.silent = False
        """Requests are taken in and never answered."""
        self.garbage = False


class Server:
    """Serves a cluster until it is closed. `address` is a path, or a pair of host and port; `endpoint` what a client takes."""

    def __init__(
        self,
        cluster: Cluster,
        address: str | tuple[str, int],
        context: ssl.SSLContext | None = None,
        *,
        pump: bool = True,
    ) -> None:
        self.cluster = cluster
        self.faults = Faults()
        self.requests: list[str] = []
        self.connections = 0
        self.ended = threading.Event()
        self._server: _UnixServer | _TcpServer
        if isinstance(address, str):
            self._server = _UnixServer(address, _Handler)
            self.endpoint = f"unix://{address}"
        else:
            self._server = _TcpServer(address, _Handler)
            scheme = "https" if context is not None else "http"
            self.endpoint = f"{scheme}://{address[0]}:{self._server.socket.getsockname()[1]}"
        self._server.owner = self
        if context is not None:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._threads = [threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)]
        if pump:
            self._threads.append(threading.Thread(target=self._pump, daemon=True))
        for thread in self._threads:
            thread.start()

    def count(self, *beginnings: str) -> int:
        """How many requests began so: `PUT`, `GET /fleet/v1/units`."""
        return sum(1 for request in self.requests if request.startswith(beginnings))

    def close(self) -> None:
        self.ended.set()
        self._server.shutdown()
        self._server.server_close()
        for thread in self._threads:
            thread.join(10)

    def _pump(self) -> None:
        while not self.ended.wait(_TICK):
            self.cluster.pump()


class _UnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    owner: Server
    daemon_threads = True
    request_queue_size = 128


class _TcpServer(socketserver.ThreadingMixIn, socketserver.TCPServer):
    owner: Server
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away, or does not trust us, is no fault of ours."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _UnixServer
    disable_nagle_algorithm = False

    def setup(self) -> None:
        super().setup()
        self.server.owner.connections += 1

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (its name in the base)
        """Says nothing."""

    def version_string(self) -> str:
        return "fleetd/1.0.0"

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self._answer
        raise AttributeError(name)

    def _answer(self) -> None:
        owner = self.server.owner
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        owner.requests.append(f"{self.command} {self.path}")
        path = unquote(urlsplit(self.path).path)
        if owner.faults.silent:
            owner.ended.wait(60)
        if owner.faults.drop(self.command, path):
            self.close_connection = True
            return
        if owner.faults.garbage:
            self._send(200, b"<html>hello</html>", "text/html")
            return
        if path == "/ssh":
            words = parse_qs(urlsplit(self.path).query)
            self._send(200, _ssh(owner.cluster, words["host"][0], words["command"][0]).encode(), "text/plain")
            return
        try:
            status = owner.faults.refuse(self.command, path)
            if status:
                raise Refusal(status)
            self._say(*self._serve(path, body))
        except Refusal as refusal:
            error = {"error": {"code": refusal.status, "message": refusal.message}}
            self._say(refusal.status, error, "application/json")
        except Dropped:
            self.close_connection = True

    def _say(self, status: int, body: object, kind: str = "") -> None:
        if isinstance(body, str):
            self._send(status, body.encode(), kind)
        else:
            data = b"" if body is None else json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
            self._send(status, data, kind)

    def _send(self, status: int, data: bytes, kind: str, location: str = "") -> None:
        self.send_response(status)
        if kind:
            self.send_header("Content-Type", kind)
        if location:
            self.send_header("Location", location)
        if status != 204:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    # ------------------------------------------------------------ routes

    def _serve(self, path: str, body: bytes) -> tuple[int, object, str]:
        cluster = self.server.owner.cluster
        clean = posixpath.normpath(path).replace("//", "/") if path != "/" else path
        if path.endswith("/") and clean != "/":
            clean += "/"
        if clean != path:
            self._send_moved(clean)
            raise _Answered
        with cluster.lock:
            cluster.check_etcd()
            root = next((root for root in _ROOTS if path == root or path.startswith(f"{root}/")), None)
            if path == "/" or path in _ROOTS:
                raise Refusal(405)
            if root is None:
                raise Refusal(404)
            room, slash, name = path[len(root) + 1 :].partition("/")
            if slash and (not name or "/" in name or room not in ("units", "state")):
                raise Refusal(404)
            return self._route(cluster, room, name, body)

    def _route(self, cluster: Cluster, room: str, name: str, body: bytes) -> tuple[int, object, str]:
        get = self.command == "GET"
        if room == "units" and name:
            if get:
                return 200, cluster.shown(cluster.existing(name), listed=False), "application/json"
            if self.command == "PUT":
                return self._put(cluster, name, body), None, ""
            if self.command == "DELETE":
                cluster.delete(name)
                return 204, None, ""
            raise Refusal(405, _ONLY.format("GET, PUT and DELETE"))
        if room in ("units", "state"):
            if not get:
                raise Refusal(405, _ONLY.format("GET"))
            if name:
                found = cluster.listed_states(name)
                if not found:
                    raise Dropped
                return 200, found[0], "application/json"
            query = parse_qs(urlsplit(self.path).query, keep_blank_values=True)
            if room == "units":
                return self._page("units", cluster.listed_units, query)
            unit, machine = (query.get(key, [""])[0] for key in ("unitName", "machineID"))
            states = cluster.listed_states(unit, machine)
            return self._page("states", lambda start, end: states[start:end], query)
        if room == "machines":
            if get:
                query = parse_qs(urlsplit(self.path).query, keep_blank_values=True)
                machines = cluster.listed_machines()
                return self._page("machines", lambda start, end: machines[start:end], query)
            if self.command == "PATCH":
                cluster.patch(_changes(body))
                return 204, None, "application/json"
            raise Refusal(405, _ONLY.format("GET and PATCH"))
        if room == "discovery":
            if not get:
                raise Refusal(400, _ONLY.format("HTTP GET"))
            found_here = {"version": "v1", "name": "schema", "rootUrl": "$ENDPOINT/", "servicePath": "fleet/v1/"}
            return 200, {**found_here, "basePath": "/fleet/v1/"}, "application/json"
        raise Refusal(404)

    def _send_moved(self, where: str) -> None:
        text = f'<a href="{where}">Moved Permanently</a>.\n\n'
        self._send(301, text.encode(), "text/html; charset=utf-8", where)

    def _put(self, cluster: Cluster, name: str, body: bytes) -> int:
        kinds = self.headers.get_all("Content-Type") or []
        if len(kinds) != 1:
            raise Refusal(415, f"expected 1 Content-Type, got {len(kinds)}")
        if kinds[0].partition(";")[0].strip() != "application/json":
            raise Refusal(415, "only acceptable Content-Type is application/json")
        found = _unit(body)
        if found.get("name") and found["name"] != name:
            said = f'name in URL "{name}" differs from unit name in request body "{found["name"]}"'
            raise Refusal(400, said)
        options = tuple(
            Option(option.get("section") or "", option.get("name") or "", option.get("value") or "")
            for option in found.get("options") or ()
        )
        return cluster.put(name, options, found.get("desiredState"))

    def _page(self, key: str, listed: Listed, query: dict[str, list[str]]) -> tuple[int, object, str]:
        limit = self.server.owner.cluster.settings.token_limit
        page = _page_of(query.get("nextPageToken"), limit)
        shown = listed((page - 1) * limit, page * limit)
        answer: dict[str, Any] = {key: shown} if shown else {}
        if len(shown) == limit or self.server.owner.faults.endless:
            token = struct.pack("<HH", limit, (page + 1) % 65536)
            answer["nextPageToken"] = base64.urlsafe_b64encode(token).decode()
        return 200, answer, "application/json"


class _Answered(Dropped):
    """Said already."""


def _page_of(tokens: list[str] | None, limit: int) -> int:
    if tokens is None:
        return 1
    if len(tokens) > 1:
        raise Refusal(400, "too many values for page token")
    token = tokens[0]
    try:
        if len(token) % 4 or re.search(r"[^A-Za-z0-9_=-]", token):
            raise binascii.Error
        data = base64.urlsafe_b64decode(token)
    except binascii.Error:
        raise Refusal(400, "illegal base64 data at input byte 0") from None
    if len(data) < 4:
        raise Refusal(400, "unexpected EOF" if data else "EOF")
    size, page = struct.unpack("<HH", data[:4])
    if size != limit:
        raise Refusal(400, f"token limit must be {limit}")
    if not page:
        raise Refusal(400, "token page must be greater than zero")
    return int(page)


# ---------------------------------------------------------------- bodies, in the words of Go

_KINDS: tuple[tuple[type, str], ...] = (
    (bool, "bool"),
    (int, "number"),
    (float, "number"),
    (str, "string"),
    (list, "array"),
    (dict, "object"),
)


def _decode(body: bytes, before: str = "") -> Any:
    text = body.decode("utf-8", "replace").lstrip()
    if not text:
        raise Refusal(400, f"{before}EOF")
    try:
        return json.JSONDecoder().raw_decode(text)[0]
    except json.JSONDecodeError as error:
        if error.pos >= len(text):
            raise Refusal(400, f"{before}unexpected EOF") from None
        what = "object key string" if "property name" in error.msg else "value"
        looking = f"looking for beginning of {what}"
        raise Refusal(400, f"{before}invalid character '{text[error.pos]}' {looking}") from None


def _kind(value: object) -> str:
    return next(word for kind, word in _KINDS if isinstance(value, kind))


def _unit(body: bytes) -> dict[str, Any]:
    before = "unable to decode body: "
    found = _decode(body, before)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise Refusal(400, f"{before}json: cannot unmarshal {_kind(found)} into Go value of type schema.Unit")

    def check(value: object, wanted: type, field: str, kind: str) -> None:
        if value is not None and not isinstance(value, wanted):
            into = f"Go struct field {field} of type {kind}"
            raise Refusal(400, f"{before}json: cannot unmarshal {_kind(value)} into {into}")

    for field in ("name", "desiredState", "currentState", "machineID"):
        check(found.get(field), str, f"Unit.{field}", "string")
    check(found.get("options"), list, "Unit.options", "[]*schema.UnitOption")
    for option in found.get("options") or ():
        for field in ("section", "name", "value"):
            check(option.get(field), str, f"UnitOption.options.{field}", "string")
    return found


def _changes(body: bytes) -> list[tuple[str, str, str, str | None]]:
    found = _decode(body)
    if found is None:
        return []
    if not isinstance(found, list):
        raise Refusal(400, f"json: cannot unmarshal {_kind(found)} into Go value of type []api.machineMetadataOp")
    changes: list[tuple[str, str, str, str | None]] = []
    for item in found:
        value = item.get("value")
        if value is not None and not isinstance(value, dict):
            into = 'Go struct field machineMetadataOp.Value of type struct { Value string "json:\\"value\\"" }'
            raise Refusal(400, f"json: cannot unmarshal {_kind(value)} into {into}")
    for item in found:
        if item.get("op") not in ("add", "remove", "replace"):
            raise Refusal(400, "invalid op: expect add, remove, or replace")
        place = re.fullmatch(r"/([^/]+)/metadata/([A-Za-z0-9_.-]+)", item.get("path") or "")
        if not place:
            raise Refusal(400, "machine metadata path invalid")
        text = (item.get("value") or {}).get("value") or None
        if item["op"] != "remove" and text is None:
            raise Refusal(400, "invalid value: add and replace require a value")
        changes.append((item["op"], place[1], place[2], text))
    return changes


def _ssh(cluster: Cluster, host: str, command: str) -> str:
    """What a command prints on a machine: a way in of the tests' own, beside the API."""
    with cluster.lock:
        machine = next((found for found in cluster.machines.values() if found.address == host), None)
    return machine.systemd.shell(command) if machine and not machine.frozen else ""
