"""The ids of apps. Pure.

An app keeps the id that its artifact gives: an absolute one as it is, a relative one below the root, as Marathon itself
takes it, or below the group `/NAMESPACE` where the deployment has a namespace. What gives no id, and the services of a Compose
file, are in the group of their deployment: `/APP/NAME`, in nested apps `/APP/PATH/NAME`.
"""

from __future__ import annotations

import re

_PART = re.compile(r"(?:[a-z0-9]|[a-z0-9][a-z0-9-]*[a-z0-9])(?:\.(?:[a-z0-9]|[a-z0-9][a-z0-9-]*[a-z0-9]))*")
_BAD = re.compile(r"[^a-z0-9.-]+")
RULE = "lower-case letters, digits, '-' and '.' between slashes, with a letter or digit at both ends of each part"
DEFAULT_NAMESPACE = "default"


def is_valid(path: str) -> bool:
    """Whether Marathon takes an id (relative ones may begin with `..`)."""
    parts = path.removeprefix("/").split("/")
    return bool(path.strip("/")) and all(part == ".." or _PART.fullmatch(part) for part in parts)


def absolute(path: str, group: str) -> str:
    """An id as it is from the root; relative ones are below a group."""
    parts = [] if path.startswith("/") else [part for part in group.split("/") if part]
    for part in path.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part:
            parts.append(part)
    return "/" + "/".join(parts)


def parent(path: str) -> str:
    """The group that an app or a group is in."""
    return path.rpartition("/")[0] or "/"


def clean(text: str) -> str:
    """A text without what an id can't hold."""
    found = _BAD.sub("-", text.lower()).strip("-.")
    return re.sub(r"[-.]*\.[-.]*", ".", found) or "app"


def group_of(namespace: str) -> str:
    """The group of relative ids."""
    return "/" if namespace in ("", DEFAULT_NAMESPACE) else absolute(namespace, "/")


def own(app: str, scope: str, name: str) -> str:
    """The id of what has none: in the group of its deployment. `scope` is that of the component."""
    return "/" + "/".join(clean(part) for part in (app, *scope.split(":")[:-1], name))
