"""Asking for params on a terminal: scope, name, description, default; hidden ones without echo."""

from __future__ import annotations

import argparse
import sys

from atomicapp.cli.ui import Ui
from atomicapp.errors import ConfigError
from atomicapp.params.configure import Ask, Question, violation


def possible(options: argparse.Namespace) -> bool:
    """Whether someone can be asked: both ends are a terminal, and standard input is not the answers file."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty() and options.answers != "-"


def asker(ui: Ui) -> Ask:
    """A function that puts a question until the answer satisfies the param's constraints."""

    def ask(question: Question) -> str:
        scope, param, _ = question.declared
        if param.description:
            ui.info(f"{scope}: {param.description}")
        default = f" [{question.current.shown}]" if question.current is not None else ""
        prompt = f"{scope}: {param.name}{default}: "
        while True:
            typed = _read(prompt, hidden=param.hidden)
            if not typed and question.current is not None:
                typed = question.current.text
            broken = violation(param, typed)
            if not broken:
                return typed
            ui.warn(broken)

    return ask


def _read(prompt: str, *, hidden: bool) -> str:
    try:
        if hidden:
            import getpass

            return getpass.getpass(prompt, stream=sys.stderr)
        sys.stderr.write(prompt)
        sys.stderr.flush()
        line = sys.stdin.readline()
    except EOFError:
        line = ""
    if not line:
        raise ConfigError("the input ended before all params had a value", hint="nothing was changed")
    return line.rstrip("\r\n")


def confirm(question: str) -> bool:
    """A yes or no on the terminal; no when nobody can be asked."""
    if not (sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")
