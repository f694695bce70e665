"""What a file takes from others: include and extends, and how one thing is laid over another."""

from __future__ import annotations

from typing import Any

import pytest

from atomicapp.workload import model
from atomicapp.workload.model import Workload

from .helpers import faults, project


def laid(base: str, over: str, rest: str = "", files: dict[str, str] | None = None) -> Workload:
    """The service `over` with some keys that extends `base` with others."""
    text = f"services:\n  over: {{extends: {{file: base.yaml, service: base}}, {over}}}\n{rest}"
    base_text = f"services:\n  base: {{image: base, {base}}}\n"
    found = project(text, files={**(files or {}), "base.yaml": base_text}).service("over")
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("base", "over", "field", "expected"),
    [
        ("command: [a, b]", "command: [c]", "command", ("c",)),
        ("command: [a, b]", "command: c", "command", ("c",)),
        ("command: [a, b]", "tty: true", "command", ("a", "b")),
        ("entrypoint: a", "entrypoint: [b]", "entrypoint", ("b",)),
        ("healthcheck: {test: [CMD, a], retries: 3}", "healthcheck: {test: b}", "healthcheck.test", ("CMD-SHELL", "b")),
        ("healthcheck: {test: [CMD, a], retries: 3}", "healthcheck: {test: b}", "healthcheck.retries", 3),
        ("dns: 192.0.2.1", "dns: [192.0.2.2, 192.0.2.1]", "dns.servers", ("192.0.2.1", "192.0.2.2")),
        ("cap_add: [A, B]", "cap_add: [B, C]", "security.cap_add", ("A", "B", "C")),
        ("labels: {a: '1', b: '2'}", "labels: [b=3, c=]", "labels", {"a": "1", "b": "3", "c": ""}),
        ("labels: [a=1, b=2]", "labels: {b: null}", "labels", {"a": "1", "b": ""}),
        ("sysctls: [a=1]", "sysctls: {b: 2}", "sysctls", {"a": "1", "b": "2"}),
        ("extra_hosts: ['a:192.0.2.1']", "extra_hosts: {b: 192.0.2.2}", "extra_hosts", ("a:192.0.2.1", "b:192.0.2.2")),
        ("extra_hosts: {a: 192.0.2.1}", "extra_hosts: {a: 192.0.2.2}", "extra_hosts", ("a:192.0.2.2",)),
        (
            "logging: {driver: a, options: {x: 1}}",
            "logging: {options: {y: 2}}",
            "logging.options",
            {"x": "1", "y": "2"},
        ),
        (
            "logging: {driver: a, options: {x: 1}}",
            "logging: {driver: a, options: {y: 2}}",
            "logging.options",
            {"x": "1", "y": "2"},
        ),
        ("logging: {driver: a, options: {x: 1}}", "logging: {driver: b}", "logging.options", {}),
        ("group_add: [a]", "group_add: [b]", "groups", ("a", "b")),
        ("user: a", "user: b", "user", "b"),
        ("deploy: {replicas: 2, labels: {a: b}}", "deploy: {labels: [c=d]}", "replicas", 2),
        ("deploy: {labels: {a: b}}", "deploy: {labels: [c=d]}", "scheduling.labels", {"a": "b", "c": "d"}),
        (
            "deploy: {placement: {constraints: [a]}}",
            "deploy: {placement: {constraints: [b]}}",
            "scheduling.constraints",
            ("a", "b"),
        ),
        ("ports: ['80:80']", "ports: ['81:81']", "ports.host", ["80", "81"]),
        ("ports: ['80:80']", "ports: [{target: 80, published: '80', mode: host}]", "ports.mode", ["host"]),
        ("volumes: ['/a:/x', '/b:/y']", "volumes: ['/c:/x:ro']", "mounts.source", ["/c", "/b"]),
        ("volumes: ['/a:/x']", "volumes: [{type: tmpfs, target: /x}]", "mounts.kind", ["tmpfs"]),
        ("devices: [/dev/a]", "devices: ['/dev/b:/dev/a:r']", "devices.host", ["/dev/b"]),
        ("devices: [/dev/a]", "devices: [{source: /dev/b}]", "devices.host", ["/dev/a", "/dev/b"]),
        ("expose: [80]", "expose: ['80', 81]", "exposed.container", [80, 81]),
        ("tmpfs: /a", "tmpfs: [/b]", "mounts.target", ["/a", "/b"]),
        ("configs: [c]", "configs: [{source: c, target: /c, mode: 0400}]", "configs.mode", [0o400]),
        ("secrets: [s]", "secrets: [{source: s, target: s, mode: 0400}]", "secrets.mode", [0o400]),
        ("networks: [n]", "networks: {n: {aliases: [a]}, m: {}}", "networks.aliases", [("a",), ()]),
        ("networks: {n: {aliases: [a]}}", "networks: {n: {aliases: [b]}}", "networks.aliases", [("a", "b")]),
        ("networks: {n: {aliases: [a]}}", "networks: [n]", "networks.aliases", [("a",)]),
        ("depends_on: [d]", "depends_on: {d: {condition: service_healthy}}", "depends_on.condition", [model.HEALTHY]),
        ("depends_on: {d: {condition: service_healthy}}", "depends_on: [e]", "depends_on.target", ["d", "e"]),
        ("ulimits: {nofile: 5, core: 1}", "ulimits: {nofile: {soft: 1, hard: 2}}", "ulimits.hard", [2, 1]),
        ("environment: [A=1, B]", "environment: {B: 2}", "env.value", ["1", "2"]),
        ("env_file: a.env", "env_file: [b.env]", "env.name", ["A", "B"]),
        ("gpus: all", "gpus: [{count: 1}]", "device_requests.number", [1]),
        ("restart: always", "restart: 'no'", "restart.policy", "no"),
        ("x-a: {b: c}", "x-a: [d]", "image", "base"),
        ("ports: ['80:80']", "ports: !reset []", "ports", ()),
        ("ports: ['80:80']", "ports: !override ['81:81']", "ports.host", ["81"]),
        ("labels: {a: '1', b: '2'}", "labels: {a: !reset null}", "labels", {"b": "2"}),
        ("labels: {a: '1'}", "labels: !override {b: '2'}", "labels", {"b": "2"}),
        ("cap_add: [A]", "cap_add: !override [B]", "security.cap_add", ("B",)),
        ("user: a", "user: !reset null", "user", ""),
        ("user: a", "user: !override b", "user", "b"),
        ("command: [a]", "command: !reset ''", "command", None),
        ("cap_add: [A]", "cap_add: ~", "security.cap_add", ("A",)),
        ("labels: {a: b}", "labels: ~", "labels", {"a": "b"}),
        ("build: ., labels: {a: b}", "build: {target: x}", "labels", {"a": "b"}),
        ("healthcheck: {test: a}", "healthcheck: {disable: true}", "healthcheck.test", ("NONE",)),
    ],
)
def test_one_service_over_another(base: str, over: str, field: str, expected: Any) -> None:
    rest = (
        "  d: {image: d}\n  e: {image: e}\nnetworks: {n: , m: }\n"
        "configs: {c: {content: x}}\nsecrets: {s: {file: a.env}}\n"
    )
    found: Any = laid(base, over, rest, {"a.env": "A=1", "b.env": "B=1"})
    for part in field.split("."):
        if isinstance(found, tuple) and found and not hasattr(found, part):
            found = [getattr(item, part) for item in found]
        else:
            found = getattr(found, part)
    assert found == expected


