"""Connections to an API server by urllib3, as the official client has them: kept for the next request, by a proxy where
there is one. Nothing is asked a second time, no other place is gone to, and no answer is without end.
"""

from __future__ import annotations

import contextlib
import http.client
import ssl
import time
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlsplit

from atomicapp.records import NamedTuple

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
    """There is no answer, or only a part of one: why. `untrusted`: it is the server's certificate. `endless`: it takes too
    long, or is too large, so there is little use in asking again."""

    def __init__(self, why: str, *, untrusted: bool = False, endless: bool = False) -> None:
        super().__init__(why)
        self.untrusted = untrusted
        self.endless = endless


class Trust(NamedTuple):
    """How a server is to be trusted: the context of TLS, and the name that its certificate bears ("": its host's)."""

    context: ssl.SSLContext
    server_name: str = ""


class Wire:
    """A way to a server, `trust` None: plain HTTP; by `proxy` (`http://`, `https://`) where that is not empty.

    Safe to use from several threads. ValueError for an address whose port is none.
    """

    def __init__(self, server: str, trust: Trust | None, proxy: str = "") -> None:
        from urllib3 import PoolManager, ProxyManager, disable_warnings
        from urllib3.exceptions import InsecureRequestWarning

        _ = urlsplit(server).port
        options: dict[str, Any] = {"maxsize": KEPT, "num_pools": 2}
        if trust:
            options["ssl_context"] = trust.context
            if trust.context.verify_mode == ssl.CERT_NONE:
                options |= {"cert_reqs": "CERT_NONE", "assert_hostname": False}
                disable_warnings(InsecureRequestWarning)  # the user has asked for it
            if trust.server_name:
                options |= {"server_hostname": trust.server_name, "assert_hostname": trust.server_name}
        self._server = server
        self._pool = ProxyManager(proxy, **options) if proxy else PoolManager(**options)

    def request(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str], read: float | None
    ) -> Answer:
        """Send a request. `read` is the longest pause in seconds; None waits for ever. BrokenError."""
        from urllib3 import Timeout

        with breaking():
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
        return Answer(response)

    def close(self) -> None:
        """Give all connections back."""
        self._pool.clear()


class Answer:
    """An answer whose body is not read yet. BrokenError when that fails."""

    def __init__(self, response: BaseHTTPResponse) -> None:
        self.status = response.status
        self.headers: Mapping[str, str] = response.headers
        self._response = response
        self._ended = False

    @cached_property
    def data(self) -> bytes:
        """The whole body; BrokenError for one without end."""
        end, size, found = time.monotonic() + LONGEST, 0, []
        for piece in self.stream(_PIECE):
            found.append(piece)
            size += len(piece)
            if size > LARGEST:
                raise BrokenError(f"its answer is larger than {LARGEST // 1024 // 1024} MiB", endless=True)
            if time.monotonic() > end:
                raise BrokenError(f"its answer takes longer than {LONGEST:g} s", endless=True)
        return b"".join(found)

    def stream(self, size: int) -> Iterator[bytes]:
        """The body in pieces of at most so many bytes, as they come."""
        while True:
            with breaking():
                piece = self._response.read1(size)
            if not piece:
                self._ended = True
                return
            yield piece

    def done(self) -> None:
        """Give the connection back; what was not read to its end can't be used again."""
        if self._ended:
            self._response.release_conn()
        else:
            self._response.close()


@contextlib.contextmanager
def breaking() -> Iterator[None]:
    """Turn every failure into BrokenError, told by its innermost cause: urllib3 puts its own objects before that."""
    from urllib3 import exceptions

    try:
        yield
    except (exceptions.HTTPError, http.client.HTTPException, OSError, UnicodeError) as error:
        cause: BaseException | None = error
        while cause is not None:
            # a connection that is refused counts as one that takes too long there
            late = isinstance(cause, (exceptions.TimeoutError, TimeoutError))
            if late and not isinstance(cause, exceptions.NewConnectionError):
                raise BrokenError("timed out", endless=True) from error
            if isinstance(cause, http.client.HTTPException) or (isinstance(cause, OSError) and _has_words(cause)):
                _broken(cause)
            cause = cause.__cause__ or cause.__context__
        raise BrokenError(str(error).rpartition(">: ")[2] or type(error).__name__) from error


def _has_words(error: OSError) -> bool:
    return bool(error.strerror) or isinstance(error, ssl.SSLError)


def _broken(error: Exception) -> NoReturn:
    if isinstance(error, ssl.SSLCertVerificationError):
        raise BrokenError(error.verify_message, untrusted=True) from error
    if isinstance(error, ssl.SSLError):
        raise BrokenError(f"{error.reason or error}".replace("_", " ").lower()) from error
    if isinstance(error, http.client.RemoteDisconnected):
        raise BrokenError("it closed the connection without an answer") from error
    if isinstance(error, http.client.IncompleteRead):
        raise BrokenError("it closed the connection in the middle of its answer") from error
    if isinstance(error, http.client.HTTPException):
        raise BrokenError("what it answers is no HTTP") from error
    raise BrokenError(getattr(error, "strerror", "") or str(error)) from error
