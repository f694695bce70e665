"""atomicapp/document.py: node trees with positions, and the bounds of what is read."""

from __future__ import annotations

import contextlib
import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from atomicapp import document
from atomicapp.errors import SpecError
from atomicapp.position import Position
from tests.unit.properties import examples


def refused(text: str) -> SpecError:
    with pytest.raises(SpecError) as found:
        document.compose(text, "f")
    return found.value


def told(text: str) -> list[str]:
    return [f"{issue.position}: {issue.message}" for issue in refused(text).issues]


# ---------------------------------------------------------------- values


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("00123", "00123"),
        ("1.10", "1.10"),
        ("1e3", "1e3"),
        ("0755", "0755"),
        ("true", "true"),
        ("yes", "yes"),
        ("'yes'", "yes"),
        ("1_000", "1_000"),
        ("2001-12-14", "2001-12-14"),
        ("12:30:45", "12:30:45"),
        (".inf", ".inf"),
        ("None", "None"),
        ("''", ""),
        ("'null'", "null"),
        ("null", None),
        ("~", None),
        ("", None),
        ("[1]", None),
    ],
)
def test_a_scalar_is_the_text_as_written(written: str, text: str | None) -> None:
    root = document.compose(f"a: {written}", "f")
    assert document.text_of(document.fields(root)["a"]) == text


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("5", 5),
        ("0x1F", 31),
        ("1.5", 1.5),
        ("1_000.5", 1000.5),
        ("12:30", "12:30"),
        ("!!int x", "x"),
        ("Yes", True),
        ("off", False),
        ("~", None),
        ("'5'", "5"),
        ("2001-12-14", "2001-12-14"),
        ("[1, {b: c}]", [1, {"b": "c"}]),
    ],
)
def test_plain_values_are_those_that_a_schema_sees(written: str, value: object) -> None:
    root = document.compose(f"a: {written}", "f")
    assert document.plain(root) == {"a": value}


def test_a_number_of_thousands_of_digits_is_a_value_like_any_other() -> None:
    assert document.plain(document.compose("9" * 5000, "f")) == float("inf")


def test_nothing_has_no_fields_elements_or_text() -> None:
    assert document.compose("", "f") is None
    assert document.compose("# only a comment\n", "f") is None
    assert document.fields(None) == {}
    assert document.elements(None) == []
    assert document.text_of(None) is None
    assert document.plain(None) is None
    assert document.is_null(None)


def test_true_is_only_the_boolean() -> None:
    keys = document.fields(document.compose("{a: true, b: 'true', c: on, d: false, e: [true]}", "f"))
    assert [name for name, node in keys.items() if document.is_true(node)] == ["a", "c"]


def test_merged_keys_count_unless_the_mapping_has_its_own() -> None:
    text = "base: &b {x: 1, y: 1}\nmore: &m {y: 2, z: 2}\nall:\n  <<: [*b, *m]\n  x: 9\none:\n  <<: *m\n"
    keys = document.fields(document.compose(text, "f"))
    assert document.plain(keys["all"]) == {"x": 9, "y": 1, "z": 2}
    assert document.plain(keys["one"]) == {"y": 2, "z": 2}


def test_find_leads_to_key_and_value_or_as_far_as_there_is_something() -> None:
    root = document.compose("a:\n  - b: c\n", "f")
    key, value = document.find(root, ["a", 0, "b"])
    assert key is not None
    assert (document.position_of(key, "f"), document.text_of(value)) == (Position("f", 2, 5), "c")
    key, value = document.find(root, ["a", 0])
    assert key is None
    assert document.plain(value) == {"b": "c"}
    key, value = document.find(root, ["a", 0, "nowhere"])
    assert document.plain(value) == {"b": "c"}


def test_documents_of_a_stream_without_the_empty_ones() -> None:
    roots = document.compose_all("a: 1\n---\n---\n# none\n---\nb: 2\n", "f")
    assert [document.plain(root) for root in roots] == [{"a": 1}, {"b": 2}]
    assert document.compose_all("", "f") == []


# ---------------------------------------------------------------- positions


