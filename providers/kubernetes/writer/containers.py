"""A workload as a container of a pod."""

from __future__ import annotations

from atomicapp.providers.kubernetes.writer import files, security, volumes
from atomicapp.providers.kubernetes.writer.amounts import limits
from atomicapp.providers.kubernetes.writer.around import Around, Json, said
from atomicapp.providers.kubernetes.writer.facts import Facts
from atomicapp.providers.kubernetes.writer.names import entry
from atomicapp.providers.kubernetes.writer.probes import lifecycle, literal, probes
from atomicapp.workload import model
from atomicapp.workload.model import FileGrant, Port, Workload

HOST = "host"
_PULL = {model.PULL_ALWAYS: "Always", model.PULL_MISSING: "IfNotPresent", model.PULL_NEVER: "Never"}

_PULL_WORDS = {"pull", "pull_policy"}


class Container:
    """One container: its `body`, and what goes with it: the `secrets` of its environment (by the name of the entry),
    which are kept in an object of their own, and the `content` of all files in it."""

    def __init__(
        self,
        work: Workload,
        facts: Facts,
        around: Around,
        shared: volumes.Volumes,
        name: str = "",
        *,
        first: bool = False,
    ) -> None:
        """`first`: it runs to its end before the others, which needs no probes."""
        self.name = name or facts.names[work.service]
        self.secrets: dict[str, str] = {}
        self.content: dict[str, str] = {}
        self.kept = f"{self.name}-env"
        self._around = around
        mounts = {place["mountPath"]: place for place in volumes.mounted(work, facts, around, shared)}
        for grant, secret in [*((item, False) for item in work.configs), *((item, True) for item in work.secrets)]:
            mounts[grant.target] = self._file(grant, secret, facts, shared)
        self.body = said(
            name=self.name,
            image=work.image,
            imagePullPolicy=_PULL.get(work.pull, "") if work.where.keys() & _PULL_WORDS else "",
            command=[literal(word) for word in entrypoint(work)],
            args=[literal(word) for word in arguments(work)],
            workingDir=work.workdir,
            env=[self._variable(item.name, item.value) for item in {item.name: item for item in work.env}.values()],
            ports=_ports(work),
            **({} if first else probes(work.healthcheck)),
            lifecycle={} if first else lifecycle(work),
            resources=limits(work),
            securityContext=security.container(work),
            stdin=work.stdin,
            tty=work.tty,
            volumeMounts=[*mounts.values()],
        )

    def _variable(self, name: str, value: str) -> Json:
        if value and self._around.holds_secret(value):
            key = entry(name)
            self.secrets[key] = value
            return {"name": name, "valueFrom": {"secretKeyRef": {"name": self.kept, "key": key}}}
        return {"name": name, "value": literal(value)}

    def _file(self, grant: FileGrant, secret: bool, facts: Facts, shared: volumes.Volumes) -> Json:
        spec = (facts.project.secrets if secret else facts.project.configs)[grant.source]
        kept = files.kept(spec, secret, self._around)
        if files.inside(spec):
            self.content[f"{kept.kind}/{kept.name}"] = spec.content or ""
        name = shared.add(f"{'secret' if secret else 'config'}-{grant.source}", files.source(grant, kept))
        return {"name": name, "mountPath": grant.target, "subPath": kept.entry, "readOnly": True}


def entrypoint(work: Workload) -> tuple[str, ...]:
    """The words in place of the image's entry point. An emptied one leaves the command alone, which then is all."""
    if work.entrypoint is None:
        return ()
    words = work.entrypoint if any(work.entrypoint) else ()
    return words or work.command or ()


def arguments(work: Workload) -> tuple[str, ...]:
    """The words after it."""
    return () if work.entrypoint is not None and not any(work.entrypoint) else work.command or ()


def on_host(work: Workload, port: Port) -> bool:
    """Whether a port is one of each node that runs the container."""
    return port.mode == HOST and port.host.isdigit() and work.namespaces.network != HOST


def _ports(work: Workload) -> list[Json]:
    """The ports that it listens on. Each stands there once: a second port of the node for it is lost."""
    found: dict[tuple[int, str], Json] = {}
    for port in work.ports:
        entry = found.setdefault((port.container, port.protocol), protocol(port.container, port.protocol))
        if on_host(work, port) and "hostPort" not in entry:
            entry["hostPort"] = int(port.host)
            if port.host_ip not in ("", "0.0.0.0", "::"):  # noqa: S104 (compared, not bound)
                entry["hostIP"] = port.host_ip
    for exposed in work.exposed:
        found.setdefault((exposed.container, exposed.protocol), protocol(exposed.container, exposed.protocol))
    return [*found.values()]


def protocol(number: int, name: str) -> Json:
    """A port of a container; TCP is not said."""
    return {"containerPort": number} | ({} if name == "tcp" else {"protocol": name.upper()})
