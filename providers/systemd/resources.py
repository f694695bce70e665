"""From rendered artifacts to resources: units, and the data that outlives them. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from atomicapp.errors import ERROR, WARNING, Issue, SpecError
from atomicapp.model import COMPOSE, DATA, Artifact, Parsed, Rendered, Resource, Target
from atomicapp.position import Position, line_of
from atomicapp.providers.docker import labels
from atomicapp.providers.systemd import artifacts, containers, fields, marks, runtime
from atomicapp.providers.systemd.artifacts import Found
from atomicapp.providers.systemd.containers import Written
from atomicapp.providers.systemd.folder import FILES
from atomicapp.providers.systemd.marks import STATE, UNIT, VOLUME
from atomicapp.providers.units import artifacts as common
from atomicapp.providers.units import names, own, podman, quoting
from atomicapp.providers.units.parts import File, Part
from atomicapp.providers.units.syntax import Unit
from atomicapp.workload import requirements
from atomicapp.workload.ordering import ordered

VARIABLES = ".env"
"""How a file of variables is called, which Podman's files may name."""

SECRET_HINT = "put it in a file that EnvironmentFile= or LoadCredential= names"  # noqa: S105 (a hint)


def parse(rendered: Rendered, target: Target, program: str = runtime.DOCKER) -> Parsed:
    """The resources of an app; `program` of runtime.NAMES runs the containers of Compose files and commands. SpecError with the
    faults of all artifacts at once."""
    return _Parser(rendered, target, program).run()


