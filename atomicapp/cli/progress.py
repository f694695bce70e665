"""Progress of long work: a live display on a terminal (rich), plain lines elsewhere."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import TYPE_CHECKING

from atomicapp.cli.ui import Ui
from atomicapp.errors import AtomicAppError
from atomicapp.model import CREATE, DELETE, KEEP, REPLACE, SCALE, START, STOP, UPDATE, Step
from atomicapp.planning.observer import Observer

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

SIGNS = {CREATE: "+", UPDATE: "~", REPLACE: "~", DELETE: "-", START: ">", STOP: ".", SCALE: "~", KEEP: " "}
COLOURS = {CREATE: "32", UPDATE: "33", REPLACE: "33", DELETE: "31", START: "32", STOP: "33", SCALE: "33", KEEP: ""}
_DONE = {
    CREATE: "created",
    UPDATE: "updated",
    REPLACE: "replaced",
    DELETE: "removed",
    START: "started",
    STOP: "stopped",
    SCALE: "scaled",
}
_DOING = {
    CREATE: "creating", UPDATE: "updating", REPLACE: "replacing", DELETE: "removing", START: "starting", STOP: "stopping",
    SCALE: "scaling",
}  # fmt: skip

PLAIN_EVERY = 10.0
"""Seconds between two plain lines about one transfer."""
PLAIN_AFTER = 2.0
"""Seconds that a reason to wait must last until it is a plain line: what passes by is noise."""


class Live:
    """A display with one line for each thing under way; plain lines where there is no terminal."""

    def __init__(self, ui: Ui) -> None:
        self.ui = ui
        self._progress: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._told: dict[str, float] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Live:
        if self.ui.is_live:
            from rich.console import Console
            from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

            console = Console(stderr=True, highlight=False)
            self._progress = Progress(
                SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn(), console=console,
                transient=True,
            )  # fmt: skip
            self._progress.start()
            self.ui.divert(lambda line: console.out(line, highlight=False))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._progress is not None:
            self._progress.stop()
            self.ui.divert(None)
            self._progress = None

    def show(self, key: str, text: str, *, plain: bool = False) -> None:
        """What is under way for a key. Without a terminal it is a line only when `plain`, and not too often."""
        with self._lock:
            if self._progress is not None:
                if key not in self._tasks:
                    self._tasks[key] = self._progress.add_task(text, total=None)
                else:
                    self._progress.update(self._tasks[key], description=text)
                return
            now = time.monotonic()
            if not plain or now - self._told.get(key, -PLAIN_EVERY) < PLAIN_EVERY:
                return
            self._told[key] = now
        self.ui.info(text)

    def line(self, text: str) -> None:
        """A line of the log where there is no display that shows the same."""
        if self._progress is None:
            self.ui.info(text)

    def end(self, key: str) -> None:
        """The thing with this key is over."""
        with self._lock:
            task = self._tasks.pop(key, None)
            if self._progress is not None and task is not None:
                self._progress.remove_task(task)


class ApplyProgress(Observer):
    """The steps of a plan as they happen."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._began: dict[str, float] = {}
        self._reasons: dict[str, tuple[str, float]] = {}
        """What each is waited for, and since when for that."""
        self._told: dict[str, str] = {}

    def step_started(self, step: Step) -> None:
        self._began[step.key] = time.monotonic()
        self._live.show(step.key, f"{_DOING[step.op]} {step.kind} {step.name}")

    def step_progress(self, key: str, text: str) -> None:
        self._live.show(key, text, plain=True)

    def step_done(self, step: Step) -> None:
        self._live.end(step.key)
        took = time.monotonic() - self._began.get(step.key, time.monotonic())
        verb = "pulled" if step.kind == "image" and step.op == CREATE else _DONE[step.op]
        self._live.ui.info(f"{SIGNS[step.op]} {step.kind} {step.name} {verb} ({took:.1f} s)")

    def step_kept(self, step: Step, reason: str) -> None:
        self._live.end(step.key)
        self._live.ui.info(f"{SIGNS[KEEP]} {step.kind} {step.name} is kept: {reason}")

    def step_failed(self, step: Step, error: AtomicAppError) -> None:
        self._live.end(step.key)

    def waiting(self, component: str, name: str, reason: str) -> None:
        text, now = f"waiting for {component} ({name}): {reason}", time.monotonic()
        if self._reasons.get(name, ("", 0.0))[0] != reason:
            self._reasons[name] = reason, now
            self._live.show(f"wait/{name}", text)
        elif now - self._reasons[name][1] >= PLAIN_AFTER and self._told.get(name) != reason:
            self._told[name] = reason
            self._live.line(text)

    def ready(self, component: str, name: str, detail: str) -> None:
        self._live.end(f"wait/{name}")
        self._live.ui.debug(f"{component} ({name}) is ready" + (f": {detail}" if detail else ""))


class FetchProgress:
    """Images as they are fetched. Used from several threads."""

    def __init__(self, ui: Ui) -> None:
        self._ui = ui
        self._told: dict[str, float] = {}

    def started(self, reference: str) -> None:
        self._ui.debug(f"looking for {reference}")

    def progress(self, reference: str, done: int, total: int | None) -> None:
        now = time.monotonic()
        # the first word comes with the first bytes: what is here already is not fetched
        if now - self._told.get(reference, -PLAIN_EVERY) >= PLAIN_EVERY:
            self._told[reference] = now
            of = f" of {size(total)}" if total else ""
            self._ui.info(f"moving {reference}: {size(done)}{of}")

    def retry(self, reference: str, why: str) -> None:
        self._ui.warn(f"{reference}: {why}; trying again")

    def done(self, reference: str, digest: str) -> None:
        self._ui.debug(f"{reference} is {digest}")


def size(number: float) -> str:
    """Bytes for people: `12.3 MB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000 or unit == "GB":
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    raise AssertionError("unreachable")
