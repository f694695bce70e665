"""Plain values as YAML that people like to read: block style, quotes only where needed, long texts as they are.

Ten times as fast as PyYAML's dumper, which matters to `convert`. What is written reads the same by YAML 1.1 and 1.2: a
text that either takes for something else (`no`, `1e3`, `12:30`) is quoted.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from atomicapp.document import escaped_for_yaml

_PLAIN = re.compile(
    r"(?:--?(?=[A-Za-z]))?[A-Za-z_/$(][A-Za-z0-9_./@$()+,;=~-]*(?:[ :][A-Za-z0-9_./@$()+,;=~-]+)*", re.ASCII
)
_COUNT = re.compile(r"[1-9][0-9]*(?:\.[0-9]+)?(?:m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi|s)", re.ASCII)
"""Amounts as Kubernetes writes them: no kind of number to YAML."""
_WORDS = frozenset(["y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"])
_LONGEST_KEY = 120
"""Characters; a key that needs quotes may grow by its escapes, and parsers take 1024."""


def emit(value: Any) -> str:
    """One document: dictionaries (their keys are texts), lists, texts, numbers, booleans and None. Order is kept."""
    lines: list[str] = []
    if isinstance(value, dict) and value:
        _mapping(value, "", "", lines)
    elif isinstance(value, list) and value:
        _sequence(value, "", lines)
    else:
        lines.append(_quoted(value) if isinstance(value, str) and "\n" in value else _scalar(value))
    lines.append("")
    return "\n".join(lines)


def emit_all(values: Iterable[Any]) -> str:
    """Several documents."""
    return "---\n".join(map(emit, values))


def _mapping(value: dict[str, Any], first: str, indent: str, lines: list[str]) -> None:
    """`first` stands before the first key (`- ` in a list), `indent` before all others."""
    lead = first
    for key, item in value.items():
        name = _text(key)
        if len(name) > _LONGEST_KEY:
            lines.append(f"{lead}? {name}")
            name = ""
            lead = indent
        kind = type(item)
        if kind is str and "\n" not in item:
            lines.append(f"{lead}{name}: {_text(item)}")
        elif kind is dict and item:
            lines.append(f"{lead}{name}:")
            inner = indent + "  "
            _mapping(item, inner, inner, lines)
        elif kind is list and item:
            lines.append(f"{lead}{name}:")
            _sequence(item, indent + "  ", lines)
        elif kind is str:
            _block(f"{lead}{name}: ", item, indent, lines)
        else:
            lines.append(f"{lead}{name}: {_scalar(item)}")
        lead = indent


def _sequence(value: list[Any], indent: str, lines: list[str]) -> None:
    for item in value:
        kind = type(item)
        if kind is str and "\n" not in item:
            lines.append(f"{indent}- {_text(item)}")
        elif kind is dict and item:
            _mapping(item, f"{indent}- ", indent + "  ", lines)
        elif kind is list and item:
            lines.append(f"{indent}-")
            _sequence(item, indent + "  ", lines)
        elif kind is str:
            _block(f"{indent}- ", item, indent, lines)
        else:
            lines.append(f"{indent}- {_scalar(item)}")


def _block(lead: str, text: str, indent: str, lines: list[str]) -> None:
    """A text of several lines as a literal block, two deeper than what holds it."""
    if not _shows(text) or not text.strip("\n"):
        lines.append(lead + _quoted(text))
        return
    # the depth is said where the parser would guess it wrongly
    depth = "2" if text[0] in " \n\t" else ""
    body = text.rstrip("\n")
    ends = len(text) - len(body)
    lines.append(f"{lead}|{depth}{'' if ends == 1 else '+' if ends else '-'}")
    inner = indent + "  "
    lines.extend(inner + line if line else "" for line in body.split("\n"))
    lines.extend([""] * (ends - 1))


def _shows(text: str) -> bool:
    """Whether a text can stand in a document without escapes."""
    return text.replace("\n", "").replace("\t", "").isprintable()


def _scalar(value: Any) -> str:
    """What takes one line: all but texts of several lines, and what holds others."""
    if isinstance(value, str):
        return _text(value)
    if value is None or isinstance(value, bool):
        return _WORDS_OF[value]
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, int):
        return str(int(value))
    if not value and isinstance(value, list | dict):
        return "[]" if isinstance(value, list) else "{}"
    raise TypeError(f"no kind of value that is written: {type(value).__name__}")


_WORDS_OF = {True: "true", False: "false", None: "null"}


def _float(value: float) -> str:
    if math.isnan(value):
        return ".nan"
    if math.isinf(value):
        return ".inf" if value > 0 else "-.inf"
    text = repr(value)
    # without a point YAML 1.1 takes it for a text
    return text.replace("e", ".0e", 1) if "e" in text and "." not in text else text


@lru_cache(maxsize=8192)
def _text(text: str) -> str:
    """A text of one line, or a key."""
    if _PLAIN.fullmatch(text):
        return text if text.lower() not in _WORDS else f'"{text}"'
    return text if _COUNT.fullmatch(text) else _quoted(text)


def _quoted(text: str) -> str:
    if ('"' in text or "\\" in text) and "\n" not in text and "\t" not in text and _shows(text):
        return "'" + text.replace("'", "''") + "'"
    return escaped_for_yaml(json.dumps(text, ensure_ascii=False))
