"""What `deploy` adds to a workload: how a cluster runs it, limits of resources, restarts."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from atomicapp.document import Node
from atomicapp.position import Position
from atomicapp.workload import model
from atomicapp.workload.compose import items
from atomicapp.workload.compose.context import Context

_SAME = (  # key of the service, part of deploy, key there, field of Resources
    ("cpus", "limits", "cpus", "cpus"),
    ("mem_limit", "limits", "memory", "memory"),
    ("pids_limit", "limits", "pids", "pids"),
    ("", "reservations", "cpus", "cpu_reservation"),
    ("mem_reservation", "reservations", "memory", "memory_reservation"),
)
_RESTART = {"none": "no", "on-failure": "on-failure", "any": "always"}


def complete(
    context: Context,
    found: dict[str, Any],
    keys: dict[str, Node],
    fields: dict[str, Any],
    resources: dict[str, Any],
    where: dict[str, Position],
) -> tuple[model.DeviceRequest, ...]:
    """Put what `deploy` and `scale` say into the fields of a workload; the requests for devices."""
    deploy = found.get("deploy") or {}
    replicas = deploy.get("replicas")
    if "scale" in found:
        if replicas is not None and replicas != found["scale"]:
            context.fault(
                keys["scale"],
                f"scale says {found['scale']}, deploy.replicas {replicas}",
                "conflict",
                "remove one of them",
            )
        replicas = found["scale"]
    if replicas is not None:
        fields["replicas"] = replicas
    if not deploy:
        return ()
    where.setdefault("replicas", where["deploy"])
    where["scheduling"] = where["deploy"]
    parts = deploy.get("resources") or {}
    for word, part, name, field in _SAME:
        value = (parts.get(part) or {}).get(name)
        if value is None:
            continue
        if resources.get(field, value) != value:
            context.fault(
                keys[word],
                f"{word} and deploy.resources.{part}.{name} say two things",
                "conflict",
                "remove one of them",
            )
        resources[field] = value
        where.setdefault(field, where["deploy"])
    reservations = parts.get("reservations") or {}
    rule = _rule(deploy.get("restart_policy"))
    if rule is not None and "restart" not in fields:
        policy = _RESTART[rule.condition or "any"]
        fields["restart"] = model.Restart(policy, (rule.max_attempts or 0) if policy == "on-failure" else 0)
        where["restart"] = where["deploy"]
    placement = deploy.get("placement") or {}
    fields["scheduling"] = model.Scheduling(
        deploy.get("mode") or "",
        deploy.get("endpoint_mode") or "",
        placement.get("constraints") or (),
        tuple(item["spread"] for item in placement.get("preferences") or () if "spread" in item),
        placement.get("max_replicas_per_node") or 0,
        _rollout(deploy.get("update_config")),
        _rollout(deploy.get("rollback_config")),
        rule,
        MappingProxyType(_generic(reservations)),
        MappingProxyType(items.options(deploy.get("labels"))),
    )
    requests: tuple[model.DeviceRequest, ...] = reservations.get("devices") or ()
    return requests


def _rule(found: dict[str, Any] | None) -> model.RestartRule | None:
    if found is None:
        return None
    names = ("condition", "delay", "max_attempts", "window")
    return model.RestartRule(**{name: found[name] for name in names if name in found})


def _rollout(found: dict[str, Any] | None) -> model.Rollout | None:
    if found is None:
        return None
    names = ("parallelism", "delay", "failure_action", "monitor", "max_failure_ratio", "order")
    return model.Rollout(**{name: found[name] for name in names if name in found})


def _generic(reservations: dict[str, Any]) -> dict[str, int]:
    found: dict[str, int] = {}
    for item in reservations.get("generic_resources") or ():
        spec = item.get("discrete_resource_spec") or {}
        if spec.get("kind"):
            found[spec["kind"]] = spec.get("value") or 0
    return found
