"""What a swarm adds to the wire of the Docker Engine: listings by label, updates by version, and its refusals."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from atomicapp.errors import EngineError
from atomicapp.providers.docker.client import Client, Refused, seg

Row = dict[str, Any]

TRIES = 8
"""Of an update that others come before: each begins with the version that is there now."""


def rows(client: Client, path: str, **filters: list[str]) -> list[Row]:
    """A listing with filters."""
    return client.listing(path, filters=filters) if filters else client.listing(path)


def spec_of(row: Row) -> Row:
    """What was asked for, of a service, a config or a secret."""
    found = row.get("Spec")
    return found if isinstance(found, dict) else {}


def labels_of(row: Row) -> dict[str, str]:
    """The labels of a service, a config, a secret, or a network."""
    return (spec_of(row).get("Labels") if "Spec" in row else row.get("Labels")) or {}


def name_of(row: Row) -> str:
    """The name of a service, a config, a secret, or a network."""
    return str((spec_of(row) if "Spec" in row else row).get("Name", ""))


def service(client: Client, name: str) -> Row | None:
    """One service by its id or name; None when it is gone."""
    try:
        found = client.get(f"/services/{seg(name)}")
    except Refused as error:
        if error.status == 404:
            return None
        raise
    return found if isinstance(found, dict) else None


def update(
    client: Client, name: str, change: Callable[[Row], Row | None], headers: Mapping[str, str] | None = None
) -> Row | None:
    """Bring a service to what `change` makes of it (None: nothing to do); returns the service as it was, None when it is
    gone. Another's update in between is no error: the change is made anew on top of it."""
    for attempt in range(TRIES):
        row = service(client, name)
        if row is None:
            return None
        wanted = change(row)
        if wanted is None:
            return row
        version = (row.get("Version") or {}).get("Index", 0)
        try:
            client.call(
                "POST",
                f"/services/{seg(str(row['ID']))}/update",
                params={"version": version},
                body=wanted,
                headers=headers,
            )
        except Refused as error:
            if "out of sequence" not in error.message or attempt == TRIES - 1:
                raise
            continue
        return row
    return None


# ---------------------------------------------------------------- no swarm, or not its manager


def no_swarm(error: Refused) -> bool:
    """Whether the engine refuses because it is no manager of a swarm."""
    text = error.message.lower()
    return error.status in (406, 503) and ("swarm manager" in text or "not part of a swarm" in text)


def is_free(client: Client) -> bool:
    """Whether the engine is in no swarm, so that it could make one."""
    return ((client.get("/info") or {}).get("Swarm") or {}).get("LocalNodeState") == "inactive"


@contextmanager
def reading(client: Client) -> Iterator[None]:
    """A refusal of what only reads is one of the swarm as a whole."""
    try:
        yield
    except Refused as error:
        raise of_swarm(client, error) from error


def of_swarm(client: Client, error: Refused) -> EngineError:
    """Why a swarm can't be used, and what to do."""
    text = error.message.lower()
    if "encrypted and needs to be unlocked" in text:
        return EngineError(
            f"the swarm at {client.endpoint.url} is locked", hint="docker swarm unlock, then run the same command again"
        )
    if "does not have a leader" in text or "no leader" in text or "has no leader" in text:
        return EngineError(
            f"the swarm at {client.endpoint.url} has no leader: too few of its managers can be reached",
            hint="see `docker node ls`, and bring managers back",
        )
    if no_swarm(error):
        return _no_manager(client)
    return EngineError(
        f"the swarm refused to answer: {error.message}", hint="see the log of the manager's engine for the cause"
    )


def _no_manager(client: Client) -> EngineError:
    where = client.endpoint.url
    try:
        swarm = (client.get("/info") or {}).get("Swarm") or {}
    except (Refused, EngineError):
        swarm = {}
    if swarm.get("LocalNodeState") == "active":
        managers = ", ".join(str(found.get("Addr", "")) for found in swarm.get("RemoteManagers") or [])
        return EngineError(
            f"the engine at {where} is a worker of its swarm, and only managers change it",
            hint=f"give the address of a manager by --provider-api{f' (managers: {managers})' if managers else ''}, or "
            "`docker node promote` this one on a manager",
        )
    state = str(swarm.get("LocalNodeState") or "inactive")
    if state in ("error", "pending"):
        return EngineError(
            f"the engine at {where} has not joined its swarm ({state}): {swarm.get('Error') or 'no reason given'}",
            hint="see `docker info`; `docker swarm leave --force` gives it up",
        )
    return EngineError(
        f"the engine at {where} is in no swarm",
        hint="make one: --init-swarm, or `docker swarm init --advertise-addr ADDRESS` there; or `docker swarm join` one",
    )


def as_json(found: object) -> str:
    """A value in as few characters as can be, the same for equal values."""
    return json.dumps(found, separators=(",", ":"), sort_keys=True)
