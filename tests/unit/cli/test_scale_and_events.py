"""scale and events on the engine in memory, and what a removal that is refused looks like."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from atomicapp import providers
from tests import memory_provider
from tests.unit.cli.conftest import Cli


@pytest.fixture
def farm(shop: Path, cli: Cli) -> Path:
    """The shop with things that scale: one of web, two of db."""
    (shop / "artifacts" / "web").write_text("service web replicas=2\n")
    (shop / "artifacts" / "db").write_text("volume data\nservice leader replicas=1\nservice follower replicas=2\n")
    assert cli("run", "shop").code == 0
    memory_provider.CALLS.clear()
    return shop


def replicas(name: str) -> int | None:
    return memory_provider.ENGINE["shop"][f"service/{name}"].replicas


def test_scale_changes_the_count_and_says_so(cli: Cli, farm: Path) -> None:
    code, out, _ = cli("scale", "shop", "web=5")
    assert code == 0
    assert out == "web: service web: 2 -> 5 replicas\n"
    assert replicas("web") == 5
    assert cli("scale", "shop", "web=5").out == "shop: nothing to do, it has these counts already\n"
    assert [call for call in memory_provider.CALLS if call != "observe"] == ["scale service/web"]


def test_several_at_once_and_one_of_several(cli: Cli, farm: Path) -> None:
    assert cli("scale", "shop", "web=0", "db/follower=4").code == 0
    assert (replicas("web"), replicas("follower"), replicas("leader")) == (0, 4, 1)


def test_a_dry_run_shows_the_counts_and_changes_nothing(cli: Cli, farm: Path) -> None:
    code, out, _ = cli("scale", "shop", "web=7", "--dry-run")
    assert code == 0
    assert "1 to scale" in out
    assert "replicas: 2 -> 7" in out
    assert replicas("web") == 2
    steps = json.loads(cli("scale", "shop", "web=7", "--dry-run", "-o", "json").out)["steps"]
    assert [step["changes"] for step in steps if step["op"] == "scale"] == [
        [{"path": "replicas", "old": "2", "new": "7"}]
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["web"], "'web' is no COMPONENT=N"),
        (["web=-1"], "'web=-1' is no COMPONENT=N"),
        (["web=many"], "is no COMPONENT=N"),
        (["=3"], "is no COMPONENT=N"),
        (["web=99999999"], "more than 100000 replicas"),
        (["wep=1"], "no component 'wep'"),
        (["db=1"], "db has several things that scale"),
        (["db/data=1"], "nothing of db/data can be scaled on memory (volume)"),
    ],
)
def test_what_can_not_be_scaled_is_wrong_usage(cli: Cli, farm: Path, words: list[str], said: str) -> None:
    code, _, err = cli("scale", "shop", *words)
    assert code == 2
    assert said in err
    assert [call for call in memory_provider.CALLS if call != "observe"] == []


def test_what_is_stopped_is_not_scaled(cli: Cli, farm: Path) -> None:
    cli("stop", "shop")
    code, _, err = cli("scale", "shop", "web=3")
    assert code == 2
    assert "web is stopped" in err
    assert "atomicapp start shop" in err


def test_events_come_with_their_component(cli: Cli, farm: Path) -> None:
    code, out, _ = cli("events", "shop", "-c", "web")
    assert code == 0
    assert [line.split()[1:] for line in out.splitlines()] == [["web", "|", "service", "web:", "Made:", "made", "web"]]
    rows = [json.loads(line) for line in cli("events", "shop", "-o", "json").out.splitlines()]
    assert {row["component"] for row in rows} == {"db", "web"}
    code, out, err = cli("events", "shop", "--warnings")
    assert (code, out) == (0, "")
    assert "no warnings of shop" in err
    assert "no component 'wep'" in cli("events", "shop", "-c", "wep").err


def test_what_the_engine_made_us_leave_is_told(cli: Cli, shop: Path) -> None:
    (shop / "artifacts" / "web").write_text("service web cling=others-use-it\n")
    cli("run", "shop")
    code, out, err = cli("uninstall", "shop", "--purge-data")
    assert code == 0
    assert "kept: service web: others-use-it" in out
    assert "service web is kept: others-use-it" in err
    assert list(memory_provider.ENGINE["shop"]) == ["service/web"]


def test_a_name_that_runs_elsewhere_is_not_taken_over(cli: Cli, shop: Path) -> None:
    cli("run", "shop", "--name", "one")
    code, _, err = cli("run", "shop", "--name", "one", "--namespace", "other")
    assert code == 1
    assert "one runs on memory (namespace default) already" in err
    assert "--name one-2" in err
    cli("uninstall", "one", "--purge-data")
    assert cli("run", "shop", "--name", "one", "--namespace", "other").code == 0


def test_a_deployment_that_two_providers_see_is_listed_once(
    cli: Cli, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # an engine of this machine may run something of its own
    both = dict.fromkeys(("memory", "memory-too"), "tests.memory_provider")
    monkeypatch.setattr(providers, "BUILTIN", both)
    cli("run", "shop", "--name", "one", "--provider", "memory")
    memory_provider.ENGINE["unknown-here"] = {
        key: item._replace(id=f"other/{key}") for key, item in memory_provider.ENGINE["one"].items()
    }
    rows = json.loads(cli("list", "-o", "json").out)
    assert [(row["name"], row["provider"]) for row in rows] == [("one", "memory"), ("unknown-here", "memory")]


def test_a_plan_tells_what_the_engine_would_refuse(cli: Cli, shop: Path) -> None:
    (shop / "artifacts" / "web").write_text("service web refuse=no-room\n")
    code, out, err = cli("plan", "shop")
    assert (code, out) == (1, "")
    assert "web would be refused: no-room" in err
    assert memory_provider.CALLS == ["observe", "check"]
