"""From rendered artifacts to resources: units, and the data that outlives them. Pure."""

from __future__ import annotations

from typing import Any

from atomicapp.errors import ERROR, WARNING, Issue, SpecError
from atomicapp.model import DATA, Artifact, Parsed, Rendered, Resource, Target
from atomicapp.position import Position, line_of
from atomicapp.providers.systemd import artifacts, fields, marks
from atomicapp.providers.systemd.artifacts import Found
from atomicapp.providers.systemd.marks import STATE, UNIT

SECRET_HINT = "put it in a file that EnvironmentFile= or LoadCredential= names"  # noqa: S105 (a hint)


def parse(rendered: Rendered, target: Target) -> Parsed:
    """The resources of an app. SpecError with the faults of all artifacts at once."""
    return _Parser(rendered, target).run()


class _Parser:
    def __init__(self, rendered: Rendered, target: Target) -> None:
        self.rendered = rendered
        self.app = target.app
        self.issues: list[Issue] = []
        self.units: list[Found] = []
        self.data: dict[str, Resource] = {}

    def run(self) -> Parsed:
        for artifact in self.rendered.artifacts:
            try:
                self.units += artifacts.read(artifact, self.app)
            except SpecError as error:
                self.issues += error.issues
        self._check_names()
        if any(issue.severity == ERROR for issue in self.issues):
            raise SpecError(self.issues)
        triggered = artifacts.triggered(self.units)
        places = {component: number for number, component in enumerate(self._components(), 1)}
        units = [self._unit(found, triggered, places[found.artifact.component]) for found in self.units]
        return Parsed((*self.data.values(), *units), tuple(self.issues))

    def _components(self) -> list[str]:
        return list(dict.fromkeys(found.artifact.component for found in self.units))

    def _check_names(self) -> None:
        first: dict[str, Found] = {}
        for found in self.units:
            other = first.setdefault(found.unit.name, found)
            if other is not found:
                self._say(
                    ERROR,
                    f"two units are called '{found.unit.name}': the other one is at {other.unit.position}",
                    found.artifact,
                    found.unit.position,
                    "duplicate-name",
                    "give one of them another name",
                )

    def _say(self, severity: str, message: str, artifact: Artifact, place: Position, code: str, hint: str = "") -> None:
        self.issues.append(Issue(severity, message, place, code, "", hint, line_of(artifact.data, place.line)))

    # ------------------------------------------------------------ resources

    def _unit(self, found: Found, triggered: set[str], order: int) -> Resource:
        unit, component = found.unit, found.artifact.component
        instances = artifacts.instances(found)
        way = marks.ONCE if artifacts.is_once(unit) else ""
        if unit.name in triggered or (found.name.is_template and not instances):
            way = marks.PRESENT_ONLY
        body: dict[str, Any] = {"text": unit.text}
        optional = {"way": way, "instances": list(instances), "hidden": self._hidden(found)}
        body |= {name: value for name, value in optional.items() if value}
        needs = tuple(self._state(found, directory) for directory in artifacts.state_directories(found))
        key = f"{UNIT}/{unit.name}"
        return Resource(key, component, UNIT, unit.name, body, unit.position, order, needs)

    def _hidden(self, found: Found) -> list[str]:
        hidden = fields.hidden(found.unit.text, self.rendered.secrets)
        if hidden:
            self._say(
                WARNING,
                f"{found.unit.name} holds a hidden value in {', '.join(hidden)}: every user of the machine can read the "
                "options of a unit",
                found.artifact,
                found.unit.position,
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
