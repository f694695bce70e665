"""Carry out single steps: the only writer of this provider. Every step may be repeated."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import PurePosixPath
from typing import Any

from atomicapp.errors import EngineError
from atomicapp.model import CREATE, DATA, DELETE, FAILED, KEEP, REPLACE, START, STOP, Existing, Resource, Step
from atomicapp.providers import base
from atomicapp.providers.base import Report
from atomicapp.providers.docker import labels as marks
from atomicapp.providers.docker import names
from atomicapp.providers.docker.client import Client, Refused, seg
from atomicapp.providers.docker.observe import absent, aside, foreign
from atomicapp.providers.docker.pull import pull
from atomicapp.providers.docker.reasons import explain, lost_network
from atomicapp.providers.docker.resources import CONTAINER, IMAGE, NETWORK, VOLUME

STOP_TIMEOUT = 3600.0
"""Seconds. How long a container may take to stop is the app's to say (--stop-timeout); this only ends a dead line."""

_MAC_PER_ENDPOINT = (1, 44)
_NETWORKS_AT_ONCE = (1, 44)


def apply(client: Client, step: Step, app: str, revision: int, report: Report) -> None:
    """Carry out one step. EngineError with the cause in plain words."""
    try:
        _Applier(client, app, revision, report).apply(step)
    except Refused as error:
        raise explain(client, step, error) from error


def make(client: Client, resource: Resource, app: str, revision: int, report: Report) -> str:
    """Make the container of a resource and start nothing; returns its id. Refused when the engine does not take it."""
    return _Applier(client, app, revision, report).make(resource)


