"""The objects of real applications: what the original would have sent, what we want, and how they fare on a cluster."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from atomicapp.cli import parser, pipeline
from atomicapp.cli.ui import Ui
from atomicapp.errors import WARNING
from atomicapp.store import Store
from tests.compat.recorded import ABSENT, CHECKER, Case, cases, name_of
from tests.engines.cluster import Cluster
from tests.engines.program import Program

pytestmark = pytest.mark.skipif(not CHECKER.exists(), reason=ABSENT)

NAMESPACE = "default"
"""The one of the recorded answers."""
TOGETHER = 4


def plain(body: dict[str, Any]) -> dict[str, Any]:
    """An object without what is done otherwise on purpose.

    The original adds a label `namespace`, writes the namespace into the object where we say it in the request, and sends
    what is the server's to write (`status`) and fields that are null.
    """
    metadata = {name: value for name, value in body["metadata"].items() if name != "namespace"}
    labels = {name: value for name, value in (metadata.pop("labels", None) or {}).items() if name != "namespace"}
    rest = {name: value for name, value in body.items() if name != "status"}
    found: dict[str, Any] = without_nulls({**rest, "metadata": metadata | ({"labels": labels} if labels else {})})
    return found


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_nulls(inner) for name, inner in value.items() if inner is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("case", tuple(cases("defaults", "override")), ids=str)
def test_the_same_objects_are_wanted(case: Case) -> None:
    options = parser.for_verb("plan").parse_args([*case.words, "--namespace", NAMESPACE])
    parsed = pipeline.want(options, Ui(logtype="none"), Store(), keep=False).parsed
    found = {name_of(dict(item.body)): plain(dict(item.body)) for item in parsed.resources}
    assert found == {name_of(item): plain(item) for item in case.objects}
    assert {issue.code for issue in parsed.issues if issue.severity == WARNING} <= {"namespace"}


def params_for(case: Case, cluster: Cluster) -> tuple[str, ...]:
    """What an app needs to be told of this cluster: the address of skydns must be one of its range."""
    if case.app != "skydns-atomicapp":
        return ()
    first, second, *_ = cluster.call("GET", "/api/v1/namespaces/default/services/kubernetes")["spec"][
        "clusterIP"
    ].split(".")
    free = uuid.uuid4().bytes
    return "-p", f"skydns:dns_server={first}.{second}.{128 + free[0] % 100}.{1 + free[1] % 250}"


def life_of(case: Case, cluster: Cluster, home: Path) -> list[str]:
    """What is wrong with the life of an app in a namespace of its own."""
    namespace = cluster.make_namespace()
    try:
        program = Program(home)
        name = f"compat-{uuid.uuid4().hex[:8]}"
        where = (
            *case.words,
            *params_for(case, cluster),
            "--name",
            name,
            "--namespace",
            namespace,
            "--provider-config",
            str(cluster.kubeconfig),
        )
        program("run", *where, "--no-wait")
        wrong = [] if not program.json("plan", *where)["pending"] else ["the second plan has changes"]
        program("uninstall", name, "--purge-data")
        core = f"/api/v1/namespaces/{namespace}"
        for kind in ("pods", "services", "replicationcontrollers", "persistentvolumeclaims", "secrets"):
            left = [item["metadata"]["name"] for item in cluster.call("GET", f"{core}/{kind}")["items"]]
            wrong += [f"{kind} {item} is left" for item in left]
    except AssertionError as error:
        return [f"{case}: {error}"]
    finally:
        cluster.remove_namespace(namespace)
    return [f"{case}: {what}" for what in wrong]


@pytest.mark.engine
@pytest.mark.slow
def test_they_come_stay_and_go_on_a_cluster(openshift: Cluster, tmp_path: Path) -> None:
    """Their images can't be had, so nothing is waited for."""
    with ThreadPoolExecutor(TOGETHER) as pool:
        lives = [pool.submit(life_of, case, openshift, tmp_path / str(case)) for case in cases("defaults")]
        wrong = [text for life in lives for text in life.result()]
    assert not wrong, "\n".join(wrong)
