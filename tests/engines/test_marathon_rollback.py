"""Updates of apps that fail or hang, on the contract server for Marathon: what is rolled back, and how that is told."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from atomicapp.errors import EngineError
from atomicapp.model import COMPOSE, KEEP, UPDATE, Artifact, Rendered, Target
from atomicapp.providers import marathon
from atomicapp.providers.marathon import ready as waiting
from atomicapp.providers.marathon import rollback
from tests.engines.marathon_apps import HERE, Life, app
from tests.engines.marathon_contract import Behaviour, Server, Settings, Simulated
from tests.engines.marathon_contract.backends import Place
from tests.engines.marathon_contract.http import Fault
from tests.engines.marathon_contract.specs import Spec, read

LABELS = {"io.atomicapp.failure-action": "rollback"}
DELETE = r"^DELETE /v2/deployments/"


class ByMode(Simulated):
    """What a task does is said by its variable MODE."""

    modes: dict[str, Behaviour]

    def launch(self, place: Place, spec: Spec) -> None:
        self.behaviours[place.app] = self.modes.get(spec["env"].get("MODE", ""), Behaviour())
        super().launch(place, spec)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(waiting, "STEADY", 0.1)
    monkeypatch.setattr(waiting, "FRESH", 0.01)
    backend = ByMode(0.02)
    backend.modes = {"bad": Behaviour(status=5, stdout="mode bad\n"), "hangs": Behaviour(never=True)}
    found = Server(Settings(step=0.02), backend).start()
    yield found
    found.stop()


def one(mode: str, **fields: Any) -> str:
    return app("/one", env={"MODE": mode}, **{"labels": LABELS, **fields})


def failed(life: Life, text: str) -> EngineError:
    """What is said of an update that fails."""
    with pytest.raises(EngineError) as caught:
        life.run(one=text)
    return caught.value


def mode(server: Server) -> str:
    return str(server.scheduler.apps["/one"].spec["env"]["MODE"])


def deployments(server: Server) -> list[str]:
    return [request.partition("?")[0].partition(" ")[0] for request in server.writes() if "/deployments/" in request]


def test_a_failed_update_is_rolled_back_where_the_app_says_so(server: Server) -> None:
    life = Life(server)
    life.run(one=one("good", instances=2))
    error = failed(life, one("bad", instances=2))
    assert "app /one was rolled back to what ran before, which runs again" in error.message
    assert "ended with exit code 5" in error.message
    assert "goes on" not in error.message
    assert error.log_tail == ("mode bad",)
    assert mode(server) == "good"
    assert deployments(server) == ["DELETE"]
    assert not server.scheduler.deployments
    assert [task.spec["env"]["MODE"] for task in server.scheduler.tasks.values()] == ["good", "good"]
    # the app as it was is what runs; the other one would be tried again
    assert {step.op for step in life.plan(life.wanted(one=one("good", instances=2)))} == {KEEP}
    assert {step.op for step in life.plan(life.wanted(one=one("bad", instances=2)))} == {UPDATE}


def test_an_update_that_hangs_is_rolled_back_when_the_time_is_over(server: Server) -> None:
    life = Life(server)
    life.run(one=one("good"))
    life.timeout = 0.3
    error = failed(life, one("hangs"))
    assert "was rolled back to what ran before, which runs again: it was not ready after 0.3 s" in error.message
    assert "staged" in error.message
    assert "may still come up" not in error.hint
    assert mode(server) == "good"


def test_without_the_label_it_is_left_and_the_deployment_is_named(server: Server) -> None:
    life = Life(server)
    life.run(one=one("good", labels={}))
    error = failed(life, one("bad", labels={}))
    (deployment,) = server.scheduler.deployments
    assert f"its deployment {deployment.id} goes on" in error.message
    assert "`run` again, which goes over it by force" in error.message
    assert f"roll it back: DELETE /v2/deployments/{deployment.id}" in error.message
    assert mode(server) == "bad"
    assert deployments(server) == []
    assert life.run(one=one("mended", labels={})) == {"app/one": UPDATE}


def test_a_deployment_that_is_gone_meanwhile_is_undone_by_the_version_before(server: Server) -> None:
    life = Life(server)
    life.run(one=one("good"))
    server.faults.append(Fault(DELETE, status=404, body=b'{"message": "DeploymentPlan x does not exist"}'))
    assert "was rolled back to what ran before, which runs again" in failed(life, one("bad")).message
    assert mode(server) == "good"
    assert deployments(server) == ["DELETE"]
    assert {step.op for step in life.plan(life.wanted(one=one("good")))} == {KEEP}


@pytest.mark.parametrize(
    ("status", "message"), [(409, "App is locked"), (403, "Max number (1) of running deployments is achieved.")]
)
def test_a_deployment_that_marathon_does_not_undo_is_given_up_by_force(
    server: Server, status: int, message: str
) -> None:
    life = Life(server)
    life.run(one=one("good"))
    server.faults.append(Fault(DELETE, status=status, body=b'{"message": "%s"}' % message.encode()))
    assert "was rolled back to what ran before, which runs again" in failed(life, one("bad")).message
    assert mode(server) == "good"
    assert [request for request in server.writes() if "/deployments/" in request][1].endswith("?force=true")


def test_a_rollback_that_fails_is_told(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    life = Life(server)
    life.run(one=one("good"))
    backend = server.scheduler.backend
    assert isinstance(backend, ByMode)
    backend.modes["good"] = Behaviour(status=7)
    error = failed(life, one("bad", upgradeStrategy={"minimumHealthCapacity": 0, "maximumOverCapacity": 0}))
    assert (
        "could not be rolled back (the version before does not run either: it ended with exit code 7" in error.message
    )
    assert "exit code 5" in error.message
    (deployment,) = server.scheduler.deployments
    assert error.message.endswith(
        f"its deployment {deployment.id} goes on: mend it and `run` again, which goes over it by force"
    )
    assert mode(server) == "good"
    backend.modes["good"] = Behaviour()
    life.run(one=one("good"))
    backend.modes["good"] = Behaviour(never=True)
    monkeypatch.setattr(rollback, "RESTORED_WITHIN", 0.2)
    error = failed(life, one("bad", upgradeStrategy={"minimumHealthCapacity": 0, "maximumOverCapacity": 0}))
    assert "could not be rolled back (the version before does not run again after 0.2 s" in error.message


def test_a_rollback_that_is_refused_is_told_and_so_is_an_answer_that_is_lost(server: Server) -> None:
    life = Life(server)
    life.run(one=one("good"))
    server.faults.append(Fault(DELETE, status=403, body=b'{"message": "Not Authorized to perform this action!"}'))
    error = failed(life, one("bad"))
    assert "could not be rolled back (Not Authorized to perform this action!)" in error.message
    assert "exit code 5" in error.message
    life.run(one=one("good"))
    server.faults.append(Fault(DELETE, drop=True))
    assert "could not be rolled back" in failed(life, one("bad")).message


def test_an_app_that_can_not_be_asked_for_is_said_where_a_rollback_was_wanted_only(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("atomicapp.providers.marathon.client.PAUSES", ())
    life = Life(server)
    for labels, said in ((LABELS, "could not be rolled back (can't reach Marathon"), ({}, "")):
        life.run(one=one("good", labels=labels))
        wanted = life.wanted(one=one("bad", labels=labels))
        (step,) = life.plan(wanted)
        with life.session() as session:
            session.apply(step, life.app, 2, lambda key, text: None)
            server.faults.append(Fault("^GET /v2/apps/one", drop=True))
            found = session.restore(wanted[-1], lambda text: None)
        assert found.outcome.startswith(said)
        assert bool(found.outcome) == bool(said)


def test_what_someone_else_has_put_in_its_place_is_left(server: Server) -> None:
    life = Life(server)
    life.run(one=one("good"))
    wanted = life.wanted(one=one("bad"))
    steps = life.plan(wanted)
    with life.session() as session:
        session.apply(steps[-1], life.app, 2, lambda key, text: None)
        theirs = {**server.scheduler.apps["/one"].spec, "env": {"MODE": "theirs"}}
        server.scheduler.change({"/one": theirs}, force=True)
        found = session.restore(wanted[-1], lambda text: None)
    assert found.outcome == "could not be rolled back (someone else has changed it meanwhile)"
    assert mode(server) == "theirs"


def test_there_is_nothing_to_go_back_to_at_first(server: Server) -> None:
    life = Life(server)
    error = failed(life, one("bad"))
    assert "rolled back" not in error.message
    assert "`run` again, which goes over it by force" in error.message
    again = failed(life, one("bad", user="nobody"))
    assert "no version of it ran well before that it could be rolled back to" in again.message
    assert mode(server) == "bad"
    assert deployments(server) == []


@pytest.mark.parametrize(("action", "label"), [("rollback", LABELS), ("pause", {}), ("continue", {})])
def test_a_compose_file_says_it_by_its_failure_action(action: str, label: dict[str, str]) -> None:
    text = f"services: {{one: {{image: web, deploy: {{update_config: {{failure_action: {action}}}}}}}}}"
    rendered = Rendered((Artifact("one", COMPOSE, "one.yaml", text, "one.yaml", HERE),))
    (found,) = marathon.parse(rendered, Target("app")).resources
    assert found.body["app"].get("labels", {}) == label


def test_a_plan_shows_the_label_when_it_comes_and_goes(server: Server) -> None:
    life = Life(server)
    life.run(one=one("good"))
    (step,) = life.plan(life.wanted(one=one("good", labels={"io.atomicapp.failure-action": "pause"})))
    change = ("labels/io.atomicapp.failure-action", "rollback", "pause")
    assert [(found.path, found.old, found.new) for found in step.changes] == [change]
    (step,) = life.plan(life.wanted(one=one("good", labels={})))
    assert [(found.path, found.new) for found in step.changes] == [(change[0], None)]


def test_the_contract_server_reverts_and_gives_up(server: Server) -> None:
    def ask(method: str, path: str) -> tuple[int, Any]:
        try:
            with urllib.request.urlopen(urllib.request.Request(server.url + path, method=method)) as answer:
                text = answer.read()
                return answer.status, json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read())

    spec = read({**json.loads(one("good")), "cpus": 0.1}, (1, 8))
    server.scheduler.change({"/one": spec}, force=True)
    first = server.scheduler.apps["/one"].version
    hanging = server.scheduler.change({"/one": {**spec, "cpus": 1e6}}, force=True)
    status, told = ask("DELETE", f"/v2/deployments/{hanging.id}")
    assert (status, sorted(told)) == (200, ["deploymentId", "version"])
    assert told["deploymentId"] != hanging.id
    assert server.scheduler.apps["/one"].spec["cpus"] == 0.1
    again = server.scheduler.change({"/one": {**spec, "cpus": 1e6}}, force=True)
    assert ask("DELETE", f"/v2/deployments/{again.id}?force=true") == (202, None)
    assert server.scheduler.apps["/one"].spec["cpus"] == 1e6
    assert ask("DELETE", f"/v2/deployments/{again.id}") == (
        404,
        {"message": f"DeploymentPlan {again.id} does not exist"},
    )
    assert ask("GET", f"/v2/apps/one/versions/{first}")[1]["cpus"] == 0.1
    assert first in ask("GET", "/v2/apps/one/versions")[1]["versions"]
    assert ask("GET", "/v2/apps/one/versions/2000-01-01T00:00:00.000Z")[0] == 404
