"""Connections to a fleet daemon: by a unix socket, or by the wire of the kubernetes provider."""

from __future__ import annotations

import socket
from typing import Any

from urllib3 import HTTPConnectionPool
from urllib3.connection import HTTPConnection

from atomicapp.providers.fleet.endpoint import Endpoint
from atomicapp.providers.kubernetes.wire import CONNECT_TIMEOUT, KEPT, Answer, BrokenError, Trust, Wire, breaking

PARALLEL = KEPT
"""Requests side by side: no more than there are connections that are kept."""


class _Connection(HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost")
        self._path = path

    def connect(self) -> None:
        found = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            found.settimeout(CONNECT_TIMEOUT)
            found.connect(self._path)
        except OSError:
            found.close()
            raise
        self.sock = found


class _Pool(HTTPConnectionPool):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", maxsize=KEPT)
        self._path = path

    def _new_conn(self) -> Any:
        return _Connection(self._path)


class UnixWire:
    """As kubernetes.wire.Wire, by a unix socket."""

    def __init__(self, path: str) -> None:
        self._pool = _Pool(path)

    def request(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str], read: float | None
    ) -> Answer:
        """Send a request; `read` is the longest pause in seconds. BrokenError."""
        from urllib3 import Timeout

        with breaking():
            response = self._pool.request(
                method,
                path,
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
        self._pool.close()


def to(endpoint: Endpoint) -> UnixWire | Wire:
    """The way to an endpoint."""
    if endpoint.path:
        return UnixWire(endpoint.path)
    return Wire(endpoint.url, Trust(endpoint.context) if endpoint.context else None)


__all__ = ["PARALLEL", "BrokenError", "UnixWire", "Wire", "to"]
