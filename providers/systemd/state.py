"""How units are, as systemd tells: their state, a few words on it, and whether they do their work. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from atomicapp.model import FAILED, PRESENT, RUNNING, STOPPED
from atomicapp.providers.systemd import marks, reasons
from atomicapp.providers.systemd.marks import Mark

Row = Mapping[str, str]

PROPERTIES = (
    *("Id", "LoadState", "LoadError", "ActiveState", "SubState", "UnitFileState", "FragmentPath", "NeedDaemonReload"),
    *("Job", "InvocationID", "Result", "Type", "RemainAfterExit", "NRestarts", "ExecMainCode", "ExecMainStatus"),
    *("ExecMainStartTimestampMonotonic", "ConditionResult", "ConditionTimestampMonotonic", "StatusText", "ExecMainPID"),
    *("ExecStartPre", "ExecStart", "ExecStartPost", "ExecCondition", "Requires", "BindsTo", "Requisite", "Restart"),
)
"""What one call asks of each unit."""


def tell(mark: Mark, rows: Sequence[tuple[str, Row]]) -> tuple[str, str, bool]:
    """The state of a unit, or of a template by its instances (name, row)."""
    if not rows:
        return PRESENT, "a template" if mark.key.rpartition(".")[0].endswith("@") else "", True
    if len(rows) == 1 and not mark.instances:
        return one(mark, rows[0][1])
    told = [(name, *one(mark, row)) for name, row in rows]
    good = sum(1 for _, state, _, ready in told if state == RUNNING and ready)
    detail = f"{good} of {len(told)} active"
    for wanted in (FAILED, RUNNING, STOPPED):
        bad = next((item for item in told if item[1] == wanted and not (wanted == RUNNING and item[3])), None)
        if bad is not None and good < len(told):
            detail += f"; {bad[0]}: {bad[2]}"
            break
    states = [state for _, state, _, _ in told]
    for state in (FAILED, STOPPED):
        # one that was stopped alone counts: else nothing would bring it back
        if state in states:
            return state, detail, False
    return (RUNNING if RUNNING in states else PRESENT), detail, good == len(told)


def one(mark: Mark, row: Row) -> tuple[str, str, bool]:
    """The state of one unit."""
    load, active, sub = row.get("LoadState", ""), row.get("ActiveState", ""), row.get("SubState", "")
    shown = f"{active} ({sub})"
    if load not in ("loaded", "not-found", ""):
        return FAILED, reasons.not_loaded(row), False
    if mark.way == marks.THING and active != "failed":
        return PRESENT, shown, True
    if active in ("active", "reloading", "refreshing"):
        text = row.get("StatusText", "")
        return RUNNING, f"{shown}: {text}" if text else shown, True
    if active == "activating" and sub == "auto-restart":
        return FAILED, f"{shown}: {reasons.end(row)}, {row.get('NRestarts', '0')} restarts", False
    if active in ("activating", "deactivating", "maintenance"):
        return RUNNING, shown, False
    if active == "failed":
        return FAILED, f"{shown}: {reasons.end(row)}", False
    if mark.way == marks.PRESENT_ONLY:
        return PRESENT, "until another unit starts it", True
    if mark.way == marks.ONCE and row.get("UnitFileState") != "disabled":
        return PRESENT, "completed", True
    return STOPPED, shown, True


def job(row: Row) -> bool:
    """Whether systemd has still to do with a unit what it was told."""
    return row.get("Job", "0") not in ("", "0")
