"""Templates as the objects that they stand for, and former kinds, as resources."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atomicapp.errors import ERROR, NOTE, WARNING, Issue, SpecError
from atomicapp.model import Artifact, Parsed, Rendered, Target
from atomicapp.position import Position
from atomicapp.providers import load
from atomicapp.providers.openshift import generated
from tests.unit.properties import examples

TARGET = Target("shop", namespace="test")
HERE = Position("Nulecule", 1, 1)


def parse(text: str, given: dict[str, str] | None = None, issues: tuple[Issue, ...] = (), **more: str) -> Parsed:
    artifacts = tuple(
        Artifact(name, "openshift", f"{name}.yaml", data, name, HERE) for name, data in {"web": text, **more}.items()
    )
    rendered = Rendered(artifacts, issues=issues, variables=lambda scope: (given or {}) if scope == "web" else {})
    return load("openshift").parse(rendered, TARGET)


def template(objects: str, parameters: str = "[]", more: str = "") -> str:
    return f"apiVersion: v1\nkind: Template\nmetadata: {{name: t}}\n{more}parameters: {parameters}\nobjects:\n{objects}"


def config(data: str, parameters: str = "[]", given: dict[str, str] | None = None, more: str = "") -> dict[str, Any]:
    """The one ConfigMap of a template, whose data is this."""
    text = template(f"- {{apiVersion: v1, kind: ConfigMap, metadata: {{name: c}}, data: {data}}}\n", parameters, more)
    (found,) = (item for item in parse(text, given).resources if item.kind == "ConfigMap")
    return dict(found.body)


def refused(text: str, given: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(SpecError) as caught:
        parse(text, given)
    return [f"{issue.position} {issue.message}" for issue in caught.value.issues if issue.severity == ERROR]


def test_names_are_filled_in_as_openshift_does() -> None:
    values = {
        "VALUE": "1",
        "STRING_1": "string1",
        "STRING_2": "string2",
        "INT_1": "1",
        "MAP": '{"key":"value"}',
        "NO_MAP": '{"key":"value"',
        "LIST": '["key",2.5,null,true,{}]',
        "1X": "digit",
    }
    data = {
        "a": "${{INT_1}}",
        "b": "${{NO_MAP}}",
        "c": "${VALUE}",
        "d": "$${VALUE}",
        "e": "${{STRING_1}}",
        "f": "${STRING_1}_${STRING_2}",
        "g": "a${{INT_1}}",
        "h": "${{INVALID}}",
        "i": "${{INVALID NAME}}",
        "j": "${{MAP}}",
        "k": "${{LIST}}",
        "${STRING_1}": "${1X}",
        "${{INT_1}}": "$VALUE",
        "n": 5,
    }
    parameters = json.dumps([{"name": name, "value": value} for name, value in values.items()])
    assert config(json.dumps(data), parameters)["data"] == {
        "a": 1,
        "b": '{"key":"value"',
        "c": "1",
        "d": "$1",
        "e": "string1",
        "f": "string1_string2",
        "g": "a${{INT_1}}",
        "h": "${{INVALID}}",
        "i": "${{INVALID NAME}}",
        "j": {"key": "value"},
        "k": ["key", 2.5, None, True, {}],
        "string1": "digit",
        "${{INT_1}}": "$VALUE",
        "n": 5,
    }


def test_a_value_is_not_filled_in_again() -> None:
    parameters = "[{name: A, value: '${B}'}, {name: B, value: '${A}'}]"
    assert config("{x: '${A}${B}'}", parameters)["data"] == {"x": "${B}${A}"}


def test_the_apps_params_go_before_the_templates_values_and_these_before_generated_ones() -> None:
    parameters = (
        "[{name: A, value: own}, {name: B, value: own, generate: expression, from: '[a-z]{8}'},"
        " {name: C, value: own}, {name: D, generate: expression, from: '[a-z]{8}'}, {name: E}]"
    )
    data = "{a: '${A}', b: '${B}', c: '${C}', d: '${D}', e: 'x${E}'}"
    given = {"A": "given", "C": "", "D": "", "other": "x"}
    assert config(data, parameters, given)["data"] == {"a": "given", "b": "own", "c": "", "d": "", "e": "x"}


def test_an_object_keeps_its_place_and_gets_the_labels_of_the_template() -> None:
    objects = (
        "- apiVersion: v1\n  kind: Service\n  metadata: {name: '${N}', labels: {a: own, b: own}}\n"
        "- apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: c, labels: ~}\n"
    )
    found = parse(template(objects, "[{name: N, value: n}]", "labels: {a: '${N}', '${N}': x}\n")).resources
    places = {item.name: (str(item.position), item.body["metadata"]["labels"]) for item in found}
    assert places == {"n": ("web:7:3", {"a": "n", "b": "own", "n": "x"}), "c": ("web:10:3", {"a": "n", "n": "x"})}


def test_lists_hold_templates_and_templates_hold_lists() -> None:
    inner = {
        "apiVersion": "v1",
        "kind": "List",
        "items": [{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}],
    }
    outer = {
        "apiVersion": "template.openshift.io/v1",
        "kind": "Template",
        "parameters": [{"name": "X", "value": "x"}],
        "labels": {"of": "${X}"},
        "objects": [inner, {"apiVersion": "v1", "kind": "Template", "metadata": {"name": "${X}"}, "objects": []}],
    }
    found = parse(json.dumps({"apiVersion": "v1", "kind": "List", "items": [outer]})).resources
    labels = {item.key: item.body["metadata"]["labels"] for item in found}
    assert labels == {"Pod/a": {"of": "x"}, "template.openshift.io/Template/x": {"of": "x"}}


def test_a_kind_of_others_that_is_named_template_is_left_alone() -> None:
    text = "apiVersion: example.com/v1\nkind: Template\nmetadata: {name: a}\nparameters: [{required: true}]\n"
    assert parse(text).resources[0].key == "example.com/Template/a"


def test_required_parameters_without_a_value_are_told_at_once_with_what_to_add() -> None:
    parameters = "\n- {name: A, required: true, description: 'the\n    port'}\n- {name: B, required: true}\n- {name: C, required: true, generate: expression, from: ''}"
    with pytest.raises(SpecError) as caught:
        parse(template("- {apiVersion: v1, kind: Pod}\n", parameters), {"B": ""})
    errors = [issue for issue in caught.value.issues if issue.severity == ERROR]
    assert [f"{issue.position} {issue.message}" for issue in errors] == [
        "web:5:3 the parameter A (the port) needs a value",
        "web:7:3 the parameter B needs a value",
        "web:8:3 the parameter C needs a value",
        "web:10:3 metadata.name is missing",
    ]
    assert "[web] A = VALUE" in errors[0].hint
    assert errors[0].excerpt.startswith("- {name: A")


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ("[{value: x}]", "web:4:14 the parameter has no name"),
        ("[x]", "web:4:14 the parameter has no name"),
        ("[{name: a-b}]", "web:4:21 'a-b' is no name of a parameter"),
        ("{name: A}", "web:4:13 'parameters' of a template must be a list"),
        ("[{name: A, generate: dice}]", "web:4:34 there is no generator 'dice'"),
        (
            "[{name: A, generate: expression, from: '[a-z]{300}'}]",
            "web:4:52 the parameter A can't be generated: {300} is no length: a number from 1 to 255",
        ),
    ],
)
def test_bad_parameters_are_told_with_their_place(parameters: str, said: str) -> None:
    assert refused(template("- {apiVersion: v1, kind: Pod, metadata: {name: a}}\n", parameters)) == [said]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (template("- a\n"), "web:6:3 a Kubernetes object is a mapping, and this is a text"),
        (template("- {apiVersion: v1, metadata: {name: a}}\n"), "web:6:3 kind is missing"),
        (template("  a: b\n"), "web:6:3 'objects' of a template must be a list"),
        (
            template("- {apiVersion: v1, kind: Pod, metadata: {name: a}}\n", more="labels: [a]\n"),
            "web:4:9 'labels' of a template must be a mapping",
        ),
        (
            template("- {apiVersion: v1, kind: Pod, metadata: {name: a}, a: 1, '${A}': 2}\n", "[{name: A, value: a}]"),
            "web:6:58 the key 'a' stands here twice",
        ),
        (
            template(
                "- {apiVersion: v1, kind: Pod, metadata: {name: 'a-${A}'}}\n",
                "[{name: A, generate: expression, from: '[a-z]{4}'}]",
            ),
            "web:6:48 a generated value can't name an object",
        ),
        (
            template("- {apiVersion: v1, kind: Pod, metadata: [a]}\n", more="labels: {a: b}\n"),
            "web:7:3 metadata.name is missing",
        ),
    ],
)
def test_bad_templates_are_told_with_their_place(text: str, said: str) -> None:
    assert refused(text) == [said]


def test_what_is_odd_is_told_and_stays() -> None:
    objects = "- {apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {a: '${NO}', b: '${NO} ${{NO}}'}}\n"
    text = template(objects, "[{name: A, value: one}, {name: A, value: two}]", "message: |\n  Hello\n  ${A}\nsize: 1\n")
    found = parse(text)
    assert [(issue.severity, f"{issue.position} {issue.message}") for issue in found.issues] == [
        (WARNING, "web:7:7 a template has no 'size'"),
        (WARNING, "web:8:37 the parameter A stands here twice: this one counts"),
        (NOTE, "web:4:10 the template says: Hello two"),
        (WARNING, "web:10:68 the template has no parameter 'NO': the text stays as it is"),
    ]
    assert [issue.message for issue in parse(template("  []")).issues] == ["the template holds no object"]


def test_an_unknown_name_is_told_once() -> None:
    text = template("- {apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {a: '${NO}'}}\n")
    told = Issue(WARNING, "no param 'NO' reaches web: the text stays as it is", Position("web", 6, 1), "unresolved")
    assert parse(text, issues=(told,)).issues == ()


WORDS = st.sampled_from(
    [
        "",
        "a",
        "A",
        "${A}",
        "${{A}}",
        "x${A}${B}",
        "$A",
        "${",
        "expression",
        "[a-z]{4}",
        "[a-z",
        "[1-9]{3}",
        "List",
        "Pod",
        "v1",
    ]
)
NAMES = st.sampled_from(
    [
        "name",
        "value",
        "generate",
        "from",
        "required",
        "kind",
        "apiVersion",
        "metadata",
        "labels",
        "items",
        "spec",
        "${A}",
    ]
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)
OBJECT = st.fixed_dictionaries(
    {
        "apiVersion": WORDS,
        "kind": WORDS,
        "metadata": st.fixed_dictionaries({"name": WORDS}, optional={"labels": ANYTHING}),
    },
    optional={"spec": ANYTHING, "items": ANYTHING, "data": ANYTHING, "stringData": ANYTHING},
)
PARAMETER = st.fixed_dictionaries(
    {"name": st.sampled_from(["A", "B"])},
    optional={"value": WORDS, "generate": WORDS, "from": WORDS, "required": st.booleans()},
)


@examples
@given(
    st.fixed_dictionaries(
        {"objects": st.lists(OBJECT | ANYTHING, max_size=3) | ANYTHING},
        optional={
            "parameters": st.lists(PARAMETER | ANYTHING, max_size=3) | ANYTHING,
            "labels": ANYTHING,
            "message": ANYTHING,
            "metadata": ANYTHING,
        },
    )
)
def test_any_template_is_taken_or_refused_with_a_place(fields: dict[str, Any]) -> None:
    text = json.dumps({"apiVersion": "v1", "kind": "Template", **fields}, indent=1)
    found = Parsed(())
    issues: tuple[Issue, ...] = ()
    try:
        found = parse(text)
    except SpecError as error:
        issues = error.issues
    assert all(issue.position.file == "web" and issue.position.line for issue in issues)
    for resource in found.resources:
        assert not generated.is_marked(resource.key)
        assert not generated.keys_in(generated.fill(dict(resource.body), lambda key: "1"))
        assert resource.hash


SECRETIVE = template(
    "- apiVersion: v1\n  kind: Secret\n  metadata: {name: s}\n  stringData: {url: 'db://u:${P}@db'}\n"
    "- apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: c}\n  data: {n: '${{N}}'}\n"
    "- apiVersion: v1\n  kind: Service\n  metadata: {name: v}\n",
    "[{name: P, generate: expression, from: '[a-z]{8}'}, {name: N, generate: expression, from: '[1-9]{4}'}]",
    "message: the password is ${P}\n",
)


def test_generated_values_are_marks_and_what_holds_them_needs_their_secret() -> None:
    found = parse(SECRETIVE)
    assert [item.key for item in found.resources] == ["Secret/shop-generated", "Secret/s", "ConfigMap/c", "Service/v"]
    assert [item.needs for item in found.resources] == [(), ("Secret/shop-generated",), ("Secret/shop-generated",), ()]
    assert generated.expressions_of(found.resources[0].body) == {"web.t.P": "[a-z]{8}", "web.t.N": "[1-9]{4}"}
    filled = [generated.fill(item.body, lambda key: "77") for item in found.resources]
    assert filled[1]["data"] == {"url": "ZGI6Ly91Ojc3QGRi"}
    assert filled[2]["data"] == {"n": 77}
    assert [issue.message for issue in found.issues] == [
        "the template says: the password is (web.t.P of the Secret shop-generated)"
    ]


def test_parsing_draws_nothing() -> None:
    assert [item.hash for item in parse(SECRETIVE).resources] == [item.hash for item in parse(SECRETIVE).resources]


def test_templates_of_several_components_have_values_of_their_own() -> None:
    other = re.sub(r"name: ([scv])\}", r"name: \1\1}", SECRETIVE)
    secret = parse(SECRETIVE, db=other).resources[0]
    assert set(generated.expressions_of(secret.body)) == {"web.t.P", "web.t.N", "db.t.P", "db.t.N"}


def test_two_templates_of_one_name_can_not_keep_their_values_apart() -> None:
    again = re.sub(r"name: ([scv])\}", r"name: \1\1}", SECRETIVE)
    assert refused(f"{SECRETIVE}---\n{again}") == ["web:19:1 another template of web is named 't' too"]


def test_a_generated_value_names_nothing_in_a_list_either() -> None:
    inner = "- {apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: Pod, metadata: {name: 'a-${A}'}}]}\n"
    generates = "[{name: A, generate: expression, from: '[a-z]{4}'}]"
    assert refused(template(inner, generates)) == ["web:6:85 a generated value can't name an object"]


def test_the_name_of_the_secret_is_taken() -> None:
    clash = "---\napiVersion: v1\nkind: Secret\nmetadata: {name: shop-generated}\n"
    assert refused(SECRETIVE + clash) == ["web:19:1 the Secret 'shop-generated' is the one that keeps generated values"]


@pytest.mark.parametrize(
    ("kind", "version", "key"),
    [
        ("Route", "v1", "route.openshift.io/Route/a"),
        ("DeploymentConfig", "v1", "apps.openshift.io/DeploymentConfig/a"),
        ("BuildConfig", "v1", "build.openshift.io/BuildConfig/a"),
        ("ImageStream", "v1", "image.openshift.io/ImageStream/a"),
        ("Route", "route.openshift.io/v1", "route.openshift.io/Route/a"),
        ("RoleBinding", "v1", "authorization.openshift.io/RoleBinding/a"),
        ("RoleBinding", "rbac.authorization.k8s.io/v1", "rbac.authorization.k8s.io/RoleBinding/a"),
        ("Service", "v1", "Service/a"),
        ("Route", "v2", "Route/a"),
    ],
)
def test_former_kinds_are_brought_to_their_groups(kind: str, version: str, key: str) -> None:
    (found,) = parse(f"apiVersion: {version}\nkind: {kind}\nmetadata: {{name: a}}\n").resources
    assert found.key == key
    group = key.rpartition(f"{kind}/a")[0]
    assert found.body["apiVersion"] == (f"{group}v1" if group else version)
