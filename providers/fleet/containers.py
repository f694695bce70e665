"""Containers as units: Compose files and `docker run` commands, by providers.units.writer, with what only fleet has. Pure.

Containers find each other by name on a network of one Docker Engine. So what shares a network, a volume, a link or an order
is to be on one machine: one of them is the anchor, the others follow it by MachineOf. Replicas that need machines of their
own (they have a port of the host, say so, or are all that there is) are spread by Conflicts; a global service is on each machine.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from atomicapp.errors import ERROR, Issue, SpecError
from atomicapp.model import COMPOSE, Artifact, Rendered
from atomicapp.position import Position, line_of
from atomicapp.providers.base import Output
from atomicapp.providers.docker import names as docker_names
from atomicapp.providers.fleet import xfleet
from atomicapp.providers.fleet.artifacts import Found, clean
from atomicapp.providers.units import artifacts, names, syntax, writer
from atomicapp.providers.units.own import SECTION
from atomicapp.providers.units.parts import CONTAINER, SHARED_STEPS, SHARED_UNITS, VOLUME, Part, Settings, Units
from atomicapp.records import NamedTuple
from atomicapp.workload import model, requirements
from atomicapp.workload.fidelity import Table
from atomicapp.workload.model import Port, Workload
from atomicapp.workload.project import Project

ANNOUNCE = "io.atomicapp.fleet.announce"
"""A label of a service: the key of etcd below which a sidekick announces its address; `true` for /services/APP/SERVICE."""
SPREAD = "io.atomicapp.fleet.spread"
"""A label of a service: `true` has its replicas run on different machines, `false` on one."""

ENGINE = "docker.service"
FOLDER = "/etc/atomicapp"
ETCDCTL = "/usr/bin/etcdctl"
_TTL = 60
_GLOBAL = (model.GLOBAL, model.GLOBAL_JOB)
_CONSTRAINT = re.compile(r"\s*([\w.-]+)\s*(==|!=)\s*(.*?)\s*")
_BLOCK = 1000


class Made(NamedTuple):
    """A unit that runs a container. `body` is what a resource is to have beside its options, `depth` its place among the
    units of its artifact, from 0."""

    found: Found
    depth: int
    body: Mapping[str, Any]


class Written(NamedTuple):
    """The units of an app's containers. `create` are the words that make a volume, by its name; `met` the requirements of the
    package that are met, as namespace and name."""

    units: tuple[Made, ...]
    create: Mapping[str, tuple[str, ...]]
    met: frozenset[tuple[str, str]]
    secrets: frozenset[str]


class _Text(NamedTuple):
    artifact: Artifact
    project: Project


class _Piece(NamedTuple):
    """One container of an artifact: its service as the author has it, and its unit."""

    text: _Text
    part: Part
    asked: Workload
    alone: bool
    """On machines of its own choice: replicas that are spread, and global services."""


def read(rendered: Rendered, texts: Sequence[Artifact], app: str, issues: list[Issue]) -> Written:
    """The units of all artifacts that are projects; faults go to `issues`."""
    found = []
    for artifact in texts:
        try:
            found.append(_Text(artifact, artifacts.project(rendered, artifact, issues, "fleet", _table)))
        except SpecError as error:
            issues += error.issues
    return _Writer(rendered, app, issues).run(found)


def convert(project: Project, app: str) -> tuple[Output, ...]:
    """A project as unit files. SpecError for what can't be written."""
    issues: list[Issue] = []
    artifact = Artifact("", COMPOSE, project.file, "", project.file, Position(project.file))
    written = _Writer(Rendered((artifact,)), app, issues).run([_Text(artifact, project)])
    if any(issue.severity == ERROR for issue in issues):
        raise SpecError(issues)
    return tuple(Output(made.found.unit.name, made.found.unit.text) for made in written.units)


def _table() -> Table:
    from atomicapp.providers.fleet import rules

    return rules.TABLE


def is_spread(work: Workload, only: bool) -> bool:
    """Whether the replicas of a service are to be on different machines; `only`: there is no other service."""
    if work.replicas < 2 or work.scheduling.mode in _GLOBAL:
        return False
    said = work.labels.get(SPREAD, "").lower()
    if said in xfleet.FALSE:
        return False
    fixed = any(port.host.isdigit() for port in work.ports)
    asked = said in xfleet.TRUE or work.scheduling.max_per_node == 1 or bool(work.scheduling.spread)
    return only or fixed or asked


