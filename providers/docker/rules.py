"""What becomes of each key of a Compose file on a plain Docker Engine, and in a `docker run` command. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from types import MappingProxyType

from atomicapp.providers.docker.command import is_profile
from atomicapp.workload import model
from atomicapp.workload.fidelity import APPROXIMATED, LOST, Rule, Table, Verdict, approximated, kept, lost
from atomicapp.workload.model import Workload
from atomicapp.workload.project import Project, Said

_ONE_ENGINE = "an engine is one machine: nothing is to be chosen"
_ADDRESSES = "the engine answers a name with the addresses of its containers"
_NO_ROLLOUT = "a changed container is replaced at once, the new one made before the old one goes"

# The engine takes these as the author says them.
_KEPT = (
    *(
        "image",
        "command",
        "entrypoint",
        "environment",
        "container_name",
        "hostname",
        "domainname",
        "working_dir",
        "user",
    ),
    *(
        "group_add",
        "init",
        "tty",
        "stdin_open",
        "platform",
        "labels",
        "annotations",
        "stop_signal",
        "stop_grace_period",
    ),
    *("restart", "scale", "expose", "external_links", "links", "network_mode", "mac_address", "dns", "dns_opt"),
    *(
        "dns_search",
        "extra_hosts",
        "ipc",
        "pid",
        "uts",
        "userns_mode",
        "cgroup",
        "cgroup_parent",
        "isolation",
        "runtime",
    ),
    *(
        "privileged",
        "read_only",
        "cap_add",
        "cap_drop",
        "security_opt",
        "sysctls",
        "ulimits",
        "shm_size",
        "storage_opt",
    ),
    *("device_cgroup_rules", "tmpfs", "volumes_from", "oom_kill_disable", "oom_score_adj", "pids_limit"),
    *("cpus", "cpu_shares", "cpu_quota", "cpu_period", "cpu_rt_period", "cpu_rt_runtime", "cpuset", "cpu_count"),
    *("cpu_percent", "mem_limit", "mem_reservation", "mem_swappiness", "memswap_limit"),
    *("depends_on.condition", "depends_on.required"),
    *(f"blkio_config.{name}" for name in ("weight", "weight_device.path", "weight_device.weight")),
    *(
        f"blkio_config.{name}.{field}"
        for name in ("device_read_bps", "device_write_bps", "device_read_iops", "device_write_iops")
        for field in ("path", "rate")
    ),
    *(f"configs.{name}" for name in ("source", "target", "uid", "gid", "mode")),
    *(f"secrets.{name}" for name in ("source", "target", "uid", "gid", "mode")),
    *(f"devices.{name}" for name in ("source", "target", "permissions")),
    *(f"gpus.{name}" for name in ("capabilities", "count", "device_ids", "driver", "options")),
    *(
        f"healthcheck.{name}"
        for name in ("test", "interval", "timeout", "retries", "start_period", "start_interval", "disable")
    ),
    *(f"logging.{name}" for name in ("driver", "options")),
    "networks",
    *(
        f"networks.{name}"
        for name in ("aliases", "ipv4_address", "ipv6_address", "link_local_ips", "mac_address", "driver_opts")
    ),
    *(f"networks.{name}" for name in ("gw_priority", "priority")),
    *(f"ports.{name}" for name in ("target", "published", "host_ip", "protocol")),
    *(f"volumes.{name}" for name in ("type", "source", "target", "read_only", "consistency")),
    *(f"volumes.bind.{name}" for name in ("propagation", "create_host_path", "recursive", "selinux")),
    *(f"volumes.volume.{name}" for name in ("nocopy", "subpath")),
    *("volumes.tmpfs.size", "volumes.tmpfs.mode", "volumes.image.subpath"),
    *(f"deploy.resources.limits.{name}" for name in ("cpus", "memory", "pids")),
    "deploy.resources.reservations.memory",
    *(
        f"deploy.resources.reservations.devices.{name}"
        for name in ("capabilities", "count", "device_ids", "driver", "options")
    ),
    "deploy.replicas",
)


def _mode(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    if work is not None and work.scheduling.mode in (model.GLOBAL, model.GLOBAL_JOB):
        return Verdict(APPROXIMATED, "one container: an engine is one machine")
    return None


def _endpoint(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    if work is not None and work.scheduling.endpoint_mode == "vip":
        return Verdict(APPROXIMATED, _ADDRESSES)
    return None


_HOOKS = {
    "post_start": "not carried out here: let the image's own start do it",
    "pre_stop": "not carried out here: let the process handle its stop signal",
}
_BEFORE = "not carried out here: make it a service that this one depends on by service_completed_successfully"

_ADDED: dict[str, Rule] = {
    "services.deploy.mode": kept(
        "", _mode, Verdict(APPROXIMATED, "global: one container, for an engine is one machine")
    ),
    "services.deploy.restart_policy.condition": kept("as the restart policy of the container"),
    "services.deploy.restart_policy.max_attempts": kept("with on-failure"),
    "services.deploy.restart_policy.delay": lost("the engine waits 0.1 s at first, and twice as long each time"),
    "services.deploy.restart_policy.window": lost("the engine counts a start as good after 10 s"),
    "services.deploy.labels": lost("they are for a cluster's service; those of containers stand in `labels`"),
    "services.deploy.endpoint_mode": kept("", _endpoint, Verdict(APPROXIMATED, _ADDRESSES)),
    "services.deploy.placement.constraints": lost(_ONE_ENGINE),
    "services.deploy.placement.preferences.spread": lost(_ONE_ENGINE),
    "services.deploy.placement.max_replicas_per_node": lost(_ONE_ENGINE),
    "services.deploy.resources.reservations.cpus": lost("an engine reserves no processors; `cpu_shares` weighs them"),
    "services.deploy.resources.reservations.generic_resources.discrete_resource_spec.kind": lost(
        "an engine counts no resources of its own kinds"
    ),
    "services.deploy.resources.reservations.generic_resources.discrete_resource_spec.value": lost(
        "an engine counts no resources of its own kinds"
    ),
    "services.depends_on.restart": lost(
        "only what is tied to a container (its namespaces, volumes_from) is made anew with it"
    ),
    "services.networks.interface_name": approximated("as an option of the driver, which engines before 28 ignore"),
    "services.ports.mode": kept("an engine publishes on its own machine, which is all the machines that there are"),
    "services.ports.name": lost("the engine has no names for ports"),
    "services.ports.app_protocol": lost("the engine does not look into what it forwards"),
    "services.volumes.volume.labels": kept("on the volume, if it is made for this mount"),
    "services.pull_policy": kept(""),
    "services.pull_refresh_after": lost("the engine keeps no time of the last pull"),
    **{
        f"services.{hook}.{key}": lost(why)
        for hook, why in _HOOKS.items()
        for key in ("command", "user", "privileged", "working_dir", "environment")
    },
    "services.pre_start": lost(_BEFORE),
    "services.pre_start.per_replica": lost(_BEFORE),
    "services.networks.use_service_name_alias": kept(),
    "services.credential_spec.file": kept("as a security option, which Windows engines know"),
    "services.credential_spec.registry": kept("as a security option, which Windows engines know"),
    "services.credential_spec.config": lost("an engine keeps no configs"),
    "services.umask": lost("the engine sets none: let the image's own start do it"),
    "networks.name": kept(),
    "networks.external": kept(),
    "networks.driver": kept(),
    "networks.driver_opts": kept(),
    "networks.attachable": kept(),
    "networks.internal": kept(),
    "networks.enable_ipv4": kept("by engines from 28 on"),
    "networks.enable_ipv6": kept(),
    "networks.labels": kept(),
    "networks.ipam.driver": kept(),
    "networks.ipam.options": kept(),
    "networks.ipam.config.subnet": kept(),
    "networks.ipam.config.ip_range": kept(),
    "networks.ipam.config.gateway": kept(),
    "networks.ipam.config.aux_addresses": kept(),
    "volumes.name": kept(),
    "volumes.external": kept(),
    "volumes.driver": kept(),
    "volumes.driver_opts": kept(),
    "volumes.labels": kept(),
    **{
        f"{room}.{key}": kept("as a file of the container, put there before it starts")
        for room in ("configs", "secrets")
        for key in ("file", "environment", "content")
        if (room, key) != ("secrets", "content")
    },
    **{
        f"{room}.{key}": lost("an engine keeps no configs and secrets: it becomes a file of the container")
        for room in ("configs", "secrets")
        for key in ("name", "labels", "template_driver", "driver", "driver_opts")
        if (room, key) not in (("configs", "driver"), ("configs", "driver_opts"))
    },
    "configs.external": lost("an engine keeps no configs: nothing would be there to read"),
    "secrets.external": lost("an engine keeps no secrets: nothing would be there to read"),
}
_ROLLOUT = ("parallelism", "delay", "failure_action", "monitor", "max_failure_ratio", "order")


def _rows() -> Iterator[tuple[str, Rule]]:
    yield from ((f"services.{key}", kept()) for key in _KEPT)
    for part in ("update_config", "rollback_config"):
        yield from ((f"services.deploy.{part}.{key}", lost(_NO_ROLLOUT)) for key in _ROLLOUT)
    yield from _ADDED.items()
    # options of a command that no Compose file can say
    yield from ((option, kept()) for option in _OPTIONS)


_OPTIONS = (
    *("--publish-all", "--volume-driver", "--rm", "--kernel-memory", "--cpuset-mems"),
    *("--io-maxbandwidth", "--io-maxiops"),
)


@cache
def table() -> Table:
    """Of what is run on an engine."""
    from atomicapp.workload.compose.rules import RULES

    return MappingProxyType({**RULES, **dict(_rows())})


_NOT_DESCRIBED = "a command can't describe a network: it is made with the engine's own settings, if it is not there"
_NO_FILES = "a command can't say what stands in a file: put it on the host and mount it, or into the image"


def _test(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    check = work.healthcheck if work is not None else None
    if check is not None and check.test[:1] == ("CMD",):
        return Verdict(APPROXIMATED, "carried out by the image's shell: the option takes a text, no words")
    return None


def _profile(project: Project, work: Workload | None, said: Said) -> Verdict | None:
    if work is not None and any(map(is_profile, work.security.options)):
        return Verdict(LOST, "the profile is a file to a command: write it beside, and name it there")
    return None


@cache
def converted() -> Table:
    """Of `docker run` commands, which say less than the engine can do."""
    rules = dict(table())
    for key in rules:
        room, _, rest = key.partition(".")
        if room == "networks" and rest not in ("name", "external"):
            rules[key] = lost(_NOT_DESCRIBED)
        elif key.startswith(("services.configs.", "services.secrets.")) or (
            room in ("configs", "secrets") and rest in ("file", "environment", "content")
        ):
            rules[key] = lost(_NO_FILES)
    rules["services.depends_on.condition"] = approximated(
        "as the order of the commands: nothing waits for more than the start"
    )
    rules["services.depends_on.required"] = lost("a command knows no others")
    rules["services.healthcheck.test"] = kept(
        "", _test, Verdict(APPROXIMATED, "words are carried out by the image's shell")
    )
    rules["services.security_opt"] = kept("", _profile, Verdict(LOST, "the text of a seccomp profile"))
    return MappingProxyType(rules)
