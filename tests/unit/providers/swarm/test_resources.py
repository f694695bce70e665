"""Artifacts as resources of the swarm provider: names, needs, order, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from atomicapp.errors import NOTE, SpecError
from atomicapp.model import (
    COMPOSE,
    DATA,
    SHARED,
    Artifact,
    Parsed,
    PersistentVolume,
    Rendered,
    Resource,
    Target,
    Volume,
)
from atomicapp.params.secrets import Redactor
from atomicapp.position import Position
from atomicapp.providers import swarm
from atomicapp.providers.swarm import parts

HERE = Position("Nulecule", 1, 1)


def parsed(
    *artifacts: tuple[str, str],
    provider: str = COMPOSE,
    volumes: tuple[Volume, ...] = (),
    variables: dict[str, str] | None = None,
    secrets: frozenset[str] = frozenset(),
    target: Target | None = None,
) -> Parsed:
    """The outcome of artifacts given as component and text."""
    found = tuple(Artifact(name, provider, f"{name}.yaml", text, f"{name}.yaml", HERE) for name, text in artifacts)
    rendered = Rendered(found, volumes, secrets=secrets, variables=lambda scope: variables or {})
    return swarm.parse(rendered, target or Target("app"))


def resources(*artifacts: tuple[str, str], **options: Any) -> dict[str, Resource]:
    return {item.key: item for item in parsed(*artifacts, **options).resources}


def task(resource: Resource) -> dict[str, Any]:
    found: dict[str, Any] = resource.body["spec"]["TaskTemplate"]
    return found


def faults(*artifacts: tuple[str, str], **options: Any) -> list[str]:
    with pytest.raises(SpecError) as caught:
        parsed(*artifacts, **options)
    return [f"{issue.position} {issue.message}" for issue in caught.value.issues if issue.severity == "error"]


SHOP = """\
services:
  web:
    image: example/web:1
    ports: ["8080:80"]
    networks: {front: {aliases: [shop]}, back: {}}
    volumes: ["data:/data"]
    configs: [page]
    secrets: [key]
    depends_on: [db]
  db: {image: example/db:1, networks: [back]}
networks: {front: {}, back: {internal: true}}
volumes: {data: {}}
configs: {page: {content: hello}}
secrets: {key: {environment: KEY}}
"""


def test_names_kinds_and_needs() -> None:
    found = resources(("site", SHOP), variables={"KEY": "hush"})
    page, key = parts.CONFIG + "/app_page-", parts.SECRET + "/app_key-"
    names = sorted(found)
    assert [name for name in names if not name.startswith((page, key))] == [
        "network/app_back",
        "network/app_front",
        "service/site:db",
        "service/site:web",
        "volume/app_data",
    ]
    web, db = found["service/site:web"], found["service/site:db"]
    assert (web.name, db.name) == ("app_web", "app_db")
    assert set(web.needs) == set(found) - {"service/site:web"}
    assert web.waits == ("service/site:db",)
    assert db.order < web.order
    assert found["volume/app_data"].lifetime == DATA
    assert task(web)["Networks"] == [
        {"Target": "app_front", "Aliases": ["shop", "web", "site"]},
        {"Target": "app_back", "Aliases": ["web", "site"]},
    ]
    assert task(db)["Networks"] == [{"Target": "app_back", "Aliases": ["db"]}]
    assert web.body["spec"]["EndpointSpec"]["Ports"] == [
        {"Protocol": "tcp", "TargetPort": 80, "PublishedPort": 8080, "PublishMode": "ingress"}
    ]


def test_the_text_of_a_secret_is_told_as_one_that_must_not_be_shown() -> None:
    text = SHOP + "x-more: 1\n"
    text = text.replace("image: example/db:1,", "image: example/db:1, environment: {A: 'a hush-hush b'},")
    found = parsed(("site", text), variables={"KEY": "hush-hush"})
    assert found.secrets == {"hush-hush"}
    shown = [[item.key, item.name, Redactor(found.secrets).value(item.body)] for item in found.resources]
    assert "hush-hush" not in json.dumps(shown)
    (secret,) = [item for item in found.resources if item.kind == "secret"]
    assert parts.content(secret) == "hush-hush"
    (db,) = [item for item in found.resources if item.name == "app_db"]
    assert db.body["hidden"] == ["env/A"]


def test_another_content_is_another_name() -> None:
    def names(key: str, page: str) -> set[str]:
        found = resources(("site", SHOP.replace("hello", page)), variables={"KEY": key})
        return {item.name for item in found.values() if item.kind in ("config", "secret")}

    first = names("a", "hello")
    assert names("a", "hello") == first
    assert len(first & names("b", "hello")) == 1
    assert len(first & names("a", "goodbye")) == 1


def test_one_default_network_for_all_components_and_the_apps_in_them() -> None:
    text = "services: {%s: {image: 'example/x:1'}}"
    found = resources(("one", text % "web"), ("a:two", text % "api"))
    assert [key for key in found if key.startswith("network/")] == ["network/app_default"]
    assert found["service/a:two:api"].name == "app-a_api"


def test_services_of_one_name_in_two_components() -> None:
    text = "services: {db: {image: 'example/db:1'}}"
    found = resources(("one", text), ("two", text))
    assert [item.name for item in found.values() if item.kind == "service"] == ["app_db", "app_two-db"]


def test_what_a_network_is_made_with() -> None:
    text = """
