"""What our units tell of themselves: the section [X-Atomicapp], which fleet keeps and systemd passes over. Pure.

    [X-Atomicapp]
    Name=shop                the deployment
    Component=web            where in its graph
    Key=unit/web.service     which resource; instances have the key of their template
    Hash=...                 of what was wanted; Text=... of all other options, to tell when others have changed them

It is the last section of a unit.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from atomicapp.model import DATA, OWNED, SHARED, Resource
from atomicapp.providers.fleet.client import Pair
from atomicapp.providers.units.own import SECTION
from atomicapp.records import NamedTuple

UNIT = "unit"
VOLUME = "volume"

LOADED_ONLY = "loaded"
"""The way of a unit that is only there, for others to start: the service of a timer, a template without instances."""
ONCE = "once"
"""The way of a unit whose work is done when it has come to its end."""


class Mark(NamedTuple):
    """What a section says. `instances` are those that a template is to run as, `hidden` the paths of the options that hold a
    secret, `purge` the command that removes what a volume holds, `ports` what the unit publishes (`8080->80/tcp`)."""

    app: str
    component: str
    key: str
    hash: str
    order: int = 0
    revision: int = 0
    lifetime: str = OWNED
    text: str = ""
    kind: str = UNIT
    way: str = ""
    image: str = ""
    purge: str = ""
    instances: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()


def of(resource: Resource, app: str, revision: int) -> Mark:
    """The mark of a resource."""
    body = resource.body
    return Mark(
        app,
        resource.component,
        resource.key,
        resource.hash,
        resource.order,
        revision,
        resource.lifetime,
        digest(options_of(resource)),
        resource.kind,
        str(body.get("way", "")),
        str(body.get("image", "")),
        str(body.get("purge", "")),
        tuple(body.get("instances", ())),
        tuple(body.get("hidden", ())),
        tuple(body.get("ports", ())),
    )


def options_of(resource: Resource) -> tuple[Pair, ...]:
    """The options that a resource wants, without a mark."""
    return tuple((section, name, value) for section, name, value in resource.body.get("options", ()))


def digest(options: Sequence[Pair]) -> str:
    """Of options, without a mark."""
    return hashlib.sha256(repr([tuple(pair) for pair in options]).encode()).hexdigest()[:16]


def marked(options: Sequence[Pair], mark: Mark) -> tuple[Pair, ...]:
    """The options with the mark behind them."""
    said = [("Name", mark.app), ("Component", mark.component), ("Key", mark.key), ("Hash", mark.hash)]
    said += [
        ("Order", str(mark.order)),
        ("Revision", str(mark.revision)),
        ("Lifetime", mark.lifetime),
        ("Text", mark.text),
    ]
    said += [(name, value) for name in ("Kind", "Way", "Image", "Purge") if (value := str(getattr(mark, name.lower())))]
    for name, values in (("Instance", mark.instances), ("Hidden", mark.hidden), ("Port", mark.ports)):
        said += [(name, value) for value in values]
    return (*options, *((SECTION, name, value) for name, value in said))


def read(options: Iterable[Pair]) -> tuple[tuple[Pair, ...], Mark | None]:
    """The options without the mark, and the mark; None where there is none of ours."""
    plain, told = [], dict[str, list[str]]()
    for pair in options:
        if pair[0] == SECTION:
            told.setdefault(pair[1], []).append(pair[2])
        else:
            plain.append(pair)

    def one(name: str, default: str = "") -> str:
        return told.get(name, [default])[-1]

    mark = Mark(
        one("Name"),
        one("Component"),
        one("Key"),
        one("Hash"),
        _number(one("Order")),
        _number(one("Revision")),
        one("Lifetime", OWNED) if one("Lifetime") in (OWNED, DATA, SHARED) else OWNED,
        one("Text"),
        one("Kind", UNIT),
        one("Way"),
        one("Image"),
        one("Purge"),
        tuple(told.get("Instance", ())),
        tuple(told.get("Hidden", ())),
        tuple(told.get("Port", ())),
    )
    return tuple(plain), mark if mark.app and mark.key else None


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
