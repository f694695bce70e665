"""How the contract server for Marathon is reached: users, tokens, TLS, and all that may go wrong on the way."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from atomicapp.errors import EngineError
from atomicapp.model import CREATE, Step, Target
from atomicapp.providers import marathon
from atomicapp.providers.marathon import client as wire
from tests.engines import registry
from tests.engines.marathon_apps import Life, app
from tests.engines.marathon_contract import Fault, Server, Settings


@pytest.fixture(autouse=True)
def _no_long_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "PAUSES", (0.01, 0.01))


@pytest.fixture
def server() -> Iterator[Server]:
    found = Server().start()
    yield found
    found.stop()


def failure(target: Target) -> EngineError:
    with pytest.raises(EngineError) as caught:
        marathon.connect(target).observe(target.app, ())
    return caught.value


# ---------------------------------------------------------------- who asks


@pytest.mark.parametrize("settings", [Settings(username="admin", password="a:b"), Settings(token="abc.def")])
def test_a_user_or_a_token_is_let_in_and_nobody_else_is(settings: Settings) -> None:
    server = Server(settings).start()
    try:
        for auth in ["", "admin:wrong", "wrong"]:
            error = failure(Target("a", api=server.url, auth=auth))
            assert "does not know who asks" in error.message
            assert "--provider-auth" in error.hint
            assert not marathon.reachable(Target("a", api=server.url, auth=auth)).ok
        good = ["admin:a:b"] if settings.username else ["abc.def", "token=abc.def", "Bearer abc.def"]
        for auth in good:
            target = Target("a", api=server.url, auth=auth)
            assert marathon.reachable(target).ok
            assert marathon.connect(target).observe("a", ()) == ()
        if settings.username:
            with_user = server.url.replace("http://", "http://admin:a%3Ab@")
            found = marathon.reachable(Target("a", api=with_user))
            assert found.ok
            assert "a%3Ab" not in found.endpoint
    finally:
        server.stop()


def test_tls_is_checked_unless_told_otherwise(tmp_path: Path) -> None:
    registry.authority(tmp_path)
    pem = tmp_path / "both.pem"
    pem.write_text((tmp_path / "server.key").read_text() + (tmp_path / "server.crt").read_text())
    server = Server(Settings(certificate=pem)).start()
    try:
        error = failure(Target("a", api=server.url))
        assert "is not trusted" in error.message
        assert "--provider-cafile" in error.hint
        assert marathon.reachable(Target("a", api=server.url, cafile=str(tmp_path / "ca.crt"))).ok
        assert marathon.reachable(Target("a", api=server.url, tlsverify=False)).ok
        assert "can't read" in failure(Target("a", api=server.url, cafile=str(tmp_path / "none"))).message
    finally:
        server.stop()


def test_the_path_of_the_address_goes_before_that_of_the_api(server: Server) -> None:
    target = Target("a", api=f"{server.url}/service/marathon")
    assert "is no Marathon" in failure(target).message
    assert server.requests[-1].startswith("GET /service/marathon/v2/apps?")
    assert marathon.connect(Target("a", api=f"{server.url}/v2/")).observe("a", ()) == ()


def test_the_address_may_stand_in_the_environment(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARATHON_URL", server.url)
    assert marathon.reachable(Target("a")).endpoint == server.url


@pytest.mark.parametrize("api", ["tcp://127.0.0.1:9", "127.0.0.1:8080", "http://127.0.0.1:port"])
def test_what_is_no_address_is_told(api: str) -> None:
    assert "is no address" in failure(Target("a", api=api)).message


# ---------------------------------------------------------------- what goes wrong on the way


@pytest.mark.parametrize(
    "fault", [Fault("GET", drop=True), Fault("GET", status=503, body=b"Could not determine the leader")]
)
def test_what_only_reads_is_asked_again(server: Server, fault: Fault) -> None:
    server.faults.append(fault._replace(times=2))
    assert marathon.connect(Target("a", api=server.url)).observe("a", ()) == ()
    assert len(server.requests) == 3


def test_a_connection_that_always_drops_is_one_clear_error(server: Server) -> None:
    server.faults.append(Fault("", times=99, drop=True))
    error = failure(Target("a", api=server.url))
    assert f"can't reach Marathon at {server.url}" in error.message
    assert "closed the connection" in error.message
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (Fault("", 9, status=500, body=b'{"message": "Exception: no"}'), "refused to answer: Exception: no"),
        (Fault("", 9, status=503, body=b'{"message": "no leader"}'), "can't answer now: no leader"),
        (Fault("", 9, body=b"<html>Welcome</html>", headers={"Content-Type": "text/html"}), "is no JSON (text/html)"),
        (Fault("", 9, status=502, body=b"<html>Bad gateway</html>"), "HTTP status 502: a page, no JSON"),
        (Fault("", 9, body=b'{"apps": 1}'), "its answer holds no apps"),
        (Fault("", 9, body=b"[]"), "its answer holds no apps"),
        (
            Fault("", 9, status=307, headers={"Location": "http://leader:8080/v2/apps"}),
            "to http://leader:8080/v2/apps: give the address of the leader itself (--provider-api http://leader:8080)",
        ),
        (
            Fault("", 9, status=301, headers={"Location": "https://me:secret@proxy/marathon/v2/apps/?label=x"}),
            "give the address of the leader itself (--provider-api https://proxy/marathon)",
        ),
        (Fault("", 9, status=302, headers={"Location": "/v2/apps/"}), "where we are: see what stands before Marathon"),
        (Fault("", 9, status=302, headers={"Location": "/login"}), "/login: give the address of the leader itself"),
        (Fault("", 9, status=302, headers={"Location": "http://[bad/v2/apps"}), "which is no address"),
        (Fault("", 9, status=404, body=b"not here"), "is no Marathon: HTTP status 404: not here"),
    ],
)
def test_other_answers_are_one_clear_error(server: Server, fault: Fault, message: str) -> None:
    server.faults.append(fault)
    assert message in failure(Target("a", api=server.url)).message


@pytest.mark.parametrize(
    ("name", "value", "body", "message"),
    [
        ("atomicapp.providers.marathon.client.TIMEOUT", 0.2, b"", "timed out"),
        ("atomicapp.providers.kubernetes.wire.LARGEST", 2**20, b" " * 2**21, "its answer is larger than 1 MiB"),
        ("atomicapp.providers.kubernetes.wire.LONGEST", -1, b"x" * 2**20, "its answer takes longer than -1 s"),
    ],
)
def test_an_answer_without_end_is_waited_for_once(
    monkeypatch: pytest.MonkeyPatch, name: str, value: float, body: bytes, message: str
) -> None:
    monkeypatch.setattr(name, value)
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"
    asked = []

    def answer(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.recv(65536)
            if body:
                connection.sendall(head + body)
            connection.recv(1)  # until the other side goes

    def serve(listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                asked.append(1)
                answer(connection)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        error = failure(Target("a", api=f"http://127.0.0.1:{listener.getsockname()[1]}"))
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
    assert "can't reach Marathon" in error.message
    assert message in error.message
    assert len(asked) == 1


def test_a_write_without_an_answer_is_not_repeated_and_the_next_run_goes_on(server: Server) -> None:
    life = Life(server)
    wanted = life.wanted(web=app("/web"))
    server.faults.append(Fault("POST /v2/apps", drop=True))
    with life.session() as session, pytest.raises(EngineError) as caught:
        session.apply(Step(CREATE, wanted[0], None), life.app, 1, lambda key, text: None)
    assert "may have carried it out or not" in caught.value.message
    assert "run the same command again" in caught.value.hint
    assert server.writes() == ["POST /v2/apps"]
    assert life.run(web=app("/web")) == {"app/web": CREATE}
