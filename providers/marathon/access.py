"""Where Marathon is and who we are there.

The address is that of `--provider-api`, else of MARATHON_URL, else http://localhost:8080. `v2/...` is put behind its path, so
that a Marathon behind a proxy (`https://HOST/service/marathon`) is reached, too. `--provider-auth` is `USER:PASSWORD`, a
token (sent as `token=...`, as DC/OS takes it) or `Bearer TOKEN`; user and password may also stand in the address.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from atomicapp.errors import EngineError, SpecError
from atomicapp.io import read_text, shown_url
from atomicapp.model import Target
from atomicapp.records import NamedTuple

DEFAULT = "http://localhost:8080"
HINT = "give the address of Marathon: --provider-api http://HOST:8080 (or MARATHON_URL)"


class Access(NamedTuple):
    """All that a connection needs. `authorization` is the header's value, a secret; `ca` a PEM text, empty = the
    system's."""

    server: str
    origin: str
    authorization: str = ""
    ca: str = ""
    verify: bool = True

    @property
    def shown(self) -> str:
        """The address for messages."""
        return shown_url(self.server)


def find(target: Target, environ: Mapping[str, str]) -> Access:
    """The access of a target; EngineError with what is wrong and where."""
    if target.api:
        server, origin = target.api, "--provider-api"
    elif environ.get("MARATHON_URL"):
        server, origin = environ["MARATHON_URL"], "MARATHON_URL"
    else:
        server, origin = DEFAULT, "the default"
    if not server.startswith(("http://", "https://")):
        raise EngineError(
            f"'{shown_url(server)}' ({origin}) is no address of Marathon: it begins with http:// or https://", hint=HINT
        )
    try:
        parts = urlsplit(server)
        _ = parts.port
    except ValueError as error:
        raise EngineError(f"'{shown_url(server)}' ({origin}) is no address: {error}", hint=HINT) from error
    authorization = _authorization(target.auth)
    if not authorization and parts.username is not None:
        authorization = _basic(unquote(parts.username), unquote(parts.password or ""))
    path = parts.path.rstrip("/").removesuffix("/v2")
    ca = _read(Path(target.cafile).expanduser()) if target.cafile else ""
    return Access(
        f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{path}", origin, authorization, ca, target.tlsverify
    )


def _authorization(auth: str) -> str:
    if not auth:
        return ""
    if not (auth.isascii() and auth.isprintable()):
        raise EngineError("--provider-auth holds more than plain letters", hint="USER:PASSWORD, or a token")
    if auth.startswith(("Bearer ", "token=", "Basic ")):
        return auth
    name, colon, password = auth.partition(":")
    return _basic(name, password) if colon else f"token={auth}"


def _basic(name: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{name}:{password}'.encode()).decode()}"


def _read(path: Path) -> str:
    try:
        return read_text(path, str(path))
    except OSError as error:
        raise EngineError(f"--provider-cafile: can't read {path}: {error.strerror or error}", hint=HINT) from error
    except SpecError as error:
        raise EngineError(f"--provider-cafile: {error.message}", hint=HINT) from error