def test_a_chain_over_two_files() -> None:
    files = {
        "common/base.yaml": "services:\n  one: {image: one, environment: {A: 1, B: $V}, env_file: one.env}\n"
        "  two: {extends: {service: one}, environment: [B=2]}\n",
        "common/one.env": "C=3",
    }
    text = (
        "services:\n  three: {extends: {file: common/base.yaml, service: two}, environment: {D: 4}}\n"
        "  four: {extends: three, image: four}\n"
    )
    three, four = project(text, {"V": "v"}, files).services
    assert [(env.name, env.value) for env in three.env] == [("C", "3"), ("A", "1"), ("B", "2"), ("D", "4")]
    assert (three.image, four.image) == ("one", "four")
    assert four.env == three.env
    assert str(three.env[1].position) == "common/base.yaml:2:35"
    said = [(item.key, item.subject, str(item.position)) for item in project(text, {}, files).said]
    assert ("services.extends.file", "three", "compose.yaml:2:21") in said
    assert ("services.extends.service", "four", "compose.yaml:3:19") in said
    assert ("services.image", "three", "common/base.yaml:2:9") in said
    assert not any(subject in ("one", "two") for _, subject, _ in said)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{a: {extends: b}}", "1:25 the extended service 'b' is not defined | known: a"),
        (
            "{web: {image: a}, b: {extends: wep}}",
            "1:42 the extended service 'wep' is not defined | did you mean 'web'?",
        ),
        ("{a: {extends: a}}", "1:25 services extend each other in a cycle: a -> a | remove one of these"),
        ("{a: {extends: {file: b.yaml}}}", "1:25 extends: 'service' is missing"),
        ("{a: {extends: {service: b, files: b}}}", "1:38 unknown key 'files' | did you mean 'file'?"),
        ("{a: {extends: [b]}}", "1:25 extends: expected a text or a mapping, found a list"),
        (
            "{a: {extends: {service: b, file: no.yaml}}}",
            "1:25 the extended file 'no.yaml': there is no such file in the package | add it, or correct the path",
        ),
        (
            "{a: {extends: {service: b, file: ../x.yaml}}}",
            "1:25 the extended file '../x.yaml': it is not a file of the package | put the file beside",
        ),
        ("{a: {extends: {service: b, file: ok.yaml}}}", "1:25 the extended service of ok.yaml 'b' is not defined"),
        (
            "{a: {extends: {service: c, file: ok.yaml}}}",
            "ok.yaml:1:25 services extend each other in a cycle: c -> d -> c",
        ),
        ("{a: {extends: {service: b, file: list.yaml}}}", "1:25 the extended file 'list.yaml' holds no mapping"),
        ("{a: {extends: {service: b, file: bad.yaml}}}", "bad.yaml:1:"),
        ("{a: {extends: {service: x, file: ok.yaml}}}", "ok.yaml:1:50 unknown key 'imag' | did you mean 'image'?"),
    ],
)
def test_what_can_not_be_extended(text: str, expected: str) -> None:
    files = {
        "ok.yaml": "services: {c: {extends: d}, d: {extends: c}, x: {imag: a, image: b}}".replace(
            "x: {imag", "x: {imag"
        ),
        "list.yaml": "[]",
        "bad.yaml": "a: {b",
    }
    found = faults(f"services: {text}", files=files)
    assert len(found) == 1
    assert found[0].startswith(expected)


