"""The wire to the engine: docker-py's transport with one `request`, and every failure as one clear line.

docker is imported inside functions: it takes longer to import than all of ours, and parse needs none of it.
"""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from atomicapp.errors import EngineError
from atomicapp.providers.docker.endpoint import Endpoint

if TYPE_CHECKING:
    from docker import APIClient
    from requests import Response

CONNECT_TIMEOUT = 10.0
READ_TIMEOUT = 120.0
"""Seconds without a byte from the engine. Creating a container with a large volume takes its time."""

_OLDEST = "1.41"
"""The API of Docker Engine 20.10 and of Podman 4."""

FIRST_TIMEOUT = 30.0
"""Seconds for the first answer: an engine that hangs is said soon."""

_START = "start it (`systemctl start docker`), or say where it is: --provider-api or DOCKER_HOST"


class Refused(Exception):  # noqa: N818 (a fact that callers explain, not yet an error of ours)
    """The engine answered with a status that says no. `message` is its own text."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class Client:
    """Requests to one engine. Safe to use from several threads."""

    def __init__(self, api: APIClient, endpoint: Endpoint) -> None:
        self.api = api
        self.endpoint = endpoint
        major, _, minor = str(api.api_version).partition(".")
        self.version = (int(major), int(minor or 0))

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        tar: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = READ_TIMEOUT,
        stream: bool = False,
    ) -> Response:
        """One call; `body` goes as JSON, `tar` as it is. Refused for a status from 400 on; EngineError when the engine can't be talked to."""
        url = f"{self.api.base_url}/v{self.api.api_version}{path}"
        with talking(self.endpoint):
            response = self.api.request(
                method,
                url,
                params=params,
                json=body,
                data=tar,
                headers={"Content-Type": "application/x-tar"} if tar is not None else headers,
                timeout=(CONNECT_TIMEOUT, timeout),
                stream=stream,
            )
            if response.status_code >= 400:
                with response:
                    raise Refused(response.status_code, _message(response.text))
        return response

    def call(self, method: str, path: str, **options: Any) -> Any:
        """As `request`, with the JSON of the answer; None for an empty one."""
        with self.request(method, path, **options) as response:
            text = response.text
        if not text.strip():
            return None
        try:
            return json.loads(text)
        except ValueError as error:
            raise self._odd(path) from error

    def get(self, path: str, **params: Any) -> Any:
        """GET with query parameters; a mapping becomes JSON, as the engine takes filters."""
        encoded = {
            name: json.dumps(value) if isinstance(value, dict) else str(value).lower() if value is True else value
            for name, value in params.items()
        }
        return self.call("GET", path, params=encoded)

    def listing(self, path: str, member: str = "", **params: Any) -> list[dict[str, Any]]:
        """As `get`, for a list of objects, or for one that is a member of an object. None counts as an empty one."""
        found = self.get(path, **params)
        if member:
            found = found.get(member) if isinstance(found, dict) else found
        if found is not None and not (isinstance(found, list) and all(isinstance(item, dict) for item in found)):
            raise self._odd(path)
        return found or []

    def _odd(self, path: str) -> EngineError:
        return EngineError(
            f"what answers at {self.endpoint.url} (from {self.endpoint.source}) is no Docker Engine: its answer to "
            f"{path} is not understood",
            hint="expected the address of an engine's API, such as unix:///var/run/docker.sock",
        )

    def inspect(self, kind: str, name: str) -> dict[str, Any] | None:
        """One object in full, or None when there is none of that name."""
        path = {"container": f"/containers/{seg(name)}/json", "image": f"/images/{seg(name)}/json"}.get(
            kind, f"/{kind}s/{seg(name)}"
        )
        try:
            found = self.get(path)
        except Refused as error:
            if error.status == 404:
                return None
            raise
        if not isinstance(found, dict):
            raise self._odd(path)
        return found

    def close(self) -> None:
        """Give the connections back."""
        self.api.close()


def seg(name: str) -> str:
    """A name as part of a path. Slashes stay: the engine's routes for images take them."""
    return quote(name, safe="/:@")


def _message(text: str) -> str:
    """The engine's words in a body such as `{"message": "..."}`."""
    try:
        found = json.loads(text)
    except ValueError:
        return text.strip()[:500] or "no reason given"
    return str(found.get("message") or found) if isinstance(found, dict) else str(found)


# ---------------------------------------------------------------- connecting


def connect(endpoint: Endpoint) -> Client:
    """A client that has spoken with the engine once. EngineError with what to do when it can't be reached."""
    if endpoint.url.startswith("unix://"):
        _knock(endpoint)
    if endpoint.url.startswith("ssh://"):
        _check_ssh()
    from docker.errors import DockerException, TLSParameterError

    try:
        return Client(_open(endpoint), endpoint)
    except TLSParameterError as error:
        raise EngineError(
            f"the TLS files for {endpoint.url} can't be used: {error}", hint="check their paths"
        ) from error
    except DockerException as error:
        raise _unreachable(endpoint, str(error)) from error


