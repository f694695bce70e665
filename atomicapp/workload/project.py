"""Several workloads that belong together, with the networks, volumes, configs and secrets that they share.

A reader makes a Project of a text, a provider's writer reads it. `said` lists all that the text says, so that a report
can tell of each word what becomes of it (see `fidelity`).
"""

from collections.abc import Mapping
from types import MappingProxyType

from atomicapp.errors import Issue
from atomicapp.position import Position
from atomicapp.records import NamedTuple
from atomicapp.workload.model import NOTHING, Workload

DEFAULT_NETWORK = "default"
"""The key of the network of all services that name none."""


class Said(NamedTuple):
    """One thing that a text says. `key` is the path of the Compose Specification without the names that the author chose
    and without the indexes of lists (`services.deploy.placement.constraints`); a short form says the keys of the long
    form that it stands for. `subject` is the service, network, volume, config or secret that it is said of ("" for the
    file as a whole). Where the reader itself has made something else of it, for every engine, `outcome` and `how` are
    the verdict (see `fidelity`)."""

    key: str
    subject: str
    position: Position
    outcome: str = ""
    how: str = ""


class Subnet(NamedTuple):
    """A range of addresses of a network."""

    subnet: str = ""
    ip_range: str = ""
    gateway: str = ""
    aux_addresses: Mapping[str, str] = NOTHING


class NetworkSpec(NamedTuple):
    """A network. `key` is what the services call it, `name` what it is called on the engine ("": the engine's way);
    an external one is there already."""

    key: str
    position: Position
    name: str = ""
    external: bool = False
    driver: str = ""
    driver_options: Mapping[str, str] = NOTHING
    attachable: bool = False
    internal: bool = False
    ipv4: bool | None = None
    ipv6: bool | None = None
    ipam_driver: str = ""
    ipam_options: Mapping[str, str] = NOTHING
    subnets: tuple[Subnet, ...] = ()
    labels: Mapping[str, str] = NOTHING


class VolumeSpec(NamedTuple):
    """A volume; `key`, `name` and `external` as for a network."""

    key: str
    position: Position
    name: str = ""
    external: bool = False
    driver: str = ""
    driver_options: Mapping[str, str] = NOTHING
    labels: Mapping[str, str] = NOTHING


class FileSpec(NamedTuple):
    """A config or a secret; `key`, `name` and `external` as for a network. `content` is None for what is external, or
    comes from a driver."""

    key: str
    position: Position
    name: str = ""
    external: bool = False
    content: str | None = None
    driver: str = ""
    driver_options: Mapping[str, str] = NOTHING
    template_driver: str = ""
    labels: Mapping[str, str] = NOTHING


class Project(NamedTuple):
    """What one text says. `services` are in its order; the mappings are by key. `name` is that of the text itself ("" for
    none). `profiles` are those that are active; what belongs to others only is left out, and told in `issues`."""

    file: str
    services: tuple[Workload, ...]
    networks: Mapping[str, NetworkSpec] = MappingProxyType({})
    volumes: Mapping[str, VolumeSpec] = MappingProxyType({})
    configs: Mapping[str, FileSpec] = MappingProxyType({})
    secrets: Mapping[str, FileSpec] = MappingProxyType({})
    name: str = ""
    said: tuple[Said, ...] = ()
    issues: tuple[Issue, ...] = ()

    def service(self, name: str) -> Workload | None:
        """The service of that name."""
        return next((work for work in self.services if work.service == name), None)
