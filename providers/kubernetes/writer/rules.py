"""What becomes of each key of the Compose Specification on Kubernetes."""

from __future__ import annotations

from types import MappingProxyType

from atomicapp.providers.kubernetes.writer import verdicts
from atomicapp.providers.kubernetes.writer import verdicts_outside as outside
from atomicapp.providers.kubernetes.writer.deciding import (
    by_grant,
    by_labels,
    by_mount,
    by_port,
    by_work,
    gone,
    instead,
)
from atomicapp.workload.compose.rules import RULES
from atomicapp.workload.fidelity import KEPT, LOST, Decide, Rule, Table, Verdict, approximated, kept, lost

_OWN_NETWORK = "a cluster has one network, which is set up with it"
_NO_WORD = "Kubernetes has no word for it"
_WINDOWS = "it is for Windows only"
_ALWAYS = "a rollback goes as an update does, and when someone asks for it"
_POLICIES = "NetworkPolicies keep services apart, if the cluster's network plugin carries them out"
_NOTES = "annotations"
_SOME_LOST = Verdict(LOST, "what Kubernetes has no name or number for")


def _with(rule: Rule, decide: Decide, *also: Verdict) -> Rule:
    return rule._replace(decide=decide, also=also)


def _lost(why: str, *keys: str) -> dict[str, Rule]:
    return {key: lost(why) for key in keys}


def _files(room: str, kind: str) -> dict[str, Rule]:
    """Configs and secrets."""
    return {
        f"{room}.environment": kept(f"a {kind}"),
        f"{room}.external": approximated(
            f"a {kind} of that name must be on the cluster, with an entry of the key's name"
        ),
        f"{room}.file": kept(f"a {kind}"),
        f"{room}.labels": approximated(_NOTES, outside.spec_labels, _SOME_LOST),
        f"{room}.name": approximated(f"the name of the {kind}, in small letters, digits and dashes"),
        f"{room}.template_driver": lost("nothing is filled in: use params of the package"),
        f"services.{room}.gid": approximated(
            "files belong to root: all may do what the group may", by_grant("gid"), gone("files belong to root")
        ),
        f"services.{room}.mode": kept(),
        f"services.{room}.source": kept(),
        f"services.{room}.target": kept(),
        f"services.{room}.uid": approximated(
            "files belong to root: all may do what the owner may", by_grant("uid"), gone("files belong to root")
        ),
    }


_BLOCKS = [
    f"device_{way}_{unit}.{part}" for way in ("read", "write") for unit in ("bps", "iops") for part in ("path", "rate")
]

_ROOMS: dict[str, Rule] = {
    **_files("configs", "ConfigMap"),
    **_files("secrets", "Secret"),
    "configs.content": kept("a ConfigMap"),
    "secrets.driver": approximated("a Secret of that name must be on the cluster: what fills it is not asked for"),
    "secrets.driver_opts": lost("no driver is asked for it"),
    **_lost(
        _OWN_NETWORK,
        *(
            "networks.attachable",
            "networks.driver",
            "networks.driver_opts",
            "networks.enable_ipv4",
            "networks.enable_ipv6",
        ),
        *("networks.external", "networks.labels", "networks.name", "networks.ipam.driver", "networks.ipam.options"),
        *(f"networks.ipam.config.{name}" for name in ("aux_addresses", "gateway", "ip_range", "subnet")),
    ),
    "networks.internal": approximated(_POLICIES),
    "volumes.driver": lost("the cluster's own storage is used", outside.volume_driver, Verdict(KEPT)),
    "volumes.driver_opts": lost(
        "the cluster's own storage is used",
        outside.volume_options,
        instead("a size, an NFS share, a folder of the node, memory"),
    ),
    "volumes.external": approximated("a claim of that name must be on the cluster"),
    "volumes.labels": approximated(_NOTES, outside.spec_labels, _SOME_LOST),
    "volumes.name": approximated("the name of the claim, in small letters, digits and dashes"),
}

