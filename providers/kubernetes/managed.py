"""What of a live object one field manager has applied: read from its managedFields. Pure.

The format is that of server-side apply (structured-merge-diff): `f:NAME` is a field, `k:{...}` the item of a list with
these keys, `v:VALUE` an item of a set, `.` the thing itself; an empty mapping stands for all below it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

Item = dict[str, Any]


def applied(live: Mapping[str, Any], manager: str) -> Item:
    """The fields that `manager` has applied, with the values that they have now."""
    found: Item = {}
    for entry in (live.get("metadata") or {}).get("managedFields") or []:
        if entry.get("manager") == manager and entry.get("operation") == "Apply" and not entry.get("subresource"):
            picked = _pick(live, entry.get("fieldsV1") or {})
            found |= picked if isinstance(picked, dict) else {}
    return found


def _pick(value: Any, fields: Mapping[str, Any]) -> Any:
    inner = [name for name in fields if name != "."]
    if not inner:
        return value
    if isinstance(value, dict):
        names = [(name[2:], fields[name]) for name in inner if name.startswith("f:")]
        return {name: _pick(value[name], below) for name, below in names if name in value}
    if isinstance(value, list):
        picked = [_item(value, name, fields[name]) for name in inner]
        return [item for found in picked for item in found]
    return value


def _item(items: list[Any], name: str, fields: Mapping[str, Any]) -> list[Any]:
    kind, _, text = name.partition(":")
    wanted = json.loads(text)
    if kind == "v":
        return [item for item in items if item == wanted][:1]
    if kind == "i":
        return [_pick(items[wanted], fields)] if wanted < len(items) else []
    for item in items:
        # a default may stand in the keys that the object does not show (protocol: TCP)
        if isinstance(item, dict) and all(item.get(key, value) == value for key, value in wanted.items()):
            return [{**{key: value for key, value in wanted.items() if key in item}, **_pick(item, fields)}]
    return []
