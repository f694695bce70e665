"""Files of the package: variables, labels, configs, secrets."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atomicapp.errors import FetchError, SpecError
from atomicapp.workload.compose import read, read_env
from tests.unit.properties import examples

from .helpers import faults, project, service, service_text


def env(text: str, variables: dict[str, str] | None = None, keys: str = "env_file: a.env") -> dict[str, str]:
    found = service(keys, files={"a.env": text}, variables=variables or {})
    return {item.name: item.value for item in found.env}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A=1\nB=2\n", {"A": "1", "B": "2"}),
        ("# note\n\n  A = 1  \n", {"A": "1"}),
        ("export A=1", {"A": "1"}),
        ("A=", {"A": ""}),
        ("A=b c # note", {"A": "b c"}),
        ("A=b#c", {"A": "b#c"}),
        ("A=#c", {"A": ""}),
        ("A: 1", {"A": "1"}),
        ("A='b # c' # note", {"A": "b # c"}),
        ('A="b # c"', {"A": "b # c"}),
        ("A='$V \\n'", {"A": "$V \\n"}),
        ('A="$V \\n\\t\\"x\\" \\$V"', {"A": 'v \n\t"x" $V'}),
        ("A=$V${V}${NO:-d}", {"A": "vvd"}),
        ("A=x\nB=$A-y", {"A": "x", "B": "x-y"}),
        ("V=own\nB=$V", {"V": "own", "B": "v"}),
        ("A='one\ntwo'\nB=3", {"A": "one\ntwo", "B": "3"}),
        ('A="one\n\ntwo"\n# x\nB=3', {"A": "one\n\ntwo", "B": "3"}),
        ("A=1\r\nB='x'\r\n", {"A": "1", "B": "x"}),
        ("\ufeffA=1", {"A": "1"}),
        ("V", {"V": "v"}),
        ("NOT_THERE", {}),
        ("A=a=b", {"A": "a=b"}),
        ("A=1\nA=2", {"A": "2"}),
        ("a.b-c=1", {"a.b-c": "1"}),
        ("1A=1", {"1A": "1"}),
    ],
)
def test_a_file_of_variables(text: str, expected: dict[str, str]) -> None:
    assert env(text, {"V": "v"}) == expected


def test_a_raw_file_is_taken_as_it_is() -> None:
    keys = "env_file: [{path: a.env, format: raw}]"
    assert env("A='$V' # x\nB=\"c\"\n# note\n", {"V": "v"}, keys) == {"A": "'$V' # x", "B": '"c"'}


def test_a_later_file_goes_before_an_earlier_one_and_the_environment_before_all() -> None:
    files = {"a.env": "A=1\nB=1\nC=1\n", "b.env": "B=$A-2\nC=2\n"}
    found = service("env_file: [a.env, {path: b.env}]\nenvironment: {C: 3, D: 4}", files=files)
    assert [(item.name, item.value) for item in found.env] == [("A", "1"), ("B", "1-2"), ("C", "3"), ("D", "4")]
    assert [str(item.position) for item in found.env[:2]] == ["a.env:1", "b.env:1"]


def test_a_name_in_the_environment_keeps_the_value_of_the_file() -> None:
    found = project(service_text("env_file: a.env\nenvironment: [A]"), files={"a.env": "A=1"})
    assert [(item.name, item.value) for item in found.services[0].env] == [("A", "1")]
    assert not found.issues


def test_files_that_are_not_there() -> None:
    assert faults(service_text("env_file: [a.env, {path: b.env}]\nlabel_file: c"), files={}) == [
        "4:16 env_file 'a.env': there is no such file in the package | add it, or correct the path",
        "4:24 env_file 'b.env': there is no such file in the package | add it, or correct the path",
        "5:17 label_file 'c': there is no such file in the package | add it, or correct the path",
    ]
    assert service("env_file: [{path: b.env, required: false}]", files={}).env == ()
    assert faults(service_text("env_file: a.env")) == [
        "4:15 env_file 'a.env': the files of the package are not at hand here"
    ]


@pytest.mark.parametrize("path", ["../a.env", "/etc/passwd", "a/../../b", "~/a.env", "C:\\a.env", ".."])
def test_files_outside_of_the_package(path: str) -> None:
    for keys in (f"env_file: '{path}'", f"label_file: '{path}'", f"env_file: [{{path: '{path}', required: false}}]"):
        (found,) = faults(service_text(keys), files={"a.env": "", "b": ""})
        assert f"'{path}': it is not a file of the package" in found


def test_paths_are_relative_to_the_folder_of_the_file() -> None:
    files = {"app/conf/a.env": "A=1", "shared.env": "B=2"}
    found = service("env_file: [conf/a.env, ../shared.env]", files=files, folder="app")
    assert [item.name for item in found.env] == ["A", "B"]


def test_what_a_reader_of_files_says_is_passed_on() -> None:
    def files(path: str) -> str:
        raise FetchError(path, "the link leads outside", hint="copy the file")

    with pytest.raises(SpecError) as caught:
        read(service_text("env_file: a.env"), "c.yaml", variables={}, files=files)
    (issue,) = caught.value.issues
    assert issue.message == "env_file 'a.env': can't get a.env: the link leads outside"
    assert issue.hint == "copy the file"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("A=1\n=2\n", "a.env:2:0 expected NAME=VALUE | a comment begins with #"),
        ("A='1' 2\n", "a.env:1:0 '2' stands behind the end of the quotes | quote all of the value"),
        ("A B=1\n", "a.env:1:0 expected NAME=VALUE"),
        ("\nA='b\nc\n", "a.env:2:0 a value begins with ' and has no end | close the quotes"),
        ("A='b\nc'\nB=${1}\n", "a.env:3:0 '${1}' is no variable; a dollar is written as $$"),
        ("A=${B:?no B}\n", "a.env:1:0 the variable 'B' is required: no B"),
    ],
)
def test_a_wrong_file_of_variables(text: str, message: str) -> None:
    (found,) = faults(service_text("env_file: a.env"), files={"a.env": text})
    assert found.startswith(message)


def test_a_fault_of_a_shared_file_is_told_once() -> None:
    text = "x-a: &a {image: a, env_file: a.env}\nservices: {a: *a, b: *a, c: {<<: *a}}"
    assert faults(text, files={"a.env": "=1"}) == ["a.env:1:0 expected NAME=VALUE | a comment begins with #"]
    assert len(faults(text, files={})) == 1


@examples
@given(st.text(alphabet="AB=: \n\r'\"$\\{}#x", max_size=40))
def test_any_file_of_variables_is_read_or_a_fault(text: str) -> None:
    found = None
    with suppress(SpecError):
        found = env(text, {"A": "a"})
    assert found is None or all(isinstance(value, str) for value in found.values())


@examples
@given(st.text(st.characters(exclude_characters="'\r\0"), max_size=30))
def test_single_quotes_keep_any_text(text: str) -> None:
    assert env(f"A='{text}'\nB=1\n") == {"A": text, "B": "1"}


def test_labels_of_files() -> None:
    found = service(
        "label_file: [a, b]\nlabels: {c.d: own}", files={"a": "a.b=1\nc.d=2\n", "b": "a.b=$V\n"}, variables={"V": "v"}
    )
    assert found.labels == {"a.b": "v", "c.d": "own"}


def test_variables_for_the_reading() -> None:
    assert read_env("A=1\nB=$A$C\n", ".env", {"C": "c", "A": "given"}) == {"A": "1", "B": "givenc"}


# ---------------------------------------------------------------- configs and secrets


def test_contents() -> None:
    text = service_text(
        "configs: [a, b, {source: c, target: /etc/c, mode: 0440, uid: '1'}]\nsecrets: [d, {source: e, target: f}]",
        "configs: {a: {content: 'x $V'}, b: {environment: V}, c: {file: c.txt}}\n"
        "secrets: {d: {environment: V}, e: {file: ./c.txt}}\n",
    )
    found = project(text, {"V": "v"}, {"c.txt": "file\n"})
    assert {key: spec.content for key, spec in found.configs.items()} == {"a": "x v", "b": "v", "c": "file\n"}
    assert {key: spec.content for key, spec in found.secrets.items()} == {"d": "v", "e": "file\n"}
    work = found.services[0]
    assert [(item.target, item.mode, item.uid) for item in work.configs] == [
        ("/a", None, ""),
        ("/b", None, ""),
        ("/etc/c", 0o440, "1"),
    ]
    assert [item.target for item in work.secrets] == ["/run/secrets/d", "/run/secrets/f"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{}", "5:14 it is said nowhere what it holds"),
        ("{file: a, content: b}", "5:24 'content' and 'file' exclude each other"),
        ("{file: a}", "5:15 the file 'a': there is no such file in the package"),
        ("{file: ../a}", "5:15 the file '../a': it is not a file of the package"),
        ("{environment: NO}", "5:15 the variable 'NO' has no value"),
        ("{external: true, content: a}", "5:31 configs and secrets: 'content' can't be joined with 'external'"),
        ("", "5:14 configs: expected a mapping, found nothing"),
        ("{contents: a}", "5:15 unknown key 'contents' | did you mean 'content'?"),
    ],
)
def test_a_wrong_config(text: str, message: str) -> None:
    found = faults(service_text("configs: [a]", f"configs: {{a: {text}}}\n"), files={})
    assert len(found) == 1
    assert found[0].startswith(message)


def test_a_seccomp_profile_is_its_json() -> None:
    found = service("security_opt: ['seccomp:a.json', 'seccomp=unconfined']", files={"a.json": '{"a": [1]}'})
    assert found.security.options == ('seccomp={"a":[1]}', "seccomp=unconfined")
    assert "is not JSON" in faults(service_text("security_opt: [seccomp=a.json]"), files={"a.json": "{"})[0]
