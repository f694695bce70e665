"""From rendered artifacts to resources: units, and those that keep volumes. Pure.

A resource of the kind `unit` is a unit file, or a template with its instances. A resource of the kind `volume` is a unit, too:
it makes a volume of the container engine, and stays where it is as long as the volume holds data; what uses the volume
follows it by MachineOf.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import Any

from atomicapp.errors import ERROR, WARNING, Issue, SpecError
from atomicapp.model import COMPOSE, DATA, Artifact, Parsed, Rendered, Resource, Target
from atomicapp.position import Position, line_of
from atomicapp.providers.docker import labels
from atomicapp.providers.fleet import artifacts, containers, xfleet
from atomicapp.providers.fleet.artifacts import Found
from atomicapp.providers.fleet.client import Pair
from atomicapp.providers.fleet.containers import Made, Written
from atomicapp.providers.fleet.marks import LOADED_ONLY, ONCE, UNIT, VOLUME
from atomicapp.providers.units import artifacts as common
from atomicapp.providers.units import names, own, paths, quoting
from atomicapp.workload import requirements

DOCKER = "/usr/bin/docker"
_NOTHING = Written((), MappingProxyType({}), frozenset(), frozenset())
_ORDERS = ("After", "Requires", "BindsTo", "Requisite", "Wants")


def parse(rendered: Rendered, target: Target) -> Parsed:
    """The resources of an app. SpecError with the faults of all artifacts at once."""
    return _Parser(rendered, target).run()


class _Parser:
    def __init__(self, rendered: Rendered, target: Target) -> None:
        self.rendered = rendered
        self.app = target.app
        self.secrets = quoting.forms(rendered.secrets)
        self.issues: list[Issue] = []
        self.units: list[Found] = []
        self.by_name: dict[str, Found] = {}
        self.volumes: dict[str, Resource] = {}
        self.used: set[tuple[str, str]] = set()
        self.made: dict[str, Made] = {}  # the units that run containers, by name
        self.written = _NOTHING

    def run(self) -> Parsed:
        self._read()
        self._check_names()
        triggered = artifacts.triggered(self.units)
        self._check_triggers(triggered)
        self._check_circles()
        self._fail()
        levels = self._levels()
        by_level: dict[int, list[str]] = {}
        for found in self.units:
            if self._way(found, triggered) != LOADED_ONLY:
                by_level.setdefault(levels[found.unit.name], []).append(f"{UNIT}/{found.unit.name}")
        before = {level: tuple(by_level.get(level - 1, ())) for level in range(1, max(levels.values(), default=0) + 1)}
        units = [self._unit(found, triggered, levels[found.unit.name], before) for found in self.units]
        words = (
            "unit",
            "docker run -v NAME:/path, and [X-Atomicapp] Volume=NAME to stay with it",
            "local volumes",
            "the disks of the machines have",
        )
        self.issues += requirements.unmet(self.rendered.volumes, self.used, *words)
        self._fail()
        return Parsed((*self._kept(units), *units), tuple(self.issues), self.written.secrets | self.secrets)

    def _read(self) -> None:
        projects = [artifact for artifact in self.rendered.artifacts if common.is_project(artifact)]
        if projects:
            self.written = containers.read(self.rendered, projects, self.app, self.issues)
            self.used |= self.written.met
        for artifact in self.rendered.artifacts:
            if artifact in projects:
                made = [item for item in self.written.units if item.found.artifact is artifact]
                self.made |= {item.found.unit.name: item for item in made}
                self.units += [item.found for item in made]
            else:
                self.units += artifacts.read(artifact, self.app, self.issues)

    def _fail(self) -> None:
        if any(issue.severity == ERROR for issue in self.issues):
            raise SpecError(sorted(self.issues, key=lambda issue: issue.position))

    def _say(self, severity: str, message: str, artifact: Artifact, place: Position, code: str, hint: str = "") -> None:
        excerpt = line_of(artifact.data, place.line)[:200] if place.file == artifact.file else ""
        self.issues.append(Issue(severity, message, place, code, "", hint, excerpt))

    # ------------------------------------------------------------ checks over all units

    def _check_names(self) -> None:
        for found in self.units:
            for name in (found.unit.name, *self._instances(found)):
                other = self.by_name.setdefault(name, found)
                if other is not found:
                    message = f"two units are called '{name}': the other one is at {other.unit.position}"
                    hint = "give one of them another name: names are those of the whole cluster"
                    self._say(ERROR, message, found.artifact, found.unit.position, "duplicate-name", hint)

    def _instances(self, found: Found) -> list[str]:
        return [names.instance(found.unit.name, one) for one in own.instances(found.unit) or ()]

    def _check_triggers(self, triggered: dict[str, Found]) -> None:
        for name, item in triggered.items():
            starts = self.by_name[name]
            if item.unit.name not in starts.wish.peers and name not in item.wish.peers and not item.wish.machine_id:
                message = f"{item.unit.name} starts {name}, which may be on another machine"
                hint = f"add MachineOf={name} to its [X-Fleet]"
                self._say(WARNING, message, item.artifact, item.unit.position, "apart", hint)
        for found in self.units:
            others = [name for name in self.by_name if name != found.unit.name]
            if found.name.is_template and not any(names.split(name).template == found.unit.name for name in others):
                hint = "say Instances=N in its [X-Atomicapp], or add files NAME@INSTANCE"
                message = f"the template {found.unit.name} has no instance: nothing of it runs"
                self._say(WARNING, message, found.artifact, found.unit.position, "template", hint)

    def _check_circles(self) -> None:
        """Units that each wait for the other to be placed."""
        peers = {name: self._wish(name).peers for name in self.by_name}
        for name in peers:
            path = [name]
            while True:
                onward = [peer for peer in peers.get(path[-1], ()) if peer in peers and peer != path[-1]]
                if not onward or onward[0] in path[1:]:
                    break
                path.append(onward[0])
                if path[-1] == name:
                    found = self.by_name[name]
                    message = f"units are to be where the other one is, in a circle: {' -> '.join(path)}"
                    place = found.unit.said(xfleet.SECTION)[0].position
                    self._say(ERROR, message, found.artifact, place, "circle", "none of them would ever be placed")
                    return

    def _wish(self, name: str) -> xfleet.Wish:
        return xfleet.read(self.by_name[name].options, name)

    # ------------------------------------------------------------ order

    def _levels(self) -> dict[str, int]:
        """The place of each unit in the graph, from 1: components one after the other, and the units of one component side
        by side but for what their After=, Requires= ... say."""
        found: dict[str, int] = {}
        base = last = 0
        component: str | None = None
        for item in self.units:
            if item.artifact.component != component:
                component, base = item.artifact.component, last
                own = {other.unit.name: other for other in self.units if other.artifact.component == component}
                for name, depth in self._depths(own).items():
                    found[name] = base + depth
                last = max(last, *(found[name] for name in own))
        return found

    def _depths(self, own: dict[str, Found]) -> dict[str, int]:
        made = {name: self.made[name].depth + 1 for name in own if name in self.made}
        return {**self._ordered({name: found for name, found in own.items() if name not in made}), **made}

    def _ordered(self, own: dict[str, Found]) -> dict[str, int]:
        """The depths of units that their authors wrote."""
        depths: dict[str, int] = {}
        path: dict[str, Iterator[str]] = {}
        for first in own:
            todo: str | None = first
            while todo is not None or path:
                if todo is not None and todo not in depths and todo not in path:
                    path[todo] = iter(self._before(own[todo], own))
                if not path:
                    break
                name = next(reversed(path))
                # what comes back to itself is systemd's to tell; here it only ends the way
                todo = next((other for other in path[name] if other not in path), None)
                if todo is None:
                    path.pop(name)
                    known = [depths[other] for other in self._before(own[name], own) if other in depths]
                    depths[name] = 1 + max(known, default=0)
        return depths

    def _before(self, found: Found, own: dict[str, Found]) -> list[str]:
        said = [
            names.expand(word, found.unit.name)
            for name in _ORDERS
            for option in found.unit.values("Unit", name)
            for word in option.value.replace("\\\n", " ").split()
        ]
        return [name for name in dict.fromkeys(said) if name in own and name != found.unit.name]

    # ------------------------------------------------------------ resources

    def _way(self, found: Found, triggered: dict[str, Found]) -> str:
        said = found.unit.value("X-Atomicapp", "DesiredState")
        starts_nothing = found.name.is_template and not own.instances(found.unit)
        if said == "loaded" or starts_nothing or (found.unit.name in triggered and said != "launched"):
            return LOADED_ONLY
        return ONCE if common.is_once(found.unit) else ""

    def _unit(
        self, found: Found, triggered: dict[str, Found], order: int, before: dict[int, tuple[str, ...]]
    ) -> Resource:
        unit, component = found.unit, found.artifact.component
        options = list(found.options)
        needs: list[str] = []
        for option in own.volumes(unit):
            name, place = option.value, option.position
            self._meet(component, name)
            kept = self.volumes.setdefault(name, volume(component, name, place, self.written.create.get(name, ())))
            needs.append(kept.key)
            if ("X-Fleet", "MachineOf", kept.name) not in options and not found.wish.machine_id:
                options.append(("X-Fleet", "MachineOf", kept.name))
        for name in artifacts.mounted(found):
            self._meet(component, name)
        options = _grouped(options)
        body: dict[str, Any] = {"options": [list(pair) for pair in options]}
        more = self.made[unit.name].body if unit.name in self.made else {}
        optional = {
            **more,
            "way": self._way(found, triggered),
            "instances": list(own.instances(found.unit) or ()),
            "hidden": [*self._hidden(found, options), *more.get("hidden", ())],
        }
        body |= {name: value for name, value in optional.items() if value}
        waits = (*needs, *before.get(order, ())) if self._way(found, triggered) != LOADED_ONLY else ()
        key = f"{UNIT}/{unit.name}"
        needed = tuple(dict.fromkeys([*needs, *waits]))
        return Resource(key, component, UNIT, unit.name, body, unit.position, order, needed, waits=waits)

    def _kept(self, units: list[Resource]) -> list[Resource]:
        """The units that keep volumes, those of one group on one machine, which all that follows them can be on."""
        parent = {resource.name: resource.name for resource in (*self.volumes.values(), *units)}

        def root(name: str) -> str:
            while parent[name] != name:
                parent[name] = parent[parent[name]]
                name = parent[name]
            return name

        for resource in units:
            kept = [self.volumes[key.partition("/")[2]].name for key in resource.needs if key.startswith(f"{VOLUME}/")]
            peers = [xfleet.read(_pairs(resource), resource.name).peers, kept]
            for peer in (name for found in peers for name in found if name in parent):
                parent[root(peer)] = root(resource.name)
        groups: dict[str, list[Resource]] = {}
        for resource in (*self.volumes.values(), *units):
            groups.setdefault(root(resource.name), []).append(resource)
        kept_units = []
        for group in groups.values():
            keepers = [resource for resource in group if resource.kind == VOLUME]
            asked = [
                pair
                for resource in group
                for pair in _pairs(resource)
                if pair[0] == xfleet.SECTION and xfleet.OLD.get(pair[1], pair[1]) in ("MachineID", "MachineMetadata")
            ]
            for keeper in keepers:
                wishes = asked if keeper is keepers[0] else [(xfleet.SECTION, "MachineOf", keepers[0].name)]
                options = [*keeper.body["options"], *(list(pair) for pair in dict.fromkeys(wishes))]
                kept_units.append(keeper._replace(body={**keeper.body, "options": options}))
        return kept_units

    def _hidden(self, found: Found, options: list[Pair]) -> list[str]:
        hidden = labels.holding(paths.texts(options).items(), self.secrets) if self.secrets else []
        if hidden:
            message = f"{found.unit.name} holds a hidden value in {', '.join(hidden)}: whoever reaches the API of fleet reads it"
            hint = "EnvironmentFile= names a file that the machines have, and fleet does not know"
            self._say(WARNING, message, found.artifact, found.unit.position, "risky", hint)
        return hidden

    def _meet(self, component: str, name: str) -> None:
        """Note that something holds a volume, which the package may require."""
        wanted = requirements.find(self.rendered.volumes, component, name)
        if wanted is not None:
            self.used.add((wanted.namespace, wanted.requirement.name))


def volume(component: str, name: str, place: Position, create: tuple[str, ...] = ()) -> Resource:
    """The unit that keeps a volume; `create` are the words behind `docker volume create`, where they are not just its name."""
    made = " ".join([DOCKER, "volume", "create", *(create or (name,))])
    options = [
        ["Unit", "Description", f"the volume {name}"],
        ["Unit", "After", "docker.service"],
        ["Unit", "Wants", "docker.service"],
        ["Service", "Type", "oneshot"],
        ["Service", "RemainAfterExit", "yes"],
        ["Service", "ExecStart", made],
    ]
    body = {"options": options, "purge": f"{DOCKER} volume rm {name}"}
    return Resource(
        f"{VOLUME}/{name}", component, VOLUME, f"volume-{artifacts.clean(name)}.service", body, place, lifetime=DATA
    )


def _pairs(resource: Resource) -> list[Pair]:
    return [(section, name, value) for section, name, value in resource.body["options"]]


def _grouped(options: list[Pair]) -> list[Pair]:
    sections: dict[str, list[Pair]] = {}
    for pair in options:
        sections.setdefault(pair[0], []).append(pair)
    return [pair for found in sections.values() for pair in found]


__all__ = ["COMPOSE", "UNIT", "VOLUME", "parse", "volume"]