def test_a_cycle_of_three() -> None:
    (found,) = faults("services: {a: {extends: b}, b: {extends: c}, c: {extends: a}}")
    assert "a -> b -> c -> a" in found


# ---------------------------------------------------------------- include


def test_files_are_included() -> None:
    files = {
        "db/compose.yaml": "include: [../log.yaml]\nservices: {db: {image: 'db:$V', env_file: a.env, volumes: [data:/d]}}\n"
        "volumes: {data: }\n",
        "db/a.env": "A=$V",
        "db/.env": "V=own\nW=2",
        "log.yaml": "version: '2'\nservices: {log: {image: 'log:${V:-none}'}}",
    }
    text = "include: [db/compose.yaml]\nservices: {web: {image: web, depends_on: [db, log]}}"
    found = project(text, {}, files)
    assert {work.service: work.image for work in found.services} == {"web": "web", "db": "db:own", "log": "log:own"}
    assert [env.value for env in found.services[1].env] == ["own"]
    assert list(found.volumes) == ["data"]
    assert str(found.volumes["data"].position) == "db/compose.yaml:3:11"
    assert project(text, {"V": "given"}, files).services[1].image == "db:given"


def test_an_included_file_with_its_folder_and_its_variables() -> None:
    files = {
        "part/a.yaml": "services: {a: {image: 'a:$V', env_file: x.env, volumes: ['./conf:/conf']}}",
        "other/x.env": "A=1",
        "other/conf": "text",
        "v.env": "V=7",
        "w.env": "V=8\nW=$V",
    }
    text = "include: [{path: part/a.yaml, project_directory: other, env_file: [v.env, w.env]}]"
    found = project(text, {}, files)
    assert found.services[0].image == "a:8"
    assert [env.name for env in found.services[0].env] == ["A"]
    assert [(key, spec.content) for key, spec in found.configs.items()] == [("other-conf", "text")]


