"""The table of the Compose Specification: every key, and the shape of its value.

Written from the specification; a test holds it against the specification's own schema. Here are the shapes that come
again, and the keys of whatever runs in a container (services, jobs, hooks before the start); `tables_service` and `top`
have the rest.
"""

from __future__ import annotations

from functools import partial

from atomicapp.document import Node
from atomicapp.workload import model, specs, values
from atomicapp.workload.compose import forms, items, mounts
from atomicapp.workload.compose.context import Context
from atomicapp.workload.compose.kinds import FLAG, NULL, NUMBER, PLAIN, TEXT, WHOLE
from atomicapp.workload.compose.shapes import (
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


_DURATION = "a duration such as 30s or 1m30s"
text = Scalar()
boolean = Scalar(FLAG, forms.boolean)
natural = Scalar(NUMBER, forms.natural)
whole = Scalar(NUMBER, forms.whole)
size = Scalar(WHOLE, values.size)
cpus = Scalar(NUMBER, values.processors)
duration = Scalar(TEXT, values.duration, expected=_DURATION)
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


def grants() -> Shape:
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
request = {
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
    "configs": grants(),
    "cpu_count": natural,
    "cpu_percent": Scalar(NUMBER, partial(forms.between, 0, 100)),
    "cpu_shares": natural,
    "cpu_quota": whole,
    "cpu_period": Scalar(NUMBER, forms.microseconds),
    "cpu_rt_period": Scalar(NUMBER, forms.microseconds),
    "cpu_rt_runtime": Scalar(NUMBER, forms.microseconds),
    "cpus": cpus,
    "cpuset": text,
    "credential_spec": Obj({"config": text, "file": text, "registry": text}, items.credentials),
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
            items=Many(Obj(request, items.device_request)),
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
    "memswap_limit": Scalar(WHOLE, values.swap),
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
    "secrets": grants(),
    "sysctls": pairs,
    "stop_grace_period": Scalar(TEXT, forms.seconds, expected=_DURATION),
    "stop_signal": text,
    "storage_opt": Pairs(PLAIN | {NULL}, listed=False),
    "tmpfs": OneOrMany(Built(text, mounts.tmpfs), unique=True),
    "ulimits": ulimits,
    "umask": Built(Scalar(WHOLE | {NULL}), forms.mode),
    "use_api_socket": boolean,
    "user": text,
    "uts": word("host"),
    "userns_mode": text,
    "volumes": Many(
        Either(
            plain=Short(mounts.mount_text, *mounts.MOUNT_KEYS),
            mapping=Obj(
                {
                    "type": word(model.BIND, model.VOLUME, model.TMPFS, model.CLUSTER, model.NAMED_PIPE, model.IMAGE),
                    "source": Short(mounts.mount_source, ""),
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
                mounts.mount_mapping,
                required=("type",),
            ),
        ),
        unique=True,
    ),
    "volumes_from": Many(Built(text, mounts.volumes_from), unique=True),
    "working_dir": text,
}
