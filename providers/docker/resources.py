"""From rendered artifacts to resources: images, networks, volumes and containers, with what each needs. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import partial
from typing import Any

from atomicapp.errors import ERROR, NOTE, WARNING, Issue, SpecError
from atomicapp.model import COMPOSE, DATA, SHARED, Artifact, Parsed, Rendered, Resource, Target
from atomicapp.position import Position, line_of
from atomicapp.providers.docker import body, compose, names, rules
from atomicapp.providers.docker import labels as marks
from atomicapp.providers.docker.compose import Thing
from atomicapp.providers.docker.items import Item, Items, numbered
from atomicapp.workload import docker_run, fidelity, model, requirements, risks
from atomicapp.workload.model import Mount, Workload

IMAGE = "image"
NETWORK = "network"
VOLUME = "volume"
CONTAINER = "container"
_PULL_RANK = {model.PULL_NEVER: 0, model.PULL_MISSING: 1, model.PULL_ALWAYS: 2}


def parse(rendered: Rendered, target: Target) -> Parsed:
    """The resources of an app. SpecError with the faults of all artifacts at once."""
    return _Parser(rendered, target).run()


class _Parser:
    def __init__(self, rendered: Rendered, target: Target) -> None:
        self.rendered = rendered
        self.app = target.app
        self.issues: list[Issue] = []
        self.items = Items(self._say)
        self.numbers: Counter[str] = Counter()
        self.resources: dict[str, Resource] = {}
        self.hashes: dict[str, str] = {}  # of the containers done, for those that are bound to them
        self.volumes_used: set[tuple[str, str]] = set()
        self.described: dict[str, Thing] = {}  # networks and volumes of Compose files, by the key of their resource
        self.secrets: set[str] = set()

    def run(self) -> Parsed:
        for group, artifact in enumerate(self.rendered.artifacts):
            read = self._read_compose if artifact.provider == COMPOSE else self._read
            read(artifact, group)
        self.items.check_ports()
        self._fail()
        order = self.items.ordered()
        self._fail()
        containers = [self._container(item, number) for item, number in numbered(order)]
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
            self._add_item(Item(artifact, work, name, key, names.aliases(artifact.component), group))

    def _read_compose(self, artifact: Artifact, group: int) -> None:
        from atomicapp.workload.compose import read_artifact

        try:
            project = read_artifact(self.rendered, artifact)
        except SpecError as error:
            self.issues += error.issues
            return
        self.issues += project.issues
        self.issues += fidelity.issues_of(fidelity.judge(project, rules.table()), "docker")
        wanted = {key for key in project.volumes if requirements.find(self.rendered.volumes, artifact.component, key)}
        placed = compose.place(project, self.app, artifact.component, frozenset(wanted))
        self.issues += placed.issues
        self.secrets |= placed.secrets
        for kind, things in ((NETWORK, placed.networks), (VOLUME, placed.volumes)):
            for name, thing in things.items():
                self._describe(artifact, kind, name, thing)
        for piece in placed.pieces:
            self._add_item(
                Item(
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

    def _add_item(self, item: Item) -> None:
        self.items.add(item)
        for message, place in risks.find(item.work):
            self._say(WARNING, message, item.artifact, place, "risky", risks.HINT)

    # ------------------------------------------------------------ resources

    def _container(self, item: Item, order: int) -> Resource:
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
        for name, place in self.items.bound(item):
            other = self.items.find(name, item)
            if other is None:
                message = f"'{name}' is no container of this app: it must run on the engine already"
                self._say(NOTE, message, item.artifact, place, "foreign-container")
            else:
                needs.append(other.key)
                bound[other.key] = self.hashes[other.key]
        known = body.Names(
            volume=lambda mount: mount.source,
            container=partial(self.items.name_of, item),
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

    def _image(self, item: Item, name: str, place: Position, pull: str) -> str:
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

    def _network(self, item: Item, network: model.Network) -> str:
        key = f"{NETWORK}/{network.name}"
        thing = self.described.get(key)
        if thing is not None:
            return self._add_thing(item, key, thing)
        found = {"driver": "bridge"}
        return self._add(Resource(key, item.artifact.component, NETWORK, network.name, found, network.position))

    def _add_thing(self, item: Item, key: str, thing: Thing) -> str:
        kind, _, name = key.partition("/")
        component = item.artifact.component
        return self._add(Resource(key, component, kind, name, thing.body, thing.position, lifetime=thing.lifetime))

    def _volume(self, item: Item, mount: Mount) -> str:
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

    def _with_volumes(self, item: Item) -> Workload:
        """The workload with the engine's names of its volumes."""
        return item.work._replace(mounts=tuple(self._placed(item, mount) for mount in item.work.mounts))

    def _placed(self, item: Item, mount: Mount) -> Mount:
        if mount.kind != model.VOLUME:
            return mount
        if not mount.source:
            return mount._replace(source=names.kept_folder(item.name, mount.target))
        wanted = requirements.find(self.rendered.volumes, item.artifact.component, mount.source)
        if wanted is None:
            return mount
        self.volumes_used.add((wanted.namespace, wanted.requirement.name))
        source = names.requirement(self.app, wanted.namespace, wanted.requirement.name)
        only_read = wanted.requirement.access_mode == "ReadOnlyMany"
        return mount._replace(source=source, read_only=mount.read_only or only_read)

    def _requirements(self) -> None:
        words = ("container", "-v NAME:/path", "the engine's local volumes", "the disk of the engine has")
        self.issues += requirements.unmet(self.rendered.volumes, self.volumes_used, *words)
