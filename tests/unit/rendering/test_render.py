"""atomicapp/rendering/render.py and check.py: whole apps, from files to rendered text."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from atomicapp.errors import FetchError, Issue, SpecError
from atomicapp.model import App, Rendered
from atomicapp.nulecule.resolve import resolve
from atomicapp.params import answers, configure
from atomicapp.params.configure import Given, Settings
from atomicapp.rendering.check import check
from atomicapp.rendering.render import output_path, render
from atomicapp.rendering.sources import Remote, Sources, checkout


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Files below a folder; a Nulecule gets its head."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        head = "specversion: 0.0.2\nid: x\n" if path.name == "Nulecule" else ""
        path.write_bytes((head + text).encode())


def settled(app: App, ini: str = "", provider: str = "", *, complete: bool = True) -> Settings:
    given = Given(configure.command_line([], {"provider": provider}), {}, answers.parse(ini, "answers.conf", ".ini"))
    return configure.configure(app, given, complete=complete)


def no_download(url: str) -> bytes:
    raise FetchError(url, "404 Not Found")


def rendered(folder: Path, files: Mapping[str, str], ini: str = "", provider: str = "docker") -> Rendered:
    write(folder, files)
    app = resolve(folder, fetch=None)
    with Sources(Remote(no_download, checkout)) as reader:
        return render(app, settled(app, ini, provider), reader)


def texts(found: Rendered) -> list[tuple[str, str, str]]:
    return [(item.component, item.path, item.data) for item in found.artifacts]


def shown(issues: tuple[Issue, ...] | list[Issue], folder: Path) -> list[str]:
    return [
        f"{issue.severity} {issue.position}: {issue.message} ({issue.hint})".replace(f"{folder}/", "")
        for issue in issues
    ]


def failure(folder: Path, files: Mapping[str, str], ini: str = "", provider: str = "docker") -> list[str]:
    with pytest.raises(SpecError) as found:
        rendered(folder, files, ini, provider)
    return shown(found.value.issues, folder)


# ---------------------------------------------------------------- what is rendered


def test_graph_order_depth_first_with_every_variable(tmp_path: Path) -> None:
    files = {
        "Nulecule": (
            "params: [{name: image, default: top}]\n"
            "graph:\n"
            "  - {name: z, artifacts: {docker: ['file://two', 'file://one']}, params: [{name: port, default: 00123}]}\n"
            "  - {name: sub, source: 'docker://sub'}\n"
            "  - {name: a, artifacts: {docker: ['file://one']}}\n"
        ),
        "one": "$image ${port} $$ $1 $(date) ${x:-y} $provider/$namespace\r\n",
        "two": "plain\n",
        "external/sub/Nulecule": (
            "params: [{name: image, default: inner}]\n"
            "graph: [{name: c, artifacts: {docker: ['file://k/']}, params: [{name: port, default: '1.10'}]}]\n"
        ),
        "external/sub/k/b": "B $port",
        "external/sub/k/a": "A $image",
        "external/sub/k/.hidden": "H",
    }
    found = rendered(tmp_path, files, "[sub:c]\nport = true\n[a]\nport =\n")
    assert texts(found) == [
        ("z", "two", "plain\n"),
        ("z", "one", "top 00123 $ $1 $(date) ${x:-y} docker/default\r\n"),
        ("sub:c", "k/a", "A top"),
        ("sub:c", "k/b", "B true"),
        ("a", "one", "top  $ $1 $(date) ${x:-y} docker/default\r\n"),
    ]
    assert found.issues == ()
    assert {item.provider for item in found.artifacts} == {"docker"}
    first = found.artifacts[0]
    assert (first.file, str(first.position)) == (f"{tmp_path}/two", f"{tmp_path}/Nulecule:5:36")


def test_volumes_are_those_of_the_whole_tree(tmp_path: Path) -> None:
    volume = "requirements: [{{persistentVolume: {{name: {}, accessMode: ReadWriteOnce, size: 1}}}}]\n"
    files = {
        "Nulecule": volume.format("data") + "graph: [{name: s, source: 'docker://s'}]\n",
        "external/s/Nulecule": volume.format("data") + "graph: []\n",
    }
    found = rendered(tmp_path, files)
    assert [(item.namespace, item.requirement.name) for item in found.volumes] == [("", "data"), ("s", "data")]


def test_nothing_is_written(tmp_path: Path) -> None:
    files = {"Nulecule": "graph: [{name: a, artifacts: {docker: ['file://one']}}]\n", "one": "x"}
    rendered(tmp_path, files)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["Nulecule", "one"]


def test_an_app_that_was_left_out_is_left_out(tmp_path: Path) -> None:
    assert rendered(tmp_path, {"Nulecule": "graph: [{name: s, source: 'docker://s'}]\n"}).artifacts == ()


def test_where_output_goes(tmp_path: Path) -> None:
    files = {
        "Nulecule": "graph: [{name: a, source: 'docker://a'}]\n",
        "external/a/Nulecule": "graph: [{name: b, artifacts: {docker: ['file://x/y']}}]\n",
        "external/a/x/y": "",
    }
    (artifact,) = rendered(tmp_path, files).artifacts
    assert output_path(Path("/out"), artifact) == Path("/out/a/b/x/y")


# ---------------------------------------------------------------- inherit


def test_inherited_artifacts_stand_in_the_place_of_the_word(tmp_path: Path) -> None:
    files = {
        "Nulecule": (
            "graph:\n  - name: a\n    artifacts:\n"
            "      openshift: ['file://1', {inherit: [kubernetes, docker]}, 'file://5']\n"
            "      kubernetes: ['file://2', {inherit: [docker]}]\n"
            "      docker: ['file://3']\n"
        ),
        **{name: name for name in "12345"},
    }
    assert [data for _, _, data in texts(rendered(tmp_path, files, provider="openshift"))] == ["1", "2", "3", "3", "5"]
    assert [data for _, _, data in texts(rendered(tmp_path, files, provider="kubernetes"))] == ["2", "3"]


def test_circles_and_unknown_providers_show_the_chain(tmp_path: Path) -> None:
    files = {
        "Nulecule": (
            "graph:\n  - name: a\n    artifacts:\n"
            "      docker: [{inherit: [kubernetes]}]\n      kubernetes: [{inherit: [docker]}]\n"
            "  - name: b\n    artifacts:\n      docker:\n        - inherit: docker\n"
            "  - name: c\n    artifacts: {docker: [{inherit: [dcoker]}]}\n"
            "  - name: d\n    artifacts: {docker: [{inherit: [x]}], x: [{inherit: [y]}]}\n"
        )
    }
    assert failure(tmp_path, files) == [
        "error Nulecule:7:20: artifacts inherit in a circle: docker -> kubernetes -> docker ()",
        "error Nulecule:11:11: artifacts inherit in a circle: docker -> docker ()",
        ("error Nulecule:13:26: 'c' inherits artifacts of 'dcoker', which it has none for (docker -> dcoker) "
        "(did you mean 'docker'?)"),
        ("error Nulecule:15:47: 'd' inherits artifacts of 'y', which it has none for (docker -> x -> y) "
        "(it has artifacts for: docker, x)"),
    ]  # fmt: skip


# ---------------------------------------------------------------- what is missing


def test_all_that_is_wrong_in_the_whole_tree_is_told_at_once(tmp_path: Path) -> None:
    files = {
        "Nulecule": (
            "graph:\n  - {name: a, artifacts: {kubernetes: ['file://one']}}\n"
            "  - {name: b, artifacts: {docker: ['file://none']}}\n  - {name: c}\n"
            "  - {name: s, source: 'docker://s'}\n"
        ),
        "external/s/Nulecule": "graph: [{name: d, artifacts: {docker: ['file://gone'], dockre: ['file://x']}}]\n",
    }
    assert failure(tmp_path, files) == [
        ("error Nulecule:4:5: the component 'a' has no artifacts for docker (it has artifacts for: kubernetes; the "
        "provider was chosen by command line: <command line>)"),
        "error Nulecule:5:36: the artifact 'none' does not exist ('.' holds Nulecule, external)",
        ("error Nulecule:6:5: the component 'c' has no artifacts for docker (it has no artifacts at all; the provider "
        "was chosen by command line: <command line>)"),
        "error external/s/Nulecule:3:40: the artifact 'gone' does not exist ('.' holds Nulecule)",
    ]  # fmt: skip


def test_a_misspelt_provider_says_where_it_came_from(tmp_path: Path) -> None:
    files = {"Nulecule": "graph: [{name: a, artifacts: {docker: ['file://one']}}]\n", "one": ""}
    assert failure(tmp_path, files, "[general]\nprovider = dokcer\n", "") == [
        ("error Nulecule:3:9: the component 'a' has no artifacts for dokcer (did you mean 'docker'?; the provider was "
        "chosen by answers: answers.conf:2:12)")
    ]  # fmt: skip


def test_without_a_choice_nobody_is_blamed(tmp_path: Path) -> None:
    files = {"Nulecule": "graph: [{name: a, artifacts: {docker: [], marathon: []}}, {name: b}]\n"}
    write(tmp_path, files)
    app = resolve(tmp_path, fetch=None)
    settings = settled(app, provider="docker")
    with Sources(Remote(no_download, checkout)) as reader, pytest.raises(SpecError):
        render(app, settings, reader)
    write(tmp_path, {"Nulecule": "graph: [{name: a, artifacts: {kubernetes: []}}, {name: b}]\n"})
    assert failure(tmp_path, {}, provider="") == [
        "error Nulecule:3:49: the component 'b' has no artifacts for kubernetes (it has no artifacts at all)"
    ]


def test_a_url_that_can_not_be_had(tmp_path: Path) -> None:
    with pytest.raises(FetchError) as found:
        rendered(tmp_path, {"Nulecule": "graph: [{name: a, artifacts: {docker: ['http://h/x']}}]\n"})
    assert found.value.details == (f"wanted at {tmp_path}/Nulecule:3:40",)


# ---------------------------------------------------------------- names without a value


def test_unknown_names_are_warned_of_where_they_stand(tmp_path: Path) -> None:
    files = {
        "Nulecule": "graph: [{name: a, artifacts: {docker: ['file://run']}, params: [{name: image, default: i}]}]\n",
        "run": "one\n  run $imgae ${other}\n$other $$no $1 $image\n",
    }
    found = rendered(tmp_path, files)
    assert texts(found) == [("a", "run", "one\n  run $imgae ${other}\n$other $no $1 i\n")]
    assert shown(found.issues, tmp_path) == [
        ("warning run:2:7: no param 'imgae' reaches a: the text stays as it is (did you mean '$image'? write $$ for a "
        "dollar sign)"),
        ("warning run:2:14: no param 'other' reaches a: the text stays as it is (and 1 more of it) (write $$ for a "
        "dollar sign)"),
    ]  # fmt: skip
    assert found.issues[0].excerpt == "  run $imgae ${other}"


TEMPLATE = """\
kind: Template
objects:
  - kind: Pod
    metadata: {name: "${NAME}", image: $image, odd: $ODD}
