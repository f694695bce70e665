"""Load one Nulecule: text -> node tree -> schema -> frozen values, with every fault at file:line:column."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from atomicapp import document, io
from atomicapp.document import Node
from atomicapp.errors import ERROR, NOTE, WARNING, Issue, ResolveError, SpecError
from atomicapp.model import (
    GENERAL,
    ArtifactSource,
    Component,
    Constraint,
    FileArtifact,
    GitArtifact,
    Include,
    InheritArtifact,
    Nulecule,
    Param,
    PersistentVolume,
    Pointer,
    UrlArtifact,
)
from atomicapp.nulecule import patterns, schema
from atomicapp.position import Position, line_of

FILE_NAME = "Nulecule"
MAX_SIZE = 10**9
"""GB of a volume: an exabyte."""
_OLD_NAMES = ("nulecule", "Atomicfile", "NULECULE", "Nulecule.yaml", "Nulecule.yml", "Nulecule.json")
_BAD_NAME = re.compile(r"[:/\[\]\x00-\x1f\x7f]|\.\.|^\.$")
_ACCESS_MODES = {"ReadWrite": "ReadWriteOnce", "ReadOnly": "ReadOnlyMany"}
_SECRET_NAME = re.compile(r"pass(word|wd)?$|_pass_|secret|token|api_?key|private_?key", re.IGNORECASE)


def load(folder: Path, name: str = "") -> Nulecule:
    """The Nulecule of an app's folder. `name` is how messages call the file.

    Raises ResolveError when the folder holds none, SpecError with every finding when it has errors.
    """
    path = folder / FILE_NAME
    shown = name or str(path)
    try:
        refuse_outside(path, folder)
        text = io.read_text(path, shown)
    except FileNotFoundError:
        raise _absent(folder) from None
    except OSError as error:
        raise ResolveError(f"can't read {shown}: {error.strerror}") from None
    return parse(text, shown)


def refuse_outside(path: Path, folder: Path) -> None:
    """ResolveError for a file of an app that is a link to a place outside of the app's folder."""
    # realpath and not resolve, which raises for links in a circle
    if path.is_symlink() and not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder)):
        raise ResolveError(
            f"{path} is a link that leads outside of the app", hint="copy the file into the app in place of the link"
        )


def parse(text: str, file: str) -> Nulecule:
    """A Nulecule from its text; SpecError with every finding when there are errors."""
    nulecule, issues = check(text, file)
    if nulecule is None:
        raise SpecError(issues)
    return nulecule


def check(text: str, file: str) -> tuple[Nulecule | None, tuple[Issue, ...]]:
    """The Nulecule of a text, or None when it has errors, and all findings in the order of the file."""
    try:
        root = document.compose(text, file)
    except SpecError as error:
        return None, error.issues
    early = _not_this_format(root, text, file)
    if root is None or early:
        return None, tuple(early)
    # without a version the newest one is meant, so that all that is wrong is told beside the missing key
    version = document.text_of(document.fields(root).get("specversion")) or schema.KNOWN_VERSIONS[-1]
    issues = schema.check(root, version, text, file)
    reader = _Reader(text, file)
    # the reader bears with what the schema refuses, so that the findings of both are told at once
    nulecule = reader.nulecule(root)
    found = tuple(sorted([*issues, *reader.issues], key=lambda issue: issue.position))
    if any(issue.severity == ERROR for issue in found):
        return None, found
    return nulecule._replace(issues=found), found


def _absent(folder: Path) -> ResolveError:
    if not folder.exists():
        return ResolveError(f"there is no folder {folder}")
    for name in _OLD_NAMES:
        # listdir and not exists: some file systems ignore case
        if any(entry.name == name for entry in folder.iterdir()):
            return ResolveError(
                f"{folder} holds '{name}' but no file named '{FILE_NAME}'",
                hint=f"rename it to '{FILE_NAME}' and set specversion: {schema.KNOWN_VERSIONS[-1]}",
            )
    return ResolveError(
        f"{folder} is no app: it holds no file named '{FILE_NAME}'",
        hint="`atomicapp init NAME` makes a new app",
    )


