"""From a project of the neutral model to Kubernetes objects. Pure.

    facts        what services are to each other: pods, kinds, order, addresses
    pods         a pod, of containers (probes, security, amounts, files, volumes) and its placement; waiting in front
    controllers  what runs it; services and policies how it is reached
    names        what Kubernetes takes as names; around what is not said in the file,
                 steering the labels that choose
    rules        what becomes of each key of a Compose file: the table; deciding and verdicts look at values

`write` brings them together. The objects are plain values; nobody changes them afterwards.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from atomicapp.errors import Issue
from atomicapp.providers.kubernetes.writer import (
    controllers,
    files,
    names,
    policies,
    services,
    steering,
    volumes,
    waiting,
)
from atomicapp.providers.kubernetes.writer import facts as finding
from atomicapp.providers.kubernetes.writer.around import Around, Object, holder
from atomicapp.providers.kubernetes.writer.facts import Facts
from atomicapp.providers.kubernetes.writer.pods import Pod
from atomicapp.records import NamedTuple
from atomicapp.workload import model
from atomicapp.workload.project import Project

__all__ = ["Around", "Object", "Written", "write"]

SHARED = ""


class Written(NamedTuple):
    """What a project becomes: the objects of its services one by one in the order of the file, after those that several
    may use. `issues` has an error for all that can't be."""

    objects: tuple[Object, ...]
    issues: tuple[Issue, ...]


def write(project: Project, around: Around) -> Written:
    """The objects of a project."""
    facts = finding.of(project)
    around = _with_own_secrets(project, around)
    issues = [*facts.issues, *_clashes(project), *steering.check(project)]
    shared = [*files.objects(project, around), *volumes.claims(facts, around)]
    waited = (name for root in facts.members for name in waiting.awaited(root, facts)) if around.waiting else ()
    by_service: dict[str, list[Object]] = {root: [] for root in facts.members}
    for found in (
        _workloads(facts, around),
        services.objects(facts, around, frozenset(waited)),
        policies.objects(facts, around),
    ):
        for item in found:
            (by_service[item.service] if item.service else shared).append(item)
    return Written((*shared, *(item for objects in by_service.values() for item in objects)), tuple(issues))


def _with_own_secrets(project: Project, around: Around) -> Around:
    """So that what the file itself keeps secret is kept so wherever it stands, too."""
    own = {spec.content.strip() for spec in project.secrets.values() if spec.content}
    if not own:
        return around
    holds, given = holder(own), around.holds_secret
    return around._replace(holds_secret=lambda text: given(text) or holds(text))


def _clashes(project: Project) -> Iterator[Issue]:
    for kind, found in (("volume", project.volumes), ("config", project.configs), ("secret", project.secrets)):
        own = [(key, names.label(spec.name or key), spec.position) for key, spec in found.items() if not spec.external]
        yield from names.clashes(kind, own)


def _workloads(facts: Facts, around: Around) -> Iterator[Object]:
    apart = policies.isolated(facts.project)
    followed = {item.target for work in facts.project.services for item in work.depends_on if item.restart}
    templates: dict[str, str] = {}
    for root in sorted(facts.members, key=lambda name: facts.levels[name]):
        works = facts.members[root]
        pod = Pod(root, facts, around, policies.pod_labels(root, facts) if apart else {})
        after: dict[str, None] = {}
        waits: dict[str, None] = {}
        for work in works:
            for item in work.depends_on:
                other = facts.roots.get(item.target, root)
                if other == root:
                    continue
                after[other] = None
                if item.required and item.condition != model.STARTED:
                    waits[other] = None
                if item.restart and other in templates:
                    pod.notes[f"checksum/{facts.names[other]}"] = templates[other]
        body = controllers.workload(root, pod, facts, around)
        if not followed.isdisjoint(work.service for work in works):
            templates[root] = names.digest([json.dumps(pod.template(), sort_keys=True)])
        yield from pod.extra
        yield Object(body, works[0].position, root, facts.levels[root] + 1, tuple(after), tuple(waits))
