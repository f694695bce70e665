"""Write a Compose file, or `docker run` commands, as artifacts of another provider, and tell what becomes of each key: kept,
approximated or lost.

Without --output the artifacts are printed, and what is not kept is told on standard error; --report prints the whole
report instead. Variables of a Compose file come from -p, the environment and the file .env beside it. In a package nothing
needs to be converted: `artifacts: {compose: [file://compose.yaml]}` runs on every provider as it is."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from atomicapp import io
from atomicapp.cli import options as opts
from atomicapp.cli.ui import Ui, count
from atomicapp.errors import ERROR, AtomicAppError, SpecError, UsageError
from atomicapp.host import in_host, name_in_host
from atomicapp.model import Target
from atomicapp.workload import fidelity
from atomicapp.workload.fidelity import APPROXIMATED, KEPT, LOST, Finding

if TYPE_CHECKING:
    from pathlib import Path

    from atomicapp.providers.base import Output, Writer
    from atomicapp.workload.project import Project

EXAMPLES = """
  atomicapp convert compose.yaml --to kubernetes --output artifacts/kubernetes
  atomicapp convert compose.yaml --to kubernetes | kubectl apply -f -
  atomicapp convert compose.yaml --to kubernetes --report
  atomicapp convert artifacts/docker/web_run --from docker --to kubernetes
  atomicapp convert compose.yaml --to kubernetes --strict=lost -o json
  atomicapp convert compose.yaml --to quadlet --output /etc/containers/systemd
