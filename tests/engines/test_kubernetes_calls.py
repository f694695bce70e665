"""What the command line asks of a cluster for an app of 100 objects, and a server that breaks in the middle of it."""

from __future__ import annotations

import json
import re
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engines.cluster import Cluster
from tests.engines.program import Program
from tests.engines.recording_proxy import RecordingProxy, Request, recording

pytestmark = [pytest.mark.engine, pytest.mark.slow]

COMPONENTS = 25
OBJECTS = 4 * COMPONENTS

ARTIFACT = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: $name}
data: {LEVEL: $level}
---
apiVersion: v1
kind: Secret
metadata: {name: $name}
stringData: {password: $password}
---
apiVersion: v1
kind: Service
metadata: {name: $name}
spec: {selector: {app: $name}, ports: [{port: 80}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: $name}
spec:
  replicas: 0
  selector: {matchLabels: {app: $name}}
  template:
    metadata: {labels: {app: $name}}
    spec: {containers: [{name: main, image: registry.example.com/none}]}
"""

LISTS = re.compile(r"^/(?:api|apis/(?P<group>[^/]+))/[^/]+(?:/namespaces/[^/]+)?/(?P<plural>[^/?]+)\?")


def nulecule(components: int) -> str:
    params = "params: [{name: level, default: info}, {name: password, default: s3cret-word, hidden: true}]"
    items = "".join(
        f"  - name: c{number}\n    params: [{{name: name, default: c{number}}}]\n"
        f"    artifacts: {{kubernetes: [file://objects.yaml]}}\n"
        for number in range(components)
    )
    return f"specversion: 0.0.2\nid: hundred\n{params}\ngraph:\n{items}"


class Watched:
    """An app of so many components, with four objects each, and the program behind a recording proxy."""

    def __init__(self, folder: Path, proxy: RecordingProxy, cluster: Cluster, namespace: str, components: int) -> None:
        self.folder, self.proxy, self.cluster, self.namespace = folder, proxy, cluster, namespace
        self.name = f"calls-{uuid.uuid4().hex[:8]}"
        self.app = folder / "app"
        self.app.mkdir()
        (self.app / "Nulecule").write_text(nulecule(components))
        (self.app / "objects.yaml").write_text(ARTIFACT)
        self.program = Program(folder / "state")

    def words(self, verb: str, *more: str) -> tuple[str, ...]:
        where = (
            "--namespace",
            self.namespace,
            "--provider-api",
            self.proxy.host,
            "--provider-auth",
            self.cluster.token,
        )
        return verb, str(self.app), "--provider", "kubernetes", "--name", self.name, *where, *more

    def do(self, verb: str, *more: str) -> str:
        return self.program(*self.words(verb, *more))

    def fails(self, *more: str) -> str:
        """What it says on standard error when `run` ends with 1."""
        done = self.program.attempt(*self.words("run", "--no-wait", *more))
        assert done.returncode == 1, done.stderr
        return done.stderr

    def files(self) -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in self.folder.rglob("*") if path.is_file()}

    def held(self, plural: str = "configmaps") -> set[str]:
        root = "/apis/apps/v1" if plural == "deployments" else "/api/v1"
        path = f"{root}/namespaces/{self.namespace}/{plural}?labelSelector=io.atomicapp.name%3D{self.name}"
        return {item["metadata"]["name"] for item in self.cluster.call("GET", path)["items"]}

    def caches(self) -> list[Path]:
        return list((self.folder / "state").rglob("kubernetes-*.json"))


@pytest.fixture
def proxy(cluster: Cluster) -> Iterator[RecordingProxy]:
    with recording(cluster.server, cafile=cluster.cafile) as found:
        yield found


@pytest.fixture
def hundred(tmp_path: Path, proxy: RecordingProxy, cluster: Cluster, namespace: str) -> Watched:
    return Watched(tmp_path, proxy, cluster, namespace, COMPONENTS)


@pytest.fixture
def few(tmp_path: Path, proxy: RecordingProxy, cluster: Cluster, namespace: str) -> Watched:
    return Watched(tmp_path, proxy, cluster, namespace, 3)


def lists(requests: list[Request]) -> Counter[tuple[str, str]]:
    """How often each kind was listed, by (group, plural)."""
    matches = (LISTS.match(found.path) for found in requests if found.method == "GET")
    return Counter((match["group"] or "", match["plural"]) for match in matches if match)


def discovered(requests: list[Request]) -> list[str]:
    return [found.path for found in requests if found.path in ("/api", "/apis")]


def changing(requests: list[Request]) -> list[Request]:
    """What may change something on the server: a dry run there does not."""
    return [found for found in requests if found.writes and "dryRun=All" not in found.path]


OURS = {("", "configmaps"), ("", "secrets"), ("", "services"), ("apps", "deployments")}


def test_a_second_run_lists_each_kind_once_and_writes_nothing(hundred: Watched) -> None:
    hundred.do("run")
    first = list(hundred.proxy.requests)
    patched = Counter(found.path.split("/")[-2] for found in first if found.method == "PATCH")
    assert patched == dict.fromkeys(("configmaps", "secrets", "services", "deployments"), COMPONENTS)
    assert len(changing(first)) == OBJECTS
    assert len(hundred.caches()) == 1
    hundred.proxy.forget()
    assert "nothing to do" in hundred.do("run")
    second = hundred.proxy.requests
    assert [found for found in second if found.method != "GET"] == []
    found = lists(second)
    assert set(found) >= OURS
    assert set(found.values()) == {1}, "one list for each kind"
    assert sorted(discovered(second)) == ["/api", "/apis"]
    assert len(second) == 2 + len(found), "and nothing else"
    unchanged = [request for request in second if request.asks_whether_changed]
    assert sorted(discovered(unchanged)) == ["/api", "/apis"]


@pytest.mark.parametrize("words", [("plan",), ("run", "--dry-run"), ("run", "--dry-run", "-o", "json")])
def test_a_plan_or_dry_run_writes_nothing_anywhere(hundred: Watched, words: tuple[str, ...]) -> None:
    before = hundred.files()
    assert "create" in hundred.do(*words)
    assert changing(hundred.proxy.requests) == []
    assert hundred.files() == before, "nothing is there yet, and nothing is written"
    hundred.do("run", "--no-wait")
    kept = hundred.files()
    hundred.proxy.forget()
    shown = hundred.do(*words, "-p", "level=debug", "-p", "password=an0ther-word")
    assert "debug" in shown
    assert "an0ther-word" not in shown
    assert changing(hundred.proxy.requests) == []
    tried = [request for request in hundred.proxy.requests if request.writes]
    assert {request.method for request in tried} == {"PATCH"}
    assert len(tried) == 2 * COMPONENTS, "a ConfigMap and a Secret of each component"
    assert set(lists(hundred.proxy.requests).values()) == {1}
    assert hundred.files() == kept


# ---------------------------------------------------------------- a server that breaks in the middle


def test_a_server_that_is_gone_in_the_middle(few: Watched) -> None:
    few.proxy.cut, few.proxy.spare, few.proxy.dies = re.compile("^PATCH"), 5, True
    said = few.fails()
    assert re.search(r"objects\.yaml:\d+", said), said
    assert re.search(r"\bc\d\b", said), "the component is named"
    assert "can't reach the Kubernetes API" in said
    assert re.search("done before: .*create", said)
    assert re.search("not begun: .*create", said)
    sent = sum(request.method == "PATCH" for request in few.proxy.requests)
    assert sent <= 5 + 4, "what is under way ends, and nothing more is begun"
    made = sum(len(few.held(plural)) for plural in ("configmaps", "secrets", "services"))
    assert made == 5, "five were let through"
    few.proxy.mend()
    few.proxy.forget()
    few.do("run")
    again = [request for request in few.proxy.requests if request.method == "PATCH"]
    assert len(again) == 12 - made, "what was done is not done again"
    assert few.held("deployments") == {"c0", "c1", "c2"}
    few.proxy.forget()
    assert "nothing to do" in few.do("run")


GARBAGE = {
    "no HTTP": b"\x00\x01 garbage \xff\r\n\r\n",
    "no JSON": b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>",
    "no object": b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnull",
    "half of it": b'HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n{"kind": "ConfigMap"',
    "a page of a proxy": b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 13\r\n\r\n<h1>oops</h1>",
    "another place": b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n",
}


@pytest.mark.parametrize("answer", GARBAGE.values(), ids=GARBAGE.keys())
def test_a_server_that_answers_garbage_in_the_middle(few: Watched, answer: bytes) -> None:
    few.proxy.cut, few.proxy.spare, few.proxy.instead = re.compile("^PATCH"), 5, answer
    said = few.fails()
    assert few.proxy.host in said or "HTTP status 502: <h1>oops" in said or "it sends us to http://127.0.0.1:9/" in said
    assert re.search(r"objects\.yaml:\d+", said), said
    assert re.search("not begun: .*create", said)
    few.proxy.mend()
    few.do("run")
    assert few.held("deployments") == {"c0", "c1", "c2"}


@pytest.mark.parametrize("answer", GARBAGE.values(), ids=GARBAGE.keys())
@pytest.mark.parametrize("asked", ["^GET /apis$", "^GET .*/secrets"], ids=["discovery", "list"])
def test_a_server_that_answers_garbage_when_it_is_looked_at(few: Watched, asked: str, answer: bytes) -> None:
    few.proxy.cut, few.proxy.instead = re.compile(asked), answer
    said = few.fails()
    assert few.proxy.host in said
    assert len(said.strip().splitlines()) <= 3, said
    assert [request for request in few.proxy.requests if request.writes] == []


@pytest.mark.parametrize("asked", ["^GET .*/secrets", "^PATCH"], ids=["list", "apply"])
def test_a_server_that_hangs_is_not_waited_for_without_end(few: Watched, asked: str) -> None:
    few.proxy.cut, few.proxy.instead = re.compile(asked), None
    said = few.fails()
    assert f"can't reach the Kubernetes API at {few.proxy.host}" in said
    assert "timed out" in said
    few.proxy.mend()
    few.do("run")
    assert few.held("deployments") == {"c0", "c1", "c2"}


# ---------------------------------------------------------------- what is kept of discovery


def test_nothing_secret_is_kept_and_no_one_else_may_read_it(few: Watched) -> None:
    few.do("run", "--no-wait")
    (path,) = few.caches()
    text = path.read_text()
    assert few.cluster.token not in text
    assert few.proxy.host not in text
    assert "deployments" in text
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 1}'])
def test_a_cache_that_is_damaged_is_made_anew(few: Watched, text: str) -> None:
    few.do("run", "--no-wait")
    (path,) = few.caches()
    good = json.loads(path.read_text())
    path.write_text(text)
    few.proxy.forget()
    assert "nothing to do" in few.do("run")
    assert [request for request in few.proxy.requests if request.asks_whether_changed] == []
    made = json.loads(path.read_text())
    # not the whole: other tests may have defined kinds meanwhile
    assert (made.keys(), made["format"]) == (good.keys(), good["format"])
    assert "deployments" in path.read_text()
