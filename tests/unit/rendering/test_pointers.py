"""atomicapp/rendering/pointers.py: values set at JSON pointers, all else kept."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atomicapp import document
from atomicapp.errors import SpecError
from atomicapp.model import Pointer
from atomicapp.position import Position
from atomicapp.rendering import pointers
from tests.unit.properties import examples

HERE = Position("Nulecule", 9, 3)


def assign(pointer: str, value: str, *, as_text: bool = False) -> pointers.Assignment:
    return pointers.Assignment(Pointer("p", pointer, HERE), value, as_text)


def put(text: str, **values: str) -> str:
    """Set `__`-separated pointers: a__0__b='x' is /a/0/b."""
    return pointers.apply(text, "pod", [assign("/" + name.replace("__", "/"), value) for name, value in values.items()])


def refused(text: str, *found: str) -> list[str]:
    with pytest.raises(SpecError) as error:
        pointers.apply(text, "pod", [assign(pointer, "x") for pointer in found])
    return [f"{issue.position}: {issue.message} ({issue.hint})" for issue in error.value.issues]


YAML = """\
# a comment
spec:   # another
    image: "old"   # keep
    ports:
    - containerPort:   80
      name: 'web'
    text: |
      several
      lines
    empty:
    list: [a, b , {c: d}]
