"""Texts of docker service create commands as workloads, and every fault at its word."""

from __future__ import annotations

import re
import shutil
import subprocess
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atomicapp.errors import SpecError
from atomicapp.workload.docker_service import parse
from atomicapp.workload.model import Healthcheck, RestartRule, Rollout, Workload
from atomicapp.workload.service_options import LONG, SHORT
from tests.unit.properties import examples

CREATE = "docker service create"
START = len(CREATE) + 2
"""The column of the first word behind it."""


def one(words: str) -> Workload:
    (found,) = parse(f"{CREATE} {words}", "web").workloads
    return found


def faults(text: str) -> list[str]:
    with pytest.raises(SpecError) as caught:
        parse(text, "web")
    return [
        f"{issue.position.line}:{issue.position.column} {issue.message}"
        for issue in caught.value.issues
        if issue.severity == "error"
    ]


def test_every_option_of_the_client_is_known() -> None:
    if shutil.which("docker") is None:
        pytest.skip("not installed: docker")
    told = subprocess.run(["docker", "service", "create", "--help"], capture_output=True, text=True, check=True).stdout
    names = set(re.findall(r"^ +(?:-\w, |    )--([\w-]+)", told, re.MULTILINE))
    shorts = dict(re.findall(r"^ +-(\w), --([\w-]+)", told, re.MULTILINE))
    assert len(names) > 60
    assert names - LONG.keys() == set()
    assert {short: SHORT[short].name for short in shorts} == shorts


@pytest.mark.parametrize(
    ("words", "field", "expected"),
    [
        ("--name web img", "name", "web"),
        ("img sh -c 'a b'", "command", ("sh", "-c", "a b")),
        ("--entrypoint 'sh -c \"a b\"' img", "entrypoint", ("sh", "-c", "a b")),
        ("--replicas 3 img", "replicas", 3),
        ("--limit-cpu 0.5 img", "resources.cpus", 500_000_000),
        ("--limit-memory 64m img", "resources.memory", 64 << 20),
        ("--limit-pids 9 img", "resources.pids", 9),
        ("--reserve-cpu 1 img", "resources.cpu_reservation", 10**9),
        ("--reserve-memory 1g img", "resources.memory_reservation", 1 << 30),
        ("--generic-resource gpu=2,ssd=1 img", "scheduling.generic", {"gpu": 2, "ssd": 1}),
        ("--mode global-job img", "scheduling.mode", "global-job"),
        ("--mode replicated-job --max-concurrent 2 --replicas 5 img", "scheduling.concurrent", 2),
        ("--replicas-max-per-node 1 img", "scheduling.max_per_node", 1),
        ("--constraint node.role==manager --constraint 'node.labels.a != b' img", "scheduling.constraints",
         ("node.role==manager", "node.labels.a != b")),
        ("--placement-pref spread=node.labels.zone img", "scheduling.spread", ("node.labels.zone",)),
        ("--endpoint-mode dnsrr img", "scheduling.endpoint_mode", "dnsrr"),
        ("--restart-condition on-failure --restart-delay 2s --restart-max-attempts 3 --restart-window 1m img",
         "scheduling.restart", RestartRule("on-failure", 2 * 10**9, 3, 60 * 10**9)),
        (("--update-parallelism 2 --update-delay 1s --update-failure-action rollback --update-monitor 3s "
          "--update-max-failure-ratio .25 --update-order start-first img"), "scheduling.update",
         Rollout(2, 10**9, "rollback", 3 * 10**9, 0.25, "start-first")),
        ("--rollback-parallelism 0 --rollback-failure-action continue img", "scheduling.rollback",
         Rollout(0, failure_action="continue")),
        ("-l a=b --label c img", "scheduling.labels", {"a": "b", "c": ""}),
        ("--container-label a=b img", "labels", {"a": "b"}),
        ("--group audio --group 5 img", "groups", ("audio", "5")),
        ("--host one:192.0.2.1 img", "extra_hosts", ("one:192.0.2.1",)),
        ("--stop-grace-period 1500ms img", "stop_grace", 2),
        ("--credential-spec config://spec img", "credential_spec", {"config": "spec"}),
        ("--no-resolve-image --with-registry-auth img", "pull", "never"),
        ("--health-cmd 'a b' --health-interval 3s img", "healthcheck", Healthcheck(("CMD-SHELL", "a b"), 3 * 10**9)),
        ("--no-healthcheck img", "healthcheck", Healthcheck(("NONE",))),
        ("--network host img", "namespaces.network", "host"),
        ("-dtq img", "tty", True),
    ],
)  # fmt: skip
def test_fields(words: str, field: str, expected: Any) -> None:
    found: Any = one(words)
    for name in field.split("."):
        found = getattr(found, name)
    assert found == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("80", ("", 80, "tcp", "ingress")),
        ("8080:80/udp", ("8080", 80, "udp", "ingress")),
        ("published=8080,target=80", ("8080", 80, "tcp", "ingress")),
        ("mode=host,published=8080,target=80,protocol=udp", ("8080", 80, "udp", "host")),
    ],
)
def test_ports(text: str, expected: Any) -> None:
    (port,) = one(f"-p {text} img").ports
    assert (port.host, port.container, port.protocol, port.mode) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("--secret one", ("one", "/run/secrets/one", "", "", None)),
        ("--secret source=one,target=two,uid=1,gid=2,mode=0400", ("one", "/run/secrets/two", "1", "2", 0o400)),
        ("--secret src=one,target=/etc/../key", ("one", "/key", "", "", None)),
        ("--config one", ("one", "/one", "", "", None)),
        ("--config source=one,target=/etc/one", ("one", "/etc/one", "", "", None)),
    ],
)
def test_files(text: str, expected: Any) -> None:
    work = one(f"{text} img")
    (grant,) = (*work.secrets, *work.configs)
    assert (grant.source, grant.target, grant.uid, grant.gid, grant.mode) == expected


