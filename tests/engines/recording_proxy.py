"""A proxy before an engine's unix socket that writes down every request: to prove what is asked, and what is not.

Use `DOCKER_HOST=proxy.host` or `Target(api=proxy.host)`. Bytes are passed on as they come, in both directions and at
any time, so streams (logs, pulls) and upgraded connections work as without it.
"""

from __future__ import annotations

import contextlib
import re
import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

_VERSION = re.compile(r"^/v\d+\.\d+(?=/)")
_SAFE = ("GET", "HEAD")


class Request(NamedTuple):
    """One request. `path` is without the version of the API, with its query decoded."""

    method: str
    path: str

    @property
    def writes(self) -> bool:
        """Whether the engine may change by it."""
        return self.method not in _SAFE


class RecordingProxy:
    """Listens on a socket of its own. `requests` holds what came, in order; `cut` makes it drop connections."""

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream.removeprefix("unix://")
        # not below pytest's folder: the path of a socket is limited to 108 characters
        self._folder = tempfile.TemporaryDirectory(prefix="aar-")
        path = Path(self._folder.name) / "proxy.sock"
        self.host = f"unix://{path}"
        self.requests: list[Request] = []
        self.cut: re.Pattern[str] | None = None
        """A request whose `METHOD path` matches is not passed on: its connection is closed."""
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(64)
        self._spawn(self._accept)

    @property
    def calls(self) -> list[str]:
        """The requests as `METHOD path`, without the question which version the engine speaks."""
        return [f"{found.method} {found.path}" for found in self.requests if found.path not in ("/version", "/_ping")]

    @property
    def writes(self) -> list[str]:
        """The requests that may change the engine."""
        return [f"{found.method} {found.path}" for found in self.requests if found.writes]

    def forget(self) -> None:
        """Begin a new record."""
        self.requests.clear()

    def drop(self) -> None:
        """Break all connections that are open, as an engine that is killed does."""
        with self._lock:
            for sock in self._open:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Stop listening, drop what is open, remove the socket."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.drop()
        for thread in self._threads:
            thread.join(timeout=10)
        self._folder.cleanup()

    # ------------------------------------------------------------ wires

    def _spawn(self, work: object, *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            engine = socket.socket(socket.AF_UNIX)
            try:
                engine.connect(self._upstream)
            except OSError:
                client.close()
                engine.close()
                continue
            with self._lock:
                self._open |= {client, engine}
            self._spawn(self._requests, client, engine)
            self._spawn(self._copy, engine, client)

    def _requests(self, client: socket.socket, engine: socket.socket) -> None:
        """From the client to the engine, one request after the other."""
        try:
            with client.makefile("rb") as stream:
                while True:
                    head = b""
                    while not head.endswith(b"\r\n\r\n"):
                        line = stream.readline()
                        if not line:
                            return
                        head += line
                    if not self._note(head):
                        return
                    engine.sendall(head)
                    lowered = head.lower()
                    length = re.search(rb"\r\ncontent-length: *(\d+)", lowered)
                    if length:
                        engine.sendall(stream.read(int(length[1])))
                    elif b"\r\nupgrade:" in lowered or b"\r\ntransfer-encoding: chunked" in lowered:
                        while piece := stream.read1(65536):
                            engine.sendall(piece)
                        return
        except OSError:
            return
        finally:
            self._end(client, engine)

    def _note(self, head: bytes) -> bool:
        """Write a request down; False when it is to be cut."""
        method, target, _ = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)
        request = Request(method, unquote(_VERSION.sub("", target).replace("+", " ")))
        self.requests.append(request)
        return not (self.cut and self.cut.search(f"{request.method} {request.path}"))

    def _copy(self, engine: socket.socket, client: socket.socket) -> None:
        """From the engine to the client, as it comes."""
        try:
            while piece := engine.recv(65536):
                client.sendall(piece)
        except OSError:
            pass
        finally:
            self._end(client, engine)

    def _end(self, *sockets: socket.socket) -> None:
        for sock in sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            with self._lock:
                self._open.discard(sock)
            sock.close()


@contextlib.contextmanager
def recording(upstream: str) -> Iterator[RecordingProxy]:
    """A proxy before `upstream` (`unix:///path`) for the time of a with block."""
    proxy = RecordingProxy(upstream)
    try:
        yield proxy
    finally:
        proxy.close()
