from __future__ import annotations

import io
import os
import random
import socket
import tarfile
from pathlib import Path

import pytest

from atomicapp.errors import SpecError, UsageError
from atomicapp.images.build import LABEL_PROVIDERS, LABEL_SPEC, PackageInfo, build, labels, source_date_epoch
from atomicapp.images.extract import extract
from atomicapp.images.manifests import OCI_CONFIG, OCI_MANIFEST, parse
from tests.unit.images.helpers import NULECULE
from tests.unit.images.test_extract import tree

INFO = PackageInfo("app", "0.0.2", ("kubernetes", "docker", "docker"), "An App", "What it does", "1.0", "MIT")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "app"
    (found / "artifacts/docker").mkdir(parents=True)
    (found / "Nulecule").write_bytes(NULECULE)
    (found / "artifacts/docker/run").write_text("docker run x")
    (found / "run.sh").write_text("#!/bin/sh")
    (found / "run.sh").chmod(0o755)
    (found / "answers.conf").write_text("[general]\n")
    (found / "link").symlink_to("artifacts/docker")
    (found / ("n" * 150 + "é")).write_text("long")
    return found


def members(layer: bytes) -> list[tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(layer), mode="r:gz") as archive:
        return archive.getmembers()


def test_what_is_built_can_be_unpacked_again(folder: Path, tmp_path: Path) -> None:
    found = build(folder, INFO)
    extract(found, tmp_path / "out")
    assert tree(tmp_path / "out") == tree(folder)
    assert (tmp_path / "out/run.sh").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "out/Nulecule").stat().st_mode & 0o777 == 0o644


def test_the_image_is_an_oci_image(folder: Path) -> None:
    found = build(folder, INFO)
    assert parse(found.manifest.raw, "x") == found.manifest
    assert found.manifest.media_type == OCI_MANIFEST
    assert found.manifest.config.media_type == OCI_CONFIG
    config = found.config()
    assert (config["os"], config["architecture"]) == ("linux", "amd64")
    assert "created" not in config
    assert len(config["rootfs"]["diff_ids"]) == len(config["history"]) == 1


def test_one_folder_has_one_digest(folder: Path, tmp_path: Path) -> None:
    first = build(folder, INFO).digest
    paths = [path for path in folder.rglob("*") if not path.is_symlink()]
    random.Random(1).shuffle(paths)
    for number, path in enumerate(paths):
        os.utime(path, (number, 1_000_000 + number))
        path.chmod(0o700 if path.is_dir() or path.name == "run.sh" else 0o600)
    os.utime(folder / "link", (1, 1), follow_symlinks=False)
    assert build(folder, INFO).digest == first
    # made again in another order, by another umask, at another place
    again = tmp_path / "deeper" / "again"
    again.mkdir(parents=True)
    before = os.umask(0o077)
    for path in sorted(folder.rglob("*"), reverse=True):
        target = again / path.relative_to(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink():
            target.symlink_to(path.readlink())
        elif path.is_file():
            target.write_bytes(path.read_bytes())
    os.umask(before)
    (again / "run.sh").chmod(0o700)
    assert build(again, INFO).digest == first
    if os.getuid() == 0:
        os.chown(again / "Nulecule", 12345, 12345)
        assert build(again, INFO).digest == first


def test_a_change_changes_the_digest(folder: Path) -> None:
    first = build(folder, INFO).digest
    assert build(folder, INFO._replace(version="2")).digest != first
    assert build(folder, INFO, epoch=1).digest != first
    (folder / "Nulecule").write_bytes(NULECULE + b"\n")
    assert build(folder, INFO).digest != first


def test_entries_are_nobodys_and_timeless(folder: Path) -> None:
    found = build(folder, INFO)
    listed = members(found.read(found.manifest.layers[0]))
    assert [info.name for info in listed] == sorted(info.name for info in listed)
    assert {(info.uid, info.gid, info.uname, info.gname, info.mtime) for info in listed} == {(0, 0, "", "", 0)}


def test_a_date_is_given_from_outside(folder: Path) -> None:
    found = build(folder, INFO, epoch=86400)
    assert found.config()["created"] == "1970-01-02T00:00:00Z"
    assert {info.mtime for info in members(found.read(found.manifest.layers[0]))} == {86400}


def test_the_date_of_the_environment() -> None:
    assert source_date_epoch({}) is None
    assert source_date_epoch({"SOURCE_DATE_EPOCH": "12"}) == 12
    for text in ("x", "-1", "1.5", "9" * 12):
        with pytest.raises(UsageError, match="SOURCE_DATE_EPOCH"):
            source_date_epoch({"SOURCE_DATE_EPOCH": text})


def test_some_files_stay_out(folder: Path) -> None:
    before = build(folder, INFO).digest
    for name in (".git/config", "external/x/.hg/a", ".svn/b", "artifacts/__pycache__/c.pyc", "answers.conf.gen"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    found = build(folder, INFO)
    names = {info.name.removeprefix("application-entity/") for info in members(found.read(found.manifest.layers[0]))}
    assert {"external", "external/x", "answers.conf"} <= names
    assert not {name for name in names if "gen" in name or ".git" in name or ".hg" in name or "pyc" in name}
    (folder / "external/x/.hg/a").unlink()
    (folder / "external/x/.hg").rmdir()
    (folder / "external/x").rmdir()
    (folder / "external").rmdir()
    assert build(folder, INFO).digest == before


def test_labels() -> None:
    found = labels(INFO, "example.com/tool:1")
    assert found[LABEL_SPEC] == "0.0.2"
    assert found[LABEL_PROVIDERS] == "docker,kubernetes"
    assert found["org.opencontainers.image.title"] == "An App"
    assert found["org.opencontainers.image.licenses"] == "MIT"
    assert found["RUN"].startswith("docker run ")
    assert found["RUN"].endswith(" example.com/tool:1 run IMAGE")
    assert found["UNINSTALL"].endswith(" uninstall IMAGE")
    assert "privileged" not in found["RUN"]
    assert labels(PackageInfo("x", "0.0.2"))["org.opencontainers.image.title"] == "x"
    assert "org.opencontainers.image.version" not in labels(PackageInfo("x", "0.0.2"))


def test_a_folder_without_a_nulecule(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no file Nulecule"):
        build(tmp_path, INFO)


def test_everything_that_can_not_be_packed_is_told_at_once(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    (folder / "out").symlink_to("../secret")
    (folder / "absolute").symlink_to(folder / "Nulecule")
    (folder / ".wh.gone").write_text("x")
    os.mkfifo(folder / "pipe")
    (folder / os.fsdecode(b"bad\xff")).write_text("x")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(folder / "sock"))
        with (folder / "huge").open("wb") as stream:
            stream.truncate(200 * 1024**2)
        with pytest.raises(SpecError) as caught:
            build(folder, INFO)
    told = {Path(issue.position.file).name: issue.message for issue in caught.value.issues}
    assert sorted(told) == [".wh.gone", "absolute", "bad\\udcff", "huge", "out", "pipe", "sock"]
    assert "leads out" in told["out"]
    assert "neither a file" in told["pipe"]
    assert "larger than" in told["huge"]


def test_an_app_that_is_too_large(folder: Path) -> None:
    for number in range(6):
        with (folder / f"f{number}").open("wb") as stream:
            stream.truncate(100 * 1024**2)
    with pytest.raises(SpecError, match="too large"):
        build(folder, INFO)
