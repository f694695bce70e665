"""Apps and groups as resources: ids, order, volumes, and every fault with its place."""

from __future__ import annotations

import json
from typing import Any

import pytest

from atomicapp.errors import SpecError
from atomicapp.model import COMPOSE, DATA, Artifact, Parsed, PersistentVolume, Rendered, Target, Volume
from atomicapp.position import Position
from atomicapp.providers import marathon
from atomicapp.providers.marathon import names, normal
from tests.compose import keys

HERE = Position("Nulecule", 1, 1)
IMAGE = "container: {type: DOCKER, docker: {image: 'example/web:1'}}"


def parsed(
    *texts: str,
    provider: str = "marathon",
    volumes: tuple[Volume, ...] = (),
    secrets: frozenset[str] = frozenset(),
    namespace: str = "default",
) -> Parsed:
    """The components one, two, and three of the nested app a."""
    artifacts = tuple(
        Artifact(name, provider, f"{name}.yaml", text, f"{name}.yaml", HERE)
        for name, text in zip(("one", "two", "a:three"), texts, strict=False)
    )
    rendered = Rendered(artifacts, volumes, secrets=secrets, variables=lambda scope: keys.VARIABLES)
    return marathon.parse(rendered, Target("shop", namespace))


def faults(*texts: str, **options: Any) -> list[str]:
    with pytest.raises(SpecError) as caught:
        parsed(*texts, **options)
    return [f"{issue.position} {issue.message} ({issue.hint})" for issue in caught.value.issues]


def names_of(found: Parsed) -> list[str]:
    return [resource.name for resource in found.resources if resource.kind == "app"]


# ---------------------------------------------------------------- ids


def test_an_app_keeps_its_id_and_without_one_is_in_the_group_of_its_deployment() -> None:
    found = parsed(f"id: /far/web\n{IMAGE}", f"id: web\n{IMAGE}", IMAGE)
    assert names_of(found) == ["/far/web", "/web", "/shop/a/three"]
    assert names_of(parsed(f"id: web\n{IMAGE}", namespace="team/blue")) == ["/team/blue/web"]


def test_groups_are_taken_apart() -> None:
    group = {
        "id": "site",
        "dependencies": ["/base"],
        "apps": [{"id": "web", "cmd": "run", "dependencies": ["db", "../other/x"]}, {"id": "db", "cmd": "run"}],
        "groups": [{"id": "in", "dependencies": ["../db"], "apps": [{"id": "/site/in/a", "cmd": "run"}]}],
    }
    found = parsed(json.dumps(group), json.dumps([{"id": "/base/one", "cmd": "run"}]))
    apps = {item.name: item for item in found.resources}
    assert apps["/site/web"].body["app"]["dependencies"] == ["/site/db", "/other/x", "/base"]
    assert apps["/site/in/a"].body["app"]["dependencies"] == ["/base", "/db"]
    assert apps["/site/web"].waits == ("app/site/db", "app/base/one")
    assert apps["/base/one"].order < apps["/site/db"].order < apps["/site/web"].order


@pytest.mark.parametrize(
    ("path", "good"),
    [
        ("/a/b-c/d.e", True),
        ("a", True),
        ("../b", True),
        ("/A", False),
        ("a_b", False),
        ("-a", False),
        ("a//b", False),
        ("/", False),
    ],
)
def test_ids_are_checked(path: str, good: bool) -> None:
    assert names.is_valid(path) == good


def test_names_become_ids() -> None:
    assert names.own("My_App", "x:y", "Web.1_a") == "/my-app/x/web.1-a"
    assert names.is_valid(names.own("__", "a", "..."))


# ---------------------------------------------------------------- faults