def _not_this_format(root: Node | None, text: str, file: str) -> list[Issue]:
    """What makes further checks pointless: an empty file, no mapping, an unknown version."""
    known = " and ".join(schema.KNOWN_VERSIONS)
    if document.is_null(root) or root is None:
        return [Issue(ERROR, "the file is empty", Position(file), "empty", hint=f"a Nulecule {known} was expected")]
    position = document.position_of(root, file)
    excerpt = line_of(text, position.line)
    if not isinstance(root, document.MappingNode):
        found = schema.describe(document.plain(root))
        message = f"a Nulecule must be a mapping with 'specversion', 'id' and 'graph', found {found}"
        return [Issue(ERROR, message, position, "type", excerpt=excerpt)]
    node = document.fields(root).get("specversion")
    version = document.text_of(node)
    if node is None or version is None or version in schema.KNOWN_VERSIONS:
        return []
    position = document.position_of(node, file)
    hint = f"this program reads {known}"
    if version == "0.0.1-alpha":
        hint += "; set specversion: 0.0.2, write graph as a list ('- name: web'), params as a list ('- name: image')"
        hint += " and each artifact as a URL ('- file://artifacts/docker/web_run')"
    return [
        Issue(
            ERROR,
            f"specversion '{version}' is not known",
            position,
            "specversion",
            "/specversion",
            hint,
            line_of(text, position.line),
        )
    ]


