"""The changing verbs: observe, plan, apply, wait, and keep the record true on every way out."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from atomicapp.cli import deployments
from atomicapp.cli.deployments import Deployment
from atomicapp.cli.pipeline import Wanted, origin_of
from atomicapp.cli.progress import ApplyProgress, Live
from atomicapp.cli.report import plan_report, show_plan
from atomicapp.cli.ui import Ui
from atomicapp.errors import AtomicAppError, StateError
from atomicapp.model import CREATE, KEEP, SCALE, SHARED, START, Existing, Plan, Resource, Step
from atomicapp.params.secrets import Redactor
from atomicapp.planning import apply as applying
from atomicapp.planning import diff
from atomicapp.planning.wait import wait_until_ready
from atomicapp.providers.base import Session
from atomicapp.store import DONE, FAILED, INTERRUPTED, PENDING, Record, Store, now

_NO_SECRETS = Redactor(())


def plan(wanted: Wanted, store: Store) -> tuple[Plan, tuple[Existing, ...]]:
    """What `run` would do: reads the engine once and writes nothing."""
    with contextlib.closing(wanted.provider.connect(wanted.target)) as session:
        planned, existing = _plan(wanted, session, store.record(wanted.target.app))
        coming = [step.resource for step in planned.steps if step.op == CREATE and step.resource]
        if coming:
            session.check(coming)
        return planned, existing


def _plan(wanted: Wanted, session: Session, record: Record | None) -> tuple[Plan, tuple[Existing, ...]]:
    existing = session.observe(wanted.target.app, wanted.parsed.resources)
    steps = diff.run(wanted.parsed.resources, existing, session.compare)
    last = max([item.revision for item in existing] + [record.revision if record else 0])
    changes = any(step.op != KEEP for step in steps)
    revision = last + 1 if changes or not last else last
    return Plan(wanted.target, wanted.settings.provider, revision, steps, wanted.parsed.issues), existing


def run(options: argparse.Namespace, ui: Ui, store: Store, wanted: Wanted) -> tuple[Plan, tuple[Existing, ...]]:
    """Bring the engine to what is wanted, under the deployment's lock; what was planned and what is there now."""
    name = wanted.target.app
    with locked(options, ui, store, name, "run"), contextlib.closing(wanted.provider.connect(wanted.target)) as session:
        before = store.record(name)
        _refuse_second_place(wanted, before)
        planned, existing = _plan(wanted, session, before)
        record = Record(
            name=name,
            app=wanted.app.nulecule.id,
            provider=wanted.settings.provider,
            target=wanted.target,
            revision=planned.revision,
            outcome=PENDING,
            reference=origin_of(wanted.app),
            digest=wanted.app.digest,
            changed=now(),
            resources=tuple(_kept(resource, wanted) for resource in wanted.parsed.resources),
        )
        # what waited in vain, or was interrupted, is waited for again, although nothing of it changes
        unsettled = before is not None and before.outcome != DONE
        if not planned.changes and not unsettled:
            if before is None or before.stopped:
                store.save(record._replace(outcome=DONE))
            return planned, existing
        with recorded(store, record):
            resources = {resource.key: resource for resource in wanted.parsed.resources}
            execute(options, ui, session, planned, resources if unsettled else None)
        return planned, session.observe(name, wanted.parsed.resources)


def _refuse_second_place(wanted: Wanted, before: Record | None) -> None:
    """StateError where something of this name runs in another place: this machine's record can't hold both, and the
    other one would be forgotten."""
    name = wanted.target.app
    place = (wanted.settings.provider, wanted.target.namespace)
    if before is None or (before.provider, before.target.namespace) == place:
        return
    from atomicapp.providers import load

    there = f"{before.provider} (namespace {before.target.namespace})"
    hint = f"give this one a name of its own (--name {name}-2), or `atomicapp uninstall {name}` first"
    target = before.target
    if before.provider == wanted.settings.provider:  # a record holds no token
        target = wanted.target._replace(namespace=target.namespace)
    try:
        with contextlib.closing(load(before.provider).connect(target)) as session:
            held = session.observe(name, ())
    except AtomicAppError as error:
        raise StateError(f"{name} was run on {there}, which can't be asked now: {error.message}", hint=hint) from None
    if any(item.lifetime != SHARED for item in held):
        raise StateError(f"{name} runs on {there} already", hint=hint)


