"""Rights taken and given."""

from __future__ import annotations

import json
from typing import Any

from atomicapp.document import Node
from atomicapp.workload import model
from atomicapp.workload.compose import sources
from atomicapp.workload.compose.context import Context
from atomicapp.workload.compose.kinds import shortened

_NONE = model.Security()
_BUILT_IN = ("unconfined", "builtin", "default")


def read(context: Context, found: dict[str, Any]) -> model.Security:
    """The rights of a service."""
    given: dict[str, Any] = {name: found[name] for name in ("privileged", "cap_add", "cap_drop") if name in found}
    if found.get("read_only"):
        given["read_only_root"] = True
    options = []
    for text, node in found.get("security_opt", ()):
        if text == "systempaths=unconfined":
            given["all_system_paths"] = True
        else:
            options.append(_option(context, text, node))
    if options:
        given["options"] = tuple(options)
    return model.Security(**given) if given else _NONE


def _option(context: Context, text: str, node: Node) -> str:
    """An option as the engine has it: NAME=VALUE, a profile by its JSON."""
    name, sign, value = text.partition("=")
    if not sign:
        name, sign, value = text.partition(":")
    if name == "no-new-privileges":
        return f"{name}={value}" if value else name
    if not value:
        context.fault(
            node,
            f"security_opt '{shortened(text)}': expected NAME:VALUE",
            "value",
            "names are apparmor, label, no-new-privileges, seccomp, systempaths",
        )
    if name == "seccomp" and value and value not in _BUILT_IN:
        value = _profile(context, value, node)
    return f"{name}={value}"


def _profile(context: Context, path: str, node: Node) -> str:
    text = sources.text_of(context, node, path, context.source_of(node).folder, "the seccomp profile")
    try:
        return json.dumps(json.loads(text or "{}"), separators=(",", ":"), ensure_ascii=False)
    except (ValueError, RecursionError) as error:
        context.fault(node, f"the seccomp profile '{shortened(path)}' is not JSON: {error}", "value")
        return ""
