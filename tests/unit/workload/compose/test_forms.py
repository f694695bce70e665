"""Short and long forms of the same thing are the same, and say the same keys."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.properties import examples

from .helpers import project, service, service_text
from .test_pairs import bare

FILES = {"a.env": "A=1\n", "b.yaml": "services: {b: {image: b, tty: true}}", "c.txt": "c\n"}
REST = (
    "  db: {image: db}\nnetworks: {n: {}, m: {}}\nvolumes: {data: {}}\nconfigs: {c: {content: x}}\n"
    "secrets: {s: {file: c.txt}}\nmodels: {l: {model: x}}\n"
)


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("ports: ['80']", "ports: [{target: 80}]"),
        (
            "ports: ['127.0.0.1:8080:80/udp']",
            "ports: [{host_ip: 127.0.0.1, published: '8080', target: 80, protocol: udp}]",
        ),
        ("volumes: ['data:/a']", "volumes: [{type: volume, source: data, target: /a}]"),
        ("volumes: ['data:/a:ro']", "volumes: [{type: volume, source: data, target: /a, read_only: true}]"),
        ("volumes: ['data:/a:nocopy']", "volumes: [{type: volume, source: data, target: /a, volume: {nocopy: true}}]"),
        ("volumes: [/a]", "volumes: [{type: volume, target: /a}]"),
        ("volumes: ['/x:/a']", "volumes: [{type: bind, source: /x, target: /a}]"),
        (
            "volumes: ['/x:/a:ro,z']",
            "volumes: [{type: bind, source: /x, target: /a, read_only: true, bind: {selinux: z}}]",
        ),
        ("volumes: ['/x:/a:rslave']", "volumes: [{type: bind, source: /x, target: /a, bind: {propagation: rslave}}]"),
        ("volumes: ['/x:/a:cached']", "volumes: [{type: bind, source: /x, target: /a, consistency: cached}]"),
        ("volumes: ['./c.txt:/a']", "volumes: [{type: bind, source: ./c.txt, target: /a}]"),
        ("volumes: ['./d:/a']", "volumes: [{type: bind, source: d, target: /a}]"),
        ("configs: [c]", "configs: [{source: c}]"),
        ("secrets: [s]", "secrets: [{source: s}]"),
        ("depends_on: [db]", "depends_on: {db: {condition: service_started}}"),
        ("networks: [n, m]", "networks: {n: {}, m: }"),
        ("env_file: a.env", "env_file: [{path: a.env}]"),
        ("env_file: [a.env]", "env_file: [{path: a.env, required: true}]"),
        ("environment: [A=1, B=]", "environment: {A: 1, B: ''}"),
        ("labels: [a=1, b]", "labels: {a: '1', b: ''}"),
        ("sysctls: [a=1]", "sysctls: {a: 1}"),
        ("annotations: [a=1]", "annotations: {a: 1}"),
        ("extra_hosts: ['a:192.0.2.1']", "extra_hosts: {a: 192.0.2.1}"),
        ("dns: 192.0.2.1", "dns: [192.0.2.1]"),
        ("dns_search: a.b", "dns_search: [a.b]"),
        ("tmpfs: /a", "tmpfs: [/a]"),
        ("command: a 'b c'", "command: [a, b c]"),
        ("entrypoint: a", "entrypoint: [a]"),
        ("healthcheck: {test: a b}", "healthcheck: {test: [CMD-SHELL, a b]}"),
        ("devices: [/dev/a]", "devices: [{source: /dev/a}]"),
        ("devices: ['/dev/a:/dev/b:r']", "devices: [{source: /dev/a, target: /dev/b, permissions: r}]"),
        ("gpus: all", "gpus: [{count: all}]"),
        ("ulimits: {nofile: 5}", "ulimits: {nofile: {soft: 5, hard: 5}}"),
        ("extends: db", "extends: {service: db}"),
        ("build: .", "build: {context: .}"),
        ("models: [l]", "models: {l: {}}"),
        ("label_file: a.env", "label_file: [a.env]"),
        ("mem_limit: 64m", "mem_limit: 67108864"),
        ("cpu_period: 20ms", "cpu_period: 20000"),
        ("stop_grace_period: 90s", "stop_grace_period: 1m30s"),
    ],
)
def test_short_and_long(short: str, long: str) -> None:
    one, two = (project(service_text(keys, REST), files=FILES) for keys in (short, long))
    assert bare(one) == bare(two)
    more = {"services.env_file.required"}
    assert {item.key for item in one.said} == {item.key for item in two.said} - more


def test_short_and_long_includes() -> None:
    one, two = (project(f"include: [{item}]", files=FILES) for item in ("b.yaml", "{path: [b.yaml]}"))
    assert bare(one) == bare(two)
    assert one.said == two.said or [item.key for item in one.said] == [item.key for item in two.said]


NAMES = st.text("abcXYZ_09", min_size=1, max_size=6)
VALUES = st.text(
    st.characters(exclude_characters="\0\x85\u2028\u2029\ufeff", exclude_categories=("Cs", "Cc")), max_size=12
)


@examples
@given(st.dictionaries(NAMES, VALUES, max_size=5))
def test_pairs_as_a_list_and_as_a_mapping_are_the_same(values: dict[str, str]) -> None:

    escaped = {name: value.replace("$", "$$") for name, value in values.items()}
    for key in ("environment", "labels"):
        one = service(f"{key}: {_json(escaped)}")
        two = service(f"{key}: {_json([f'{name}={value}' for name, value in escaped.items()])}")
        assert bare(one) == bare(two)
    assert {env.name: env.value for env in service(f"environment: {_json(escaped)}").env} == values


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
