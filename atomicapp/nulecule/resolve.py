"""Build the tree of apps: follow every Include to a folder beside the Nulecule or to an image.

The walk asks a `Fetcher` for images and reports to an `Observer`; both are handed in, so this module opens
nothing but the files of apps that lie on disk. Apps of one level are fetched side by side, each reference once.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

from atomicapp.errors import AtomicAppError, Issue, ResolveError, SpecError
from atomicapp.model import App, Include, Nulecule
from atomicapp.nulecule import load as loading
from atomicapp.records import NamedTuple

MAX_APPS = 10_000
MAX_DEPTH = 32
_PARALLEL = 6

EXTERNAL = "external"


class FetchedApp(Protocol):
    """What a fetcher gives back: the folder of the unpacked app and the digest of its image."""

    @property
    def folder(self) -> Path: ...

    @property
    def digest(self) -> str: ...


Fetcher = Callable[[str], FetchedApp]
"""Gets an image by reference; raises FetchError. Called from several threads."""


class _Place(NamedTuple):
    """A node on its way: where its Nulecule is and how it was reached."""

    name: str
    namespace: str
    folder: Path
    shown: str
    reference: str
    digest: str
    chain: tuple[tuple[str, str], ...]  # (name for people, identity) of each ancestor, root first


def resolve(folder: Path, *, reference: str = "", digest: str = "", fetch: Fetcher | None = None) -> App:
    """The tree of the app in `folder`. With `fetch` None (`--no-deps`) apps that are not on disk are left out.

    Raises SpecError with the findings of all files at once, ResolveError for a cycle, a missing app or a tree
    without bounds, FetchError (with the chain of names in its details) for an image that can't be had.
    """
    shown = f"docker://{reference}" if digest else str(folder)
    root = _Place("", "", folder, shown, reference, digest, ())
    loaded: dict[str, tuple[_Place, Nulecule]] = {}
    issues: list[Issue] = []
    fetched: dict[str, FetchedApp] = {}
    level = [root]
    while level:
        wanted: list[tuple[_Place, Include]] = []
        for place in level:
            nulecule = _load(place, issues)
            if nulecule is None:
                continue
            loaded[place.namespace] = (place, nulecule)
            wanted.extend((place, item) for item in nulecule.graph if isinstance(item, Include))
        if len(loaded) + len(wanted) > MAX_APPS:
            raise ResolveError(f"the app includes more than {MAX_APPS} apps", hint="is an app included by each other?")
        level = _places(wanted, fetch, fetched)
    if any(issue.severity == "error" for issue in issues):
        raise SpecError(issues)
    return _tree("", loaded)


def _load(place: _Place, issues: list[Issue]) -> Nulecule | None:
    """One Nulecule; its errors are collected, so that all files are told at once."""
    try:
        return loading.load(place.folder, f"{place.shown}/{loading.FILE_NAME}")
    except SpecError as error:
        issues.extend(_through(issue, place) for issue in error.issues)
        return None
    except ResolveError as error:
        raise ResolveError(error.message, chain=_names(place) if place.chain else (), hint=error.hint) from None


def _through(issue: Issue, place: _Place) -> Issue:
    """A clash of names in a nested app, told with the names that lead there: its file alone may be a cached one."""
    if issue.code != "name-clash" or not place.chain:
        return issue
    return issue._replace(message=f"{issue.message} (through {' -> '.join(_names(place))})")


def _places(
    wanted: list[tuple[_Place, Include]], fetch: Fetcher | None, fetched: dict[str, FetchedApp]
) -> list[_Place]:
    """Where the included apps lie; those that are not on disk are fetched, side by side."""
    found: list[tuple[_Place, Include, Path | None]] = [
        (parent, item, _beside(parent, item)) for parent, item in wanted
    ]
    missing = {item.source: (parent, item) for parent, item, folder in reversed(found) if folder is None}
    if fetch is not None:
        _fetch_all([missing[source] for source in reversed(missing)], fetch, fetched)
    places = []
    for parent, item, folder in found:
        namespace = f"{parent.namespace}:{item.name}" if parent.namespace else item.name
        digest = ""
        shown = f"{parent.shown}/{EXTERNAL}/{item.name}"
        if folder is None:
            if fetch is None:
                continue
            got = fetched[item.source]
            folder, digest, shown = got.folder, got.digest, f"docker://{item.source}"
        identity = digest or str(folder)
        chain = (*parent.chain, (parent.name or parent.reference or parent.shown, parent.digest or str(parent.folder)))
        place = _Place(item.name, namespace, folder, shown, item.source, digest, chain)
        if any(identity == above for _, above in chain):
            raise ResolveError(
                f"{item.source} includes itself",
                chain=[*_names(place)],
                position=item.position,
                hint="remove one 'source' of the circle",
            )
        if len(chain) > MAX_DEPTH:
            raise ResolveError(
                f"apps are nested more than {MAX_DEPTH} deep", chain=_names(place), position=item.position
            )
        places.append(place)
    return places


def _beside(parent: _Place, item: Include) -> Path | None:
    """The folder `external/NAME` (or `external/a:b`, as the original named deeper ones), when the app is there."""
    namespace = f"{parent.namespace}:{item.name}" if parent.namespace else item.name
    for name in dict.fromkeys((item.name, namespace)):
        folder = parent.folder / EXTERNAL / name
        if os.path.isfile(f"{folder}/{loading.FILE_NAME}"):  # noqa: PTH113 -- a Path costs more than the call
            _refuse_outside(parent, item, folder)
            return folder
    return None


def _refuse_outside(parent: _Place, item: Include, folder: Path) -> None:
    """ResolveError for a nested app that is not in the folder of its parent, by a link of its own or of external/."""
    for path in (folder.parent, folder):
        if os.path.islink(path):  # noqa: PTH114
            root, real = os.path.realpath(parent.folder), os.path.realpath(path)
            if not real.startswith(root + os.sep):
                raise ResolveError(
                    f"{path} is a link that leads outside of the app",
                    chain=_names(parent),
                    position=item.position,
                    hint="an app holds its nested apps itself: copy the folder in place of the link",
                )


def _fetch_all(missing: Iterable[tuple[_Place, Include]], fetch: Fetcher, fetched: dict[str, FetchedApp]) -> None:
    todo = [(parent, item) for parent, item in missing if item.source not in fetched]
    if not todo:
        return
    from concurrent.futures import ThreadPoolExecutor  # brings logging and more, which apps on disk don't need

    def get(pair: tuple[_Place, Include]) -> FetchedApp | AtomicAppError:
        parent, item = pair
        try:
            return fetch(item.source)
        except AtomicAppError as error:
            via = " -> ".join([*_names(parent), item.name])
            error.details = (*error.details, f"wanted at {item.position} through {via}")
            return error

    with ThreadPoolExecutor(min(_PARALLEL, len(todo)), thread_name_prefix="fetch") as pool:
        results = list(pool.map(get, todo))
    failures = [result for result in results if isinstance(result, AtomicAppError)]
    if failures:
        first = failures[0]
        first.details = (*first.details, *(f"also: {other.message}" for other in failures[1:]))
        raise first
    for (_, item), result in zip(todo, results, strict=True):
        assert not isinstance(result, AtomicAppError)
        fetched[item.source] = result


def _names(place: _Place) -> list[str]:
    """The names from the root to a place, for messages."""
    return [name for name, _ in place.chain] + [place.name or place.reference or place.shown]


def _tree(namespace: str, loaded: dict[str, tuple[_Place, Nulecule]]) -> App:
    place, nulecule = loaded[namespace]
    prefix = f"{namespace}:" if namespace else ""
    children = tuple(
        _tree(prefix + item.name, loaded)
        for item in nulecule.graph
        if isinstance(item, Include) and prefix + item.name in loaded
    )
    return App(
        name=place.name,
        namespace=namespace,
        nulecule=nulecule,
        folder=place.folder,
        reference=place.reference,
        digest=place.digest,
        children=children,
    )


def walk(app: App) -> Iterable[App]:
    """The app and all that it includes, parents first, in the order of the graphs."""
    yield app
    for child in app.children:
        yield from walk(child)
