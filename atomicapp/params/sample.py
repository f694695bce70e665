"""Answers to be filled in: every param of an app with what is known of it."""

from __future__ import annotations

from collections.abc import Mapping

from atomicapp.model import GENERAL
from atomicapp.params import ini
from atomicapp.params.configure import Settings

Table = dict[str, dict[str, str | None]]


def sample(settings: Settings) -> Table:
    """Every param of every scope with its value; None for one without, and for a hidden one."""
    found = _table(settings, settings.provider)
    return {scope: names for scope, names in found.items() if names}


def in_use(settings: Settings) -> Table:
    """The values in use, as `--write-answers` writes them: hidden ones are left out."""
    found = _table(settings, settings.provider)
    kept: Table = {}
    for scope, names in found.items():
        known = {name: text for name, text in names.items() if text is not None}
        if known:
            kept[scope] = {**known}
    return kept


def _table(settings: Settings, provider: str) -> Table:
    found: Table = {GENERAL: {}}
    for item in settings.declared:
        if item.used:
            value = settings.value(item.scope, item.param.name)
            shown = None if value is None or item.param.hidden else value.text
            found.setdefault(item.scope, {})[item.param.name] = shown
    found[GENERAL] = {**found[GENERAL], "namespace": settings.namespace, "provider": provider}
    return found


def commented_ini(settings: Settings, table: Mapping[str, Mapping[str, str | None]]) -> str:
    """The table as INI with each param's description above it."""
    descriptions = {(item.scope, item.param.name): item.param for item in settings.declared}
    blocks = []
    for scope, names in table.items():
        lines = [f"[{scope}]"]
        for name, text in names.items():
            param = descriptions.get((scope, name))
            if param is not None:
                told = [" ".join(param.description.split())] if param.description else []
                told += [f"must match {constraint.allowed_pattern}" for constraint in param.constraints]
                told += ["hidden"] if param.hidden else []
                lines += [f"# {line}" for line in told]
            lines += ini.dump({scope: {name: text}}).rstrip("\n").split("\n")[1:]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n"
