"""What differs between what is wanted and what is there. Reads only."""

from __future__ import annotations

from collections.abc import Sequence

from atomicapp.model import REPLACE, UPDATE, Change, Existing, Resource
from atomicapp.providers.fleet import fields, marks
from atomicapp.providers.fleet.observe import leader
from atomicapp.providers.fleet.view import Own


def compare(wanted: Resource, existing: Existing, owns: Sequence[Own]) -> tuple[str, tuple[Change, ...]]:
    """The op that brings the existing thing where it is wanted, and the fields that differ. Changed options stop and start
    a unit, so that is called replace; another set of instances is an update."""
    if not owns:
        return REPLACE, ()
    first = leader(owns)
    secret = {*first.mark.hidden, *wanted.body.get("hidden", ())}
    new = marks.options_of(wanted)
    changes = []
    for own in owns:
        for change in fields.changes(own.options, new, secret):
            if change not in changes:
                changes.append(change)
    if changes:
        return REPLACE, tuple(changes)
    there = " ".join(sorted(own.unit.name for own in owns if own is not first))
    asked = " ".join(wanted.body.get("instances", ()))
    if asked != " ".join(first.mark.instances) or existing.hash == "":
        return UPDATE, (Change("instances", there or None, asked or None),)
    said = {name: str(wanted.body.get(name, "")) for name in ("way", "purge", "image")}
    was = {"way": first.mark.way, "purge": first.mark.purge, "image": first.mark.image}
    other = tuple(Change(name, was[name] or None, said[name] or None) for name in said if said[name] != was[name])
    return (UPDATE, other) if other or tuple(wanted.body.get("ports", ())) != first.mark.ports else (UPDATE, ())