def test_the_same_file_may_be_included_twice() -> None:
    files = {"a.yaml": "services: {a: {image: a}}", "b.yaml": "include: [a.yaml]", "c.yaml": "include: [a.yaml]"}
    found = project("include: [b.yaml, c.yaml, a.yaml]", {}, files)
    assert [work.service for work in found.services] == ["a"]


def test_what_is_included_may_be_the_same_but_not_another() -> None:
    files = {"a.yaml": "services: {a: {image: a}}\nnetworks: {n: {internal: true}}"}
    text = "include: [a.yaml]\nservices: {%s}\nnetworks: {n: {internal: true}}"
    found = project(text % "b: {image: b, networks: [n]}", {}, files)
    assert [work.service for work in found.services] == ["b", "a"]
    assert faults(text % "a: {image: x}", files=files) == [
        "a.yaml:1:12 'a' of services is defined at compose.yaml:2:15 too, in another way | give one of them another name"
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[no.yaml]", "1:11 the included file 'no.yaml': there is no such file in the package | add it"),
        ("[../a.yaml]", "1:11 the included file '../a.yaml' is not a file of the package | only files of the package"),
        ("[{path: ['a.yaml', /etc/a]}]", "1:11 the included file '/etc/a' is not a file of the package"),
        ("[{path: a.yaml, env_file: no.env}]", "1:11 env_file 'no.env': there is no such file"),
        ("[{path: a.yaml, project_directory: ..}]", "1:11 the included file '..' is not a file of the package"),
        ("[{pth: a.yaml}]", "1:12 unknown key 'pth' | did you mean 'path'?"),
        ("[{env_file: v.env}]", "1:11 include: 'path' is missing"),
        ("a.yaml", "1:10 include: expected a list, found a text"),
        ("[cycle.yaml]", "cycle.yaml:1:11 files include each other in a cycle: cycle.yaml -> cycle.yaml | remove"),
        (
            "[back.yaml]",
            "back.yaml:1:11 files include each other in a cycle: compose.yaml -> back.yaml -> compose.yaml",
        ),
        ("[bad.yaml]", "bad.yaml:1:12 unknown key 'servces' | did you mean 'services'?"),
        ("[list.yaml]", "1:11 the included file 'list.yaml' holds no mapping"),
        ("[syntax.yaml]", "syntax.yaml:"),
    ],
)
def test_what_can_not_be_included(text: str, expected: str) -> None:
    files = {
        "a.yaml": "services: {a: {image: a}}",
        "v.env": "",
        "cycle.yaml": "include: [cycle.yaml]",
        "back.yaml": "include: [compose.yaml]",
        "bad.yaml": "name: bad\n\nservces: {}".replace("name: bad\n\n", "x-bad: 1\n").replace(
            "x-bad: 1\n", "{x-bad: 1, "
        )
        + "}",
        "list.yaml": "- a",
        "syntax.yaml": "a: [",
    }
    found = faults(f"include: {text}\nservices: {{web: {{image: web}}}}", files=files)
    assert len(found) == 1
    assert found[0].startswith(expected)


def test_a_service_may_extend_one_that_is_included() -> None:
    found = project(
        "include: [a.yaml]\nservices: {b: {extends: a, tty: true}}", {}, {"a.yaml": "services: {a: {image: a}}"}
    )
    assert [(work.service, work.image, work.tty) for work in found.services] == [("b", "a", True), ("a", "a", False)]


def test_a_mark_without_anything_below_it() -> None:
    found = project("services: {a: {image: a, ports: !reset ['80'], cap_add: !override [A], labels: {b: !reset c}}}")
    assert found.services[0].ports == ()
    assert found.services[0].security.cap_add == ("A",)
    assert found.services[0].labels == {}


def test_hooks_before_the_start_have_what_the_service_has() -> None:
    text = (
        "services: {a: {image: a, user: u, cap_add: [A], ports: ['80'], environment: {X: 1},\n"
        "  pre_start: [{command: go, cap_add: [B], environment: [Y=2], image: b, per_replica: true}, {user: root}]}}"
    )
    one, two = project(text).services[0].pre_start
    assert (one.workload.image, one.workload.command, one.per_replica) == ("b", ("go",), True)
    assert one.workload.security.cap_add == ("A", "B")
    assert [env.name for env in one.workload.env] == ["X", "Y"]
    assert one.workload.ports == ()
    assert (two.workload.image, two.workload.user, two.per_replica) == ("a", "root", False)
