"""Names of units, in the words of fleet."""

import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atomicapp.providers.units import names


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a" * 249 + ".service", "unit name exceeds maximum length (256)"),
        ("noext", 'unit name must contain "."'),
        ("", 'unit name must contain "."'),
        ("x.", 'unit name cannot end in "."'),
        ("x.foo", 'invalid unit type: "foo"'),
        ("x@.mount", 'invalid unit type for template: "mount"'),
        ("x@1.mount", 'invalid unit type for template: "mount"'),
        ("a b.service", "invalid character ' ' in unit name"),
        ("é.service", "invalid character 'é' in unit name"),
        ("a\n.service", "invalid character '\n' in unit name"),
        ("@.service", 'unit name cannot start in "@"'),
        ("@x.service", 'unit name cannot start in "@"'),
        ("web.service", ""),
        ("web@1.service", ""),
        (r"a:b-c_d.e\x2d@f@g.timer", ""),
        ("a" * 248 + ".service", ""),
        (".service", ""),
    ],
)
def test_faults(name: str, message: str) -> None:
    assert names.fault(name) == message


@pytest.mark.parametrize(
    ("name", "says"),
    [(".service", "nothing before its dot"), ("a.target", "never be removed"), ("a" * 248 + ".service", "255 bytes")],
)
def test_harmful_names(name: str, says: str) -> None:
    assert says in names.harm(name)
    assert names.harm("web@.socket") == ""


def test_templates_and_instances() -> None:
    assert names.split("web@.service") == names.Name("web@.service", "web", "", "service")
    assert names.split("web@.service").is_template
    assert names.split("web@a.b.service").instance == "a.b"
    assert names.split("web@2.service").template == "web@.service"
    assert names.split("web@2.service").is_instance
    assert names.split("web.service").template == ""
    assert names.instance("web@.service", 3) == "web@3.service"


def test_specifiers() -> None:
    assert names.expand("%n %N %p [%i]", "web@2.service") == "web@2.service web@2 web [2]"
    assert names.expand("%n %N %p [%i]", "web.service") == "web.service web web []"
    assert names.expand("plain", "web.service") == "plain"


def test_readable_parts() -> None:
    assert names.clean("My shop", "web/1") == "My-shop-web-1"
    assert names.clean("-..", "") == "app"
    long = names.cut("x" * 100, 20)
    assert len(long) == 20
    assert long != names.cut("x" * 101, 20)
    assert names.cut("x", 20) == "x"


@given(st.text(max_size=40))
def test_escapes_come_back(text: str) -> None:
    escaped = names.escape(text)
    assert names.unescape(escaped) == text
    if escaped:
        assert not names.fault(f"{escaped[:200]}.service")


@pytest.mark.skipif(not shutil.which("systemd-escape"), reason="systemd-escape is not here")
def test_escapes_are_those_of_systemd() -> None:
    texts = ["a/b-c", ".hidden", "é:_.@%", "a b", "x\\y", "a.b"]
    done = subprocess.run(["systemd-escape", *texts], capture_output=True, text=True, check=True)
    assert [names.escape(text) for text in texts] == done.stdout.split()
