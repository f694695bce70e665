"""From rendered artifacts to resources: apps, and the volumes that hold their data. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate

from atomicapp.errors import ERROR, WARNING, Issue, SpecError
from atomicapp.model import DATA, Artifact, Parsed, Rendered, Resource, Target
from atomicapp.position import Position, line_of
from atomicapp.providers.docker.labels import holding
from atomicapp.providers.marathon import artifacts, names, normal
from atomicapp.providers.marathon.artifacts import Item
from atomicapp.workload import requirements
from atomicapp.workload.ordering import ordered

APP = "app"
VOLUME = "volume"


def app_key(path: str) -> str:
    """The key of an app: its id is its name on the whole of Marathon."""
    return f"{APP}{path}"


def volume_key(path: str, inside: str) -> str:
    """The key of a volume of an app."""
    return f"{VOLUME}{path}:{inside}"


def parse(rendered: Rendered, target: Target) -> Parsed:
    """The resources of an app. SpecError with the faults of all artifacts at once."""
    return _Parser(rendered, target).run()


class _Parser:
    def __init__(self, rendered: Rendered, target: Target) -> None:
        self.rendered = rendered
        self.target = target
        self.issues: list[Issue] = []

    def run(self) -> Parsed:
        read = artifacts.read(self.rendered, self.target)
        self.issues += read.issues
        self._fail()
        known: dict[str, Item] = {}
        for item in read.items:
            other = known.setdefault(item.id, item)
            if other is not item:
                hint = "give one of them another id"
                message = f"two apps have the id '{item.id}': the other one is at {other.position}"
                self._say(ERROR, message, item.artifact, item.position, "duplicate", hint)
        self._ports(read.items)
        self._fail()
        needs = {path: self._needs(item, known) for path, item in known.items()}
        order, circles = ordered(
            known.values(), lambda item: item.id, lambda item: [known[path] for path in needs[item.id]]
        )
        for way in circles:
            shown, hint = " -> ".join(item.id for item in way), "take one of these dependencies out"
            self._say(ERROR, f"apps wait for each other: {shown}", way[0].artifact, way[0].position, "circle", hint)
        self._fail()
        words = ("app", "a persistent volume or a Compose file that names it", "their agents", "an agent has")
        unmet = requirements.unmet(self.rendered.volumes, read.used, *words)
        self.issues += [issue for issue in unmet if issue.code != "volume-size"]
        orders = self._orders(order, needs)
        secrets = self.rendered.secrets | read.secrets
        found = [resource for item in read.items for resource in self._resources(item, needs, orders, secrets)]
        return Parsed(tuple(found), tuple(self.issues), read.secrets)

    def _fail(self) -> None:
        if any(issue.severity == ERROR for issue in self.issues):
            raise SpecError(self.issues)

    def _say(self, severity: str, message: str, artifact: Artifact, place: Position, code: str, hint: str = "") -> None:
        excerpt = line_of(artifact.data, place.line) if place.file == artifact.file else ""
        self.issues.append(Issue(severity, message, place, code, "", hint, excerpt))

    def _ports(self, items: Sequence[Item]) -> None:
        """A host port that an app holds until its new instances are up is one that they wait for."""
        for item in items:
            app = normal.canonical(item.app)
            mappings = (app.get("container") or {}).get("portMappings") or ()
            fixed = [mapping["hostPort"] for mapping in mappings if mapping.get("hostPort")]
            strategy = app.get("upgradeStrategy") or {}
            # with persistent volumes the old instance goes first in any case
            if fixed and strategy.get("minimumHealthCapacity", 1) == 1 and not normal.persistent(app):
                message = (
                    f"{item.id} keeps host port {fixed[0]} until its next version is up: that needs a further agent with "
                    "the port free"
                )
                hint = (
                    "upgradeStrategy: {minimumHealthCapacity: 0, maximumOverCapacity: 0} lets the old instance go first"
                )
                self._say(WARNING, message, item.artifact, item.position, "host-port", hint)

    # ------------------------------------------------------------ who needs whom

    def _needs(self, item: Item, known: dict[str, Item]) -> tuple[str, ...]:
        """The ids of the apps here that an app depends on; the id of a group stands for all below it."""
        wanted = [str(path) for path in item.app.get("dependencies") or ()]
        found = [
            path for path in known for other in wanted if path == other or path.startswith(f"{other.rstrip('/')}/")
        ]
        return tuple(dict.fromkeys(path for path in found if path != item.id))

    def _orders(self, items: Sequence[Item], needs: dict[str, tuple[str, ...]]) -> dict[str, int]:
        """The place of each app in the graph, from 1: components one after the other, and in each after what it needs."""
        widths = dict.fromkeys((artifact.component for artifact in self.rendered.artifacts), 1)
        for item in items:
            widths[item.artifact.component] = max(widths[item.artifact.component], item.level)
        starts = dict(zip(widths, accumulate(widths.values(), initial=0), strict=False))
        found: dict[str, int] = {}
        for item in items:
            own = starts[item.artifact.component] + item.level
            found[item.id] = max([own, *(found[other] + 1 for other in needs[item.id])])
        return found

    # ------------------------------------------------------------ resources

    def _resources(
        self, item: Item, needs: dict[str, tuple[str, ...]], orders: dict[str, int], secrets: frozenset[str]
    ) -> Iterator[Resource]:
        component, path = item.artifact.component, item.id
        volumes = [
            Resource(volume_key(path, inside), component, VOLUME, f"{path}:{inside}", body, item.position, 0, (), DATA)
            for inside, body in normal.persistent(item.app).items()
        ]
        yield from volumes
        waits = tuple(app_key(other) for other in needs[path])
        own = tuple(app_key(other) for other in item.waits)
        hidden = holding(normal.leaves(normal.canonical(item.app)), secrets)
        if hidden:
            message = f"the app {path} holds hidden values in {', '.join(hidden)}: whoever may read the app on Marathon sees them"
            hint = "where Marathon has a plugin for secrets, name one of its own: `secrets` and `env: {NAME: {secret: KEY}}`"
            self._say(WARNING, message, item.artifact, item.position, "risky", hint)
        body = {"app": dict(item.app), **({"hidden": hidden} if hidden else {})}
        before = tuple(dict.fromkeys([*(volume.key for volume in volumes), *waits, *own]))
        yield Resource(
            app_key(path),
            component,
            APP,
            path,
            body,
            item.position,
            orders[path],
            before,
            waits=tuple(dict.fromkeys([*waits, *own])),
        )


__all__ = ["APP", "VOLUME", "names", "parse"]
