"""atomicapp/nulecule/load.py and schema.py: one file, its values, and everything that can be wrong with it.

cases/NAME/Nulecule with cases/NAME/expected.txt: every finding with its line and caret. To accept new texts after
reading them: ATOMICAPP_ACCEPT=1 pytest tests/unit/nulecule/test_load.py
"""

from __future__ import annotations

import copy
import json
import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atomicapp.errors import Issue, ResolveError, SpecError
from atomicapp.model import (
    Component,
    Constraint,
    FileArtifact,
    GitArtifact,
    Include,
    InheritArtifact,
    Nulecule,
    Pointer,
    UrlArtifact,
)
from atomicapp.nulecule import load, patterns, schema
from atomicapp.position import Position
from tests.unit.properties import examples

CASES = Path(__file__).parent / "cases"
HEAD = "specversion: 0.0.2\nid: x\n"
WEB = "graph:\n  - name: web\n    artifacts:\n      docker:\n"


def shown(issues: tuple[Issue, ...]) -> str:
    """Findings as the terminal shows them, with the caret."""
    lines: list[str] = []
    for issue in issues:
        line, column = issue.position.line, issue.position.column
        lines.append(f"{line}:{column}: {issue.severity}: {issue.message} [{issue.code}]")
        lines += [f"    {issue.excerpt}", f"    {' ' * (column - 1)}^"] if issue.excerpt else []
        lines += [f"    {issue.hint}"] if issue.hint else []
    return "\n".join(lines) + "\n" if lines else ""


def good(text: str) -> Nulecule:
    nulecule, issues = load.check(text, "Nulecule")
    assert nulecule is not None, shown(issues)
    assert nulecule.issues == issues
    return nulecule


def messages(text: str) -> list[str]:
    return [f"{issue.severity} {issue.position}: {issue.message}" for issue in load.check(text, "Nulecule")[1]]


@pytest.mark.parametrize("folder", sorted(CASES.iterdir()), ids=lambda folder: folder.name)
def test_every_finding_of_a_file_at_once(folder: Path) -> None:
    text = (folder / "Nulecule").read_bytes().decode()
    nulecule, issues = load.check(text, "Nulecule")
    if os.environ.get("ATOMICAPP_ACCEPT"):
        (folder / "expected.txt").write_text(shown(issues))
    assert shown(issues) == (folder / "expected.txt").read_text()
    assert (nulecule is None) == any(issue.severity == "error" for issue in issues)
    assert [issue.position for issue in issues] == sorted(issue.position for issue in issues)


# ---------------------------------------------------------------- values


def test_the_head_of_a_file() -> None:
    text = (
        "specversion: 0.0.2\nid: my-app\nmetadata:\n  name: My App\n  appversion: 1.10\n  license: {name: MIT}\n"
        "  tags: [a, 2, null]\n  odd: {deep: {deeper: yes}}\ngraph: []\n"
    )
    nulecule = good(text)
    assert (nulecule.id, nulecule.specversion, nulecule.file) == ("my-app", "0.0.2", "Nulecule")
    assert nulecule.metadata == {
        "name": "My App",
        "appversion": "1.10",
        "license": {"name": "MIT"},
        "tags": ["a", "2", None],
        "odd": {"deep": {"deeper": "yes"}},
    }
    assert (nulecule.graph, nulecule.params, nulecule.requirements, nulecule.issues) == ((), (), (), ())


@pytest.mark.parametrize("graph", ["", "null", "[]"])
def test_an_empty_graph_is_no_fault(graph: str) -> None:
    assert good(f"{HEAD}graph: {graph}\n").graph == ()


@pytest.mark.parametrize("written", ["00123", "1.10", "1e3", "true", "0755", "yes", "None", "0", "false", "2001-01-01"])
@pytest.mark.parametrize("quote", ["", "'", '"'])
def test_a_default_is_the_text_that_stands_in_the_file(written: str, quote: str) -> None:
    nulecule = good(f"{HEAD}graph: []\nparams:\n  - name: p\n    default: {quote}{written}{quote}\n")
    assert nulecule.params[0].default == written


