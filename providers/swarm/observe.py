"""What the swarm holds of a deployment: one listing of each kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from atomicapp.errors import EngineError
from atomicapp.model import DATA, OWNED, PRESENT, SHARED, Existing, Resource
from atomicapp.providers import base
from atomicapp.providers.docker import labels as marks
from atomicapp.providers.docker.client import Client
from atomicapp.providers.docker.observe import refuse_unknown
from atomicapp.providers.swarm import nodes as noding
from atomicapp.providers.swarm import state as telling
from atomicapp.providers.swarm import tasks as tasking
from atomicapp.providers.swarm.client import Row, labels_of, name_of, rows, spec_of
from atomicapp.providers.swarm.nodes import Node
from atomicapp.providers.swarm.parts import CONFIG, NETWORK, SECRET, VOLUME
from atomicapp.providers.swarm.resources import SERVICE, SWARM
from atomicapp.providers.swarm.spec import PREDEFINED, too_new
from atomicapp.records import NamedTuple

LIFETIMES = (OWNED, DATA, SHARED)
_PATHS = {NETWORK: "/networks", CONFIG: "/configs", SECRET: "/secrets"}
_MAKE = {
    NETWORK: "docker network create --driver overlay {}",
    CONFIG: "docker config create {} FILE",
    SECRET: "docker secret create {} FILE",
}


class Seen(NamedTuple):
    """What was seen: the things, and for each volume the names of the nodes whose tasks use it, by key."""

    items: tuple[Existing, ...]
    places: Mapping[str, tuple[str, ...]]


class _Listing(NamedTuple):
    """One answer of each kind."""

    services: list[Row]
    tasks: dict[str, list[Row]]
    nodes: dict[str, Node]
    parts: dict[str, list[Row]]
    volumes: list[Row]


def observe(client: Client, app: str, wanted: Sequence[Resource]) -> Seen:
    """All that belongs to `app`, and those of `wanted` that are there and shared. See providers.base.Session."""
    resources = {resource.key: resource for resource in wanted}
    for resource in wanted:
        if resource.kind == SERVICE:
            refuse_unknown(client, resource, too_new(resource.body.get("spec", {}), client.version))
    found = _list(client, f"{base.LABEL_APP}={app}", volumes=any(item.kind == VOLUME for item in wanted) or not wanted)
    items = [_service(row, found) for row in found.services]
    items = _moved_images(client, items, found.services, resources)
    _refuse_foreign(client, app, items, wanted)
    for kind, listed in found.parts.items():
        items += [_part(row, kind) for row in listed]
        items += _shared(client, app, kind, items, wanted)
    volumes, places = _volumes(found, app, resources)
    if SWARM in resources:
        items.append(_present(resources[SWARM]))
    return Seen((*items, *volumes), places)


def observe_all(client: Client) -> dict[str, tuple[Existing, ...]]:
    """All deployments, whatever their number: one listing of each kind."""
    listed = _list(client, base.LABEL_APP, volumes=True)
    found: dict[str, list[Existing]] = {}
    for row in listed.services:
        found.setdefault(labels_of(row)[base.LABEL_APP], []).append(_service(row, listed))
    for kind, listing in listed.parts.items():
        for row in listing:
            found.setdefault(labels_of(row)[base.LABEL_APP], []).append(_part(row, kind))
    for app in {*found, *(labels_of(row)[base.LABEL_APP] for row in listed.volumes)}:
        found.setdefault(app, []).extend(_volumes(listed, app, {})[0])
    return {app: tuple(items) for app, items in sorted(found.items())}


def _list(client: Client, label: str, *, volumes: bool) -> _Listing:
    services = rows(client, "/services", label=[label])
    tasks = rows(client, "/tasks", label=[label]) if services else []
    nodes = noding.read(rows(client, "/nodes")) if services else {}
    parts = {kind: rows(client, path, label=[label]) for kind, path in _PATHS.items()}
    local = client.listing("/volumes", "Volumes", filters={"label": [label]}) if volumes else []
    return _Listing(services, tasking.by_service(tasks), nodes, parts, local)


# ---------------------------------------------------------------- services


def _service(row: Row, listed: _Listing) -> Existing:
    labels, own = labels_of(row), listed.tasks.get(str(row["ID"]), [])
    state, detail, ready = telling.tell(row, own, listed.nodes)
    name = name_of(row)
    container = (spec_of(row).get("TaskTemplate") or {}).get("ContainerSpec") or {}
    return Existing(
        labels.get(base.LABEL_KEY) or f"{SERVICE}/{name}",
        labels.get(base.LABEL_COMPONENT, ""),
        SERVICE,
        name,
        labels.get(base.LABEL_HASH, ""),
        state,
        detail,
        marks.number(labels, base.LABEL_ORDER),
        OWNED,
        str(row["ID"]),
        str(container.get("Image", "")).partition("@")[0],
        telling.ports(row, own, listed.nodes),
        marks.number(labels, base.LABEL_REVISION),
        replicas=tasking.count_of(row) if tasking.kind_of(row) == tasking.REPLICATED else None,
        ready=ready,
    )


def _moved_images(
    client: Client, items: list[Existing], listed: Sequence[Row], resources: Mapping[str, Resource]
) -> list[Existing]:
    """Take the hash from services whose image is to be asked for at each run, when its name means another one now."""
    from atomicapp.providers.swarm import images

    by_id = {str(row["ID"]): row for row in listed}
    done = []
    for item in items:
        resource = resources.get(item.key)
        if resource is not None and resource.body.get("pull") == "always" and item.hash == resource.hash:
            container = spec_of(by_id[item.id])["TaskTemplate"]["ContainerSpec"]
            _, _, digest = str(container["Image"]).partition("@")
            now = images.resolve(client, item.image)
            if now is not None and digest and now.digest != digest:
                item = item._replace(hash="")
        done.append(item)
    return done


def _refuse_foreign(client: Client, app: str, items: Sequence[Existing], wanted: Sequence[Resource]) -> None:
    """EngineError when a wanted name belongs to a service that is not of this deployment."""
    own = {item.name for item in items}
    absent = {resource.name: resource for resource in wanted if resource.kind == SERVICE and resource.name not in own}
    if not absent:
        return
    for row in rows(client, "/services", name=sorted(absent)):
        # the filter takes the beginning of a name
        if name_of(row) in absent and labels_of(row).get(base.LABEL_APP) != app:
            raise foreign(absent[name_of(row)], labels_of(row).get(base.LABEL_APP))


def foreign(resource: Resource, owner: str | None) -> EngineError:
    """A thing with a wanted name is not ours to touch."""
    whose = f"belongs to the app '{owner}'" if owner else "was not made by atomicapp"
    remove = f"`atomicapp uninstall {owner}`" if owner else f"`docker {resource.kind} rm {resource.name}`"
    return EngineError(
        f"a {resource.kind} named '{resource.name}' is in the swarm already, and it {whose}",
        component=resource.component,
        position=resource.position,
        hint=f"run this one under another name (--name), or remove the other one: {remove}",
    )


# ---------------------------------------------------------------- networks, configs, secrets


def _part(row: Row, kind: str) -> Existing:
    labels, name = labels_of(row), name_of(row)
    lifetime = labels.get(base.LABEL_LIFETIME, "")
    return Existing(
        labels.get(base.LABEL_KEY) or f"{kind}/{name}",
        labels.get(base.LABEL_COMPONENT, ""),
        kind,
        name,
        labels.get(base.LABEL_HASH, ""),
        PRESENT,
        str(row.get("Driver", "")) if kind == NETWORK else "",
        0,
        lifetime if lifetime in LIFETIMES else OWNED,
        str(row.get("ID") or row.get("Id") or name),
        revision=marks.number(labels, base.LABEL_REVISION),
    )


def _present(resource: Resource, *, lifetime: str = SHARED, item_id: str = "", digest: str = "") -> Existing:
    return Existing(
        resource.key,
        resource.component,
        resource.kind,
        resource.name,
        digest,
        PRESENT,
        lifetime=lifetime,
        id=item_id,
    )


def _shared(
    client: Client, app: str, kind: str, items: Sequence[Existing], wanted: Sequence[Resource]
) -> list[Existing]:
    """Those of the wanted that others made. EngineError for what has to be there and is not."""
    own = {item.key for item in items}
    absent = {resource.name: resource for resource in wanted if resource.kind == kind and resource.key not in own}
    if not absent:
        return []
    if kind == NETWORK:
        found = {name_of(row): row for row in client.listing("/networks")}
    else:
        found = {name_of(row): row for row in rows(client, _PATHS[kind], name=sorted(absent))}
    done = []
    for name, resource in absent.items():
        row, external = found.get(name), bool(resource.body.get("external"))
        if row is None and external and not (kind == NETWORK and name in PREDEFINED):
            raise EngineError(
                f"the {kind} '{name}' is not in the swarm, and the app does not make it: it is external",
                component=resource.component,
                position=resource.position,
                hint=f"make it before: {_MAKE[kind].format(name)}",
            )
        if row is None and not external:
            continue
        owner = labels_of(row or {}).get(base.LABEL_APP)
        if not external and owner is not None and owner != app:
            raise foreign(resource, owner)
        if kind == NETWORK and row is not None and row.get("Scope") != "swarm" and name not in PREDEFINED:
            raise EngineError(
                f"the network '{name}' is one of a single engine, which tasks of a swarm can't be in",
                component=resource.component,
                position=resource.position,
                hint=f"give this one another name, or remove that one: docker network rm {name}",
            )
        done.append(_present(resource, item_id=str((row or {}).get("ID") or (row or {}).get("Id") or name)))
    return done


# ---------------------------------------------------------------- volumes


def _volumes(
    listed: _Listing, app: str, resources: Mapping[str, Resource]
) -> tuple[list[Existing], dict[str, tuple[str, ...]]]:
    """The volumes that services mount, and those that this engine holds; with the nodes that use them."""
    used: dict[str, tuple[Row, set[str]]] = {}
    for row in listed.services:
        container = (spec_of(row).get("TaskTemplate") or {}).get("ContainerSpec") or {}
        for mount in container.get("Mounts") or []:
            labels = (mount.get("VolumeOptions") or {}).get("Labels") or {}
            if labels.get(base.LABEL_APP) == app:
                on = {str(task.get("NodeID", "")) for task in listed.tasks.get(str(row["ID"]), [])} - {""}
                used.setdefault(str(mount.get("Source", "")), (mount, set()))[1].update(on)
    found: dict[str, Existing] = {}
    places: dict[str, tuple[str, ...]] = {}
    for name, (mount, on) in used.items():
        labels = mount["VolumeOptions"]["Labels"]
        key = labels.get(base.LABEL_KEY) or f"{VOLUME}/{name}"
        places[key] = tuple(sorted(noding.name_of(listed.nodes, node) for node in on))
        resource = resources.get(key)
        same = resource is not None and _driver(mount) == (resource.body["driver"], resource.body.get("options", {}))
        digest = resource.hash if resource is not None and same else ""
        detail = f"on {', '.join(places[key])}" if on else ""
        component = labels.get(base.LABEL_COMPONENT, "")
        found[key] = Existing(key, component, VOLUME, name, digest, PRESENT, detail, lifetime=DATA, id=name)
    for row in listed.volumes:
        labels = labels_of(row)
        if labels.get(base.LABEL_APP) != app:
            continue
        name = str(row.get("Name", ""))
        key = labels.get(base.LABEL_KEY) or f"{VOLUME}/{name}"
        resource = resources.get(key)
        made = (str(row.get("Driver", "")), dict(row.get("Options") or {}))
        same = resource is not None and made == (resource.body["driver"], resource.body.get("options", {}))
        digest = resource.hash if resource is not None and same else ""
        component = labels.get(base.LABEL_COMPONENT, "")
        detail = "on this node"
        found.setdefault(key, Existing(key, component, VOLUME, name, digest, PRESENT, detail, lifetime=DATA, id=name))
    return list(found.values()), places


def _driver(mount: Row) -> tuple[str, dict[str, str]]:
    """The driver that a mount makes its volume with, and the options of it."""
    config = (mount.get("VolumeOptions") or {}).get("DriverConfig") or {}
    return str(config.get("Name") or "local"), dict(config.get("Options") or {})
