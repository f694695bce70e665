"""Settings that hand a container the machine that it runs on, or a good part of it: said before anything is done. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from atomicapp.position import Position
from atomicapp.workload.model import BIND, Workload

HINT = "run it only if you trust its author; nothing else needs to be done"

_SOCKETS = ("docker.sock", "podman.sock", "containerd.sock", "crio.sock")
_FOLDERS = ("/", "/etc", "/root", "/boot", "/dev", "/proc", "/sys", "/usr", "/var", "/var/lib", "/var/run", "/run")
_CAPABILITIES = ("ALL", "SYS_ADMIN", "SYS_MODULE", "SYS_PTRACE", "SYS_RAWIO", "DAC_READ_SEARCH", "BPF", "NET_ADMIN")
_NO_LABELS = ("label=disable", "label:disable")


def find(work: Workload, machine: str = "host") -> Iterator[tuple[str, Position]]:
    """What is risky in a workload, each with its place; `machine` is what the engine calls the one that it runs on."""
    security, spaces = work.security, work.namespaces
    if security.privileged:
        yield f"privileged gives the container every right on the {machine}", work.place("privileged")
    for capability in security.cap_add:
        if capability.upper().removeprefix("CAP_") in _CAPABILITIES:
            message = f"the capability {capability} gives the container wide rights on the {machine}"
            yield message, work.place("cap_add")
    for option in security.options:
        if option.endswith("unconfined") or option in _NO_LABELS:
            yield f"the security option {option} takes a guard of the {machine} away", work.place("security_opt")
    if security.all_system_paths:
        message = f"the security option systempaths=unconfined shows the container the {machine}'s /proc"
        yield message, work.place("security_opt")
    for name, mode, field in (
        ("network", spaces.network, "networks"),
        ("pid", spaces.pid, "pid"),
        ("ipc", spaces.ipc, "ipc"),
        ("uts", spaces.uts, "uts"),
        ("user", spaces.user, "user"),
    ):
        if mode == "host":
            place = work.where.get(f"{name}_mode") or work.place(field)
            yield f"the container shares the {machine}'s own {name} namespace", place
    for mount in work.mounts:
        if mount.kind != BIND:
            continue
        if mount.source.rpartition("/")[2] in _SOCKETS:
            yield f"{mount.source} lets the container command the engine, and so the {machine}", mount.position
        elif (mount.source.rstrip("/") or "/") in _FOLDERS:
            yield f"the {machine}'s {mount.source} is open to the container", mount.position
