"""Why Marathon refused, and what to do, in plain words. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from atomicapp.errors import EngineError
from atomicapp.model import Step
from atomicapp.providers.marathon.client import Refused
from atomicapp.workload import values

_SAME = "mend the cause and run the same command again"


def explain(step: Step, refused: Refused, where: str) -> EngineError:
    """A step was refused."""
    hint = _SAME
    message = refused.message
    if refused.status == 401:
        return of_server(refused, where)
    if refused.status == 403:
        hint = "ask for the right to change apps of that group, or run as another user (--provider-auth)"
    elif refused.status == 409:
        locks = ", ".join(refused.deployments)
        message = f"other deployments are at work on it ({locks})" if locks else message
        hint = locked_hint(refused.deployments)
    elif refused.status == 422 and any("ersistent volumes can not be changed" in text for text in refused.details):
        hint = "volumes and what is reserved with them can't be changed: save the data and remove the app first"
    return EngineError(
        f"{step.component}: Marathon refuses to {step.op} {step.kind} {step.name}: {message}",
        component=step.component,
        position=step.resource.position if step.resource else None,
        hint=hint,
        details=refused.details,
    )


def locked_hint(deployments: Sequence[str]) -> str:
    """What to do about deployments that hold an app."""
    one = deployments[0] if deployments else "ID"
    return f"wait for them, undo them (DELETE /v2/deployments/{one}), or let this command take their place: --force-conflicts"


def of_server(refused: Refused, where: str) -> EngineError:
    """What only reads was refused."""
    if refused.status == 401:
        return EngineError(
            f"Marathon at {where} does not know who asks: {refused.message}",
            hint="give --provider-auth USER:PASSWORD, or a token",
        )
    if refused.status == 403:
        return EngineError(
            f"Marathon at {where} does not let this user read: {refused.message}",
            hint="ask for the right to view apps, or give another --provider-auth",
        )
    if refused.status == 404:
        return EngineError(
            f"{where} is no Marathon: {refused.message}", hint="see that the address is right (--provider-api)"
        )
    if 300 <= refused.status < 400:
        return EngineError(
            f"Marathon at {where} does not answer itself: {refused.message}",
            hint="no request is sent on, so that no password goes to a place that was not named",
        )
    if refused.status in (502, 503, 504):
        return EngineError(
            f"Marathon at {where} can't answer now: {refused.message}",
            hint="it may be choosing a leader: try again, and see its log if that lasts",
        )
    return EngineError(f"Marathon at {where} refused to answer: {refused.message}", hint="see the log of Marathon")


# ---------------------------------------------------------------- the queue

_WORDS = {
    "InsufficientCpus": "too few cpus",
    "InsufficientMemory": "too little memory",
    "InsufficientDisk": "too little disk",
    "InsufficientGpus": "too few gpus",
    "InsufficientPorts": "a port that it wants is taken",
    "UnfulfilledConstraint": "a constraint is not met",
    "UnmatchedConstraint": "a constraint is not met",
    "UnfulfilledRole": "resources are reserved for another role",
    "UnmatchedRole": "resources are reserved for another role",
    "NoCorrespondingReservationFound": "it is no agent that holds its volume",
    "AgentMaintenance": "the agent is in maintenance",
    "DeclinedScarceResources": "resources that are scarce are kept for others",
}


def waiting(entry: Mapping[str, Any], app: Mapping[str, Any]) -> str:
    """Why an app that waits in the queue is not launched: nothing fits, or it is delayed after failures."""
    delay = entry.get("delay") or {}
    left = delay.get("timeLeftSeconds") or 0
    if left and not delay.get("overdue"):
        return f"the next launch is delayed for {values.duration_text(int(left) * 10**9)}, for its tasks have failed"
    reasons = _rejected(entry)
    needs = f"{app.get('cpus', 1):g} cpus, {app.get('mem', 128):g} MB"
    if not reasons:
        return f"waiting for resources: no offer of an agent fits yet (it needs {needs})"
    said = ", ".join(
        f"{reason} ({_WORDS[reason]}) {count} times" if reason in _WORDS else f"{reason} {count} times"
        for reason, count in reasons.items()
    )
    return f"waiting for resources: it needs {needs}, and offers were turned down for {said}"


def _rejected(entry: Mapping[str, Any]) -> dict[str, int]:
    """Reason and number of the offers that were turned down last, as either form of the queue tells them."""
    summary = entry.get("processedOffersSummary") or {}
    steps = summary.get("rejectSummaryLastOffers") or summary.get("rejectSummaryLaunchAttempt") or []
    found = {str(step.get("reason", "?")): int(step.get("declined") or 0) for step in steps if isinstance(step, dict)}
    older = (entry.get("unusedOfferSummary") or {}).get("rejectReason") or {}
    return {reason: count for reason, count in {**older, **found}.items() if count}
