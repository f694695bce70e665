"""Mounts as volumes of a pod, and named volumes as claims."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from atomicapp.providers.kubernetes.writer import names, steering
from atomicapp.providers.kubernetes.writer.amounts import size, storage, suffixed
from atomicapp.providers.kubernetes.writer.around import Around, Json, Object
from atomicapp.providers.kubernetes.writer.around import named as head
from atomicapp.providers.kubernetes.writer.facts import DAEMON_SET, Facts, own_volumes
from atomicapp.providers.kubernetes.writer.steering import MANY, ONCE, READ
from atomicapp.workload import model
from atomicapp.workload.model import Device, Mount, Workload
from atomicapp.workload.project import VolumeSpec

CLAIM = "PersistentVolumeClaim"
DEFAULT_SIZE = "1Gi"
LABEL = "io.atomicapp.volume/"
"""On the pods of a volume that one node only can have, where several mount it: its name follows."""
MEMORY = "Memory"
SHM = "/dev/shm"  # noqa: S108 (a place in the container)
_PROPAGATION = {"shared": "Bidirectional", "slave": "HostToContainer", "private": "None"}
_FOLDER_OPTIONS = frozenset(("bind", "rbind"))


class Volumes:
    """The volumes of one pod, as they are found. What is the same is there once."""

    def __init__(self) -> None:
        self.found: dict[str, Json] = {}

    def add(self, wish: str, source: Json, *, own: bool = False) -> str:
        """The name of a volume, which is a new one when it is a container's `own`."""
        name = base = names.label(wish)
        number = 1
        while name in self.found and (own or self.found[name] != source):
            number += 1
            name = f"{base[:58]}-{number}"
        self.found[name] = source
        return name

    def listed(self) -> list[Json]:
        """As a pod has them."""
        return [{"name": name, **source} for name, source in self.found.items() if source]


def mounted(work: Workload, facts: Facts, around: Around, volumes: Volumes) -> Iterator[Json]:
    """The mounts of a container; their volumes are added."""
    for mount in own_volumes(work, facts.services):
        found = source(mount, facts, around)
        if found is None:
            continue
        wish, volume = found
        own = "emptyDir" in volume and not (mount.kind == model.VOLUME and mount.source)
        place: Json = {"name": volumes.add(wish, volume, own=own), "mountPath": mount.target}
        if mount.read_only or only_read(mount, around):
            place["readOnly"] = True
        if mount.subpath:
            place["subPath"] = mount.subpath
        way = propagation(mount, work)
        if way:
            place["mountPropagation"] = way
        yield place
    if work.shm_size:
        shm = {"emptyDir": {"medium": MEMORY, "sizeLimit": size(work.shm_size)}}
        yield {"name": volumes.add("shm", shm, own=True), "mountPath": SHM}
    for device in work.devices if work.security.privileged else ():
        yield {"name": volumes.add(_tail(device.host), {"hostPath": {"path": device.host}}), "mountPath": inner(device)}


def propagation(mount: Mount, work: Workload) -> str:
    """How mounts below it pass through; "" for Kubernetes' way. To pass them to the node takes a privileged container."""
    found = _PROPAGATION.get(mount.propagation.removeprefix("r"), "") if mount.kind == model.BIND else ""
    return "" if found == "Bidirectional" and not work.security.privileged else found


def only_read(mount: Mount, around: Around) -> bool:
    """Whether the package's own requirement lets nobody write to a volume."""
    required = around.claim(mount.source) if mount.kind == model.VOLUME and mount.source else None
    return required is not None and required.access_mode == READ


def inner(device: Device) -> str:
    """The path of a device in the container."""
    return device.container or device.host


def source(mount: Mount, facts: Facts, around: Around) -> tuple[str, Json] | None:
    """The wish for a name, and the volume; None for what Kubernetes can't mount."""
    if mount.kind == model.BIND:
        return _tail(mount.source), {"hostPath": {"path": mount.source}}
    if mount.kind == model.TMPFS:
        return _tail(mount.target), _memory(tmpfs_size(mount))
    if mount.kind == model.CLUSTER:
        spec = facts.project.volumes.get(mount.source)
        name = spec.name if spec is not None and spec.name else mount.source
        return mount.source, {"persistentVolumeClaim": {"claimName": names.label(name)}}
    if mount.kind != model.VOLUME:
        return None
    if not mount.source:
        return _tail(mount.target), {"emptyDir": {}}
    return mount.source, volume(facts.project.volumes.get(mount.source), mount.source, around)


