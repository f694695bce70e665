"""OCI layouts, tars and the local store."""

from __future__ import annotations

import io
import json
import tarfile
import threading
from pathlib import Path

import pytest

from atomicapp.errors import AtomicAppError, FetchError, StateError, UsageError
from atomicapp.images import archive, manifests, oci
from atomicapp.images.blobs import blob_path
from atomicapp.images.extract import extract
from atomicapp.images.localstore import LocalImages, Stored
from atomicapp.images.locks import locked
from atomicapp.images.manifests import Platform, digest_of
from atomicapp.images.reference import Reference
from tests.unit.images.helpers import app, file, gz, image, index, link, tar

AMD = Platform("linux", "amd64")
ONE = image(gz(app()), labels={"n": "1"})
TWO = image(gz(app(file("application-entity/two"))), labels={"n": "2"})


# ---------------------------------------------------------------- layouts


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "layout"
    oci.write(folder, ONE, "v1")
    assert oci.read(folder, "v1", AMD).manifest == ONE.manifest
    assert oci.read(folder, "", AMD).labels() == {"n": "1"}
    extract(oci.read(folder, "", AMD), tmp_path / "out")
    assert json.loads((folder / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}


def test_several_images_in_one_layout(tmp_path: Path) -> None:
    oci.write(tmp_path, ONE, "v1")
    oci.write(tmp_path, TWO, "v2")
    assert oci.read(tmp_path, "v2", AMD).digest == TWO.digest
    oci.write(tmp_path, TWO, "v1")
    assert oci.read(tmp_path, "v1", AMD).digest == TWO.digest
    for tag, said in (("", "holds 2 images; there are: v1, v2"), ("v3", "no image called 'v3'")):
        with pytest.raises(FetchError, match=said):
            oci.read(tmp_path, tag, AMD)


def test_images_without_a_name(tmp_path: Path) -> None:
    oci.write(tmp_path, ONE, "")
    oci.write(tmp_path, ONE, "")
    assert oci.read(tmp_path, "", AMD).digest == ONE.digest


def test_an_index_within_a_layout(tmp_path: Path) -> None:
    oci.write(tmp_path, ONE, "one")
    oci.write(tmp_path, TWO, "two")
    raw = index((ONE, {"os": "linux", "architecture": "arm64"}), (TWO, {"os": "linux", "architecture": "amd64"}))
    blob_path(tmp_path / "blobs", digest_of(raw)).write_bytes(raw)
    entry = {"mediaType": manifests.OCI_INDEX, "digest": digest_of(raw), "size": len(raw)}
    (tmp_path / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    assert oci.read(tmp_path, "", AMD).digest == TWO.digest
    assert oci.read(tmp_path, "", Platform("linux", "arm64", "v8")).digest == ONE.digest


def test_a_folder_that_holds_something_else_is_not_written_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="holds other files"):
        oci.write(tmp_path, ONE, "v1")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("oci-layout", None, "no OCI image layout"),
        ("oci-layout", b"x", "not readable as JSON"),
        ("oci-layout", b'{"imageLayoutVersion": "9"}', "not 1.x"),
        ("index.json", None, "no OCI image layout"),
        ("index.json", b"x", "not readable as JSON"),
        ("index.json", ONE.manifest.raw, "holds no index"),
        ("index.json", b'{"manifests": []}', "holds no image"),
        ("index.json", b" " * (manifests.MAX_MANIFEST + 1), "larger than"),
        (
            "index.json",
            json.dumps({"manifests": [{"digest": "sha256:" + "0" * 64, "size": 3}]}).encode(),
            "is not in",
        ),
    ],
)
def test_layouts_that_are_none(name: str, content: bytes | None, said: str, tmp_path: Path) -> None:
    oci.write(tmp_path, ONE, "v1")
    (tmp_path / name).unlink()
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(FetchError, match=said):
        oci.read(tmp_path, "", AMD)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="no such folder"):
        oci.read(tmp_path / "none", "", AMD)


