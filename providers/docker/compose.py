"""Place the services of a Compose file on one engine: containers, and the networks and volumes that they name. Pure.

What a file calls by its keys gets the engine's names here; after this a service is a container like any other.

    container  APP-COMPONENT-SERVICE (APP-SERVICE where the component is called so), then -2, -3 ... for replicas
    network    APP_KEY; the network of services that name none is one for the whole deployment: APP_default
    volume     APP_KEY, or that of the package's requirement of the same name
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from atomicapp.errors import ERROR, WARNING, Issue
from atomicapp.model import DATA, OWNED, SHARED
from atomicapp.position import Position
from atomicapp.providers.docker import names
from atomicapp.records import NamedTuple
from atomicapp.workload import model
from atomicapp.workload.model import FileGrant, Mount, Network, Workload
from atomicapp.workload.project import DEFAULT_NETWORK, FileSpec, NetworkSpec, Project, Subnet, VolumeSpec

Json = dict[str, Any]

_CONFIG_MODE = 0o444
_ONE_OF_EACH_NODE = (model.GLOBAL, model.GLOBAL_JOB)
_JOBS = (model.REPLICATED_JOB, model.GLOBAL_JOB)
_INTERFACE = "com.docker.network.endpoint.ifname"


class Piece(NamedTuple):
    """One container. `depth` is its place in the order of the project, from 0; `after` and `waits` are keys of others that
    must be made, and be ready, before it. `files` are by target: `content`, and `mode`, `uid`, `gid` as numbers. `once`:
    it does its work by coming to an end."""

    work: Workload
    key: str
    name: str
    aliases: tuple[str, ...]
    depth: int
    after: tuple[str, ...]
    waits: tuple[str, ...]
    files: Mapping[str, Json]
    once: bool


class Thing(NamedTuple):
    """A network or a volume, by the body of its resource."""

    body: Json
    lifetime: str
    position: Position


class Placed(NamedTuple):
    """A project on the engine; networks and volumes are by name. `secrets` are texts that must not be shown;
    `network_names` and `volume_names` tell what the engine calls them, by key."""

    pieces: tuple[Piece, ...]
    networks: Mapping[str, Thing]
    volumes: Mapping[str, Thing]
    secrets: frozenset[str]
    issues: tuple[Issue, ...]
    network_names: Mapping[str, str]
    volume_names: Mapping[str, str]


def place(project: Project, app: str, component: str, required: frozenset[str]) -> Placed:
    """The containers of a project in the order of their dependencies. `component` is empty where there is none; `required` are the volumes that the package's
    requirements name: these keep their key, for the one who places requirements."""
    return _Placer(project, app, component, required).run()


class _Placer:
    def __init__(self, project: Project, app: str, component: str, required: frozenset[str]) -> None:
        self.project = project
        self.app = app
        self.component = component
        self.space = component.rpartition(":")[0]
        self.required = required
        self.services = {work.service: work for work in project.services}
        self.networks = {key: self._network_name(spec) for key, spec in project.networks.items()}
        self.volumes = {key: self._volume_name(spec) for key, spec in project.volumes.items()}
        self.issues: list[Issue] = []

    def run(self) -> Placed:
        depths = _depths(self.services)
        completed = {
            item.target
            for work in self.project.services
            for item in work.depends_on
            if item.condition == model.COMPLETED
        }
        pieces = [
            self._piece(work, number, depths[work.service], work.service in completed)
            for work in sorted(self.project.services, key=lambda work: depths[work.service])
            for number in range(1, self._replicas(work) + 1)
        ]
        networks = {self.networks[key]: _network(spec) for key, spec in self.project.networks.items()}
        labels: dict[str, dict[str, str]] = {}
        for work in self.project.services:
            for mount in work.mounts:
                labels.setdefault(mount.source, {}).update(mount.labels)
        volumes = {
            self.volumes[key]: _volume(spec, labels.get(key, {}))
            for key, spec in self.project.volumes.items()
            if key not in self.required
        }
        granted = {grant.source for work in self.project.services for grant in work.secrets}
        secrets = {spec.content for key, spec in self.project.secrets.items() if spec.content and key in granted}
        return Placed(
            tuple(pieces),
            networks,
            volumes,
            frozenset(secrets),
            tuple(self.issues),
            self.networks,
            self.volumes,
        )

    # ------------------------------------------------------------ names

    def _network_name(self, spec: NetworkSpec) -> str:
        if spec.name or spec.external:
            return spec.name or spec.key
        space = "" if spec.key == DEFAULT_NETWORK else self.space
        return _joined(self.app, space, spec.key)

    def _volume_name(self, spec: VolumeSpec) -> str:
        if spec.key in self.required:
            return spec.key
        if spec.name or spec.external:
            return spec.name or spec.key
        return _joined(self.app, self.space, spec.key)

    def _replicas(self, work: Workload) -> int:
        return 1 if work.scheduling.mode in _ONE_OF_EACH_NODE else work.replicas

    def _name(self, work: Workload, number: int) -> str:
        if work.name:
            return work.name if number == 1 else f"{work.name}-{number}"
        parts = self.component.split(":") if self.component else [""]
        own = () if names.clean(parts[-1]) == names.clean(work.service) else (work.service,)
        return names.clean(self.app, *parts, *own, *([str(number)] if number > 1 else []))

    def _key(self, service: str, number: int) -> str:
        return f"container/{self.component}:{service}" + (f":{number}" if number > 1 else "")

    def _keys(self, service: str) -> Iterator[str]:
        work = self.services.get(service)
        if work is not None:
            yield from (self._key(service, number) for number in range(1, self._replicas(work) + 1))

    def _container(self, name: str) -> str:
        """The container that a service is (its first replica); another name is one of the engine."""
        work = self.services.get(name)
        return self._name(work, 1) if work is not None else name.removeprefix("container:")

    def _shared(self, mode: str) -> str:
        kind, colon, name = mode.partition(":")
        return f"container:{self._container(name)}" if colon and kind == "service" else mode

    # ------------------------------------------------------------ one container

    def _piece(self, work: Workload, number: int, depth: int, awaited: bool) -> Piece:
        before = [item for item in work.depends_on if item.target in self.services]
        alone = len(self.services) == 1
        aliases = (work.service, *(names.aliases(self.component) if alone else ()))
        return Piece(
            self._placed(work),
            self._key(work.service, number),
            self._name(work, number),
            tuple(dict.fromkeys(aliases)),
            depth,
            tuple(key for item in before for key in self._keys(item.target)),
            tuple(key for item in before if item.condition != model.STARTED for key in self._keys(item.target)),
            dict(self._files(work)),
            awaited or work.scheduling.mode in _JOBS,
        )

    def _placed(self, work: Workload) -> Workload:
        spaces, security = work.namespaces, work.security
        # only what an engine can find itself: a config is kept by a cluster
        spec = next((f"{kind}://{name}" for kind, name in work.credential_spec.items() if kind != "config"), "")
        options = (*security.options, f"credentialspec={spec}") if spec else security.options
        # the engine takes the gateway of the first one: that is what a priority is for
        networks = sorted(work.networks, key=lambda network: -network.priority)
        return work._replace(
            security=security._replace(options=options),
            networks=tuple(map(self._network, networks)),
            mounts=tuple(map(self._mount, work.mounts)),
            links=tuple(link._replace(target=self._container(link.target)) for link in work.links),
            volumes_from=tuple(
                found._replace(container=self._container(found.container)) for found in work.volumes_from
            ),
            namespaces=spaces._replace(
                network=self._shared(spaces.network), pid=self._shared(spaces.pid), ipc=self._shared(spaces.ipc)
            ),
        )

    def _network(self, network: Network) -> Network:
        options = {**network.driver_options, **({_INTERFACE: network.interface} if network.interface else {})}
        return network._replace(name=self.networks.get(network.name, network.name), driver_options=options)

    def _mount(self, mount: Mount) -> Mount:
        if mount.kind != model.VOLUME or not mount.source:
            return mount
        return mount._replace(source=self.volumes.get(mount.source, mount.source))

    def _files(self, work: Workload) -> Iterator[tuple[str, Json]]:
        for grants, specs, what in (
            (work.configs, self.project.configs, "config"),
            (work.secrets, self.project.secrets, "secret"),
        ):
            for grant in grants:
                spec = specs[grant.source]
                if spec.content is None:
                    self._no_content(spec, grant, what)
                    continue
                if work.security.read_only_root:
                    message = (
                        f"the engine puts no files into a read-only container, so {work.service} can't get the {what}"
                    )
                    hint = "leave read_only out, or give it the file by a volume"
                    self.issues.append(Issue(ERROR, message, grant.position, "read-only", "", hint))
                    continue
                found: Json = {
                    "content": spec.content,
                    "mode": grant.mode if grant.mode is not None else _CONFIG_MODE,
                    "uid": self._id(grant.uid, grant, what),
                    "gid": self._id(grant.gid, grant, what),
                }
                yield grant.target, found

    def _no_content(self, spec: FileSpec, grant: FileGrant, what: str) -> None:
        message = f"the {what} '{grant.source}' is kept by a cluster, which this engine is not: nobody here can read it"
        hint = f"give it by `file`, `environment` or `content` (it is declared at {spec.position})"
        self.issues.append(Issue(ERROR, message, grant.position, "external", "", hint))

    def _id(self, text: str, grant: FileGrant, what: str) -> int:
        if not text or text.isdigit():
            return int(text or "0")
        message = f"the owner '{text}' of the {what} '{grant.source}' is no number: it belongs to root instead"
        self.issues.append(Issue(WARNING, message, grant.position, "owner", "", "write the id of the user or group"))
        return 0


def _joined(app: str, space: str, key: str) -> str:
    return "_".join([names.clean(app, *space.split(":")), names.clean(key)])


def _depths(services: Mapping[str, Workload]) -> dict[str, int]:
    """How many others stand before a service, along the longest way. The reader refuses circles."""
    depths: dict[str, int] = {}
    # a stack of our own and no recursion: a chain may be as long as the author likes
    for first in services:
        path = [first]
        while path:
            work = services[path[-1]]
            others = [name for name in _before(work) if name in services and name != work.service]
            todo = next((name for name in others if name not in depths and name not in path), None)
            if todo is not None:
                path.append(todo)
                continue
            depths[path.pop()] = max((depths.get(name, 0) + 1 for name in others), default=0)
    return depths


def _before(work: Workload) -> Iterator[str]:
    """The services that must be there before this one: those it depends on, and those whose namespaces it shares."""
    yield from (item.target for item in work.depends_on)
    yield from (link.target for link in work.links)
    yield from (found.container for found in work.volumes_from)
    for mode in (work.namespaces.network, work.namespaces.pid, work.namespaces.ipc):
        if mode.startswith("service:"):
            yield mode.partition(":")[2]


# ---------------------------------------------------------------- networks and volumes


def _network(spec: NetworkSpec) -> Thing:
    if spec.external:
        return Thing({"external": True}, SHARED, spec.position)
    body: Json = {"driver": spec.driver or "bridge"}
    optional: Json = {
        "options": dict(spec.driver_options),
        "internal": spec.internal,
        "attachable": spec.attachable,
        "ipv4": spec.ipv4,
        "ipv6": spec.ipv6,
        "ipam_driver": spec.ipam_driver,
        "ipam_options": dict(spec.ipam_options),
        "subnets": [_subnet(found) for found in spec.subnets],
        "labels": dict(spec.labels),
    }
    body |= {name: value for name, value in optional.items() if value not in ({}, [], "", None, False)}
    if spec.ipv4 is False:
        body["ipv4"] = False
    return Thing(body, OWNED, spec.position)


def _subnet(found: Subnet) -> Json:
    """As the engine's API takes it."""
    parts = {"Subnet": found.subnet, "IPRange": found.ip_range, "Gateway": found.gateway}
    said: Json = {name: text for name, text in parts.items() if text}
    if found.aux_addresses:
        said["AuxiliaryAddresses"] = dict(found.aux_addresses)
    return said


def _volume(spec: VolumeSpec, more: Mapping[str, str]) -> Thing:
    if spec.external:
        return Thing({"external": True}, SHARED, spec.position)
    body: Json = {"driver": spec.driver or "local"}
    if spec.driver_options:
        body["options"] = dict(spec.driver_options)
    if spec.labels or more:
        body["labels"] = {**spec.labels, **more}
    return Thing(body, DATA, spec.position)
