"""Variables in values."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atomicapp.workload.compose.interpolate import interpolate
from tests.unit.properties import examples

from .helpers import faults, project, service, service_text

VALUES = {"V": "value", "EMPTY": "", "DOLLAR": "$V ${V} $$", "_x1": "under"}


def put(text: str, values: dict[str, str] | None = None) -> tuple[str, list[str]]:
    absent: list[str] = []
    return interpolate(text, VALUES if values is None else values, absent.append), absent


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain }{ text", "plain }{ text"),
        ("$V", "value"),
        ("a$V.b", "avalue.b"),
        ("$_x1-", "under-"),
        ("${V}", "value"),
        ("${V}${V}", "valuevalue"),
        ("$$V $${V} $$$V", "$V ${V} $value"),
        ("$DOLLAR", "$V ${V} $$"),
        ("${V:-other}", "value"),
        ("${V-other}", "value"),
        ("${EMPTY:-other}", "other"),
        ("${EMPTY-other}", ""),
        ("${NONE:-other}", "other"),
        ("${NONE-other}", "other"),
        ("${NONE:-}", ""),
        ("${NONE-}", ""),
        ("${V:+other}", "other"),
        ("${V+other}", "other"),
        ("${EMPTY:+other}", ""),
        ("${EMPTY+other}", "other"),
        ("${NONE:+other}", ""),
        ("${NONE+other}", ""),
        ("${V:?message}", "value"),
        ("${EMPTY?message}", ""),
        ("${NONE:-a:b-c?d+e}", "a:b-c?d+e"),
        ("${NONE:-$V}", "value"),
        ("${NONE:-${EMPTY:-${V}!}}", "value!"),
        ("${NONE:-$$5}", "$5"),
        ("${V:+<$V>}", "<value>"),
        ("${NONE:-{x}", "{x"),
        ("${NONE:-line\nbreak}", "line\nbreak"),
        ("$", "$"),
        ("a $ b $1 $(c) $", "a $ b $1 $(c) $"),
        ("${NONE:-a$}", "a$"),
    ],
)
def test_the_forms(text: str, expected: str) -> None:
    assert put(text) == (expected, [])


@pytest.mark.parametrize("text", ["$NONE", "${NONE}", "a${NONE}b", "${OTHER:-$NONE}", "${V:+$NONE}"])
def test_what_is_unset_and_has_no_default_is_empty_and_told(text: str) -> None:
    found, absent = put(text)
    assert found == text.replace("${NONE}", "").replace("$NONE", "").replace("${OTHER:-}", "").replace("${V:+}", "")
    assert absent == ["NONE"]


def test_what_does_not_count_is_not_told() -> None:
    assert put("${V:-$NONE}") == ("value", [])
    assert put("${NONE:+$ALSO_NONE}") == ("", [])
    assert put("${V:?$NONE}") == ("value", [])
    assert put("${V:-${NONE:?never asked}}") == ("value", [])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${}", "'${}' is no variable"),
        ("${1}", "'${1}' is no variable"),
        ("${V", "'${V' has no closing brace"),
        ("${V!x}", "'${V!' has no closing brace, or a sign that is not known after it"),
        ("${V:x}", "'${V:' has no closing brace"),
        ("${V:-x", "'${V:-x' has no closing brace"),
        ("${NONE:-${V}", "'${NONE:-${V}' has no closing brace"),
        ("${NONE:?}", "the variable 'NONE' is required: it has no value"),
        ("${NONE?set it to $V}", "the variable 'NONE' is required: set it to value"),
        ("${EMPTY:?set it}", "the variable 'EMPTY' is required: set it"),
        ("${A:-" * 40 + "}" * 40, "variables stand more than 30 levels deep in one another"),
    ],
)
def test_what_is_wrong_is_told(text: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        put(text)
    assert message in str(caught.value)


def test_a_value_can_not_grow_without_bounds() -> None:
    with pytest.raises(ValueError, match="more than"):
        put("$BIG" * 500, {"BIG": "x" * 10_000})


@examples
@given(st.text(alphabet="$}{:-+?VN_1 a", max_size=40))
def test_any_text_is_a_text_or_a_fault(text: str) -> None:
    found = ""
    with suppress(ValueError):
        found, _ = put(text)
    assert isinstance(found, str)


@examples
@given(st.text(max_size=40))
def test_doubled_dollars_are_the_text(text: str) -> None:
    assert put(text.replace("$", "$$")) == (text, [])


# ---------------------------------------------------------------- in a file


def test_values_are_replaced_and_keys_are_not() -> None:
    found = service("environment: {$V: $V}\nlabels: [$V=$V]\ncommand: [$V, $$V]", variables={"V": "x"})
    assert [(env.name, env.value) for env in found.env] == [("$V", "x")]
    assert found.labels == {"x": "x"}
    assert found.command == ("x", "$V")


def test_the_type_is_that_which_is_wanted_after_it() -> None:
    variables = {"N": "3", "T": "true", "S": "64m", "U": "1000", "P": "8080:80"}
    found = service(
        "scale: $N\nprivileged: ${T}\nmem_limit: $S\nuser: ${U}\nports: [$P]\ninit: ${F:-no}", variables=variables
    )
    assert found.replicas == 3
    assert found.security.privileged
    assert found.resources.memory == 64 << 20
    assert found.user == "1000"
    assert [(port.host, port.container) for port in found.ports] == [("8080", 80)]
    assert found.init is False


def test_an_alias_is_replaced_once() -> None:
    found = project(
        "x-one: &one $$V\nx-list: &list [$$W]\nservices:\n  a: {image: a, hostname: *one, command: *list}\n"
        "  b: {image: b, hostname: *one, command: *list}\n"
    )
    assert [(work.hostname, work.command) for work in found.services] == [("$V", ("$W",))] * 2


def test_an_unset_variable_is_told_once_for_each_name() -> None:
    found = project(service_text("hostname: a$ONE\ndomainname: b$ONE$TWO"))
    assert [(issue.severity, issue.position.line, issue.message) for issue in found.issues] == [
        ("warning", 4, "the variable 'ONE' has no value"),
        ("warning", 5, "the variable 'TWO' has no value"),
    ]


def test_faults_have_their_places() -> None:
    text = service_text("hostname: ${HOST:?say the host}\ncommand: [a, '${1}']\nlabels: {a: '${b'}")
    assert faults(text) == [
        "4:15 the variable 'HOST' is required: say the host",
        "5:18 '${1}' is no variable; a dollar is written as $$",
        "6:17 '${b' has no closing brace, or a sign that is not known after it",
    ]


def test_the_name_of_the_project_is_a_variable() -> None:
    found = project("name: ${N:-shop}\nservices: {web: {image: '${COMPOSE_PROJECT_NAME}/web:1'}}")
    assert found.services[0].image == "shop/web:1"
    text = "name: shop\nservices: {web: {image: '${COMPOSE_PROJECT_NAME}/web:1'}}"
    assert project(text, {"COMPOSE_PROJECT_NAME": "given"}).services[0].image == "given/web:1"


def test_a_variable_can_not_smuggle_in_what_no_container_takes() -> None:
    assert faults(service_text("hostname: $V"), {"V": "a\0b"}) == [
        "4:15 a NUL character can't be passed to a container"
    ]
    assert faults(service_text('hostname: "a\\0b"')) == ["4:15 a NUL character can't be passed to a container"]
