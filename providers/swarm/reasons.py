"""Why the swarm refused a step: its words, and what they mean for the one who runs the app."""

from __future__ import annotations

import re

from atomicapp.errors import EngineError
from atomicapp.model import Step
from atomicapp.providers.docker.client import Client, Refused

_AGAIN = "mend the cause and run the same command again: it goes on where this one ended"
_NOISE = re.compile(r"rpc error: code = \w+ desc = ")
_PORT = re.compile(r"port '(?P<port>\d+)' is already in use by service '(?P<name>[^']*)' \((?P<id>\w+)\)")

_KNOWN = (
    (
        "could not choose an ip address",
        "the engine has several addresses, and can't choose the one at which other nodes reach it",
        "make the swarm yourself: docker swarm init --advertise-addr ADDRESS",
    ),
    (
        "network with name",
        "a network of that name is there already",
        "give this one another name, or remove that one: docker network rm",
    ),
    ("could not find an available", "the swarm has no free addresses for a network", "docker network prune"),
    ("pool overlaps", "its addresses overlap with those of another network", "give it another subnet"),
    ("invalid mount", "a mount can't be made", "correct the mount of the artifact"),
    ("constraint", "a placement constraint can't be used", "expected one such as node.labels.disk==ssd"),
    ("no such network", "a network that it needs is gone", "run the same command again: it makes the network"),
    ("network not found", "a network that it needs is gone", "run the same command again: it makes the network"),
    ("is in use", "something still uses it", "see `docker service ls`; remove what uses it first"),
    ("active endpoints", "containers still use it", "see `docker network inspect`; stop those containers first"),
)


def one_line(text: str) -> str:
    """The engine's words without the noise of its parts."""
    kept = " ".join(_NOISE.sub("", text).split())
    return kept if len(kept) <= 400 else kept[:397] + "..."


def explain(client: Client, step: Step, error: Refused) -> EngineError:
    """The refusal of a step as an error with the cause in plain words, and the next step."""
    message, hint = _explain(error.message)
    resource = step.resource
    component = f"{step.component}: " if step.component else ""
    return EngineError(
        f"{component}{step.kind} {step.name}: {message}",
        component=step.component,
        position=resource.position if resource else None,
        hint=hint or _AGAIN,
    )


def _explain(text: str) -> tuple[str, str]:
    port = _PORT.search(text)
    if port:
        message = f"port {port['port']} of the swarm is published already, by the service {port['name']}"
        return message, "publish another port, or remove that service"
    lowered = text.lower()
    for words, message, hint in _KNOWN:
        if words in lowered:
            return f"{message}: {one_line(text)}", hint
    return one_line(text), ""