def test_every_fault_is_told_with_its_place_at_once() -> None:
    text = """\
id: Web
cpu: 1
mem: "128"
env: {PORT: 80}
container:
  type: DOCKRE
  docker: {imge: a}
  volumes: [{containerPath: /data, persistent: {size: 1}}]
healthChecks: [{protocol: COMMAND}]
constraints: [[hostname, UNIQUE], 3]
"""
    found = faults(text, "apps: [{id: a}]", "just a text")
    volume = "name it by one word, and mount that by a second volume: {hostPath: NAME, containerPath: /PATH}"
    assert found == [
        "one.yaml:2:1 cpu is no field that Marathon knows (did you mean 'cpus'?)",
        "one.yaml:3:6 mem is a text, and a number is expected ()",
        "one.yaml:4:13 env.PORT is a number, and a text is expected (put it in quotes)",
        "one.yaml:6:9 container.type is 'DOCKRE' (did you mean 'DOCKER'?)",
        "one.yaml:7:12 container.docker.imge is no field that Marathon knows (did you mean 'image'?)",
        "one.yaml:10:35 constraints[1] is a number, and a list is expected ()",
        f"one.yaml:1:5 'Web' is no id of Marathon ({names.RULE})",
        "one.yaml:7:11 container.docker.image is missing (name the image that it runs)",
        f"one.yaml:8:29 the containerPath '/data' of a persistent volume holds '/' ({volume})",
        "one.yaml:9:16 a health check by COMMAND has no command (command: {value: TEXT})",
        f"two.yaml:1:1 the group has no id (give it one: {names.RULE})",
        "a:three.yaml:1:1 an app of Marathon is a mapping, and this is a text (an app has an id, and a container or a cmd)",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id: a", "the app has nothing to run"),
        ("{id: a, cmd: x, args: [y]}", "a cmd or args, not both"),
        ("{id: a, containers: [], scaling: {}}", "pods of Marathon are not run here"),
        ("{id: /g, apps: 3}", "apps is a number, and a list is expected"),
        ("{id: /g, apps: [], depends: []}", "depends is no field that Marathon knows"),
        ("{id: /g, apps: [{id: /elsewhere/a, cmd: x}]}", "the app /elsewhere/a is not below its group /g"),
        ("[{id: a, cmd: x}, {id: /a, cmd: y}]", "two apps have the id '/a'"),
        (
            "[{id: a, cmd: x, dependencies: [b]}, {id: b, cmd: y, dependencies: [a]}]",
            "wait for each other: /a -> /b -> /a",
        ),
        ('{"id": "a", "cmd": ', "YAML syntax"),
    ],
)
def test_what_marathon_would_refuse_is_told_before(text: str, message: str) -> None:
    (found,) = faults(text)
    assert message in found
    assert found.startswith("one.yaml:1")


def test_a_namespace_that_is_no_group_is_told() -> None:
    assert "'My Team' is no group" in faults(f"id: a\n{IMAGE}", namespace="My Team")[0]


def test_a_fixed_host_port_without_a_strategy_is_a_warning() -> None:
    docker = "container: {docker: {image: a, network: BRIDGE, portMappings: [{containerPort: 80, hostPort: 8080}]}}"
    assert [issue.code for issue in parsed(f"id: a\n{docker}").issues] == ["host-port"]
    assert not parsed(f"id: a\n{docker}\nupgradeStrategy: {{minimumHealthCapacity: 0, maximumOverCapacity: 0}}").issues


# ---------------------------------------------------------------- volumes and secrets


RESIDENT = """
id: db
container:
  docker: {image: a}
  volumes: [{containerPath: data, mode: RW, persistent: {size: 10}}]
"""


def test_a_persistent_volume_is_data_that_its_app_needs() -> None:
    volume, app = parsed(RESIDENT).resources
    assert (volume.key, volume.lifetime, volume.body) == ("volume/db:data", DATA, {"size": 10})
    assert app.needs == ("volume/db:data",)


def test_requirements_of_the_package_are_met_by_the_name() -> None:
    wanted = Volume("", PersistentVolume("data", "ReadWriteOnce", 2, HERE))
    other = Volume("", PersistentVolume("more", "ReadWriteOnce", 1, HERE))
    found = parsed(RESIDENT, volumes=(wanted, other))
    assert [(issue.code, "more" in issue.message) for issue in found.issues] == [("unused-volume", True)]
    text = "services: {db: {image: a, volumes: ['data:/d']}}\nvolumes: {data: {}}"
    volume = parsed(text, provider=COMPOSE, volumes=(wanted,)).resources[0]
    assert volume.body == {"size": 2048}


def test_fields_that_hold_a_secret_are_noted() -> None:
    (app,) = parsed(
        f"id: a\nenv: {{PASSWORD: hush-hush, USER: me}}\n{IMAGE}", secrets=frozenset({"hush-hush"})
    ).resources
    assert app.body["hidden"] == ["env/PASSWORD"]


# ---------------------------------------------------------------- the same in other words


def test_older_and_newer_forms_are_the_same() -> None:
    old: dict[str, Any] = {
        "container": {"docker": {"image": "a", "network": "USER", "portMappings": [{"containerPort": 1}]}}
    }
    old |= {"ipAddress": {"networkName": "mine"}, "uris": ["u"]}
    new: dict[str, Any] = {
        "container": {"docker": {"image": "a"}, "portMappings": [{"containerPort": 1}]},
        "fetch": [{"uri": "u"}],
    }
    new |= {"networks": [{"mode": "container", "name": "mine"}], "version": "told", "tasksRunning": 1}
    assert normal.canonical(old) == normal.canonical(new)


