"""Write a project as Quadlet files (`.container`, `.network`, `.volume`), of which Podman's generator makes units. Pure.

`write(project, settings)` gives them as Parts, for a provider that lays down what stands in `Units.files`, too. `convert` (the
module has the members that this command asks a provider for) gives files that need nothing else: they lie in
/etc/containers/systemd, or for a user in ~/.config/containers/systemd: both are %E/containers/systemd to systemd.

Texts of configs and secrets become secrets of Podman when a unit starts; variables stand in a file. Replicas are files of their
own, and so is what runs before a start. Podman 4.9 and newer read all of it: what later ones have a key for is PodmanArgs=.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from types import MappingProxyType

from atomicapp.errors import ERROR, WARNING, SpecError
from atomicapp.model import Target
from atomicapp.position import Position
from atomicapp.providers.base import Output
from atomicapp.providers.docker import command, compose
from atomicapp.providers.docker.compose import Thing
from atomicapp.providers.units import names, own, podman, quoting, rules, steps, syntax, writer
from atomicapp.providers.units.inside import fits_file
from atomicapp.providers.units.parts import CONTAINER, NETWORK, VOLUME, File, Part, Settings, Units
from atomicapp.providers.units.quoting import INSTANCE
from atomicapp.workload import model, risks
from atomicapp.workload.fidelity import APPROXIMATED, LOST, Rule, Table, Verdict, approximated, kept, lost
from atomicapp.workload.model import FileGrant, Mount, Network, Workload
from atomicapp.workload.project import FileSpec, NetworkSpec, Project, Said, VolumeSpec

NAME = "quadlet"

PROGRAM = podman.PROGRAM
_FOLDER = "%E/containers/systemd"
_TARGET = "default.target"
_LOG_DRIVERS = ("journald", "k8s-file", "json-file", "none", "passthrough")

Pair = tuple[str, str]

# Options of `docker run`, and the keys that say them, of those that Podman 4.9 has. The value of the second ones is words.
_TEXTS = {
    "--name": "ContainerName",
    "-p": "PublishPort",
    "--expose": "ExposeHostPort",
    "--workdir": "WorkingDir",
    "--pull": "Pull",
    "--health-interval": "HealthInterval",
    "--health-timeout": "HealthTimeout",
    "--health-start-period": "HealthStartPeriod",
    "--health-retries": "HealthRetries",
    "--hostname": "HostName",
    "--dns": "DNS",
    "--dns-search": "DNSSearch",
    "--dns-option": "DNSOption",
    "--tmpfs": "Tmpfs",
    "--userns": "UserNS",
    "--device": "AddDevice",
    "--log-driver": "LogDriver",
    "--pids-limit": "PidsLimit",
    "--shm-size": "ShmSize",
    "--ulimit": "Ulimit",
    "--network": "Network",
}
_WORDS = {
    "-e": "Environment",
    "--label": "Label",
    "--annotation": "Annotation",
    "--cap-add": "AddCapability",
    "--cap-drop": "DropCapability",
    "--sysctl": "Sysctl",
}
_UNKNOWN = frozenset(
    (
        *("--domainname", "--link", "--isolation", "--storage-opt", "--volume-driver", "--kernel-memory"),
        *("--cpu-count", "--cpu-percent", "--io-maxbandwidth", "--io-maxiops", "--health-start-interval"),
        # said in another way, or always so
        *("--gpus", "--rm", "--health-cmd", "--no-healthcheck", "--entrypoint", "--entrypoint=", "-v", "--mount"),
    )
)
"""Options that Podman does not have, or that are written here."""


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
        yield "NetworkName", _text(self.placed.network_names[key])
        if spec.driver not in ("", "bridge", "default"):
            yield "Driver", _text(spec.driver)
        for option, value in spec.driver_options.items():
            if _option(option):
                yield "Options", _text(f"{_option(option)}={value}")
        if spec.internal:
            yield "Internal", "true"
        if spec.ipv6 is not None:
            yield "IPv6", "true" if spec.ipv6 else "false"
        if spec.ipam_driver not in ("", "default"):
            yield "IPAMDriver", _text(spec.ipam_driver)
        for subnet in spec.subnets:
            for name, value in (("Subnet", subnet.subnet), ("Gateway", subnet.gateway), ("IPRange", subnet.ip_range)):
                if value:
                    yield name, _text(value)
        for label, value in spec.labels.items():
            yield "Label", quoting.word(f"{label}={value}")

    def _volume_keys(self, key: str, spec: VolumeSpec) -> Iterator[Pair]:
        name = self.placed.volume_names[key]
        yield "VolumeName", _text(name)
        if spec.driver not in ("", "local"):
            yield "Driver", _text(spec.driver)
        own = {"type": "Type", "device": "Device", "o": "Options"}
        for option, value in spec.driver_options.items():
            if option in own:
                yield own[option], _text(value)
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
        keys: list[Pair] = [("Image", _text(full_name(work.image)))]
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
                keys += [("Secret", _text(name))] if name else []
        for hook in asked.post_start:
            service.append(self.lines.command("ExecStartPost", steps.hook(PROGRAM, work.name, hook), hook.position))
        for hook in asked.pre_stop:
            service.append(
                self.lines.command("ExecStop", steps.hook(PROGRAM, work.name, hook), hook.position, prefix="-")
            )
        head = [("Description", quoting.text(f"{self.settings.app}: {stem}")), *self._order(needs), *_required(befores)]
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
        plain = work._replace(networks=(), mounts=(), healthcheck=_timing(work), env=(), restart=model.Restart())
        options = tuple(text for text in work.security.options if not text.startswith("credentialspec="))
        plain = plain._replace(security=work.security._replace(options=options))
        if work.logging.driver and work.logging.driver not in _LOG_DRIVERS:
            plain = plain._replace(logging=model.Logging())
        options_said = [item for item in command.options(plain) if item[0] not in _UNKNOWN]
        yield from (pair for name, value in options_said[:1] for pair in _key(name, value))
        for network in sorted(asked.networks, key=lambda network: -network.priority):
            yield "Network", _text(self._network(network, asked))
        if work.env:
            yield from self._beside_it(work, stem) if self.beside else self._environment(work, stem, paths, service)
        for mount, engine in zip(asked.mounts, work.mounts, strict=True):
            yield from self._mount(mount, engine)
        yield from _health(work.healthcheck)
        if work.entrypoint is not None:
            # several words are a list; none at all takes the image's away
            entrypoint = json.dumps(list(work.entrypoint)) if work.entrypoint else ""
            yield "PodmanArgs", f"--entrypoint {quoting.word(entrypoint)}"
        for name, value in options_said[1:]:
            yield from _key(name, value)
        for request in work.device_requests:
            yield from (("AddDevice", _text(name)) for name in _devices(request) if request.driver != "cdi")
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
        inside = self.insides.variables(stem, work, fits=_fits)
        paths += inside.paths
        service += inside.service
        for option, value in inside.options:
            yield (
                ("EnvironmentFile", value) if option == "--env-file" else ("PodmanArgs", f"--env {quoting.word(value)}")
            )
        for item in inside.work.env:
            yield "Environment", quoting.word(f"{item.name}={item.value}")

    def _beside_it(self, work: Workload, stem: str) -> Iterator[Pair]:
        fitting = [item for item in work.env if _fits(item)]
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
            yield "Tmpfs", _text(f"{mount.target}:{mount.options}" if mount.options else mount.target)
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
            yield "Volume", _text(f"{source}:{mount.target}{options}" if source else mount.target)
        elif mount.kind in (model.BIND, model.VOLUME, model.TMPFS, model.IMAGE):
            yield "Mount", _text(command.fields(_long_mount(mount, source)))


def _long_mount(mount: Mount, source: str) -> Iterator[str]:
    yield f"type={mount.kind}"
    if source:
        yield f"source={source}"
    yield f"target={mount.target}"
    if mount.read_only:
        yield "readonly"
    if mount.propagation:
        yield f"bind-propagation={mount.propagation}"
    if mount.recursive == "disabled":
        yield "bind-nonrecursive"
    if mount.subpath:
        yield f"subpath={mount.subpath}"
    if mount.size is not None:
        yield f"tmpfs-size={mount.size}"
    if mount.mode is not None:
        yield f"tmpfs-mode={mount.mode:o}"


_ODD = re.compile(r"""^[\s"'`]|[\\$#]|\s$""")
"""Values that readers of files of variables do not agree on."""
_NO_TEXT = re.compile(r"[\n\r\t]|\\$|^\s|\s$")


