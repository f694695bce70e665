"""Start-up, render, validate and runs on a cluster, side by side with bare Python, helm and kubectl: `make benchmark`.

    run.py [--quick] [--only WORD] [--json FILE]

The figures are CPU milliseconds of whole processes (medians); only the ratios carry over to other machines. The program
is measured as users have it: a wheel in an environment of its own, kept in the cache folder.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import cluster as clusters
from benchmarks import generate, measure
from tests.engines.recording_proxy import recording

ROOT = Path(__file__).resolve().parents[1]
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "atomicapp-benchmark"
MEMORY_GOAL = 60.0
"""MiB."""
ON_CLUSTER = 34
"""Nested apps of the part `cluster`: 102 objects."""


WIRE = "atomicapp.providers.kubernetes.session, urllib3"


class Row(NamedTuple):
    """A line of the table. `goal` is the largest ratio (or MiB) that is good; `good` None: not measured."""

    what: str
    ours: str
    theirs: str
    ratio: str
    goal: str
    good: bool | None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer runs and no app larger than 500")
    parser.add_argument("--only", default="", help="only the parts whose name holds this word")
    parser.add_argument("--json", metavar="FILE", default="", help="also write the rows to this file")
    options = parser.parse_args()
    runs = 3 if options.quick else 7
    program, python = installed()
    helm = shutil.which("helm") or ""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="atomicapp-bench-") as folder:
        bench = Bench(program, python, helm, Path(folder), runs)
        sizes = (100, 500) if options.quick else (100, 500, 1000, 2000)
        parts: dict[str, Callable[[], list[Row]]] = {
            "start": bench.start,
            "render": lambda: bench.render((100, 500)),
            "validate": lambda: bench.validate(500),
            "convert": lambda: bench.convert((100, 500)),
            "linear": lambda: bench.linear(sizes),
            "cluster": bench.cluster,
        }
        for name, part in parts.items():
            if options.only in name:
                rows += part()
                print(f"measured: {name}", file=sys.stderr)
    show(rows)
    if options.json:
        Path(options.json).write_text(json.dumps([row._asdict() for row in rows], indent=1) + "\n")
    return 0


def installed() -> tuple[str, str]:
    """The program and its Python in an environment made from a wheel of this tree: no hooks of an editable install."""
    place = CACHE / "venv"
    if not (place / "bin" / "python").exists():
        subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
    # a build folder of an earlier tree would put modules into the wheel that are gone
    with tempfile.TemporaryDirectory(prefix="atomicapp-tree-") as tree:
        names = ("atomicapp", "providers", "nulecule_specs", "setup.py", "pyproject.toml", "README.md")
        for name in names:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, Path(tree) / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, tree)
        for words in ([], ["--force-reinstall", "--no-deps"]):  # first what it needs, then itself in any case
            subprocess.run([str(place / "bin" / "pip"), "install", "-q", *words, tree], check=True)
    # byte code is there for users after their first command
    subprocess.run([str(place / "bin" / "python"), "-m", "compileall", "-q", str(place / "lib")], check=False)
    return str(place / "bin" / "atomicapp"), str(place / "bin" / "python")


class Bench:
    """The measurements, each a list of rows."""

    def __init__(self, program: str, python: str, helm: str, folder: Path, runs: int) -> None:
        self.program, self.python, self.helm, self.folder, self.runs = program, python, helm, folder, runs
        os.environ["ATOMICAPP_HOME"] = str(folder / "state")

    def start(self) -> list[Row]:
        """--help and --version against a Python that does nothing."""
        rows = []
        for word in ("--help", "--version"):
            pair = measure.paired([self.program, word], [self.python, "-c", "pass"], self.runs * 3)
            rows.append(compared(f"atomicapp {word} / python3 -c pass", pair, 3.0))
        return rows

    def app(self, number: int) -> str:
        path = self.folder / f"app-{number}"
        return str(path if path.exists() else generate.app(path, number))

    def chart(self, number: int) -> str:
        path = self.folder / f"chart-{number}"
        return str(path if path.exists() else generate.chart(path, number))

    def rendering(self, number: int, *words: str) -> list[str]:
        return [self.program, "-q", "render", self.app(number), *words]

    def render(self, numbers: tuple[int, ...]) -> list[Row]:
        """render against helm template, both to standard output, and both to a folder."""
        rows = []
        for number in numbers:
            for ours, theirs, place in (
                ("", [], ""),
                (" --output", ["--output-dir", str(self.folder / "h")], str(self.folder / "out")),
            ):
                title = f"render {number} apps{ours} / helm template{' --output-dir' if theirs else ''}"
                if not self.helm:
                    rows.append(Row(title, "", "helm not available", "", "1.00", None))
                    continue
                command = self.rendering(number, *([ours.strip(), place] if place else []))
                other = [self.helm, "template", "x", self.chart(number), *theirs]
                rows.append(compared(title, measure.paired(command, other, self.runs), 1.0))
        return rows

    def convert(self, numbers: tuple[int, ...]) -> list[Row]:
        """A Compose file of as many services as a chart has subcharts, each with the same three objects; and kompose."""
        kompose = shutil.which("kompose") or ""
        rows = []
        for number in numbers:
            file = str(generate.compose(self.folder / f"compose-{number}.yaml", number))
            ours = [self.program, "-q", "convert", file, "--to", "kubernetes"]
            for name, program, words, goal in (
                ("helm template", self.helm, ["template", "x", self.chart(number)], 1.0),
                ("kompose convert", kompose, ["convert", "--stdout", "-f", file], 1.0),
            ):
                title = f"convert {number} services / {name}"
                if not program:
                    rows.append(Row(title, "", f"{name.partition(' ')[0]} not available", "", f"{goal:.2f}", None))
                    continue
                rows.append(compared(title, measure.paired(ours, [program, *words], self.runs), goal))
        return rows

    def cluster(self) -> list[Row]:
        """Runs on a real cluster, each side in namespaces of its own; and what the client's import costs."""
        rows = [self.imports()]
        try:
            with clusters.running() as cluster:
                rows += OnCluster(self, cluster).rows()
        except clusters.UnavailableError as why:
            rows.append(Row("runs on a cluster", "", str(why), "", "1.00", None))
        return rows

    def imports(self) -> Row:
        """What a command on kubernetes imports to talk to the server, against the official client."""
        ours = [self.python, "-c", f"import {WIRE}"]
        pair = measure.paired(ours, [self.python, "-c", "import kubernetes"], self.runs)
        return compared("import our wire to Kubernetes / import kubernetes", pair, 1.0)

    def validate(self, number: int) -> list[Row]:
        """validate against helm lint."""
        title = f"validate {number} apps / helm lint --with-subcharts"
        if not self.helm:
            return [Row(title, "", "helm not available", "", "0.20", None)]
        ours = [self.program, "-q", "validate", self.app(number)]
        theirs = [self.helm, "lint", "--with-subcharts", self.chart(number)]
        return [compared(title, measure.paired(ours, theirs, max(self.runs // 2, 2)), 0.2)]

    def linear(self, numbers: tuple[int, ...]) -> list[Row]:
        """CPU for each app as apps grow, and the peak of memory."""
        rows = []
        for what, command in (
            ("render", self.rendering),
            ("validate", lambda number: [self.program, "-q", "validate", self.app(number)]),
        ):
            base = measure.repeated(command(numbers[0]), self.runs)
            start = measure.repeated(command(1), self.runs)
            first = (base.cpu - start.cpu) / numbers[0]
            for number in numbers:
                run = base if number == numbers[0] else measure.repeated(command(number), max(self.runs // 2, 2))
                each = (run.cpu - start.cpu) / number
                ratio = each / first
                rows.append(
                    Row(
                        f"{what} {number} apps: CPU for each app, against {numbers[0]}",
                        f"{run.cpu * 1000:.0f} ms", f"{each * 1000:.2f} ms each", f"{ratio:.2f}", "1.20", ratio <= 1.2,
                    )
                )  # fmt: skip
                rows.append(
                    Row(f"{what} {number} apps: peak memory", f"{run.peak:.0f} MiB", "", "", f"{MEMORY_GOAL:.0f} MiB",
                        run.peak <= MEMORY_GOAL)
                )  # fmt: skip
        return rows


class OnCluster:
    """The measurements on a cluster. All that they make lies in namespaces that go at their end."""

    def __init__(self, bench: Bench, cluster: clusters.Cluster) -> None:
        self.bench, self.at, self.runs = bench, cluster, bench.runs
        self.kubectl = shutil.which("kubectl") or ""
        self.app = str(generate.app(bench.folder / "cluster-app", ON_CLUSTER, "0"))
        self.chart = str(generate.chart(bench.folder / "cluster-chart", ON_CLUSTER, "0"))
        self.file = str(generate.manifest(bench.folder / "cluster.yaml", ON_CLUSTER, "0"))
        self.what = f"{ON_CLUSTER * generate.OBJECTS_EACH} objects"
        # each side keeps what it knows of the server, as it does for its users
        os.environ["KUBECACHEDIR"] = str(bench.folder / "kube-cache")
        for name in ("CACHE", "CONFIG", "DATA"):
            os.environ[f"HELM_{name}_HOME"] = str(bench.folder / f"helm-{name.lower()}")

    def run(self, namespace: str, *words: str) -> list[str]:
        where = ["--namespace", namespace, "--name", namespace, *(words or ("--provider-config", self.at.kubeconfig))]
        return [self.bench.program, "-q", "run", self.app, "--provider", "kubernetes", "--no-wait", *where]

    def helm(self, verb: str, namespace: str, *words: str) -> list[str]:
        where = ["--namespace", namespace, *(words or ("--kubeconfig", self.at.kubeconfig))]
        return [self.bench.helm, verb, "bench", self.chart, *where]

    def apply(self, namespace: str, *words: str) -> list[str]:
        return [self.kubectl, "--kubeconfig", self.at.kubeconfig, "-n", namespace, "apply", "-f", self.file, *words]

    def rows(self) -> list[Row]:
        ours = self.at.namespace()
        measure.once(self.run(ours))
        return [*self.against_helm(ours), *self.against_kubectl(ours)]

    def against_helm(self, ours: str) -> list[Row]:
        titles = [
            f"run of {self.what}, no change / helm upgrade",
            f"first run of {self.what} / helm install",
            f"requests of a run of {self.what}, no change / helm upgrade",
            "requests of it that write / helm upgrade",
        ]
        if not self.bench.helm:
            return [Row(title, "", "helm not available", "", "1.00", None) for title in titles]
        theirs = self.at.namespace()
        measure.once(self.helm("install", theirs))
        same = measure.paired(self.run(ours), self.helm("upgrade", theirs), self.runs)
        first = measure.paired_of(
            lambda number: (self.run(self.at.namespace()), self.helm("install", self.at.namespace())), self.runs
        )
        with recording(self.at.server, cafile=self.at.cafile, token=self.at.token) as proxy:
            measure.once(self.run(ours, "--provider-api", proxy.host, "--provider-auth", self.at.token))
            counts = [len(proxy.requests), len(proxy.writes)]
            proxy.forget()
            measure.once(self.helm("upgrade", theirs, "--kube-apiserver", proxy.host))
            others = [len(proxy.requests), len(proxy.writes)]
        return [
            compared(titles[0], same, 1.0),
            compared(titles[1], first, 1.0),
            counted(titles[2], counts[0], others[0], others[0]),
            counted(titles[3], counts[1], others[1], 0),
        ]

    def against_kubectl(self, ours: str) -> list[Row]:
        rows = []
        for words in (["--server-side"], []):
            title = f"run of {self.what}, no change / kubectl apply {' '.join(words)}".strip()
            if not self.kubectl:
                rows.append(Row(title, "", "kubectl not available", "", "1.00", None))
                continue
            theirs = self.at.namespace()
            measure.once(self.apply(theirs, *words))
            rows.append(compared(title, measure.paired(self.run(ours), self.apply(theirs, *words), self.runs), 1.0))
        return rows


def counted(what: str, ours: int, theirs: int, goal: int) -> Row:
    """`goal` is the largest count that is good."""
    ratio = f"{ours / theirs:.2f}" if theirs else ""
    return Row(what, str(ours), str(theirs), ratio, str(goal), ours <= goal)


def compared(what: str, pair: measure.Pair, goal: float) -> Row:
    return Row(
        what, f"{pair.cpu * 1000:.0f} ms, {pair.peak:.0f} MiB", f"{pair.other_cpu * 1000:.0f} ms, {pair.other_peak:.0f} MiB",
        f"{pair.ratio:.2f}", f"{goal:.2f}", pair.ratio <= goal,
    )  # fmt: skip


def show(rows: list[Row]) -> None:
    """The table, as Markdown."""
    print("| what | ours | theirs | ratio | goal | |")
    print("| --- | --- | --- | --- | --- | --- |")
    for row in rows:
        verdict = {True: "good", False: "NOT MET", None: "-"}[row.good]
        print(f"| {row.what} | {row.ours} | {row.theirs} | {row.ratio} | {row.goal} | {verdict} |")


if __name__ == "__main__":
    sys.exit(main())
