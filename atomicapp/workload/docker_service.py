"""Read a text of `docker service create` commands into workloads; see `commands`."""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType

from atomicapp.errors import ERROR, Issue
from atomicapp.position import Position
from atomicapp.workload import commands, model
from atomicapp.workload.assemble import assemble
from atomicapp.workload.command_files import Read
from atomicapp.workload.commands import Grammar, Run
from atomicapp.workload.drafts import Draft
from atomicapp.workload.service_options import LONG, SHORT

_REPLICATED = ("", model.REPLICATED, model.REPLICATED_JOB)
_JOBS = (model.REPLICATED_JOB, model.GLOBAL_JOB)


def _assemble(
    draft: Draft, image: str, command: tuple[str, ...], position: Position, image_position: Position
) -> tuple[model.Workload, list[Issue]]:
    # the tasks of a service never have the terminal of the one who makes it
    draft.fields.setdefault("detach", True)
    draft.where.setdefault("detach", position)
    work, issues = assemble(draft, image, command, position, image_position)
    lists, groups = draft.lists, draft.groups
    scheduling = model.Scheduling(
        **groups["scheduling"],
        constraints=tuple(lists["constraints"]),
        spread=tuple(lists["spread"]),
        update=model.Rollout(**groups["update"]) if groups["update"] else None,
        rollback=model.Rollout(**groups["rollback"]) if groups["rollback"] else None,
        restart=model.RestartRule(**groups["restart_rule"]) if groups["restart_rule"] else None,
        generic=MappingProxyType({kind: int(number) for kind, number in draft.maps["generic"].items()}),
        labels=MappingProxyType(dict(draft.maps["service_labels"])),
    )
    work = work._replace(
        scheduling=scheduling,
        replicas=draft.fields.get("replicas", 1),
        configs=tuple(lists["configs"]),
        secrets=tuple(lists["secrets"]),
        credential_spec=draft.fields.get("credential_spec", model.NOTHING),
        pull=model.PULL_NEVER if draft.fields.get("no_resolve") else model.PULL_MISSING,
    )
    return work, [*issues, *_conflicts(draft, scheduling)]


def _conflicts(draft: Draft, scheduling: model.Scheduling) -> Iterator[Issue]:
    mode, where = scheduling.mode, draft.where
    for name, option, modes in (
        ("replicas", "--replicas", _REPLICATED),
        ("max_per_node", "--replicas-max-per-node", _REPLICATED),
        ("concurrent", "--max-concurrent", (model.REPLICATED_JOB,)),
    ):
        if name in where and mode not in modes:
            said = f"--mode {mode or model.REPLICATED}"
            yield Issue(ERROR, f"{option} means nothing to {said}", where[name], "conflict", "", "remove one of them")
    if mode in _JOBS:
        for verb in ("update", "rollback"):
            for name in draft.groups[verb]:
                message = f"--{verb}-{name.replace('_', '-')} means nothing to --mode {mode}: a job is run anew"
                yield Issue(ERROR, message, where[name], "conflict", "", "remove it")
        if scheduling.restart and scheduling.restart.condition == "any":
            message = f"--restart-condition any contradicts --mode {mode}: a job is done when it has ended well"
            yield Issue(ERROR, message, where["condition"], "conflict", "", "say on-failure or none")
        if scheduling.endpoint_mode or draft.lists["ports"]:
            place = where.get("ports") or where["endpoint_mode"]
            yield Issue(ERROR, f"a service with --mode {mode} has no ports", place, "conflict", "", "remove them")
    published = {port.mode for port in draft.lists["ports"]}
    if scheduling.endpoint_mode == "dnsrr" and "ingress" in published:
        message = "--endpoint-mode dnsrr has no address for a port that all nodes share"
        hint = "publish it at the nodes that run it: --publish mode=host,target=80,published=8080"
        yield Issue(ERROR, message, where["ports"], "conflict", "", hint)
    for name in ("configs", "secrets"):
        seen: dict[str, model.FileGrant] = {}
        for grant in draft.lists[name]:
            other = seen.setdefault(grant.target, grant)
            if other is not grant:
                message = f"two files at {grant.target}: the other one is at {other.position}"
                yield Issue(ERROR, message, grant.position, "conflict", "", "give one of them another target")


_GRAMMAR = Grammar(
    shown="docker service create",
    programs=("docker",),
    verbs=(("service", "create"),),
    long=LONG,
    short=SHORT,
    assemble=_assemble,
    provider="swarm",
    example="docker service create --replicas 2 -p 80:80 IMAGE",
    only="only `docker service create` lines say what an app runs; networks and volumes that they name are made when absent",
)


def parse(text: str, file: str, *, read: Read | None = None) -> Run:
    """The workloads of a text, in order. SpecError with all faults; `file` is how messages name the text."""
    return commands.parse(text, file, _GRAMMAR, read)
