"""Send a package of the local store, an OCI layout or a tar to a registry.

Credentials are those of `docker login` and `podman login`, credential helpers included."""

from __future__ import annotations

import argparse

from atomicapp.cli import options as opts
from atomicapp.cli import pipeline
from atomicapp.cli.ui import Ui
from atomicapp.errors import UsageError
from atomicapp.store import Store

EXAMPLES = """
  atomicapp push localhost:5000/myapp
  atomicapp push registry.example.com/myapp:1.0 --registry-cafile ca.crt
  atomicapp push localhost:5000/myapp --source oci:./out
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("app", metavar="REF", nargs="?", help="the name of the package (default: $IMAGE)")
    parser.add_argument(
        "--source", metavar="oci:DIR|TAR", default="", help="send this instead of what the local store has"
    )
    opts.registry(parser)
    opts.output(parser)


def run(options: argparse.Namespace, ui: Ui) -> int:
    reference = opts.required_app(options)
    if reference.startswith("oci:"):
        raise UsageError("a registry's name is wanted", hint=f"atomicapp push HOST/NAME:TAG --source {reference}")
    digest = pipeline.images(options, ui, Store()).push(reference, source=options.source)
    if ui.as_json:
        ui.report({"reference": reference, "digest": digest})
    else:
        ui.print(f"pushed {reference}")
        ui.print(digest)
    return 0