def _fits(item: model.Env) -> bool:
    """Whether Podman reads a variable from a file as it is."""
    return fits_file(item) and not _ODD.search(item.value)


def full_name(image: str) -> str:
    """An image with its registry, as a Compose file means it: a short name is Docker Hub's, of which Podman knows nothing."""
    first, slash, _ = image.partition("/")
    if re.fullmatch("[0-9a-f]{64}", image) or image.startswith("sha256:"):
        return image
    if slash and (first == "localhost" or set(".:") & set(first) or first != first.lower()):
        return image
    return f"docker.io/{'' if slash else 'library/'}{image}"


def _option(name: str) -> str | None:
    """What Podman calls an option of a network; None for one that only a Docker Engine has."""
    if name == "com.docker.network.driver.mtu":
        return "mtu"
    return None if name.startswith("com.docker.") else name


def _text(value: str) -> str:
    """A value that is no list of words."""
    return value.replace("%", "%%").replace("$", "$$").replace(INSTANCE, "%i")


def _key(option: str, value: str) -> Iterator[Pair]:
    """An option of `docker run` as a key; as an argument where there is none, or where the key can't say the value."""
    flags = {
        "--init": ("RunInit", "true"),
        "--init=false": ("RunInit", "false"),
        "--read-only": ("ReadOnly", "true"),
    }
    if not value:
        yield flags.get(option, ("PodmanArgs", option))
    elif option == "--security-opt":
        yield _security(value)
    elif option == "--user":
        yield from _user(value)
    elif option == "--runtime":
        yield "GlobalArgs", f"--runtime={quoting.word(value)}"
    elif option in _WORDS:
        yield _WORDS[option], quoting.word(value)
    elif option in _TEXTS and not _NO_TEXT.search(value):
        yield _TEXTS[option], _text(value)
    else:
        yield "PodmanArgs", f"{option} {quoting.word(value)}"


