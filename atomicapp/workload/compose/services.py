"""From the checked fields of a service to its Workload."""

from __future__ import annotations

from collections.abc import Iterable
from types import MappingProxyType
from typing import Any

from atomicapp.document import MappingNode, Node
from atomicapp.position import Position
from atomicapp.workload import model
from atomicapp.workload.compose import deploy, envfile, expand, items, merge, security, tables, tables_service
from atomicapp.workload.compose.context import Context
from atomicapp.workload.compose.items import Read
from atomicapp.workload.compose.kinds import shortened
from atomicapp.workload.project import DEFAULT_NETWORK

_PLAIN = {  # key -> field of the Workload
    "container_name": "name",
    "command": "command",
    "entrypoint": "entrypoint",
    "cgroup_parent": "cgroup_parent",
    "domainname": "domainname",
    "hostname": "hostname",
    "init": "init",
    "isolation": "isolation",
    "platform": "platform",
    "runtime": "runtime",
    "shm_size": "shm_size",
    "stdin_open": "stdin",
    "stop_grace_period": "stop_grace",
    "stop_signal": "stop_signal",
    "tty": "tty",
    "user": "user",
    "working_dir": "workdir",
    "pull_policy": "pull",
    "restart": "restart",
    "ports": "ports",
    "expose": "exposed",
    "volumes_from": "volumes_from",
    "device_cgroup_rules": "device_rules",
    "group_add": "groups",
    "post_start": "post_start",
    "pre_stop": "pre_stop",
}
_RESOURCES = {
    "mem_limit": "memory",
    "mem_reservation": "memory_reservation",
    "memswap_limit": "memory_swap",
    "mem_swappiness": "memory_swappiness",
    "cpus": "cpus",
    "cpu_shares": "cpu_shares",
    "cpu_period": "cpu_period",
    "cpu_quota": "cpu_quota",
    "cpu_rt_period": "cpu_rt_period",
    "cpu_rt_runtime": "cpu_rt_runtime",
    "cpuset": "cpuset_cpus",
    "pids_limit": "pids",
    "oom_kill_disable": "oom_kill_disable",
    "oom_score_adj": "oom_score_adj",
    "cpu_count": "windows_cpu_count",
    "cpu_percent": "windows_cpu_percent",
}
_NAMESPACES = {"pid": "pid", "ipc": "ipc", "uts": "uts", "userns_mode": "user", "cgroup": "cgroup"}
_WHERE = {**_PLAIN, **_RESOURCES, **_NAMESPACES, "environment": "env", "volumes": "mounts", "scale": "replicas"}


def workload(context: Context, name: str, key: Node, read: Read) -> model.Workload:
    """The workload of a service."""
    _, found, keys = read
    position = context.position(key)
    where = {_WHERE.get(word, word): context.position(place) for word, place in keys.items()}
    fields: dict[str, Any] = {
        field: found[word] for word, field in _PLAIN.items() if word in found and found[word] is not None
    }
    resources = {field: found[word] for word, field in _RESOURCES.items() if found.get(word) is not None}
    mounts, grants = _mounts(found)
    namespaces, networks = _networks(context, found, keys, position)
    if "env_file" in found or "environment" in found:
        fields["env"] = _environment(context, found)
    if "labels" in found or "label_file" in found:
        fields["labels"] = MappingProxyType(_labels(context, found))
    for word, field in (("annotations", "annotations"), ("sysctls", "sysctls"), ("storage_opt", "storage_options")):
        if word in found:
            fields[field] = MappingProxyType(items.options(found[word]))
    if found.get("healthcheck"):
        fields["healthcheck"] = _health(context, found["healthcheck"], keys)
    if "links" in found or "external_links" in found:
        fields["links"] = (*found.get("links", ()), *found.get("external_links", ()))
    if "depends_on" in found:
        fields["depends_on"] = _dependencies(context, found["depends_on"])
    if "configs" in found or grants:
        fields["configs"] = (*_grants(context, found.get("configs") or (), "/"), *grants)
    if "secrets" in found:
        fields["secrets"] = _grants(context, found["secrets"], "/run/secrets/")
    if "blkio_config" in found:
        fields["block_io"] = _block_io(context, found["blkio_config"], keys["blkio_config"])
    if "ulimits" in found:
        fields["ulimits"] = _ulimits(context, found["ulimits"])
    if "logging" in found:
        logging = found["logging"]
        options = MappingProxyType(items.options(logging.get("options")))
        fields["logging"] = model.Logging(logging.get("driver") or "", options)
    if "extra_hosts" in found:
        fields["extra_hosts"] = _hosts(context, found["extra_hosts"])
    if "credential_spec" in found:
        fields["credential_spec"] = MappingProxyType(found["credential_spec"])
    if "dns" in found or "dns_search" in found or "dns_opt" in found:
        fields["dns"] = model.Dns(found.get("dns", ()), found.get("dns_search", ()), found.get("dns_opt", ()))
    devices = found.get("devices", ())
    requests = [*(item for item in devices if isinstance(item, model.DeviceRequest)), *found.get("gpus", ())]
    requests += deploy.complete(context, found, keys, fields, resources, where)
    if "pre_start" in found:
        fields["pre_start"] = tuple(_pre_start(context, name, read, hook) for hook in found["pre_start"])
    return model.Workload(
        image=found.get("image") or "",
        position=position,
        service=name,
        mounts=mounts,
        networks=networks,
        namespaces=namespaces,
        resources=model.Resources(**resources) if resources else _NO_RESOURCES,
        security=security.read(context, found),
        devices=tuple(item for item in devices if isinstance(item, model.Device)),
        device_requests=tuple(requests),
        where=MappingProxyType(where),
        **fields,
    )


