"""What stands beside the services: networks, volumes, configs, secrets, and the rest of the top level."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from atomicapp.document import Node
from atomicapp.workload.compose import forms, items, sources
from atomicapp.workload.compose.context import Context
from atomicapp.workload.compose.kinds import FLAG, NUMBER, kind
from atomicapp.workload.compose.shapes import Many, Obj, Pairs, Scalar, Shape
from atomicapp.workload.compose.tables import any_texts, boolean, options, pairs, text
from atomicapp.workload.project import FileSpec, NetworkSpec, Subnet, VolumeSpec

_EXTERNAL = Obj({"name": text})


class External(Shape):
    """True, or the older form with the name: a tuple of both."""

    def read(self, context: Context, node: Node, path: str) -> tuple[bool, str] | None:
        if kind(node) == "mapping":
            found = _EXTERNAL.read(context, node, path.rpartition(".")[0])
            return None if found is None else (True, found.get("name") or "")
        flag = Scalar(FLAG, forms.boolean, expected="true or false").read(context, node, path)
        return None if flag is None else (flag, "")


_ipam = Obj(
    {
        "driver": text,
        "config": Many(
            Obj(
                {
                    "subnet": text,
                    "ip_range": text,
                    "gateway": text,
                    "aux_addresses": Pairs(frozenset(text.tags), listed=False),
                }
            )
        ),
        "options": Pairs(frozenset(text.tags), listed=False),
    }
)


def _only_name(context: Context, keys: dict[str, Node], what: str) -> None:
    """What is there already can't be described."""
    for name, key in keys.items():
        if name not in ("external", "name"):
            context.fault(
                key,
                f"{what}: '{name}' can't be joined with 'external': it is there already",
                "conflict",
                "remove one of them",
            )


def _named(found: dict[str, Any]) -> dict[str, Any]:
    external, name = found.get("external") or (False, "")
    return {"name": found.get("name") or name, "external": external}


def _network(context: Context, node: Node, found: dict[str, Any], keys: dict[str, Node]) -> NetworkSpec:
    given = _named(found)
    if given["external"]:
        _only_name(context, keys, "networks")
    ipam = found.get("ipam") or {}
    subnets = tuple(
        Subnet(
            item.get("subnet") or "",
            item.get("ip_range") or "",
            item.get("gateway") or "",
            MappingProxyType(items.options(item.get("aux_addresses"))),
        )
        for item in ipam.get("config") or ()
    )
    return NetworkSpec(
        "",
        context.position(node),
        driver=found.get("driver") or "",
        driver_options=MappingProxyType(found.get("driver_opts") or {}),
        attachable=bool(found.get("attachable")),
        internal=bool(found.get("internal")),
        ipv4=found.get("enable_ipv4"),
        ipv6=found.get("enable_ipv6"),
        ipam_driver=ipam.get("driver") or "",
        ipam_options=MappingProxyType(items.options(ipam.get("options"))),
        subnets=subnets,
        labels=MappingProxyType(items.options(found.get("labels"))),
        **given,
    )


def _volume(context: Context, node: Node, found: dict[str, Any], keys: dict[str, Node]) -> VolumeSpec:
    given = _named(found)
    if given["external"]:
        _only_name(context, keys, "volumes")
    return VolumeSpec(
        "",
        context.position(node),
        driver=found.get("driver") or "",
        driver_options=MappingProxyType(found.get("driver_opts") or {}),
        labels=MappingProxyType(items.options(found.get("labels"))),
        **given,
    )


_ORIGINS = ("file", "content", "environment", "driver")


def _file(context: Context, node: Node, found: dict[str, Any], keys: dict[str, Node]) -> FileSpec:
    given = _named(found)
    origins = [name for name in _ORIGINS if name in found]
    if given["external"]:
        _only_name(context, keys, "configs and secrets")
    elif not origins:
        context.fault(
            node, "it is said nowhere what it holds", "missing", "expected file, environment, content or external"
        )
    elif len(origins) > 1:
        context.fault(
            keys[origins[1]], f"'{origins[1]}' and '{origins[0]}' exclude each other", "conflict", "remove one of them"
        )
    return FileSpec(
        "",
        context.position(node),
        content=None if given["external"] else _content(context, found, keys),
        driver=found.get("driver") or "",
        driver_options=MappingProxyType(found.get("driver_opts") or {}),
        template_driver=found.get("template_driver") or "",
        labels=MappingProxyType(items.options(found.get("labels"))),
        **given,
    )


def _content(context: Context, found: dict[str, Any], keys: dict[str, Node]) -> str | None:
    if "content" in found:
        content: str = found["content"]
        return content
    if "environment" in found:
        value = context.variables_of(keys["environment"]).get(found["environment"])
        if value is None:
            context.fault(
                keys["environment"],
                f"the variable '{found['environment']}' has no value",
                "unset-variable",
                f"declare a param '{found['environment']}'",
            )
        return value
    if "file" in found:
        folder = context.source_of(keys["file"]).folder
        return sources.text_of(context, keys["file"], found["file"], folder, "the file")
    return None


_described: dict[str, Shape] = {
    "name": text,
    "external": External(),
    "labels": pairs,
    "driver": text,
    "driver_opts": options,
}
network = Obj(
    {
        **_described,
        "ipam": _ipam,
        "internal": boolean,
        "enable_ipv4": boolean,
        "enable_ipv6": boolean,
        "attachable": boolean,
    },
    _network,
    nullable=True,
)
volume = Obj(_described, _volume, nullable=True)
config = Obj(
    {
        "name": text,
        "content": text,
        "environment": text,
        "file": text,
        "external": External(),
        "labels": pairs,
        "template_driver": text,
    },
    _file,
)
secret = Obj({**_described, "environment": text, "file": text, "template_driver": text}, _file)
model = Obj(
    {
        "name": text,
        "model": text,
        "context_size": Scalar(NUMBER, forms.whole),
        "runtime_flags": any_texts,
    },
    required=("model",),
)
