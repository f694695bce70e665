from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from atomicapp.errors import AtomicAppError, FetchError, UsageError
from atomicapp.images import oci
from atomicapp.images.build import LABEL_PROVIDERS, LABEL_SPEC
from atomicapp.images.fetch import FetchObserver, FetchOptions, Images
from atomicapp.images.manifests import OCI_INDEX, digest_of
from atomicapp.images.options import AbsentError
from atomicapp.images.reference import Reference
from tests.unit.images.fakeregistry import FakeRegistry, Handler, cut_blob, status, times
from tests.unit.images.helpers import NULECULE, app, file, gz, hard, image, index, tar

LABELS = {LABEL_SPEC: "0.0.2", LABEL_PROVIDERS: "docker, kubernetes"}
ONE = image(gz(app()), gz(tar(file("application-entity/n", b"1"))), labels=LABELS)
TWO = image(gz(app(file("application-entity/n", b"2"))))
NO_APP = image(gz(tar(file("bin/sh"))))


class Noted(FetchObserver):
    """An observer that remembers."""

    def __init__(self) -> None:
        self.events: list[tuple[str, ...]] = []
        self.moved: list[tuple[int, int | None]] = []

    def started(self, reference: str) -> None:
        self.events.append(("started", reference))

    def progress(self, reference: str, done: int, total: int | None) -> None:
        self.moved.append((done, total))

    def retry(self, reference: str, why: str) -> None:
        self.events.append(("retry", reference, why))

    def done(self, reference: str, digest: str) -> None:
        self.events.append(("done", reference, digest))


class House:
    """A cache and a registry."""

    def __init__(self, folder: Path, fake: FakeRegistry) -> None:
        self.folder = folder
        self.cache = folder / "cache"
        self.fake = fake
        self.name = f"{fake.host}/team/app:1"
        self.observer = Noted()
        self.opened: list[Images] = []

    def images(self, scratch: Path | None = None, platform: str = "linux/amd64") -> Images:
        options = FetchOptions(timeout=5, use_engine=False, platform=platform, sleep=lambda _: None)
        found = Images(
            self.cache, options=options, observer=self.observer, scratch=scratch, environment={"HOME": str(self.folder)}
        )
        self.opened.append(found)
        return found

    def left(self) -> list[str]:
        """What lies in the cache that is neither a lock nor empty."""
        paths = (path for path in self.cache.rglob("*") if path.is_file() and path.suffix != ".lock")
        return sorted(path.relative_to(self.cache).as_posix() for path in paths)


@pytest.fixture
def house(tmp_path: Path, fake: FakeRegistry) -> Iterator[House]:
    found = House(tmp_path, fake)
    fake.put("team/app", "1", ONE)
    yield found
    for images in found.opened:
        images.close()


def test_an_app_of_a_registry(house: House) -> None:
    found = house.images().fetch(f"docker://{house.name}")
    assert found.digest == ONE.digest
    assert found.reference == house.name
    assert found.source == "registry"
    assert found.folder == house.cache / "apps" / ONE.digest.replace(":", "-")
    assert sorted(path.name for path in found.folder.iterdir()) == ["Nulecule", "n"]
    assert (found.folder / "Nulecule").read_bytes() == NULECULE
    assert house.observer.events == [
        ("started", f"docker://{house.name}"),
        ("done", f"docker://{house.name}", ONE.digest),
    ]
    assert house.observer.moved[-1] == (ONE.manifest.size, ONE.manifest.size)
    assert list((house.cache / "tmp").iterdir()) == []


def test_what_was_fetched_needs_no_network(house: House) -> None:
    house.images().fetch(house.name)
    house.fake.faults.append(status("/", 500))
    asked = len(house.fake.asked)
    for name in (house.name, f"{house.fake.host}/team/app@{ONE.digest}", f"{house.name}@{ONE.digest}"):
        found = house.images().fetch(name)
        assert (found.digest, found.source) == (ONE.digest, "cache")
    assert len(house.fake.asked) == asked