def _pre_start(context: Context, name: str, read: Read, hook: Read) -> model.PreStart:
    """A hook before the start: what it doesn't say is as in the service."""
    own: Any = read.node
    hooks: Any = hook.node
    context.spend(expand.size(own), hooks)
    pairs = [(key, value) for key, value in context.pairs(own) if key.value in tables.container]
    base = merge.like(MappingNode(own.tag, pairs, own.start_mark, own.end_mark), own)
    before = len(context.said)
    node = merge.mappings(base, hooks, ("services", "*"))
    merged = tables_service.PreStart.keys.read(context, node, "services")
    del context.said[before:]
    if merged is None:
        return model.PreStart(model.Workload("", context.position(hooks)))
    return model.PreStart(workload(context, name, hooks, merged), bool(merged.found.get("per_replica")))


_NO_RESOURCES = model.Resources()


def _mounts(found: dict[str, Any]) -> tuple[tuple[model.Mount, ...], list[model.FileGrant]]:
    mounts: list[model.Mount] = []
    grants: list[model.FileGrant] = []
    for item in found.get("volumes", ()):
        if isinstance(item, model.Mount):
            mounts.append(item)
        elif item is not None:
            # a folder of the package stands for its files
            grants += [item] if isinstance(item, model.FileGrant) else item
    return (*mounts, *found.get("tmpfs", ())), grants


def _environment(context: Context, found: dict[str, Any]) -> tuple[model.Env, ...]:
    read = {env.name: env for env in envfile.variables(context, found.get("env_file", ()))}
    for name, value, node in found.get("environment", ()):
        if value is None:
            value = context.variables_of(node).get(name)
            if value is None:
                if name not in read:
                    context.unset(node, name)
                continue
        read[name] = model.Env(name, value, context.position(node))
    return tuple(read.values())


def _labels(context: Context, found: dict[str, Any]) -> dict[str, str]:
    return envfile.labels(context, found.get("label_file", ())) | items.options(found.get("labels"))


_HEALTH = ("interval", "timeout", "start_period", "start_interval", "retries")


def _health(context: Context, found: dict[str, Any], keys: dict[str, Node]) -> model.Healthcheck:
    times = {name: found[name] for name in _HEALTH if name in found}
    test = found.get("test", ())
    if found.get("disable") or test == ("NONE",):
        return model.Healthcheck(("NONE",))
    return model.Healthcheck(test, **times)


