"""How a verdict is found that depends on values: what was said is looked up, and one function decides. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from atomicapp.providers.kubernetes.writer import facts, files, names
from atomicapp.workload.fidelity import APPROXIMATED, KEPT, LOST, Decide, Verdict
from atomicapp.workload.model import Dependency, DeviceRequest, FileGrant, Mount, Port, Workload
from atomicapp.workload.project import Project, Said

YES = Verdict(KEPT)
ByWork = Callable[[Workload, facts.Facts], Verdict | None]


Item = TypeVar("Item", Port, Mount, FileGrant, Dependency, DeviceRequest)


def instead(how: str) -> Verdict:
    """Another way."""
    return Verdict(APPROXIMATED, how)


def gone(why: str) -> Verdict:
    """No way."""
    return Verdict(LOST, why)


def by_work(decide: ByWork) -> Decide:
    """A decision by the service alone."""

    def found(project: Project, work: Workload | None, said: Said) -> Verdict | None:
        return decide(work, facts.of(project)) if work is not None else None

    return found


def at(items: Iterable[Item], said: Said) -> Item | None:
    """The item of a list in which something was said: the last one that begins before it."""
    found: Item | None = None
    for item in items:
        same = item.position.file == said.position.file and item.position <= said.position
        if same and (found is None or found.position <= item.position):
            found = item
    return found


def by_port(decide: Callable[[Workload, Port], Verdict | None]) -> Decide:
    """A decision by one port."""

    def found(project: Project, work: Workload | None, said: Said) -> Verdict | None:
        port = at(work.ports, said) if work is not None else None
        return decide(work, port) if work is not None and port is not None else None

    return found


def by_mount(decide: Callable[[Project, Workload, Mount], Verdict | None]) -> Decide:
    """A decision by one mount."""

    def found(project: Project, work: Workload | None, said: Said) -> Verdict | None:
        mount = at(work.mounts, said) if work is not None else None
        return decide(project, work, mount) if work is not None and mount is not None else None

    return found


def by_grant(field: str) -> Decide:
    """Of the owner of a file: whether the bits that stand in for it say anything."""

    def found(project: Project, work: Workload | None, said: Said) -> Verdict | None:
        grants: tuple[FileGrant, ...] = () if work is None else work.secrets if "secrets" in said.key else work.configs
        grant = at(grants, said)
        if grant is None:
            return None
        alone = grant._replace(uid="") if field == "uid" else grant._replace(gid="")
        same = files.mode_of(alone) == files.mode_of(grant)
        return gone("files belong to root; all may read it") if same else None

    return found


def by_labels(get: Callable[[Workload], Iterable[str]]) -> Decide:
    """Of labels: those whose names Kubernetes doesn't take are lost."""

    def found(project: Project, work: Workload | None, said: Said) -> Verdict | None:
        bad = [name for name in get(work) if not names.is_qualified(name)] if work is not None else []
        return gone(f"these are no names for annotations: {', '.join(bad)}") if bad else None

    return found
