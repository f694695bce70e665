"""validate, render, params, graph, genanswers, fetch, init, index, build, inspect: no engine, no network."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.unit.cli.conftest import Cli


def nest(shop: Path) -> Path:
    """The shop with a cache app in external/cache."""
    nulecule = shop / "Nulecule"
    nulecule.write_text(nulecule.read_text() + "  - name: cache\n    source: docker://localhost:5999/cache-app\n")
    inner = shop / "external" / "cache"
    inner.mkdir(parents=True)
    (inner / "Nulecule").write_text(
        "specversion: 0.0.2\nid: cache-app\ngraph:\n- name: redis\n  artifacts: {memory: [file://redis]}\n"
    )
    (inner / "redis").write_text("service redis\n")
    return shop


def test_a_good_app_is_valid(cli: Cli, shop: Path) -> None:
    code, out, err = cli("validate", "shop")
    assert (code, out, err) == (0, "shop is valid: no errors, no warnings\n", "")


def test_every_finding_is_shown_with_its_line(cli: Cli, shop: Path) -> None:
    nulecule = shop / "Nulecule"
    nulecule.write_text(nulecule.read_text().replace("artifacts/web", "artifacts/wbe").replace("hidden", "hiden"))
    (shop / "artifacts" / "db").write_text("service db password=$pasword\n")
    code, out, _ = cli("validate", "shop")
    assert code == 1
    assert "shop/Nulecule:13:9: warning: unknown key 'hiden'; it is ignored\n  13 |         hiden: true\n" in out
    assert "     |         ^\n  did you mean 'hidden'?" in out
    assert "the artifact 'artifacts/wbe' does not exist\n  did you mean 'artifacts/web'?" in out
    assert "shop/artifacts/db:1:21: warning: no param 'pasword' reaches db" in out
    assert "shop is not valid: 1 error, 2 warnings" in out


def test_warnings_fail_when_strict(cli: Cli, shop: Path) -> None:
    (shop / "artifacts" / "db").write_text("service db\nservice extra a=$nobody\n")
    assert cli("validate", "shop").code == 0
    assert cli("validate", "shop", "--strict").code == 1


TEMPLATES = """\
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Template
  metadata: {name: t}
  parameters:
  - {name: SIZE, required: true}
  - {name: OTHER, required: true}
  objects:
  - {apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {a: "${SIZE}", b: "${{SIZE}}", c: "${NO}", d: "${{NO}}"}}