def _security(value: str) -> Pair:
    known = {
        "no-new-privileges": ("NoNewPrivileges", "true"),
        "no-new-privileges=true": ("NoNewPrivileges", "true"),
        "no-new-privileges:true": ("NoNewPrivileges", "true"),
        "label=disable": ("SecurityLabelDisable", "true"),
        "label:disable": ("SecurityLabelDisable", "true"),
        "seccomp=unconfined": ("SeccompProfile", "unconfined"),
        "seccomp:unconfined": ("SeccompProfile", "unconfined"),
        "systempaths=unconfined": ("Unmask", "ALL"),
    }
    return known.get(value, ("PodmanArgs", f"--security-opt {quoting.word(value)}"))


def _user(value: str) -> Iterator[Pair]:
    user, colon, group = value.partition(":")
    if user:
        yield "User", _text(user)
    if colon and group:
        yield "Group", _text(group)


def _timing(work: Workload) -> model.Healthcheck | None:
    return work.healthcheck._replace(test=()) if work.healthcheck is not None else None


def _health(check: model.Healthcheck | None) -> Iterator[Pair]:
    if check is None or not check.test:
        return
    if check.test == ("NONE",):
        yield "HealthCmd", "none"
        return
    # Podman carries out a list as it is, without the word CMD before it, and another text by the shell: also one word alone
    words = list(check.test[1:])
    shell = check.test[0] == "CMD-SHELL"
    value = words[0] if shell else shlex.join(words) if len(words) == 1 else json.dumps(words)
    if _NO_TEXT.search(value):
        yield "PodmanArgs", f"--health-cmd {quoting.word(value)}"
    else:
        yield "HealthCmd", _text(value)


def _devices(request: model.DeviceRequest) -> Iterator[str]:
    """The names that CDI has for the graphics cards of a request; only one maker has any."""
    if request.driver not in ("", "nvidia"):
        return
    found = request.ids or (("all",) if request.number < 0 else map(str, range(request.number)))
    yield from (f"nvidia.com/gpu={name}" for name in found)


def _required(units: Sequence[str]) -> list[Pair]:
    return [pair for name in units for pair in (("After", name), ("Requires", name))]


# ---------------------------------------------------------------- fidelity

_NO_KEY = "Podman has no word for it"
_AGAIN = Verdict(APPROXIMATED, "carried out once, before the first of the replicas")
_OTHER_LOG = Verdict(LOST, f"Podman logs to {', '.join(_LOG_DRIVERS)} only")
_NO_ALIAS = Verdict(APPROXIMATED, "as the order of the starts: Podman has no links, and so no other name for a service")
_OTHER_GPU = Verdict(LOST, "Podman has names for devices of nvidia only")
_ONLY_DOCKER = Verdict(LOST, "options com.docker.* are those of a Docker Engine; only that for the mtu has an equal")
_IN_PODMAN = "as a secret of Podman, made when the unit starts"


