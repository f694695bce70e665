"""Compose files as resources of the docker provider, and the truth of its tables."""

from __future__ import annotations

import re
from typing import Any

import pytest

from atomicapp.errors import SpecError
from atomicapp.model import COMPOSE, DATA, SHARED, Artifact, Parsed, PersistentVolume, Rendered, Target, Volume
from atomicapp.position import Position
from atomicapp.providers import docker
from tests.compose import keys, truth

HERE = Position("Nulecule", 1, 1)


def parsed(
    *texts: str, volumes: tuple[Volume, ...] = (), secrets: frozenset[str] = frozenset(), app: str = "app"
) -> Parsed:
    """The components one, two ... with a Compose file each."""
    artifacts = tuple(
        Artifact(name, COMPOSE, f"{name}.yaml", text, f"{name}.yaml", HERE)
        for name, text in zip(("one", "two", "a:three"), texts, strict=False)
    )
    rendered = Rendered(
        artifacts,
        volumes,
        read=lambda artifact, path: keys.FILES[path],
        secrets=secrets,
        variables=lambda scope: keys.VARIABLES,
    )
    return docker.parse(rendered, Target(app))


def made(text: str) -> Any:
    return [(item.key, item.name, item.body, item.order, item.needs, item.waits) for item in parsed(text).resources]


def test_the_table_tells_of_every_key_and_of_no_other() -> None:
    assert truth.gaps(docker.fidelity()) == ([], [])
    assert truth.gaps(docker.fidelity(converted=True)) == ([], [])


# what these say in their texts is what an engine does anyway, or it is one of a kind; each is tried below
SAME = frozenset(
    {
        *("name", "networks.driver", "volumes.driver", "services.deploy.mode", "services.deploy.endpoint_mode"),
        *("services.ports.mode", "services.depends_on.required", "services.networks.priority"),
    }
)


def test_what_the_table_tells_is_true() -> None:
    assert truth.lies(docker.fidelity(), made, SAME) == {}


def test_what_the_table_tells_of_commands_is_true() -> None:
    def command(text: str) -> str:
        (found,) = docker.convert(truth.read(text), Target("app"))
        return found.text

    assert truth.lies(docker.fidelity(converted=True), command, SAME) == {}


def faults(*texts: str) -> list[str]:
    with pytest.raises(SpecError) as caught:
        parsed(*texts)
    return [f"{issue.position} {issue.message}" for issue in caught.value.issues if issue.severity == "error"]


def bodies(found: Parsed) -> dict[str, Any]:
    return {item.key: item.body for item in found.resources}


TWO = "services:\n  web: {image: example/web:1}\n  db: {image: example/db:1}\n"


def test_the_names_on_the_engine() -> None:
    found = parsed(
        TWO + "networks: {back: {}, given: {name: mine}}\nvolumes: {data: {}}\n",
        "services:\n  two: {image: example/web:1, networks: [back], volumes: ['data:/data']}\nnetworks: {back: {}}\nvolumes: {data: {}}\n",
        "services:\n  own:\n    image: example/web:1\n    container_name: box\n    networks: [back]\nnetworks: {back: {}}\n",
    )
    assert {item.key: item.name for item in found.resources if item.kind != "image"} == {
        "container/one:web": "app-one-web",
        "container/one:db": "app-one-db",
        "container/two:two": "app-two",
        "container/a:three:own": "box",
        "network/app_default": "app_default",
        "network/app_back": "app_back",
        "network/app-a_back": "app-a_back",
        "volume/app_data": "app_data",
    }, "networks that nobody uses are not made"


def test_a_component_of_one_service_is_found_by_its_own_name_too() -> None:
    alone = "services:\n  web: {image: example/web:1}\n"
    found = bodies(parsed(TWO, alone, alone))
    assert found["container/one:web"]["networks"] == {"app_default": {"Aliases": ["web"]}}
    assert found["container/two:web"]["networks"] == {"app_default": {"Aliases": ["web", "two"]}}
    assert found["container/a:three:web"]["networks"] == {"app_default": {"Aliases": ["web", "three", "a-three"]}}


def test_services_start_side_by_side_as_far_as_they_may() -> None:
    found = parsed(
        TWO + "  last: {image: example/web:1, depends_on: [mid]}\n"
        "  mid: {image: example/web:1, depends_on: {db: {condition: service_healthy}}}\n",
        TWO,
    )
    orders = {item.key: item.order for item in found.resources if item.kind == "container"}
    assert orders == {
        "container/one:web": 1, "container/one:db": 1, "container/one:mid": 2, "container/one:last": 3,
        "container/two:web": 4, "container/two:db": 4,
    }  # fmt: skip
    by_key = {item.key: item for item in found.resources}
    assert by_key["container/one:mid"].waits == ("container/one:db",)
    assert "container/one:db" in by_key["container/one:mid"].needs
    assert by_key["container/one:last"].waits == ()


