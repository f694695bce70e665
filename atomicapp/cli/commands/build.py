"""Make a package of an app: an OCI image that holds the folder at /application-entity.

No daemon is needed, and the same folder always gives the same digest. The package is kept in the local store, where
`push` and `run` find it, or written as an OCI layout with -t oci:DIR."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from atomicapp.cli import options as opts
from atomicapp.cli import pipeline
from atomicapp.cli.progress import size
from atomicapp.cli.ui import Ui
from atomicapp.errors import UsageError
from atomicapp.host import in_host
from atomicapp.model import App
from atomicapp.nulecule.resolve import resolve, walk
from atomicapp.params.configure import common_providers
from atomicapp.store import Store

if TYPE_CHECKING:
    from atomicapp.images.build import PackageInfo

EXAMPLES = """
  atomicapp build ./myapp -t localhost:5000/myapp && atomicapp push localhost:5000/myapp
  atomicapp build ./myapp -t oci:./out:1.0
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("app", metavar="PATH", nargs="?", help="the folder of the app (default: $IMAGE)")
    parser.add_argument("-t", "--tag", metavar="REF", required=True, help="the name of the package, or oci:DIR[:TAG]")
    parser.add_argument(
        "--tool-image", metavar="REF", default="", help="the image of atomicapp that the RUN label names"
    )
    opts.output(parser)


def run(options: argparse.Namespace, ui: Ui) -> int:
    from atomicapp.images import build, oci
    from atomicapp.images.localstore import LocalImages
    from atomicapp.images.reference import Reference

    text = opts.required_app(options)
    folder = pipeline.path_of(text)
    if folder is None:
        raise UsageError(f"there is no folder {text}", hint="`build` takes the folder of an app")
    app = resolve(folder)
    for node in walk(app):
        ui.issues(node.nulecule.issues)
    image = build.build(
        folder, _info(app), tool_image=options.tool_image or build.TOOL_IMAGE, epoch=build.source_date_epoch(os.environ)
    )
    if options.tag.startswith(oci.SCHEME):
        place, tag = oci.split_name(options.tag)
        oci.write(Path(in_host(str(place))), image, tag or "latest")
        reference = options.tag
    else:
        name = Reference.parse(options.tag)
        if name.digest:
            raise UsageError("a package is built under a tag, not under a digest", hint=f"build -t {name.name}:TAG")
        store = Store()
        store.folder(store.root)
        LocalImages(store.images).add(image, name)
        reference = name.familiar
    stored = image.manifest.size
    if ui.as_json:
        ui.report({"reference": reference, "digest": image.digest, "size": stored})
        return 0
    ui.print(f"built {reference} ({size(stored)})")
    ui.print(image.digest)
    if not options.tag.startswith(oci.SCHEME):
        ui.info(f"next: `atomicapp push {reference}`, or `atomicapp run {reference}`")
    return 0


def _info(app: App) -> PackageInfo:
    """What the labels say, out of the Nulecule."""
    from atomicapp.images.build import PackageInfo

    metadata = app.nulecule.metadata

    def text(key: str) -> str:
        value = metadata.get(key)
        return value if isinstance(value, str) else ""

    found = metadata.get("license")
    licenses = found.get("name") if isinstance(found, dict) else found
    return PackageInfo(
        id=app.nulecule.id,
        specversion=app.nulecule.specversion,
        providers=common_providers(app),
        title=text("name"),
        description=text("description"),
        version=text("appversion"),
        licenses=licenses if isinstance(licenses, str) else "",
    )
