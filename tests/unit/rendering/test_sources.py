"""atomicapp/rendering/sources.py: files that stay inside of the app, URLs, and real git repositories."""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
from pathlib import Path

import pytest

from atomicapp import io
from atomicapp.errors import FetchError, SpecError
from atomicapp.model import FileArtifact, GitArtifact, UrlArtifact
from atomicapp.position import Position
from atomicapp.rendering import sources
from atomicapp.rendering.sources import Remote, Sources, checkout

HERE = Position("Nulecule", 7, 11)


class Web:
    """Downloads from memory; counts them."""

    def __init__(self, **pages: bytes) -> None:
        self.pages = {f"http://h/{name}": data for name, data in pages.items()}
        self.asked: list[str] = []

    def __call__(self, url: str) -> bytes:
        self.asked.append(url)
        if url not in self.pages:
            raise FetchError(url, "404 Not Found")
        return self.pages[url]


def nowhere(url: str) -> bytes:
    raise AssertionError(f"{url} was asked for")


@pytest.fixture
def app(tmp_path: Path) -> Path:
    found = tmp_path / "app"
    (found / "artifacts" / "sub").mkdir(parents=True)
    return found


def read(app: Path, path: str) -> list[tuple[str, str]]:
    with Sources(Remote(nowhere, checkout)) as reader:
        return [(text.path, text.text) for text in reader.read(app, FileArtifact(path, HERE))]


def told(app: Path, path: str) -> tuple[str, str]:
    with pytest.raises(SpecError) as found:
        read(app, path)
    (issue,) = found.value.issues
    return f"{issue.position}: {issue.message}", issue.hint


# ---------------------------------------------------------------- files


@pytest.mark.parametrize("text", ["a\r\nb\n", "\ufeffx", "", "é😀\n"])
def test_a_file_is_taken_as_it_is(app: Path, text: str) -> None:
    (app / "artifacts" / "run").write_bytes(text.encode())
    assert read(app, "artifacts/run") == [("artifacts/run", text)]
    with Sources(Remote(nowhere, checkout)) as reader:
        assert reader.read(app, FileArtifact("artifacts/run", HERE))[0].file == f"{app}/artifacts/run"


@pytest.mark.parametrize("path", ["artifacts", "artifacts/"])
def test_a_folder_stands_for_its_plain_files_by_name(app: Path, path: str) -> None:
    for name in ("b", "a", "C", ".hidden", "sub/deeper"):
        (app / "artifacts" / name).write_text(name)
    os.mkfifo(app / "artifacts" / "pipe")
    (app / "artifacts" / "dangling").symlink_to("nowhere")
    assert read(app, path) == [("artifacts/C", "C"), ("artifacts/a", "a"), ("artifacts/b", "b")]


@pytest.mark.parametrize("path", [".", "./"])
def test_the_app_itself_is_a_folder_too(app: Path, path: str) -> None:
    (app / "Nulecule").write_text("n")
    assert read(app, path) == [("Nulecule", "n")]


def test_a_folder_without_files_is_a_failure(app: Path) -> None:
    assert told(app, "artifacts/")[0] == "Nulecule:7:11: the folder 'artifacts' holds no files"


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("artifacts/rnu", "did you mean 'artifacts/run'?"),
        ("artifacts/zzz", "'artifacts' holds run, sub"),
        ("artifacts/sub/x", "'artifacts/sub' holds nothing"),
        ("other/x", "there is no folder 'other' in the app"),
        ("artifacts/run/x", "there is no folder 'artifacts/run' in the app"),
        ("artifacts/run/", "did you mean 'artifacts/run'?"),
    ],
)
def test_an_artifact_that_is_not_there(app: Path, path: str, hint: str) -> None:
    (app / "artifacts" / "run").write_text("x")
    assert told(app, path) == (f"Nulecule:7:11: the artifact '{path}' does not exist", hint)


