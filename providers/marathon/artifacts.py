"""From the artifacts of an app to apps of Marathon: JSON, YAML, groups that are taken apart, and Compose files. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from atomicapp import document
from atomicapp.errors import ERROR, WARNING, Issue, SpecError
from atomicapp.model import COMPOSE, Artifact, Rendered, Target
from atomicapp.position import Position, line_of
from atomicapp.providers.marathon import labels, names, normal, shape
from atomicapp.records import NamedTuple
from atomicapp.workload import requirements

_POD = ("containers", "scaling", "scheduling")


class Item(NamedTuple):
    """An app that was read, its id and the ids that it depends on absolute. `level` is its place among those of its
    artifact, from 1; `waits` are the ids of those that must be ready before it is made."""

    artifact: Artifact
    app: Mapping[str, Any]
    position: Position
    level: int = 1
    waits: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        return str(self.app["id"])


class Read(NamedTuple):
    """What was read. `secrets` are texts that must not be shown; `used` the volumes of requirements that are mounted."""

    items: tuple[Item, ...]
    issues: tuple[Issue, ...]
    secrets: frozenset[str]
    used: frozenset[tuple[str, str]]


def read(rendered: Rendered, target: Target) -> Read:
    """The apps of all artifacts, in their order. Faults are among the issues."""
    return _Reader(rendered, target).run()


class _Reader:
    def __init__(self, rendered: Rendered, target: Target) -> None:
        self.rendered = rendered
        self.target = target
        self.items: list[Item] = []
        self.issues: list[Issue] = []
        self.secrets: set[str] = set()
        self.used: set[tuple[str, str]] = set()
        self.group = names.group_of(target.namespace)

    def run(self) -> Read:
        if not names.is_valid(self.group) and self.group != "/":
            place = Position("--namespace")
            message = f"the namespace '{self.target.namespace}' is no group of Marathon"
            self.issues.append(Issue(ERROR, message, place, "namespace", "", names.RULE))
        for artifact in self.rendered.artifacts:
            if artifact.provider == COMPOSE:
                self._compose(artifact)
            else:
                self._artifact(artifact)
        return Read(tuple(self.items), tuple(self.issues), frozenset(self.secrets), frozenset(self.used))

    def _compose(self, artifact: Artifact) -> None:
        from atomicapp.providers.marathon import writer

        found = writer.read(self.rendered, artifact, self.target.app)
        self.items += found.items
        self.issues += found.issues
        self.secrets |= found.secrets
        self.used |= found.used

    def _say(self, artifact: Artifact, node: document.Node, message: str, code: str, hint: str = "") -> None:
        place = document.position_of(node, artifact.file)
        self.issues.append(Issue(ERROR, message, place, code, "", hint, line_of(artifact.data, place.line)))

    # ------------------------------------------------------------ one artifact

    def _artifact(self, artifact: Artifact) -> None:
        try:
            roots = document.compose_all(artifact.data, artifact.file)
        except SpecError as error:
            self.issues += error.issues
            return
        if not roots:
            place = Position(artifact.file, 1, 1)
            self.issues.append(Issue(WARNING, "the artifact holds no app", place, "empty", "", "remove it, or fill it"))
        for root in roots:
            for node in document.elements(root) if isinstance(root, document.SequenceNode) else [root]:
                self._node(artifact, node)

    def _node(self, artifact: Artifact, node: document.Node) -> None:
        if not isinstance(node, document.MappingNode):
            message = f"an app of Marathon is a mapping, and this is {shape.shown(node)}"
            self._say(artifact, node, message, "shape", "an app has an id, and a container or a cmd")
            return
        fields = document.fields(node)
        if "apps" in fields or "groups" in fields:
            self._group(artifact, node, self.group, ())
        elif any(name in fields for name in _POD):
            message = "this is a pod, and pods of Marathon are not run here"
            self._say(artifact, node, message, "pod", "write each of its containers as an app")
        else:
            self._app(artifact, node, self.group, ())

    def _group(self, artifact: Artifact, node: document.Node, base: str, outer: Sequence[str]) -> None:
        """A group: its apps are those of its path, and depend on what it depends on."""
        if not isinstance(node, document.MappingNode):
            self._say(artifact, node, f"a group is a mapping, and this is {shape.shown(node)}", "shape")
            return
        fields = document.fields(node)
        for key, value in document.items(node):
            if key.value not in shape.GROUP:
                shape.unknown(key, str(key.value), shape.GROUP, lambda *said: self._say(artifact, *said))
            elif key.value in ("apps", "groups") and not isinstance(value, document.SequenceNode):
                self._say(artifact, value, f"{key.value} is {shape.shown(value)}, and a list is expected", "shape")
        path = self._id(artifact, node, fields.get("id"), base)
        if path is None:
            return
        named = fields.get("dependencies")
        if named is not None:
            shape.check(named, shape.ListOf(shape.TEXT), "dependencies", lambda *said: self._say(artifact, *said))
        own = [text for item in document.elements(named) if (text := document.text_of(item))]
        depends = (*outer, *(names.absolute(text, names.parent(path)) for text in own))
        for app in document.elements(fields.get("apps")):
            self._app(artifact, app, path, depends)
        for group in document.elements(fields.get("groups")):
            self._group(artifact, group, path, depends)

    def _id(self, artifact: Artifact, node: document.Node, found: document.Node | None, base: str) -> str | None:
        text = document.text_of(found)
        if found is None or text is None:
            self._say(artifact, node, "the group has no id", "id", f"give it one: {names.RULE}")
            return None
        if text != "/" and not names.is_valid(text):
            self._say(artifact, found, f"'{text}' is no id of Marathon", "id", names.RULE)
            return None
        return names.absolute(text, base)

    def _app(self, artifact: Artifact, node: document.Node, base: str, depends: Sequence[str]) -> None:
        before = len(self.issues)
        shape.check(node, shape.APP, "", lambda *said: self._say(artifact, *said))
        fields = document.fields(node)
        given = fields.get("id")
        text = document.text_of(given)
        if given is not None and text is not None and not names.is_valid(text):
            self._say(artifact, given, f"'{text}' is no id of Marathon", "id", names.RULE)
        self._sense(artifact, node, fields)
        if any(issue.severity == ERROR for issue in self.issues[before:]):
            return
        app = dict(shape.without_nulls(document.plain(node)))
        if text is None:
            name = artifact.component.rpartition(":")[2]
            path = names.own(self.target.app, artifact.component, name)
        else:
            path = names.absolute(text, base)
        if base != "/" and not path.startswith(f"{base}/") and base != self.group:
            hint = "write it relative to the group"
            self._say(artifact, given or node, f"the app {path} is not below its group {base}", "id", hint)
        own = [names.absolute(str(item), names.parent(path)) for item in app.get("dependencies") or ()]
        wanted = list(dict.fromkeys([*own, *depends]))
        app = {**{name: value for name, value in app.items() if name not in shape.TOLD}, "id": path}
        if wanted:
            app["dependencies"] = wanted
        for inside in normal.persistent(app):
            required = requirements.find(self.rendered.volumes, artifact.component, inside)
            if required is not None:
                self.used.add((required.namespace, required.requirement.name))
        self.items.append(Item(artifact, app, document.position_of(node, artifact.file)))

    def _sense(self, artifact: Artifact, node: document.Node, fields: Mapping[str, document.Node]) -> None:
        """What Marathon refuses although each field is well."""
        if document.text_of(fields.get("cmd")) and document.elements(fields.get("args")):
            self._say(artifact, fields["args"], "an app has a cmd or args, not both", "command", "remove one of them")
        action = document.fields(fields.get("labels")).get(labels.LABEL_FAILURE)
        if action is not None and document.text_of(action) not in (labels.PAUSE, labels.ROLLBACK):
            message = f"the label {labels.LABEL_FAILURE} is '{document.text_of(action)}'"
            self._say(artifact, action, message, "label", f"write {labels.ROLLBACK} or {labels.PAUSE}")
        container = fields.get("container")
        nothing = not document.text_of(fields.get("cmd")) and not document.elements(fields.get("args"))
        if nothing and document.is_null(container):
            self._say(artifact, node, "the app has nothing to run", "command", "give it a cmd, args or a container")
        docker = document.fields(container).get("docker")
        if isinstance(docker, document.MappingNode) and not document.text_of(document.fields(docker).get("image")):
            self._say(artifact, docker, "container.docker.image is missing", "image", "name the image that it runs")
        if "docker" in document.fields(container) or isinstance(container, document.MappingNode):
            for volume in document.elements(document.fields(container).get("volumes")):
                inner = document.fields(volume)
                path = document.text_of(inner.get("containerPath"))
                if not path:
                    self._say(artifact, volume, "a volume has no containerPath", "volume")
                elif "persistent" in inner and "/" in path:
                    hint = (
                        "name it by one word, and mount that by a second volume: {hostPath: NAME, containerPath: /PATH}"
                    )
                    message = f"the containerPath '{path}' of a persistent volume holds '/'"
                    self._say(artifact, inner["containerPath"], message, "volume", hint)
        for check in document.elements(fields.get("healthChecks")):
            inner = document.fields(check)
            if document.text_of(inner.get("protocol")) == "COMMAND" and "command" not in inner:
                self._say(
                    artifact, check, "a health check by COMMAND has no command", "health", "command: {value: TEXT}"
                )
