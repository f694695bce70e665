"""What differs between what is wanted and what is there, field by field. Reads only."""

from __future__ import annotations

from collections.abc import Iterator

from atomicapp.errors import EngineError
from atomicapp.model import CREATE, KEEP, UPDATE, Change, Existing, Resource
from atomicapp.providers.marathon import labels as marks
from atomicapp.providers.marathon import normal
from atomicapp.providers.marathon.client import Row
from atomicapp.providers.marathon.observe import stopped_with
from atomicapp.providers.marathon.resources import VOLUME


def compare(row: Row | None, wanted: Resource, existing: Existing) -> tuple[str, tuple[Change, ...]]:
    """The op that brings the existing app where it is wanted, and the fields that differ.

    EngineError for a volume: it can't be changed, and to make it anew would lose its data.
    """
    if wanted.kind == VOLUME:
        raise _volumes(wanted)
    if row is None:
        return CREATE, ()
    if normal.persistent(wanted.body["app"]) != normal.persistent(row):
        raise _volumes(wanted)
    changes = tuple(_changes(row, wanted))
    if not changes and existing.hash:
        return KEEP, ()
    return (UPDATE, changes) if changes or not existing.hash else (KEEP, ())


def _volumes(wanted: Resource) -> EngineError:
    return EngineError(
        f"the persistent volumes of {wanted.name} were made in another way, and Marathon can't change them",
        component=wanted.component,
        position=wanted.position,
        hint="set them back, or save the data and remove it: `atomicapp uninstall NAME --purge-data`, then run again",
    )


def _changes(row: Row, wanted: Resource) -> Iterator[Change]:
    labels = marks.of(row)
    own = {
        name: text for name, text in labels.items() if not name.startswith(marks.PREFIX) or name == marks.LABEL_FAILURE
    }
    app, live = normal.canonical(wanted.body["app"]), normal.canonical({**row, "labels": own})
    app.setdefault("labels", {})
    hidden = {*wanted.body.get("hidden", ()), *marks.listed(labels, marks.LABEL_HIDDEN)}
    remembered = stopped_with(row)
    for found in normal.differences(app, live):
        if found.path == "instances" and remembered is not None and found.new == remembered:
            continue
        yield _change(found.path, found.old, found.new, hidden)
    for name in sorted(marks.listed(labels, marks.LABEL_FIELDS) - app.keys()):
        if live.get(name) not in (None, [], {}, ""):
            yield from (_change(path, value, None, hidden) for path, value in normal.leaves({name: live[name]}))


def _change(path: str, old: object, new: object, hidden: set[str]) -> Change:
    was, now = (None if value is None else normal.as_text(value) for value in (old, new))
    if path in hidden:
        was, now = was and marks.HIDDEN, now and marks.HIDDEN
    return Change(path, was, now)
