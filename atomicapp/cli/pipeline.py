"""The stages strung together: what most verbs do before their own part.

APP -> open_app -> App -> settle -> Settings -> rendered -> Rendered -> parsed -> Parsed + Target
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from atomicapp.cli import options as opts
from atomicapp.cli.ui import Ui
from atomicapp.errors import ResolveError, SpecError, StateError, UsageError
from atomicapp.host import in_host
from atomicapp.model import COMPOSE, App, Parsed, Rendered, Target
from atomicapp.nulecule import load as loading
from atomicapp.nulecule.resolve import resolve, walk
from atomicapp.params import answers as answering
from atomicapp.params import configure
from atomicapp.params.secrets import Redactor
from atomicapp.records import NamedTuple
from atomicapp.rendering.render import NO_ARTIFACTS, render
from atomicapp.rendering.sources import Remote, Sources, checkout
from atomicapp.store import Store, check_name, name_for

if TYPE_CHECKING:
    from atomicapp.images.fetch import Fetched, Images
    from atomicapp.providers.base import Provider


class Wanted(NamedTuple):
    """An app made ready for an engine."""

    app: App
    settings: configure.Settings
    rendered: Rendered
    parsed: Parsed
    target: Target
    provider: Provider
    redactor: Redactor


# ---------------------------------------------------------------- load and resolve


def path_of(text: str) -> Path | None:
    """APP as a path, when it is one: a folder, or a Nulecule itself. ResolveError for a path that is not there."""
    path = in_host(text)
    if path.is_dir():
        return path
    if path.name == loading.FILE_NAME and path.is_file():
        return path.parent
    if text.startswith((".", "/", "~")) and not path.exists():
        raise ResolveError(
            f"there is no folder {text}", hint="APP is a folder, or an image reference such as HOST/NAME:TAG"
        )
    return None


def images(options: argparse.Namespace, ui: Ui, store: Store, *, keep: bool = True) -> Images:
    """The façade of all images. Without `keep` nothing is written to the store (for plan and dry runs): what has
    to be unpacked goes to a temporary folder."""
    from atomicapp.cli.progress import FetchProgress
    from atomicapp.images.fetch import FetchOptions, Images

    fetch_options = FetchOptions(
        insecure=frozenset(getattr(options, "insecure_registry", ())), cafile=getattr(options, "registry_cafile", "")
    )
    if keep:
        store.folder(store.cache)
    scratch = None
    if not keep:
        import tempfile

        scratch = Path(ui.at_end.enter_context(tempfile.TemporaryDirectory(prefix="atomicapp-")))
    found = Images(store.cache, store.images, options=fetch_options, observer=FetchProgress(ui), scratch=scratch)
    ui.at_end.callback(found.close)
    return found


def open_app(
    options: argparse.Namespace,
    ui: Ui,
    store: Store,
    *,
    deps: bool = True,
    update: bool = False,
    keep: bool = True,
    quiet: bool = False,
) -> App:
    """The tree of the app that APP names, its warnings shown unless `quiet`. With `update` registries are asked
    again; without `keep` nothing is written to the store."""
    text = opts.required_app(options)
    folder = path_of(text)
    fetcher = _Fetcher(lambda: images(options, ui, store, keep=keep), update)
    fetch = fetcher.fetch

    reference = digest = ""
    if folder is None:
        got = fetch(text)
        folder, reference, digest = got.folder, text, got.digest
    app = resolve(folder, reference=reference, digest=digest, fetch=fetch if deps else None)
    ui.debug(f"the app {app.nulecule.id} lies in {folder}")
    if not quiet:
        for node in walk(app):
            ui.issues(node.nulecule.issues)
    return app


class _Fetcher:
    """Fetches images; the façade is made when the first one is asked for, which an app on disk never does."""

    def __init__(self, make: Callable[[], Images], update: bool) -> None:
        self._make = make
        self._update = update
        self._images: Images | None = None
        self._lock = Lock()

    def fetch(self, reference: str) -> Fetched:
        with self._lock:
            if self._images is None:
                self._images = self._make()
        return self._images.fetch(reference, update=self._update)


# ---------------------------------------------------------------- configure


def given(options: argparse.Namespace, app: App) -> configure.Given:
    """All values from outside: `-p` and provider options, variables, the answers given or the app's own."""
    if options.answers:
        source = options.answers
        path = str(in_host(source)) if source.startswith("/") else source
        answers = answering.read(path, answering.download)
    else:
        answers = answering.of_app(app.folder)
    return configure.Given(
        configure.command_line(options.param, opts.given(options)), configure.from_environ(), answers
    )


