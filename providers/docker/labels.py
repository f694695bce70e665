"""The labels by which anyone can tell what belongs to a deployment, and what it was made from."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

from atomicapp.model import Resource
from atomicapp.providers import base

LABEL_FIELDS = "io.atomicapp.fields"
"""The fields of the wanted body with a short digest of each, so that the next run can name what changed."""

LABEL_VOLUME_OF = "io.atomicapp.volume-of"
"""On a volume that was made for a VOLUME of the image: the key of the container."""

FILE = "file"
"""The field of a config or secret is this and its absolute target."""

LABEL_ONCE = "io.atomicapp.once"
"""On a container that does its work by coming to an end."""

PREFIX = "io.atomicapp."


def ownership(resource: Resource, app: str, revision: int) -> dict[str, str]:
    """The labels of what is made for a resource."""
    return {
        base.LABEL_APP: app,
        base.LABEL_COMPONENT: resource.component,
        base.LABEL_KEY: resource.key,
        base.LABEL_HASH: resource.hash,
        base.LABEL_ORDER: str(resource.order),
        base.LABEL_REVISION: str(revision),
        base.LABEL_LIFETIME: resource.lifetime,
    }


def number(labels: Mapping[str, str], name: str) -> int:
    """A label as a number; 0 for what is none (labels are written by anyone)."""
    text = labels.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


# ---------------------------------------------------------------- fields

_FRIENDLY = {
    "Image": "image",
    "Cmd": "command",
    "Entrypoint": "entrypoint",
    "PortBindings": "ports",
    "Binds": "volumes",
}


HIDDEN = "(hidden)"
"""What is shown of a value that holds a secret, whichever revision of the app it was a secret of."""

_STAR = "*"
"""Stands for the digest of a field that holds a secret."""

SHORT = 4
"""A secret of fewer characters counts only where it is a whole value: else every 1 would be taken for one."""


def fields(body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The body of a container as paths and texts: `env/NAME`, `label/NAME`, `image`, `ports`, `Memory`, `networks/N`."""
    for path, value in _values(body):
        yield path, _ports(value) if path == "ports" else as_text(value)


def hidden(body: Mapping[str, Any], secrets: Iterable[str]) -> list[str]:
    """The paths of the fields that hold one of these secrets."""
    return holding(_values(body), secrets)


def holding(fields: Iterable[tuple[str, Any]], secrets: Iterable[str]) -> list[str]:
    """The paths of those fields that hold one of these secrets."""
    known = [secret for secret in secrets if secret]

    def holds(text: str) -> bool:
        return any(secret == text or (len(secret) >= SHORT and secret in text) for secret in known)

    return sorted({path for path, value in fields if any(map(holds, _leaves(value)))}) if known else []


def _leaves(value: Any) -> Iterator[str]:
    """Every text in a value, keys as well."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield key
            yield from _leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item)


def _values(body: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in body.get("config", {}).items():
        if name == "Env":
            for item in value:
                key, _, text = item.partition("=")
                yield f"env/{key}", text
        elif name == "Labels":
            yield from ((f"label/{key}", text) for key, text in value.items())
        elif name != "ExposedPorts" or not body.get("host", {}).get("PortBindings"):
            yield _FRIENDLY.get(name, name), value
    for name, value in body.get("host", {}).items():
        yield _FRIENDLY.get(name, name), value
    for target, found in body.get("files", {}).items():
        yield f"{FILE}{target}", found["content"]
        yield f"mode{target}", f"{found['mode']:04o} {found['uid']}:{found['gid']}"
    for part in ("networks", "network_settings", "volumes", "bound"):
        for name, value in body.get(part, {}).items():
            yield f"{part}/{name}", value
    for name in ("platform", "pull", "once"):
        if body.get(name):
            yield name, body[name]


def as_text(value: Any) -> str:
    """A value as people read it, and the same for what is wanted and what is there."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return shlex.join(value)
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def _ports(value: Mapping[str, Any]) -> str:
    """`127.0.0.1:8080->80/tcp, 443/tcp`."""
    found = []
    for port, bindings in sorted(value.items()):
        for binding in bindings or []:
            ip, host = binding.get("HostIp", ""), binding.get("HostPort", "")
            found.append(f"{ip}:{host}->{port}" if ip else f"{host}->{port}" if host else port)
    return ", ".join(found)


def is_plain(path: str) -> bool:
    """Whether the engine tells the value of a field as it was given. Such values have no digest: they may be secrets,
    and labels are shown in more places than they are."""
    return path.startswith(("env/", "label/")) or path in ("command", "entrypoint", "Healthcheck")


def digests(body: Mapping[str, Any]) -> dict[str, str]:
    """A short digest for each field; empty where the engine tells the value itself, a star where it is a secret."""
    return digests_of(dict(fields(body)), set(body.get("hidden", ())), is_plain)


def digests_of(texts: Mapping[str, str], secret: Collection[str], plain: Callable[[str], bool]) -> dict[str, str]:
    """As `digests`, for texts by path."""
    return {
        path: _STAR
        if path in secret
        else ""
        if plain(path)
        else hashlib.sha256(f"{path}\0{text}".encode()).hexdigest()[:8]
        for path, text in texts.items()
    }


def is_secret(digest: str | None) -> bool:
    """Whether a field was noted as one that holds a secret."""
    return digest == _STAR


def read_digests(labels: Mapping[str, str]) -> dict[str, str] | None:
    """The digests that a container was made with; None when it carries none."""
    try:
        found = json.loads(labels.get(LABEL_FIELDS, ""))
    except ValueError:
        return None
    return {str(path): str(digest) for path, digest in found.items()} if isinstance(found, dict) else None