services: {web: {image: 'example/web:1', networks: [net]}}
networks:
  net:
    driver: bridge
    attachable: true
    enable_ipv6: true
    driver_opts: {encrypted: ''}
    labels: {a: b}
    ipam: {config: [{subnet: 10.9.0.0/24, gateway: 10.9.0.1}]}
"""
    body = resources(("site", text))["network/app_net"].body
    assert body == {
        "Driver": "overlay",
        "Options": {"encrypted": ""},
        "Attachable": True,
        "EnableIPv6": True,
        "IPAM": {"Config": [{"Subnet": "10.9.0.0/24", "Gateway": "10.9.0.1"}]},
        "Labels": {"a": "b"},
    }


def test_external_things_are_shared() -> None:
    text = """
services: {web: {image: 'example/web:1', networks: [net], configs: [page], secrets: [key], volumes: ['data:/data']}}
networks: {net: {external: true, name: corporate}}
volumes: {data: {external: true}}
configs: {page: {external: true}}
secrets: {key: {external: true, name: the-key}}
"""
    found = resources(("site", text))
    shared = {key: item.lifetime for key, item in found.items() if item.kind != "service"}
    assert shared == {"network/corporate": SHARED, "config/page": SHARED, "secret/the-key": SHARED}
    mount = task(found["service/site:web"])["ContainerSpec"]["Mounts"][0]
    assert mount == {"Type": "volume", "Source": "data", "Target": "/data"}


def test_a_volume_is_described_where_it_is_mounted() -> None:
    text = """
services: {web: {image: 'example/web:1', volumes: ['data:/data']}}
volumes: {data: {driver: nfs, driver_opts: {share: 'nas:/x'}, labels: {a: b}}}
"""
    (mount,) = task(resources(("site", text))["service/site:web"])["ContainerSpec"]["Mounts"]
    assert mount["VolumeOptions"]["DriverConfig"] == {"Name": "nfs", "Options": {"share": "nas:/x"}}
    labels = mount["VolumeOptions"]["Labels"]
    assert labels["a"] == "b"
    assert labels["io.atomicapp.key"] == "volume/app_data"


def test_a_requirement_of_the_package_is_the_volume() -> None:
    wanted = Volume("", PersistentVolume("data", "ReadOnlyMany", 2, HERE))
    found = parsed(
        ("site", "services: {web: {image: 'example/web:1', volumes: ['data:/data']}}\nvolumes: {data: {}}\n"),
        volumes=(wanted, Volume("", PersistentVolume("unused", "ReadWriteOnce", 1, HERE))),
    )
    (service,) = [item for item in found.resources if item.kind == "service"]
    assert task(service)["ContainerSpec"]["Mounts"][0]["ReadOnly"]
    codes = [issue.code for issue in found.issues]
    assert "volume-size" in codes
    assert "unused-volume" in codes


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        ("", {}),
        ("restart: 'no'", {"Condition": "none"}),
        ("restart: always", {"Condition": "any"}),
        ("restart: 'on-failure:3'", {"Condition": "on-failure", "MaxAttempts": 3}),
        ("deploy: {restart_policy: {condition: any, delay: 1s}}", {"Condition": "any", "Delay": 10**9}),
    ],
)
def test_restarts(service: str, expected: dict[str, Any]) -> None:
    found = resources(("site", f"services:\n  web:\n    image: example/web:1\n    {service}\n"))
    assert task(found["service/site:web"]).get("RestartPolicy", {}) == expected


def test_what_others_wait_for_is_not_started_again() -> None:
    text = """
services:
  web: {image: 'example/web:1', depends_on: {seed: {condition: service_completed_successfully}}}
  seed: {image: 'example/seed:1'}
"""
    found = resources(("site", text))
    assert task(found["service/site:seed"])["RestartPolicy"] == {"Condition": "none"}
    assert "RestartPolicy" not in task(found["service/site:web"])


def test_ports_of_services_without_an_address_are_those_of_their_nodes() -> None:
    text = "services: {web: {image: 'example/web:1', ports: ['80', '8080:80'], deploy: {endpoint_mode: dnsrr}}}"
    spec = resources(("site", text))["service/site:web"].body["spec"]["EndpointSpec"]
    assert {port["PublishMode"] for port in spec["Ports"]} == {"host"}


def test_jobs() -> None:
    text = "services: {job: {image: 'example/job:1', deploy: {mode: replicated-job, replicas: 3}}}"
    spec = resources(("site", text))["service/site:job"].body["spec"]
    assert spec["Mode"] == {"ReplicatedJob": {"MaxConcurrent": 3, "TotalCompletions": 3}}


def test_secrets_in_the_environment_are_noted() -> None:
    text = "services: {web: {image: 'example/web:1', environment: {A: hush-hush, B: open}}}"
    found = resources(("site", text), secrets=frozenset({"hush-hush"}))
    assert found["service/site:web"].body["hidden"] == ["env/A"]


def test_the_swarm_itself_comes_first_where_it_may_be_made() -> None:
    found = resources(("site", SHOP), variables={"KEY": "x"}, target=Target("app", init_swarm=True))
    assert found["swarm"].lifetime == SHARED
    assert all("swarm" in item.needs for key, item in found.items() if key != "swarm")


# ---------------------------------------------------------------- commands


def test_commands_have_the_names_of_the_swarm_itself() -> None:
    text = """\