def settle(options: argparse.Namespace, ui: Ui, app: App, *, complete: bool = True) -> configure.Settings:
    """One value for each param; asks on a terminal when some are missing. Shows warnings, masks secrets from now on."""
    from atomicapp.cli import ask

    found = given(options, app)
    want_all = getattr(options, "ask", False)
    can_ask = complete and ask.possible(options)
    if want_all and not can_ask:
        raise UsageError("--ask needs a terminal", hint="give the values with -a FILE or -p NAME=VALUE")
    settings = configure.configure(
        app, found, ask=ask.asker(ui) if can_ask else None, ask_all=want_all, complete=complete
    )
    ui.hide(Redactor(settings.secrets).text)
    ui.issues(settings.issues)
    for item in settings.declared:
        value = settings.value(item.scope, item.param.name)
        if value is not None and value.hidden and value.origin == configure.COMMAND_LINE:
            ui.warn(
                f"the value of {item.scope}:{item.param.name} stands in the command line, where every user can see it: "
                f"use answers or the variable {configure.environment_names(item.scope, item.param.name)[1]}"
            )
    return settings


def write_answers(options: argparse.Namespace, ui: Ui, settings: configure.Settings) -> None:
    """`--write-answers FILE`, before anything is deployed; hidden values are left out."""
    target = getattr(options, "write_answers", "")
    if not target:
        return
    from atomicapp import io
    from atomicapp.params.sample import in_use

    path = in_host(target)
    io.write_text(path, answering.dump(in_use(settings), options.answers_format), mode=0o600)
    hidden = any(item.param.hidden for item in settings.declared)
    ui.info(f"the answers in use are in {path}" + (", hidden values left out" if hidden else ""))


# ---------------------------------------------------------------- render and parse


def sources() -> Sources:
    """The reader of artifacts, with real downloads and checkouts."""
    return Sources(Remote(answering.download, checkout))


def want(options: argparse.Namespace, ui: Ui, store: Store, *, keep: bool = True) -> Wanted:
    """From APP to what its provider wants to exist."""
    from atomicapp.providers import load as load_provider

    app = open_app(options, ui, store, update=getattr(options, "update", False), keep=keep)
    settings = settle(options, ui, app)
    target = settings.target(deployment_name(options, app, settings.namespace))._replace(
        create_namespace=getattr(options, "create_namespace", False),
        init_swarm=getattr(options, "init_swarm", False),
        force_conflicts=getattr(options, "force_conflicts", False),
        cache=engine_cache(store, keep=keep),
    )
    with sources() as reader:
        rendered = render(app, settings, reader)
        ui.issues(rendered.issues)
        provider = load_provider(settings.provider)
        _refuse_compose(rendered, provider)
        parsed = provider.parse(rendered, target)
    redactor = Redactor(settings.secrets | parsed.secrets)
    if parsed.secrets:
        ui.hide(redactor.text)
    ui.issues(parsed.issues)
    return Wanted(app, settings, rendered, parsed, target, provider, redactor)


def _refuse_compose(rendered: Rendered, provider: Provider) -> None:
    """SpecError for a Compose file where the provider reads none."""
    found = next((artifact for artifact in rendered.artifacts if artifact.provider == COMPOSE), None)
    if found is not None and not provider.fidelity():
        raise SpecError.single(
            f"{found.component} has no artifacts for {provider.NAME}, which reads no Compose files",
            found.position,
            code=NO_ARTIFACTS,
            hint="see `atomicapp providers` for those that do",
        )


def engine_cache(store: Store, *, keep: bool) -> str:
    """The folder where providers may keep what they can ask their engines again; none where nothing may be written."""
    return str(store.cache / "engines") if keep else ""


def deployment_name(options: argparse.Namespace, app: App, namespace: str) -> str:
    """`--name`, else made of the app's id and namespace."""
    chosen = getattr(options, "name", "")
    if chosen:
        try:
            return check_name(chosen)
        except StateError as error:
            raise UsageError(error.message, hint=error.hint) from None
    return name_for(app.nulecule.id, namespace)


def origin_of(app: App) -> str:
    """How a record names the app that was run: its reference, or the absolute path of its folder."""
    return app.reference or str(app.folder.resolve())
