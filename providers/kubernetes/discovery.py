"""What kinds of objects the server knows, and how each is reached: asked of the server, in two requests.

It gives an ETag with what it tells, and answers 304 when asked with that whether anything has changed; so what is kept
(in memory, and on disk between commands) can't be stale.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from atomicapp.providers.kubernetes import cache
from atomicapp.providers.kubernetes.client import Client
from atomicapp.records import NamedTuple

_AGGREGATED = ",".join(
    f"application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList" for version in ("v2", "v2beta1")
)
_LISTED = f"{_AGGREGATED},application/json"
_ROOTS = ("/api", "/apis")
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


class _Told(NamedTuple):
    """What one root told: its kinds, and the ETag that asks whether it would tell the same again ("": none)."""

    etag: str
    apis: tuple[Api, ...]


class Discovery:
    """The kinds of a server, as `refresh` was told last. With a `cache` (a folder) that is kept on disk."""

    def __init__(self, client: Client, cache: str = "") -> None:
        self.client = client
        self.cache = cache
        self.apis: tuple[Api, ...] = ()
        self._told: dict[str, _Told] = {}
        self._by_kind: dict[tuple[str, str, str], Api] = {}

    @classmethod
    def load(cls, client: Client, cache: str = "") -> Discovery:
        """Ask the server, as `refresh` does."""
        found = cls(client, cache)
        found._told = _kept(cache, client.access.server)
        found.refresh()
        return found

    def refresh(self) -> None:
        """Ask the server again, after a definition was made. Refused becomes EngineError."""
        from atomicapp.providers.kubernetes.client import Refused
        from atomicapp.providers.kubernetes.reasons import of_server

        before = self._told
        try:
            told = {root: _ask(self.client, root, before.get(root)) for root in _ROOTS}
        except Refused as refused:
            raise of_server(refused, self.client.access.server) from refused
        self.apis = tuple(api for root in _ROOTS for api in told[root].apis)
        by_kind: dict[tuple[str, str, str], Api] = {}
        for api in self.apis:
            by_kind.setdefault((api.group, api.version, api.kind), api)
        self._by_kind, self._told = by_kind, told
        if told != before:
            _keep(self.cache, self.client.access.server, told)

    def find(self, api_version: str, kind: str) -> Api | None:
        """How objects of a kind in a version are reached; None when the server does not know it."""
        group, _, version = api_version.rpartition("/")
        return self._by_kind.get((group, version, kind))

    def of_key(self, key: str) -> Api | None:
        """How the object of a key (`GROUP/KIND/NAME`, `KIND/NAME` of the core) is reached, in the preferred version."""
        parts = key.split("/")
        group, kind = ("", parts[0]) if len(parts) < 3 else (parts[0], parts[1])
        return self.of_kind(group, kind)

    def of_kind(self, group: str, kind: str) -> Api | None:
        """How the objects of a kind are reached, in the version that the server prefers."""
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


# ---------------------------------------------------------------- asking


def _ask(client: Client, root: str, before: _Told | None) -> _Told:
    """What a root tells; `before` itself when nothing has changed."""
    answer, etag = client.changed(root, before.etag if before else "", _LISTED)
    if answer is None and before is not None:
        return before
    if answer.get("kind") == "APIGroupDiscoveryList":
        return _Told(_tag(etag), tuple(_all_aggregated(answer)))
    # the ETag of a plain list says nothing of the lists that it names
    return _Told("", tuple(_all_plain(client, root, answer)))


def _tag(text: str) -> str:
    """An ETag that can be sent back in a header; empty for what can't."""
    return text if text.isascii() and text.isprintable() else ""


def _all_aggregated(answer: Mapping[str, Any]) -> Iterator[Api]:
    for group in answer.get("items") or []:
        name = str((group.get("metadata") or {}).get("name") or "")
        for version in group.get("versions") or []:
            yield from _aggregated(name, version)


def _all_plain(client: Client, root: str, answer: Mapping[str, Any]) -> Iterator[Api]:
    if root == "/api":
        for version in answer.get("versions") or []:
            yield from _plain("", version, client.get(f"/api/{version}"))
        return
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


# ---------------------------------------------------------------- keeping


def _kept(folder: str, server: str) -> dict[str, _Told]:
    """What was kept of a server; nothing where it is damaged."""
    try:
        return {
            root: _Told(_tag(kept["etag"]), tuple(map(_of_row, kept["kinds"])))
            for root, kept in cache.read(folder, server).items()
            if root in _ROOTS
        }
    except (TypeError, KeyError, ValueError, AttributeError):
        return {}


def _keep(folder: str, server: str, told: Mapping[str, _Told]) -> None:
    """Only what has an ETag can be asked for again."""
    kept = {
        root: {"etag": part.etag, "kinds": [_row(api) for api in part.apis]} for root, part in told.items() if part.etag
    }
    if kept:
        cache.write(folder, server, kept)


def _row(api: Api) -> list[object]:
    return [*api[:5], sorted(api.verbs), sorted(api.subresources)]


def _of_row(row: list[Any]) -> Api:
    """ValueError or TypeError for what is no row."""
    group, version, kind, plural, namespaced, verbs, subresources = row
    texts = (group, version, kind, plural, *verbs, *subresources)
    if not isinstance(namespaced, bool) or not all(isinstance(text, str) for text in texts):
        raise TypeError("no row of a kind")
    return Api(group, version, kind, plural, namespaced, frozenset(verbs), frozenset(subresources))
