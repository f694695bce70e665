"""Configs and secrets: the objects that hold them, and their place in a container."""

from collections.abc import Iterator

from atomicapp.providers.kubernetes.writer import names
from atomicapp.providers.kubernetes.writer.around import Around, Json, Object, named
from atomicapp.records import NamedTuple
from atomicapp.workload.model import FileGrant, Workload
from atomicapp.workload.project import FileSpec, Project

CONFIG_MAP = "ConfigMap"
SECRET = "Secret"  # noqa: S105 (a kind)
READABLE = 0o444
"""The mode of a file of which none is said: Docker's way."""


class Kept(NamedTuple):
    """Where the content of a config or a secret is: an object, and the entry in it."""

    kind: str
    name: str
    entry: str


def kept(spec: FileSpec, secret: bool, around: Around) -> Kept:
    """Where the content is kept. A config that holds a secret of the package is kept as a secret."""
    hidden = secret or (spec.content is not None and around.holds_secret(spec.content))
    own = spec.name or spec.key
    name = names.label(f"{own}-config" if hidden and not secret else own)
    return Kept(SECRET if hidden else CONFIG_MAP, name, names.entry(spec.key))


def inside(spec: FileSpec) -> bool:
    """Whether the project holds the content; else the object must be on the cluster."""
    return not spec.external and spec.content is not None


def objects(project: Project, around: Around) -> Iterator[Object]:
    """The objects of all configs and secrets that a container has, and whose content the project holds."""
    configs = {item.source for work in _with_hooks(project) for item in work.configs}
    secrets = {item.source for work in _with_hooks(project) for item in work.secrets}
    for found, used, secret in ((project.configs, configs, False), (project.secrets, secrets, True)):
        for spec in found.values():
            if spec.key in used and inside(spec):
                yield Object(_object(spec, kept(spec, secret, around)), spec.position)


def _with_hooks(project: Project) -> Iterator[Workload]:
    for work in project.services:
        yield work
        yield from (hook.workload for hook in work.pre_start)


def _object(spec: FileSpec, where: Kept) -> Json:
    data = {where.entry: spec.content}
    notes = {name: value for name, value in spec.labels.items() if names.is_qualified(name)}
    body = named(where.kind, where.name)
    body["stringData" if where.kind == SECRET else "data"] = data
    if notes:
        body["metadata"]["annotations"] = notes
    return body


def source(grant: FileGrant, where: Kept) -> Json:
    """The volume that brings one file into a pod."""
    mode = mode_of(grant)
    if where.kind == SECRET:
        return {"secret": {"secretName": where.name, "defaultMode": mode}}
    return {"configMap": {"name": where.name, "defaultMode": mode}}


def mode_of(grant: FileGrant) -> int:
    """The permission bits. All files belong to root there: what the owner or the group that was said may do, all may."""
    mode = READABLE if grant.mode is None else grant.mode & 0o777
    if grant.uid not in ("", "0"):
        mode |= mode >> 6
    if grant.gid not in ("", "0"):
        mode |= (mode >> 3) & 0o7
    return mode
