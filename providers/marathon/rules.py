"""What becomes of each key of a Compose file on Marathon; see `workload.fidelity`. Pure.

What `docker run` can say is said by parameters, so the table begins with that of the docker provider's commands.
"""

from __future__ import annotations

from functools import cache
from types import MappingProxyType

from atomicapp.providers.docker import rules as commands
from atomicapp.providers.marathon import labels, names, writer
from atomicapp.workload import model
from atomicapp.workload.compose.keys import KEYS
from atomicapp.workload.compose.rules import RULES
from atomicapp.workload.fidelity import APPROXIMATED, KEPT, LOST, Rule, Table, Verdict, approximated, kept, lost
from atomicapp.workload.model import Mount, Port, Workload
from atomicapp.workload.project import NetworkSpec, Project, Said

_KEPT = Verdict(KEPT)
_PARAMETER = "as a parameter of the agent's `docker run`"
_NO_FILES = "Marathon keeps no configs and secrets: put the file into the image, or on the agents"
_NO_SECRETS = (
    "Marathon itself keeps no secrets, and tells the text of an app to all who may read it: put the file on the agents"
)
_BRIDGE = (
    "tasks are in their agent's own bridge, and reach each other by host ports and the names of Mesos-DNS "
    "(SERVICE-APP.marathon.mesos); a network that is external, or has a name, is one of the agents"
)
_NO_HOOK = "Marathon carries out no commands in its tasks; do it in the command of the image"
_ALWAYS = "Marathon starts anew whatever has ended"
_NO_ROLLBACK = "a rollback is a deployment of Marathon's, by the upgradeStrategy of the version before"
_NO_RATIO = "an update has failed when tasks of it end again and again"
_NO_NAME = "the names of containers are Mesos' to give"


# ---------------------------------------------------------------- by their values


def _nearest_port(work: Workload, said: Said) -> Port | None:
    return max(
        (port for port in work.ports if port.position <= said.position), key=lambda port: port.position, default=None
    )


def _nearest_mount(work: Workload | None, said: Said) -> Mount | None:
    mounts = work.mounts if work is not None else ()
    return max(
        (item for item in mounts if item.position <= said.position), key=lambda item: item.position, default=None
    )


def _is_known(spec: NetworkSpec | None) -> bool:
    """Whether a network is one that the agents have."""
    return spec is not None and (spec.external or bool(spec.name))


_NETWORK = Verdict(APPROXIMATED, "the first one that is external, or has a name: the agents must have it")


