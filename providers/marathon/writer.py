"""Write a project as apps of Marathon. Pure.

What an app has a field for stands in that field; most of the rest goes to the `docker run` of the agent as parameters, in
the words of the docker provider's commands. Fields are those that all versions from 1.0 to 1.8 know. `rules` tells what
becomes of each key.
"""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Iterator
from functools import partial
from typing import Any

from atomicapp.errors import ERROR, WARNING, Issue, SpecError
from atomicapp.model import Artifact, Rendered, Target, Volume
from atomicapp.position import line_of
from atomicapp.providers.base import Output
from atomicapp.providers.docker import command
from atomicapp.providers.marathon import labels, names
from atomicapp.providers.marathon.artifacts import Item, Read
from atomicapp.workload import model, requirements, risks
from atomicapp.workload.model import Mount, Port, Workload
from atomicapp.workload.ordering import ordered
from atomicapp.workload.project import Project, VolumeSpec

Json = dict[str, Any]

CPUS, MEM = 0.1, 128
"""What an app asks for when its service says nothing: Marathon reserves it."""
SIZE = 1024
"""MiB of a volume whose size nothing says."""

_SECOND, _MIB = 10**9, 1024**2
_PORT_NAME = re.compile(r"[a-z][a-z0-9-]*")
_NODE = {"node.hostname": "hostname", "node.id": "hostname"}
_HOSTS = ("host", "none")
_JOBS = (model.REPLICATED_JOB, model.GLOBAL_JOB)
_EACH = (model.GLOBAL, model.GLOBAL_JOB)


def convert(project: Project, target: Target) -> tuple[Output, ...]:
    """See providers.base.Provider. The ids are those of a deployment called as the target's app."""
    import json

    writer = Writer(project, target.app, "")
    apps = [writer.app(work) for work in project.services]
    if writer.issues:
        raise SpecError(writer.issues)
    if not apps:
        return ()
    group = {"id": f"/{names.clean(target.app)}", "apps": apps}
    text = json.dumps(group, indent=2, ensure_ascii=False)
    # the package fills in its params: two dollars are one there
    return (Output("marathon.json", text.replace("$", "$$") + "\n"),)


def read(rendered: Rendered, artifact: Artifact, app: str) -> Read:
    """The apps of a Compose file, with what it loses."""
    from atomicapp.providers.marathon import rules
    from atomicapp.workload import compose
    from atomicapp.workload.fidelity import issues_of, judge

    try:
        project = compose.read_artifact(rendered, artifact)
    except SpecError as error:
        return Read((), error.issues, frozenset(), frozenset())
    writer = Writer(project, app, artifact.component, partial(requirements.find, rendered.volumes, artifact.component))
    levels = _levels(project)
    items = [
        Item(artifact, writer.app(work), work.position, levels[work.service], tuple(writer.waits(work)))
        for work in project.services
    ]
    issues = [*project.issues, *issues_of(judge(project, rules.table()), "marathon"), *writer.issues]
    for work in project.services:
        for message, place in risks.find(work, "agent"):
            issues.append(Issue(WARNING, message, place, "risky", "", risks.HINT))
    secrets = frozenset(spec.content for spec in project.secrets.values() if spec.content)
    excerpts = [
        issue if issue.excerpt else issue._replace(excerpt=line_of(artifact.data, issue.position.line))
        for issue in issues
    ]
    return Read(tuple(items), tuple(excerpts), secrets, frozenset(writer.used))


def _levels(project: Project) -> dict[str, int]:
    """The place of each service, from 1: after those that it depends on."""
    services = {work.service: work for work in project.services}

    def needs(work: Workload) -> list[Workload]:
        return [services[item.target] for item in work.depends_on if item.target in services]

    order, _ = ordered(project.services, lambda work: work.service, needs)
    found: dict[str, int] = {}
    for work in order:
        found[work.service] = max((found.get(other.service, 0) for other in needs(work)), default=0) + 1
    return found


