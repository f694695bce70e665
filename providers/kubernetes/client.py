"""The wire to the API server: JSON over HTTP by urllib3, which is all of the official client that is needed."""

from __future__ import annotations

import contextlib
import json
import ssl
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from atomicapp.errors import EngineError
from atomicapp.providers.kubernetes.config import Access

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse, PoolManager

TIMEOUT = 30.0
CONNECT_TIMEOUT = 10.0
PARALLEL = 8
MAX_ANSWER = 256 * 1024 * 1024

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
        self.pool = _pool(access)

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
    ) -> Iterator[BaseHTTPResponse]:
        """A good answer that is not read yet. `timeout` in seconds is between two pieces; None waits for ever. With an
        `etag` the answer may be 304, without a body: nothing has changed."""
        from urllib3 import Timeout

        url = f"{self.access.server}{path}" + (f"?{urlencode(query)}" if query else "")
        headers = {"Accept": accept, "User-Agent": "atomicapp"}
        if self.access.token:
            headers["Authorization"] = f"Bearer {self.access.token}"
        elif self.access.username:
            from urllib3.util import make_headers

            headers |= make_headers(basic_auth=f"{self.access.username}:{self.access.password}")
        if etag:
            headers["If-None-Match"] = etag
        data = None
        if body is not None:
            headers["Content-Type"] = kind
            data = json.dumps(body, separators=(",", ":")).encode()
        with self.talking():
            response = self.pool.request(
                method,
                url,
                body=data,
                headers=headers,
                preload_content=False,
                redirect=False,
                retries=False,
                timeout=Timeout(connect=CONNECT_TIMEOUT, read=timeout),
            )
        try:
            if response.status >= 300 and not (etag and response.status == 304):
                with self.talking():
                    raise _refusal(response.status, response.data)
            yield response
        finally:
            # what was not read to its end can't be used again
            response.close() if response.length_remaining else response.release_conn()

    @contextlib.contextmanager
    def talking(self) -> Iterator[None]:
        """Turn every failure of the network into one clear line."""
        from urllib3 import exceptions

        server = self.access.server
        try:
            yield
        except exceptions.SSLError as error:
            hint = "give its CA (--provider-cafile FILE); --provider-tlsverify=false trusts any server"
            raise EngineError(f"{server} is not trusted: {_why(error)}", hint=hint) from error
        except (exceptions.HTTPError, OSError) as error:
            raise EngineError(f"can't reach the Kubernetes API at {server}: {_why(error)}", hint=_HINT) from error

    def close(self) -> None:
        """Give the connections back."""
        self.pool.clear()


def _why(error: BaseException) -> str:
    """The words of the innermost cause, without the objects that urllib3 puts before them."""
    text = str(error)
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return cause.verify_message
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = cause.__cause__ or cause.__context__
    return text.rpartition(">: ")[2] or type(error).__name__


def _refusal(status: int, data: bytes) -> Refused:
    text = data.decode("utf-8", "replace")
    with contextlib.suppress(ValueError):
        found = json.loads(text)
        if isinstance(found, dict) and found.get("kind") == "Status":
            details = found.get("details") or {}
            causes = [cause for cause in details.get("causes") or [] if isinstance(cause, dict)]
            return Refused(status, str(found.get("message") or status), str(found.get("reason") or ""), causes)
    return Refused(status, " ".join(text.split())[:300] or f"HTTP status {status}")


def _pool(access: Access) -> PoolManager:
    from urllib.request import getproxies, proxy_bypass

    from urllib3 import PoolManager, ProxyManager

    options: dict[str, Any] = {"maxsize": PARALLEL, "num_pools": 2}
    if access.server.startswith("https://"):
        options["ssl_context"] = _context(access)
        if access.server_name:
            options |= {"server_hostname": access.server_name, "assert_hostname": access.server_name}
        if not access.verify:
            options |= {"cert_reqs": "CERT_NONE", "assert_hostname": False}
    address = urlsplit(access.server)
    proxy = access.proxy or ("" if proxy_bypass(address.hostname or "") else getproxies().get(address.scheme, ""))
    return ProxyManager(proxy, **options) if proxy.startswith(("http://", "https://")) else PoolManager(**options)


def _context(access: Access) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cadata=access.ca or None)
    except (ssl.SSLError, ValueError) as error:
        raise EngineError(f"the CA of {access.origin} is no PEM text of certificates", hint=_HINT) from error
    # certificates that kube-apiserver makes for itself lack what Python 3.13 asks for by default
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
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
