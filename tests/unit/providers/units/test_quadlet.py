"""Projects as Quadlet files."""

from __future__ import annotations

import re
from typing import Any

import pytest

from atomicapp.errors import SpecError
from atomicapp.model import Target
from atomicapp.providers.units import quadlet, syntax
from atomicapp.providers.units.syntax import Unit
from tests.compose import truth
from tests.compose.files import read_input
from tests.compose.units import KINDS, NAMES, golden, text

# what these say in their texts is what Podman does anyway, or it is one of a kind
SAME = frozenset(
    {
        *("name", "networks.driver", "volumes.driver", "services.deploy.mode", "services.deploy.endpoint_mode"),
        *("services.ports.mode", "services.networks.priority", "services.pre_start.per_replica"),
        *("networks.ipam.driver", "services.gpus.driver", "services.deploy.resources.reservations.devices.driver"),
    }
)


def converted(text: str) -> Any:
    return quadlet.convert(truth.read(text), Target("app"))


def test_the_table_tells_of_every_key_and_of_no_other() -> None:
    assert truth.gaps(quadlet.fidelity()) == ([], [])


def test_what_the_table_tells_is_true() -> None:
    assert truth.lies(quadlet.fidelity(), converted, SAME) == {}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", KINDS)
def test_golden(kind: str, name: str) -> None:
    assert text(kind, name) == golden(kind, name).read_text(encoding="utf-8")


def files(text: str, app: str = "app") -> dict[str, str]:
    return {item.path: item.text for item in quadlet.convert(truth.read(text), Target(app))}


def container(text: str, name: str = "app-web.container") -> Unit:
    return syntax.read(files(text)[name], name, name, line_max=None)


def said(unit: Unit, *names: str, section: str = "Container") -> list[str]:
    return [option.value for option in unit.said(section, *names)]


def test_a_service_with_its_network_and_volume() -> None:
    found = files(
        "services:\n  web: {image: 'example/web:1', ports: ['80:80'], volumes: ['data:/d'], environment: {A: b}, restart: always}\n"
        "volumes: {data: {}}\n"
    )
    assert list(found) == ["app-default.network", "app-data.volume", "app-web.container", "app-web.env"]
    assert found["app-web.container"] == (
        "[Unit]\n"
        "Description=app: app-web\n"
        "StartLimitIntervalSec=0\n"
        "\n"
        "[Container]\n"
        "Image=docker.io/example/web:1\n"
        "ContainerName=app-web\n"
        "Network=app-default.network:alias=web\n"
        "EnvironmentFile=./app-web.env\n"
        "Volume=app-data.volume:/d\n"
        "PublishPort=80:80\n"
        "\n"
        "[Service]\n"
        "TimeoutStartSec=0\n"
        "Restart=always\n"
        "RestartSec=1\n"
        "SuccessExitStatus=137 143\n"
        "\n"
        "[Install]\n"
        "WantedBy=default.target\n"
    )
    assert found["app-web.env"] == "A=b\n"


def test_what_is_external_is_named() -> None:
    web = container(
        "services: {web: {image: 'example/web:1', networks: [out], volumes: ['there:/t'], secrets: [key]}}\n"
        "networks: {out: {external: true, name: uplink}}\nvolumes: {there: {external: true}}\nsecrets: {key: {external: true}}\n"
    )
    assert said(web, "Network", "Volume", "Secret") == [
        "uplink:alias=web",
        "there:/t",
        "key,type=mount,target=/run/secrets/key",
    ]


def test_dependencies_wait_in_the_way_of_systemd() -> None:
    text = (
        "services:\n"
        "  web: {image: 'example/web:1', depends_on: {db: {condition: service_healthy}, init: {condition: service_completed_successfully}}}\n"
        "  db: {image: 'example/db:1', healthcheck: {test: [CMD, ready, '$$x']}}\n"
        "  init: {image: 'example/init:1'}\n"
    )
    assert said(container(text), "Requires", section="Unit") == ["app-db.service", "app-init.service"]
    db, init = container(text, "app-db.container"), container(text, "app-init.container")
    assert said(db, "HealthCmd", "PodmanArgs") == ['["ready", "$$x"]', "--sdnotify=healthy"]
    assert said(init, "Type", "RemainAfterExit", section="Service") == ["oneshot", "yes"]


def test_values_that_a_file_or_a_key_can_not_say() -> None:
    found = files(
        "services:\n  web:\n    image: example/web:1\n"
        "    environment: {A: '\"q\"', B: \"two\\nlines\", C: plain, D: '100%'}\n"
        '    healthcheck: {test: "one\\ntwo"}\n    labels: {text: "a\\nb $$x"}\n'
    )
    web = syntax.read(found["app-web.container"], "web", "web.container")
    assert found["app-web.env"] == "C=plain\nD=100%\n"
    assert said(web, "Environment") == ['"A=\\"q\\""', '"B=two\\nlines"']
    assert said(web, "PodmanArgs") == ['--health-cmd "one\\ntwo"']
    assert said(web, "Label") == ['"text=a\\nb $$x"']


def test_secrets_are_those_of_podman() -> None:
    found = files(
        "services: {web: {image: 'example/web:1', secrets: [{source: key, target: /k, uid: '5', mode: 0400}]}}\n"
        "secrets: {key: {environment: PASSWORD}}\n"
    )
    web = syntax.read(found["app-web.container"], "web", "web.container")
    assert said(web, "Secret") == ["app-key-secret,type=mount,target=/k,uid=5,mode=0400"]
    assert said(web, "ExecStartPre", section="Service") == [
        "/usr/bin/podman secret create --replace app-key-secret %E/containers/systemd/app-secrets/key.secret"
    ]
    assert found["app-secrets/key.secret"] == "hush"
    assert "hush" not in found["app-web.container"]


def test_replicas_and_what_runs_before_are_files_of_their_own() -> None:
    found = files("services: {web: {image: 'example/web:1', scale: 2, pre_start: [{command: [migrate]}]}}\n")
    assert [path for path in found if path.endswith(".container")] == [
        "app-web-before-1.container",
        "app-web-1.container",
        "app-web-2.container",
    ]
    second = syntax.read(found["app-web-2.container"], "web", "web.container")
    assert said(second, "ContainerName") == ["app-web-2"]
    assert said(second, "Requires", section="Unit") == ["app-web-before-1.service"]
    before = syntax.read(found["app-web-before-1.container"], "web", "web.container")
    assert said(before, section="Install") == []
    assert said(before, "Type", section="Service") == ["oneshot"]


def test_what_podman_can_not_take_is_refused() -> None:
    with pytest.raises(SpecError, match=re.escape("the secret 'key' comes from a driver")):
        files("services: {web: {image: 'example/web:1', secrets: [key]}}\nsecrets: {key: {driver: vault}}\n")


def test_graphics_cards_have_names() -> None:
    web = container("services: {web: {image: 'example/web:1', gpus: [{count: 2}, {driver: other, count: 1}]}}")
    assert said(web, "AddDevice") == ["nvidia.com/gpu=0", "nvidia.com/gpu=1"]


def test_the_keys_of_all_inputs_are_told_as_pairs() -> None:
    for name in NAMES:
        for item in quadlet.convert(read_input(name), Target("app")):
            if item.path.endswith((".container", ".network", ".volume")):
                syntax.read(item.text, item.path, item.path, line_max=None)