def test_what_is_waited_for_to_its_end_is_done_once() -> None:
    found = bodies(
        parsed(
            TWO + "  setup: {image: example/web:1}\n"
            "  last: {image: example/web:1, depends_on: {setup: {condition: service_completed_successfully}}}\n"
        )
    )
    assert found["container/one:setup"]["once"] is True
    assert "once" not in found["container/one:last"]
    job = bodies(parsed("services:\n  web: {image: example/web:1, deploy: {mode: replicated-job}}\n"))
    assert job["container/one:web"]["once"] is True


def test_a_volume_of_the_requirements_keeps_their_name() -> None:
    text = "services:\n  web: {image: example/web:1, volumes: ['data:/a', 'more:/b']}\nvolumes: {data: {}, more: {}}\n"
    volume = Volume("", PersistentVolume("data", "ReadOnlyMany", 2, HERE))
    found = parsed(text, volumes=(volume,))
    assert {item.name: item.lifetime for item in found.resources if item.kind == "volume"} == {
        "app-data": DATA, "app_more": DATA,
    }  # fmt: skip
    assert bodies(found)["container/one:web"]["host"]["Binds"] == ["app-data:/a:ro", "app_more:/b"]


def test_external_things_are_not_ours() -> None:
    found = parsed(
        "services:\n  web: {image: example/web:1, volumes: ['data:/a'], networks: [net]}\n"
        "volumes: {data: {external: true}}\nnetworks: {net: {external: true, name: theirs}}\n"
    )
    kept = {
        item.name: (item.lifetime, dict(item.body)) for item in found.resources if item.kind in ("volume", "network")
    }
    assert kept == {"data": (SHARED, {"external": True}), "theirs": (SHARED, {"external": True})}


def test_the_network_of_the_highest_priority_is_the_first() -> None:
    text = "services:\n  web: {image: example/web:1, networks: {a: {}, b: {priority: 5}}}\nnetworks: {a: {}, b: {}}\n"
    body = bodies(parsed(text))["container/one:web"]
    assert body["host"]["NetworkMode"] == "app_b"
    assert list(body["networks"]) == ["app_b", "app_a"]


def test_secrets_are_kept_from_what_is_shown() -> None:
    text = (
        "services:\n  web: {image: example/web:1, secrets: [key], configs: [page]}\n"
        "secrets: {key: {environment: PASSWORD}}\nconfigs: {page: {content: plain}}\n"
    )
    found = parsed(text)
    assert found.secrets == {"hush"}
    assert bodies(found)["container/one:web"]["hidden"] == ["file/run/secrets/key"]


def test_what_can_not_be_is_told_at_its_place() -> None:
    port = "services:\n  web: {image: example/web:1, ports: ['80:80'], deploy: {replicas: 2}}\n"
    assert faults(port) == ["one.yaml:2:39 port 80/tcp of the host is published twice: also by app-one-web"]
    external = "services:\n  web: {image: example/web:1, secrets: [key]}\nsecrets: {key: {external: true}}\n"
    assert faults(external) == [
        "one.yaml:2:41 the secret 'key' is kept by a cluster, which this engine is not: nobody here can read it"
    ]
    closed = (
        "services:\n  web: {image: example/web:1, read_only: true, configs: [page]}\nconfigs: {page: {content: a}}\n"
    )
    assert faults(closed) == [
        "one.yaml:2:58 the engine puts no files into a read-only container, so web can't get the config"
    ]
    net = "services:\n  web: {image: example/web:1, networks: [n]}\nnetworks: {n: {internal: %s}}\n"
    assert faults(net % "true", net % "false") == [
        "two.yaml:3:12 the network app_n is described in two ways: the other one is at one.yaml:3:12"
    ]
    name = "services:\n  web: {image: example/web:1, container_name: same}\n"
    assert [re.sub(r".*?: ", "", fault, count=1) for fault in faults(name, name)] == [
        "the other one is at one.yaml:2:3"
    ]


def test_a_name_that_is_no_number_is_told() -> None:
    text = (
        "services:\n  web: {image: example/web:1, configs: [{source: page, uid: www-data}]}\n"
        "configs: {page: {content: a}}\n"
    )
    found = parsed(text)
    assert [issue.message for issue in found.issues] == [
        "the owner 'www-data' of the config 'page' is no number: it belongs to root instead"
    ]


def test_risks_of_services_are_told() -> None:
    found = parsed("services:\n  web: {image: example/web:1, privileged: true}\n")
    assert ["privileged gives" in issue.message for issue in found.issues] == [True]


def test_paths_are_relative_to_the_folder_of_the_file() -> None:
    text = "services:\n  web: {image: example/web:1, volumes: ['./page.html:/page.html']}\n"
    artifact = Artifact("one", COMPOSE, "artifacts/one.yaml", text, "one.yaml", HERE)
    files = {"artifacts/page.html": "<h1>beside it</h1>", "page.html": "<h1>at the root</h1>"}
    found = docker.parse(Rendered((artifact,), read=lambda _, path: files[path]), Target("app"))
    assert bodies(found)["container/one:web"]["files"]["/page.html"]["content"] == "<h1>beside it</h1>"
