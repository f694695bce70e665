"""What the writer makes of the text of a Compose file, for the tests of this folder."""

from __future__ import annotations

from typing import Any

from atomicapp.providers.kubernetes.writer import Around, Object, write
from atomicapp.workload.compose import read
from atomicapp.workload.project import Project
from tests.compose import keys

Body = dict[str, Any]


def project(text: str) -> Project:
    """The project of a text."""
    return read(text, "compose.yaml", variables=keys.VARIABLES, files=keys.FILES.__getitem__)


def written(text: str, **around: Any) -> dict[str, Object]:
    """What a text becomes, by KIND/NAME; nothing may be wrong with it."""
    found = write(project(text), Around(**around))
    assert found.issues == ()
    objects = {f"{item.body['kind']}/{item.body['metadata']['name']}": item for item in found.objects}
    assert len(objects) == len(found.objects)
    return objects


def bodies(text: str, **around: Any) -> dict[str, Body]:
    """The bodies alone."""
    return {key: item.body for key, item in written(text, **around).items()}


def service(said: str, rest: str = "", **around: Any) -> dict[str, Body]:
    """The bodies of a file whose one service `web` says this; `rest` follows."""
    lines = "".join(f"    {line}\n" for line in said.split("\n"))
    return bodies(f"services:\n  web:\n    image: example/web:1\n{lines}{rest}", **around)


def pod(said: str, rest: str = "", **around: Any) -> Body:
    """The pod of a file's one service."""
    found = service(said, rest, **around)
    kinds = ("Deployment", "StatefulSet", "DaemonSet", "Job")
    workload = next(found[f"{kind}/web"] for kind in kinds if f"{kind}/web" in found)
    spec: Body = workload["spec"]["template"]["spec"]
    return spec


def container(said: str, rest: str = "", **around: Any) -> Body:
    """The container of a file's one service."""
    found: Body = pod(said, rest, **around)["containers"][0]
    return found
