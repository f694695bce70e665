"""The formats of answers files: a room of their own, so that a list of options needs no reader of answers."""

from __future__ import annotations

FORMATS = ("ini", "json", "yaml", "toml")
