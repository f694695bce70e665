"""Write a project as a stack file, of the version of the Compose format that `docker stack deploy` takes. Pure.

Names are those of the file: the stack's own name goes before them when it is deployed. Texts of configs and secrets become
files beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from atomicapp.model import Target
from atomicapp.providers.base import Output
from atomicapp.providers.swarm import names
from atomicapp.providers.swarm.normal import normalised
from atomicapp.providers.swarm.spec import PREDEFINED, platforms, said
from atomicapp.workload import model, values
from atomicapp.workload.model import Mount, Workload
from atomicapp.workload.project import FileSpec, NetworkSpec, Project, VolumeSpec

Json = dict[str, Any]

VERSION, NEWER = "3.9", "3.13"
"""What engines from 20.10 on take, and what some keys need."""

_UNITS = ((1 << 40, "T"), (1 << 30, "G"), (1 << 20, "M"), (1 << 10, "K"))
_JOBS = (model.REPLICATED_JOB, model.GLOBAL_JOB)


def convert(project: Project, target: Target) -> tuple[Output, ...]:
    """See providers.base.Provider."""
    from atomicapp.emit import emit

    found, _ = normalised(project)
    writer = _Writer(found)
    document = writer.document()
    return (Output("stack.yaml", emit(_escaped(document))), *writer.files)


def _escaped(value: Any) -> Any:
    """With the dollars doubled that the reader of the file would take for variables."""
    if isinstance(value, str):
        return value.replace("$", "$$")
    if isinstance(value, dict):
        return {key: _escaped(item) for key, item in value.items()}
    return [_escaped(item) for item in value] if isinstance(value, list) else value


class _Writer:
    def __init__(self, project: Project) -> None:
        self.project = project
        self.files: list[Output] = []
        self.newer = False
        self.predefined: set[str] = set()

    def document(self) -> Json:
        project = self.project
        services = {work.service: self.service(work) for work in project.services}
        networks = {key: _network(spec) for key, spec in project.networks.items()}
        networks |= {name: {"external": True, "name": name} for name in sorted(self.predefined)}
        volumes = {key: _volume(spec) for key, spec in project.volumes.items()}
        found = said(
            services=services,
            networks=networks,
            volumes=volumes,
            configs={key: self._file("configs", spec) for key, spec in project.configs.items()},
            secrets={key: self._file("secrets", spec) for key, spec in project.secrets.items()},
        )
        return {"version": NEWER if self.newer else VERSION, **found}

    # ------------------------------------------------------------ services

    def service(self, work: Workload) -> Json:
        check = work.healthcheck
        self.newer = self.newer or bool(check and check.start_interval) or work.resources.oom_score_adj is not None
        self.newer = self.newer or any(network.driver_options for network in work.networks)
        found = said(
            image=work.image,
            command=list(work.command) if work.command else None,
            entrypoint=list(work.entrypoint) if work.entrypoint else None,
            environment={item.name: item.value for item in work.env},
            labels=dict(work.labels),
            hostname=work.hostname,
            user=work.user,
            working_dir=work.workdir,
            tty=work.tty,
            stdin_open=work.stdin,
            read_only=work.security.read_only_root,
            isolation=work.isolation,
            stop_signal=work.stop_signal,
            healthcheck=_health(check),
            depends_on=[item.target for item in work.depends_on if self.project.service(item.target)],
            networks=self._networks(work),
            ports=[_port(port) for port in work.ports if work.scheduling.mode not in _JOBS],
            volumes=[_mount(mount) for mount in work.mounts],
            configs=[_grant(grant) for grant in work.configs],
            secrets=[_grant(grant) for grant in work.secrets],
            dns=list(work.dns.servers),
            dns_search=list(work.dns.search),
            extra_hosts=list(work.extra_hosts),
            cap_add=list(work.security.cap_add),
            cap_drop=list(work.security.cap_drop),
            security_opt=_security(work),
            sysctls=dict(work.sysctls),
            ulimits={item.name: {"soft": item.soft, "hard": item.hard} for item in work.ulimits},
            credential_spec=dict(work.credential_spec),
            logging=said(driver=work.logging.driver, options=dict(work.logging.options)),
        )
        if work.stop_grace is not None:
            found["stop_grace_period"] = f"{work.stop_grace}s"
        if work.init is not None:
            found["init"] = work.init
        if work.resources.oom_score_adj is not None:
            found["oom_score_adj"] = work.resources.oom_score_adj
        deploy = _deploy(work)
        return {**found, "deploy": deploy} if deploy else found

    def _networks(self, work: Workload) -> Json:
        if work.namespaces.network in PREDEFINED:
            self.predefined.add(work.namespaces.network)
            return {work.namespaces.network: {}}
        return {
            network.name: said(aliases=list(network.aliases), driver_opts=dict(network.driver_options))
            for network in work.networks
        }

    # ------------------------------------------------------------ what services share

    def _file(self, room: str, spec: FileSpec) -> Json:
        if spec.external:
            return said(external=True, name=spec.name)
        found = said(
            name=spec.name,
            labels=dict(spec.labels),
            template_driver=spec.template_driver,
            driver=spec.driver,
            driver_opts=dict(spec.driver_options),
        )
        if spec.driver:
            return found
        path = f"{room}/{names.clean(spec.key)}"
        self.files.append(Output(path, spec.content or ""))
        return {"file": f"./{path}", **found}


def _mount(mount: Mount) -> Json:
    found = said(
        type=mount.kind,
        source=mount.source,
        target=mount.target,
        read_only=mount.read_only,
        consistency=mount.consistency,
        bind=said(propagation=mount.propagation, recursive=mount.recursive) if mount.kind == model.BIND else None,
        volume=said(nocopy=mount.no_copy, subpath=mount.subpath) if mount.kind == model.VOLUME else None,
    )
    if mount.kind == model.TMPFS:
        options = {"size": mount.size, "mode": mount.mode}
        options = {name: value for name, value in options.items() if value is not None}
        if options:
            found["tmpfs"] = options
    return found


def _volume(spec: VolumeSpec) -> Json:
    if spec.external:
        return said(external=True, name=spec.name)
    return said(
        driver=spec.driver,
        driver_opts=dict(spec.driver_options),
        labels=dict(spec.labels),
        name=spec.name,
    )


def _network(spec: NetworkSpec) -> Json:
    if spec.external:
        return said(external=True, name=spec.name)
    driver = "" if spec.driver in ("bridge", "default", "overlay") else spec.driver
    ipam = said(driver=spec.ipam_driver, config=[said(subnet=item.subnet) for item in spec.subnets if item.subnet])
    return said(
        driver=driver,
        driver_opts=dict(spec.driver_options),
        attachable=spec.attachable,
        internal=spec.internal,
        ipam=ipam,
        labels=dict(spec.labels),
        name=spec.name,
    )


def _health(check: model.Healthcheck | None) -> Json:
    if check is None:
        return {}
    if check.test == ("NONE",):
        return {"disable": True}
    found: Json = said(test=list(check.test), retries=check.retries)
    for name in ("interval", "timeout", "start_period", "start_interval"):
        time = getattr(check, name)
        if time:
            found[name] = values.duration_text(time)
    return found


def _port(port: model.Port) -> Json:
    first = port.host.partition("-")[0]
    return said(target=port.container, published=int(first) if first else 0, protocol=port.protocol, mode=port.mode)


def _grant(grant: model.FileGrant) -> Json:
    found: Json = said(source=grant.source, target=grant.target, uid=grant.uid, gid=grant.gid)
    return {**found, "mode": grant.mode} if grant.mode is not None else found


def _security(work: Workload) -> list[str]:
    """Those options that services know. Profiles stand in them as text."""
    known = ("label", "no-new-privileges", "seccomp")
    return [
        option
        for option in work.security.options
        if option.replace(":", "=", 1).partition("=")[0] in known or option.endswith("unconfined")
    ]


# ---------------------------------------------------------------- deploy


def _deploy(work: Workload) -> Json:
    scheduling, limits = work.scheduling, work.resources
    job = scheduling.mode in _JOBS
    constraints = [*scheduling.constraints, *_platform(work.platform)]
    bounds = said(
        cpus=_cpus(limits.cpus),
        memory=_size(limits.memory),
        pids=limits.pids if limits.pids is not None and limits.pids > 0 else None,
    )
    reservations = said(
        cpus=_cpus(limits.cpu_reservation),
        memory=_size(limits.memory_reservation),
        generic_resources=[
            {"discrete_resource_spec": {"kind": kind, "value": number}} for kind, number in scheduling.generic.items()
        ],
    )
    found = said(
        mode=scheduling.mode if scheduling.mode != model.REPLICATED else "",
        endpoint_mode="" if job else scheduling.endpoint_mode,
        labels=dict(scheduling.labels),
        placement=said(
            constraints=constraints,
            preferences=[{"spread": label} for label in scheduling.spread],
            max_replicas_per_node=scheduling.max_per_node,
        ),
        update_config=_rollout(scheduling.update) if not job else None,
        rollback_config=_rollout(scheduling.rollback) if not job else None,
        restart_policy=_restart(scheduling.restart),
        resources=said(limits=bounds, reservations=reservations),
    )
    if work.replicas != 1 and scheduling.mode in ("", model.REPLICATED, model.REPLICATED_JOB):
        found["replicas"] = work.replicas
    return found


def _platform(text: str) -> list[str]:
    """A platform as constraints."""
    facts: Mapping[str, str] = next(iter(platforms(text)), {})
    words = (("OS", "node.platform.os"), ("Architecture", "node.platform.arch"))
    return [f"{word}=={facts[name]}" for name, word in words if facts.get(name)]


def _rollout(rollout: model.Rollout | None) -> Json:
    if rollout is None:
        return {}
    found: Json = said(failure_action=rollout.failure_action, order=rollout.order)
    for name, time in (("delay", rollout.delay), ("monitor", rollout.monitor)):
        if time is not None:
            found[name] = values.duration_text(time)
    for name, number in (("parallelism", rollout.parallelism), ("max_failure_ratio", rollout.max_failure_ratio)):
        if number is not None:
            found[name] = number
    return found


def _restart(rule: model.RestartRule | None) -> Json:
    if rule is None:
        return {}
    found: Json = said(condition=rule.condition, max_attempts=rule.max_attempts)
    for name, time in (("delay", rule.delay), ("window", rule.window)):
        if time is not None:
            found[name] = values.duration_text(time)
    return found


def _cpus(billionths: int | None) -> str:
    return values.processors_text(billionths) if billionths else ""


def _size(size: int | None) -> str:
    """Bytes as the largest unit that they are a whole number of."""
    if not size:
        return ""
    return next((f"{size // unit}{letter}" for unit, letter in _UNITS if size % unit == 0), f"{size}B")