def test_positions_count_from_one_and_over_crlf_and_a_byte_order_mark() -> None:
    root = document.compose("\ufeffa: 1\r\nb:\r\n  - é: x\r\n", "f")
    places = {key: document.position_of(node, "f") for key, node in document.fields(root).items()}
    assert places == {"a": Position("f", 1, 4), "b": Position("f", 3, 3)}
    inner = document.fields(document.elements(document.fields(root)["b"])[0])
    assert document.position_of(inner["é"], "f") == Position("f", 3, 8)


# ---------------------------------------------------------------- faults


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1, 2\nb: 3", "f:2:2: YAML syntax: did not find expected ',' or ']' (while parsing a flow sequence)"),
        ("a: b: c", "f:1:5: YAML syntax: mapping values are not allowed in this context"),
        ("a:\n\tb: 1", "f:2:1: YAML syntax: found character that cannot start any token (while scanning for the next token)"),
        ("a: *b", "f:1:4: YAML syntax: found undefined alias"),
        ("a: 1\n---\nb: 2", "f:2:1: YAML syntax: the file holds more than one document"),
        ("a: x\n\x01: 1", "f:2:1: YAML syntax: character '\\x01' is not allowed in YAML"),
        ("é: ä\nb: ü\x01", "f:2:5: YAML syntax: character '\\x01' is not allowed in YAML"),
        ("\ufeffa\x01: 1", "f:1:3: YAML syntax: character '\\x01' is not allowed in YAML"),
        ("{a: 1", "f:1:6: YAML syntax: did not find expected ',' or '}' (while parsing a flow mapping)"),
        ('{"a": "\\ud800"}', "f:1:10: YAML syntax: found invalid Unicode character escape code (while parsing a quoted scalar)"),
        ("? [a]\n: 1", "f:1:3: a key must be a text"),
        ("a: 1\nb: 2\na: 3", "f:3:1: the key 'a' stands here twice"),
    ],
)  # fmt: skip
def test_faults_are_told_where_they_are(text: str, message: str) -> None:
    assert told(text) == [message]


def test_half_a_surrogate_in_a_text_is_told_and_not_a_crash() -> None:
    assert "surrogates not allowed" in str(refused("a: \ud800"))


@pytest.mark.parametrize(
    ("text", "hint", "excerpt"),
    [
        ("a:\n\tb: 1\n", "indent with blanks: YAML allows no tabs there", "\tb: 1"),
        ("x: y: z", "check the indentation, and quote a text that holds ': '", "x: y: z"),
        ("a: 1\r\n---\r\nb: 2", "remove the line '---' and what follows", "---"),
    ],
)
def test_faults_show_their_line_and_what_to_do(text: str, hint: str, excerpt: str) -> None:
    issue = refused(text).issues[0]
    assert (issue.hint, issue.excerpt, issue.code) == (hint, excerpt, "syntax")


def test_all_duplicate_keys_are_told_at_once() -> None:
    assert told("a: 1\na: 2\nb: {c: 1, c: 2}\n") == [
        "f:2:1: the key 'a' stands here twice",
        "f:3:11: the key 'c' stands here twice",
    ]


def test_two_merges_in_one_mapping_are_no_duplicate() -> None:
    root = document.compose("x: &x {a: 1}\ny: &y {b: 2}\nz:\n  <<: *x\n  <<: *y\n", "f")
    assert document.plain(document.fields(root)["z"]) == {"a": 1, "b": 2}


# ---------------------------------------------------------------- JSON


def test_json_may_be_indented_with_tabs() -> None:
    root = document.compose('{\n\t"a": 1,\n\t"b":\t[2]\n}', "f")
    assert document.plain(root) == {"a": 1, "b": [2]}
    assert document.position_of(document.fields(root)["a"], "f") == Position("f", 2, 7)
    assert [document.plain(root) for root in document.compose_all('[\n\t"a\\t"\n]', "f")] == [["a\t"]]


def test_json_may_have_a_byte_order_mark_and_tabs() -> None:
    assert document.plain(document.compose('\ufeff{\n\t"a": 1}', "f")) == {"a": 1}


