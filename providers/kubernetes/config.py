"""Where the API server is and who we are there, found as the official client finds it.

The official package is not used for it: importing any part of it imports all of it (0.35 s). Order: the kubeconfig of
`--provider-config`; the server of `--provider-api`; KUBECONFIG (several files, merged); ~/.kube/config; the service
account of the pod that we run in.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from atomicapp.errors import EngineError, SpecError
from atomicapp.io import read_text
from atomicapp.model import Target
from atomicapp.records import NamedTuple

IN_CLUSTER = Path("/var/run/secrets/kubernetes.io/serviceaccount")
EXEC_TIMEOUT = 60.0
_HINT = (
    "give a kubeconfig (--provider-config FILE or KUBECONFIG), or a server (--provider-api URL --provider-auth TOKEN)"
)


class Access(NamedTuple):
    """All that a connection needs. `ca`, `certificate` and `key` are PEM texts; empty = not given. `token`, `password`
    and `key` are secrets. `origin` is where it was found, for messages."""

    server: str
    origin: str
    token: str = ""
    username: str = ""
    password: str = ""
    ca: str = ""
    certificate: str = ""
    key: str = ""
    verify: bool = True
    server_name: str = ""
    proxy: str = ""


def find(target: Target, environ: Mapping[str, str], home: Path, in_cluster: Path = IN_CLUSTER) -> Access:
    """The access of a target; EngineError with what is wrong and where."""
    if target.config:
        return _checked(_with_options(_from_files([Path(target.config).expanduser()], target, environ), target))
    if target.api:
        return _checked(_with_options(Access(target.api.rstrip("/"), "--provider-api"), target))
    listed = [Path(part).expanduser() for part in environ.get("KUBECONFIG", "").split(os.pathsep) if part]
    present = [path for path in listed if path.exists()]
    if listed and not present:
        raise EngineError(f"KUBECONFIG names {os.pathsep.join(map(str, listed))}, which is not there", hint=_HINT)
    default = home / ".kube" / "config"
    if present or default.exists():
        return _checked(_with_options(_from_files(present or [default], target, environ), target))
    if environ.get("KUBERNETES_SERVICE_HOST") and (in_cluster / "token").exists():
        return _checked(_with_options(_from_pod(environ, in_cluster), target))
    raise EngineError(f"no Kubernetes cluster is known: there is no {default} and none was named", hint=_HINT)


def _with_options(access: Access, target: Target) -> Access:
    """The options of the command line go before what a file says."""
    if target.auth:
        access = access._replace(token=target.auth, username="", password="", certificate="", key="")
    if target.cafile:
        access = access._replace(ca=_read(Path(target.cafile).expanduser(), "--provider-cafile"))
    if not target.tlsverify:
        access = access._replace(verify=False)
    return access


def _checked(access: Access) -> Access:
    if not access.server.startswith(("https://", "http://")):
        raise EngineError(
            f"'{access.server}' ({access.origin}) is no address of a Kubernetes API: it begins with https:// or http://",
            hint=_HINT,
        )
    return access


def _read(path: Path, what: str) -> str:
    try:
        return read_text(path, str(path))
    except OSError as error:
        raise EngineError(f"{what}: can't read {path}: {error.strerror or error}", hint=_HINT) from error
    except SpecError as error:
        raise EngineError(f"{what}: {error.message}", hint=_HINT) from error


# ---------------------------------------------------------------- in a pod


def _from_pod(environ: Mapping[str, str], folder: Path) -> Access:
    host, port = environ["KUBERNETES_SERVICE_HOST"], environ.get("KUBERNETES_SERVICE_PORT", "443")
    host = f"[{host}]" if ":" in host else host
    token = _read(folder / "token", "the pod's service account").strip()
    ca = _read(folder / "ca.crt", "the pod's service account")
    return Access(f"https://{host}:{port}", "the pod's service account", token=token, ca=ca)


# ---------------------------------------------------------------- kubeconfig


class _Named(NamedTuple):
    """An entry of a kubeconfig, and the folder that its paths are relative to."""

    body: dict[str, Any]
    folder: Path


def _from_files(paths: list[Path], target: Target, environ: Mapping[str, str]) -> Access:
    """The access of the current (or asked) context; of files that name the same thing the first one decides."""
    where = os.pathsep.join(map(str, paths))
    known: dict[str, dict[str, _Named]] = {"clusters": {}, "users": {}, "contexts": {}}
    current = target.context
    for path in paths:
        body = _load(path)
        current = current or str(body.get("current-context") or "")
        for kind, entries in known.items():
            for entry in body.get(kind) or []:
                inner = entry.get(kind[:-1]) if isinstance(entry, dict) else None
                if isinstance(inner, dict):
                    entries.setdefault(str(entry.get("name")), _Named(inner, path.parent))
    if not current:
        raise EngineError(f"{where} names no current context", hint=f"one of: {_names(known['contexts'])}")
    context = _pick(known["contexts"], current, "context", where).body
    cluster = _pick(known["clusters"], str(context.get("cluster", "")), "cluster", where)
    user = context.get("user")
    access = _cluster(cluster, f"context {current} of {where}")
    return _user(_pick(known["users"], str(user), "user", where), access, cluster, environ) if user else access


def _load(path: Path) -> dict[str, Any]:
    from atomicapp import document  # brings yaml

    try:
        body = document.plain(document.compose(_read(path, "kubeconfig"), str(path)))
    except SpecError as error:
        raise EngineError(f"the kubeconfig can't be read: {error.message}", hint=error.hint) from error
    if not isinstance(body, dict):
        raise EngineError(
            f"{path} is no kubeconfig: a mapping with clusters, users and contexts was expected", hint=_HINT
        )
    return body


def _names(entries: Mapping[str, _Named]) -> str:
    return ", ".join(sorted(entries)) or "none"


def _pick(entries: Mapping[str, _Named], name: str, kind: str, where: str) -> _Named:
    if name not in entries:
        raise EngineError(f"{where} holds no {kind} named '{name}'", hint=f"there is: {_names(entries)}")
    return entries[name]


def _data(entry: _Named, name: str) -> str:
    """The text of `NAME-data` (base64), else of the file that NAME names."""
    coded = entry.body.get(f"{name}-data")
    if coded:
        try:
            return base64.b64decode(str(coded), validate=False).decode()
        except (binascii.Error, UnicodeDecodeError) as error:
            raise EngineError(f"{name}-data of the kubeconfig is no base64 of a PEM text", hint=_HINT) from error
    path = entry.body.get(name)
    return _read(entry.folder / str(path), f"{name} of the kubeconfig") if path else ""


def _cluster(entry: _Named, origin: str) -> Access:
    body = entry.body
    return Access(
        str(body.get("server") or "").rstrip("/"),
        origin,
        ca=_data(entry, "certificate-authority"),
        verify=not body.get("insecure-skip-tls-verify"),
        server_name=str(body.get("tls-server-name") or ""),
        proxy=str(body.get("proxy-url") or ""),
    )


def _user(entry: _Named, access: Access, cluster: _Named, environ: Mapping[str, str]) -> Access:
    body = entry.body
    access = access._replace(certificate=_data(entry, "client-certificate"), key=_data(entry, "client-key"))
    if body.get("tokenFile"):
        return access._replace(
            token=_read(entry.folder / str(body["tokenFile"]), "tokenFile of the kubeconfig").strip()
        )
    if body.get("token"):
        return access._replace(token=str(body["token"]))
    if isinstance(body.get("exec"), dict):
        return _plugin(body["exec"], entry.folder, access, cluster, environ)
    if body.get("username"):
        return access._replace(username=str(body["username"]), password=str(body.get("password") or ""))
    if body.get("auth-provider"):
        raise EngineError(
            "the kubeconfig asks for an auth-provider, which Kubernetes no longer knows",
            hint="let your cloud's tool write the kubeconfig anew: it then names an exec plugin",
        )
    return access


def _plugin(
    wanted: Mapping[str, Any], folder: Path, access: Access, cluster: _Named, environ: Mapping[str, str]
) -> Access:
    """Ask a credential plugin (client.authentication.k8s.io)."""
    import subprocess

    command = str(wanted.get("command") or "")
    version = str(wanted.get("apiVersion") or "client.authentication.k8s.io/v1")
    program = str(folder / command) if "/" in command and not command.startswith("/") else command
    added = {str(item["name"]): str(item.get("value", "")) for item in wanted.get("env") or [] if "name" in item}
    spec: dict[str, Any] = {"interactive": False}
    if wanted.get("provideClusterInfo"):
        spec["cluster"] = {"server": access.server, "insecure-skip-tls-verify": not access.verify}
        if access.ca:
            spec["cluster"]["certificate-authority-data"] = base64.b64encode(access.ca.encode()).decode()
    asked = json.dumps({"apiVersion": version, "kind": "ExecCredential", "spec": spec})
    hint = str(wanted.get("installHint") or f"run it by hand to see what is wrong: {command}")
    try:
        done = subprocess.run(
            [program, *map(str, wanted.get("args") or [])],
            env={**environ, **added, "KUBERNETES_EXEC_INFO": asked},
            capture_output=True,
            timeout=EXEC_TIMEOUT,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        why = getattr(error, "strerror", "") or f"it takes more than {EXEC_TIMEOUT:g} s"
        raise EngineError(f"the kubeconfig's credential plugin '{command}' can't be run: {why}", hint=hint) from error
    if done.returncode != 0:
        said = " ".join(done.stderr.decode(errors="replace").split())[-300:]
        raise EngineError(f"the credential plugin '{command}' ended with {done.returncode}: {said}", hint=hint)
    try:
        status = json.loads(done.stdout)["status"]
        token, certificate = status.get("token"), status.get("clientCertificateData")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise EngineError(f"the credential plugin '{command}' gave no ExecCredential", hint=hint) from error
    if not token and not certificate:
        raise EngineError(f"the credential plugin '{command}' gave neither a token nor a certificate", hint=hint)
    if certificate:
        access = access._replace(certificate=str(certificate), key=str(status.get("clientKeyData") or ""))
    return access._replace(token=str(token)) if token else access
