"""HTTP to registries: TLS with own CAs, redirects without credentials, time-outs, bounded retries.

Foreign errors end here: what leaves this module is a FetchError, or a `Transient` that `retrying` turns into one
when it does not go away.
"""

from __future__ import annotations

import ipaddress
import os
import random
import re
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urljoin, urlsplit

from atomicapp.errors import ConfigError, FetchError
from atomicapp.images.blobs import CHUNK
from atomicapp.images.options import HttpOptions
from atomicapp.version import VERSION

if TYPE_CHECKING:
    from requests import Response, Session

T = TypeVar("T")

CONNECT_SECONDS = 15.0
MAX_REDIRECTS = 6
MAX_WAIT = 30.0
"""Seconds that a server may make us wait by Retry-After."""
MIN_RATE = 4096
"""Bytes a second, on average, below which a download is taken for stuck."""
_BACKOFF = 0.5
_TRANSIENT = (408, 429, 500, 502, 503, 504)
_REDIRECTS = (301, 302, 303, 307, 308)


class Transient(Exception):  # noqa: N818 - it is a signal between this module and its callers
    """A failure that may go away: what to say if it does not, and how long the server asks to wait (seconds)."""

    def __init__(self, error: FetchError, after: float | None = None) -> None:
        super().__init__(error.cause)
        self.error = error
        self.after = after


class UnreachableError(FetchError):
    """Nobody answers at the address."""


class NoTlsError(FetchError):
    """The server does not speak TLS."""


def is_loopback(host: str) -> bool:
    """Whether a host (with or without port) is this machine."""
    name = urlsplit(f"//{host}").hostname or ""
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


