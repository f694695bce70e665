"""`atomicapp convert`: artifacts of another provider, and the report of what became of each key."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from atomicapp import providers
from tests.unit.cli.conftest import Cli

COMPOSE = """\
name: shop
services:
  web:
    image: example/web:${TAG:-1}
    ports: ["8080:80"]
    cpu_shares: 5
    configs: [page]
    deploy: {labels: {a: b}}
configs: {page: {file: page.html}}
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "page.html").write_text("<h1>hello</h1>\n")
    (tmp_path / "compose.yaml").write_text(COMPOSE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TAG", raising=False)
    monkeypatch.setitem(providers.BUILTIN, "memory", "tests.memory_provider")
    return tmp_path / "compose.yaml"


def test_the_artifacts_are_printed_and_what_is_not_kept_is_told(cli: Cli, file: Path) -> None:
    code, out, err = cli("convert", str(file), "--to", "kubernetes")
    assert code == 0
    kinds = {body["kind"] for body in yaml.safe_load_all(out)}
    assert {"Deployment", "Service", "ConfigMap"} <= kinds
    assert "<h1>hello</h1>" in out
    assert f"{file}:6:5: cpu_shares of web is lost on kubernetes" in err
    assert " kept, " in err


def test_the_file_of_this_folder_and_another_provider(cli: Cli, file: Path) -> None:
    out = cli("convert", "--to", "docker").out
    assert out.startswith("docker run -d \\\n    --name shop-web")
    assert "example/web:1\n" in out
    assert "--name other-web" in cli("convert", "--to", "docker", "--name", "other").out


def test_files_are_written_and_not_overwritten_when_they_differ(cli: Cli, file: Path) -> None:
    words = ("convert", str(file), "--to", "docker", "--output", "out")
    code, out, err = cli(*words)
    assert code == 0
    assert "lost" in out
    assert "kept  " not in out
    (written,) = Path("out").iterdir()
    assert "1 file written to out" in err
    assert written.read_text().startswith("docker run")
    assert written.stat().st_mode & 0o777 == 0o600
    assert cli(*words).code == 0, "the same again is no fault"
    written.write_text("mine\n")
    code, _, err = cli(*words)
    assert code == 1
    assert f"{written} is there already, and differs" in err
    assert written.read_text() == "mine\n"


def test_the_report_as_a_table_and_as_json(cli: Cli, file: Path) -> None:
    code, out, err = cli("convert", str(file), "--to", "kubernetes", "--report")
    assert (code, err) == (0, "")
    assert [line.split()[0] for line in out.splitlines()[:2]] == ["OUTCOME", "kept"]
    lost = [line for line in out.splitlines() if line.startswith("lost")]
    assert any("cpu_shares" in line and "compose.yaml:6:5" in line for line in lost)
    found = json.loads(cli("convert", str(file), "--to", "kubernetes", "-o", "json").out)
    (shares,) = [item for item in found["findings"] if item["key"] == "services.cpu_shares"]
    assert (shares["outcome"], shares["subject"], shares["line"], shares["column"]) == ("lost", "web", 6, 5)
    assert shares["file"] == str(file)
    assert found["provider"] == "kubernetes"
    assert all(item["text"] for item in found["files"])
    written = json.loads(cli("convert", str(file), "--to", "kubernetes", "-o", "json", "--output", "out").out)
    assert all("text" not in item for item in written["files"])


def test_strict_writes_nothing(cli: Cli, file: Path) -> None:
    code, out, err = cli("convert", str(file), "--to", "kubernetes", "--output", "out", "--strict=lost")
    assert (code, out) == (1, "")
    assert "cpu_shares of web is lost on kubernetes" in err
    assert not Path("out").exists()
    kept = "services:\n  web: {image: example/web:1, command: [serve]}\n"
    file.write_text(kept)
    assert cli("convert", str(file), "--to", "docker", "--strict").code == 0
    file.write_text(kept.replace("command: [serve]", "healthcheck: {test: [CMD, ready]}"))
    assert cli("convert", str(file), "--to", "docker", "--strict=lost").code == 0
    assert cli("convert", str(file), "--to", "docker", "--strict").code == 1, "approximated"


def test_where_variables_come_from(cli: Cli, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def tag(*words: str) -> str:
        line = cli("convert", str(file), "--to", "docker", *words).out.splitlines()[-1]
        return line.rpartition(":")[2]

    assert tag() == "1"
    (file.parent / ".env").write_text("TAG=from-file\n")
    (file.parent / "other.env").write_text("OTHER=x\nTAG=${OTHER}-file\n")
    assert tag() == "from-file"
    assert tag("--env-file", "other.env") == "x-file"
    monkeypatch.setenv("TAG", "from-environment")
    assert tag() == "from-environment"
    assert tag("-p", "TAG=said") == "said"


def test_profiles(cli: Cli, file: Path) -> None:
    file.write_text("services:\n  web: {image: a}\n  debug: {image: b, profiles: [debug]}\n")
    assert "debug" not in cli("convert", str(file), "--to", "docker").out
    assert "-debug" in cli("convert", str(file), "--to", "docker", "--profile", "debug").out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("none.yaml", "--to", "docker"), 1, "none.yaml"),
        (("--to", "nothing"), 2, "no provider named 'nothing'"),
        ((), 2, "--to"),
        (("--to", "docker", "-p", "TAG"), 2, "expected NAME=VALUE"),
        (("--to", "memory"), 2, "can't write artifacts"),
        (("--to", "docker", "--env-file", "none.env"), 1, "none.env"),
    ],
)
def test_bad_input(cli: Cli, file: Path, words: tuple[str, ...], code: int, said: str) -> None:
    found = cli("convert", *words)
    assert found.code == code
    assert said in found.err


def test_faults_of_the_file(cli: Cli, file: Path) -> None:
    file.write_text("services:\n  web: {imag: a, port: 1}\n")
    code, out, err = cli("convert", str(file), "--to", "docker")
    assert (code, out) == (1, "")
    assert f"{file}:2:9" in err
    assert "did you mean 'image'?" in err
    assert "did you mean 'ports'?" in err


def test_no_file_in_this_folder(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, err = cli("convert", "--to", "docker")
    assert code == 2
    assert "no Compose file is in this folder" in err


def test_several_texts_stand_below_their_names(cli: Cli, file: Path) -> None:
    code, out, err = cli("convert", str(file), "--to", "quadlet")
    assert code == 0
    assert out.startswith("# shop-default.network\n[Unit]\n")
    assert "\n\n# shop-web.container\n[Unit]\n" in out
    assert out.endswith("\n# shop-configs/page.config\n<h1>hello</h1>\n")
    assert "deploy.labels of web is lost on quadlet" in err


def test_quadlet_files_are_written(cli: Cli, file: Path) -> None:
    assert cli("convert", str(file), "--to", "quadlet", "--output", "out").code == 0
    found = sorted(str(path.relative_to("out")) for path in Path("out").rglob("*") if path.is_file())
    assert found == ["shop-configs/page.config", "shop-default.network", "shop-web.container"]
    assert Path("out/shop-web.container").stat().st_mode & 0o777 == 0o600


def test_a_name_that_nothing_writes_for(cli: Cli, file: Path) -> None:
    code, _, err = cli("convert", str(file), "--to", "quadle")
    assert code == 2
    assert "no provider named 'quadle' is installed" in err
    assert err.rstrip().endswith(", quadlet")