def test_what_is_no_plain_file_is_refused_and_not_waited_for(app: Path) -> None:
    os.mkfifo(app / "pipe")
    assert told(app, "pipe")[0] == "Nulecule:7:11: the artifact 'pipe' can't be read: it is no plain file"
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        os.chdir(app)  # the path of a socket is limited to 108 characters
        try:
            server.bind("socket")
        finally:
            os.chdir(here)
        assert told(app, "socket")[0] == "Nulecule:7:11: the artifact 'socket' can't be read: No such device or address"
    (app / "circle").symlink_to("circle")
    assert told(app, "circle")[0].endswith("can't be read: Too many levels of symbolic links")
    assert told(app, "x" * 300)[0].endswith("can't be read: File name too long")


def test_bytes_that_are_no_text_are_told_by_offset(app: Path) -> None:
    (app / "binary").write_bytes(b"\x7fELF\n\x80")
    (message, _) = told(app, "binary")
    assert message == f"{app}/binary:2:1: byte 0x80 at offset 5 is not UTF-8 text"


def test_a_file_beyond_the_bound_is_refused(app: Path) -> None:
    with (app / "large").open("wb") as stream:
        stream.truncate(io.MAX_TEXT + 1)
    assert told(app, "large")[0] == f"{app}/large: the file is larger than 16 MiB"


# ---------------------------------------------------------------- links


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    found = tmp_path / "outside"
    found.mkdir()
    (found / "secret").write_text("root:x")
    return found


@pytest.mark.parametrize(
    ("link", "target", "path"),
    [
        ("artifacts/link", "../../outside/secret", "artifacts/link"),
        ("artifacts/link", "{outside}/secret", "artifacts/link"),
        ("artifacts/link", "../../outside", "artifacts/link"),
        ("artifacts/link", "../../outside", "artifacts/link/"),
        ("artifacts/link", "../../outside", "artifacts/link/secret"),
        ("link", "../outside", "link/secret"),
        ("link", "..", "link/outside/secret"),
        ("link", "/", "link/etc/passwd"),
        ("artifacts/sub/link", "../../../outside/secret", "artifacts/sub/"),
        ("artifacts/link", "../../app-too/x", "artifacts/link"),
    ],
)
def test_links_that_lead_outside_are_refused(app: Path, outside: Path, link: str, target: str, path: str) -> None:
    (outside.parent / "app-too").mkdir()
    (outside.parent / "app-too" / "x").write_text("beginning with the same letters")
    (app / link).symlink_to(target.format(outside=outside))
    message, hint = told(app, path)
    assert message.startswith("Nulecule:7:11: the artifact '")
    assert message.endswith("' is a link that leads outside of the app")
    assert hint == "copy the file into the app in place of the link"


def test_links_within_the_app_are_followed(app: Path) -> None:
    (app / "artifacts" / "run").write_text("x")
    (app / "file").symlink_to("artifacts/run")
    (app / "folder").symlink_to("artifacts")
    (app / "artifacts" / "sub" / "back").symlink_to("../../artifacts/run")
    assert read(app, "file") == [("file", "x")]
    assert read(app, "folder/run") == [("folder/run", "x")]
    assert read(app, "folder") == [("folder/run", "x")]
    assert read(app, "artifacts/sub/") == [("artifacts/sub/back", "x")]


def test_the_app_may_be_reached_by_a_link(app: Path, tmp_path: Path) -> None:
    (app / "artifacts" / "run").write_text("x")
    (app / "file").symlink_to("artifacts/run")
    (tmp_path / "shortcut").symlink_to(app)
    assert read(tmp_path / "shortcut", "file") == [("file", "x")]


# ---------------------------------------------------------------- URLs


def test_a_url_is_got_once_and_named_by_its_end(app: Path) -> None:
    web = Web(**{"a/pod.yaml": b"x", "": b"top", "a/..": b"up"})
    web.pages["http://h/a/pod.yaml?v=1/2"] = b"y"
    with Sources(Remote(web, checkout)) as reader:
        for _ in range(2):
            (found,) = reader.read(app, UrlArtifact("http://h/a/pod.yaml", HERE))
            assert (found.path, found.text, found.file) == ("pod.yaml", "x", "http://h/a/pod.yaml")
        assert web.asked == ["http://h/a/pod.yaml"]
        assert reader.read(app, UrlArtifact("http://h/a/pod.yaml?v=1/2", HERE))[0].path == "pod.yaml"
        assert reader.read(app, UrlArtifact("http://h/", HERE))[0].path == "artifact"
        assert reader.read(app, UrlArtifact("http://h/a/..", HERE))[0].path == "artifact"