_MOUNTS: dict[str, Rule] = {
    "services.tmpfs": approximated("memory of the node; of its options only the size is kept"),
    "services.volumes.bind.create_host_path": lost("most nodes make a folder that is not there"),
    "services.volumes.bind.propagation": kept("", by_mount(outside.propagation), _SOME_LOST),
    "services.volumes.bind.recursive": lost(_NO_WORD),
    "services.volumes.bind.selinux": lost("nodes label what they mount by their own rules"),
    "services.volumes.consistency": lost("it says nothing on Linux"),
    "services.volumes.image.subpath": lost("Kubernetes mounts no image"),
    "services.volumes.read_only": kept("", by_mount(outside.mounted), _SOME_LOST),
    "services.volumes.source": approximated(
        "a claim, of 1Gi if nothing else is said; it is empty at first, whatever the image has there",
        by_mount(outside.mount_source),
        instead("a folder of the node; what the options of the volume describe"),
        _SOME_LOST,
    ),
    "services.volumes.target": kept("", by_mount(outside.mounted), _SOME_LOST),
    "services.volumes.tmpfs.mode": lost("all may write to it"),
    "services.volumes.tmpfs.size": kept(),
    "services.volumes.type": kept(
        "",
        by_mount(outside.mount_type),
        instead("a folder of the node; an empty folder that goes with the pod"),
        _SOME_LOST,
    ),
    "services.volumes.volume.labels": lost("they belong to the volume: say them in volumes"),
    "services.volumes.volume.nocopy": kept("nothing is ever copied into a volume"),
    "services.volumes.volume.subpath": kept(),
    "services.volumes_from": approximated(
        "the same named volumes and folders", by_work(verdicts.volumes_from), gone("what has no name")
    ),
}

_PORTS: dict[str, Rule] = {
    "services.expose": kept("ports of its Service"),
    "services.ports.app_protocol": kept(),
    "services.ports.host_ip": lost(
        "it is published on all addresses",
        by_port(outside.host_ip),
        instead("inside of the cluster only"),
        Verdict(KEPT),
    ),
    "services.ports.mode": kept("host: a port of each node that runs it", by_port(outside.port_mode), _SOME_LOST),
    "services.ports.name": kept("", by_port(outside.port_name), _SOME_LOST),
    "services.ports.protocol": kept(),
    "services.ports.published": kept(
        "host: a port of the node; 30000 to 32767: of every node",
        by_port(outside.published),
        instead("that port of a load balancer"),
        _SOME_LOST,
    ),
    "services.ports.target": approximated(
        "others of the app reach it at the ports only that are listed, or named as NAME:PORT; list more by expose",
        by_port(outside.target),
        Verdict(KEPT),
    ),
}

