"""Logging in to a registry: its challenge, Basic, and the Bearer token of a token server."""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from atomicapp.errors import FetchError
from atomicapp.images.credentials import Credential
from atomicapp.images.reference import HUB, Reference
from atomicapp.images.transport import Transport, read_bounded, retrying, status_text
from atomicapp.records import NamedTuple

if TYPE_CHECKING:
    from requests import Response

PULL = "pull"
PUSH = "pull,push"

_MAX_TOKEN_ANSWER = 1024 * 1024
_CLIENT = "atomicapp"
_TOKEN = re.compile(r"[\x21-\x7e]+")
_SCHEME = re.compile(r"\s*,?\s*([A-Za-z][A-Za-z0-9._~+-]*)(?:\s+|$)", re.ASCII)
_PARAMETER = re.compile(r'\s*,?\s*([A-Za-z]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))', re.ASCII)

FindCredential = Callable[[Reference], Credential | None]


class Challenge(NamedTuple):
    """What a registry asks for: the scheme in small letters and its parameters."""

    scheme: str
    parameters: Mapping[str, str]


class Login:
    """The authorizations for one registry, one for each repository and action. Safe to use from several threads."""

    def __init__(self, transport: Transport, find_credential: FindCredential) -> None:
        self._transport = transport
        self._find = find_credential
        self._known: dict[tuple[str, str], str] = {}
        self._lock = threading.Lock()

    def header(self, reference: Reference, actions: str) -> str:
        """The value of the Authorization header, "" as long as nobody asked for one."""
        return self._known.get((reference.repository, actions), "")

    def answer(self, response: Response, reference: Reference, actions: str, refused: str) -> None:
        """React to a 401: get an authorization for the next try. `refused` is the header that was sent.

        FetchError when there is nothing (more) that could be sent.
        """
        challenges = parse_challenges(response.headers.get("WWW-Authenticate", ""))
        with self._lock:
            if self.header(reference, actions) != refused:
                return  # another thread was faster
            credential = self._find(reference)
            found = ""
            for challenge in challenges:
                if challenge.scheme == "bearer":
                    found = self._bearer(challenge, reference, actions, credential)
                    break
                if challenge.scheme == "basic" and credential is not None and not credential.identity_token:
                    found = basic(credential)
                    break
            if not found or found == refused:
                raise denied(response, reference, credential)
            self._known[reference.repository, actions] = found

    def _bearer(self, challenge: Challenge, reference: Reference, actions: str, credential: Credential | None) -> str:
        """Ask the token server that the challenge names."""
        realm = challenge.parameters.get("realm", "")
        self._check_realm(realm, reference)
        scope = f"repository:{reference.repository}:{actions}"
        query = {"scope": scope}
        if challenge.parameters.get("service"):
            query["service"] = challenge.parameters["service"]

        def ask() -> bytes:
            if credential is not None and credential.identity_token:
                form = {
                    **query,
                    "grant_type": "refresh_token",
                    "refresh_token": credential.identity_token,
                    "client_id": _CLIENT,
                }
                response = self._transport.send(
                    "POST",
                    realm,
                    str(reference),
                    headers={"Content-Type": "application/x-www-form-urlencoded"},
                    data=urlencode(form),
                )
            else:
                if credential is not None:
                    query["account"] = credential.username
                url = f"{realm}{'&' if urlsplit(realm).query else '?'}{urlencode(query)}"
                header = basic(credential) if credential is not None else ""
                response = self._transport.send("GET", url, str(reference), authorization=header)
            if response.status_code != 200:
                response.close()
                if response.status_code in (400, 401, 403):
                    raise denied(response, reference, credential)
                raise FetchError(str(reference), f"the token server {_host(realm)} answers {status_text(response)}")
            return read_bounded(
                response,
                _MAX_TOKEN_ANSWER,
                str(reference),
                f"the answer of the token server {_host(realm)}",
                self._transport.options.timeout,
            )

        return f"Bearer {_token(retrying(ask, self._transport.options), realm, reference)}"

    def _check_realm(self, realm: str, reference: Reference) -> None:
        """Passwords go to a token server over TLS, or within this machine, or where the user allowed it."""
        try:
            parts = urlsplit(realm)
            _ = parts.port
        except ValueError:
            parts = urlsplit("")
        if parts.scheme == "https" and parts.hostname and "@" not in parts.netloc:
            return
        if parts.scheme == "http" and parts.hostname and self._transport.may_be_plain(parts.netloc):
            return
        raise FetchError(
            str(reference),
            f"the registry names a token server that is not https: {realm[:120]!a}",
            hint="no credentials were sent there; the registry is set up wrongly, or somebody stands in between",
        )


def basic(credential: Credential) -> str:
    """The header of user and password."""
    pair = f"{credential.username}:{credential.password}".encode()
    return f"Basic {base64.b64encode(pair).decode()}"


def parse_challenges(header: str) -> list[Challenge]:
    """The challenges of a WWW-Authenticate header; what can't be read ends the list."""
    found: list[Challenge] = []
    place = 0
    while match := _SCHEME.match(header, place):
        place = match.end()
        parameters: dict[str, str] = {}
        while parameter := _PARAMETER.match(header, place):
            quoted, plain = parameter[2], parameter[3]
            parameters[parameter[1].lower()] = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else plain
            place = parameter.end()
        found.append(Challenge(match[1].lower(), parameters))
    return found


def denied(response: Response, reference: Reference, credential: Credential | None) -> FetchError:
    """The error for a 401, with what to do about it."""
    login = "docker login" if reference.registry == HUB else f"docker login {reference.registry}"
    if credential is None:
        return FetchError(
            str(reference),
            f"{reference.registry} wants a login for it ({response.status_code}), or it does not exist",
            hint=f"log in with '{login}' or 'podman login {reference.registry}'",
        )
    return FetchError(
        str(reference),
        f"{reference.registry} refuses the login of '{credential.username or 'token'}' from {credential.origin}",
        hint=f"log in again with '{login}'",
    )


def _token(data: bytes, realm: str, reference: Reference) -> str:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        document = None
    if isinstance(document, dict):
        for key in ("token", "access_token"):
            token = document.get(key)
            # anything else in it could smuggle in another header
            if isinstance(token, str) and _TOKEN.fullmatch(token):
                return token
    raise FetchError(str(reference), f"the token server {_host(realm)} gave no token")


def _host(url: str) -> str:
    return urlsplit(url).netloc
