"""The fleet provider against its contract server: each way to fail, what is sent, many units, machines that are lost."""

from __future__ import annotations

import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from atomicapp.errors import EngineError
from atomicapp.model import Artifact, Rendered, Target
from atomicapp.planning import diff
from atomicapp.position import Position
from atomicapp.providers import fleet as provider
from atomicapp.providers.fleet import client as wire
from atomicapp.providers.fleet import times
from tests.contract.case import Case
from tests.contract.driver import carry_out, held, planned, run, session_of
from tests.engines.fleet import Fleet
from tests.engines.fleet_contract.cluster import Settings

HERE = Position("Nulecule", 1, 1)
SLEEP = "[Service]\nExecStart=/bin/sleep 3000\n"


def rendered(units: Mapping[str, str]) -> Rendered:
    """Unit files, `COMPONENT/NAME.service` -> text, as an app."""
    artifacts = [
        Artifact(path.partition("/")[0], "fleet", path.partition("/")[2], text, path.partition("/")[2], HERE)
        for path, text in units.items()
    ]
    return Rendered(tuple(artifacts))


def case_of(fleet: Fleet, app: str = "shop") -> Case:
    return Case(provider, Target(app, api=fleet.host), "", "", "", "")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Times of the provider that fit those of the server."""
    for name in ("PLACED", "REPORTED", "ENDED", "AGAIN"):
        monkeypatch.setattr(times, name, getattr(times, name) / 8)
    monkeypatch.setattr(times, "STEADY", 0.3)
    monkeypatch.setattr(times, "DONE", 0.3)
    monkeypatch.setattr(times, "LOOK", 0.1)
    monkeypatch.setattr(wire, "PAUSES", (0.02, 0.05))
    if "fleet" in request.fixturenames:
        for variable, value in request.getfixturevalue("fleet").environment.items():
            monkeypatch.setenv(variable, value)


def refused(case: Case, app: Rendered) -> EngineError:
    with pytest.raises(EngineError) as caught:
        run(case, app)
    return caught.value


def eventually(true: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


# ---------------------------------------------------------------- what is sent


def test_all_is_submitted_before_anything_is_launched_in_the_order_of_the_graph(fleet: Fleet) -> None:
    app = rendered({"db/db.service": SLEEP, "web/web@.service": SLEEP + "[X-Atomicapp]\nInstances=2\n"})
    run(case_of(fleet), app)
    writes = fleet.cluster.writes
    assert sorted(writes[:4]) == [
        "create db.service loaded",
        "create web@.service inactive",
        "create web@1.service loaded",
        "create web@2.service loaded",
    ]
    assert writes[4:] == [f"state {name} launched" for name in ("db.service", "web@1.service", "web@2.service")]


def test_a_second_run_and_a_plan_write_nothing_and_ask_once(fleet: Fleet) -> None:
    case = case_of(fleet)
    app = rendered({"web/web.service": SLEEP})
    planned(case, app)
    assert fleet.cluster.writes == []
    run(case, app)
    done = len(fleet.cluster.writes)
    fleet.server.requests.clear()
    assert run(case, app) == {}
    assert len(fleet.cluster.writes) == done
    assert sorted(fleet.server.requests) == [f"GET /fleet/v1/{room}" for room in ("machines", "state", "units")]


def test_a_stop_goes_backwards_and_an_uninstall_leaves_no_unit(fleet: Fleet) -> None:
    case = case_of(fleet)
    run(case, rendered({"db/db.service": SLEEP, "web/web.service": SLEEP}))
    fleet.cluster.writes.clear()
    carry_out(case, diff.stop(held(case).values()))
    assert fleet.cluster.writes == ["state web.service loaded", "state db.service loaded"]
    fleet.cluster.writes.clear()
    carry_out(case, diff.uninstall(held(case).values(), purge_data=False))
    assert fleet.cluster.writes[-2:] == ["delete web.service", "delete db.service"]
    assert fleet.units() == {}


def test_units_of_one_place_in_the_graph_are_stopped_together(fleet: Fleet) -> None:
    case = case_of(fleet)
    run(case, rendered({f"web/w{number}.service": SLEEP for number in range(6)}))
    fleet.cluster.writes.clear()
    carry_out(case, diff.uninstall(held(case).values(), purge_data=False))
    assert [write.partition(" ")[0] for write in fleet.cluster.writes] == ["state"] * 6 + ["delete"] * 6


def test_a_changed_template_is_rolled_over_one_instance_after_the_other(fleet: Fleet) -> None:
    case = case_of(fleet)
    text = SLEEP + "[X-Atomicapp]\nInstances=2\n"
    run(case, rendered({"web/web@.service": text}))
    fleet.cluster.writes.clear()
    run(case, rendered({"web/web@.service": text.replace("3000", "4000")}), revision=2)
    assert fleet.cluster.writes == [
        "options web@.service inactive",
        "options web@1.service launched",
        "options web@2.service launched",
    ]
    bad = text.replace("/bin/sleep 3000", "/bin/false")
    error = refused(case, rendered({"web/web@.service": bad}))
    assert "web@1.service is failed failed on 11111111.../192.0.2.11: exit code 1" in error.message
    assert "still run as they were before" in error.hint
    assert "4000" in fleet.cluster.units["web@2.service"].text


def test_what_others_have_changed_is_set_right(fleet: Fleet) -> None:
    case = case_of(fleet)
    app = rendered({"web/web.service": SLEEP, "pool/pool@.service": SLEEP + "[X-Atomicapp]\nInstances=2\n"})
    run(case, app)
    with fleet.cluster.lock:
        unit = fleet.cluster.units["web.service"]
        unit.keep(tuple(option._replace(value=option.value.replace("3000", "1")) for option in unit.options))
        fleet.cluster.delete("pool@2.service")
    assert run(case, app) == {"unit/web.service": "replace", "unit/pool@.service": "update"}
    assert set(fleet.units()) == {"web.service", "pool@.service", "pool@1.service", "pool@2.service"}


def test_a_thousand_units_are_submitted_in_batches_and_read_by_pages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # on a busy machine the server's agents take their time for so many
    monkeypatch.setattr(times, "ENDED", 60.0)
    monkeypatch.setattr(times, "REPORTED", 60.0)
    fleet = Fleet(tmp_path, settings=Settings(speed=5.0, agent_first=1.0, state_interval=5.0))
    try:
        case, app = case_of(fleet), rendered({f"web/w{number:04}.service": SLEEP for number in range(1000)})
        run(case, app)
        assert fleet.server.count("PUT") == 2000
        assert fleet.server.connections <= 40
        fleet.server.requests.clear()
        assert run(case, app) == {}
        # ten full pages of units, and of states, each with an empty one behind it
        assert len(fleet.server.requests) == 11 + 11 + 1
        assert len(held(case)) == 1000
        carry_out(case, diff.uninstall(held(case).values(), purge_data=True))
        assert fleet.units() == {}
        assert fleet.server.count("PUT") == 1000
        assert fleet.server.count("DELETE") == 1000
        assert not [request for request in fleet.server.requests if request.startswith("GET /fleet/v1/units/")]
    finally:
        fleet.close()


# ---------------------------------------------------------------- where units are


def test_no_machine_matches_is_said_before_anything_is_sent_with_the_option_that_excludes_each(fleet: Fleet) -> None:
    app = rendered({"db/db.service": SLEEP, "web/web.service": SLEEP + "[X-Fleet]\nMachineMetadata=disk=tape\n"})
    error = refused(case_of(fleet), app)
    assert error.message == (
        "web.service can't be placed: no machine matches: MachineMetadata=disk=tape (it has disk=ssd) excludes "
        "11111111.../192.0.2.11; MachineMetadata=disk=tape (it has disk=ssd) excludes 22222222.../192.0.2.12"
    )
    assert error.component == "web"
    assert "nothing was sent" in error.details
    assert fleet.cluster.writes == []


def test_more_replicas_than_machines_are_refused(fleet: Fleet) -> None:
    text = SLEEP + "[X-Fleet]\nConflicts=web@*.service\n[X-Atomicapp]\nInstances=3\n"
    error = refused(case_of(fleet), rendered({"web/web@.service": text}))
    told = "Conflicts=web@*.service lets one of 3 run on a machine, and 2 match"
    assert error.message == f"web@3.service can't be placed: no machine is left: {told}"
    assert fleet.cluster.writes == []


def test_scaling_beyond_the_machines_counts_them_all(fleet: Fleet) -> None:
    case = case_of(fleet)
    text = SLEEP + "[X-Fleet]\nConflicts=web@*.service\n[X-Atomicapp]\nInstances=2\n"
    run(case, rendered({"web/web@.service": text}))
    existing = held(case)
    (key,) = existing
    with pytest.raises(EngineError, match=r"web@3.service can't be placed: .* one of 3 run on a machine, and 2 match"):
        carry_out(case, diff.scale(existing.values(), {key: 3}))


def test_a_conflict_with_units_of_others_names_them(fleet: Fleet) -> None:
    run(
        case_of(fleet, "other"),
        rendered({"a/a@.service": SLEEP + "[X-Fleet]\nConflicts=*\n[X-Atomicapp]\nInstances=2\n"}),
    )
    error = refused(case_of(fleet), rendered({"web/web.service": SLEEP}))
    assert "Conflicts=* of a@" in error.message
    assert "which is there, excludes 11111111.../192.0.2.11" in error.message


def test_a_unit_that_is_only_not_placed_yet_is_waited_for(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleet.cluster, "_place", lambda unit: None)
    case = case_of(fleet)
    thread = threading.Timer(4, monkeypatch.undo)
    thread.start()
    run(case, rendered({"web/web.service": SLEEP}))
    assert held(case)["unit/web.service"].detail == "11111111.../192.0.2.11 active running"


def test_changed_options_that_fit_nowhere_leave_the_old_version_running(fleet: Fleet) -> None:
    case = case_of(fleet)
    run(case, rendered({"web/web.service": SLEEP}))
    done = len(fleet.cluster.writes)
    error = refused(case, rendered({"web/web.service": SLEEP + "[X-Fleet]\nMachineID=33333333\n"}))
    assert "MachineID=33333333 excludes" in error.message
    assert "nothing was changed" in error.details
    assert len(fleet.cluster.writes) == done


def test_a_plan_tells_what_could_not_be_placed(fleet: Fleet) -> None:
    wanted = provider.parse(rendered({"web/web.service": SLEEP + "[X-Fleet]\nMachineOf=no.service\n"}), Target("shop"))
    with session_of(case_of(fleet)) as session:
        session.observe("shop", wanted.resources)
        with pytest.raises(EngineError, match=r"MachineOf=no\.service names a unit that is not there"):
            session.check(wanted.resources)
    assert fleet.cluster.writes == []


def test_a_lost_machine_makes_its_units_move(fleet: Fleet) -> None:
    case = case_of(fleet)
    app = rendered({"db/db.service": SLEEP, "web/web.service": SLEEP + "[X-Fleet]\nMachineOf=db.service\n"})
    run(case, app)
    assert fleet.machine_of("web.service") == "1" * 32
    fleet.cluster.freeze("1" * 32)
    eventually(lambda: "22222222" in held(case)["unit/web.service"].detail and held(case)["unit/web.service"].ready)
    assert run(case, app) == {}
    assert [item.detail for item in held(case).values()] == ["22222222.../192.0.2.12 active running"] * 2


# ---------------------------------------------------------------- what fails


def test_a_unit_that_fails_shows_its_sub_state_and_its_log(fleet: Fleet) -> None:
    case = case_of(fleet)
    error = refused(case, rendered({"web/web.service": "[Service]\nExecStart=/bin/sh -c 'echo boom; exit 3'\n"}))
    assert error.message == "web: unit web.service is failed failed on 11111111.../192.0.2.11: exit code 3"
    assert error.log_tail == ("boom",)
    assert (held(case)["unit/web.service"].state, held(case)["unit/web.service"].detail) == (
        "failed",
        "11111111.../192.0.2.11 failed failed",
    )


def test_a_crash_loop_is_no_unit_that_runs(fleet: Fleet) -> None:
    text = "[Service]\nExecStart=/bin/false\nRestart=always\nRestartSec=30\n"
    assert "is activating auto-restart on" in refused(case_of(fleet), rendered({"web/web.service": text})).message


def test_a_service_that_ends_is_told_from_a_oneshot_that_is_done(fleet: Fleet) -> None:
    app = rendered({"once/once.service": "[Service]\nType=oneshot\nExecStart=/bin/true\n"})
    run(case_of(fleet), app)
    error = refused(case_of(fleet, "other"), rendered({"web/web.service": "[Service]\nExecStart=/bin/true\n"}))
    assert "has ended (22222222.../192.0.2.12 inactive dead): fleet starts a unit once" in error.message


def test_a_failed_unit_is_started_anew_by_the_next_run(fleet: Fleet) -> None:
    case = case_of(fleet)
    app = rendered({"web/web.service": "[Service]\nExecStart=/bin/sh -c 'test -e /go && exec sleep 3000; exit 4'\n"})
    assert "exit code 4" in refused(case, app).message
    for machine in ("1" * 32, "2" * 32):
        fleet.simulated(machine).files.add("/go")
    assert run(case, app) == {"unit/web.service": "start"}
    assert held(case)["unit/web.service"].ready


def test_a_timer_starts_its_service_which_is_only_loaded(fleet: Fleet) -> None:
    case = case_of(fleet)
    app = rendered(
        {
            "backup/backup.service": "[Service]\nType=oneshot\nExecStart=/bin/true\n",
            "backup/backup.timer": "[Timer]\nOnCalendar=daily\n[X-Fleet]\nMachineOf=backup.service\n",
        }
    )
    run(case, app)
    assert fleet.units() == {"backup.service": "loaded", "backup.timer": "launched"}
    assert run(case, app) == {}


def test_a_unit_of_someone_else_is_left_alone(fleet: Fleet) -> None:
    run(case_of(fleet, "other"), rendered({"web/web.service": SLEEP}))
    error = refused(case_of(fleet), rendered({"web/web.service": SLEEP}))
    assert error.message == "the fleet has a unit 'web.service' already, and it belongs to the deployment 'other'"


def test_what_was_submitted_before_a_refusal_is_said(fleet: Fleet) -> None:
    fleet.server.faults.refuse = lambda method, path: 400 if method == "PUT" and path.endswith("/w7.service") else 0
    error = refused(case_of(fleet), rendered({f"web/w{number}.service": SLEEP for number in range(10)}))
    assert "fleet refused the unit w7.service" in error.message
    assert any("none of them is launched" in line for line in error.details)
    assert all(state == "loaded" for state in fleet.units().values())


# ---------------------------------------------------------------- endpoints that misbehave


def observed(fleet: Fleet, api: str = "") -> str:
    case = Case(provider, Target("shop", api=api or fleet.host), "", "", "", "")
    with pytest.raises(EngineError) as caught, session_of(case) as session:
        session.observe("shop", ())
    return caught.value.message


def test_a_connection_that_is_dropped_is_tried_again_and_then_told(fleet: Fleet) -> None:
    drops = iter([True, False])
    fleet.server.faults.drop = lambda method, path: next(drops, False)
    assert held(case_of(fleet)) == {}
    fleet.server.faults.drop = lambda method, path: True
    assert observed(fleet) == f"can't reach fleet at {fleet.host}: it closed the connection without an answer"
    assert fleet.server.count("GET") < 10


def test_pages_that_never_end_are_told(fleet: Fleet) -> None:
    run(case_of(fleet), rendered({"web/web.service": SLEEP}))
    fleet.server.faults.endless = True
    assert "has no end: after page 2 there is still another one" in observed(fleet)


@pytest.mark.parametrize(("status", "words"), [(500, "HTTP status 500"), (503, "unable to communicate with etcd")])
def test_a_daemon_without_etcd_is_told(fleet: Fleet, status: int, words: str) -> None:
    fleet.server.faults.refuse = lambda method, path: status
    assert words in observed(fleet)


def test_a_lost_etcd_is_waited_out_for_a_moment(fleet: Fleet) -> None:
    case = case_of(fleet)
    fleet.cluster.silence_etcd()
    threading.Timer(0.03, fleet.cluster.restore_etcd).start()
    assert held(case) == {}


def test_what_is_no_fleet_is_told(fleet: Fleet) -> None:
    fleet.server.faults.garbage = True
    assert "is no fleet API: its answer to /fleet/v1/units is none of fleet's" in observed(fleet)


def test_an_endpoint_that_says_nothing_is_given_up(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEETCTL_REQUEST_TIMEOUT", "1")
    fleet.server.faults.silent = True
    assert observed(fleet).endswith("timed out")


@pytest.mark.parametrize(
    ("api", "words"),
    [
        ("unix:///no/such.sock", "can't reach fleet at unix:///no/such.sock: No such file or directory"),
        ("tcp://127.0.0.1:9", "can't reach fleet at http://127.0.0.1:9: Connection refused"),
        ("ftp://here", "'ftp://here' (--provider-api) is no address of a fleet API"),
        ("unix://here", "'unix://here' (--provider-api) is no path of a socket: it has to begin with /"),
    ],
)
def test_a_wrong_address_is_told(fleet: Fleet, api: str, words: str) -> None:
    assert observed(fleet, api=api) == words
    assert not provider.reachable(Target("shop", api=api)).ok


@pytest.fixture
def certified(tmp_path: Path) -> Iterator[tuple[Fleet, Path]]:
    """A fleet by TLS, and the certificate that it has made for itself."""
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=127.0.0.1",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
            "-keyout",
            str(key),
            "-out",
            str(certificate),
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    found = Fleet(tmp_path, address=("127.0.0.1", 0), context=context)
    yield found, certificate
    found.close()


def test_tcp_with_tls_needs_a_certificate_that_is_trusted(certified: tuple[Fleet, Path]) -> None:
    fleet, certificate = certified
    assert "is not trusted: self-signed certificate" in observed(fleet)
    for target in (Target("x", api=fleet.host, cafile=str(certificate)), Target("x", api=fleet.host, tlsverify=False)):
        assert provider.reachable(target).detail == "2 machines"


def test_all_deployments_are_listed(fleet: Fleet) -> None:
    for app in ("one", "two"):
        run(case_of(fleet, app), rendered({f"web/{app}.service": SLEEP}))
    with session_of(case_of(fleet)) as session:
        found = session.observe_all()
    assert {app: [item.name for item in items] for app, items in found.items()} == {
        "one": ["one.service"],
        "two": ["two.service"],
    }
