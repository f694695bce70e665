"""What becomes of each key of a Compose file in a swarm; see `workload.fidelity`."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any

from atomicapp.workload import model
from atomicapp.workload.compose.keys import KEYS
from atomicapp.workload.compose.rules import RULES
from atomicapp.workload.fidelity import APPROXIMATED, KEPT, LOST, Rule, Table, Verdict, approximated, kept, lost
from atomicapp.workload.model import Mount, Workload
from atomicapp.workload.project import Project, Said

_KEPT = Verdict(KEPT)
_NO_DEVICES = "a swarm gives its tasks no devices; ask for generic_resources of the nodes, or run it on their engines"
_NO_LIMIT = "a swarm limits memory, processors and processes of a task, and nothing else"
_NO_SPACE = "tasks have namespaces of their own"
_NO_HOOK = "a swarm carries out no commands in its tasks; do it in the command of the image"
_ADDRESS = "the swarm gives the addresses"
_NO_WORD = "a swarm has no word for it"
_FROM_44, _FROM_45, _FROM_46 = (f"engines from API 1.{number} on know it, older ones refuse" for number in (44, 45, 46))
_JOB = Verdict(LOST, "a job has no ports and no rollout: it is run anew")
_JOBS = (model.REPLICATED_JOB, model.GLOBAL_JOB)


def _nearest(items: Sequence[Any], said: Said) -> Any:
    """The item in whose text a thing is said: the last one that begins before."""
    found = None
    for item in items:
        place = item.position
        before = place.file == said.position.file and place[1:3] <= said.position[1:3]
        if before and (found is None or place[1:3] >= found.position[1:3]):
            found = item
    return found


def _mount(work: Workload | None, said: Said) -> Mount | None:
    found: Mount | None = _nearest(work.mounts, said) if work else None
    return found


# ---------------------------------------------------------------- by their values

_EACH_NODE = Verdict(
    APPROXIMATED, "each node that runs it has a volume of its own; a placement constraint keeps it where its data is"
)
_MUST_BE = Verdict(APPROXIMATED, "the folder is not made: it must be there on each node that runs it")
_NO_IMAGE = Verdict(LOST, "a task can't mount an image")
_ANONYMOUS = Verdict(APPROXIMATED, "each task has a volume of its own, which goes with it")


def _source(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    mount = _mount(work, said)
    if mount is None or work is None:
        return None
    if mount.kind == model.IMAGE:
        return _NO_IMAGE
    if mount.kind == model.BIND and mount.create_source:
        return _MUST_BE
    if mount.kind == model.VOLUME and mount.source and not work.scheduling.constraints:
        spec = project.volumes.get(mount.source)
        if spec is None or spec.driver in ("", "local"):
            return _EACH_NODE
    return None


def _type(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    mount = _mount(work, said)
    if mount is None:
        return None
    if mount.kind == model.IMAGE:
        return _NO_IMAGE
    return _ANONYMOUS if mount.kind == model.VOLUME and not mount.source else None


def _create_path(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    mount = _mount(work, said)
    return _KEPT if mount is not None and not mount.create_source else None


def _selinux(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    mount = _mount(work, said)
    return _KEPT if mount is not None and not mount.selinux else None


_TMPFS = Verdict(APPROXIMATED, "its size and mode; other options are left out")


def _tmpfs(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    for mount in work.mounts if work else ():
        for option in (mount.options or "").split(","):
            if mount.kind == model.TMPFS and option and not option.startswith(("size=", "mode=")) and option != "ro":
                return _TMPFS
    return None


_RANGE = Verdict(APPROXIMATED, "the first port of the range")


def _published(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    port = _nearest(work.ports, said) if work else None
    return _RANGE if port is not None and "-" in port.host else _of_job(project, work, said)


def _host_ip(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    port = _nearest(work.ports, said) if work else None
    return _KEPT if port is not None and port.host_ip in ("", "0.0.0.0", "::") else None  # noqa: S104 (compared)


def _of_job(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    return _JOB if work is not None and work.scheduling.mode in _JOBS else None


_SHARED = Verdict(LOST, "a task shares no network with another; put both on a network of the file")
_NONE = Verdict(LOST, "a task without networks of the swarm is in its node's own bridge")


def _network_mode(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    mode = work.namespaces.network if work else ""
    if mode.startswith(("service:", "container:")):
        return _SHARED
    return _NONE if mode == "none" else None


_UNLESS = Verdict(APPROXIMATED, "as always: `atomicapp stop` is remembered in any case")


def _restart(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    return _UNLESS if work is not None and work.restart.policy == "unless-stopped" else None


_NEVER = Verdict(APPROXIMATED, "the registry is not asked for its digest; a node that lacks the image gets it")


def _pull(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    return _NEVER if work is not None and work.pull == model.PULL_NEVER else None


_OPTION = Verdict(LOST, "a task takes label, no-new-privileges, seccomp and apparmor=unconfined")


def _security_opt(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    if work is None:
        return None
    for option in work.security.options:
        name = option.replace(":", "=", 1).partition("=")[0]
        if name not in ("label", "no-new-privileges", "seccomp") and option not in (
            "apparmor=unconfined",
            "apparmor:unconfined",
        ):
            return _OPTION
    if work.security.all_system_paths:
        return _OPTION
    return None


_LINK = Verdict(APPROXIMATED, "the alias is one for all on the networks of the service")


def _links(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    link = _nearest(work.links, said) if work else None
    return _LINK if link is not None and link.alias != link.target else None


_FOREIGN = Verdict(LOST, "a task has no part in the volumes of a container outside of the file")


def _volumes_from(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    found = _nearest(work.volumes_from, said) if work else None
    return _FOREIGN if found is not None and project.service(found.container) is None else None


_GATEWAY = Verdict(LOST, "host-gateway: a node's address is not known before a task runs there")


def _extra_hosts(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    return _GATEWAY if any(entry.endswith(":host-gateway") for entry in (work.extra_hosts if work else ())) else None


_NO_DOMAIN = Verdict(LOST, "without hostname there is nothing to put it behind")


def _domain(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    return None if work is not None and work.hostname else _NO_DOMAIN


_QUOTA = Verdict(LOST, "cpus says the limit")


def _quota(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    return _QUOTA if work is not None and (work.resources.cpus or not work.resources.cpu_quota) else None


_BRIDGE = Verdict(APPROXIMATED, "an overlay network, which all nodes share")


def _driver(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    spec = project.networks.get(said.subject)
    return _BRIDGE if spec is not None and spec.driver in ("bridge", "default") else None


def _ipv4(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    spec = project.networks.get(said.subject)
    return _KEPT if spec is not None and spec.ipv4 is not False else None


def _recursive(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    mount = _mount(work, said)
    return _KEPT if mount is not None and mount.recursive in ("", "enabled", "disabled") else None


def _file_name(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    room = project.secrets if said.key.startswith("secrets.") else project.configs
    spec = room.get(said.subject)
    return _KEPT if spec is not None and spec.external else None


# ---------------------------------------------------------------- the table

_BY_ROOM: tuple[tuple[str, Rule], ...] = (
    ("services.blkio_config.", lost(_NO_LIMIT)),
    ("services.deploy.resources.reservations.devices.", lost(_NO_DEVICES)),
    ("services.deploy.update_config.", kept("", _of_job, _JOB)),
    ("services.deploy.rollback_config.", kept("", _of_job, _JOB)),
    ("services.devices.", lost(_NO_DEVICES)),
    ("services.gpus.", lost(_NO_DEVICES)),
    ("services.post_start.", lost(_NO_HOOK)),
    ("services.pre_start", lost(_NO_HOOK)),
    ("services.pre_stop.", lost(_NO_HOOK)),
)

_SINGLE: dict[str, Rule] = {
    "configs.name": approximated("with a digest of the content behind it", _file_name, _KEPT),
    "networks.driver": kept("", _driver, _BRIDGE),
    "networks.enable_ipv4": lost("networks of a swarm have IPv4", _ipv4, _KEPT),
    "secrets.name": approximated("with a digest of the content behind it", _file_name, _KEPT),
    "services.annotations": lost(_NO_WORD),
    "services.cgroup": lost(_NO_SPACE),
    "services.cgroup_parent": lost(_NO_WORD),
    "services.container_name": approximated("a name by which others reach it; the containers have names of their own"),
    "services.cpu_count": lost(_NO_LIMIT),
    "services.cpu_percent": lost(_NO_LIMIT),
    "services.cpu_period": approximated("a limit of processors, with cpu_quota", _quota, _QUOTA),
    "services.cpu_quota": approximated("a limit of processors, with cpu_period", _quota, _QUOTA),
    "services.cpu_rt_period": lost(_NO_LIMIT),
    "services.cpu_rt_runtime": lost(_NO_LIMIT),
    "services.cpu_shares": lost(_NO_LIMIT),
    "services.cpuset": lost(_NO_LIMIT),
    "services.depends_on.condition": kept("the order of a run of the app; a swarm that moves tasks later keeps none"),
    "services.depends_on.restart": lost("services are rolled over one by one"),
    "services.deploy.endpoint_mode": kept("", _of_job, _JOB),
    "services.device_cgroup_rules": lost(_NO_DEVICES),
    "services.domainname": approximated("a part of the host name", _domain, _NO_DOMAIN),
    "services.expose": kept("no port is closed between services of a network"),
    "services.external_links": lost("services are found by their names on networks that they share"),
    "services.extra_hosts": kept("", _extra_hosts, _GATEWAY),
    "services.healthcheck.start_interval": kept(_FROM_44),
    "services.image": kept("fixed by its digest, where the registry tells it"),
    "services.ipc": lost(_NO_SPACE),
    "services.links": kept("", _links, _LINK),
    "services.mac_address": lost(_ADDRESS),
    "services.mem_reservation": approximated("what a node must have free to take a task"),
    "services.mem_swappiness": lost(_NO_LIMIT),
    "services.memswap_limit": lost(_NO_LIMIT),
    "services.network_mode": kept("", _network_mode, _SHARED, _NONE),
    "services.networks.gw_priority": lost(_NO_WORD),
    "services.networks.interface_name": lost(_NO_WORD),
    "services.networks.ipv4_address": lost(_ADDRESS),
    "services.networks.ipv6_address": lost(_ADDRESS),
    "services.networks.link_local_ips": lost(_ADDRESS),
    "services.networks.mac_address": lost(_ADDRESS),
    "services.networks.priority": lost(_NO_WORD),
    "services.oom_kill_disable": lost(_NO_WORD),
    "services.oom_score_adj": kept(_FROM_46),
    "services.pid": lost(_NO_SPACE),
    "services.platform": approximated("tasks go to nodes of that platform"),
    "services.ports.app_protocol": lost(_NO_WORD),
    "services.ports.host_ip": lost("a port is open at every address of a node", _host_ip, _KEPT),
    "services.ports.mode": kept("", _of_job, _JOB),
    "services.ports.name": kept("", _of_job, _JOB),
    "services.ports.protocol": kept("", _of_job, _JOB),
    "services.ports.published": kept("", _published, _RANGE, _JOB),
    "services.ports.target": kept("", _of_job, _JOB),
    "services.privileged": lost("a swarm gives no task all rights; cap_add gives single ones"),
    "services.pull_policy": kept("", _pull, _NEVER),
    "services.restart": kept("", _restart, _UNLESS),
    "services.runtime": lost(_NO_WORD),
    "services.security_opt": kept(f"but for label, {_FROM_46}", _security_opt, _OPTION),
    "services.shm_size": approximated("a tmpfs of that size at /dev/shm"),
    "services.storage_opt": lost(_NO_WORD),
    "services.tmpfs": kept("", _tmpfs, _TMPFS),
    "services.userns_mode": lost(_NO_SPACE),
    "services.uts": lost(_NO_SPACE),
    "services.volumes.bind.create_host_path": lost("a folder must be there on each node", _create_path, _KEPT),
    "services.volumes.bind.recursive": kept(_FROM_44, _recursive),
    "services.volumes.bind.selinux": lost(_NO_WORD, _selinux, _KEPT),
    "services.volumes.image.subpath": lost(_NO_IMAGE.how),
    "services.volumes.source": kept("", _source, _EACH_NODE, _MUST_BE, _NO_IMAGE),
    "services.volumes.type": kept("", _type, _ANONYMOUS, _NO_IMAGE),
    "services.volumes.volume.subpath": kept(_FROM_45),
    "services.volumes_from": approximated(
        "its mounts are repeated; volumes are those of the node, and those without a name are not shared",
        _volumes_from,
        _FOREIGN,
    ),
}


def _table() -> Table:
    found = {key: kept() for key in sorted(KEYS)}
    for room, rule in _BY_ROOM:
        found |= {key: rule for key in found if key.startswith(room)}
    return MappingProxyType({**found, **RULES, **_SINGLE})


TABLE = _table()

# ---------------------------------------------------------------- of a stack file

_NO_KEY = "the format of stack files has no key for it"
_NEWER = "clients from version 28 on know it"
_DEFAULT = Verdict(LOST, "the service is in the default network of the file")
_TEXT = "it stands in the file; `docker stack deploy` passes it over"


def _network_of_text(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    return _DEFAULT if _network_mode(project, work, said) else None


CONVERTED: Table = MappingProxyType(
    {
        **TABLE,
        "configs.name": kept(),
        "networks.enable_ipv6": lost(_NO_KEY),
        "networks.ipam.config.aux_addresses": lost(_NO_KEY),
        "networks.ipam.config.gateway": lost(_NO_KEY),
        "networks.ipam.config.ip_range": lost(_NO_KEY),
        "networks.ipam.options": lost(_NO_KEY),
        "secrets.name": kept(),
        "services.depends_on.condition": approximated("a list, whose order `docker stack deploy` does not keep"),
        "services.depends_on.required": lost(_NO_KEY),
        "services.dns_opt": lost(_NO_KEY),
        "services.group_add": lost(_NO_KEY),
        "services.healthcheck.start_interval": kept(_NEWER),
        "services.image": kept(),
        "services.network_mode": kept("", _network_of_text, _DEFAULT),
        "services.networks.driver_opts": kept(_NEWER),
        "services.networks.use_service_name_alias": lost(_NO_KEY),
        "services.oom_score_adj": kept(_NEWER),
        "services.ports.name": lost(_NO_KEY),
        "services.pull_policy": lost(_NO_KEY),
        "services.security_opt": approximated(_TEXT, _security_opt, _OPTION),
        "services.volumes.volume.labels": approximated("labels of the volume"),
    }
)
