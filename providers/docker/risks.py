"""Settings that hand a container the host, or a good part of it: said before anything is done."""

from __future__ import annotations

from collections.abc import Iterator

from atomicapp.position import Position
from atomicapp.workload.model import BIND, Workload

_SOCKETS = ("docker.sock", "podman.sock", "containerd.sock", "crio.sock")
_HOST_FOLDERS = ("/", "/etc", "/root", "/boot", "/dev", "/proc", "/sys", "/usr", "/var", "/var/lib", "/var/run", "/run")
_CAPABILITIES = ("ALL", "SYS_ADMIN", "SYS_MODULE", "SYS_PTRACE", "SYS_RAWIO", "DAC_READ_SEARCH", "BPF", "NET_ADMIN")
_UNCONFINED = ("seccomp=unconfined", "seccomp:unconfined", "apparmor=unconfined", "apparmor:unconfined")
_NO_LABELS = ("label=disable", "label:disable")


def find(work: Workload) -> Iterator[tuple[str, Position]]:
    """What is risky in a workload, each with its place."""
    security, spaces = work.security, work.namespaces
    if security.privileged:
        yield "--privileged gives the container every right on the host", work.place("privileged")
    for capability in security.cap_add:
        if capability.upper().removeprefix("CAP_") in _CAPABILITIES:
            yield f"--cap-add {capability} gives the container wide rights on the host", work.place("cap_add")
    for option in security.options:
        if option in _UNCONFINED or option in _NO_LABELS:
            yield f"--security-opt {option} takes a guard of the host away", work.place("security_opt")
    if security.all_system_paths:
        yield "--security-opt systempaths=unconfined shows the container the host's /proc", work.place("security_opt")
    for option, mode, field in (
        ("--network", spaces.network, "networks"),
        ("--pid", spaces.pid, "pid"),
        ("--ipc", spaces.ipc, "ipc"),
        ("--uts", spaces.uts, "uts"),
        ("--userns", spaces.user, "user"),
    ):
        if mode == "host":
            yield f"{option} host shares the host's own {option[2:]} namespace with the container", work.place(field)
    for mount in work.mounts:
        if mount.kind != BIND:
            continue
        if mount.source.rpartition("/")[2] in _SOCKETS:
            yield f"{mount.source} lets the container command the engine, and so the host", mount.position
        elif (mount.source.rstrip("/") or "/") in _HOST_FOLDERS:
            yield f"the host's {mount.source} is open to the container", mount.position
