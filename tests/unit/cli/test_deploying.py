"""run, plan, status, list, logs, stop, start, uninstall on the engine in memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests import memory_provider
from tests.unit.cli.conftest import Cli

SECRET = "open-sesame"


def files(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Every file below a folder with its mode and content."""
    return {
        str(path.relative_to(folder)): (path.stat().st_mode, path.read_bytes())
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_run_creates_in_order_and_says_where_it_is(cli: Cli, shop: Path) -> None:
    code, out, err = cli("run", "shop", "--provider", "memory")
    assert code == 0
    assert [call for call in memory_provider.CALLS if call != "observe"] == [
        "create volume/data", "create service/db", "create service/web",
    ]  # fmt: skip
    assert "shop is running on memory (revision 1)" in out
    assert "web: http://localhost:8080" in out
    assert SECRET not in out + err


def test_the_only_provider_is_taken(cli: Cli, shop: Path) -> None:
    assert cli("run", "shop").code == 0
    assert "shop" in memory_provider.ENGINE


def test_a_second_run_writes_nothing(cli: Cli, shop: Path) -> None:
    cli("run", "shop")
    memory_provider.CALLS.clear()
    code, out, _ = cli("run", "shop")
    assert code == 0
    assert memory_provider.CALLS == ["observe"]
    assert "nothing to do" in out


def test_a_changed_answer_changes_only_what_uses_it(cli: Cli, shop: Path) -> None:
    cli("run", "shop")
    memory_provider.CALLS.clear()
    code, out, _ = cli("plan", "shop", "-p", "colour=green", "--detailed-exitcode")
    assert code == 2
    assert "1 to replace, 2 unchanged" in out
    assert "colour: blue -> green" in out
    assert memory_provider.CALLS == ["observe"]
    assert cli("run", "shop", "-p", "colour=green").code == 0
    assert [call for call in memory_provider.CALLS if call != "observe"] == ["replace service/web"]
    assert json.loads(cli("status", "shop", "-o", "json").out)["revision"] == 2


def test_plan_and_dry_run_write_no_file(cli: Cli, shop: Path, tmp_path: Path) -> None:
    before = files(tmp_path)
    for words in (("plan", "shop"), ("run", "shop", "--dry-run"), ("run", "shop", "--dry-run", "-o", "json")):
        code, out, _ = cli(*words)
        assert code == 0
        assert "create" in out
        assert SECRET not in out
    assert files(tmp_path) == before
    assert not (tmp_path / "state").exists()
    assert memory_provider.ENGINE == {}


def test_secrets_stay_out_of_plans_records_and_json(cli: Cli, shop: Path, tmp_path: Path) -> None:
    cli("run", "shop")
    shown = cli("plan", "shop", "-p", "db:password=another-one", "-o", "json")
    assert "another-one" not in shown.out + shown.err
    assert SECRET not in shown.out
    assert "********" in shown.out
    assert "every user can see it" in shown.err
    kept = b"".join(content for _, content in files(tmp_path / "state").values())
    assert SECRET.encode() not in kept
    assert b"********" in kept


def test_state_is_private(cli: Cli, shop: Path, tmp_path: Path) -> None:
    cli("run", "shop")
    for path in (tmp_path / "state").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path


def test_a_refusal_says_what_was_done_and_the_next_run_goes_on(cli: Cli, shop: Path) -> None:
    artifact = shop / "artifacts" / "web"
    good = artifact.read_text()
    artifact.write_text("service web refuse=quota\n")
    code, _, err = cli("run", "shop")
    assert code == 1
    assert "web was refused: quota" in err
    assert "artifacts/web:1:1" in err
    assert "done before: create volume data, create service db" in err
    assert json.loads(cli("status", "shop", "-o", "json").out)["outcome"] == "failed"
    artifact.write_text(good)
    memory_provider.CALLS.clear()
    assert cli("run", "shop").code == 0
    assert [call for call in memory_provider.CALLS if call != "observe"] == ["create service/web"]
    assert json.loads(cli("status", "shop", "-o", "json").out)["outcome"] == "done"


def test_what_never_becomes_ready_is_explained(cli: Cli, shop: Path) -> None:
    (shop / "artifacts" / "web").write_text("service web fail=oops\n")
    code, _, err = cli("run", "shop")
    assert code == 1
    assert "web: service web failed: oops" in err
    assert "last words" in err


def test_without_waiting_a_failure_is_seen_in_the_status(cli: Cli, shop: Path) -> None:
    (shop / "artifacts" / "web").write_text("service web fail=oops\n")
    assert cli("run", "shop", "--no-wait").code == 0
    code, out, _ = cli("status", "shop", "--exit-code")
    assert code == 1
    assert "degraded" in out


def test_stop_start_and_run_again(cli: Cli, shop: Path) -> None:
    cli("run", "shop")
    memory_provider.CALLS.clear()
    assert cli("stop", "shop").code == 0
    assert memory_provider.CALLS == ["observe", "stop service/web", "stop service/db"]
    assert json.loads(cli("status", "shop", "-o", "json").out)["state"] == "stopped"
    assert cli("start", "shop").code == 0
    assert json.loads(cli("status", "shop", "-o", "json").out)["state"] == "running"
    assert "nothing was stopped" in cli("start", "shop").out


def test_stop_and_uninstall_take_the_folder_too(cli: Cli, shop: Path) -> None:
    cli("run", "shop")
    assert cli("stop", "./shop").code == 0
    assert cli("uninstall", "./shop").code == 0
    assert list(memory_provider.ENGINE["shop"]) == ["volume/data"]


def test_a_dry_stop_or_uninstall_changes_nothing(cli: Cli, shop: Path, tmp_path: Path) -> None:
    cli("run", "shop")
    before = files(tmp_path), dict(memory_provider.ENGINE["shop"])
    for verb in ("stop", "uninstall", "start"):
        assert cli(verb, "shop", "--dry-run").code == 0
        assert json.loads(cli(verb, "shop", "--dry-run", "-o", "json").out)["name"] == "shop"
    assert (files(tmp_path), dict(memory_provider.ENGINE["shop"])) == before


def test_uninstall_keeps_data_and_says_how_to_purge(cli: Cli, shop: Path) -> None:
    cli("run", "shop")
    code, out, _ = cli("uninstall", "shop")
    assert code == 0
    assert "kept because it holds data: volume data" in out
    assert "uninstall shop --provider memory --purge-data" in out
    assert cli("uninstall", "shop", "--provider", "memory", "--purge-data").code == 0
    assert memory_provider.ENGINE == {}
    assert "no deployments" in cli("list", "--provider", "memory").out


def test_two_deployments_of_one_app(cli: Cli, shop: Path) -> None:
    cli("run", "shop", "--name", "one")
    cli("run", "shop", "--name", "two", "-p", "port=9090")
    rows = json.loads(cli("list", "--provider", "memory", "-o", "json").out)
    assert [(row["name"], row["state"], row["running"]) for row in rows] == [
        ("one", "running", "2/2"), ("two", "running", "2/2"),
    ]  # fmt: skip
    assert "runs under several names: one, two" in cli("stop", "./shop").err
    assert cli("uninstall", "one").code == 0
    assert list(memory_provider.ENGINE) == ["one", "two"]
    assert list(memory_provider.ENGINE["one"]) == ["volume/data"]


def test_another_machines_deployment_is_listed_and_removed(cli: Cli, shop: Path, tmp_path: Path) -> None:
    cli("run", "shop")
    (tmp_path / "state").rename(tmp_path / "elsewhere")
    assert "(no record here)" in cli("list", "--provider", "memory").out
    assert "there is no deployment 'shop'" in cli("status", "shop").err
    assert cli("status", "shop", "--provider", "memory").code == 0
    assert cli("uninstall", "shop", "--provider", "memory", "--purge-data").code == 0
    assert memory_provider.ENGINE == {}


def test_an_unknown_deployment_creates_nothing(cli: Cli, memory: None, tmp_path: Path) -> None:
    for verb in ("stop", "start", "uninstall", "status", "logs"):
        code, _, err = cli(verb, "ghost", "--provider", "memory")
        assert code == 1
        assert "there is no deployment 'ghost'" in err
    assert cli("stop", "./ghost").code == 1
    assert not Path("ghost").exists()


@pytest.mark.parametrize("name", ["UPPER", "a b", "-x", "a/b"])
def test_bad_names_are_refused(cli: Cli, shop: Path, name: str) -> None:
    code, _, err = cli("run", "shop", f"--name={name}")
    assert code == 2
    assert "can't be the name of a deployment" in err


def test_logs_are_merged_by_time_and_told_apart(cli: Cli, shop: Path) -> None:
    cli("run", "shop")
    out = cli("logs", "shop").out.splitlines()
    assert out[:2] == ["db  | line 1 of db", "web | line 1 of web"]
    assert cli("logs", "shop", "-c", "web", "--tail", "1").out == "web | line 3 of web\n"
    assert json.loads(cli("logs", "shop", "-o", "json").out.splitlines()[0])["component"] == "db"
    assert sorted(cli("logs", "shop", "-f").out.splitlines()) == sorted(out)
    assert "it has db, web" in cli("logs", "shop", "-c", "cache").err


def test_an_engine_out_of_reach_is_one_line(cli: Cli, shop: Path) -> None:
    cli("run", "shop")
    code, _, err = cli("status", "shop", "--provider-api", "nowhere")
    assert code == 1
    assert "the engine at nowhere can't be reached" in err


def test_answers_in_use_are_written_without_secrets(cli: Cli, shop: Path) -> None:
    assert cli("run", "shop", "--write-answers", "used.conf", "-p", "colour=red").code == 0
    text = Path("used.conf").read_text()
    assert "colour = red" in text
    assert SECRET not in text
    assert Path("used.conf").stat().st_mode & 0o777 == 0o600


def test_missing_answers_are_listed_at_once_and_nothing_happens(cli: Cli, shop: Path) -> None:
    (shop / "answers.conf").unlink()
    code, _, err = cli("run", "shop", "-p", "web:port=eighty")
    assert code == 1
    assert "1 param has no value and 1 value breaks a constraint" in err
    assert "[db]\n  password = ...   # What opens the database" in err
    assert "a port number" in err
    assert memory_provider.ENGINE == {}


def test_a_destination_gets_the_app(cli: Cli, shop: Path, tmp_path: Path) -> None:
    assert cli("run", "shop", "--destination", "copy").code == 0
    assert Path("copy/Nulecule").is_file()
    assert cli("run", "shop", "--destination", "none", "--name", "other").code == 0
    (tmp_path / "work" / "full").mkdir()
    (tmp_path / "work" / "full" / "file").write_text("mine")
    assert "is not empty and holds no app" in cli("run", "shop", "--destination", "full").err


def test_two_commands_on_one_deployment_wait_for_each_other(cli: Cli, shop: Path, tmp_path: Path) -> None:
    program = """
import sys, time
from pathlib import Path
from atomicapp.store import Store
with Store(Path(sys.argv[1])).lock("shop", timeout=0, what="run", waiting=print):
    print("held", flush=True)
    sys.stdin.read()
"""
    holder = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "state")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdin is not None
        holder.stdout.readline()
        code, _, err = cli("run", "shop", "--lock-timeout", "0")
        assert code == 1
        assert f"process {holder.pid} (atomicapp run, since" in err
        code, _, err = cli("run", "shop", "--lock-timeout", "0.3")
        assert "waiting for it to end" in err
        holder.stdin.close()
    assert cli("run", "shop").code == 0


def test_a_damaged_record_is_told(cli: Cli, shop: Path, tmp_path: Path) -> None:
    cli("run", "shop")
    (tmp_path / "state" / "deployments" / "shop" / "record.json").write_text("{")
    code, _, err = cli("status", "shop", "--provider", "memory")
    assert code == 1
    assert "is damaged" in err