@pytest.mark.parametrize("number", ["123", "1.10", "1e3", "-0.0", "true"])
def test_a_default_in_json_is_its_text_too(number: str) -> None:
    text = f'{{"specversion": "0.0.2", "id": "x", "graph": [], "params": [{{"name": "p", "default": {number}}}]}}'
    assert good(text).params[0].default == number


@pytest.mark.parametrize(
    ("written", "default"), [("", None), ("null", None), ("~", None), ("''", ""), ("'null'", "null")]
)
def test_null_is_no_default_and_empty_is_one(written: str, default: str | None) -> None:
    assert good(f"{HEAD}graph: []\nparams:\n  - name: p\n    default: {written}\n").params[0].default == default


def test_a_param_with_all_its_parts() -> None:
    text = HEAD + (
        "params:\n  - name: db-pass\n    description: The password\n    default: abc\n    hidden: true\n"
        "    constraints:\n      - allowed_pattern: '[a-z]+'\n        description: letters\ngraph: []\n"
    )
    param = good(text).params[0]
    assert (param.name, param.description, param.default, param.hidden) == ("db-pass", "The password", "abc", True)
    assert param.position == Position("Nulecule", 4, 5)
    assert param.default_position == Position("Nulecule", 6, 14)
    assert param.constraints == (Constraint("[a-z]+", "letters", Position("Nulecule", 9, 26)),)


def test_a_param_needs_no_description() -> None:
    param = good(f"{HEAD}graph: []\nparams:\n  - name: p\n").params[0]
    assert (param.description, param.default, param.default_position) == ("", None, Position("Nulecule", 5, 5))


@pytest.mark.parametrize("name", ["password", "db_pass_root", "DB_PASSWORD", "apikey", "client_secret", "token"])
def test_what_is_named_like_a_secret_is_noted(name: str) -> None:
    assert messages(f"{HEAD}graph: []\nparams:\n  - name: {name}\n") == [
        f"note Nulecule:5:11: the param '{name}' looks like a secret but is not hidden"
    ]
    for hidden in ("true", "false"):
        assert messages(f"{HEAD}graph: []\nparams:\n  - name: {name}\n    hidden: {hidden}\n") == []


def test_every_form_of_an_artifact() -> None:
    nulecule = good(
        HEAD + WEB + "        - file://artifacts/run\n"
        "        - file:other\n"
        "        - file://folder/\n"
        "        - http://example.com/a.yaml\n"
        "        - https://example.com:8443/a?b=c\n"
        "        - {inherit: [kubernetes, docker]}\n"
        "        - {source: 'https://example.com/r.git'}\n"
        "        - {source: 'https://example.com/r.git', type: git, path: /a/b, branch: dev}\n"
        "        - {source: 'https://example.com/r.git', path: a, branch: dev, tag: 1.10}\n"
        "        - resource: file://pod.json\n"
        "          params: {image: [/spec/a, ''], $port: /spec/b}\n"
        "      kubernetes: [file://k]\n"
    )
    web = nulecule.graph[0]
    assert isinstance(web, Component)

    def at(line: int, column: int = 11) -> Position:
        return Position("Nulecule", line, column)

    url = "https://example.com/r.git"
    assert web.artifacts == {
        "docker": (
            FileArtifact("artifacts/run", at(7)),
            FileArtifact("other", at(8)),
            FileArtifact("folder/", at(9)),
            UrlArtifact("http://example.com/a.yaml", at(10)),
            UrlArtifact("https://example.com:8443/a?b=c", at(11)),
            InheritArtifact(("kubernetes", "docker"), at(12)),
            GitArtifact(url, "", "", at(13)),
            GitArtifact(url, "a/b", "dev", at(14)),
            GitArtifact(url, "a", "1.10", at(15)),
            FileArtifact(
                "pod.json",
                at(16, 21),
                (Pointer("image", "/spec/a", at(17, 28)), Pointer("image", "", at(17, 37)), Pointer("port", "/spec/b", at(17, 49))),
            ),
        ),
        "kubernetes": (FileArtifact("k", at(18, 20)),),
    }  # fmt: skip
    assert [issue.code for issue in nulecule.issues] == ["ignored"]


