"""Files of variables (`env_file`) and of labels (`label_file`)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from atomicapp.document import Node
from atomicapp.position import Position
from atomicapp.workload import model
from atomicapp.workload.compose import sources
from atomicapp.workload.compose.context import Context
from atomicapp.workload.compose.interpolate import interpolate
from atomicapp.workload.compose.items import EnvFile
from atomicapp.workload.compose.kinds import shortened

NAME = re.compile(r"[A-Za-z0-9_.\[\]-]+", re.ASCII)
_LABEL = re.compile(r"[^\s=:'\"#]+")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


def variables(context: Context, files: tuple[EnvFile, ...]) -> list[model.Env]:
    """The variables of files, a later one in place of an earlier one of its name."""
    key = tuple((file.path, file.raw, file.required, *_seen_from(context, file.node)) for file in files)
    known = context.environments.get(key)
    if known is None:
        known = context.environments[key] = _variables(context, files)
    context.spend(len(known), files[0].node if files else None)
    return known


def _seen_from(context: Context, node: Node) -> tuple[str, int]:
    return context.source_of(node).folder, id(context.variables_of(node))


def _variables(context: Context, files: tuple[EnvFile, ...]) -> list[model.Env]:
    found: dict[str, model.Env] = {}
    for file in files:
        folder = context.source_of(file.node).folder
        text, _, _ = sources.attempt(context, file.path, folder)
        if text is None:
            if file.required or sources.below(folder, file.path) is None:
                sources.text_of(context, file.node, file.path, folder, "env_file")
            continue
        known = {name: env.value for name, env in found.items()}
        name = sources.below(folder, file.path) or file.path
        for env in parse(context, text, name, NAME, known, context.variables_of(file.node), raw=file.raw):
            found[env.name] = env
    return list(found.values())


def labels(context: Context, files: tuple[tuple[str, Node], ...]) -> dict[str, str]:
    """The labels of files."""
    found: dict[str, str] = {}
    for path, node in files:
        folder = context.source_of(node).folder
        text = sources.text_of(context, node, path, folder, "label_file")
        name = sources.below(folder, path) or path
        for env in parse(context, text or "", name, _LABEL, found, context.variables_of(node), raw=False):
            found[env.name] = env.value
    return found


def parse(
    context: Context,
    text: str,
    file: str,
    names: re.Pattern[str],
    known: Mapping[str, str],
    outer: Mapping[str, str],
    *,
    raw: bool,
) -> Iterator[model.Env]:
    """The NAME=VALUE lines of a text; quotes as a shell has them, variables but in single quotes. Variables have the
    value in `outer`, else that of a line before, else that in `known`."""
    context.texts.setdefault(file, text)
    scope: dict[str, str] = {**known, **outer}
    at, line = 0, 1
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    while at < len(text):
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        start, place = at, Position(file, line)
        content = text[at:end].strip()
        at, line = end + 1, line + 1
        if not content or content.startswith("#"):
            continue
        if not raw and content.startswith("export "):
            content = content[7:].lstrip()
        match = names.match(content)
        sign = content[match.end() :].lstrip()[:1] if match else ""
        if not match or (sign not in ("=", "") and not (sign == ":" and not raw)):
            context.fault(place, "expected NAME=VALUE", "value", "a comment begins with #")
            continue
        name = match[0]
        if not sign:
            value = outer.get(name)
            if value is not None:
                yield model.Env(name, value, place)
            continue
        if raw:
            yield model.Env(name, content.partition("=")[2], place)
            continue
        body = text.index(sign, text.index(name, start) + len(name)) + 1
        value, after = _value(context, text, body, place, scope)
        line += text.count("\n", end, after)
        if after > end:
            at = after + 1
        scope[name] = outer.get(name, value)
        yield model.Env(name, value, place)


def _value(context: Context, text: str, at: int, place: Position, scope: Mapping[str, str]) -> tuple[str, int]:
    """The value that begins at an offset, and the offset of the end of its last line."""
    end = text.find("\n", at)
    end = len(text) if end < 0 else end
    while at < end and text[at] in " \t":
        at += 1
    quote = text[at : at + 1]
    if quote in ("'", '"') and quote:
        close = _close(text, at + 1, quote)
        if close < 0:
            context.fault(place, f"a value begins with {quote} and has no end", "value", "close the quotes")
            return "", end
        end = text.find("\n", close)
        end = len(text) if end < 0 else end
        rest = text[close + 1 : end].strip()
        if rest and not rest.startswith("#"):
            context.fault(
                place, f"'{shortened(rest)}' stands behind the end of the quotes", "value", "quote all of the value"
            )
        body = text[at + 1 : close]
        if quote == "'":
            return body, end
        body = _ESCAPE.sub(lambda found: _escaped(found[1]), body)
        return _replaced(context, body, place, scope), end
    body = text[at:end]
    comment = re.search(r"(^|\s)#", body)
    body = (body[: comment.start()] if comment else body).strip()
    return _replaced(context, body, place, scope), end


def _close(text: str, at: int, quote: str) -> int:
    while at < len(text):
        if text[at] == "\\" and quote == '"':
            at += 2
            continue
        if text[at] == quote:
            return at
        at += 1
    return -1


def _escaped(char: str) -> str:
    if char == "$":
        return "$$"
    return _ESCAPES.get(char, char)


def _replaced(context: Context, text: str, place: Position, scope: Mapping[str, str]) -> str:
    if "$" not in text:
        return text
    try:
        value = interpolate(text, scope, lambda name: context.unset(place, name))
    except ValueError as error:
        context.fault(place, shortened(str(error)), "interpolation")
        return ""
    context.grow(len(value), place)
    return value
