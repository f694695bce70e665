"""Compose files as units of a fleet, and the truth of its tables."""

from __future__ import annotations

from typing import Any

import pytest

from atomicapp.errors import SpecError
from atomicapp.model import COMPOSE, DATA, Artifact, Parsed, Rendered, Target
from atomicapp.position import Position
from atomicapp.providers import fleet
from tests.compose import keys, truth

HERE = Position("Nulecule", 1, 1)
TARGET = Target("app")

# what these say in their texts is what a machine with one engine does anyway, or it is one of a kind; tried below
SAME = frozenset(
    {
        *("name", "networks.driver", "volumes.driver", "services.deploy.endpoint_mode", "services.ports.mode"),
        *("services.networks.priority", "services.pre_start.per_replica"),
        *("services.deploy.placement.max_replicas_per_node", "services.deploy.placement.preferences.spread"),
    }
)


def parsed(text: str, component: str = "web") -> Parsed:
    artifact = Artifact(component, COMPOSE, "compose.yaml", text, "compose.yaml", HERE)
    read = {f"./{name}": text for name, text in keys.FILES.items()} | keys.FILES
    rendered = Rendered((artifact,), read=lambda _, path: read[path], variables=lambda _: keys.VARIABLES)
    return fleet.parse(rendered, TARGET)


def options(text: str, name: str = "") -> list[tuple[str, str]]:
    """The [X-Fleet] options of a unit."""
    for resource in parsed(text).resources:
        if not name or resource.name == name:
            return [(key, value) for section, key, value in resource.body["options"] if section == "X-Fleet"]
    raise AssertionError([resource.name for resource in parsed(text).resources])


def test_the_table_tells_of_every_key_and_of_no_other() -> None:
    assert truth.gaps(fleet.fidelity()) == ([], [])
    assert truth.gaps(fleet.fidelity(converted=True)) == ([], [])


def test_what_the_table_tells_is_true() -> None:
    def made(text: str) -> Any:
        return [(item.key, item.body, item.waits) for item in parsed(text).resources]

    assert truth.lies(fleet.fidelity(), made, SAME) == {}


def test_what_the_table_tells_of_converted_texts_is_true() -> None:
    def made(text: str) -> Any:
        return fleet.convert(truth.read(text), TARGET)

    assert truth.lies(fleet.fidelity(converted=True), made, SAME) == {}


# ---------------------------------------------------------------- where units run

TWO = """\
services:
  db: {image: example/db:1, volumes: ['data:/data'], deploy: {placement: {constraints: [node.labels.disk == ssd]}}}
  web: {image: example/web:1, depends_on: [db]%s}
volumes: {data: {}}
"""


def test_what_finds_each_other_by_name_is_on_one_machine_with_its_data() -> None:
    text = TWO % ""
    assert options(text, "volume-app_data.service") == [("MachineMetadata", "disk=ssd")]
    assert options(text, "app-web-db.service") == [
        ("MachineMetadata", "disk=ssd"),
        ("MachineOf", "volume-app_data.service"),
    ]
    assert options(text, "app-web.service") == [("MachineOf", "app-web-db.service")]
    kept = next(item for item in parsed(text).resources if item.kind == "volume")
    assert kept.lifetime == DATA
    assert ["Service", "ExecStart", "/usr/bin/docker volume create app_data"] in kept.body["options"]


@pytest.mark.parametrize(
    "asked",
    [
        "ports: ['8080:80'], deploy: {replicas: 2}",
        "deploy: {replicas: 2, placement: {max_replicas_per_node: 1}}",
        "deploy: {replicas: 2, placement: {preferences: [{spread: node.labels.zone}]}}",
        "labels: {io.atomicapp.fleet.spread: 'true'}, deploy: {replicas: 2}",
    ],
)
def test_replicas_that_need_machines_of_their_own_are_spread(asked: str) -> None:
    assert options(TWO % f", {asked}", "app-web@.service") == [("Conflicts", "app-web@*.service")]