_CONTAINER: dict[str, Rule] = {
    "services.annotations": _with(
        kept("annotations of the pods"), by_labels(lambda work: work.annotations), _SOME_LOST
    ),
    "services.blkio_config.weight": lost(_NO_WORD),
    **_lost(
        _NO_WORD,
        *(f"services.blkio_config.{name}" for name in (*_BLOCKS, "weight_device.path", "weight_device.weight")),
        *("services.cgroup", "services.cgroup_parent", "services.cpu_rt_period", "services.cpu_rt_runtime"),
        *("services.cpu_shares", "services.cpuset", "services.device_cgroup_rules", "services.domainname"),
        *("services.mem_swappiness", "services.memswap_limit", "services.oom_kill_disable", "services.oom_score_adj"),
        *("services.ulimits", "services.uts"),
    ),
    **_lost("the kubelet limits them for all pods of a node", "services.pids_limit"),
    **_lost(
        _WINDOWS,
        *("services.cpu_count", "services.cpu_percent", "services.isolation"),
        *(f"services.credential_spec.{name}" for name in ("config", "file", "registry")),
    ),
    "services.cap_add": kept(),
    "services.cap_drop": kept(),
    "services.command": kept(),
    "services.container_name": approximated(
        "a Service of that name leads to it; pods have names of the cluster",
        by_work(verdicts.container_name),
        _SOME_LOST,
    ),
    "services.cpu_period": approximated("with cpu_quota a limit of processors", by_work(verdicts.quota), gone("alone")),
    "services.cpu_quota": approximated("a limit of processors", by_work(verdicts.quota), gone("beside cpus")),
    "services.cpus": kept("a limit; nothing is set aside for it"),
    "services.depends_on.condition": kept("it is made when the other one is ready, has come to its end, or is made"),
    "services.depends_on.required": approximated("it is not waited for", verdicts.required, Verdict(KEPT)),
    "services.depends_on.restart": approximated(
        "its pods are made anew when the other one is changed", verdicts.restarted, Verdict(KEPT)
    ),
    **{
        f"services.devices.{name}": approximated(
            "a file of the node", by_work(verdicts.devices), gone("without privileged")
        )
        for name in ("source", "target")
    },
    "services.devices.permissions": lost("a privileged container has all of them"),
    "services.dns": approximated("asked beside the cluster's own"),
    "services.dns_opt": kept(),
    "services.dns_search": approximated("after the cluster's own"),
    "services.entrypoint": kept(),
    "services.environment": kept("what holds a secret of the package is kept in a Secret"),
    "services.external_links": lost("what is outside of the app has a name of its own on the cluster"),
    "services.extra_hosts": kept("", by_work(verdicts.extra_hosts), _SOME_LOST),
    "services.group_add": kept("for all containers of the pod", by_work(verdicts.numeric_groups), _SOME_LOST),
    "services.healthcheck.disable": kept(),
    **{
        f"services.healthcheck.{name}": kept(how, by_work(verdicts.health), gone("without a test"))
        for name, how in (
            *(("interval", ""), ("retries", ""), ("timeout", "")),
            ("start_interval", "the pause of the startup probe"),
        )
    },
    "services.healthcheck.start_period": approximated(
        "that time and five minutes more for the first success", by_work(verdicts.health), gone("without a test")
    ),
    "services.healthcheck.test": approximated(
        "probes: what is unhealthy gets no requests, and is started again if it stays so",
        by_work(verdicts.health),
        gone("the test of the image"),
    ),
    "services.hostname": kept("", by_work(verdicts.hostname), instead("the part before a dot"), _SOME_LOST),
    "services.image": kept(
        "", by_work(verdicts.image), instead("a service whose name Kubernetes doesn't take has another")
    ),
    "services.init": approximated(
        "the first process of the pod reaps what is left over", by_work(verdicts.init), Verdict(KEPT)
    ),
    "services.ipc": lost(_NO_WORD, verdicts.namespace("ipc"), Verdict(KEPT, "host"), instead("service: one pod")),
    "services.labels": approximated("annotations of the pods", by_labels(lambda work: work.labels), _SOME_LOST),
    "services.links": approximated(
        "a Service of that name, for all of the namespace", by_work(verdicts.links), Verdict(KEPT), _SOME_LOST
    ),
    **_lost("the nodes keep the log; see `atomicapp logs`", "services.logging.driver", "services.logging.options"),
    "services.mac_address": lost(_OWN_NETWORK),
    "services.mem_limit": kept("a limit; nothing is set aside for it"),
    "services.mem_reservation": kept("a request"),
    "services.network_mode": lost(
        _OWN_NETWORK, by_work(verdicts.network_mode), Verdict(KEPT, "host"), instead("none; service: one pod")
    ),
    "services.networks": approximated(_POLICIES, by_work(verdicts.networks), Verdict(KEPT, "all share one")),
    "services.networks.aliases": approximated(
        "a Service of that name, for all of the namespace", by_work(verdicts.aliases), _SOME_LOST
    ),
    **_lost(
        _OWN_NETWORK,
        *(f"services.networks.{name}" for name in ("driver_opts", "gw_priority", "interface_name", "ipv4_address")),
        *(f"services.networks.{name}" for name in ("ipv6_address", "link_local_ips", "mac_address", "priority")),
        "services.networks.use_service_name_alias",
    ),
    "services.pid": lost(_NO_WORD, verdicts.namespace("pid"), Verdict(KEPT, "host"), instead("service: one pod")),
    "services.platform": kept("labels of the node", by_work(verdicts.platform), instead("without the variant")),
    **{
        f"services.{name}.{key}": rule
        for name in ("post_start", "pre_stop")
        for key, rule in (
            ("command", kept("", verdicts.hook(name), instead("several are joined by a shell"))),
            ("environment", approximated("by the program env of the image")),
            ("privileged", lost("a hook has the rights of its container")),
            ("user", lost("a hook has the user of its container")),
            ("working_dir", approximated("by a shell of the container")),
        )
    },
    "services.pre_start": approximated("containers that run first, in each pod"),
    "services.pre_start.per_replica": kept("they run first in each pod"),
    "services.privileged": kept(),
    "services.pull_policy": kept(),
    "services.read_only": kept(),
    "services.restart": kept("no: a Job, where nothing reaches it", by_work(verdicts.restart), _SOME_LOST),
    "services.runtime": approximated(
        "a RuntimeClass of that name must be on the cluster", by_work(verdicts.runtime), _SOME_LOST
    ),
    "services.scale": kept("", by_work(verdicts.count), _SOME_LOST),
    "services.security_opt": kept("", by_work(verdicts.options), _SOME_LOST),
    "services.shm_size": kept(),
    "services.stdin_open": kept(),
    "services.stop_grace_period": kept("the longest of the pod"),
    "services.stop_signal": lost(
        "SIGTERM is sent, or what the image says", by_work(verdicts.stop_signal), Verdict(KEPT)
    ),
    "services.storage_opt": approximated("a limit of ephemeral-storage", by_work(verdicts.storage), _SOME_LOST),
    "services.sysctls": kept("", by_work(verdicts.sysctls), _SOME_LOST),
    "services.tty": kept(),
    "services.user": kept("", by_work(verdicts.numeric_user), _SOME_LOST),
    "services.userns_mode": kept("pods have the node's user namespace"),
    "services.working_dir": kept(),
}


