"""Short texts that would grow without bounds are refused, in bounded time and memory; no text at all is a traceback."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atomicapp.errors import SpecError
from atomicapp.workload.compose.keys import KEYS
from tests.compose.keys import FILES, PAIRS
from tests.unit.properties import examples

from .helpers import faults, project, reader


def refused(text: str, files: dict[str, str] | None = None, variables: dict[str, str] | None = None) -> str:
    with pytest.raises(SpecError) as caught:
        project(text, variables, files or {})
    codes = {issue.code: issue.message for issue in caught.value.issues}
    return codes.get("bomb", "")


def test_aliases_that_multiply() -> None:
    lines = ["x-0: &a0 [a, a, a, a, a, a, a, a, a, a]"]
    lines += [f"x-{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    text = "\n".join([*lines, "services: {a: {image: a, command: *a9}}"])
    assert "more than" in refused(text)


def test_ranges_that_multiply() -> None:
    ports = ", ".join(f"'127.0.0.{n}:1-65535:1-65535'" for n in range(1, 20))
    assert "more than" in refused(f"services: {{a: {{image: a, ports: [{ports}]}}}}")
    ranges = ", ".join(f"'{n}-65535'" for n in range(1, 20))
    assert "more than" in refused(f"services: {{a: {{image: a, expose: [{ranges}]}}}}")


def test_includes_that_multiply() -> None:
    files = {f"{n}.yaml": f"include: [{n + 1}.yaml, ./{n + 1}.yaml]" for n in range(40)}
    files["40.yaml"] = "services: {a: {image: a}}"
    assert [work.service for work in project("include: [0.yaml]", {}, files).services] == ["a"]
    files = {f"{n}.yaml": f"include: [{n + 1}.yaml]" for n in range(1000)}
    files["1000.yaml"] = "services: {a: {image: a}}"
    assert "over more than 50 levels" in faults("include: [0.yaml]", files=files)[0]
    files = {f"{n}.yaml": f"services: {{a{n}: {{image: a}}}}" for n in range(1000)}
    assert "more than 500 files" in refused(f"include: [{', '.join(files)}]", files)


def test_services_that_multiply() -> None:
    labels = ", ".join(f"l{n}=x" for n in range(1000))
    services = ", ".join(f"s{n}: {{extends: base}}" for n in range(1000))
    assert "more than" in refused(f"services: {{base: {{image: a, labels: [{labels}]}}, {services}}}")
    chain = ", ".join(f"s{n}: {{extends: s{n + 1}}}" for n in range(2000))
    found = faults(f"services: {{{chain}, s2000: {{image: a}}}}")
    assert any("over more than 50 levels" in line for line in found)


def test_hooks_that_multiply() -> None:
    labels = ", ".join(f"l{n}=x" for n in range(1000))
    hooks = ", ".join(["{command: a}"] * 1000)
    assert "more than" in refused(f"services: {{a: {{image: a, labels: [{labels}], pre_start: [{hooks}]}}}}")


def test_variables_that_multiply() -> None:
    big = {"BIG": "x" * 1_000_000}
    values = ", ".join(["$BIG$BIG$BIG"] * 20)
    assert "more than" in refused(f"services: {{a: {{image: a, command: [{values}]}}}}", variables=big)
    lines = "".join(f"V{n}=$V{n - 1}$V{n - 1}\n" for n in range(1, 60))
    assert (
        "more than" in faults("services: {a: {image: a, env_file: a.env}}", files={"a.env": f"V0=xxxxxxxx\n{lines}"})[0]
    )


def test_files_of_variables_that_multiply() -> None:
    services = ", ".join(f"s{n}: {{image: a, env_file: a.env}}" for n in range(1000))
    text = "".join(f"V{n}=x\n" for n in range(1000))
    assert "more than" in refused(f"services: {{{services}}}", {"a.env": text})


def test_many_faults_are_told_in_bounded_time() -> None:
    keys = ", ".join(f"imagee{n}: a" for n in range(5000))
    assert len(faults(f"services: {{a: {{image: a, {keys}}}}}")) == 5000
    services = ", ".join(f"s{n}: {{image: a, depends_on: [t{n}]}}" for n in range(3000))
    assert len(faults(f"services: {{{services}}}")) == 3000


def test_many_cycles_are_told_in_bounded_time() -> None:
    names = ", ".join(f"s{n}" for n in range(200))
    services = ", ".join(f"s{n}: {{image: a, depends_on: [{names}]}}" for n in range(200))
    found = faults(f"services: {{{services}}}")
    assert sum("in a cycle" in line for line in found) == 20


def test_a_long_chain_is_no_cycle() -> None:
    services = ", ".join(f"s{n}: {{image: a, depends_on: [s{n + 1}]}}" for n in range(3000))
    assert len(project(f"services: {{{services}, s3000: {{image: a}}}}").services) == 3001


# ---------------------------------------------------------------- any text


def read_any(text: str) -> None:
    with suppress(SpecError):
        project(text, {"V": "v", "EMPTY": ""}, FILES)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-2, 70000)
    | st.floats(allow_nan=False, allow_infinity=False, width=16)
    | st.sampled_from(
        ["", "a", "80:80", "./x", "../x", "$V", "${N", "1s", "64m", "service:a", "web", "page.html", "x=y", "/a:/b:ro"]
    )
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(sorted({part for key in KEYS for part in key.split(".")} | {"web", "x-a", "front"})),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@examples
@given(
    st.dictionaries(
        st.sampled_from(sorted({key.split(".")[1] for key in KEYS if key.startswith("services.")})), VALUES, max_size=5
    )
)
def test_any_service_is_read_or_a_fault(keys: dict[str, object]) -> None:
    read_any(json.dumps({"services": {"web": {"image": "a", **keys}, "a": {"image": "a"}}}))


@examples
@given(
    st.dictionaries(
        st.sampled_from(["services", "networks", "volumes", "configs", "secrets", "include", "name", "jobs", "models"]),
        VALUES,
        max_size=4,
    )
)
def test_any_file_is_read_or_a_fault(value: dict[str, object]) -> None:
    read_any(json.dumps({"services": {"web": {"image": "a"}}, **value}))


@examples
@given(st.sampled_from(sorted(KEYS)), VALUES)
def test_any_value_at_any_key_is_read_or_a_fault(key: str, value: object) -> None:
    from .test_schema import load, put

    text = load(PAIRS[key][1])
    if put(text, key, value):
        read_any(json.dumps(text))


@examples
@given(st.text(alphabet=" \n-:{}[]&*!<>|#'\"$abwx01", max_size=60), st.sampled_from(sorted(KEYS)), st.integers(0, 400))
def test_any_text_in_the_middle_is_read_or_a_fault(piece: str, key: str, at: int) -> None:
    text = PAIRS[key][1]
    read_any(text[:at] + piece + text[at:])


def test_the_reader_of_files_gives_what_there_is() -> None:
    assert reader({"a": "b"})("a") == "b"
