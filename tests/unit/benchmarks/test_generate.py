"""The workloads of the benchmarks are real: the app is valid, and both sides make the same objects."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from atomicapp.cli.main import main
from benchmarks import generate


def objects(folder: Path) -> list[tuple[str, str]]:
    """Kind and name of every object below a folder."""
    found = [document for path in folder.rglob("*.yaml") for document in yaml.safe_load_all(path.read_text())]
    return sorted((item["kind"], item["metadata"]["name"]) for item in found)


def test_the_app_is_valid_and_renders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ATOMICAPP_HOME", str(tmp_path / "state"))
    app = generate.app(tmp_path / "app", 3)
    assert main(["validate", str(app), "--strict"]) == 0
    assert main(["render", str(app), "--output", str(tmp_path / "out")]) == 0
    capsys.readouterr()
    wanted = [(kind, f"service-{number}") for kind in ("ConfigMap", "Deployment", "Service") for number in range(3)]
    assert objects(tmp_path / "out") == sorted(wanted)
    config = (tmp_path / "out" / "service-0" / "main" / "artifacts" / "configmap.yaml").read_text()
    assert 'LEVEL: "debug"' in config, "the answer counts"


def test_the_chart_has_the_same_templates(tmp_path: Path) -> None:
    chart = generate.chart(tmp_path / "chart", 3)
    templates = list(chart.rglob("templates/*.yaml"))
    assert len(templates) == 3 * generate.OBJECTS_EACH
    assert all("{{ .Values." in path.read_text() for path in templates)


def test_the_file_holds_what_the_app_makes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATOMICAPP_HOME", str(tmp_path / "state"))
    app = generate.app(tmp_path / "app", 3, "0")
    assert main(["render", str(app), "--output", str(tmp_path / "out")]) == 0
    made = [yaml.safe_load(path.read_text()) for path in (tmp_path / "out").rglob("*.yaml")]
    listed = list(yaml.safe_load_all(generate.manifest(tmp_path / "all.yaml", 3, "0").read_text()))

    def key(item: dict[str, Any]) -> tuple[str, str]:
        return item["kind"], item["metadata"]["name"]

    assert sorted(made, key=key) == sorted(listed, key=key)
    assert {item["spec"]["replicas"] for item in listed if item["kind"] == "Deployment"} == {0}


def test_the_chart_has_the_same_values(tmp_path: Path) -> None:
    chart = generate.chart(tmp_path / "chart", 2, "0")
    values = yaml.safe_load((chart / "charts" / "service-1" / "values.yaml").read_text())
    assert values == {**generate.PARAMS, "replicas": "0"}
