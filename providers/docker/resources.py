"""From rendered artifacts to resources: images, networks, volumes and containers, with what each needs. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

from atomicapp.errors import ERROR, NOTE, WARNING, Issue, SpecError
from atomicapp.model import COMPOSE, DATA, SHARED, Artifact, Parsed, Rendered, Resource, Target, Volume
from atomicapp.position import Position, line_of
from atomicapp.providers.docker import body, compose, names, risks, rules
from atomicapp.providers.docker import labels as marks
from atomicapp.providers.docker.compose import Thing
from atomicapp.workload import docker_run, fidelity, model
from atomicapp.workload.model import Mount, Workload

IMAGE = "image"
NETWORK = "network"
VOLUME = "volume"
CONTAINER = "container"
_PULL_RANK = {model.PULL_NEVER: 0, model.PULL_MISSING: 1, model.PULL_ALWAYS: 2}


class _Item(NamedTuple):
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


def parse(rendered: Rendered, target: Target) -> Parsed:
    """The resources of an app. SpecError with the faults of all artifacts at once."""
    return _Parser(rendered, target).run()


def _numbered(order: Iterable[_Item]) -> Iterator[tuple[_Item, int]]:
    """Each with its place in the graph: one after the other, but side by side what a project does not put in an order."""
    last, group, base = 0, -1, 0
    for item in order:
        if item.group != group:
            group, base = item.group, last + 1 - item.depth
        last = max(last, base + item.depth) if item.artifact.provider == COMPOSE else last + 1
        yield item, last


class _Parser:
    def __init__(self, rendered: Rendered, target: Target) -> None:
        self.rendered = rendered
        self.app = target.app
        self.issues: list[Issue] = []
        self.items: list[_Item] = []
        self.numbers: Counter[str] = Counter()
        self.by_name: dict[str, _Item] = {}
        self.by_component: dict[str, list[_Item]] = {}  # under every name that others may call a component by
        self.resources: dict[str, Resource] = {}
        self.hashes: dict[str, str] = {}  # of the containers done, for those that are bound to them
        self.volumes_used: set[tuple[str, str]] = set()
        self.described: dict[str, Thing] = {}  # networks and volumes of Compose files, by the key of their resource
        self.secrets: set[str] = set()

    def run(self) -> Parsed:
        for group, artifact in enumerate(self.rendered.artifacts):
            read = self._read_compose if artifact.provider == COMPOSE else self._read
            read(artifact, group)
        self._check_names()
        self._check_ports()
        self._fail()
        order = self._order()
        self._fail()
        containers = [self._container(item, number) for item, number in _numbered(order)]
        self._requirements()
        self._fail()
        return Parsed((*self.resources.values(), *containers), tuple(self.issues), frozenset(self.secrets))

    def _fail(self) -> None:
        if any(issue.severity == ERROR for issue in self.issues):
            raise SpecError(self.issues)

    def _say(self, severity: str, message: str, artifact: Artifact, place: Position, code: str, hint: str = "") -> None:
        excerpt = line_of(artifact.data, place.line) if place.file == artifact.file else ""
        self.issues.append(Issue(severity, message, place, code, "", hint, excerpt))

    # ------------------------------------------------------------ reading

    def _read(self, artifact: Artifact, group: int) -> None:
        read = partial(self.rendered.read, artifact) if self.rendered.read else None
        try:
            found = docker_run.parse(artifact.data, artifact.file, read=read)
        except SpecError as error:
            self.issues += error.issues
            return
        self.issues += found.issues
        for work in found.workloads:
            self.numbers[artifact.component] += 1
            number = self.numbers[artifact.component]
            name = work.name.removeprefix("/") or names.container(self.app, artifact.component, number)
            key = f"{CONTAINER}/{artifact.component}:{number}"
            self._add_item(_Item(artifact, work, name, key, names.aliases(artifact.component), group))

    def _read_compose(self, artifact: Artifact, group: int) -> None:
        from atomicapp.workload.compose import read

        variables = self.rendered.variables(artifact.component) if self.rendered.variables else {}
        files = partial(self.rendered.read, artifact) if self.rendered.read else None
        try:
            project = read(artifact.data, artifact.file, variables=variables, files=files)
        except SpecError as error:
            self.issues += error.issues
            return
        self.issues += project.issues
        self.issues += fidelity.issues_of(fidelity.judge(project, rules.table()), "docker")
        wanted = {key for key in project.volumes if self._requirement(artifact.component, key)}
        placed = compose.place(project, self.app, artifact.component, frozenset(wanted))
        self.issues += placed.issues
        self.secrets |= placed.secrets
        for kind, things in ((NETWORK, placed.networks), (VOLUME, placed.volumes)):
            for name, thing in things.items():
                self._describe(artifact, kind, name, thing)
        for piece in placed.pieces:
            self._add_item(
                _Item(
                    artifact,
                    piece.work,
                    piece.name,
                    piece.key,
                    piece.aliases,
                    group,
                    piece.depth,
                    piece.after,
                    piece.waits,
                    piece.files,
                    piece.once,
                )
            )

    def _describe(self, artifact: Artifact, kind: str, name: str, thing: Thing) -> None:
        known = self.described.setdefault(f"{kind}/{name}", thing)
        if known.body != thing.body:
            self._say(
                ERROR,
                f"the {kind} {name} is described in two ways: the other one is at {known.position}",
                artifact,
                thing.position,
                "conflict",
                "describe it once, or the same way each time",
            )

    def _add_item(self, item: _Item) -> None:
        artifact = item.artifact
        if not names.VALID.fullmatch(item.name):
            hint = "two or more letters, digits and '_.-', beginning with a letter or digit"
            place = item.work.place("name")
            self._say(ERROR, f"'{item.name}' is no name for a container", artifact, place, "name", hint)
        self.items.append(item)
        for called in {artifact.component, *names.aliases(artifact.component)}:
            self.by_component.setdefault(called, []).append(item)
        for message, place in risks.find(item.work):
            hint = "run it only if you trust its author; nothing else needs to be done"
            self._say(WARNING, message, artifact, place, "risky", hint)

    def _check_names(self) -> None:
        for item in self.items:
            other = self.by_name.setdefault(item.name, item)
            if other is not item:
                self._say(
                    ERROR,
                    f"two containers are called '{item.name}': the other one is at {other.work.position}",
                    item.artifact,
                    item.work.place("name"),
                    "duplicate-name",
                    "give one of them another --name",
                )

    def _check_ports(self) -> None:
        taken: dict[tuple[str, str], list[tuple[str, _Item]]] = {}
        for item in self.items:
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

    # ------------------------------------------------------------ who needs whom

    def _find(self, name: str, asking: _Item) -> _Item | None:
        """The container of the app that a name means: a container's name, or a component as others see it."""
        found = self.by_name.get(name)
        if found is not None:
            return found
        own = asking.artifact.component.rpartition(":")[0]
        matching = [item for item in self.by_component.get(name, ()) if item is not asking]
        # a sibling is nearer than a component of another app that happens to have the same name
        near = [item for item in matching if item.artifact.component.rpartition(":")[0] == own]
        return next(iter(near or matching), None)

    def _container_name(self, asking: _Item, name: str) -> str:
        found = self._find(name, asking)
        return found.name if found else name

    def _bound(self, item: _Item) -> Iterator[tuple[str, Position]]:
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

    def _order(self) -> list[_Item]:
        """The commands in the order of the graph, but each after those that it is bound to."""
        done: dict[str, _Item] = {}
        # a stack of our own and no recursion: a chain of links may be as long as the author likes
        path: dict[str, tuple[_Item, Iterator[tuple[str, Position]]]] = {}
        for first in self.items:
            todo: _Item | None = first
            while todo is not None or path:
                if todo is not None and todo.key not in done and todo.key not in path:
                    path[todo.key] = (todo, self._bound(todo))
                elif todo is not None and todo.key in path:
                    self._circle([found for found, _ in path.values()], todo)
                key, (item, others) = next(reversed(path.items()), ("", (first, iter(()))))
                todo = next((found for name, _ in others for found in [self._find(name, item)] if found), None)
                if todo is None and path:
                    del path[key]
                    done[key] = item
        return [*done.values()]

    def _circle(self, path: list[_Item], back: _Item) -> None:
        circle = [*path[path.index(back) :], back]
        shown = " -> ".join(item.name for item in circle[:20]) + (" ..." if len(circle) > 20 else "")
        message = f"containers need each other in a circle: {shown}"
        self._say(ERROR, message, back.artifact, back.work.position, "circle")

    # ------------------------------------------------------------ resources

    def _container(self, item: _Item, order: int) -> Resource:
        work = self._with_volumes(item)
        component = item.artifact.component
        needs = [self._image(item, work.image, work.place("image"), work.pull)]
        needs += [
            self._image(item, mount.source, mount.position, work.pull)
            for mount in work.mounts
            if mount.kind == model.IMAGE
        ]
        needs += [self._network(item, network) for network in body.own_networks(work)]
        needs += [self._volume(item, mount) for mount in work.mounts if mount.kind == model.VOLUME]
        bound: dict[str, str] = {}
        for name, place in self._bound(item):
            other = self._find(name, item)
            if other is None:
                message = f"'{name}' is no container of this app: it must run on the engine already"
                self._say(NOTE, message, item.artifact, place, "foreign-container")
            else:
                needs.append(other.key)
                bound[other.key] = self.hashes[other.key]
        known = body.Names(
            volume=lambda mount: mount.source,
            container=partial(self._container_name, item),
            aliases=item.aliases,
        )
        found: dict[str, Any] = {"config": body.config(work), "host": body.host(work, known)}
        # a volume's settings can't be changed: so that a change is seen, they are part of what mounts it
        described = {kind: self._settings(kind, needs) for kind in (VOLUME, NETWORK)}
        optional = {
            "volumes": described[VOLUME],
            "network_settings": described[NETWORK],
            "files": {target: dict(found) for target, found in item.files.items()},
            "once": item.once,
            "networks": body.endpoints(work, known),
            "platform": work.platform,
            "bound": bound,
            "pull": work.pull if work.pull != model.PULL_MISSING else "",
        }
        found |= {name: value for name, value in optional.items() if value}
        # so that the next run, with other secrets, does not show those of this one as what was there before
        secret = marks.hidden(found, {*self.rendered.secrets, *self.secrets})
        if secret:
            found["hidden"] = secret
        needed = tuple(dict.fromkeys([*needs, *item.after]))
        resource = Resource(
            item.key, component, CONTAINER, item.name, found, work.position, order, needed, waits=item.waits
        )
        self.hashes[item.key] = resource.hash
        return resource

    def _settings(self, kind: str, needs: Iterable[str]) -> dict[str, Any]:
        """What is said of the networks or volumes among these, by name; not of those that are as any other."""
        found = (self.resources[key] for key in needs if key in self.resources)
        plain = {"driver": "local" if kind == VOLUME else "bridge"}
        return {item.name: dict(item.body) for item in found if item.kind == kind and item.body != plain}

    def _add(self, resource: Resource) -> str:
        self.resources.setdefault(resource.key, resource)
        return resource.key

    def _image(self, item: _Item, name: str, place: Position, pull: str) -> str:
        platform = item.work.platform
        key = f"{IMAGE}/{name} for {platform}" if platform else f"{IMAGE}/{name}"
        found: dict[str, Any] = {"platform": platform} if platform else {}
        if pull != model.PULL_MISSING:
            found["pull"] = pull
        known = self.resources.get(key)
        if known is not None and _PULL_RANK[pull] > _PULL_RANK[known.body.get("pull", model.PULL_MISSING)]:
            # several containers of one image: the one that asks for most decides
            self.resources[key] = known._replace(body=found)
        return self._add(Resource(key, item.artifact.component, IMAGE, name, found, place, lifetime=SHARED))

    def _network(self, item: _Item, network: model.Network) -> str:
        key = f"{NETWORK}/{network.name}"
        thing = self.described.get(key)
        if thing is not None:
            return self._add_thing(item, key, thing)
        found = {"driver": "bridge"}
        return self._add(Resource(key, item.artifact.component, NETWORK, network.name, found, network.position))

    def _add_thing(self, item: _Item, key: str, thing: Thing) -> str:
        kind, _, name = key.partition("/")
        component = item.artifact.component
        return self._add(Resource(key, component, kind, name, thing.body, thing.position, lifetime=thing.lifetime))

    def _volume(self, item: _Item, mount: Mount) -> str:
        key = f"{VOLUME}/{mount.source}"
        thing = self.described.get(key)
        if thing is not None:
            return self._add_thing(item, key, thing)
        found: dict[str, Any] = {"driver": mount.driver or item.work.volume_driver or "local"}
        if mount.driver_options:
            found["options"] = dict(mount.driver_options)
        if mount.labels:
            found["labels"] = dict(mount.labels)
        known = self.resources.get(key)
        if known is not None and known.body != found and len(found) > 1:
            self._say(
                ERROR,
                f"the volume {mount.source} is described in two ways: the other one is at {known.position}",
                item.artifact,
                mount.position,
                "conflict",
                "describe it once, or the same way each time",
            )
        component = item.artifact.component
        return self._add(Resource(key, component, VOLUME, mount.source, found, mount.position, lifetime=DATA))

    # ------------------------------------------------------------ volumes

    def _with_volumes(self, item: _Item) -> Workload:
        """The workload with the engine's names of its volumes."""
        return item.work._replace(mounts=tuple(self._placed(item, mount) for mount in item.work.mounts))

    def _placed(self, item: _Item, mount: Mount) -> Mount:
        if mount.kind != model.VOLUME:
            return mount
        if not mount.source:
            return mount._replace(source=names.kept_folder(item.name, mount.target))
        wanted = self._requirement(item.artifact.component, mount.source)
        if wanted is None:
            return mount
        self.volumes_used.add((wanted.namespace, wanted.requirement.name))
        source = names.requirement(self.app, wanted.namespace, wanted.requirement.name)
        only_read = wanted.requirement.access_mode == "ReadOnlyMany"
        return mount._replace(source=source, read_only=mount.read_only or only_read)

    def _requirement(self, component: str, name: str) -> Volume | None:
        """The requirement of that name of the component's app, or of the nearest app around it."""
        namespace = component
        while namespace:
            namespace = namespace.rpartition(":")[0]
            for volume in self.rendered.volumes:
                if volume.namespace == namespace and volume.requirement.name == name:
                    return volume
        return None

    def _requirements(self) -> None:
        for volume in self.rendered.volumes:
            wanted = volume.requirement
            if (volume.namespace, wanted.name) not in self.volumes_used:
                message = f"no container mounts the persistent volume '{wanted.name}': it is not made"
                hint = f"mount it in an artifact: -v {wanted.name}:/path"
                self.issues.append(Issue(WARNING, message, wanted.position, "unused-volume", "", hint))
            elif wanted.size:
                message = (
                    f"the volume '{wanted.name}' is not limited to {wanted.size:g} GB: the engine's local volumes "
                    "know no limit"
                )
                hint = "see that the disk of the engine has the room"
                self.issues.append(Issue(WARNING, message, wanted.position, "volume-size", "", hint))
