"""Single values: kinds, forms, and what is said of wrong ones."""

from __future__ import annotations

from typing import Any

import pytest

from atomicapp.position import Position
from atomicapp.workload import model

from .helpers import faults, project, service, service_text

SECOND = 1000**3


@pytest.mark.parametrize(
    ("keys", "field", "expected"),
    [
        ("mem_limit: 64m", "resources.memory", 64 << 20),
        ("mem_limit: 1.5gb", "resources.memory", 3 << 29),
        ("mem_limit: 1024", "resources.memory", 1024),
        ("mem_limit: '2048'", "resources.memory", 2048),
        ("memswap_limit: -1", "resources.memory_swap", -1),
        ("cpus: 0.5", "resources.cpus", SECOND // 2),
        ("cpus: '2'", "resources.cpus", 2 * SECOND),
        ("cpu_period: 20ms", "resources.cpu_period", 20000),
        ("cpu_period: 20000", "resources.cpu_period", 20000),
        ("cpu_quota: -1", "resources.cpu_quota", -1),
        ("cpu_shares: 512.0", "resources.cpu_shares", 512),
        ("cpuset: 0-3", "resources.cpuset_cpus", "0-3"),
        ("pids_limit: '-1'", "resources.pids", -1),
        ("oom_score_adj: -17", "resources.oom_score_adj", -17),
        ("stop_grace_period: 1m30s", "stop_grace", 90),
        ("stop_grace_period: 1500ms", "stop_grace", 2),
        ("stop_grace_period: '0'", "stop_grace", 0),
        ("init: true", "init", True),
        ("init: 'no'", "init", False),
        ("init: yes", "init", True),
        ("tty: on", "tty", True),
        ("privileged: 'True'", "security.privileged", True),
        ("read_only: true", "security.read_only_root", True),
        ("restart: no", "restart", model.Restart("no")),
        ("restart: 'no'", "restart", model.Restart("no")),
        ("restart: always", "restart", model.Restart("always")),
        ("restart: on-failure:3", "restart", model.Restart("on-failure", 3)),
        (
            "deploy: {restart_policy: {condition: on-failure, max_attempts: 3}}",
            "restart",
            model.Restart("on-failure", 3),
        ),
        ("deploy: {restart_policy: {condition: any}}", "restart", model.Restart("always")),
        ("deploy: {restart_policy: {condition: none}}", "restart", model.Restart("no")),
        ("deploy: {restart_policy: {}}", "restart", model.Restart("always")),
        (
            "restart: unless-stopped\ndeploy: {restart_policy: {condition: none}}",
            "restart",
            model.Restart("unless-stopped"),
        ),
        ("scale: 3", "replicas", 3),
        ("scale: 0", "replicas", 0),
        ("deploy: {replicas: '3'}", "replicas", 3),
        ("deploy:", "replicas", 1),
        ("deploy: {resources: {limits: {cpus: 0.5}}}", "resources.cpus", SECOND // 2),
        ("deploy: {resources: {limits: {pids: 10}}}", "resources.pids", 10),
        ("deploy: {resources: {reservations: {memory: 1g}}}", "resources.memory_reservation", 1 << 30),
        ("command: run 'a b' c", "command", ("run", "a b", "c")),
        ("command: [run, 'a b']", "command", ("run", "a b")),
        ("command: []", "command", ()),
        ("command: ''", "command", ()),
        ("command:", "command", None),
        ("entrypoint: /bin/sh -c", "entrypoint", ("/bin/sh", "-c")),
        ("healthcheck: {test: curl localhost}", "healthcheck", model.Healthcheck(("CMD-SHELL", "curl localhost"))),
        ("healthcheck: {test: [CMD, a, b]}", "healthcheck", model.Healthcheck(("CMD", "a", "b"))),
        ("healthcheck: {test: [NONE]}", "healthcheck", model.Healthcheck(("NONE",))),
        ("healthcheck: {disable: true}", "healthcheck", model.Healthcheck(("NONE",))),
        ("healthcheck: {disable: false, interval: 5s}", "healthcheck", model.Healthcheck((), 5 * SECOND)),
        ("healthcheck: {}", "healthcheck", None),
        ("ulimits: {nofile: 10}", "ulimits", [("nofile", 10, 10)]),
        ("ulimits: {nofile: {soft: 5, hard: '-1'}}", "ulimits", [("nofile", 5, -1)]),
        ("extra_hosts: ['a:192.0.2.1', 'b=2001:db8::1']", "extra_hosts", ("a:192.0.2.1", "b:2001:db8::1")),
        ("extra_hosts: {a: 192.0.2.1, b: [192.0.2.2, '::1']}", "extra_hosts", ("a:192.0.2.1", "b:192.0.2.2", "b:::1")),
        ("dns: 192.0.2.1\ndns_search: a.example", "dns", model.Dns(("192.0.2.1",), ("a.example",))),
        ("security_opt: ['systempaths=unconfined', 'label:disable']", "security.options", ("label=disable",)),
        ("security_opt: ['systempaths=unconfined']", "security.all_system_paths", True),
        ("security_opt: [no-new-privileges]", "security.options", ("no-new-privileges",)),
        ("network_mode: host", "namespaces.network", "host"),
        ("network_mode: none", "networks", ()),
        ("pid: host", "namespaces.pid", "host"),
        ("pid:", "namespaces.pid", ""),
        ("ipc: shareable", "namespaces.ipc", "shareable"),
        ("uts: host", "namespaces.uts", "host"),
        ("userns_mode: host", "namespaces.user", "host"),
        ("cgroup: private", "namespaces.cgroup", "private"),
        ("group_add: [docker, 998]", "groups", ("docker", "998")),
        ("pull_policy: never", "pull", model.PULL_NEVER),
        ("pull_policy: if_not_present", "pull", model.PULL_MISSING),
        ("pull_policy: every_1d12h", "pull", model.PULL_ALWAYS),
        ("storage_opt: {size: 1G, other: 1}", "storage_options", {"size": "1G", "other": "1"}),
        ("sysctls: [net.core.somaxconn=1024]", "sysctls", {"net.core.somaxconn": "1024"}),
        ("annotations: {a: true}", "annotations", {"a": "true"}),
        ("labels: [a, b=, c=1=2]", "labels", {"a": "", "b": "", "c": "1=2"}),
        ("labels: {a: null, b: 1.10, c: yes}", "labels", {"a": "", "b": "1.10", "c": "yes"}),
        ("gpus: all", "device_requests", [("", -1, (), ("gpu",), {})]),
        ("gpus: [{count: 2, capabilities: [compute]}]", "device_requests", [("", 2, (), ("compute", "gpu"), {})]),
        ("gpus: [{device_ids: [a]}]", "device_requests", [("", 0, ("a",), ("gpu",), {})]),
        ("gpus: [{driver: x}]", "device_requests", [("x", -1, (), ("gpu",), {})]),
        ("devices: [/dev/a]", "devices", [("/dev/a", "/dev/a", "rwm")]),
        ("devices: ['/dev/a:/dev/b:r']", "devices", [("/dev/a", "/dev/b", "r")]),
        ("devices: [{source: /dev/a, target: /dev/b}]", "devices", [("/dev/a", "/dev/b", "rwm")]),
        (
            "devices: [{source: vendor.com/class=one}]",
            "device_requests",
            [("cdi", 0, ("vendor.com/class=one",), (), {})],
        ),
        ("mac_address: 02:42:ac:11:65:43", "networks", [("default", "02:42:ac:11:65:43")]),
        ("network_mode: bridge\nmac_address: 02:42:ac:11:65:43", "networks", [("bridge", "02:42:ac:11:65:43")]),
    ],
)
def test_a_value(keys: str, field: str, expected: Any) -> None:
    found: Any = service(keys)
    for part in field.split("."):
        found = getattr(found, part)
    if isinstance(expected, list):
        found = [tuple(item) for item in found]
        if field == "networks":
            found = [(item[0], item[6]) for item in found]
        else:
            found = [tuple(part for part in item if not isinstance(part, Position)) for item in found]
    assert found == expected


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ("user: 1000", "4:11 user: expected a text, found the number 1000 | write it in quotes: '1000'"),
        ("hostname: true", "4:15 hostname: expected a text, found the boolean true | write it in quotes: 'true'"),
        ("hostname:", "4:14 hostname: expected a text, found nothing | give it a value, or remove the key"),
        ("hostname: [a]", "4:15 hostname: expected a text, found a list"),
        ("hostname: !secret a", "4:15 hostname: expected a text, found the tag !secret"),
        ("cap_add: a", "4:14 cap_add: expected a list, found a text"),
        ("cap_add: {a: b}", "4:14 cap_add: expected a list, found a mapping"),
        ("cap_add: [a, b, a]", "4:21 cap_add: 'a' stands here twice"),
        ("mem_limit: lots", "4:16 mem_limit 'lots': expected a size such as 512m or 2g"),
        ("mem_limit: 1.5", "4:16 mem_limit: expected a whole number or a text, found the number 1.5"),
        ("cpus: none", "4:11 cpus 'none': expected a number of processors such as 0.5 or 2"),
        ("cpu_percent: 101", "4:18 cpu_percent '101': expected a number from 0 to 100"),
        ("cpu_count: -1", "4:16 cpu_count '-1': expected a whole number of 0 or more"),
        ("init: maybe", "4:11 init 'maybe': expected true or false"),
        ("init: 1", "4:11 init: expected true or false, found the number 1"),
        (
            "stop_grace_period: 10",
            "4:24 stop_grace_period: expected a duration such as 30s or 1m30s, found the number 10",
        ),
        (
            "stop_grace_period: 10 s",
            "4:24 stop_grace_period '10 s': expected a duration such as 30s or 1m30s: a number and a unit (ms, s, m, h)",
        ),
        ("restart: never", "4:14 restart 'never': expected no, always, unless-stopped, on-failure or on-failure:N"),
        ('command: "a \'b"', "4:14 command 'a 'b': can't be split into words: no closing quotation"),
        ("command: 5", "4:14 command: expected a text, found the number 5 | write it in quotes: '5'"),
        ("healthcheck: {test: [curl]}", "4:25 healthcheck.test: the first word must be NONE, CMD or CMD-SHELL"),
        ("healthcheck: {test: [CMD]}", "4:25 healthcheck.test: a command is missing after CMD"),
        ("ulimits: {nofile: {soft: 5, hard: 3}}", "4:15 ulimits: the soft limit 5 of nofile is above the hard limit 3"),
        ("ulimits: {nofile: {soft: 5}}", "4:23 ulimits: 'hard' is missing"),
        ("ulimits: {No: 5}", "4:15 'No': expected the name of a limit such as nofile"),
        ("extra_hosts: [a]", "4:19 extra_hosts 'a': expected NAME:ADDRESS"),
        ("extra_hosts: {a: b}", "4:19 extra_hosts 'a: b': expected an IP address"),
        ("dns: here", "4:10 dns 'here': expected an IP address"),
        ("pid: other", "4:10 pid 'other': expected one of host, private, service:NAME or container:NAME"),
        ("ipc: 'service:'", "4:10 ipc 'service:': service: needs a name after the colon"),
        ("cgroup: hosts", "4:13 cgroup 'hosts': expected one of host, private"),
        ("mac_address: 1", "4:18 mac_address: expected a text, found the number 1 | write it in quotes: '1'"),
        ("security_opt: [seccomp]", "4:20 security_opt 'seccomp': expected NAME:VALUE | names are"),
        ("devices: [dev]", "4:15 devices 'dev': the device 'dev' is not an absolute path"),
        ("devices: [{target: /dev/a}]", "4:15 devices: 'source' is missing"),
        ("gpus: some", "4:11 gpus 'some': expected one of all"),
        (
            "gpus: [{count: 1, device_ids: [a]}]",
            "4:13 devices: 'count' and 'device_ids' exclude each other | remove one",
        ),
        ("logging: {options: [a]}", "4:24 logging.options: expected a mapping, found a list"),
        ("labels: {a: [b]}", "4:17 labels.a: expected a text, a number, true or false, found a list"),
        ("labels: [1]", "4:14 labels: expected a text KEY=VALUE, found the number 1"),
        ("labels: [=a]", "4:14 labels '=a': expected KEY=VALUE"),
        ("environment: [A=1, A=1]", "4:24 environment: 'A=1' stands here twice"),
        ("pull_policy: sometimes", "4:18 pull_policy 'sometimes': expected one of always, never, build"),
        ("container_name: a/b", "4:21 container_name 'a/b': expected a name of two or more letters"),
        ("blkio_config: {weight: 5}", "4:28 blkio_config.weight '5': expected a weight from 10 to 1000, or 0"),
        ("blkio_config: {weight_device: [{path: /dev/a}]}", "4:36 blkio_config.weight_device: 'weight' is missing"),
        ("credential_spec: {file: a, registry: b}", "4:22 credential_spec: expected one of config, file, registry"),
        ("umask: '9'", "4:12 umask '9': expected a mode in octal"),
        ("deploy: {mode: globe}", "4:20 deploy.mode 'globe': expected one of replicated, global"),
        (
            "deploy: {update_config: {max_failure_ratio: 2}}",
            "4:49 deploy.update_config.max_failure_ratio '2': expected a sh",
        ),
        ("post_start: [{user: a}]", "4:18 post_start: 'command' is missing"),
        ("imag: b", "4:5 unknown key 'imag' | did you mean 'image'?"),
        ("helthcheck: {}", "4:5 unknown key 'helthcheck' | did you mean 'healthcheck'?"),
        ("qqq: {}", "4:5 unknown key 'qqq' | expected one of annotations, attach, "),
        ("deploy: {replica: 3}", "4:14 unknown key 'replica' | did you mean 'replicas'?"),
        ("x-own: [anything]\nports: [{target: 80, x-own: 1}]\ny-own: 1", "6:5 unknown key 'y-own'"),
    ],
)
def test_a_wrong_value_is_told_at_its_place(keys: str, message: str) -> None:
    found = faults(service_text(keys))
    assert len(found) == 1
    assert found[0].startswith(message)


