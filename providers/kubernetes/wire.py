"""Connections to an API server by the HTTP client of the standard library, kept for the next request.

urllib3 would do as well, but its import alone takes longer than to list all kinds of a server; it is imported where a
proxy is to be gone through. Nothing is asked a second time, and no other place is gone to.
"""

from __future__ import annotations

import contextlib
import http.client
import select
import socket
import ssl
import time
from collections import deque
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, Protocol
from urllib.parse import SplitResult, urlsplit

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

CONNECT_TIMEOUT = 10.0
KEPT = 8
"""Connections that wait for the next request, at most."""
LARGEST = 256 * 1024 * 1024
"""Bytes of an answer that is read as a whole."""
LONGEST = 300.0
"""Seconds that such an answer may take; one that follows what happens may take for ever."""
_PIECE = 256 * 1024


class BrokenError(Exception):
    """There is no answer, or only a part of one: why. `untrusted`: it is the server's certificate."""

    def __init__(self, why: str, *, untrusted: bool = False) -> None:
        super().__init__(why)
        self.untrusted = untrusted


class Answer(Protocol):
    """An answer whose body is not read yet. BrokenError when that fails."""

    status: int

    @property
    def headers(self) -> Mapping[str, str]: ...

    @property
    def data(self) -> bytes:
        """The whole body."""

    def stream(self, size: int) -> Iterator[bytes]:
        """The body in pieces of at most so many bytes, as they come."""

    def done(self) -> None:
        """Give the connection back; what was not read to its end can't be used again."""


class Wire(Protocol):
    """A way to a server. Safe to use from several threads."""

    def request(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str], read: float | None
    ) -> Answer:
        """Send a request. `read` is the longest pause in seconds; None waits for ever. BrokenError."""

    def close(self) -> None:
        """Give all connections back."""


class Trust(NamedTuple):
    """How a server is to be trusted: the context of TLS, and the name that its certificate bears ("": its host's)."""

    context: ssl.SSLContext
    server_name: str = ""


def _whole(pieces: Iterator[bytes]) -> bytes:
    """A body in one; BrokenError for one without end."""
    end, size, found = time.monotonic() + LONGEST, 0, []
    for piece in pieces:
        found.append(piece)
        size += len(piece)
        if size > LARGEST:
            raise BrokenError(f"its answer is larger than {LARGEST // 1024 // 1024} MiB")
        if time.monotonic() > end:
            raise BrokenError(f"its answer takes longer than {LONGEST:g} s")
    return b"".join(found)


# ---------------------------------------------------------------- straight


class Direct:
    """Straight to the server; `trust` None: plain HTTP. ValueError for a port that is none."""

    def __init__(self, server: str, trust: Trust | None) -> None:
        self._address = urlsplit(server)
        self._port = self._address.port or (443 if trust else 80)
        self._trust = trust
        self._idle: deque[http.client.HTTPConnection] = deque()
        self._closed = False

    def request(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str], read: float | None
    ) -> Answer:
        """See Wire."""
        connection = self._connection()
        with _breaking(connection):
            if connection.sock is None:
                connection.connect()
            connection.sock.settimeout(read)
            connection.request(method, f"{self._address.path}{path}", body, headers)
            return _Straight(self, connection, connection.getresponse())

    def keep(self, connection: http.client.HTTPConnection) -> None:
        """Take a connection whose answer was read to its end."""
        if len(self._idle) < KEPT:
            self._idle.append(connection)
        else:
            connection.close()
        if self._closed:
            # by a thread that followed a log for longer than the session was
            self.close()

    def close(self) -> None:
        """See Wire. What is being read is read on, and then given up."""
        self._closed = True
        with contextlib.suppress(IndexError):
            while True:
                self._idle.pop().close()

    def _connection(self) -> http.client.HTTPConnection:
        with contextlib.suppress(IndexError):
            while True:
                connection = self._idle.pop()
                if _is_quiet(connection.sock):
                    return connection
                connection.close()
        return _Connection(self._address, self._port, self._trust)


class _Connection(http.client.HTTPConnection):
    def __init__(self, address: SplitResult, port: int, trust: Trust | None) -> None:
        super().__init__(address.hostname or "", port, timeout=CONNECT_TIMEOUT)
        self.default_port = 443 if trust else 80
        self._trust = trust

    def connect(self) -> None:
        super().connect()
        if self._trust:
            name = self._trust.server_name or self.host
            self.sock = self._trust.context.wrap_socket(self.sock, server_hostname=name)


