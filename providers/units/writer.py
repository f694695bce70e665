"""Write a project (a Compose file, or `docker run` commands) as units that run its containers. Pure.

`write(project, Settings(app))` gives the Parts in the order in which they start. A provider takes from it

    part.unit        the unit; `unit.with_options("X-Fleet", ...)` adds what only one provider has
    part.instances   the names to start: that of the unit, or for a template (`web@.service`) those of its replicas
    part.after       names of units (instances, not templates) that must be started before; `waits`: and be active
    Units.files      what it must lay on the disk before the start, when `Settings.inline` is false

and says what stands in `Units.issues`. One unit runs one container in the foreground, so that systemd follows it: clean-up and
pull before, `docker stop` after. Dependencies become After= and Wants=, with a step before the start that waits for the health of
the other one, or sees that it is active; what must be completed is a oneshot that remains. Requires= is for what this one can't
live without (a network, the namespaces of another one), and for `restart: true`: systemd stops it with the other one, and starts it again
only when the other one was restarted by one command. A container that has several networks, or
keeps its standard input open, is created, connected and then started attached: `docker run` can't say that on all engines.

Networks and volumes of the project are oneshot units (SHARED_UNITS), or steps of the units that use them (SHARED_STEPS), for
where no unit is known to run on the same machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from atomicapp.errors import ERROR, WARNING
from atomicapp.position import Position
from atomicapp.providers.docker import compose
from atomicapp.providers.docker.compose import Thing
from atomicapp.providers.docker.names import aliases
from atomicapp.providers.units import names, quoting, steps
from atomicapp.providers.units.inside import Inside, Insides, Step
from atomicapp.providers.units.lines import Lines
from atomicapp.providers.units.parts import CONTAINER, NETWORK, SHARED_UNITS, VOLUME, Group, Part, Settings, Units
from atomicapp.providers.units.quoting import INSTANCE
from atomicapp.providers.units.syntax import unit
from atomicapp.records import NamedTuple
from atomicapp.workload import model, risks
from atomicapp.workload.model import Dependency, Workload
from atomicapp.workload.project import Project


def write(project: Project, settings: Settings) -> Units:
    """The units of a project. Faults are in `issues`, with severity ERROR."""
    return Writer(project, settings).run()


class _Service(NamedTuple):
    """A service with its names. `unit` is a template when `instances` are not the unit itself."""

    work: Workload
    stem: str
    unit: str
    instances: tuple[str, ...]
    containers: tuple[str, ...]

    @property
    def unit_stem(self) -> str:
        """The name of the unit without its type, and without the mark of a template."""
        return self.unit.removesuffix(".service").removesuffix("@")

    @property
    def is_template(self) -> bool:
        return self.instances != (self.unit,)

    @property
    def container(self) -> str:
        """The name of the container in its own unit."""
        return f"{self.stem}-{INSTANCE}" if self.is_template else self.containers[0]


_STEM = 180  # an instance, a type and a suffix have to go behind it
JOBS = (model.REPLICATED_JOB, model.GLOBAL_JOB)
_EACH_MACHINE = (model.GLOBAL, model.GLOBAL_JOB)
_SECOND = 1_000_000_000
_RUNS_WELL = 10
"""Seconds after which an engine counts a start as good."""
_EASY_GRACE = 60
"""Seconds to stop that systemd's own patience has room for."""


_NO_THING = Thing({}, "", Position(""))


class Need(NamedTuple):
    """A service that must be started before. `bound`: this one shares something of the other one's container."""

    target: str
    condition: str
    bound: bool
    required: bool
    restart: bool

    @property
    def follows(self) -> bool:
        """It goes when the other one goes."""
        return self.bound or self.restart


