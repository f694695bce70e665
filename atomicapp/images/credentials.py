"""Who to be at a registry: the files and helper programs of Docker, Podman and skopeo.

Looked at in this order, the first that knows the registry wins:

    $REGISTRY_AUTH_FILE                                              Podman, skopeo
    $XDG_RUNTIME_DIR/containers/auth.json (root: /run/containers/0)
    $DOCKER_CONFIG/config.json, else ~/.docker/config.json           Docker

In each file `credHelpers` go before `credsStore`, both before `auths`. Keys are `HOST[:PORT]`, in the files of Podman
also `HOST/NAMESPACE`, for Docker Hub its old index URL. Secrets stay within `Credential`, whose text hides them.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from atomicapp.errors import ConfigError, FetchError
from atomicapp.host import in_host
from atomicapp.images.reference import HUB, HUB_API, Reference
from atomicapp.records import NamedTuple

HUB_KEY = "https://index.docker.io/v1/"
HELPER_SECONDS = 60
_MAX_FILE = 4 * 1024 * 1024
_TOKEN_USER = "<token>"  # noqa: S105 - the helpers' word for "the secret is an identity token"
_NOT_FOUND = "credentials not found"
_HELPER_NAME = re.compile(r"[A-Za-z0-9_.-]+", re.ASCII)

Runner = Callable[[list[str], str], "Answer"]
"""Runs a program with a text on its standard input; FileNotFoundError when there is none of that name."""


class Answer(NamedTuple):
    """What a helper program said."""

    code: int
    output: str


class Credential(NamedTuple):
    """A user and password, or an identity token. `origin` is the file or helper it came from."""

    username: str
    password: str
    identity_token: str = ""
    origin: str = ""

    def __repr__(self) -> str:
        return f"Credential(username={self.username!r}, origin={self.origin!r}, secret hidden)"

    def __str__(self) -> str:
        return repr(self)


def find(
    reference: Reference, environment: Mapping[str, str] | None = None, runner: Runner | None = None
) -> Credential | None:
    """The credential for an image's repository, or None when nobody logged in to its registry.

    ConfigError for a file that can't be read, FetchError for a helper that fails; neither shows a secret.
    """
    environment = os.environ if environment is None else environment
    # in the tool's own container the host's files are looked at after those of the container
    paths = list(_files(environment))
    for path in dict.fromkeys((*paths, *(in_host(str(path)) for path in paths))):
        config = _load(path)
        if config is None:
            continue
        found = _in_config(config, path, reference, runner or run_helper)
        if found is not None:
            return found
    return None


def run_helper(command: list[str], text: str) -> Answer:
    """Run a credential helper; its answer is bounded in time."""
    import subprocess

    try:
        done = subprocess.run(  # the name was checked, and there is no shell
            command, input=text, capture_output=True, text=True, timeout=HELPER_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return Answer(-1, "no answer in time")
    except (PermissionError, UnicodeDecodeError) as error:
        return Answer(-1, type(error).__name__)
    # helpers print their errors to standard output; standard error is not for us
    return Answer(done.returncode, done.stdout)


def _files(environment: Mapping[str, str]) -> Iterator[Path]:
    """The places to look at. HOME is taken from the environment, as the other programs do."""
    home = Path(environment.get("HOME") or "~").expanduser()
    named = environment.get("REGISTRY_AUTH_FILE")
    if named:
        yield Path(named)
    elif environment.get("XDG_RUNTIME_DIR"):
        yield Path(environment["XDG_RUNTIME_DIR"], "containers", "auth.json")
    else:
        yield Path(f"/run/containers/{os.getuid()}/auth.json")
    docker = environment.get("DOCKER_CONFIG")
    yield (Path(docker) if docker else home / ".docker") / "config.json"


def _load(path: Path) -> dict[str, Any] | None:
    """A file of credentials; None when there is none."""
    try:
        with path.open("rb") as stream:
            data = stream.read(_MAX_FILE)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ConfigError(
            f"{path} can't be read: {error.strerror or error}", hint="it holds the logins of 'docker login'"
        ) from None
    try:
        found = json.loads(data or b"{}")
    except (ValueError, RecursionError):
        # the parser's message could show a piece of a secret
        raise ConfigError(f"{path} is not readable as JSON", hint="repair it, or log in again") from None
    if not isinstance(found, dict):
        raise ConfigError(f"{path} does not hold a JSON object", hint="repair it, or log in again")
    return found


def _in_config(config: dict[str, Any], path: Path, reference: Reference, runner: Runner) -> Credential | None:
    hosts = _hosts(reference.registry)
    helpers = _mapping(config, "credHelpers")
    for host in hosts:
        helper = helpers.get(host)
        if isinstance(helper, str) and helper:
            return _ask(helper, host, reference, runner)
    store = config.get("credsStore")
    if isinstance(store, str) and store:
        for host in hosts:
            found = _ask(store, host, reference, runner)
            if found is not None:
                return found
    return _in_auths(_mapping(config, "auths"), path, reference)


def _in_auths(auths: Mapping[str, Any], path: Path, reference: Reference) -> Credential | None:
    """The entry of `auths` with the longest key that fits; an entry without a secret says nothing."""
    by_key = {_normal(key): entry for key, entry in auths.items() if isinstance(entry, dict)}
    parts = reference.repository.split("/")
    for host in _hosts(reference.registry):
        host = _normal(host)
        for end in range(len(parts), -1, -1):
            entry = by_key.get("/".join((host, *parts[:end])))
            found = _decode(entry, path, reference.registry) if entry else None
            if found is not None:
                return found
    return None


def _decode(entry: Mapping[str, Any], path: Path, registry: str) -> Credential | None:
    token = entry.get("identitytoken")
    username, password = entry.get("username"), entry.get("password")
    packed = entry.get("auth")
    if isinstance(packed, str) and packed:
        try:
            text = base64.b64decode(packed, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            text = ""
        username, colon, password = text.partition(":")
        if not colon:
            raise ConfigError(
                f"{path}: the entry for {registry} holds no user and password", hint=f"docker login {registry}"
            )
        password = password.rstrip("\0")
    if isinstance(token, str) and token:
        return Credential(username if isinstance(username, str) else "", "", token, str(path))
    if isinstance(username, str) and isinstance(password, str) and username:
        return Credential(username, password, "", str(path))
    return None


def _ask(helper: str, host: str, reference: Reference, runner: Runner) -> Credential | None:
    """What a helper program knows of a host."""
    program = f"docker-credential-{helper}"
    if not _HELPER_NAME.fullmatch(helper):
        raise ConfigError(f"'{helper!a}' is no name of a credential helper", hint="see ~/.docker/config.json")
    try:
        answer = runner([program, "get"], host)
    except FileNotFoundError:
        raise FetchError(
            str(reference),
            f"the credential helper {program} is not installed",
            hint=f"install it, or remove it from Docker's config.json and run: docker login {reference.registry}",
        ) from None
    if answer.code != 0:
        if _NOT_FOUND in answer.output.lower():
            return None
        raise FetchError(
            str(reference), f"{program} failed with status {answer.code} for {host}", hint=f"try: {program} get"
        )
    try:
        found = json.loads(answer.output)
        username, secret = found["Username"], found["Secret"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise FetchError(str(reference), f"{program} gave an answer that is not understood") from None
    if not isinstance(username, str) or not isinstance(secret, str) or not secret:
        return None
    if username == _TOKEN_USER:
        return Credential("", "", secret, program)
    return Credential(username, secret, "", program)


def _hosts(registry: str) -> tuple[str, ...]:
    """The keys under which a registry may stand."""
    return (HUB_KEY, "index.docker.io", HUB, HUB_API) if registry == HUB else (registry,)


def _normal(key: str) -> str:
    """A key without scheme, without the API's version and without a slash at the end."""
    key = key.removeprefix("https://").removeprefix("http://").rstrip("/")
    return key.removesuffix("/v1").removesuffix("/v2")


def _mapping(config: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = config.get(key)
    return found if isinstance(found, dict) else {}
