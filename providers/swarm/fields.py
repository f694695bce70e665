"""The body of a service as paths and texts, to tell what differs: `env/NAME`, `image`, `replicas`, `config/TARGET`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from atomicapp.providers.docker import labels as marks

_FRIENDLY = {"Args": "command", "Command": "entrypoint", "Mounts": "volumes", "Dir": "workdir"}
_PLAIN = ("image", "command", "entrypoint", "replicas", "Healthcheck", "constraints", "spread", "Hostname", "User")


def fields(body: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The fields of a body, or of what the engine tells of a service in the shape of one, with their values."""
    spec = body.get("spec", {})
    task = spec.get("TaskTemplate", {})
    yield from _container(task.get("ContainerSpec") or {})
    for name, value in (body.get("labels") or {}).items():
        yield f"service-label/{name}", value
    for part, word in (("Limits", "limit"), ("Reservations", "reservation")):
        for name, value in ((task.get("Resources") or {}).get(part) or {}).items():
            yield f"{word}/{name}", value
    placement = task.get("Placement") or {}
    for name, word in (("Constraints", "constraints"), ("MaxReplicas", "replicas-max-per-node")):
        if placement.get(name):
            yield word, placement[name]
    if placement.get("Preferences"):
        yield "spread", [found.get("Spread", {}).get("SpreadDescriptor", "") for found in placement["Preferences"]]
    for network in task.get("Networks") or []:
        yield f"network/{network.get('Target', '')}", network
    for name in ("RestartPolicy", "LogDriver"):
        if task.get(name):
            yield name, task[name]
    yield from _mode(spec.get("Mode") or {})
    for name in ("UpdateConfig", "RollbackConfig"):
        if spec.get(name):
            yield name, spec[name]
    endpoint = spec.get("EndpointSpec") or {}
    if endpoint.get("Mode"):
        yield "endpoint-mode", endpoint["Mode"]
    if endpoint.get("Ports"):
        yield "ports", ", ".join(port_text(port) for port in endpoint["Ports"])
    if body.get("pull"):
        yield "pull", body["pull"]


def _container(found: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in found.items():
        if name == "Env":
            for item in value:
                key, _, text = item.partition("=")
                yield f"env/{key}", text
        elif name == "Labels":
            yield from ((f"label/{key}", text) for key, text in value.items() if not key.startswith(marks.PREFIX))
        elif name == "Image":
            yield "image", value.partition("@")[0]
        elif name in ("Configs", "Secrets"):
            word = name[:-1].lower()
            for grant in value:
                target = (grant.get("File") or {}).get("Name") or "credential-spec"
                yield f"{word}/{target}", {key: text for key, text in grant.items() if not key.endswith("ID")}
        else:
            yield _FRIENDLY.get(name, name), value


def _mode(found: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in found.items():
        count = (value or {}).get("Replicas", (value or {}).get("TotalCompletions"))
        yield "mode", name
        if count is not None:
            yield "replicas", str(count)


def port_text(port: Mapping[str, Any]) -> str:
    """`8080->80/tcp`, and how when it is not by all nodes."""
    published = port.get("PublishedPort")
    text = f"{f'{published}->' if published else ''}{port.get('TargetPort')}/{port.get('Protocol', 'tcp')}"
    return f"{text} ({port['PublishMode']})" if port.get("PublishMode") == "host" else text


def texts(body: Mapping[str, Any]) -> dict[str, str]:
    """The fields with their values as people read them."""
    return {path: marks.as_text(value) for path, value in fields(body)}


def is_plain(path: str) -> bool:
    """Whether the engine tells the value of a field as it was given."""
    return path.startswith(("env/", "label/", "service-label/")) or path in _PLAIN


def hidden(body: Mapping[str, Any], secrets: Iterable[str]) -> list[str]:
    """The paths of the fields that hold one of these secrets."""
    return marks.holding(fields(body), secrets)


def digests(body: Mapping[str, Any]) -> dict[str, str]:
    """A short digest for each field; see `docker.labels`."""
    return marks.digests_of(texts(body), set(body.get("hidden", ())), is_plain)
