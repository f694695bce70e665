"""From the words of the command line to an exit status: the one place where errors become text or JSON."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from atomicapp.cli import parser as parsing
from atomicapp.errors import AtomicAppError, UsageError
from atomicapp.version import SPEC_VERSION, VERSION

if TYPE_CHECKING:
    from atomicapp.cli.ui import Ui

INTERRUPTED = 130
BROKEN_PIPE = 141
TRACEBACK = "ATOMICAPP_TRACEBACK"
"""The variable of the environment that has a fault of this program shown whole."""


def main(arguments: Sequence[str]) -> int:
    """Run one command and return its exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted."""
    try:
        words = _words(arguments)
        if not words or words in (["-h"], ["--help"]):
            print(parsing.help_text())  # noqa: T201 -- before any Ui is made, so that help stays fast
            return 0
        if _wants_version(words):
            print(f"atomicapp {VERSION}, Nulecule {SPEC_VERSION}")  # noqa: T201
            return 0
        return _run(words)
    except UsageError as error:
        return _wrong_usage(error)
    except BrokenPipeError:
        # the reader of our output has gone (`| head`): Python would complain again when it flushes at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except OSError as error:
        return cant_write(error)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)  # noqa: T201
        return INTERRUPTED


def cant_write(error: OSError) -> int:
    """Say that what was to be printed can't be, and go without it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    print(f"atomicapp: can't write to standard output: {error.strerror or error}", file=sys.stderr)  # noqa: T201
    return 1


def _words(arguments: Sequence[str]) -> list[str]:
    """The command line; ATOMICAPP_ARGS replaces it, ATOMICAPP_APPEND_ARGS is added, both split as a shell does."""
    words = list(arguments)
    for variable in ("ATOMICAPP_ARGS", "ATOMICAPP_APPEND_ARGS"):
        text = os.environ.get(variable)
        if not text:
            continue
        import shlex

        try:
            found = shlex.split(text)
        except ValueError as error:
            raise UsageError(f"{variable} can't be split into words: {error}") from None
        words = found if variable == "ATOMICAPP_ARGS" else words + found
    return words


def _wants_version(words: Sequence[str]) -> bool:
    before = words[: words.index("--")] if "--" in words else words
    return "-V" in before or "--version" in before


def _run(words: list[str]) -> int:
    verb, rest = parsing.find_verb(words)
    if not verb:
        if "-h" in rest or "--help" in rest:
            print(parsing.help_text())  # noqa: T201
            return 0
        raise UsageError("no verb was given", hint=f"`{parsing.PROGRAM} --help` lists them")
    try:
        options = parsing.for_verb(verb, helping="-h" in rest or "--help" in rest).parse_args(rest)
    except SystemExit as done:  # argparse's --help
        return int(done.code or 0)
    from atomicapp.cli.ui import Ui

    ui = Ui(
        logtype=options.logtype,
        verbosity=int(options.verbose) - int(options.quiet),
        as_json=getattr(options, "output_format", "") in ("json", "sarif"),
    )
    try:
        with ui.at_end:
            return int(parsing.module(verb).run(options, ui))
    except UsageError:
        raise
    except AtomicAppError as error:
        ui.failure(error)
        return error.exit_code
    except KeyboardInterrupt:
        return _interrupted(ui, verb)
    except MemoryError:
        ui.error("out of memory")
        return 1
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        ui.error(f"{error.filename or 'the system'}: {error.strerror or error}")
        return 1
    except Exception as error:
        if os.environ.get(TRACEBACK):
            raise
        ui.error(_own_fault(verb, error))
        return 1


def _own_fault(verb: str, error: Exception) -> str:
    """What is said of a fault of this program itself: no traceback, but all that a report needs."""
    last = error.__traceback__
    while last and last.tb_next:
        last = last.tb_next
    place = f" ({last.tb_frame.f_globals.get('__name__')}:{last.tb_lineno})" if last else ""
    # not what the error says: it may quote a secret
    return (
        f"`{verb}` met a fault of this program: {type(error).__name__}{place}\n"
        f"  please report it with what {TRACEBACK}=1 shows; after a change was begun, `status` tells what is there, "
        "and the same command goes on"
    )


def _interrupted(ui: Ui, verb: str) -> int:
    changing = verb in ("run", "start", "stop", "uninstall")
    ui.error(
        "interrupted" + ("\n  the next `run` goes on from here, `uninstall` removes what is there" if changing else "")
    )
    return INTERRUPTED


def _wrong_usage(error: UsageError) -> int:
    print(f"atomicapp: {error.message}", file=sys.stderr)  # noqa: T201
    if error.hint:
        print(f"  {error.hint}", file=sys.stderr)  # noqa: T201
    return error.exit_code
