"""What a project is as units: values that the writer gives, and those that it is given. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from atomicapp.errors import Issue
from atomicapp.position import Position
from atomicapp.providers.units.syntax import LINE_MAX, Unit
from atomicapp.records import NamedTuple
from atomicapp.workload.model import Workload

# Values of Part.kind.
CONTAINER = "container"
NETWORK = "network"
VOLUME = "volume"

# Values of Settings.shared.
SHARED_UNITS = "units"
SHARED_STEPS = "steps"

Group = Sequence[str]
"""Words of a command that belong together: an option and its value."""


class Settings(NamedTuple):
    """What differs between providers.

    `component` is the scope of the artifact ("" for none). `folder` is where files (configs, secrets, variables) lie on
    the machine that runs a unit; `inline`: the unit writes them itself, so all that they hold can be read in it, otherwise
    they are in `Units.files`; `env_file`: variables stand in a file, not in the unit. `groups` gives for a service the
    group of those on its machine: units of different groups don't know each other; services that it does not name are
    of one group. `volumes` gives the engine's names of volumes that the package requires, by key. `spread`: replicas
    run on different machines. `environment` are variables of the docker client, `engine_unit` the unit of the engine ("" for
    none), `install` the target that starts all at boot ("" for none), `line_max` the bytes that a line must not reach.
    """

    app: str
    component: str = ""
    shared: str = SHARED_UNITS
    folder: str = "/etc/atomicapp"
    inline: bool = False
    env_file: bool = True
    groups: Mapping[str, str] = MappingProxyType({})
    volumes: Mapping[str, str] = MappingProxyType({})
    spread: bool = False
    docker: str = "/usr/bin/docker"
    environment: tuple[tuple[str, str], ...] = ()
    engine_unit: str = "docker.service"
    install: str = ""
    line_max: int | None = LINE_MAX


class File(NamedTuple):
    """A file that units use. `mode`, `uid` and `gid` are numbers; the text of a `secret` one must not be shown."""

    path: str
    text: str
    mode: int
    uid: int
    gid: int
    secret: bool
    position: Position


class Part(NamedTuple):
    """One unit of a project. `subject` is the service, or the key of the network or volume; `name` what it is called on the
    engine (`app-web-%i` for a template). `depth` is its place in the order, from 0. `work` is the service as it is run
    (names are those of the engine), None for what is no container; `files` the paths that it uses. `once`: it does its
    work by coming to an end. `undo` are the words that remove a volume with its data. `source` is the name of the file of which
    Podman's generator makes the unit, "" for a unit file: `unit` is then what that file says, under the name of the unit."""

    unit: Unit
    kind: str
    subject: str
    name: str
    depth: int
    instances: tuple[str, ...]
    after: tuple[str, ...] = ()
    waits: tuple[str, ...] = ()
    work: Workload | None = None
    files: tuple[str, ...] = ()
    once: bool = False
    undo: tuple[str, ...] = ()
    source: str = ""


class Units(NamedTuple):
    """A project as units. `secrets` are texts that must not be shown."""

    parts: tuple[Part, ...]
    files: tuple[File, ...]
    issues: tuple[Issue, ...]
    secrets: frozenset[str]
