"""The names of things in the swarm. Pure.

Services of a Compose file are `APP_SERVICE` (`APP_COMPONENT-SERVICE` where an earlier component has one of that name), its
networks and volumes `APP_KEY`, its configs and secrets `APP_KEY-DIGEST`; in nested apps `APP-PATH` takes the place of `APP`.
What `docker service create` names is called so, and `APP_COMPONENT` (with `-2`, `-3`... for further ones) when it gives no
name. Names that would be too long are cut, and end with a digest of the whole.
"""

from __future__ import annotations

import hashlib
import re

_BAD = re.compile(r"[^a-zA-Z0-9_.-]+", re.ASCII)
VALID = re.compile(r"[a-zA-Z0-9](?:[a-zA-Z0-9_.-]*[a-zA-Z0-9])?", re.ASCII)
"""What a swarm takes as the name of a service, a config or a secret."""

LONGEST = 63
_DIGEST = 8
_ROUNDS = 20_000
"""Of the digest of a secret: names are shown in plans and logs, and must be of no use to one who tries guesses."""


def clean(text: str) -> str:
    """A text without what a name can't hold."""
    return _BAD.sub("-", text).strip("-._") or "app"


def joined(app: str, scope: str, name: str) -> str:
    """`APP_NAME` for what stands in the root app, `APP-PATH_NAME` in a nested one; `scope` is that of the component."""
    path = [clean(part) for part in scope.split(":")[:-1]]
    return cut(f"{'-'.join([clean(app), *path])}_{clean(name)}")


def cut(text: str, longest: int = LONGEST) -> str:
    """A name that is short enough, and differs for each that was not."""
    if len(text) <= longest:
        return text
    return f"{text[: longest - _DIGEST - 1]}-{hashlib.sha256(text.encode()).hexdigest()[:_DIGEST]}"


def component(app: str, scope: str, number: int) -> str:
    """The name of the `number`-th (from 1) nameless service of a component."""
    name = scope.rpartition(":")[2]
    return joined(app, scope, f"{name}-{number}" if number > 1 else name)


def of_content(name: str, content: str, *, secret: bool) -> str:
    """The name of a config or a secret with that content: another content has another name."""
    data = content.encode()
    if secret:
        digest = hashlib.pbkdf2_hmac("sha256", data, name.encode(), _ROUNDS).hex()
    else:
        digest = hashlib.sha256(data).hexdigest()
    return f"{cut(name, LONGEST - _DIGEST - 1)}-{digest[:_DIGEST]}"


def requirement(app: str, namespace: str, name: str) -> str:
    """The name of a volume that an app's requirements ask for."""
    return joined(app, f"{namespace}:" if namespace else "", name)


def aliases(scope: str) -> tuple[str, ...]:
    """What a component is called on networks: its own name, and the dashed path from the root when that differs."""
    parts = [clean(part) for part in scope.split(":") if part]
    return tuple(dict.fromkeys([parts[-1], "-".join(parts)])) if parts else ()
