"""The server's refusals in plain words."""

from __future__ import annotations

import pytest

from atomicapp.model import CREATE, Resource, Step
from atomicapp.position import Position
from atomicapp.providers.kubernetes import reasons
from atomicapp.providers.kubernetes.client import Refused

HERE = Position("web.yaml", 3, 1)


def step(kind: str = "Pod") -> Step:
    return Step(CREATE, Resource(f"{kind}/a", "web", kind, "a", {}, HERE), None)


@pytest.mark.parametrize(
    ("status", "text", "said", "hint"),
    [
        (403, 'pods "a" is forbidden: exceeded quota: q, requested: pods=1', "quota is used up", "raise the quota"),
        (
            403,
            'pods "a" is forbidden: User "system:serviceaccount:n:s" cannot patch resource "pods" in API group ""',
            "it is forbidden",
            "grant 'system:serviceaccount:n:s' the right to patch pods",
        ),
        (403, "admission says no", "it is forbidden: admission says no", "grant the right"),
        (
            403,
            'pods "a" is forbidden: unable to create new content in namespace n because it is being terminated',
            "the namespace n is being removed",
            "wait until it is gone",
        ),
        (404, 'namespaces "n" not found', "there is no namespace 'n'", "--create-namespace"),
        (500, "failed: .spec.x: field not declared in schema", "a field that its kind does not know", "correct"),
        (500, "x" * 500, "x" * 400 + "...", "run the same command again"),
        (401, "Unauthorized", "does not know who we are", "log in again"),
    ],
)
def test_known_refusals(status: int, text: str, said: str, hint: str) -> None:
    error = reasons.explain(step(), Refused(status, text), "https://s")
    assert said in error.message
    assert hint in error.hint


def test_causes_are_named_with_their_field() -> None:
    causes = [{"field": "spec.containers", "message": "Required value"}, {"message": "other"}]
    error = reasons.explain(step(), Refused(422, "all", causes=causes), "")
    assert error.message == "web: Pod a: spec.containers: Required value; other"
    assert (error.component, error.position) == ("web", HERE)


def test_conflicts_are_named_with_field_and_owner() -> None:
    cause = {
        "reason": "FieldManagerConflict",
        "message": 'conflict with "kubectl" using apps/v1',
        "field": ".spec.replicas",
    }
    refused = Refused(409, "conflict", causes=[cause, {"reason": "FieldManagerConflict"}])
    assert reasons.conflicts(refused)[0] == ("kubectl", "spec.replicas")
    assert "spec.replicas (owned by kubectl)" in reasons.explain(step(), refused, "").message


def test_the_values_of_a_secret_are_not_told() -> None:
    text = 'Secret "a" is invalid: data[x]: Invalid value: "pa\\"ss": no'
    for refused in (Refused(422, text), Refused(422, "", causes=[{"field": "data", "message": text}])):
        message = reasons.explain(step("Secret"), refused, "").message
        assert "ss" not in message.replace("password", "")
        assert "(hidden)" in message


@pytest.mark.parametrize(
    ("status", "said"), [(401, "401"), (403, "forbids"), (404, "is no Kubernetes API"), (500, "refused to answer")]
)
def test_refusals_of_the_whole_server(status: int, said: str) -> None:
    error = reasons.of_server(Refused(status, "why"), "https://s")
    assert said in error.message
    assert "https://s" in error.message
    assert error.hint
