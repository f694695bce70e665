"""What `convert` writes: the files, and that they read as the objects that were meant."""

from __future__ import annotations

import pytest
import yaml

from atomicapp.errors import SpecError
from atomicapp.model import Artifact, Rendered, Target
from atomicapp.position import Position
from atomicapp.providers import kubernetes
from atomicapp.providers.base import Provider
from tests.compose.files import NAMES, read_input
from tests.compose.kubernetes import CASES, golden, text
from tests.unit.providers.kubernetes.writer.made import project


@pytest.mark.parametrize(("provider", "name"), [(provider, name) for provider, names in CASES for name in names])
def test_golden(provider: Provider, name: str) -> None:
    assert text(provider, name) == golden(provider, name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_the_files_are_artifacts_of_the_provider(name: str) -> None:
    files = kubernetes.convert(read_input(name, ("*",)), Target("app"))
    here = Position("Nulecule", 1, 1)
    artifacts = tuple(Artifact("all", "kubernetes", item.path, item.text, item.path, here) for item in files)
    parsed = kubernetes.parse(Rendered(artifacts), Target("app"))
    assert parsed.issues == ()
    objects = [body for item in files for body in yaml.safe_load_all(item.text)]
    assert len(parsed.resources) == len(objects)


def test_a_file_for_each_service_and_for_what_they_share() -> None:
    found = kubernetes.convert(
        project(
            "services:\n"
            "  web: {image: 'example/web:1', configs: [page], secrets: [key], volumes: ['data:/d']}\n"
            "  shared: {image: 'example/x:1', network_mode: 'service:web'}\n"
            "  secrets: {image: 'example/y:1'}\n"
            "configs: {page: {content: hello}}\nsecrets: {key: {environment: PASSWORD}}\nvolumes: {data: {}}\n"
        ),
        Target("app"),
    )
    assert [item.path for item in found] == ["shared-objects.yaml", "secrets-objects.yaml", "web.yaml", "secrets.yaml"]
    assert "hush" not in "".join(item.text for item in found if item.path != "secrets-objects.yaml")
    kinds = [body["kind"] for body in yaml.safe_load_all(found[2].text)]
    assert kinds == ["StatefulSet", "Service"]


def test_names_that_clash_are_told() -> None:
    clash = project("services: {a_b: {image: 'example/a:1'}, a-b: {image: 'example/b:1'}}")
    with pytest.raises(SpecError, match="would be called 'a-b'"):
        kubernetes.convert(clash, Target("app"))


def test_the_same_text_again() -> None:
    assert text(kubernetes, "shop") == text(kubernetes, "shop")
