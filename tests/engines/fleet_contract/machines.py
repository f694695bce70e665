"""What an agent drives: the interface, and a small model of systemd that runs no process."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, Protocol

from tests.engines.fleet_contract.texts import Option, parse


class State(NamedTuple):
    """What systemd says of a unit."""

    load: str
    active: str
    sub: str


class Blocked(Exception):  # noqa: N818 (a state of the agent)
    """The agent can't get over this unit: its batch ends here, at each tick."""


class Systemd(Protocol):
    """The systemd of one machine."""

    def load(self, name: str, text: str) -> None:
        """Take in a unit file; Blocked where its [Install] can't be honoured."""

    def start(self, name: str) -> None: ...
    def stop(self, name: str) -> None: ...
    def unload(self, name: str) -> bool:
        """Stop and forget; whether it was gone at once."""

    def states(self, names: Iterable[str]) -> Mapping[str, State]: ...
    def shell(self, command: str) -> str:
        """What a command prints there."""

    def close(self) -> None: ...


class _Script(NamedTuple):
    """What a command would do: for how long (None: for ever), its exit code, its output, whether it heeds SIGTERM."""

    seconds: float | None
    code: int
    output: str = ""
    heeds: bool = True


class _Unit:
    """A unit, in the state in which it was at `since`."""

    def __init__(self, name: str, options: tuple[Option, ...]) -> None:
        self.name = name
        self.options = options
        self.state = State("loaded", "inactive", "dead")
        self.until: float | None = None
        self.then: Callable[[float], None] = lambda _: None
        self.code = 0
        self.log: list[tuple[float, str]] = []

    def all_of(self, name: str) -> list[str]:
        return [option.value for option in self.options if option.name == name and option.section != "X-Fleet"]

    def last(self, name: str, default: str = "") -> str:
        return [default, *self.all_of(name)][-1]


