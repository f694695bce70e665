"""Carry out the steps of a plan: the only writer.

What is new is submitted first, all of it and loaded only, so that it shows before anything starts whether fleet finds a place
for each unit and systemd understands it; then one after the other is launched. What goes is stopped first, those of one place
in the graph together, since an agent acts on a tick of some seconds. So the applier knows all steps beforehand; a step of
which it was not told is carried out on its own.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from atomicapp.errors import EngineError
from atomicapp.model import (
    CREATE,
    DELETE,
    FAILED,
    REPLACE,
    SCALE,
    START,
    STOP,
    STOPPED,
    UPDATE,
    Failed,
    Ready,
    Resource,
    Step,
)
from atomicapp.providers.base import Report
from atomicapp.providers.fleet import marks, placement, times, xfleet
from atomicapp.providers.fleet import state as telling
from atomicapp.providers.fleet.client import INACTIVE, LAUNCHED, LOADED, Client, Pair, Refused
from atomicapp.providers.fleet.marks import LOADED_ONLY
from atomicapp.providers.fleet.observe import instances, is_template, leader, refuse_foreign, units_of
from atomicapp.providers.fleet.ready import Watch
from atomicapp.providers.fleet.view import Own, Snapshot, View, hash_of
from atomicapp.providers.units import names
from atomicapp.providers.units.own import numbered
from atomicapp.records import NamedTuple

_TICK = 0.25
_GONE = frozenset({STOP, DELETE})


class File(NamedTuple):
    """A unit as it is to be: all its options, the mark too, and the state that it is to have in the end."""

    resource: Resource
    name: str
    options: tuple[Pair, ...]
    desired: str

    @property
    def first(self) -> str:
        """The state in which it is submitted."""
        return INACTIVE if is_template(self.name) else LOADED


def files_of(resource: Resource, app: str, revision: int) -> list[File]:
    """The units of a resource."""
    options = marks.marked(marks.options_of(resource), marks.of(resource, app, revision))
    desired = LOADED if resource.body.get("way") == LOADED_ONLY else LAUNCHED
    return [File(resource, name, options, INACTIVE if is_template(name) else desired) for name in units_of(resource)]


class Applier:
    """One for a session. Safe to use from several threads."""

    def __init__(
        self,
        client: Client,
        view: View,
        watch: Watch,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.client = client
        self.view = view
        self.watch = watch
        self.steps: Sequence[Step] = ()
        self._clock = clock
        self._pause = pause
        self._lock = threading.Lock()
        self._submitted: set[str] = set()
        self._halted: set[str] = set()
        self._known: dict[str, list[Own]] = {}
        self._started: dict[str, bool] = {}  # and whether it had failed before

    def foresee(self, steps: Sequence[Step]) -> None:
        """What is to come."""
        self.steps = steps

    def apply(self, step: Step, app: str, revision: int, report: Report) -> None:
        """See providers.base.Session."""
        try:
            self._apply(step, app, revision, report)
        except Refused as refused:
            raise EngineError(
                f"fleet refused the unit {step.name}: {refused.message}",
                component=step.component,
                position=step.resource.position if step.resource else None,
            ) from refused

    def _apply(self, step: Step, app: str, revision: int, report: Report) -> None:
        if step.op == CREATE:
            self._create(step, app, revision, report)
        elif step.op in (UPDATE, REPLACE):
            self._replace(step, app, revision, report)
        elif step.op == START:
            self._start(step, app, report)
        elif step.op in _GONE:
            self._halt(step, app, report)
            if step.op == DELETE:
                self._delete(step, app, report)
        elif step.op == SCALE:
            self._scale(step, app, report)

    # ------------------------------------------------------------ new units

    def _create(self, step: Step, app: str, revision: int, report: Report) -> None:
        resource = step.resource
        assert resource is not None
        with self._lock:
            if resource.key not in self._submitted:
                coming = [found.resource for found in self.steps if found.op == CREATE and found.resource]
                batch = coming if any(other.key == resource.key for other in coming) else [resource]
                self._submit(batch, app, revision, report)
                self._submitted |= {other.key for other in batch}
        self._launch(files_of(resource, app, revision))

    def _submit(self, resources: Sequence[Resource], app: str, revision: int, report: Report) -> None:
        """Store and load the units of resources, and see that each has a place and is understood."""
        snapshot = self.view.look(0)
        files = []
        for resource in resources:
            for file in files_of(resource, app, revision):
                refuse_foreign(snapshot, app, resource, file.name)
                own = snapshot.own.get(file.name)
                # a step that was carried out already must not stop what runs
                if own is None or own.touched or own.mark.hash != resource.hash or own.unit.desired == INACTIVE:
                    files.append(file)
        check_placement(snapshot, files, "nothing was sent")
        done: list[str] = []
        begun, every = itertools.count(1), max(len(files) // 10, 1)

        def put(file: File) -> None:
            if (number := next(begun)) % every == 0:
                report(file.resource.key, f"submitting {number} of {len(files)} units")
            try:
                self.client.put(file.name, file.first, file.options)
            except Refused as refused:
                raise EngineError(
                    f"fleet refused the unit {file.name}: {refused.message}",
                    component=file.resource.component,
                    position=file.resource.position,
                    details=_so_far(done),
                ) from refused
            except EngineError as error:
                raise EngineError(
                    error.message,
                    component=file.resource.component,
                    position=file.resource.position,
                    hint=error.hint,
                    details=[*error.details, *_so_far(done)],
                ) from error
            done.append(file.name)

        self.client.side_by_side(put, files)
        self.view.written()
        if files:
            self._loaded([file for file in files if file.first == LOADED], done, report)

    def _loaded(self, files: Sequence[File], done: Sequence[str], report: Report) -> None:
        """Wait until each unit has a machine, and its systemd has read it. What fleet only has not come to yet is left to
        the wait for readiness; EngineError for what can't come true."""
        begun = self._clock()
        left = list(files)
        while left:
            snapshot = self.view.look()
            left = [file for file in left if not self._is_loaded(file, snapshot, done)]
            if not left:
                return
            lasted = self._clock() - begun
            if lasted > times.PLACED:
                for file in left:
                    unit = snapshot.units.get(file.name)
                    wish = xfleet.read(file.options, file.name)
                    if unit is not None and not unit.machine and not wish.is_global:
                        reason = snapshot.cluster.judge(file.name, wish).reason
                        if reason:
                            raise _nowhere(file, reason, _so_far(done))
            if lasted > times.REPORTED:
                return
            report(left[0].resource.key, f"waiting for a machine to load {left[0].name}, and {len(left) - 1} others")
            self._pause(_TICK)

    def _is_loaded(self, file: File, snapshot: Snapshot, done: Sequence[str]) -> bool:
        unit = snapshot.units.get(file.name)
        if unit is None:
            return False
        states = telling.reported(unit, snapshot)
        wrong = [state for state in states if state.load not in ("loaded", "")]
        if wrong:
            raise EngineError(
                f"systemd on {snapshot.place(wrong[0].machine)} can't load {file.name}: {wrong[0].load}",
                component=file.resource.component,
                position=file.resource.position,
                hint="`systemd-analyze verify FILE` tells what is wrong with it",
                details=_so_far(done),
            )
        return bool(states)

    def _launch(self, files: Iterable[File]) -> None:
        for file in files:
            if file.desired == LAUNCHED:
                self.watch.forget([file.name])
                self.client.put(file.name, LAUNCHED)
        self.view.written()

    # ------------------------------------------------------------ changed units

    def _replace(self, step: Step, app: str, revision: int, report: Report) -> None:
        resource = step.resource
        assert resource is not None
        snapshot = self.view.look(0)
        files = files_of(resource, app, revision)
        for file in files:
            refuse_foreign(snapshot, app, resource, file.name)
        check_placement(snapshot, files, "nothing was changed")
        kept = {file.name for file in files}
        surplus = [own for own in snapshot.of(app).get(resource.key, ()) if own.unit.name not in kept]
        rolled = [file for file in files if not is_template(file.name)]
        for number, file in enumerate(files):
            own = snapshot.own.get(file.name)
            if own is not None and own.unit.options == file.options and own.unit.desired == file.desired:
                continue
            report(resource.key, f"changing {file.name}")
            self.watch.forget([file.name])
            self.client.put(file.name, file.desired, file.options)
            self.view.written()
            if len(rolled) > 1 and number + 1 < len(files) and file.desired == LAUNCHED:
                self._follow(file, report)
        self._remove(surplus, report)
        self.view.written()

    def _follow(self, file: File, report: Report) -> None:
        """Wait until one instance is ready before the next one is changed."""
        end = self._clock() + times.CHANGED
        while True:
            found = self.watch.unit(file.name)
            if isinstance(found, Ready):
                return
            late = self._clock() > end
            if isinstance(found, Failed) or late:
                raise EngineError(
                    f"{file.name} {found.reason}",
                    component=file.resource.component,
                    position=file.resource.position,
                    log_tail=found.log_tail,
                    hint="the instances behind it still run as they were before",
                )
            report(file.resource.key, f"{file.name}: {found.reason}")
            self._pause(_TICK)

    # ------------------------------------------------------------ start, stop, remove

    def _owns(self, step: Step, app: str, snapshot: Snapshot) -> list[Own]:
        return list(snapshot.of(app).get(step.key, ()))

    def _start(self, step: Step, app: str, report: Report) -> None:
        """Launch all units of this place in the graph that are to start; wait until those of this step were started.

        What has failed, or has ended, is stopped before: fleet starts a launched unit only once. For a moment after that its
        old state is still told."""
        with self._lock:
            same = [found for found in self.steps if found.op == START and _order(found) == _order(step)]
            batch = same if any(found.key == step.key for found in same) else [step]
            snapshot = self.view.look()
            owns = [own for found in batch for own in instances(self._owns(found, app, snapshot))]
            owns = [own for own in owns if own.mark.way != LOADED_ONLY and own.unit.name not in self._started]
            again = [
                own
                for own in owns
                if own.unit.desired == LAUNCHED and telling.tell(own, snapshot).state in (FAILED, STOPPED)
            ]
            if again:
                self._put_loaded(again)
                self._wait(
                    again, report, lambda own, now: now.units[own.unit.name].current != LAUNCHED, "to be stopped"
                )

            def launch(own: Own) -> None:
                report(own.mark.key, f"launching {own.unit.name}")
                self.watch.forget([own.unit.name])
                self.client.put(own.unit.name, LAUNCHED)

            self.client.side_by_side(launch, owns)
            self.view.written()
            self._started |= {own.unit.name: _failed_now(own, snapshot) for own in owns}
        mine = [own for own in instances(self._owns(step, app, self.view.look())) if self._started.get(own.unit.name)]
        since: dict[str, float] = {}

        def begun(own: Own, now: Snapshot) -> bool:
            unit = now.units[own.unit.name]
            if unit.current != LAUNCHED and (unit.machine or telling.is_global(unit)):
                return False
            since.setdefault(unit.name, self._clock())
            return not _failed_now(own, now) or self._clock() - since[unit.name] > times.FRESH

        self._wait(mine, report, begun, "to be started")

    def _halt(self, step: Step, app: str, report: Report) -> None:
        """Have all units of this place in the graph stopped that are to go; wait for those of this step."""
        with self._lock:
            if step.key not in self._halted:
                same = [found for found in self.steps if found.op in _GONE and _order(found) == _order(step)]
                batch = same if any(found.key == step.key for found in same) else [step]
                snapshot = self.view.look()
                # pages that are read while others are destroyed skip some: what is to go is what was seen before
                self._known |= {found.key: self._owns(found, app, snapshot) for found in batch}
                owns = [own for found in batch for own in instances(self._known[found.key])]
                self._put_loaded([own for own in owns if own.unit.desired == LAUNCHED])
                # all of them, before the first is destroyed: an agent that unloads a unit does nothing else on that tick
                self._wait(owns, report, _is_down, "to stop")
                self._halted |= {found.key for found in batch}
                return
        mine = instances(self._owns(step, app, self.view.look()))
        self._wait(mine, report, _is_down, "to stop")

    def _put_loaded(self, owns: Sequence[Own]) -> None:
        def put(own: Own) -> None:
            try:
                self.client.put(own.unit.name, LOADED)
            except Refused as refused:
                if refused.status not in (404, 409):  # others have destroyed it meanwhile
                    raise

        self.client.side_by_side(put, owns)
        if owns:
            self.view.written()

    def _wait(self, owns: Sequence[Own], report: Report, true: Callable[[Own, Snapshot], bool], what: str) -> None:
        end = self._clock() + times.STOPPED
        left = list(owns)
        while True:
            snapshot = self.view.look()
            left = [own for own in left if own.unit.name in snapshot.units and not true(own, snapshot)]
            if not left:
                return
            first = left[0]
            if self._clock() > end:
                states = telling.reported(snapshot.units[first.unit.name], snapshot)
                shown = "; ".join(telling.words(state, snapshot) for state in states) or "nothing is reported of it"
                raise EngineError(
                    f"{first.unit.name} did not come {what} within {times.STOPPED:g} s: {shown}",
                    component=first.mark.component,
                    hint="see `systemctl status` on that machine, then run the same command again",
                )
            report(first.mark.key, f"waiting for {first.unit.name} {what}")
            self._pause(_TICK)

    def _delete(self, step: Step, app: str, report: Report) -> None:
        snapshot = self.view.look()
        owns = self._known.get(step.key) or self._owns(step, app, snapshot)
        if owns and leader(owns).mark.purge:
            self._purge(leader(owns), snapshot, report)
        self._remove(owns, report, halt=False)

    def _remove(self, owns: Sequence[Own], report: Report, *, halt: bool = True) -> None:
        """Destroy units; `halt`: they have to be stopped before."""
        if halt:
            running = [own for own in owns if own.unit.desired == LAUNCHED]
            self._put_loaded(running)
            self._wait(running, report, _is_down, "to stop")
        # templates last: while one is there, the deployment is found by it
        for own in sorted(owns, key=lambda own: is_template(own.unit.name)):
            report(own.mark.key, f"destroying {own.unit.name}")
            self.client.delete(own.unit.name)
            # what is still told of it harms nobody, so that not each removal costs a listing

    def _purge(self, own: Own, snapshot: Snapshot, report: Report) -> None:
        """Have the machine that keeps a volume remove it: the unit is made one that does so."""
        options = [("Service", "Type", "oneshot"), ("Service", "ExecStart", own.mark.purge)]
        if own.unit.machine and own.unit.machine in snapshot.machines:
            options.append((xfleet.SECTION, "MachineID", own.unit.machine))
        else:
            report(own.mark.key, f"{own.unit.name} is on no machine: there is no volume to remove")
            return
        sent = marks.marked(options, own.mark)
        report(own.mark.key, f"removing the volume: {own.mark.purge}")
        self.client.put(own.unit.name, LAUNCHED, sent)
        self.view.written()
        wanted = hash_of(own.unit._replace(options=sent))
        end = self._clock() + times.PURGED
        down = None
        while True:
            now = self.view.look()
            unit = now.units.get(own.unit.name)
            found = [state for state in telling.reported(unit, now) if state.hash == wanted] if unit else []
            if unit is None:
                return
            if found and found[0].active == "failed":
                raise EngineError(
                    f"the volume of {own.unit.name} can't be removed on {now.place(unit.machine)}: `{own.mark.purge}` failed",
                    component=own.mark.component,
                    hint="see what still uses it (docker ps -a --filter volume=NAME), then run the same command again",
                )
            if found and found[0].active == "inactive" and unit.current == LAUNCHED:
                down = self._clock() if down is None else down
                if self._clock() - down >= times.DONE:
                    break
            if self._clock() > end:
                raise EngineError(
                    f"{own.unit.name} did not remove its volume within {times.PURGED:g} s",
                    component=own.mark.component,
                    hint=f"see that machine {now.place(unit.machine)} is well, then run the same command again",
                )
            self._pause(_TICK)

    # ------------------------------------------------------------ replicas

    def _scale(self, step: Step, app: str, report: Report) -> None:
        assert step.replicas is not None
        snapshot = self.view.look(0)
        owns = self._owns(step, app, snapshot)
        template = leader(owns)
        there = {names.split(own.unit.name).instance or "": own for own in instances(owns)}
        wanted = numbered(step.replicas)
        options = marks.marked(template.options, template.mark._replace(instances=wanted))
        new = [names.instance(template.unit.name, one) for one in wanted if one not in there]
        coming = {name: xfleet.read(options, name) for name in new}
        for name, reason in placement.too_many(
            snapshot.cluster,
            {**{own.unit.name: xfleet.read(options, own.unit.name) for own in there.values()}, **coming},
        ):
            if name in coming:
                raise EngineError(
                    f"{name} can't be placed: {reason}", component=step.component, hint="add machines, or ask for fewer"
                )
        # first what says how many: a run that is cut off here is made whole by the next one
        self.client.put(template.unit.name, INACTIVE, options)

        def launch(name: str) -> None:
            report(step.key, f"launching {name}")
            self.client.put(name, LAUNCHED, options)

        self.client.side_by_side(launch, new)
        self._remove([own for one, own in there.items() if one not in wanted], report)
        self.view.written()


