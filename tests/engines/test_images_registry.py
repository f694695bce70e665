"""Images against a real registry and against skopeo."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from atomicapp.errors import AtomicAppError, FetchError
from atomicapp.images import oci
from atomicapp.images.build import PackageInfo, build
from atomicapp.images.fetch import FetchOptions, Images
from atomicapp.images.manifests import Platform
from atomicapp.images.reference import Reference
from tests.engines.process import needs, run
from tests.engines.registry import Registry

pytestmark = pytest.mark.engine

HERE = Platform.here()


@pytest.fixture
def app(tmp_path: Path) -> Path:
    folder = tmp_path / "app"
    (folder / "artifacts").mkdir(parents=True)
    (folder / "Nulecule").write_text("specversion: 0.0.2\nid: x\ngraph: []\n")
    # random, so that layers are real ones of some size
    (folder / "artifacts/data").write_bytes(os.urandom(3_000_000))
    (folder / "artifacts/run").write_text("docker run x")
    return folder


class House:
    """Folders of a user: a home with logins, a cache for each call of `images`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.opened: list[Images] = []

    def images(self, name: str, **options: object) -> Images:
        found = Images(
            self.folder / name,
            options=FetchOptions(use_engine=False, **options),  # type: ignore[arg-type]
            environment={"HOME": str(self.folder / "home")},
        )
        self.opened.append(found)
        return found

    def log_in(self, registry: Registry, password: str = "") -> None:
        path = self.folder / "home" / ".docker" / "config.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        pair = f"{registry.username}:{password or registry.password}"
        path.write_text(json.dumps({"auths": {registry.host: {"auth": base64.b64encode(pair.encode()).decode()}}}))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    found = House(tmp_path)
    yield found
    for images in found.opened:
        images.close()


def same(one: Path, other: Path) -> bool:
    return run("diff", "-r", str(one), str(other)) == ""


def round_trip(house: House, app: Path, name: str, **options: object) -> str:
    """Build, push, fetch into another cache; the digest."""
    image = build(app, PackageInfo("x", "0.0.2", ("docker",)))
    images = house.images("builder", **options)
    images.local.add(image, Reference.parse(name))
    assert images.push(name) == image.digest
    found = house.images("user", **options).fetch(name)
    assert (found.digest, found.source) == (image.digest, "registry")
    assert same(found.folder, app)
    info = house.images("other", **options).inspect(name)
    assert (info.digest, info.spec, info.providers) == (image.digest, "0.0.2", ("docker",))
    return image.digest


def test_an_open_registry(house: House, app: Path, registry: Registry) -> None:
    name = f"{registry.host}/team/app:1"
    digest = round_trip(house, app, name)
    by_digest = house.images("third").fetch(f"{registry.host}/team/app@{digest}")
    assert by_digest.digest == digest
    with pytest.raises(FetchError, match="no such image or tag"):
        house.images("third").fetch(f"{registry.host}/team/app:2")
    with pytest.raises(FetchError, match="no such image or tag"):
        house.images("third").fetch(f"{registry.host}/team/app@sha256:{'0' * 64}")


def test_a_registry_with_a_password(house: House, app: Path, registry_auth: Registry) -> None:
    name = f"{registry_auth.host}/team/app:1"
    with pytest.raises(FetchError, match="wants a login") as caught:
        house.images("user").fetch(name)
    assert f"docker login {registry_auth.host}" in caught.value.hint
    house.log_in(registry_auth, "wrong password")
    with pytest.raises(FetchError, match=f"refuses the login of '{registry_auth.username}'") as caught:
        house.images("user").fetch(name)
    assert "wrong password" not in repr(caught.value.to_dict())
    house.log_in(registry_auth)
    round_trip(house, app, name)


