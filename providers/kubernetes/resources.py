"""From rendered artifacts to Kubernetes objects as resources. Pure; whether a kind exists is the server's to say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from atomicapp import document
from atomicapp.errors import ERROR, WARNING, Issue, SpecError
from atomicapp.model import (
    COMPOSE,
    DATA,
    GENERAL,
    OWNED,
    PLACE,
    Artifact,
    Parsed,
    PersistentVolume,
    Rendered,
    Resource,
    Target,
    Volume,
)
from atomicapp.position import Position, line_of
from atomicapp.providers.kubernetes.plain import is_built_in, shape, value_of, with_data, without_nulls
from atomicapp.records import NamedTuple

if TYPE_CHECKING:
    from atomicapp.providers.kubernetes.writer import Around, Written
    from atomicapp.workload.fidelity import Table
    from atomicapp.workload.project import Project

NAMESPACE = "Namespace"
CLAIM = "PersistentVolumeClaim"
VOLUME = "PersistentVolume"
DEFINITION = "CustomResourceDefinition"
POD = "Pod"
SECRET = "Secret"  # noqa: S105 (a kind)

# When a kind is made, by rank; within one rank all at once. Only the order is decided here. What is not named goes
# before the workloads, which may need it (objects of an app's own definitions do); what stands in front of the
# workloads or acts on them comes after.
_FIRST = (
    (NAMESPACE,),
    (DEFINITION, "PriorityClass", "StorageClass", "IngressClass", "RuntimeClass"),
    ("ResourceQuota", "LimitRange", "ServiceAccount", "Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"),
    (SECRET, "ConfigMap", "NetworkPolicy"),
    (VOLUME, CLAIM),
    ("Service", "Endpoints", "EndpointSlice", "ImageStream"),
)
_WORKLOADS = frozenset(
    (
        "Pod",
        "ReplicationController",
        "ReplicaSet",
        "Deployment",
        "StatefulSet",
        "DaemonSet",
        "Job",
        "CronJob",
        "DeploymentConfig",
        "BuildConfig",
    )
)
_LAST = frozenset(
    (
        "Ingress",
        "Route",
        "HTTPRoute",
        "HorizontalPodAutoscaler",
        "PodDisruptionBudget",
        "APIService",
        "MutatingWebhookConfiguration",
        "ValidatingWebhookConfiguration",
    )
)
_RANK = {kind: rank for rank, kinds in enumerate(_FIRST, 1) for kind in kinds}
_OTHERS = len(_FIRST) + 1
_GRAPH = _OTHERS + 1

_GENERATED = ("status",)
_SERVERS_OWN = ("uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink")


class Item(NamedTuple):
    """An object that was read. `level` is the place of a workload among those of its component (0 for no matter); `needs`
    and `waits` are as those of a Resource. A `weak` one gives way to another of the same kind and name, a `common` one is
    the same as another of its app that is equal."""

    artifact: Artifact
    body: dict[str, Any]
    position: Position
    level: int = 0
    needs: tuple[str, ...] = ()
    waits: tuple[str, ...] = ()
    weak: bool = False
    common: bool = False


def group_of(api_version: str) -> str:
    """`apps` of `apps/v1`; empty for `v1`."""
    return api_version.rpartition("/")[0]


def rank_of(kind: str) -> int:
    """The order of a kind that is no workload and stands before none."""
    return _RANK.get(kind, _OTHERS)


def key_of(api_version: str, kind: str, name: str) -> str:
    """The key of an object. Without the version: an object is the same one in each version of its group."""
    group = group_of(api_version)
    return f"{group}/{kind}/{name}" if group else f"{kind}/{name}"


def parse(rendered: Rendered, target: Target) -> Parsed:
    """The resources of an app. SpecError with the faults of all artifacts at once."""
    return Parser(rendered, target).run()


class Parser:
    """One reading of all artifacts. A provider of a kind of Kubernetes changes what `unfold`, `adapt`, `write` and
    `table` do."""

    provider = "kubernetes"

    def __init__(self, rendered: Rendered, target: Target) -> None:
        self.rendered = rendered
        self.target = target
        self.issues: list[Issue] = []
        self.items: list[Item] = []
        self.secrets: set[str] = set()
        """Texts that Compose files hold and that must not be shown."""

    def unfold(self, artifact: Artifact, node: document.MappingNode) -> Sequence[document.Node] | None:
        """The objects that an object stands for, which stand for themselves; None for one that does so too."""
        return None

    def adapt(self, body: dict[str, Any]) -> dict[str, Any]:
        """An object as the server wants it."""
        return body

    def write(self, project: Project, around: Around) -> Written:
        """The objects of a Compose file."""
        from atomicapp.providers.kubernetes.writer import write

        return write(project, around)

    def table(self) -> Table:
        """What becomes of each key of a Compose file."""
        from atomicapp.providers.kubernetes.writer import rules

        return rules.table()

    def _compose(self, artifact: Artifact) -> None:
        from atomicapp.providers.kubernetes import compose

        reader = compose.Reader(self.rendered, self.target, self.provider, self.write, self.table())
        self.items += reader.items(artifact)
        self.issues += reader.issues
        self.secrets |= reader.secrets

    def run(self) -> Parsed:
        """The resources. SpecError with the faults of all artifacts at once."""
        for artifact in self.rendered.artifacts:
            read = self._compose if artifact.provider == COMPOSE else self._read
            read(artifact)
        if any(issue.severity == ERROR for issue in self.issues):
            raise SpecError(self.issues)
        found: dict[str, Resource] = {}
        common: set[tuple[str, str]] = set()
        places = self._places()
        definitions = dict(_definitions(self.items))
        for item in sorted(self.items, key=lambda item: item.weak):
            resource = self._resource(item, places, definitions)
            other = found.get(resource.key)
            space = item.artifact.component.rpartition(":")[0]
            if other is not None and (space, other.hash) in common and other.hash == resource.hash:
                continue
            if item.common:
                common.add((space, resource.hash))
            if other is not None and not item.weak:
                self.say(
                    ERROR,
                    f"{resource.kind} '{resource.name}' stands here a second time: the other one is at {other.position}",
                    item.artifact,
                    item.position,
                    "duplicate",
                    "remove one of them, or give it another name",
                )
            found.setdefault(resource.key, resource)
        if self.target.create_namespace:
            place = self._place()
            found.setdefault(place.key, place)
        for volume in self.rendered.volumes:
            claim = self._claim(volume)
            found.setdefault(claim.key, claim)
        if any(issue.severity == ERROR for issue in self.issues):
            raise SpecError(self.issues)
        ordered = sorted(found.values(), key=lambda resource: resource.order)
        return Parsed(tuple(ordered), tuple(self.issues), frozenset(self.secrets))

    def _places(self) -> dict[str, int]:
        """Where in the graph a component begins: it takes as many places as its workloads have levels, or one."""
        widths = dict.fromkeys((artifact.component for artifact in self.rendered.artifacts), 1)
        for item in self.items:
            component = item.artifact.component
            widths[component] = max(widths[component], item.level)
        ends = accumulate(widths.values(), initial=0)
        return {**dict(zip(widths, ends, strict=False)), "": sum(widths.values())}

    def say(self, severity: str, message: str, artifact: Artifact, place: Position, code: str, hint: str = "") -> None:
        """Note a finding; errors end the reading once all artifacts are read."""
        excerpt = line_of(artifact.data, place.line) if place.file == artifact.file else ""
        self.issues.append(Issue(severity, message, place, code, "", hint, excerpt))

    # ------------------------------------------------------------ reading

    def _read(self, artifact: Artifact) -> None:
        try:
            roots = document.compose_all(artifact.data, artifact.file)
        except SpecError as error:
            self.issues += error.issues
            return
        if not roots:
            place = Position(artifact.file, 1, 1)
            self.say(WARNING, "the artifact holds no object", artifact, place, "empty", "remove it, or fill it")
        for root in roots:
            self._object(artifact, root)

    def _object(self, artifact: Artifact, node: document.Node, *, unfolded: bool = False) -> None:
        place = document.position_of(node, artifact.file)
        if not isinstance(node, document.MappingNode):
            message = f"a Kubernetes object is a mapping, and this is a {shape(node)}"
            hint = "an object begins with apiVersion, kind and metadata"
            self.say(ERROR, message, artifact, place, "shape", hint)
            return
        fields = document.fields(node)
        kind = document.text_of(fields.get("kind")) or ""
        if kind.endswith("List") and "items" in fields:
            for item in document.elements(fields["items"]):
                self._object(artifact, item, unfolded=unfolded)
            return
        inner = None if unfolded else self.unfold(artifact, node)
        if inner is not None:
            for item in inner:
                self._object(artifact, item, unfolded=True)
            return
        if not self._complete(artifact, node, fields):
            return
        body = value_of(node)
        metadata = {name: value for name, value in (body.get("metadata") or {}).items() if value is not None}
        for name in (*_SERVERS_OWN, "namespace"):
            metadata.pop(name, None)
        wanted = document.fields(fields.get("metadata")).get("namespace")
        text = document.text_of(wanted)
        if wanted is not None and text and text != self.target.namespace:
            self.say(
                WARNING,
                f"the namespace '{text}' is not taken: the app runs in '{self.target.namespace}'",
                artifact,
                document.position_of(wanted, artifact.file),
                "namespace",
                f"remove it here; `--namespace {text}` runs the app there",
            )
        body = {name: value for name, value in body.items() if name not in _GENERATED} | {"metadata": metadata}
        if "spec" in body and is_built_in(group_of(str(body["apiVersion"]))):
            body["spec"] = without_nulls(body["spec"])
        if body["kind"] == SECRET and not group_of(str(body["apiVersion"])):
            body = with_data(body)
        body = self.adapt(body)
        self.items.append(Item(artifact, body, place))

    def _complete(self, artifact: Artifact, node: document.Node, fields: Mapping[str, document.Node]) -> bool:
        place = document.position_of(node, artifact.file)
        good = True
        for name in ("apiVersion", "kind"):
            if not document.text_of(fields.get(name)):
                what = "is no text" if name in fields and not document.is_null(fields[name]) else "is missing"
                found = document.position_of(fields[name], artifact.file) if name in fields else place
                self.say(
                    ERROR, f"{name} {what}", artifact, found, name, "every object has apiVersion, kind and metadata"
                )
                good = False
        metadata = fields.get("metadata")
        named = document.fields(metadata).get("name")
        if not document.text_of(named):
            at = named if named is not None else metadata if isinstance(metadata, document.MappingNode) else node
            hint = "give the object a name of its own: what it is made from is found again by it"
            self.say(ERROR, "metadata.name is missing", artifact, document.position_of(at, artifact.file), "name", hint)
            good = False
        for name in ("labels", "annotations"):
            found_map = document.fields(metadata).get(name)
            if (
                found_map is not None
                and not document.is_null(found_map)
                and not isinstance(found_map, document.MappingNode)
            ):
                at_map = document.position_of(found_map, artifact.file)
                self.say(ERROR, f"metadata.{name} must be a mapping", artifact, at_map, name)
                good = False
        return good

    # ------------------------------------------------------------ resources

    def _resource(self, item: Item, places: Mapping[str, int], definitions: Mapping[tuple[str, str], str]) -> Resource:
        body, component = item.body, item.artifact.component
        kind, version, name = str(body["kind"]), str(body["apiVersion"]), str(body["metadata"]["name"])
        body["metadata"]["name"] = name
        if kind in _WORKLOADS:
            order = _GRAPH + places[component] + max(item.level - 1, 0)
        elif kind in _LAST:
            order = _GRAPH + places[""]
        else:
            order = rank_of(kind)
        defined = definitions.get((group_of(version), kind))
        lifetime = DATA if kind in (CLAIM, VOLUME) else OWNED
        if kind == NAMESPACE and name == self.target.namespace:
            lifetime = PLACE
        needs = (*((defined,) if defined else ()), *item.needs)
        key = key_of(version, kind, name)
        return Resource(key, component, kind, name, body, item.position, order, needs, lifetime, item.waits)

    def _place(self) -> Resource:
        """The namespace of `--create-namespace`; one that is there already is left as it is."""
        name = self.target.namespace
        body = {"apiVersion": "v1", "kind": NAMESPACE, "metadata": {"name": name}}
        position = Position("--create-namespace")
        key = key_of("v1", NAMESPACE, name)
        return Resource(key, GENERAL, NAMESPACE, name, body, position, _RANK[NAMESPACE], (), PLACE)

    def _claim(self, volume: Volume) -> Resource:
        """A persistentVolume requirement as a claim; one that an artifact brings by that name goes before."""
        wanted = volume.requirement
        name = claim_name(wanted)
        size = f"{wanted.size:g}Gi" if wanted.size == int(wanted.size) else f"{round(wanted.size * 1024)}Mi"
        body = {
            "apiVersion": "v1",
            "kind": CLAIM,
            "metadata": {"name": name},
            "spec": {"accessModes": [wanted.access_mode], "resources": {"requests": {"storage": size}}},
        }
        component = volume.namespace or GENERAL
        return Resource(
            key_of("v1", CLAIM, name), component, CLAIM, name, body, wanted.position, _RANK[CLAIM], (), DATA
        )


def claim_name(wanted: PersistentVolume) -> str:
    """The name of the claim for a persistentVolume requirement."""
    return wanted.name.lower().replace("_", "-")


def _definitions(items: list[Item]) -> Iterator[tuple[tuple[str, str], str]]:
    """The kinds that the app itself defines: (group, kind) -> key of the definition."""
    for item in items:
        if item.body["kind"] == DEFINITION:
            defined = defines(item.body)
            name = str(item.body["metadata"]["name"])
            yield defined, key_of(str(item.body["apiVersion"]), DEFINITION, name)


def defines(body: Mapping[str, Any]) -> tuple[str, str]:
    """(group, kind) that a CustomResourceDefinition brings; empty texts where it does not say."""
    spec = body.get("spec")
    if not isinstance(spec, dict):
        return "", ""
    names = spec.get("names")
    return str(spec.get("group", "")), str(names.get("kind", "")) if isinstance(names, dict) else ""
