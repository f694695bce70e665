"""What differs between what is wanted and what is there, field by field. Reads only."""

from __future__ import annotations

import contextlib
import io
import json
import tarfile
from collections.abc import Iterable, Mapping
from typing import Any

from atomicapp.errors import EngineError
from atomicapp.model import KEEP, REPLACE, Change, Existing, Resource
from atomicapp.providers.docker import labels as marks
from atomicapp.providers.docker.client import Client, Refused, seg
from atomicapp.providers.docker.resources import CONTAINER, NETWORK, VOLUME

LARGEST_FILE = 1 << 20
"""Bytes of a file that is read to be compared."""


def compare(client: Client, wanted: Resource, existing: Existing) -> tuple[str, tuple[Change, ...]]:
    """The op that brings the existing thing where it is wanted, and the fields that differ.

    A volume that would have to be made anew is an EngineError, for its data is worth more than its options; so is a network,
    for all its containers would have to go before.
    """
    if wanted.kind == VOLUME:
        return _volume(client, wanted)
    if wanted.kind == NETWORK:
        return _network(client, wanted)
    if wanted.kind != CONTAINER:
        return KEEP, ()
    found = client.inspect(CONTAINER, existing.id or existing.name)
    if found is None:
        return REPLACE, ()
    config: dict[str, Any] = found.get("Config") or {}
    changes = [] if existing.name == wanted.name else [Change("name", existing.name, wanted.name)]
    before = marks.read_digests(config.get("Labels") or {})
    if before is None:
        return REPLACE, tuple(changes)
    after, texts = marks.digests(wanted.body), dict(marks.fields(wanted.body))
    old = {**_old_texts(found), **_old_files(client, existing, before)}
    for path in [*after, *(path for path in before if path not in after)]:
        secret = marks.is_secret(before.get(path)) or marks.is_secret(after.get(path))
        told = (secret or marks.is_plain(path) or path.startswith(f"{marks.FILE}/")) and path in before
        same = old.get(path) == texts.get(path) if told else before.get(path) == after.get(path)
        if same:
            continue
        if path.startswith("bound/"):
            changes.append(Change(path, "as it was", "made anew"))
        else:
            # a field that was not said before has the engine's default, which is no value of the app's
            was = old.get(path, "") if path in before else None
            new = texts.get(path)
            if secret:
                was, new = was and marks.HIDDEN, new and marks.HIDDEN
            changes.append(Change(path, was, new))
    changes += _outside(client, wanted, existing, found, changes)
    # an empty hash: what the container is tied to is made anew, which its own fields can't show
    if not changes and existing.hash:
        return KEEP, ()
    return REPLACE, tuple(changes)


def _outside(
    client: Client, wanted: Resource, existing: Existing, found: Mapping[str, Any], changes: list[Change]
) -> list[Change]:
    """The image behind an unchanged name."""
    name = str(wanted.body["config"].get("Image", ""))
    if existing.hash or any(change.path == "image" for change in changes):
        return []
    now = client.inspect("image", name)
    before, after = str(found.get("Image", "")), str((now or {}).get("Id", ""))
    if not after or before == after:
        return []
    return [Change("image", f"{name} ({before[:19]})", f"{name} ({after[:19]})")]


def _old_texts(found: Mapping[str, Any]) -> dict[str, str]:
    """The values that a container has now, under the paths of `labels.fields`."""
    config: dict[str, Any] = found.get("Config") or {}
    body = {
        "config": {name: value for name, value in config.items() if value is not None},
        "host": {name: value for name, value in (found.get("HostConfig") or {}).items() if value is not None},
        "networks": (found.get("NetworkSettings") or {}).get("Networks") or {},
    }
    texts = dict(marks.fields(body))
    # what the engine adds to an endpoint (addresses, ids) is not what was asked for
    for name, endpoint in body["networks"].items():
        kept = {key: endpoint.get(key) for key in ("Aliases", "Links", "IPAMConfig") if endpoint.get(key)}
        texts[f"networks/{name}"] = json.dumps(kept, sort_keys=True, ensure_ascii=False)
    return texts


def _old_files(client: Client, existing: Existing, before: Mapping[str, str]) -> dict[str, str]:
    """The texts of the files that were put into a container, by field; without those that are gone."""
    found = {}
    for path in before:
        if path.startswith(f"{marks.FILE}/"):
            target = path.removeprefix(marks.FILE)
            with contextlib.suppress(Refused, tarfile.TarError, KeyError):
                found[path] = _file(client, existing.id or existing.name, target)
    return found


def _file(client: Client, container: str, target: str) -> str:
    with client.request("GET", f"/containers/{seg(container)}/archive", params={"path": target}) as response:
        packed = response.content
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        member = next((item for item in tar if item.isfile()), None)
        content = tar.extractfile(member) if member is not None and member.size <= LARGEST_FILE else None
        if content is None:
            raise KeyError(target)
        return content.read().decode("utf-8", "surrogateescape")


def _volume(client: Client, wanted: Resource) -> tuple[str, tuple[Change, ...]]:
    found = client.inspect(VOLUME, wanted.name) or {}
    pairs = (
        ("driver", str(found.get("Driver", "")), str(wanted.body.get("driver", ""))),
        ("options", _sorted(found.get("Options")), _sorted(wanted.body.get("options"))),
    )
    _refuse(
        wanted,
        pairs,
        "and to change them would lose its data",
        f"set them back, give the volume another name, or save its data and remove it: docker volume rm {wanted.name}",
    )
    return KEEP, ()


def _network(client: Client, wanted: Resource) -> tuple[str, tuple[Change, ...]]:
    found, body = client.inspect(NETWORK, wanted.name) or {}, wanted.body
    if body.get("external") or not found:
        return KEEP, ()
    ipam = found.get("IPAM") or {}
    pairs = [
        ("driver", str(found.get("Driver", "")), str(body["driver"])),
        ("options", _sorted(found.get("Options")), _sorted(body.get("options"))),
        ("internal", str(bool(found.get("Internal"))), str(bool(body.get("internal")))),
        ("attachable", str(bool(found.get("Attachable"))), str(bool(body.get("attachable")))),
        ("ipv6", str(bool(found.get("EnableIPv6"))), str(bool(body.get("ipv6")))),
    ]
    if body.get("subnets"):  # else the engine has chosen
        told = ipam.get("Config") or []
        if len(told) == len(body["subnets"]):  # the engine adds a gateway to what was asked for
            told = [{key: have.get(key) for key in want} for have, want in zip(told, body["subnets"], strict=True)]
        pairs.append(("subnets", _sorted(told), _sorted(body["subnets"])))
    remove = "`atomicapp uninstall` the app and run it again (data is kept)"
    _refuse(wanted, pairs, "which can't be changed while containers use it", f"set them back, or {remove}")
    return KEEP, ()


def _refuse(wanted: Resource, pairs: Iterable[tuple[str, str, str]], why: str, hint: str) -> None:
    """EngineError when the settings of something that is there already differ."""
    changes = [f"{path} {old} -> {new}" for path, old, new in pairs if old != new]
    if changes:
        raise EngineError(
            f"the {wanted.kind} '{wanted.name}' was made with other settings ({'; '.join(changes)}), {why}",
            component=wanted.component,
            position=wanted.position,
            hint=hint,
        )


def _sorted(found: object) -> str:
    return json.dumps(found or {}, sort_keys=True)