def _kept(resource: Resource, wanted: Wanted) -> dict[str, Any]:
    """A resource as the record keeps it: without secrets, so its hash is kept beside it."""
    return {
        "key": resource.key,
        "component": resource.component,
        "kind": resource.kind,
        "name": resource.name,
        "order": resource.order,
        "lifetime": resource.lifetime,
        "hash": resource.hash,
        "body": wanted.redactor.value(resource.body),
    }


def execute(
    options: argparse.Namespace,
    ui: Ui,
    session: Session,
    planned: Plan,
    all_resources: dict[str, Resource] | None = None,
) -> Plan:
    """Apply a plan with progress, then wait for what was started (or for all of `all_resources`); the plan as it went."""
    timeout = getattr(options, "timeout", applying.LONGEST_WAIT)
    with Live(ui) as live:
        progress = ApplyProgress(live)
        went = applying.apply(planned, session, progress, timeout=timeout)
        if not getattr(options, "wait", True):
            return went
        started = {step.key: step.resource for step in planned.steps if step.op in applying.COMING and step.resource}
        wait_until_ready(list((all_resources or started).values()), session, progress, timeout=timeout)
    return went


@contextlib.contextmanager
def locked(options: argparse.Namespace, ui: Ui, store: Store, name: str, verb: str) -> Iterator[None]:
    """Hold the deployment's lock; say who holds it while waiting."""

    def waiting(owner: str) -> None:
        ui.warn(f"{name} is being changed by {owner}; waiting for it to end")

    with store.lock(name, timeout=options.lock_timeout, what=verb, waiting=waiting):
        yield


@contextlib.contextmanager
def recorded(store: Store, record: Record) -> Iterator[None]:
    """Keep the record as pending while the engine is changed, and say how it ended on every way out."""
    store.save(record)
    try:
        yield
    except AtomicAppError:
        store.save(record._replace(outcome=FAILED, changed=now()))
        raise
    except KeyboardInterrupt:
        store.save(record._replace(outcome=INTERRUPTED, changed=now()))
        raise
    store.save(record._replace(outcome=DONE, changed=now()))


StepsOf = Callable[[tuple[Existing, ...]], tuple[Step, ...]]


def change(
    options: argparse.Namespace,
    ui: Ui,
    store: Store,
    found: Deployment,
    verb: str,
    steps_of: StepsOf,
    done: Callable[[], None],
) -> Plan:
    """What `stop`, `start`, `scale` and `uninstall` share: observe, plan, and with --dry-run only show; else apply and wait.

    `done` brings the record up to date at the end, still under the lock.
    """
    lock = contextlib.nullcontext() if options.dry_run else locked(options, ui, store, found.name, verb)
    with lock, contextlib.closing(found.provider.connect(found.target)) as session:
        existing = deployments.held(found, session)
        revision = found.record.revision if found.record else 0
        planned = Plan(found.target, found.provider.NAME, revision, steps_of(existing))
        if options.dry_run:
            report(ui, planned)
            return planned
        started = deployments.as_resources(step.existing for step in planned.steps if step.op in (START, SCALE))
        went = execute(options, ui, session, planned, {resource.key: resource for resource in started})
        done()
        return went


def toggle(
    options: argparse.Namespace, ui: Ui, verb: str, steps_of: StepsOf, *, stopped: bool
) -> tuple[Deployment, Plan]:
    """`stop` and `start`: as `change`, and the record, where there is one, says which of the two it was."""
    store = Store()
    found = deployments.find(options, ui, store)

    def note() -> None:
        if found.record is not None:
            store.save(found.record._replace(stopped=stopped))

    return found, change(options, ui, store, found, verb, steps_of, note)


def report(ui: Ui, planned: Plan, redactor: Redactor = _NO_SECRETS, **more: object) -> None:
    """A plan as text, or as JSON with further keys."""
    if ui.as_json:
        ui.report({**plan_report(planned, redactor), **more})
    else:
        show_plan(ui, planned, redactor)
