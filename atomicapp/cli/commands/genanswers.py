"""Write an answers file with every param of an app: its description, constraints, and the value that it has now.

Hidden values are left out. A file that is there already is not overwritten."""

from __future__ import annotations

import argparse
from pathlib import Path

from atomicapp import io
from atomicapp.cli import options as opts
from atomicapp.cli import pipeline
from atomicapp.cli.ui import Ui
from atomicapp.errors import AtomicAppError
from atomicapp.host import in_host
from atomicapp.params import answers as answering
from atomicapp.params.sample import commented_ini, sample
from atomicapp.store import Store

EXAMPLES = """
  atomicapp genanswers ./myapp                        writes ./answers.conf
  atomicapp genanswers ./myapp --answers-format json --file answers.json
  atomicapp genanswers ./myapp --file -               to standard output
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    opts.app(parser)
    parser.add_argument(
        "--file", metavar="FILE", default=answering.FILE_NAME, help="where to write (default ./answers.conf)"
    )
    parser.add_argument("--force", action="store_true", help="overwrite the file")
    parser.add_argument("-u", "--update", action="store_true", help="ask registries again")
    parser.add_argument("--dry-run", action="store_true", help="print the answers and write nothing")
    opts.answers(parser, asking=False)
    opts.provider(parser)
    opts.registry(parser)


def run(options: argparse.Namespace, ui: Ui) -> int:
    path = Path(in_host(options.file))
    to_file = options.file != "-" and not options.dry_run
    if to_file and path.exists() and not options.force:
        raise AtomicAppError(f"{options.file} is there already", hint="choose another --file, or --force overwrites it")
    store = Store()
    app = pipeline.open_app(options, ui, store, update=options.update, keep=not options.dry_run)
    settings = pipeline.settle(options, ui, app, complete=False)
    table = sample(settings)
    text = (
        commented_ini(settings, table)
        if options.answers_format == "ini"
        else answering.dump(table, options.answers_format)
    )
    if not to_file:
        ui.print(text.rstrip("\n"))
        return 0
    io.write_text(path, text, mode=0o600)
    missing = sum(value is None for names in table.values() for value in names.values())
    ui.info(f"wrote {options.file}" + (f"; {missing} params in it still need a value (None)" if missing else ""))
    return 0