class Writer:
    """Writes the services of one project. `component` is empty where there is none; `find` gives the requirement of the
    package that a volume meets. `used` are those that were met."""

    def __init__(self, project: Project, app: str, component: str, find: Any = None) -> None:
        self.project = project
        self.deployment = app
        self.component = component
        self.find = find
        self.issues: list[Issue] = []
        self.used: set[tuple[str, str]] = set()

    def id(self, service: str) -> str:
        """The id of a service."""
        return names.own(self.deployment, self.component, service)

    def waits(self, work: Workload) -> Iterator[str]:
        """The ids of the services that must be ready before."""
        for item in work.depends_on:
            if self.project.service(item.target) is not None and item.target != work.service:
                yield self.id(item.target)

    def app(self, work: Workload) -> Json:
        """A service as an app."""
        docker: Json = {"image": work.image, **self._network(work)}
        address = docker.pop("address", None)
        mappings = [self._port(port) for port in work.ports] if docker["network"] in ("BRIDGE", "USER") else []
        if mappings:
            docker["portMappings"] = mappings
        if work.security.privileged:
            docker["privileged"] = True
        if work.pull == model.PULL_ALWAYS:
            docker["forcePullImage"] = True
        parameters = [{"key": key, "value": value} for key, value in self._parameters(work)]
        if parameters:
            docker["parameters"] = parameters
        volumes = list(self._volumes(work))
        found: Json = {
            "id": self.id(work.service),
            **_command(work),
            "container": {"type": "DOCKER", "docker": docker, **({"volumes": volumes} if volumes else {})},
            **_resources(work),
            "instances": work.replicas,
        }
        if address:
            found["ipAddress"] = {"networkName": address}
        if work.env:
            found["env"] = {item.name: item.value for item in work.env}
        if work.scheduling.labels:
            found["labels"] = dict(work.scheduling.labels)
        update = work.scheduling.update
        if update is not None and update.failure_action == labels.ROLLBACK:
            found["labels"] = {**found.get("labels", {}), labels.LABEL_FAILURE: labels.ROLLBACK}
        constraints = list(_constraints(work))
        if constraints:
            found["constraints"] = constraints
        check = _health(work)
        if check:
            found["healthChecks"] = [check]
        depends = list(self.waits(work))
        if depends:
            found["dependencies"] = depends
        resident = any("persistent" in volume for volume in volumes)
        fixed = any(mapping["hostPort"] for mapping in mappings)
        strategy = _strategy(work, first=resident or fixed)
        if strategy:
            found["upgradeStrategy"] = strategy
        found |= _restart(work)
        if work.stop_grace is not None:
            found["taskKillGracePeriodSeconds"] = work.stop_grace
        return found

    # ------------------------------------------------------------ networks

    def _network(self, work: Workload) -> Json:
        mode = work.namespaces.network
        if mode in _HOSTS:
            return {"network": mode.upper()}
        for network in work.networks:
            spec = self.project.networks.get(network.name)
            if spec is not None and (spec.external or spec.name):
                return {"network": "USER", "address": spec.name or spec.key}
        return {"network": "BRIDGE"}

    def _port(self, port: Port) -> Json:
        host = port.host.partition("-")[0]
        found: Json = {"containerPort": port.container, "hostPort": int(host or 0), "protocol": port.protocol}
        if port.protocol not in ("tcp", "udp"):
            message = f"the protocol '{port.protocol}' is none of Marathon's"
            self.issues.append(Issue(ERROR, message, port.position, "protocol", "", "publish tcp or udp"))
        if _PORT_NAME.fullmatch(port.name):
            found["name"] = port.name
        return found

    def _alias(self, work: Workload) -> Iterator[tuple[str, str]]:
        for network in work.networks:
            spec = self.project.networks.get(network.name)
            if spec is not None and (spec.external or spec.name):
                own = () if network.unnamed else (work.service,)
                yield from (("network-alias", name) for name in dict.fromkeys([*own, *network.aliases]))
                for name, value in (("ip", network.ipv4), ("ip6", network.ipv6), ("mac-address", network.mac)):
                    if value:
                        yield name, value
                yield from (("link-local-ip", address) for address in network.link_local_ips)
                return

    # ------------------------------------------------------------ volumes

    def _volumes(self, work: Workload) -> Iterator[Json]:
        kept: set[str] = set()
        for mount in work.mounts:
            mode = "RO" if mount.read_only else "RW"
            if mount.kind == model.BIND:
                yield {"containerPath": mount.target, "hostPath": mount.source, "mode": mode}
            elif mount.kind == model.VOLUME and mount.source:
                spec = self.project.volumes.get(mount.source)
                wanted: Volume | None = self.find(mount.source) if self.find else None
                if wanted is None and spec is not None and is_driven(spec):
                    yield _external(spec, mount, mode)
                elif wanted is not None or spec is None or not spec.external:
                    name = names.clean(mount.source).replace(".", "-")
                    if name not in kept:
                        yield {"containerPath": name, "mode": "RW", "persistent": {"size": self._size(wanted)}}
                    kept.add(name)
                    yield {"containerPath": mount.target, "hostPath": name, "mode": mode}

    def _size(self, wanted: Volume | None) -> int:
        if wanted is None:
            return SIZE
        self.used.add((wanted.namespace, wanted.requirement.name))
        return math.ceil(wanted.requirement.size * 1024) or SIZE

    # ------------------------------------------------------------ docker's own options

    def _parameters(self, work: Workload) -> Iterator[tuple[str, str]]:
        """The options of `docker run` for what no field says."""
        yield from self._alias(work)
        for option, value in command.options(_rest(work, self.project)):
            name, given, text = option.lstrip("-").partition("=")
            yield {"v": "volume"}.get(name, name), text if given else value or "true"