def test_replicas_that_need_none_stay_with_those_that_they_call_by_name() -> None:
    assert options(TWO % ", deploy: {replicas: 2}", "app-web@.service") == [("MachineOf", "app-web-db.service")]
    alone = "services: {web: {image: example/web:1, deploy: {replicas: 3}}}"
    assert options(alone) == [("Conflicts", "app-web@*.service")]
    (template,) = parsed(alone).resources
    assert template.body["instances"] == ["1", "2", "3"]


def test_templates_alone_follow_a_unit_that_only_has_a_place() -> None:
    text = "services:\n" + "".join(f"  {name}: {{image: x, deploy: {{replicas: 2}}}}\n" for name in ("a", "b"))
    assert options(text, "app-web-a@.service") == [("MachineOf", "app-web-a-place.service")]
    assert options(text, "app-web-b@.service") == [("MachineOf", "app-web-a-place.service")]
    assert options(text, "app-web-a-place.service") == []


def test_a_global_service_is_on_each_machine_that_fits() -> None:
    text = "services: {web: {image: x, deploy: {mode: global, placement: {constraints: [node.labels.a == b]}}}}"
    assert options(text) == [("Global", "true"), ("MachineMetadata", "a=b")]


def test_a_constraint_that_fleet_has_no_word_for_is_told() -> None:
    text = "services: {web: {image: x, deploy: {placement: {constraints: [node.role == manager]}}}}"
    (told,) = [issue.message for issue in parsed(text).issues if "constraints" in issue.message]
    assert told.startswith("deploy.placement.constraints of web is lost on fleet: fleet knows metadata and the id of a")


def test_one_machine_and_several_replicas_are_refused() -> None:
    text = "services: {web: {image: x, deploy: {replicas: 2, placement: {constraints: [node.id == 11111111]}}}}"
    with pytest.raises(SpecError) as caught:
        parsed(text)
    assert "is one machine, and web is to be on several" in caught.value.message


# ---------------------------------------------------------------- the sidekick


def test_a_sidekick_announces_the_address_in_etcd_while_its_unit_runs() -> None:
    text = (
        "services: {web: {image: x, ports: ['8080:80'], deploy: {replicas: 2},"
        " labels: {io.atomicapp.fleet.announce: /services/site}}}"
    )
    found = {item.name: item for item in parsed(text).resources}
    sidekick = found["app-web-announce@.service"]
    assert sidekick.body["instances"] == ["1", "2"]
    said = {(section, name): value for section, name, value in sidekick.body["options"]}
    assert said["X-Fleet", "MachineOf"] == "app-web@%i.service"
    assert said["Unit", "BindsTo"] == "app-web@%i.service"
    assert said["Unit", "After"] == "app-web@%i.service"
    assert 'set /services/site/%i \\"$$a:8080\\"' in said["Service", "ExecStart"]
    assert said["Service", "ExecStopPost"] == "-/usr/bin/etcdctl rm /services/site/%i"
    assert sidekick.order > found["app-web@.service"].order


@pytest.mark.parametrize(
    ("label", "port", "message"),
    [("true", "'80'", "has no port of the host"), ("no key", "'8080:80'", "'no key' is no key of etcd")],
)
def test_what_can_not_be_announced_is_told(label: str, port: str, message: str) -> None:
    text = f"services: {{web: {{image: x, ports: [{port}], labels: {{io.atomicapp.fleet.announce: {label}}}}}}}"
    with pytest.raises(SpecError) as caught:
        parsed(text)
    assert message in caught.value.message


def test_converted_units_are_what_the_provider_takes() -> None:
    text = TWO % ", ports: ['8080:80'], deploy: {replicas: 2}"
    files = fleet.convert(truth.read(text), TARGET)
    artifacts = tuple(Artifact("web", "fleet", item.path, item.text, item.path, HERE) for item in files)
    again = fleet.parse(Rendered(artifacts), TARGET).resources
    assert {item.name for item in again} == {"app-db.service", "app-web@.service", "volume-app_data.service"}
