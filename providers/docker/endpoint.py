"""Where the engine is: the options, DOCKER_HOST, a docker context, or the usual sockets, in this order.

Nothing is opened here but the files of docker contexts.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

from atomicapp.errors import EngineError
from atomicapp.model import Target
from atomicapp.records import NamedTuple

DEFAULT = "unix:///var/run/docker.sock"
_USUAL = ("/var/run/docker.sock", "/host/var/run/docker.sock")
"""The second one is where the tool's own container sees the host's."""

_SCHEMES = ("unix", "tcp", "http", "https", "ssh", "npipe")


class Endpoint(NamedTuple):
    """An address and how to trust it. `source` says where it was found, for messages; the paths are empty when unset."""

    url: str
    source: str
    tls: bool = False
    verify: bool = True
    ca: str = ""
    cert: str = ""
    key: str = ""


def current(target: Target) -> Endpoint:
    """The endpoint that this process's environment and user have for a target."""
    # os.path's expanduser, unlike Path's, has no objection to a user without a home
    return find(target, os.environ, Path(os.path.expanduser("~")))  # noqa: PTH111


def find(target: Target, environ: Mapping[str, str], home: Path) -> Endpoint:
    """The endpoint to use. EngineError when what is said makes no sense (unknown context, unknown scheme)."""
    if target.api:
        return _with_options(_address(target.api, "--provider-api"), target, environ, home)
    if target.context:
        return _with_options(
            _context(target.context, "the provider option context", environ, home), target, environ, home
        )
    if environ.get("DOCKER_HOST"):
        return _with_options(_address(environ["DOCKER_HOST"], "DOCKER_HOST"), target, environ, home)
    name, source = environ.get("DOCKER_CONTEXT", ""), "DOCKER_CONTEXT"
    if not name:
        name, source = _current_context(environ, home), "the current docker context"
    if name and name != "default":
        return _with_options(_context(name, source, environ, home), target, environ, home)
    places = [*_USUAL]
    if environ.get("XDG_RUNTIME_DIR"):
        # an engine of the user's own
        places.append(f"{environ['XDG_RUNTIME_DIR']}/docker.sock")
    there = next((place for place in places if Path(place).exists()), "")
    return Endpoint(f"unix://{there}" if there else DEFAULT, "the usual socket")


def _address(text: str, source: str) -> Endpoint:
    if text.startswith("/"):
        return Endpoint(f"unix://{text}", source)
    scheme, sign, rest = text.partition("://")
    if not sign:
        # the Docker client reads HOST:PORT as TCP
        scheme, rest = "tcp", text
    if scheme not in _SCHEMES or not rest:
        raise EngineError(
            f"{source} '{text}' is no address of a Docker Engine",
            hint="expected unix:///path/docker.sock, tcp://HOST:PORT, https://HOST:PORT or ssh://USER@HOST",
        )
    return Endpoint(f"{scheme}://{rest}", source, tls=scheme == "https")


def _with_options(found: Endpoint, target: Target, environ: Mapping[str, str], home: Path) -> Endpoint:
    """TLS as the provider options and the Docker client's variables say."""
    scheme = found.url.partition("://")[0]
    if scheme not in ("tcp", "https"):
        return found
    wanted = bool(environ.get("DOCKER_TLS_VERIFY")) or bool(environ.get("DOCKER_TLS"))
    if not (found.tls or wanted or target.cafile):
        return found
    if not found.cert:
        folder = Path(environ.get("DOCKER_CERT_PATH") or _config_folder(environ, home))
        files = {
            name: str(folder / f"{name}.pem") for name in ("ca", "cert", "key") if (folder / f"{name}.pem").exists()
        }
        if environ.get("DOCKER_CERT_PATH") and not files:
            raise EngineError(
                f"DOCKER_CERT_PATH '{folder}' holds no ca.pem, cert.pem and key.pem", hint="correct the variable"
            )
        if {"cert", "key"} <= set(files):
            found = found._replace(cert=files["cert"], key=files["key"])
        found = found._replace(ca=found.ca or files.get("ca", ""))
    if target.cafile:
        if not Path(target.cafile).exists():
            raise EngineError(f"the CA file '{target.cafile}' is not there", hint="correct --provider-cafile")
        found = found._replace(ca=target.cafile)
    return found._replace(tls=True, verify=target.tlsverify and found.verify)


# ---------------------------------------------------------------- docker contexts


def _config_folder(environ: Mapping[str, str], home: Path) -> Path:
    return Path(environ.get("DOCKER_CONFIG") or home / ".docker")


def _current_context(environ: Mapping[str, str], home: Path) -> str:
    try:
        found = json.loads((_config_folder(environ, home) / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        # no file, or not one that the client could use: then there is no current context either
        return ""
    name = found.get("currentContext", "") if isinstance(found, dict) else ""
    return name if isinstance(name, str) else ""


def _context(name: str, source: str, environ: Mapping[str, str], home: Path) -> Endpoint:
    """A context of the Docker client, from `contexts/meta/<digest of the name>/meta.json`."""
    if name == "default":
        return Endpoint(DEFAULT, source)
    digest = hashlib.sha256(name.encode()).hexdigest()
    folder = _config_folder(environ, home) / "contexts"
    file = folder / "meta" / digest / "meta.json"
    try:
        docker = json.loads(file.read_text(encoding="utf-8"))["Endpoints"]["docker"]
        url, skip = str(docker["Host"]), bool(docker.get("SkipTLSVerify", False))
    except OSError as error:
        raise EngineError(
            f"{source} names the docker context '{name}', which is not there",
            hint="see `docker context ls`, or give the address by --provider-api",
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise EngineError(
            f"the docker context '{name}' ({file}) can't be read", hint="make it anew with `docker context create`"
        ) from error
    found = _address(url, f"the docker context '{name}'")
    files = {part: folder / "tls" / digest / "docker" / f"{part}.pem" for part in ("ca", "cert", "key")}
    there = {part: str(path) for part, path in files.items() if os.path.exists(path)}  # noqa: PTH110 (as str below)
    if not there or found.url.startswith(("unix:", "npipe:", "ssh:")):
        return found
    both = {"cert", "key"} <= set(there)
    return found._replace(
        tls=True,
        verify=not skip,
        ca=there.get("ca", ""),
        cert=there["cert"] if both else "",
        key=there["key"] if both else "",
    )