def is_driven(spec: VolumeSpec) -> bool:
    """Whether a volume is made by a driver that is not the engine's own."""
    return not spec.external and spec.driver not in ("", "local")


def _external(spec: VolumeSpec, mount: Mount, mode: str) -> Json:
    options = {"dvdi/driver": spec.driver, **spec.driver_options}
    external = {"name": spec.name or spec.key, "provider": "dvdi", "options": options}
    return {"containerPath": mount.target, "mode": mode, "external": external}


def _rest(work: Workload, project: Project) -> Workload:
    """A workload without what an app has fields for, and without what `docker run` can't have from Marathon."""
    limits = work.resources
    outside = tuple(
        mount._replace(source=_named(mount, project))
        for mount in work.mounts
        if mount.kind in (model.TMPFS, model.VOLUME) and _by_engine(mount, project)
    )
    swap = limits.memory_swap if limits.memory else None
    return work._replace(
        name="",
        networks=(),
        links=(),
        ports=(),
        exposed=(),
        publish_all=False,
        env=(),
        mounts=outside,
        volumes_from=(),
        healthcheck=work.healthcheck if _disabled(work) else None,
        restart=model.Restart(),
        auto_remove=False,
        namespaces=_spaces(work),
        security=work.security._replace(privileged=False),
        resources=limits._replace(
            memory=None,
            memory_reservation=None if not limits.memory else limits.memory_reservation,
            memory_swap=swap,
            cpus=limits.cpus if limits.cpu_reservation else None,
            cpu_shares=None,
        ),
        pull=model.PULL_MISSING,
        platform="",
        stop_grace=None,
    )


def _spaces(work: Workload) -> model.Namespaces:
    """Namespaces without those of other containers, whose names are not known."""
    spaces = work.namespaces
    pid, ipc = ("" if space.startswith(("container:", "service:")) else space for space in (spaces.pid, spaces.ipc))
    return spaces._replace(network="", pid=pid, ipc=ipc)


def _by_engine(mount: Mount, project: Project) -> bool:
    """Whether a mount is left to the engine of the agent: a tmpfs, an anonymous volume, one that is there already."""
    spec = project.volumes.get(mount.source)
    return mount.kind == model.TMPFS or not mount.source or (spec is not None and spec.external)


def _named(mount: Mount, project: Project) -> str:
    spec = project.volumes.get(mount.source)
    return (spec.name or spec.key) if spec is not None and mount.kind == model.VOLUME else mount.source


