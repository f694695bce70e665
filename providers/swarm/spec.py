"""Write a workload, in the words of swarm mode (see `normal`), as the ServiceSpec of the Docker Engine API. Pure.

Only what was said is written, so that a spec stays the same when a newer release knows more. Networks, configs and
secrets are called by their names in the swarm; `apply` puts their ids in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from atomicapp.providers.docker.body import Since, capabilities, health, newer
from atomicapp.records import NamedTuple
from atomicapp.workload import model
from atomicapp.workload.model import Mount, Workload

Json = dict[str, Any]

DEFAULT_MODE = 0o444
"""Of the file of a config or a secret."""

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


class Names(NamedTuple):
    """What the names in a workload are called in the swarm.

    `network`, `volume`, `config`, `secret` take what the workload calls it; `volume_labels` are the labels of a volume that is made
    for a mount; `aliases` are those that the service has on every network of its own.
    """

    network: Callable[[str], str]
    volume: Callable[[Mount], str]
    config: Callable[[str], str]
    secret: Callable[[str], str]
    describe: Callable[[Mount], Json]
    """VolumeOptions of a volume mount: what the volume is made with where it is absent."""
    aliases: tuple[str, ...] = ()


def said(**found: Any) -> Json:
    """Without what was not said."""
    return {name: value for name, value in found.items() if value}


def _map(found: Mapping[str, str]) -> Json:
    return dict(sorted(found.items()))


def service(work: Workload, names: Names) -> Json:
    """The spec without name and labels."""
    scheduling = work.scheduling
    job = scheduling.mode in (model.REPLICATED_JOB, model.GLOBAL_JOB)
    found: Json = {"TaskTemplate": task(work, names), "Mode": mode(work)}
    if scheduling.update and not job:
        found["UpdateConfig"] = _rollout(scheduling.update)
    if scheduling.rollback and not job:
        found["RollbackConfig"] = _rollout(scheduling.rollback)
    endpoint = said(Mode=scheduling.endpoint_mode, Ports=[_port(port) for port in work.ports])
    if endpoint and not job:
        found["EndpointSpec"] = endpoint
    return found


def mode(work: Workload) -> Json:
    """How many tasks, and of which kind."""
    scheduling = work.scheduling
    if scheduling.mode == model.GLOBAL:
        return {"Global": {}}
    if scheduling.mode == model.GLOBAL_JOB:
        return {"GlobalJob": {}}
    if scheduling.mode == model.REPLICATED_JOB:
        at_once = min(scheduling.concurrent or work.replicas, work.replicas)
        return {"ReplicatedJob": {"MaxConcurrent": at_once, "TotalCompletions": work.replicas}}
    return {"Replicated": {"Replicas": work.replicas}}


def task(work: Workload, names: Names) -> Json:
    """The part that makes tasks anew when it changes."""
    scheduling, limits = work.scheduling, work.resources
    placement = said(
        Constraints=list(scheduling.constraints),
        Preferences=[{"Spread": {"SpreadDescriptor": label}} for label in scheduling.spread],
        MaxReplicas=scheduling.max_per_node,
        Platforms=platforms(work.platform),
    )
    reservations = said(
        NanoCPUs=limits.cpu_reservation,
        MemoryBytes=limits.memory_reservation,
        GenericResources=[
            {"DiscreteResourceSpec": {"Kind": kind, "Value": number}} for kind, number in scheduling.generic.items()
        ],
    )
    bounds = said(NanoCPUs=limits.cpus, MemoryBytes=limits.memory)
    if limits.pids is not None and limits.pids > 0:
        bounds["Pids"] = limits.pids
    found = said(
        ContainerSpec=container(work, names),
        Resources=said(Limits=bounds, Reservations=reservations),
        RestartPolicy=_restart(scheduling.restart),
        Placement=placement,
        Networks=_networks(work, names),
    )
    if work.logging.driver or work.logging.options:
        found["LogDriver"] = said(Name=work.logging.driver, Options=_map(work.logging.options))
    return found


def container(work: Workload, names: Names) -> Json:
    """The part that is about the container itself."""
    security = work.security
    cap_add, cap_drop = capabilities(security)
    found = said(
        Image=work.image,
        Labels=_map(work.labels),
        Command=list(work.entrypoint) if work.entrypoint else None,
        Args=list(work.command) if work.command else None,
        Hostname=work.hostname,
        Env=[f"{item.name}={item.value}" for item in work.env],
        Dir=work.workdir,
        User=work.user,
        Groups=list(work.groups),
        Privileges=_privileges(work),
        TTY=work.tty,
        OpenStdin=work.stdin,
        ReadOnly=security.read_only_root,
        Mounts=[_mount(mount, names) for mount in work.mounts],
        StopSignal=work.stop_signal,
        Healthcheck=health(work.healthcheck),
        Hosts=[_host(entry) for entry in work.extra_hosts],
        DNSConfig=said(
            Nameservers=list(work.dns.servers), Search=list(work.dns.search), Options=list(work.dns.options)
        ),
        Secrets=[_grant(grant, names.secret, "Secret") for grant in work.secrets],
        Configs=[_grant(grant, names.config, "Config") for grant in work.configs],
        Isolation=work.isolation,
        Sysctls=_map(work.sysctls),
        CapabilityAdd=cap_add,
        CapabilityDrop=cap_drop,
        Ulimits=[{"Name": item.name, "Soft": item.soft, "Hard": item.hard} for item in sorted(work.ulimits)],
        OomScoreAdj=work.resources.oom_score_adj,
    )
    config = work.credential_spec.get("config", "")
    if config:
        # a config that is no file of the container
        found.setdefault("Configs", []).append({"Runtime": {}, "ConfigName": names.config(config)})
    if work.stop_grace is not None:
        found["StopGracePeriod"] = work.stop_grace * 10**9
    if work.init is not None:
        found["Init"] = work.init
    return found


def platforms(text: str) -> list[Json]:
    """`linux/arm64/v8` as the platforms of nodes that may take a task."""
    system, _, rest = text.partition("/")
    machine = rest.partition("/")[0]
    return [said(OS=system, Architecture=_ARCHITECTURES.get(machine, machine))] if text else []


def _host(entry: str) -> str:
    """`name:address` as a line of /etc/hosts."""
    name, _, address = entry.partition(":")
    return f"{address} {name}"


def _restart(rule: model.RestartRule | None) -> Json:
    if rule is None:
        return {}
    found = said(Condition=rule.condition, MaxAttempts=rule.max_attempts)
    if rule.delay is not None:
        found["Delay"] = rule.delay
    if rule.window is not None:
        found["Window"] = rule.window
    return found


def _rollout(rollout: model.Rollout) -> Json:
    found = said(FailureAction=rollout.failure_action, Order=rollout.order)
    for name, value in (
        ("Parallelism", rollout.parallelism),
        ("Delay", rollout.delay),
        ("Monitor", rollout.monitor),
        ("MaxFailureRatio", rollout.max_failure_ratio),
    ):
        if value is not None:
            found[name] = value
    # the engine takes an absent number for 0, which means all at once
    found.setdefault("Parallelism", 1)
    return found


def _port(port: model.Port) -> Json:
    first = port.host.partition("-")[0]
    return said(
        Name=port.name,
        Protocol=port.protocol,
        TargetPort=port.container,
        PublishedPort=int(first) if first else 0,
        PublishMode=port.mode,
    )


def _grant(grant: model.FileGrant, name: Callable[[str], str], kind: str) -> Json:
    file = {
        "Name": grant.target.removeprefix("/run/secrets/") if kind == "Secret" else grant.target,
        "UID": grant.uid or "0",
        "GID": grant.gid or "0",
        "Mode": DEFAULT_MODE if grant.mode is None else grant.mode,
    }
    return {"File": file, f"{kind}Name": name(grant.source)}


# ---------------------------------------------------------------- rights


def _privileges(work: Workload) -> Json:
    found: Json = {}
    credential = {kind.title(): value for kind, value in work.credential_spec.items() if kind != "config"}
    if credential:
        found["CredentialSpec"] = credential
    for option in work.security.options:
        name, sign, value = option.partition("=")
        if not sign:
            name, _, value = option.partition(":")
        if name == "no-new-privileges":
            found["NoNewPrivileges"] = value != "false"
        elif name == "label":
            _selinux(found.setdefault("SELinuxContext", {}), value)
        elif name == "apparmor" and value == "unconfined":
            found["AppArmor"] = {"Mode": "disabled"}
        elif name == "seccomp" and value == "unconfined":
            found["Seccomp"] = {"Mode": "unconfined"}
        elif name == "seccomp" and value.startswith("{"):
            import base64

            found["Seccomp"] = {"Mode": "custom", "Profile": base64.b64encode(value.encode()).decode()}
    return found


def _selinux(context: Json, value: str) -> None:
    kind, _, text = value.partition(":")
    if kind == "disable":
        context["Disable"] = True
    elif kind in ("user", "role", "type", "level"):
        context[kind.title()] = text


# ---------------------------------------------------------------- storage


def _mount(mount: Mount, names: Names) -> Json:
    source = names.volume(mount) if mount.kind == model.VOLUME and mount.source else mount.source
    found = said(Type=mount.kind, Source=source, ReadOnly=mount.read_only, Consistency=mount.consistency)
    found["Target"] = mount.target
    kinds = {
        model.BIND: (
            "BindOptions",
            said(
                Propagation=mount.propagation,
                NonRecursive=mount.recursive == "disabled",
                ReadOnlyNonRecursive=mount.recursive == "writable",
                ReadOnlyForceRecursive=mount.recursive == "readonly",
            ),
        ),
        model.VOLUME: (
            "VolumeOptions",
            said(NoCopy=mount.no_copy, Subpath=mount.subpath, **(names.describe(mount) if mount.source else {})),
        ),
        model.TMPFS: ("TmpfsOptions", said(SizeBytes=mount.size, Mode=mount.mode)),
    }
    name, options = kinds.get(mount.kind, ("", {}))
    if options:
        found[name] = options
    return found


# ---------------------------------------------------------------- network

PREDEFINED = ("host", "bridge")
"""Networks of each node that a task may be in."""


def _networks(work: Workload, names: Names) -> list[Json]:
    if work.namespaces.network in PREDEFINED:
        return [{"Target": work.namespaces.network}]
    return [_network(network, names) for network in work.networks]


def _network(network: model.Network, names: Names) -> Json:
    target = names.network(network.name)
    if target in PREDEFINED:
        # no names are resolved there
        return {"Target": target}
    aliases = dict.fromkeys([*network.aliases, *(() if network.unnamed else names.aliases)])
    return said(Target=target, Aliases=list(aliases), DriverOpts=_map(network.driver_options))


# ---------------------------------------------------------------- engines of another age

_SINCE: tuple[Since, ...] = (
    (("ContainerSpec", "Healthcheck", "StartInterval"), (1, 44), "the start interval of a health check"),
    (("ContainerSpec", "Mounts", "BindOptions", "ReadOnlyNonRecursive"), (1, 44), "bind mounts with recursive"),
    (("ContainerSpec", "Mounts", "BindOptions", "ReadOnlyForceRecursive"), (1, 44), "bind mounts with recursive"),
    (("ContainerSpec", "Mounts", "VolumeOptions", "Subpath"), (1, 45), "a subpath of a volume"),
    (("ContainerSpec", "Privileges", "NoNewPrivileges"), (1, 46), "no-new-privileges for services"),
    (("ContainerSpec", "Privileges", "AppArmor"), (1, 46), "AppArmor options for services"),
    (("ContainerSpec", "Privileges", "Seccomp"), (1, 46), "seccomp options for services"),
    (("ContainerSpec", "OomScoreAdj"), (1, 46), "the OOM score of services"),
)


def too_new(found: Mapping[str, Any], version: tuple[int, int]) -> list[str]:
    """What a spec says that an engine of this API version would drop without a word, with the version needed."""
    return newer(found.get("TaskTemplate", {}), version, _SINCE)
