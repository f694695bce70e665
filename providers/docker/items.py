"""The containers of an app: who is called what, who is tied to whom, and in which order they start. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Protocol

from atomicapp.errors import ERROR
from atomicapp.model import COMPOSE, Artifact
from atomicapp.position import Position
from atomicapp.providers.docker import body, names
from atomicapp.records import NamedTuple
from atomicapp.workload.model import Workload
from atomicapp.workload.ordering import ordered


class Say(Protocol):
    """Takes what is wrong with an artifact, and where."""

    def __call__(
        self, severity: str, message: str, artifact: Artifact, place: Position, code: str, hint: str = "", /
    ) -> None: ...


class Item(NamedTuple):
    """One command, or one container of a service, with its place in the app. `group` tells the texts apart, `depth` is
    the place in the order of a project; `after`, `waits`, `files` and `once` are those of `compose.Piece`."""

    artifact: Artifact
    work: Workload
    name: str
    key: str
    aliases: tuple[str, ...]
    group: int
    depth: int = 0
    after: tuple[str, ...] = ()
    waits: tuple[str, ...] = ()
    files: Mapping[str, Mapping[str, Any]] = MappingProxyType({})
    once: bool = False


class Items:
    """All containers of an app."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._all: list[Item] = []
        self._by_name: dict[str, Item] = {}
        self._by_component: dict[str, list[Item]] = {}  # under every name that others may call a component by

    def add(self, item: Item) -> None:
        """One more, in the order of the graph. Faults of its name are told."""
        artifact, place = item.artifact, item.work.place("name")
        if not names.VALID.fullmatch(item.name):
            hint = "two or more letters, digits and '_.-', beginning with a letter or digit"
            self._say(ERROR, f"'{item.name}' is no name for a container", artifact, place, "name", hint)
        other = self._by_name.setdefault(item.name, item)
        if other is not item:
            message = f"two containers are called '{item.name}': the other one is at {other.work.position}"
            self._say(ERROR, message, artifact, place, "duplicate-name", "give one of them another name")
        self._all.append(item)
        for called in {artifact.component, *names.aliases(artifact.component)}:
            self._by_component.setdefault(called, []).append(item)

    def find(self, name: str, asking: Item) -> Item | None:
        """The container of the app that a name means: a container's name, or a component as others see it."""
        found = self._by_name.get(name)
        if found is not None:
            return found
        own = asking.artifact.component.rpartition(":")[0]
        matching = [item for item in self._by_component.get(name, ()) if item is not asking]
        # a sibling is nearer than a component of another app that happens to have the same name
        near = [item for item in matching if item.artifact.component.rpartition(":")[0] == own]
        return next(iter(near or matching), None)

    def name_of(self, asking: Item, name: str) -> str:
        """What the container that a name means is called; another name is one of the engine."""
        found = self.find(name, asking)
        return found.name if found else name

    def bound(self, item: Item) -> Iterator[tuple[str, Position]]:
        """The containers which this one is tied to as long as it lives: when they are made anew, so is this one."""
        work = item.work
        if not body.own_networks(work):
            yield from ((link.target, link.position) for link in work.links)
        yield from ((found.container, found.position) for found in work.volumes_from)
        spaces = work.namespaces
        for mode, field in ((spaces.network, "networks"), (spaces.pid, "pid"), (spaces.ipc, "ipc")):
            kind, colon, name = mode.partition(":")
            if kind == "container" and colon:
                yield name, work.place(field)

    def ordered(self) -> list[Item]:
        """The commands in the order of the graph, but each after those that it is bound to."""
        order, circles = ordered(self._all, key=lambda item: item.key, needs=self._needs)
        for circle in circles:
            back = circle[-1]
            shown = " -> ".join(item.name for item in circle[:20]) + (" ..." if len(circle) > 20 else "")
            message = f"containers need each other in a circle: {shown}"
            self._say(ERROR, message, back.artifact, back.work.position, "circle")
        return order

    def _needs(self, item: Item) -> Iterator[Item]:
        return (found for name, _ in self.bound(item) for found in [self.find(name, item)] if found)

    def check_ports(self) -> None:
        """Ports of the host that two containers want."""
        taken: dict[tuple[str, str], list[tuple[str, Item]]] = {}
        for item in self._all:
            if item.work.namespaces.network == "host":
                continue
            for port in item.work.ports:
                if not port.host.isdigit():
                    continue
                ip = "" if port.host_ip in ("0.0.0.0", "::") else port.host_ip  # noqa: S104 (compared, not bound)
                same = taken.setdefault((port.host, port.protocol), [])
                for other_ip, other in same:
                    if ip == other_ip or not ip or not other_ip:
                        self._say(
                            ERROR,
                            f"port {port.host}/{port.protocol} of the host is published twice: also by {other.name}",
                            item.artifact,
                            port.position,
                            "duplicate-port",
                            "give one of them another port, best by a param",
                        )
                        break
                same.append((ip, item))


def numbered(order: Iterable[Item]) -> Iterator[tuple[Item, int]]:
    """Each with its place in the graph: one after the other, but side by side what a project does not put in an order."""
    last, group, base = 0, -1, 0
    for item in order:
        if item.group != group:
            group, base = item.group, last + 1 - item.depth
        last = max(last, base + item.depth) if item.artifact.provider == COMPOSE else last + 1
        yield item, last
