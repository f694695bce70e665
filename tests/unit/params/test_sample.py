"""atomicapp/params/sample.py: answers to be filled in."""

from __future__ import annotations

from pathlib import Path

from atomicapp.nulecule.resolve import resolve
from atomicapp.params import answers, configure
from atomicapp.params.configure import Given, Settings
from atomicapp.params.sample import commented_ini, in_use, sample

NULECULE = """\
specversion: 0.0.2
id: x
params:
  - name: domain
    description: |
      Where
      it lives
graph:
  - name: web
    artifacts: {docker: [file://a]}
    params:
      - name: port
        default: 8080
        constraints: [{allowed_pattern: '[0-9]+'}]
      - name: motd
        description: Shown at login
        default: "a\\nb # c"
      - name: key
        hidden: true
        default: hunter2
  - name: db
    source: docker://db
    params: [{name: handed, default: h}]
"""


def settled(folder: Path, text: str = "") -> Settings:
    (folder / "Nulecule").write_text(NULECULE)
    given = Given({}, {}, answers.parse(text, "a", ".ini"))
    return configure.configure(resolve(folder, fetch=None), given, complete=False)


def test_a_sample_holds_every_param_and_no_secret(tmp_path: Path) -> None:
    assert sample(settled(tmp_path)) == {
        "general": {"domain": None, "namespace": "default", "provider": "docker"},
        "web": {"port": "8080", "motd": "a\nb # c", "key": None},
    }


def test_a_sample_shows_the_answers(tmp_path: Path) -> None:
    found = sample(settled(tmp_path, "[general]\ndomain = d\nnamespace = n\n[web]\nkey = k\nport = 1\n"))
    assert found["general"] == {"domain": "d", "namespace": "n", "provider": "docker"}
    assert (found["web"]["port"], found["web"]["key"]) == ("1", None)


def test_answers_in_use_leave_out_what_is_unknown_and_hidden(tmp_path: Path) -> None:
    assert in_use(settled(tmp_path)) == {
        "general": {"namespace": "default", "provider": "docker"},
        "web": {"port": "8080", "motd": "a\nb # c"},
    }


def test_a_sample_as_commented_ini(tmp_path: Path) -> None:
    settings = settled(tmp_path)
    table = sample(settings)
    text = commented_ini(settings, table)
    assert text == (
        "[general]\n# Where it lives\ndomain = None\nnamespace = default\nprovider = docker\n\n"
        '[web]\n# must match [0-9]+\nport = 8080\n# Shown at login\nmotd = """a\nb # c"""\n# hidden\nkey = None\n'
    )
    read = answers.parse(text, "f", ".ini")
    known = {
        (scope, name): value for scope, names in table.items() for name, value in names.items() if value is not None
    }
    assert {(scope, name): answer.text for scope, names in read.items() for name, answer in names.items()} == known
