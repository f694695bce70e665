"""Why the server refused: its words, and what they mean for the one who runs the app."""

from __future__ import annotations

import re

from atomicapp.errors import EngineError
from atomicapp.model import Step
from atomicapp.providers.kubernetes.client import Refused

MANAGER = "atomicapp"
_AGAIN = "mend the cause and run the same command again: it goes on where this one ended"
_CONFLICT = re.compile(r'conflict with "(?P<manager>[^"]+)"')
_VALUE = re.compile(r'(Invalid value: )"(?:[^"\\]|\\.)*"')
_CANNOT = re.compile(r'User "(?P<user>[^"]+)" cannot (?P<verb>\S+) resource "(?P<what>[^"]+)"')
_ABSENT = re.compile(r'^namespaces "(?P<name>[^"]+)" not found')
_TERMINATING = re.compile(r"namespace (?P<name>\S+) because it is being terminated")


def of_server(refused: Refused, server: str) -> EngineError:
    """A refusal that concerns the connection as a whole."""
    if refused.status == 401:
        hint = "the token or the certificate is wrong or has expired: log in again, or give --provider-auth TOKEN"
        return EngineError(f"{server} does not know who we are (401 Unauthorized)", hint=hint)
    if refused.status == 403:
        return EngineError(f"{server} forbids: {refused.message}", hint=_rights(refused.message))
    if refused.status == 404:
        hint = "give the address of the API server, without a path"
        return EngineError(f"{server} is no Kubernetes API: it does not know where its kinds are listed", hint=hint)
    return EngineError(f"{server} refused to answer: {refused.message}", hint="see the server's own log for the cause")


def explain(step: Step, refused: Refused, server: str) -> EngineError:
    """The refusal of a step as an error with the cause in plain words, and the next step."""
    if refused.status == 401:
        return of_server(refused, server)
    message, hint = _explain(step, refused)
    resource = step.resource
    return EngineError(
        f"{step.component}: {step.kind} {step.name}: {message}",
        component=step.component,
        position=resource.position if resource else None,
        hint=hint or _AGAIN,
    )


def conflicts(refused: Refused) -> list[tuple[str, str]]:
    """(owner, field) of each field that another manager owns."""
    found = []
    for cause in refused.causes:
        if cause.get("reason") == "FieldManagerConflict":
            match = _CONFLICT.search(str(cause.get("message", "")))
            found.append((match["manager"] if match else "another manager", str(cause.get("field", "")).lstrip(".")))
    return found


def _explain(step: Step, refused: Refused) -> tuple[str, str]:
    text = refused.message
    if step.kind == "Secret":
        text = _VALUE.sub(r"\1(hidden)", text)
    taken = conflicts(refused)
    if taken:
        fields = ", ".join(f"{field} (owned by {manager})" for manager, field in taken)
        return (
            f"others own what it sets: {fields}",
            "leave these fields out of the artifact, or take them with --force-conflicts",
        )
    terminating = _TERMINATING.search(text)
    if terminating:
        return f"the namespace {terminating['name']} is being removed", "wait until it is gone, then make it anew"
    absent = _ABSENT.search(text)
    if absent:
        name = absent["name"]
        return (
            f"there is no namespace '{name}'",
            "make it with --create-namespace, or give --namespace another",
        )
    if "exceeded quota" in text:
        return f"the namespace's quota is used up: {_short(text)}", "ask for less, free something, or raise the quota"
    if refused.status == 403:
        return f"it is forbidden: {_short(text)}", _rights(text)
    if "not declared in schema" in text or "unknown field" in text:
        return (
            f"it has a field that its kind does not know: {_short(text)}",
            "correct the name or the place of the field",
        )
    if refused.causes:
        return "; ".join(
            dict.fromkeys(_cause(step, str(c.get("field", "")), str(c.get("message", ""))) for c in refused.causes)
        ), ""
    return _short(text), ""


def _cause(step: Step, field: str, message: str) -> str:
    text = _VALUE.sub(r"\1(hidden)", message) if step.kind == "Secret" else message
    return f"{field}: {_short(text)}" if field else _short(text)


def _rights(text: str) -> str:
    found = _CANNOT.search(text)
    if found:
        return f"let an administrator grant '{found['user']}' the right to {found['verb']} {found['what']}"
    return "let an administrator grant the right, or use another account"


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 400 else f"{text[:400]}..."
