"""Carry out single steps: the only writer of this provider. Every step may be repeated."""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping
from typing import Any

from atomicapp.errors import EngineError, Kept
from atomicapp.model import (
    CREATE,
    DELETE,
    KEEP,
    REPLACE,
    SCALE,
    SHARED,
    START,
    STOP,
    UPDATE,
    Existing,
    Failed,
    Ready,
    Resource,
    Step,
)
from atomicapp.position import Position
from atomicapp.providers import base
from atomicapp.providers.base import Report
from atomicapp.providers.docker import labels as marks
from atomicapp.providers.docker.client import Client, Refused, seg
from atomicapp.providers.swarm import client as wire
from atomicapp.providers.swarm import observe, parts, reasons
from atomicapp.providers.swarm.images import Digests
from atomicapp.providers.swarm.parts import CONFIG, NETWORK, SECRET, VOLUME
from atomicapp.providers.swarm.ready import Watch
from atomicapp.providers.swarm.resources import SERVICE, SWARM
from atomicapp.providers.swarm.services import Services

RELEASED_WITHIN = 60.0
"""Seconds in which a network or a volume is let go by what has used it."""

ROLLED_WITHIN = 120.0
"""Seconds that an old config or secret is kept for the services that are being rolled over to the new one."""

_PAUSE = 0.2


