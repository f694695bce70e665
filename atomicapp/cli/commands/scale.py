"""Run more or fewer replicas of components, and wait until they are ready.

A component with several things that scale takes the name of one: COMPONENT/NAME=N. The count stays until it is
scaled again, or a run changes that thing: then what its artifact says counts."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from atomicapp.cli import options as opts
from atomicapp.cli.ui import Ui
from atomicapp.errors import UsageError
from atomicapp.model import SCALE, STOPPED, Existing
from atomicapp.store import Store

EXAMPLES = """
  atomicapp scale guestbook frontend=5
  atomicapp scale guestbook frontend=2 redis-follower=1
  atomicapp scale shop web/api=4                the thing named api of the component web
  atomicapp scale guestbook frontend=0 --dry-run
"""

MOST = 100_000
"""Replicas of one thing; more is a slip of the finger."""


def arguments(parser: argparse.ArgumentParser) -> None:
    opts.deployment(parser)
    parser.add_argument(
        "counts", metavar="COMPONENT[/NAME]=N", nargs="+", type=_count, help="how many replicas of which component"
    )
    opts.provider(parser)
    parser.add_argument("--dry-run", action="store_true", help="show what would be done and write nothing")
    opts.waiting(parser)
    opts.locking(parser)
    opts.output(parser)


def _count(text: str) -> tuple[str, int]:
    what, equals, number = text.rpartition("=")
    if not equals or not what or not (number.isascii() and number.isdecimal()):
        raise argparse.ArgumentTypeError(f"'{text}' is no COMPONENT=N, with N a number of replicas")
    if int(number) > MOST:
        raise argparse.ArgumentTypeError(f"'{text}' asks for more than {MOST} replicas")
    return what, int(number)


def run(options: argparse.Namespace, ui: Ui) -> int:
    from atomicapp.cli import deploying, deployments
    from atomicapp.planning import diff

    store = Store()
    found = deployments.find(options, ui, store)
    plan = deploying.change(
        options,
        ui,
        store,
        found,
        "scale",
        lambda existing: diff.scale(existing, chosen(found.name, found.provider.NAME, options.counts, existing)),
        lambda: None,
    )
    if options.dry_run:
        return 0
    if ui.as_json:
        deploying.report(ui, plan)
        return 0
    for step in plan.steps:
        if step.op == SCALE and step.existing:
            ui.print(f"{step.component}: {step.kind} {step.name}: {step.existing.replicas} -> {step.replicas} replicas")
    if not plan.changes:
        ui.print(f"{found.name}: nothing to do, it has these counts already")
    return 0


def chosen(name: str, provider: str, counts: Sequence[tuple[str, int]], existing: Sequence[Existing]) -> dict[str, int]:
    """The wanted count by key. UsageError for what is not there, can't be scaled, is stopped, or is not said clearly."""
    wanted: dict[str, int] = {}
    for what, number in counts:
        item = _one(name, provider, what, existing)
        if item.state == STOPPED:
            raise UsageError(
                f"{what} is stopped", hint=f"`atomicapp start {name}` starts it with the count that it had"
            )
        wanted[item.key] = number
    return wanted


def _one(name: str, provider: str, what: str, existing: Sequence[Existing]) -> Existing:
    component, slash, thing = what.rpartition("/")
    own = [item for item in existing if item.component == what]
    if not own and slash:
        own = [item for item in existing if item.component == component and item.name == thing]
    if not own:
        known = sorted({item.component for item in existing if item.replicas is not None})
        hint = f"these can be scaled: {', '.join(known)}" if known else f"nothing of it can be scaled on {provider}"
        raise UsageError(f"{name} has no component '{what}'", hint=hint)
    scaling = [item for item in own if item.replicas is not None]
    if not scaling:
        kinds = ", ".join(dict.fromkeys(item.kind for item in own))
        raise UsageError(
            f"nothing of {what} can be scaled on {provider} ({kinds})",
            hint="only what has a count of replicas can: on Kubernetes a Deployment, say",
        )
    if len(scaling) > 1:
        names = ", ".join(f"{item.component}/{item.name}" for item in scaling)
        raise UsageError(f"{what} has several things that scale", hint=f"name one of {names}")
    return scaling[0]