class SimulatedSystemd:
    """Knows services (by what their commands would do), sockets, timers and the like. `files` are paths that its
    programs find; `stop` by hand is a call of `stop`."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self.files: set[str] = set()
        self.units: dict[str, _Unit] = {}

    def load(self, name: str, text: str) -> None:
        options = parse(text)
        install = {option.name for option in options if option.section == "Install"}
        if install and not install & {"WantedBy", "RequiredBy", "Alias", "Also"}:
            raise Blocked(name)
        before = self.units.get(name)
        unit = self.units[name] = _Unit(name, options)
        if before is not None:
            # what is stopping, or has failed, keeps its state under its new file
            unit.state, unit.until, unit.log = before.state, before.until, before.log
            unit.then = lambda now: self._ended(unit, now)
            unit.code = before.code
        if name.endswith(".service") and not unit.all_of("ExecStart"):
            unit.state = State("bad-setting", "inactive", "dead")

    def start(self, name: str) -> None:
        now, unit = self.now(), self.units[name]
        self._settle(unit, now)
        if unit.state.load != "loaded":
            raise Blocked(name)
        if unit.state.active in ("active", "activating"):
            return
        if unit.state.active == "deactivating":
            unit.then = lambda when: self._begin(unit, when)
            return
        self._begin(unit, now)

    def stop(self, name: str) -> None:
        now, unit = self.now(), self.units[name]
        self._settle(unit, now)
        if unit.state.active not in ("active", "activating"):
            return
        if name.endswith(".service") and unit.state.active == "active" and not self._script(unit, "ExecStart").heeds:
            limit = _seconds(unit.last("TimeoutStopSec", "90"))
            unit.code = 9
            self._turn(unit, "deactivating", "stop-sigterm", now + limit, lambda when: self._fail(unit, when, 9))
        else:
            self._turn(unit, "inactive", "dead")

    def unload(self, name: str) -> bool:
        unit = self.units[name]
        self._settle(unit, self.now())
        if unit.state.load == "loaded":
            self.stop(name)
        if unit.state.active in ("deactivating", "failed"):
            return False
        del self.units[name]
        return True

    def states(self, names: Iterable[str]) -> Mapping[str, State]:
        found = {}
        for name in names:
            unit = self.units.get(name)
            if unit is not None:
                self._settle(unit, self.now())
                found[name] = unit.state
        return found

    def shell(self, command: str) -> str:
        """Understands `systemctl show ... UNIT` and `journalctl ... _SYSTEMD_UNIT=UNIT`, which is all that is asked."""
        shown = []
        for part in command.split(";"):
            words = shlex.split(part)
            name = words[-1].partition("=")[2] or words[-1]
            unit = self.units.get(name)
            if unit is None:
                continue
            self._settle(unit, self.now())
            if words[0] == "systemctl":
                result = "exit-code" if unit.code else "success"
                shown.append(f"Result={result}\nExecMainCode=1\nExecMainStatus={unit.code}\n")
            else:
                number = next((words[at + 1] for at, word in enumerate(words) if word in ("-n", "--lines")), "all")
                lines = unit.log if number == "all" else unit.log[-int(number) :] if int(number) else []
                shown += [
                    f'{{"__REALTIME_TIMESTAMP":"{int(when * 1e6)}","MESSAGE":"{line}"}}\n' for when, line in lines
                ]
        return "".join(shown)

    def close(self) -> None:
        """Nothing runs."""

    # ------------------------------------------------------------ the model

    def _settle(self, unit: _Unit, now: float) -> None:
        while unit.until is not None and unit.until <= now:
            when, unit.until = unit.until, None
            unit.then(when)

    def _turn(
        self,
        unit: _Unit,
        active: str,
        sub: str,
        until: float | None = None,
        then: Callable[[float], None] = lambda _: None,
    ) -> None:
        unit.state, unit.until, unit.then = State(unit.state.load, active, sub), until, then

    def _begin(self, unit: _Unit, now: float) -> None:
        kind = unit.name.rpartition(".")[2]
        if kind != "service":
            sub = {"socket": "listening", "timer": "waiting", "path": "waiting", "mount": "mounted"}.get(kind, "active")
            if kind in ("timer", "socket") and f"{unit.name.rpartition('.')[0]}.service" not in self.units:
                self._turn(unit, "inactive", "dead")
            else:
                self._turn(unit, "active", sub)
            return
        before = [self._run(unit, command) for command in unit.all_of("ExecStartPre") if not command.startswith("-")]
        for step in before:
            if step.code:
                self._fail(unit, now, step.code)
                return
        wait = sum(step.seconds or 0 for step in before)
        if wait:
            self._turn(unit, "activating", "start-pre", now + wait, lambda when: self._main(unit, when))
        else:
            self._main(unit, now)

    def _main(self, unit: _Unit, now: float) -> None:
        script = self._script(unit, "ExecStart")
        unit.code = script.code
        unit.log += [(now, line) for line in script.output.splitlines()]
        once = unit.last("Type") == "oneshot"
        end = None if script.seconds is None else now + script.seconds
        if end is not None and end <= now:
            self._ended(unit, now)
        elif once:
            self._turn(unit, "activating", "start", end, lambda when: self._ended(unit, when))
        else:
            self._turn(unit, "active", "running", end, lambda when: self._ended(unit, when))

    def _ended(self, unit: _Unit, now: float) -> None:
        restart = unit.last("Restart", "no")
        if (
            unit.last("Type") == "oneshot"
            and unit.last("RemainAfterExit").lower() in ("yes", "true", "1")
            and not unit.code
        ):
            self._turn(unit, "active", "exited")
        elif restart == "always" or (restart == "on-failure" and unit.code):
            pause = _seconds(unit.last("RestartSec", "0.1"))
            self._turn(unit, "activating", "auto-restart", now + pause, lambda when: self._begin(unit, when))
        elif unit.code:
            self._fail(unit, now, unit.code)
        else:
            self._turn(unit, "inactive", "dead")

    def _fail(self, unit: _Unit, now: float, code: int) -> None:
        unit.code = code
        self._turn(unit, "failed", "failed")

    def _script(self, unit: _Unit, option: str) -> _Script:
        return self._run(unit, unit.last(option))

    def _run(self, unit: _Unit, command: str) -> _Script:
        instance = unit.name.rpartition(".")[0].partition("@")[2]
        command = (
            command.lstrip("-@:+!").replace("\\\n", " ").replace("%i", instance).replace("%%", "%").replace("$$", "$")
        )
        words = shlex.split(command)
        program = words[0].rpartition("/")[2]
        if "-c" in words[1:] and words[words.index("-c") - 1].rpartition("/")[2] in ("sh", "bash"):
            return self._shell(words[words.index("-c") + 1])
        if program == "docker":
            return _Script(None, 0) if words[1] == "run" else _Script(0, 0)
        if program == "sleep":
            return _Script(float(words[1]), 0)
        if program in ("true", "false", "echo", "etcdctl"):
            return _Script(0, int(program == "false"), " ".join(words[1:]) if program == "echo" else "")
        return _Script(0, 203)

    def _shell(self, text: str) -> _Script:
        output = "".join(f"{said}\n" for said in re.findall(r"echo ([\w ]+?)(?=;|$| >)", text) if ">>" not in text)
        absent = any(path not in self.files for path in re.findall(r"test -e (\S+)", text))
        if "trap : TERM" in text:
            return _Script(None, 0, output, heeds=False)
        runs = re.search(r"exec sleep ([\d.]+)", text)
        if runs and not absent:
            return _Script(float(runs[1]), 0, output)
        ends = re.search(r"exit (\d+)", text)
        return _Script(0, int(ends[1]) if ends else 0, output)


def _seconds(text: str) -> float:
    found = re.fullmatch(r"([\d.]+)\s*(ms|s|min|h)?", text)
    return float(found[1]) * {"ms": 0.001, "min": 60, "h": 3600}.get(found[2] or "", 1) if found else 90.0
