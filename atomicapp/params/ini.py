"""The INI dialect of answers files, as the original's tools wrote it.

# a comment
[scope]                     also ["a:b"]
key = value                 text to the end of the line or to ` #`, without blanks around
key = "va, lue # 1"         quoted: taken as it is, no escapes
key = '''several
lines'''                    three quotes of either kind; the text between them as it is
key = None                  no answer
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from atomicapp.errors import ERROR, Issue, SpecError, UsageError
from atomicapp.position import Position
from atomicapp.records import NamedTuple

_TRIPLE = ('"""', "'''")
_COMMENT = re.compile(r"(^|\s)[#;]")


class Entry(NamedTuple):
    """One `key = value` with the scope it stands in. `text` None: no answer."""

    scope: str
    name: str
    text: str | None
    position: Position


def parse(text: str, file: str) -> list[Entry]:
    """The entries in the order of the file; SpecError with every fault at once."""
    entries: list[Entry] = []
    issues: list[Issue] = []
    sections: dict[str, int] = {}
    keys: dict[tuple[str, str], int] = {}
    scope: str | None = None
    lines = enumerate(text.lstrip("\ufeff").replace("\r\n", "\n").split("\n"), 1)

    def fault(line: int, message: str, hint: str, excerpt: str, column: int = 1) -> None:
        issues.append(Issue(ERROR, message, Position(file, line, column), "answers", hint=hint, excerpt=excerpt))

    for number, raw in lines:
        line = raw.strip()
        if not line or line[0] in "#;":
            continue
        column = raw.index(line[0]) + 1
        if line.startswith("["):
            name = _section(line)
            if name is None:
                fault(number, f"'{line}' is no section", "write [scope]", raw, column)
                scope = ""
                continue
            if name in sections:
                fault(number, f"the section [{name}] stands here twice, first in line {sections[name]}",
                      "put all answers of one scope into one section", raw, column)  # fmt: skip
            sections[name] = number
            scope = name
            continue
        key, equals, rest = line.partition("=")
        key = _unquote(key.strip())
        if not equals:
            fault(
                number, f"'{_short(line)}' is neither a section nor 'name = value'", "write name = value", raw, column
            )
            continue
        if not key:
            fault(number, "a value without a name", "write name = value", raw, column)
            continue
        if scope is None:
            fault(
                number, f"'{key}' stands in no section", "begin with [general] or the scope of a component", raw, column
            )
            scope = ""
        if (scope, key) in keys:
            fault(
                number, f"'{key}' has a value already, in line {keys[scope, key]}", "keep one of the two", raw, column
            )
        keys[scope, key] = number
        where = Position(file, number, column + len(line) - len(rest.lstrip()))
        value = rest.strip()
        if value[:3] in _TRIPLE:
            # of the line as it is: blanks at its end belong to the text
            found = _several_lines(raw.partition("=")[2].lstrip(), lines)
            if found is None:
                fault(number, f"the text of '{key}' has no end", f"close it with {value[:3]}", raw, column)
                break
            entries.append(Entry(scope, key, found, where))
            continue
        entries.append(Entry(scope, key, _value(value), where))
    if issues:
        raise SpecError(issues)
    return entries


def _section(line: str) -> str | None:
    quoted = line[1:].lstrip()[:1] in ("'", '"')
    # a comment behind the section may hold a bracket; a quoted scope too
    end = line.rfind("]") if quoted else line.find("]")
    if end < 1 or (line[end + 1 :].strip() and not _COMMENT.match(line[end + 1 :])):
        return None
    return _unquote(line[1:end].strip()) or None


def _several_lines(value: str, lines: Iterator[tuple[int, str]]) -> str | None:
    quotes, found = value[:3], [value[3:]]
    while quotes not in found[-1]:
        following = next(lines, None)
        if following is None:
            return None
        found.append(following[1])
    found[-1] = found[-1].partition(quotes)[0]
    return "\n".join(found)


def _value(value: str) -> str | None:
    if value[:1] in "\"'" and value:
        end = value.find(value[0], 1)
        rest = value[end + 1 :].strip()
        if end > 0 and (not rest or rest[0] in "#;"):
            return value[1:end]
    comment = _COMMENT.search(value)
    if comment:
        value = value[: comment.start()].rstrip()
    return None if value == "None" else value


def _unquote(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text


def _short(text: str) -> str:
    # a line that is no `name = value` may be part of a key or a certificate: show no more than its beginning
    return text if len(text) <= 12 else text[:12] + "..."


def dump(values: Mapping[str, Mapping[str, str | None]]) -> str:
    """Sections as text which `parse` reads back to the same values; ends with a newline. UsageError for what INI
    can't say."""
    lines: list[str] = []
    for scope, answers in values.items():
        lines.append(f"[{_dumped_name(scope, ']')}]")
        for name, text in answers.items():
            try:
                lines.append(f"{_dumped_name(name, '=')} = {_dumped(text)}")
            except ValueError as error:
                message = f"the value of {scope}:{name} can't be written as INI: {error}"
                raise UsageError(message, hint="--answers-format json") from None
    return "\n".join(lines) + "\n" if lines else ""


def _dumped_name(name: str, end: str) -> str:
    if name != name.strip() or not name or set(name) & {"\n", "\r", end}:
        raise UsageError(f"the name '{name}' can't be written as INI", hint="--answers-format json")
    if name[0] in "#;[\"'" or name[-1] in "\"'":
        return f'"{name}"'
    return name


def _dumped(text: str | None) -> str:
    if text is None:
        return "None"
    odd = text in ("None", "") or text != text.strip() or text[0] in "\"'" or set(text) & set(",#\n\r")
    if not odd and not _COMMENT.search(text):
        return text
    if not set(text) & {"\n", "\r"}:
        for quote in "\"'":
            if quote not in text:
                return quote + text + quote
    for quotes in _TRIPLE:
        if quotes not in text and not text.endswith(quotes[0]) and "\r" not in text:
            return quotes + text + quotes
    raise ValueError("it holds both kinds of triple quotes or a carriage return")
