"""What is said to Marathon: JSON over HTTP. What only reads is asked again when the answer fails to come; nothing else is."""

from __future__ import annotations

import contextlib
import json
import ssl
import time
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote, urlencode, urljoin

from atomicapp.errors import EngineError
from atomicapp.io import shown_url
from atomicapp.providers.kubernetes.wire import BrokenError, Trust, Wire
from atomicapp.providers.marathon.access import HINT, Access

Row = dict[str, Any]
Query = Sequence[tuple[str, str]]

TIMEOUT = 30.0
PAUSES = (0.2, 1.0)
"""Seconds before what only reads is asked a second and a third time."""
_AGAIN = (502, 503, 504)
"""What is said while a leader is being chosen."""


class Refused(Exception):  # noqa: N818 (a word of ours: the engine said no)
    """Marathon said no: HTTP status, its message, the details of it, and the deployments that stand in the way."""

    def __init__(self, status: int, message: str, details: Sequence[str] = (), deployments: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.details = tuple(details)
        self.deployments = tuple(deployments)


class Client:
    """Safe to use from several threads. Close it when done."""

    def __init__(self, access: Access) -> None:
        self.access = access
        trust = Trust(_context(access)) if access.server.startswith("https://") else None
        if trust and not access.verify:
            import urllib3

            # the user has said so, once for all requests
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        self.wire = Wire(access.server, trust)

    # ------------------------------------------------------------ what is asked for

    def info(self) -> Row:
        """What Marathon says of itself. EngineError for what is no Marathon."""
        found = self.get("/v2/info")
        if not isinstance(found, dict) or "version" not in found:
            raise EngineError(f"{self.access.shown} is no Marathon: it tells no version", hint=HINT)
        return found

    def apps(self, selector: str = "", embed: Sequence[str] = ()) -> list[Row]:
        """The apps that a label selector picks (all without one): one listing."""
        query = [("label", selector)] if selector else []
        found = self.get("/v2/apps", [*query, *(("embed", f"apps.{name}") for name in embed)])
        return self._rows(found, "apps")

    def app(self, path: str, embed: Sequence[str] = ()) -> Row | None:
        """One app by its id; None when there is none."""
        try:
            found = self.get(at(path), [("embed", f"app.{name}") for name in embed])
        except Refused as refused:
            if refused.status == 404:
                return None
            raise
        app = found.get("app") if isinstance(found, dict) else None
        return app if isinstance(app, dict) else None

    def deployments(self) -> list[Row]:
        """The deployments that are on their way."""
        found = self.get("/v2/deployments")
        return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []

    def queue(self) -> list[Row]:
        """What waits to be launched."""
        return self._rows(self.get("/v2/queue"), "queue")

    def _rows(self, found: Any, name: str) -> list[Row]:
        rows = found.get(name) if isinstance(found, dict) else None
        if not isinstance(rows, list):
            raise EngineError(f"{self.access.shown} is no Marathon: its answer holds no {name}", hint=HINT)
        return [row for row in rows if isinstance(row, dict)]

    # ------------------------------------------------------------ how

    def get(self, path: str, query: Query = ()) -> Any:
        """What a GET answers, as JSON; asked again when the connection breaks, or no leader is there."""
        with self.talking():
            for pause in PAUSES:
                try:
                    return self._ask("GET", path, query, None)
                except BrokenError as error:
                    if error.untrusted or error.endless:
                        raise
                except Refused as refused:
                    if refused.status not in _AGAIN:
                        raise
                time.sleep(pause)
            return self._ask("GET", path, query, None)

    def call(self, method: str, path: str, query: Query = (), body: object = None) -> Any:
        """What a request that changes something answers, as JSON. Refused when Marathon says no."""
        try:
            return self._ask(method, path, query, body)
        except BrokenError as error:
            hint = "see that Marathon is well, and run the same command again: it goes on with what is not done yet"
            raise EngineError(
                f"{self.access.shown} gave no answer to {method} {path}, and may have carried it out or not: {error}",
                hint=hint,
            ) from error

    def _ask(self, method: str, path: str, query: Query, body: object) -> Any:
        target = f"{path}?{urlencode(query)}" if query else path
        headers = {"Accept": "application/json", "User-Agent": "atomicapp"}
        if self.access.authorization:
            headers["Authorization"] = self.access.authorization
        data = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            data = json.dumps(body, separators=(",", ":")).encode()
        answer = self.wire.request(method, target, data, headers, TIMEOUT)
        try:
            if answer.status >= 300:
                raise _refusal(answer.status, answer.data, self._sent(path, answer.headers.get("Location", "")))
            text = answer.data
        finally:
            answer.done()
        if not text:
            return None
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            kind = answer.headers.get("Content-Type", "").partition(";")[0]
            what = f" ({kind})" if kind else ""
            raise EngineError(
                f"{self.access.shown} is no Marathon: its answer to {path} is no JSON{what}", hint=HINT
            ) from None

    def _sent(self, path: str, location: str) -> str:
        """What to say of a place that we are sent to; empty where there is none."""
        if not location:
            return ""
        try:
            place = urljoin(f"{self.access.server}{path}", location).partition("?")[0]
        except ValueError:
            return f"it sends us to {shown_url(location)}, which is no address"
        server = place.rstrip("/").removesuffix(path)
        if server == self.access.server:
            return f"it sends us to {shown_url(place)}, where we are: see what stands before Marathon"
        named = f" (--provider-api {shown_url(server)})" if place.rstrip("/").endswith(path) else ""
        return f"it sends us to {shown_url(place)}: give the address of the leader itself{named}"

    @contextlib.contextmanager
    def talking(self) -> Iterator[None]:
        """Turn every failure of the network into one clear line."""
        try:
            yield
        except BrokenError as error:
            server = self.access.shown
            if error.untrusted:
                hint = "give its CA (--provider-cafile FILE); --provider-tlsverify=false trusts any server"
                raise EngineError(f"{server} is not trusted: {error}", hint=hint) from error
            raise EngineError(f"can't reach Marathon at {server}: {error}", hint=HINT) from error

    def close(self) -> None:
        """Give the connections back."""
        self.wire.close()


def at(path: str, *more: str) -> str:
    """The place of an app in the API."""
    return "/".join(["/v2/apps" + quote(path), *more])


def _refusal(status: int, data: bytes, sent: str) -> Refused:
    text = data.decode("utf-8", "replace")
    with contextlib.suppress(ValueError, RecursionError):
        found = json.loads(text)
        if isinstance(found, dict) and ("message" in found or "details" in found):
            details = [line for item in _list(found.get("details")) for line in _detail(item)]
            locks = [item.get("id") if isinstance(item, dict) else item for item in _list(found.get("deployments"))]
            message = str(found.get("message") or f"HTTP status {status}")
            return Refused(status, message, details, [str(item) for item in locks if item])
    # not the API itself: something that stands before it
    if sent:
        return Refused(status, f"HTTP status {status}: {sent}")
    said = "a page, no JSON" if text.lstrip().startswith("<") else " ".join(text.split())[:300]
    return Refused(status, f"HTTP status {status}: {said}" if said else f"HTTP status {status}")


def _list(found: Any) -> list[Any]:
    return found if isinstance(found, list) else []


def _detail(item: Any) -> Iterator[str]:
    if not isinstance(item, dict):
        yield str(item)
        return
    path = str(item.get("path") or item.get("attribute") or "").strip("/")
    for error in _list(item.get("errors")) or [item.get("error", "is not valid")]:
        yield f"{path}: {error}" if path else str(error)


def _context(access: Access) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cadata=access.ca or None)
    except (ssl.SSLError, ValueError) as error:
        raise EngineError("the CA of --provider-cafile is no PEM text of certificates", hint=HINT) from error
    context.set_alpn_protocols(["http/1.1"])
    if not access.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
