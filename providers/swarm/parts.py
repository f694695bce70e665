"""What services need: networks, volumes, configs and secrets, as resources. Pure.

Configs and secrets can't be changed: another content has another name, so a service that uses it is rolled over to the new
one, and the old one goes when nothing uses it any more.
"""

from __future__ import annotations

from typing import Any

from atomicapp.model import DATA, OWNED, SHARED, Resource
from atomicapp.position import Position
from atomicapp.providers import base
from atomicapp.providers.swarm import names
from atomicapp.providers.swarm.artifacts import Part
from atomicapp.providers.swarm.spec import said
from atomicapp.workload.model import Mount
from atomicapp.workload.project import DEFAULT_NETWORK, FileSpec, NetworkSpec, Subnet, VolumeSpec

NETWORK = "network"
VOLUME = "volume"
CONFIG = "config"
SECRET = "secret"  # noqa: S105 (a kind)

Body = dict[str, Any]


def there_before(kind: str, name: str, component: str, place: Position) -> Resource:
    """What is made by someone else, before the app is run."""
    return Resource(f"{kind}/{name}", component, kind, name, {"external": True}, place, lifetime=SHARED)


# ---------------------------------------------------------------- networks


def network_name(app: str, part: Part, key: str) -> str:
    """What a network is called in the swarm."""
    spec = part.project.networks.get(key)
    if part.literal or spec is None:
        return key
    if spec.name or spec.external:
        return spec.name or key
    # the network of all services that name none is one for the whole deployment
    return names.joined(app, "" if key == DEFAULT_NETWORK else part.artifact.component, key)


def network(app: str, part: Part, key: str, place: Position) -> Resource:
    """The network that a service of a part is attached to."""
    name, component = network_name(app, part, key), part.artifact.component
    spec = part.project.networks.get(key) or NetworkSpec(key, place)
    if spec.external:
        return there_before(NETWORK, name, component, spec.position)
    return Resource(f"{NETWORK}/{name}", component, NETWORK, name, network_body(spec), spec.position)


def network_body(spec: NetworkSpec) -> Body:
    """What is sent to make a network, but for name and labels of ours."""
    # a bridge is of one machine only
    driver = "overlay" if spec.driver in ("", "bridge", "default") else spec.driver
    found: Body = {"Driver": driver}
    found |= said(
        Scope="swarm" if driver != "overlay" else "",
        Options=dict(sorted(spec.driver_options.items())),
        Attachable=spec.attachable,
        Internal=spec.internal,
        EnableIPv6=bool(spec.ipv6),
        IPAM=said(
            Driver=spec.ipam_driver,
            Options=dict(sorted(spec.ipam_options.items())),
            Config=[_subnet(subnet) for subnet in spec.subnets],
        ),
        Labels=dict(sorted(spec.labels.items())),
    )
    return found


PLAIN_NETWORK = network_body(NetworkSpec("", Position("")))


def _subnet(subnet: Subnet) -> Body:
    return said(
        Subnet=subnet.subnet,
        IPRange=subnet.ip_range,
        Gateway=subnet.gateway,
        AuxiliaryAddresses=dict(sorted(subnet.aux_addresses.items())),
    )


# ---------------------------------------------------------------- volumes


def volume(part: Part, mount: Mount, name: str, default_driver: str) -> Resource | None:
    """The volume of a mount, which its nodes make when a task needs it; None for one that must be there before."""
    spec = part.project.volumes.get(mount.source) or VolumeSpec(mount.source, mount.position)
    if spec.external:
        return None
    found: Body = {"driver": mount.driver or spec.driver or default_driver or "local"}
    found |= said(options={**spec.driver_options, **mount.driver_options}, labels={**spec.labels, **mount.labels})
    return Resource(f"{VOLUME}/{name}", part.artifact.component, VOLUME, name, found, spec.position, lifetime=DATA)


def volume_options(resource: Resource, app: str) -> Body:
    """What a mount says of the volume, for nodes that have to make it."""
    body = resource.body
    labels = {
        **body.get("labels", {}),
        base.LABEL_APP: app,
        base.LABEL_COMPONENT: resource.component,
        base.LABEL_KEY: resource.key,
        base.LABEL_LIFETIME: DATA,
    }
    found: Body = {"Labels": dict(sorted(labels.items()))}
    if body["driver"] != "local" or body.get("options"):
        found["DriverConfig"] = said(Name=body["driver"], Options=dict(sorted(body.get("options", {}).items())))
    return found


# ---------------------------------------------------------------- configs and secrets


def file_name(app: str, part: Part, kind: str, key: str) -> str:
    """What a config or a secret is called in the swarm."""
    spec = (part.project.secrets if kind == SECRET else part.project.configs).get(key)
    if part.literal or spec is None or spec.external:
        return (spec.name if spec else "") or key
    name = names.clean(spec.name) if spec.name else names.joined(app, part.artifact.component, key)
    settings = [spec.driver, sorted(spec.driver_options.items()), spec.template_driver, sorted(spec.labels.items())]
    content = "\0".join([spec.content or "", *(str(setting) for setting in settings if setting)])
    return names.of_content(name, content, secret=kind == SECRET)


def file(part: Part, kind: str, key: str, name: str, place: Position) -> Resource:
    """A config or a secret of which a service makes a file."""
    component = part.artifact.component
    spec: FileSpec | None = (part.project.secrets if kind == SECRET else part.project.configs).get(key)
    if part.literal or spec is None or spec.external:
        return there_before(kind, name, component, spec.position if spec else place)
    found = said(
        Driver=said(Name=spec.driver, Options=dict(sorted(spec.driver_options.items()))),
        Templating=said(Name=spec.template_driver),
        Labels=dict(sorted(spec.labels.items())),
    )
    body: Body = {"content": spec.content or "", **found}
    return Resource(f"{kind}/{name}", component, kind, name, body, spec.position, lifetime=OWNED)


def bad_size(resource: Resource) -> str:
    """What is wrong with the size of a config or a secret; empty for nothing."""
    if resource.lifetime == SHARED or resource.body.get("Driver"):
        return ""
    most = _MOST_BYTES[resource.kind]
    size = len(content(resource).encode())
    if 0 < size < most:
        return ""
    found = f"has {size} bytes" if size else "is empty"
    return f"the {resource.kind} {resource.name} {found}; a swarm takes from 1 to {most - 1} bytes"


_MOST_BYTES = {SECRET: 500 * 1024, CONFIG: 1000 * 1024}


def content(resource: Resource) -> str:
    """The text of a config or a secret."""
    return str(resource.body.get("content", ""))