def _log(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    known = work is None or not work.logging.driver or work.logging.driver in _LOG_DRIVERS
    return None if known else _OTHER_LOG


def _recursive(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    if work is not None and any(mount.recursive in ("writable", "readonly") for mount in work.mounts):
        return Verdict(LOST, _NO_KEY)
    return None


def _alias(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    links = work.links if work is not None else ()
    return _NO_ALIAS if any(link.alias != link.target for link in links) else None


def _docker_options(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    spec = project.networks.get(said.subject)
    options = spec.driver_options if spec is not None else {}
    return _ONLY_DOCKER if any(_option(name) is None for name in options) else None


def _per_replica(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    if work is None or work.replicas == 1:
        return None
    return _AGAIN if any(item.per_replica for item in work.pre_start) else None


def _driver(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    requests = work.device_requests if work is not None else ()
    return _OTHER_GPU if any(item.driver not in ("", "nvidia", "cdi") for item in requests) else None


_DIFFERENT: Mapping[str, Rule] = {
    **{
        f"services.{room}.{key}": rule
        for room in ("gpus", "deploy.resources.reservations.devices")
        for key, rule in (
            ("count", approximated("as AddDevice=, the first ones", _driver, _OTHER_GPU)),
            ("device_ids", kept("as AddDevice=, by their names of CDI", _driver, _OTHER_GPU)),
            ("driver", kept("", _driver, _OTHER_GPU)),
            ("options", lost(_NO_KEY)),
        )
    },
    "services.gpus.capabilities": lost("a device is given as a whole"),
    "services.deploy.resources.reservations.devices.capabilities": approximated("a device is given as a whole"),
    "services.healthcheck.test": kept(),
    "services.healthcheck.start_interval": lost(_NO_KEY),
    "services.domainname": lost(_NO_KEY),
    "services.isolation": lost(_NO_KEY),
    "services.storage_opt": lost("it is a setting of the whole storage for Podman"),
    "services.cpu_count": lost(_NO_KEY),
    "services.cpu_percent": lost(_NO_KEY),
    "services.credential_spec.file": lost(_NO_KEY),
    "services.credential_spec.registry": lost(_NO_KEY),
    "services.external_links": lost("Podman has no links: give both a network"),
    "services.links": approximated("both are on one network, where a service has its own name", _alias, _NO_ALIAS),
    "services.logging.driver": kept("", _log, _OTHER_LOG),
    "services.logging.options": kept("", _log, _OTHER_LOG),
    "services.networks.mac_address": kept(),
    "services.networks.interface_name": kept(),
    "services.networks.driver_opts": lost(_NO_KEY),
    "services.networks.gw_priority": lost(_NO_KEY),
    "services.networks.link_local_ips": lost(_NO_KEY),
    "services.volumes.consistency": lost(_NO_KEY),
    "services.volumes.bind.recursive": kept("", _recursive, Verdict(LOST, _NO_KEY)),
    "services.volumes.bind.create_host_path": kept("as a step before the start"),
    "services.scale": kept("as files of their own"),
    "services.deploy.replicas": kept("as files of their own"),
    "services.pull_policy": kept("as Pull="),
    "services.depends_on.condition": kept("as After=, Notify=healthy, and a oneshot for what is to be completed"),
    "services.depends_on.required": kept("as Wants= in place of Requires="),
    "services.depends_on.restart": kept("as PartOf=; Requires= does the same for what is required"),
    "services.pre_start": kept("as containers of their own, which come to their end before", _per_replica, _AGAIN),
    "services.pre_start.per_replica": approximated("carried out once, before the first of the replicas"),
    "networks.attachable": lost("a network of Podman always is"),
    "networks.enable_ipv4": lost(_NO_KEY),
    "networks.ipam.options": lost(_NO_KEY),
    "networks.ipam.config.aux_addresses": lost(_NO_KEY),
    **{
        f"{room}.{key}": kept(_IN_PODMAN)
        for room in ("configs", "secrets")
        for key in ("file", "environment", "content")
        if (room, key) != ("secrets", "content")
    },
    "configs.external": approximated("as a secret of Podman that is there already"),
    "secrets.external": kept("as a secret of Podman that is there already"),
    **{f"{room}.{key}": kept(_IN_PODMAN) for room in ("configs", "secrets") for key in ("name", "labels")},
    "secrets.driver": lost("nobody here can ask it"),
    "secrets.driver_opts": lost("nobody here can ask it"),
    "networks.driver_opts": kept("", _docker_options, _ONLY_DOCKER),
    "networks.ipam.driver": kept("Podman knows host-local, dhcp and none"),
}


@cache
def _table() -> Table:
    return MappingProxyType({**rules.table(), **_DIFFERENT})


def fidelity(*, converted: bool = False) -> Table:
    """See providers.base.Provider."""
    return _table()
