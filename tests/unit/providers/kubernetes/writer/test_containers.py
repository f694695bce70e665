"""The container of a service: what it runs, knows, may use and may do."""

from __future__ import annotations

from typing import Any

import pytest

from atomicapp.providers.kubernetes.writer import amounts
from tests.unit.providers.kubernetes.writer.made import container, pod, service


def test_a_plain_service_says_no_more_than_its_file() -> None:
    assert pod("tty: false") == {
        "containers": [{"name": "web", "image": "example/web:1"}],
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
    }


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("entrypoint: [/bin/a, b]\ncommand: [c]", {"command": ["/bin/a", "b"], "args": ["c"]}),
        ("command: [c, d]", {"args": ["c", "d"]}),
        ("entrypoint: []\ncommand: [c, d]", {"command": ["c", "d"]}),
        ("command: ['echo', '$$(HOME) costs $$5']", {"args": ["echo", "$$(HOME) costs $$5"]}),
        ("command: ['echo', 'costs $$5']", {"args": ["echo", "costs $5"]}),
        ("command: ['echo', '$$$$(A)']", {"args": ["echo", "$$$$(A)"]}),
        ("working_dir: /srv\ntty: true\nstdin_open: true", {"workingDir": "/srv", "stdin": True, "tty": True}),
        ("pull_policy: always", {"imagePullPolicy": "Always"}),
        ("pull_policy: missing", {"imagePullPolicy": "IfNotPresent"}),
        ("pull_policy: never", {"imagePullPolicy": "Never"}),
    ],
)
def test_what_it_runs(said: str, found: dict[str, Any]) -> None:
    assert container(said) == {"name": "web", "image": "example/web:1", **found}


def test_variables_are_literal_to_kubernetes() -> None:
    said = "environment: {A: '$$(B) $$C', B: '$$C', C: '', D: 'x'}"
    assert container(said)["env"] == [
        {"name": "A", "value": "$$(B) $$C"},
        {"name": "B", "value": "$C"},
        {"name": "C", "value": ""},
        {"name": "D", "value": "x"},
    ]


def test_a_variable_with_a_secret_of_the_package_comes_from_a_secret() -> None:
    found = service("environment: {URL: 'db://u:hush@db', NAME: me}", holds_secret=lambda text: "hush" in text)
    spec = found["Deployment/web"]["spec"]["template"]["spec"]
    assert spec["containers"][0]["env"] == [
        {"name": "URL", "valueFrom": {"secretKeyRef": {"name": "web-env", "key": "URL"}}},
        {"name": "NAME", "value": "me"},
    ]
    assert found["Secret/web-env"]["stringData"] == {"URL": "db://u:hush@db"}
    assert "hush" not in str(found["Deployment/web"])


def test_what_the_file_keeps_secret_is_so_in_variables_too() -> None:
    found = service(
        "environment: {URL: 'db://${PASSWORD}@x'}\nsecrets: [key]", "secrets: {key: {environment: PASSWORD}}\n"
    )
    assert found["Secret/web-env"]["stringData"] == {"URL": "db://hush@x"}


def test_a_changed_secret_of_a_variable_rolls_the_pods() -> None:
    def checksum(value: str) -> str:
        found = service(f"environment: {{A: {value}}}", holds_secret=lambda text: True)
        return str(found["Deployment/web"]["spec"]["template"]["metadata"]["annotations"]["checksum/files"])

    assert checksum("one") != checksum("two")
    assert checksum("one") == checksum("one")


