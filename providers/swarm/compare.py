"""What differs between what is wanted and what is there, field by field. Reads only."""

from __future__ import annotations

from typing import Any

from atomicapp.errors import EngineError
from atomicapp.model import KEEP, REPLACE, UPDATE, Change, Existing, Resource
from atomicapp.providers.docker import labels as marks
from atomicapp.providers.docker.client import Client
from atomicapp.providers.swarm import client as wire
from atomicapp.providers.swarm import fields, tasks
from atomicapp.providers.swarm.parts import NETWORK, VOLUME
from atomicapp.providers.swarm.resources import SERVICE


def compare(client: Client, wanted: Resource, existing: Existing) -> tuple[str, tuple[Change, ...]]:
    """The op that brings the existing thing where it is wanted, and the fields that differ.

    EngineError for a network that services use, and for a volume: they can't be changed.
    """
    if wanted.kind == NETWORK:
        raise EngineError(
            f"the network '{wanted.name}' was made with other settings, and can't be changed while services use it",
            component=wanted.component,
            position=wanted.position,
            hint="give it another key or name, or remove the app first: `atomicapp uninstall` keeps its data",
        )
    if wanted.kind == VOLUME:
        raise EngineError(
            f"the volume '{wanted.name}' was made with another driver or other options, and to change them would lose "
            "its data",
            component=wanted.component,
            position=wanted.position,
            hint=f"set them back, give the volume another name, or save its data and remove it: docker volume rm {wanted.name}",
        )
    if wanted.kind != SERVICE:
        return KEEP, ()
    row = wire.service(client, existing.id or existing.name)
    if row is None:
        return REPLACE, ()
    changes = _changes(row, wanted)
    if not existing.hash and not changes:
        # its hash was taken: the registry has another image under the name
        image = str(wanted.body["spec"]["TaskTemplate"]["ContainerSpec"]["Image"])
        changes = (Change("image", f"{image} (as it was)", f"{image} (as the registry has it now)"),)
    mode = next(iter(wanted.body["spec"]["Mode"]))
    if mode != tasks.kind_of(row) or existing.name != wanted.name:
        return REPLACE, changes
    if not changes and existing.hash:
        return KEEP, ()
    return UPDATE, changes


def _changes(row: dict[str, Any], wanted: Resource) -> tuple[Change, ...]:
    labels = wire.labels_of(row)
    before = marks.read_digests(labels)
    if before is None:
        return ()
    own = {name: text for name, text in labels.items() if not name.startswith(marks.PREFIX)}
    old, after = fields.texts({"spec": wire.spec_of(row), "labels": own}), fields.digests(wanted.body)
    new = fields.texts(wanted.body)
    changes = [] if wire.name_of(row) == wanted.name else [Change("name", wire.name_of(row), wanted.name)]
    for path in [*after, *(path for path in before if path not in after)]:
        secret = marks.is_secret(before.get(path)) or marks.is_secret(after.get(path))
        told = (secret or fields.is_plain(path)) and path in before
        same = old.get(path) == new.get(path) if told else before.get(path) == after.get(path)
        if same:
            continue
        # a field that was not said before has the engine's default, which is no value of the app's
        was, now = (old.get(path, "") if path in before else None), new.get(path)
        if secret:
            was, now = was and marks.HIDDEN, now and marks.HIDDEN
        changes.append(Change(path, was, now))
    return tuple(changes)
