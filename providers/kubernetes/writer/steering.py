"""Labels of services and volumes that choose between ways of writing them; they are not written themselves. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from atomicapp.errors import ERROR, Issue
from atomicapp.position import Position
from atomicapp.workload.model import Workload
from atomicapp.workload.project import Project

PREFIX = "io.atomicapp.kubernetes."
PUBLISH = f"{PREFIX}publish"
"""Of a service: the type of the Service for its published ports."""
WAIT = f"{PREFIX}wait"
"""Of a service: the image whose shell waits in front of it in what `convert` writes, or `none`."""
SIZE, ACCESS, STORAGE_CLASS = f"{PREFIX}size", f"{PREFIX}access-mode", f"{PREFIX}storage-class"
"""Of a volume: what its claim asks for."""

LOAD_BALANCER, NODE_PORT, CLUSTER_IP = "LoadBalancer", "NodePort", "ClusterIP"
ONCE, MANY, READ = "ReadWriteOnce", "ReadWriteMany", "ReadOnlyMany"
_SIZES = r"[1-9][0-9]*(?:\.[0-9]+)?(?:[kMGTP]|[KMGTP]i)?"
_NAME = r"|[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?"
_OF_SERVICES = {PUBLISH: f"{LOAD_BALANCER}|{NODE_PORT}|{CLUSTER_IP}", WAIT: r"\S+"}
_OF_VOLUMES = {SIZE: _SIZES, ACCESS: f"{ONCE}|{MANY}|{READ}|ReadWriteOncePod", STORAGE_CLASS: _NAME}
_WORDS = {
    PUBLISH: "LoadBalancer, NodePort or ClusterIP",
    WAIT: "an image, or none",
    SIZE: "a size such as 10Gi",
    ACCESS: "ReadWriteOnce, ReadWriteMany, ReadOnlyMany or ReadWriteOncePod",
    STORAGE_CLASS: "the name of a class",
}


def of(work: Workload, name: str) -> str:
    """What a label of a service chooses; "" where none does."""
    return work.labels.get(name) or work.scheduling.labels.get(name) or ""


def is_ours(name: str) -> bool:
    """Whether a label is one of these."""
    return name.startswith(PREFIX)


def check(project: Project) -> Iterator[Issue]:
    """An error for each of these labels that there is not, or that has another value."""
    for work in project.services:
        for labels, place in ((work.labels, "labels"), (work.scheduling.labels, "scheduling")):
            yield from _check(labels, _OF_SERVICES, work.place(place), "a service")
    for spec in project.volumes.values():
        yield from _check(spec.labels, _OF_VOLUMES, spec.position, "a volume")


def _check(labels: Mapping[str, str], known: Mapping[str, str], place: Position, what: str) -> Iterator[Issue]:
    for name, value in labels.items():
        if not is_ours(name):
            continue
        if name not in known:
            hint = f"those of {what}: {', '.join(known)}"
            yield Issue(ERROR, f"there is no label {name} of {what}", place, "label", "", hint)
        elif not re.fullmatch(known[name], value):
            yield Issue(ERROR, f"{name}: '{value}' is not {_WORDS[name]}", place, "label")