def test_an_inherited_text_counts_as_a_list_of_one() -> None:
    web = good(HEAD + WEB + "        - inherit: kubernetes\n").graph[0]
    assert isinstance(web, Component)
    assert web.artifacts["docker"] == (InheritArtifact(("kubernetes",), Position("Nulecule", 7, 11)),)


def test_includes_and_source_beside_artifacts() -> None:
    nulecule = good(
        HEAD + "graph:\n  - name: db app\n    source: docker://host:5000/ns/db:1.0\n    params: [{name: p}]\n"
        "  - name: 7\n    source: docker://x\n    artifacts: {docker: [file://a]}\n"
    )
    first, second = nulecule.graph
    assert isinstance(first, Include)
    assert isinstance(second, Include)
    assert (first.name, first.source, first.params[0].name) == ("db app", "host:5000/ns/db:1.0", "p")
    assert (second.name, second.source) == ("7", "x")
    assert [issue.message for issue in nulecule.issues] == [
        "'7' has both 'source' and 'artifacts': the artifacts are ignored"
    ]


@pytest.mark.parametrize(
    ("mode", "found"),
    [("ReadWriteOnce", "ReadWriteOnce"), ("ReadWrite", "ReadWriteOnce"), ("ReadOnly", "ReadOnlyMany")],
)
def test_requirements(mode: str, found: str) -> None:
    text = f"{HEAD}graph: []\nrequirements:\n  - persistentVolume: {{name: data, accessMode: {mode}, size: 0.5}}\n"
    volume = good(text).requirements[0]
    assert (volume.name, volume.access_mode, volume.size) == ("data", found, 0.5)
    assert volume.position == Position("Nulecule", 5, 23)


@pytest.mark.parametrize("name", ["a/b", "a:b", "a[b", "a]", "..", "a..b", ".", '"a\\tb"', '"a\\0"', '" a"', '"\\x7f"'])
def test_names_that_can_be_no_folder_or_scope(name: str) -> None:
    (found,) = messages(f"{HEAD}graph:\n  - name: {name}\n    source: docker://x\n")
    assert found.startswith("error Nulecule:4:11: the name of a component can't hold ")


@pytest.mark.parametrize("name", ["a b", "a.b-c_d", "7", "0755", "true", "é", "a=b", "-a"])
def test_names_that_are_fine(name: str) -> None:
    assert good(f"{HEAD}graph:\n  - name: {name}\n    source: docker://x\n").graph[0].name == name


def test_a_component_named_as_the_scope_of_the_app_is_warned_of() -> None:
    assert messages(f"{HEAD}graph:\n  - name: general\n    source: docker://x\n") == [
        "warning Nulecule:4:11: the name 'general' is that of the app's own scope: params of this component reach every other"
    ]


def test_the_word_params_in_a_path_is_a_word_like_any_other() -> None:
    web = good(HEAD + WEB + "        - {resource: 'file://params/params.json', params: {params: [/params]}}\n").graph[0]
    assert isinstance(web, Component)
    (artifact,) = web.artifacts["docker"]
    assert isinstance(artifact, FileArtifact)
    assert (artifact.path, [pointer.param for pointer in artifact.pointers]) == ("params/params.json", ["params"])


def test_a_byte_order_mark_and_crlf_are_no_fault() -> None:
    assert good(f"\ufeff{HEAD}graph: []\n".replace("\n", "\r\n")).id == "x"


def test_json_and_anchors_are_read() -> None:
    assert good('{"specversion": "0.0.2",\n\t"id": "\\ud83d\\ude00", "graph": []}').id == "😀"
    text = f"{HEAD}graph:\n  - &w {{name: a, artifacts: &a {{docker: [file://x]}}}}\n  - {{<<: *w, name: b}}\n"
    assert [item.name for item in good(text).graph] == ["a", "b"]


# ---------------------------------------------------------------- constraints


