"""Answers files: scope -> name -> text, in INI, JSON, YAML or TOML, from a file, a URL or standard input.

A value is the text that stands in the file: 00123 stays 00123, false and 0 count like any other; null (in INI
the word None) is no answer.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from atomicapp import document, io
from atomicapp.errors import ERROR, ConfigError, FetchError, Issue, SpecError, UsageError
from atomicapp.nulecule import load
from atomicapp.params import ini
from atomicapp.params.formats import FORMATS
from atomicapp.position import Position, line_of
from atomicapp.records import NamedTuple

FILE_NAME = "answers.conf"
_EXTENSIONS = {".ini": "ini", ".json": "json", ".yaml": "yaml", ".yml": "yaml", ".toml": "toml", ".xml": "xml"}
_STDIN = "<standard input>"

Download = Callable[[str], bytes]
"""Gets a URL; raises FetchError."""


class Answer(NamedTuple):
    """One given value and where it stands."""

    text: str
    position: Position


Answers = Mapping[str, Mapping[str, Answer]]


def read(source: str, download: Download) -> Answers:
    """The answers of a file, a URL (http, https) or `-` for standard input.

    Raises ConfigError when the file is absent, SpecError with every fault, FetchError for a URL.
    """
    if source == "-":
        return parse(io.text_of(os.dup(sys.stdin.fileno()), _STDIN, plain=False), _STDIN)
    if source.startswith(("http://", "https://")):
        shown = io.shown_url(source)
        return parse(io.decode(download(source), shown), shown, Path(source.partition("?")[0]).suffix)
    path = Path(source)
    try:
        text = io.read_text(path, source, plain=False)  # a pipe is fine: -a <(command)
    except FileNotFoundError:
        raise ConfigError(
            f"there is no answers file {source}", hint="`atomicapp genanswers APP` writes one with every param"
        ) from None
    except OSError as error:
        raise ConfigError(f"can't read the answers file {source}: {error.strerror}") from None
    return parse(text, source, path.suffix)


def of_app(folder: Path) -> Answers:
    """The answers that an app brings itself; empty when it has no answers.conf."""
    path = folder / FILE_NAME
    if not path.is_file():
        return {}
    load.refuse_outside(path, folder)
    try:
        return parse(io.read_text(path), str(path))
    except OSError as error:
        raise ConfigError(f"can't read {path}: {error.strerror}") from None


def parse(text: str, file: str, extension: str = "") -> Answers:
    """Answers from a text; the format is told by the extension, else guessed from the content."""
    kind = _EXTENSIONS.get(extension.lower()) or _guess(text)
    if kind == "xml":
        raise UsageError(f"{file} is XML, which is not read", hint=f"use {', '.join(FORMATS)}")
    if kind == "ini":
        entries: Iterable[ini.Entry] = ini.parse(text, file)
    elif kind == "toml":
        entries = _toml(text, file)
    else:
        entries = _tree(text, file)
    found: dict[str, dict[str, Answer]] = {}
    for entry in entries:
        section = found.setdefault(entry.scope, {})
        if entry.text is not None:
            section[entry.name] = Answer(entry.text, entry.position)
    return found


def _guess(text: str) -> str:
    for line in text.lstrip("\ufeff").splitlines():
        bare = line.strip()
        if not bare or bare[0] in "#;":
            continue
        if bare[0] == "<":
            return "xml"
        # "[" alone, or with quotes and commas, begins a JSON list; a section closes on its line
        return "ini" if re.fullmatch(r"\[[^\[\]{},]+\]\s*([#;].*)?", bare) or _assignment(bare) else "yaml"
    return "yaml"


def _assignment(line: str) -> bool:
    return re.match(r"[\w.-]+\s*=", line) is not None


def _tree(text: str, file: str) -> list[ini.Entry]:
    root = document.compose(text, file)
    if document.is_null(root):
        return []
    issues: list[Issue] = []

    def fault(node: document.Node, message: str, hint: str) -> None:
        position = document.position_of(node, file)
        # no excerpt: the line may hold a secret
        issues.append(Issue(ERROR, message, position, "answers", hint=hint))

    entries: list[ini.Entry] = []
    if not isinstance(root, document.MappingNode):
        assert root is not None
        position = document.position_of(root, file)
        raise SpecError.single(
            "answers must be a mapping of scopes to params", position, code="answers",
            hint="for example {\"general\": {\"provider\": \"docker\"}}", excerpt=line_of(text, position.line),
        )  # fmt: skip
    for scope, section in document.items(root):
        if document.is_null(section):
            entries.append(ini.Entry(scope.value, "", None, document.position_of(scope, file)))
            continue
        if not isinstance(section, document.MappingNode):
            fault(section, f"'{scope.value}' must hold params, found a value", "write general: {name: value}")
            continue
        for name, value in document.items(section):
            if not isinstance(value, document.ScalarNode):
                fault(
                    value,
                    f"the value of '{name.value}' must be one text, found a list or mapping",
                    "quote it as a text",
                )
                continue
            entries.append(
                ini.Entry(scope.value, name.value, document.text_of(value), document.position_of(value, file))
            )
    if issues:
        raise SpecError(issues)
    return entries


def _toml(text: str, file: str) -> list[ini.Entry]:
    import tomllib

    try:
        # RecursionError: arrays in arrays without end
        data = tomllib.loads(text.removeprefix("\ufeff"), parse_float=str)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        where = re.search(r"\(at line (\d+), column (\d+)\)", str(error))
        position = Position(file, int(where[1]), int(where[2])) if where else Position(file)
        message = re.sub(r" \(at .*", "", str(error))
        raise SpecError.single(
            f"TOML syntax: {message}", position, code="syntax",
            hint='texts are quoted in TOML, and a scope with a colon too: ["web:db"]',
        ) from None  # fmt: skip
    lines = _toml_lines(text)
    issues: list[Issue] = []
    entries: list[ini.Entry] = []
    for scope, section in data.items():
        if not isinstance(section, dict):
            message = f"'{scope}' stands in no section"
            issues.append(
                Issue(
                    ERROR, message, Position(file, lines.get(("", scope), (0, ""))[0]), "answers", hint="add [general]"
                )
            )
            continue
        for name, value in section.items():
            number, written = lines.get((scope, name), (0, ""))
            position = Position(file, number)
            if isinstance(value, dict | list):
                message = f"the value of '{name}' must be one text, found a list or table"
                issues.append(Issue(ERROR, message, position, "answers", hint="quote it as a text"))
                continue
            entries.append(ini.Entry(scope, name, value if isinstance(value, str) else written or str(value), position))
    if issues:
        raise SpecError(issues)
    return entries


def _toml_lines(text: str) -> dict[tuple[str, str], tuple[int, str]]:
    """Where each key stands, and its value as written: tomllib tells no positions and turns 0x1F into 31."""
    found: dict[tuple[str, str], tuple[int, str]] = {}
    scope = ""
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        bare = line.strip()
        if bare.startswith("[") and "]" in bare:
            scope = bare[1 : bare.index("]")].strip().strip("\"'")
        elif "=" in bare:
            name, _, value = bare.partition("=")
            found.setdefault((scope, name.strip().strip("\"'")), (number, value.partition("#")[0].strip()))
    return found


def dump(values: Mapping[str, Mapping[str, str | None]], kind: str) -> str:
    """Answers as text in one of FORMATS. UsageError for another format or a text that the format can't hold."""
    if kind not in FORMATS:
        raise UsageError(f"answers can't be written as {kind}", hint=f"use {', '.join(FORMATS)}")
    plain: dict[str, dict[str, Any]] = {scope: dict(names) for scope, names in values.items()}
    if kind == "json":
        return document.escaped_for_yaml(json.dumps(plain, indent=2, ensure_ascii=False)) + "\n"
    if kind == "yaml":
        import yaml

        return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, default_flow_style=False)
    if kind == "toml":
        return _dump_toml(plain)
    return ini.dump(plain)


