"""The edge: verbs, usage errors, help, versions, environment, exit status."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from atomicapp.cli.parser import VERBS
from atomicapp.version import VERSION
from tests.unit.cli.conftest import Cli


def test_no_words_show_the_help(cli: Cli) -> None:
    code, out, _ = cli()
    assert code == 0
    assert all(f"  {verb} " in out for verb in VERBS)


@pytest.mark.parametrize("word", ["-h", "--help"])
def test_help(cli: Cli, word: str) -> None:
    assert cli(word).out == cli().out


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(cli: Cli, verb: str) -> None:
    code, out, err = cli(verb, "--help")
    assert (code, err) == (0, "")
    assert out.startswith(f"usage: atomicapp {verb}")
    assert "examples:" in out
    assert f"atomicapp {verb}" in out.partition("examples:")[2]


@pytest.mark.parametrize("words", [["-V"], ["--version"], ["run", "--version"], ["-V", "run"], ["list", "-V"]])
def test_the_version_may_stand_anywhere(cli: Cli, words: list[str]) -> None:
    assert cli(*words).out == f"atomicapp {VERSION}, Nulecule 0.0.2\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["rnu"], "did you mean `atomicapp run`?"),
        (["./app", "run"], "the verb comes first"),
        (["--logtype", "none"], "no verb was given"),
        (["run", "--nonsense", "x"], "unrecognized arguments: --nonsense"),
        (["run"], "no APP was given"),
        (["run", "x", "--timeout", "soon"], "'soon' is no number of seconds"),
        (["run", "x", "--timeout", "-1"], "'-1' is no number of seconds"),
        (["run", "x", "--provider-tlsverify", "maybe"], "'maybe' is neither True nor False"),
        (["logs", "x", "--tail", "all"], "'all' is no number of lines"),
        (["graph", "x", "-o", "png"], "invalid choice: 'png'"),
    ],
)
def test_wrong_usage_is_told_and_ends_with_2(cli: Cli, words: list[str], said: str) -> None:
    code, out, err = cli(*words)
    assert (code, out) == (2, "")
    assert said in err
    assert "Traceback" not in err


def test_options_of_all_verbs_may_stand_before_the_verb(cli: Cli, shop: Path) -> None:
    assert cli("--logtype", "none", "-q", "graph", str(shop)).code == 0


def test_a_mode_replaces_the_verb(cli: Cli, shop: Path) -> None:
    code, out, _ = cli("--mode", "genanswers", "run", str(shop), "--provider", "memory")
    assert code == 0
    assert Path("answers.conf").exists()
    assert "shop" not in out


def test_args_from_the_environment_replace_and_append(cli: Cli, shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATOMICAPP_ARGS", f"graph '{shop}'")
    assert cli("run", "elsewhere").out.startswith("shop")
    monkeypatch.setenv("ATOMICAPP_APPEND_ARGS", "-o json")
    assert json.loads(cli().out)["id"] == "shop"
    monkeypatch.setenv("ATOMICAPP_ARGS", "graph 'open")
    assert "ATOMICAPP_ARGS can't be split into words" in cli().err


def test_the_app_may_come_from_image(cli: Cli, shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGE", str(shop))
    assert cli("graph").out.startswith("shop")


def test_an_error_can_be_read_by_programs(cli: Cli, tmp_path: Path) -> None:
    code, out, _ = cli("params", str(tmp_path), "-o", "json")
    assert code == 1
    assert json.loads(out)["error"] == "ResolveError"


def test_a_closed_pipe_is_no_traceback(shop: Path) -> None:
    command = f"{sys.executable} -m atomicapp --help | head -1; echo status ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    assert done.stdout.startswith("usage: atomicapp")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_every_verb(cli: Cli, shell: str) -> None:
    code, out, _ = cli("completion", shell)
    assert code == 0
    assert all(verb in out for verb in VERBS)


def test_heavy_libraries_are_not_imported_for_help() -> None:
    program = "import sys; from atomicapp.cli.main import main; main(['--help']); print(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = done.stdout.rpartition("[")[2]
    for name in ("docker", "kubernetes", "requests", "rich", "jsonschema", "yaml", "anytree"):
        assert f"'{name}'" not in loaded


def test_render_imports_no_engine_client(shop: Path) -> None:
    program = f"""
import sys
from atomicapp import providers
providers.BUILTIN["memory"] = "tests.memory_provider"
from atomicapp.cli.main import main
assert main(["render", {str(shop)!r}, "--provider", "memory"]) == 0
print(sorted(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = done.stdout.rpartition("[")[2]
    for name in ("docker", "kubernetes", "requests", "rich", "jsonschema"):
        assert f"'{name}'" not in loaded


def test_render_and_parse_for_kubernetes_import_no_client_and_no_wire(tmp_path: Path) -> None:
    (tmp_path / "Nulecule").write_text(
        "specversion: 0.0.2\nid: k\ngraph:\n  - {name: web, artifacts: {kubernetes: [file://web.yaml]}}\n"
    )
    (tmp_path / "web.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\n")
    program = f"""
import sys
from atomicapp.cli.main import main
for verb in ("render", "validate"):
    assert main([verb, {str(tmp_path)!r}, *(["--provider", "kubernetes"] if verb == "render" else [])]) == 0
print(sorted(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "kind: ConfigMap" in done.stdout
    loaded = done.stdout.rpartition("[")[2]
    for name in ("kubernetes", "urllib3", "ssl", "http.client", "concurrent.futures", "requests", "docker"):
        assert f"'{name}'" not in loaded


def test_the_wire_to_kubernetes_imports_neither_the_official_client_nor_others() -> None:
    program = (
        "import sys; from atomicapp.providers.kubernetes import session; from atomicapp.providers.kubernetes.client "
        "import Client; from atomicapp.providers.kubernetes.config import Access; "
        "Client(Access('https://127.0.0.1:1', 'test', token='t')).close(); print(sorted(sys.modules))"
    )
    env = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=env)
    for name in ("kubernetes", "urllib.request", "requests", "docker"):
        assert f"'{name}'" not in done.stdout


def test_a_fault_of_the_program_is_told_without_a_traceback(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("atomicapp.store.Store.records", lambda _: json.loads("{}")["s3cret"])
    code, out, err = cli("list")
    assert (code, out) == (1, "")
    assert "`list` met a fault of this program: KeyError (tests.unit.cli.test_main:" in err
    assert "ATOMICAPP_TRACEBACK=1" in err
    assert "s3cret" not in err
    monkeypatch.setenv("ATOMICAPP_TRACEBACK", "1")
    with pytest.raises(KeyError):
        cli("list")
