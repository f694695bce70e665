"""What hands a container the node, or a good part of it: said before anything is done. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from atomicapp.position import Position
from atomicapp.workload.model import BIND, Workload
from atomicapp.workload.project import Project

_SOCKETS = ("docker.sock", "podman.sock", "containerd.sock", "crio.sock")
_FOLDERS = ("/", "/etc", "/root", "/boot", "/dev", "/proc", "/sys", "/usr", "/var", "/var/lib", "/var/run", "/run")
_CAPABILITIES = ("ALL", "SYS_ADMIN", "SYS_MODULE", "SYS_PTRACE", "SYS_RAWIO", "DAC_READ_SEARCH", "BPF", "NET_ADMIN")


def find(project: Project) -> Iterator[tuple[str, Position]]:
    """What is risky in a project, each with its place."""
    for work in project.services:
        yield from _service(work)


def _service(work: Workload) -> Iterator[tuple[str, Position]]:
    if work.security.privileged:
        yield "privileged gives the container every right on the node", work.place("privileged")
    for capability in work.security.cap_add:
        if capability.upper().removeprefix("CAP_") in _CAPABILITIES:
            yield f"the capability {capability} gives the container wide rights on the node", work.place("cap_add")
    for option in work.security.options:
        if option.endswith(("unconfined", "disable")):
            yield f"the security option {option} takes a guard of the node away", work.place("security_opt")
    spaces = work.namespaces
    for name, mode, field in (
        ("network", spaces.network, "network_mode"),
        ("pid", spaces.pid, "pid"),
        ("ipc", spaces.ipc, "ipc"),
    ):
        if mode == "host":
            yield f"the container shares the node's own {name} namespace", work.place(field)
    for mount in work.mounts:
        if mount.kind != BIND:
            continue
        if mount.source.rpartition("/")[2] in _SOCKETS:
            yield f"{mount.source} lets the container command the engine of the node, and so the node", mount.position
        elif (mount.source.rstrip("/") or "/") in _FOLDERS:
            yield f"the node's {mount.source} is open to the container", mount.position
