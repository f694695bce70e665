"""What differs between what is wanted and what is there: the server's own dry run, field by field. Reads only."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from atomicapp.errors import EngineError
from atomicapp.model import DATA, KEEP, REPLACE, UPDATE, Change, Existing, Resource, Step
from atomicapp.providers.kubernetes import labels as marks
from atomicapp.providers.kubernetes.apply import patch
from atomicapp.providers.kubernetes.client import Client, Refused
from atomicapp.providers.kubernetes.discovery import Api
from atomicapp.providers.kubernetes.reasons import explain
from atomicapp.providers.kubernetes.resources import SECRET

HIDDEN = "(hidden)"
_NEVER_ROLL = ("ReplicationController", "ReplicaSet")
"""A changed template of these has no effect on the pods that they have: they are made anew with theirs."""
_NOISE = frozenset(("managedFields", "resourceVersion", "generation", "uid", "creationTimestamp", "namespace"))
_NAMES = ("name", "key", "mountPath", "containerPort", "port", "type", "ip")


def compare(
    client: Client, api: Api, namespace: str, app: str, wanted: Resource, existing: Existing, *, force: bool = False
) -> tuple[str, tuple[Change, ...]]:
    """The op that brings the live object where it is wanted, and the fields that differ.

    What can't be changed in place is to be made anew; where that would lose data it is an EngineError.
    """
    live = client.find(api.path(namespace, wanted.name))
    if live is None or (live.get("metadata") or {}).get("deletionTimestamp"):
        return REPLACE, ()
    secret = wanted.kind == SECRET
    try:
        # the revision is no difference
        after = patch(client, api, namespace, marks.marked(wanted, app, existing.revision), dry=True, force=force)
    except Refused as refused:
        step = Step(UPDATE, wanted, existing)
        if not _immutable(refused):
            raise explain(step, refused, client.access.server) from refused
        if wanted.lifetime == DATA:
            raise EngineError(
                f"{wanted.component}: {wanted.kind} {wanted.name} can't be changed in this way, and to make it anew "
                f"would lose its data: {explain(step, refused, '').message}",
                component=wanted.component,
                position=wanted.position,
                hint="set it back, give it another name, or save its data and remove it",
            ) from refused
        return REPLACE, tuple(_changes(_only(live, wanted.body), dict(wanted.body), secret))
    found = tuple(_changes(_visible(live), _visible(after), secret))
    if wanted.kind in _NEVER_ROLL and any(change.path.startswith("spec/template/") for change in found):
        return REPLACE, found
    return (UPDATE, found) if found else (KEEP, ())


def _immutable(refused: Refused) -> bool:
    text = " ".join((refused.message, *(str(cause.get("message", "")) for cause in refused.causes))).lower()
    return refused.status == 422 and any(
        words in text for words in ("immutable", "updates to", "may not change", "is forbidden after", "may not update")
    )


def _visible(item: dict[str, Any]) -> dict[str, Any]:
    """An object without what the server writes and without our marks."""
    metadata = {name: value for name, value in (item.get("metadata") or {}).items() if name not in _NOISE}
    for name in ("labels", "annotations"):
        if name in metadata:
            metadata[name] = {key: value for key, value in metadata[name].items() if not marks.is_ours(key)}
    body = {name: value for name, value in item.items() if name not in ("metadata", "status", "apiVersion", "kind")}
    return {**body, "metadata": {name: value for name, value in metadata.items() if value}}


def _only(live: Any, wanted: Any) -> Any:
    """The live values of the fields that are wanted, so that defaults are no difference."""
    if isinstance(live, dict) and isinstance(wanted, dict):
        return {name: _only(live[name], value) for name, value in wanted.items() if name in live}
    if isinstance(live, list) and isinstance(wanted, list) and len(live) == len(wanted):
        return [_only(before, after) for before, after in zip(live, wanted, strict=True)]
    return live


def _changes(before: dict[str, Any], after: dict[str, Any], secret: bool) -> Iterator[Change]:
    old, new = dict(_leaves(before)), dict(_leaves(after))
    for path in [*new, *(path for path in old if path not in new)]:
        if old.get(path) == new.get(path):
            continue
        if secret and path.startswith(("data/", "stringData/")):
            yield Change(path, HIDDEN if path in old else None, HIDDEN if path in new else None)
        else:
            yield Change(path, old.get(path), new.get(path))


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every value of a tree with its path; items of a list are named where they have names."""
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _leaves(inner, f"{path}/{name}" if path else str(name))
    elif isinstance(value, list) and value:
        names = _item_names(value)
        for name, inner in zip(names, value, strict=True):
            yield from _leaves(inner, f"{path}/{name}")
    else:
        yield path, value if isinstance(value, str) else json.dumps(value)


def _item_names(items: list[Any]) -> list[str]:
    for field in _NAMES:
        names = [str(item.get(field)) for item in items if isinstance(item, dict) and item.get(field) is not None]
        if len(names) == len(items) == len(set(names)):
            return names
    return [str(number) for number in range(len(items))]
