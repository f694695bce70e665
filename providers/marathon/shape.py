"""What an app and a group of Marathon may say (versions 0.13 to 1.8): names and kinds of values. Pure.

Written from the public description of its API. A name that is not here is an error: Marathon refuses it, too.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from atomicapp import document
from atomicapp.records import NamedTuple

TEXT, WHOLE, NUMBER, BOOLEAN, ANY = "a text", "a whole number", "a number", "true or false", ""


class Fields(NamedTuple):
    """A mapping with known names."""

    names: Mapping[str, object]


class ListOf(NamedTuple):
    """A list whose items are all of one kind."""

    kind: object


class MapOf(NamedTuple):
    """A mapping with names of the author's choice."""

    kind: object


class OneOf(NamedTuple):
    """A text of these."""

    words: tuple[str, ...]


class Either(NamedTuple):
    """A text of these, or a mapping."""

    text: object
    mapping: Fields


class Between(NamedTuple):
    """A number of a kind, and its bounds."""

    kind: str
    low: int
    high: int


_MOST = 2**31 - 1
PORT, COUNT, AMOUNT = Between(WHOLE, 0, 65535), Between(WHOLE, 0, _MOST), Between(NUMBER, 0, _MOST)

_TEXTS = ListOf(TEXT)
_LABELS = MapOf(TEXT)
_PROTOCOL = OneOf(("tcp", "udp", "udp,tcp", "tcp,udp"))

_MAPPING = Fields(
    {
        **dict.fromkeys(("containerPort", "hostPort", "servicePort"), PORT),
        "name": TEXT,
        "protocol": _PROTOCOL,
        "labels": _LABELS,
        "networkNames": _TEXTS,
    }
)
_DOCKER = Fields(
    {
        "image": TEXT,
        "network": OneOf(("BRIDGE", "HOST", "NONE", "USER")),
        "portMappings": ListOf(_MAPPING),
        "privileged": BOOLEAN,
        "forcePullImage": BOOLEAN,
        "parameters": ListOf(Fields({"key": TEXT, "value": TEXT})),
        "credential": Fields({"principal": TEXT, "secret": TEXT}),
        "pullConfig": Fields({"secret": TEXT}),
    }
)
_VOLUME = Fields(
    {
        "containerPath": TEXT,
        "hostPath": TEXT,
        "mode": OneOf(("RO", "RW")),
        "secret": TEXT,
        "persistent": Fields(
            {
                "size": WHOLE,
                "maxSize": WHOLE,
                "type": OneOf(("root", "path", "mount")),
                "profileName": TEXT,
                "constraints": ListOf(_TEXTS),
            }
        ),
        "external": Fields({"name": TEXT, "provider": TEXT, "size": WHOLE, "options": MapOf(ANY), "shared": BOOLEAN}),
    }
)
_CONTAINER = Fields(
    {
        "type": OneOf(("DOCKER", "MESOS")),
        "docker": _DOCKER,
        "volumes": ListOf(_VOLUME),
        "portMappings": ListOf(_MAPPING),
        "appc": Fields({"image": TEXT, "id": TEXT, "labels": _LABELS, "forcePullImage": BOOLEAN}),
        "linuxInfo": ANY,
    }
)
_HEALTH = Fields(
    {
        "protocol": OneOf(("HTTP", "HTTPS", "TCP", "COMMAND", "MESOS_TCP", "MESOS_HTTP", "MESOS_HTTPS")),
        "path": TEXT,
        "command": Fields({"value": TEXT}),
        "ignoreHttp1xx": BOOLEAN,
        **dict.fromkeys(("portIndex", "gracePeriodSeconds", "intervalSeconds", "timeoutSeconds"), COUNT),
        "port": PORT,
        "maxConsecutiveFailures": COUNT,
        "delaySeconds": COUNT,
        "ipProtocol": OneOf(("IPv4", "IPv6")),
    }
)
_READINESS = Fields(
    {
        "name": TEXT,
        "protocol": OneOf(("HTTP", "HTTPS")),
        "path": TEXT,
        "portName": TEXT,
        "intervalSeconds": WHOLE,
        "timeoutSeconds": WHOLE,
        "preserveLastResponse": BOOLEAN,
        "httpStatusCodesForReady": ListOf(WHOLE),
    }
)
_FETCH = Fields({"uri": TEXT, "cache": BOOLEAN, "executable": BOOLEAN, "extract": BOOLEAN, "destPath": TEXT})
_NETWORK = Fields({"name": TEXT, "mode": OneOf(("container", "container/bridge", "host")), "labels": _LABELS})
_PORT = Fields({"port": PORT, "name": TEXT, "protocol": _PROTOCOL, "labels": _LABELS})
_ADDRESS = Fields({"networkName": TEXT, "groups": _TEXTS, "labels": _LABELS, "discovery": ANY})