class _Parser:
    def __init__(self, rendered: Rendered, target: Target, program: str) -> None:
        self.rendered = rendered
        self.app = target.app
        self.program = program
        self.issues: list[Issue] = []
        self.groups: list[list[Found] | Written] = []  # in the order of the graph
        self.data: dict[str, Resource] = {}
        self.secrets: set[str] = set()
        self.variables: dict[tuple[str, str], str] = {}  # texts of files beside those of Podman, by component and name
        self.things: set[str] = set()  # units of networks and volumes so far

    def run(self) -> Parsed:
        beside = [
            item for item in self.rendered.artifacts if item.provider != COMPOSE and item.path.endswith(VARIABLES)
        ]
        self.variables = {(item.component, item.path.rpartition("/")[2]): item.data for item in beside}
        for artifact in self.rendered.artifacts:
            if artifact in beside:
                continue
            try:
                self._read(artifact)
            except SpecError as error:
                self.issues += error.issues
        self._check_names()
        self._check_circles()
        if any(issue.severity == ERROR for issue in self.issues):
            raise SpecError(self.issues)
        triggered = artifacts.triggered([found for group in self.groups if isinstance(group, list) for found in group])
        units: list[Resource] = []
        last = 0
        for group in self.groups:
            if isinstance(group, list):
                last += 1
                units += [self._unit(found, triggered, last) for found in group]
            else:
                units += self._written(group, last + 1)
                last = max([last, *(unit.order for unit in units)])  # of all, since nothing else lies between
        self._requirements()
        secrets = quoting.forms({*self.rendered.secrets, *self.secrets})
        return Parsed((*self.data.values(), *units), tuple(self.issues), secrets)

    # ------------------------------------------------------------ reading

    def _read(self, artifact: Artifact) -> None:
        if common.is_project(artifact):
            written = containers.read(self.rendered, artifact, self.app, self.issues, self.program)
            self.secrets |= written.units.secrets
            self.groups.append(written)
            return
        beside = {name for component, name in self.variables if component == artifact.component}
        found = artifacts.read(artifact, self.app, beside)
        last = self.groups[-1] if self.groups else None
        if isinstance(last, list) and last and last[0].artifact.component == artifact.component:
            last += found  # files of one component are started side by side
        else:
            self.groups.append(found)

    def _all(self) -> Iterator[tuple[Unit, Artifact, bool]]:
        """The units, and whether each is of a network or a volume: several components may say the same one."""
        for group in self.groups:
            if isinstance(group, list):
                yield from ((found.unit, found.artifact, False) for found in group)
            else:
                yield from ((part.unit, group.artifact, part.work is None) for part in group.units.parts)

    def _check_names(self) -> None:
        first: dict[str, tuple[Unit, bool]] = {}
        for unit, artifact, thing in self._all():
            other, was_thing = first.setdefault(unit.name, (unit, thing))
            if other is unit or (thing and was_thing and other.text == unit.text):
                continue
            if thing and was_thing:
                message = f"{unit.name} is described in two ways: the other one is at {other.position}"
                hint = "describe it once, or the same way each time"
                self._say(ERROR, message, artifact, unit.position, "conflict", hint)
            else:
                message = f"two units are called '{unit.name}': the other one is at {other.position}"
                self._say(ERROR, message, artifact, unit.position, "duplicate-name", "give one of them another name")

    def _check_circles(self) -> None:
        """Units of the app that are each to start after the other: systemd would leave one of them out."""
        units = {found.unit.name: found for group in self.groups if isinstance(group, list) for found in group}
        after: dict[str, list[Found]] = {name: [] for name in units}
        for name, found in units.items():
            for other in artifacts.named(found, "After"):
                if other in units and other != name:
                    after[name].append(units[other])
            for other in artifacts.named(found, "Before"):
                if other in units and other != name:
                    after[other].append(found)
        circles = ordered(units.values(), lambda found: found.unit.name, lambda found: after[found.unit.name])[1]
        for circle in circles:
            shown = " -> ".join(found.unit.name for found in circle[:20]) + (" ..." if len(circle) > 20 else "")
            message, hint = (
                f"units are to start after each other in a circle: {shown}",
                "take back an After= or a Before=",
            )
            self._say(ERROR, message, circle[0].artifact, circle[0].unit.position, "circle", hint)

    def _say(self, severity: str, message: str, artifact: Artifact, place: Position, code: str, hint: str = "") -> None:
        excerpt = line_of(artifact.data, place.line) if place.file == artifact.file else ""
        self.issues.append(Issue(severity, message, place, code, "", hint, excerpt))

    def _requirements(self) -> None:
        used = {met for group in self.groups if isinstance(group, Written) for met in group.met}
        for unit, artifact, _ in self._all():
            for option in own.volumes(unit):
                volume = requirements.find(self.rendered.volumes, artifact.component, option.value)
                used |= {(volume.namespace, volume.requirement.name)} if volume else set()
        for found in (found for group in self.groups if isinstance(group, list) for found in group):
            if found.source.endswith(".volume"):
                for name in (podman.volume(found.unit, found.source), found.source.removesuffix(".volume")):
                    wanted = requirements.find(self.rendered.volumes, found.artifact.component, name)
                    used |= {(wanted.namespace, wanted.requirement.name)} if wanted else set()
        words = ("unit", "[X-Atomicapp] Volume=NAME, or `docker run -v NAME:/path`", "local volumes", "the disk has")
        self.issues += requirements.unmet(self.rendered.volumes, used, *words)

    # ------------------------------------------------------------ units of the app's own

    def _unit(self, found: Found, triggered: set[str], order: int) -> Resource:
        unit, component = found.unit, found.artifact.component
        instances = artifacts.instances(found)
        way = marks.ONCE if common.is_once(unit) else ""
        if found.source.endswith((".network", ".volume", ".image", ".build")):
            way = marks.THING
        of_others = unit.name in triggered or own.is_loaded_only(unit)
        if of_others or (found.name.is_template and not instances):
            way = marks.PRESENT_ONLY
        hidden = self._hidden(unit.name, unit.text, found.artifact, unit.position)
        text, files = self._beside(found)
        for path, file in files.items():
            told = fields.variables(path, file["text"])
            hidden += labels.holding(told.items(), {*self.rendered.secrets, *self.secrets})
        body = _body(text, way=way, instances=list(instances), hidden=hidden, files=files, source=found.source)
        needs = tuple(self._state(found, directory) for directory in artifacts.state_directories(found))
        needs += tuple(self._volume(component, option.value, option.position) for option in own.volumes(unit))
        if found.source.endswith(".volume"):
            volume = podman.volume(unit, found.source)
            needs += (self._volume(component, volume, unit.position, podman.purge(volume)),)
        return Resource(f"{UNIT}/{unit.name}", component, UNIT, unit.name, body, unit.position, order, needs)

    def _beside(self, found: Found) -> tuple[str, dict[str, Any]]:
        """The text of a file of Podman with the places of the files of variables that the app has for it, and these files."""
        text, files = found.unit.text, {}
        for option in found.unit.said("Container", "EnvironmentFile") if found.source else ():
            data = self.variables.get((found.artifact.component, podman.beside(option.value)))
            if data is not None:
                path = f"{names.clean(self.app)}/{names.clean(podman.beside(option.value))}/{fields.ENV}"
                text = text.replace(f"={option.value}", f"={FILES}/{path}")
                files[path] = {"text": data, "mode": 0o600, "uid": 0, "gid": 0}
        return text, files

    def _hidden(self, name: str, text: str, artifact: Artifact, place: Position) -> list[str]:
        hidden = fields.hidden(text, {*self.rendered.secrets, *self.secrets})
        if hidden:
            self._say(
                WARNING,
                f"{name} holds a hidden value in {', '.join(hidden)}: every user of the machine can read the options of a unit",
                artifact,
                place,
                "risky",
                SECRET_HINT,
            )
        return hidden

    def _state(self, found: Found, directory: str) -> str:
        key = f"{STATE}/{directory}"
        place = found.unit.values("Service", "StateDirectory")[-1].position
        # what it is of does not count: data stays the same when another unit takes it over
        body = {"directory": directory}
        made = Resource(key, found.artifact.component, STATE, directory, body, place, lifetime=DATA)
        self.data.setdefault(key, made)
        return key

    def _volume(self, component: str, name: str, place: Position, purge: tuple[str, ...] = ()) -> str:
        key = f"{VOLUME}/{name}"
        body = {"purge": list(purge or (containers.DOCKER, "volume", "rm", name))}
        self.data.setdefault(key, Resource(key, component, VOLUME, name, body, place, lifetime=DATA))
        return key

    # ------------------------------------------------------------ units that run containers

    def _written(self, written: Written, order: int) -> Iterator[Resource]:
        component = written.artifact.component
        for name, purge, place in written.volumes:
            self._volume(component, name, place, purge)
        keys = {name: f"{UNIT}/{part.unit.name}" for part in written.units.parts for name in part.instances}
        files = {file.path: file for file in written.units.files}
        for part in written.units.parts:
            unit = part.unit
            if unit.name in self.things:
                continue
            if part.work is None:
                self.things.add(unit.name)
            mounts = part.work.mounts if part.work else ()
            data = [f"{VOLUME}/{mount.source}" for mount in mounts if f"{VOLUME}/{mount.source}" in self.data]
            hidden = self._hidden(unit.name, unit.text, written.artifact, unit.position)
            for path in part.files:
                told = fields.variables(path, files[path].text)
                hidden += labels.holding(told.items(), {*self.rendered.secrets, *self.secrets})
            is_template = names.split(unit.name).is_template
            body = _body(
                unit.text,
                way=_way(part),
                instances=[names.split(name).instance for name in part.instances] if is_template else [],
                hidden=hidden,
                files={path.removeprefix(f"{FILES}/"): _file(files[path]) for path in part.files},
                source=part.source,
                **containers.told(part),
            )
            waits = tuple(dict.fromkeys(keys[name] for name in part.waits if name in keys))
            needs = tuple(dict.fromkeys([*data, *(keys[name] for name in part.after if name in keys), *waits]))
            yield Resource(
                f"{UNIT}/{unit.name}",
                component,
                UNIT,
                unit.name,
                body,
                unit.position,
                order + part.depth if part.work else 0,
                needs,
                waits=waits,
            )


def _way(part: Part) -> str:
    if part.work is None:
        return marks.THING
    if own.is_loaded_only(part.unit):
        return marks.PRESENT_ONLY
    return marks.SCALED if not part.instances else ""


def _body(text: str, **optional: Any) -> dict[str, Any]:
    return {"text": text, **{name: value for name, value in optional.items() if value}}


def _file(file: File) -> dict[str, Any]:
    return {"text": file.text, "mode": file.mode, "uid": file.uid, "gid": file.gid}
