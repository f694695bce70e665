"""App definitions: their ids, what is filled in, and what is wrong with them, as the API description has it."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from typing import Any

Spec = dict[str, Any]
Detail = dict[str, Any]

_PART = r"(?:[a-z0-9]|[a-z0-9][a-z0-9-]*[a-z0-9])(?:\.(?:[a-z0-9]|[a-z0-9][a-z0-9-]*[a-z0-9]))*"
_ID = re.compile(rf"/?(?:(?:\.\.|{_PART})(?:/|\Z))+")
_STATUS = frozenset(
    (
        *("tasks", "tasksStaged", "tasksRunning", "tasksHealthy", "tasksUnhealthy", "deployments", "lastTaskFailure"),
        *("version", "versionInfo", "taskStats", "readinessCheckResults"),
    )
)
_TYPES: dict[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("id", "cmd", "executor", "user", "role", "killSelection"), str),
    **dict.fromkeys(("cpus", "mem", "disk", "backoffFactor"), (int, float)),
    **dict.fromkeys(
        ("instances", "gpus", "backoffSeconds", "maxLaunchDelaySeconds", "taskKillGracePeriodSeconds"), int
    ),
    **dict.fromkeys(("env", "labels", "container", "upgradeStrategy", "residency", "secrets", "ipAddress"), dict),
    **dict.fromkeys(
        ("args", "constraints", "dependencies", "healthChecks", "fetch", "uris", "ports", "networks"), list
    ),
    **dict.fromkeys(("portDefinitions", "acceptedResourceRoles", "readinessChecks", "storeUrls"), list),
    **dict.fromkeys(("requirePorts", "tty"), bool),
    "unreachableStrategy": (dict, str),
    "executorResources": dict,
    "check": dict,
}
_OPERATORS = ("UNIQUE", "CLUSTER", "GROUP_BY", "LIKE", "UNLIKE", "MAX_PER", "IS")


class BadError(Exception):
    """400 for what is no app definition, 422 for one that can't be."""

    def __init__(self, status: int, message: str, details: list[Detail]) -> None:
        super().__init__(message)
        self.status, self.message, self.details = status, message, details


def canonical(path: str, base: str = "/") -> str:
    """An absolute id; relative ones are below `base`."""
    parts = [] if path.startswith("/") else [part for part in base.split("/") if part]
    for part in path.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part:
            parts.append(part)
    return "/" + "/".join(parts)


def read(body: Any, number: tuple[int, int], base: str = "/") -> Spec:
    """An app definition with all that is filled in. BadError."""
    if not isinstance(body, dict):
        raise BadError(400, "Invalid JSON", [{"path": "/", "errors": ["error.expected.jsobject"]}])
    wrong = list(_wrong_types(body))
    if wrong:
        raise BadError(400, "Invalid JSON", wrong)
    bad = list(_bad_values(body))
    if bad:
        raise BadError(422, "Object is not valid", bad)
    return _filled(copy.deepcopy({name: value for name, value in body.items() if name not in _STATUS}), number, base)


def _wrong_types(body: Spec) -> Iterator[Detail]:
    names = {str: "jsstring", int: "jsnumber", dict: "jsobject", list: "jsarray", bool: "jsboolean"}
    for name, value in body.items():
        wanted = _TYPES.get(name)
        if wanted is None:
            if name not in _STATUS:
                yield {"path": f"/{name}", "errors": ["is not a known field"]}
        elif value is not None and (not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool)):
            first = wanted[0] if isinstance(wanted, tuple) else wanted
            yield {"path": f"/{name}", "errors": [f"error.expected.{names[first]}"]}
    for name, value in (body.get("env") or {}).items() if isinstance(body.get("env"), dict) else ():
        if not isinstance(value, (str, dict)):
            yield {"path": f"/env/{name}", "errors": ["error.expected.jsstring"]}
    for name, value in (body.get("labels") or {}).items() if isinstance(body.get("labels"), dict) else ():
        if not isinstance(value, str):
            yield {"path": f"/labels/{name}", "errors": ["error.expected.jsstring"]}


def _bad_values(body: Spec) -> Iterator[Detail]:
    path = body.get("id")
    if not path or not _ID.fullmatch(path):
        yield {"path": "/id", "errors": [f"must fully match regular expression '{_ID.pattern}'"]}
    if body.get("cmd") and body.get("args"):
        yield {
            "path": "/",
            "errors": ["AppDefinition must either contain one of 'cmd' or 'args', and/or a 'container'."],
        }
    if not body.get("cmd") and not body.get("args") and not body.get("container"):
        yield {
            "path": "/",
            "errors": ["AppDefinition must either contain one of 'cmd' or 'args', and/or a 'container'."],
        }
    for name, least in (("cpus", 0), ("mem", 0), ("disk", 0), ("instances", 0), ("backoffFactor", 1)):
        if name in body and body[name] is not None and body[name] < least:
            yield {"path": f"/{name}", "errors": [f"got {body[name]}, expected {least} or more"]}
    strategy = body.get("upgradeStrategy") or {}
    for name in ("minimumHealthCapacity", "maximumOverCapacity"):
        if strategy.get(name, 0) > 1:
            yield {"path": f"/upgradeStrategy/{name}", "errors": ["is greater than 1"]}
    for place, constraint in enumerate(body.get("constraints") or ()):
        if len(constraint) < 2 or constraint[1] not in _OPERATORS:
            yield {"path": f"/constraints({place})", "errors": ["Constraint operator must be one of the following"]}
    container = body.get("container") or {}
    docker = container.get("docker") or {}
    if container.get("type", "DOCKER") == "DOCKER" and container and not docker.get("image"):
        yield {"path": "/container/docker/image", "errors": ["is not defined"]}
    persistent = [volume for volume in container.get("volumes") or () if volume.get("persistent")]
    for volume in persistent:
        if "/" in volume["containerPath"]:
            yield {"path": "/container/volumes", "errors": ["containerPath of a persistent volume must not hold '/'"]}
    if persistent and (strategy.get("maximumOverCapacity") or strategy.get("minimumHealthCapacity", 0) > 0.5):
        yield {"path": "/upgradeStrategy", "errors": ["is too large for an app with persistent volumes"]}
    ports = [mapping.get("name") for mapping in container.get("portMappings") or docker.get("portMappings") or ()]
    named = [name for name in ports if name]
    if len(named) != len(set(named)):
        yield {"path": "/container/portMappings", "errors": ["Port names must be unique."]}
    for place, check in enumerate(body.get("healthChecks") or ()):
        if check.get("protocol") == "COMMAND" and not (check.get("command") or {}).get("value"):
            yield {"path": f"/healthChecks({place})/command", "errors": ["is not defined"]}


