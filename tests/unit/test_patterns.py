"""Patterns that are compiled with their first use."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from atomicapp import patterns


def test_a_late_pattern_does_what_the_pattern_does() -> None:
    with patterns.late():
        found = re.compile(r"(?P<word>[a-z]+)", re.IGNORECASE)
    match = found.match("Abc1")
    assert match is not None
    assert match["word"] == "Abc"
    assert found.pattern == r"(?P<word>[a-z]+)"
    assert found.sub("-", "a1b") == "-1-"


def test_a_pattern_with_a_fault_tells_it_at_its_first_use() -> None:
    with patterns.late():
        found = re.compile("(")
    with pytest.raises(re.error):
        found.match("")


def test_afterwards_patterns_are_compiled_at_once_even_after_a_failed_import() -> None:
    with pytest.raises(ImportError), patterns.late():
        raise ImportError
    assert isinstance(re.compile("a"), re.Pattern)


def test_yaml_reads_and_writes_all_kinds_as_it_does_without_us() -> None:
    """With the pure Python reader too, whose patterns are those that wait."""
    program = """
import sys
if sys.argv[1] == "late":
    import atomicapp.document
import yaml
text = "a: [1, 0x1f, 1_000, 1.5e3, .inf, yes, ~, 2001-12-14t21:59:43.10-05:00, 2001-12-14]"
print(yaml.safe_load(text), yaml.safe_dump(yaml.safe_load(text)))
try:
    yaml.safe_load("a: \\x01")
except yaml.YAMLError as error:
    print(error)
"""
    late, plain = (
        subprocess.run([sys.executable, "-c", program, word], capture_output=True, text=True, check=True).stdout
        for word in ("late", "plain")
    )
    assert late == plain
    assert "special characters are not allowed" in late
