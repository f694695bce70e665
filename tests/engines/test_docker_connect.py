"""Ways to an engine: sockets, TCP, TLS, contexts, and what is said when there is no way."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import socket
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from atomicapp.errors import EngineError
from atomicapp.model import Artifact, Rendered, Target
from atomicapp.position import Position
from atomicapp.providers import docker
from tests.engines.process import free_port
from tests.engines.registry import authority

pytestmark = pytest.mark.engine


class Door:
    """TCP on the loopback before an engine's socket, with TLS when there is a context; one thread a direction."""

    def __init__(self, upstream: str, context: ssl.SSLContext | None = None) -> None:
        self.upstream = upstream.removeprefix("unix://")
        self.context = context
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.listener.getsockname()[1])
        self.threads: list[threading.Thread] = []
        self.sockets: list[socket.socket] = []
        self.spawn(self.accept)

    def spawn(self, work: object, *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)  # type: ignore[arg-type]
        self.threads.append(thread)
        thread.start()

    def accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            engine = socket.socket(socket.AF_UNIX)
            self.sockets += [client, engine]
            try:
                if self.context:
                    client = self.context.wrap_socket(client, server_side=True)
                    self.sockets.append(client)
                engine.connect(self.upstream)
            except OSError:
                client.close()
                engine.close()
                continue
            self.spawn(self.copy, client, engine)
            self.spawn(self.copy, engine, client)

    @staticmethod
    def copy(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(65536):
                sink.sendall(piece)
        for sock in (source, sink):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for sock in self.sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join(timeout=10)
        for sock in self.sockets:
            sock.close()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CA, and a certificate by it that serves as server's and as client's."""
    folder = tmp_path_factory.mktemp("tls")
    authority(folder)
    for old, new in (("ca.crt", "ca.pem"), ("server.crt", "cert.pem"), ("server.key", "key.pem")):
        (folder / new).write_bytes((folder / old).read_bytes())
    return folder


@pytest.fixture
def tls_door(docker_host: str, certificates: Path) -> Iterator[Door]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "server.crt", certificates / "server.key")
    door = Door(docker_host, context)
    yield door
    door.close()


@pytest.fixture
def mutual_door(docker_host: str, certificates: Path) -> Iterator[Door]:
    """Wants a certificate of the client too."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "server.crt", certificates / "server.key")
    context.load_verify_locations(certificates / "ca.crt")
    context.verify_mode = ssl.CERT_REQUIRED
    door = Door(docker_host, context)
    yield door
    door.close()


def works(target: Target) -> None:
    with contextlib.closing(docker.connect(target)) as session:
        session.observe_all()


def test_plain_tcp(docker_host: str) -> None:
    door = Door(docker_host)
    try:
        works(Target("x", api=f"tcp://127.0.0.1:{door.port}"))
        works(Target("x", api=f"127.0.0.1:{door.port}"))
    finally:
        door.close()


def test_tls_with_a_ca_of_its_own(tls_door: Door, certificates: Path) -> None:
    works(Target("x", api=f"tcp://localhost:{tls_door.port}", cafile=str(certificates / "ca.crt")))
    works(Target("x", api=f"https://localhost:{tls_door.port}", cafile=str(certificates / "ca.crt")))


def test_tls_is_checked_unless_told_otherwise(tls_door: Door) -> None:
    api = f"https://localhost:{tls_door.port}"
    with pytest.raises(EngineError, match="no safe connection to the Docker Engine") as caught:
        docker.connect(Target("x", api=api))
    assert "--provider-cafile" in caught.value.hint
    assert not docker.reachable(Target("x", api=api)).ok


def test_tls_by_the_environment(mutual_door: Door, certificates: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"tcp://localhost:{mutual_door.port}")
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    monkeypatch.setenv("DOCKER_CERT_PATH", str(certificates))
    works(Target("x"))


def test_tls_by_a_context(
    mutual_door: Door, certificates: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    digest = hashlib.sha256(b"safe").hexdigest()
    meta = tmp_path / "contexts" / "meta" / digest / "meta.json"
    meta.parent.mkdir(parents=True)
    host = f"tcp://localhost:{mutual_door.port}"
    meta.write_text(json.dumps({"Name": "safe", "Endpoints": {"docker": {"Host": host, "SkipTLSVerify": False}}}))
    tls = tmp_path / "contexts" / "tls" / digest / "docker"
    tls.mkdir(parents=True)
    for name in ("ca.pem", "cert.pem", "key.pem"):
        (tls / name).write_bytes((certificates / name).read_bytes())
    (tmp_path / "config.json").write_text('{"currentContext": "safe"}')
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    works(Target("x"))


def test_no_socket(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="the socket is not there") as caught:
        docker.connect(Target("x", api=f"unix://{tmp_path}/none.sock"))
    assert "start it" in caught.value.hint


def test_a_socket_that_nobody_serves(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "left.sock"))
    with pytest.raises(EngineError, match="it is not running"):
        docker.connect(Target("x", api=f"unix://{tmp_path}/left.sock"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_socket_that_is_not_for_us(docker_host: str) -> None:
    """In a process of another user, with the engine's own socket (root and its group only)."""
    path = docker_host.removeprefix("unix://")
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            docker.connect(Target("x", api=f"unix://{path}"))
        except EngineError as error:
            code = 0 if "you may not use" in error.message and "usermod" in error.hint else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_a_port_that_nobody_serves() -> None:
    with pytest.raises(EngineError, match="it is not running"):
        docker.connect(Target("x", api=f"tcp://127.0.0.1:{free_port()}"))


def test_a_host_that_nobody_knows() -> None:
    with pytest.raises(EngineError, match="is not known"):
        docker.connect(Target("x", api="tcp://no-such-host.invalid:2375"))


def test_ssh_without_its_library() -> None:
    with pytest.raises(EngineError, match="paramiko") as caught:
        docker.connect(Target("x", api="ssh://me@localhost"))
    assert "ssh -NL" in caught.value.hint


@contextlib.contextmanager
def answering(answer: bytes, refusal: bytes = b"") -> Iterator[str]:
    """A server that gives one answer to every question, or refuses all but that for the version; its address."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            refused = bool(refusal) and self.path != "/version"
            body = refusal if refused else answer
            self.send_response(403 if refused else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the name is the base class's)
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"tcp://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"<html>hello</html>", "is no Docker Engine"),
        (b"[]", "is no Docker Engine"),
        (b"{}", "is no Docker Engine"),
        (b'{"ApiVersion": 5}', "is no Docker Engine"),
        (b'{"ApiVersion": "5"}', "is no Docker Engine"),
        (b'{"ApiVersion": "1.24"}', "speaks API 1.24; at least 1.41 is needed"),
        (b"Client sent an HTTP request to an HTTPS server.\n", "no safe connection"),
    ],
)
def test_something_else_that_answers(answer: bytes, message: str) -> None:
    with answering(answer) as api:
        with pytest.raises(EngineError, match=message):
            docker.connect(Target("x", api=api))
        assert not docker.reachable(Target("x", api=api)).ok


def test_answers_that_make_no_sense() -> None:
    with (
        answering(b'{"ApiVersion": "1.44", "Volumes": "none"}') as api,
        contextlib.closing(docker.connect(Target("x", api=api))) as session,
        pytest.raises(EngineError, match="is not understood"),
    ):
        session.observe_all()


@pytest.mark.parametrize("refusal", [b'{"message": "not for you"}', b"not for you", b'"not for you"'])
def test_an_engine_that_refuses_to_answer(refusal: bytes) -> None:
    """A proxy before it, or an authorization plugin, may let some questions through only."""
    with (
        answering(b'{"ApiVersion": "1.44"}', refusal) as api,
        contextlib.closing(docker.connect(Target("x", api=api))) as session,
    ):
        artifact = Artifact("web", "docker", "run", "docker run img", "run", Position("run"))
        (*_, web) = docker.parse(Rendered((artifact,)), Target("x")).resources
        for ask in (session.observe_all, lambda: session.ready(web)):
            with pytest.raises(EngineError, match="refused to answer: not for you"):
                ask()
        assert not docker.reachable(Target("x", api=api)).ok


def test_bad_tls_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ca.pem", "cert.pem", "key.pem"):
        (tmp_path / name).write_text("no certificate\n")
    monkeypatch.setenv("DOCKER_CERT_PATH", str(tmp_path))
    with pytest.raises(EngineError):
        docker.connect(Target("x", api="https://127.0.0.1:1"))
