"""From rendered artifacts to the objects of OpenShift: those of Kubernetes, with templates processed and former kinds
brought to their groups. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from atomicapp import document
from atomicapp.errors import ERROR, WARNING, SpecError
from atomicapp.model import Artifact, Parsed, Rendered, Resource, Target
from atomicapp.position import Position
from atomicapp.providers.kubernetes import resources as kubernetes
from atomicapp.providers.openshift import generated, kinds
from atomicapp.providers.openshift.templates import Template

if TYPE_CHECKING:
    from atomicapp.providers.kubernetes.writer import Around, Written
    from atomicapp.workload.fidelity import Table
    from atomicapp.workload.project import Project


def parse(rendered: Rendered, target: Target) -> Parsed:
    """The resources of an app. SpecError with the faults of all artifacts at once."""
    return _Parser(rendered, target).run()


class _Parser(kubernetes.Parser):
    provider = "openshift"

    def __init__(self, rendered: Rendered, target: Target) -> None:
        super().__init__(rendered, target)
        self.expressions: dict[str, str] = {}
        self.first: tuple[str, Position] | None = None
        """The component and the place of the first template that generates a value."""

    def run(self) -> Parsed:
        parsed = super().run()
        if self.first is None:
            return parsed
        component, place = self.first
        order = kubernetes.rank_of(kubernetes.DEFINITION)
        secret = generated.secret(self.target.app, component, self.expressions, place, order)
        found = []
        for resource in parsed.resources:
            if resource.key == secret.key:
                raise SpecError.single(
                    f"the Secret '{secret.name}' is the one that keeps generated values",
                    resource.position,
                    code="duplicate",
                    hint="give this one another name",
                )
            found.append(_needing(resource, secret.key))
        return parsed._replace(resources=tuple(sorted([secret, *found], key=lambda resource: resource.order)))

    def unfold(self, artifact: Artifact, node: document.MappingNode) -> Sequence[document.Node] | None:
        fields = document.fields(node)
        version, kind = (document.text_of(fields.get(name)) or "" for name in ("apiVersion", "kind"))
        if not kinds.is_template(version, kind):
            return None

        def say(severity: str, message: str, about: document.Node, code: str, hint: str) -> None:
            self.say(severity, message, artifact, document.position_of(about, artifact.file), code, hint)

        given = self.rendered.variables(artifact.component) if self.rendered.variables else {}
        template = Template(node, artifact, self.target.app, given, say)
        objects = template.process()
        for name, place in template.unknown.items():
            self._unknown(artifact, name, place)
        if not self.expressions.keys().isdisjoint(template.expressions):
            message = f"another template of {artifact.component} is named '{template.name}' too"
            hint = "give each a metadata.name of its own: what they generate is kept by it"
            say(ERROR, message, node, "duplicate", hint)
        if template.expressions and self.first is None:
            self.first = artifact.component, document.position_of(node, artifact.file)
        self.expressions |= template.expressions
        return objects

    def adapt(self, body: dict[str, Any]) -> dict[str, Any]:
        return {**body, "apiVersion": kinds.version_of(str(body["apiVersion"]), str(body["kind"]))}

    def write(self, project: Project, around: Around) -> Written:
        from atomicapp.providers.openshift import routes

        return routes.write(project, around)

    def table(self) -> Table:
        from atomicapp.providers.openshift import routes

        return routes.table()

    def _unknown(self, artifact: Artifact, name: str, node: document.Node) -> None:
        for issue in self.rendered.issues:
            if issue.code == "unresolved" and issue.position.file == artifact.file and f"'{name}'" in issue.message:
                return  # told when names were filled in
        place = document.position_of(node, artifact.file)
        message = f"the template has no parameter '{name}': the text stays as it is"
        self.say(WARNING, message, artifact, place, "unresolved", "add it to the template's parameters")


def _needing(resource: Resource, key: str) -> Resource:
    return resource._replace(needs=(*resource.needs, key)) if generated.keys_in(resource.body) else resource
