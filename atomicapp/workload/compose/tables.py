"""The table of the Compose Specification: every key, and the shape of its value.

Written from the specification; a test holds it against the specification's own schema. `container` are the keys of
what runs in a container at all (services, jobs, hooks before the start), `workload` those that services and jobs share.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from atomicapp.document import Node
from atomicapp.workload import model, specs, values
from atomicapp.workload.compose import forms, items
from atomicapp.workload.compose.context import NULL, Context
from atomicapp.workload.compose.shapes import (
    FLAG,
    NUMBER,
    PLAIN,
    TEXT,
    As,
    Built,
    Either,
    Many,
    Named,
    Obj,
    One,
    OneOrMany,
    Pairs,
    Scalar,
    Shape,
    Short,
)


def check_name(context: Context, node: Node) -> None:
    """The key of a service, network, volume, config or secret."""
    try:
        forms.name(node.value)
    except ValueError as error:
        context.fault(node, f"'{node.value}': {error}", "name")


def _check_limit(context: Context, node: Node) -> None:
    if not node.value.isascii() or not node.value.isalpha() or not node.value.islower():
        context.fault(node, f"'{node.value}': expected the name of a limit such as nofile", "name")


text = Scalar()
boolean = Scalar(FLAG, forms.boolean)
natural = Scalar(NUMBER, forms.natural)
whole = Scalar(NUMBER, forms.whole)
size = Scalar(NUMBER, values.size)
cpus = Scalar(NUMBER, values.processors)
duration = Scalar(TEXT, values.duration)
octal = Built(Scalar(NUMBER), forms.mode)
texts = Many(text, unique=True)
any_texts = Many(text)
one_or_more = OneOrMany(text, unique=True)
pairs = Pairs()
options = Built(Pairs(NUMBER, listed=False), lambda _, __, found: items.options(found))
mac = Scalar(TEXT, values.mac)
command = Built(
    Either(plain=Scalar(TEXT | {NULL}), items=any_texts),
    items.command,
)


def word(*known: str) -> Scalar:
    return Scalar(TEXT, partial(values.one_of, known))


def _grants() -> Shape:
    return Many(
        Either(
            plain=As("source", Built(text, items.grant_text)),
            mapping=Obj(
                {"source": text, "target": text, "uid": text, "gid": text, "mode": octal},
                items.grant,
                required=("source",),
            ),
        )
    )


extra_hosts = Either(
    items=Many(Scalar(TEXT, values.extra_host), unique=True),
    mapping=One(Named(Either(plain=text, items=any_texts), lambda _, __: None)),
)
ulimits = One(
    Named(
        Either(
            plain=whole,
            mapping=Obj({"soft": whole, "hard": whole}, items.ulimit, required=("soft", "hard")),
        ),
        _check_limit,
    )
)
hook = Obj(
    {"command": command, "user": text, "privileged": boolean, "working_dir": text, "environment": pairs},
    items.hook,
    required=("command",),
)
_rate = Obj({"path": text, "rate": size}, extensible=False, required=("path", "rate"))
_operations = Obj({"path": text, "rate": natural}, extensible=False, required=("path", "rate"))
_weight = Obj(
    {"path": text, "weight": Scalar(NUMBER, specs.block_weight)}, extensible=False, required=("path", "weight")
)
_request = {
    "capabilities": texts,
    "count": Scalar(NUMBER, forms.count),
    "device_ids": texts,
    "driver": text,
    "options": pairs,
}

container: dict[str, Shape] = {
    "annotations": pairs,
    "blkio_config": Obj(
        {
            "weight": Scalar(NUMBER, specs.block_weight),
            "weight_device": Many(_weight),
            "device_read_bps": Many(_rate),
            "device_write_bps": Many(_rate),
            "device_read_iops": Many(_operations),
            "device_write_iops": Many(_operations),
        },
        extensible=False,
    ),
    "cap_add": texts,
    "cap_drop": texts,
    "cgroup": word("host", "private"),
    "cgroup_parent": text,
    "command": command,
    "configs": _grants(),
    "cpu_count": natural,
    "cpu_percent": Scalar(NUMBER, partial(forms.between, 0, 100)),
    "cpu_shares": natural,
    "cpu_quota": whole,
    "cpu_period": Scalar(NUMBER, forms.microseconds),
    "cpu_rt_period": Scalar(NUMBER, forms.microseconds),
    "cpu_rt_runtime": Scalar(NUMBER, forms.microseconds),
    "cpus": cpus,
    "cpuset": text,
    "credential_spec": Obj({"config": text, "file": text, "registry": text}),
    "device_cgroup_rules": Many(Scalar(TEXT, specs.device_rule), unique=True),
    "devices": Many(
        Either(
            plain=Short(items.device_text, "source", "target", "permissions"),
            mapping=Obj(
                {"source": text, "target": text, "permissions": text}, items.device_mapping, required=("source",)
            ),
        )
    ),
    "dns": OneOrMany(Scalar(TEXT, values.address), unique=True),
    "dns_opt": texts,
    "dns_search": one_or_more,
    "domainname": text,
    "entrypoint": command,
    "env_file": OneOrMany(
        Either(
            plain=As("path", Built(text, items.env_file_text)),
            mapping=Obj(
                {"path": text, "format": word("raw"), "required": boolean},
                items.env_file,
                required=("path",),
                extensible=False,
            ),
        )
    ),
    "label_file": OneOrMany(Built(text, items.placed)),
    "environment": pairs,
    "extra_hosts": extra_hosts,
    "gpus": Built(
        Either(
            plain=As("count", Built(word("all"), items.all_gpus)),
            items=Many(Obj(_request, items.device_request)),
        ),
        items.gpus,
    ),
    "group_add": Many(Scalar(NUMBER), unique=True),
    "hostname": text,
    "image": text,
    "init": boolean,
    "ipc": Scalar(TEXT, forms.ipc),
    "isolation": text,
    "labels": pairs,
    "logging": Obj({"driver": text, "options": Pairs(NUMBER | {NULL}, listed=False)}),
    "mac_address": mac,
    "mem_limit": size,
    "mem_reservation": size,
    "mem_swappiness": Scalar(NUMBER, partial(forms.between, -1, 100)),
    "memswap_limit": Scalar(NUMBER, values.swap),
    "network_mode": text,
    "models": Either(
        items=Many(As("", text), unique=True),
        mapping=Named(Obj({"endpoint_var": text, "model_var": text}, nullable=True), check_name, says=True),
    ),
    "networks": Either(
        items=Many(As("", Built(text, items.placed)), unique=True),
        mapping=Named(
            Obj(
                {
                    "aliases": texts,
                    "interface_name": text,
                    "ipv4_address": Scalar(TEXT, values.address4),
                    "ipv6_address": Scalar(TEXT, values.address6),
                    "link_local_ips": Many(Scalar(TEXT, values.address), unique=True),
                    "mac_address": mac,
                    "driver_opts": options,
                    "priority": whole,
                    "gw_priority": whole,
                    "use_service_name_alias": boolean,
                },
                items.attachment,
                nullable=True,
            ),
            check_name,
            says=True,
        ),
    ),
    "oom_kill_disable": boolean,
    "oom_score_adj": Scalar(NUMBER, partial(forms.between, -1000, 1000)),
    "pid": Scalar(TEXT | {NULL}, forms.pid),
    "pids_limit": whole,
    "platform": text,
    "privileged": boolean,
    "pull_policy": Short(items.pull_policy, ""),
    "pull_refresh_after": text,
    "read_only": boolean,
    "runtime": text,
    "security_opt": Many(Built(text, items.placed), unique=True),
    "shm_size": size,
    "secrets": _grants(),
    "sysctls": pairs,
    "stop_grace_period": Scalar(TEXT, forms.seconds),
    "stop_signal": text,
    "storage_opt": Pairs(PLAIN | {NULL}, listed=False),
    "tmpfs": OneOrMany(Built(text, items.tmpfs), unique=True),
    "ulimits": ulimits,
    "umask": Scalar(NUMBER | {NULL}),
    "use_api_socket": boolean,
    "user": text,
    "uts": word("host"),
    "userns_mode": text,
    "volumes": Many(
        Either(
            plain=Short(items.mount_text, *items.MOUNT_KEYS),
            mapping=Obj(
                {
                    "type": word(model.BIND, model.VOLUME, model.TMPFS, model.CLUSTER, model.NAMED_PIPE, model.IMAGE),
                    "source": Short(items.mount_source, ""),
                    "target": text,
                    "read_only": boolean,
                    "consistency": text,
                    "bind": Obj(
                        {
                            "propagation": text,
                            "create_host_path": boolean,
                            "recursive": word("enabled", "disabled", "writable", "readonly"),
                            "selinux": word("z", "Z"),
                        }
                    ),
                    "volume": Obj({"labels": pairs, "nocopy": boolean, "subpath": text}),
                    "tmpfs": Obj({"size": size, "mode": octal}),
                    "image": Obj({"subpath": text}),
                },
                items.mount_mapping,
                required=("type",),
            ),
        ),
        unique=True,
    ),
    "volumes_from": Many(Built(text, items.volumes_from), unique=True),
    "working_dir": text,
}

build = Either(
    plain=As("context", text),
    mapping=Obj(
        {
            "context": text,
            "dockerfile": text,
            "dockerfile_inline": text,
            "entitlements": any_texts,
            "args": pairs,
            "ssh": pairs,
            "labels": pairs,
            "cache_from": any_texts,
            "cache_to": any_texts,
            "no_cache": boolean,
            "no_cache_filter": one_or_more,
            "additional_contexts": pairs,
            "network": text,
            "provenance": Scalar(FLAG),
            "sbom": Scalar(FLAG),
            "pull": boolean,
            "target": text,
            "shm_size": size,
            "extra_hosts": extra_hosts,
            "isolation": text,
            "privileged": boolean,
            "secrets": _grants(),
            "tags": any_texts,
            "ulimits": ulimits,
            "platforms": any_texts,
        }
    ),
)
workload: dict[str, Shape] = {
    "build": build,
    "depends_on": Either(
        items=Many(As("condition", Built(text, items.dependency)), unique=True),
        mapping=Named(
            Obj(
                {"condition": word(*items.CONDITIONS), "restart": boolean, "required": boolean},
                required=("condition",),
            ),
            check_name,
        ),
    ),
    "healthcheck": Obj(
        {
            "disable": boolean,
            "interval": duration,
            "retries": natural,
            "test": Built(Either(plain=text, items=any_texts), items.health_test),
            "timeout": duration,
            "start_period": duration,
            "start_interval": duration,
        }
    ),
    "ports": Many(
        Either(
            plain=Short(items.port_text, "target", "published", "host_ip", "protocol"),
            mapping=Obj(
                {
                    "name": text,
                    "mode": word("host", "ingress"),
                    "host_ip": text,
                    "target": Scalar(NUMBER),
                    "published": Scalar(NUMBER),
                    "protocol": text,
                    "app_protocol": text,
                },
                items.port_mapping,
                required=("target",),
            ),
        ),
        unique=True,
    ),
    "expose": Many(Built(Scalar(NUMBER), items.expose), unique=True),
    "stdin_open": boolean,
    "tty": boolean,
}


def _rollout(*actions: str) -> Obj:
    return Obj(
        {
            "parallelism": natural,
            "delay": duration,
            "failure_action": word(*actions),
            "monitor": duration,
            "max_failure_ratio": Scalar(NUMBER, forms.ratio),
            "order": word("start-first", "stop-first"),
        }
    )


deploy = Obj(
    {
        "mode": word(model.REPLICATED, model.GLOBAL, model.REPLICATED_JOB, model.GLOBAL_JOB),
        "endpoint_mode": word("vip", "dnsrr"),
        "replicas": natural,
        "labels": pairs,
        "rollback_config": _rollout("continue", "pause"),
        "update_config": _rollout("continue", "pause", "rollback"),
        "resources": Obj(
            {
                "limits": Obj({"cpus": cpus, "memory": Scalar(TEXT, values.size), "pids": whole}),
                "reservations": Obj(
                    {
                        "cpus": cpus,
                        "memory": Scalar(TEXT, values.size),
                        "generic_resources": Many(
                            Obj({"discrete_resource_spec": Obj({"kind": text, "value": natural})})
                        ),
                        "devices": Many(Obj(_request, items.device_request, required=("capabilities",))),
                    }
                ),
            }
        ),
        "restart_policy": Obj(
            {
                "condition": word("none", "on-failure", "any"),
                "delay": duration,
                "max_attempts": natural,
                "window": duration,
            }
        ),
        "placement": Obj(
            {
                "constraints": any_texts,
                "preferences": Many(Obj({"spread": text})),
                "max_replicas_per_node": natural,
            }
        ),
    },
    nullable=True,
)
develop = Obj(
    {
        "watch": Many(
            Obj(
                {
                    "ignore": one_or_more,
                    "include": one_or_more,
                    "path": text,
                    "action": word("rebuild", "sync", "restart", "sync+restart", "sync+exec"),
                    "target": text,
                    "exec": hook,
                    "initial_sync": boolean,
                },
                required=("path", "action"),
            )
        )
    },
    nullable=True,
)
extends = Either(
    plain=As("service", text),
    mapping=Obj({"service": text, "file": text}, required=("service",), extensible=False),
)


def _per_replica(context: Context, node: Node, path: str) -> object:
    context.say("services.pre_start.per_replica", node)
    return boolean.read(context, node, path)


class PreStart(Shape):
    """A hook before the start: it has all keys of a container, which are said as those of the service."""

    leaf = False
    keys = Obj(
        {"per_replica": Short(_per_replica), **container}, lambda _, node, found, keys: items.Read(node, found, keys)
    )

    def read(self, context: Context, node: Node, path: str) -> object:
        context.say(path, node)
        return self.keys.read(context, node, "services")

    def leaves(self, path: str) -> Iterator[str]:
        yield path
        yield f"{path}.per_replica"


provider_options = Named(Either(plain=Scalar(PLAIN), items=Many(Scalar(PLAIN))), lambda _, __: None)
service: dict[str, Shape] = {
    **container,
    **workload,
    "deploy": deploy,
    "develop": develop,
    "profiles": texts,
    "restart": Scalar(TEXT, specs.restart),
    "scale": natural,
    "attach": boolean,
    "container_name": Scalar(TEXT, forms.container_name),
    "provider": Obj({"type": text, "options": One(provider_options)}, required=("type",)),
    "extends": extends,
    "links": Many(Built(text, items.link), unique=True),
    "external_links": Many(Built(text, items.external_link), unique=True),
    "pre_start": Many(PreStart()),
    "post_start": Many(hook),
    "pre_stop": Many(hook),
}
