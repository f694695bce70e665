"""Carry out single steps: the only writer of this provider. Every step may be repeated."""

from __future__ import annotations

import contextlib
import hashlib
import re
import shlex
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from atomicapp.errors import EngineError
from atomicapp.model import (
    CREATE,
    DELETE,
    FAILED,
    KEEP,
    REPLACE,
    SCALE,
    START,
    STOP,
    UPDATE,
    Existing,
    Resource,
    Step,
)
from atomicapp.providers.base import Report
from atomicapp.providers.systemd import fields, journal, marks, observe, reasons, runtime
from atomicapp.providers.systemd.folder import FILES, File, Folder, OwnFile
from atomicapp.providers.systemd.marks import STATE, UNIT, VOLUME
from atomicapp.providers.systemd.observe import units_of
from atomicapp.providers.systemd.tools import LONGEST_END, Refused, Systemd
from atomicapp.providers.units import podman
from atomicapp.providers.units.own import numbered

CLEANED_WITHIN = 60.0
"""Seconds for systemd to remove the data of a service."""

_PAUSE = 0.1
_GONE = ("no such volume", "no such network", "network not found")
_GENERATED = re.compile(rf"^\[(?:{'|'.join(kind.title() for kind in podman.SUFFIXES)})\]", re.MULTILINE)


class Reloads:
    """`daemon-reload`, as seldom as it will do: one serves all files that were written before it began."""

    def __init__(self, systemd: Systemd) -> None:
        self.systemd = systemd
        self._lock = threading.Lock()
        self._written = 0
        self._read = 0

    def note(self) -> None:
        """A file was written or removed."""
        with self._lock:
            self._written += 1

    def now(self) -> None:
        """systemd has read all that was noted, when this returns."""
        wanted = self._written
        with self._lock:
            if self._read < wanted or wanted == 0:
                seen = self._written
                self.systemd.order("daemon-reload")
                self._read = seen

    def last(self) -> None:
        """What was noted and not read yet, if any."""
        if self._read < self._written:
            self.now()


class Submissions:
    """New units: their files are written all at once before the first of them is started, for they may need each other."""

    def __init__(self, wanted: Sequence[Resource]) -> None:
        self._lock = threading.Lock()
        self._wanted = tuple(wanted)

    def take(self) -> tuple[Resource, ...]:
        """Those that were not written yet; each is given out once."""
        found, self._wanted = self._wanted, ()
        return found

    def __enter__(self) -> Submissions:
        self._lock.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.release()