def test_a_blob_that_was_changed(tmp_path: Path) -> None:
    oci.write(tmp_path / "l", ONE, "v1")
    blob = blob_path(tmp_path / "l/blobs", ONE.manifest.layers[0].digest)
    blob.write_bytes(b"\0" * blob.stat().st_size)
    with pytest.raises(FetchError, match="wrong digest"):
        extract(oci.read(tmp_path / "l", "", AMD), tmp_path / "out")
    blob.unlink()
    blob.mkdir()
    with pytest.raises(FetchError, match="can't be read"):
        extract(oci.read(tmp_path / "l", "", AMD), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_names_of_layouts(tmp_path: Path) -> None:
    odd = tmp_path / "with:colon"
    odd.mkdir()
    assert oci.split_name(f"oci:{odd}") == (odd, "")
    assert oci.split_name(f"oci:{odd}:v1") == (odd, "v1")
    assert oci.split_name("oci:relative/dir:v1") == (Path("relative/dir"), "v1")
    assert oci.split_name("oci:relative/dir") == (Path("relative/dir"), "")
    with pytest.raises(UsageError):
        oci.split_name("oci:")


# ---------------------------------------------------------------- tars


def packed_layout(tmp_path: Path, *names: str) -> Path:
    """An OCI layout in a tar."""
    folder = tmp_path / "layout"
    for name, found in zip(names, (ONE, TWO), strict=False):
        oci.write(folder, found, name)
    path = tmp_path / "oci.tar"
    with tarfile.open(path, "w") as target:
        target.add(folder, ".")
    return path


def saved(tmp_path: Path, **changes: object) -> Path:
    """What `docker save` writes of an image with two equal layers: the second is a link, as Docker makes it."""
    layer = app()
    diff_ids = [digest_of(layer), digest_of(layer)]
    config = json.dumps({"os": "linux", "rootfs": {"type": "layers", "diff_ids": changes.get("diff_ids", diff_ids)}})
    listed = {"Config": "abc.json", "RepoTags": ["localhost:5000/x:1", "y:2"], "Layers": ["a/layer.tar", "b/layer.tar"]}
    listed.update({key: value for key, value in changes.items() if key in listed})  # type: ignore[misc]
    path = tmp_path / "saved.tar"
    entries = [
        file("abc.json", config.encode()),
        file("a/layer.tar", layer),
        link("b/layer.tar", "../a/layer.tar"),
        file("manifest.json", json.dumps(changes.get("list", [listed])).encode()),
    ]
    path.write_bytes(tar(*entries))
    return path


def test_a_layout_in_a_tar(tmp_path: Path) -> None:
    found = archive.read(packed_layout(tmp_path, "v1"), "", AMD)
    assert found.manifest == ONE.manifest
    extract(found, tmp_path / "out")


def test_the_image_of_a_tar_by_its_name(tmp_path: Path) -> None:
    path = packed_layout(tmp_path, "localhost:5000/x:1", "v2")
    assert archive.read(path, "localhost:5000/x:1", AMD).digest == ONE.digest
    assert archive.read(path, "localhost:5000/x:v2", AMD).digest == TWO.digest
    with pytest.raises(FetchError, match="holds 2 images"):
        archive.read(path, "", AMD)


def test_what_docker_save_writes(tmp_path: Path) -> None:
    path = saved(tmp_path)
    found = archive.read(path, "", AMD)
    assert len(found.manifest.layers) == 2
    assert found.config()["os"] == "linux"
    extract(found, tmp_path / "out")
    for name in ("localhost:5000/x:1", "y:2", "docker.io/library/y:2", "1"):
        assert archive.read(path, name, AMD).digest == found.digest
    with pytest.raises(FetchError, match="no image called 'z:9'; there are: localhost:5000/x:1, y:2"):
        archive.read(path, "z:9", AMD)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"diff_ids": ["sha256:" + "0" * 64] * 2}, "wrong digest: layer 1"),
        ({"diff_ids": ["sha256:" + "0" * 64]}, "tells of 1 layers"),
        ({"Config": "../../etc/passwd"}, "not in the tar"),
        ({"Config": None}, "names no config"),
        ({"Layers": ["none"]}, "not in the tar"),
        ({"Layers": [1]}, "something else than names"),
        ({"Layers": ["a/layer.tar"] * 600}, "600 layers"),
        ({"list": []}, "holds 0 images"),
        ({"list": {}}, "holds 0 images"),
        ({"list": [{}, {"RepoTags": [1]}]}, "holds 2 images"),
    ],
)
def test_saved_tars_that_lie(changes: dict[str, object], said: str, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match=said):
        archive.read(saved(tmp_path, **changes), "", AMD)