class Transport:
    """The connections to one registry. Safe to use from several threads."""

    def __init__(self, registry: str, options: HttpOptions) -> None:
        self.registry = registry
        self.options = options
        self._sessions: dict[bool, Session] = {}
        self._lock = threading.Lock()

    def close(self) -> None:
        with self._lock:
            for session in self._sessions.values():
                session.close()
            self._sessions.clear()

    def may_be_plain(self, host: str) -> bool:
        """Whether http without TLS is allowed to a host."""
        return is_loopback(host) or self.is_insecure(host)

    def is_insecure(self, host: str) -> bool:
        return host in self.options.insecure or (urlsplit(f"//{host}").hostname or "") in self.options.insecure

    def send(
        self,
        method: str,
        url: str,
        reference: str,
        *,
        headers: Mapping[str, str] | None = None,
        authorization: str = "",
        data: Any = None,
    ) -> Response:
        """One request; redirects are followed, the body is not read yet: the caller closes the response.

        `authorization` goes to the origin of `url` only. Raises Transient, or FetchError for what will not go away.
        """
        origin = _origin(url)
        for _ in range(MAX_REDIRECTS):
            sent = dict(headers or {})
            if authorization and _origin(url) == origin:
                sent["Authorization"] = authorization
            response = self._once(method, url, reference, sent, data)
            if response.status_code in _TRANSIENT:
                response.close()
                cause = f"{_host(url)} answers {status_text(response)}"
                raise Transient(FetchError(reference, cause, hint=_BUSY), _retry_after(response))
            if response.status_code not in _REDIRECTS or "Location" not in response.headers or data is not None:
                return response
            response.close()
            url = self._redirected(url, response.headers["Location"], reference)
        raise FetchError(reference, f"{self.registry} redirects without end", hint="is it a registry?")

    def _redirected(self, url: str, location: str, reference: str) -> str:
        """Where a redirect leads; FetchError when that is not allowed."""
        try:
            target = urlsplit(urljoin(url, location))
            host = target.netloc.rpartition("@")[2]
            # urlsplit checks the port only when it is asked for
            allowed = target.scheme == "https" or (target.scheme == "http" and self.may_be_plain(host))
            _ = target.port
        except ValueError:
            raise FetchError(reference, f"{_host(url)} redirects to an address that can't be read") from None
        if not allowed or not host:
            raise FetchError(
                reference,
                f"{_host(url)} redirects to {target.scheme or 'no'} at '{host[:80]!a}', which is not https",
                hint="the registry is set up wrongly, or somebody stands in between",
            )
        return target._replace(netloc=host).geturl()

    def _once(self, method: str, url: str, reference: str, headers: dict[str, str], data: Any) -> Response:
        import requests

        host = _host(url)
        unchecked = self.is_insecure(host)
        session = self._connected(unchecked)
        try:
            return session.request(
                method,
                url,
                headers={"User-Agent": f"atomicapp/{VERSION}", "Accept-Encoding": "identity", **headers},
                data=data,
                stream=True,
                allow_redirects=False,
                timeout=(min(CONNECT_SECONDS, self.options.timeout), self.options.timeout),
                auth=_keep_headers,
                verify=False if unchecked else None,
                # a proxy can't reach this machine; empty entries keep the environment's away
                proxies={"http": "", "https": ""} if is_loopback(host) else None,
            )
        except requests.exceptions.SSLError as error:
            raise self._tls_failure(error, host, reference) from None
        except requests.exceptions.Timeout:
            cause = f"{host} does not answer within {self.options.timeout:g} seconds"
            raise Transient(FetchError(reference, cause, hint=_NETWORK)) from None
        except requests.exceptions.ProxyError:
            raise Transient(
                FetchError(reference, f"the proxy on the way to {host} fails", hint="see HTTPS_PROXY, NO_PROXY")
            ) from None
        except requests.exceptions.ConnectionError as error:
            raise _connection_failure(error, host, reference) from None
        except (requests.exceptions.RequestException, OSError, ValueError) as error:
            raise FetchError(
                reference, f"{host} can't be asked: {type(error).__name__}", hint="is the address right?"
            ) from None

    def _tls_failure(self, error: Exception, host: str, reference: str) -> FetchError:
        text = str(error)
        if "CERTIFICATE_VERIFY_FAILED" in text or "certificate verify failed" in text or "doesn't match" in text:
            why = re.search(r"certificate verify failed: ([^(\"']+)", text)
            return FetchError(
                reference,
                f"the TLS certificate of {host} can't be trusted" + (f": {' '.join(why[1].split())}" if why else ""),
                hint=f"give its CA with the option for a CA file, put it at {self.options.certs}/{host}/ca.crt, "
                "or set SSL_CERT_FILE",
            )
        return NoTlsError(
            reference,
            f"{host} does not speak TLS as expected",
            hint=f"if it is a plain http registry, allow it as an insecure registry: {host}",
        )

    def _connected(self, unchecked: bool) -> Session:
        """A session that checks certificates, and another one that does not: a context serves one purpose."""
        with self._lock:
            if unchecked not in self._sessions:
                context = self._context()
                if unchecked:
                    import urllib3

                    context.check_hostname = False
                    context.verify_mode = ssl.CERT_NONE
                    # the user asked for it by name
                    urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
                self._sessions[unchecked] = _session(context)
            return self._sessions[unchecked]

    def _context(self) -> ssl.SSLContext:
        """The system's CAs (SSL_CERT_FILE and SSL_CERT_DIR count), ours, and those of Docker's folder."""
        for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
            bundle = os.environ.get(name)
            if bundle and not Path(bundle).exists():
                raise ConfigError(f"{name} names {bundle}, which is not there", hint=f"correct or unset {name}")
        context = ssl.create_default_context()
        folder = self.options.certs / self.registry
        wanted = [Path(self.options.cafile)] if self.options.cafile else []
        try:
            for path in (*wanted, *sorted(folder.glob("*.crt"))):
                context.load_verify_locations(path)
            for path in sorted(folder.glob("*.cert")):
                context.load_cert_chain(path, path.with_suffix(".key"))
        except ssl.SSLError:
            raise ConfigError(f"{path} holds no certificate that can be read", hint="PEM is expected") from None
        except OSError as error:
            raise ConfigError(f"{path} can't be read: {error.strerror or error}") from None
        return context


def retrying(operation: Callable[[], T], options: HttpOptions, on_retry: Callable[[str], None] | None = None) -> T:
    """Carry out an operation, again after a Transient with growing pauses; its FetchError after the last attempt."""
    attempt = 1
    while True:
        try:
            return operation()
        except Transient as failure:
            if attempt >= options.attempts:
                failure.error.details = (*failure.error.details, f"tried {attempt} times")
                raise failure.error from None
            if on_retry is not None:
                on_retry(failure.error.cause)
            options.sleep(pause(attempt, failure.after))
        attempt += 1


