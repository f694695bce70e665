"""What Kubernetes takes as names, and what becomes of others. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from atomicapp.digests import sha256_of
from atomicapp.errors import ERROR, Issue
from atomicapp.position import Position

LONGEST = 63
WORKLOAD = 52
"""Characters of a workload's name: its controller adds ten and a dash, and the whole must be the value of a label."""

_BAD = re.compile(r"[^a-z0-9-]+")
_ADDRESS = re.compile(r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
_DATA = re.compile(r"[^A-Za-z0-9._-]+", re.ASCII)
_QUALIFIED = re.compile(
    r"(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?", re.ASCII
)


@lru_cache(maxsize=4096)
def label(text: str, most: int = LONGEST) -> str:
    """A text as the name of an object: small letters, digits and dashes; what is too long ends in a digest."""
    plain = _BAD.sub("-", text.lower()).strip("-")
    if plain and len(plain) <= most:
        return plain
    return f"{plain[: most - 9].rstrip('-')}-{digest([text])[:8]}".lstrip("-")


def address(text: str) -> str:
    """A text as the name of a Service, which begins with a letter."""
    found = label(text)
    return found if found[0].isalpha() else label(f"s-{found}")


def is_address(text: str) -> bool:
    """Whether a name can be that of a Service as it is; DNS makes no difference between small and great letters."""
    return _ADDRESS.fullmatch(text.lower()) is not None


@lru_cache(maxsize=4096)
def is_qualified(text: str) -> bool:
    """Whether a text can be the name of an annotation or a label."""
    return _QUALIFIED.fullmatch(text) is not None


def entry(text: str) -> str:
    """A text as the name of an entry of a ConfigMap or a Secret."""
    found = _DATA.sub("-", text)[:253]
    return found if found not in ("", ".", "..") else "file"


def clashes(kind: str, found: Iterable[tuple[str, str, Position]]) -> list[Issue]:
    """An error for each thing whose name on the cluster is that of another one; takes (key, name, place)."""
    issues = []
    seen: dict[str, str] = {}
    for key, name, place in found:
        other = seen.setdefault(name, key)
        if other != key:
            message = f"the {kind} '{key}' would be called '{name}' on the cluster, as '{other}' is"
            hint = "names there are of small letters, digits and dashes: rename one of them"
            issues.append(Issue(ERROR, message, place, "clash", "", hint))
    return issues


def digest(texts: Iterable[str]) -> str:
    """A digest of texts, as an annotation holds it."""
    return sha256_of("\0".join(texts))[:16]