def test_tars_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    cases = [
        (b"", "damaged"),
        (b"nonsense" * 500, "damaged"),
        (gz(tar(file("x"))), "compressed"),
        (tar(file("x")), "neither an OCI layout nor"),
        (tar(file("manifest.json", b"{")), "not readable as JSON"),
        (tar(file("manifest.json", b" " * (manifests.MAX_MANIFEST + 1))), "more than"),
        (tar(link("manifest.json", "manifest.json")), "neither|not in|no such|missing|can't be read"),
        (saved(tmp_path).read_bytes()[:1700], "damaged|neither|ends"),
    ]
    for content, said in cases:
        path.write_bytes(content)
        with pytest.raises(AtomicAppError, match=said):
            archive.read(path, "", AMD)
    path.unlink()
    with pytest.raises(FetchError, match="can't be read"):
        archive.read(path, "", AMD)


def test_a_tar_with_too_many_files(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    info = [tarfile.TarInfo(f"f{number}").tobuf() for number in range(20_002)]
    path.write_bytes(b"".join(info) + b"\0" * 1024)
    with pytest.raises(FetchError, match="more than 20000 files"):
        archive.read(path, "", AMD)


# ---------------------------------------------------------------- the local store


X1, X2, Y = (Reference.parse(f"localhost:5000/{name}") for name in ("x:1", "x:2", "y"))


def test_the_store_keeps_what_it_is_given(tmp_path: Path) -> None:
    store = LocalImages(tmp_path / "images")
    assert store.list() == ()
    assert store.get(X1) is None
    assert store.add(ONE, X1) == ONE.digest
    store.add(TWO, Y)
    assert store.list() == (
        Stored(str(X1), ONE.digest, ONE.manifest.size),
        Stored(str(Y), TWO.digest, TWO.manifest.size),
    )
    found = store.get(X1)
    assert found is not None
    assert found.labels() == {"n": "1"}
    assert store.digest_of(Y) == TWO.digest
    assert store.digest_of(X2) == ""


def test_an_image_is_found_by_its_digest(tmp_path: Path) -> None:
    store = LocalImages(tmp_path / "images")
    store.add(ONE, X1)
    assert store.digest_of(Reference.parse(f"localhost:5000/x@{ONE.digest}")) == ONE.digest
    assert store.digest_of(Reference.parse(f"localhost:5000/y@{ONE.digest}")) == ""
    assert store.digest_of(Reference.parse(f"localhost:5000/x@{TWO.digest}")) == ""
    store.add(TWO, Reference.parse(f"localhost:5000/z@{TWO.digest}"))
    assert store.digest_of(Reference.parse(f"localhost:5000/z@{TWO.digest}")) == TWO.digest


def blobs(store: LocalImages) -> set[str]:
    return {f"{path.parent.name}:{path.name}" for path in (store.folder / "blobs").glob("*/*")}


def test_what_nobody_needs_goes(tmp_path: Path) -> None:
    store = LocalImages(tmp_path / "images")
    store.add(ONE, X1)
    store.add(ONE, X2)
    store.add(TWO, Y)
    both = blobs(store)
    store.remove(X1)
    assert blobs(store) == both
    store.remove(X2)
    assert blobs(store) == {TWO.digest, TWO.manifest.config.digest, TWO.manifest.layers[0].digest}
    # a name that moves on leaves nothing behind
    store.add(ONE, Y)
    assert blobs(store) == {ONE.digest, ONE.manifest.config.digest, ONE.manifest.layers[0].digest}
    with pytest.raises(UsageError, match="no image localhost:5000/x:1"):
        store.remove(X1)


def test_many_may_add_at_once(tmp_path: Path) -> None:
    images = [image(gz(app(file(f"application-entity/{n}"))), labels={"n": str(n)}) for n in range(8)]
    threads = [
        threading.Thread(
            target=LocalImages(tmp_path / "images").add, args=(found, Reference.parse(f"localhost/x:{number}"))
        )
        for number, found in enumerate(images)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {entry.digest for entry in LocalImages(tmp_path / "images").list()} == {found.digest for found in images}


def test_a_lock_that_is_held_is_told(tmp_path: Path) -> None:
    with (
        locked(tmp_path / "x.lock", "the thing"),
        pytest.raises(StateError, match="has held the thing for 0 seconds"),
        locked(tmp_path / "x.lock", "the thing", seconds=0),
    ):
        raise AssertionError("not reached")


def test_a_damaged_image_is_not_kept(tmp_path: Path) -> None:
    store = LocalImages(tmp_path / "images")
    damaged = ONE._replace(open_blob=lambda blob: io.BytesIO(b"\0" * blob.size))
    with pytest.raises(FetchError, match="wrong digest"):
        store.add(damaged, X1)
    assert store.list() == ()
    assert [path for path in store.folder.rglob("*") if path.is_file()] == []
