"""The small languages of single values that Compose has beside those of `values`. Functions as there."""

from __future__ import annotations

import re
from functools import partial

from atomicapp.document import Node
from atomicapp.workload import values
from atomicapp.workload.compose.context import Context
from atomicapp.workload.compose.kinds import INT

_TRUE = frozenset({"true", "yes", "y", "on"})
_FALSE = frozenset({"false", "no", "n", "off"})
_WHOLE_FLOAT = re.compile(r"([+-]?\d+)\.0+", re.ASCII)
_NAME = re.compile(r"[a-zA-Z0-9._-]+", re.ASCII)
_CONTAINER = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+", re.ASCII)
_PROJECT = re.compile(r"[a-z0-9][a-z0-9_-]*", re.ASCII)
_PULL_EVERY = re.compile(r"every_(\d+[wdhms])+", re.ASCII)
_PULL_TIMES = ("daily", "weekly", "refresh")
_PULL = ("always", "never", "build", "if_not_present", "missing", *_PULL_TIMES)
_SECOND = 1000**3


def boolean(text: str) -> bool:
    """What Compose takes for true and false."""
    low = text.lower()
    if low in _TRUE:
        return True
    if low in _FALSE:
        return False
    raise ValueError("expected true or false")


def whole(text: str) -> int:
    """A whole number."""
    match = _WHOLE_FLOAT.fullmatch(text)
    return values.integer(match[1] if match else text)


def natural(text: str) -> int:
    """A whole number of 0 or more."""
    found = whole(text)
    if found < 0:
        raise ValueError("expected a whole number of 0 or more")
    return found


def positive(text: str) -> int:
    """A whole number of 1 or more."""
    found = whole(text)
    if found < 1:
        raise ValueError("expected a whole number of 1 or more")
    return found


def between(low: int, high: int, text: str) -> int:
    """A whole number from low to high."""
    found = whole(text)
    if not low <= found <= high:
        raise ValueError(f"expected a number from {low} to {high}")
    return found


def ratio(text: str) -> float:
    """A share from 0 to 1."""
    found = values.processors(text) / _SECOND
    if found > 1:
        raise ValueError("expected a share from 0 to 1")
    return found


def seconds(text: str) -> int:
    """A duration in whole seconds; a part of one counts as one."""
    return -(-values.duration(text) // _SECOND)


def microseconds(text: str) -> int:
    """A number of microseconds, or a duration."""
    return natural(text) if text.isdigit() else values.duration(text) // 1000


def mode(context: Context, node: Node, text: str) -> int:
    """Permission bits: octal in a text or after a zero, as a number else what the number is."""
    octal = text.removeprefix("0o")
    if node.tag == INT and not text.startswith("0"):
        bits = values.integer(text)
    elif re.fullmatch(r"[0-7]{1,6}", octal, re.ASCII):
        bits = int(octal, 8)
    else:
        raise ValueError("expected a mode in octal such as 0440")
    if not 0 <= bits <= 0o7777:
        raise ValueError("expected a mode in octal such as 0440")
    return bits


def words(text: str) -> tuple[str, ...]:
    """The words of a command, split as a shell does."""
    if "\0" in text:
        raise ValueError("a NUL character can't be passed to a container")
    import shlex

    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        raise ValueError(f"can't be split into words: {str(error).lower()}") from None


def name(text: str) -> str:
    """The key of a service, network, volume, config or secret."""
    if not _NAME.fullmatch(text):
        raise ValueError("expected a name of letters, digits, '_', '.' and '-'")
    return text


def container_name(text: str) -> str:
    """The name of a container."""
    if not _CONTAINER.fullmatch(text):
        raise ValueError("expected a name of two or more letters, digits, '_', '.' and '-'")
    return text


def project_name(text: str) -> str:
    """The name of a project."""
    if not _PROJECT.fullmatch(text):
        raise ValueError("expected a name of lower case letters, digits, '_' and '-'")
    return text


def pull_policy(text: str) -> str:
    """When the image is fetched."""
    if text not in _PULL and not _PULL_EVERY.fullmatch(text):
        raise ValueError(f"expected one of {', '.join(_PULL)}, or every_ with a time such as every_12h")
    return text


def count(text: str) -> int:
    """A number of devices; -1 is all."""
    return -1 if text == "all" else natural(text)


def namespace(kinds: tuple[str, ...], text: str) -> str:
    """One of some words, service:NAME or container:NAME."""
    first, colon, last = text.partition(":")
    if colon and first in ("service", "container"):
        if not last:
            raise ValueError(f"{first}: needs a name after the colon")
        return text
    if text not in kinds:
        raise ValueError(f"expected one of {', '.join(kinds)}, service:NAME or container:NAME")
    return text


pid = partial(namespace, ("host", "private"))
ipc = partial(namespace, ("host", "private", "shareable", "none"))
