"""What the engine says of the containers of a deployment. It remembers the last events of all containers only."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from atomicapp.model import Event, Existing
from atomicapp.providers import base
from atomicapp.providers.docker.client import Client, talking
from atomicapp.providers.docker.logs import since_stamp

_NOISE = ("exec_", "attach", "resize", "top", "archive-path", "export")
"""What health checks and people who look around bring about."""

_BAD = ("oom", "health_status: unhealthy")


def read(client: Client, app: str, items: Sequence[Existing], *, follow: bool, since: str) -> Iterator[Event]:
    """See providers.base.Session.events."""
    components = {item.component for item in items}
    filters = {"type": ["container"], "label": [f"{base.LABEL_APP}={app}"]}
    params = {"filters": json.dumps(filters), "since": since_stamp(since) or "0"}
    if not follow:
        params["until"] = f"{time.time():.9f}"
    response = client.request("GET", "/events", params=params, stream=True, timeout=None if follow else 60.0)
    with response, talking(client.endpoint):
        for line in response.iter_lines():
            found = json.loads(line) if line.strip() else {}
            event = _event(found)
            if event is not None and event.component in components:
                yield event


def _event(found: Mapping[str, Any]) -> Event | None:
    action = str(found.get("Action") or found.get("status") or "")
    if not action or action.startswith(_NOISE):
        return None
    attributes = (found.get("Actor") or {}).get("Attributes") or {}
    code = str(attributes.get("exitCode", ""))
    ended = action == "die"
    message = {"die": f"ended with exit code {code}", "kill": f"got signal {attributes.get('signal', '')}"}.get(
        action, f"image {attributes.get('image', '')}"
    )
    return Event(
        str(attributes.get(base.LABEL_COMPONENT, "")),
        datetime.fromtimestamp(int(found.get("time") or 0), UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        (ended and code != "0") or action.startswith(_BAD),
        f"container {attributes.get('name', '')}",
        action,
        message,
    )
