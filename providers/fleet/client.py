"""What is said to fleet's API: units, their states, machines; read page by page, written by PUT and DELETE.

A daemon that answers 500 or 503, or closes a connection, is asked again, a few times and with pauses: all that is sent may be
sent twice. One that does not answer in time is not.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from itertools import islice
from typing import Any
from urllib.parse import quote, urlencode

from atomicapp.errors import EngineError
from atomicapp.providers.fleet import wire
from atomicapp.providers.fleet.endpoint import Endpoint
from atomicapp.records import NamedTuple

INACTIVE, LOADED, LAUNCHED = "inactive", "loaded", "launched"

PAUSES = (0.3, 1.0, 2.0)
"""Seconds before each further try."""
MOST_PAGES = 2000
LONGEST_LISTING = 120.0
"""Seconds that all pages of a listing may take."""
ROOT = "/fleet/v1"
_HINT = "see that fleetd runs there, and that the address is right (--provider-api, FLEETCTL_ENDPOINT)"
_AGAIN = (500, 503)

Pair = tuple[str, str, str]
"""An option as it is sent: section, name, value."""


class Refused(Exception):  # noqa: N818 (a word of ours: the engine said no)
    """The daemon said no: HTTP status and its message, which may be empty."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message or _MEANING.get(status, f"HTTP status {status}")


_MEANING = {
    500: "the daemon failed (HTTP status 500); its etcd may not answer",
    503: "fleet server unable to communicate with etcd",
    404: "it has no such thing",
}


class Unit(NamedTuple):
    """A stored unit. `machine` is empty while it is not placed; of a global unit only `desired` says something."""

    name: str
    options: tuple[Pair, ...]
    desired: str
    current: str
    machine: str


class State(NamedTuple):
    """What the systemd of one machine says of a unit; `hash` is that of the text that it has loaded."""

    name: str
    hash: str
    machine: str
    load: str
    active: str
    sub: str


class Machine(NamedTuple):
    """A machine that is alive."""

    id: str
    address: str
    metadata: dict[str, str]

    @property
    def shown(self) -> str:
        """As fleetctl shows it: `11111111.../192.0.2.11`."""
        return f"{self.id[:8]}.../{self.address}" if self.address else f"{self.id[:8]}..."