class _Straight:
    def __init__(
        self, wire: Direct, connection: http.client.HTTPConnection, response: http.client.HTTPResponse
    ) -> None:
        self.status = response.status
        self.headers: Mapping[str, str] = response.headers  # type: ignore[assignment]  # it has all of a Mapping
        self._wire, self._connection, self._response = wire, connection, response

    @cached_property
    def data(self) -> bytes:
        return _whole(self.stream(_PIECE))

    def stream(self, size: int) -> Iterator[bytes]:
        while True:
            with _breaking(self._connection, self._response):
                piece = self._response.read1(size)
                if not piece and self._response.length:
                    raise http.client.IncompleteRead(b"", self._response.length)
            if not piece:
                # what has a length is not told to be at its end by itself
                self._response.close()
                return
            yield piece

    def done(self) -> None:
        if self._response.isclosed() and self._connection.sock is not None:
            self._wire.keep(self._connection)
        else:
            self._response.close()
            self._connection.close()


def _is_quiet(sock: socket.socket | None) -> bool:
    """Whether a connection that waits can be used: the server has not closed it, and says nothing out of turn."""
    if sock is None:
        return False
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return not poll.poll(0)


@contextlib.contextmanager
def _breaking(*held: http.client.HTTPConnection | http.client.HTTPResponse) -> Iterator[None]:
    """Turn every failure into BrokenError, and give the connection up."""
    try:
        yield
    except BaseException as error:
        for item in held:
            item.close()
        if isinstance(error, (OSError, http.client.HTTPException, UnicodeError)):
            _broken(error)
        raise


def _broken(error: Exception) -> NoReturn:
    if isinstance(error, ssl.SSLCertVerificationError):
        raise BrokenError(error.verify_message, untrusted=True) from error
    if isinstance(error, ssl.SSLError):
        raise BrokenError(f"{error.reason or error}".replace("_", " ").lower()) from error
    if isinstance(error, TimeoutError):
        raise BrokenError("timed out") from error
    if isinstance(error, http.client.RemoteDisconnected):
        raise BrokenError("it closed the connection without an answer") from error
    if isinstance(error, http.client.IncompleteRead):
        raise BrokenError("it closed the connection in the middle of its answer") from error
    if isinstance(error, http.client.HTTPException):
        raise BrokenError("what it answers is no HTTP") from error
    raise BrokenError(getattr(error, "strerror", "") or str(error)) from error


# ---------------------------------------------------------------- by a proxy


class ByProxy:
    """By a proxy, `http://` or `https://`."""

    def __init__(self, server: str, proxy: str, trust: Trust | None) -> None:
        from urllib3 import ProxyManager

        options: dict[str, Any] = {"maxsize": KEPT, "num_pools": 2}
        if trust:
            options["ssl_context"] = trust.context
            if trust.context.verify_mode == ssl.CERT_NONE:
                options |= {"cert_reqs": "CERT_NONE", "assert_hostname": False}
            if trust.server_name:
                options |= {"server_hostname": trust.server_name, "assert_hostname": trust.server_name}
        self._server = server
        self._pool = ProxyManager(proxy, **options)

    def request(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str], read: float | None
    ) -> Answer:
        """See Wire."""
        from urllib3 import Timeout

        with _relaying():
            response = self._pool.request(
                method,
                f"{self._server}{path}",
                body=body,
                headers=headers,
                preload_content=False,
                redirect=False,
                retries=False,
                timeout=Timeout(connect=CONNECT_TIMEOUT, read=read),
            )
        return _Relayed(response)

    def close(self) -> None:
        """See Wire."""
        self._pool.clear()


class _Relayed:
    def __init__(self, response: BaseHTTPResponse) -> None:
        self.status = response.status
        self.headers: Mapping[str, str] = response.headers
        self._response = response

    @cached_property
    def data(self) -> bytes:
        return _whole(self.stream(_PIECE))

    def stream(self, size: int) -> Iterator[bytes]:
        pieces = self._response.stream(size)
        while True:
            with _relaying():
                piece = next(pieces, None)
            if piece is None:
                return
            yield piece

    def done(self) -> None:
        self._response.close() if self._response.length_remaining else self._response.release_conn()


@contextlib.contextmanager
def _relaying() -> Iterator[None]:
    from urllib3 import exceptions

    try:
        yield
    except (exceptions.HTTPError, OSError) as error:
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, OSError) and (cause.strerror or isinstance(cause, ssl.SSLError)):
                _broken(cause)
            cause = cause.__cause__ or cause.__context__
        # without the objects that urllib3 puts before its words
        raise BrokenError(str(error).rpartition(">: ")[2] or type(error).__name__) from error
