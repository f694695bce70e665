"""atomicapp/params/answers.py and ini.py: answers in every format, read and written."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atomicapp import io
from atomicapp.errors import AtomicAppError, ConfigError, FetchError, ResolveError, SpecError, UsageError
from atomicapp.params import answers, ini
from atomicapp.params.formats import FORMATS
from atomicapp.position import Position
from tests.unit.properties import examples

Plain = dict[str, dict[str, str]]


def plain(found: answers.Answers) -> Plain:
    return {scope: {name: answer.text for name, answer in names.items()} for scope, names in found.items() if names}


def parsed(text: str, extension: str = "") -> Plain:
    return plain(answers.parse(text, "f", extension))


def told(text: str, extension: str = "") -> list[str]:
    with pytest.raises(SpecError) as found:
        answers.parse(text, "f", extension)
    return [f"{issue.position}: {issue.message}" for issue in found.value.issues]


INI = '[general]\nprovider = docker\n[db]\nports = "80,81"\n[web:redis]\nhostport = 6379\n'
JSON = '{"general": {"provider": "docker"}, "db": {"ports": "80,81"}, "web:redis": {"hostport": 6379}}'
YAML = "general:\n  provider: docker\ndb:\n  ports: 80,81\nweb:redis:\n  hostport: 6379\n"
TOML = '[general]\nprovider = "docker"\n[db]\nports = "80,81"\n["web:redis"]\nhostport = 6379\n'
EXPECTED = {"general": {"provider": "docker"}, "db": {"ports": "80,81"}, "web:redis": {"hostport": "6379"}}


# ---------------------------------------------------------------- formats and how they are told apart


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize(
    ("text", "extension"),
    [(INI, ".ini"), (INI, ""), (INI, ".conf"), (JSON, ".json"), (JSON, ""), (YAML, ".yaml"), (YAML, ".YML"), (YAML, ""),
     (TOML, ".toml"), (TOML, "")],
)  # fmt: skip
def test_every_format_says_the_same(text: str, extension: str, mark: str, ends: str) -> None:
    assert parsed(mark + text.replace("\n", ends), extension) == EXPECTED


@pytest.mark.parametrize("value", ["00123", "1.10", "1e3", "true", "0755", "yes", "0", "false", "a,b"])
def test_a_value_is_the_text_that_stands_in_the_file(value: str) -> None:
    assert parsed(f"[g]\nx = {value}\n") == {"g": {"x": value}}
    assert parsed(f'[g]\nx = "{value}"\n') == {"g": {"x": value}}
    assert parsed(f"g:\n  x: {value}\n") == {"g": {"x": value}}
    assert parsed(f'g: {{x: "{value}"}}') == {"g": {"x": value}}


@pytest.mark.parametrize(
    "value", ["123", "1.10", "1e3", "true", "false", "0", "-0.0", "123456789012345678901234567890"]
)
def test_a_value_of_json_and_toml_is_its_text_too(value: str) -> None:
    assert parsed(f'{{"g": {{"x": {value}}}}}') == {"g": {"x": value}}
    assert parsed(f"[g]\nx = {value}\n", ".toml") == {"g": {"x": value}}


@pytest.mark.parametrize("value", ["0x1F", "1_000", "+5", "0o17", "1979-05-27T07:32:00Z", "1979-05-27", "inf"])
def test_toml_keeps_what_it_would_turn_into_something_else(value: str) -> None:
    assert parsed(f"[g]\nx = {value} # why\n", ".toml") == {"g": {"x": value}}


@pytest.mark.parametrize(
    ("text", "extension"),
    [
        ("[g]\na = None\nb =\nc = ''\nd = \"None\"\n", ""),
        ('{"g": {"a": null, "b": "", "c": "", "d": "None"}}', ""),
        ("g:\n  a: ~\n  b: ''\n  c: ''\n  d: None\n", ""),
        ('[g]\n# a =\nb = ""\nc = ""\nd = "None"\n', ".toml"),
    ],
)
def test_null_is_no_answer_and_empty_is_one(text: str, extension: str) -> None:
    assert parsed(text, extension) == {"g": {"b": "", "c": "", "d": "None"}}


@pytest.mark.parametrize(
    ("text", "extension"),
    [("", ""), ("\n# nothing\n", ""), ("; nothing", ".ini"), ("", ".json"), ("{}", ""), ("null", ".yaml"), ("", ".toml"),
     ("[general]\n", ""), ("general:\n", ""), ('{"general": null}', ""), ("general: {}", "")],
)  # fmt: skip
def test_files_without_an_answer(text: str, extension: str) -> None:
    assert parsed(text, extension) == {}


@pytest.mark.parametrize(("text", "extension"), [("<?xml version='1.0'?><a/>", ""), (" \n <a/>", ""), ("a", ".xml")])
def test_xml_is_refused_and_the_others_are_named(text: str, extension: str) -> None:
    with pytest.raises(UsageError) as found:
        answers.parse(text, "f", extension)
    assert (found.value.message, found.value.hint) == ("f is XML, which is not read", "use ini, json, yaml, toml")


def test_positions() -> None:
    places = {
        "ini": answers.parse('# c\n[g]\n  a = x\nb="y"\r\nc =   z # d\n', "f"),
        "yaml": answers.parse("g:\n  a: x\n  b: 'y'\n  c:   z\n", "f"),
        "toml": answers.parse('[g]\na = "x"\n\n"b" = "y"\nc = "z"\n', "f", ".toml"),
    }
    assert {kind: [answer.position for answer in found["g"].values()] for kind, found in places.items()} == {
        "ini": [Position("f", 3, 7), Position("f", 4, 3), Position("f", 5, 7)],
        "yaml": [Position("f", 2, 6), Position("f", 3, 6), Position("f", 4, 8)],
        "toml": [Position("f", 2), Position("f", 4), Position("f", 5)],
    }


# ---------------------------------------------------------------- faults


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("a = 1\n", ["f:1:1: 'a' stands in no section"]),
        ("[a]\nx = 1\n[a]\ny = 2\n", ["f:3:1: the section [a] stands here twice, first in line 1"]),
        ("[a]\nx = 1\n  x = 2\n", ["f:3:3: 'x' has a value already, in line 2"]),
        ("[a]\n= 1\n", ["f:2:1: a value without a name"]),
        ("[a]\n-----BEGIN CERTIFICATE\n", ["f:2:1: '-----BEGIN C...' is neither a section nor 'name = value'"]),
        ("[a\nx = 1\n", ["f:1:1: '[a' is no section"]),
        ("[a]\n[]\n", ["f:2:1: '[]' is no section"]),
        ("[a]\n[b] c\n", ["f:2:1: '[b] c' is no section"]),
        ("[a]\nx = '''b\nc\n", ["f:2:1: the text of 'x' has no end"]),
        (
            "x = 1\n[a]\n[a]\nodd\n",
            [
                "f:1:1: 'x' stands in no section",
                "f:3:1: the section [a] stands here twice, first in line 2",
                "f:4:1: 'odd' is neither a section nor 'name = value'",
            ],
        ),
    ],
)
def test_faults_of_ini(text: str, messages: list[str]) -> None:
    assert told(text, ".ini") == messages


def test_a_text_without_sections_is_told() -> None:
    assert told("password hunter2", ".ini") == ["f:1:1: 'password hun...' is neither a section nor 'name = value'"]


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("[a, b]", ["f:1:1: answers must be a mapping of scopes to params"]),
        ("text", ["f:1:1: answers must be a mapping of scopes to params"]),
        (
            "provider: docker\ng:\n  a: [1]\n  b: {}\n  c: 1\n",
            [
                "f:1:11: 'provider' must hold params, found a value",
                "f:3:6: the value of 'a' must be one text, found a list or mapping",
                "f:4:6: the value of 'b' must be one text, found a list or mapping",
            ],
        ),
        ('{"a": {"x": 1}, "a": {}}', ["f:1:17: the key 'a' stands here twice"]),
        ("a: b: c", ["f:1:5: YAML syntax: mapping values are not allowed in this context"]),
    ],
)
def test_faults_of_yaml_and_json(text: str, messages: list[str]) -> None:
    assert told(text, ".yaml") == messages


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("a = 1\n", ["f:1: 'a' stands in no section"]),
        ("[g]\na = [1]\nb = {c = 1}\n", [
            "f:2: the value of 'a' must be one text, found a list or table",
            "f:3: the value of 'b' must be one text, found a list or table",
        ]),
        ("[web:db]\n", ["f:1:5: TOML syntax: Expected ']' at the end of a table declaration"]),
        ("[g]\na = 00123\n", ["f:2:6: TOML syntax: Expected newline or end of document after a statement"]),
        ("[g]\na = ", ["f: TOML syntax: Invalid value"]),
    ],
)  # fmt: skip
def test_faults_of_toml(text: str, messages: list[str]) -> None:
    assert told(text, ".toml") == messages


def test_toml_without_end_is_refused() -> None:
    assert told("[g]\na = " + "[" * 100_000, ".toml")[0].startswith("f: TOML syntax: ")


@pytest.mark.parametrize("text", ["[g]\npassword hunter2-hunter2\n", "g:\n  password: [hunter2-hunter2]\n"])
def test_a_fault_shows_no_more_of_a_secret_than_its_beginning(text: str) -> None:
    with pytest.raises(SpecError) as found:
        answers.parse(text, "f")
    assert "hunter2-hunter2" not in str([issue._replace(excerpt="") for issue in found.value.issues])
    assert "hunter2-hunter2" not in found.value.message


# ---------------------------------------------------------------- INI


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("a b", "a b"),
        ("  a  ", "a"),
        ("a # comment", "a"),
        ("a ; comment", "a"),
        ("# comment", ""),
        ("a#b;c", "a#b;c"),
        ('"a # b"', "a # b"),
        ("'a \" b'", 'a " b'),
        ('"a" # comment', "a"),
        ('"a" b', '"a" b'),
        ('"a', '"a'),
        ('""', ""),
        ("a = b", "a = b"),
        ("None # comment", None),
        ("None of it", "None of it"),
        ("'''a\n  b # c\n\nd'''", "a\n  b # c\n\nd"),
        ('"""a"""', "a"),
        ('"""\n"""', "\n"),
        ("'''a\r\nb'''", "a\nb"),
    ],
)
def test_values_of_ini(written: str, value: str | None) -> None:
    entries = ini.parse(f"[s]\nx = {written}\ny = 1\n", "f")
    assert [(entry.name, entry.text) for entry in entries] == [("x", value), ("y", "1")]


@pytest.mark.parametrize(
    ("line", "scope"),
    [
        ("[a]", "a"),
        ("  [ a b ]", "a b"),
        ("[a] # see [b]", "a"),
        ("[a]; why", "a"),
        ('["a:b"]', "a:b"),
        ("['a']", "a"),
        ("[a:b:c]", "a:b:c"),
    ],
)
def test_sections_of_ini(line: str, scope: str) -> None:
    assert [entry.scope for entry in ini.parse(f"{line}\nx = 1\n", "f")] == [scope]


def test_names_of_ini_may_be_quoted() -> None:
    assert [entry.name for entry in ini.parse("[s]\n\";a\" = 1\n'b' = 2\nc-d.e = 3\n", "f")] == [";a", "b", "c-d.e"]


def test_a_text_of_a_million_lines_is_read_in_one_go() -> None:
    lines = "\n" * 1_000_000
    assert [entry.text for entry in ini.parse(f"[s]\nx = '''{lines}'''\n", "f")] == [lines]


# ---------------------------------------------------------------- writing


def test_what_is_written() -> None:
    values: dict[str, dict[str, str | None]] = {
        "general": {"provider": "docker", "ports": "80,81", "none": None},
        "web:db": {"text": "a\nb", "zip": "00123"},
    }
    assert answers.dump(values, "ini") == (
        '[general]\nprovider = docker\nports = "80,81"\nnone = None\n[web:db]\ntext = """a\nb"""\nzip = 00123\n'
    )
    assert answers.dump(values, "json") == (
        '{\n  "general": {\n    "provider": "docker",\n    "ports": "80,81",\n    "none": null\n  },\n'
        '  "web:db": {\n    "text": "a\\nb",\n    "zip": "00123"\n  }\n}\n'
    )
    assert answers.dump(values, "yaml") == (
        "general:\n  provider: docker\n  ports: 80,81\n  none: null\nweb:db:\n  text: 'a\n\n    b'\n  zip: '00123'\n"
    )
    assert answers.dump(values, "toml") == (
        '[general]\nprovider = "docker"\nports = "80,81"\n# none =\n["web:db"]\ntext = "a\\nb"\nzip = "00123"\n'
    )


@pytest.mark.parametrize("kind", ["xml", "", "INI"])
def test_other_formats_are_not_written(kind: str) -> None:
    with pytest.raises(UsageError) as found:
        answers.dump({}, kind)
    assert (found.value.message, found.value.hint) == (
        f"answers can't be written as {kind}",
        "use ini, json, yaml, toml",
    )


@pytest.mark.parametrize(
    ("scope", "name", "value", "message"),
    [
        ("s", "x", "a\rb", "the value of s:x can't be written as INI: it holds both kinds of triple quotes or a carriage return"),
        ("s", "x", "'''\n\"\"\"", "the value of s:x can't be written as INI: it holds both kinds of triple quotes or a carriage return"),
        ("s", "a=b", "v", "the name 'a=b' can't be written as INI"),
        ("a]", "x", "v", "the name 'a]' can't be written as INI"),
    ],
)  # fmt: skip
def test_what_ini_can_not_say(scope: str, name: str, value: str, message: str) -> None:
    with pytest.raises(UsageError) as found:
        answers.dump({scope: {name: value}}, "ini")
    assert (found.value.message, found.value.hint) == (message, "--answers-format json")
    assert parsed(answers.dump({scope: {name: value}}, "json"), ".json") == {scope: {name: value}}


# ---------------------------------------------------------------- files, standard input


def no_download(url: str) -> bytes:
    raise AssertionError(f"{url} was asked for")


def test_answers_of_a_file(tmp_path: Path) -> None:
    for name, text in {"a.conf": INI, "a.json": JSON, "a.yml": YAML, "a.toml": TOML}.items():
        (tmp_path / name).write_text(text)
        found = answers.read(str(tmp_path / name), no_download)
        assert plain(found) == EXPECTED
        assert found["general"]["provider"].position.file == str(tmp_path / name)


def test_answers_of_a_pipe() -> None:
    reader, writer = os.pipe()
    os.write(writer, INI.encode())
    os.close(writer)
    try:
        assert plain(answers.read(f"/dev/fd/{reader}", no_download)) == EXPECTED
    finally:
        os.close(reader)


def test_answers_of_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read(data: bytes) -> answers.Answers:
        (tmp_path / "in").write_bytes(data)
        with (tmp_path / "in").open() as stream:
            monkeypatch.setattr(sys, "stdin", stream)
            return answers.read("-", no_download)

    found = read(YAML.encode())
    assert plain(found) == EXPECTED
    assert str(found["db"]["ports"].position) == "<standard input>:4:10"
    with pytest.raises(SpecError, match=r"^<standard input>:1:1: byte 0xff at offset 0"):
        read(b"\xff")
    with pytest.raises(SpecError, match=r"^<standard input>: the file is larger than 16 MiB$"):
        read(b"#" * (io.MAX_TEXT + 1))


def test_an_answers_file_that_is_not_there_or_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as found:
        answers.read(f"{tmp_path}/absent", no_download)
    assert found.value.message == f"there is no answers file {tmp_path}/absent"
    assert found.value.hint == "`atomicapp genanswers APP` writes one with every param"
    with pytest.raises(ConfigError, match=rf"^can't read the answers file {tmp_path}: it is no plain file$"):
        answers.read(str(tmp_path), no_download)


def test_the_answers_of_an_app(tmp_path: Path) -> None:
    assert answers.of_app(tmp_path) == {}
    (tmp_path / "answers.conf").write_text(INI)
    assert plain(answers.of_app(tmp_path)) == EXPECTED
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "answers.conf").symlink_to("../answers.conf")
    with pytest.raises(ResolveError, match=r"answers\.conf is a link that leads outside of the app$"):
        answers.of_app(tmp_path / "app")


# ---------------------------------------------------------------- URLs


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path.startswith("/large"):
            self.send_response(200)
            self.end_headers()
            with_size = b"#" * 65536
            try:
                for _ in range(io.MAX_TEXT // len(with_size) + 1):
                    self.wfile.write(with_size)
            except OSError:
                self.close_connection = True
            return
        if self.path.startswith("/cut"):
            self.send_response(200)
            self.send_header("Content-Length", "100")
            self.end_headers()
            self.wfile.write(b"[general]")
            return
        body = {"/a.yaml": YAML, "/a": TOML}.get(self.path.partition("?")[0])
        self.send_response(200 if body else 404)
        self.end_headers()
        self.wfile.write((body or "").encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    found = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=found.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{found.server_port}"
    found.shutdown()
    thread.join()
    found.server_close()


def test_answers_of_a_url(server: str) -> None:
    assert plain(answers.read(f"{server}/a.yaml?x=1.ini", answers.download)) == EXPECTED
    assert plain(answers.read(f"{server}/a", answers.download)) == EXPECTED


@pytest.mark.parametrize(
    ("path", "cause"),
    [("/none", "the server says 404 Not Found"), ("/large", "it is larger than 16 MiB"), ("/cut", "IncompleteRead")],
)
def test_what_a_server_can_do(server: str, path: str, cause: str) -> None:
    with pytest.raises(FetchError) as found:
        answers.read(server + path, answers.download)
    assert found.value.message.startswith(f"can't get {server}{path}: {cause}")


def test_no_server(server: str) -> None:
    found = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.server_close()
    url = f"http://127.0.0.1:{found.server_port}/a"
    with pytest.raises(FetchError) as error:
        answers.download(url)
    assert error.value.message == f"can't get {url}: Connection refused"
    assert error.value.hint == "check the address and the network"


def test_no_password_is_shown(server: str) -> None:
    url = server.replace("://", "://me:hunter2@") + "/none"
    with pytest.raises(FetchError) as error:
        answers.read(url, answers.download)
    assert error.value.message == f"can't get {server}/none: the server says 404 Not Found"


@pytest.mark.parametrize("url", ["http://", "http://[::1", "http://a b/", "https://.example.com/"])
def test_what_is_no_url(url: str) -> None:
    with pytest.raises(FetchError, match=r"^can't get "):
        answers.download(url)


# ---------------------------------------------------------------- properties


@examples
@given(st.text(), st.sampled_from(["", ".ini", ".json", ".yaml", ".toml", ".conf"]))
def test_any_text_is_answers_or_an_error_of_ours(text: str, extension: str) -> None:
    found: answers.Answers = {}
    with contextlib.suppress(AtomicAppError):
        found = answers.parse(text, "f", extension)
    assert all(answer.position.file == "f" for names in found.values() for answer in names.values())


LINES = st.lists(
    st.sampled_from(["[a]", "[b", "x = 1", "y = '''", "'''", '"', "# c", "=", "]", 'z = "q" r', " "]), max_size=8
)


@examples
@given(LINES.map("\n".join))
def test_any_ini_is_entries_or_an_error_of_ours(text: str) -> None:
    places: list[Position] = []
    try:
        places += [entry.position for entry in ini.parse(text, "f")]
    except SpecError as error:
        places += [issue.position for issue in error.issues]
    assert all(1 <= place.line <= text.count("\n") + 1 for place in places)


NAMES = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc"], exclude_characters=" =[]\u2028\u2029"), min_size=1
).filter(lambda text: text == text.strip())
VALUES = st.none() | st.text() | st.text(st.sampled_from("'\"#; ,\n=[]None"), max_size=12)


@examples
@given(st.dictionaries(NAMES, st.dictionaries(NAMES, VALUES, max_size=4), max_size=3), st.sampled_from(FORMATS))
def test_what_is_written_is_read_back(values: dict[str, dict[str, str | None]], kind: str) -> None:
    expected = {
        scope: {name: text for name, text in names.items() if text is not None} for scope, names in values.items()
    }
    if kind == "ini" and any("\r" in (text or "") for names in values.values() for text in names.values()):
        kind = "json"
    text = answers.dump(values, kind)
    assert parsed(text, f".{kind}") == {scope: names for scope, names in expected.items() if names}
