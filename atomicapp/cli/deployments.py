"""Find the deployment that a verb is to look after, and carry out what `stop`, `start` and `uninstall` share."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from atomicapp.cli import options as opts
from atomicapp.cli import pipeline
from atomicapp.cli.ui import Ui
from atomicapp.errors import ResolveError, StateError, UsageError
from atomicapp.model import Existing, Resource, Target
from atomicapp.nulecule import load as loading
from atomicapp.params.secrets import Redactor
from atomicapp.position import Position
from atomicapp.records import NamedTuple
from atomicapp.store import Record, Store, check_name, name_for

if TYPE_CHECKING:
    from atomicapp.providers.base import Provider, Session


class Deployment(NamedTuple):
    """A deployment that a verb is to look after; `record` None: this machine keeps none of it."""

    name: str
    provider: Provider
    target: Target
    record: Record | None


def find(options: argparse.Namespace, ui: Ui, store: Store) -> Deployment:
    """The deployment that APP names: by its name, or by the app that it was run from.

    Options go before the record. StateError when neither this machine nor `--provider` knows it.
    """
    from atomicapp.providers import load as load_provider

    text = opts.required_app(options)
    record = _find_record(text, options, ui, store)
    name = record.name if record else text
    given_options = opts.given(options)
    provider_name = given_options.get("provider") or (record.provider if record else "")
    if not provider_name:
        known = ", ".join(found.name for found in store.records()) or "none"
        raise StateError(
            f"there is no deployment '{name}' (known here: {known})",
            hint="`atomicapp list` shows all; with --provider the engine itself is asked",
        )
    try:
        check_name(name)
    except StateError as error:
        raise UsageError(error.message, hint=error.hint) from None
    target = record.target if record else Target(name)
    target = opts.engine_target(options, target)._replace(
        app=name,
        cache=pipeline.engine_cache(store, keep=not getattr(options, "dry_run", False)),
    )
    if target.auth:
        ui.hide(Redactor([target.auth]).text)
    return Deployment(name, load_provider(provider_name), target, record)


def _find_record(text: str, options: argparse.Namespace, ui: Ui, store: Store) -> Record | None:
    name = getattr(options, "name", "") or text
    with contextlib.suppress(StateError):
        check_name(name)
        record = store.record(name)
        if record is not None:
            return record
    matching = [record for record in store.records() if text in (record.reference, record.app)]
    folder = None
    with contextlib.suppress(ResolveError):
        folder = pipeline.path_of(text)
    if folder is not None:
        matching += [record for record in store.records() if record.reference == str(folder.resolve())]
    if len(matching) > 1:
        names = ", ".join(record.name for record in matching)
        raise UsageError(f"{text} runs under several names: {names}", hint="give the name of the one that is meant")
    if matching:
        return matching[0]
    if folder is not None:
        app_id = loading.load(folder).id
        ui.debug(f"{text} is the app {app_id}")
        return store.record(name_for(app_id, getattr(options, "namespace", "")))
    return None


def held(found: Deployment, session: Session) -> tuple[Existing, ...]:
    """What the engine holds of a deployment; StateError when nothing, and nothing is known of it either."""
    existing = session.observe(found.name, ())
    if not existing and found.record is None:
        raise unknown(found)
    return existing


def of_components(found: Deployment, items: Sequence[Existing], names: Sequence[str]) -> list[Existing]:
    """Those of the named components, or all; UsageError for a component that is not there."""
    known = sorted({item.component for item in items})
    for name in names:
        if name not in known:
            raise UsageError(f"{found.name} has no component '{name}'", hint=f"it has {', '.join(known) or 'none'}")
    return [item for item in items if not names or item.component in names]


def unknown(found: Deployment) -> StateError:
    """The error for a name that neither this machine nor the engine knows."""
    return StateError(
        f"there is no deployment '{found.name}' on {found.provider.NAME}", hint="`atomicapp list` shows all"
    )


def as_resources(existing: Iterable[Existing | None]) -> list[Resource]:
    """Existing things as what `Session.ready` asks for, when their bodies are not known here."""
    where = Position("<engine>")
    return [
        Resource(item.key, item.component, item.kind, item.name, {}, where, item.order) for item in existing if item
    ]
