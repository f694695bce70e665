"""The guestbook on a real cluster: what one front end writes all others show, and the front end is scaled."""

from __future__ import annotations

import re
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.engines import samples
from tests.engines.cluster import Cluster
from tests.engines.program import Program
from tests.engines.registry import Registry
from tests.engines.samples import fetch

pytestmark = [pytest.mark.engine, pytest.mark.slow]


class Guestbook:
    """One deployment of the sample in a namespace of its own."""

    def __init__(self, program: Program, cluster: Cluster, registry: Registry) -> None:
        self.program = program
        self.cluster = cluster
        self.name = f"guestbook-{uuid.uuid4().hex[:8]}"
        self.namespace = cluster.make_namespace()
        samples.enforce(cluster, self.namespace, "restricted")
        self.app = f"{registry.host}/guestbook-app"

    def run(self, *words: str) -> str:
        given = ("-p", f"images={self.cluster.registry}/samples", *words)
        where = ("--provider", "kubernetes", "--namespace", self.namespace)
        return self.program("run", self.app, *given, *where, "--name", self.name)

    def rows(self, kind: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.cluster.call("GET", f"/api/v1/namespaces/{self.namespace}/{kind}")["items"]
        return found

    @property
    def url(self) -> str:
        (service,) = [row for row in self.rows("services") if row["metadata"]["name"] == "frontend"]
        return f"http://127.0.0.1:{service['spec']['ports'][0]['nodePort']}/"

    def front_ends(self) -> dict[str, str]:
        """Name -> address of each pod of the front end that is not on its way out."""
        return {
            row["metadata"]["name"]: f"http://{row['status']['podIP']}:8080/"
            for row in self.rows("pods")
            if row["metadata"]["labels"]["app.kubernetes.io/name"] == "guestbook"
            and "deletionTimestamp" not in row["metadata"]
        }

    def details(self) -> dict[str, str]:
        """Component -> what `status` says of its ReplicationController."""
        found = self.program.json("status", self.name)["resources"]
        return {item["component"]: item["detail"] for item in found if item["kind"] == "ReplicationController"}


@pytest.fixture(scope="module")
def guestbook(
    cluster: Cluster,
    registry: Registry,
    sample_images_in_cluster: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Guestbook]:
    folder = tmp_path_factory.mktemp("guestbook")
    program = Program(folder / "home", env={"KUBECONFIG": str(cluster.kubeconfig)})
    samples.package(program, folder / "packages", registry.host, "guestbook")
    found = Guestbook(program, cluster, registry)
    yield found
    cluster.remove_namespace(found.namespace)


@pytest.fixture
def running(guestbook: Guestbook) -> Guestbook:
    """The guestbook with one leader, two followers and three front ends, whatever an earlier test made of it."""
    guestbook.run()
    # a run leaves the counts of an earlier scale alone
    guestbook.program("scale", guestbook.name, "frontend=3", "redis-follower=2")
    return guestbook


def served_by(page: str) -> str:
    """The pod that made a page."""
    found = re.search("served by ([a-z0-9-]+)<", page)
    assert found, page
    return found[1]


def test_an_entry_shows_on_every_front_end(running: Guestbook) -> None:
    assert running.details() == {
        "redis-leader": "1 of 1 ready",
        "redis-follower": "2 of 2 ready",
        "frontend": "3 of 3 ready",
    }
    front_ends = running.front_ends()
    assert len(front_ends) == 3
    writer, *readers = front_ends.values()
    # after a form its page is shown, by the same pod
    assert served_by(fetch(writer, {"entry": "Ada & <b>Bob</b>"})) == next(iter(front_ends))
    for reader in readers:
        page = samples.until(lambda reader=reader: fetch(reader), lambda page: "Ada" in page)  # type: ignore[misc]
        assert "<li>Ada &amp; &lt;b&gt;Bob&lt;/b&gt;</li>" in page
        assert served_by(page) in front_ends
    assert "Ada" in fetch(running.url)


def test_every_follower_has_what_the_leader_was_told(running: Guestbook) -> None:
    entry = f"entry {uuid.uuid4().hex}"
    fetch(running.url, {"entry": entry})
    # one connection per request, so that the Service leads to one follower now and to the other then
    logs = running.program("logs", running.name, "--tail", "20")
    assert "POST / HTTP/1.1" in logs
    for _ in range(8):
        samples.until(lambda: fetch(running.url), lambda page: entry in page)


def test_the_front_end_is_scaled_up_and_down(running: Guestbook) -> None:
    before = set(running.front_ends())
    for count in (5, 2):
        running.program("scale", running.name, f"frontend={count}", "--provider", "kubernetes")
        assert "<title>Guestbook</title>" in fetch(running.url)
        assert running.details()["frontend"] == f"{count} of {count} ready"
        names = set(running.front_ends())
        assert len(names) == count
        assert names > before if count > len(before) else names < before, "those that stay are the same ones"
        before = names
    assert running.details()["redis-follower"] == "2 of 2 ready"


def test_a_bad_form_is_refused(running: Guestbook) -> None:
    request = urllib.request.Request(running.url, data=b"entry=" + b"x" * 20_000, method="POST")
    with pytest.raises(urllib.error.HTTPError, match="400"):
        urllib.request.urlopen(request, timeout=30)


def test_uninstall_leaves_nothing(running: Guestbook) -> None:
    running.program("uninstall", running.name)
    for kind in ("replicationcontrollers", "pods", "services", "persistentvolumeclaims", "secrets"):
        assert running.rows(kind) == []
    assert running.program.attempt("status", running.name).returncode == 1
