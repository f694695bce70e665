"""The command line in this process, with an engine in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from atomicapp import providers
from atomicapp.cli.main import main
from tests import memory_provider


class Result(NamedTuple):
    """Exit status and what was written."""

    code: int
    out: str
    err: str


Cli = Callable[..., Result]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Run one command, in a folder and a state of its own."""
    monkeypatch.setenv("ATOMICAPP_HOME", str(tmp_path / "state"))
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)

    def run(*words: str) -> Result:
        code = main(list(words))
        captured = capsys.readouterr()
        return Result(code, captured.out, captured.err)

    return run


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The provider `memory` with an empty engine."""
    monkeypatch.setitem(providers.BUILTIN, "memory", "tests.memory_provider")
    memory_provider.ENGINE.clear()
    memory_provider.CALLS.clear()
    yield
    memory_provider.ENGINE.clear()


NULECULE = """\
specversion: 0.0.2
id: shop
metadata: {name: Shop, appversion: 1.0.0}
params:
  - name: colour
    description: The colour of the page
    default: blue
graph:
  - name: db
    params:
      - name: password
        description: What opens the database
        hidden: true
        constraints:
          - allowed_pattern: '.{8,}'
            description: at least 8 characters
    artifacts:
      memory: [file://artifacts/db]
  - name: web
    params:
      - name: port
        description: Where the page is
        default: 8080
        constraints:
          - allowed_pattern: '[0-9]+'
            description: a port number
    artifacts:
      memory: [file://artifacts/web]
"""


@pytest.fixture
def shop(tmp_path: Path, memory: None) -> Path:
    """An app of two components for the engine in memory."""
    folder = tmp_path / "work" / "shop"
    (folder / "artifacts").mkdir(parents=True)
    (folder / "Nulecule").write_text(NULECULE)
    (folder / "artifacts" / "db").write_text("volume data\nservice db password=$password\n")
    (folder / "artifacts" / "web").write_text("service web colour=$colour port=$port\n")
    (folder / "answers.conf").write_text("[db]\npassword = open-sesame\n")
    return folder
