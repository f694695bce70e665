"""Compose files on a real cluster: what is written is taken by the server, and a small app really runs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import yaml

from atomicapp.emit import emit
from atomicapp.providers.kubernetes.writer import Around, write
from tests.compose.files import NAMES, read_input
from tests.engines.cluster import Cluster, RefusedError

pytestmark = pytest.mark.engine

PATHS = {
    "v1": "/api/v1",
    "apps/v1": "/apis/apps/v1",
    "batch/v1": "/apis/batch/v1",
    "networking.k8s.io/v1": "/apis/networking.k8s.io/v1",
}
PLURALS = {"NetworkPolicy": "networkpolicies"}


@pytest.fixture(scope="module")
def space(cluster: Cluster) -> Iterator[str]:
    """A namespace that the tests of this file share, for nothing stays in it."""
    name = cluster.make_namespace()
    yield name
    cluster.remove_namespace(name)


def refusals(cluster: Cluster, namespace: str, bodies: list[dict[str, object]]) -> list[str]:
    """What the server says against objects in its dry run, where fields that it doesn't know count."""
    found = []
    for body in bodies:
        kind, name = str(body["kind"]), body["metadata"]["name"]  # type: ignore[index]
        plural = PLURALS.get(kind, f"{kind.lower()}s")
        path = f"{PATHS[str(body['apiVersion'])]}/namespaces/{namespace}/{plural}/{name}"
        query = "dryRun=All&fieldManager=tests&fieldValidation=Strict&force=true"
        try:
            cluster.call("PATCH", f"{path}?{query}", body, kind="application/apply-patch+yaml")
        except RefusedError as refused:
            found.append(f"{kind} {name}: {refused}")
    return found


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("waiting", [False, True])
def test_the_server_takes_what_is_written(cluster: Cluster, space: str, name: str, waiting: bool) -> None:
    written = write(read_input(name, ("*",)), Around("" if waiting else "an app", waiting=waiting))
    assert written.issues == ()
    bodies = [yaml.safe_load(emit(item.body)) for item in written.objects]
    assert bodies == [item.body for item in written.objects]
    assert refusals(cluster, space, bodies) == []
