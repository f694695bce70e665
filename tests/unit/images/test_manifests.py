"""Foreign JSON: whatever it holds, it becomes a value or a FetchError."""

from __future__ import annotations

import json
import os
import tarfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atomicapp.errors import FetchError
from atomicapp.images import archive
from atomicapp.images.auth import Challenge, parse_challenges
from atomicapp.images.info import of_engine, of_image
from atomicapp.images.manifests import (
    DOCKER_INDEX,
    OCI_MANIFEST,
    Descriptor,
    Index,
    Manifest,
    Platform,
    choose,
    labels_of,
    parse,
)
from atomicapp.images.onefile import read_file
from tests.unit.images.helpers import app, file, gz, image, index, link, tar

AMD = Platform("linux", "amd64")

_SHA = st.from_regex(r"sha256:[0-9a-f]{64}", fullmatch=True)
_LEAF = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), _SHA)
_KEYS = st.sampled_from(
    [
        "schemaVersion",
        "mediaType",
        "config",
        "layers",
        "manifests",
        "digest",
        "size",
        "platform",
        "os",
        "annotations",
        "x",
    ]
)
_JSON = st.recursive(
    _LEAF,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(_KEYS, inner, max_size=6)),
    max_leaves=25,
)


@given(_JSON)
def test_any_json_is_a_manifest_or_a_clear_error(document: object) -> None:
    data = json.dumps(document).encode()
    try:
        found = parse(data, "x/y:1")
    except FetchError as error:
        assert error.message.isprintable()  # noqa: PT017
        return
    assert found.raw == data
    if isinstance(found, Index):
        try:
            assert choose(found, AMD, "x/y:1") in found.manifests
        except FetchError as error:
            assert error.message.isprintable()  # noqa: PT017


@given(st.binary(max_size=200))
def test_any_bytes_are_a_manifest_or_a_clear_error(data: bytes) -> None:
    with pytest.raises(FetchError):
        parse(data, "x/y:1")


@given(st.dictionaries(st.text(max_size=9), st.one_of(st.text(max_size=9), st.integers(), st.none()), max_size=4))
def test_labels_can_be_printed(labels: dict[str, object]) -> None:
    found = labels_of({"config": {"Labels": labels}})
    assert len(found) <= len([value for value in labels.values() if isinstance(value, str)])
    for text in (*found, *found.values()):
        assert all(sign.isprintable() or sign in "\n\t" for sign in text)
        text.encode()  # raises when a terminal could not be told it


@pytest.mark.parametrize("config", [{}, {"config": None}, {"config": []}, {"config": {"Labels": [1]}}])
def test_an_image_without_labels(config: dict[str, object]) -> None:
    assert labels_of(config) == {}


def test_what_docker_writes() -> None:
    blob = {"digest": "sha256:" + "a" * 64, "size": 3, "mediaType": "m"}
    found = parse(json.dumps({"schemaVersion": 2, "config": blob, "layers": [blob]}).encode(), "x", OCI_MANIFEST)
    assert isinstance(found, Manifest)
    assert found.layers == (Descriptor("m", "sha256:" + "a" * 64, 3),)
    assert found.size == 6
    listed = {"mediaType": DOCKER_INDEX, "manifests": [{**blob, "annotations": {"a": "b", "c": 1}}]}
    both = parse(json.dumps(listed).encode(), "x")
    assert isinstance(both, Index)
    assert both.media_type == DOCKER_INDEX
    assert both.manifests[0].annotations == (("a", "b"),)
    assert both.manifests[0].to_dict()["annotations"] == {"a": "b"}


def test_the_best_image_of_an_index() -> None:
    found = [image(b"%d" % number) for number in range(3)]
    names = [("linux", "arm", "v6"), ("linux", "arm", "v7"), ("windows", "amd64", "")]
    parsed = parse(
        index(
            *(
                (one, dict(zip(("os", "architecture", "variant"), name, strict=True)))
                for one, name in zip(found, names, strict=True)
            )
        ),
        "x",
    )
    assert isinstance(parsed, Index)
    assert choose(parsed, Platform("linux", "arm", "v7"), "x").digest == found[1].digest
    assert choose(parsed, Platform("linux", "arm", "v8"), "x").digest == found[0].digest
    with pytest.raises(
        FetchError, match="no image for linux/amd64 in it; it holds linux/arm/v6, linux/arm/v7, windows"
    ):
        choose(parsed, AMD, "x")


