"""Artifacts of Kubernetes objects as resources."""

from __future__ import annotations

import json

import pytest

from atomicapp.errors import SpecError
from atomicapp.model import DATA, Artifact, Parsed, PersistentVolume, Rendered, Target, Volume
from atomicapp.position import Position
from atomicapp.providers import load
from atomicapp.providers.kubernetes import labels, resources

TARGET = Target("shop", namespace="test")
HERE = Position("Nulecule", 1, 1)


def rendered(**texts: str) -> Rendered:
    return Rendered(
        tuple(Artifact(name, "kubernetes", f"{name}.yaml", text, name, HERE) for name, text in texts.items())
    )


def parse(**texts: str) -> Parsed:
    return resources.parse(rendered(**texts), TARGET)


def thing(kind: str, name: str, version: str = "v1", more: str = "") -> str:
    return f"apiVersion: {version}\nkind: {kind}\nmetadata:\n  name: {name}\n{more}"


def test_several_documents_and_lists_are_objects_of_their_own() -> None:
    items = [json.loads(json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}})) for name in "ab"]
    text = thing("Secret", "s") + "---\n---\n" + json.dumps({"kind": "List", "apiVersion": "v1", "items": items})
    assert [item.key for item in parse(web=text).resources] == ["Secret/s", "Pod/a", "Pod/b"]


def test_an_object_of_two_versions_of_one_group_is_the_same() -> None:
    with pytest.raises(SpecError) as caught:
        parse(web=thing("Deployment", "a", "apps/v1"), db=thing("Deployment", "a", "apps/v1beta1"))
    assert str(caught.value.issues[0].position) == "db:1:1"
    assert "web:1:1" in caught.value.message


