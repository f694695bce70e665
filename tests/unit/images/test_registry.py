from __future__ import annotations

import base64
import io
import json
import os
import socket
import threading
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from atomicapp.errors import AtomicAppError, FetchError
from atomicapp.images import manifests
from atomicapp.images.credentials import Credential
from atomicapp.images.manifests import Descriptor, Index, Manifest, Platform, digest_of
from atomicapp.images.options import AbsentError, HttpOptions
from atomicapp.images.reference import Reference
from atomicapp.images.registry import Registry
from atomicapp.images.transport import MAX_WAIT
from tests.unit.images.fakeregistry import FakeRegistry, Handler, cut_blob, error, status, times, wants_basic
from tests.unit.images.helpers import app, gz, image, index

AMD = Platform("linux", "amd64")
IMAGE = image(gz(app()), labels={"a": "b"})
ALICE = Credential("alice", "pä:ss", "", "a file")


class Client:
    """A client whose pauses are noted instead of waited."""

    def __init__(
        self, fake: FakeRegistry, credential: Credential | None = None, timeout: float = 30, attempts: int = 5
    ):
        self.pauses: list[float] = []
        self.retries: list[tuple[str, str]] = []
        self.asked_for: list[Reference] = []

        def find(reference: Reference) -> Credential | None:
            self.asked_for.append(reference)
            return credential

        self.name = Reference.parse(f"{fake.host}/team/app:1")
        options = HttpOptions(timeout=timeout, attempts=attempts, sleep=self.pauses.append)
        self.registry = Registry(self.name, options, find, lambda reference, why: self.retries.append((reference, why)))

    def manifest(self) -> Manifest:
        with self.registry as registry:
            return registry.image_manifest(self.name, AMD)

    def download(self, blob: Descriptor, progress: Callable[[int], None] | None = None) -> bytes:
        target = io.BytesIO()
        with self.registry as registry:
            registry.download(self.name, blob, target, progress)
        return target.getvalue()


def failing(work: Callable[[], object], *said: str) -> AtomicAppError:
    with pytest.raises(AtomicAppError) as caught:
        work()
    text = f"{caught.value.message} {caught.value.hint}"
    for words in said:
        assert words in text
    assert caught.value.message.isprintable()
    return caught.value


# ---------------------------------------------------------------- reading


def test_an_image_is_read(fake: FakeRegistry) -> None:
    fake.put("team/app", "1", IMAGE)
    client = Client(fake)
    assert client.manifest() == IMAGE.manifest
    assert client.download(IMAGE.manifest.config) == IMAGE.read(IMAGE.manifest.config)
    assert client.pauses == []


def test_the_digest_alone(fake: FakeRegistry) -> None:
    fake.put("team/app", "1", IMAGE)
    with Client(fake).registry as registry:
        assert registry.digest_of(Reference.parse(f"{fake.host}/team/app:1")) == IMAGE.digest
        failing(lambda: registry.digest_of(Reference.parse(f"{fake.host}/team/app:2")), "no such image or tag")


def test_an_index_leads_to_the_platform(fake: FakeRegistry) -> None:
    arm = image(gz(app()), labels={"for": "arm"})
    fake.put("team/app", "amd", IMAGE)
    fake.put("team/app", "arm", arm)
    raw = index(
        (arm, {"os": "linux", "architecture": "arm64", "variant": "v8"}),
        (IMAGE, {"os": "linux", "architecture": "amd64"}),
        (image(b"x"), {"os": "unknown", "architecture": "unknown"}),
    )
    fake.put_manifest("team/app", "1", raw, manifests.OCI_INDEX)
    assert Client(fake).manifest() == IMAGE.manifest
    with Client(fake).registry as registry:
        name = Reference.parse(f"{fake.host}/team/app:1")
        assert registry.image_manifest(name, Platform("linux", "arm64")).digest == arm.digest
        assert isinstance(registry.manifest(name), Index)
        said = failing(lambda: registry.image_manifest(name, Platform("linux", "s390x")), "no image for linux/s390x")
        assert "linux/amd64, linux/arm64/v8" in said.message