def _dependencies(context: Context, found: Any) -> tuple[model.Dependency, ...]:
    if isinstance(found, tuple):
        return found
    return tuple(
        model.Dependency(
            name,
            items.CONDITIONS[value["condition"]],
            context.position(key),
            bool(value.get("restart")),
            value.get("required") is not False,
        )
        for name, (key, value) in ((name, (key, value or _STARTED)) for name, (key, value) in found.items())
    )


_STARTED = {"condition": "service_started"}


def _grants(context: Context, found: Iterable[model.FileGrant], folder: str) -> tuple[model.FileGrant, ...]:
    """Grants with the paths in the container completed."""
    done = []
    for item in found:
        target = item.target or item.source
        done.append(item._replace(target=target if target.startswith("/") else folder + target))
    return tuple(done)


def _ulimits(context: Context, found: dict[str, tuple[Node, Any]]) -> tuple[model.Ulimit, ...]:
    done = []
    for name, (key, value) in found.items():
        if value is None:
            continue
        soft, hard = value if isinstance(value, tuple) else (value, value)
        if hard != -1 and (soft == -1 or soft > hard):
            context.fault(key, f"ulimits: the soft limit {soft} of {name} is above the hard limit {hard}", "value")
        done.append(model.Ulimit(name, soft, hard, context.position(key)))
    return tuple(done)


def _hosts(context: Context, found: Any) -> tuple[str, ...]:
    from atomicapp.workload import values

    if isinstance(found, tuple):
        return found
    done = []
    for name, (key, value) in found.items():
        for address in value if isinstance(value, tuple) else (value,) if value else ():
            try:
                done.append(values.extra_host(f"{name}={address}"))
            except ValueError as error:
                context.fault(key, f"extra_hosts '{shortened(f'{name}: {address}')}': {error}", "value")
    return tuple(done)


_RATES = {
    "weight_device": ("weight_devices", "weight"),
    "device_read_bps": ("read_bps", "rate"),
    "device_write_bps": ("write_bps", "rate"),
    "device_read_iops": ("read_iops", "rate"),
    "device_write_iops": ("write_iops", "rate"),
}


def _block_io(context: Context, found: dict[str, Any], key: Node) -> model.BlockIo:
    position = context.position(key)
    lists = {
        field: tuple(model.DeviceRate(item["path"], item[value], position) for item in found[word])
        for word, (field, value) in _RATES.items()
        if word in found
    }
    return model.BlockIo(found.get("weight"), **lists)


def _networks(
    context: Context, found: dict[str, Any], keys: dict[str, Node], position: Position
) -> tuple[model.Namespaces, tuple[model.Network, ...]]:
    given = {field: found[word] for word, field in _NAMESPACES.items() if found.get(word)}
    mode = found.get("network_mode") or ""
    mac = found.get("mac_address") or ""
    if mode:
        given["network"] = mode
        if "networks" in found:
            context.fault(
                keys["networks"],
                f"networks can't be joined with network_mode '{shortened(mode)}'",
                "conflict",
                "remove one of them",
            )
        shared = mode.startswith(("container:", "service:"))
        refused = ("ports", "links", "mac_address") if shared else ("mac_address",) if mode in ("host", "none") else ()
        for word in refused:
            if word in found:
                context.fault(keys[word], f"{word} can't be joined with network_mode '{shortened(mode)}'", "conflict")
        attached = (model.Network(mode, context.position(keys["mac_address"]), mac=mac),) if mac else ()
        return model.Namespaces(**given), attached
    networks = _attachments(context, found.get("networks"), position)
    if mac:
        first = max(range(len(networks)), key=lambda at: networks[at].priority)
        if networks[first].mac not in ("", mac):
            context.fault(keys["mac_address"], "mac_address is said of the network too", "conflict", "remove one")
        networks[first] = networks[first]._replace(mac=mac)
    return model.Namespaces(**given) if given else _NO_NAMESPACES, tuple(networks)


_NO_NAMESPACES = model.Namespaces()


def _attachments(context: Context, found: Any, position: Position) -> list[model.Network]:
    if isinstance(found, tuple):
        networks = [model.Network(name, context.position(node)) for name, node in found]
    elif found:
        networks = [model.Network(name, context.position(key), **(value or {})) for name, (key, value) in found.items()]
    else:
        networks = []
    return networks or [model.Network(DEFAULT_NETWORK, position)]