def _filled(spec: Spec, number: tuple[int, int], base: str) -> Spec:
    spec = {name: value for name, value in spec.items() if value is not None}
    spec["id"] = canonical(spec["id"], base)
    defaults = {
        "cpus": 1,
        "mem": 128,
        "disk": 0,
        "gpus": 0,
        "instances": 1,
        "executor": "",
        "labels": {},
        "env": {},
        "backoffSeconds": 1,
        "backoffFactor": 1.15,
        "maxLaunchDelaySeconds": 300,
        "constraints": [],
        "fetch": [],
        "dependencies": [],
        "healthChecks": [],
        "requirePorts": False,
        "killSelection": "YOUNGEST_FIRST",
    }
    for name, value in defaults.items():
        spec.setdefault(name, value)
    for name in ("cpus", "mem", "disk"):
        spec[name] = int(spec[name]) if float(spec[name]).is_integer() else spec[name]
    parent = spec["id"].rpartition("/")[0] or "/"
    spec["dependencies"] = [canonical(path, parent) for path in spec["dependencies"]]
    container = spec.get("container")
    resident = False
    if container:
        container.setdefault("type", "DOCKER")
        volumes = container.setdefault("volumes", [])
        for volume in volumes:
            if "persistent" in volume:
                resident = True
                volume["persistent"] = {"type": "root", "constraints": [], **volume["persistent"]}
        docker = container.get("docker")
        if docker is not None:
            for name, value in (("forcePullImage", False), ("privileged", False), ("parameters", [])):
                docker.setdefault(name, value)
            _network(spec, container, docker, number)
    spec["fetch"] += [
        {"uri": uri, "cache": False, "executable": False, "extract": True} for uri in spec.pop("uris", [])
    ]
    over, least = (0, 0.5) if resident else (1, 1)
    spec["upgradeStrategy"] = {
        "maximumOverCapacity": over,
        "minimumHealthCapacity": least,
        **spec.get("upgradeStrategy", {}),
    }
    for check in spec["healthChecks"]:
        for name, value in {
            "protocol": "HTTP",
            "gracePeriodSeconds": 300,
            "intervalSeconds": 60,
            "maxConsecutiveFailures": 3,
            "timeoutSeconds": 20,
            "delaySeconds": 15,
            "ipProtocol": "IPv4",
        }.items():
            check.setdefault(name, value)
        if "HTTP" in check["protocol"]:
            check.setdefault("path", "/")
    return spec


def _network(spec: Spec, container: Spec, docker: Spec, number: tuple[int, int]) -> None:
    mappings = container.pop("portMappings", None) or docker.pop("portMappings", None) or []
    for mapping in mappings:
        for name, value in (("containerPort", 0), ("hostPort", 0), ("servicePort", 0), ("protocol", "tcp")):
            mapping.setdefault(name, value)
        mapping.setdefault("labels", {})
    if number >= (1, 5):
        old = docker.pop("network", "")
        address = spec.pop("ipAddress", None) or {}
        modes: dict[str, Spec] = {
            "BRIDGE": {"mode": "container/bridge"},
            "HOST": {"mode": "host"},
            "USER": {"mode": "container", "name": address.get("networkName", "")},
        }
        if old in modes:
            spec["networks"] = [modes[old]]
        elif "networks" not in spec and old != "NONE":
            spec["networks"] = [{"mode": "container/bridge"} if mappings else {"mode": "host"}]
        container["portMappings"] = mappings
    else:
        docker["portMappings"] = mappings
        docker.setdefault("network", "BRIDGE" if mappings else "HOST")


def mappings_of(spec: Spec) -> list[Spec]:
    """The port mappings of an app, whichever form its server keeps."""
    container = spec.get("container") or {}
    found: list[Spec] = container.get("portMappings") or (container.get("docker") or {}).get("portMappings") or []
    return found


def is_resident(spec: Spec) -> bool:
    return any("persistent" in volume for volume in (spec.get("container") or {}).get("volumes", ()))


def mode_of(spec: Spec) -> tuple[str, str]:
    """The mode of an app's network (`host`, `bridge`, `container`, `none`), and its name."""
    networks = spec.get("networks") or []
    if networks:
        mode = networks[0].get("mode", "container")
        return {"container/bridge": "bridge"}.get(mode, mode), networks[0].get("name", "")
    old = ((spec.get("container") or {}).get("docker") or {}).get("network", "NONE")
    name = (spec.get("ipAddress") or {}).get("networkName", "")
    return {"BRIDGE": "bridge", "HOST": "host", "USER": "container", "NONE": "none"}[old], name
