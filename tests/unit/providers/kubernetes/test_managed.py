"""providers/kubernetes/managed.py: the part of an object that a field manager has applied."""

from __future__ import annotations

from typing import Any

from atomicapp.providers.kubernetes.managed import applied

POD: dict[str, Any] = {
    "metadata": {
        "name": "web",
        "labels": {"app": "web", "added": "by another"},
        "finalizers": ["a/b", "c/d"],
        "managedFields": [
            {
                "manager": "atomicapp",
                "operation": "Apply",
                "fieldsV1": {
                    "f:metadata": {"f:labels": {"f:app": {}}, "f:finalizers": {'v:"a/b"': {}}},
                    "f:spec": {
                        "f:containers": {
                            'k:{"name":"main"}': {
                                ".": {},
                                "f:name": {},
                                "f:image": {},
                                "f:command": {},
                                "f:ports": {
                                    'k:{"containerPort":80,"protocol":"TCP"}': {".": {}, "f:containerPort": {}}
                                },
                            },
                            'k:{"name":"gone"}': {".": {}, "f:name": {}},
                        },
                        "f:absent": {},
                    },
                },
            },
            {"manager": "atomicapp", "operation": "Update", "fieldsV1": {"f:status": {}}},
            {"manager": "other", "operation": "Apply", "fieldsV1": {"f:spec": {"f:nodeName": {}}}},
            {"manager": "atomicapp", "operation": "Apply", "subresource": "status", "fieldsV1": {"f:status": {}}},
        ],
    },
    "spec": {
        "nodeName": "node1",
        "containers": [
            {"name": "sidecar", "image": "injected"},
            {
                "name": "main",
                "image": "busybox",
                "command": ["sh", "-c", "true"],
                "imagePullPolicy": "Always",
                "ports": [{"containerPort": 80, "protocol": "TCP"}],
            },
        ],
    },
    "status": {"phase": "Running"},
}


def test_only_what_was_applied_is_found() -> None:
    assert applied(POD, "atomicapp") == {
        "metadata": {"labels": {"app": "web"}, "finalizers": ["a/b"]},
        "spec": {
            "containers": [
                {
                    "name": "main",
                    "image": "busybox",
                    "command": ["sh", "-c", "true"],
                    "ports": [{"containerPort": 80, "protocol": "TCP"}],
                }
            ]
        },
    }


def test_nothing_is_found_for_others_and_without_records() -> None:
    assert applied(POD, "nobody") == {}
    assert applied({"metadata": {}, "spec": {}}, "atomicapp") == {}


def test_items_by_index() -> None:
    fields: dict[str, Any] = {"f:spec": {"f:list": {"i:1": {}, "i:7": {}}}}
    entry = {"manager": "m", "operation": "Apply", "fieldsV1": fields}
    live = {"metadata": {"managedFields": [entry]}, "spec": {"list": ["a", "b"]}}
    assert applied(live, "m") == {"spec": {"list": ["b"]}}