def _dump_toml(values: Mapping[str, Mapping[str, str | None]]) -> str:
    lines: list[str] = []
    for scope, names in values.items():
        lines.append(f"[{_toml_key(scope)}]")
        for name, text in names.items():
            # TOML has no null: what has no answer is left as a comment
            lines.append(f"# {_toml_key(name)} =" if text is None else f"{_toml_key(name)} = {_toml_text(text)}")
    return "\n".join(lines) + "\n" if lines else ""


def _toml_key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else _toml_text(key)


def _toml_text(text: str) -> str:
    # a JSON string is a TOML basic string but for DEL and surrogates
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")


def download(url: str) -> bytes:
    """The body of an http(s) URL, at most io.MAX_TEXT bytes; FetchError says why not."""
    import requests

    shown = io.shown_url(url)
    pieces: list[bytes] = []
    size = 0
    try:
        with requests.get(url, timeout=30, stream=True) as response:
            if response.status_code != 200:
                raise FetchError(shown, f"the server says {response.status_code} {response.reason}".rstrip())
            for piece in response.iter_content(65536):
                pieces.append(piece)
                size += len(piece)
                if size > io.MAX_TEXT:
                    raise FetchError(shown, f"it is larger than {io.MAX_TEXT // 1024 // 1024} MiB")
    except requests.RequestException as error:
        raise FetchError(shown, _reason(error).replace(url, shown), hint="check the address and the network") from None
    return b"".join(pieces)


def _reason(error: Exception) -> str:
    """The innermost cause of a requests error, which says it best."""
    cause: BaseException = error
    while cause.__cause__ or cause.__context__:
        cause = cause.__cause__ or cause.__context__ or cause
    return (getattr(cause, "strerror", "") or str(cause) or type(error).__name__).strip()
