"""Where the API of a fleet is, found as fleetctl finds it: `--provider-api`, FLEETCTL_ENDPOINT, the daemon's own socket."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from atomicapp.errors import EngineError
from atomicapp.model import Target
from atomicapp.records import NamedTuple

DEFAULT = "unix:///var/run/fleet.sock"
READ_TIMEOUT = 30.0
_HINT = "give unix:///var/run/fleet.sock, http://HOST:49153 or https://HOST:PORT (--provider-api, FLEETCTL_ENDPOINT)"


class Endpoint(NamedTuple):
    """`path` of a unix socket, else a `url` of scheme, host and port. `timeout` in seconds is the longest pause of an answer."""

    origin: str
    path: str = ""
    url: str = ""
    context: ssl.SSLContext | None = None
    timeout: float = READ_TIMEOUT

    @property
    def shown(self) -> str:
        """As a user would type it."""
        return f"unix://{self.path}" if self.path else self.url


def current(target: Target) -> Endpoint:
    """The endpoint of a target; EngineError with what is wrong with it."""
    return find(target, os.environ)


def find(target: Target, environ: Mapping[str, str]) -> Endpoint:
    """As `current`, of the variables that are given."""
    origin, text = "--provider-api", target.api
    if not text:
        origin, text = "FLEETCTL_ENDPOINT", environ.get("FLEETCTL_ENDPOINT", "")
    if not text:
        origin, text = "the default", DEFAULT
    if environ.get("FLEETCTL_DRIVER", "api").lower() == "etcd" and origin == "FLEETCTL_ENDPOINT":
        raise EngineError(
            f"FLEETCTL_ENDPOINT ({text}) is one of etcd (FLEETCTL_DRIVER=etcd): the API of fleet is needed", hint=_HINT
        )
    timeout = _timeout(environ)
    if text.startswith(("unix://", "/")):
        path = text.removeprefix("unix://")
        if not path.startswith("/"):
            raise EngineError(f"'{text}' ({origin}) is no path of a socket: it has to begin with /", hint=_HINT)
        return Endpoint(origin, path=path, timeout=timeout)
    url = text.replace("tcp://", "http://", 1).rstrip("/") if text.startswith("tcp://") else text.rstrip("/")
    parts = urlsplit(url)
    try:
        good = (
            parts.scheme in ("http", "https") and bool(parts.hostname) and parts.path == "" and parts.port is not None
        )
    except ValueError:
        good = False
    if not good:
        raise EngineError(f"'{text}' ({origin}) is no address of a fleet API", hint=_HINT)
    context = _context(target, environ) if parts.scheme == "https" else None
    return Endpoint(origin, url=url, context=context, timeout=timeout)


def _timeout(environ: Mapping[str, str]) -> float:
    said = environ.get("FLEETCTL_REQUEST_TIMEOUT", "")
    try:
        return min(max(float(said), 1.0), 300.0) if said else READ_TIMEOUT
    except ValueError:
        raise EngineError(
            f"FLEETCTL_REQUEST_TIMEOUT ({said}) is no number of seconds", hint="write 10, or unset it"
        ) from None


def _context(target: Target, environ: Mapping[str, str]) -> ssl.SSLContext:
    cafile = target.cafile or environ.get("FLEETCTL_CA_FILE", "")
    certificate, key = environ.get("FLEETCTL_CERT_FILE", ""), environ.get("FLEETCTL_KEY_FILE", "")
    try:
        context = ssl.create_default_context(cafile=str(Path(cafile).expanduser()) if cafile else None)
        if certificate:
            context.load_cert_chain(certificate, key or None)
    except (OSError, ValueError) as error:
        told = ", ".join(name for name in (cafile, certificate, key) if name)
        raise EngineError(f"can't use the certificates in {told}: {error}", hint="they are PEM files") from error
    if not target.tlsverify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
