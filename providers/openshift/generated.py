"""Values that a template lets be generated: made once, kept on the cluster in one Secret of the deployment. Pure.

Objects hold marks where the values are to stand, so that an object is the same in every run and no value is in what we
keep. The values take the place of the marks on the way to the server (session.py).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from atomicapp import document
from atomicapp.model import DATA, Resource
from atomicapp.position import Position
from atomicapp.providers.kubernetes.resources import SECRET, key_of

EXPRESSIONS = "io.atomicapp.generate"
"""On the Secret: what each of its values is drawn from, as JSON by key."""

_MARK = re.compile(r"<io\.atomicapp\.generated(\.json)?/([-._a-zA-Z0-9]+)>")
_PART = re.compile(r"[-_a-zA-Z0-9]+")
_NAME = re.compile(r"[a-z0-9][-a-z0-9]*")
_LONGEST = 200


def mark(key: str, *, as_json: bool = False) -> str:
    """What stands in the place of a value; `as_json` where the value is not to be a text if it need not be one."""
    return f"<io.atomicapp.generated{'.json' if as_json else ''}/{key}>"


def is_marked(text: str) -> bool:
    return _MARK.search(text) is not None


def hidden(text: str, words: str) -> str:
    """A text with other words in the place of all marks."""
    return _MARK.sub(lambda _: words, text)


def told(text: str, app: str) -> str:
    """A text that says where the value is in the place of each mark."""
    return _MARK.sub(lambda match: f"({match[2]} of the Secret {name_for(app)})", text)


def key_for(component: str, template: str, parameter: str) -> str:
    """Where a Secret keeps the value of a parameter: unique in a deployment, the same in every run."""
    key = f"{component}.{template}.{parameter}"
    if _PART.fullmatch(component) and _PART.fullmatch(template) and len(key) <= _LONGEST:
        return key
    return f"{_plain(key, r'[^-._a-zA-Z0-9]+', '.')}.{_digest(f'{component}/{template}/{parameter}')}"


def name_for(app: str) -> str:
    """The name of the Secret of a deployment."""
    name = f"{app}-generated"
    if _NAME.fullmatch(name) and len(name) <= _LONGEST:
        return name
    return f"{_plain(name.lower(), r'[^a-z0-9]+', '-')}-{_digest(name)}"


def _plain(text: str, others: str, instead: str) -> str:
    return re.sub(others, instead, text).strip("-._")[: _LONGEST // 2].rstrip("-._")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def secret(app: str, component: str, expressions: Mapping[str, str], place: Position, order: int) -> Resource:
    """The Secret, with marks for its values. It is data: a database that was set up with a password is worth nothing
    without it."""
    name = name_for(app)
    body = {
        "apiVersion": "v1",
        "kind": SECRET,
        "metadata": {"name": name, "annotations": {EXPRESSIONS: json.dumps(dict(sorted(expressions.items())))}},
        "type": "Opaque",
        "data": {key: _coded(mark(key)) for key in sorted(expressions)},
    }
    return Resource(key_of("v1", SECRET, name), component, SECRET, name, body, place, order, (), DATA)


def expressions_of(body: Mapping[str, Any]) -> dict[str, str]:
    """What the values of a Secret are drawn from; empty for any other object."""
    if body.get("kind") != SECRET:
        return {}
    try:
        found = json.loads((body["metadata"].get("annotations") or {})[EXPRESSIONS])
    except (KeyError, ValueError):
        return {}
    return {str(key): str(text) for key, text in found.items()} if isinstance(found, dict) else {}


def values_of(live: Mapping[str, Any]) -> dict[str, str]:
    """The values that a live Secret holds. What is no text was not put there by us and is left out."""
    found = {}
    for key, coded in (live.get("data") or {}).items():
        text = _text(coded)
        if text is not None:
            found[str(key)] = text
    return found


def keys_in(body: Any) -> frozenset[str]:
    """The keys of all values that an object has marks for, also in the coded data of Secrets."""
    return frozenset(match[2] for text in _texts(body) for match in _MARK.finditer(text))


def fill(body: Any, value: Callable[[str], str]) -> Any:
    """An object with its values in the place of the marks."""
    if isinstance(body, dict):
        filled = {_filled_text(str(name), value): fill(inner, value) for name, inner in body.items()}
        if body.get("kind") == SECRET and isinstance(body.get("data"), dict):
            filled["data"] = {
                _filled_text(str(name), value): _filled_data(coded, value) for name, coded in body["data"].items()
            }
        return filled
    if isinstance(body, list):
        return [fill(item, value) for item in body]
    if not isinstance(body, str):
        return body
    whole = _MARK.fullmatch(body)
    if whole and whole[1]:
        return from_json(value(whole[2]))
    return _filled_text(body, value)


def keeping(body: Mapping[str, Any], values: Mapping[str, str]) -> dict[str, Any]:
    """The Secret with all these values, its own among them."""
    return {**body, "data": {**{key: _coded(text) for key, text in values.items()}, **body["data"]}}


def from_json(text: str) -> Any:
    """What `${{X}}` becomes: the value that a text is in JSON, or the text where it is none."""

    def no_number(word: str) -> Any:
        raise ValueError(word)

    try:
        found = json.loads(text, parse_constant=no_number)
        # numbers without end, half characters: what Python reads and a server does not
        json.dumps(found, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        return text
    return found if _is_flat(found) else text


def _is_flat(value: Any) -> bool:
    """Whether a value is no deeper than documents may be."""
    level = [value]
    for _ in range(document.MAX_DEPTH):
        level = [
            inner
            for item in level
            if isinstance(item, (dict, list))
            for inner in (item.values() if isinstance(item, dict) else item)
        ]
        if not level:
            return True
    return False


def _filled_text(text: str, value: Callable[[str], str]) -> str:
    return _MARK.sub(lambda match: value(match[2]), text)


def _filled_data(coded: Any, value: Callable[[str], str]) -> Any:
    text = _text(coded)
    if text is not None and is_marked(text):
        return _coded(_filled_text(text, value))
    return _filled_text(coded, value) if isinstance(coded, str) else coded


def _coded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _text(coded: Any) -> str | None:
    try:
        return base64.b64decode(str(coded), validate=True).decode()
    except (binascii.Error, ValueError):
        return None


def _texts(body: Any) -> Iterator[str]:
    """Every text of an object, keys too; data of Secrets as it is and as it reads."""
    if isinstance(body, dict):
        for name, inner in body.items():
            yield str(name)
            yield from _texts(inner)
        if body.get("kind") == SECRET and isinstance(body.get("data"), dict):
            for coded in body["data"].values():
                yield _text(coded) or ""
    elif isinstance(body, list):
        for item in body:
            yield from _texts(item)
    elif isinstance(body, str):
        yield body