parameters:
  - {name: NAME}
  - {name: OTHER}
  - {value: x}
"""


def test_parameters_of_a_template_are_its_own(tmp_path: Path) -> None:
    files = {
        "Nulecule": "graph: [{name: a, artifacts: {docker: ['file://t', 'file://u', 'file://v', 'file://w']}, params: [{name: image, default: i}]}]\n",
        "t": TEMPLATE,
        "u": "kind: Pod\n---\n" + TEMPLATE.replace("$ODD", "x"),
        "v": "no: [Template $NAME",
        "w": "kind: List\nitems:\n- kind: List\n  items:\n"
        + "".join(f"  {'- ' if not number else '  '}{line}\n" for number, line in enumerate(TEMPLATE.splitlines())),
    }
    found = rendered(tmp_path, files)
    assert found.artifacts[0].data == TEMPLATE.replace("$image", "i")
    assert [f"{issue.position.line} {issue.message}" for issue in found.issues] == [
        "4 no param 'ODD' reaches a: the text stays as it is",
        "1 no param 'NAME' reaches a: the text stays as it is",
        "8 no param 'ODD' reaches a: the text stays as it is",
    ]


# ---------------------------------------------------------------- pointers


def test_pointers_hold_for_their_entry_also_when_inherited(tmp_path: Path) -> None:
    files = {
        "Nulecule": (
            "graph:\n  - name: a\n    artifacts:\n"
            "      kubernetes:\n"
            "        - resource: file://pod.yaml\n"
            "          params: {$image: [/a], port: /b/0}\n"
            "        - resource: file://pod.yaml\n"
            "          params: {port: [/a]}\n"
            "        - file://pod.yaml\n"
            "      openshift: [{inherit: [kubernetes]}]\n"
            "    params: [{name: image, default: 'x$$y$image'}, {name: port, default: 80}]\n"
        ),
        "pod.yaml": "a: old # keep\nb: [1]\nc: $port\n",
    }
    for provider in ("kubernetes", "openshift"):
        assert [data for _, _, data in texts(rendered(tmp_path, files, provider=provider))] == [
            "a: x$$y$image # keep\nb: [80]\nc: 80\n",
            "a: 80 # keep\nb: [1]\nc: 80\n",
            "a: old # keep\nb: [1]\nc: 80\n",
        ]


def test_a_value_set_by_a_pointer_has_the_type_of_its_param(tmp_path: Path) -> None:
    files = {
        "Nulecule": (
            "params: [{name: top, default: '7'}]\ngraph:\n  - name: a\n    artifacts:\n      docker:\n"
            "        - {resource: 'file://x.json', params: {number: [/n], text: [/t], none: [/a], top: [/o]}}\n"
            "    params: [{name: number, default: 80}, {name: text, default: '80'}, {name: none}]\n"
        ),
        "x.json": '{"n": 0, "t": 0, "a": "", "o": ""}',
    }
    ini = "[a]\nnone = 5\ntext = 81\n"
    assert texts(rendered(tmp_path, files, ini))[0][2] == '{"n": 80, "t": "81", "a": 5, "o": "7"}'


def test_pointers_with_faults(tmp_path: Path) -> None:
    files = {
        "Nulecule": (
            "graph:\n  - name: a\n    artifacts:\n      docker:\n"
            "        - {resource: 'file://pod.json', params: {prot: [/a], x: [/a]}}\n"
            "    params: [{name: port, default: 80}]\n"
            "  - name: b\n    artifacts:\n      docker:\n"
            "        - {resource: 'file://pod.json', params: {port: [/b]}}\n"
            "    params: [{name: port, default: 80}]\n"
        ),
        "pod.json": '{"a": 1}',
    }
    assert failure(tmp_path, files) == [
        "error Nulecule:7:57: no param 'prot' reaches a (did you mean 'port'?)",
        "error Nulecule:7:66: no param 'x' reaches a (known there: namespace, port, provider)",
        "error Nulecule:12:57: the pointer '/b' leads nowhere in pod.json ('/' holds a)",
    ]  # fmt: skip


# ---------------------------------------------------------------- check


def checked(folder: Path, files: Mapping[str, str], *providers: str) -> tuple[list[str], list[str]]:
    write(folder, files)
    app = resolve(folder, fetch=None)
    settings = settled(app, provider="docker", complete=False)
    with Sources(Remote(no_download, checkout)) as reader:
        artifacts, issues = check(app, settings, reader, frozenset(providers))
    return [f"{item.provider} {item.component} {item.data}" for item in artifacts], shown(issues, folder)


def test_check_looks_at_every_provider_with_or_without_values(tmp_path: Path) -> None:
    files = {
        "Nulecule": (
            "graph:\n  - name: a\n"
            "    artifacts: {docker: ['file://run'], kubernetes: ['file://run', 'file://pod.yaml', 'file://none']}\n"
            "    params: [{name: port}, {name: image, default: i}]\n"
            "  - {name: s, source: 'docker://s'}\n"
        ),
        "external/s/Nulecule": "graph: [{name: c, artifacts: {x: [{inherit: [y]}]}}]\n",
        "run": "run $port $image $none",
        "pod.yaml": "a: [$port\n",
    }
    artifacts, issues = checked(tmp_path, files)
    assert artifacts == ["docker a run 1 i $none", "kubernetes a run 1 i $none", "kubernetes a a: [1\n"]
    assert issues == [
        "warning run:1:18: no param 'none' reaches a: the text stays as it is (write $$ for a dollar sign)",
        "error pod.yaml:1:6: YAML syntax: did not find expected ',' or ']' (while parsing a flow sequence) ()",
        "error Nulecule:5:87: the artifact 'none' does not exist ('.' holds Nulecule, external, pod.yaml, run)",
        ("error external/s/Nulecule:3:35: 'c' inherits artifacts of 'y', which it has none for (x -> y) "
        "(it has artifacts for: x)"),
    ]  # fmt: skip
    assert checked(tmp_path, {}, "docker")[0] == ["docker a run 1 i $none"]


def test_check_reads_json_and_yaml_by_their_ending(tmp_path: Path) -> None:
    names = ["a.json", "a.yaml", "a.yml", "a.txt"]
    files = {
        "Nulecule": f"graph: [{{name: a, artifacts: {{docker: [{', '.join(f'file://{name}' for name in names)}]}}}}]\n",
        **dict.fromkeys(names, "{"),
    }
    assert [line.split()[1] for line in checked(tmp_path, files)[1]] == ["a.json:1:2:", "a.yaml:1:2:", "a.yml:1:2:"]


def test_check_tells_defaults_that_break_their_own_constraints(tmp_path: Path) -> None:
    constraint = "constraints: [{allowed_pattern: '[0-9]+', description: digits}]"
    write(
        tmp_path,
        {
            "Nulecule": f"params: [{{name: p, default: x, {constraint}}}, {{name: q, default: s3cret, hidden: true, {constraint}}},"
            f" {{name: r, {constraint}}}]\ngraph: []\n"
        },
    )
    app = resolve(tmp_path, fetch=None)
    settings = settled(app, "[general]\np = 1\nq = 2\nr = 3\n")
    with Sources(Remote(no_download, checkout)) as reader:
        _, issues = check(app, settings, reader, frozenset())
    assert shown(issues, tmp_path) == [
        "error Nulecule:3:29: the default 'x' of general:p breaks its constraint [0-9]+ (digits)",
        "error Nulecule:3:117: the default of general:q breaks its constraint [0-9]+ (digits)",
    ]


# ---------------------------------------------------------------- Compose files

COMPOSE_APP = (
    "graph:\n  - name: web\n    params: [{name: colour, default: 'bl$ue'}]\n"
    "    artifacts:\n      compose: ['file://compose.yaml']\n      kubernetes: {kubernetes}\n"
)


def compose_app(folder: Path, kubernetes: str, provider: str) -> Rendered:
    text = "services: {web: {image: a, environment: {A: $colour, B: '${colour:-red}', C: $$colour, D: '$other'}}}\n"
    files = {
        "Nulecule": COMPOSE_APP.replace("{kubernetes}", kubernetes),
        "compose.yaml": text,
        "k.yaml": "own: $colour",
    }
    return rendered(folder, files, provider=provider)


@pytest.mark.parametrize("provider", ["docker", "swarm", "somewhere"])
def test_a_compose_file_serves_providers_without_artifacts(tmp_path: Path, provider: str) -> None:
    found = compose_app(tmp_path, "['file://k.yaml']", provider)
    assert [(item.provider, item.path) for item in found.artifacts] == [("compose", "compose.yaml")]
    # Compose fills it in again: what is a dollar after that must be two before it
    assert found.artifacts[0].data == (
        "services: {web: {image: a, environment: {A: bl$$ue, B: '${colour:-red}', C: $$colour, D: '$other'}}}\n"
    )
    assert found.issues == ()
    assert found.variables is not None
    assert found.variables("web")["colour"] == "bl$ue"


def test_own_artifacts_go_before_a_compose_file_and_may_inherit_it(tmp_path: Path) -> None:
    own = compose_app(tmp_path / "a", "['file://k.yaml']", "kubernetes")
    assert [(item.provider, item.data) for item in own.artifacts] == [("kubernetes", "own: bl$ue")]
    both = compose_app(tmp_path / "b", "[{inherit: [compose]}, 'file://k.yaml']", "kubernetes")
    assert [(item.provider, item.path) for item in both.artifacts] == [
        ("compose", "compose.yaml"), ("kubernetes", "k.yaml"),
    ]  # fmt: skip