def _open(endpoint: Endpoint) -> APIClient:
    """Ask the engine for the version that it speaks, and speak that."""
    from docker import APIClient
    from docker.tls import TLSConfig

    tls: TLSConfig | bool = False
    if endpoint.tls:
        tls = TLSConfig(
            client_cert=(endpoint.cert, endpoint.key) if endpoint.cert else None,
            ca_cert=endpoint.ca or None,
            verify=endpoint.verify,
        )

    def client(version: str) -> APIClient:
        found = APIClient(base_url=endpoint.url, version=version, timeout=int(CONNECT_TIMEOUT), tls=tls)
        _only_what_was_said(found)
        return found

    first = client(_OLDEST)
    try:
        version = _version(first, endpoint)
    finally:
        first.close()
    return client(version)


def _version(api: APIClient, endpoint: Endpoint) -> str:
    import requests

    try:
        with api.get(f"{api.base_url}/version", timeout=(CONNECT_TIMEOUT, FIRST_TIMEOUT)) as response:
            text = response.text
        found = json.loads(text)["ApiVersion"]
        major, _, minor = found.partition(".")
        if (int(major), int(minor)) < tuple(map(int, _OLDEST.split("."))):
            raise EngineError(
                f"the Docker Engine at {endpoint.url} speaks API {found}; at least {_OLDEST} is needed",
                hint="use Docker Engine 20.10 or newer, or Podman 4 or newer",
            )
    except requests.exceptions.RequestException as error:
        raise _unreachable(endpoint, str(error)) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        plain_to_tls = "http request to an https server" in text.lower()
        if plain_to_tls:
            raise _unreachable(endpoint, text) from error
        raise EngineError(
            f"what answers at {endpoint.url} (from {endpoint.source}) is no Docker Engine",
            hint="expected the address of an engine's API, such as unix:///var/run/docker.sock",
        ) from error
    return str(found)


def _only_what_was_said(api: APIClient) -> None:
    """Keep requests from letting REQUESTS_CA_BUNDLE override the engine's own CA, and .netrc add credentials.

    Proxies of the environment count as before.
    """
    import requests

    api.trust_env = False
    if api.base_url.startswith("http") and not api.base_url.startswith("http+"):
        api.proxies.update(requests.utils.get_environ_proxies(api.base_url))


def _knock(endpoint: Endpoint) -> None:
    """The common reasons why a socket can't be used, before a library words them."""
    path = endpoint.url.removeprefix("unix://")
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(CONNECT_TIMEOUT)
        try:
            probe.connect(path)
        except PermissionError as error:
            raise _no_permission(path) from error
        except FileNotFoundError as error:
            raise EngineError(
                f"no Docker Engine is at {path} (from {endpoint.source}): the socket is not there", hint=_START
            ) from error
        except OSError as error:
            raise _unreachable(endpoint, error.strerror or str(error)) from error


def _no_permission(path: str) -> EngineError:
    return EngineError(
        f"you may not use the Docker Engine at {path}",
        hint="join the group of the socket (`sudo usermod -aG docker $USER`, then log in again), or use sudo",
    )


def _check_ssh() -> None:
    from importlib.util import find_spec

    if find_spec("paramiko") is None:
        raise EngineError(
            "an engine behind ssh:// needs the Python package paramiko, which is not installed",
            hint="pip install paramiko; or forward the socket: ssh -NL /tmp/docker.sock:/var/run/docker.sock HOST",
        )


def _unreachable(endpoint: Endpoint, cause: str) -> EngineError:
    where = f"{endpoint.url} (from {endpoint.source})"
    text = cause.lower()
    if "permission denied" in text:
        return _no_permission(endpoint.url)
    if "certificate" in text or "ssl" in text or "http request to an https server" in text:
        return EngineError(
            f"no safe connection to the Docker Engine at {where}: {_short(cause)}",
            hint="give its CA by --provider-cafile, and cert.pem and key.pem by DOCKER_CERT_PATH",
        )
    if "refused" in text or "no such file" in text:
        return EngineError(f"no Docker Engine answers at {where}: it is not running", hint=_START)
    if "timed out" in text or "timeout" in text:
        return EngineError(f"the Docker Engine at {where} does not answer in time", hint="check it and the network")
    if "name or service not known" in text or "name resolution" in text or "nodename" in text:
        return EngineError(f"the host in {where} is not known", hint="check the address")
    return EngineError(f"no Docker Engine can be reached at {where}: {_short(cause)}", hint=_START)


def _short(cause: str) -> str:
    """The innermost reason: libraries wrap it in several layers of their own names."""
    inner = re.findall(r"(?:SSLError|Error)\(\d*,? ?'([^']+)'\)", cause)
    return (inner[-1] if inner else cause)[:300]


@contextmanager
def talking(endpoint: Endpoint) -> Iterator[None]:
    """What the transport raises, as one clear line."""
    from http.client import HTTPException

    import requests
    import urllib3

    try:
        yield
    except (
        requests.exceptions.ReadTimeout,
        requests.exceptions.ConnectTimeout,
        urllib3.exceptions.TimeoutError,
    ) as error:
        raise EngineError(
            f"the Docker Engine at {endpoint.url} did not answer in time",
            hint="it may be overloaded: look at its log, then run the same command again",
        ) from error
    except (
        requests.exceptions.RequestException,
        # streams (logs, progress of a pull) are read below requests
        urllib3.exceptions.HTTPError,
        HTTPException,
        ConnectionError,
    ) as error:
        raise EngineError(
            f"the connection to the Docker Engine at {endpoint.url} broke: {str(error)[:200]}",
            hint="see that the engine runs, then run the same command again: it goes on where this one ended",
        ) from error
