"""What a file takes from others: `include` brings in whole files, `extends` lays a service over another one."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import Any

from atomicapp.document import MAX_NODES, MappingNode, Node, ScalarNode, SequenceNode, fields, items
from atomicapp.errors import SpecError
from atomicapp.records import NamedTuple
from atomicapp.workload.compose import envfile, load, merge, sources, tables_service, top
from atomicapp.workload.compose.context import Context, Source
from atomicapp.workload.compose.kinds import kind, shortened

ROOMS = ("services", "networks", "volumes", "configs", "secrets", "models", "jobs")
MAX_LEVELS = 50
"""Files or services that stand in one another; more is taken for a mistake."""
MAX_FILES = 500


class Origin(NamedTuple):
    """Which file, from which folder its paths are seen, and a text that tells its variables from others."""

    file: str
    folder: str
    variables: str


def expand(context: Context, root: MappingNode) -> MappingNode:
    """The tree of a file with all that it includes and extends."""
    own = posixpath.join(context.source.folder, posixpath.basename(context.source.file))
    return _Files(context).whole(root, (own,))


def size(node: Node) -> int:
    """The number of values of a tree, aliases followed."""
    count = 0
    stack: list[Any] = [node]
    while stack and count <= MAX_NODES:
        node = stack.pop()
        count += 1
        if isinstance(node, MappingNode):
            stack += [value for _, value in node.value]
        elif isinstance(node, SequenceNode):
            stack += node.value
    return count


def _without(node: MappingNode, name: str) -> MappingNode:
    found: MappingNode = merge.like(
        MappingNode(node.tag, [pair for pair in items(node) if pair[0].value != name], node.start_mark, node.end_mark),
        node,
    )
    return found


class _Files:
    """The files of one reading, each read once for each folder and environment that it is seen from."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.trees: dict[Origin, MappingNode | None] = {}
        self.services: dict[Origin, _Services] = {}
        self.wholes: dict[tuple[Origin, ...], MappingNode | None] = {}

    def whole(self, root: MappingNode, path: tuple[str, ...]) -> MappingNode:
        """A tree with what it includes and extends; `path` are the files that led to it, the last one its own."""
        given = fields(root)
        if "include" in given:
            root = self._including(_without(root, "include"), given["include"], path)
        return _Services(self, root, says=True).extended()

    def tree(self, origin: Origin, variables: Mapping[str, str], place: Node, what: str) -> MappingNode | None:
        """The tree of another file; None with a fault when it can't be had."""
        if origin not in self.trees:
            self.trees[origin] = self._tree(origin, variables, place, what)
        return self.trees[origin]

    def _tree(self, origin: Origin, variables: Mapping[str, str], place: Node, what: str) -> MappingNode | None:
        context = self.context
        if len(self.trees) > MAX_FILES:
            context.fault(place, f"more than {MAX_FILES} files belong to this one", "bomb")
            raise SpecError(context.issues)
        text = sources.text_of(context, place, origin.file, "", what)
        if text is None:
            return None
        context.texts.setdefault(origin.file, text)
        try:
            root = load.tree(context, text, Source(origin.file, origin.folder, variables))
        except SpecError as error:
            context.faults += 1
            context.issues += error.issues
            return None
        if isinstance(root, MappingNode) and kind(root) == "mapping":
            return root
        context.fault(place, f"{what} '{shortened(origin.file)}' holds no mapping", "type", "expected a Compose file")
        return None

    # ------------------------------------------------------------ include

    def _including(self, root: MappingNode, node: Node, path: tuple[str, ...]) -> MappingNode:
        context = self.context
        wanted = top.INCLUDE.read(context, node, "include")
        if not wanted or not isinstance(node, SequenceNode) or len(path) > MAX_LEVELS:
            if len(path) > MAX_LEVELS:
                context.fault(node, f"files include each other over more than {MAX_LEVELS} levels", "cycle")
            return root
        for item, place in zip(wanted, node.value, strict=False):
            included = self._include({"path": (item,)} if isinstance(item, str) else item, place, path)
            if included is not None:
                context.spend(size(included), place)
                root = self._joined(root, included)
        return root

    def _include(self, item: dict[str, Any], place: Node, path: tuple[str, ...]) -> MappingNode | None:
        """What one entry brings: its first file with the others laid over it."""
        context = self.context
        source = context.source_of(place)
        names = [self._below(source.folder, name, place) for name in item.get("path") or ()]
        if None in names or not names:
            if not names:
                context.fault(place, "include: 'path' is missing", "missing")
            return None
        files = [name for name in names if name is not None]
        if files[0] in path:
            shown = " -> ".join((*path[path.index(files[0]) :], files[0]))
            context.fault(place, f"files include each other in a cycle: {shown}", "cycle", "remove one of these")
            return None
        folder = posixpath.dirname(files[0])
        if item.get("project_directory"):
            found = self._below(source.folder, item["project_directory"], place)
            if found is None:
                return None
            folder = found
        variables, key = self._environment(item, place, folder)
        origins = tuple(Origin(name, folder, key) for name in files)
        if origins not in self.wholes:
            trees = [self.tree(origin, variables, place, "the included file") for origin in origins]
            root = trees[0]
            for over in trees[1:]:
                root = merge.mappings(root, over, ()) if root is not None and over is not None else None
            self.wholes[origins] = None if root is None else self.whole(self._checked(root), (*path, files[0]))
        return self.wholes[origins]

    def _below(self, folder: str, name: str, place: Node) -> str | None:
        found = sources.below(folder, name)
        if found is None:
            self.context.fault(
                place,
                f"the included file '{shortened(name)}' is not a file of the package",
                "outside",
                "only files of the package can be included, by relative paths",
            )
        return found

    def _environment(self, item: dict[str, Any], place: Node, folder: str) -> tuple[Mapping[str, str], str]:
        """The variables that included files see, and a text that tells them from those of others."""
        context = self.context
        source = context.source_of(place)
        outer = context.variables_of(place)
        texts = []
        if item.get("env_file"):
            for name in item["env_file"]:
                text = sources.text_of(context, place, name, source.folder, "env_file")
                texts.append((sources.below(source.folder, name) or name, text))
        else:
            texts.append((posixpath.join(folder, ".env"), sources.attempt(context, ".env", folder)[0]))
        given: dict[str, str] = {}
        for name, text in texts:
            if text is not None:
                found = envfile.parse(context, text, name, envfile.NAME, given, outer, raw=False)
                given.update({env.name: env.value for env in found})
        if not given:
            return outer, ""
        return {**given, **outer}, "\n".join(f"{name}={value}" for name, value in given.items())

    def _checked(self, root: MappingNode) -> MappingNode:
        """An included tree, with a fault for each key that is not known; its name and version count for nothing."""
        for key, _ in self.context.pairs(root):
            if key.value not in top.TOP.fields and not key.value.startswith("x-"):
                self.context.unknown(key, key.value, top.TOP.fields)
        return root

    def _joined(self, root: MappingNode, included: MappingNode) -> MappingNode:
        """A tree with the services and all else of an included one; the same name twice is a fault."""
        given = fields(root)
        for room in ROOMS:
            theirs = fields(included).get(room)
            if not isinstance(theirs, MappingNode):
                continue
            ours = given.get(room)
            known = fields(ours)
            for key, value in items(theirs):
                if key.value in known and not _equal(known[key.value], value):
                    other = self.context.position(known[key.value])
                    self.context.fault(
                        key,
                        f"'{shortened(key.value)}' of {room} is defined at {other} too, in another way",
                        "conflict",
                        "give one of them another name",
                    )
            if isinstance(ours, MappingNode):
                pairs = [*items(ours), *(pair for pair in items(theirs) if pair[0].value not in known)]
                given[room] = merge.like(MappingNode(ours.tag, pairs, ours.start_mark, ours.end_mark), ours)
            else:
                given[room] = theirs
        keys = {key.value: key for key, _ in (*items(included), *items(root))}
        pairs = [(keys[name], value) for name, value in given.items()]
        done: MappingNode = merge.like(MappingNode(root.tag, pairs, root.start_mark, root.end_mark), root)
        return done


