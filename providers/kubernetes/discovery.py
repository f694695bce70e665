"""What kinds of objects the server knows, and how each is reached: asked of the server, in two requests.

Kept in memory for the life of a session. A cache on disk would be put into `Discovery.load`, keyed by the server's
address, and be refreshed where a kind is not found.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from atomicapp.providers.kubernetes.client import Client

_AGGREGATED = ",".join(
    f"application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList" for version in ("v2", "v2beta1")
)
_LISTED = f"{_AGGREGATED},application/json"
_NEVER_OURS = frozenset({"Event", "Binding", "ComponentStatus", "PodMetrics", "NodeMetrics"})


class Api(NamedTuple):
    """How the objects of one kind are reached."""

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool
    verbs: frozenset[str]
    subresources: frozenset[str]

    @property
    def scales(self) -> bool:
        """Whether a count of replicas can be read and set."""
        return "scale" in self.subresources

    def path(self, namespace: str, name: str = "") -> str:
        """The path of the collection, or of one object."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        inside = f"/namespaces/{quote(namespace, safe='')}" if self.namespaced else ""
        return f"{root}{inside}/{self.plural}" + (f"/{quote(name, safe='')}" if name else "")


class Discovery:
    """The kinds of a server. `refresh` asks anew, after a definition was made."""

    def __init__(self, client: Client, apis: tuple[Api, ...]) -> None:
        self.client = client
        self.apis = apis

    @classmethod
    def load(cls, client: Client) -> Discovery:
        """Ask the server. Refused and EngineError pass through as EngineError."""
        from atomicapp.providers.kubernetes.client import Refused
        from atomicapp.providers.kubernetes.reasons import of_server

        try:
            return cls(client, tuple(_ask(client)))
        except Refused as refused:
            raise of_server(refused, client.access.server) from refused

    def refresh(self) -> None:
        """Ask the server again."""
        self.apis = Discovery.load(self.client).apis

    def find(self, api_version: str, kind: str) -> Api | None:
        """How objects of a kind in a version are reached; None when the server does not know it."""
        group, _, version = api_version.rpartition("/")
        return next((api for api in self.apis if (api.group, api.version, api.kind) == (group, version, kind)), None)

    def of_key(self, key: str) -> Api | None:
        """How the object of a key (`GROUP/KIND/NAME`, `KIND/NAME` of the core) is reached, in the preferred version."""
        parts = key.split("/")
        group, kind = ("", parts[0]) if len(parts) < 3 else (parts[0], parts[1])
        return next((api for api in self.apis if (api.group, api.kind) == (group, kind)), None)

    def others(self, kind: str) -> tuple[str, ...]:
        """The versions in which the server knows a kind of that name."""
        return tuple(
            f"{api.group}/{api.version}" if api.group else api.version for api in self.apis if api.kind == kind
        )

    def listable(self) -> tuple[Api, ...]:
        """Every kind that may hold objects of ours, each in the version that the server prefers (the first)."""
        found: dict[tuple[str, str], Api] = {}
        for api in self.apis:
            if {"list", "patch", "delete"} <= api.verbs and api.kind not in _NEVER_OURS:
                found.setdefault((api.group, api.plural), api)
        return tuple(found.values())


def _ask(client: Client) -> Iterator[Api]:
    for root in ("/api", "/apis"):
        answer = client.get(root, accept=_LISTED)
        if answer.get("kind") == "APIGroupDiscoveryList":
            for group in answer.get("items") or []:
                name = str((group.get("metadata") or {}).get("name") or "")
                for version in group.get("versions") or []:
                    yield from _aggregated(name, version)
        elif root == "/api":
            for version in answer.get("versions") or []:
                yield from _plain("", version, client.get(f"/api/{version}"))
        else:
            for group in answer.get("groups") or []:
                preferred = (group.get("preferredVersion") or {}).get("version")
                versions = sorted(
                    (entry["version"] for entry in group.get("versions") or []), key=lambda name: name != preferred
                )
                for version in versions:
                    yield from _plain(group["name"], version, client.get(f"/apis/{group['name']}/{version}"))


def _aggregated(group: str, version: Mapping[str, Any]) -> Iterator[Api]:
    for found in version.get("resources") or []:
        kind = (found.get("responseKind") or {}).get("kind")
        if kind:
            inner = frozenset(str(sub.get("subresource")) for sub in found.get("subresources") or [])
            verbs = frozenset(found.get("verbs") or [])
            namespaced = found.get("scope") == "Namespaced"
            yield Api(group, str(version.get("version")), kind, str(found["resource"]), namespaced, verbs, inner)


def _plain(group: str, version: str, answer: Mapping[str, Any]) -> Iterator[Api]:
    resources = answer.get("resources") or []
    inner: dict[str, set[str]] = {}
    for found in resources:
        plural, slash, sub = found["name"].partition("/")
        if slash:
            inner.setdefault(plural, set()).add(sub)
    for found in resources:
        plural = found["name"]
        if "/" not in plural:
            verbs = frozenset(found.get("verbs") or [])
            subs = frozenset(inner.get(plural, ()))
            yield Api(group, version, found["kind"], plural, bool(found.get("namespaced")), verbs, subs)
