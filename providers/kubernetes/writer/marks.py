"""The labels by which Services, policies and workloads find pods. Pure."""

from __future__ import annotations

from atomicapp.providers.kubernetes.labels import value
from atomicapp.providers.kubernetes.writer.around import Around, Json
from atomicapp.providers.kubernetes.writer.facts import Facts

NAME, INSTANCE = "app.kubernetes.io/name", "app.kubernetes.io/instance"
CALLED = "io.atomicapp.called/"
"""On the pods of several services that answer to one name, which follows."""
NETWORK = "io.atomicapp.network/"
"""On the pods of a network of the project, where networks keep services apart."""


def labels(root: str, facts: Facts, around: Around) -> Json:
    """The labels by which the pods of a service are found."""
    return {NAME: facts.names[root], **of_app(around)}


def of_app(around: Around) -> Json:
    """The label that the pods of a deployment have in common."""
    return {INSTANCE: value(around.app)} if around.app else {}
