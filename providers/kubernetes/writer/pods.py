"""Workloads that share a network as one pod, and what goes with it."""

from __future__ import annotations

from atomicapp.providers.kubernetes.writer import names, placement, security, steering, volumes, waiting
from atomicapp.providers.kubernetes.writer.around import Around, Json, Object, named, said, unsaid
from atomicapp.providers.kubernetes.writer.containers import Container
from atomicapp.providers.kubernetes.writer.facts import Facts
from atomicapp.providers.kubernetes.writer.marks import CALLED, labels
from atomicapp.workload.model import Workload

CHECKSUM = "checksum/files"
"""Of what is read from configs and secrets: a change rolls the pods."""
_HOST = "host"
_PLAIN = unsaid(
    *("namespaces", "hostname", "runtime", "extra_hosts", "dns", "groups", "sysctls", "stop_grace", "init"),
)


class Pod:
    """The template of a pod: `labels`, `notes` (annotations) and `spec`; `extra` are the objects that it needs. `more` are
    further labels."""

    def __init__(self, root: str, facts: Facts, around: Around, more: Json) -> None:
        works = facts.members[root]
        work = works[0]
        shared = volumes.Volumes()
        containers = [Container(item, facts, around, shared) for item in works]
        beside = volumes.together(root, facts, around)
        self.selector = labels(root, facts, around)
        self.labels = dict(self.selector)
        self.labels |= {f"{CALLED}{name}": "answers" for name in facts.shared_calls.get(root, ())}
        self.labels |= dict.fromkeys(beside, "mounted")
        self.labels |= more
        self.notes = notes(works)
        before = [
            Container(hook.workload, facts, around, shared, _numbered(facts.names[item.service], number), first=True)
            for item in works
            for number, hook in enumerate(item.pre_start, 1)
        ]
        parts = [*before, *containers]
        content = {name: text for item in parts for name, text in item.content.items()}
        content |= {f"{item.kept}/{name}": text for item in parts for name, text in item.secrets.items()}
        if content:
            self.notes[CHECKSUM] = names.digest(part for item in sorted(content.items()) for part in item)
        first = waiting.containers(root, facts) if around.waiting else []
        self.spec = said(
            initContainers=[*first, *(item.body for item in before)],
            containers=[item.body for item in containers],
            volumes=shared.listed(),
            **_pod_wide(works),
            **placement.of_pod(work, beside, {"matchLabels": self.selector}),
        )
        # Compose's containers know nothing of the cluster, and are not told of it by their environment
        self.spec |= {"automountServiceAccountToken": False, "enableServiceLinks": False}
        self.extra = [
            Object(named("Secret", item.kept, stringData=dict(item.secrets)), work.position, root)
            for item in parts
            if item.secrets
        ]

    def template(self) -> Json:
        """As a workload has it."""
        return {"metadata": {"labels": self.labels, **said(annotations=self.notes)}, "spec": self.spec}


def notes(works: tuple[Workload, ...]) -> Json:
    """Labels and annotations of containers, which may hold what no label of Kubernetes can, as annotations."""
    found = {name: text for work in works for part in (work.labels, work.annotations) for name, text in part.items()}
    return {name: text for name, text in found.items() if names.is_qualified(name) and not steering.is_ours(name)}


def _numbered(name: str, number: int) -> str:
    return names.label(f"{name}-before-{number}")


def _pod_wide(works: tuple[Workload, ...]) -> Json:
    """What a pod says for all of its containers: most of it by the first of them."""
    if all(map(_PLAIN, works)):
        return {}
    work = works[0]
    spaces = work.namespaces
    on_host = spaces.network == _HOST
    hostname = work.hostname.partition(".")[0]
    grace = [item.stop_grace for item in works if item.stop_grace is not None]
    found = said(
        hostname=hostname if names.label(hostname or "x") == hostname else "",
        hostNetwork=on_host,
        hostPID=any(item.namespaces.pid == _HOST for item in works),
        hostIPC=any(item.namespaces.ipc == _HOST for item in works),
        shareProcessNamespace=_one_process_space(works),
        runtimeClassName=work.runtime
        if work.runtime not in ("", "runc") and names.label(work.runtime) == work.runtime
        else "",
        hostAliases=[{"ip": ip, "hostnames": hosts} for ip, hosts in host_aliases(works).items()],
        dnsPolicy="ClusterFirstWithHostNet" if on_host else "",
        dnsConfig=said(
            nameservers=[*dict.fromkeys(server for item in works for server in item.dns.servers)][:3],
            searches=[*dict.fromkeys(name for item in works for name in item.dns.search)],
            options=[_option(text) for item in works for text in item.dns.options],
        ),
        securityContext=security.pod(works),
    )
    if grace:
        longest = max(grace)
        found["terminationGracePeriodSeconds"] = longest if min(grace) >= 0 else 7 * 24 * 3600
    return found


def _one_process_space(works: tuple[Workload, ...]) -> bool:
    """Whether processes see each other, with the pod's own as the first: it reaps what is left over, as --init does."""
    if any(work.namespaces.pid == _HOST for work in works):
        return False
    return any(work.init or work.namespaces.pid.startswith("service:") for work in works)


def host_aliases(works: tuple[Workload, ...]) -> dict[str, list[str]]:
    """Names by address. The address of the node is none that could be said beforehand."""
    found: dict[str, list[str]] = {}
    for work in works:
        for entry in work.extra_hosts:
            name, _, address = entry.partition(":")
            if address != "host-gateway" and name not in found.setdefault(address, []):
                found[address].append(name)
    return found


def _option(text: str) -> Json:
    name, colon, setting = text.partition(":")
    return {"name": name, "value": setting} if colon else {"name": name}