class Writer:
    def __init__(self, project: Project, settings: Settings) -> None:
        self.settings = settings
        self.project = project
        self.lines = Lines(settings.line_max)
        self.insides = Insides(project, settings, self.lines)
        self.names = {work.service: self._names(work) for work in project.services}
        services = [named for work in project.services for named in self._named(work)]
        placed = compose.place(
            project._replace(services=tuple(services)), settings.app, settings.component, frozenset(settings.volumes)
        )
        self.lines.issues += placed.issues
        self.before = {piece.work.service: piece for piece in placed.pieces if piece.work.service not in self.names}
        own = tuple(piece for piece in placed.pieces if piece.work.service in self.names)
        self.placed = placed._replace(pieces=own)
        self.shared: dict[tuple[str, str], Part] = {}

    def run(self) -> Units:
        self._check_names()
        self._check_ports()
        units = self.settings.shared == SHARED_UNITS
        shared = [*self._networks(), *self._volumes()] if units else []
        self.shared = {(part.kind, part.name): part for part in shared}
        parts = [*shared, *(self._container(piece) for piece in self.placed.pieces)]
        for work in self.project.services:
            for message, place in risks.find(work):
                self.lines.say(WARNING, message, place, "risky", risks.HINT)
        secrets = set(self.placed.secrets)
        secrets |= {file.text for file in self.insides.files.values() if file.secret and file.text}
        return Units(tuple(parts), tuple(self.insides.files.values()), tuple(self.lines.issues), frozenset(secrets))

    # ------------------------------------------------------------ names

    def _stem(self, *parts: str) -> str:
        path = self.settings.component.split(":") if self.settings.component else []
        # a component that is called as its service is not said twice
        twice = bool(path) and names.clean(path[-1]) == names.clean(parts[0])
        own = parts[1:] if twice else parts
        return names.cut(names.clean(self.settings.app, *path, *own), _STEM)

    def _names(self, work: Workload) -> _Service:
        stem = self._stem(work.service)
        container = work.name or stem
        if work.scheduling.mode in _EACH_MACHINE or work.replicas == 1:
            return _Service(work, container, f"{stem}.service", (f"{stem}.service",), (container,))
        numbers = range(1, work.replicas + 1)
        return _Service(
            work,
            container,
            f"{stem}@.service",
            tuple(f"{stem}@{number}.service" for number in numbers),
            tuple(f"{container}-{number}" for number in numbers),
        )

    def _named(self, work: Workload) -> Iterator[Workload]:
        """A service as the docker provider is to place it: one container, whose name is settled; files are not its trade.
        What runs before its start comes with it."""
        found = self.names[work.service]
        name = next(iter(found.containers), found.stem)
        yield work._replace(name=name, replicas=1, configs=(), secrets=(), pre_start=())
        for number, item in enumerate(work.pre_start, 1):
            yield aside(item.workload)._replace(
                service=before(work, number), name=f"{name}-before-{number}", configs=(), secrets=()
            )

    def _check_names(self) -> None:
        taken: dict[str, str] = {}
        for service, found in self.names.items():
            for name in (found.unit, *found.containers):
                other = taken.setdefault(name, service)
                if other != service:
                    place = found.work.place("name")
                    self.lines.say(
                        ERROR,
                        f"{service} and {other} would both be called {name}",
                        place,
                        "duplicate-name",
                        "rename one",
                    )

    def _check_ports(self) -> None:
        taken: dict[tuple[str, str, str], tuple[str, str]] = {}
        for service, found in self.names.items():
            group = self.settings.groups.get(service, "")
            for port in found.work.ports if found.work.namespaces.network != "host" else ():
                if not port.host.isdigit():
                    continue
                if len(found.instances) > 1 and not self.settings.spread:
                    message = (
                        f"{len(found.instances)} replicas of {service} can't all have port {port.host} of one machine"
                    )
                    self.lines.say(
                        ERROR, message, port.position, "duplicate-port", "give a range of ports, or no port of the host"
                    )
                ip = "" if port.host_ip in ("0.0.0.0", "::") else port.host_ip  # noqa: S104 (compared, not bound)
                same = (group, port.host, port.protocol)
                other, other_ip = taken.setdefault(same, (service, ip))
                if other != service and (ip == other_ip or not ip or not other_ip):
                    message = f"port {port.host}/{port.protocol} of the host is published twice: also by {other}"
                    self.lines.say(ERROR, message, port.position, "duplicate-port", "give one of them another port")

    # ------------------------------------------------------------ networks and volumes

    def _networks(self) -> Iterator[Part]:
        for key, spec in self.project.networks.items():
            name = self.placed.network_names[key]
            thing = self.placed.networks[name]
            if "external" in thing.body:
                continue
            remove = (self.settings.docker, "network", "rm", name)
            yield self._shared(NETWORK, key, name, steps.network(name, thing), spec.position, remove)

    def _volumes(self) -> Iterator[Part]:
        for key, spec in self.project.volumes.items():
            name = self.placed.volume_names[key]
            thing = self.placed.volumes.get(name)
            if thing is not None and "external" not in thing.body:
                yield self._shared(VOLUME, key, name, steps.volume(name, thing), spec.position, ())

    def _shared(self, kind: str, key: str, name: str, words: Iterable[Group], place: Position, remove: Group) -> Part:
        docker = self.settings.docker
        service = [
            *self._client(),
            ("Type", "oneshot"),
            ("RemainAfterExit", "yes"),
            ("TimeoutStartSec", "0"),
            # it may be there already; what counts is that it is there then
            self.lines.command("ExecStart", [[docker, kind, "create"], *words], place, prefix="-"),
            self.lines.command("ExecStart", [[docker, kind, "inspect", "--format", "{{.Name}}", name]], place),
            *([self.lines.command("ExecStop", [remove], place, prefix="-")] if remove else []),
        ]
        # called as on the engine: what several components share is one unit
        full = f"{names.cut(names.clean(name), _STEM)}-{kind}.service"
        sections = (
            ("Unit", [("Description", quoting.text(f"{self.settings.app}: {kind} {key}")), *self._engine()]),
            ("Service", service),
            ("Install", self._install()),
        )
        undo = (docker, VOLUME, "rm", name) if kind == VOLUME else ()
        return Part(unit(full, sections, place), kind, key, name, 0, (full,), undo=undo)

    def _engine(self) -> list[tuple[str, str]]:
        engine = self.settings.engine_unit
        return [("After", engine), ("Requires", engine)] if engine else []

    def _client(self) -> list[tuple[str, str]]:
        return [
            ("Environment", quoting.word(f"{name}={value}").replace("$$", "$"))
            for name, value in self.settings.environment
        ]

    def _install(self) -> list[tuple[str, str]]:
        return [("WantedBy", self.settings.install)] if self.settings.install else []

    # ------------------------------------------------------------ containers

    def _container(self, piece: compose.Piece) -> Part:
        found = self.names[piece.work.service]
        work = self._required(piece.work)._replace(name=found.container)
        place = work.position
        needs = self._needs(found.work)
        once = piece.once or found.work.scheduling.mode in JOBS
        service = [
            *self._client(),
            *([("Type", "oneshot"), ("RemainAfterExit", "yes")] if once else []),
            # a pull may take its time
            ("TimeoutStartSec", "0"),
            *self._stopping(work),
            *restarting(work, once=once),
        ]
        handed: dict[str, str] = {}
        inside = self.insides.of(found.stem, found.work, work, handed)
        before = inside.steps
        run = steps.running(self.settings.docker, inside.work, inside.options, self._aliases(found.work))
        before.append((steps.remove(self.settings.docker, found.container), "-"))
        before += self._checks(needs)
        before += [(step, "") for step in steps.pull(self.settings.docker, work)]
        shared = self._shared_steps(work)
        before += shared
        for number, item in enumerate(found.work.pre_start, 1):
            before += self._pre_start(found, number, item.workload, inside, handed)
        before += [(step, "") for step in run.before]
        service += inside.service
        service += [self.lines.command("ExecStartPre", step, place, prefix=prefix) for step, prefix in before]
        service.append(self.lines.command("ExecStart", run.start, place))
        health = self._shown_health(found.work)
        if health is not None:
            step = steps.healthy(self.settings.docker, work.name)
            service.append(self.lines.command("ExecStartPost", step, place, prefix=health))
        if work.post_start:
            service.append(
                self.lines.command("ExecStartPost", steps.running_now(self.settings.docker, work.name), place)
            )
        for hook in work.post_start:
            service.append(
                self.lines.command("ExecStartPost", steps.hook(self.settings.docker, work.name, hook), hook.position)
            )
        for hook in work.pre_stop:
            service.append(
                self.lines.command(
                    "ExecStop", steps.hook(self.settings.docker, work.name, hook), hook.position, prefix="-"
                )
            )
        service.append(self.lines.command("ExecStop", steps.stop(self.settings.docker, work), place, prefix="-"))
        service += [
            self.lines.command("ExecStopPost", steps.removed(self.settings.docker, name), place, prefix="-")
            for name in self._own_networks(work)
            if shared
        ]
        head = [
            ("Description", quoting.text(f"{self.settings.app}: {self._described(found)}")),
            *self._engine(),
            *self._ordering(work, needs),
            *limits(work),
        ]
        whole = unit(found.unit, (("Unit", head), ("Service", service), ("Install", self._install())), place)
        before_it = [name for key in self._shared_keys(work) for name in self.shared[key].instances]
        after = [name for need in needs for name in self.names[need.target].instances]
        waits = [
            name for need in needs if need.condition != model.STARTED for name in self.names[need.target].instances
        ]
        return Part(
            whole,
            CONTAINER,
            found.work.service,
            found.container.replace(INSTANCE, "%i"),
            piece.depth,
            found.instances,
            tuple(dict.fromkeys([*before_it, *after])),
            tuple(dict.fromkeys([*before_it, *waits])),
            work._replace(name=found.container.replace(INSTANCE, "%i")),
            tuple(dict.fromkeys(inside.paths)),
            once,
        )

    def _described(self, found: _Service) -> str:
        return f"{found.work.service} {INSTANCE}" if found.is_template else found.work.service

    def _required(self, work: Workload) -> Workload:
        """With the engine's names of the volumes that the package requires."""
        volumes = self.settings.volumes
        return work._replace(
            mounts=tuple(
                mount._replace(source=volumes.get(mount.source, mount.source)) if mount.kind == model.VOLUME else mount
                for mount in work.mounts
            )
        )

    def _aliases(self, work: Workload) -> tuple[str, ...]:
        """What it is called on networks: a service that is the only one by the name of its component, too."""
        alone = len(self.names) == 1
        return tuple(dict.fromkeys([work.service, *(aliases(self.settings.component) if alone else ())]))

    def _stopping(self, work: Workload) -> list[tuple[str, str]]:
        grace = work.stop_grace or 0
        return [("TimeoutStopSec", str(grace + _EASY_GRACE))] if grace > _EASY_GRACE else []

    # ------------------------------------------------------------ who comes before

    def _needs(self, work: Workload) -> list[Need]:
        """The services of the same machine that must be started before, each once."""
        own = self.settings.groups.get(work.service, "")
        bound = {
            *(link.target for link in work.links if not link.external),
            *(item.container for item in work.volumes_from),
            *(
                mode.partition(":")[2]
                for mode in (work.namespaces.network, work.namespaces.pid, work.namespaces.ipc)
                if mode.startswith("service:")
            ),
        }
        asked = {item.target: item for item in work.depends_on}
        found = []
        for target in dict.fromkeys([*asked, *sorted(bound)]):
            if target not in self.names or target == work.service:
                continue
            if self.settings.groups.get(target, "") == own:
                item = asked.get(target) or Dependency(target, model.STARTED, work.position)
                found.append(Need(target, item.condition, target in bound, item.required, item.restart))
        return found

    def _shown_health(self, work: Workload) -> str | None:
        """How this one is to wait for its own health before it is active, as a prefix of the step; None: not at all. Others do
        so that run elsewhere: they can ask nobody for it, but see whether it is active."""
        own = self.settings.groups.get(work.service, "")
        asked = [
            item.required
            for other in self.project.services
            for item in other.depends_on
            if item.target == work.service and item.condition == model.HEALTHY
            if self.settings.groups.get(other.service, "") != own
        ]
        if not asked:
            return None
        return "" if any(asked) else "-"

    def _checks(self, needs: Iterable[Need]) -> Iterator[Step]:
        """The steps that wait for others, or see to it that these have come up."""
        for need in needs:
            found = self.names[need.target]
            if need.condition == model.HEALTHY:
                for name in found.containers:
                    yield steps.healthy(self.settings.docker, name), "" if need.required else "-"
            elif need.required and not need.follows:
                done = need.condition == model.COMPLETED
                for name in found.instances:
                    yield steps.active(name, done=done), ""

    def _ordering(self, work: Workload, needs: Sequence[Need]) -> Iterator[tuple[str, str]]:
        for key in self._shared_keys(work):
            for name in self.shared[key].instances:
                yield "After", name
                yield "Requires", name
        for need in needs:
            for name in self.names[need.target].instances:
                yield "After", name
                # Requires= would stop this one whenever the other one is stopped, or starts again after a failure
                yield ("Requires" if need.required and need.follows else "Wants"), name
                if need.restart and not need.required:
                    yield "PartOf", name

    def _shared_keys(self, work: Workload) -> list[tuple[str, str]]:
        """The units of networks and volumes that it uses."""
        used = [
            *((NETWORK, network.name) for network in work.networks),
            *((VOLUME, mount.source) for mount in work.mounts if mount.kind == model.VOLUME),
        ]
        return [key for key in dict.fromkeys(used) if key in self.shared]

    # ------------------------------------------------------------ steps

    def _own_networks(self, work: Workload) -> list[str]:
        return [
            network.name
            for network in work.networks
            if "external" not in self.placed.networks.get(network.name, _NO_THING).body
        ]

    def _shared_steps(self, work: Workload) -> list[Step]:
        if self.settings.shared == SHARED_UNITS:
            return []
        docker = self.settings.docker
        found: list[Step] = []
        for mount in work.mounts:
            thing = self.placed.volumes.get(mount.source) if mount.kind == model.VOLUME else None
            if thing is not None and "external" not in thing.body:
                found.append((steps.volume_made(docker, mount.source, thing), ""))
        for name in self._own_networks(work):
            found.append((steps.made(docker, name, self.placed.networks[name]), ""))
        return found

    def _pre_start(
        self, found: _Service, number: int, asked: Workload, unit: Inside, handed: dict[str, str]
    ) -> list[Step]:
        """A container that comes to its end before the start, for a template before that of each replica; what it takes of
        files and options of [Service] goes to those of its `unit`."""
        piece = self.before[before(found.work, number)]
        docker, name = self.settings.docker, f"{found.container}-before-{number}"
        work = self._required(piece.work)._replace(name=name)
        inside = self.insides.of(f"{found.stem}-before-{number}", asked, work, handed)
        unit.paths.extend(inside.paths)
        unit.service.extend(inside.service)
        run = steps.running(docker, inside.work, inside.options, ())
        return [
            *inside.steps,
            (steps.remove(docker, name), "-"),
            *((step, "") for step in (*steps.pull(docker, work), *run.before, run.start)),
        ]