class Applier:
    """Carries out steps for one app. `places` tells on which nodes a volume is, by key, as it was seen before."""

    def __init__(
        self,
        client: Client,
        digests: Digests,
        app: str,
        revision: int,
        report: Report,
        places: Mapping[str, tuple[str, ...]],
    ) -> None:
        self.client = client
        self.app = app
        self.revision = revision
        self.report = report
        self.places = places
        self.services = Services(client, digests, app, revision, report)

    def apply(self, step: Step) -> None:
        """Carry out one step. EngineError with the cause in plain words."""
        try:
            self._apply(step)
        except Refused as error:
            if wire.no_swarm(error):
                raise wire.of_swarm(self.client, error) from error
            raise reasons.explain(self.client, step, error) from error

    def _apply(self, step: Step) -> None:
        resource, existing = step.resource, step.existing
        if step.op == CREATE and resource is not None:
            self._create(resource)
        elif step.kind == SERVICE and step.op == UPDATE and resource is not None and existing is not None:
            self.services.update(resource, existing.id or existing.name)
        elif step.kind == SERVICE and step.op == REPLACE and resource is not None and existing is not None:
            self.services.replace(resource, existing)
        elif step.op == DELETE and existing is not None:
            self._delete(existing)
        elif step.kind == SERVICE and step.op == START and existing is not None:
            self.services.start(existing, resource)
        elif step.kind == SERVICE and step.op == STOP and existing is not None:
            self.services.stop(existing)
        elif step.kind == SERVICE and step.op == SCALE and existing is not None and step.replicas is not None:
            self.services.scale(existing, step.replicas)
        elif step.op != KEEP:
            raise EngineError(f"the swarm provider can't {step.op} a {step.kind}", component=step.component)

    # ------------------------------------------------------------ make

    def _create(self, resource: Resource) -> None:
        if resource.kind == SERVICE:
            self.services.create(resource)
        elif resource.kind == SWARM:
            self._init()
        elif resource.kind == VOLUME:
            self.report(resource.key, "made by the nodes that need it")
        elif resource.body.get("external"):
            # whether it is there was seen before; here only a network of each node comes, which no one makes
            return
        elif resource.kind == NETWORK:
            self._network(resource)
        elif resource.kind in (CONFIG, SECRET):
            self._file(resource)

    def _init(self) -> None:
        try:
            self.client.call("POST", "/swarm/init", body={"ListenAddr": "0.0.0.0:2377"})
        except Refused as error:
            if "already part of a swarm" not in error.message:
                raise

    def _network(self, resource: Resource) -> None:
        body: dict[str, Any] = {**resource.body, "Name": resource.name, "CheckDuplicate": True}
        body["Labels"] = {**resource.body.get("Labels", {}), **marks.ownership(resource, self.app, self.revision)}
        try:
            self.client.call("POST", "/networks/create", body=body)
        except Refused as error:
            if error.status != 409 and "already exists" not in error.message:
                raise
            rows = [row for row in self.client.listing("/networks") if wire.name_of(row) == resource.name]
            if not any(wire.labels_of(row).get(base.LABEL_APP) == self.app for row in rows):
                raise observe.foreign(
                    resource, wire.labels_of(rows[0]).get(base.LABEL_APP) if rows else None
                ) from error

    def _file(self, resource: Resource) -> None:
        body: dict[str, Any] = {name: value for name, value in resource.body.items() if name != "content"}
        body |= {
            "Name": resource.name,
            "Labels": {**resource.body.get("Labels", {}), **marks.ownership(resource, self.app, self.revision)},
        }
        if not resource.body.get("Driver"):
            body["Data"] = base64.b64encode(parts.content(resource).encode()).decode()
        try:
            self.client.call("POST", f"/{resource.kind}s/create", body=body)
        except Refused as error:
            if error.status != 409 and "already exists" not in error.message:
                raise
            rows = wire.rows(self.client, f"/{resource.kind}s", name=[resource.name])
            owners = [wire.labels_of(row).get(base.LABEL_APP) for row in rows if wire.name_of(row) == resource.name]
            if owners and self.app not in owners:
                raise observe.foreign(resource, owners[0]) from error

    # ------------------------------------------------------------ remove

    def _delete(self, existing: Existing) -> None:
        if existing.lifetime == SHARED:
            return
        if existing.kind == SERVICE:
            self.services.delete(existing)
        elif existing.kind == NETWORK:
            path = f"/networks/{seg(existing.id or existing.name)}"
            self._until_free(path, existing)
            self._until_gone(path)
        elif existing.kind in (CONFIG, SECRET):
            self._delete_file(existing)
        elif existing.kind == VOLUME:
            self._delete_volume(existing)

    def _until_free(self, path: str, existing: Existing) -> bool:
        """Remove what may still be held by tasks that are going; False when it was gone before."""
        end = time.monotonic() + RELEASED_WITHIN
        while True:
            try:
                self.client.call("DELETE", path)
            except Refused as error:
                if error.status == 404:
                    return False
                held = "in use" in error.message or "active endpoints" in error.message
                if not held or time.monotonic() > end:
                    raise
                self.report(existing.key, f"waiting until {existing.kind} {existing.name} is free")
                time.sleep(_PAUSE)
            else:
                return True

    def _until_gone(self, path: str) -> None:
        """The engine shows a network a moment longer than the swarm has it: what looked then would count on it."""
        end = time.monotonic() + RELEASED_WITHIN
        while time.monotonic() < end:
            try:
                self.client.get(path)
            except Refused as error:
                if error.status == 404:
                    return
                raise
            time.sleep(_PAUSE)

    def _delete_file(self, existing: Existing) -> None:
        """An old config or secret goes when no service can fall back to it any more."""
        holder = self._until_rolled(existing)
        if holder:
            raise Kept(f"{holder} still needs it")
        try:
            self._until_free(f"/{existing.kind}s/{seg(existing.id or existing.name)}", existing)
        except Refused as error:
            if "in use" not in error.message:
                raise
            raise Kept(reasons.one_line(error.message)) from error

    def _until_rolled(self, existing: Existing) -> str:
        """Wait for the rollout of the services that used it before; the name of one that did not come to its end."""
        watch = Watch(self.client)
        end = time.monotonic() + ROLLED_WITHIN
        waiting = [
            row
            for row in wire.rows(self.client, "/services", label=[f"{base.LABEL_APP}={self.app}"])
            if _names(row.get("PreviousSpec") or {}, existing) and not _names(wire.spec_of(row), existing)
        ]
        for row in waiting:
            name = wire.name_of(row)
            resource = Resource(f"{SERVICE}/{name}", existing.component, SERVICE, name, {}, Position("<engine>"))
            while True:
                found = watch.look(resource)
                if isinstance(found, Ready):
                    break
                if isinstance(found, Failed) or time.monotonic() > end:
                    return name
                self.report(existing.key, f"waiting until {name} is rolled over: {found.reason}")
                time.sleep(_PAUSE)
        return ""

    def _delete_volume(self, existing: Existing) -> None:
        try:
            self._until_free(f"/volumes/{seg(existing.name)}", existing)
        except Refused as error:
            if error.status == 404:
                return
            raise
        elsewhere = self._elsewhere(self.places.get(existing.key, ()))
        if elsewhere:
            nodes = ", ".join(elsewhere)
            raise Kept(
                f"its data on {nodes} is out of reach from here: `docker volume rm {existing.name}` there removes it"
            )

    def _elsewhere(self, places: tuple[str, ...]) -> list[str]:
        """Those of the nodes that are not the one we speak to."""
        from atomicapp.providers.swarm import nodes as noding

        if not places:
            return []
        own = str(((self.client.get("/info") or {}).get("Swarm") or {}).get("NodeID", ""))
        here = noding.name_of(noding.read(wire.rows(self.client, "/nodes")), own)
        return [place for place in places if place != here]


def _names(spec: Mapping[str, Any], existing: Existing) -> bool:
    """Whether a spec of a service uses a config or a secret."""
    container = (spec.get("TaskTemplate") or {}).get("ContainerSpec") or {}
    member, name = f"{existing.kind.title()}s", f"{existing.kind.title()}Name"
    return any(grant.get(name) == existing.name for grant in container.get(member) or [])