# ---------------------------------------------------------------- amounts


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("mem_limit: 128m", {"limits": {"memory": "128Mi"}, "requests": {"memory": "0"}}),
        ("mem_limit: 1g\nmem_reservation: 100k", {"limits": {"memory": "1Gi"}, "requests": {"memory": "100Ki"}}),
        ("mem_limit: 1000b", {"limits": {"memory": "1000"}, "requests": {"memory": "0"}}),
        ("cpus: 0.5", {"limits": {"cpu": "500m"}, "requests": {"cpu": "0"}}),
        ("cpus: 2", {"limits": {"cpu": "2"}, "requests": {"cpu": "0"}}),
        ("cpus: 0.00001", {"limits": {"cpu": "1m"}, "requests": {"cpu": "0"}}),
        ("cpu_quota: 25000\ncpu_period: 50000", {"limits": {"cpu": "500m"}, "requests": {"cpu": "0"}}),
        ("cpu_quota: 150000", {"limits": {"cpu": "1500m"}, "requests": {"cpu": "0"}}),
        ("deploy: {resources: {reservations: {cpus: '0.25'}}}", {"requests": {"cpu": "250m"}}),
        ("storage_opt: {size: 10G}", {"limits": {"ephemeral-storage": "10Gi"}}),
        ("gpus: all", {"limits": {"nvidia.com/gpu": "1"}}),
        ("gpus: [{count: 2}]", {"limits": {"nvidia.com/gpu": "2"}}),
        ("gpus: [{driver: amd, count: 2}]", {"limits": {"amd.com/gpu": "2"}}),
        ("gpus: [{device_ids: ['0', '3']}, {count: 1}]", {"limits": {"nvidia.com/gpu": "3"}}),
    ],
)
def test_what_it_may_use(said: str, found: dict[str, Any]) -> None:
    assert container(said)["resources"] == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("10G", "10Gi"),
        ("512mb", "512Mi"),
        ("64m", "64Mi"),
        ("100", "100"),
        ("1kib", "1Ki"),
        ("x", ""),
        ("0", ""),
        ("", ""),
    ],
)
def test_sizes_in_the_letters_of_kubernetes(text: str, found: str) -> None:
    assert amounts.suffixed(text) == found


# ---------------------------------------------------------------- probes and hooks


def test_a_health_check_becomes_three_probes() -> None:
    found = container(
        "healthcheck: {test: [CMD, ready, '$$(A)'], interval: 7s, timeout: 1500ms, retries: 4, start_period: 20s, "
        "start_interval: 2s}"
    )
    command = {"exec": {"command": ["ready", "$$(A)"]}}
    steady = {**command, "periodSeconds": 7, "timeoutSeconds": 2, "failureThreshold": 4}
    assert found["readinessProbe"] == found["livenessProbe"] == steady
    # twenty seconds, and the five minutes that each has
    assert found["startupProbe"] == {**steady, "periodSeconds": 2, "failureThreshold": 160}


def test_the_times_of_a_health_check_that_says_none() -> None:
    found = container("healthcheck: {test: pg_isready}")
    command = {"exec": {"command": ["/bin/sh", "-c", "pg_isready"]}}
    assert found["readinessProbe"] == {**command, "periodSeconds": 10, "timeoutSeconds": 30, "failureThreshold": 3}
    assert found["startupProbe"] == {**command, "periodSeconds": 5, "timeoutSeconds": 30, "failureThreshold": 60}


@pytest.mark.parametrize("said", ["disable: true", "test: NONE", "test: [NONE]", "interval: 5s"])
def test_no_probes_without_a_command(said: str) -> None:
    said = said.replace("test: NONE", "test: ['NONE']")
    assert "Probe" not in str(container(f"healthcheck: {{{said}}}"))


def test_one_command_of_a_hook_is_carried_out_as_it_is() -> None:
    found = container("post_start: [{command: [warm, up], environment: {A: b c}}]\npre_stop: [{command: drain it}]")
    assert found["lifecycle"] == {
        "postStart": {"exec": {"command": ["env", "A=b c", "warm", "up"]}},
        "preStop": {"exec": {"command": ["drain", "it"]}},
    }


