"""The Compose files of `inputs/`, as real projects have them; together they say every key."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from atomicapp.workload.compose import read
from atomicapp.workload.project import Project

INPUTS = Path(__file__).parent / "inputs"
NAMES = tuple(sorted(path.stem for path in INPUTS.glob("*.yaml")))
VARIABLES = {
    "ADMIN_PASSWORD": "hush-admin",
    "DB_PASSWORD": "hush-db",
    "EMPTY": "",
    "FROM_OUTSIDE": "outside",
    "PAYMENT_KEY": "hush-payment",
    "PORT": "80",
    "SETTINGS": '{"a": 1}',
    "STAGE": "test",
    "WORKER_TAG": "3.2",
}


def file_text(path: str) -> str:
    """The text of a file, by its path below `inputs/`."""
    return (INPUTS / path).read_text(encoding="utf-8")


def read_input(name: str, profiles: Sequence[str] = ()) -> Project:
    """The project of `inputs/NAME.yaml`."""
    file = f"{name}.yaml"
    return read(file_text(file), file, variables=VARIABLES, files=file_text, profiles=profiles)
