"""A Compose file among the artifacts of an app: the objects that it stands for, and what of it is lost. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from atomicapp.errors import WARNING, Issue, SpecError
from atomicapp.model import Artifact, Rendered, Target
from atomicapp.position import Position, line_of
from atomicapp.providers.kubernetes.plain import with_data
from atomicapp.providers.kubernetes.resources import SECRET, Item, claim_name, key_of
from atomicapp.providers.kubernetes.writer import Around, Object, Written, names
from atomicapp.providers.kubernetes.writer.around import Claim, holder
from atomicapp.workload import requirements, risks
from atomicapp.workload.compose import read_artifact
from atomicapp.workload.fidelity import Table, issues_of, judge
from atomicapp.workload.model import Namespaces, Workload
from atomicapp.workload.project import Project

SERVICE = "Service"


class Reader:
    """Reads the Compose files of one app. `write` is how the provider writes a project, `table` what becomes of its
    keys; what is found goes to `issues`, and to `secrets` what must not be shown."""

    def __init__(
        self,
        rendered: Rendered,
        target: Target,
        provider: str,
        write: Callable[[Project, Around], Written],
        table: Table,
    ) -> None:
        self.rendered = rendered
        self.target = target
        self.provider = provider
        self.write = write
        self.table = table
        self.issues: list[Issue] = []
        self.secrets: set[str] = set()
        self._holds_secret = holder(rendered.secrets)

    def items(self, artifact: Artifact) -> Sequence[Item]:
        """The objects of one file. Nothing when there is an error."""
        try:
            project = read_artifact(self.rendered, artifact)
        except SpecError as error:
            self.issues += error.issues
            return ()
        around = Around(self.target.app, partial(self._claim, artifact.component), self._holds_secret)
        written = self.write(project, around)
        found = [*project.issues, *written.issues, *issues_of(judge(project, self.table), self.provider)]
        found += [
            self._risk(message, place)
            for work in project.services
            for message, place in risks.find(_as_pod(work), "node")
        ]
        self.issues += [_with_line(issue, artifact) for issue in found]
        self.secrets |= {spec.content for spec in project.secrets.values() if spec.content}
        return _items(artifact, written.objects)

    def _claim(self, component: str, key: str) -> Claim | None:
        """The claim for the requirement of that name: of the component's app, or of the nearest app around it."""
        volume = requirements.find(self.rendered.volumes, component, key)
        return Claim(claim_name(volume.requirement), volume.requirement.access_mode) if volume else None

    def _risk(self, message: str, place: Position) -> Issue:
        return Issue(WARNING, message, place, "risky", "", risks.HINT)


def _as_pod(work: Workload) -> Workload:
    """What a pod gets of the namespaces that a workload asks for: the risk is not greater than that."""
    spaces = work.namespaces
    return work._replace(namespaces=Namespaces(network=spaces.network, pid=spaces.pid, ipc=spaces.ipc))


def _with_line(issue: Issue, artifact: Artifact) -> Issue:
    """An issue with its source line."""
    if issue.excerpt or issue.position.file != artifact.file:
        return issue
    return issue._replace(excerpt=line_of(artifact.data, issue.position.line))


def _items(artifact: Artifact, objects: Sequence[Object]) -> list[Item]:
    keys = {item.service: _key(item) for item in objects if item.level}
    found = []
    for item in objects:
        body = with_data(dict(item.body)) if item.body["kind"] == SECRET else item.body
        needs, waits = (tuple(keys[name] for name in services) for services in (item.after, item.waits))
        common = not item.service
        found.append(Item(artifact, body, item.position, item.level, needs, waits, common=common))
    return [*found, *_by_component(artifact, objects)]


def _key(item: Object) -> str:
    return key_of(item.body["apiVersion"], item.body["kind"], item.body["metadata"]["name"])


def _by_component(artifact: Artifact, objects: Sequence[Object]) -> list[Item]:
    """The Service by which a component of one service is called by its own name, if nothing else is."""
    called = names.address(artifact.component.rpartition(":")[2])
    own = {item.body["metadata"]["name"]: item for item in objects if item.body["kind"] == SERVICE}
    services = {item.service for item in objects if item.level}
    if len(services) != 1 or called in own:
        return []
    item = next((found for name, found in own.items() if name == names.address(found.service)), None)
    if item is None:
        return []
    body = {**item.body, "metadata": {**item.body["metadata"], "name": called}}
    return [Item(artifact, body, item.position, weak=True)]