@pytest.mark.parametrize(
    ("text", "said", "place"),
    [
        ("kind: Pod\nmetadata: {name: a}\n", "apiVersion is missing", "web:1:1"),
        ("apiVersion: v1\nmetadata: {name: a}\n", "kind is missing", "web:1:1"),
        ("apiVersion: v1\nkind: [Pod]\nmetadata: {name: a}\n", "kind is no text", "web:2:7"),
        ("apiVersion: v1\nkind: Pod\n", "metadata.name is missing", "web:1:1"),
        ("apiVersion: v1\nkind: Pod\nmetadata:\n  labels: {a: b}\n", "metadata.name is missing", "web:4:3"),
        (
            "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n  labels: [b]\n",
            "metadata.labels must be a map",
            "web:5:11",
        ),
        ("- a\n", "a mapping, and this is a list", "web:1:1"),
        ("this is none {", "a mapping, and this is a text", "web:1:1"),
        ("a: b: c\n", "YAML syntax", "web:1:5"),
    ],
)
def test_what_is_no_object_is_refused_with_its_place(text: str, said: str, place: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse(web=text)
    assert said in caught.value.issues[0].message
    assert str(caught.value.issues[0].position) == place


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(SpecError) as caught:
        parse(web="kind: Pod\n", db="- 1\n")
    assert [issue.position.file for issue in caught.value.issues] == ["web", "web", "db"]


def test_null_maps_are_empty_and_the_servers_fields_are_left_out() -> None:
    text = thing(
        "Pod", "a", more="  labels: null\n  annotations:\n  uid: x\n  resourceVersion: '1'\nstatus: {phase: x}\n"
    )
    assert parse(web=text).resources[0].body == {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}


def test_null_fields_of_kubernetes_own_kinds_are_absent() -> None:
    spec = "spec: {portalIP: null, ports: [{port: 80, name: ~}], selector: {a: b}, list: [~]}\n"
    kept = {"portalIP": None, "ports": [{"port": 80, "name": None}], "selector": {"a": "b"}, "list": [None]}
    found = parse(web=thing("Service", "a", more=spec), db=thing("Widget", "a", "example.com/v1", spec)).resources
    assert {item.kind: item.body["spec"] for item in found} == {
        "Service": {"ports": [{"port": 80}], "selector": {"a": "b"}, "list": [None]},
        "Widget": kept,
    }


def test_another_namespace_is_not_taken_and_that_is_said() -> None:
    found = parse(web=thing("Pod", "a", more="  namespace: other\n"), db=thing("Pod", "b", more="  namespace: test\n"))
    assert [(issue.code, str(issue.position)) for issue in found.issues] == [("namespace", "web:5:14")]
    assert all("namespace" not in item.body["metadata"] for item in found.resources)


def test_order_is_by_rank_and_then_by_the_graph() -> None:
    text = "---\n".join(
        [
            thing("Ingress", "i", "networking.k8s.io/v1"),
            thing("Deployment", "web", "apps/v1"),
            thing("Service", "web"),
            thing("Widget", "w", "example.com/v1"),
            thing("PersistentVolumeClaim", "data"),
            thing("ConfigMap", "c"),
            thing("ServiceAccount", "a"),
            thing("CustomResourceDefinition", "widgets.example.com", "apiextensions.k8s.io/v1")
            + "spec: {group: example.com, names: {kind: Widget}}\n",
            thing("Namespace", "n"),
        ]
    )
    found = parse(db=thing("StatefulSet", "db", "apps/v1"), web=text).resources
    assert [item.kind for item in found] == (
        [
            "Namespace",
            "CustomResourceDefinition",
            "ServiceAccount",
            "ConfigMap",
            "PersistentVolumeClaim",
            "Service",
            "Widget",
            "StatefulSet",
            "Deployment",
            "Ingress",
        ]
    )
    widget = next(item for item in found if item.kind == "Widget")
    assert widget.key == "example.com/Widget/w"
    assert widget.needs == ("apiextensions.k8s.io/CustomResourceDefinition/widgets.example.com",)
    assert {item.kind for item in found if item.lifetime == DATA} == {"PersistentVolumeClaim"}


def test_numbers_are_read_as_kubernetes_reads_them() -> None:
    more = "data: {a: 0644, c: 1.5, d: 1:30, e: 2001-01-01, f: yes, g: '007', h: ~, i: .inf, j: 0x1f}\n"
    assert parse(web=thing("ConfigMap", "a", more=more)).resources[0].body["data"] == {
        "a": 420,
        "c": 1.5,
        "d": "1:30",
        "e": "2001-01-01",
        "f": True,
        "g": "007",
        "h": None,
        "i": ".inf",
        "j": 31,
    }


def test_the_plain_data_of_a_secret_is_coded() -> None:
    body = parse(web=thing("Secret", "a", more="data: {a: eA==}\nstringData: {b: pass}\n")).resources[0].body
    assert body["data"] == {"a": "eA==", "b": "cGFzcw=="}
    assert "stringData" not in body


def test_requirements_become_claims() -> None:
    volumes = (
        Volume("", PersistentVolume("var_log", "ReadWriteOnce", 4, HERE)),
        Volume("db", PersistentVolume("data", "ReadWriteMany", 0.5, HERE)),
        Volume("db", PersistentVolume("own", "ReadWriteMany", 1, HERE)),
    )
    found = resources.parse(rendered(db=thing("PersistentVolumeClaim", "own"))._replace(volumes=volumes), TARGET)
    sizes = {
        item.name: (item.body["spec"]["accessModes"][0], item.body["spec"]["resources"]["requests"]["storage"])
        for item in found.resources
        if "spec" in item.body
    }
    assert sizes == {"var-log": ("ReadWriteOnce", "4Gi"), "data": ("ReadWriteMany", "512Mi")}
    assert {item.lifetime for item in found.resources} == {DATA}


def test_an_empty_artifact_is_warned_of() -> None:
    assert [issue.code for issue in parse(web="# nothing\n").issues] == ["empty"]


def test_marks_say_whose_it_is_in_full() -> None:
    resource = parse(web=thing("Pod", "a", more="  labels: {x: y}\n")).resources[0]._replace(component="a:b")
    metadata = labels.marked(resource, "shop", 3)["metadata"]
    assert metadata["labels"]["io.atomicapp.name"] == "shop"
    assert metadata["labels"]["x"] == "y"
    assert metadata["annotations"]["io.atomicapp.component"] == "a:b"
    assert metadata["annotations"]["io.atomicapp.revision"] == "3"
    assert labels.value("a:b").startswith("a-b-")
    assert len(labels.value("x" * 100)) <= 63
    assert labels.value("a:b") != labels.value("a/b")
    assert labels.number({"n": "x"}, "n") == 0
    assert labels.value("::") == labels.value("::")


def test_the_provider_parses_without_a_client() -> None:
    assert load("kubernetes").parse(rendered(web=thing("Pod", "a")), TARGET).resources[0].name == "a"
