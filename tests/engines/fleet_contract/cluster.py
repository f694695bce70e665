"""Units, machines, the engine that places units, and the agents that run them; all on one clock.

Nothing moves but in `pump`, which does all that is due: in tests that replay recordings the clock is moved by hand, in a
server a thread pumps. Times are those of fleet; `Settings.speed` makes all of them shorter.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from tests.engines.fleet_contract import jobs, texts
from tests.engines.fleet_contract.jobs import Job
from tests.engines.fleet_contract.machines import Blocked, SimulatedSystemd, State, Systemd
from tests.engines.fleet_contract.texts import Option, Refusal

INACTIVE, LOADED, LAUNCHED = "inactive", "loaded", "launched"
STATES = (INACTIVE, LOADED, LAUNCHED)
MANAGED = (".service", ".socket", ".timer", ".path", ".mount", ".automount", ".device")
"""What agents see among their own files: they can't unload anything else."""


class Settings(NamedTuple):
    """Times in seconds, at `speed` 1; `speed` 10 makes all of them a tenth."""

    token_limit: int = 100
    agent_ttl: float = 30.0
    engine_interval: float = 2.0
    agent_interval: float = 5.0
    agent_first: float = 5.0
    """When the first tick of an agent comes."""
    state_interval: float = 1.0
    etcd_request_timeout: float = 1.0
    etcd_given_up: float = 15.0
    speed: float = 1.0


class MachineSpec(NamedTuple):
    """A machine; `systemd` None is a simulated one."""

    id: str
    address: str
    metadata: Mapping[str, str] = {}
    systemd: Systemd | None = None


class ManualClock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds


class RealClock:
    """The seconds of this world, `speed` of them in each."""

    def __init__(self, speed: float) -> None:
        self.speed = speed
        self.begun = time.monotonic()

    def now(self) -> float:
        return (time.monotonic() - self.begun) * self.speed

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds / self.speed)


class Unit:
    """A stored unit."""

    def __init__(self, name: str, options: tuple[Option, ...], target_state: str) -> None:
        self.name = name
        self.target_state = target_state
        self.machine = ""
        self.heartbeat = ""
        """The machine that says to have started it."""
        self.poisoned = False
        self.keep(options)

    def keep(self, options: tuple[Option, ...]) -> None:
        self.text = texts.text_of(options)
        try:
            self.options = texts.parse(self.text)
        except Refusal:
            self.poisoned = True
            self.options = options
        self.hash = texts.hash_of(self.text)
        self.job: Job = jobs.read(self.options, self.name)


class Held(NamedTuple):
    """What an agent has loaded."""

    hash: str
    launched: bool


class Entry(NamedTuple):
    """A published state of a unit on a machine."""

    hash: str
    state: State
    published: float


class Machine:
    """A machine with its agent."""

    def __init__(self, spec: MachineSpec, systemd: Systemd) -> None:
        self.id = spec.id
        self.address = spec.address
        self.configured = dict(spec.metadata)
        self.patched: dict[str, str | None] = {}
        self.systemd = systemd
        self.frozen = False
        self.seen = 0.0
        self.held: dict[str, Held] = {}
        self.said: dict[str, Entry] = {}
        self.speechless = False
        """A template was to be launched here: no state is reported any more."""

    @property
    def metadata(self) -> dict[str, str]:
        found = {**self.configured, **self.patched}
        return {key: value for key, value in sorted(found.items()) if value is not None}


