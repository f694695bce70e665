"""What becomes of each thing that a Compose file says, on one engine: kept, approximated or lost, never in silence.

A provider has a table with a Rule for every key of the Compose Specification (a `docker run` command is told by the same
keys, and by `--OPTION` where there is none). `judge` looks all that a project says up
in it; a key without a rule counts as lost, and a test refuses tables that lack one. The same tables make
docs/compose.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache

from atomicapp.errors import ERROR, NOTE, WARNING, Issue
from atomicapp.records import NamedTuple
from atomicapp.workload.model import Workload
from atomicapp.workload.project import Project, Said

KEPT = "kept"
APPROXIMATED = "approximated"
LOST = "lost"


class Verdict(NamedTuple):
    """`how` says what it becomes (approximated) or why it is lost."""

    outcome: str
    how: str = ""


Decide = Callable[[Project, Workload | None, Said], Verdict | None]
"""Looks at the values: another verdict than that of the rule, or None. The workload is that of a key of services."""


class Rule(NamedTuple):
    """The verdict of a key, and what may change it; `also` lists the other verdicts that `decide` can come to, for the
    table in the documentation."""

    verdict: Verdict
    decide: Decide | None = None
    also: tuple[Verdict, ...] = ()


class Finding(NamedTuple):
    """What becomes of one thing said."""

    said: Said
    verdict: Verdict


Table = Mapping[str, Rule]


def kept(how: str = "", decide: Decide | None = None, *also: Verdict) -> Rule:
    """A rule of what the engine does as the author said."""
    return Rule(Verdict(KEPT, how), decide, also)


def approximated(how: str, decide: Decide | None = None, *also: Verdict) -> Rule:
    """A rule of what the engine does in another way; `how` says in which."""
    return Rule(Verdict(APPROXIMATED, how), decide, also)


def lost(why: str, decide: Decide | None = None, *also: Verdict) -> Rule:
    """A rule of what the engine can't do."""
    return Rule(Verdict(LOST, why), decide, also)


_UNKNOWN = lost("nothing is known of it here")
_OPTION = lost("only a Docker Engine knows this option")


def judge(project: Project, table: Table) -> tuple[Finding, ...]:
    """A finding for each thing said, in the order of the text. What the reader has made of it goes before the table, but
    for what the engine loses."""
    services = {work.service: work for work in project.services}
    found = []
    for said in project.said:
        rule = table.get(said.key) or (_OPTION if said.key.startswith("--") else _UNKNOWN)
        verdict = rule.verdict
        if rule.decide is not None:
            work = services.get(said.subject) if said.key.startswith("services.") else None
            verdict = rule.decide(project, work, said) or verdict
        if said.outcome and verdict.outcome != LOST:
            verdict = Verdict(said.outcome, said.how)
        found.append(Finding(said, verdict))
    return tuple(found)


def issues_of(findings: Iterable[Finding], provider: str, *, strict: bool = False) -> tuple[Issue, ...]:
    """What is not kept, as warnings (lost) and notes (approximated), where the same of several subjects is told once, at its
    first place; as errors, each at its own place, when `strict`."""
    groups: dict[object, list[Finding]] = {}
    for finding in findings:
        if finding.verdict.outcome != KEPT:
            same = finding if strict else (finding.said.key, finding.verdict)
            groups.setdefault(same, []).append(finding)
    return tuple(_issue(group, provider, strict=strict) for group in groups.values())


_SEVERITY = {LOST: WARNING, APPROXIMATED: NOTE}


def _issue(group: Sequence[Finding], provider: str, *, strict: bool) -> Issue:
    said, verdict = group[0]
    subjects = list(dict.fromkeys(finding.said.subject for finding in group))
    if len(subjects) > MOST_NAMED:
        subjects[MOST_NAMED - 1 :] = [f"{len(subjects) - MOST_NAMED + 1} others"]
    *subjects, last = subjects
    named = f"{', '.join(subjects)} and {last}" if subjects else last
    of = f" of {named}" if named else ""
    message = f"{short(said.key)}{of} is {verdict.outcome} on {provider}: {verdict.how}"
    severity = ERROR if strict else _SEVERITY[verdict.outcome]
    return Issue(severity, message, said.position, verdict.outcome)


MOST_NAMED = 6
"""Subjects of one message; a report has them all."""


@lru_cache(maxsize=1024)
def short(key: str) -> str:
    """A key as an author knows it: without the part that says where it stands."""
    room, dot, rest = key.partition(".")
    return rest if dot and room == "services" else key