def volume(spec: VolumeSpec | None, key: str, around: Around) -> Json:
    """A named volume in a pod; empty for one that a StatefulSet brings for each replica."""
    if spec is None:
        return {"persistentVolumeClaim": {"claimName": names.label(key)}}
    if "{{" in (spec.name or spec.key):
        return {}
    required = None if spec.external else around.claim(key)
    if required:
        return {"persistentVolumeClaim": {"claimName": required.name}}
    return inline(spec) or {"persistentVolumeClaim": {"claimName": names.label(spec.name or key)}}


def inline(spec: VolumeSpec) -> Json:
    """What the options of the local driver describe that a pod can mount itself: NFS, a folder of the node, memory."""
    options = spec.driver_options
    if not options or spec.external or spec.driver not in ("", "local"):
        return {}
    kind, device = options.get("type", ""), options.get("device", "")
    words = dict(part.partition("=")[::2] for part in options.get("o", "").split(","))
    if kind.startswith("nfs") and device:
        server, colon, path = device.rpartition(":")
        server = words.get("addr") or server
        if server:
            return {
                "nfs": {"server": server, "path": path if colon else device}
                | ({"readOnly": True} if "ro" in words else {})
            }
    if kind == "tmpfs":
        return _memory(suffixed(words.get("size", "")))
    if device.startswith("/") and _FOLDER_OPTIONS & words.keys():
        return {"hostPath": {"path": device}}
    return {}


def _memory(limit: str) -> Json:
    return {"emptyDir": {"medium": MEMORY, "sizeLimit": limit} if limit else {"medium": MEMORY}}


def tmpfs_size(mount: Mount) -> str:
    """The size of a tmpfs; "" for none."""
    if mount.size:
        return size(mount.size)
    for part in (mount.options or "").split(","):
        name, _, value = part.partition("=")
        if name == "size":
            return suffixed(value)
    return ""


def _tail(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2] or "root"


# ---------------------------------------------------------------- claims


def claims(facts: Facts, around: Around) -> Iterator[Object]:
    """The claims of all volumes that are mounted, and are no requirement of the package."""
    for key in facts.users:
        spec = facts.project.volumes.get(key)
        if spec is None or spec.external or around.claim(key) or not _claimed(spec, around):
            continue
        yield Object(claim(spec, facts), spec.position)


def together(root: str, facts: Facts, around: Around) -> list[str]:
    """The labels of pods that this one has to be beside: those of the volumes which it shares with others, or its own
    replicas with each other, and which one node only can have."""
    if facts.kinds[root] == DAEMON_SET:
        return []
    found = []
    for key in facts.mounts.get(root, ()):
        spec = facts.project.volumes.get(key)
        if spec is None or spec.external:
            continue
        if (len(facts.users[key]) > 1 or facts.services[root].replicas > 1) and _claimed(spec, around):
            required = around.claim(key)
            mode = required.access_mode if required else asked(spec, facts)["accessModes"][0]
            if mode not in (MANY, READ):
                found.append(f"{LABEL}{names.label(key, 50)}")
    return found


def _claimed(spec: VolumeSpec, around: Around) -> bool:
    return "persistentVolumeClaim" in volume(spec, spec.key, around)


def claim(spec: VolumeSpec, facts: Facts) -> Json:
    """A volume as a claim."""
    per_replica = "{{" in (spec.name or spec.key)
    body = head(CLAIM, names.label(spec.key if per_replica else spec.name or spec.key), spec=asked(spec, facts))
    notes = {
        name: value for name, value in spec.labels.items() if names.is_qualified(name) and not steering.is_ours(name)
    }
    if notes:
        body["metadata"]["annotations"] = notes
    return body


def asked(spec: VolumeSpec, facts: Facts) -> Json:
    """What a claim asks for."""
    labels: Mapping[str, str] = spec.labels
    everywhere = any(facts.kinds[root] == DAEMON_SET for root in facts.users.get(spec.key, ()))
    wanted = labels.get(steering.SIZE) or storage(spec.driver_options) or DEFAULT_SIZE
    found: Json = {
        "accessModes": [labels.get(steering.ACCESS) or (MANY if everywhere else ONCE)],
        "resources": {"requests": {"storage": wanted}},
    }
    if steering.STORAGE_CLASS in labels:
        found["storageClassName"] = labels[steering.STORAGE_CLASS]
    return found