def test_a_url_that_can_not_be_had_names_who_wants_it(app: Path) -> None:
    with Sources(Remote(Web(), checkout)) as reader, pytest.raises(FetchError) as found:
        reader.read(app, UrlArtifact("http://h/x", HERE))
    assert found.value.message == "can't get http://h/x: 404 Not Found"
    assert found.value.details == ("wanted at Nulecule:7:11",)


def test_a_digest_is_checked(app: Path) -> None:
    good = hashlib.sha256(b"x").hexdigest()
    with Sources(Remote(Web(a=b"x"), checkout)) as reader:
        assert reader.read(app, UrlArtifact("http://h/a", HERE, good.upper()))[0].text == "x"
        with pytest.raises(SpecError, match=rf"^Nulecule:7:11: http://h/a has the digest {good}, not {'0' * 64}$"):
            reader.read(app, UrlArtifact("http://h/a", HERE, "0" * 64))


def test_a_page_that_is_no_text_is_told(app: Path) -> None:
    with Sources(Remote(Web(a=b"\xff"), checkout)) as reader, pytest.raises(SpecError, match=r"^http://h/a:1:1: byte"):
        reader.read(app, UrlArtifact("http://h/a", HERE))


# ---------------------------------------------------------------- git


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """main: run=main, a tag v1.0 before it: run=tagged, a branch dev: run=dev with k/b, k/a."""
    folder = tmp_path_factory.mktemp("repository")
    git(folder, "init", "-q", "-b", "main")
    (folder / "run").write_text("tagged")
    (folder / "out").symlink_to("/etc/hostname")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "one")
    git(folder, "tag", "-am", "release", "v1.0")
    git(folder, "checkout", "-qb", "dev")
    (folder / "run").write_text("dev")
    (folder / "out").unlink()
    (folder / "k").mkdir()
    for name in "ba":
        (folder / "k" / name).write_text(name)
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "two")
    git(folder, "checkout", "-q", "main")
    (folder / "run").write_text("main")
    git(folder, "commit", "-qam", "three")
    return folder


@pytest.mark.parametrize(
    ("ref", "path", "found"),
    [
        ("", "run", [("run", "main")]),
        ("main", "run", [("run", "main")]),
        ("dev", "run", [("run", "dev")]),
        ("v1.0", "run", [("run", "tagged")]),
        ("dev", "k", [("k/a", "a"), ("k/b", "b")]),
        ("dev", "", [("run", "dev")]),
    ],
)
def test_a_repository_at_a_branch_or_tag(
    app: Path, repository: Path, ref: str, path: str, found: list[tuple[str, str]]
) -> None:
    url = f"file://{repository}"
    with Sources(Remote(nowhere, checkout)) as reader:
        texts = reader.read(app, GitArtifact(url, path, ref, HERE))
        assert [(text.path, text.text) for text in texts] == found
        assert texts[0].file == f"{url}{'@' if ref else ''}{ref}/{found[0][0]}"


def test_a_repository_is_cloned_once_and_removed_at_the_end(app: Path, repository: Path) -> None:
    cloned: list[Path] = []

    def counted(url: str, ref: str, folder: Path) -> None:
        cloned.append(folder)
        checkout(url, ref, folder)

    url = f"file://{repository}"
    with Sources(Remote(nowhere, counted)) as reader:
        for path in ("k/a", "k/b", "run"):
            reader.read(app, GitArtifact(url, path, "dev", HERE))
        assert len(cloned) == 1
        reader.read(app, GitArtifact(url, "run", "main", HERE))
    assert len(cloned) == 2
    assert [folder.parent.exists() for folder in cloned] == [False, False]