class _Applier:
    def __init__(self, client: Client, app: str, revision: int, report: Report) -> None:
        self.client = client
        self.app = app
        self.revision = revision
        self.report = report

    def apply(self, step: Step) -> None:
        resource, existing = step.resource, step.existing
        if step.op == CREATE and resource is not None:
            self._create(resource)
        elif step.op == REPLACE and resource is not None and existing is not None:
            self._replace(resource, existing)
        elif step.op == DELETE and existing is not None:
            self._delete(existing)
        elif step.op == START and existing is not None:
            self._start(step, existing)
        elif step.op == STOP and existing is not None:
            self._stop(existing.id or existing.name)
        elif step.op != KEEP:
            raise EngineError(f"the docker provider can't {step.op} a {step.kind}", component=step.component)

    # ------------------------------------------------------------ what containers need

    def _create(self, resource: Resource) -> None:
        make = {IMAGE: self._image, NETWORK: self._network, VOLUME: self._volume}.get(resource.kind)
        if make is not None:
            make(resource)
            return
        container_id = self.make(resource)
        try:
            self._run(container_id)
        except BaseException:
            # half of a container helps nobody, and its name stands in the way
            with suppress(Refused, EngineError):
                self._remove(container_id)
            raise

    def _image(self, resource: Resource) -> None:
        policy = resource.body.get("pull", "missing")
        if policy != "always" and self.client.inspect(IMAGE, resource.name) is not None:
            return
        if policy == "never":
            raise EngineError(
                f"the image {resource.name} is not on the engine, and --pull never forbids to get it",
                component=resource.component,
                position=resource.position,
                hint=f"docker pull {resource.name}, or leave --pull never out",
            )
        pull(self.client, resource, self.report)

    def _network(self, resource: Resource) -> None:
        if resource.body.get("external"):
            raise absent(resource)
        found = resource.body
        body = {
            "Name": resource.name,
            "Driver": found["driver"],
            "CheckDuplicate": True,
            "Labels": {**found.get("labels", {}), **marks.ownership(resource, self.app, self.revision)},
        }
        optional = {
            "Options": found.get("options"),
            "Internal": found.get("internal"),
            "Attachable": found.get("attachable"),
            "EnableIPv6": found.get("ipv6"),
        }
        body |= {name: value for name, value in optional.items() if value}
        if "ipv4" in found:
            body["EnableIPv4"] = found["ipv4"]
        ipam = {
            "Driver": found.get("ipam_driver"), "Options": found.get("ipam_options"), "Config": found.get("subnets")
        }  # fmt: skip
        if any(ipam.values()):
            body["IPAM"] = {name: value for name, value in ipam.items() if value}
        try:
            self.client.call("POST", "/networks/create", body=body)
        except Refused as error:
            if error.status != 409 and "already exists" not in error.message:
                raise

    def _volume(self, resource: Resource) -> None:
        if resource.body.get("external"):
            raise absent(resource)
        labels = {**resource.body.get("labels", {}), **marks.ownership(resource, self.app, self.revision)}
        self._make_volume(resource.name, resource.body["driver"], resource.body.get("options", {}), labels)

    def _make_volume(self, name: str, driver: str, options: dict[str, str], labels: dict[str, str]) -> None:
        body = {"Name": name, "Driver": driver, "DriverOpts": options, "Labels": labels}
        try:
            self.client.call("POST", "/volumes/create", body=body)
        except Refused as error:
            # Podman says so where Docker hands the old one back
            if "already exists" not in error.message:
                raise

    # ------------------------------------------------------------ containers

    def make(self, resource: Resource) -> str:
        """Create a container and attach it to its networks; returns its id."""
        if resource.body.get("pull") == "always":
            self._pull_again(resource)
        body, later = self._payload(resource)
        params = {"name": resource.name}
        if resource.body.get("platform"):
            params["platform"] = resource.body["platform"]
        try:
            made = self.client.call("POST", "/containers/create", params=params, body=body)
        except Refused as error:
            if error.status != 409 and "already in use" not in error.message:
                raise
            self._make_room(resource)
            made = self.client.call("POST", "/containers/create", params=params, body=body)
        container_id = str((made or {}).get("Id") or resource.name)
        for warning in (made or {}).get("Warnings") or []:
            self.report(resource.key, f"the engine warns: {warning}")
        try:
            for network, endpoint in later.items():
                self.client.call(
                    "POST",
                    f"/networks/{seg(network)}/connect",
                    body={"Container": container_id, "EndpointConfig": endpoint},
                )
            if resource.body.get("files"):
                self._put_files(container_id, resource.body["files"])
        except BaseException:
            with suppress(Refused, EngineError):
                self._remove(container_id)
            raise
        return container_id

    def _put_files(self, container_id: str, files: dict[str, dict[str, Any]]) -> None:
        """Configs and secrets, before the container runs: the engine itself knows neither."""
        path = f"/containers/{seg(container_id)}/archive"
        absent: set[str] = set()
        for folder in {str(parent) for target in files for parent in PurePosixPath(target).parents}:
            try:
                self.client.request("HEAD", path, params={"path": folder}).close()
            except Refused as error:
                if error.status != 404:
                    raise
                absent.add(folder)
        self.client.call("PUT", path, params={"path": "/"}, tar=archive(files, absent))

    def _pull_again(self, resource: Resource) -> None:
        image = str(resource.body["config"]["Image"])
        body = {"platform": resource.body["platform"]} if resource.body.get("platform") else {}
        pull(self.client, resource._replace(name=image, body=body), self.report)

    def _payload(self, resource: Resource) -> tuple[dict[str, Any], dict[str, Any]]:
        """The body of the request, and the endpoints that this version of the API takes only afterwards."""
        wanted = resource.body
        config, host = dict(wanted["config"]), dict(wanted["host"])
        endpoints = {name: dict(found) for name, found in wanted.get("networks", {}).items()}
        labels = {**config.get("Labels", {}), **marks.ownership(resource, self.app, self.revision)}
        labels[marks.LABEL_FIELDS] = _compact(marks.digests(wanted))
        if wanted.get("once"):
            labels[marks.LABEL_ONCE] = "true"
        kept = self._kept_folders(resource)
        if kept:
            host["Binds"] = [*host.get("Binds", []), *kept]
        first = next(iter(endpoints), None)
        if self.client.version < _MAC_PER_ENDPOINT and first is not None and endpoints[first].get("MacAddress"):
            config["MacAddress"] = endpoints[first].pop("MacAddress")
        later: dict[str, Any] = {}
        if self.client.version < _NETWORKS_AT_ONCE:
            later = {name: found for name, found in endpoints.items() if name != first}
            endpoints = {name: found for name, found in endpoints.items() if name == first and (found or not later)}
        body = {**config, "Labels": labels, "HostConfig": host}
        if endpoints:
            body["NetworkingConfig"] = {"EndpointsConfig": endpoints}
        return body, later

    def _kept_folders(self, resource: Resource) -> list[str]:
        """Named volumes for the folders that the image wants kept, so that their data outlives the container and can
        be told and purged. Not for --rm, where the app says that nothing is to stay."""
        host = resource.body["host"]
        if host.get("AutoRemove"):
            return []
        image = self.client.inspect(IMAGE, resource.body["config"]["Image"]) or {}
        targets = sorted((image.get("Config") or {}).get("Volumes") or {})
        if not targets:
            return []
        covered = {bind.split(":")[1] for bind in host.get("Binds", [])}
        covered |= {mount["Target"] for mount in host.get("Mounts", [])} | set(host.get("Tmpfs", {}))
        for other in host.get("VolumesFrom", []):
            found = self.client.inspect(CONTAINER, other.partition(":")[0]) or {}
            covered |= {mount.get("Destination", "") for mount in found.get("Mounts") or []}
        binds = []
        for target in targets:
            if target.rstrip("/") in covered or target in covered:
                continue
            name = names.kept_folder(resource.name, target)
            volume = Resource(
                f"{VOLUME}/{name}", resource.component, VOLUME, name, {}, resource.position, lifetime=DATA
            )
            labels = {**marks.ownership(volume, self.app, self.revision), marks.LABEL_VOLUME_OF: resource.key}
            self._make_volume(name, host.get("VolumeDriver") or "local", {}, labels)
            binds.append(f"{name}:{target}")
        return binds

    def _make_room(self, resource: Resource) -> None:
        """The wanted name is taken: by what an interrupted run left, by one of ours that another step will remove, or
        by a stranger, which is an EngineError."""
        found = self.client.inspect(CONTAINER, resource.name)
        if found is None:
            return
        labels: dict[str, str] = (found.get("Config") or {}).get("Labels") or {}
        if labels.get(base.LABEL_APP) != self.app:
            raise foreign(resource, labels.get(base.LABEL_APP))
        if labels.get(base.LABEL_KEY) == resource.key:
            self._remove(str(found["Id"]))
        else:
            self._rename(str(found["Id"]), aside(resource.name, str(found["Id"])))

    def _replace(self, resource: Resource, existing: Existing) -> None:
        """Make the new container beside the old one; the old one goes only when the new one has started."""
        old = existing.id or existing.name
        found = self.client.inspect(CONTAINER, old)
        if found is None:
            self._create(resource)
            return
        old, name = str(found["Id"]), str(found["Name"]).removeprefix("/")
        was_running = bool((found.get("State") or {}).get("Running"))
        waiting = aside(name, old)
        if name != waiting:
            self._rename(old, waiting)
        new = ""
        try:
            new = self.make(resource)
            self._stop(old)
            self._run(new)
        except BaseException:
            with suppress(Refused, EngineError):
                if new:
                    self._remove(new)
                self._rename(old, name)
                if was_running:
                    self._run(old)
            raise
        self._remove(old)

    def _start(self, step: Step, existing: Existing) -> None:
        try:
            if existing.state == FAILED:
                # it may run and be unhealthy, and starting what runs would do nothing
                self._again(existing.id or existing.name)
            else:
                self._run(existing.id or existing.name)
        except Refused as error:
            if step.resource is None:
                raise
            if error.status == 404 and "no such container" in error.message.lower():
                # gone since it was looked at: a container with --rm ends so
                self._create(step.resource)
            elif lost_network(error.message):
                # the container remembers the id of a network that someone has removed and we made anew
                self._replace(step.resource, existing)
            else:
                raise

    def _delete(self, existing: Existing) -> None:
        if existing.kind == CONTAINER:
            self._stop(existing.id or existing.name)
            self._remove(existing.id or existing.name)
            return
        path = {NETWORK: f"/networks/{seg(existing.id or existing.name)}", VOLUME: f"/volumes/{seg(existing.name)}"}
        if existing.kind in path:
            self._gone("DELETE", path[existing.kind])

    # ------------------------------------------------------------ single calls

    def _run(self, container: str) -> None:
        self.client.call("POST", f"/containers/{seg(container)}/start")

    def _again(self, container: str) -> None:
        self.client.call("POST", f"/containers/{seg(container)}/restart", timeout=STOP_TIMEOUT)

    def _stop(self, container: str) -> None:
        self._gone("POST", f"/containers/{seg(container)}/stop", timeout=STOP_TIMEOUT)

    def _remove(self, container: str) -> None:
        try:
            self._gone("DELETE", f"/containers/{seg(container)}", params={"force": "true", "v": "true"})
        except Refused as error:
            # the engine is at it already (--rm)
            if error.status != 409 or "already in progress" not in error.message:
                raise

    def _rename(self, container: str, name: str) -> None:
        self._gone("POST", f"/containers/{seg(container)}/rename", params={"name": name})

    def _gone(self, method: str, path: str, **options: Any) -> None:
        """A call for which it is as good when the thing is not there any more."""
        try:
            self.client.call(method, path, **options)
        except Refused as error:
            if error.status != 404:
                raise


def _compact(found: dict[str, str]) -> str:
    import json

    return json.dumps(found, separators=(",", ":"), sort_keys=True)


def archive(files: Mapping[str, Mapping[str, Any]], folders: Collection[str]) -> bytes:
    """A tar of files by their absolute target, as `compose.Piece.files` has them, and of the folders that the image lacks:
    the engine would make them for root alone. Those which it has are left out, for a tar would change their owner."""
    import io
    import tarfile

    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for folder in sorted(folders):
            entry = tarfile.TarInfo(folder.lstrip("/"))
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(entry)
        for target, found in sorted(files.items()):
            content = found["content"].encode("utf-8", "surrogateescape")
            entry = tarfile.TarInfo(target.lstrip("/"))
            entry.size, entry.mode, entry.uid, entry.gid = len(content), found["mode"], found["uid"], found["gid"]
            tar.addfile(entry, io.BytesIO(content))
    return made.getvalue()