@pytest.mark.parametrize("text", ["😀", "a\\😀", "\\", 'x"', "a/b", "\x7f", "é\u2028", "a\x85b"])
def test_json_with_any_escapes_reads_as_json_does(text: str) -> None:
    for written in (json.dumps([text]), json.dumps([text], ensure_ascii=False)):
        assert document.plain(document.compose(written, "f")) == [text]


def test_an_escaped_backslash_before_a_pair_of_surrogates_is_kept() -> None:
    assert document.escaped_for_yaml(r'"\\ud83d \\\ud83d\ude00 \ud83d\ude00"') == r'"\\ud83d \\😀 😀"'


def test_what_is_neither_yaml_nor_json_is_told_as_yaml_tells_it() -> None:
    assert told('{\n\t"a": [}') == [
        "f:2:8: YAML syntax: did not find expected node content (while parsing a flow node)"
    ]


# ---------------------------------------------------------------- bombs


LAUGHS = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{after}: &{after} [{','.join(['*' + before] * 9)}]\n"
    for before, after in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (LAUGHS, "200000 values"),
        ("a: &a [*a]", "100 levels"),
        ("&a {<<: *a, b: *a}", "100 levels"),
        ("[" * 102 + "]" * 102, "100 levels"),
        ("[" * 100_000, "100 levels"),
        ("[" * 100_000 + "]" * 100_000, "100 levels"),
        ("{a: " * 100_000, "100 levels"),
        ('{"a":' * 100_000 + "1" + "}" * 100_000, "100 levels"),
        ("- " * 100_000 + "a", "100 levels"),
        ("? " * 100_000 + "a", "100 levels"),
        ("".join(" " * depth + "a:\n" for depth in range(2000)), "100 levels"),
        ("[" + "a," * 1_000_000 + "]", "200000 values"),
        ("[" + "[]," * 300_000 + "]", "200000 values"),
    ],
    ids=lambda value: value[:12].strip() if isinstance(value, str) else None,
)
def test_bombs_are_refused(text: str, what: str) -> None:
    error = refused(text)
    assert f"the document has more than {what} once its aliases are followed" in error.message
    assert [issue.code for issue in error.issues] == ["bomb"]
    with pytest.raises(SpecError, match=what):
        document.compose_all(text, "f")


def test_an_older_parser_is_not_given_what_is_too_deep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "_BOUNDED", False)
    monkeypatch.setattr(yaml, "compose", lambda *_, **__: pytest.fail("it was given to the parser"))
    monkeypatch.setattr(document, "_SMALL", 200)  # this parser would refuse at a thousand levels, before it tells any
    with pytest.raises(SpecError, match="100 levels"):
        document.compose("[a, " * 900, "f")


def test_a_hundred_levels_and_a_large_document_are_fine() -> None:
    assert document.plain(document.compose("[" * 101 + "]" * 101, "f")) is not None
    many = "".join(f"key{number}: [some text that takes up room, {number}]\n" for number in range(20_000))
    assert len(many) > 512 * 1024
    found = document.plain(document.compose(many, "f"))
    assert found["key19999"] == ["some text that takes up room", 19999]


def test_a_large_broken_document_is_told_as_a_small_one() -> None:
    text = "".join(f"key{number}: some text that takes up room\n" for number in range(20_000)) + "a: b: c\n"
    assert told(text) == ["f:20001:5: YAML syntax: mapping values are not allowed in this context"]


# ---------------------------------------------------------------- properties


@examples
@given(st.text())
def test_any_text_is_a_tree_or_a_spec_error(text: str) -> None:
    for read in (document.compose, document.compose_all):
        with contextlib.suppress(SpecError):
            read(text, "f")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@examples
@given(JSON, st.sampled_from([None, 2, "\t"]), st.booleans())
def test_every_json_text_reads_as_json_reads_it(value: object, indent: int | str | None, ascii_only: bool) -> None:
    written = json.dumps([value], indent=indent, ensure_ascii=ascii_only)
    assert document.plain(document.compose(written, "f")) == [value]