def _equal(one: Node, other: Node) -> bool:
    """Whether two nodes say the same."""
    stack: list[tuple[Any, Any]] = [(one, other)]
    while stack:
        left, right = stack.pop()
        if left is right:
            continue
        if left.tag != right.tag or type(left) is not type(right):
            return False
        if isinstance(left, ScalarNode):
            if left.value != right.value:
                return False
        elif len(left.value) != len(right.value):
            return False
        elif isinstance(left, MappingNode):
            theirs = fields(right)
            for name, value in fields(left).items():
                if name not in theirs:
                    return False
                stack.append((value, theirs[name]))
        else:
            stack += zip(left.value, right.value, strict=True)
    return True


# ---------------------------------------------------------------- extends


class _Services:
    """The services of one tree, each laid over what it extends. `says` is whether they are services of the project."""

    def __init__(self, files: _Files, root: MappingNode, *, says: bool, file: str = "") -> None:
        self.files = files
        self.context = files.context
        self.root = root
        self.says = says
        self.file = file
        self.given = {key.value: (key, value) for key, value in items(fields(root).get("services"))}
        self.done: dict[str, Node] = {}

    def extended(self) -> MappingNode:
        """The tree with all services laid over what they extend."""
        changed = False
        for name, (_, value) in self.given.items():
            changed = self.resolve(name, ()) is not value or changed
        if not changed:
            return self.root
        pairs = []
        for key, value in items(self.root):
            if key.value == "services":
                merged = [(place, self.done[name]) for name, (place, _) in self.given.items()]
                value = merge.like(MappingNode(value.tag, merged, value.start_mark, value.end_mark), value)
            pairs.append((key, value))
        root = self.root
        done: MappingNode = merge.like(MappingNode(root.tag, pairs, root.start_mark, root.end_mark), root)
        return done

    def resolve(self, name: str, chain: tuple[tuple[str, str], ...]) -> Node:
        """A service without `extends`: laid over the one that it names. `chain` are the services that led here."""
        if name not in self.done:
            before = self.context.faults
            self.done[name] = self._resolve(name, chain)
            if self.context.faults != before:
                self.context.unfinished.add(name)
        return self.done[name]

    def _resolve(self, name: str, chain: tuple[tuple[str, str], ...]) -> Node:
        context = self.context
        _, value = self.given[name]
        node = fields(value).get("extends") if isinstance(value, MappingNode) else None
        if node is None or not isinstance(value, MappingNode):
            return value
        own = _without(value, "extends")
        wanted = self._wanted(name, node)
        if wanted is None:
            return own
        services, other = wanted
        me = (self.file, name)
        if me in chain or len(chain) > MAX_LEVELS:
            shown = [link[1] for link in (*chain[chain.index(me) if me in chain else 0 :], me)]
            shown = shown if len(shown) <= 12 else [*shown[:6], "...", *shown[-5:]]
            problem = "in a cycle" if me in chain else f"over more than {MAX_LEVELS} levels"
            context.fault(
                node, f"services extend each other {problem}: {' -> '.join(shown)}", "cycle", "remove one of these"
            )
            return own
        base = services.resolve(other, (*chain, me))
        if other in context.unfinished:
            context.unfinished.add(name)
        if not isinstance(base, MappingNode):
            return own
        context.spend(size(base) + size(own), node)
        return merge.merge(base, own, ("services", "*"))

    def _wanted(self, name: str, node: Node) -> tuple[_Services, str] | None:
        """The service that is extended, among its own; None with a fault when there is none."""
        context = self.context
        before = len(context.said)
        context.subject = name
        found = tables_service.extends.read(context, node, "services.extends")
        context.subject = ""
        if not self.says:
            del context.said[before:]
        if not found:
            return None
        given = {"service": found} if isinstance(found, str) else found
        services: _Services | None = self
        if given.get("file"):
            services = self._of_file(given["file"], node)
        if services is None:
            return None
        if given["service"] not in services.given:
            where = f" of {services.file}" if given.get("file") else ""
            context.undefined(node, f"the extended service{where}", given["service"], services.given)
            return None
        return services, given["service"]

    def _of_file(self, name: str, node: Node) -> _Services | None:
        files, context = self.files, self.context
        source = context.source_of(node)
        full = sources.below(source.folder, name)
        if full is None:
            sources.text_of(context, node, name, source.folder, "the extended file")
            return None
        variables = context.variables_of(node)
        key = "" if variables is context.variables else str(id(variables))
        origin = Origin(full, posixpath.dirname(full), key)
        if origin not in files.services:
            root = files.tree(origin, variables, node, "the extended file")
            if root is None:
                return None
            files.services[origin] = _Services(files, root, says=False, file=full)
        return files.services[origin]
