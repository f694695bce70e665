"""From rendered artifacts to resources: networks, volumes, configs, secrets and services, with what each needs. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from atomicapp.errors import ERROR, WARNING, Issue, SpecError
from atomicapp.model import SHARED, Artifact, Parsed, Rendered, Resource, Target, Volume
from atomicapp.position import Position, line_of
from atomicapp.providers.swarm import artifacts, fields, names, parts, spec
from atomicapp.providers.swarm.artifacts import Part
from atomicapp.providers.swarm.parts import CONFIG, NETWORK, SECRET, VOLUME
from atomicapp.records import NamedTuple
from atomicapp.workload import model, requirements, risks
from atomicapp.workload.model import Mount, Workload
from atomicapp.workload.ordering import ordered

SERVICE = "service"
SWARM = "swarm"
NOWHERE = Position("the command line")


class _Item(NamedTuple):
    """One service with its place in the app."""

    part: Part
    work: Workload
    name: str
    key: str
    first: bool

    @property
    def component(self) -> str:
        return self.part.artifact.component


def parse(rendered: Rendered, target: Target) -> Parsed:
    """The resources of an app. SpecError with the faults of all artifacts at once."""
    return _Parser(rendered, target).run()


class _Parser:
    def __init__(self, rendered: Rendered, target: Target) -> None:
        self.rendered = rendered
        self.target = target
        self.app = target.app
        self.issues: list[Issue] = []
        self.items: list[_Item] = []
        self.numbers: Counter[str] = Counter()
        self.secrets: set[str] = set()
        self.taken: set[str] = set()  # names of services so far
        self.by_name: dict[str, _Item] = {}
        self.by_service: dict[tuple[int, str], _Item] = {}  # by the place of its part, and what its file calls it
        self.resources: dict[str, Resource] = {}
        self.volumes_used: set[tuple[str, str]] = set()

    def run(self) -> Parsed:
        for part in artifacts.read(self.rendered, self.issues):
            self.secrets |= {found.content for found in part.project.secrets.values() if found.content}
            self._part(part)
        self._check_names()
        self._check_ports()
        self._fail()
        # the reader has refused circles
        order, _ = ordered(self.items, key=lambda item: item.key, needs=self._before)
        levels = self._levels(order)
        services = [self._service(item, levels[item.key]) for item in order]
        self._requirements()
        self._fail()
        found = [*self.resources.values(), *services]
        if self.target.init_swarm:
            found = [_swarm(), *(resource._replace(needs=(SWARM, *resource.needs)) for resource in found)]
        return Parsed(tuple(found), tuple(self.issues), frozenset(self.secrets))

    def _fail(self) -> None:
        if any(issue.severity == ERROR for issue in self.issues):
            raise SpecError(self.issues)

    def _say(self, severity: str, message: str, artifact: Artifact, place: Position, code: str, hint: str = "") -> None:
        excerpt = line_of(artifact.data, place.line) if place.file == artifact.file else ""
        self.issues.append(Issue(severity, message, place, code, "", hint, excerpt))

    # ------------------------------------------------------------ reading

    def _part(self, part: Part) -> None:
        artifact = part.artifact
        for work in part.project.services:
            self.numbers[artifact.component] += 1
            number = self.numbers[artifact.component]
            if part.literal:
                name = work.name or names.component(self.app, artifact.component, number)
                key = f"{SERVICE}/{artifact.component}:{number}"
            else:
                name = names.joined(self.app, artifact.component, work.service)
                if name in self.taken:
                    own = f"{artifact.component.rpartition(':')[2]}-{work.service}"
                    name = names.joined(self.app, artifact.component, own)
                key = f"{SERVICE}/{artifact.component}:{work.service}"
            if not names.VALID.fullmatch(name) or len(name) > names.LONGEST:
                hint = f"at most {names.LONGEST} letters, digits and '_.-', with a letter or digit at both ends"
                self._say(ERROR, f"'{name}' is no name for a service", artifact, work.place("name"), "name", hint)
            item = _Item(part, work, name, key, number == 1)
            self.items.append(item)
            self.taken.add(name)
            if work.service:
                self.by_service[id(part), work.service] = item
            for message, place in risks.find(_as_run(work), "node"):
                self._say(WARNING, message, artifact, place, "risky", risks.HINT)

    def _check_names(self) -> None:
        for item in self.items:
            other = self.by_name.setdefault(item.name, item)
            if other is not item:
                self._say(
                    ERROR,
                    f"two services are called '{item.name}': the other one is at {other.work.position}",
                    item.part.artifact,
                    item.work.place("name") if item.part.literal else item.work.position,
                    "duplicate-name",
                    "give one of them another name",
                )

    def _check_ports(self) -> None:
        taken: dict[tuple[str, str], _Item] = {}
        for item in self.items:
            for port in item.work.ports:
                if not port.host.isdigit() or port.mode == "host" or item.work.scheduling.endpoint_mode == "dnsrr":
                    continue
                other = taken.setdefault((port.host, port.protocol), item)
                if other is not item:
                    self._say(
                        ERROR,
                        f"port {port.host}/{port.protocol} of the swarm is published twice: also by {other.name}",
                        item.part.artifact,
                        port.position,
                        "duplicate-port",
                        "give one of them another port, best by a param",
                    )

    # ------------------------------------------------------------ who needs whom

    def _waits(self, item: _Item) -> Iterator[tuple[_Item, Position]]:
        """The services that must be ready before this one is made."""
        for dependency in item.work.depends_on:
            found = self._find(dependency.target, item)
            if found is not None and found is not item:
                yield found, dependency.position

    def _find(self, service: str, asking: _Item) -> _Item | None:
        """A service of the same file."""
        return self.by_service.get((id(asking.part), service))

    def _before(self, item: _Item) -> Iterator[_Item]:
        return (found for found, _ in self._waits(item))

    def _levels(self, order: list[_Item]) -> dict[str, int]:
        """The place of each service in the graph, from 1: components one after the other, and in a file those that wait
        for none of its others side by side."""
        found: dict[str, int] = {}
        base = last = 0
        part: Part | None = None
        for item in self.items:
            if item.part is not part:
                part, base = item.part, last
                for own in (other for other in order if other.part is part):
                    before = [found[other.key] for other, _ in self._waits(own)]
                    level = last + 1 if part.literal else max(before, default=base) + 1
                    found[own.key] = level
                    last = max(last, level)
        return found

    # ------------------------------------------------------------ resources

    def _service(self, item: _Item, order: int) -> Resource:
        part, work, app = item.part, self._complete(item), self.app
        needs: list[str] = []
        needs += [self._network(parts.network(app, part, found.name, found.position), part) for found in work.networks]
        described: dict[str, Resource] = {}
        for mount in work.mounts:
            made = self._volume(item, mount)
            if made is not None:
                described[mount.target] = made
                needs.append(made.key)
        used = [(SECRET, grant.source, grant.position) for grant in work.secrets]
        used += [(CONFIG, grant.source, grant.position) for grant in work.configs]
        if work.credential_spec.get("config"):
            used.append((CONFIG, work.credential_spec["config"], work.place("credential_spec")))
        needs += [self._file(part, kind, key, place) for kind, key, place in used]
        known = spec.Names(
            network=lambda key: parts.network_name(app, part, key),
            volume=lambda mount: self._volume_name(item, mount),
            config=lambda key: parts.file_name(app, part, CONFIG, key),
            secret=lambda key: parts.file_name(app, part, SECRET, key),
            describe=lambda mount: (
                parts.volume_options(described[mount.target], app) if mount.target in described else {}
            ),
            aliases=self._aliases(item),
        )
        found: dict[str, Any] = {"spec": spec.service(work, known)}
        optional = {
            "labels": dict(sorted(work.scheduling.labels.items())),
            "pull": work.pull if work.pull != model.PULL_MISSING else "",
        }
        found |= {name: value for name, value in optional.items() if value}
        secret = fields.hidden(found, {*self.rendered.secrets, *self.secrets})
        if secret:
            found["hidden"] = secret
        waits = tuple(dict.fromkeys(other.key for other, _ in self._waits(item)))
        needed = tuple(dict.fromkeys([*needs, *waits]))
        return Resource(item.key, item.component, SERVICE, item.name, found, work.position, order, needed, waits=waits)

    def _complete(self, item: _Item) -> Workload:
        """The workload with the access modes of the app's requirements."""
        mounts = []
        for mount in item.work.mounts:
            wanted = self._requirement(item, mount)
            only_read = wanted is not None and wanted.requirement.access_mode == "ReadOnlyMany"
            mounts.append(mount._replace(read_only=mount.read_only or only_read))
        return item.work._replace(mounts=tuple(mounts))

    def _aliases(self, item: _Item) -> tuple[str, ...]:
        found = [item.work.service] if item.work.service else []
        # the first service of a file answers for its component, whatever else is added behind it
        if item.part.literal or item.first:
            found += names.aliases(item.component)
        return tuple(dict.fromkeys(found))

    def _add(self, resource: Resource, part: Part, place: Position) -> str:
        known = self.resources.setdefault(resource.key, resource)
        if known.body != resource.body:
            self._say(
                ERROR,
                f"the {resource.kind} {resource.name} is described in two ways: the other one is at {known.position}",
                part.artifact,
                place,
                "conflict",
                "describe it once, or the same way each time",
            )
        return resource.key

    def _network(self, resource: Resource, part: Part) -> str:
        known = self.resources.get(resource.key)
        if known is not None and resource.body == parts.PLAIN_NETWORK:
            return known.key
        if known is not None and known.body == parts.PLAIN_NETWORK:
            # one component describes it, the others only use it
            self.resources[resource.key] = resource
        return self._add(resource, part, resource.position)

    def _volume(self, item: _Item, mount: Mount) -> Resource | None:
        if mount.kind != model.VOLUME or not mount.source:
            return None
        name = self._volume_name(item, mount)
        made = parts.volume(item.part, mount, name, item.work.volume_driver)
        if made is not None:
            self._add(made, item.part, mount.position)
            return self.resources[made.key]
        return None

    def _volume_name(self, item: _Item, mount: Mount) -> str:
        wanted = self._requirement(item, mount)
        if wanted is not None:
            self.volumes_used.add((wanted.namespace, wanted.requirement.name))
            return names.requirement(self.app, wanted.namespace, wanted.requirement.name)
        described = item.part.project.volumes.get(mount.source)
        if item.part.literal or described is None:
            return mount.source
        return described.name or (
            mount.source if described.external else names.joined(self.app, item.component, mount.source)
        )

    def _file(self, part: Part, kind: str, key: str, place: Position) -> str:
        name = parts.file_name(self.app, part, kind, key)
        resource = parts.file(part, kind, key, name, place)
        wrong = parts.bad_size(resource)
        if wrong and resource.key not in self.resources:
            self._say(ERROR, wrong, part.artifact, resource.position, "size", "mount a folder for what is large")
        return self._add(resource, part, place)

    # ------------------------------------------------------------ requirements

    def _requirement(self, item: _Item, mount: Mount) -> Volume | None:
        """The requirement that a mounted volume meets: of the component's app, or of the nearest app around it."""
        if mount.kind != model.VOLUME:
            return None
        return requirements.find(self.rendered.volumes, item.component, mount.source)

    def _requirements(self) -> None:
        words = ("service", "--mount source=NAME,target=/path", "local volumes", "the disks of the nodes have")
        self.issues += requirements.unmet(self.rendered.volumes, self.volumes_used, *words)


def _as_run(work: Workload) -> Workload:
    """What a swarm gives of the rights that a workload asks for: the risk is not greater than that."""
    network = work.namespaces.network if work.namespaces.network in spec.PREDEFINED else ""
    options = work.security.options
    return work._replace(
        security=model.Security(cap_add=work.security.cap_add, options=options),
        namespaces=model.Namespaces(network=network),
    )


def _swarm() -> Resource:
    """The swarm itself, for those who let it be made. It is not the app's: nothing removes it."""
    return Resource(SWARM, "", SWARM, "this engine", {}, NOWHERE, lifetime=SHARED)


__all__ = ["CONFIG", "NETWORK", "SECRET", "SERVICE", "SWARM", "VOLUME", "parse"]