def test_a_constraint_matches_the_whole_text() -> None:
    constraint = Constraint("[a-z]+|x y", "", Position("f"))
    assert [text for text in ("ab", "x y", "ab1", "1ab", "ab\n", "") if patterns.allows(constraint, text)] == [
        "ab",
        "x y",
    ]


@pytest.mark.parametrize("pattern", ["(", "[z-a]", "a{2,1}", "(?P<a>x)(?P<a>y)", "*", "(" * 5000])
def test_what_is_no_regular_expression_is_told(pattern: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        patterns.compiled(pattern)


def test_a_pattern_that_python_frowns_at_is_fine() -> None:
    assert patterns.compiled("[[a]").fullmatch("[")


# ---------------------------------------------------------------- files


@pytest.mark.parametrize(
    "name", ["nulecule", "Atomicfile", "Nulecule.yaml", "Nulecule.yml", "Nulecule.json", "NULECULE"]
)
def test_a_file_of_another_name_is_told_what_to_do(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(HEAD)
    with pytest.raises(ResolveError) as found:
        load.load(tmp_path)
    assert found.value.message == f"{tmp_path} holds '{name}' but no file named 'Nulecule'"
    assert found.value.hint == "rename it to 'Nulecule' and set specversion: 0.0.2"


def test_folders_without_an_app(tmp_path: Path) -> None:
    with pytest.raises(ResolveError, match=rf"^there is no folder {tmp_path}/x$"):
        load.load(tmp_path / "x")
    with pytest.raises(ResolveError) as found:
        load.load(tmp_path)
    assert found.value.message == f"{tmp_path} is no app: it holds no file named 'Nulecule'"
    assert found.value.hint == "`atomicapp init NAME` makes a new app"
    (tmp_path / "file").write_text("")
    with pytest.raises(ResolveError, match=r"^can't read .*/file/Nulecule: Not a directory$"):
        load.load(tmp_path / "file")


def test_a_nulecule_that_is_no_plain_file(tmp_path: Path) -> None:
    (tmp_path / "folder" / "Nulecule").mkdir(parents=True)
    (tmp_path / "pipe").mkdir()
    os.mkfifo(tmp_path / "pipe" / "Nulecule")
    (tmp_path / "loop").mkdir()
    (tmp_path / "loop" / "Nulecule").symlink_to("Nulecule")
    for name, reason in {"folder": "it is no plain file", "pipe": "it is no plain file"}.items():
        with pytest.raises(ResolveError) as found:
            load.load(tmp_path / name, "shown/Nulecule")
        assert found.value.message == f"can't read shown/Nulecule: {reason}"
    with pytest.raises(ResolveError, match=r"(Too many levels of symbolic links|leads outside)"):
        load.load(tmp_path / "loop")


def test_a_nulecule_may_be_a_link_within_the_app_only(tmp_path: Path) -> None:
    app = tmp_path / "app"
    (app / "src").mkdir(parents=True)
    (app / "src" / "file").write_text(f"{HEAD}graph: []\n")
    (app / "Nulecule").symlink_to("src/file")
    assert load.load(app).id == "x"
    (tmp_path / "secret").write_text("root:x:0:0")
    (app / "Nulecule").unlink()
    (app / "Nulecule").symlink_to("../secret")
    with pytest.raises(ResolveError, match=rf"^{app}/Nulecule is a link that leads outside of the app$"):
        load.load(app)


def test_bytes_that_are_no_text_and_files_without_end(tmp_path: Path) -> None:
    (tmp_path / "Nulecule").write_bytes(b"id: x\n\xff")
    with pytest.raises(SpecError, match=r"/Nulecule:2:1: byte 0xff at offset 6 is not UTF-8 text$"):
        load.load(tmp_path)
    with (tmp_path / "Nulecule").open("wb") as stream:
        stream.truncate(2**40)
    with pytest.raises(SpecError, match="the file is larger than 16 MiB"):
        load.load(tmp_path)


def test_parse_raises_what_check_tells() -> None:
    assert load.parse(f"{HEAD}graph: []\n", "f").id == "x"
    with pytest.raises(SpecError) as found:
        load.parse("specversion: 0.0.2\n", "f")
    assert [issue.message for issue in found.value.issues] == ["the app has no 'graph'", "the app has no 'id'"]


# ---------------------------------------------------------------- words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "nothing"),
        (True, "true"),
        (False, "false"),
        ({}, "a mapping"),
        ([1], "a list"),
        (5, "the number '5'"),
        ("x" * 41, f"the text '{'x' * 37}...'"),
        ("x" * 40, f"the text '{'x' * 40}'"),
    ],
)
def test_values_in_words(value: object, words: str) -> None:
    assert schema.describe(value) == words