def test_indexes_that_lead_to_each_other_end(fake: FakeRegistry) -> None:
    raw = index((IMAGE, {"os": "linux", "architecture": "amd64"}))
    for _ in range(6):
        fake.put_manifest("team/app", "1", raw, manifests.OCI_INDEX)
        entry = {"mediaType": manifests.OCI_INDEX, "digest": digest_of(raw), "size": len(raw)}
        raw = json.dumps({"schemaVersion": 2, "manifests": [entry]}).encode()
    fake.put_manifest("team/app", "1", raw, manifests.OCI_INDEX)
    failing(Client(fake).manifest, "lead to each other")


def test_an_absent_image(fake: FakeRegistry) -> None:
    said = failing(Client(fake).manifest, "no such image or tag", "manifest unknown")
    assert isinstance(said, AbsentError)


def test_the_name_in_the_message_has_no_secret(fake: FakeRegistry) -> None:
    fake.faults.append(wants_basic("bob", "x"))
    said = failing(Client(fake, ALICE).manifest, "alice", "a file", "docker login")
    assert "pä" not in repr(said.to_dict())
    assert "pä" not in repr(ALICE) + str(ALICE) + f"{ALICE}"


# ---------------------------------------------------------------- lies


def test_a_manifest_that_is_another(fake: FakeRegistry) -> None:
    fake.put("team/app", "1", IMAGE)
    other = image(gz(app()), labels={"evil": "1"})
    fake.manifests["team/app", IMAGE.digest] = (other.manifest.raw, other.manifest.media_type)
    client = Client(fake)
    with client.registry as registry:
        name = client.name._replace(digest=IMAGE.digest)
        failing(lambda: registry.image_manifest(name, AMD), "wrong digest", IMAGE.digest)


def test_a_digest_header_that_lies(fake: FakeRegistry) -> None:
    fake.put("team/app", "1", IMAGE)
    raw = IMAGE.manifest.raw
    fake.faults.append(status("/manifests/", 200, raw, Docker_Content_Digest="sha256:" + "0" * 64))
    failing(Client(fake).manifest, "wrong digest")


def test_a_blob_that_is_another(fake: FakeRegistry) -> None:
    blob = IMAGE.manifest.layers[0]
    fake.blobs[blob.digest] = os.urandom(blob.size)
    failing(lambda: Client(fake).download(blob), "wrong digest", "damaged or tampered")


def test_a_blob_that_is_longer(fake: FakeRegistry) -> None:
    blob = IMAGE.manifest.layers[0]
    fake.blobs[blob.digest] = os.urandom(blob.size + 1)
    failing(lambda: Client(fake).download(blob), "longer than")


def test_a_blob_that_is_always_shorter(fake: FakeRegistry) -> None:
    blob = IMAGE.manifest.layers[0]
    fake.faults.append(status("/blobs/", 200, b"abc"))
    client = Client(fake)
    failing(lambda: client.download(blob), "cut in the middle")
    assert len(client.pauses) == 4


def test_a_body_without_end(fake: FakeRegistry) -> None:
    def endless(handler: Handler) -> bool:
        if "/manifests/" not in handler.path and "/blobs/" not in handler.path:
            return False
        handler.send_response(200)
        handler.send_header("Connection", "close")
        handler.end_headers()
        with pytest.raises(OSError):
            while True:
                handler.wfile.write(b"x" * 100_000)
        handler.close_connection = True
        return True

    fake.faults.append(endless)
    failing(Client(fake).manifest, "its manifest is larger than the 4194304 bytes")
    failing(lambda: Client(fake).download(IMAGE.manifest.layers[0]), "longer than")


def test_a_huge_manifest(fake: FakeRegistry) -> None:
    fake.put_manifest("team/app", "1", b" " * (manifests.MAX_MANIFEST + 1), manifests.OCI_MANIFEST)
    failing(Client(fake).manifest, "larger than")


def test_a_server_that_says_nothing(fake: FakeRegistry) -> None:
    release = threading.Event()

    def silent(handler: Handler) -> bool:
        if "/manifests/" not in handler.path:
            return False
        release.wait(10)
        handler.cut()
        return True

    fake.faults.append(silent)
    client = Client(fake, timeout=0.2, attempts=2)
    said = failing(client.manifest, "does not answer within 0.2 seconds")
    release.set()
    assert said.details == ("tried 2 times",)