class Cluster:
    """All of it; `lock` is held while anything is read or changed."""

    def __init__(
        self,
        machines: Sequence[MachineSpec],
        settings: Settings | None = None,
        clock: ManualClock | RealClock | None = None,
    ) -> None:
        self.settings = settings or Settings()
        self.clock = clock or RealClock(self.settings.speed)
        self.lock = threading.RLock()
        self.time = self.clock.now()
        self.units: dict[str, Unit] = {}
        self.machines: dict[str, Machine] = {}
        self.entries: dict[tuple[str, str], Entry] = {}
        self.etcd_silent_since: float | None = None
        self.writes: list[str] = []
        self._placed: dict[str, list[Unit]] = {}
        self._binding: dict[str, list[Unit]] = {}
        self._due: list[tuple[float, float, Callable[[], None]]] = []
        self._every(self.settings.engine_interval, self._engine, 0.0)
        for number, spec in enumerate(machines):
            self.add(spec, 0.35 * number)

    def add(self, spec: MachineSpec, phase: float = 0.0) -> None:
        """One more machine."""
        with self.lock:
            machine = Machine(spec, spec.systemd or SimulatedSystemd(self.now))
            machine.seen = self.time
            self.machines[spec.id] = machine
            self._every(
                self.settings.agent_interval,
                lambda: self._agent(machine),
                phase + self.settings.agent_first - self.settings.agent_interval,
            )
            self._every(self.settings.state_interval, lambda: self._publish(machine), phase)

    def now(self) -> float:
        return self.time

    # ------------------------------------------------------------ what a client does

    def put(self, name: str, options: tuple[Option, ...] | None, state: str | None) -> int:
        """The status of a PUT; Refusal for what is refused. The name and the body are checked in the daemon's order."""
        texts.check_name(name)
        unit = self.units.get(name)
        if unit is None:
            if not options:
                raise Refusal(409, "unit does not exist and options field empty")
            parsed = texts.parse(texts.text_of(_named(options)))
            jobs.check(parsed)
            if state is not None and state not in STATES:
                raise Refusal(500)
            self.units[name] = Unit(name, options, state or INACTIVE)
            self.writes.append(f"create {name} {state}")
            return 201
        if unit.poisoned:
            raise Refusal(500)
        if options and options != unit.options:
            if state is not None and state not in STATES:
                raise Refusal(500)
            unit.keep(options)
            unit.target_state = state or INACTIVE
            self.writes.append(f"options {name} {state}")
            return 201
        if not state:
            raise Refusal(409, "must provide DesiredState to update existing unit")
        if texts.is_template(name) and state != INACTIVE:
            raise Refusal(400, f'cannot activate template "{name}"')
        if state not in STATES:
            unit.poisoned = True
        unit.target_state = state
        self.writes.append(f"state {name} {state}")
        return 204

    def delete(self, name: str) -> None:
        self.existing(name)
        del self.units[name]
        self.writes.append(f"delete {name}")

    def existing(self, name: str) -> Unit:
        unit = self.units.get(name)
        if unit is None:
            raise Refusal(404, "unit does not exist")
        if unit.poisoned:
            raise Refusal(500)
        return unit

    def patch(self, changes: Iterable[tuple[str, str, str, str | None]]) -> None:
        """Change metadata: op, machine, key, value."""
        for op, machine, key, value in changes:
            found = self.machines.get(machine)
            if found is not None:
                found.patched[key] = None if op == "remove" else value

    # ------------------------------------------------------------ what a client sees

    def shown(self, unit: Unit, *, listed: bool) -> dict[str, Any]:
        options = [
            {"section": option.section, "name": option.name, **({"value": option.value} if option.value else {})}
            for option in unit.options
        ]
        found: dict[str, Any] = {"name": unit.name, "options": options, "desiredState": unit.target_state}
        if unit.job.is_global:
            return {**found, "currentState": INACTIVE} if listed else found
        found["currentState"] = self.current_state(unit)
        if unit.machine:
            found["machineID"] = unit.machine
        return found

    def current_state(self, unit: Unit) -> str:
        if not unit.machine or (unit.name, unit.machine) not in self.entries:
            return INACTIVE
        return LAUNCHED if unit.heartbeat == unit.machine else LOADED

    def listed_units(self, start: int, end: int) -> list[dict[str, Any]]:
        """A part of all units."""
        found = [name for name, unit in self.units.items() if not unit.poisoned]
        return [self.shown(self.units[name], listed=True) for name in sorted(found)[start:end]]

    def listed_states(self, name: str = "", machine: str = "") -> list[dict[str, Any]]:
        found = []
        for (unit, where), entry in sorted(self.entries.items()):
            if (name and unit != name) or (machine and where != machine):
                continue
            found.append(
                {
                    "name": unit,
                    "hash": entry.hash,
                    "machineID": where,
                    "systemdLoadState": entry.state.load,
                    "systemdActiveState": entry.state.active,
                    "systemdSubState": entry.state.sub,
                }
            )
        return found

    def listed_machines(self) -> list[dict[str, Any]]:
        return [
            {"id": machine.id, "metadata": machine.metadata, "primaryIP": machine.address}
            for _, machine in sorted(self.machines.items())
            if self._alive(machine)
        ]

    # ------------------------------------------------------------ what happens to it

    def freeze(self, machine: str) -> None:
        """A machine stops answering, without a word."""
        with self.lock:
            self.machines[machine].frozen = True

    def thaw(self, machine: str) -> None:
        with self.lock:
            self.machines[machine].frozen = False
            self.machines[machine].seen = self.time

    def silence_etcd(self) -> None:
        with self.lock:
            self.etcd_silent_since = self.time

    def restore_etcd(self) -> None:
        with self.lock:
            self.etcd_silent_since = None
            for machine in self.machines.values():
                machine.seen = self.time

    def check_etcd(self) -> None:
        """Refusal where etcd does not answer: first after the time that a request waits for it, later at once."""
        if self.etcd_silent_since is None:
            return
        if self.time - self.etcd_silent_since < self.settings.etcd_given_up:
            self.clock.sleep(self.settings.etcd_request_timeout)
            self.pump()
            raise Refusal(500)
        raise Refusal(503, "fleet server unable to communicate with etcd")

    def pump(self) -> None:
        """Do all that is due."""
        with self.lock:
            end = self.clock.now()
            while True:
                at = min(range(len(self._due)), key=lambda number: self._due[number][0])
                when, every, action = self._due[at]
                if when > end:
                    break
                self.time = max(self.time, when)
                # what took longer than its interval is not made up for
                self._due[at] = (max(when + every, end - every), every, action)
                if self.etcd_silent_since is None:
                    action()
            self.time = max(self.time, end)

    def _every(self, seconds: float, action: Callable[[], None], phase: float) -> None:
        self._due.append((self.time + seconds + phase, seconds, action))

    def _alive(self, machine: Machine) -> bool:
        return not machine.frozen or self.time - machine.seen < self.settings.agent_ttl * 0.77

    # ------------------------------------------------------------ the engine

    def _engine(self) -> None:
        for key in [
            key for key, entry in self.entries.items() if self.time - entry.published > self.settings.agent_ttl
        ]:
            del self.entries[key]
        wanted = {name: unit for name, unit in sorted(self.units.items()) if not unit.job.is_global}
        self._count()
        for unit in wanted.values():
            if unit.machine and not self._may_stay(unit):
                unit.machine = ""
                self._count()
        for unit in wanted.values():
            if unit.target_state in (LOADED, LAUNCHED) and not unit.poisoned and not unit.machine:
                self._place(unit)

    def _may_stay(self, unit: Unit) -> bool:
        machine = self.machines[unit.machine]
        wanted = unit.target_state in (LOADED, LAUNCHED) and not unit.poisoned
        return wanted and self._alive(machine) and self._able(unit, machine)

    def _on(self, machine: Machine) -> list[Unit]:
        return self._placed.get(machine.id, [])

    def _count(self) -> None:
        """Note what is where: many units are asked for that often."""
        self._placed, self._binding = {}, {}
        for unit in self.units.values():
            if unit.machine:
                self._note(unit)

    def _note(self, unit: Unit) -> None:
        self._placed.setdefault(unit.machine, []).append(unit)
        if unit.job.conflicts or unit.job.replaces:
            self._binding.setdefault(unit.machine, []).append(unit)

    def _place(self, unit: Unit) -> None:
        alive = [machine for machine in self.machines.values() if self._alive(machine)]
        for machine in sorted(alive, key=lambda found: (len(self._on(found)), found.id)):
            if self._able(unit, machine):
                for other in self._on(machine):
                    if any(jobs.matches(glob, other.name) for glob in unit.job.replaces):
                        other.machine = ""
                unit.machine = machine.id
                if unit.job.replaces:
                    self._count()
                else:
                    self._note(unit)
                return

    def _able(self, unit: Unit, machine: Machine) -> bool:
        job = unit.job
        if job.machine_id and job.machine_id not in (machine.id, machine.id[:8]):
            return False
        groups: dict[str, set[str]] = {}
        for key, value in job.metadata:
            groups.setdefault(key, set()).add(value)
        if any(machine.metadata.get(key) not in values for key, values in groups.items()):
            return False
        for peer in job.peers:
            other = self.units.get(peer)
            if other is None or other.machine != machine.id:
                return False
        for other in self._on(machine) if job.conflicts else ():
            if other.name != unit.name and any(jobs.matches(glob, other.name) for glob in job.conflicts):
                return False
        for other in self._binding.get(machine.id, ()):
            if other.name != unit.name and any(
                jobs.matches(glob, unit.name) for glob in (*other.job.conflicts, *other.job.replaces)
            ):
                return False
        return True

    # ------------------------------------------------------------ an agent

    def _agent(self, machine: Machine) -> None:
        if machine.frozen:
            return
        machine.seen = self.time
        self._count()
        wanted = {unit.name: unit for unit in self._wanted(machine)}
        for name in sorted(machine.held):
            unit = wanted.get(name)
            if (unit is None or unit.hash != machine.held[name].hash) and name.endswith(MANAGED):
                del machine.held[name]
                found = self.units.get(name)
                if found is not None and found.heartbeat == machine.id:
                    found.heartbeat = ""
                if machine.systemd.unload(name):
                    return  # a unit that goes at once ends the batch
        try:
            for name, unit in sorted(wanted.items()):
                if name not in machine.held:
                    self._load(machine, unit)
            for _, unit in sorted(wanted.items()):
                self._start_or_stop(machine, unit)
        except Blocked:
            return

    def _wanted(self, machine: Machine) -> list[Unit]:
        found = []
        for unit in self.units.values():
            if unit.poisoned or unit.target_state == INACTIVE:
                continue
            if unit.machine == machine.id or (unit.job.is_global and self._able(unit, machine)):
                found.append(unit)
        return found

    def _load(self, machine: Machine, unit: Unit) -> None:
        if texts.is_template(unit.name):
            machine.speechless = True
        if machine.speechless or unit.name.startswith("."):
            raise Blocked(unit.name)
        machine.systemd.load(unit.name, unit.text)
        machine.held[unit.name] = Held(unit.hash, launched=False)

    def _start_or_stop(self, machine: Machine, unit: Unit) -> None:
        held = machine.held.get(unit.name)
        if held is None:
            return
        if unit.target_state == LAUNCHED and not held.launched:
            machine.held[unit.name] = held._replace(launched=True)
            unit.heartbeat = machine.id
            machine.systemd.start(unit.name)
        elif unit.target_state == LAUNCHED:
            unit.heartbeat = machine.id
        elif unit.target_state == LOADED and held.launched:
            machine.systemd.stop(unit.name)
            machine.held[unit.name] = held._replace(launched=False)
            unit.heartbeat = ""

    def _publish(self, machine: Machine) -> None:
        if machine.frozen or machine.speechless:
            return
        machine.seen = self.time
        for name, _ in [key for key in self.entries if key[1] == machine.id]:
            if name not in machine.held:
                # an agent that lets go of a unit takes back what all others say of it, too
                for key in [key for key in self.entries if key[0] == name]:
                    del self.entries[key]
        machine.said = {name: entry for name, entry in machine.said.items() if name in machine.held}
        states = machine.systemd.states(machine.held)
        refresh = 0.8 * self.settings.agent_ttl
        for name, held in machine.held.items():
            state = states.get(name) or State("not-found", "inactive", "dead")
            said = machine.said.get(name)
            # what another agent took back is said anew only when it is due
            if said is None or said[:2] != (held.hash, state) or self.time - said.published > refresh:
                self.entries[name, machine.id] = machine.said[name] = Entry(held.hash, state, self.time)


def _named(options: Sequence[Option]) -> Sequence[Option]:
    for option in options:
        if "\n" in option.name:
            raise Refusal(400, "unexpected newline encountered while parsing option name")
    return options