def before(work: Workload, number: int) -> str:
    """What the container is called here that runs before the start of a service; no service can be called so."""
    return f"{work.service} before {number}"


def aside(work: Workload) -> Workload:
    """What runs before a service, without that which makes others find it."""
    networks = (
        network._replace(unnamed=True, aliases=(), ipv4="", ipv6="", link_local_ips=(), mac="")
        for network in work.networks
    )
    return work._replace(
        networks=tuple(networks),
        replicas=1,
        ports=(),
        healthcheck=None,
        depends_on=(),
        pre_start=(),
        post_start=(),
        pre_stop=(),
        restart=model.Restart(),
    )


def restarting(work: Workload, *, once: bool) -> Iterator[tuple[str, str]]:
    """What follows an end. The statuses are those of `docker stop`: no failure, but no reason to stay away either."""
    policy = work.restart.policy
    failure = policy == "on-failure" or (once and policy != "no")
    if policy != "no":
        yield "Restart", "on-failure" if failure else "always"
        yield "RestartSec", _seconds(_delay(work))
    if not once:
        yield "SuccessExitStatus", "137 143"
        if failure:
            yield "RestartForceExitStatus", "137 143"


def limits(work: Workload) -> Iterator[tuple[str, str]]:
    """How often it is started again."""
    rule, retries = work.scheduling.restart, work.restart.retries
    if work.restart.policy == "no":
        return
    if not retries:
        yield "StartLimitIntervalSec", "0"
        return
    usual = (retries + 1) * (_delay(work) + _RUNS_WELL * _SECOND)
    window = rule.window if rule is not None and rule.window else usual
    yield "StartLimitBurst", str(retries + 1)
    yield "StartLimitIntervalSec", _seconds(window)


def _seconds(nanoseconds: int) -> str:
    return f"{nanoseconds / _SECOND:.3f}".rstrip("0").rstrip(".")


def _delay(work: Workload) -> int:
    """Nanoseconds before it is started again."""
    rule = work.scheduling.restart
    return rule.delay if rule is not None and rule.delay is not None else _SECOND