def test_a_registry_with_tls(house: House, app: Path, registry_tls: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    assert registry_tls.cafile is not None
    name = f"{registry_tls.host}/team/app:1"
    house.log_in(registry_tls)
    with pytest.raises(FetchError, match=r"certificate of .* can't be trusted") as caught:
        house.images("user").fetch(name)
    assert "SSL_CERT_FILE" in caught.value.hint
    digest = round_trip(house, app, name, cafile=str(registry_tls.cafile))
    certs = house.folder / "certs.d"
    (certs / registry_tls.host).mkdir(parents=True)
    (certs / registry_tls.host / "ca.crt").write_bytes(registry_tls.cafile.read_bytes())
    assert house.images("by folder", certs=certs).fetch(name).digest == digest
    insecure = frozenset({registry_tls.host})
    assert house.images("unchecked", insecure=insecure).fetch(name).digest == digest
    monkeypatch.setenv("SSL_CERT_FILE", str(registry_tls.cafile))
    assert house.images("by variable").fetch(name).digest == digest


@pytest.mark.parametrize(("content", "said"), [(None, "can't be read"), ("no certificate", "holds no certificate")])
def test_a_ca_file_that_is_none(content: str | None, said: str, house: House, registry_tls: Registry) -> None:
    path = house.folder / "ca.crt"
    if content is not None:
        path.write_text(content)
    with pytest.raises(AtomicAppError, match=said):
        house.images("user", cafile=str(path)).fetch(f"{registry_tls.host}/x")


def test_client_certificates_are_sent(house: House, registry_tls: Registry) -> None:
    # the registry asks for none; that the pair is read shows in the failure of a broken one
    certs = house.folder / "certs.d" / registry_tls.host
    certs.mkdir(parents=True)
    (certs / "client.cert").write_text("broken")
    with pytest.raises(AtomicAppError, match=r"client\.cert"):
        house.images("user", certs=certs.parent).fetch(f"{registry_tls.host}/x")


# ---------------------------------------------------------------- skopeo


def skopeo(*words: str) -> str:
    needs("skopeo")
    return run("skopeo", "--insecure-policy", *words)


def test_skopeo_reads_and_writes_our_layouts(house: House, app: Path, registry: Registry) -> None:
    image = build(app, PackageInfo("x", "0.0.2"))
    layout = house.folder / "layout"
    oci.write(layout, image, "v1")
    assert json.loads(skopeo("inspect", f"oci:{layout}:v1"))["Digest"] == image.digest
    name = f"{registry.host}/skopeo/app:1"
    skopeo("copy", "--dest-tls-verify=false", f"oci:{layout}:v1", f"docker://{name}")
    assert house.images("user").fetch(name).digest == image.digest
    skopeo("copy", "--src-tls-verify=false", f"docker://{name}", f"oci:{house.folder}/back:v2")
    assert oci.read(house.folder / "back", "v2", HERE).digest == image.digest
    assert house.images("other").fetch(f"oci:{house.folder}/back:v2").digest == image.digest


@pytest.mark.parametrize("kind", ["oci-archive", "docker-archive"])
def test_skopeos_tars(kind: str, house: House, app: Path) -> None:
    image = build(app, PackageInfo("x", "0.0.2"))
    oci.write(house.folder / "layout", image, "v1")
    path = house.folder / "image.tar"
    skopeo("copy", f"oci:{house.folder}/layout:v1", f"{kind}:{path}:localhost:5000/x:1")
    found = house.images("user").fetch(str(path))
    assert same(found.folder, app)
    assert (found.digest == image.digest) == (kind == "oci-archive")


def test_the_local_store_is_a_layout_for_skopeo(house: House, app: Path) -> None:
    image = build(app, PackageInfo("x", "0.0.2"))
    images = house.images("user")
    images.local.add(image, Reference.parse("localhost:5000/x:1"))
    found = json.loads(skopeo("inspect", f"oci:{images.local.folder}:localhost:5000/x:1"))
    assert found["Digest"] == image.digest


def test_other_forms_of_an_image(house: House, app: Path, registry: Registry) -> None:
    image = build(app, PackageInfo("x", "0.0.2"))
    oci.write(house.folder / "layout", image, "v1")
    source = f"oci:{house.folder}/layout:v1"
    for form, name in (("v2s2", "docker"), ("oci", "zstd")):
        target = f"{registry.host}/skopeo/{name}:1"
        extra = ["--dest-compress-format=zstd"] if name == "zstd" else []
        skopeo("copy", "--dest-tls-verify=false", f"--format={form}", *extra, source, f"docker://{target}")
        found = house.images(name).fetch(target)
        assert same(found.folder, app)