def test_did_you_mean() -> None:
    assert schema.did_you_mean("kubernets", ["docker", "kubernetes"]) == "kubernetes"
    assert schema.did_you_mean("DOCKER", ["docker", "kubernetes"]) == "docker"
    assert schema.did_you_mean("zzz", ["docker", "kubernetes"]) == ""


def test_the_schema_is_itself_one() -> None:
    import jsonschema

    for version in schema.KNOWN_VERSIONS:
        jsonschema.Draft202012Validator.check_schema(schema.schema(version))


# ---------------------------------------------------------------- properties


@examples
@given(st.text() | st.text(st.sampled_from("{}[]:,-#&*!|>'\"%@` \n\tabgrphid0.2"), max_size=60))
def test_any_text_gives_an_app_or_findings(text: str) -> None:
    nulecule, issues = load.check(text, "f")
    assert nulecule is not None or any(issue.severity == "error" for issue in issues)


GOOD: dict[str, object] = {
    "specversion": "0.0.2",
    "id": "x",
    "metadata": {"name": "n", "license": {"name": "MIT", "url": "u"}},
    "params": [{"name": "p", "default": "d", "hidden": True, "constraints": [{"allowed_pattern": "d"}]}],
    "requirements": [{"persistentVolume": {"name": "v", "accessMode": "ReadWriteOnce", "size": 1}}],
    "graph": [
        {"name": "inc", "source": "docker://image", "params": []},
        {
            "name": "web",
            "artifacts": {
                "docker": ["file://a", {"inherit": ["kubernetes"]}],
                "kubernetes": [
                    {"resource": "file://b", "params": {"p": ["/a"]}},
                    {"source": "https://h/r", "path": "/", "branch": "b", "tag": "t", "type": "git"},
                    "http://h/x",
                ],
            },
        },
    ],
}


def places(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Every place of a document."""
    found = [path]
    if isinstance(value, dict):
        found += [place for key, item in value.items() for place in places(item, (*path, key))]
    elif isinstance(value, list):
        found += [place for number, item in enumerate(value) for place in places(item, (*path, number))]
    return found


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["file://", "/", "$"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)


@examples
@given(
    st.lists(st.tuples(st.sampled_from(places(GOOD)[1:]), st.none() | st.tuples(ANYTHING)), min_size=1, max_size=3),
    st.sampled_from([None, 1]),
)
def test_a_good_file_with_parts_changed_or_left_out(
    changes: list[tuple[tuple[str | int, ...], tuple[object] | None]], indent: int | None
) -> None:
    document = copy.deepcopy(GOOD)
    for path, replacement in changes:
        holder: object = document
        for part in path[:-1]:
            if isinstance(holder, dict):
                holder = holder.get(part)
            elif isinstance(holder, list) and isinstance(part, int) and part < len(holder):
                holder = holder[part]
        if isinstance(holder, dict) and path[-1] in holder:
            if replacement is None:
                del holder[path[-1]]
            else:
                holder[str(path[-1])] = replacement[0]
    text = json.dumps(document, indent=indent)
    nulecule, issues = load.check(text, "f")
    assert (nulecule is None) == any(issue.severity == "error" for issue in issues)
    for issue in issues:
        assert issue.position.file == "f"
        assert 0 <= issue.position.line <= text.count("\n") + 1
        assert re.match(r"[a-z-]+$", issue.code), issue
