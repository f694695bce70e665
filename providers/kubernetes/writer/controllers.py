"""What runs a pod: Deployment, StatefulSet, DaemonSet or Job."""

from __future__ import annotations

from typing import Any

from atomicapp.providers.kubernetes.writer import names, steering, volumes
from atomicapp.providers.kubernetes.writer.amounts import seconds
from atomicapp.providers.kubernetes.writer.around import Around, Json, named, said
from atomicapp.providers.kubernetes.writer.facts import (
    DAEMON_SET,
    DEPLOYMENT,
    JOB,
    STATEFUL_SET,
    Facts,
    per_replica,
    single,
)
from atomicapp.providers.kubernetes.writer.placement import surges
from atomicapp.providers.kubernetes.writer.pods import Pod
from atomicapp.workload import model
from atomicapp.workload.model import Rollout, Workload

_START_FIRST = "start-first"


def workload(root: str, pod: Pod, facts: Facts, around: Around) -> Json:
    """The object that runs a pod."""
    work, kind = facts.services[root], facts.kinds[root]
    name = names.label(facts.names[root], names.WORKLOAD)
    if kind == JOB:
        body = named(JOB, name, "batch/v1", labels=pod.selector, spec=_job(work, pod))
    else:
        spec: Json = {} if kind == DAEMON_SET else {"replicas": work.replicas}
        spec["selector"] = {"matchLabels": pod.selector}
        if kind == STATEFUL_SET:
            # all at once: a set that waits for each pod would never replace one that doesn't come up
            spec |= {"serviceName": facts.names[root], "podManagementPolicy": "Parallel"}
        spec |= _rollout(work, kind, single(root, facts))
        spec["template"] = pod.template()
        if kind == STATEFUL_SET:
            spec |= said(volumeClaimTemplates=_templates(root, facts))
        body = named(kind, name, "apps/v1", labels=pod.selector, spec=spec)
    notes = {
        key: text
        for key, text in work.scheduling.labels.items()
        if names.is_qualified(key) and not steering.is_ours(key)
    }
    if notes:
        body["metadata"]["annotations"] = notes
    return body


def _rollout(work: Workload, kind: str, alone: bool) -> Json:
    update = work.scheduling.update or Rollout()
    found: Json = {}
    steady = max(update.delay or 0, update.monitor or 0)
    if steady:
        found["minReadySeconds"] = seconds(steady)
    if kind == DEPLOYMENT and alone:
        return found | {"strategy": {"type": "Recreate"}}
    rolling = rolling_update(work, kind)
    if not rolling or kind == STATEFUL_SET:
        return found
    strategy = {"type": "RollingUpdate", "rollingUpdate": rolling}
    return found | {"strategy" if kind == DEPLOYMENT else "updateStrategy": strategy}


def rolling_update(work: Workload, kind: str) -> Json:
    """How many pods are replaced at a time; empty for Kubernetes' way."""
    update = work.scheduling.update
    if update is None or (update.parallelism is None and not update.order):
        return {} if surges(work, kind) or kind == DAEMON_SET else {"maxSurge": 0, "maxUnavailable": 1}
    number: Any = "100%" if update.parallelism == 0 else update.parallelism or 1
    if update.order == _START_FIRST and surges(work, kind):
        return {"maxSurge": number, "maxUnavailable": 0}
    return {"maxSurge": 0, "maxUnavailable": number}


def _job(work: Workload, pod: Pod) -> Json:
    rule = work.scheduling.restart
    again = on_failure(work)
    tries = work.restart.retries or (rule.max_attempts if rule and rule.max_attempts else 0)
    pod.spec["restartPolicy"] = "OnFailure" if again else "Never"
    # what is not to be tried again fails at once; else Kubernetes' own six times
    found = {"backoffLimit": tries} if again and tries else {} if again else {"backoffLimit": 0}
    if work.replicas > 1 and work.scheduling.mode != model.GLOBAL_JOB:
        found |= {"completions": work.replicas, "parallelism": work.replicas}
    return {**found, "template": pod.template()}


def on_failure(work: Workload) -> bool:
    """Whether what ended with an error is started again."""
    rule = work.scheduling.restart
    if rule is not None and rule.condition:
        return rule.condition != "none"
    return work.restart.policy != "no"


def _templates(root: str, facts: Facts) -> list[Json]:
    """The claims that each replica brings for itself."""
    found = {
        mount.source: None
        for work in facts.members[root]
        for mount in work.mounts
        if mount.kind == model.VOLUME and per_replica(facts.project, mount)
    }
    claims = [volumes.claim(facts.project.volumes[key], facts) for key in found]
    return [
        {"metadata": {**claim["metadata"], "name": names.label(key)}, "spec": claim["spec"]}
        for key, claim in zip(found, claims, strict=True)
    ]
