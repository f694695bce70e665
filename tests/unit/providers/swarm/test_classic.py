"""The words of the classic Swarm in those of swarm mode."""

from __future__ import annotations

import pytest

from atomicapp.providers.swarm.classic import translate
from atomicapp.workload.compose import read
from atomicapp.workload.model import Workload


def work(environment: str = "[]", labels: str = "{}", more: str = "") -> Workload:
    text = f"""
services:
  web:
    image: example/web:1
    environment: {environment}
    labels: {labels}
    {more}
"""
    (found,) = read(text, "compose.yaml", variables={}).services
    return found


@pytest.mark.parametrize(
    ("expression", "constraint"),
    [
        ("constraint:storage==ssd", "engine.labels.storage==ssd"),
        ("constraint:storage!=disk", "engine.labels.storage!=disk"),
        ("constraint:node==node-1", "node.hostname==node-1"),
        ("constraint:ostype==linux", "node.platform.os==linux"),
    ],
)
def test_constraints(expression: str, constraint: str) -> None:
    found, issues = translate(work(f"['{expression}', A=b]"))
    assert found.scheduling.constraints == (constraint,)
    assert [item.name for item in found.env] == ["A"]
    assert [issue.severity for issue in issues] == ["note"]


def test_constraints_in_labels() -> None:
    label = """{com.docker.swarm.constraints: '["storage==ssd","node!=a"]', kept: yes}"""
    found, issues = translate(work(labels=label))
    assert found.scheduling.constraints == ("engine.labels.storage==ssd", "node.hostname!=a")
    assert found.labels == {"kept": "yes"}
    assert len(issues) == 2


@pytest.mark.parametrize(
    "expression",
    [
        "affinity:container!=web",
        "affinity:container!=we*",
        "affinity:service!=web",
        "affinity:com.docker.compose.service!=web",
        "affinity:image!=example/web:1",
        "affinity:kind!=front",
    ],
)
def test_replicas_that_keep_apart_are_one_a_node(expression: str) -> None:
    found, issues = translate(work(f"['{expression}']", "{kind: front}"))
    assert found.scheduling.max_per_node == 1
    assert found.env == ()
    assert [issue.severity for issue in issues] == ["note"]


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("constraint:storage==~ssd", "no wishes, only rules"),
        ("constraint:region==us*", "no patterns"),
        ("constraint:node==/node-[12]/", "no patterns"),
        ("constraint:kernelversion==5", "nodes don't tell it"),
        ("constraint:storage", "not understood"),
        ("affinity:container==db", "no affinity between tasks"),
        ("affinity:container!=db", "no affinity between tasks"),
        ("affinity:image==redis", "no affinity between tasks"),
    ],
)
def test_what_has_no_word_is_left_out_and_said(expression: str, why: str) -> None:
    found, issues = translate(work(f"{{'{expression.partition('=')[0]}': '{expression.partition('=')[2]}'}}"))
    assert found.env == ()
    assert found.scheduling.constraints == ()
    assert found.scheduling.max_per_node == 0
    (issue,) = issues
    assert issue.severity == "warning"
    assert why in issue.message
    assert issue.position.line == 5


def test_other_workloads_are_as_they_were() -> None:
    plain = work("[A=b]", "{a: b}")
    assert translate(plain) == (plain, [])


def test_policies_of_rescheduling() -> None:
    found, issues = translate(work(labels="""{com.docker.swarm.reschedule-policies: '["on-node-failure"]'}"""))
    assert found.labels == {}
    assert "needs no saying" in issues[0].message
