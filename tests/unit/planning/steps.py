"""Small resources and things that exist, for the tests of planning."""

from __future__ import annotations

from atomicapp.model import CREATE, OWNED, RUNNING, Existing, Plan, Resource, Step, Target
from atomicapp.position import Position

HERE = Position("Nulecule", 3, 5)


def resource(name: str, order: int = 1, *needs: str, lifetime: str = OWNED, **body: str) -> Resource:
    """A container `name`, or a thing of another kind for `kind/name`; its key is `kind/name`."""
    kind, _, plain = name.rpartition("/")
    return Resource(
        f"{kind or 'container'}/{plain}", f"c-{plain}", kind or "container", plain, body, HERE, order, needs, lifetime
    )


def existing(
    name: str,
    order: int = 1,
    *,
    state: str = RUNNING,
    digest: str | None = None,
    lifetime: str = OWNED,
    detail: str = "",
) -> Existing:
    """What `resource` becomes when it exists; unchanged unless `digest` is given."""
    made = resource(name, order)
    return Existing(
        made.key,
        made.component,
        made.kind,
        made.name,
        made.hash if digest is None else digest,
        state,
        detail,
        order,
        lifetime,
    )


def step(name: str, order: int = 1, *needs: str, op: str = CREATE) -> Step:
    """A step about a wanted resource."""
    return Step(op, resource(name, order, *needs), None)


def leaving(name: str, order: int = 1, *, op: str) -> Step:
    """A step about something that is there."""
    return Step(op, None, existing(name, order))


def plan(*steps: Step) -> Plan:
    return Plan(Target("shop"), "memory", 7, steps)
