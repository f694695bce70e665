"""What is to be created, tried by the server's dry run: a plan then tells of what `run` would be refused. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from atomicapp.errors import EngineError
from atomicapp.model import CREATE, Resource, Step
from atomicapp.providers.kubernetes import labels as marks
from atomicapp.providers.kubernetes.apply import patch
from atomicapp.providers.kubernetes.client import PARALLEL, Client, Refused
from atomicapp.providers.kubernetes.discovery import Discovery
from atomicapp.providers.kubernetes.reasons import explain
from atomicapp.providers.kubernetes.resources import NAMESPACE


def check(client: Client, discovery: Discovery, namespace: str, app: str, coming: Sequence[Resource]) -> None:
    """See providers.base.Session.check. Passed over are objects of a kind, and in a namespace, that is itself coming."""
    alone = any(resource.kind == NAMESPACE and resource.name == namespace for resource in coming)

    def one(resource: Resource) -> EngineError | None:
        api = discovery.find(str(resource.body["apiVersion"]), resource.kind)
        if api is None or (api.namespaced and alone):
            return None
        try:
            patch(client, api, namespace, marks.marked(resource, app, 1), dry=True)
        except Refused as refused:
            error = explain(Step(CREATE, resource, None), refused, client.access.server)
            error.__cause__ = refused
            return error
        return None

    with ThreadPoolExecutor(PARALLEL, thread_name_prefix="check") as pool:
        found = [error for error in pool.map(one, coming) if error is not None]
    if not found:
        return
    first = found[0]
    others = dict.fromkeys(error.message for error in found[1:] if error.message != first.message)
    raise EngineError(
        first.message,
        component=first.component,
        position=first.position,
        hint=first.hint,
        details=[f"also: {message}" for message in others],
    ) from first.__cause__
