"""Read a text of `docker run` commands into workloads; see `commands`."""

from __future__ import annotations

from atomicapp.workload import commands
from atomicapp.workload.assemble import assemble
from atomicapp.workload.command_files import Read
from atomicapp.workload.commands import Grammar, Run
from atomicapp.workload.options import LONG, SHORT

_GRAMMAR = Grammar(
    shown="docker run",
    programs=("docker", "podman"),
    verbs=(("run",), ("container", "run")),
    long=LONG,
    short=SHORT,
    assemble=assemble,
    provider="docker",
    example="docker run -d -p 80:80 IMAGE",
    only="only `docker run` lines say what an app runs; volumes and networks that they name are made when absent",
)


def parse(text: str, file: str, *, read: Read | None = None) -> Run:
    """The workloads of a text, in order. SpecError with all faults; `file` is how messages name the text."""
    return commands.parse(text, file, _GRAMMAR, read)