def test_a_body_that_drips_ends(fake: FakeRegistry) -> None:
    release = threading.Event()

    def drip(handler: Handler) -> bool:
        if "/manifests/" not in handler.path:
            return False
        handler.send_response(200)
        handler.send_header("Content-Length", "1000000")
        handler.end_headers()
        with pytest.raises(OSError):
            while not release.wait(0.05):
                handler.wfile.write(b" ")
            handler.connection.close()
            raise OSError
        handler.close_connection = True
        return True

    fake.faults.append(drip)
    failing(Client(fake, timeout=0.3).manifest, "too slowly")
    release.set()


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"<html>", "not readable as JSON"),
        (b"[]", "not a JSON object"),
        (b"[" * 100_000, "not readable as JSON"),
        (b"{}", "not an image manifest"),
        (b'{"schemaVersion": 1, "fsLayers": []}', "schema 1"),
        (b'{"layers": 1, "config": {}}', "not a list"),
        (b'{"layers": [1], "config": {}}', "not a JSON object"),
        (b'{"layers": [{"digest": "../../etc/passwd", "size": 1}], "config": {}}', "no digest"),
        (b'{"layers": [{"digest": "sha256:%s", "size": -1}], "config": {}}' % (b"a" * 64), "no size"),
        (b'{"layers": [{"digest": "sha256:%s", "size": true}], "config": {}}' % (b"a" * 64), "no size"),
        (b'{"layers": [{"digest": "sha256:%s", "size": 99999999999999}], "config": {}}' % (b"a" * 64), "allowed"),
        (b'{"layers": [{"digest": "sha256:%s", "size": 1, "mediaType": 1}], "config": {}}' % (b"a" * 64), "media type"),
        (b'{"layers": [], "config": {"digest": "sha256:%s", "size": 999999999}}' % (b"a" * 64), "allowed"),
        (b'{"layers": [%s{}], "config": {}}' % (b"{}," * 600), "601 layers"),
        (b'{"manifests": {}}', "not a list"),
        (b'{"manifests": []}', "it holds nothing"),
    ],
)
def test_manifests_that_are_none(raw: bytes, said: str, fake: FakeRegistry) -> None:
    fake.put_manifest("team/app", "1", raw, "application/json")
    failing(Client(fake).manifest, said)


# ---------------------------------------------------------------- failures that go away


def test_it_is_tried_again_after_a_failure_of_the_server(fake: FakeRegistry) -> None:
    fake.put("team/app", "1", IMAGE)
    fake.faults.append(times(1, status("/manifests/", 500)))
    fake.faults.append(times(1, status("/manifests/", 503)))
    client = Client(fake)
    assert client.manifest() == IMAGE.manifest
    assert {reference for reference, _ in client.retries} == {str(client.name)}
    # a machine that is busy for seconds may cut a connection as well, and that is one more
    answered = [why for _, why in client.retries if "answers" in why]
    assert answered == [
        f"{fake.host} answers {said}" for said in ("500 Internal Server Error", "503 Service Unavailable")
    ]
    assert len(client.pauses) == len(client.retries)
    assert client.pauses == sorted(client.pauses)
    assert fake.count("/manifests/") >= 3


def test_it_is_given_up_in_the_end(fake: FakeRegistry) -> None:
    fake.faults.append(status("/manifests/", 502))
    client = Client(fake)
    said = failing(client.manifest, "502 Bad Gateway", "try again later")
    assert said.details == ("tried 5 times",)
    assert fake.count("/manifests/") == 5


def test_the_server_says_how_long_to_wait(fake: FakeRegistry) -> None:
    fake.put("team/app", "1", IMAGE)
    for after in ("3", "100000", "Wed, 21 Oct 2015 07:28:00 GMT", "soon"):
        fake.faults.append(times(1, status("/manifests/", 429, Retry_After=after)))
    # more attempts than faults: on a busy machine a kept connection may be cut as well, and that is one more
    client = Client(fake, attempts=9)
    assert client.manifest() == IMAGE.manifest
    told = [pause for pause in client.pauses if pause in (3.0, MAX_WAIT, 0.0)]
    assert told == [3.0, MAX_WAIT, 0.0]
    assert len(client.pauses) >= 4, "one that can't be read is waited for as if there were none"