"""

_COLOURS = {KEPT: "32", APPROXIMATED: "33", LOST: "31"}
_PLACES = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file",
        nargs="?",
        default="",
        metavar="FILE",
        help="what is read, or - (default: compose.yaml in this folder)",
    )
    parser.add_argument("--from", dest="source", choices=["compose", "docker"], default="compose", help="what FILE is")
    parser.add_argument(
        "--to", metavar="PROVIDER", required=True, help="the provider to write artifacts for, or quadlet"
    )
    parser.add_argument("--output", metavar="DIR", default="", help="the folder to write to (default: standard output)")
    parser.add_argument("--report", action="store_true", help="print what becomes of each key, and no artifacts")
    parser.add_argument(
        "--strict",
        nargs="?",
        const="any",
        choices=["any", "lost"],
        help="fail, and write nothing, when anything is not kept; =lost: when anything is lost",
    )
    parser.add_argument(
        "-p",
        "--param",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a variable of the file; may be repeated",
    )
    parser.add_argument("--env-file", metavar="FILE", default="", help="read variables from here, not from .env")
    parser.add_argument(
        "--profile", action="append", default=[], metavar="NAME", help="also what belongs to this profile"
    )
    parser.add_argument(
        "--name", metavar="NAME", default="", help="what the app is called (default: its own or its folder's)"
    )
    opts.output(parser)


def run(options: argparse.Namespace, ui: Ui) -> int:
    from atomicapp.providers import writer

    provider = writer(options.to)
    project = _read(options, ui)
    name = options.name or project.name or _folder_name(options)
    findings = fidelity.judge(project, provider.fidelity(converted=True))
    refused = [item for item in findings if item.verdict.outcome in _refused(options.strict)]
    ui.issues(project.issues)
    if refused:
        raise SpecError(fidelity.issues_of(refused, options.to, strict=True))
    files = () if options.report else provider.convert(project, Target(name))
    if options.output:
        _write(in_host(options.output), files)
    if ui.as_json:
        ui.report(_report(options, project, provider, findings, files))
    elif options.report:
        _show(ui, findings)
    elif options.output:
        _show(ui, [item for item in findings if item.verdict.outcome != KEPT])
        ui.info(f"{count(len(files), 'file')} written to {options.output}: {_summary(findings)}")
    else:
        # the artifacts are what was asked for, secrets of the file included
        ui.print("\n".join(item.text.removesuffix("\n") for item in _separated(files)).rstrip("\n"))
        ui.issues(fidelity.issues_of(findings, options.to), notes=True)
        ui.info(_summary(findings))
    return 0


def _refused(strict: str | None) -> frozenset[str]:
    return {"any": frozenset({LOST, APPROXIMATED}), "lost": frozenset({LOST})}.get(strict or "", frozenset())


# ---------------------------------------------------------------- reading


def _path(options: argparse.Namespace) -> str:
    if options.file:
        return name_in_host(options.file)
    found = next(filter(os.path.isfile, _PLACES), "")
    if not found:
        raise UsageError("no Compose file is in this folder", hint=f"name one; looked for {', '.join(_PLACES)}")
    return found


def _read(options: argparse.Namespace, ui: Ui) -> Project:
    from atomicapp.workload.compose import read

    if options.file == "-":
        folder, name, text = "", "standard input", io.decode(sys.stdin.buffer.read(), "standard input")
    else:
        path = _path(options)
        folder, name, text = os.path.dirname(path), path, io.read_text(path)

    def beside(path: str) -> str:
        return io.read_text(os.path.join(folder, path))

    if options.source == "docker":
        from atomicapp.workload import runs

        # an artifact doubles the dollars that it means
        return runs.read(text.replace("$$", "$"), name, files=beside)

    def below(path: str) -> tuple[str, ...]:
        return io.listing(folder or ".", path)

    project = read(
        text,
        name,
        variables=_variables(options, folder),
        files=beside,
        folders=below,
        profiles=tuple(options.profile),
    )
    if any(issue.severity == ERROR for issue in project.issues):
        raise SpecError(project.issues)
    return project


def _variables(options: argparse.Namespace, folder: str) -> Mapping[str, str]:
    """As Compose does: what was said on the command line, then the environment, then the file."""
    from atomicapp.workload.compose import read_env

    path = name_in_host(options.env_file) if options.env_file else os.path.join(folder, ".env")
    found: dict[str, str] = {}
    if options.env_file or os.path.isfile(path):
        found = dict(read_env(io.read_text(path), path, os.environ))
    found |= os.environ
    for text in options.param:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise UsageError(f"-p {text}: expected NAME=VALUE", hint="for example -p TAG=1.2")
        found[key] = value
    return found


def _folder_name(options: argparse.Namespace) -> str:
    folder = os.getcwd() if options.file == "-" else os.path.dirname(os.path.realpath(_path(options)))
    return os.path.basename(folder) or "app"


# ---------------------------------------------------------------- writing


def _write(root: Path, files: tuple[Output, ...]) -> None:
    for item in files:
        path = root / item.path
        if path.is_file() and io.read_text(path) != item.text:
            raise AtomicAppError(
                f"{path} is there already, and differs", hint="choose another folder, or remove it: nothing was written"
            )
    for item in files:
        path = root / item.path
        with io.writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        # secrets of the file may stand in it
        io.write_text(path, item.text, mode=0o600)


def _separated(files: tuple[Output, ...]) -> list[Output]:
    """Several YAML files as documents of one stream; several others below their names, as `systemctl cat` has them."""
    yaml = all(item.path.endswith((".yaml", ".yml")) for item in files)
    if not yaml and len(files) > 1:
        return [item._replace(text=f"# {item.path}\n{item.text}\n") for item in files]
    return [
        item._replace(text=f"---\n{item.text.removeprefix('---').lstrip(chr(10))}") if yaml and number else item
        for number, item in enumerate(files)
    ]


# ---------------------------------------------------------------- reporting


def _summary(findings: tuple[Finding, ...]) -> str:
    counts = dict.fromkeys((KEPT, APPROXIMATED, LOST), 0)
    for item in findings:
        counts[item.verdict.outcome] += 1
    return ", ".join(f"{number} {outcome}" for outcome, number in counts.items())


def _show(ui: Ui, findings: tuple[Finding, ...] | list[Finding]) -> None:
    rows = [
        (
            item.verdict.outcome,
            fidelity.short(item.said.key),
            item.said.subject,
            str(item.said.position),
            item.verdict.how,
        )
        for item in findings
    ]
    if rows:
        ui.table(("OUTCOME", "KEY", "OF", "AT", "HOW OR WHY"), rows, [_COLOURS[row[0]] for row in rows])


def _report(
    options: argparse.Namespace,
    project: Project,
    provider: Writer,
    findings: tuple[Finding, ...],
    files: tuple[Output, ...],
) -> dict[str, Any]:
    keep_text = not options.output
    return {
        "provider": provider.NAME,
        "file": project.file,
        "findings": [
            {
                "outcome": item.verdict.outcome,
                "key": item.said.key,
                "subject": item.said.subject,
                "file": item.said.position.file,
                "line": item.said.position.line,
                "column": item.said.position.column,
                "how": item.verdict.how,
            }
            for item in findings
        ],
        "files": [{"path": item.path, **({"text": item.text} if keep_text else {})} for item in files],
    }
