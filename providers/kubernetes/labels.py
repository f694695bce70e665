"""The marks by which anyone can tell what belongs to a deployment, and what it was made from.

The values of labels are short and hold few characters, and what is listed is selected by one of them; so the name of
the deployment is a label, and everything else, in full, an annotation. Pods carry none of them: a change of the
revision must not roll a workload.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from atomicapp.digests import sha256_of
from atomicapp.model import DATA, Resource
from atomicapp.providers import base

REPLICAS = "io.atomicapp.replicas"
"""On what was stopped: the count that `start` brings back; for what is suspended, the word `suspended`."""

ANY = "*"
"""The key on what a controller makes by our template, under a name of its own."""

_VALUE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
_OURS = "io.atomicapp."


def value(text: str) -> str:
    """A text as the value of a label: itself where that is allowed, else made so, and unique by a digest."""
    if _VALUE.fullmatch(text):
        return text
    digest = sha256_of(text)[:10]
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", text).strip("_.-")[:50].rstrip("_.-")
    return f"{plain}-{digest}" if plain else digest


def marked(resource: Resource, app: str, revision: int) -> dict[str, Any]:
    """The body of a resource with the marks of its owner."""
    body = dict(resource.body)
    metadata = dict(body.get("metadata") or {})
    labels = {base.LABEL_APP: value(app), base.LABEL_COMPONENT: value(resource.component)}
    notes = {
        base.LABEL_APP: app,
        base.LABEL_COMPONENT: resource.component,
        base.LABEL_KEY: resource.key,
        base.LABEL_HASH: resource.hash,
        base.LABEL_ORDER: str(resource.order),
        base.LABEL_REVISION: str(revision),
        base.LABEL_LIFETIME: resource.lifetime,
    }
    metadata["labels"] = {**(metadata.get("labels") or {}), **labels}
    metadata["annotations"] = {**(metadata.get("annotations") or {}), **notes}
    body["metadata"] = metadata
    spec = body.get("spec")
    if isinstance(spec, dict) and isinstance(spec.get("volumeClaimTemplates"), list):
        claims = [_owned(template, labels, notes) for template in spec["volumeClaimTemplates"]]
        body["spec"] = {**spec, "volumeClaimTemplates": claims}
    return body


def _owned(template: Any, labels: Mapping[str, str], notes: Mapping[str, str]) -> Any:
    """The template of a StatefulSet's claims with the owner's marks, which the claims then carry: they outlive the set.

    Templates can't be changed, so nothing that differs from run to run is among the marks.
    """
    if not isinstance(template, dict):
        return template
    metadata = dict(template.get("metadata") or {})
    kept = {name: notes[name] for name in (base.LABEL_APP, base.LABEL_COMPONENT)}
    kept |= {base.LABEL_KEY: ANY, base.LABEL_LIFETIME: DATA}
    metadata["labels"] = {**(metadata.get("labels") or {}), **labels}
    metadata["annotations"] = {**(metadata.get("annotations") or {}), **kept}
    return {**template, "metadata": metadata}


def is_ours(name: str) -> bool:
    """Whether a label or an annotation is one of these marks."""
    return name.startswith(_OURS)


def notes(item: Mapping[str, Any]) -> dict[str, str]:
    """The annotations of a live object."""
    return (item.get("metadata") or {}).get("annotations") or {}


def owner(item: Mapping[str, Any]) -> str:
    """The deployment that a live object belongs to; empty for one of nobody's."""
    labels = (item.get("metadata") or {}).get("labels") or {}
    return str(notes(item).get(base.LABEL_APP) or labels.get(base.LABEL_APP) or "")


def number(found: Mapping[str, str], name: str) -> int:
    """An annotation as a number; 0 for what is none (anyone may write them)."""
    text = found.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
