"""What differs between what is wanted and what is there, option by option. Reads only."""

from __future__ import annotations

from atomicapp.model import KEEP, REPLACE, UPDATE, Change, Existing, Resource
from atomicapp.providers.systemd import fields
from atomicapp.providers.systemd.apply import wanted_text
from atomicapp.providers.systemd.folder import Folder
from atomicapp.providers.systemd.marks import UNIT
from atomicapp.providers.units import podman


def compare(folder: Folder, wanted: Resource, existing: Existing) -> tuple[str, tuple[Change, ...]]:
    """The op that brings the existing thing where it is wanted, and the options that differ."""
    if wanted.kind != UNIT:
        return (KEEP, ()) if existing.hash else (UPDATE, ())
    before = folder.unit(existing.name)
    if before is None or before.mark is None:
        return REPLACE, ()
    secret = {*before.mark.hidden, *wanted.body.get("hidden", ())}
    new = wanted.body.get("files", {})
    files = {name: (folder.own(name), new.get(name, {}).get("text")) for name in {*before.mark.files, *new}}
    there = podman.with_boot(before.text) if before.source else before.text
    changes = fields.changes(there, wanted_text(folder, wanted), secret, files)
    old, now = " ".join(before.mark.instances), " ".join(wanted.body.get("instances", ()))
    if old != now:
        changes += (Change("instances", old or None, now or None),)
    if not changes:
        changes = (Change("text", "as it is there", "as the app has it now"),)
    return UPDATE, changes
