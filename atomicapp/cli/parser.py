"""The table of verbs and the parsers made from it. A verb's module is imported only when the verb is used."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType
from typing import NoReturn

from atomicapp.errors import UsageError

PROGRAM = "atomicapp"

# verb -> one line of help, in the groups and the order of the help text
COMMANDS: dict[str, dict[str, str]] = {
    "Run an app": {
        "run": "start an app, or bring a running one to what is wanted now",
        "plan": "show what `run` would change, field by field; nothing is written",
        "status": "show what of a deployment runs",
        "logs": "show what the components write",
        "events": "show what the engine says of a deployment",
        "scale": "run more or fewer replicas of a component",
        "stop": "stop a deployment; everything stays in place",
        "start": "start a stopped deployment again",
        "uninstall": "remove a deployment; data is kept unless --purge-data",
        "list": "list all deployments",
    },
    "Look at an app": {
        "params": "show every param: value, where it comes from, constraints",
        "genanswers": "write answers.conf with every param of an app",
        "graph": "draw the tree of components and nested apps",
        "render": "write the artifacts with the params filled in",
        "inspect": "show what a package holds",
        "fetch": "unpack an app and the apps that it refers to",
    },
    "Make an app": {
        "init": "make the files of a new app",
        "validate": "find every error of an app, at file:line:column",
        "convert": "write a Compose file, or docker commands, for another provider",
        "build": "make a package (an OCI image) of an app, without a daemon",
        "push": "send a package to a registry",
        "pull": "get a package from a registry",
    },
    "More": {
        "index": "list, update or generate the index of known apps",
        "providers": "show the engines: what is installed, reachable, and accepted",
        "completion": "print the completion script for bash, zsh or fish",
    },
}
VERBS: dict[str, str] = {verb: text for group in COMMANDS.values() for verb, text in group.items()}
MODES = ("fetch", "run", "stop", "genanswers")


class Parser(argparse.ArgumentParser):
    """An ArgumentParser whose errors are UsageErrors that name the help to read."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, hint=f"see `{self.prog} --help`")


def module(verb: str) -> ModuleType:
    """The module of a verb."""
    return import_module(f"atomicapp.cli.commands.{verb}")


def common(parser: argparse.ArgumentParser) -> None:
    """The options that every verb takes, also before it."""
    from atomicapp.cli.ui import LOGTYPES

    group = parser.add_argument_group("general options")
    group.add_argument("-h", "--help", action="help", help="show this text and exit")
    group.add_argument("-V", "--version", action="store_true", help="show the version and exit")
    group.add_argument("-v", "--verbose", action="store_true", help="show what is done in detail")
    group.add_argument("-q", "--quiet", action="store_true", help="show warnings and errors only")
    group.add_argument(
        "--logtype", choices=LOGTYPES, default="", help="how logs look (default: color on a terminal, else nocolor)"
    )
    group.add_argument("--mode", choices=MODES, help=argparse.SUPPRESS)


PLAIN_WIDTH = 80
"""Columns, where no help is to be shown: argparse would ask the terminal for each option, with imports."""


def for_verb(verb: str, *, helping: bool = True) -> Parser:
    """The parser of one verb: its own options and the common ones. Without `helping` its help is not for people."""
    found = module(verb)
    width = None if helping else PLAIN_WIDTH
    parser = Parser(
        prog=f"{PROGRAM} {verb}",
        description=(found.__doc__ or "").strip(),
        epilog="examples:\n" + found.EXAMPLES.strip("\n"),
        formatter_class=lambda prog: argparse.RawDescriptionHelpFormatter(prog, width=width),
        add_help=False,
        allow_abbrev=False,
    )
    found.arguments(parser)
    common(parser)
    return parser


def everything() -> argparse.ArgumentParser:
    """One parser with all verbs as subparsers, for the completion scripts."""
    parser = Parser(prog=PROGRAM, add_help=False)
    common(parser)
    verbs = parser.add_subparsers(dest="verb", parser_class=Parser)
    for verb, text in VERBS.items():
        sub = verbs.add_parser(verb, help=text, add_help=False)
        module(verb).arguments(sub)
        common(sub)
    return parser


def help_text() -> str:
    """What `atomicapp --help` prints."""
    lines = [
        f"usage: {PROGRAM} VERB [OPTIONS] [APP]",
        "",
        "Package, run and look after composite, multi-container applications: one package, any engine.",
        "APP is a folder with a Nulecule, an image reference, oci:DIR, a tar, or the name of a deployment.",
    ]
    for title, verbs in COMMANDS.items():
        lines += ["", f"{title}:"]
        lines += [f"  {verb:<12}{text}" for verb, text in verbs.items()]
    lines += [
        "",
        "General options:",
        "  -h, --help        show this text, or that of a verb",
        "  -V, --version     show the version and exit",
        "  -v, --verbose     show what is done in detail",
        "  -q, --quiet       show warnings and errors only",
        "  --logtype TYPE    cockpit, color, nocolor or none",
        "",
        "Examples:",
        "  atomicapp run localhost:5000/wordpress-app -a answers.conf --provider docker",
        "  atomicapp validate ./myapp && atomicapp build ./myapp -t registry.example.com/myapp:1.0",
        "",
        f"`{PROGRAM} VERB --help` tells more. Exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted.",
    ]
    return "\n".join(lines)


def find_verb(arguments: Sequence[str]) -> tuple[str, list[str]]:
    """The verb and the arguments without it. `--mode M` replaces the verb that was given.

    UsageError for an unknown verb, with the nearest one.
    """
    rest = list(arguments)
    verb = mode = ""
    position = 0
    while position < len(rest):
        word = rest[position]
        if word == "--":
            break
        if word in ("--logtype", "--mode"):
            if word == "--mode" and position + 1 < len(rest):
                mode = rest[position + 1]
            position += 2
            continue
        if word.startswith("--mode="):
            mode = word.partition("=")[2]
        if not word.startswith("-") and not verb:
            verb = word
            del rest[position]
            if verb not in VERBS:
                raise _unknown_verb(verb)
            continue
        position += 1
    if mode in MODES:
        verb = mode
    return verb, rest


def _unknown_verb(word: str) -> UsageError:
    import difflib

    close = difflib.get_close_matches(word, list(VERBS), n=1)
    if close:
        return UsageError(f"there is no verb '{word}'", hint=f"did you mean `{PROGRAM} {close[0]}`?")
    return UsageError(f"there is no verb '{word}'", hint=f"the verb comes first; `{PROGRAM} --help` lists them")
