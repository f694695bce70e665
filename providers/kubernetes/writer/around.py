"""What a project is written for: all that is not said in its file. As in atomicapp.model, annotations are values."""

from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Any

from atomicapp.position import Position
from atomicapp.records import NamedTuple
from atomicapp.workload.model import Port, Workload

Json = dict[str, Any]


class Claim(NamedTuple):
    """A claim that the package asks for itself."""

    name: str
    access_mode: str


def _no_claim(key: str) -> Claim | None:
    return None


SHORT = 4
"""A secret of fewer characters counts only where it is a whole value: else every 1 would be taken for one."""


def holder(secrets: Iterable[str]) -> Callable[[str], bool]:
    """A test whether a text holds one of these."""
    known = [secret for secret in secrets if secret]
    return lambda text: any(secret == text or (len(secret) >= SHORT and secret in text) for secret in known)


def _no_secret(text: str) -> bool:
    return False


def _not_routed(work: Workload, port: Port) -> bool:
    return False


class Around(NamedTuple):
    """`app` is the name of the deployment ("" for none). `claim` gives for a volume the claim that the package
    asks for by a requirement. `holds_secret` tells whether a text holds a secret of the package.
    `waiting`: what depends on others waits for them itself, for nobody else will make it do so. `routed` tells whether
    something else than a Service brings a published port to the outside."""

    app: str = ""
    claim: Callable[[str], Claim | None] = _no_claim
    holds_secret: Callable[[str], bool] = _no_secret
    waiting: bool = False
    routed: Callable[[Workload, Port], bool] = _not_routed


class Object(NamedTuple):
    """One object. `service` is whose it is ("" for what several may use). For a workload `level` is its place among the
    others, from 1, `after` the services that come before it, and `waits` those that must be ready by then."""

    body: Json
    position: Position
    service: str = ""
    level: int = 0
    after: tuple[str, ...] = ()
    waits: tuple[str, ...] = ()


def unsaid(*fields: str) -> Callable[[Workload], bool]:
    """A test whether a workload says nothing in these fields, as most do in most of them: that spares the look at each."""
    values = attrgetter(*fields)
    default = values(Workload("", Position("")))
    return lambda work: bool(values(work) == default)


def said(**found: Any) -> Json:
    """Without what was not said; False and 0 are left out too."""
    return {name: value for name, value in found.items() if value}


def named(kind: str, name: str, version: str = "v1", *, labels: Json | None = None, **more: Any) -> Json:
    """An object's head and what follows it."""
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, **said(labels=labels)}, **more}