def _gpus(room: str) -> dict[str, Rule]:
    return {
        f"{room}.count": kept("of nvidia.com/gpu or amd.com/gpu", verdicts.gpus, instead("all: one"), _SOME_LOST),
        f"{room}.device_ids": lost("the cluster chooses which", verdicts.gpu_ids, instead("as many")),
        f"{room}.driver": kept("nvidia, amd", verdicts.gpu_driver, _SOME_LOST),
        f"{room}.options": lost(_NO_WORD),
    }


_DEVICES = "services.deploy.resources.reservations.devices"
_DEPLOY: dict[str, Rule] = {
    **_gpus("services.gpus"),
    **_gpus(_DEVICES),
    "services.gpus.capabilities": lost("a GPU comes with all of them"),
    f"{_DEVICES}.capabilities": kept("gpu: a number of nvidia.com/gpu", verdicts.gpus, instead("all: one"), _SOME_LOST),
    **_lost(
        "a cluster counts things under names of its own",
        *(
            f"services.deploy.resources.reservations.generic_resources.discrete_resource_spec.{name}"
            for name in ("kind", "value")
        ),
    ),
    "services.deploy.endpoint_mode": kept("dnsrr: headless", by_work(verdicts.endpoint_mode), _SOME_LOST),
    "services.deploy.labels": approximated(
        "annotations of the workload", by_labels(lambda work: work.scheduling.labels), _SOME_LOST
    ),
    "services.deploy.mode": kept("", by_work(verdicts.mode), instead("global-job: a Job that runs once")),
    "services.deploy.placement.constraints": kept("affinity to nodes", by_work(verdicts.constraints), _SOME_LOST),
    "services.deploy.placement.max_replicas_per_node": kept(
        "one: by affinity", by_work(verdicts.per_node), instead("more: they are spread so far")
    ),
    "services.deploy.placement.preferences.spread": kept("", by_work(verdicts.spread), _SOME_LOST),
    "services.deploy.replicas": kept("", by_work(verdicts.count), _SOME_LOST),
    "services.deploy.resources.limits.cpus": kept("a limit; nothing is set aside for it"),
    "services.deploy.resources.limits.memory": kept("a limit; nothing is set aside for it"),
    "services.deploy.resources.limits.pids": lost("the kubelet limits them for all pods of a node"),
    "services.deploy.resources.reservations.cpus": kept("a request"),
    "services.deploy.resources.reservations.memory": kept("a request"),
    "services.deploy.restart_policy.condition": kept("", by_work(verdicts.restart), _SOME_LOST),
    "services.deploy.restart_policy.delay": lost("Kubernetes waits longer each time"),
    "services.deploy.restart_policy.max_attempts": lost(
        "what is no job is started again as often as needed", by_work(verdicts.attempts), Verdict(KEPT, "of a job")
    ),
    "services.deploy.restart_policy.window": lost(_NO_WORD),
    **_lost(
        _ALWAYS,
        *(f"services.deploy.rollback_config.{name}" for name in ("delay", "failure_action", "max_failure_ratio")),
        *(f"services.deploy.rollback_config.{name}" for name in ("monitor", "order", "parallelism")),
    ),
    "services.deploy.update_config.delay": approximated(
        "a new pod must stay ready for so long", verdicts.update("steady"), _SOME_LOST
    ),
    "services.deploy.update_config.failure_action": lost(
        "a rollout that fails stops where it is", verdicts.update("failure_action"), Verdict(KEPT, "pause")
    ),
    "services.deploy.update_config.max_failure_ratio": lost("a rollout stops at the first that fails"),
    "services.deploy.update_config.monitor": approximated(
        "a new pod must stay ready for so long", verdicts.update("steady"), _SOME_LOST
    ),
    "services.deploy.update_config.order": kept("", verdicts.update("order"), _SOME_LOST),
    "services.deploy.update_config.parallelism": kept("", verdicts.update("parallelism"), _SOME_LOST),
}

_CONVERTED: dict[str, Rule] = {
    "services.depends_on.condition": approximated(
        "a container waits first until the name of the other one is found, which takes a shell in the image",
        verdicts.condition,
        gone("started, completed: all start at once"),
    )
}

_RUN: Table = MappingProxyType({**RULES, **_ROOMS, **_MOUNTS, **_PORTS, **_CONTAINER, **_DEPLOY})
_WRITTEN: Table = MappingProxyType({**_RUN, **_CONVERTED})


def table(*, converted: bool = False) -> Table:
    """The verdicts for a file that is run, or for what `convert` writes of it, which others carry out."""
    return _WRITTEN if converted else _RUN