class _Writer:
    def __init__(self, rendered: Rendered, app: str, issues: list[Issue]) -> None:
        self.rendered = rendered
        self.app = app
        self.issues = issues
        self.create: dict[str, tuple[str, ...]] = {}
        self.met: set[tuple[str, str]] = set()
        self.secrets: set[str] = set()
        self.foreign: set[str] = set()  # volumes that are someone else's

    def run(self, texts: Sequence[_Text]) -> Written:
        only = sum(len(text.project.services) for text in texts) == 1
        pieces = [piece for text in texts for piece in self._pieces(text, only)]
        leaders = self._leaders(pieces)
        made = []
        for piece in pieces:
            made.append(self._made(piece, pieces, leaders))
            made += self._sidekick(piece)
        made += [self._place(piece, name, pieces, leaders) for name, piece in self._places(pieces, leaders).items()]
        return Written(tuple(made), self.create, frozenset(self.met), frozenset(self.secrets))

    def _say(self, severity: str, message: str, text: _Text, place: Position, code: str, hint: str = "") -> None:
        excerpt = line_of(text.artifact.data, place.line) if place.file == text.artifact.file else ""
        self.issues.append(Issue(severity, message, place, code, "", hint, excerpt))

    # ------------------------------------------------------------ one artifact

    def _pieces(self, text: _Text, only: bool) -> list[_Piece]:
        artifact, project = text
        asked = {work.service: work for work in project.services}
        alone = {name: work.scheduling.mode in _GLOBAL or is_spread(work, only) for name, work in asked.items()}
        volumes = self._required(text)
        settings = Settings(
            self.app,
            artifact.component,
            shared=SHARED_STEPS,
            folder=FOLDER,
            inline=True,
            env_file=False,
            groups={name: name for name, own in alone.items() if own},
            volumes=volumes,
            spread=True,
            engine_unit="",
        )
        units = writer.write(project, settings)
        self.issues += [
            issue._replace(
                excerpt=line_of(artifact.data, issue.position.line) if issue.position.file == artifact.file else ""
            )
            for issue in units.issues
        ]
        self._remember(project, units, writer.write(project, settings._replace(shared=SHARED_UNITS)))
        return [
            _Piece(text, part, asked[part.subject], alone[part.subject])
            for part in units.parts
            if part.kind == CONTAINER
        ]

    def _required(self, text: _Text) -> dict[str, str]:
        """The engine's names of the volumes that the package requires, by what the file calls them."""
        project, component = text.project, text.artifact.component
        sources = {*project.volumes, *(mount.source for work in project.services for mount in work.mounts)}
        found = {}
        for key in sources:
            wanted = requirements.find(self.rendered.volumes, component, key) if key else None
            if wanted is not None:
                self.met.add((wanted.namespace, wanted.requirement.name))
                found[key] = docker_names.requirement(self.app, wanted.namespace, wanted.requirement.name)
        return found

    def _remember(self, project: Project, units: Units, whole: Units) -> None:
        self.foreign |= {spec.name or key for key, spec in project.volumes.items() if spec.external}
        for part in whole.parts:
            if part.kind == VOLUME:
                first = syntax.joined(part.unit.said("Service", "ExecStart")[0].value)
                self.create[part.name] = (first.removeprefix("-").partition(" volume create ")[2],)
        self.secrets |= units.secrets
        for spec in project.secrets.values():
            if spec.content:
                self.secrets.add(spec.content)
                data = base64.b64encode(spec.content.encode()).decode()
                self.secrets |= {data[at : at + _BLOCK] for at in range(0, len(data), _BLOCK)}

    # ------------------------------------------------------------ who is with whom

    def _leaders(self, pieces: Sequence[_Piece]) -> dict[str, str]:
        """For each unit that is tied to others the anchor of its group, by name."""
        parent: dict[str, str] = {}

        def root(item: str) -> str:
            parent.setdefault(item, item)
            while parent[item] != item:
                parent[item] = parent[parent[item]]
                item = parent[item]
            return item

        tied = [piece for piece in pieces if not piece.alone]
        for piece in tied:
            own = f"unit {piece.part.unit.name}"
            for other in self._ties(piece):
                parent[root(other)] = root(own)
        groups: dict[str, list[_Piece]] = {}
        for piece in tied:
            groups.setdefault(root(f"unit {piece.part.unit.name}"), []).append(piece)
        found: dict[str, str] = {}
        for group in groups.values():
            if len(group) > 1 or len(group[0].part.instances) > 1:
                anchor = self._anchor(group)
                found |= {piece.part.unit.name: anchor for piece in group}
        return found

    def _ties(self, piece: _Piece) -> Iterable[str]:
        work = piece.part.work
        assert work is not None
        for network in work.networks:
            yield f"network {network.name}"
        for mount in work.mounts:
            if mount.kind == model.VOLUME and mount.source:
                yield f"volume {mount.source}"
        for name in piece.part.after:
            split = names.split(name)
            yield f"unit {split.template or name}"
        for item in work.volumes_from:
            yield f"container {item.container}"
        for link in work.links:
            yield f"container {link.target}"
        for mode in (work.namespaces.network, work.namespaces.pid, work.namespaces.ipc):
            if mode.startswith("container:"):
                yield f"container {mode.partition(':')[2]}"
        yield f"container {piece.part.name}"

    def _anchor(self, group: Sequence[_Piece]) -> str:
        plain = [
            piece
            for piece in group
            if len(piece.part.instances) == 1 and not names.split(piece.part.unit.name).is_template
        ]
        keeping = [piece for piece in plain if self._volumes(piece)]
        if plain:
            return min(keeping or plain, key=lambda piece: piece.part.depth).part.unit.name
        # templates alone: an instance can't be where it is itself
        return f"{clean(group[0].part.unit.name.partition('@')[0])}-place.service"

    def _volumes(self, piece: _Piece) -> list[tuple[str, Position]]:
        """The named volumes whose data outlives the unit. Those of services that are on many machines are not followed."""
        work = piece.part.work
        if work is None or piece.alone:
            return []
        return list(
            {
                mount.source: (mount.source, mount.position)
                for mount in work.mounts
                if mount.kind == model.VOLUME and mount.source and mount.source not in self.foreign
            }.values()
        )

    # ------------------------------------------------------------ units

    def _made(self, piece: _Piece, pieces: Sequence[_Piece], leaders: Mapping[str, str]) -> Made:
        part, asked = piece.part, piece.asked
        unit = part.unit.with_options("Unit", [("After", ENGINE), ("Wants", ENGINE)])
        name = unit.name
        wishes: list[tuple[str, str]] = []
        anchor = leaders.get(name, "")
        if asked.scheduling.mode in _GLOBAL:
            wishes.append(("Global", "true"))
        elif piece.alone:
            wishes.append(("Conflicts", f"{names.split(name).prefix}@*.{names.split(name).type}"))
        if anchor and anchor != name:
            wishes.append(("MachineOf", anchor))
        else:
            group = [other for other in pieces if leaders.get(other.part.unit.name) == name] if anchor else [piece]
            wishes += self._constraints(group, alone=piece.alone)
        if wishes:
            unit = unit.with_options(xfleet.SECTION, wishes)
        own: list[tuple[str, str]] = []
        if names.split(name).is_template:
            own.append(("Instances", str(len(part.instances))))
        own += [("Volume", volume) for volume, _ in self._volumes(piece)]
        if own:
            unit = unit.with_options(SECTION, own)
        work = part.work
        assert work is not None
        body: dict[str, Any] = {"image": work.image}
        ports = [shown for port in work.ports if (shown := _port(port))]
        if ports:
            body["ports"] = ports
        if any(self.secrets & {spec.content or ""} for spec in self._secret_specs(piece)):
            body["hidden"] = ["Service/ExecStartPre"]
        return Made(Found(unit, piece.text.artifact), part.depth, body)

    def _secret_specs(self, piece: _Piece) -> list[Any]:
        secrets = piece.text.project.secrets
        return [secrets[grant.source] for grant in piece.asked.secrets if grant.source in secrets]

    def _constraints(self, group: Sequence[_Piece], *, alone: bool) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        for piece in group:
            for text in piece.asked.scheduling.constraints:
                wish = constraint(text)
                if wish is None:
                    continue
                if wish[0] == "MachineID" and alone:
                    place = piece.asked.place("scheduling")
                    message = f"'{text}' is one machine, and {piece.asked.service} is to be on several"
                    self._say(ERROR, message, piece.text, place, "combination", "take one of the two away")
                elif wish not in found:
                    found.append(wish)
        return found

    def _places(self, pieces: Sequence[_Piece], leaders: Mapping[str, str]) -> dict[str, _Piece]:
        """The anchors that are no container, each with the first that follows it."""
        units = {piece.part.unit.name for piece in pieces}
        found: dict[str, _Piece] = {}
        for piece in pieces:
            anchor = leaders.get(piece.part.unit.name, "")
            if anchor and anchor not in units:
                found.setdefault(anchor, piece)
        return found

    def _place(self, first: _Piece, name: str, pieces: Sequence[_Piece], leaders: Mapping[str, str]) -> Made:
        group = [piece for piece in pieces if leaders.get(piece.part.unit.name) == name]
        sections: list[tuple[str, list[tuple[str, str]]]] = [
            ("Unit", [("Description", f"the machine of {', '.join(piece.asked.service for piece in group)}")]),
            ("Service", [("Type", "oneshot"), ("RemainAfterExit", "yes"), ("ExecStart", "/bin/true")]),
        ]
        wishes = self._constraints(group, alone=False)
        if wishes:
            sections.append((xfleet.SECTION, wishes))
        unit = syntax.unit(name, sections, first.part.unit.position)
        return Made(Found(unit, first.text.artifact), 0, {})

    # ------------------------------------------------------------ the sidekick

    def _sidekick(self, piece: _Piece) -> list[Made]:
        """A unit beside another one that tells in etcd where it is, for as long as it runs."""
        said = piece.asked.labels.get(ANNOUNCE, piece.asked.scheduling.labels.get(ANNOUNCE, ""))
        if not said or said.lower() in xfleet.FALSE:
            return []
        place = piece.asked.place("labels")
        work = piece.part.work
        assert work is not None
        ports = [port.host for port in work.ports if port.host.isdigit()]
        if not ports:
            message = f"{piece.asked.service} is to be announced, and has no port of the host"
            hint = "publish one: ports: ['8080:80']"
            self._say(ERROR, message, piece.text, place, "announce", hint)
            return []
        key = f"/services/{clean(self.app)}/{piece.asked.service}" if said.lower() in xfleet.TRUE else said
        if not re.fullmatch(r"(/[\w.:-]+)+", key, re.ASCII):
            message = f"'{key}' is no key of etcd"
            self._say(ERROR, message, piece.text, place, "announce", "expected a path such as /services/web")
            return []
        name = names.split(piece.part.unit.name)
        main = f"{name.prefix}@%i.{name.type}" if name.is_template else name.full
        own = f"{name.prefix}-announce{'@' if name.is_template else ''}.service"
        is_global = piece.asked.scheduling.mode in _GLOBAL
        # the name of an instance, or of a machine, is the last part of the key where there are several
        whole = key + ("/%i" if name.is_template else "/%m" if is_global else "")
        told = f'"$$a:{ports[0]}"'
        address = "a=$${COREOS_PRIVATE_IPV4:-$$(hostname -i | cut -d ' ' -f 1)}"
        loop = f"{address}; while {ETCDCTL} set {whole} {told} --ttl {_TTL}; do sleep {_TTL * 3 // 4}; done"
        where = [("Global", "true"), *self._constraints([piece], alone=True)] if is_global else [("MachineOf", main)]
        sections = [
            (
                "Unit",
                [("Description", f"announces {main} at {key}"), ("BindsTo", main), ("After", main)],
            ),
            (
                "Service",
                [
                    ("EnvironmentFile", "-/etc/environment"),
                    ("ExecStart", f"/bin/sh -c {_quoted(loop)}"),
                    ("ExecStopPost", f"-{ETCDCTL} rm {whole}"),
                    ("Restart", "always"),
                    ("RestartSec", "5"),
                ],
            ),
            (xfleet.SECTION, where),
        ]
        if name.is_template:
            sections.append((SECTION, [("Instances", str(len(piece.part.instances)))]))
        unit = syntax.unit(own, sections, place)
        return [Made(Found(unit, piece.text.artifact), piece.part.depth + 1, {})]


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def constraint(text: str) -> tuple[str, str] | None:
    """A placement constraint as an option of [X-Fleet]; None for what fleet has no word for."""
    found = _CONSTRAINT.fullmatch(text)
    if found is None or found[2] != "==":
        return None
    key, value = found[1], found[3]
    if key == "node.id":
        return "MachineID", value
    for room in ("node.labels.", "engine.labels."):
        if key.startswith(room) and value and "=" not in value:
            return "MachineMetadata", f"{key.removeprefix(room)}={value}"
    return None


def _port(port: Port) -> str:
    return f"{port.host}->{port.container}/{port.protocol or 'tcp'}" if port.host.isdigit() else ""


__all__ = ["ANNOUNCE", "SPREAD", "Made", "Written", "constraint", "is_spread", "read"]
