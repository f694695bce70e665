"""What becomes of each key of a Compose file on a fleet; see `workload.fidelity`. Pure."""

from __future__ import annotations

from atomicapp.providers.fleet.containers import constraint, is_spread
from atomicapp.providers.units import rules
from atomicapp.workload import model
from atomicapp.workload.fidelity import APPROXIMATED, KEPT, LOST, Table, Verdict, approximated, kept, lost
from atomicapp.workload.model import Workload
from atomicapp.workload.project import Project, Said

_KEPT = Verdict(KEPT)
_GLOBAL = (model.GLOBAL, model.GLOBAL_JOB)
_APART = Verdict(APPROXIMATED, "replicas are on different machines, where others are not found by name")
_NO_WORD = "fleet knows metadata and the id of a machine (==), and nothing else of it"
_OWN = Verdict(APPROXIMATED, "each machine that runs it has a volume of its own, which nothing removes")
_UNIT = "written by the unit, in which all who reach the API of fleet can read it"


def _replicas(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    if work is None or not is_spread(work, len(project.services) == 1) or len(project.services) == 1:
        return None
    return _APART


def _constraints(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    if work is None or all(constraint(text) for text in work.scheduling.constraints):
        return None
    return Verdict(LOST, _NO_WORD)


def _per_node(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    return _KEPT if work is not None and work.scheduling.max_per_node == 1 else None


def _source(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    if work is None:
        return None
    many = work.scheduling.mode in _GLOBAL or is_spread(work, len(project.services) == 1)
    volumes = any(mount.kind == model.VOLUME and mount.source for mount in work.mounts)
    return _OWN if many and volumes else None


TABLE: Table = rules.table(
    {
        "services.deploy.mode": kept("global as Global=true"),
        "services.deploy.replicas": kept("as instances of a template", _replicas, _APART),
        "services.scale": kept("as instances of a template", _replicas, _APART),
        "services.deploy.placement.constraints": kept(
            "node.labels.KEY == VALUE as MachineMetadata=, node.id == ID as MachineID=",
            _constraints,
            Verdict(LOST, _NO_WORD),
        ),
        "services.deploy.placement.preferences.spread": approximated("one replica on a machine, whatever its labels"),
        "services.deploy.placement.max_replicas_per_node": lost(
            "fleet counts no replicas but one on a machine (1 is kept, as Conflicts=)", _per_node, _KEPT
        ),
        "services.volumes.source": kept(
            "a unit keeps the volume, and the service with it, on its machine", _source, _OWN
        ),
        "services.depends_on.condition": kept("on one machine by systemd; else it is the order of a run of the app"),
        **{
            f"{room}.{key}": kept(_UNIT)
            for room in ("configs", "secrets")
            for key in ("file", "environment", "content")
            if (room, key) != ("secrets", "content")
        },
    }
)
CONVERTED: Table = TABLE