# ---------------------------------------------------------------- Compose files


def test_a_compose_file_waits_for_what_it_depends_on() -> None:
    text = "services: {web: {image: a, depends_on: [db]}, db: {image: b}}"
    web, db = parsed(text, provider=COMPOSE).resources
    assert (web.name, web.waits, web.order) == ("/shop/web", ("app/shop/db",), 2)
    assert db.order == 1


def test_a_network_of_the_agents_gives_names() -> None:
    text = "services: {web: {image: a, networks: {n: {aliases: [www]}}}}\nnetworks: {n: {external: true, name: mesh}}"
    (web,) = parsed(text, provider=COMPOSE).resources
    app = web.body["app"]
    assert (app["container"]["docker"]["network"], app["ipAddress"]) == ("USER", {"networkName": "mesh"})
    aliases = [item["value"] for item in app["container"]["docker"]["parameters"] if item["key"] == "network-alias"]
    assert aliases == ["web", "www"]


def test_what_is_converted_is_an_artifact_with_its_dollars() -> None:
    text = "services: {web: {image: a, environment: {A: '$$HOME'}, command: [echo, '$$1']}}"
    (file,) = marathon.convert(keys.project(text), Target("shop"))
    assert '"$$HOME"' in file.text
    (resource,) = parsed(file.text.replace("$$", "$")).resources
    (direct,) = parsed(text, provider=COMPOSE).resources
    assert resource.body == direct.body


def test_the_label_of_what_failed_has_two_words() -> None:
    app = "{id: web, %s, labels: {io.atomicapp.failure-action: %s}}"
    assert parsed(app % (IMAGE, "rollback")).issues == ()
    assert faults(app % (IMAGE, "undo")) == [
        f"one.yaml:1:{len(app % (IMAGE, '')) - 1} the label io.atomicapp.failure-action is 'undo' (write rollback or pause)"
    ]


def test_hidden_values_in_an_app_are_said_once_by_their_fields_and_not_shown() -> None:
    text = f"{{id: web, {IMAGE}, env: {{A: 'hunter22', B: 'plain', URL: 'db://me:hunter22@db'}}}}"
    (found,) = parsed(text, secrets=frozenset({"hunter22"})).issues
    assert (found.severity, found.code, str(found.position)) == ("warning", "risky", "one.yaml:1:1")
    assert found.message == (
        "the app /web holds hidden values in env/A, env/URL: whoever may read the app on Marathon sees them"
    )
    assert parsed(text).issues == ()
    compose = "services: {web: {image: web, environment: {A: hunter22}}, db: {image: db}}"
    (found,) = parsed(compose, provider=COMPOSE, secrets=frozenset({"hunter22"})).issues
    assert "the app /shop/web holds hidden values in env/A" in found.message


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("instances: -1", "instances is -1, and a whole number from 0 to 2147483647 is expected"),
        ("instances: " + "9" * 5000, "instances is 99999999999999999999..., and a whole number from 0 to 2147483647"),
        ("mem: -0.5", "mem is -0.5, and a number from 0 to 2147483647 is expected"),
        ("cpus: .nan", "cpus is .nan, and a number from 0 to 2147483647 is expected"),
        ("cpus: many", "cpus is a text, and a number is expected"),
        ("ports: [70000]", "ports[0] is 70000, and a whole number from 0 to 65535 is expected"),
        ("portDefinitions: [{port: -1}]", "portDefinitions[0].port is -1, and a whole number from 0 to 65535"),
        ("healthChecks: [{port: 65536}]", "healthChecks[0].port is 65536, and a whole number from 0 to 65535"),
    ],
)
def test_numbers_have_bounds(field: str, said: str) -> None:
    (found,) = faults(f"{{id: web, cmd: run, {field}}}")
    place, _, message = found.partition(" ")
    assert place.startswith("one.yaml:1:")
    assert message.startswith(said)


def test_ports_of_a_container_have_bounds() -> None:
    ports = "{containerPort: 99999, hostPort: -1}"
    found = faults(f"{{id: web, container: {{docker: {{image: x, portMappings: [{ports}]}}}}}}")
    assert [text.split(" ", 1)[1].partition(",")[0] for text in found] == [
        "container.docker.portMappings[0].containerPort is 99999",
        "container.docker.portMappings[0].hostPort is -1",
    ]
    assert parsed("{id: web, cmd: run, instances: 0, ports: [0, 65535], cpus: 0.1, mem: 0}").issues == ()
