"""How a thing looks that `stop` has brought to rest. Pure."""

from __future__ import annotations

from typing import Any

from atomicapp.providers.kubernetes import labels as marks

SUSPENDED = "suspended"
NOWHERE = "io.atomicapp.stopped"
"""A label that no node has: a DaemonSet that selects it has no pods."""


def resting_name(pod: str) -> str:
    """The name of the PodTemplate that a stopped pod rests in."""
    return f"{pod}.stopped"


def is_stopped(item: dict[str, Any]) -> bool:
    """Whether `stop` was here, and nobody has started the thing since by other means."""
    spec = item.get("spec") or {}
    if marks.REPLICAS not in marks.notes(item) or not isinstance(spec, dict):
        return False
    return spec.get("replicas") == 0 or bool(spec.get("suspend")) or NOWHERE in selector(spec)


def selector(spec: dict[str, Any]) -> dict[str, Any]:
    """The node selector of the pods that a spec makes; empty when it makes none or has none."""
    template = spec.get("template")
    inner = template.get("spec") if isinstance(template, dict) else None
    found = inner.get("nodeSelector") if isinstance(inner, dict) else None
    return found if isinstance(found, dict) else {}
