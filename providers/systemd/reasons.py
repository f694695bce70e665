"""Why a unit did not do what it should, in plain words. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping

_RESULTS = {
    "timeout": "it took longer than it may to start or stop (TimeoutStartSec=, TimeoutStopSec=)",
    "watchdog": "it did not give its watchdog a sign of life in time (WatchdogSec=)",
    "start-limit-hit": "it was started too often in a short time (StartLimitBurst=)",
    "oom-kill": "it needed more memory than there was (OOM)",
    "protocol": "it did not do as its Type= says (no PID file, no readiness notification)",
    "resources": "systemd lacks what it needs for it (see the log)",
    "exec-condition": "its ExecCondition= said no",
}
"""The property Result of a unit, but for those that the exit status tells better."""

_STATUS = {
    200: "its working directory can't be entered (WorkingDirectory=)",
    203: "the program can't be run: it is not there, or not executable",
    208: "its standard input or output can't be set up",
    209: "its standard output can't be set up",
    216: "its group is not known (Group=)",
    217: "its user is not known (User=)",
    226: "its name space can't be set up: a folder that the unit names is not there",
    227: "its rights can't be dropped (NoNewPrivileges=)",
    233: "its RuntimeDirectory= can't be made",
    238: "its StateDirectory= can't be made",
    239: "its CacheDirectory= can't be made",
    240: "its LogsDirectory= can't be made",
    243: "its credentials can't be had (LoadCredential=)",
}
"""Exit statuses from 200 on that are of systemd itself: the program was never run."""

_COMMON = {126: "a command can't be executed", 127: "a command was not found", 137: "it was killed (SIGKILL)"}
_NOT_RUN = 125  # what the docker command ends with when it was not the container that ended
_SIGNALS = {1: "HUP", 2: "INT", 3: "QUIT", 4: "ILL", 6: "ABRT", 7: "BUS", 8: "FPE", 9: "KILL", 11: "SEGV", 15: "TERM"}
_COMMAND = re.compile(
    r"argv\[\]=(?P<words>.*?) ; (?:ignore_errors|flags)=(?P<ignore>.*?) ;.*?; code=(?P<code>.*?) ; status=(?P<status>\d+)"
)


def end(row: Mapping[str, str]) -> str:
    """How a service ended, or what else is wrong with a unit: `exit code 3`."""
    result = row.get("Result", "")
    if result in _RESULTS:
        return _RESULTS[result]
    command = _failed_command(row)
    if command:
        return command
    status = int(row.get("ExecMainStatus") or 0)
    if row.get("ExecMainCode") in ("2", "3"):
        return f"ended by signal {_SIGNALS.get(status, status)}" + (
            " (core dumped)" if row["ExecMainCode"] == "3" else ""
        )
    if status == _NOT_RUN and "/docker " in row.get("ExecStart", ""):
        return f"exit code {status}: the engine could not run the container"
    if status or row.get("ExecMainCode") == "1":
        return exit_code(status)
    return result.replace("-", " ") if result not in ("", "success") else "ended"


def exit_code(status: int) -> str:
    """An exit status, with what systemd or a shell mean by it."""
    meant = _STATUS.get(status) or _COMMON.get(status)
    return f"exit code {status}" + (f": {meant}" if meant else "")


def _failed_command(row: Mapping[str, str]) -> str:
    """The command beside the main one that ended badly (`ExecStartPre=`)."""
    for name in ("ExecStartPre", "ExecStartPost"):
        for match in _COMMAND.finditer(row.get(name, "")):
            if (
                match["code"] == "exited"
                and match["status"] != "0"
                and match["ignore"] not in ("yes", "ignore-failure")
            ):
                return f"{name}= ended with {exit_code(int(match['status']))} ({_short(match['words'])})"
            if match["code"] in ("killed", "dumped") and match["ignore"] not in ("yes", "ignore-failure"):
                return f"{name}= was ended by signal {_SIGNALS.get(int(match['status']), match['status'])} ({_short(match['words'])})"
    return ""


def _short(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:77]}..."


def not_loaded(row: Mapping[str, str]) -> str:
    """Why systemd has not taken a unit file."""
    load = row.get("LoadState", "")
    if load == "masked":
        return "is masked (a link to /dev/null): `systemctl unmask` it"
    if load == "not-found":
        return "is not known to systemd"
    said = _bus_error(row.get("LoadError", ""))
    return f"can't be loaded ({load})" + (f": {said}" if said else "")


def _bus_error(text: str) -> str:
    """`org.freedesktop.systemd1.BadUnitSetting "Unit web.service has a bad unit file setting."` in its words."""
    try:
        words = shlex.split(text)
    except ValueError:
        return text
    return words[-1] if words else ""


def hint(said: str, name: str) -> str:
    """What to do about what systemctl said."""
    lowered = said.lower()
    if "not found" in lowered:
        return "a unit that it needs (Requires=, Wants=, Unit=) is not there: name it as it is called"
    if "bad unit file setting" in lowered or "bad-setting" in lowered:
        return f"`systemd-analyze verify {name}` tells what is wrong with it"
    if "masked" in lowered:
        return f"`systemctl unmask {name}` first"
    return f"see `systemctl status {name}`; run the same command again when the cause is mended"