def test_deploy_and_the_service_must_agree() -> None:
    text = (
        "scale: 2\ncpus: 1\nmem_limit: 1g\nmem_reservation: 1m\npids_limit: 5\n"
        "deploy: {replicas: 3, resources: {limits: {cpus: 2, memory: 2g, pids: 6}, reservations: {memory: 2m}}}"
    )
    assert faults(service_text(text)) == [
        "4:5 scale says 2, deploy.replicas 3 | remove one of them",
        "5:5 cpus and deploy.resources.limits.cpus say two things | remove one of them",
        "6:5 mem_limit and deploy.resources.limits.memory say two things | remove one of them",
        "7:5 mem_reservation and deploy.resources.reservations.memory say two things | remove one of them",
        "8:5 pids_limit and deploy.resources.limits.pids say two things | remove one of them",
    ]


def test_the_environment() -> None:
    found = service(
        "environment: {A: 1, B: 1.10, C: true, D: 'x y', E: '', F: 0755, G: yes, H: }", variables={"H": "h"}
    )
    assert [(env.name, env.value) for env in found.env] == [
        *(("A", "1"), ("B", "1.10"), ("C", "true"), ("D", "x y"), ("E", ""), ("F", "0755"), ("G", "yes"), ("H", "h")),
    ]
    found = service("environment: [A=1, B=x=y, C, D=]", variables={"C": "c"})
    assert [(env.name, env.value) for env in found.env] == [("A", "1"), ("B", "x=y"), ("C", "c"), ("D", "")]
    assert [env.position.column for env in found.env] == [19, 24, 31, 34]


def test_a_name_without_a_value_anywhere_is_told_and_left_out() -> None:
    found = project(service_text("environment: [A, B=1]"))
    assert [env.name for env in found.services[0].env] == ["B"]
    assert [issue.message for issue in found.issues] == ["the variable 'A' has no value"]


def test_where_the_fields_were_said() -> None:
    found = service(
        "scale: 2\nmem_limit: 1g\nenvironment: {A: b}\nvolumes: [/a]\ndeploy: {resources: {limits: {pids: 3}}}"
    )
    lines = {
        field: found.place(field).line for field in ("image", "replicas", "memory", "env", "mounts", "pids", "command")
    }
    assert lines == {"image": 3, "replicas": 4, "memory": 5, "env": 6, "mounts": 7, "pids": 8, "command": 2}
