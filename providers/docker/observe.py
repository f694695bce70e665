"""What the engine holds of a deployment, from listings: one when nothing changed, a few more when something did.

A listed container shows its networks, its volumes and its image. So as long as every wanted container is there,
unchanged and running, what it needs is there as well and need not be asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from atomicapp.errors import EngineError
from atomicapp.model import DATA, FAILED, OWNED, PRESENT, RUNNING, SHARED, STOPPED, Existing, Resource
from atomicapp.providers import base
from atomicapp.providers.docker import labels as marks
from atomicapp.providers.docker.body import too_new
from atomicapp.providers.docker.client import Client
from atomicapp.providers.docker.resources import CONTAINER, IMAGE, NETWORK, VOLUME

Row = dict[str, Any]

_ASIDE = re.compile(r"-replaced-[0-9a-f]{12}$")
_EXIT = re.compile(r"Exited \((-?\d+)\)")
_STOPPED_CODES = (0, 130, 137, 143)
"""Exit statuses of what ended well or was told to: SIGINT, SIGKILL, SIGTERM."""

_ALL = "0.0.0.0"  # noqa: S104 (shown, not bound)

LIFETIMES = (OWNED, DATA, SHARED)


def aside(name: str, container_id: str) -> str:
    """The name under which a container waits while the one that replaces it is made."""
    return f"{_ASIDE.sub('', name)}-replaced-{container_id[:12]}"


def observe(client: Client, app: str, wanted: Sequence[Resource]) -> tuple[Existing, ...]:
    """All that belongs to `app`, and those of `wanted` that are there and shared. See providers.base.Session."""
    rows = client.listing("/containers/json", all=True, filters={"label": [f"{base.LABEL_APP}={app}"]})
    if not wanted:
        volumes = _volumes(client, app)
        networks = _networks(client, app)
        return (*_without_double(rows, {}), *networks, *volumes)
    resources = {resource.key: resource for resource in wanted}
    for resource in wanted:
        refuse_too_new(client, resource)
    containers = _changed_by_others(_without_double(rows, resources), resources, rows)
    seen = _evident(containers, resources, rows)
    if seen is not None:
        return (*containers, *seen)
    _refuse_foreign(client, app, containers, resources)
    return (*containers, *_asked(client, app, containers, resources))


def observe_all(client: Client) -> dict[str, tuple[Existing, ...]]:
    """All deployments: three listings, whatever their number."""
    found: dict[str, list[Existing]] = {}
    rows = client.listing("/containers/json", all=True, filters={"label": [base.LABEL_APP]})
    by_app: dict[str, list[Row]] = {}
    for row in rows:
        by_app.setdefault(_labels(row)[base.LABEL_APP], []).append(row)
    for app, own in by_app.items():
        found.setdefault(app, []).extend(_without_double(own, {}))
    filters = {"label": [base.LABEL_APP]}
    for row in client.listing("/networks", filters=filters):
        found.setdefault(_labels(row)[base.LABEL_APP], []).append(_network(row))
    for row in client.listing("/volumes", "Volumes", filters=filters):
        found.setdefault(_labels(row)[base.LABEL_APP], []).append(_volume(row))
    return {app: tuple(items) for app, items in sorted(found.items())}


# ---------------------------------------------------------------- containers


def _labels(row: Row) -> dict[str, str]:
    return row.get("Labels") or {}


def name_of(row: Row) -> str:
    """The name of a listed container; links give it further ones, with a slash inside."""
    names = [name.removeprefix("/") for name in row.get("Names") or []]
    return next((name for name in names if "/" not in name), names[0] if names else str(row.get("Id", ""))[:12])


def _state(row: Row) -> str:
    state, status = str(row.get("State", "")).lower(), str(row.get("Status", ""))
    if state in ("running", "paused"):
        return FAILED if status.endswith("(unhealthy)") else RUNNING
    if state in ("restarting", "dead"):
        return FAILED
    code = _EXIT.match(status)
    return FAILED if code and int(code[1]) not in _STOPPED_CODES else STOPPED


def _ports(row: Row) -> tuple[str, ...]:
    found = {
        (f"{port['PublicPort']}->{port['PrivatePort']}/{port.get('Type', 'tcp')}", port.get("IP", ""))
        for port in row.get("Ports") or []
        if port.get("PublicPort")
    }
    # the engine lists a port that is open to all once for each version of IP
    return tuple(sorted(f"{_host(ip)}:{port}" for port, ip in found if ip != "::" or (port, _ALL) not in found))


def _host(ip: str) -> str:
    return f"[{ip}]" if ":" in ip else ip or _ALL


def _container(row: Row, key: str) -> Existing:
    labels = _labels(row)
    state = _state(row)
    if state == STOPPED and marks.LABEL_ONCE in labels and str(row.get("Status", "")).startswith("Exited (0)"):
        state = PRESENT  # it has done its work: neither `start` nor the next run has to do with it
    return Existing(
        key,
        labels.get(base.LABEL_COMPONENT, ""),
        CONTAINER,
        name_of(row),
        labels.get(base.LABEL_HASH, ""),
        state,
        str(row.get("Status", "")),
        marks.number(labels, base.LABEL_ORDER),
        OWNED,
        str(row.get("Id", "")),
        str(row.get("Image", "")),
        _ports(row),
        marks.number(labels, base.LABEL_REVISION),
    )


def _without_double(rows: Iterable[Row], resources: dict[str, Resource]) -> list[Existing]:
    """One container for each key. What an interrupted replacement left behind gets a key of its own, so that it is
    taken for something that is no longer wanted."""
    by_key: dict[str, list[Row]] = {}
    for row in rows:
        key = _labels(row).get(base.LABEL_KEY) or f"{CONTAINER}/{name_of(row)}"
        by_key.setdefault(key, []).append(row)
    found = []
    for key, same in by_key.items():
        resource = resources.get(key)
        name = resource.name if resource else ""

        def rank(row: Row, name: str = name) -> tuple[bool, bool, int]:
            return (name_of(row) == name, not _ASIDE.search(name_of(row)), int(row.get("Created", 0) or 0))

        best, *others = sorted(same, key=rank, reverse=True)
        found.append(_container(best, key))
        found += [_container(row, f"{key}~{str(row.get('Id', ''))[:12]}") for row in others]
    return found


def moved_image(row: Row, wanted: str) -> bool:
    """Whether the name of the image means another image now: then the listing shows the old one by its id only."""
    shown, image_id = str(row.get("Image", "")), str(row.get("ImageID", ""))
    short = shown.removeprefix("sha256:")
    is_id = bool(re.fullmatch(r"[0-9a-f]{12,64}", short)) and image_id.removeprefix("sha256:").startswith(short)
    return is_id and not wanted.removeprefix("sha256:").startswith(short)


def _changed_by_others(
    containers: Sequence[Existing], resources: dict[str, Resource], rows: Sequence[Row]
) -> list[Existing]:
    """Take the hash from containers that are not as they were made: renamed, on an image whose name has moved on, or
    tied to one that is gone or is about to be made anew. Without a hash they count as changed."""
    by_id = {str(row.get("Id", "")): row for row in rows}
    by_key = {item.key: item for item in containers}
    for resource in sorted(resources.values(), key=lambda found: found.order):
        item = by_key.get(resource.key)
        if item is None or resource.kind != CONTAINER:
            continue
        image = str(resource.body["config"].get("Image", ""))
        tied = [by_key.get(key) for key in resource.body.get("bound", {})]
        if (
            item.name != resource.name
            or moved_image(by_id[item.id], image)
            or any(other is None or other.hash != resources[other.key].hash for other in tied)
        ):
            by_key[resource.key] = item._replace(hash="")
    return [by_key[item.key] for item in containers]


# ---------------------------------------------------------------- what containers need


def _evident(
    containers: Sequence[Existing], resources: dict[str, Resource], rows: Sequence[Row]
) -> list[Existing] | None:
    """What the containers need, as their listing shows it; None when the listing does not tell all."""
    by_key = {item.key: item for item in containers}
    by_id = {str(row.get("Id", "")): row for row in rows}
    if not by_key.keys() <= resources.keys():
        # what is no longer wanted may leave a network behind
        return None
    shown: set[str] = set()
    for resource in resources.values():
        if resource.kind != CONTAINER:
            continue
        item = by_key.get(resource.key)
        if item is None or item.hash != resource.hash or item.state not in (RUNNING, PRESENT):
            return None
        row = by_id[item.id]
        networks = (row.get("NetworkSettings") or {}).get("Networks") or {}
        shown |= {f"{NETWORK}/{name}" for name in networks}
        shown |= {f"{VOLUME}/{mount.get('Name')}" for mount in row.get("Mounts") or [] if mount.get("Name")}
        shown |= {key for key in resource.needs if key.startswith(f"{IMAGE}/")}
    others = [resource for resource in resources.values() if resource.kind != CONTAINER]
    if any(resource.key not in shown for resource in others):
        return None
    return [_present(resource, resource.hash) for resource in others]


def _present(resource: Resource, digest: str, lifetime: str = "", item_id: str = "") -> Existing:
    return Existing(
        resource.key,
        resource.component,
        resource.kind,
        resource.name,
        digest,
        PRESENT,
        lifetime=lifetime or resource.lifetime,
        id=item_id,
    )


def _owned(row: Row, kind: str) -> Existing:
    labels = _labels(row)
    name = str(row.get("Name", ""))
    lifetime = labels.get(base.LABEL_LIFETIME, "")
    return Existing(
        labels.get(base.LABEL_KEY) or f"{kind}/{name}",
        labels.get(base.LABEL_COMPONENT, ""),
        kind,
        name,
        labels.get(base.LABEL_HASH, ""),
        PRESENT,
        str(row.get("Driver", "")),
        0,
        lifetime if lifetime in LIFETIMES else DATA if kind == VOLUME else OWNED,
        str(row.get("Id", "") or name),
        revision=marks.number(labels, base.LABEL_REVISION),
    )


def _network(row: Row) -> Existing:
    return _owned(row, NETWORK)


def _volume(row: Row) -> Existing:
    return _owned(row, VOLUME)


def _networks(client: Client, app: str) -> list[Existing]:
    found = client.listing("/networks", filters={"label": [f"{base.LABEL_APP}={app}"]})
    return [_network(row) for row in found]


def _volumes(client: Client, app: str) -> list[Existing]:
    found = client.listing("/volumes", "Volumes", filters={"label": [f"{base.LABEL_APP}={app}"]})
    return [_volume(row) for row in found]


def _asked(client: Client, app: str, containers: Sequence[Existing], resources: dict[str, Resource]) -> list[Existing]:
    """Networks and volumes from a listing each, images one by one: only those that are wanted are of interest."""
    found: list[Existing] = []
    for kind, rows in (
        (NETWORK, client.listing("/networks")),
        (VOLUME, client.listing("/volumes", "Volumes")),
    ):
        wanted = {item.name: item for item in resources.values() if item.kind == kind}
        seen: set[str] = set()
        # an engine may hold two networks of one name: ours goes first
        for row in sorted(rows, key=lambda row: _labels(row).get(base.LABEL_APP) != app):
            name, own = str(row.get("Name", "")), _labels(row).get(base.LABEL_APP) == app
            # a network may be named by its id as well
            resource = wanted.get(name) or wanted.get(str(row.get("Id", ""))) or wanted.get(str(row.get("Id", ""))[:12])
            if own and _labels(row).get(marks.LABEL_VOLUME_OF) not in resources:
                found.append(_owned(row, kind))
            elif not own and resource is not None and name not in seen:
                owner = _labels(row).get(base.LABEL_APP)
                if owner:
                    raise _anothers(resource, owner)
                found.append(_present(resource, "", SHARED, str(row.get("Id", "") or name)))
            seen.add(name)
    unchanged = {
        key
        for item in containers
        if item.key in resources and item.hash == resources[item.key].hash
        for key in resources[item.key].needs
    }
    for resource in resources.values():
        if resource.kind == IMAGE and (resource.key in unchanged or client.inspect(IMAGE, resource.name) is not None):
            found.append(_present(resource, resource.hash))
    return found


def _refuse_foreign(client: Client, app: str, containers: Sequence[Existing], resources: dict[str, Resource]) -> None:
    """EngineError when a wanted name belongs to a container that is not of this deployment."""
    own = {item.name for item in containers}
    names = [item.name for item in resources.values() if item.kind == CONTAINER and item.name not in own]
    if not names:
        return
    rows = client.listing("/containers/json", all=True, filters={"name": [f"^/?{re.escape(name)}$" for name in names]})
    for row in rows:
        owner = _labels(row).get(base.LABEL_APP)
        if name_of(row) not in names or owner == app:
            continue
        resource = next(item for item in resources.values() if item.kind == CONTAINER and item.name == name_of(row))
        raise foreign(resource, owner)


def _anothers(resource: Resource, owner: str) -> EngineError:
    """A network or volume that another deployment made: to share it in silence would mix names, or data."""
    make = f"`docker {resource.kind} create {resource.name}`"
    return EngineError(
        f"the {resource.kind} '{resource.name}' belongs to the deployment '{owner}'",
        component=resource.component,
        position=resource.position,
        hint=f"give this one another name (often by a param); to share a {resource.kind}, make it by {make} before the first run",
    )


def refuse_too_new(client: Client, resource: Resource) -> None:
    """EngineError when a container wants what this engine would leave out without a word."""
    refuse_unknown(client, resource, too_new(resource.body, client.version) if resource.kind == CONTAINER else [])


def refuse_unknown(client: Client, resource: Resource, unknown: Sequence[str]) -> None:
    """EngineError when a resource says what an engine of this version does not know."""
    if unknown:
        raise EngineError(
            f"{resource.component}: this engine speaks API {client.version[0]}.{client.version[1]} and does not know "
            f"{', '.join(unknown)}",
            component=resource.component,
            position=resource.position,
            hint="leave the option out, or use a newer engine",
        )


def absent(resource: Resource) -> EngineError:
    """What the app says is there already is not."""
    return EngineError(
        f"the {resource.kind} '{resource.name}' is external, which means that it is there already, but it is not",
        component=resource.component,
        position=resource.position,
        hint=f"make it: docker {resource.kind} create {resource.name}; or leave `external` out, and it belongs to the app",
    )


def foreign(resource: Resource, owner: str | None) -> EngineError:
    """A container with a wanted name is not ours to touch."""
    whose = f"belongs to the app '{owner}'" if owner else "was not made by atomicapp"
    remove = f"`atomicapp uninstall {owner}`" if owner else f"`docker rm -f {resource.name}`"
    return EngineError(
        f"a container named '{resource.name}' is on the engine already, and it {whose}",
        component=resource.component,
        position=resource.position,
        hint=f"give this one another --name, or remove the other one: {remove}",
    )
