"""Rights given and taken: the security context of a container and of its pod."""

from __future__ import annotations

from collections.abc import Iterator

from atomicapp.providers.kubernetes.writer.around import Json, said, unsaid
from atomicapp.workload.model import Workload

SAFE_SYSCTLS = frozenset(
    (
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.ping_group_range",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes",
        "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_rmem",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.tcp_wmem",
    )
)
"""Those that a kubelet takes without being told to; a pod with any other would never start on most nodes."""
_SELINUX = ("user", "role", "type", "level")
_MOST = 2**31 - 1
_PLAIN = unsaid("security", "user")


def container(work: Workload) -> Json:
    """The security context of one container."""
    if _PLAIN(work):
        return {}
    given = work.security
    user, group = user_of(work.user)
    found = said(
        privileged=given.privileged,
        readOnlyRootFilesystem=given.read_only_root,
        capabilities=said(add=_capabilities(given.cap_add), drop=_capabilities(given.cap_drop)),
    )
    if user is not None:
        found["runAsUser"] = user
    if user is not None and group is not None:  # a node refuses a group without a user
        found["runAsGroup"] = group
    for name, value in options(work):
        known = known_option(work, name, value)
        for key, inner in known.items():
            found[key] = {**found[key], **inner} if key == "seLinuxOptions" and key in found else inner
    return found


def user_of(text: str) -> tuple[int | None, int | None]:
    """`1000:1000` as numbers; None for a name, which Kubernetes can't look up in the image (root is 0 everywhere)."""
    user, _, group = text.partition(":")
    return number(user), number(group)


def number(text: str) -> int | None:
    """An id of a user or a group; None for a name."""
    if text == "root":
        return 0
    return int(text) if text.isascii() and text.isdigit() and int(text) <= _MOST else None


def options(work: Workload) -> Iterator[tuple[str, str]]:
    """The security options as names and values; the name stands before the first `=` or `:`."""
    for option in work.security.options:
        yield split(option)


def split(option: str) -> tuple[str, str]:
    """`seccomp=unconfined`, or with a colon as older files have it."""
    name, sign, value = option.partition("=")
    if not sign or ":" in name:
        name, _, value = option.partition(":")
    return name, value


def known_option(work: Workload, name: str, value: str) -> Json:
    """What one security option is in a security context; empty for what Kubernetes has no word for."""
    if name == "no-new-privileges":
        wide = work.security.privileged or {"SYS_ADMIN", "ALL"} & set(_capabilities(work.security.cap_add))
        # the server refuses the two together
        return {} if value == "false" or wide else {"allowPrivilegeEscalation": False}
    if name == "seccomp":
        kind = {"unconfined": "Unconfined", "builtin": "RuntimeDefault"}.get(value)
        return {"seccompProfile": {"type": kind}} if kind else {}
    if name == "apparmor":
        if value in ("unconfined", "docker-default", "runtime/default"):
            return {"appArmorProfile": {"type": "Unconfined" if value == "unconfined" else "RuntimeDefault"}}
        return {"appArmorProfile": {"type": "Localhost", "localhostProfile": value}} if value else {}
    if name == "label":
        if value == "disable":
            return {"seLinuxOptions": {"type": "spc_t"}}
        key, _, inner = value.partition(":")
        return {"seLinuxOptions": {key: inner}} if key in _SELINUX and inner else {}
    return {}


def pod(works: tuple[Workload, ...]) -> Json:
    """The security context of a pod: what Kubernetes sets for all containers of it together."""
    sysctls = {name: value for work in works for name, value in work.sysctls.items() if can_set(name, works[0])}
    groups = sorted(
        {found for work in works for group in work.groups for found in [number(group)] if found is not None}
    )
    return said(
        supplementalGroups=groups, sysctls=[{"name": name, "value": value} for name, value in sorted(sysctls.items())]
    )


def can_set(name: str, work: Workload) -> bool:
    """Whether a kernel parameter can be set for a pod, of which this is the first container."""
    spaces = work.namespaces
    shared = spaces.network == "host" if name.startswith("net.") else spaces.ipc == "host"
    return name in SAFE_SYSCTLS and not shared


def _capabilities(found: tuple[str, ...]) -> list[str]:
    return list(dict.fromkeys(name.upper().removeprefix("CAP_") for name in found))