APP = Fields(
    {
        **dict.fromkeys(("id", "cmd", "user", "executor", "version", "role"), TEXT),
        **dict.fromkeys(("cpus", "mem", "disk", "backoffFactor"), AMOUNT),
        **dict.fromkeys(("instances", "gpus", "backoffSeconds", "maxLaunchDelaySeconds"), COUNT),
        "taskKillGracePeriodSeconds": COUNT,
        "networkBandwidth": WHOLE,
        "requirePorts": BOOLEAN,
        "tty": BOOLEAN,
        **dict.fromkeys(("args", "dependencies", "uris", "acceptedResourceRoles", "storeUrls"), _TEXTS),
        "env": MapOf(Either(TEXT, Fields({"secret": TEXT}))),
        "labels": _LABELS,
        "ports": ListOf(PORT),
        "constraints": ListOf(_TEXTS),
        "container": _CONTAINER,
        "healthChecks": ListOf(_HEALTH),
        "readinessChecks": ListOf(_READINESS),
        "check": ANY,
        "fetch": ListOf(_FETCH),
        "ipAddress": _ADDRESS,
        "networks": ListOf(_NETWORK),
        "portDefinitions": ListOf(_PORT),
        "versionInfo": ANY,
        "secrets": MapOf(Fields({"source": TEXT})),
        "upgradeStrategy": Fields({"minimumHealthCapacity": NUMBER, "maximumOverCapacity": NUMBER}),
        "residency": Fields({"relaunchEscalationTimeoutSeconds": WHOLE, "taskLostBehavior": TEXT}),
        "unreachableStrategy": Either(
            OneOf(("disabled",)), Fields({"inactiveAfterSeconds": WHOLE, "expungeAfterSeconds": WHOLE})
        ),
        "killSelection": OneOf(("YOUNGEST_FIRST", "OLDEST_FIRST")),
        "executorResources": Fields({"cpus": NUMBER, "mem": NUMBER, "disk": NUMBER}),
        "resourceLimits": ANY,
        "taskStats": ANY,
    }
)
GROUP = ("id", "apps", "groups", "dependencies", "version", "enforceRole")
"""What a group may say. Its apps and groups are read one by one."""

# what Marathon writes into an app that it tells, and what is no part of what is wanted
TOLD = (
    *("version", "versionInfo", "tasks", "tasksStaged", "tasksRunning", "tasksHealthy", "tasksUnhealthy", "taskStats"),
    *("deployments", "lastTaskFailure", "readinessCheckResults"),
)

Say = Callable[[document.Node, str, str, str], None]
"""Told of a fault: its node, the message, a code, a hint."""

_TAG = "tag:yaml.org,2002:"
_LONGEST = 20
"""Characters of a number that are shown."""


