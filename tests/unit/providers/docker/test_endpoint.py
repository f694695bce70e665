"""Where the engine is looked for, and in which order."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from atomicapp.errors import EngineError
from atomicapp.model import Target
from atomicapp.providers.docker.endpoint import Endpoint, find


def target(**options: object) -> Target:
    return Target("app", **options)  # type: ignore[arg-type]


def context(home: Path, name: str, meta: object, *, tls: tuple[str, ...] = (), current: bool = False) -> None:
    digest = hashlib.sha256(name.encode()).hexdigest()
    folder = home / ".docker" / "contexts"
    (folder / "meta" / digest).mkdir(parents=True)
    (folder / "meta" / digest / "meta.json").write_text(meta if isinstance(meta, str) else json.dumps(meta))
    if tls:
        (folder / "tls" / digest / "docker").mkdir(parents=True)
        for part in tls:
            (folder / "tls" / digest / "docker" / f"{part}.pem").write_text("")
    if current:
        (home / ".docker" / "config.json").write_text(json.dumps({"currentContext": name}))


def docker(host: str, **more: object) -> object:
    return {"Name": "x", "Endpoints": {"docker": {"Host": host, **more}}}


@pytest.mark.parametrize(
    ("api", "url", "tls"),
    [
        ("unix:///x.sock", "unix:///x.sock", False),
        ("/x.sock", "unix:///x.sock", False),
        ("tcp://h:2375", "tcp://h:2375", False),
        ("h:2375", "tcp://h:2375", False),
        ("https://h:2376", "https://h:2376", True),
        ("ssh://me@h", "ssh://me@h", False),
    ],
)
def test_addresses(api: str, url: str, tls: bool, tmp_path: Path) -> None:
    found = find(target(api=api), {}, tmp_path)
    assert (found.url, found.tls, found.source) == (url, tls, "--provider-api")


@pytest.mark.parametrize("api", ["ftp://h", "unix://"])
def test_bad_addresses(api: str, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="is no address of a Docker Engine"):
        find(target(api=api), {}, tmp_path)


def test_precedence(tmp_path: Path) -> None:
    for name in ("one", "two", "three"):
        context(tmp_path, name, docker(f"tcp://{name}:1"), current=name == "three")
    environ = {"DOCKER_HOST": "tcp://host:1", "DOCKER_CONTEXT": "two"}
    assert find(target(api="tcp://api:1", context="one"), environ, tmp_path).url == "tcp://api:1"
    assert find(target(context="one"), environ, tmp_path).url == "tcp://one:1"
    assert find(target(), environ, tmp_path).url == "tcp://host:1"
    del environ["DOCKER_HOST"]
    assert find(target(), environ, tmp_path).url == "tcp://two:1"
    assert find(target(), {}, tmp_path).url == "tcp://three:1"
    assert find(target(), {"DOCKER_CONTEXT": "default"}, tmp_path).source == "the usual socket"
    assert find(target(context="default"), {}, tmp_path).url == "unix:///var/run/docker.sock"


def test_usual_places(tmp_path: Path) -> None:
    found = find(target(), {"XDG_RUNTIME_DIR": str(tmp_path)}, tmp_path)
    assert found.url.startswith("unix:///")
    (tmp_path / "docker.sock").write_text("")
    with_own = find(target(), {"XDG_RUNTIME_DIR": str(tmp_path)}, tmp_path)
    assert with_own.url in (found.url, f"unix://{tmp_path}/docker.sock")


@pytest.mark.parametrize("text", ["", "[]", "no json", '{"currentContext": 5}'])
def test_a_config_without_context(text: str, tmp_path: Path) -> None:
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker" / "config.json").write_text(text)
    assert find(target(), {}, tmp_path).source == "the usual socket"


def test_unknown_and_broken_contexts(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="DOCKER_CONTEXT names the docker context 'gone', which is not there"):
        find(target(), {"DOCKER_CONTEXT": "gone"}, tmp_path)
    for name, meta in (("bad1", "no json"), ("bad2", "[]"), ("bad3", {"Endpoints": {}})):
        context(tmp_path, name, meta)
        with pytest.raises(EngineError, match=f"the docker context '{name}' .* can't be read"):
            find(target(context=name), {}, tmp_path)


def test_tls_of_a_context(tmp_path: Path) -> None:
    context(tmp_path, "safe", docker("tcp://h:1", SkipTLSVerify=True), tls=("ca", "cert", "key"))
    found = find(target(context="safe"), {}, tmp_path)
    assert (found.tls, found.verify) == (True, False)
    assert [Path(path).name for path in (found.ca, found.cert, found.key)] == ["ca.pem", "cert.pem", "key.pem"]
    context(tmp_path, "ca", docker("tcp://h:1"), tls=("ca",))
    found = find(target(context="ca"), {}, tmp_path)
    assert (found.tls, found.verify, found.cert) == (True, True, "")
    context(tmp_path, "local", docker("unix:///x.sock"), tls=("ca",))
    assert not find(target(context="local"), {}, tmp_path).tls


def test_tls_of_the_environment(tmp_path: Path) -> None:
    folder = tmp_path / "certs"
    folder.mkdir()
    environ = {"DOCKER_HOST": "tcp://h:1", "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(folder)}
    with pytest.raises(EngineError, match=r"holds no ca\.pem"):
        find(target(), environ, tmp_path)
    for part in ("ca", "cert", "key"):
        (folder / f"{part}.pem").write_text("")
    assert find(target(), environ, tmp_path) == Endpoint(
        "tcp://h:1",
        "DOCKER_HOST",
        tls=True,
        verify=True,
        ca=str(folder / "ca.pem"),
        cert=str(folder / "cert.pem"),
        key=str(folder / "key.pem"),
    )
    assert not find(target(), {"DOCKER_HOST": "tcp://h:1"}, tmp_path).tls
    assert not find(target(tlsverify=False), environ, tmp_path).verify


def test_own_ca(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"CA file .* is not there"):
        find(target(api="tcp://h:1", cafile=str(tmp_path / "ca")), {}, tmp_path)
    (tmp_path / "ca").write_text("")
    found = find(target(api="tcp://h:1", cafile=str(tmp_path / "ca")), {}, tmp_path)
    assert (found.tls, found.verify, found.ca) == (True, True, str(tmp_path / "ca"))
