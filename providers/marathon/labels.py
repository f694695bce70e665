"""The labels of an app by which anyone can tell what belongs to a deployment, and what it was made from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from atomicapp.model import Resource
from atomicapp.providers import base
from atomicapp.providers.docker.labels import HIDDEN, holding, number, ownership
from atomicapp.providers.marathon import normal

PREFIX = "io.atomicapp."
LABEL_FIELDS = "io.atomicapp.fields"
"""The fields that were wanted, so that one which is no more is told."""
LABEL_HIDDEN = "io.atomicapp.hidden"
"""The fields that held a secret then."""
LABEL_STOPPED = "io.atomicapp.stopped"
"""On an app that was stopped: how many instances it had."""
LABEL_KEPT = "io.atomicapp.kept"
"""On an app that is uninstalled but for the data of its volumes, which would go with it."""

LABEL_FAILURE = "io.atomicapp.failure-action"
"""The author's: what to do when an update fails. `pause` leaves it to Marathon, which goes on trying."""
PAUSE, ROLLBACK = "pause", "rollback"

__all__ = ["HIDDEN", "holding", "number"]


def of(row: Mapping[str, Any]) -> dict[str, str]:
    """The labels of an app that is told."""
    found = row.get("labels")
    return {str(name): str(value) for name, value in found.items()} if isinstance(found, dict) else {}


def owner(row: Mapping[str, Any]) -> str | None:
    """The deployment that an app belongs to; None for what was not made by us."""
    return of(row).get(base.LABEL_APP)


def marked(resource: Resource, app: str, revision: int) -> dict[str, Any]:
    """The app to be sent, with all labels."""
    body = dict(resource.body["app"])
    own = ownership(resource, app, revision)
    own[LABEL_FIELDS] = ",".join(sorted(normal.canonical(body)))
    if resource.body.get("hidden"):
        own[LABEL_HIDDEN] = ",".join(resource.body["hidden"])
    return {**body, "labels": {**body.get("labels", {}), **own}}


def listed(labels: Mapping[str, str], name: str) -> set[str]:
    """A label that holds a list."""
    return {item for item in labels.get(name, "").split(",") if item}


def selector(app: str) -> str:
    """Picks the apps of a deployment."""
    escaped = re.sub(r"([^A-Za-z0-9_.-])", r"\\\1", app)
    return f"{base.LABEL_APP}=={escaped}" if app else base.LABEL_APP
