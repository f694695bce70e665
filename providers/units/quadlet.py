"""Write a project as Quadlet files (`.container`, `.network`, `.volume`), of which Podman's generator makes units. Pure.

`write(project, settings)` gives them as Parts, for a provider that lays down what stands in `Units.files`, too. `convert` (the
module has the members that this command asks a provider for) gives files that need nothing else: they lie in
/etc/containers/systemd, or for a user in ~/.config/containers/systemd: both are %E/containers/systemd to systemd.

Texts of configs and secrets become secrets of Podman when a unit starts; variables stand in a file. Replicas are files of their
own, and so is what runs before a start. Podman 4.9 and newer read all of it: what later ones have a key for is PodmanArgs=.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

from atomicapp.errors import ERROR, WARNING, SpecError
from atomicapp.model import Target
from atomicapp.position import Position
from atomicapp.providers.base import Output
from atomicapp.providers.docker import command, compose
from atomicapp.providers.docker.compose import Thing
from atomicapp.providers.units import names, own, podman, quoting, steps, syntax, writer
from atomicapp.providers.units.parts import CONTAINER, NETWORK, VOLUME, File, Part, Settings, Units
from atomicapp.providers.units.quadlet_keys import (
    LOG_DRIVERS,
    UNKNOWN,
    Pair,
    devices,
    fits,
    full_name,
    health,
    literal,
    long_mount,
    network_option,
    of_option,
    required,
    timing,
)
from atomicapp.providers.units.quadlet_rules import table
from atomicapp.workload import model, risks
from atomicapp.workload.fidelity import Table
from atomicapp.workload.model import FileGrant, Mount, Network, Workload
from atomicapp.workload.project import FileSpec, NetworkSpec, Project, VolumeSpec

NAME = "quadlet"

PROGRAM = podman.PROGRAM
_FOLDER = "%E/containers/systemd"
_TARGET = "default.target"


def convert(project: Project, target: Target) -> tuple[Output, ...]:
    """See providers.base.Provider."""
    settings = Settings(
        target.app, folder=_FOLDER, spread=False, docker=PROGRAM, engine_unit="", install=_TARGET, line_max=None
    )
    units = _Quadlet(project, settings, beside=True).run()
    errors = [issue for issue in units.issues if issue.severity == ERROR]
    if errors:
        raise SpecError(errors)
    return (
        *(Output(part.source, part.unit.text) for part in units.parts),
        *(Output(file.path, file.text) for file in units.files),
    )


def fidelity(*, converted: bool = False) -> Table:
    """See providers.base.Provider."""
    return table()


def write(project: Project, settings: Settings) -> Units:
    """The files of a project, as the units that come of them; what they use is to lie in `settings.folder`. Faults are in
    `issues`, with severity ERROR."""
    return _Quadlet(project, settings).run()


class _Quadlet(writer.Writer):
    """The names and the order are those of the units; what stands in the files is Quadlet's. `beside`: what they use lies
    beside them, and nobody takes the secrets of Podman away."""

    def __init__(self, project: Project, settings: Settings, *, beside: bool = False) -> None:
        super().__init__(project, settings)
        self.beside = beside
        self.texts: dict[str, File] = {}

    def run(self) -> Units:
        self._check_names()
        self._check_ports()
        shared = [*self._network_parts(), *self._volume_parts()]
        self.shared = {(part.kind, part.name): part for part in shared}
        healthy = {
            item.target for work in self.project.services for item in work.depends_on if item.condition == model.HEALTHY
        }
        parts = list(shared)
        for piece in self.placed.pieces:
            parts += self._service_parts(piece, notify=piece.work.service in healthy)
        for work in self.project.services:
            for message, place in risks.find(work):
                self.lines.say(WARNING, message, place, "risky", risks.HINT)
        files = {**self.insides.files, **self.texts}
        secrets = {*self.placed.secrets, *(file.text for file in files.values() if file.secret and file.text)}
        return Units(tuple(parts), tuple(files.values()), tuple(self.lines.issues), frozenset(secrets))

    # ------------------------------------------------------------ networks and volumes

    def _network_parts(self) -> Iterator[Part]:
        for key, spec in self.project.networks.items():
            if not spec.external:
                name = self.placed.network_names[key]
                # a network goes with its unit, which Podman itself would leave
                service = [
                    self.lines.command("ExecStopPost", [(PROGRAM, "network", "rm", name)], spec.position, prefix="-")
                ]
                yield self._shared_part(NETWORK, key, name, self._network_keys(key, spec), service, spec.position)

    def _volume_parts(self) -> Iterator[Part]:
        for key, spec in self.project.volumes.items():
            if not spec.external and key not in self.settings.volumes:
                name = self.placed.volume_names[key]
                yield self._shared_part(VOLUME, key, name, self._volume_keys(key, spec), [], spec.position)

    def _shared_part(
        self, kind: str, key: str, name: str, keys: Iterable[Pair], service: Iterable[Pair], place: Position
    ) -> Part:
        source = f"{self._own(key, '')}.{kind}"
        head = [("Description", quoting.text(f"{self.settings.app}: {kind} {key}"))]
        sections = (("Unit", head), (kind.title(), keys), ("Service", service), ("Install", self._install()))
        made = podman.service(source)
        undo = podman.purge(name) if kind == VOLUME else ()
        whole = syntax.unit(source, sections, place)._replace(name=made)
        return Part(whole, kind, key, name, 0, (made,), undo=undo, source=source)

    def _own(self, key: str, kind: str) -> str:
        return names.cut(names.clean(self.settings.app, key, kind), 180)

    def _network_keys(self, key: str, spec: NetworkSpec) -> Iterator[Pair]:
        yield "NetworkName", literal(self.placed.network_names[key])
        if spec.driver not in ("", "bridge", "default"):
            yield "Driver", literal(spec.driver)
        for option, value in spec.driver_options.items():
            if name := network_option(option):
                yield "Options", literal(f"{name}={value}")
        if spec.internal:
            yield "Internal", "true"
        if spec.ipv6 is not None:
            yield "IPv6", "true" if spec.ipv6 else "false"
        if spec.ipam_driver not in ("", "default"):
            yield "IPAMDriver", literal(spec.ipam_driver)
        for subnet in spec.subnets:
            for name, value in (("Subnet", subnet.subnet), ("Gateway", subnet.gateway), ("IPRange", subnet.ip_range)):
                if value:
                    yield name, literal(value)
        for label, value in spec.labels.items():
            yield "Label", quoting.word(f"{label}={value}")

    def _volume_keys(self, key: str, spec: VolumeSpec) -> Iterator[Pair]:
        name = self.placed.volume_names[key]
        yield "VolumeName", literal(name)
        if spec.driver not in ("", "local"):
            yield "Driver", literal(spec.driver)
        own = {"type": "Type", "device": "Device", "o": "Options"}
        for option, value in spec.driver_options.items():
            if option in own:
                yield own[option], literal(value)
            else:
                yield "PodmanArgs", f"--opt {quoting.word(f'{option}={value}')}"
        for label, value in self.placed.volumes.get(name, Thing({}, "", spec.position)).body.get("labels", {}).items():
            yield "Label", quoting.word(f"{label}={value}")

    # ------------------------------------------------------------ services

    def _service_parts(self, piece: compose.Piece, *, notify: bool) -> Iterator[Part]:
        found = self.names[piece.work.service]
        once = piece.once or found.work.scheduling.mode in writer.JOBS
        befores: list[str] = []
        for number, item in enumerate(found.work.pre_start, 1):
            stem = f"{found.stem}-before-{number}"
            asked = self._asked(item.workload, found.work.service)
            work = self.before[writer.before(found.work, number)].work._replace(name=stem)
            # each after the one before it, and all after what the service itself comes after
            part = self._part(stem, work, asked, found.work, befores, piece.depth, once=True, remains=False)
            befores = [*befores, part.unit.name]
            yield part
        plural = len(found.containers) != 1
        for number, name in enumerate(found.containers, 1):
            stem = f"{found.unit_stem}-{number}" if plural else found.unit_stem
            work = piece.work._replace(name=name)
            yield self._part(
                stem, work, found.work, found.work, befores, piece.depth, once=once, remains=once, notify=notify
            )

    def _asked(self, work: Workload, service: str) -> Workload:
        return writer.aside(work)._replace(service=service)

    def _units(self, service: str) -> list[str]:
        found = self.names[service]
        if len(found.containers) == 1:
            return [f"{found.unit_stem}.service"]
        return [f"{found.unit_stem}-{number}.service" for number in range(1, len(found.containers) + 1)]

    def _order(self, needs: Iterable[writer.Need]) -> list[Pair]:
        pairs: list[Pair] = []
        for need in needs:
            for name in self._units(need.target):
                pairs += [("After", name), ("Requires" if need.required else "Wants", name)]
                pairs += [("PartOf", name)] if need.restart else []
        return pairs

    def _part(
        self,
        stem: str,
        work: Workload,
        asked: Workload,
        owner: Workload,
        befores: Sequence[str],
        depth: int,
        *,
        once: bool,
        remains: bool,
        notify: bool = False,
    ) -> Part:
        """One container. `work` has the engine's names, `asked` is as the author said it; `owner` is the service that has it,
        before which the units `befores` come to their end."""
        work, needs = self._required(work), self._needs(owner)
        paths: list[str] = []
        service: list[Pair] = [("Type", "oneshot")] if once else []
        service += [("RemainAfterExit", "yes")] if remains else []
        # a pull may take its time
        service += [("TimeoutStartSec", "0"), *self._stopping(work)]
        service += writer.restarting(work, once=once) if remains or not once else []
        for mount in work.mounts:
            if mount.kind == model.BIND and mount.create_source:
                service.append(
                    self.lines.command("ExecStartPre", [("/bin/mkdir", "-p", mount.source)], mount.position, prefix="-")
                )
        keys: list[Pair] = [("Image", literal(full_name(work.image)))]
        keys += self._said(work, asked, stem, paths, service)
        if notify and not (work.healthcheck and work.healthcheck.test == ("NONE",)):
            # the key Notify= knows health since Podman 5.0
            keys.append(("PodmanArgs", "--sdnotify=healthy"))
        for grants, specs, what in (
            (asked.configs, self.project.configs, "config"),
            (asked.secrets, self.project.secrets, "secret"),
        ):
            for grant in grants:
                made, name = self._secret(grant, specs[grant.source], what, stem, paths)
                service += made
                keys += [("Secret", literal(name))] if name else []
        for hook in asked.post_start:
            service.append(self.lines.command("ExecStartPost", steps.hook(PROGRAM, work.name, hook), hook.position))
        for hook in asked.pre_stop:
            service.append(
                self.lines.command("ExecStop", steps.hook(PROGRAM, work.name, hook), hook.position, prefix="-")
            )
        head = [("Description", quoting.text(f"{self.settings.app}: {stem}")), *self._order(needs), *required(befores)]
        head += writer.limits(work) if remains or not once else []
        installed = remains or not once
        last = ("Install", self._install()) if installed else (own.SECTION, [("DesiredState", "loaded")])
        sections = (("Unit", head), ("Container", keys), ("Service", service), last)
        source = f"{stem}.container"
        name = podman.service(source)
        shared = [unit for key in self._shared_keys(work) for unit in self.shared[key].instances]
        after = [unit for need in needs for unit in self._units(need.target)]
        waits = [unit for need in needs if need.condition != model.STARTED for unit in self._units(need.target)]
        return Part(
            syntax.unit(source, sections, work.position)._replace(name=name),
            CONTAINER,
            owner.service,
            work.name,
            depth,
            (name,),
            tuple(dict.fromkeys([*shared, *after, *befores])),
            tuple(dict.fromkeys([*shared, *waits])),
            work,
            tuple(dict.fromkeys(paths)),
            once,
            source=source,
        )

    def _secret(
        self, grant: FileGrant, spec: FileSpec, what: str, stem: str, paths: list[str]
    ) -> tuple[list[Pair], str]:
        """The steps that make a secret of Podman, and take it away, and the value of Secret=."""
        if spec.external:
            name = spec.name or spec.key
        elif spec.content is None:
            message = f"the {what} '{grant.source}' comes from a driver, which nobody here can ask"
            hint = f"give it by `file`, `environment`, `content` or `external` (it is declared at {spec.position})"
            self.lines.say(ERROR, message, grant.position, "driver", hint)
            return [], ""
        elif self.beside:
            name = spec.name or self._own(spec.key, what)
        else:
            # of this container alone, so that it can go with it
            name = names.cut(names.clean(stem, spec.key, what), 180)
        fields = [name, "type=mount", f"target={grant.target}"]
        fields += [f"uid={grant.uid}"] if grant.uid else []
        fields += [f"gid={grant.gid}"] if grant.gid else []
        fields += [f"mode={grant.mode:04o}"] if grant.mode is not None else []
        value = ",".join(fields)
        if spec.external or spec.content is None:
            return [], value
        path = self._laid(
            f"{names.clean(self.settings.app)}-{what}s/{names.clean(spec.key)}.{what}",
            f"{self.insides.folder(stem)}/{what}s/{names.clean(spec.key)}",
            File("", spec.content, 0o600, 0, 0, what == "secret", grant.position),
            paths,
        )
        labels = [("--label", f"{key}={text}") for key, text in spec.labels.items()]
        words = quoting.command([(PROGRAM, "secret", "create", "--replace"), *labels, (name,)], line_max=None)
        made = [("ExecStartPre", f"{words} {path}")]
        if not self.beside:
            gone = [(PROGRAM, "secret", "rm", name)]
            made.append(self.lines.command("ExecStopPost", gone, grant.position, prefix="-"))
        return made, value

    def _laid(self, beside: str, place: str, file: File, paths: list[str]) -> str:
        """Keep a file: `beside` the others, or at its `place`; how a unit names it."""
        path = beside if self.beside else place
        self.texts[path] = file._replace(path=path)
        paths.append(path)
        return f"{_FOLDER}/{path}" if self.beside else path

    # ------------------------------------------------------------ [Container]

    def _said(
        self, work: Workload, asked: Workload, stem: str, paths: list[str], service: list[Pair]
    ) -> Iterator[Pair]:
        """What [Container] says; the files that it names go to `paths`, what [Service] has to say for it to `service`."""
        plain = work._replace(networks=(), mounts=(), healthcheck=timing(work), env=(), restart=model.Restart())
        options = tuple(text for text in work.security.options if not text.startswith("credentialspec="))
        plain = plain._replace(security=work.security._replace(options=options))
        if work.logging.driver and work.logging.driver not in LOG_DRIVERS:
            plain = plain._replace(logging=model.Logging())
        options_said = [item for item in command.options(plain) if item[0] not in UNKNOWN]
        yield from (pair for name, value in options_said[:1] for pair in of_option(name, value))
        for network in sorted(asked.networks, key=lambda network: -network.priority):
            yield "Network", literal(self._network(network, asked))
        if work.env:
            yield from self._beside_it(work, stem) if self.beside else self._environment(work, stem, paths, service)
        for mount, engine in zip(asked.mounts, work.mounts, strict=True):
            yield from self._mount(mount, engine)
        yield from health(work.healthcheck)
        if work.entrypoint is not None:
            # several words are a list; none at all takes the image's away
            entrypoint = json.dumps(list(work.entrypoint)) if work.entrypoint else ""
            yield "PodmanArgs", f"--entrypoint {quoting.word(entrypoint)}"
        for name, value in options_said[1:]:
            yield from of_option(name, value)
        for request in work.device_requests:
            yield from (("AddDevice", literal(name)) for name in devices(request) if request.driver != "cdi")
        if work.security.read_only_root:
            yield "ReadOnlyTmpfs", "false"
        if work.cgroup_parent:
            yield "PodmanArgs", "--cgroups=enabled"
        for option in work.security.options:
            if command.is_profile(option):
                profile = File("", option[len("seccomp=") :], 0o444, 0, 0, False, work.place("security_opt"))
                beside = f"{names.clean(self.settings.app)}-seccomp/{stem}.json"
                path = self._laid(beside, f"{self.insides.folder(stem)}/seccomp.json", profile, paths)
                yield "SeccompProfile", path
        if work.command:
            yield "Exec", quoting.command([tuple(work.command)], line_max=None)

    def _environment(self, work: Workload, stem: str, paths: list[str], service: list[Pair]) -> Iterator[Pair]:
        """Variables in files: one that Podman reads, one that systemd hands to its command for what the first can't say."""
        inside = self.insides.variables(stem, work, fits=fits)
        paths += inside.paths
        service += inside.service
        for option, value in inside.options:
            yield (
                ("EnvironmentFile", value) if option == "--env-file" else ("PodmanArgs", f"--env {quoting.word(value)}")
            )
        for item in inside.work.env:
            yield "Environment", quoting.word(f"{item.name}={item.value}")

    def _beside_it(self, work: Workload, stem: str) -> Iterator[Pair]:
        fitting = [item for item in work.env if fits(item)]
        if fitting:
            text = "".join(f"{item.name}={item.value}\n" for item in fitting)
            self._laid(f"{stem}.env", "", File("", text, 0o600, 0, 0, True, fitting[0].position), [])
            yield "EnvironmentFile", f"./{stem}.env"
        for item in work.env:
            if item not in fitting:
                yield "Environment", quoting.word(f"{item.name}={item.value}")

    def _network(self, network: Network, work: Workload) -> str:
        spec = self.project.networks.get(network.name)
        if spec is None:
            name = network.name
        elif spec.external:
            name = spec.name or spec.key
        else:
            name = f"{self._own(network.name, '')}.network"
        own = () if network.unnamed else self._aliases(work)
        said = [
            *(f"alias={alias}" for alias in dict.fromkeys([*network.aliases, *own])),
            *(f"ip={address}" for address in [network.ipv4] if address),
            *(f"ip6={address}" for address in [network.ipv6] if address),
            *(f"mac={mac}" for mac in [network.mac] if mac),
            *(f"interface_name={name}" for name in [network.interface] if name),
        ]
        return f"{name}:{','.join(said)}" if said else name

    def _mount(self, mount: Mount, engine: Mount) -> Iterator[Pair]:
        if mount.kind == model.TMPFS and mount.options is not None:
            yield "Tmpfs", literal(f"{mount.target}:{mount.options}" if mount.options else mount.target)
            return
        source = engine.source
        spec = self.project.volumes.get(mount.source) if mount.kind == model.VOLUME else None
        if spec is not None and not spec.external and mount.source not in self.settings.volumes:
            source = f"{self._own(mount.source, '')}.volume"
        short = mount.kind in (model.BIND, model.VOLUME) and ":" not in f"{source}{mount.target}"
        if short and not mount.subpath and mount.recursive != "disabled":
            flags = [
                *(["ro"] if mount.read_only else []),
                *({"shared": ["z"], "private": ["Z"]}.get(mount.selinux, [])),
                *(["nocopy"] if mount.no_copy else []),
                *([mount.propagation] if mount.propagation else []),
            ]
            options = f":{','.join(flags)}" if flags and source else ""
            yield "Volume", literal(f"{source}:{mount.target}{options}" if source else mount.target)
        elif mount.kind in (model.BIND, model.VOLUME, model.TMPFS, model.IMAGE):
            yield "Mount", literal(command.fields(long_mount(mount, source)))
