from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from atomicapp.errors import AtomicAppError, ConfigError, FetchError
from atomicapp.images.credentials import HUB_KEY, Answer, Credential, find
from atomicapp.images.reference import Reference

SECRET = "hunter2:with:colons"
NAME = Reference.parse("localhost:5000/team/app")


def packed(username: str, password: str) -> str:
    return base64.b64encode(f"{username}:{password}".encode()).decode()


class Files:
    """A home with credentials."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.environment = {"HOME": str(home), "XDG_RUNTIME_DIR": str(home / "run")}
        self.asked: list[tuple[list[str], str]] = []
        self.answers: dict[str, Answer] = {}

    def docker(self, **content: object) -> Path:
        return self.write(self.home / ".docker" / "config.json", content)

    def podman(self, **content: object) -> Path:
        return self.write(self.home / "run" / "containers" / "auth.json", content)

    def write(self, path: Path, content: object) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))
        return path

    def runner(self, command: list[str], text: str) -> Answer:
        self.asked.append((command, text))
        if command[0] not in self.answers:
            raise FileNotFoundError
        return self.answers[command[0]]

    def find(self, name: Reference = NAME) -> Credential | None:
        return find(name, self.environment, self.runner)

    def login(self, name: str = str(NAME)) -> tuple[str, str, str] | None:
        found = self.find(Reference.parse(name))
        return found[:3] if found else None


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def test_nobody_logged_in(files: Files) -> None:
    assert files.find() is None
    files.docker()
    assert files.find() is None


def test_dockers_file(files: Files) -> None:
    path = files.docker(auths={"localhost:5000": {"auth": packed("alice", SECRET)}})
    found = files.find()
    assert found == Credential("alice", SECRET, "", str(path))
    assert SECRET not in f"{found!r} {found}"
    assert files.login("localhost:5001/x") is None


def test_where_dockers_file_lies_can_be_said(files: Files, tmp_path: Path) -> None:
    files.docker(auths={"localhost:5000": {"auth": packed("wrong", "x")}})
    files.write(tmp_path / "d" / "config.json", {"auths": {"localhost:5000": {"auth": packed("alice", SECRET)}}})
    files.environment["DOCKER_CONFIG"] = str(tmp_path / "d")
    assert files.login() == ("alice", SECRET, "")


def test_podmans_file_comes_first(files: Files, tmp_path: Path) -> None:
    files.docker(auths={"localhost:5000": {"auth": packed("docker", "x")}})
    files.podman(auths={"localhost:5000": {"auth": packed("podman", "x")}})
    assert files.login() == ("podman", "x", "")
    files.environment["REGISTRY_AUTH_FILE"] = str(
        files.write(tmp_path / "named", {"auths": {"localhost:5000": {"auth": packed("named", "x")}}})
    )
    assert files.login() == ("named", "x", "")
    Path(files.environment["REGISTRY_AUTH_FILE"]).unlink()
    assert files.login() == ("docker", "x", "")


def test_root_has_a_place_of_its_own(files: Files) -> None:
    files.docker(auths={"localhost:5000": {"auth": packed("docker", "x")}})
    del files.environment["XDG_RUNTIME_DIR"]
    assert files.login() == ("docker", "x", "")


def test_the_longest_key_that_fits_wins(files: Files) -> None:
    files.podman(
        auths={
            "localhost:5000": {"auth": packed("host", "x")},
            "localhost:5000/team": {"auth": packed("team", "x")},
            "localhost:5000/team/other": {"auth": packed("other", "x")},
        }
    )
    assert files.login() == ("team", "x", "")
    assert files.login("localhost:5000/x") == ("host", "x", "")


@pytest.mark.parametrize("key", ["https://localhost:5000", "http://localhost:5000/", "https://localhost:5000/v1/"])
def test_keys_may_be_addresses(key: str, files: Files) -> None:
    files.docker(auths={key: {"auth": packed("alice", SECRET)}})
    assert files.login() == ("alice", SECRET, "")


@pytest.mark.parametrize("key", [HUB_KEY, "docker.io", "index.docker.io"])
def test_docker_hub(key: str, files: Files) -> None:
    files.docker(auths={key: {"auth": packed("alice", SECRET)}})
    assert files.login("team/app") == ("alice", SECRET, "")
    assert files.login("localhost:5000/team/app") is None


def test_other_forms_of_an_entry(files: Files) -> None:
    files.docker(auths={"localhost:5000": {"auth": packed("alice", ""), "identitytoken": "tok"}})
    assert files.login() == ("alice", "", "tok")
    files.docker(auths={"localhost:5000": {"username": "alice", "password": "p"}})
    assert files.login() == ("alice", "p", "")
    files.docker(auths={"localhost:5000": {}, "other": 3})
    assert files.login() is None


def test_a_helper_for_the_host_goes_first(files: Files) -> None:
    files.docker(
        credHelpers={"localhost:5000": "one"},
        credsStore="all",
        auths={"localhost:5000": {"auth": packed("x", "x")}},
    )
    files.answers["docker-credential-one"] = Answer(
        0, json.dumps({"ServerURL": "localhost:5000", "Username": "alice", "Secret": SECRET})
    )
    assert files.login() == ("alice", SECRET, "")
    assert files.asked == [(["docker-credential-one", "get"], "localhost:5000")]


def test_the_store_goes_before_the_entries(files: Files) -> None:
    files.docker(credsStore="all", auths={"localhost:5000": {}})
    files.answers["docker-credential-all"] = Answer(0, json.dumps({"Username": "<token>", "Secret": SECRET}))
    assert files.login() == ("", "", SECRET)


def test_the_store_may_know_nothing(files: Files) -> None:
    files.docker(credsStore="all", auths={"localhost:5000": {"auth": packed("alice", SECRET)}})
    files.answers["docker-credential-all"] = Answer(1, "credentials not found in native keychain\n")
    assert files.login() == ("alice", SECRET, "")
    files.answers["docker-credential-all"] = Answer(0, json.dumps({"Username": "", "Secret": ""}))
    assert files.login() == ("alice", SECRET, "")


def failing(work: Callable[[], object], kind: type[AtomicAppError], said: str) -> None:
    with pytest.raises(kind, match=said) as caught:
        work()
    assert SECRET not in repr(caught.value.to_dict())
    assert packed("alice", SECRET) not in repr(caught.value.to_dict())


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(1, f"something about {SECRET}"), "failed with status 1"),
        (Answer(0, SECRET), "not understood"),
        (Answer(0, json.dumps({"Secret": SECRET})), "not understood"),
        (None, "not installed"),
    ],
)
def test_helpers_that_fail(answer: Answer | None, said: str, files: Files) -> None:
    files.docker(credsStore="all")
    if answer:
        files.answers["docker-credential-all"] = answer
    failing(files.find, FetchError, said)


def test_a_helper_is_a_name_and_not_a_path(files: Files) -> None:
    files.docker(credsStore="../../bin/sh")
    failing(files.find, ConfigError, "no name of a credential helper")
    assert files.asked == []


@pytest.mark.parametrize(
    ("content", "said"),
    [(f'{{"auths": "{SECRET}', "not readable as JSON"), (f'["{SECRET}"]', "does not hold a JSON object")],
)
def test_files_that_can_not_be_read(content: str, said: str, files: Files) -> None:
    files.docker().write_text(content)
    failing(files.find, ConfigError, said)


@pytest.mark.parametrize(
    "auth", ["%%%", base64.b64encode(b"no colon").decode(), base64.b64encode(b"\xff:\xff").decode()]
)
def test_entries_that_can_not_be_read(auth: str, files: Files) -> None:
    files.docker(auths={"localhost:5000": {"auth": auth}})
    failing(files.find, ConfigError, "holds no user and password")


def test_odd_shapes_are_no_credentials(files: Files) -> None:
    files.docker(auths=[], credHelpers="x", credsStore=3)
    assert files.find() is None


def test_a_folder_in_the_place_of_the_file(files: Files) -> None:
    (files.home / ".docker" / "config.json").mkdir(parents=True)
    failing(files.find, ConfigError, "can't be read")


def test_a_real_helper_program(files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "bin" / "docker-credential-real"
    program.parent.mkdir()
    program.write_text(
        "#!/bin/sh\n"
        'read host; case "$host" in\n'
        'localhost:5000) echo "{\\"Username\\":\\"$1\\",\\"Secret\\":\\"s\\"}";;\n'
        'localhost:5001) echo "credentials not found in native keychain"; exit 1;;\n'
        "*) printf '\\377'; exit 0;; esac\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    files.docker(credsStore="real")
    assert find(NAME, files.environment) == Credential("get", "s", "", "docker-credential-real")
    assert find(Reference.parse("localhost:5001/x"), files.environment) is None
    failing(lambda: find(Reference.parse("localhost:5002/x"), files.environment), FetchError, "failed with status -1")
    program.chmod(0o644)
    failing(lambda: find(NAME, files.environment), FetchError, "failed|not installed")