def test_platforms() -> None:
    assert Platform.parse("linux/arm/v7") == Platform("linux", "arm", "v7")
    assert str(Platform.parse("linux/arm64")) == "linux/arm64"
    assert str(Platform()) == "unknown"
    assert Platform.here().os == "linux"
    assert Platform.here().architecture


def test_what_inspect_tells_of_odd_images() -> None:
    one = of_image("x", image(b"x").manifest, {"os": 3, "created": 7, "architecture": "\x1b[2J"}, "here")
    assert (one.created, one.platform, one.providers) == ("", "3/\\x1b[2J", ())
    two = of_engine("x", {"RootFS": 3, "Size": "big", "Config": []}, "here")
    assert (two.digest, two.size, two.layers, two.labels) == ("", 0, (), {})


# ---------------------------------------------------------------- challenges


@given(st.text(max_size=80))
def test_any_header_is_a_list_of_challenges(header: str) -> None:
    for challenge in parse_challenges(header):
        assert challenge.scheme == challenge.scheme.lower()


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ('Basic realm="a b"', [Challenge("basic", {"realm": "a b"})]),
        ("Basic", [Challenge("basic", {})]),
        (
            'Bearer realm="https://x/t",service="s",scope="repository:a:pull,push", Basic realm=plain',
            [
                Challenge("bearer", {"realm": "https://x/t", "service": "s", "scope": "repository:a:pull,push"}),
                Challenge("basic", {"realm": "plain"}),
            ],
        ),
        (r'bearer REALM = "a\"b" , x=y', [Challenge("bearer", {"realm": 'a"b', "x": "y"})]),
        ("", []),
        ("%%%", []),
    ],
)
def test_challenges(header: str, found: list[Challenge]) -> None:
    assert parse_challenges(header) == found


# ---------------------------------------------------------------- tars


@settings(max_examples=60, deadline=None)
@given(place=st.integers(0, 20_000), value=st.binary(min_size=1, max_size=4))
def test_any_changed_tar_is_an_image_or_a_clear_error(
    place: int, value: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    layer = app()
    listed = [{"Config": "c.json", "RepoTags": ["x:1"], "Layers": ["l/layer.tar"]}]
    whole = tar(
        file("c.json", json.dumps({"os": "linux"}).encode()),
        file("l/layer.tar", layer),
        link("again", "l/layer.tar"),
        file("manifest.json", json.dumps(listed).encode()),
    )
    data = bytearray(whole)
    start = place % len(data)
    data[start : start + len(value)] = value
    path = tmp_path_factory.mktemp("any") / "x.tar"
    path.write_bytes(data)
    try:
        found = archive.read(path, "", AMD)
        found.config()
    except FetchError as error:
        assert error.message.isprintable()  # noqa: PT017


# ---------------------------------------------------------------- one file


def test_one_file_of_an_image() -> None:
    found = image(
        gz(tar(file("index.yaml", b"old"), file("gone", b"x"))),
        gz(tar(file("index.yaml", b"new"), file(".wh.gone", b""))),
    )
    assert read_file(found, "/index.yaml") == b"new"
    for path in ("/gone", "/none"):
        with pytest.raises(FetchError, match="holds no file"):
            read_file(found, path)
    lower = image(gz(tar(file("a", b"1"))), gz(tar(file("b", b"2"))))
    assert read_file(lower, "/a") == b"1"


def test_one_file_that_is_too_large() -> None:
    info = tarfile.TarInfo("index.yaml")
    info.size = 17 * 1024**2
    with pytest.raises(FetchError, match="too large"):
        read_file(image(gz(info.tobuf() + os.urandom(100_000))), "/index.yaml")


def test_one_file_of_a_damaged_image(tmp_path: Path) -> None:
    del tmp_path
    with pytest.raises(FetchError, match="damaged"):
        read_file(image(b"nonsense" * 100), "/index.yaml")
