"""All that was recorded of a real fleet, replayed against the contract server, on a clock that is moved by hand."""

from __future__ import annotations

import http.client
import json
import re
import socket
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.engines.fleet_contract.cluster import Cluster, MachineSpec, ManualClock, Settings
from tests.engines.fleet_contract.machines import SimulatedSystemd
from tests.engines.fleet_contract.server import Server

RECORDED = Path(__file__).resolve().parents[3] / "shared" / "fleet-contract.json"
CONTRACT: dict[str, Any] = json.loads(RECORDED.read_text()) if RECORDED.is_file() else {"scenarios": []}
SCENARIOS: list[dict[str, Any]] = CONTRACT["scenarios"]

SLACK = 12.0
"""Seconds beyond the recorded ones: agents act on a tick of 5 s, and not all of them at once."""
STEP = 0.1
UNDECIDED = {"s20", "s47"}
"""Where several units came in one pass of the engine, whose order is that of a map: machines are not compared."""

pytestmark = pytest.mark.skipif(not SCENARIOS, reason="the recordings (../shared/fleet-contract.json) are not at hand")


class Replay:
    """One scenario on a server of its own."""

    def __init__(self, scenario: dict[str, Any], folder: Path) -> None:
        self.scenario = scenario
        config, fixtures = scenario["config"], CONTRACT["fixtures"]
        self.clock = ManualClock()
        machines = [MachineSpec(item["id"], item["primaryIP"], item["metadata"]) for item in fixtures["machines"]]
        settings = Settings(
            token_limit=config["token_limit"],
            agent_ttl=float(config["agent_ttl"].removesuffix("s")),
            engine_interval=config["engine_reconcile_interval"],
            etcd_request_timeout=fixtures["etcd_request_timeout_seconds"],
            agent_first=2.0,
        )
        self.cluster = Cluster(machines[: config["machines"]], settings, self.clock)
        self.socket = str(folder / "fleet.sock")
        self.server = Server(self.cluster, self.socket, pump=False)

    def run(self) -> None:
        for number, step in enumerate(steps := self.scenario["steps"]):
            where = f"step {number}: {json.dumps(step)[:600]}"
            if "request" in step:
                self.answer(step["request"], step["response"], where)
            for request in step.get("setup", ()):
                self.send(request)
            if "wait_until" in step:
                begun, took = self.clock.time, step["observed_seconds"]
                come = self.until(partial(self.holds, step["wait_until"]), (took or 40) + SLACK)
                assert come == (took is not None), where
                self.advance(begun + (took or 0) - self.clock.time)
            # two of one unit are one, which was cut in two while it moved
            if "timeline" in step and step["timeline"] != dict(*steps[number + 1 : number + 2]).get("timeline"):
                self.timeline(step["timeline"], step["samples"], where)
            self.advance(step.get("pause_seconds", 0))
            if "event" in step:
                self.event(step["event"])

    def advance(self, seconds: float) -> None:
        end = self.clock.time + seconds
        while self.clock.time + STEP < end:
            self.clock.sleep(STEP)
            self.cluster.pump()
        self.clock.time = max(self.clock.time, end)
        self.cluster.pump()

    def until(self, true: Callable[[], bool], seconds: float) -> bool:
        end = self.clock.time + seconds
        while not true():
            if self.clock.time > end:
                return False
            self.advance(STEP)
        return True

    # ------------------------------------------------------------ requests

    def send(self, request: dict[str, Any]) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("fleet")
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(self.socket)
        path = request["path"] + (f"?{request['query']}" if request.get("query") else "")
        connection.putrequest(request["method"], filled(path), skip_accept_encoding=True)
        for name, value in request.get("headers", ()):
            connection.putheader(name, value)
        data = b""
        if "body" in request:
            data = filled(json.dumps(request["body"])).encode()
        elif "body_text" in request:
            data = filled(request["body_text"]).encode()
        connection.putheader("Content-Length", str(len(data)))
        connection.endheaders(data)
        try:
            answer = connection.getresponse()
            answer.text = answer.read().decode()  # type: ignore[attr-defined]
        finally:
            connection.close()
        return answer

    def answer(self, request: dict[str, Any], wanted: dict[str, Any], where: str) -> None:
        if "connection" in wanted:
            with pytest.raises(http.client.RemoteDisconnected):
                self.send(request)
            return
        found = self.send(request)
        text: str = found.text  # type: ignore[attr-defined]
        assert found.status == wanted["status"], f"{where}\n{text}"
        for name in ("Content-Type", "Location"):
            assert found.headers.get(name) == wanted.get("headers", {}).get(name), where
        assert found.headers["Server"].startswith("fleetd/")
        if "body_text" in wanted:
            assert text == wanted["body_text"], where
        elif "body_subset" in wanted:
            assert {key: json.loads(text).get(key) for key in wanted["body_subset"]} == wanted["body_subset"], where
        else:
            body = json.loads(text) if text else None
            expected = json.loads(filled(json.dumps(wanted["body"])))
            assert self.comparable(body) == self.comparable(expected), where

    def comparable(self, body: Any) -> Any:
        if self.scenario["id"] not in UNDECIDED:
            return body
        return json.loads(re.sub(r'"machineID": "\d+"', '"machineID": "?"', json.dumps(body)))

    # ------------------------------------------------------------ states over time

    def holds(self, wanted: dict[str, Any]) -> bool:
        name = wanted["name"]
        if wanted["resource"] == "unit":
            unit = self.cluster.units.get(name)
            shown = {} if unit is None else self.cluster.shown(unit, listed=False)
            return all(shown.get(key) == value for key, value in wanted["match"].items())
        entries = self.cluster.listed_states(name)
        if wanted.get("gone"):
            return not entries
        return bool(sum(1 for entry in entries if wanted["match"].items() <= entry.items()) >= wanted.get("count", 1))

    def snapshot(self, name: str) -> dict[str, Any]:
        unit = self.cluster.units.get(name)
        shown = None
        if unit is not None and not unit.poisoned:
            found = self.cluster.shown(unit, listed=False)
            shown = {key: found[key] for key in ("desiredState", "currentState", "machineID") if key in found}
        entries = self.cluster.listed_states(name)
        return {"unit": shown, "state": [{key: entry[key] for key in entry if key != "name"} for entry in entries]}

    def timeline(self, name: str, samples: list[dict[str, Any]], where: str) -> None:
        wanted = [{"unit": sample.get("unit"), "state": sample["state"]} for sample in samples]
        last = max(sample["t"] for sample in samples)
        self.advance(last if last > 0 else 6)
        assert self.until(lambda: self.snapshot(name) == wanted[-1], last + SLACK), (
            f"{where}\nis {self.snapshot(name)}\nand not {wanted[-1]}"
        )

    def event(self, text: str) -> None:
        first = next(iter(self.cluster.machines.values()))
        if "cause of the failure is removed" in text:
            for machine in self.cluster.machines.values():
                assert isinstance(machine.systemd, SimulatedSystemd)
                machine.systemd.files.add("/tmp/go")
        elif found := re.match(r"systemctl stop (\S+) on its machine", text):
            self.cluster.machines[self.cluster.units[found[1]].machine].systemd.stop(found[1])
        elif "stops answering, without a word" in text:
            self.advance(5)  # what was published has some age by then
            self.cluster.freeze(first.id)
        elif "machine comes back" in text:
            self.cluster.thaw(first.id)
        elif "etcd stops answering" in text:
            self.cluster.silence_etcd()
        else:
            assert "etcd answers again" in text
            self.cluster.restore_etcd()


def filled(text: str) -> str:
    """`<N c>` stands for N times the letter c."""
    return re.sub(r"<(\d+) (.)>", lambda found: found[2] * int(found[1]), text)


@pytest.fixture
def replay(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Replay]:
    found = Replay(request.param, tmp_path)
    yield found
    found.server.close()


@pytest.mark.parametrize("replay", SCENARIOS, ids=[scenario["id"] for scenario in SCENARIOS], indirect=True)
def test_the_contract_server_answers_as_recorded(replay: Replay) -> None:
    replay.run()