def check(node: document.Node, kind: object, name: str, say: Say) -> None:
    """Say all that is wrong with a node that should be of a kind; what is null counts as absent."""
    if kind == ANY or document.is_null(node):
        return
    if isinstance(kind, Either):
        check(node, kind.mapping if isinstance(node, document.MappingNode) else kind.text, name, say)
    elif isinstance(kind, Fields):
        _fields(node, kind, name, say)
    elif isinstance(kind, MapOf):
        if not isinstance(node, document.MappingNode):
            say(node, f"{name} is {shown(node)}, and a mapping is expected", "shape", "")
            return
        for key, value in document.items(node):
            check(value, kind.kind, f"{name}.{key.value}", say)
    elif isinstance(kind, ListOf):
        if not isinstance(node, document.SequenceNode):
            say(node, f"{name} is {shown(node)}, and a list is expected", "shape", "")
            return
        for number, item in enumerate(document.elements(node)):
            check(item, kind.kind, f"{name}[{number}]", say)
    elif isinstance(kind, OneOf):
        if not isinstance(node, document.ScalarNode) or node.value not in kind.words:
            found = f"'{node.value}'" if isinstance(node, document.ScalarNode) else shown(node)
            say(
                node,
                f"{name} is {found}",
                "value",
                _near(str(node.value), kind.words) or f"one of {', '.join(kind.words)}",
            )
    elif isinstance(kind, Between):
        _number(node, kind, name, say)
    elif not _is(node, str(kind)):
        hint = "put it in quotes" if kind == TEXT and isinstance(node, document.ScalarNode) else ""
        say(node, f"{name} is {shown(node)}, and {kind} is expected", "shape", hint)


def _number(node: document.Node, kind: Between, name: str, say: Say) -> None:
    if not _is(node, kind.kind):
        say(node, f"{name} is {shown(node)}, and {kind.kind} is expected", "shape", "")
        return
    value = document.plain(node)
    # digits without end are left a text; what is no number (.nan) is between no bounds
    if isinstance(value, str) or not kind.low <= value <= kind.high:
        text = str(document.text_of(node))
        found = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
        say(node, f"{name} is {found}, and {kind.kind} from {kind.low} to {kind.high} is expected", "value", "")


def _fields(node: document.Node, kind: Fields, name: str, say: Say) -> None:
    if not isinstance(node, document.MappingNode):
        say(node, f"{name} is {shown(node)}, and a mapping is expected", "shape", "")
        return
    for key, value in document.items(node):
        inner = kind.names.get(key.value)
        where = f"{name}.{key.value}" if name else str(key.value)
        if inner is None:
            unknown(key, where, kind.names, say)
        else:
            check(value, inner, where, say)


def unknown(key: document.Node, where: str, names: Mapping[str, object] | tuple[str, ...], say: Say) -> None:
    """Say that a name is none, and which one may be meant."""
    known = f"known here: {', '.join(sorted(names))}" if len(names) < 12 else "see Marathon's description of its API"
    say(key, f"{where} is no field that Marathon knows", "unknown-key", _near(str(key.value), names) or known)


def _near(text: str, names: Mapping[str, object] | tuple[str, ...]) -> str:
    lower = {name.lower(): name for name in names}
    close = difflib.get_close_matches(text.lower(), lower, 1)
    return f"did you mean '{lower[close[0]]}'?" if close else ""


def _is(node: document.Node, kind: str) -> bool:
    if not isinstance(node, document.ScalarNode):
        return False
    tag = node.tag.removeprefix(_TAG)
    if kind == TEXT:
        return tag not in ("int", "float", "bool")
    return tag in {WHOLE: ("int",), NUMBER: ("int", "float"), BOOLEAN: ("bool",)}[kind]


def shown(node: document.Node) -> str:
    """What a node is, as messages say it."""
    if isinstance(node, document.SequenceNode):
        return "a list"
    if isinstance(node, document.MappingNode):
        return "a mapping"
    words = {"int": "a number", "float": "a number", "bool": "true or false", "null": "nothing"}
    return words.get(node.tag.removeprefix(_TAG), "a text")


def without_nulls(value: Any) -> Iterator[tuple[str, Any]]:
    """The items of a mapping that say something."""
    for name, inner in value.items():
        if inner is not None:
            yield name, dict(without_nulls(inner)) if isinstance(inner, dict) else inner
