"""Connections to a server of the tests' own, which says word for word what it is told to."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from atomicapp.errors import EngineError
from atomicapp.providers.kubernetes import wire
from atomicapp.providers.kubernetes.client import Client, Refused
from atomicapp.providers.kubernetes.config import Access
from atomicapp.providers.kubernetes.wire import BrokenError, Wire

GOOD = b'HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n{"a": 1}'


class Server:
    """Answers the n-th request by the n-th of `answers`, the last one again and again. A pair is an answer after which
    the connection is closed; None is none at all. `heads` holds what came, `connections` how many there were."""

    def __init__(self) -> None:
        self.answers: list[bytes | tuple[bytes] | None] = [GOOD]
        self.heads: list[bytes] = []
        self.connections = 0
        self._sockets: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.closed = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        for sock in [self._listener, *self._sockets]:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                self.connections += 1
                self._sockets.append(sock)
                threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError), sock.makefile("rb") as stream:
            while line := stream.readline():
                head = line
                while line not in (b"\r\n", b""):
                    line = stream.readline()
                    head += line
                self.heads.append(head)
                answer = self.answers[min(len(self.heads), len(self.answers)) - 1]
                if answer is None:
                    continue
                sock.sendall(answer[0] if isinstance(answer, tuple) else answer)
                if isinstance(answer, tuple):
                    sock.shutdown(socket.SHUT_RDWR)
                    self.closed.set()
                    return


@pytest.fixture
def server() -> Iterator[Server]:
    found = Server()
    yield found
    found.close()


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    found = Client(Access(server.address, "test"))
    yield found
    found.close()


def test_one_connection_serves_one_request_after_the_other(server: Server, client: Client) -> None:
    server.answers = [GOOD, b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}", GOOD]
    client.get("/1")
    assert client.find("/2") is None
    assert client.get("/3") == {"a": 1}
    assert server.connections == 1
    assert [head.split(b" ")[1] for head in server.heads] == [b"/1", b"/2", b"/3"]
    assert b"Authorization" not in server.heads[0]


def test_what_was_not_read_to_its_end_is_not_used_again(server: Server, client: Client) -> None:
    server.answers = [b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", GOOD]
    with client.open("GET", "/1") as answer:
        assert next(answer.stream(100)) == b"half"
    assert client.get("/2") == {"a": 1}
    assert server.connections == 2


def test_a_connection_that_the_server_has_closed_is_not_used_again(server: Server, client: Client) -> None:
    server.answers = [(GOOD,), GOOD]
    client.get("/1")
    assert server.closed.wait(10)
    assert client.get("/2") == {"a": 1}
    assert server.connections == 2


def test_a_server_that_says_that_it_closes(server: Server, client: Client) -> None:
    server.answers = [(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}",), GOOD]
    assert client.get("/1") == {}
    assert client.get("/2") == {"a": 1}


def test_a_body_comes_in_pieces_as_it_is_sent(server: Server, client: Client) -> None:
    server.answers = [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n4\r\n two\r\n0\r\n\r\n"]
    for _ in range(2):
        with client.open("GET", "/log") as answer:
            assert b"".join(answer.stream(2)) == b"one two"
    assert server.connections == 1


def test_what_is_read_when_the_session_ends_is_given_up_at_its_end(server: Server, client: Client) -> None:
    with client.open("GET", "/log") as answer:
        client.close()
        assert b"".join(answer.stream(3)) == b'{"a": 1}'
    client.get("/again")
    assert server.connections == 2


def test_an_address_may_have_a_path(server: Server) -> None:
    client = Client(Access(f"{server.address}/k8s/clusters/c-1", "test", token="abc"))
    client.get("/version", {"a": "b c"})
    client.close()
    assert server.heads[0].startswith(b"GET /k8s/clusters/c-1/version?a=b+c HTTP/1.1\r\n")
    assert b"\r\nAuthorization: Bearer abc\r\n" in server.heads[0]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ((b"",), "closed the connection without an answer"),
        ((b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",), "in the middle of its answer"),
        ((b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",), "in the middle of its answer"),
        ((b"\x16\x03\x01\x00\r\n\r\n",), "no HTTP"),
        ((b"SSH-2.0-OpenSSH\r\n",), "no HTTP"),
        ((b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000 + b"\r\n\r\n",), "no HTTP"),
        (None, "timed out"),
    ],
)
def test_an_answer_that_is_none(server: Server, answer: bytes | tuple[bytes] | None, why: str) -> None:
    server.answers = [answer, GOOD]
    straight = Wire(server.address, None)
    with pytest.raises(BrokenError, match=why):
        _ = straight.request("GET", "/1", None, {}, 0.2).data
    good = straight.request("GET", "/2", None, {}, 20)
    assert good.data == b'{"a": 1}'
    good.done()
    straight.close()


def test_a_stream_that_ends_too_early(server: Server, client: Client) -> None:
    server.answers = [(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",)]
    with pytest.raises(EngineError, match="in the middle"), client.open("GET", "/log") as answer:
        assert list(answer.stream(10)) == []


@pytest.mark.parametrize(
    ("name", "limit", "why"), [("LARGEST", 3, "larger than"), ("LONGEST", -1, "takes longer than")]
)
@pytest.mark.parametrize("proxied", [False, True])
def test_an_answer_without_end(
    server: Server, monkeypatch: pytest.MonkeyPatch, name: str, limit: int, why: str, proxied: bool
) -> None:
    monkeypatch.setattr(wire, name, limit)
    server.answers = [b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlong"]
    client = Client(Access(server.address, "test", proxy=server.address if proxied else ""))
    with pytest.raises(EngineError, match=why):
        client.get("/x")
    client.close()


@pytest.mark.parametrize("data", [b"null", b"[]", b"[" * 100_000, b"<html>", b""])
def test_an_answer_that_is_no_object(server: Server, client: Client, data: bytes) -> None:
    server.answers = [b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(data), data)]
    with pytest.raises(EngineError, match=r"is no Kubernetes API: its answer to /x is no JSON object"):
        client.get("/x")


@pytest.mark.parametrize("data", [b"[" * 100_000, b'{"kind": "Status", "details": [1]}', b"\xff\xfe"])
def test_a_refusal_that_makes_no_sense(server: Server, client: Client, data: bytes) -> None:
    server.answers = [b"HTTP/1.1 500 No\r\nContent-Length: %d\r\n\r\n%s" % (len(data), data)]
    with pytest.raises(Refused) as caught:
        client.get("/x")
    assert caught.value.status == 500
    assert caught.value.causes == ()


@pytest.mark.parametrize(
    ("server", "why"),
    [
        ("http://127.0.0.1:99999", "is no address"),
        ("http://127.0.0.1:x", "is no address"),
        (f"http://{'a' * 70}.example.com", "can't reach"),
        ("http://", "can't reach"),
        ("http://127.0.0.1:1", "can't reach .*: Connection refused"),
    ],
)
def test_an_address_that_is_none(server: str, why: str) -> None:
    with pytest.raises(EngineError, match=why):
        Client(Access(server, "test")).get("/x")


@pytest.mark.parametrize("token", ["two\nlines", "caf\u00e9"])
def test_a_token_that_is_none(server: Server, token: str) -> None:
    with pytest.raises(EngineError, match="the token of the file is none") as caught:
        Client(Access(server.address, "the file", token=token)).get("/x")
    assert token not in str(caught.value)
    assert server.heads == []


def test_a_server_without_tls_where_it_is_expected(server: Server) -> None:
    server.answers = [(b"HTTP/1.1 400 Bad Request\r\n\r\n",)]
    with pytest.raises(EngineError, match="can't reach the Kubernetes API at https://"):
        Client(Access(server.address.replace("http:", "https:"), "test", verify=False)).get("/x")


@pytest.mark.parametrize("by", ["the kubeconfig", "the environment"])
def test_a_proxy_is_gone_through(server: Server, by: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if by == "the environment":
        monkeypatch.setenv("http_proxy", server.address)
    access = Access("http://cluster.invalid:8080", "test", proxy=server.address if by == "the kubeconfig" else "")
    client = Client(access)
    assert client.get("/version", {"a": "b"}) == {"a": 1}
    with client.open("GET", "/log") as answer:
        assert b"".join(answer.stream(3)) == b'{"a": 1}'
    assert server.heads[0].startswith(b"GET http://cluster.invalid:8080/version?a=b HTTP/1.1\r\n")
    assert server.connections == 1
    server.answers = [(b"",)]
    with pytest.raises(EngineError, match=r"can't reach the Kubernetes API at http://cluster\.invalid:8080: "):
        client.get("/version")
    client.close()


def test_what_the_environment_excepts_is_gone_to_straight(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    client = Client(Access(server.address, "test"))
    assert client.get("/version") == {"a": 1}
    client.close()
