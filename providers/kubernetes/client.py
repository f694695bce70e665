"""What is said to the API server: JSON over HTTP, which is all of the official client that is needed."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import ssl
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode, urlsplit

from atomicapp.errors import EngineError
from atomicapp.io import shown_url
from atomicapp.providers.kubernetes.config import Access
from atomicapp.providers.kubernetes.wire import KEPT, Answer, BrokenError, Trust, Wire

TIMEOUT = 30.0
PARALLEL = KEPT

APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
_HINT = "see that the server runs and that its address is right (--provider-config, --provider-api)"


class Refused(Exception):  # noqa: N818 (a word of ours: the engine said no)
    """The server said no: HTTP status, its one-word reason, its message, and the causes that it lists."""

    def __init__(self, status: int, message: str, reason: str = "", causes: Sequence[Mapping[str, Any]] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.reason = reason
        self.causes = tuple(causes)


class Client:
    """Safe to use from several threads. Close it when done."""

    def __init__(self, access: Access) -> None:
        self.access = access
        self.finish: Callable[[Any], Any] = lambda body: body
        """Makes of an object that is to be applied the one that is sent."""
        self.wire = _wire(access)

    def get(self, path: str, query: Mapping[str, str] | None = None, accept: str = "application/json") -> Any:
        """What a GET answers, as JSON."""
        return self.call("GET", path, query, accept=accept)

    def call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: object = None,
        kind: str = "application/json",
        accept: str = "application/json",
    ) -> Any:
        """What the server answers, as JSON. Refused when it says no, EngineError when it can't be talked to."""
        with self.open(method, path, query, body, kind, accept) as response, self.talking():
            data = response.data
        return self._object(path, data)

    def changed(self, path: str, etag: str, accept: str) -> tuple[Any, str]:
        """What a GET answers, as JSON, and its ETag ("" when it has none); None and `etag` when what was told with that
        ETag is what would be told now."""
        with self.open("GET", path, accept=accept, etag=etag) as response, self.talking():
            data = response.data
            if response.status == 304:
                return None, etag
            return self._object(path, data), response.headers.get("ETag", "")

    def _object(self, path: str, data: bytes) -> Any:
        """An answer as JSON; whatever the API tells is an object."""
        try:
            found = json.loads(data)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise EngineError(
                f"{self.access.server} is no Kubernetes API: its answer to {path} is no JSON object", hint=_HINT
            )
        return found

    def find(self, path: str) -> Any:
        """An object, or None when there is none."""
        try:
            return self.get(path)
        except Refused as refused:
            if refused.status != 404:
                raise
            return None

    @contextlib.contextmanager
    def open(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: object = None,
        kind: str = "application/json",
        accept: str = "application/json",
        timeout: float | None = TIMEOUT,
        etag: str = "",
    ) -> Iterator[Answer]:
        """A good answer that is not read yet. `timeout` in seconds is between two pieces; None waits for ever. With an
        `etag` the answer may be 304, without a body: nothing has changed."""
        target = f"{path}?{urlencode(query)}" if query else path
        headers = {"Accept": accept, "User-Agent": "atomicapp", **self._identity()}
        if etag:
            headers["If-None-Match"] = etag
        data = None
        if body is not None:
            headers["Content-Type"] = kind
            if kind == APPLY:
                body = self.finish(body)
            data = json.dumps(body, separators=(",", ":")).encode()
        with self.talking():
            answer = self.wire.request(method, target, data, headers, timeout)
            try:
                if answer.status >= 300 and not (etag and answer.status == 304):
                    raise _refusal(answer.status, answer.data, answer.headers.get("Location", ""))
                yield answer
            finally:
                answer.done()

    def _identity(self) -> dict[str, str]:
        """The header that says who we are."""
        access = self.access
        if access.token:
            if not (access.token.isascii() and access.token.isprintable()):
                raise EngineError(f"the token of {access.origin} is none: it holds more than plain letters", hint=_HINT)
            return {"Authorization": f"Bearer {access.token}"}
        if access.username:
            pair = f"{access.username}:{access.password}".encode()
            return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
        return {}

    @contextlib.contextmanager
    def talking(self) -> Iterator[None]:
        """Turn every failure of the network into one clear line."""
        server = self.access.server
        try:
            yield
        except BrokenError as error:
            if error.untrusted:
                hint = "give its CA (--provider-cafile FILE); --provider-tlsverify=false trusts any server"
                raise EngineError(f"{server} is not trusted: {error}", hint=hint) from error
            raise EngineError(f"can't reach the Kubernetes API at {server}: {error}", hint=_HINT) from error

    def close(self) -> None:
        """Give the connections back."""
        self.wire.close()


def _refusal(status: int, data: bytes, location: str) -> Refused:
    text = data.decode("utf-8", "replace")
    with contextlib.suppress(ValueError, RecursionError):
        found = json.loads(text)
        if isinstance(found, dict) and found.get("kind") == "Status":
            details = found.get("details")
            listed = details.get("causes") if isinstance(details, dict) else None
            causes = [cause for cause in listed if isinstance(cause, dict)] if isinstance(listed, list) else []
            return Refused(status, str(found.get("message") or status), str(found.get("reason") or ""), causes)
    # not the API itself: something that stands before it
    said = f"it sends us to {shown_url(location)}" if location else " ".join(text.split())[:300]
    return Refused(status, f"HTTP status {status}: {said}" if said else f"HTTP status {status}")


def _wire(access: Access) -> Wire:
    trust = Trust(_context(access), access.server_name) if access.server.startswith("https://") else None
    proxy = access.proxy or _proxy_of_system(access.server)
    try:
        return Wire(access.server, trust, proxy if proxy.startswith(("http://", "https://")) else "")
    except ValueError as error:
        raise EngineError(f"'{access.server}' ({access.origin}) is no address: {error}", hint=_HINT) from error


def _proxy_of_system(server: str) -> str:
    """The proxy that the user has set for all programs; empty when there is none for this server."""
    if sys.platform.startswith("linux") and not any(name.lower().endswith("_proxy") for name in os.environ):
        return ""
    from urllib.request import getproxies, proxy_bypass

    address = urlsplit(server)
    return "" if proxy_bypass(address.hostname or "") else getproxies().get(address.scheme, "")


def _context(access: Access) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cadata=access.ca or None)
    except (ssl.SSLError, ValueError) as error:
        raise EngineError(f"the CA of {access.origin} is no PEM text of certificates", hint=_HINT) from error
    # certificates that kube-apiserver makes for itself lack what Python 3.13 asks for by default
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.set_alpn_protocols(["http/1.1"])
    if not access.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if access.certificate:
        # the ssl module reads them from files only; 0600, and gone at once
        with tempfile.NamedTemporaryFile("w", prefix="atomicapp-", suffix=".pem") as file:
            file.write(f"{access.certificate}\n{access.key}\n")
            file.flush()
            try:
                context.load_cert_chain(file.name)
            except (ssl.SSLError, OSError) as error:
                raise EngineError(
                    f"the client certificate of {access.origin} and its key can't be used", hint=_HINT
                ) from error
    return context