class Client:
    """Safe to use from several threads. Close it when done."""

    def __init__(self, endpoint: Endpoint, pause: Callable[[float], None] = time.sleep) -> None:
        self.endpoint = endpoint
        self._wire = wire.to(endpoint)
        self._pause = pause

    # ------------------------------------------------------------ reading

    def units(self) -> list[Unit]:
        """All units, page by page."""
        return [
            Unit(
                str(row["name"]),
                tuple(
                    (str(option.get("section", "")), str(option.get("name", "")), str(option.get("value", "")))
                    for option in row.get("options") or ()
                ),
                str(row.get("desiredState", "")),
                str(row.get("currentState", "")),
                str(row.get("machineID", "")),
            )
            for row in self._listing("units")
        ]

    def states(self) -> list[State]:
        """What all machines say of their units, page by page."""
        return [
            State(
                str(row["name"]),
                str(row.get("hash", "")),
                str(row.get("machineID", "")),
                str(row.get("systemdLoadState", "")),
                str(row.get("systemdActiveState", "")),
                str(row.get("systemdSubState", "")),
            )
            for row in self._listing("state", "states")
        ]

    def machines(self) -> list[Machine]:
        """The machines that are alive."""
        return [
            Machine(str(row.get("id", "")), str(row.get("primaryIP", "")), dict(row.get("metadata") or {}))
            for row in self._listing("machines", named=False)
        ]

    def _listing(self, room: str, key: str = "", *, named: bool = True) -> list[dict[str, Any]]:
        """The items of all pages. EngineError for pages that have no end."""
        found: list[dict[str, Any]] = []
        seen: set[str] = set()
        token, end = "", time.monotonic() + LONGEST_LISTING
        for number in range(1, MOST_PAGES + 2):
            path = f"{ROOT}/{room}" + (f"?{urlencode({'nextPageToken': token})}" if token else "")
            page = self._asked("GET", path)
            items = page.get(key or room) or []
            if not isinstance(items, list) or any(not isinstance(row, dict) for row in items):
                raise self._strange(path)
            if named and any(not row.get("name") for row in items):
                raise self._strange(path)
            found += items
            token = str(page.get("nextPageToken") or "")
            if not token:
                return found
            if token in seen or not items or number > MOST_PAGES or time.monotonic() > end:
                break
            seen.add(token)
        raise EngineError(
            f"the listing of {room} at {self.endpoint.shown} has no end: after page {number} there is still another one",
            hint="this is no fleet daemon, or a broken one: ask another machine of the cluster (--provider-api)",
        )

    # ------------------------------------------------------------ writing

    def put(self, name: str, desired: str, options: Sequence[Pair] | None = None) -> int:
        """Store a unit, or only its desired state: 201 where its options are new, 204 else. Refused."""
        # what fleet takes and chokes on: a word that is no state makes a unit that nobody can remove again
        assert desired in (INACTIVE, LOADED, LAUNCHED)
        body: dict[str, Any] = {"desiredState": desired}
        if options is not None:
            body["name"] = name
            body["options"] = [{"section": section, "name": key, "value": value} for section, key, value in options]
        return self._call("PUT", f"{ROOT}/units/{quote(name, safe='@:')}", body)[0]

    def delete(self, name: str) -> None:
        """Remove a unit; one that is not there is removed already. Refused."""
        try:
            self._call("DELETE", f"{ROOT}/units/{quote(name, safe='@:')}")
        except Refused as refused:
            if refused.status != 404:
                raise

    def side_by_side(self, work: Callable[[Any], None], items: Iterable[Any]) -> None:
        """Do something for each, several at a time; after the first failure nothing more is begun."""
        todo = list(items)
        if len(todo) == 1:
            work(todo[0])
        if len(todo) < 2:
            return
        with ThreadPoolExecutor(wire.PARALLEL, thread_name_prefix="fleet") as pool:
            waiting = iter(todo)
            running = {pool.submit(work, item) for item in islice(waiting, wire.PARALLEL)}
            while running:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    future.result()
                running |= {pool.submit(work, item) for item in islice(waiting, len(done))}

    # ------------------------------------------------------------ talking

    def _asked(self, method: str, path: str) -> dict[str, Any]:
        try:
            _, data = self._call(method, path)
        except Refused as refused:
            raise EngineError(
                f"the fleet API at {self.endpoint.shown} does not serve {path.partition('?')[0]}: {refused.message}",
                hint=_HINT,
            ) from refused
        try:
            found = json.loads(data)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise self._strange(path)
        return found

    def _strange(self, path: str) -> EngineError:
        where = self.endpoint.shown
        return EngineError(
            f"{where} is no fleet API: its answer to {path.partition('?')[0]} is none of fleet's", hint=_HINT
        )

    def _call(self, method: str, path: str, body: object = None) -> tuple[int, bytes]:
        """Status and body of a good answer. Refused when the daemon says no, EngineError when it can't be talked to."""
        for pause in (*PAUSES, None):
            try:
                status, data = self._once(method, path, body)
            except wire.BrokenError as error:
                if error.untrusted:
                    hint = "give its CA (--provider-cafile FILE); --provider-tlsverify=false trusts any server"
                    raise EngineError(f"{self.endpoint.shown} is not trusted: {error}", hint=hint) from error
                if pause is None or "closed" not in str(error):
                    raise EngineError(f"can't reach fleet at {self.endpoint.shown}: {error}", hint=_HINT) from error
            else:
                if status < 300:
                    return status, data
                if status not in _AGAIN or pause is None:
                    raise _refusal(status, data)
            self._pause(pause)
        raise AssertionError("the last try returns or raises")

    def _once(self, method: str, path: str, body: object) -> tuple[int, bytes]:
        headers = {"User-Agent": "atomicapp", "Accept": "application/json"}
        data = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            data = json.dumps(body, separators=(",", ":")).encode()
        answer = self._wire.request(method, path, data, headers, self.endpoint.timeout)
        try:
            return answer.status, answer.data
        finally:
            answer.done()

    def close(self) -> None:
        """Give the connections back."""
        self._wire.close()


def _refusal(status: int, data: bytes) -> Refused:
    try:
        found = json.loads(data)
        error = found.get("error") if isinstance(found, dict) else None
        return Refused(status, str(error.get("message") or "") if isinstance(error, dict) else "")
    except (ValueError, RecursionError):
        return Refused(status, " ".join(data.decode("utf-8", "replace").split())[:300])
