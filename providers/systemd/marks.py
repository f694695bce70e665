"""What our unit files tell of themselves: the section [X-Atomicapp], which systemd passes over. Pure.

    [X-Atomicapp]
    Name=shop                the deployment
    Component=web            where in its graph
    Key=unit/web.service
    Hash=...                 of what was wanted; Text=... of all that stands above, to tell when others have changed it

It is the last section, behind the text as its author wrote it.
"""

from __future__ import annotations

import hashlib
import json

from atomicapp.model import DATA, OWNED, Existing, Resource
from atomicapp.providers.units.own import SECTION
from atomicapp.records import NamedTuple

_HEAD = f"\n[{SECTION}]\nName="

UNIT = "unit"
STATE = "state"
"""The folders in which a service keeps its data (StateDirectory=)."""
VOLUME = "volume"
"""A volume of the container engine."""

PRESENT_ONLY = "file"
ONCE = "once"
SCALED = "scaled"
THING = "thing"
"""What a mark says of a unit's way to run: it is only there, it is done when it has come to its end, it is a template
that is scaled to none, or it stands for a network or a volume, which runs nothing."""


class Mark(NamedTuple):
    """What a section says. `instances` are those that a template is to run as, `way` one of the words above or empty, `hidden`
    the names of the options that hold a secret, `files` the names of the unit's own files; `text` is the digest of the
    text, `purge` what removes a volume, in words, and `source` the name of a file of which Podman's generator makes the unit."""

    app: str
    component: str
    key: str
    hash: str
    order: int = 0
    revision: int = 0
    lifetime: str = OWNED
    text: str = ""
    way: str = ""
    instances: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    purge: tuple[str, ...] = ()
    kind: str = UNIT
    image: str = ""
    ports: tuple[str, ...] = ()
    source: str = ""


def of(resource: Resource, app: str, revision: int, text: str = "") -> Mark:
    """The mark of a resource, with the digest of the text that is written above it."""
    body = resource.body
    return Mark(
        app,
        resource.component,
        resource.key,
        resource.hash,
        resource.order,
        revision,
        resource.lifetime,
        digest(text),
        str(body.get("way", "")),
        tuple(body.get("instances", ())),
        tuple(body.get("hidden", ())),
        tuple(sorted(body.get("files", {}))),
        tuple(body.get("purge", ())),
        resource.kind,
        str(body.get("image", "")),
        tuple(body.get("ports", ())),
        str(body.get("source", "")),
    )


def digest(text: str) -> str:
    """Of the text of a unit, without regard to how it ends."""
    return hashlib.sha256(text.rstrip("\n").encode("utf-8", "surrogateescape")).hexdigest()[:16]


def written(text: str, mark: Mark) -> str:
    """The whole file: the text, and the section."""
    lines = [f"Name={mark.app}", f"Component={mark.component}", f"Key={mark.key}", f"Hash={mark.hash}"]
    lines += [f"Order={mark.order}", f"Revision={mark.revision}", f"Lifetime={mark.lifetime}", f"Text={mark.text}"]
    for name in ("way", "kind", "image", "source"):
        lines += [f"{name.title()}={value}"] if (value := getattr(mark, name)) else []
    for name in ("instances", "hidden", "files", "purge", "ports"):
        lines += [f"{name.title()}={json.dumps(value)}"] if (value := getattr(mark, name)) else []
    body = text.rstrip("\n")
    # a comment or a value that ends in a backslash would swallow the line below
    body += "\n" if body.endswith("\\") else ""
    return f"{body}\n{_HEAD[: -len('Name=')]}" + "\n".join(lines) + "\n"


def read(whole: str) -> tuple[str, Mark | None]:
    """The text above the section, and the mark; None when there is none."""
    text, head, rest = whole.rpartition(_HEAD)
    if not head:
        return whole, None
    told = dict(line.split("=", 1) for line in f"Name={rest}".splitlines() if "=" in line)
    mark = Mark(
        told.get("Name", ""),
        told.get("Component", ""),
        told.get("Key", ""),
        told.get("Hash", ""),
        _number(told.get("Order", "")),
        _number(told.get("Revision", "")),
        told.get("Lifetime", OWNED) if told.get("Lifetime") in (OWNED, DATA) else OWNED,
        told.get("Text", ""),
        told.get("Way", ""),
        _texts(told.get("Instances", "")),
        _texts(told.get("Hidden", "")),
        _texts(told.get("Files", "")),
        _texts(told.get("Purge", "")),
        told.get("Kind", UNIT),
        told.get("Image", ""),
        _texts(told.get("Ports", "")),
        told.get("Source", ""),
    )
    return text, mark if mark.app and mark.key else None


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _texts(text: str) -> tuple[str, ...]:
    try:
        found = json.loads(text) if text else []
    except ValueError:
        return ()
    return tuple(str(item) for item in found) if isinstance(found, list) else ()


def existing(name: str, mark: Mark, *, state: str, touched: bool) -> Existing:
    """The thing of a mark; `touched`: others have changed its text since."""
    return Existing(
        mark.key,
        mark.component,
        mark.kind,
        name,
        "" if touched else mark.hash,
        state,
        order=mark.order,
        lifetime=mark.lifetime,
        image=mark.image,
        ports=mark.ports,
        revision=mark.revision,
    )