def _networks(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    if work is None or work.namespaces.network in ("host", "none"):
        return None
    return _NETWORK if any(_is_known(project.networks.get(item.name)) for item in work.networks) else None


_OF_NETWORK = Verdict(KEPT, _PARAMETER)


def _of_network(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    return _OF_NETWORK if _networks(project, work, said) else None


_THERE = Verdict(APPROXIMATED, "the agents must have the network")


def _network_name(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    return _THERE if any(item.name == said.subject for found in project.services for item in found.networks) else None


_MODES = Verdict(LOST, "a task shares no network with another")


def _network_mode(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    mode = work.namespaces.network if work else ""
    return _MODES if mode.startswith(("service:", "container:")) else None


_SPACE = Verdict(LOST, "the containers of other tasks have no names that are known")


def _space(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    spaces = work.namespaces if work else model.Namespaces()
    mode = spaces.pid if said.key == "services.pid" else spaces.ipc
    return _SPACE if mode.startswith(("service:", "container:")) else None


_IMAGE = Verdict(LOST, "a task can't mount an image")
_OWN = Verdict(APPROXIMATED, f"a persistent volume of each task, {writer.SIZE} MiB where the package asks for no size")
_SHARED = Verdict(APPROXIMATED, "each service has a persistent volume of its own: they do not share it")
_DRIVEN = Verdict(APPROXIMATED, "an external volume of the driver, by Mesos' dvdi")
_LOCAL = Verdict(APPROXIMATED, "a volume of the engine of the agent that the task is on")
_MUST_BE = Verdict(APPROXIMATED, "the folder is that of the agent that the task is on")


def _mounted(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    mount = _nearest_mount(work, said)
    if mount is None:
        return None
    if mount.kind in (model.IMAGE, model.NAMED_PIPE, model.CLUSTER):
        return _IMAGE
    if mount.kind == model.BIND:
        return _MUST_BE
    if mount.kind != model.VOLUME:
        return None
    spec = project.volumes.get(mount.source)
    if not mount.source or (spec is not None and spec.external):
        return _LOCAL
    if spec is not None and writer.is_driven(spec):
        return _DRIVEN
    users = [found for found in project.services if any(item.source == mount.source for item in found.mounts)]
    return _SHARED if len(users) > 1 else _OWN


_NOT_THERE = Verdict(LOST, "a volume of Marathon has no such setting")


def _by_docker(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    """A setting of a mount that only the engine's own have."""
    mount = _nearest_mount(work, said)
    if mount is None or mount.kind == model.TMPFS:
        return None
    spec = project.volumes.get(mount.source)
    engine = mount.kind == model.VOLUME and (not mount.source or (spec is not None and spec.external))
    return None if engine else _NOT_THERE


_GOES_ON = Verdict(LOST, "Marathon goes on trying the new version, and keeps the old one up as upgradeStrategy says")
_PAUSED = Verdict(APPROXIMATED, "the update is not undone, and goes on trying: see upgradeStrategy")


def _failure_action(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    update = work.scheduling.update if work is not None else None
    action = update.failure_action if update is not None else ""
    return None if action == labels.ROLLBACK else _GOES_ON if action == "continue" else _PAUSED


def _propagation(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    mount = _nearest_mount(work, said)
    return _KEPT if mount is not None and mount.propagation in ("", "rprivate") else None


def _selinux(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    mount = _nearest_mount(work, said)
    return _KEPT if mount is not None and not mount.selinux else None


def _create(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    mount = _nearest_mount(work, said)
    return _KEPT if mount is not None and mount.create_source else None


def _recursive(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    mount = _nearest_mount(work, said)
    return _KEPT if mount is not None and mount.recursive in ("", "enabled") else None


_RANGE = Verdict(APPROXIMATED, "the first port of the range")
_NO_PORTS = Verdict(LOST, "without a network of its own it has no ports to publish")


def _published(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    if work is None:
        return None
    if work.namespaces.network in ("host", "none"):
        return _NO_PORTS
    port = _nearest_port(work, said)
    return _RANGE if port is not None and "-" in port.host and said.key.endswith("published") else None


def _host_ip(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    port = _nearest_port(work, said) if work else None
    return _KEPT if port is not None and port.host_ip in ("", "0.0.0.0", "::") else None  # noqa: S104 (compared)


_BAD_NAME = Verdict(LOST, "a port's name has lower-case letters, digits and '-'")


def _port_name(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    port = _nearest_port(work, said) if work else None
    known = port is None or names.is_valid(port.name)
    return _published(project, work, said) or (None if known else _BAD_NAME)


def _port_mode(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    port = _nearest_port(work, said) if work else None
    return _KEPT if port is not None and port.mode == "host" else None


_ENDS = Verdict(LOST, _ALWAYS)


def _restart(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    return _ENDS if work is not None and work.restart.policy not in ("always", "unless-stopped") else None


def _condition(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    rule = work.scheduling.restart if work is not None else None
    return _ENDS if rule is not None and rule.condition not in ("", "any") else None


_JOB = Verdict(LOST, f"a job has no end here: {_ALWAYS}")
_EACH = Verdict(APPROXIMATED, "no two instances on one agent; say by replicas how many agents there are")


def _mode(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    mode = work.scheduling.mode if work is not None else ""
    if mode in (model.REPLICATED_JOB, model.GLOBAL_JOB):
        return _JOB
    return _EACH if mode == model.GLOBAL else None


_NO_ATTRIBUTE = Verdict(LOST, "agents have a hostname and attributes (node.labels.NAME), and no roles and platforms")
_ATTRIBUTE = "as a constraint on the agents' hostname and attributes"


def _constraints(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    given = work.scheduling.constraints if work is not None else ()
    return None if all(map(writer.constraint, given)) else _NO_ATTRIBUTE


def _spread(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    given = work.scheduling.spread if work is not None else ()
    return None if all(map(writer.spread, given)) else _NO_ATTRIBUTE


_PLAIN_CHECK = Verdict(LOST, "the check of the image is not known to Marathon: write its test")


def _tested(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    check = work.healthcheck if work is not None else None
    return None if check is not None and check.test else _PLAIN_CHECK


_WORDS = Verdict(APPROXIMATED, "carried out by the image's shell")


def _test(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    check = work.healthcheck if work is not None else None
    return _WORDS if check is not None and check.test[:1] == ("CMD",) else None


_FIRST = Verdict(LOST, "an instance that holds a host port or a volume goes before the new one comes")


def _rollout(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    if work is None:
        return None
    held = any(port.host for port in work.ports) or any(
        mount.kind == model.VOLUME and mount.source for mount in work.mounts
    )
    return _FIRST if held else None


def _cpus(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    if work is not None and work.resources.cpu_reservation:
        return Verdict(KEPT, _PARAMETER)
    return None


_MORE = Verdict(LOST, "cpus and limits of processors say it")


def _shares(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    limits = work.resources if work is not None else model.Resources()
    return _MORE if limits.cpus or limits.cpu_reservation else None


_SOFT = Verdict(KEPT, _PARAMETER)


def _memory_reservation(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    return _SOFT if work is not None and work.resources.memory else None


_NO_LIMIT = Verdict(LOST, "without a limit of memory there is none of swap")


def _swap(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    return None if work is not None and work.resources.memory else _NO_LIMIT


def _volume(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    spec = project.volumes.get(said.subject)
    return _DRIVEN if spec is not None and writer.is_driven(spec) else None


_EXTERNAL = Verdict(APPROXIMATED, "a volume of the engine of the agent that the task is on, by that name")


def _volume_name(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    spec = project.volumes.get(said.subject)
    if spec is not None and spec.external:
        return _EXTERNAL
    return _DRIVEN if spec is not None and writer.is_driven(spec) else None


# ---------------------------------------------------------------- the table

_BY_ROOM: tuple[tuple[str, Rule], ...] = (
    ("configs.", lost(_NO_FILES)),
    ("secrets.", lost(_NO_SECRETS)),
    ("networks.", lost(_BRIDGE)),
    ("services.configs.", lost(_NO_FILES)),
    (
        "services.credential_spec.",
        lost("a profile of a Windows engine is a file of the agent, which is not known here"),
    ),
    ("services.secrets.", lost(_NO_SECRETS)),
    ("services.deploy.rollback_config.", lost(_NO_ROLLBACK)),
    ("services.post_start.", lost(_NO_HOOK)),
    ("services.pre_start", lost(_NO_HOOK)),
    ("services.pre_stop.", lost(_NO_HOOK)),
)

_SINGLE: dict[str, Rule] = {
    "networks.external": lost(_BRIDGE, _network_name, _THERE),
    "networks.name": lost(_BRIDGE, _network_name, _THERE),
    "services.command": kept("as args"),
    "services.container_name": lost(_NO_NAME),
    "services.cpu_shares": approximated("1024 are one of `cpus`", _shares, _MORE),
    "services.cpus": approximated("reserved, and a weight: an agent that is idle gives more", _cpus, _SOFT),
    "services.depends_on.condition": approximated("each is ready before the next one is made"),
    "services.depends_on.required": kept("what is not in the file is not waited for"),
    "services.depends_on.restart": lost("apps are rolled over one by one"),
    "services.deploy.endpoint_mode": lost("names lead to tasks, by Mesos-DNS"),
    "services.deploy.labels": kept("as labels of the app"),
    "services.deploy.mode": kept("", _mode, _EACH, _JOB),
    "services.deploy.placement.constraints": kept(_ATTRIBUTE, _constraints, _NO_ATTRIBUTE),
    "services.deploy.placement.max_replicas_per_node": kept("as the constraint MAX_PER on the hostname"),
    "services.deploy.placement.preferences.spread": kept("as the constraint GROUP_BY", _spread, _NO_ATTRIBUTE),
    "services.deploy.replicas": kept("as instances"),
    "services.deploy.resources.limits.cpus": approximated(
        "reserved, and a weight: an agent that is idle gives more", _cpus, _SOFT
    ),
    "services.deploy.resources.limits.memory": kept("as mem, which is reserved, too"),
    "services.deploy.resources.reservations.cpus": kept("as cpus"),
    "services.deploy.resources.reservations.memory": approximated(
        "as mem, which is a limit, too", _memory_reservation, _SOFT
    ),
    "services.deploy.restart_policy.condition": kept("", _condition, _ENDS),
    "services.deploy.restart_policy.delay": approximated("as backoffSeconds, which grow with each failure"),
    "services.deploy.restart_policy.max_attempts": lost(_ALWAYS),
    "services.deploy.restart_policy.window": lost("Marathon counts failures in its own way"),
    "services.deploy.update_config.delay": lost("Marathon goes on when an instance is healthy"),
    "services.deploy.update_config.failure_action": approximated(
        "by `atomicapp run`, which waits for the update and undoes its deployment", _failure_action, _GOES_ON, _PAUSED
    ),
    "services.deploy.update_config.max_failure_ratio": lost(_NO_RATIO),
    "services.deploy.update_config.monitor": lost("an instance is good when it runs and is healthy"),
    "services.deploy.update_config.order": approximated("as upgradeStrategy", _rollout, _FIRST),
    "services.deploy.update_config.parallelism": approximated("as upgradeStrategy, in shares of all", _rollout, _FIRST),
    "services.expose": lost("others reach a task by its host ports: publish them"),
    "services.external_links": lost("a container outside of Mesos has no name here"),
    "services.healthcheck.disable": kept(_PARAMETER),
    "services.healthcheck.interval": kept("in whole seconds", _tested, _PLAIN_CHECK),
    "services.healthcheck.retries": kept("after which Marathon starts the task anew", _tested, _PLAIN_CHECK),
    "services.healthcheck.start_interval": lost("Marathon has one interval"),
    "services.healthcheck.start_period": kept("in whole seconds", _tested, _PLAIN_CHECK),
    "services.healthcheck.test": kept("as a health check by COMMAND", _test, _WORDS),
    "services.healthcheck.timeout": kept("in whole seconds", _tested, _PLAIN_CHECK),
    "services.ipc": kept(_PARAMETER, _space, _SPACE),
    "services.labels": kept("as labels of the container"),
    "services.links": lost(_BRIDGE),
    "services.mac_address": lost(_BRIDGE, _of_network, _OF_NETWORK),
    "services.mem_limit": kept("as mem, which is reserved, too"),
    "services.mem_reservation": approximated("as mem, which is a limit, too", _memory_reservation, _SOFT),
    "services.memswap_limit": kept(_PARAMETER, _swap, _NO_LIMIT),
    "services.network_mode": kept("", _network_mode, _MODES),
    "services.networks": lost(_BRIDGE, _networks, _NETWORK),
    "services.networks.aliases": lost(_BRIDGE, _of_network, _OF_NETWORK),
    "services.networks.driver_opts": lost("an app names its network, and no more"),
    "services.networks.gw_priority": lost("an app names its network, and no more"),
    "services.networks.interface_name": lost("an app names its network, and no more"),
    "services.networks.ipv4_address": lost(_BRIDGE, _of_network, _OF_NETWORK),
    "services.networks.ipv6_address": lost(_BRIDGE, _of_network, _OF_NETWORK),
    "services.networks.link_local_ips": lost(_BRIDGE, _of_network, _OF_NETWORK),
    "services.networks.mac_address": lost(_BRIDGE, _of_network, _OF_NETWORK),
    "services.networks.priority": lost("a task is in one network"),
    "services.networks.use_service_name_alias": lost(_BRIDGE, _of_network, _OF_NETWORK),
    "services.pid": kept(_PARAMETER, _space, _SPACE),
    "services.platform": lost("agents tell no platform; give them an attribute, and constrain by it"),
    "services.ports.app_protocol": lost("Marathon has no word for it"),
    "services.ports.host_ip": lost("a port is open at every address of an agent", _host_ip, _KEPT),
    "services.ports.mode": approximated("a port of the agents that run the task", _port_mode, _KEPT),
    "services.ports.name": kept("", _port_name, _BAD_NAME, _NO_PORTS),
    "services.ports.protocol": kept("", _published, _NO_PORTS),
    "services.ports.published": kept("as hostPort", _published, _RANGE, _NO_PORTS),
    "services.ports.target": kept("as containerPort", _published, _NO_PORTS),
    "services.pull_policy": kept("always: by forcePullImage"),
    "services.restart": kept("", _restart, _ENDS),
    "services.scale": kept("as instances"),
    "services.stop_grace_period": kept("as taskKillGracePeriodSeconds"),
    "services.volumes.bind.create_host_path": lost("the agent makes it", _create, _KEPT),
    "services.volumes.bind.propagation": lost("Marathon has no word for it", _propagation, _KEPT),
    "services.volumes.bind.recursive": lost("Marathon has no word for it", _recursive, _KEPT),
    "services.volumes.bind.selinux": lost("Marathon has no word for it", _selinux, _KEPT),
    "services.volumes.consistency": lost("Marathon has no word for it"),
    "services.volumes.image.subpath": lost(_IMAGE.how),
    "services.volumes.source": kept("", _mounted, _OWN, _SHARED, _MUST_BE, _DRIVEN, _LOCAL, _IMAGE),
    "services.volumes.type": kept("", _mounted, _OWN, _SHARED, _MUST_BE, _DRIVEN, _LOCAL, _IMAGE),
    "services.volumes.volume.nocopy": kept(_PARAMETER, _by_docker, _NOT_THERE),
    "services.volumes.volume.subpath": kept(_PARAMETER, _by_docker, _NOT_THERE),
    "services.volumes.volume.labels": kept(_PARAMETER, _by_docker, _NOT_THERE),
    "services.volumes_from": lost("the containers of other tasks have no names that are known"),
    "volumes.driver": lost("local is the agent's own way", _volume, _DRIVEN),
    "volumes.driver_opts": lost("a persistent volume has no driver", _volume, _DRIVEN),
    "volumes.external": lost("no service mounts it", _volume_name, _EXTERNAL, _DRIVEN),
    "volumes.labels": lost("volumes of Marathon have no labels"),
    "volumes.name": lost("a persistent volume is its app's own", _volume_name, _EXTERNAL, _DRIVEN),
}


@cache
def table() -> Table:
    """Of what is run, which is what is converted, too."""
    found = {**commands.converted()}
    for room, rule in _BY_ROOM:
        found |= {key: rule for key in KEYS if key.startswith(room)}
    return MappingProxyType({**found, **RULES, **_SINGLE})
