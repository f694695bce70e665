"""The table of the top level."""

from __future__ import annotations

from functools import partial

from atomicapp.document import Node
from atomicapp.workload.compose import forms, rooms, tables, tables_service
from atomicapp.workload.compose.context import Context
from atomicapp.workload.compose.items import Read
from atomicapp.workload.compose.kinds import TEXT
from atomicapp.workload.compose.shapes import As, Either, Many, Named, Obj, One, OneOrMany, Scalar

text = tables.text
INCLUDE = Many(
    Either(
        plain=As("path", text),
        mapping=Obj(
            {"path": OneOrMany(text), "env_file": OneOrMany(text), "project_directory": text}, extensible=False
        ),
    )
)
_SCHEDULE = Obj(
    {
        "cron": text,
        "timezone": text,
        "concurrency": tables.word("forbid", "queue"),
        "missed_fires": tables.word("one", "skip"),
    },
    required=("cron",),
)


def _triggers(context: Context, node: Node, found: dict[str, object], keys: dict[str, Node]) -> dict[str, object]:
    if not found:
        context.fault(node, "triggers: expected manual or schedule", "missing")
    return found


TRIGGERS = Obj({"manual": tables.boolean, "schedule": Many(Either(plain=text, mapping=_SCHEDULE))}, _triggers)
JOB = One(
    Obj(
        {
            **tables.container,
            **tables_service.workload,
            "profiles": tables.texts,
            "extends": tables_service.extends,
            "triggers": TRIGGERS,
        },
        required=("triggers",),
    )
)
SERVICE = Obj(tables_service.service, lambda _, node, found, keys: Read(node, found, keys), patient=True)

_named = partial(Named, check=tables.check_name, subjects=True)
TOP = Obj(
    {
        "version": text,
        "name": Scalar(TEXT, forms.project_name),
        "include": INCLUDE,
        "services": _named(SERVICE),
        "jobs": Named(JOB, tables.check_name, says=True, subjects=True),
        "models": _named(rooms.model),
        "networks": _named(rooms.network),
        "volumes": _named(rooms.volume),
        "secrets": _named(rooms.secret),
        "configs": _named(rooms.config),
    }
)