def test_a_connection_that_is_cut_before_the_answer(fake: FakeRegistry) -> None:
    fake.put("team/app", "1", IMAGE)

    def cut(handler: Handler) -> bool:
        if "/manifests/" in handler.path:
            handler.cut()
            return True
        return False

    fake.faults.append(times(2, cut))
    client = Client(fake)
    assert client.manifest() == IMAGE.manifest
    assert [why for _, why in client.retries] == [f"the connection to {fake.host} was cut"] * 2


def test_a_download_goes_on_where_it_was_cut(fake: FakeRegistry) -> None:
    data = os.urandom(1_000_000)
    blob = Descriptor("", digest_of(data), len(data))
    fake.blobs[blob.digest] = data
    fake.faults.append(times(3, cut_blob(fake, 300_000)))
    client = Client(fake)
    told: list[int] = []
    assert client.download(blob, told.append) == data
    assert [asked.range for asked in fake.asked if "/blobs/" in asked.path] == [
        "",
        "bytes=300000-",
        "bytes=600000-",
        "bytes=900000-",
    ]
    assert told == sorted(told)
    assert told[-1] == len(data)


def test_a_download_begins_again_when_the_server_cannot_go_on(fake: FakeRegistry) -> None:
    data = os.urandom(400_000)
    blob = Descriptor("", digest_of(data), len(data))
    fake.blobs[blob.digest] = data
    fake.faults.append(times(1, cut_blob(fake, 300_000)))
    fake.faults.append(times(1, status("/blobs/", 416)))
    fake.faults.append(times(1, cut_blob(fake, 200_000)))
    fake.faults.append(times(1, status("/blobs/", 206, b"x", Content_Range="bytes 7-8/9")))
    fake.faults.append(times(1, cut_blob(fake, 100_000)))
    fake.faults.append(status("/blobs/", 200, data))
    assert Client(fake).download(blob) == data


def test_a_download_that_never_gets_on_ends(fake: FakeRegistry) -> None:
    data = os.urandom(100_000)
    blob = Descriptor("", digest_of(data), len(data))
    fake.blobs[blob.digest] = data
    fake.faults.append(cut_blob(fake, 10))
    client = Client(fake)
    failing(lambda: client.download(blob), "cut in the middle")
    assert fake.count("/blobs/") == 5


def test_a_download_in_crumbs_ends(fake: FakeRegistry) -> None:
    data = os.urandom(4_000_000)
    blob = Descriptor("", digest_of(data), len(data))
    fake.blobs[blob.digest] = data
    fake.faults.append(cut_blob(fake, 70_000))
    failing(lambda: Client(fake).download(blob), "broke off 30 times")


def test_an_empty_blob(fake: FakeRegistry) -> None:
    assert Client(fake).download(Descriptor("", digest_of(b""), 0)) == b""


def test_nobody_listens() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{held.getsockname()[1]}"
    name = Reference.parse(f"{host}/x")
    with Registry(name, HttpOptions(), lambda _: None) as registry:
        failing(lambda: registry.manifest(name), f"nobody listens at {host}", "is the registry running?")


def test_a_host_that_is_none() -> None:
    name = Reference.parse("registry.invalid/x")
    with Registry(name, HttpOptions(), lambda _: None) as registry:
        failing(lambda: registry.manifest(name), "registry.invalid")