def test_the_digest_of_an_index_needs_no_network_either(house: House) -> None:
    raw = index((ONE, {"os": "linux", "architecture": "amd64"}), (TWO, {"os": "linux", "architecture": "arm64"}))
    house.fake.put_manifest("team/app", "2", raw, OCI_INDEX)
    name = f"{house.fake.host}/team/app@{digest_of(raw)}"
    assert house.images().fetch(name).digest == ONE.digest
    asked = len(house.fake.asked)
    for update in (False, True):
        assert house.images().fetch(name, update=update).digest == ONE.digest
    assert len(house.fake.asked) == asked


def test_an_app_that_was_removed_from_the_cache_is_fetched_again(house: House) -> None:
    folder = house.images().fetch(house.name).folder
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    assert house.images().fetch(house.name).source == "registry"
    assert (folder / "Nulecule").is_file()


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"digest": 3}', '{"digest": "../../etc"}'])
def test_a_note_that_can_not_be_read_is_no_note(content: str, house: House) -> None:
    house.images().fetch(house.name)
    (note,) = (house.cache / "refs").iterdir()
    note.write_text(content)
    assert house.images().fetch(house.name).source == "registry"


def test_many_threads_fetch_it_once(house: House) -> None:
    images = house.images()
    found: list[Path] = []
    threads = [threading.Thread(target=lambda: found.append(images.fetch(house.name).folder)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1
    for blob in ONE.manifest.layers:
        assert house.fake.count(f"/blobs/{blob.digest}") == 1


def test_many_processes_fetch_it_once(house: House) -> None:
    program = (
        "import sys, pathlib; from atomicapp.images.fetch import Images, FetchOptions\n"
        "with Images(pathlib.Path(sys.argv[1]), options=FetchOptions(use_engine=False)) as images:\n"
        "    print(images.fetch(sys.argv[2]).digest)\n"
    )
    command = [sys.executable, "-c", program, str(house.cache), house.name]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    assert [process.communicate()[0].strip() for process in running] == [ONE.digest] * 4
    for blob in ONE.manifest.layers:
        assert house.fake.count(f"/blobs/{blob.digest}") == 1


def test_two_names_of_one_image_share_it(house: House) -> None:
    house.fake.put("team/app", "2", ONE)
    images = house.images()
    first, second = images.fetch(house.name), images.fetch(f"{house.fake.host}/team/app:2")
    assert first.folder == second.folder
    assert house.fake.count(f"/blobs/{ONE.manifest.layers[0].digest}") == 1


def test_a_tag_that_moves_is_seen_on_update_only(house: House) -> None:
    images = house.images()
    images.fetch(house.name)
    house.fake.put("team/app", "1", TWO)
    assert images.fetch(house.name).digest == ONE.digest
    assert images.fetch(house.name, update=True).digest == TWO.digest
    assert images.fetch(house.name).digest == TWO.digest


def test_the_local_store_goes_first(house: House) -> None:
    images = house.images()
    images.local.add(TWO, Reference.parse(house.name))
    found = images.fetch(house.name)
    assert (found.digest, found.source) == (TWO.digest, "local store")
    assert house.fake.asked == []


def test_an_update_replaces_what_the_local_store_has(house: House) -> None:
    images = house.images()
    images.local.add(TWO, Reference.parse(house.name))
    assert images.fetch(house.name, update=True).digest == ONE.digest
    found = images.fetch(house.name)
    assert (found.digest, found.source) == (ONE.digest, "local store")


def test_an_update_keeps_what_was_only_built_here(house: House) -> None:
    images = house.images()
    built = f"{house.fake.host}/team/new:1"
    with pytest.raises(AbsentError):
        images.fetch(built, update=True)
    images.local.add(TWO, Reference.parse(built))
    assert images.fetch(built, update=True).source == "local store"


def test_a_failure_leaves_nothing(house: House) -> None:
    house.fake.put("team/none", "1", NO_APP)
    house.fake.put("team/bad", "1", image(gz(app(hard("application-entity/x", "none")))))
    house.fake.put("team/cut", "1", TWO)
    images = house.images()
    for name, said in (("none", "not an Atomic App package"), ("bad", "hard link")):
        with pytest.raises(FetchError, match=said):
            images.fetch(f"{house.fake.host}/team/{name}:1")
    house.fake.faults.append(cut_blob(house.fake, 5))
    with pytest.raises(FetchError, match="cut in the middle"):
        images.fetch(f"{house.fake.host}/team/cut:1")
    assert house.left() == []
    assert list((house.cache / "tmp").iterdir()) == []
    assert list((house.cache / "apps").iterdir()) == []


def test_a_failure_of_one_layer_ends_the_others(house: House) -> None:
    layers = [gz(app()), *(os.urandom(100_000) for _ in range(3))]
    found = image(*layers)
    house.fake.put("team/many", "1", found)
    bad = found.manifest.layers[0].digest
    house.fake.blobs[bad] = b"\0" * len(layers[0])
    finished = []

    def slowly(handler: Handler) -> bool:
        data = house.fake.blobs.get(handler.path.rpartition("/")[2], b"")
        if len(data) != 100_000:
            return False
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        for start in range(0, len(data), 500):
            handler.wfile.write(data[start : start + 500])
            time.sleep(0.05)
        finished.append(handler.path)
        return True

    house.fake.faults.append(slowly)
    with pytest.raises(FetchError, match="wrong digest"):
        house.images().fetch(f"{house.fake.host}/team/many:1")
    assert finished == []
    assert house.left() == []


def test_an_interrupt_ends_the_download(house: House) -> None:
    class Interrupted(Noted):
        def progress(self, reference: str, done: int, total: int | None) -> None:
            raise KeyboardInterrupt

    images = house.images()
    house.observer = Interrupted()
    with pytest.raises(KeyboardInterrupt):
        house.images().fetch(house.name)
    assert house.left() == []
    assert images.fetch(house.name).digest == ONE.digest


def test_retries_are_told(house: House) -> None:
    house.fake.faults.append(times(1, status("/manifests/", 503)))
    house.images().fetch(house.name)
    why = f"{house.fake.host} answers 503 Service Unavailable"
    assert ("retry", house.name, why) in house.observer.events


def test_a_plan_writes_to_its_scratch_folder_only(house: House) -> None:
    scratch = house.folder / "scratch"
    found = house.images(scratch).fetch(house.name)
    assert found.folder.is_relative_to(scratch)
    assert not house.cache.exists()
    # what is in the cache is used all the same
    house.images().fetch(house.name)
    before = house.left()
    asked = len(house.fake.asked)
    assert house.images(house.folder / "other").fetch(house.name).folder.is_relative_to(house.cache)
    assert len(house.fake.asked) == asked
    house.fake.put("team/app", "1", TWO)
    house.images(house.folder / "third").fetch(house.name, update=True)
    assert house.left() == before


def test_platforms_are_kept_apart(house: House) -> None:
    house.images().fetch(house.name)
    house.fake.put("team/app", "1", TWO)
    assert house.images(platform="linux/arm64").fetch(house.name).digest == TWO.digest
    assert house.images().fetch(house.name).digest == ONE.digest


def test_layouts_and_tars(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    oci.write(house.folder / "layout", ONE, "v1")
    path = house.folder / "image.tar"
    with tarfile.open(path, "w") as target:
        target.add(house.folder / "layout", ".")
    images = house.images()
    for name, source in (
        (f"oci:{house.folder}/layout", "oci"),
        (f"oci:{house.folder}/layout:v1", "oci"),
        (str(path), "tar"),
    ):
        found = images.fetch(name)
        assert (found.digest, found.source, found.reference) == (ONE.digest, source, name)
        assert images.inspect(name).source == source
    monkeypatch.chdir(house.folder)
    assert images.fetch("image.tar").digest == ONE.digest
    with pytest.raises(FetchError, match="can't be read"):
        images.fetch("./none.tar")
    assert house.fake.asked == []


# ---------------------------------------------------------------- pull, push, inspect


def test_pull(house: House) -> None:
    images = house.images()
    assert images.pull(house.name) == ONE.digest
    assert [entry.reference for entry in images.local.list()] == [house.name]
    assert images.fetch(house.name).source == "local store"
    assert house.observer.events[:2] == [("started", house.name), ("done", house.name, ONE.digest)]


def test_push(house: House) -> None:
    images = house.images()
    name = f"{house.fake.host}/team/new:1"
    with pytest.raises(UsageError, match="in the local store") as caught:
        images.push(name)
    assert "atomicapp build" in caught.value.hint
    images.local.add(TWO, Reference.parse(name))
    assert images.push(name) == TWO.digest
    assert house.fake.manifests["team/new", "1"][0] == TWO.manifest.raw
    assert house.observer.moved[-1] == (TWO.manifest.size, TWO.manifest.size)
    with pytest.raises(UsageError, match="not under a digest"):
        images.push(f"{name}@{TWO.digest}")


def test_push_of_a_layout(house: House) -> None:
    oci.write(house.folder / "layout", TWO, "v1")
    images = house.images()
    assert images.push(house.name, source=f"oci:{house.folder}/layout") == TWO.digest
    assert images.fetch(house.name).digest == TWO.digest
    with pytest.raises(UsageError, match="neither oci:DIR nor a tar"):
        images.push(house.name, source="localhost:5000/x")


def test_inspect(house: House) -> None:
    images = house.images()
    found = images.inspect(house.name)
    assert found.digest == ONE.digest
    assert found.source == "registry"
    assert (found.spec, found.providers) == ("0.0.2", ("docker", "kubernetes"))
    assert found.layers == tuple(layer.digest for layer in ONE.manifest.layers)
    assert found.platform == "linux/amd64"
    assert house.fake.count(f"/blobs/{ONE.manifest.layers[0].digest}") == 0
    images.local.add(TWO, Reference.parse(house.name))
    local = images.inspect(house.name)
    assert (local.digest, local.source, local.spec, local.providers) == (TWO.digest, "local store", "", ())
    assert local.to_dict()["layers"] == [TWO.manifest.layers[0].digest]


# ---------------------------------------------------------------- the disk


def test_a_cache_that_can_not_be_made(house: House) -> None:
    house.cache.write_text("a file")
    with pytest.raises(AtomicAppError, match="can't write"):
        house.images().fetch(house.name)


@pytest.mark.skipif(os.getuid() != 0, reason="mounting a small file system takes root")
def test_a_full_disk(house: House) -> None:
    big = image(gz(app(*(file(f"application-entity/{n}", os.urandom(200_000)) for n in range(8)))))
    house.fake.put("team/big", "1", big)
    # one that downloads and does not unpack: two are needed for the disk to be full at that point
    zeros = image(gz(app(file("application-entity/z", b"\0" * 3_000_000))))
    house.fake.put("team/zeros", "1", zeros)
    house.cache.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", house.cache], check=True)
    try:
        images = house.images()
        for name in ("big", "zeros"):
            with pytest.raises(AtomicAppError, match="No space left on device"):
                images.fetch(f"{house.fake.host}/team/{name}:1")
        with pytest.raises(AtomicAppError, match="No space left on device"):
            images.pull(f"{house.fake.host}/team/big:1")
        with pytest.raises(AtomicAppError, match="No space left on device"):
            images.local.add(big, Reference.parse("localhost/big"))
        assert house.left() == []
        # what fits still works
        assert images.fetch(house.name).digest == ONE.digest
    finally:
        subprocess.run(["umount", house.cache], check=True)
