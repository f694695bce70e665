"""A proxy before an engine that writes down every request: to prove what is asked, and what is not; and to break it.

Use `DOCKER_HOST=proxy.host` or `Target(api=proxy.host)`. Before a unix socket it listens on a unix socket; before
`https://HOST:PORT` it speaks plain HTTP on a port of the loopback. Bytes are passed on as they come, in both directions
and at any time, so streams (logs, pulls) and upgraded connections work as without it.
"""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

_VERSION = re.compile(r"^/v\d+\.\d+(?=/)")
_SAFE = ("GET", "HEAD")


class Request(NamedTuple):
    """One request. `path` is without the version of Docker's API, with its query decoded; `asks_whether_changed`: it
    carries an ETag, and is answered by 304 when that is still the one."""

    method: str
    path: str
    asks_whether_changed: bool = False

    @property
    def writes(self) -> bool:
        """Whether the engine may change by it."""
        return self.method not in _SAFE


class _Secured:
    """A TLS connection that one thread may read while another writes, which those of the ssl module don't allow."""

    def __init__(self, sock: socket.socket, context: ssl.SSLContext, host: str) -> None:
        self._sock = sock
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_hostname=host)
        self._lock = threading.Lock()
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._flush()
                self._fill()
            else:
                self._flush()
                return

    def recv(self, size: int) -> bytes:
        while True:
            try:
                with self._lock:
                    return self._tls.read(size)
            except ssl.SSLWantReadError:
                self._fill()
            except ssl.SSLZeroReturnError:
                return b""

    def sendall(self, data: bytes) -> None:
        with self._lock:
            self._tls.write(data)
            self._flush()

    def shutdown(self, how: int) -> None:
        self._sock.shutdown(how)

    def close(self) -> None:
        self._sock.close()

    def _flush(self) -> None:
        if self._out.pending:
            self._sock.sendall(self._out.read())

    def _fill(self) -> None:
        data = self._sock.recv(65536)
        with self._lock:
            if data:
                self._in.write(data)
            else:
                self._in.write_eof()


_Wire = socket.socket | _Secured


class RecordingProxy:
    """Listens at `host`. `requests` holds what came, in order; `cut` makes it break what matches.

    `cafile` is the CA of an https engine. `token` is put into requests that bring none: some clients give theirs to no
    server that speaks plain HTTP.
    """

    def __init__(self, upstream: str, *, cafile: Path | None = None, token: str = "") -> None:
        self._upstream = upstream
        self._token = token
        self._trust = ssl.create_default_context(cafile=cafile) if upstream.startswith("https://") else None
        # not below pytest's folder: the path of a socket is limited to 108 characters
        self._folder = tempfile.TemporaryDirectory(prefix="aar-")
        self.requests: list[Request] = []
        self.cut: re.Pattern[str] | None = None
        """A request whose `METHOD path` matches is not passed on: it gets `instead`, and its connection is closed."""
        self.spare = 0
        """So many requests that match are passed on first."""
        self.instead: bytes | None = b""
        """None: the connection stays open and nothing comes, as from an engine that hangs."""
        self.dies = False
        """With the first that is cut the engine is gone: whatever comes next is cut too."""
        self._gone = False
        self._lock = threading.Lock()
        self._open: set[_Wire] = set()
        self._threads: list[threading.Thread] = []
        if self._trust:
            self._listener = socket.socket()
            self._listener.bind(("127.0.0.1", 0))
            self.host = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        else:
            self._listener = socket.socket(socket.AF_UNIX)
            path = Path(self._folder.name) / "proxy.sock"
            self._listener.bind(str(path))
            self.host = f"unix://{path}"
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

    def mend(self) -> None:
        """Nothing is cut any more."""
        self.cut, self.spare, self.instead, self.dies, self._gone = None, 0, b"", False, False

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
            try:
                engine = self._connect()
            except OSError:
                client.close()
                continue
            with self._lock:
                self._open |= {client, engine}
            self._spawn(self._requests, client, engine)
            self._spawn(self._copy, engine, client)

    def _connect(self) -> _Wire:
        if self._trust is None:
            sock = socket.socket(socket.AF_UNIX)
            try:
                sock.connect(self._upstream.removeprefix("unix://"))
            except OSError:
                sock.close()
                raise
            return sock
        address = urlsplit(self._upstream)
        host = address.hostname or ""
        sock = socket.create_connection((host, address.port or 443))
        try:
            return _Secured(sock, self._trust, host)
        except OSError:
            sock.close()
            raise

    def _requests(self, client: socket.socket, engine: _Wire) -> None:
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
                        if self.instead is None:
                            stream.read()  # until the client gives up
                        else:
                            client.sendall(self.instead)
                        return
                    lowered = head.lower()
                    if self._token and b"\r\nauthorization:" not in lowered:
                        head = head[:-2] + f"Authorization: Bearer {self._token}\r\n\r\n".encode()
                    engine.sendall(head)
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
        path = unquote(_VERSION.sub("", target).replace("+", " "))
        request = Request(method, path, b"\r\nif-none-match:" in head.lower())
        with self._lock:
            self.requests.append(request)
            if self._gone:
                return False
            if not (self.cut and self.cut.search(f"{request.method} {request.path}")):
                return True
            if self.spare:
                self.spare -= 1
                return True
            self._gone = self.dies
            return False

    def _copy(self, engine: _Wire, client: socket.socket) -> None:
        """From the engine to the client, as it comes."""
        try:
            while piece := engine.recv(65536):
                client.sendall(piece)
        except OSError:
            pass
        finally:
            self._end(client, engine)

    def _end(self, *sockets: _Wire) -> None:
        for sock in sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            with self._lock:
                self._open.discard(sock)
            sock.close()


@contextlib.contextmanager
def recording(upstream: str, *, cafile: Path | None = None, token: str = "") -> Iterator[RecordingProxy]:
    """A proxy before `upstream` (`unix:///path` or `https://HOST:PORT`) for the time of a with block."""
    proxy = RecordingProxy(upstream, cafile=cafile, token=token)
    try:
        yield proxy
    finally:
        proxy.close()