def test_several_commands_of_a_hook_are_joined_by_a_shell() -> None:
    found = container("post_start: [{command: [a, 'b c'], working_dir: /s v}, {command: [d]}]")
    line = "(cd '/s v' && a 'b c') && d"
    assert found["lifecycle"] == {"postStart": {"exec": {"command": ["/bin/sh", "-c", line]}}}


def test_what_comes_before_the_start_runs_first_in_the_pod() -> None:
    found = pod("user: '7'\npre_start: [{command: [migrate]}, {image: 'example/tools:1', command: [fix], user: root}]")
    first, second = found["initContainers"]
    assert (first["name"], first["image"], first["args"]) == ("web-before-1", "example/web:1", ["migrate"])
    assert (second["name"], second["image"], second["args"]) == ("web-before-2", "example/tools:1", ["fix"])
    assert (first["securityContext"]["runAsUser"], second["securityContext"]["runAsUser"]) == (7, 0)


# ---------------------------------------------------------------- rights


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("user: '1000:1001'", {"runAsUser": 1000, "runAsGroup": 1001}),
        ("user: root", {"runAsUser": 0}),
        ("privileged: true", {"privileged": True}),
        ("read_only: true", {"readOnlyRootFilesystem": True}),
        (
            "cap_add: [CAP_NET_ADMIN, net_admin]\ncap_drop: [all]",
            {"capabilities": {"add": ["NET_ADMIN"], "drop": ["ALL"]}},
        ),
        ("security_opt: ['no-new-privileges:true']", {"allowPrivilegeEscalation": False}),
        ("security_opt: [no-new-privileges]", {"allowPrivilegeEscalation": False}),
        ("security_opt: ['seccomp:unconfined']", {"seccompProfile": {"type": "Unconfined"}}),
        ("security_opt: [apparmor=unconfined]", {"appArmorProfile": {"type": "Unconfined"}}),
        ("security_opt: [apparmor=mine]", {"appArmorProfile": {"type": "Localhost", "localhostProfile": "mine"}}),
        (
            "security_opt: ['label:level:s0:c1,c2', 'label=type:web_t']",
            {"seLinuxOptions": {"level": "s0:c1,c2", "type": "web_t"}},
        ),
        ("security_opt: [label=disable]", {"seLinuxOptions": {"type": "spc_t"}}),
    ],
)
def test_what_it_may_do(said: str, found: dict[str, Any]) -> None:
    assert container(said)["securityContext"] == found


@pytest.mark.parametrize(
    "said", ["user: www-data", "user: 'www-data:33'", "security_opt: ['no-new-privileges:false']", "privileged: false"]
)
def test_what_kubernetes_has_no_word_for_is_left_out(said: str) -> None:
    assert "securityContext" not in container(said)


@pytest.mark.parametrize("rights", ["privileged: true", "cap_add: [SYS_ADMIN]", "cap_add: [ALL]"])
def test_no_new_privileges_gives_way_to_rights_that_the_server_refuses_beside_it(rights: str) -> None:
    found = container(f"{rights}\nsecurity_opt: ['no-new-privileges:true']")
    assert "allowPrivilegeEscalation" not in found["securityContext"]


def test_rights_of_the_pod() -> None:
    found = pod(
        "group_add: ['7', staff, '3']\n"
        "sysctls: {net.ipv4.tcp_syncookies: 0, net.core.somaxconn: 1024, kernel.shm_rmid_forced: 1}"
    )
    assert found["securityContext"] == {
        "supplementalGroups": [3, 7],
        "sysctls": [
            {"name": "kernel.shm_rmid_forced", "value": "1"},
            {"name": "net.ipv4.tcp_syncookies", "value": "0"},
        ],
    }


def test_no_kernel_parameters_of_what_is_the_nodes_own() -> None:
    said = "network_mode: host\nipc: host\nsysctls: {net.ipv4.tcp_syncookies: 0, kernel.shm_rmid_forced: 1}"
    assert "securityContext" not in pod(said)
