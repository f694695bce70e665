"""The table of what services have beside a container: how they are built, started, deployed, and stand to each other."""

from __future__ import annotations

from collections.abc import Iterator

from atomicapp.document import Node
from atomicapp.workload import model, specs, values
from atomicapp.workload.compose import forms, items, tables
from atomicapp.workload.compose.context import Context
from atomicapp.workload.compose.kinds import FLAG, NUMBER, PLAIN, TEXT
from atomicapp.workload.compose.shapes import As, Built, Either, Many, Named, Obj, One, Scalar, Shape, Short

build = Either(
    plain=As("context", tables.text),
    mapping=Obj(
        {
            "context": tables.text,
            "dockerfile": tables.text,
            "dockerfile_inline": tables.text,
            "entitlements": tables.any_texts,
            "args": tables.pairs,
            "ssh": tables.pairs,
            "labels": tables.pairs,
            "cache_from": tables.any_texts,
            "cache_to": tables.any_texts,
            "no_cache": tables.boolean,
            "no_cache_filter": tables.one_or_more,
            "additional_contexts": tables.pairs,
            "network": tables.text,
            "provenance": Scalar(FLAG),
            "sbom": Scalar(FLAG),
            "pull": tables.boolean,
            "target": tables.text,
            "shm_size": tables.size,
            "extra_hosts": tables.extra_hosts,
            "isolation": tables.text,
            "privileged": tables.boolean,
            "secrets": tables.grants(),
            "tags": tables.any_texts,
            "ulimits": tables.ulimits,
            "platforms": tables.any_texts,
        }
    ),
)
workload: dict[str, Shape] = {
    "build": build,
    "depends_on": Either(
        items=Many(As("condition", Built(tables.text, items.dependency)), unique=True),
        mapping=Named(
            Obj(
                {"condition": tables.word(*items.CONDITIONS), "restart": tables.boolean, "required": tables.boolean},
                required=("condition",),
            ),
            tables.check_name,
        ),
    ),
    "healthcheck": Obj(
        {
            "disable": tables.boolean,
            "interval": tables.duration,
            "retries": tables.natural,
            "test": Built(Either(plain=tables.text, items=tables.any_texts), items.health_test),
            "timeout": tables.duration,
            "start_period": tables.duration,
            "start_interval": tables.duration,
        }
    ),
    "ports": Many(
        Either(
            plain=Short(items.port_text, "target", "published", "host_ip", "protocol"),
            mapping=Obj(
                {
                    "name": tables.text,
                    "mode": tables.word("host", "ingress"),
                    "host_ip": tables.text,
                    "target": Scalar(NUMBER),
                    "published": Scalar(NUMBER),
                    "protocol": tables.text,
                    "app_protocol": tables.text,
                },
                items.port_mapping,
                required=("target",),
            ),
        ),
        unique=True,
    ),
    "expose": Many(Built(Scalar(NUMBER), items.expose), unique=True),
    "stdin_open": tables.boolean,
    "tty": tables.boolean,
}


def _rollout(*actions: str) -> Obj:
    return Obj(
        {
            "parallelism": tables.natural,
            "delay": tables.duration,
            "failure_action": tables.word(*actions),
            "monitor": tables.duration,
            "max_failure_ratio": Scalar(NUMBER, forms.ratio),
            "order": tables.word("start-first", "stop-first"),
        }
    )


deploy = Obj(
    {
        "mode": tables.word(model.REPLICATED, model.GLOBAL, model.REPLICATED_JOB, model.GLOBAL_JOB),
        "endpoint_mode": tables.word("vip", "dnsrr"),
        "replicas": tables.natural,
        "labels": tables.pairs,
        "rollback_config": _rollout("continue", "pause"),
        "update_config": _rollout("continue", "pause", "rollback"),
        "resources": Obj(
            {
                "limits": Obj({"cpus": tables.cpus, "memory": Scalar(TEXT, values.size), "pids": tables.whole}),
                "reservations": Obj(
                    {
                        "cpus": tables.cpus,
                        "memory": Scalar(TEXT, values.size),
                        "generic_resources": Many(
                            Obj({"discrete_resource_spec": Obj({"kind": tables.text, "value": tables.natural})})
                        ),
                        "devices": Many(Obj(tables.request, items.device_request, required=("capabilities",))),
                    }
                ),
            }
        ),
        "restart_policy": Obj(
            {
                "condition": tables.word("none", "on-failure", "any"),
                "delay": tables.duration,
                "max_attempts": tables.natural,
                "window": tables.duration,
            }
        ),
        "placement": Obj(
            {
                "constraints": tables.any_texts,
                "preferences": Many(Obj({"spread": tables.text})),
                "max_replicas_per_node": tables.natural,
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
                    "ignore": tables.one_or_more,
                    "include": tables.one_or_more,
                    "path": tables.text,
                    "action": tables.word("rebuild", "sync", "restart", "sync+restart", "sync+exec"),
                    "target": tables.text,
                    "exec": tables.hook,
                    "initial_sync": tables.boolean,
                },
                required=("path", "action"),
            )
        )
    },
    nullable=True,
)
extends = Either(
    plain=As("service", tables.text),
    mapping=Obj({"service": tables.text, "file": tables.text}, required=("service",), extensible=False),
)


def _per_replica(context: Context, node: Node, path: str) -> object:
    context.say("services.pre_start.per_replica", node)
    return tables.boolean.read(context, node, path)


class PreStart(Shape):
    """A hook before the start: it has all keys of a container, which are said as those of the service."""

    leaf = False
    keys = Obj(
        {"per_replica": Short(_per_replica), **tables.container},
        lambda _, node, found, keys: items.Read(node, found, keys),
    )

    def read(self, context: Context, node: Node, path: str) -> object:
        context.say(path, node)
        return self.keys.read(context, node, "services")

    def leaves(self, path: str) -> Iterator[str]:
        yield path
        yield f"{path}.per_replica"


provider_options = Named(Either(plain=Scalar(PLAIN), items=Many(Scalar(PLAIN))), lambda _, __: None)
service: dict[str, Shape] = {
    **tables.container,
    **workload,
    "deploy": deploy,
    "develop": develop,
    "profiles": tables.texts,
    "restart": Scalar(TEXT, specs.restart),
    "scale": tables.natural,
    "attach": tables.boolean,
    "container_name": Scalar(TEXT, forms.container_name),
    "provider": Obj({"type": tables.text, "options": One(provider_options)}, required=("type",)),
    "extends": extends,
    "links": Many(Built(tables.text, items.link), unique=True),
    "external_links": Many(Built(tables.text, items.external_link), unique=True),
    "pre_start": Many(PreStart()),
    "post_start": Many(tables.hook),
    "pre_stop": Many(tables.hook),
}