docker service create --name web --network net --secret key --mount source=data,target=/d example/web:1
docker service create example/tool:1
docker service create example/tool:1
"""
    found = resources(("site", text), provider="swarm")
    assert sorted(found) == [
        "network/net",
        "secret/key",
        "service/site:1",
        "service/site:2",
        "service/site:3",
        "volume/data",
    ]
    assert [found[f"service/site:{number}"].name for number in (1, 2, 3)] == ["web", "app_site-2", "app_site-3"]
    assert found["secret/key"].lifetime == SHARED
    assert task(found["service/site:1"])["Networks"] == [{"Target": "net", "Aliases": ["site"]}]


def test_a_stack_file_of_its_own_is_filled_in_by_the_package_alone() -> None:
    text = "services: {web: {image: 'example/web:1', environment: {A: '$5', B: '${C}'}}}"
    found = resources(("site", text), provider="swarm", variables={"C": "c"})
    assert task(found["service/site:web"])["ContainerSpec"]["Env"] == ["A=$5", "B=${C}"]
    assert faults(("site", text.replace("${C}", "${C:-d}")), provider="swarm") == [
        "site.yaml:1:69 '${C:-d}' is filled in by Compose's own rules, which hold for artifacts with the key compose"
    ]


# ---------------------------------------------------------------- faults


def test_a_port_of_the_swarm_is_published_once() -> None:
    text = "services: {%s: {image: 'example/x:1', ports: ['8080:80']}}"
    assert faults(("one", text % "a"), ("two", text % "b")) == [
        "two.yaml:1:46 port 8080/tcp of the swarm is published twice: also by app_a"
    ]
    host = "services: {%s: {image: 'example/x:1', ports: [{target: 80, published: 8080, mode: host}]}}"
    assert parsed(("one", host % "a"), ("two", host % "b")).resources


def test_names_of_services() -> None:
    text = "docker service create --name 'no good' example/x:1"
    assert faults(("one", text), provider="swarm")[0].startswith("one.yaml:1:30 'no good' is no name for a service")
    text = "docker service create --name same example/x:1\n"
    assert faults(("one", text * 2), provider="swarm") == [
        "one.yaml:2:30 two services are called 'same': the other one is at one.yaml:1:1"
    ]
    long = resources(("one", f"services: {{{'x' * 80}: {{image: 'example/x:1'}}}}"))
    (name,) = [item.name for item in long.values() if item.kind == "service"]
    assert len(name) == 63


def test_sizes_of_files() -> None:
    text = "services: {web: {image: 'example/x:1', secrets: [key]}}\nsecrets: {key: {environment: KEY}}\n"
    (found,) = faults(("one", text), variables={"KEY": "x" * 600_000})
    assert "has 600000 bytes; a swarm takes from 1 to 511999 bytes" in found


def test_a_thing_is_described_once() -> None:
    text = "services: {%s: {image: 'example/x:1', networks: [net]}}\nnetworks: {net: {%s}}\n"
    assert faults(("one", text % ("a", "internal: true")), ("two", text % ("b", "attachable: true"))) == [
        "two.yaml:2:12 the network app_net is described in two ways: the other one is at one.yaml:2:12"
    ]
    # who only uses it, does not describe it
    found = resources(("one", text % ("a", "")), ("two", text % ("b", "attachable: true")))
    assert found["network/app_net"].body["Attachable"]


def test_faults_of_all_artifacts_come_at_once() -> None:
    found = faults(("one", "services: {a: {imag: x}}"), ("two", "services: {b: {}}"))
    assert {text.partition(":")[0] for text in found} == {"one.yaml", "two.yaml"}


def test_what_is_lost_is_told() -> None:
    text = "services: {web: {image: 'example/x:1', privileged: true, shm_size: 1m}}"
    issues = parsed(("one", text)).issues
    told = {issue.message.partition(":")[0]: issue.severity for issue in issues}
    assert told == {"privileged of web is lost on swarm": "warning", "shm_size of web is approximated on swarm": NOTE}


def test_risks_are_told() -> None:
    text = "services: {web: {image: 'example/x:1', volumes: ['/var/run/docker.sock:/s'], cap_add: [SYS_ADMIN]}}"
    messages = [issue.message for issue in parsed(("one", text)).issues if issue.code == "risky"]
    assert len(messages) == 2
