"""The console script: what surrounds a command that runs in a process of its own."""

from __future__ import annotations

import gc

# values are made once, hold no circles and live until the end: looking for garbage among them is a tenth of the time.
# Said before the imports, which make most of what a short command makes
gc.set_threshold(100_000, 50, 50)

import contextlib  # noqa: E402
import os  # noqa: E402
import signal  # noqa: E402
import sys  # noqa: E402
from types import FrameType  # noqa: E402
from typing import NoReturn  # noqa: E402

from atomicapp.cli.main import BROKEN_PIPE, cant_write, main  # noqa: E402


def entry() -> NoReturn:
    """Run the command of the command line and end the process with its exit status."""
    signal.signal(signal.SIGTERM, _terminated)
    _leave(main(sys.argv[1:]))


def _terminated(number: int, frame: FrameType | None) -> None:
    """SIGTERM takes the same way out as Ctrl-C: temporary files go, and the record says what happened."""
    raise KeyboardInterrupt


def _leave(status: int) -> NoReturn:
    """End the process. Where nothing waits for its end, without freeing each value first, which the system does at once."""
    import atexit

    threads = sys.modules.get("threading")
    if threads is not None and threads.active_count() > 1:
        sys.exit(status)
    atexit._run_exitfuncs()
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        status = BROKEN_PIPE
    except OSError as error:
        status = cant_write(error)
    if sys.stderr is not None:
        with contextlib.suppress(OSError):
            sys.stderr.flush()
    os._exit(status)