def _disabled(work: Workload) -> bool:
    return work.healthcheck is not None and work.healthcheck.test[:1] == ("NONE",)


# ---------------------------------------------------------------- fields


def _command(work: Workload) -> Json:
    args = [*list(work.entrypoint or ())[1:], *(work.command or ())]
    return {"args": args} if args else {}


def _resources(work: Workload) -> Json:
    limits = work.resources
    processors = limits.cpu_reservation or limits.cpus
    if processors:
        cpus = round(processors / 10**9, 3) or 0.001
    elif limits.cpu_shares:
        # an agent weighs a processor by 1024 shares
        cpus = max(round(limits.cpu_shares / 1024, 3), 0.001)
    else:
        cpus = CPUS
    memory = limits.memory or limits.memory_reservation
    return {"cpus": cpus, "mem": max(math.ceil(memory / _MIB), 4) if memory else MEM}


def _health(work: Workload) -> Json:
    check = work.healthcheck
    if check is None or not check.test or check.test[0] == "NONE":
        return {}
    text = check.test[1] if check.test[0] == "CMD-SHELL" else shlex.join(check.test[1:])
    return {
        "protocol": "COMMAND",
        "command": {"value": text},
        "gracePeriodSeconds": _seconds(check.start_period, 0),
        "intervalSeconds": _seconds(check.interval, 30),
        "timeoutSeconds": _seconds(check.timeout, 30),
        "maxConsecutiveFailures": check.retries or 3,
        "delaySeconds": 0,
    }


def _seconds(nanoseconds: int | None, default: int) -> int:
    return default if nanoseconds is None else math.ceil(nanoseconds / _SECOND)


_RULE = re.compile(r"\s*(\S+?)\s*(==|!=)\s*(.+?)\s*")


def constraint(text: str) -> list[str] | None:
    """A placement constraint of Swarm as one of Marathon; None for what its agents know nothing of."""
    found = _RULE.fullmatch(text)
    if found is None:
        return None
    name, operator, value = found.groups()
    field = _NODE.get(name)
    for prefix in ("node.labels.", "engine.labels."):
        if name.startswith(prefix):
            field = name.removeprefix(prefix)
    if not field:
        return None
    return [field, "LIKE" if operator == "==" else "UNLIKE", re.escape(value).replace(r"\-", "-")]


def spread(text: str) -> list[str] | None:
    """What to spread over, as a constraint."""
    for prefix in ("node.labels.", "engine.labels."):
        if text.startswith(prefix):
            return [text.removeprefix(prefix), "GROUP_BY"]
    return ["hostname", "GROUP_BY"] if text in _NODE else None


def _constraints(work: Workload) -> Iterator[list[str]]:
    scheduling = work.scheduling
    for text in scheduling.constraints:
        found = constraint(text)
        if found:
            yield found
    if scheduling.mode in _EACH:
        yield ["hostname", "UNIQUE"]
    elif scheduling.max_per_node:
        yield ["hostname", "MAX_PER", str(scheduling.max_per_node)]
    for text in scheduling.spread:
        found = spread(text)
        if found:
            yield found


def _strategy(work: Workload, *, first: bool) -> Json:
    """How instances are replaced. `first`: the old ones must go first, for they hold what the new ones need."""
    if first:
        return {"minimumHealthCapacity": 0, "maximumOverCapacity": 0}
    update = work.scheduling.update
    if update is None or (update.parallelism is None and not update.order):
        return {}
    count = max(work.replicas, 1)
    share = min(1.0, round((count if update.parallelism == 0 else update.parallelism or 1) / count, 2))
    if update.order == "start-first":
        return {"minimumHealthCapacity": 1, "maximumOverCapacity": share}
    return {"minimumHealthCapacity": round(1 - share, 2), "maximumOverCapacity": 0}


def _restart(work: Workload) -> Json:
    rule = work.scheduling.restart
    if rule is None or rule.delay is None:
        return {}
    return {"backoffSeconds": math.ceil(rule.delay / _SECOND)}