class Applier:
    """Carries out steps for one app."""

    def __init__(
        self,
        systemd: Systemd,
        folder: Folder,
        reloads: Reloads,
        coming: Submissions,
        app: str,
        revision: int,
        report: Report,
    ) -> None:
        self.systemd = systemd
        self.folder = folder
        self.reloads = reloads
        self.coming = coming
        self.app = app
        self.revision = revision
        self.report = report

    def apply(self, step: Step) -> None:
        """Carry out one step. EngineError with the cause in plain words."""
        try:
            self._apply(step)
        except Refused as error:
            raise EngineError(
                f"{step.component}: {step.kind} {step.name}: {error.message}",
                component=step.component,
                position=step.resource.position if step.resource else None,
                hint=reasons.hint(error.message, step.name),
            ) from error

    def _apply(self, step: Step) -> None:
        resource, existing = step.resource, step.existing
        if step.kind != UNIT:
            self._data(step)
        elif step.op == CREATE and resource is not None:
            self._create(resource)
        elif step.op in (UPDATE, REPLACE) and resource is not None and existing is not None:
            self._update(resource, existing)
        elif step.op == DELETE and existing is not None:
            self._delete(existing)
        elif step.op == START and existing is not None:
            self._start_again(existing)
        elif step.op == STOP and existing is not None:
            self._stop(existing.name)
        elif step.op == SCALE and existing is not None and step.replicas is not None:
            self._scale(existing, numbered(step.replicas))
        elif step.op != KEEP:
            raise EngineError(f"the systemd provider can't {step.op} a {step.kind}", component=step.component)

    # ------------------------------------------------------------ make and change

    def _create(self, resource: Resource) -> None:
        with self.coming as coming:
            new = [item for item in coming.take() if item.kind == UNIT]
            for item in new:
                if item.body.get("way") == marks.ONCE:
                    # else it would look as if it had come to its end
                    self.folder.set_due(self.app, item.name)
                self._write(item)
            if new:
                self.reloads.now()
        if self._write(resource):
            self.reloads.now()
        self._refuse_unmade(resource)
        self._start(resource.name, resource.body)
        if resource.body.get("way") == marks.ONCE:
            self.folder.clear_due(self.app, resource.name)

    def _write(self, resource: Resource) -> bool:
        """Write the files of a unit; whether they were not there just so."""
        there = self.folder.unit(resource.name)
        if there is not None and there.mark is None:
            whose = f"was not made by atomicapp: {self.folder.place(resource.name, there.source)}"
            raise observe.foreign(resource, whose, "disable it and remove the file")
        if there is not None and there.mark and there.mark.app != self.app:
            raise observe.foreign(
                resource, f"belongs to the app '{there.mark.app}'", f"`atomicapp uninstall {there.mark.app}`"
            )
        if there is not None and there.mark and there.mark.hash == resource.hash and not there.touched:
            return False
        text = self.text(resource)
        files = [OwnFile(path, **found) for path, found in resource.body.get("files", {}).items()]
        self.folder.write(resource.name, text, marks.of(resource, self.app, self.revision, text), files)
        if there is not None and there.mark:
            for name in set(there.mark.files) - set(resource.body.get("files", {})):
                self.folder.remove_own(name)
            if there.source != resource.body.get("source", ""):
                self.folder.remove_file(resource.name, there.source)
        self.reloads.note()
        return True

    def _refuse_unmade(self, resource: Resource) -> None:
        """EngineError where Podman's generator has made no unit of a file."""
        source, units = resource.body.get("source", ""), _units(resource)
        if not source or not units:
            return
        rows = self.systemd.show(units, ("LoadState",))
        if any(row.get("LoadState") == "not-found" for row in rows.values()):
            place, user = self.folder.place(resource.name, source), self.systemd.user
            why = runtime.complaint(place.name, user=user)
            raise EngineError(
                f"{resource.component}: Podman has made no unit {units[0]} of {place}" + (f": {why}" if why else ""),
                component=resource.component,
                position=resource.position,
                hint="correct the file and run the app again; "
                f"`{runtime.generator(user=user)} {'--user ' * user}--dryrun` tells what comes of all files",
            )

    def text(self, resource: Resource) -> str:
        """The text of a unit, with the place of its own files."""
        return wanted_text(self.folder, resource)

    def _update(self, resource: Resource, existing: Existing) -> None:
        before = self.folder.unit(resource.name)
        old = before.text if before else ""
        instances = before.mark.instances if before and before.mark else ()
        surplus = set(units_of(existing.name, instances)) - set(_units(resource))
        self.folder.set_due(self.app, resource.name)
        due = existing.hash == "" and before is not None and not before.touched
        other_kind = before is not None and before.source != resource.body.get("source", "")
        if other_kind:
            # what runs is to be ended by the words that it was started with
            self._down(units_of(existing.name, instances), installed=_installed(old))
        changed = (
            due
            or other_kind
            or fields.texts(old) != fields.texts(self.text(resource))
            or self._own_changed(resource, before)
        )
        self._write(resource)
        if surplus:
            self._down(sorted(surplus), installed=_installed(old))
        self.reloads.now()
        self._refuse_unmade(resource)
        new = self.text(resource)
        if _installed(old) and _install(old) != _install(new):
            # links that the new text does not ask for go with the old ones
            self.systemd.order("disable", "--no-reload", "--", *_units(resource))
        self._start(resource.name, resource.body, again=changed, failed=existing.state == FAILED)
        self.folder.clear_due(self.app, resource.name)

    def _own_changed(self, resource: Resource, before: File | None) -> bool:
        new = resource.body.get("files", {})
        known = {*new, *(before.mark.files if before and before.mark else ())}
        return any(self.folder.own(path) != new.get(path, {}).get("text") for path in known)

    def _start(self, name: str, body: Mapping[str, Any], *, again: bool = False, failed: bool = False) -> None:
        """Bring a unit up, now and at each boot; `again`: also when it is up."""
        units, installed = units_of(name, body.get("instances", ())), _installed(str(body.get("text", "")))
        if failed:
            self._forget(units)
        if body.get("way") == marks.PRESENT_ONLY or not units:
            if again and units:
                self.systemd.order("try-restart", "--no-block", "--", *units)
            return
        if installed and not again:
            self.systemd.order("enable", "--now", "--no-reload", "--no-block", "--", *units)
            return
        if installed:
            self.systemd.order("enable", "--no-reload", "--", *units)
        if again and name.endswith(".socket"):
            # a socket can't begin to listen while its service has it
            self.systemd.order("stop", "--", *units, *self._triggered(units), timeout=LONGEST_END)
        self.systemd.order("restart" if again else "start", "--no-block", "--", *units)

    def _triggered(self, units: Sequence[str]) -> list[str]:
        rows = self.systemd.show(units, ("Triggers",))
        return [name for row in rows.values() for name in row.get("Triggers", "").split()]

    def _start_again(self, existing: Existing) -> None:
        file = self._there(existing)
        assert file.mark is not None
        if self._rewrite(file, podman.with_boot(file.text)):
            self.reloads.now()
        body = {"text": file.text, "way": file.mark.way, "instances": file.mark.instances}
        self._start(existing.name, body, failed=existing.state == FAILED)

    def _rewrite(self, file: File, text: str) -> bool:
        """Write a file of Podman's generator, which alone tells by its text whether a boot starts the unit."""
        if not file.source or text == file.text or file.mark is None or file.touched:
            return False
        self.folder.write(file.name, text, file.mark._replace(text=marks.digest(text)))
        self.reloads.note()
        return True

    def _there(self, existing: Existing) -> File:
        file = self.folder.unit(existing.name)
        if file is None or file.mark is None or file.mark.app != self.app:
            raise EngineError(
                f"{existing.component}: {existing.name} is gone: someone else has removed it",
                component=existing.component,
                hint="run the app again",
            )
        return file

    def _scale(self, existing: Existing, instances: tuple[str, ...]) -> None:
        file = self._there(existing)
        assert file.mark is not None
        surplus = [instance for instance in file.mark.instances if instance not in instances]
        mark = file.mark._replace(instances=instances, way=file.mark.way or ("" if instances else marks.SCALED))
        if instances and mark.way == marks.SCALED:
            mark = mark._replace(way="")
        self.folder.write(file.name, file.text, mark)
        self.reloads.note()
        if surplus:
            self._down(units_of(file.name, surplus), installed=_installed(file.text))
        if set(instances) - set(file.mark.instances):
            self._start(file.name, {"text": file.text, "way": mark.way, "instances": instances})

    # ------------------------------------------------------------ stop and remove

    def _stop(self, name: str) -> None:
        file = self.folder.unit(name)
        if file is not None and file.mark is not None and file.mark.app == self.app:
            self._down(units_of(name, file.mark.instances), installed=_installed(file.text))
            self._rewrite(file, podman.without_boot(file.text))

    def _down(self, units: Sequence[str], *, installed: bool) -> None:
        """End units, and have no boot start them."""
        if not units:
            return
        if installed:
            self.systemd.order("disable", "--no-reload", "--", *units)
        done = self.systemd.systemctl("stop", "--", *units, timeout=LONGEST_END)
        if done.code != 0 and "not loaded" not in done.said:
            raise Refused(done.said or f"systemctl stop ended with {done.code}")
        # one that did not end well was stopped all the same
        self._forget(units)

    def _forget(self, units: Sequence[str]) -> None:
        """Failures of before are no news; one that has none, or is gone, needs nothing."""
        rows = self.systemd.show(units, ("ActiveState",))
        failed = [unit for unit, row in rows.items() if row.get("ActiveState") == "failed"]
        if failed:
            self.systemd.systemctl("reset-failed", "--", *failed)

    def _delete(self, existing: Existing) -> None:
        file = self.folder.unit(existing.name)
        if file is None or file.mark is None or file.mark.app != self.app:
            return
        self._down(units_of(file.name, file.mark.instances), installed=_installed(file.text))
        self.folder.remove(file.name, file.mark)
        self.reloads.note()
        if file.source.endswith(".network") and " network rm " not in file.text:
            # a network ends with the app that made it; Podman itself leaves it
            try:
                self._purge(existing, podman.network_gone(file.text, file.source))
            except Refused as error:
                self.report(existing.key, f"left: {error.message}")

    # ------------------------------------------------------------ data

    def _data(self, step: Step) -> None:
        resource, existing = step.resource, step.existing
        if step.op in (CREATE, UPDATE, REPLACE) and resource is not None:
            self.folder.write_data(marks.of(resource, self.app, self.revision))
        elif step.op == DELETE and existing is not None:
            file = self.folder.data(self.app, existing.key)
            if file is None or file.mark is None:
                return
            if existing.kind == STATE:
                self._clean(existing)
            elif existing.kind == VOLUME and file.mark.purge:
                self._purge(existing, file.mark.purge)
            self.folder.remove_data(self.app, existing.key)

    def _clean(self, existing: Existing) -> None:
        """Have systemd remove the folder of a service that is gone: by a unit of its own that says the same."""
        text = f"[Service]\nType=oneshot\nExecStart=/bin/true\nStateDirectory={existing.name}\n"
        with self._for_a_moment(text) as name:
            self.systemd.order("clean", "--what=state", name)
            end = time.monotonic() + CLEANED_WITHIN
            while self.systemd.show([name], ("ActiveState",))[name].get("ActiveState") == "maintenance":
                if time.monotonic() > end:
                    raise Refused(f"its folder {existing.name} was not removed within {CLEANED_WITHIN:.0f} s")
                time.sleep(_PAUSE)

    def _purge(self, existing: Existing, words: Iterable[str]) -> None:
        """Carry out by systemd what removes a volume: who may run units may do that, too."""
        command = " ".join(shlex.quote(word.replace("%", "%%")) for word in words)
        with self._for_a_moment(f"[Service]\nType=oneshot\nExecStart={command}\n") as name:
            try:
                self.systemd.order("start", name, timeout=LONGEST_END)
            except Refused as error:
                lines = journal.tail(self.systemd, name, "", 5, looks=journal.LOOKS)
                self.systemd.systemctl("reset-failed", name)
                if any(gone in line.lower() for line in lines for gone in _GONE):
                    return
                raise Refused(f"{command}: {lines[-1] if lines else error.message}") from error

    @contextlib.contextmanager
    def _for_a_moment(self, text: str) -> Any:
        name = f"atomicapp-purge-{hashlib.sha256(text.encode()).hexdigest()[:12]}.service"
        self.folder.write_plain(name, text)
        try:
            self.reloads.note()
            self.reloads.now()
            yield name
        finally:
            self.folder.remove_plain(name)
            self.reloads.note()


def wanted_text(folder: Folder, resource: Resource) -> str:
    """The text of a unit as it is written."""
    return fields.of_body(resource.body).replace(FILES, str(folder.files))


def _units(resource: Resource) -> list[str]:
    return units_of(resource.name, resource.body.get("instances", ()))


def _installed(text: str) -> bool:
    """Whether a unit says when a boot is to start it, and systemctl is to see to that. Podman's generator does it itself."""
    return bool(_install(text)) and not _GENERATED.search(text)


def _install(text: str) -> dict[str, str]:
    return {path: value for path, value in fields.texts(text).items() if path.startswith("Install/")}