"""


def test_a_template_is_judged_with_the_params_that_reach_it(cli: Cli) -> None:
    app = Path("openshift")
    app.mkdir()
    (app / "Nulecule").write_text(
        "specversion: 0.0.2\nid: a\ngraph:\n- name: web\n  artifacts: {openshift: [file://t.yaml]}\n"
        "  params: [{name: SIZE, description: s}]\n"
    )
    (app / "t.yaml").write_text(TEMPLATES)
    found = json.loads(cli("validate", "openshift", "-o", "json").out)["issues"]
    assert [(issue["severity"], issue["line"], issue["message"]) for issue in found] == [
        ("warning", 11, "no param 'NO' reaches web: the text stays as it is"),
        ("error", 9, "the parameter OTHER needs a value"),
    ]
    assert cli("validate", "openshift", "-p", "web:OTHER=1").code == 0


def test_findings_as_json_and_sarif(cli: Cli, shop: Path) -> None:
    (shop / "artifacts" / "db").write_text("nonsense\n")
    found = json.loads(cli("validate", "shop", "-o", "json").out)
    assert found["valid"] is False
    assert [(issue["file"], issue["line"]) for issue in found["issues"]] == [("shop/artifacts/db", 1)]
    report = json.loads(cli("validate", "shop", "-o", "sarif").out)
    assert report["version"] == "2.1.0"
    assert report["runs"][0]["results"][0]["level"] == "error"


def test_render_prints_or_writes(cli: Cli, shop: Path) -> None:
    nest(shop)
    code, out, _ = cli("render", "shop")
    assert code == 0
    assert "# web: artifacts/web\nservice web colour=blue port=8080\n" in out
    assert "password=open-sesame" in out, "the rendered text is what was asked for"
    code, out, err = cli("render", "shop", "--output", "out", "-p", "port=1")
    assert (code, out) == (0, "")
    assert "3 artifacts are in out" in err
    assert Path("out/web/artifacts/web").read_text() == "service web colour=blue port=1\n"
    assert Path("out/cache/redis/redis").read_text() == "service redis\n"
    assert Path("out/db/artifacts/db").stat().st_mode & 0o077 == 0
    assert [item["component"] for item in json.loads(cli("render", "shop", "-o", "json").out)] == [
        "db",
        "web",
        "cache:redis",
    ]


def test_render_refuses_two_artifacts_of_one_name(cli: Cli, shop: Path) -> None:
    nulecule = shop / "Nulecule"
    text = nulecule.read_text().replace(
        "memory: [file://artifacts/db]",
        f"memory: [file://artifacts/db, {{source: {shop / 'repo'}, path: artifacts/db}}]",
    )
    nulecule.write_text(text)
    import subprocess

    repo = shop / "repo"
    (repo / "artifacts").mkdir(parents=True)
    (repo / "artifacts" / "db").write_text("service other\n")
    for words in (("init", "-q"), ("add", "."), ("commit", "-q", "-m", "x")):
        subprocess.run(["git", *words], cwd=repo, check=True)
    code, _, err = cli("render", "shop", "--output", "out")
    assert code == 1
    assert "two artifacts of db are both named 'artifacts/db'" in err


def test_params_say_where_a_value_comes_from(cli: Cli, shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATOMICAPP_PARAM_WEB__PORT", "7070")
    code, out, _ = cli("params", "shop", "--explain", "-p", "colour=pink")
    assert code == 0
    rows = {line.split()[1]: line.split() for line in out.splitlines()[2:]}
    assert rows["colour"][2:5] == ["pink", "command", "line"]
    assert rows["port"][2:5] == ["7070", "environment", "$ATOMICAPP_PARAM_WEB__PORT"]
    assert rows["password"][2:4] == ["********", "answers"]
    found = json.loads(cli("params", "shop", "-o", "json").out)
    assert [(item["scope"], item["name"], item["origin"]) for item in found["params"]] == [
        ("general", "colour", "default"), ("db", "password", "answers"), ("web", "port", "environment"),
    ]  # fmt: skip


def test_the_graph_in_every_form(cli: Cli, shop: Path) -> None:
    nest(shop)
    assert cli("graph", "shop").out.splitlines() == [
        "shop",
        "├── db [memory]",
        "├── web [memory]",
        "└── cache <- docker://localhost:5999/cache-app",
        "    └── redis [memory]",
    ]
    assert "digraph" in cli("graph", "shop", "-o", "dot").out
    assert "-->" in cli("graph", "shop", "-o", "mermaid").out
    found = json.loads(cli("graph", "shop", "-o", "json").out)
    assert [child["id"] for child in found["children"]] == ["db", "web", "cache"]
    assert found["children"][2]["children"][0]["id"] == "cache:redis"


def test_genanswers_can_be_read_back(cli: Cli, shop: Path) -> None:
    (shop / "answers.conf").unlink()
    code, _, err = cli("genanswers", "shop")
    assert code == 0
    assert "1 params in it still need a value" in err
    text = Path("answers.conf").read_text()
    assert "# What opens the database\n# must match .{8,}\n# hidden\npassword = None\n" in text
    assert "is there already" in cli("genanswers", "shop").err
    Path("answers.conf").write_text(text.replace("password = None", "password = long-enough"))
    assert cli("plan", "shop", "-a", "answers.conf").code == 0
    for kind, read in (("json", json.loads), ("yaml", yaml.safe_load)):
        out = cli("genanswers", "shop", "--answers-format", kind, "--file", "-").out
        assert read(out)["web"]["port"] == "8080"
    assert cli("genanswers", "shop", "--answers-format", "xml", "--file", "-").code == 2


def test_fetch_without_network(cli: Cli, shop: Path) -> None:
    nest(shop)
    assert cli("fetch", "shop").code == 0
    assert "[web]" in (shop / "answers.conf.sample").read_text()
    assert cli("fetch", "shop", "--destination", "copy").code == 0
    assert Path("copy/external/cache/Nulecule").is_file()
    (shop / "external" / "cache" / "Nulecule").unlink()
    code, _, err = cli("fetch", "shop")
    assert code == 1
    assert "localhost:5999" in err
    assert "through shop -> cache" in err
    assert cli("fetch", "shop", "--no-deps").code == 0


def test_another_app_in_the_destination_is_kept(cli: Cli, shop: Path) -> None:
    cli("init", "other")
    code, _, err = cli("fetch", "shop", "--destination", "other")
    assert code == 1
    assert "holds another app: other, not shop" in err


def test_init_makes_a_valid_app(cli: Cli) -> None:
    assert cli("init", "fresh").code == 0
    assert cli("validate", "fresh", "--strict").out.endswith("fresh is valid: no errors, no warnings\n")
    assert "is not empty" in cli("init", "fresh").err
    assert cli("init", "fresh", "--force").code == 0
    assert "use small letters" in cli("init", "Bad Name").err


@pytest.mark.parametrize("name", ["fresh", "true", "2048"])
def test_init_makes_objects_for_kubernetes_whatever_yaml_thinks_of_the_name(cli: Cli, name: str) -> None:
    cli("init", name)
    rendered = json.loads(cli("render", name, "--provider", "kubernetes", "-o", "json").out)
    deployment, service = (yaml.safe_load(item["data"]) for item in rendered)
    assert (deployment["kind"], service["kind"]) == ("Deployment", "Service")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert labels == deployment["spec"]["selector"]["matchLabels"] == service["spec"]["selector"] == {"app": name}
    assert deployment["metadata"]["name"] == service["metadata"]["name"] == name


def test_an_index_of_a_folder(cli: Cli, shop: Path) -> None:
    cli("init", "fresh")
    Path("broken").mkdir()
    Path("broken/Nulecule").write_text("id: x\n")
    code, out, err = cli("index", "generate", ".")
    assert code == 0
    assert "with 2 apps" in out
    assert "left out: broken/Nulecule" in err
    found = yaml.safe_load(Path("index.yaml").read_text())
    assert [(entry["id"], entry["providers"]) for entry in found["nulecules"]] == [
        ("fresh", ["docker", "kubernetes"]), ("shop", ["memory"]),
    ]  # fmt: skip
    home = Path.home() / ".atomicapp"
    home.mkdir(exist_ok=True)
    Path("index.yaml").rename(home / "index.yaml")
    lines = cli("index", "list").out.splitlines()
    assert lines[0].split() == ["ID", "VER", "PROVIDERS", "LOCATION"]
    assert lines[1].split() == ["fresh", "0.1.0", "{D,K}", "fresh"]
    (home / "index.yaml").write_text("- 1\n")
    assert "this is no index" in cli("index", "list").err
    (home / "index.yaml").unlink()


def test_a_package_is_built_inspected_and_run(cli: Cli, shop: Path) -> None:
    built = json.loads(cli("build", "shop", "-t", "localhost:5999/shop:1", "-o", "json").out)
    again = json.loads(cli("build", "shop", "-t", "oci:out:1", "-o", "json").out)
    assert built["digest"] == again["digest"]
    info = json.loads(cli("inspect", "localhost:5999/shop:1", "-o", "json").out)
    assert info["digest"] == built["digest"]
    assert info["providers"] == ["memory"]
    assert info["labels"]["org.opencontainers.image.title"] == "Shop"
    assert json.loads(cli("inspect", "shop", "-o", "json").out)["components"] == ["db", "web"]
    assert "size: " in cli("inspect", "oci:out").out
    assert cli("run", "localhost:5999/shop:1").code == 0
    status = json.loads(cli("status", "shop", "-o", "json").out)
    assert (status["reference"], status["state"]) == ("localhost:5999/shop:1", "running")
    assert cli("stop", "localhost:5999/shop:1").code == 0
    assert cli("plan", "oci:out").code == 0


def test_messages_of_a_package_name_the_package(cli: Cli, shop: Path) -> None:
    (shop / "answers.conf").unlink()
    cli("build", "shop", "-t", "localhost:5999/shop:1")
    found = json.loads(cli("params", "localhost:5999/shop:1", "-o", "json").out)
    assert found["params"][0]["declared"] == "docker://localhost:5999/shop:1/Nulecule:5:5"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["build", "nowhere", "-t", "x"], "there is no folder nowhere"),
        (["build", "shop", "-t", "UPPER CASE"], "UPPER CASE"),
        (["build", "shop", "-t", f"x@sha256:{'0' * 64}"], "under a tag, not under a digest"),
        (["push", "oci:out"], "a registry's name is wanted"),
        (["push", "localhost:5999/never"], "build it first"),
        (["index", "generate"], "needs the folder"),
        (["index", "list", "x"], "takes no folder"),
        (["run", "shop", "--dry-run", "--destination", "d"], "takes no --destination"),
        (["run", "shop", "-p", "novalue"], "write -p NAME=VALUE"),
        (["run", "shop", "--ask"], "--ask needs a terminal"),
        (["run", "shop", "--provider", "mesos"], "no artifacts for mesos"),
        (["providers", "--provider", "mesos"], "no provider named 'mesos' is installed"),
        (["run", "shop", "-a", "absent.conf"], "there is no answers file absent.conf"),
        (["graph", "./nowhere"], "there is no folder ./nowhere"),
        (["graph", "localhost:5999/never"], "nobody listens at localhost:5999"),
    ],
)
def test_wrong_words_are_told(cli: Cli, shop: Path, words: list[str], said: str) -> None:
    code, _, err = cli(*words)
    assert code in (1, 2)
    assert said in err
    assert "Traceback" not in err


def test_providers_are_listed(cli: Cli, memory: None) -> None:
    found = {row["provider"]: row for row in json.loads(cli("providers", "-o", "json").out)}
    assert found["memory"]["reachable"] == "yes"
    assert "docker" in found
    assert "a dictionary" in cli("providers", "--provider", "memory").out