def test_plain_http_is_for_this_machine_or_for_who_asks(fake: FakeRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.getaddrinfo

    def resolve(host: str, *rest: Any, **more: Any) -> Any:
        return real("127.0.0.1" if host == "registry.test" else host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    fake.put("team/app", "1", IMAGE)
    fake.faults.append(wants_basic("alice", "pä:ss"))
    host = fake.host.replace("127.0.0.1", "registry.test")
    app_name = Reference.parse(f"{host}/team/app:1")
    options = HttpOptions(timeout=5, sleep=lambda _: None)
    with Registry(app_name, options, lambda _: ALICE) as registry:
        failing(lambda: registry.manifest(app_name), "does not speak TLS", "insecure registry")
    assert not [asked for asked in fake.asked if asked.path.startswith("/v2")]
    for insecure in (host, "registry.test"):
        with Registry(app_name, options._replace(insecure=frozenset({insecure})), lambda _: ALICE) as registry:
            assert registry.image_manifest(app_name, AMD) == IMAGE.manifest


# ---------------------------------------------------------------- not a registry


@pytest.mark.parametrize(
    ("code", "kind", "known"), [(404, "text/html", False), (200, "text/html", False), (301, "", False)]
)
def test_a_host_that_is_no_registry(code: int, kind: str, known: bool, fake: FakeRegistry) -> None:
    def web(handler: Handler) -> bool:
        handler.send_response(code)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", "0")
        handler.end_headers()
        return True

    fake.faults.append(web)
    failing(Client(fake).manifest, "does not answer as a registry does")


def test_answers_that_are_not_http(fake: FakeRegistry) -> None:
    def nonsense(handler: Handler) -> bool:
        handler.wfile.write(b"SSH-2.0-OpenSSH\r\n")
        handler.cut()
        return True

    fake.faults.append(nonsense)
    failing(Client(fake, attempts=2).manifest, "connection", fake.host)


@pytest.mark.parametrize(
    ("code", "said"), [(403, "does not allow it (403 Forbidden): no"), (418, "answers 418"), (404, "no such image")]
)
def test_the_words_of_the_registry_are_passed_on(code: int, said: str, fake: FakeRegistry) -> None:
    fake.faults.append(status("/manifests/", code, error("X", "no")))
    failing(Client(fake).manifest, said)


@pytest.mark.parametrize("body", [b"<html>", b'{"errors": []}', b'{"errors": [{"message": "\\u001b[2J"}]}', b"[1]"])
def test_the_words_of_the_registry_may_be_nonsense(body: bytes, fake: FakeRegistry) -> None:
    fake.faults.append(status("/manifests/", 403, body))
    assert failing(Client(fake).manifest, "403").message.endswith("(403 Forbidden)")


# ---------------------------------------------------------------- redirects


def test_a_redirect_is_followed_without_the_login(fake: FakeRegistry, other: FakeRegistry) -> None:
    fake.put("team/app", "1", IMAGE)
    other.blobs = fake.blobs
    blob = IMAGE.manifest.layers[0]
    fake.faults.append(wants_basic("alice", "pä:ss"))
    fake.faults.append(status("/blobs/", 307, Location=f"{other.url}/cdn/{blob.digest}?sig=1"))
    assert Client(fake, ALICE).download(blob) == IMAGE.read(blob)
    assert [asked.authorization for asked in other.asked] == [""]
    assert fake.asked[-1].authorization.startswith("Basic ")


def test_a_redirect_within_the_host_keeps_the_login(fake: FakeRegistry) -> None:
    fake.put("team/app", "1", IMAGE)
    blob = IMAGE.manifest.layers[0]
    fake.faults.append(wants_basic("alice", "pä:ss"))
    fake.faults.append(times(1, status("/blobs/", 302, Location=f"/v2/other/blobs/{blob.digest}")))
    assert Client(fake, ALICE).download(blob) == IMAGE.read(blob)


def test_redirects_without_end(fake: FakeRegistry) -> None:
    fake.faults.append(status("/manifests/", 302, Location="/v2/team/app/manifests/1"))
    failing(Client(fake).manifest, "redirects without end")


def test_the_body_of_a_redirect_is_not_read(fake: FakeRegistry) -> None:
    fake.put("team/app", "1", IMAGE)
    sent = []

    def endless(handler: Handler) -> bool:
        handler.send_response(302)
        handler.send_header("Location", f"/v2/team/app/manifests/{IMAGE.digest}")
        handler.send_header("Connection", "close")
        handler.end_headers()
        with pytest.raises(OSError):
            while True:
                handler.wfile.write(b"x" * 100_000)
                sent.append(1)
        handler.close_connection = True
        return True

    fake.faults.append(lambda handler: handler.path.endswith("/1") and endless(handler))
    assert Client(fake).manifest() == IMAGE.manifest
    assert len(sent) < 500


@pytest.mark.parametrize(
    "location", ["http://198.51.100.1/x", "ftp://127.0.0.1/x", "file:///etc/passwd", "http://[", "http://127.0.0.1:x/"]
)
def test_redirects_to_where_they_must_not_go(location: str, fake: FakeRegistry) -> None:
    fake.faults.append(status("/manifests/", 302, Location=location))
    failing(Client(fake).manifest, "redirects to")


# ---------------------------------------------------------------- logins


def test_basic(fake: FakeRegistry) -> None:
    fake.put("team/app", "1", IMAGE)
    fake.faults.append(wants_basic("alice", "pä:ss"))
    client = Client(fake, ALICE)
    assert client.manifest() == IMAGE.manifest
    assert client.asked_for == [client.name]


def test_no_login_at_all(fake: FakeRegistry) -> None:
    fake.faults.append(wants_basic("alice", "x"))
    failing(Client(fake).manifest, "wants a login", f"docker login {fake.host}")


def test_a_token_cannot_be_a_password(fake: FakeRegistry) -> None:
    fake.faults.append(wants_basic("alice", "x"))
    failing(Client(fake, Credential("", "", "tok", "a file")).manifest, "refuses the login of 'token'")


class TokenServer:
    """A token server on another host, and the registry that wants its tokens."""

    def __init__(self, fake: FakeRegistry, other: FakeRegistry, key: str = "token") -> None:
        self.given: list[str] = []
        self.answers: dict[str, object] = {}
        self.asked: list[tuple[str, dict[str, list[str]], str]] = []
        self.key = key
        challenge = f'Bearer realm="{other.url}/token?x=1",service="reg.test",scope="ignored"'

        def guard(handler: Handler) -> bool:
            if handler.headers.get("Authorization", "").removeprefix("Bearer ") in self.given[-1:]:
                return False
            handler.say(401, error("UNAUTHORIZED", "no"), WWW_Authenticate=challenge)
            return True

        def give(handler: Handler) -> bool:
            query = parse_qs(handler.body.decode() or urlsplit(handler.path).query)
            self.asked.append((handler.command, query, handler.headers.get("Authorization", "")))
            self.given.append(f"token{len(self.given)}")
            answer = json.dumps({self.key: self.given[-1], **self.answers}).encode()
            handler.say(200, answer, Content_Type="application/json")
            return True

        fake.faults.append(guard)
        other.faults.append(give)


def test_a_bearer_token(fake: FakeRegistry, other: FakeRegistry) -> None:
    fake.put("team/app", "1", IMAGE)
    tokens = TokenServer(fake, other)
    client = Client(fake, ALICE)
    with client.registry as registry:
        assert registry.image_manifest(client.name, AMD) == IMAGE.manifest
        registry.download(client.name, IMAGE.manifest.config, io.BytesIO())
        # the first token runs out
        tokens.given.append("another")
        assert registry.image_manifest(client.name, AMD) == IMAGE.manifest
    assert len(tokens.asked) == 2
    method, query, authorization = tokens.asked[0]
    assert method == "GET"
    assert query["scope"] == ["repository:team/app:pull"]
    assert query["service"] == ["reg.test"]
    assert base64.b64decode(authorization.removeprefix("Basic ")).decode() == "alice:pä:ss"


def test_a_bearer_token_for_nobody(fake: FakeRegistry, other: FakeRegistry) -> None:
    fake.put("team/app", "1", IMAGE)
    tokens = TokenServer(fake, other, "access_token")
    assert Client(fake).manifest() == IMAGE.manifest
    assert tokens.asked[0][2] == ""


def test_an_identity_token_is_exchanged(fake: FakeRegistry, other: FakeRegistry) -> None:
    fake.put("team/app", "1", IMAGE)
    tokens = TokenServer(fake, other)
    assert Client(fake, Credential("", "", "ident", "a file")).manifest() == IMAGE.manifest
    method, query, authorization = tokens.asked[0]
    assert (method, authorization) == ("POST", "")
    assert query["grant_type"] == ["refresh_token"]
    assert query["refresh_token"] == ["ident"]


def test_the_rights_to_push_are_asked_for_apart(fake: FakeRegistry, other: FakeRegistry) -> None:
    tokens = TokenServer(fake, other)
    client = Client(fake, ALICE)
    with client.registry as registry:
        assert registry.push(client.name, IMAGE) == IMAGE.digest
    assert {query["scope"][0] for _, query, _ in tokens.asked} == {"repository:team/app:pull,push"}
    assert len(tokens.asked) == 1


@pytest.mark.parametrize(
    ("code", "body", "said"),
    [
        (401, b"", "refuses the login of 'alice'"),
        (403, b"", "refuses the login of 'alice'"),
        (404, b"", "answers 404"),
        (200, b"{}", "gave no token"),
        (200, b"nonsense", "gave no token"),
        (200, b'{"token": "a\\r\\nX-Evil: 1"}', "gave no token"),
        (200, b" " * 1_100_000, "larger than"),
        (500, b"", "answers 500"),
    ],
)
def test_token_servers_that_fail(code: int, body: bytes, said: str, fake: FakeRegistry, other: FakeRegistry) -> None:
    TokenServer(fake, other)
    other.faults.insert(0, status("/token", code, body))
    found = failing(Client(fake, ALICE).manifest, said)
    assert "pä" not in repr(found.to_dict())


def test_tokens_that_are_refused(fake: FakeRegistry, other: FakeRegistry) -> None:
    tokens = TokenServer(fake, other)
    tokens.answers = {"token": "wrong"}
    failing(Client(fake, ALICE).manifest, "refuses the login of 'alice'")
    assert len(tokens.asked) == 2


def test_tokens_that_are_new_each_time_and_refused(fake: FakeRegistry, other: FakeRegistry) -> None:
    tokens = TokenServer(fake, other)
    fake.faults.insert(
        0, status("/manifests/", 401, WWW_Authenticate=f'Bearer realm="{other.url}/token",service="reg.test"')
    )
    failing(Client(fake).manifest, "does not let us have it, or it does not exist (401", "docker login")
    assert len(tokens.asked) == 2


@pytest.mark.parametrize(
    "realm", ["http://198.51.100.1/token", "ftp://x/y", "", "https://", "https://u:p@h/", "http://["]
)
def test_logins_go_nowhere_without_tls(realm: str, fake: FakeRegistry) -> None:
    fake.faults.append(status("/manifests/", 401, WWW_Authenticate=f'Bearer realm="{realm}",service="x"'))
    failing(Client(fake, ALICE).manifest, "not https", "no credentials were sent")


def test_a_401_without_a_challenge(fake: FakeRegistry) -> None:
    fake.faults.append(status("/manifests/", 401))
    failing(Client(fake, ALICE).manifest, "refuses the login")
    failing(Client(fake).manifest, "wants a login")


# ---------------------------------------------------------------- proxies


def test_a_proxy_is_used_except_for_this_machine(
    fake: FakeRegistry, other: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, other.url)
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("no_proxy", "")
    fake.put("team/app", "1", IMAGE)
    assert Client(fake).manifest() == IMAGE.manifest
    assert other.asked == []
    # a proxy is asked for the whole address, and this one can't make tunnels for TLS

    def as_a_proxy(handler: Handler) -> bool:
        handler.path = urlsplit(handler.path).path
        return False

    other.faults.append(as_a_proxy)
    other.put("team/app", "1", IMAGE)
    app_name = Reference.parse("registry.test/team/app:1")
    options = HttpOptions(insecure=frozenset({"registry.test"}), timeout=5, attempts=2, sleep=lambda _: None)
    with Registry(app_name, options, lambda _: None) as registry:
        assert registry.image_manifest(app_name, AMD) == IMAGE.manifest
    assert other.asked[0].path == "http://registry.test/v2/"
    with Registry(app_name, options._replace(insecure=frozenset()), lambda _: None) as registry:
        failing(lambda: registry.manifest(app_name), "the proxy on the way to registry.test fails")


def test_a_bundle_of_cas_that_is_not_there(fake: FakeRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/ca.pem")
    failing(Client(fake).manifest, "REQUESTS_CA_BUNDLE names /nowhere/ca.pem")


# ---------------------------------------------------------------- writing


def test_an_image_is_pushed_and_read_again(fake: FakeRegistry) -> None:
    told: list[tuple[str, int]] = []
    client = Client(fake)
    with client.registry as registry:
        assert registry.push(client.name, IMAGE, lambda digest, done: told.append((digest, done))) == IMAGE.digest
        uploads = fake.count("/uploads/", "PUT")
        assert registry.push(client.name, IMAGE, lambda digest, done: told.append((digest, done))) == IMAGE.digest
        assert fake.count("/uploads/", "PUT") == uploads == 2
        assert registry.image_manifest(client.name, AMD) == IMAGE.manifest
    assert {digest for digest, _ in told} == {IMAGE.manifest.config.digest, IMAGE.manifest.layers[0].digest}


def test_a_blob_of_another_repository_is_taken_over(fake: FakeRegistry) -> None:
    blob = IMAGE.manifest.layers[0]
    fake.blobs[blob.digest] = IMAGE.read(blob)
    client = Client(fake)
    with client.registry as registry:
        registry.upload(client.name, IMAGE, blob, mount_from="team/base")
    assert fake.count("from=team%2Fbase", "POST") == 1
    assert fake.count("/uploads/", "PUT") == 0


def test_an_upload_is_tried_again(fake: FakeRegistry) -> None:
    fake.faults.append(times(1, status("/uploads/0001", 503)))
    client = Client(fake)
    with client.registry as registry:
        assert registry.push(client.name, IMAGE) == IMAGE.digest
    assert client.retries


def test_a_token_that_runs_out_in_an_upload(fake: FakeRegistry, other: FakeRegistry) -> None:
    tokens = TokenServer(fake, other)

    def expire(handler: Handler) -> bool:
        if "/uploads/0001" not in handler.path:
            return False
        tokens.given.append("another")
        return fake.faults[1](handler)

    fake.faults.insert(0, times(1, expire))
    client = Client(fake, ALICE)
    with client.registry as registry:
        registry.upload(client.name, IMAGE, IMAGE.manifest.config)
    assert IMAGE.manifest.config.digest in fake.blobs
    assert len(tokens.asked) == 2


@pytest.mark.parametrize(
    ("part", "code", "said"),
    [
        ("/uploads/", 403, "does not allow it"),
        ("/uploads/", 404, "no such image"),
        ("/uploads/0001", 400, "answers 400"),
        ("/blobs/sha", 405, "answers 405"),
        ("/manifests/", 400, "answers 400"),
        ("/uploads/", 202, "answers 202"),
    ],
)
def test_pushes_that_are_refused(part: str, code: int, said: str, fake: FakeRegistry) -> None:
    fake.faults.append(status(part, code))
    client = Client(fake)
    with client.registry as registry:
        failing(lambda: registry.push(client.name, IMAGE), said)


def test_a_push_that_is_stored_as_something_else(fake: FakeRegistry) -> None:
    fake.faults.append(status("/manifests/", 201, Docker_Content_Digest="sha256:" + "0" * 64))
    client = Client(fake)
    with client.registry as registry:
        failing(lambda: registry.push(client.name, IMAGE), "wrong digest")


def test_an_image_that_is_damaged_is_not_pushed(fake: FakeRegistry) -> None:
    damaged = IMAGE._replace(open_blob=lambda blob: io.BytesIO(b"\0" * blob.size))
    client = Client(fake)
    with client.registry as registry:
        failing(lambda: registry.push(client.name, damaged), "wrong digest")
    assert fake.manifests == {}


def test_uploads_go_nowhere_without_tls(fake: FakeRegistry) -> None:
    for location in ("http://198.51.100.1/upload", "http://["):
        fake.faults = [status("/blobs/uploads/", 202, Location=location)]
        client = Client(fake)
        with client.registry as registry:
            name = client.name
            failing(partial(registry.upload, name, IMAGE, IMAGE.manifest.config), "upload")


def test_an_upload_elsewhere_carries_no_login(fake: FakeRegistry, other: FakeRegistry) -> None:
    fake.faults.append(wants_basic("alice", "pä:ss"))
    fake.faults.append(status("/uploads/", 202, Location=f"{other.url}/blobs/uploads/9"))
    client = Client(fake, ALICE)
    with client.registry as registry:
        registry.upload(client.name, IMAGE, IMAGE.manifest.config)
    assert [asked.authorization for asked in other.asked] == [""]
    assert IMAGE.manifest.config.digest in other.blobs


def test_fetch_error_is_what_all_of_this_raises() -> None:
    assert issubclass(AbsentError, FetchError)