def pause(attempt: int, after: float | None) -> float:
    """Seconds to wait before the next attempt: what the server asks for, else growing, with some chance in it."""
    if after is not None:
        return min(max(after, 0.0), MAX_WAIT)
    # no secret hangs on it: it keeps several clients from coming back at the same moment
    return float(min(_BACKOFF * 2 ** (attempt - 1), MAX_WAIT) * random.uniform(0.75, 1.25))  # noqa: S311


def read_bounded(response: Response, limit: int, reference: str, what: str, seconds: float) -> bytes:
    """The whole body of an answer that must not be large; Transient when it is cut, FetchError when it has no end."""
    pieces, size = [], 0
    with response:
        for chunk in stream_chunks(response, reference, seconds):
            size += len(chunk)
            if size > limit:
                raise FetchError(reference, f"{what} is larger than the {limit} bytes allowed")
            pieces.append(chunk)
    return b"".join(pieces)


def stream_chunks(response: Response, reference: str, seconds: float) -> Iterator[bytes]:
    """The bytes of a body as they come, for at most so many seconds; Transient when the connection breaks."""
    import urllib3

    deadline = time.monotonic() + seconds
    host = _host(response.url)
    while True:
        try:
            chunk = response.raw.read1(CHUNK, decode_content=False)
        except urllib3.exceptions.ReadTimeoutError:
            cause = f"{host} stopped sending in the middle"
            raise Transient(FetchError(reference, cause, hint=_NETWORK)) from None
        except (urllib3.exceptions.HTTPError, OSError):
            cause = f"the connection to {host} was cut in the middle"
            raise Transient(FetchError(reference, cause, hint=_NETWORK)) from None
        if not chunk:
            return
        yield chunk
        if time.monotonic() > deadline:
            raise FetchError(reference, f"{host} sends too slowly to come to an end", hint=_NETWORK)


def status_text(response: Response) -> str:
    """The status of an answer as `404 Not Found`."""
    reason = response.reason or ""
    return f"{response.status_code} {reason[:60] if reason.isprintable() else ''}".strip()


_NETWORK = "check the network and try again"
_BUSY = "the registry is busy or broken; try again later"


def _keep_headers(request: Any) -> Any:
    """requests' own authentication would add what it finds in ~/.netrc."""
    return request


def _session(context: ssl.SSLContext) -> Session:
    """A session that trusts what `context` trusts, beside what requests trusts; it keeps no cookies."""
    from http.cookiejar import DefaultCookiePolicy

    import requests
    from requests.adapters import HTTPAdapter

    class Adapter(HTTPAdapter):
        def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
            super().init_poolmanager(*args, ssl_context=context, **kwargs)

        def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
            return super().proxy_manager_for(*args, ssl_context=context, **kwargs)

    class Plain(requests.Session):
        def get_redirect_target(self, resp: Any) -> None:
            """Redirects are followed in `Transport.send`: requests would read their bodies, however long."""

    session = Plain()
    session.mount("https://", Adapter(pool_maxsize=8))
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return session


def _connection_failure(error: Exception, host: str, reference: str) -> Exception:
    text = str(error)
    if "NameResolutionError" in text or "getaddrinfo" in text or "Name or service not known" in text:
        return UnreachableError(reference, f"there is no host called {host}", hint="is the registry's name right?")
    if "Connection refused" in text:
        return UnreachableError(reference, f"nobody listens at {host}", hint="is the registry running?")
    if "No route to host" in text or "Network is unreachable" in text:
        return UnreachableError(reference, f"there is no way to {host}", hint="check the network")
    cause = f"the connection to {host} was cut"
    return Transient(FetchError(reference, cause, hint=_NETWORK))


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def _host(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]


def _retry_after(response: Response) -> float | None:
    """The seconds of a Retry-After header, a number or a date."""
    value = response.headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return float(value[:6])
    try:
        return parsedate_to_datetime(value).timestamp() - time.time()
    except (ValueError, TypeError, OverflowError):
        return None
