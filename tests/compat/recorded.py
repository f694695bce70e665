"""Where the records of the original lie, and its cases of the providers that have objects.

They are data of another project under another licence and stay outside this one: in the folder `shared` beside the
checkout, or where ATOMICAPP_SHARED says.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

ROOT = Path(__file__).resolve().parents[2]
COMPAT = Path(os.environ.get("ATOMICAPP_SHARED") or ROOT.parent / "shared") / "compat"
CHECKER = COMPAT / "check.py"
ABSENT = f"the records of the original are not there: {CHECKER}"


class Case(NamedTuple):
    """An app with answers, and the folder with what the original made of it."""

    app: str
    provider: str
    variant: str
    folder: Path

    @property
    def words(self) -> tuple[str, ...]:
        """What to say after the verb. Without answers the app brings its own."""
        answers = self.folder / "answers.conf"
        given = ("-a", str(answers)) if answers.exists() else ()
        return str(COMPAT / "apps" / self.app), "--provider", self.provider, *given

    @property
    def objects(self) -> list[dict[str, Any]]:
        """The objects that the original would have sent, had it left values as they are written."""
        found = json.loads((self.folder / "result.json").read_text())
        kept = [yaml.safe_load(path.read_text()) for path in self.folder.glob("preserving/**/*") if path.is_file()]
        better = {name_of(item): item for item in kept}
        return [better.get(name_of(item["object"]), item["object"]) for item in found["objects"]]

    def __str__(self) -> str:
        return f"{self.app}-{self.provider}-{self.variant}"


def name_of(body: dict[str, Any]) -> tuple[str, str]:
    return body["kind"], body["metadata"]["name"]


def cases(*variants: str) -> Iterator[Case]:
    """Those with objects; none where the records are not there."""
    for path in sorted(COMPAT.glob("golden/*/*/*/result.json")):
        app, provider, variant = path.parts[-4:-1]
        if provider in ("kubernetes", "openshift") and variant in variants:
            yield Case(app, provider, variant, path.parent)