def _order(step: Step) -> int:
    found = step.resource or step.existing
    assert found is not None
    return found.order


def _is_down(own: Own, snapshot: Snapshot) -> bool:
    unit = snapshot.units[own.unit.name]
    if unit.desired == LAUNCHED:
        return False
    states = telling.reported(unit, snapshot)
    # without a state it is unknown, unless it has no machine either
    if not states:
        return not unit.machine or unit.machine not in snapshot.machines
    return all(state.active in telling.DOWN for state in states)


def _failed_now(own: Own, snapshot: Snapshot) -> bool:
    unit = snapshot.units.get(own.unit.name)
    return unit is not None and any(state.active == "failed" for state in telling.reported(unit, snapshot))


def _so_far(done: Collection[str]) -> list[str]:
    if not done:
        return ["nothing was submitted"]
    return [f"{len(done)} units are submitted and loaded, none of them is launched: {', '.join(sorted(done)[:10])}"]


def _nowhere(file: File, reason: str, details: Sequence[str]) -> EngineError:
    places = _options_of(file)
    return EngineError(
        f"{file.name} can't be placed: {reason}",
        component=file.resource.component,
        position=file.resource.position,
        hint=f"change {places} of its [X-Fleet], or the metadata of a machine"
        if places
        else "see `fleetctl list-machines`",
        details=details,
    )


def _options_of(file: File) -> str:
    return ", ".join(dict.fromkeys(name for section, name, _ in file.options if section == xfleet.SECTION))


def check_placement(snapshot: Snapshot, files: Sequence[File], otherwise: str) -> None:
    """EngineError for a unit that no machine can take, whatever fleet does: before anything is sent."""
    if files and not snapshot.machines:
        raise EngineError("no machine of the fleet is alive", hint="see `fleetctl list-machines`", details=[otherwise])
    coming: Mapping[str, xfleet.Wish] = {
        file.name: xfleet.read(file.options, file.name) for file in files if not is_template(file.name)
    }
    by_name = {file.name: file for file in files}
    for name, wish in coming.items():
        # what is there already is judged without those that will be changed with it
        verdict = snapshot.cluster.judge(name, wish, coming)
        if not verdict.fits:
            raise _nowhere(by_name[name], verdict.reason, [otherwise])
    for name, reason in placement.too_many(snapshot.cluster, coming):
        raise _nowhere(by_name[name], reason, [otherwise])