last: x
"""


@pytest.mark.parametrize(
    ("values", "old", "new"),
    [
        ({"spec__image": "nginx:1"}, '"old"   # keep', '"nginx:1"   # keep'),
        ({"spec__ports__0__containerPort": "8080"}, "  80\n", "  8080\n"),
        ({"spec__ports__0__containerPort": "00123"}, "  80\n", '  "00123"\n'),
        ({"spec__ports__0__name": "db"}, "'web'", '"db"'),
        ({"spec__text": "one"}, "|\n      several\n      lines\n", "one\n"),
        ({"spec__empty": "full"}, "empty:\n", "empty: full\n"),
        ({"spec__list__1": "B"}, "b ,", "B ,"),
        ({"spec__list__2__c": "a, b"}, "{c: d}", '{c: "a, b"}'),
        ({"last": "a: b"}, "last: x", 'last: "a: b"'),
        ({"last": ""}, "last: x", 'last: ""'),
        ({"last": "null"}, "last: x", 'last: "null"'),
        ({"last": "yes"}, "last: x", 'last: "yes"'),
        ({"last": "1.10"}, "last: x", "last: 1.10"),
        ({"last": "true"}, "last: x", "last: true"),
        ({"last": "a\nb"}, "last: x", 'last: "a\\nb"'),
        ({"last": "$x $$"}, "last: x", "last: $x $$"),
    ],
)
def test_only_the_value_changes(values: dict[str, str], old: str, new: str) -> None:
    assert put(YAML, **values) == YAML.replace(old, new)


def test_several_pointers_in_any_order() -> None:
    found = put(YAML, last="z", spec__image="i", spec__ports__0__containerPort="1")
    assert found == YAML.replace("last: x", "last: z").replace('"old"', '"i"').replace("  80\n", "  1\n")
    assert put(YAML, last="a") == pointers.apply(YAML, "pod", [assign("/last", "b"), assign("/last", "a")])


@pytest.mark.parametrize(
    ("value", "written"),
    [("80", "80"), ("1.5", "1.5"), ("true", "true"), ("yes", '"yes"'), ("007", '"007"'), ("x", '"x"'), ("", '""'), ("null", '"null"'),
     ('a"b', '"a\\"b"'), ("é😀", '"é😀"'), ("\x7f", '"\\u007f"'), (" 5 ", '" 5 "')],
)  # fmt: skip
@pytest.mark.parametrize("indent", ["", "  ", "\t"])
def test_json_stays_json(value: str, written: str, indent: str) -> None:
    text = f'\ufeff{{\n{indent}"a": {{"b/c": ["old", 1.10]}},\n{indent}"~": "\\ud83d\\ude00"\n}}\n'
    found = pointers.apply(text, "pod", [assign("/a/b~1c/0", value)])
    assert found == text.replace('"old"', written).replace("\\ud83d\\ude00", "😀")
    assert json.loads(found[1:])["~"] == "😀"


@pytest.mark.parametrize(("value", "written"), [("80", '"80"'), ("true", '"true"'), ("1.10", '"1.10"'), ("x y", "x y")])
def test_a_text_stays_a_text_whatever_it_looks_like(value: str, written: str) -> None:
    assert pointers.apply("a: 1\n", "pod", [assign("/a", value, as_text=True)]) == f"a: {written}\n"
    assert pointers.apply('{"a": 1}', "pod", [assign("/a", value, as_text=True)]) == json.dumps({"a": value})


def test_special_signs_of_pointers_and_the_whole_document() -> None:
    text = '{"~": "\\ud83d\\ude00", "a b": 1, "": {"": 2}}'
    assert json.loads(put(text, **{"~0": "t", "a b": "8"})) == {"~": "t", "a b": 8, "": {"": 2}}
    assert json.loads(pointers.apply(text, "pod", [assign("//", "3")]))[""] == {"": 3}
    assert pointers.apply("old", "pod", [assign("", "new")]) == "new"


def test_crlf_and_a_byte_order_mark_are_kept() -> None:
    assert put("\ufeffa: |\r\n  x\r\nb: old\r\n", a="y", b="new") == "\ufeffa: y\r\nb: new\r\n"


def test_faults_are_told_all_at_once_where_the_nulecule_asks() -> None:
    assert refused(YAML, "/spec/imgae", "/spec/ports/1", "/spec/ports/x", "/spec/ports/01", "/spec/image/x", "/spec", "/spec/ports", "/nowhere/deep") == [
        "Nulecule:9:3: the pointer '/spec/imgae' leads nowhere in pod ('/spec' holds image, ports, text, empty, list)",
        "Nulecule:9:3: the pointer '/spec/ports/1' leads nowhere in pod ('/spec/ports' is a list of 1)",
        "Nulecule:9:3: the pointer '/spec/ports/x' leads nowhere in pod ('/spec/ports' is a list of 1)",
        "Nulecule:9:3: the pointer '/spec/ports/01' leads nowhere in pod ('/spec/ports' is a list of 1)",
        "Nulecule:9:3: the pointer '/spec/image/x' leads nowhere in pod ('/spec' holds image, ports, text, empty, list)",
        "Nulecule:9:3: the pointer '/spec' leads to a list or mapping in pod, not to a value (point at one text or number)",
        "Nulecule:9:3: the pointer '/spec/ports' leads to a list or mapping in pod, not to a value (point at one text or number)",
        "Nulecule:9:3: the pointer '/nowhere/deep' leads nowhere in pod ('/' holds spec, last)",
    ]  # fmt: skip


def test_an_empty_artifact_leads_nowhere() -> None:
    assert refused("", "/a") == ["Nulecule:9:3: the pointer '/a' leads nowhere in pod ()"]


def test_an_alias_is_refused_and_not_changed_at_its_other_places() -> None:
    text = "a: &x {b: 1}\nc: *x\nd:\n  <<: *x\ne: &y 2\nf: *y\ng: 3\n"
    assert [line.split("'")[1] for line in refused(text, "/a/b", "/c/b", "/d/b", "/e", "/f")] == [
        "/a/b", "/c/b", "/d/b", "/e", "/f"
    ]  # fmt: skip
    assert put(text, g="4") == text.replace("g: 3", "g: 4")


def test_a_broken_artifact_is_told_where_it_is_broken() -> None:
    with pytest.raises(SpecError, match=r"^pod:1:5: YAML syntax"):
        put("a: b: c", a="x")


@examples
@given(
    st.text(),
    st.sampled_from(
        ["a: OLD\nb: 1\n", "a: 'OLD'\nb: 1\n", '{"a": "OLD", "b": 1}', "a: >-\n  OLD\nb: 1\n", "{a: OLD, b: 1}"]
    ),
)
def test_any_value_is_read_back_as_it_is(value: str, text: str) -> None:
    keys = document.fields(document.compose(put(text, a=value), "f"))
    assert document.text_of(keys["a"]) == value
    assert document.plain(keys["b"]) == 1
    if text.startswith('{"'):
        json.loads(put(text, a=value))
