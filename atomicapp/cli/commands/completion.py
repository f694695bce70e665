"""Print the script that completes verbs and options in bash, zsh or fish."""

from __future__ import annotations

import argparse

from atomicapp.cli import parser as parsing
from atomicapp.cli.ui import Ui

EXAMPLES = """
  source <(atomicapp completion bash)                                        this shell
  atomicapp completion bash > /etc/bash_completion.d/atomicapp               all of them
  atomicapp completion zsh > "${fpath[1]}/_atomicapp"
  atomicapp completion fish > ~/.config/fish/completions/atomicapp.fish
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=("bash", "zsh", "fish"))


def run(options: argparse.Namespace, ui: Ui) -> int:
    import shtab

    ui.print(shtab.complete(parsing.everything(), shell=options.shell))
    return 0
