"""The pod around the containers of a service, and where it may run."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.providers.kubernetes.writer.made import bodies, pod, service


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("hostname: web.example.com", {"hostname": "web"}),
        ("network_mode: host", {"hostNetwork": True, "dnsPolicy": "ClusterFirstWithHostNet"}),
        ("pid: host\nipc: host\ninit: true", {"hostPID": True, "hostIPC": True}),
        ("init: true", {"shareProcessNamespace": True}),
        ("runtime: runsc", {"runtimeClassName": "runsc"}),
        ("runtime: runc", {}),
        ("stop_grace_period: 1m", {"terminationGracePeriodSeconds": 60}),
        (
            "extra_hosts: ['a:192.0.2.1', 'b:192.0.2.1', 'c:2001:db8::1', 'gate:host-gateway']",
            {
                "hostAliases": [
                    {"ip": "192.0.2.1", "hostnames": ["a", "b"]},
                    {"ip": "2001:db8::1", "hostnames": ["c"]},
                ]
            },
        ),
        (
            "dns: [192.0.2.53]\ndns_search: [example.com]\ndns_opt: ['ndots:2', use-vc]",
            {
                "dnsConfig": {
                    "nameservers": ["192.0.2.53"],
                    "searches": ["example.com"],
                    "options": [{"name": "ndots", "value": "2"}, {"name": "use-vc"}],
                }
            },
        ),
        ("platform: linux/arm64/v8", {"nodeSelector": {"kubernetes.io/os": "linux", "kubernetes.io/arch": "arm64"}}),
    ],
)
def test_what_the_pod_says(said: str, found: dict[str, Any]) -> None:
    whole = pod(said)
    for name in ("containers", "automountServiceAccountToken", "enableServiceLinks"):
        whole.pop(name)
    assert whole == found


def test_labels_of_containers_are_annotations_of_the_pod() -> None:
    found = service(
        "labels: {com.example.rule: 'Host(`a`)', 'no name': x, io.atomicapp.kubernetes.publish: NodePort}\n"
        "annotations: {com.example.note: y}\n"
        "deploy: {labels: {com.example.tier: front}}"
    )["Deployment/web"]
    notes = found["spec"]["template"]["metadata"]["annotations"]
    assert notes == {"com.example.rule": "Host(`a`)", "com.example.note": "y"}
    assert found["metadata"]["annotations"] == {"com.example.tier": "front"}


def test_pods_are_known_by_service_and_deployment() -> None:
    found = service("tty: true", app="my app")["Deployment/web"]["spec"]
    assert found["selector"]["matchLabels"] == found["template"]["metadata"]["labels"]
    labels = found["selector"]["matchLabels"]
    assert labels["app.kubernetes.io/name"] == "web"
    assert labels["app.kubernetes.io/instance"].startswith("my-app-")


# ---------------------------------------------------------------- several services in one pod

SIDE = """\
services:
  web:
    image: example/web:1
    ports: ["80"]
    volumes: [data:/data]
    stop_grace_period: 5s
    depends_on: [db]
  side:
    image: example/side:1
    network_mode: service:web
    stop_grace_period: 9s
    volumes: [data:/other:ro]
    depends_on: [web, cache]
  db: {image: example/db:1}
  cache: {image: example/cache:1}
volumes: {data: {}}
"""


def test_what_shares_a_network_is_one_pod() -> None:
    found = bodies(SIDE)
    assert "Deployment/side" not in found
    assert "Service/side" not in found
    spec = found["StatefulSet/web"]["spec"]["template"]["spec"]
    assert [item["name"] for item in spec["containers"]] == ["web", "side"]
    assert [item["volumeMounts"][0]["name"] for item in spec["containers"]] == ["data", "data"]
    assert [item["name"] for item in spec["volumes"]] == ["data"]
    assert spec["terminationGracePeriodSeconds"] == 9


@pytest.mark.parametrize("said", ["pid: service:web", "ipc: service:web"])
def test_what_shares_processes_or_memory_is_one_pod_too(said: str) -> None:
    text = f"services:\n  web: {{image: example/web:1}}\n  side:\n    image: example/side:1\n    {said}\n"
    spec = bodies(text)["Deployment/web"]["spec"]["template"]["spec"]
    assert [item["name"] for item in spec["containers"]] == ["web", "side"]
    assert spec.get("shareProcessNamespace", False) == said.startswith("pid")


# ---------------------------------------------------------------- placement


def _deployed(said: str) -> dict[str, Any]:
    return pod(f"deploy: {{{said}}}")


def test_constraints_choose_nodes() -> None:
    found = _deployed(
        "placement: {constraints: [node.labels.disk == ssd, node.labels.zone!=edge, node.hostname == n1, "
        "node.platform.arch == x86_64, node.role != manager]}"
    )
    assert found["nodeSelector"] == {
        "disk": "ssd",
        "kubernetes.io/hostname": "n1",
        "kubernetes.io/arch": "amd64",
    }
    terms = found["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    assert terms == [
        {
            "matchExpressions": [
                {"key": "zone", "operator": "NotIn", "values": ["edge"]},
                {"key": "node-role.kubernetes.io/control-plane", "operator": "DoesNotExist"},
            ]
        }
    ]


@pytest.mark.parametrize(
    "text", ["node.id == x", "node.role == manager", "engine.labels.a == b", "node.labels.a b == c"]
)
def test_constraints_that_no_node_tells_are_left_out(text: str) -> None:
    assert "nodeSelector" not in _deployed(f"placement: {{constraints: ['{text}']}}")
    assert "affinity" not in _deployed(f"placement: {{constraints: ['{text}']}}")


def test_preferences_spread() -> None:
    found = _deployed("placement: {preferences: [{spread: node.labels.rack}, {spread: engine.labels.x}]}")
    selector = {"matchLabels": {"app.kubernetes.io/name": "web"}}
    assert found["topologySpreadConstraints"] == [
        {"maxSkew": 1, "topologyKey": "rack", "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": selector}
    ]


def test_one_replica_per_node_keeps_others_away() -> None:
    found = _deployed("placement: {max_replicas_per_node: 1}")
    terms = found["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert terms == [
        {
            "labelSelector": {"matchLabels": {"app.kubernetes.io/name": "web"}},
            "topologyKey": "kubernetes.io/hostname",
        }
    ]


def test_more_replicas_per_node_are_spread() -> None:
    found = _deployed("placement: {max_replicas_per_node: 3}")["topologySpreadConstraints"]
    assert [(item["maxSkew"], item["whenUnsatisfiable"]) for item in found] == [(3, "DoNotSchedule")]