class _Reader:
    """Turns a tree into values, and collects what a schema can't say. What breaks the schema is left out or
    empty in the values: the caller has the schema's findings and throws them away."""

    def __init__(self, text: str, file: str) -> None:
        self.text = text
        self.file = file
        self.issues: list[Issue] = []

    def at(self, node: Node) -> Position:
        return document.position_of(node, self.file)

    def tell(self, severity: str, message: str, node: Node, code: str, hint: str = "") -> None:
        position = self.at(node)
        self.issues.append(Issue(severity, message, position, code, "", hint, line_of(self.text, position.line)))

    def nulecule(self, root: Node) -> Nulecule:
        top = document.fields(root)
        graph: list[Component | Include] = []
        seen: dict[str, Position] = {}
        for item in document.elements(top.get("graph")):
            found = self.item(item)
            if found.name and found.name in seen:
                self.tell(
                    ERROR,
                    f"the name '{found.name}' is taken by the component at {seen[found.name]}",
                    item,
                    "name-clash",
                    "give each component of a graph a name of its own",
                )
            seen.setdefault(found.name, found.position)
            graph.append(found)
        return Nulecule(
            id=document.text_of(top.get("id")) or "",
            specversion=document.text_of(top.get("specversion")) or "",
            metadata=_texts(top.get("metadata")),
            params=self.params(top.get("params")),
            graph=tuple(graph),
            requirements=tuple(self.requirements(top.get("requirements"))),
            file=self.file,
            issues=(),
        )

    def item(self, node: Node) -> Component | Include:
        keys = document.fields(node)
        name = document.text_of(keys.get("name")) or ""
        shown = f"'{name}'" if name else "this component"
        bad = _BAD_NAME.search(name)
        if bad or name != name.strip():
            what = repr(bad.group()) if bad else "blanks at its ends"
            self.tell(
                ERROR,
                f"the name of a component can't hold {what}: '{name}'",
                keys.get("name", node),
                "bad-name",
                "names become folders and scopes (a:b): use letters, digits, '-', '_' and '.'",
            )
        if name == GENERAL:
            self.tell(
                WARNING,
                f"the name '{name}' is that of the app's own scope: params of this component reach every other",
                keys["name"],
                "bad-name",
                "choose another name",
            )
        params = self.params(keys.get("params"))
        source = document.text_of(keys.get("source"))
        artifacts = keys.get("artifacts")
        position = self.at(node)
        if source:
            if document.fields(artifacts):
                self.tell(
                    WARNING,
                    f"{shown} has both 'source' and 'artifacts': the artifacts are ignored",
                    keys["artifacts"],
                    "ignored",
                    "keep one of the two",
                )
            return Include(name, self.include_source(source, keys["source"]), params, position)
        if keys and not document.fields(artifacts):
            self.tell(
                WARNING,
                f"{shown} has neither 'artifacts' nor 'source': no engine can run it",
                node,
                "no-artifacts",
                "add 'artifacts:' with a list for each provider, or 'source: docker://IMAGE'",
            )
        table = {}
        for key, value in document.items(artifacts):
            if document.is_null(value) or (isinstance(value, document.SequenceNode) and not value.value):
                self.tell(
                    WARNING,
                    f"{shown} has an empty list of artifacts for {key.value}: nothing will run there",
                    key,
                    "no-artifacts",
                    f"remove '{key.value}', or add its artifacts",
                )
            table[key.value] = tuple(found for entry in document.elements(value) for found in self.artifact(entry))
        return Component(name, table, params, position)

    def include_source(self, source: str, node: Node) -> str:
        scheme, colon, rest = source.partition("://")
        if scheme == "docker" and colon:
            if not rest.strip("/ "):
                self.tell(ERROR, f"the source '{source}' names no image", node, "source", "write docker://IMAGE")
            return rest
        hint = "sources are written docker://IMAGE"
        if not colon:
            hint += f": did you mean 'docker://{source}'?"
        self.tell(ERROR, f"the source '{source}' can't be fetched: unknown scheme", node, "source", hint)
        return source

    def artifact(self, node: Node) -> Iterator[ArtifactSource]:
        url = document.plain(node)
        if isinstance(url, str) and url:
            yield from self.url(url, node, ())
            return
        keys = document.fields(node)
        if not keys:
            return
        if "inherit" in keys:
            inherit = keys["inherit"]
            if isinstance(inherit, document.ScalarNode):
                self.tell(
                    WARNING,
                    f"'inherit' should be a list: it counts as [{inherit.value}]",
                    inherit,
                    "inherit",
                    f"write 'inherit: [{inherit.value}]'",
                )
                names: tuple[str, ...] = (str(inherit.value),)
            else:
                names = tuple(document.text_of(item) or "" for item in document.elements(inherit))
            yield InheritArtifact(names, self.at(node))
        elif "resource" in keys:
            pointers = tuple(self.pointers(keys.get("params")))
            yield from self.url(document.text_of(keys["resource"]) or "", keys["resource"], pointers)
        else:
            tag, branch = document.text_of(keys.get("tag")), document.text_of(keys.get("branch"))
            if tag and branch:
                self.tell(NOTE, "both 'tag' and 'branch' are given: the tag is taken", keys["branch"], "ignored")
            path = self.inside(document.text_of(keys.get("path")) or "/", keys.get("path") or node, rooted=True)
            yield GitArtifact(document.text_of(keys.get("source")) or "", path, tag or branch or "", self.at(node))

    def pointers(self, node: Node | None) -> Iterator[Pointer]:
        for key, value in document.items(node):
            name = str(key.value).removeprefix("$")
            for item in [value] if isinstance(value, document.ScalarNode) else document.elements(value):
                text = document.text_of(item) or ""
                if text and not text.startswith("/") and isinstance(document.plain(item), str):
                    self.tell(
                        ERROR,
                        f"'{text}' is no JSON pointer",
                        item,
                        "pointer",
                        "pointers begin with '/': /spec/containers/0/image",
                    )
                yield Pointer(name, text, self.at(item))

    def url(self, url: str, node: Node, pointers: tuple[Pointer, ...]) -> Iterator[ArtifactSource]:
        scheme, colon, rest = url.partition(":")
        if colon and scheme == "file":
            path = self.inside(rest.removeprefix("//"), node)
            yield FileArtifact(path, self.at(node), pointers)
        elif scheme in ("http", "https"):
            try:
                from urllib.parse import urlsplit

                host = urlsplit(url).hostname
            except ValueError:  # e.g. a bracket that is not closed
                host = None
            if not host:
                self.tell(ERROR, f"'{url}' names no host", node, "artifact")
            yield UrlArtifact(url, self.at(node), "", pointers)
        else:
            hint = "an artifact is file://RELATIVE/PATH, http://..., https://... or a git source"
            if not colon:
                hint += f": did you mean 'file://{url}'?"
            self.tell(ERROR, f"the artifact '{url}' has no scheme that can be read", node, "artifact", hint)

    def inside(self, path: str, node: Node, *, rooted: bool = False) -> str:
        """A relative path that stays below its root. For git `/` is the top of the repository (`rooted`)."""
        plain = path.lstrip("/") if rooted else path
        if plain.startswith("/"):
            self.tell(
                ERROR,
                f"the artifact '{path}' is an absolute path",
                node,
                "artifact-outside",
                "paths are relative to the folder of the Nulecule: file://artifacts/docker/run",
            )
        elif ".." in plain.split("/"):
            self.tell(
                ERROR,
                f"the artifact '{path}' leads outside of the app",
                node,
                "artifact-outside",
                "all files of an app lie below the folder of its Nulecule",
            )
        elif "\x00" in plain or (not plain and not rooted):
            self.tell(ERROR, "the artifact names no file", node, "artifact", "write file://RELATIVE/PATH")
        return plain

    def params(self, node: Node | None) -> tuple[Param, ...]:
        found: dict[str, Param] = {}
        for item in document.elements(node):
            keys = document.fields(item)
            name = document.text_of(keys.get("name"))
            if not name:
                continue
            if name in found:
                self.tell(
                    ERROR, f"the param '{name}' is declared twice, first at {found[name].position}", item, "name-clash"
                )
                continue
            if not re.fullmatch(r"[^\s=\[\]#:$\x00-\x1f]+", name):
                self.tell(
                    ERROR,
                    f"the name of a param can't hold blanks or any of = [ ] # : $: '{name}'",
                    keys["name"],
                    "bad-name",
                )
            hidden = document.is_true(keys.get("hidden"))
            if not hidden and "hidden" not in keys and _SECRET_NAME.search(name):
                self.tell(
                    NOTE,
                    f"the param '{name}' looks like a secret but is not hidden",
                    keys["name"],
                    "not-hidden",
                    "add 'hidden: true' so that its value is never shown, logged or kept in clear",
                )
            default = keys.get("default")
            found[name] = Param(
                name=name,
                description=document.text_of(keys.get("description")) or "",
                default=document.text_of(default),
                hidden=hidden,
                constraints=tuple(self.constraints(keys.get("constraints"))),
                position=self.at(item),
                default_position=self.at(default) if default is not None else self.at(item),
                quoted=isinstance(default, document.ScalarNode) and default.style in ("'", '"'),
            )
        return tuple(found.values())

    def constraints(self, node: Node | None) -> Iterator[Constraint]:
        for item in document.elements(node):
            keys = document.fields(item)
            pattern = document.text_of(keys.get("allowed_pattern"))
            if pattern is None:
                continue  # told by the schema: a constraint of a wrong form is ignored
            try:
                patterns.compiled(pattern)
            except ValueError as error:
                self.tell(
                    ERROR,
                    f"allowed_pattern is no regular expression: {error}",
                    keys["allowed_pattern"],
                    "pattern",
                    "test it with Python's re.fullmatch",
                )
                continue
            yield Constraint(pattern, document.text_of(keys.get("description")) or "", self.at(keys["allowed_pattern"]))

    def requirements(self, node: Node | None) -> Iterator[PersistentVolume]:
        seen: set[str] = set()
        for item in document.elements(node):
            for key, value in document.items(item):
                if key.value != "persistentVolume":
                    close = schema.did_you_mean(str(key.value), ["persistentVolume"])
                    self.tell(
                        WARNING,
                        f"the requirement '{key.value}' is not known; it is ignored",
                        key,
                        "unknown-key",
                        f"did you mean '{close}'?" if close else "known: persistentVolume",
                    )
                    continue
                keys = document.fields(value)
                name = document.text_of(keys.get("name"))
                size = document.plain(keys.get("size"))
                if not name or not isinstance(size, int | float):
                    continue
                if size > MAX_SIZE:
                    self.tell(ERROR, f"'size' is in GB: {MAX_SIZE} at most", keys["size"], "value")
                    continue
                mode = document.text_of(keys.get("accessMode")) or ""
                if name in seen:
                    self.tell(ERROR, f"two requirements are named '{name}'", keys["name"], "name-clash")
                if _BAD_NAME.search(name):
                    self.tell(ERROR, f"'{name}' can't be the name of a volume", keys["name"], "bad-name")
                seen.add(name)
                yield PersistentVolume(name, _ACCESS_MODES.get(mode, mode), float(size), self.at(value))


def _texts(node: Node | None) -> dict[str, object]:
    """Metadata as nested mappings and lists whose leaves are texts as written."""

    def value(found: Node) -> object:
        if isinstance(found, document.MappingNode):
            return {key.value: value(item) for key, item in document.items(found)}
        if isinstance(found, document.SequenceNode):
            return [value(item) for item in found.value]
        return document.text_of(found)

    return {key.value: value(item) for key, item in document.items(node)}
