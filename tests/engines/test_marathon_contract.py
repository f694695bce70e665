"""The contract server for Marathon itself: what the public description of the API says, and what the provider counts on."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest

from tests.engines.marathon_apps import app
from tests.engines.marathon_contract import Agent, Behaviour, Server, Settings, Simulated


@pytest.fixture
def server() -> Iterator[Server]:
    agents = (Agent("one", attributes={"disk": "ssd"}), Agent("two"), Agent("three", cpus=1))
    found = Server(Settings(step=0.02, stage=0.02, agents=agents)).start()
    yield found
    found.stop()


def ask(server: Server, method: str, path: str, body: str = "") -> tuple[int, Any]:
    request = urllib.request.Request(server.url + path, body.encode() or None, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read() or b"null")


def until(look: Callable[[], Any]) -> Any:
    end = time.monotonic() + 20
    while not (found := look()):
        assert time.monotonic() < end
        time.sleep(0.02)
    return found


def idle(server: Server) -> bool:
    return not ask(server, "GET", "/v2/deployments")[1]


def test_an_app_is_created_by_a_deployment_that_takes_time(server: Server) -> None:
    status, made = ask(server, "POST", "/v2/apps", app("web", instances=2))
    assert status == 201
    assert made["id"] == "/web"
    (deployment,) = ask(server, "GET", "/v2/deployments")[1]
    assert made["deployments"] == [{"id": deployment["id"]}]
    assert [step["actions"][0]["action"] for step in deployment["steps"]] == ["StartApplication", "ScaleApplication"]
    until(lambda: idle(server))
    found = ask(server, "GET", "/v2/apps//web")[1]["app"]
    assert (found["tasksRunning"], len(found["tasks"])) == (2, 2)
    assert found["upgradeStrategy"] == {"maximumOverCapacity": 1, "minimumHealthCapacity": 1}
    assert ask(server, "POST", "/v2/apps", app("/web"))[1] == {"message": "An app with id [/web] already exists."}


def test_what_a_deployment_holds_is_locked_and_can_be_forced_or_reverted(server: Server) -> None:
    ask(server, "POST", "/v2/apps", app("/web"))
    until(lambda: idle(server))
    stuck = ask(server, "PUT", "/v2/apps/web", json.dumps({"cpus": 1000}))[1]["deploymentId"]
    for method, path in (("PUT", "/v2/apps/web"), ("DELETE", "/v2/apps/web"), ("POST", "/v2/apps/web/restart")):
        status, found = ask(server, method, path, json.dumps({"cpus": 1}) if method == "PUT" else "")
        assert (status, found["deployments"]) == (409, [{"id": stuck}])

    def declined() -> list[dict[str, Any]]:
        (entry,) = ask(server, "GET", "/v2/queue")[1]["queue"]
        found: list[dict[str, Any]] = entry["processedOffersSummary"]["rejectSummaryLastOffers"]
        return found

    reasons = {item["reason"] for item in until(declined)}
    assert reasons == {"InsufficientCpus"}
    status, found = ask(server, "DELETE", f"/v2/deployments/{stuck}")
    assert status == 200
    until(lambda: idle(server))
    assert ask(server, "GET", "/v2/apps/web")[1]["app"]["cpus"] == 0.1
    ask(server, "PUT", "/v2/apps/web", json.dumps({"cpus": 1000}))
    assert ask(server, "PUT", "/v2/apps/web?force=true", json.dumps({"cpus": 0.2}))[0] == 200
    until(lambda: idle(server))
    assert ask(server, "DELETE", "/v2/deployments/none")[0] == 404


@pytest.mark.parametrize(
    ("text", "status", "path"),
    [
        ('{"id": 3}', 400, "/id"),
        ("{", 400, "/"),
        ('{"id": "/a", "cmd": "x", "env": {"A": 1}}', 400, "/env/A"),
        ('{"id": "/a", "cmd": "x", "nothing": 1}', 400, "/nothing"),
        ('{"id": "/A", "cmd": "x"}', 422, "/id"),
        ('{"id": "/a"}', 422, "/"),
        (
            '{"id": "/a", "cmd": "x", "upgradeStrategy": {"minimumHealthCapacity": 2}}',
            422,
            "/upgradeStrategy/minimumHealthCapacity",
        ),
        ('{"id": "/a", "cmd": "x", "constraints": [["a", "NEAR"]]}', 422, "/constraints(0)"),
    ],
)
def test_what_is_no_app_is_refused_with_its_field(server: Server, text: str, status: int, path: str) -> None:
    found = ask(server, "POST", "/v2/apps", text)
    assert found[0] == status
    assert found[1]["details"][0]["path"] == path


def test_what_is_absent_is_404(server: Server) -> None:
    assert ask(server, "GET", "/v2/apps/none") == (404, {"message": "App '/none' does not exist"})
    assert ask(server, "GET", "/v2/groups/none")[0] == 404
    assert ask(server, "GET", "/v3")[0] == 404


def test_label_selectors(server: Server) -> None:
    for name, labels in (("a", {"x": "1", "y": "p:q"}), ("b", {"x": "2"}), ("c", {})):
        ask(server, "POST", "/v2/apps", app(f"/{name}", labels=labels, instances=0))

    def picked(selector: str) -> str:
        rows = ask(server, "GET", f"/v2/apps?label={quote(selector)}")[1]["apps"]
        return "".join(row["id"].strip("/") for row in rows)

    wanted = {"x": "ab", "x==1": "a", "x!=1": "b", "x in (1, 2)": "ab", "x notin (1)": "b", "x,y": "a", r"y==p\:q": "a"}
    assert {selector: picked(selector) for selector in wanted} == wanted


def test_groups_start_in_the_order_of_dependencies(server: Server) -> None:
    one = json.loads(app("one", dependencies=["two"]))
    group = {
        "id": "/g",
        "apps": [one, json.loads(app("two"))],
        "groups": [{"id": "in", "apps": [json.loads(app("three"))]}],
    }
    assert ask(server, "PUT", "/v2/groups", json.dumps(group))[0] == 201
    until(lambda: idle(server))
    starts = {task["appId"]: task["startedAt"] for task in ask(server, "GET", "/v2/tasks")[1]["tasks"]}
    assert starts["/g/two"] < starts["/g/one"]
    found = ask(server, "GET", "/v2/groups/g")[1]
    assert [item["id"] for item in found["apps"]] == ["/g/one", "/g/two"]
    assert found["groups"][0]["apps"][0]["id"] == "/g/in/three"
    assert ask(server, "DELETE", "/v2/groups/g")[0] == 200
    until(lambda: idle(server) and not ask(server, "GET", "/v2/tasks")[1]["tasks"])


def test_failures_delay_the_next_launch_more_and_more(server: Server) -> None:
    assert isinstance(server.scheduler.backend, Simulated)
    server.scheduler.backend.behaviours["/web"] = Behaviour(status=7)
    ask(server, "POST", "/v2/apps", app("/web", backoffSeconds=100))
    failure = until(lambda: ask(server, "GET", "/v2/apps/web")[1]["app"].get("lastTaskFailure"))
    assert (failure["state"], failure["message"]) == ("TASK_FAILED", "Container exited with status 7")
    (entry,) = ask(server, "GET", "/v2/queue")[1]["queue"]
    assert entry["delay"]["overdue"] is False
    assert 0 < entry["delay"]["timeLeftSeconds"] <= 100
    assert ask(server, "DELETE", "/v2/queue/web/delay")[0] == 204
    until(lambda: ask(server, "GET", "/v2/apps/web")[1]["app"]["lastTaskFailure"]["taskId"] != failure["taskId"])


@pytest.mark.parametrize(
    ("constraint", "hosts"),
    [
        (["hostname", "UNIQUE"], {"one", "two", "three"}),
        (["hostname", "CLUSTER", "two"], {"two"}),
        (["hostname", "LIKE", "t.*"], {"two", "three"}),
        (["disk", "LIKE", "ssd"], {"one"}),
        (["disk", "UNLIKE", "ssd"], {"two", "three"}),
        (["hostname", "GROUP_BY"], {"one", "two", "three"}),
        (["hostname", "MAX_PER", "1"], {"one", "two", "three"}),
    ],
)
def test_constraints_choose_the_agents(server: Server, constraint: list[str], hosts: set[str]) -> None:
    ask(server, "POST", "/v2/apps", app("/web", instances=3, constraints=[constraint], cpus=0.3))
    until(lambda: idle(server))
    found = {task["host"] for task in ask(server, "GET", "/v2/tasks")[1]["tasks"]}
    assert found <= hosts
    if constraint[1] in ("UNIQUE", "GROUP_BY", "MAX_PER"):
        assert found == hosts