def test_what_a_repository_does_not_hold(app: Path, repository: Path) -> None:
    with Sources(Remote(nowhere, checkout)) as reader:
        with pytest.raises(SpecError) as found:
            reader.read(app, GitArtifact(f"file://{repository}", "rnu", "v1.0", HERE))
        assert found.value.message == "Nulecule:7:11: the artifact 'rnu' does not exist"
        with pytest.raises(SpecError, match="the artifact 'out' is a link that leads outside of the app"):
            reader.read(app, GitArtifact(f"file://{repository}", "out", "v1.0", HERE))


def test_a_ref_or_a_repository_that_is_not_there(app: Path, repository: Path) -> None:
    with Sources(Remote(nowhere, checkout)) as reader:
        with pytest.raises(FetchError) as found:
            reader.read(app, GitArtifact(f"file://{repository}", "run", "nope", HERE))
        assert found.value.message == f"can't get file://{repository}: Remote branch nope not found in upstream origin"
        assert found.value.hint == "check the address, the branch or tag"
        assert found.value.details == ("wanted at Nulecule:7:11",)
        with pytest.raises(FetchError) as found:
            reader.read(app, GitArtifact(f"file://{app}/none", "run", "", HERE))
        assert "none' does not appear to be a git repository" in found.value.message


@pytest.mark.parametrize(
    ("url", "ref"),
    [
        ("--upload-pack=touch /tmp/x", ""),
        ("ext::sh -c id", ""),
        ("http://h/r", "--config=x"),
        ("fd::17", ""),
        ("http://h\x00", ""),
    ],
)
def test_what_is_no_address_of_a_repository(tmp_path: Path, url: str, ref: str) -> None:
    with pytest.raises(FetchError, match="that is no address of a repository"):
        checkout(url, ref, tmp_path / "clone")
    assert not (tmp_path / "clone").exists()


def test_other_transports_are_not_used(tmp_path: Path) -> None:
    with pytest.raises(FetchError, match=r"transport 'ext' not allowed|no address|not allowed"):
        checkout("ext::sh", "", tmp_path / "clone")
    with pytest.raises(FetchError, match="transport 'ftp' not allowed"):
        checkout("ftp://127.0.0.1/r", "", tmp_path / "clone")


def test_a_password_in_an_address_is_not_shown(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(FetchError) as found:
            checkout(f"http://me:hunter2@127.0.0.1:{port}/r", "", tmp_path / "clone")
    assert found.value.message.startswith(f"can't get http://127.0.0.1:{port}/r: ")
    assert "hunter2" not in found.value.message


def test_without_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FetchError) as found:
        checkout("http://h/r", "", tmp_path / "clone")
    assert (found.value.cause, found.value.hint) == ("the program git is not installed", "apt-get install git")


def test_a_git_that_never_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "git"
    program.write_text("#!/bin/sh\nexec sleep 600\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(sources, "GIT_TIMEOUT", 0.1)
    with pytest.raises(FetchError, match=r"git took more than 0\.1 s"):
        checkout("http://h/r", "", tmp_path / "clone")


def test_a_git_that_fails_without_a_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "git"
    program.write_text("#!/bin/sh\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(FetchError, match=r"^can't get http://h/r: git ended with 3$"):
        checkout("http://h/r", "", tmp_path / "clone")


# ---------------------------------------------------------------- files beside an artifact


def test_a_file_beside_an_artifact(app: Path, outside: Path) -> None:
    (app / "artifacts" / "env").write_text("A=1\r\n")
    (app / "artifacts" / "sub" / "one").write_text("x")
    (app / "artifacts" / "link").symlink_to("../../outside/secret")
    with Sources(Remote(nowhere, checkout)) as reader:
        assert reader.beside(app, "artifacts/env", HERE) == "A=1\r\n"
        for path, message in {
            "../outside/secret": "the file '../outside/secret' lies outside of the app",
            str(outside / "secret"): f"the file '{outside}/secret' lies outside of the app",
            "artifacts/link": "the artifact 'artifacts/link' is a link that leads outside of the app",
            "artifacts/sub": "'artifacts/sub' is a folder, not a file",
            "artifacts/none": "the artifact 'artifacts/none' does not exist",
        }.items():
            with pytest.raises(SpecError) as found:
                reader.beside(app, path, HERE)
            assert found.value.message == f"Nulecule:7:11: {message}"