def test_networks() -> None:
    (network,) = one("--network name=front,alias=shop,driver-opt=a=b img").networks
    assert (network.name, network.aliases, network.driver_options) == ("front", ("shop",), {"a": "b"})


@pytest.mark.parametrize(
    ("words", "at", "expected"),
    [
        ("--nam x img", 0, "unknown option '--nam' of docker service create"),
        ("--publish 127.0.0.1:80:80 img", 10, "--publish '127.0.0.1:80:80': a service is published at every address"),
        ("--publish 8000-8009:80 img", 10, "--publish '8000-8009:80': a service is published at one port, not at one"),
        ("--publish mode=both,target=80 img", 10, "--publish 'mode=both,target=80': expected one of host, ingress"),
        ("--network name=a,ip=192.0.2.1 img", 10, "--network 'name=a,ip=192.0.2.1': a service's network takes name"),
        ("--secret target=x img", 9, "--secret 'target=x': no source is given"),
        ("--secret source=a,mode=x img", 9, "--secret 'source=a,mode=x': mode: expected permission bits in octal"),
        ("--secret source=a,colour=b img", 9, "--secret 'source=a,colour=b': 'colour=b' is not one of source, target"),
        ("--secret a --secret source=b,target=a img", 20, "two files at /run/secrets/a: the other one is at web:1:32"),
        ("--constraint node.role img", 13, "--constraint 'node.role': expected a constraint such as"),
        ("--placement-pref binpack=x img", 17, "--placement-pref 'binpack=x': expected spread=LABEL"),
        ("--generic-resource gpu=UUID img", 19, "--generic-resource 'gpu=UUID': expected a whole number"),
        ("--update-failure-action stop img", 24, "--update-failure-action 'stop': expected one of pause, continue"),
        ("--rollback-failure-action rollback img", 26, "--rollback-failure-action 'rollback': expected one of pause"),
        ("--update-max-failure-ratio 2 img", 27, "--update-max-failure-ratio '2': expected a share from 0 to 1"),
        ("--mode global --replicas 2 img", 25, "--replicas means nothing to --mode global"),
        ("--max-concurrent 2 img", 17, "--max-concurrent means nothing to --mode replicated"),
        ("--mode replicated-job --update-delay 2s img", 37, "--update-delay means nothing to --mode replicated-job"),
        ("--mode global-job -p 80 img", 21, "a service with --mode global-job has no ports"),
        ("--mode global-job --restart-condition any img", 38, "--restart-condition any contradicts --mode global-job"),
        ("--endpoint-mode dnsrr -p 80:80 img", 25, "--endpoint-mode dnsrr has no address for a port"),
        ("--credential-spec x img", 18, "--credential-spec 'x': expected file://NAME"),
        ("--entrypoint \"'\" img", 13, "--entrypoint \"'\": not a command"),
        ("-v a:/b img", 0, "-v can't be honoured: it is an option of docker run, which services do not have"),
        ("--restart always img", 0, "--restart can't be honoured: it is an option of docker run"),
        ("--rm img", 0, "--rm can't be honoured: it is an option of docker run"),
    ],
)  # fmt: skip
def test_faults(words: str, at: int, expected: str) -> None:
    (found,) = faults(f"{CREATE} {words}")
    assert found.startswith(f"1:{START + at} {expected}")


def test_what_a_service_says_instead() -> None:
    with pytest.raises(SpecError) as caught:
        parse(f"{CREATE} --memory 5m --network-alias x img", "web")
    assert [issue.hint for issue in caught.value.issues] == [
        "write --limit-memory",
        "write --network name=NETWORK,alias=NAME",
    ]


def test_other_commands() -> None:
    assert faults("docker run img") == ["1:1 no `docker service create` command is here"]
    assert faults("docker -H x service create img")[0].startswith("1:8 '-H' stands before `service`")
    found = parse("docker network create -d overlay x\ndocker service create img", "web")
    assert [issue.message for issue in found.issues] == [
        "'docker network create' is no `docker service create` command and is not carried out"
    ]


@examples
@given(st.text())
def test_any_text_is_read_or_a_spec_error(text: str) -> None:
    with suppress(SpecError):
        parse(text, "web")
    with suppress(SpecError):
        parse(f"{CREATE} {text}", "web")
