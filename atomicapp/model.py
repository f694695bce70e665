"""The values that travel from stage to stage. All are immutable; tuples keep the order of the files.

    load      Nulecule      one file, validated; every node knows its position
    resolve   App           the tree of apps: a Nulecule, where it lies, and its nested apps
    configure Settings      one Value for each param of each scope, with its origin      (params/)
    render    Artifact      text after substitution, in memory
    parse     Resource      what a provider wants to exist
    observe   Existing      what the engine says does exist
    plan      Plan          ordered steps from one to the other
    apply     Record        what the store keeps                                          (store.py)

NamedTuples and not dataclasses: they are made by the thousand, and import in a tenth of the time. Annotations are values
here, not texts (but for Path, whose import takes longer): NamedTuple would compile each text, a quarter of the time that
this file takes to import.
A *scope* is the namespace path of a component: `general` for the root app's own params, else `a:b:c`.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from atomicapp.errors import Issue
from atomicapp.position import Position
from atomicapp.records import NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

GENERAL = "general"
COMPOSE = "compose"
"""The key of artifacts that are Compose files: they serve every provider that has none of its own."""

# ---------------------------------------------------------------- load


class Constraint(NamedTuple):
    """A regular expression that the whole text of a value must match."""

    allowed_pattern: str
    description: str
    position: Position


class Param(NamedTuple):
    """A declared param. `default` is the text as it stands in the file; None means that there is none. `quoted`:
    the default is written as a text, so that where types count (JSON pointers) its values are texts."""

    name: str
    description: str
    default: str | None
    hidden: bool
    constraints: tuple[Constraint, ...]
    position: Position
    default_position: Position
    quoted: bool = False


class Pointer(NamedTuple):
    """A JSON pointer into the parsed artifact which is set to the value of a param."""

    param: str
    pointer: str
    position: Position


class FileArtifact(NamedTuple):
    """`file://PATH`: a file, or a folder standing for its plain files. `path` is relative to the app."""

    path: str
    position: Position
    pointers: tuple[Pointer, ...] = ()


class UrlArtifact(NamedTuple):
    """`http://` or `https://`; `sha256` (hex) is checked when given."""

    url: str
    position: Position
    sha256: str = ""
    pointers: tuple[Pointer, ...] = ()


class GitArtifact(NamedTuple):
    """A file or folder `path` of a git repository at `ref` (a tag goes before a branch)."""

    source: str
    path: str
    ref: str
    position: Position
    pointers: tuple[Pointer, ...] = ()


class InheritArtifact(NamedTuple):
    """The artifacts of other providers, in this place of the list."""

    providers: tuple[str, ...]
    position: Position


ArtifactSource = FileArtifact | UrlArtifact | GitArtifact | InheritArtifact


class Component(NamedTuple):
    """A graph item that brings artifacts: provider name -> sources."""

    name: str
    artifacts: Mapping[str, tuple[ArtifactSource, ...]]
    params: tuple[Param, ...]
    position: Position


class Include(NamedTuple):
    """A graph item that takes another app: `source` is an image reference without `docker://`."""

    name: str
    source: str
    params: tuple[Param, ...]
    position: Position


class PersistentVolume(NamedTuple):
    """Storage that the app wants kept. `size` is in GB; `access_mode` one of ReadWriteOnce, ReadOnlyMany,
    ReadWriteMany."""

    name: str
    access_mode: str
    size: float
    position: Position


class Nulecule(NamedTuple):
    """One validated file. `file` is how messages name it; `issues` the warnings met while loading."""

    id: str
    specversion: str
    metadata: Mapping[str, Any]
    params: tuple[Param, ...]
    graph: tuple[Component | Include, ...]
    requirements: tuple[PersistentVolume, ...]
    file: str
    issues: tuple[Issue, ...]


# ---------------------------------------------------------------- resolve


class App(NamedTuple):
    """A node of the tree of apps. `children` holds, for each Include of the graph in order, the app taken.

    `name` is the component's name in its parent ("" for the root); `namespace` the scope prefix (`a:b`,
    "" for the root); `folder` holds the Nulecule and its artifacts; `digest` is that of the image it came
    from ("" for a folder). The fields `name` and `children` are what anytree's iterators and renderers use.
    """

    name: str
    namespace: str
    nulecule: Nulecule
    folder: "Path"
    reference: str
    digest: str
    children: tuple["App", ...]

    def scope_of(self, item: Component | Include) -> str:
        """The scope of a graph item of this app."""
        return f"{self.namespace}:{item.name}" if self.namespace else item.name


# ---------------------------------------------------------------- render


class Artifact(NamedTuple):
    """One rendered file. `component` is the scope, `path` the path below the component's app (or the file name
    of a remote one), `position` where the Nulecule asks for it; `file` is how messages name the source."""

    component: str
    provider: str
    path: str
    data: str
    file: str
    position: Position


class Volume(NamedTuple):
    """A persistentVolume requirement with the namespace (`a:b`, "" for the root) of the app that states it."""

    namespace: str
    requirement: PersistentVolume


class Rendered(NamedTuple):
    """All that a provider needs to know of an app: its artifacts in graph order, its volumes, and the warnings.

    `read` gives the text of another file of the app that an artifact names (`--env-file`), by its path below the
    artifact's app; it raises AtomicAppError or OSError, and refuses what lies outside. `secrets` are the texts of all
    hidden values: a provider notes which of its fields hold one, for they may be shown when they are secrets no more.
    `variables` gives, for the scope of a component, the texts of all params that reach it, by name. `below` lists the
    plain files below a folder of the artifact's app by their paths, as `read` takes them; OSError for what is no folder.
    """

    artifacts: tuple[Artifact, ...]
    volumes: tuple[Volume, ...] = ()
    issues: tuple[Issue, ...] = ()
    read: Callable[[Artifact, str], str] | None = None
    secrets: frozenset[str] = frozenset()
    variables: Callable[[str], Mapping[str, str]] | None = None
    below: Callable[[Artifact, str], tuple[str, ...]] | None = None


# ---------------------------------------------------------------- parse


class Target(NamedTuple):
    """Where and as what an app is to run. `app` is the name of the deployment, unique on the engine.

    The provider options are those of the command line and of `[general]` in the answers; empty = not given.
    `auth` is a secret. `create_namespace`, `force_conflicts` and `init_swarm` are what the user allows for this one
    command; `cache` is a folder where a provider may keep what it can ask for again ("": it keeps nothing).
    """

    app: str
    namespace: str = "default"
    api: str = ""
    auth: str = ""
    cafile: str = ""
    config: str = ""
    context: str = ""
    tlsverify: bool = True
    create_namespace: bool = False
    force_conflicts: bool = False
    init_swarm: bool = False
    cache: str = ""


# What becomes of a resource that is no longer wanted.
OWNED = "owned"  # removed with the app
DATA = "data"  # holds the user's data: kept unless the user says --purge-data
SHARED = "shared"  # not ours alone (an image, a network that was there before): never removed
PLACE = "place"  # what all else stands in (a namespace): removed by uninstall, last, and by nothing else


class Resource(NamedTuple):
    """One thing that a provider wants to exist.

    `key` is unique in the deployment and stable between runs (`container/web:1`); `name` is the name on the
    engine; `body` is JSON-ready and holds all that makes the thing what it is, secrets included: it is
    shown only after masking. `order` is the place in the graph: what has a lower order is started before
    and stopped after. `needs` lists the keys of resources that must exist before this one is made; `waits` those of
    them that must be ready, too.
    """

    key: str
    component: str
    kind: str
    name: str
    body: Mapping[str, Any]
    position: Position
    order: int = 0
    needs: tuple[str, ...] = ()
    lifetime: str = OWNED
    waits: tuple[str, ...] = ()

    @property
    def hash(self) -> str:
        """A digest of kind, name and body: equal exactly when nothing changed."""
        import json

        from atomicapp.digests import sha256_of

        text = json.dumps([self.kind, self.name, self.body], sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return sha256_of(text)[:32]


class Parsed(NamedTuple):
    """The outcome of a provider's `parse`: resources in the order of the graph, and what it could not honour. `secrets`
    are texts beside the hidden params that must not be shown or kept."""

    resources: tuple[Resource, ...]
    issues: tuple[Issue, ...] = ()
    secrets: frozenset[str] = frozenset()


# ---------------------------------------------------------------- observe

RUNNING = "running"
STOPPED = "stopped"
FAILED = "failed"  # there, but ended with an error, unhealthy, or restarting again and again
UNREADY = "unready"  # how one that runs is called while it does not do its work: on its way up, or in trouble
PRESENT = "present"  # there, and not of a kind that runs (a volume, a network, a Secret)


class Existing(NamedTuple):
    """One thing that the engine holds. `hash` is the digest it was made from ("" when unknown: then it counts as
    changed), `state` one of the words above, `detail` the engine's own words for it, `ports` what a user can
    open (`0.0.0.0:8080->80/tcp`); `body` is filled only by providers that can tell it; `replicas` is how many of it are
    wanted (None: it can't be scaled), `ready` whether it does its work, where a listing tells."""

    key: str
    component: str
    kind: str
    name: str
    hash: str
    state: str
    detail: str = ""
    order: int = 0
    lifetime: str = OWNED
    id: str = ""
    image: str = ""
    ports: tuple[str, ...] = ()
    revision: int = 0
    body: Mapping[str, Any] | None = None
    replicas: int | None = None
    ready: bool = True

    @property
    def health(self) -> str:
        """The state, or UNREADY."""
        return self.state if self.ready or self.state != RUNNING else UNREADY


# ---------------------------------------------------------------- plan

CREATE = "create"
UPDATE = "update"
REPLACE = "replace"
DELETE = "delete"
START = "start"
STOP = "stop"
SCALE = "scale"
KEEP = "keep"


class Change(NamedTuple):
    """One field that differs: a path like `env/DB_HOST`, the old and the new value as text (None: absent)."""

    path: str
    old: str | None
    new: str | None


class Step(NamedTuple):
    """One move. `resource` is what is wanted (None when it goes), `existing` what is there (None when it comes),
    `after` the indexes in the plan of the steps that must be done before, `cause` why, in a few words; `replicas` the
    count that a scale brings."""

    op: str
    resource: Resource | None
    existing: Existing | None
    after: tuple[int, ...] = ()
    cause: str = ""
    changes: tuple[Change, ...] = ()
    replicas: int | None = None

    @property
    def key(self) -> str:
        found = self.resource or self.existing
        assert found is not None
        return found.key

    @property
    def component(self) -> str:
        found = self.resource or self.existing
        assert found is not None
        return found.component

    @property
    def kind(self) -> str:
        found = self.resource or self.existing
        assert found is not None
        return found.kind

    @property
    def name(self) -> str:
        found = self.resource or self.existing
        assert found is not None
        return found.name


class Plan(NamedTuple):
    """What is to be done to bring a deployment where it is wanted; `revision` is the number the result gets."""

    target: Target
    provider: str
    revision: int
    steps: tuple[Step, ...]
    issues: tuple[Issue, ...] = ()

    @property
    def changes(self) -> tuple[Step, ...]:
        """The steps that do something."""
        return tuple(step for step in self.steps if step.op != KEEP)


# ---------------------------------------------------------------- readiness, logs and events


class Ready(NamedTuple):
    """The resource does what it is there for."""

    detail: str = ""


class Waiting(NamedTuple):
    """Not yet; `reason` in the engine's words. `log_tail`: the last lines of what has ended meanwhile and is tried again."""

    reason: str
    log_tail: tuple[str, ...] = ()


class Failed(NamedTuple):
    """It will not become ready by waiting: why, and the last lines of its log. `lasting` False: unless something else,
    which it may need, becomes ready (it ends and is started again and again); the reason then tells one end from the next.
    """

    reason: str
    log_tail: tuple[str, ...] = ()
    lasting: bool = True


Readiness = Ready | Waiting | Failed


class Restored(NamedTuple):
    """What was done about a resource that has failed. `outcome` is what became of it ("was rolled back to what ran before"),
    empty when it was left as it is; `advice` is what else to say or do."""

    outcome: str = ""
    advice: str = ""


class Event(NamedTuple):
    """One thing that an engine says of a component: `time` is RFC 3339, `warning` whether it is bad news, `subject` what
    it is about (`Pod web-1`), `reason` its one word for it, `message` the whole, `times` how often it was said."""

    component: str
    time: str
    warning: bool
    subject: str
    reason: str
    message: str
    times: int = 1


class LogLine(NamedTuple):
    """One line that a component wrote. `stream` is stdout or stderr; `time` an RFC 3339 text or empty."""

    component: str
    name: str
    text: str
    stream: str = "stdout"
    time: str = ""
