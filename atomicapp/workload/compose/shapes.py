"""The kinds of things that a Compose file is made of, each with the function that reads a node of it.

The table in `tables` says of each key which shape its value has. Reading checks, lists what is said, and makes a value
at once; a fault is noted, None is the value then, and the reading goes on. `path` is the key as Said has it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from atomicapp.document import MappingNode, Node, ScalarNode, SequenceNode
from atomicapp.workload.compose.context import Context
from atomicapp.workload.compose.kinds import NAMES, NULL, PLAIN, STR, TEXT, kind, shortened
from atomicapp.workload.fidelity import short


class Shape:
    """The base. A leaf is said as a whole by the mapping that holds it; other shapes say their parts themselves."""

    leaf = True

    def read(self, context: Context, node: Node, path: str) -> Any:
        """The value of a node."""
        raise NotImplementedError

    def leaves(self, path: str) -> Iterator[str]:
        """The keys that can be said of it."""
        yield path


class Scalar(Shape):
    """One text, number or boolean. `parse` makes a value of the text; its ValueError tells what was expected."""

    def __init__(
        self, tags: frozenset[str] = TEXT, parse: Callable[[str], Any] | None = None, *, expected: str = ""
    ) -> None:
        self.tags = tags
        self.parse = parse
        self.expected = expected or NAMES.get(tags - {NULL}, "")

    def read(self, context: Context, node: Node, path: str) -> Any:
        if node.tag not in self.tags and not self._text(node):
            context.mistaken(node, path, self.expected)
            return None
        if node.tag == NULL:
            return None
        if self.parse is None:
            return node.value
        try:
            return self.parse(node.value)
        except ValueError as error:
            context.fault(node, f"{short(path)} '{shortened(node.value)}': {error}", "value")
            return None

    def _text(self, node: Node) -> bool:
        """What looks like another kind to YAML 1.1 only."""
        return STR in self.tags and kind(node) == "text"


class Obj(Shape):
    """A mapping with known keys. `build` makes a value of what was found when nothing was wrong with it, or, when it is
    `patient`, of what was found without what was wrong."""

    leaf = False

    def __init__(
        self,
        fields: Mapping[str, Shape],
        build: Callable[[Context, Node, dict[str, Any], dict[str, Node]], Any] | None = None,
        *,
        required: Sequence[str] = (),
        nullable: bool = False,
        extensible: bool = True,
        patient: bool = False,
    ) -> None:
        self.fields = fields
        self.build = build
        self.required = required
        self.nullable = nullable
        self.extensible = extensible
        self.patient = patient
        self._paths: dict[str, dict[str, str]] = {}

    def paths(self, path: str) -> dict[str, str]:
        """The keys of the fields by name."""
        found = self._paths.get(path)
        if found is None:
            found = self._paths[path] = {name: f"{path}.{name}" if path else name for name in self.fields}
        return found

    def read(self, context: Context, node: Node, path: str) -> Any:
        before = context.faults
        found: dict[str, Any] = {}
        keys: dict[str, Node] = {}
        if isinstance(node, MappingNode) and kind(node) == "mapping":
            self.fields_of(context, node, path, found, keys)
        elif not (self.nullable and node.tag == NULL):
            context.mistaken(node, path, "a mapping")
            return None
        if context.faults != before:
            if not self.patient:
                return None
            found = {name: value for name, value in found.items() if value is not None}
        return self.build(context, node, found, keys) if self.build else found

    def fields_of(
        self, context: Context, node: MappingNode, path: str, found: dict[str, Any], keys: dict[str, Node]
    ) -> None:
        """Read the fields into `found`, their key nodes into `keys`."""
        paths, fields = self.paths(path), self.fields
        for key, value in context.pairs(node):
            name = key.value
            shape = fields.get(name)
            if shape is None:
                if not (self.extensible and name.startswith("x-")):
                    context.unknown(key, name, fields)
                continue
            full = paths[name]
            if shape.leaf:
                context.say(full, key)
            found[name] = shape.read(context, value, full)
            keys[name] = key
        for name in self.required:
            if name not in found:
                context.fault(node, f"{short(path)}: '{name}' is missing", "missing")

    def leaves(self, path: str) -> Iterator[str]:
        for name, shape in self.fields.items():
            yield from shape.leaves(self.paths(path)[name])


class Named(Shape):
    """A mapping whose keys the author chooses; its value is a dictionary, in which faulty entries are None.

    `says` is whether each entry is said itself, beside what it holds; `subjects` whether its key is the subject of that.
    """

    leaf = False

    def __init__(
        self,
        shape: Shape,
        check: Callable[[Context, Node], None],
        *,
        says: bool = False,
        subjects: bool = False,
    ) -> None:
        self.shape = shape
        self.check = check
        self.says = says
        self.subjects = subjects

    def read(self, context: Context, node: Node, path: str) -> Any:
        if not isinstance(node, MappingNode) or kind(node) != "mapping":
            context.mistaken(node, path, "a mapping")
            return None
        found: dict[str, tuple[Node, Any]] = {}
        for key, value in context.pairs(node):
            self.check(context, key)
            if self.subjects:
                context.subject = key.value
            if self.says:
                context.say(path, key)
            found[key.value] = (key, self.shape.read(context, value, path))
        if self.subjects:
            context.subject = ""
        return found

    def leaves(self, path: str) -> Iterator[str]:
        if self.says:
            yield path
        yield from self.shape.leaves(path)


class Many(Shape):
    """A list. The values of its items as a tuple, without those that are faulty; what an item's shape gives as a list
    counts as several."""

    def __init__(self, shape: Shape, *, unique: bool = False) -> None:
        self.shape = shape
        self.leaf = shape.leaf
        self.unique = unique

    def read(self, context: Context, node: Node, path: str) -> Any:
        if not isinstance(node, SequenceNode) or kind(node) != "list":
            context.mistaken(node, path, "a list")
            return None
        found: list[Any] = []
        seen: set[str] = set()
        for item in node.value:
            value = self.shape.read(context, item, path)
            if isinstance(value, list):
                found += value
            elif value is not None:
                found.append(value)
            if self.unique and not isinstance(item.value, list):
                if item.value in seen:
                    context.fault(item, f"{short(path)}: '{shortened(item.value)}' stands here twice", "duplicate")
                seen.add(item.value)
        return tuple(found)

    def leaves(self, path: str) -> Iterator[str]:
        return self.shape.leaves(path)


class OneOrMany(Many):
    """A list, or one item alone."""

    def read(self, context: Context, node: Node, path: str) -> Any:
        if isinstance(node, SequenceNode):
            return super().read(context, node, path)
        value = self.shape.read(context, node, path)
        return tuple(value) if isinstance(value, list) else () if value is None else (value,)


class Either(Shape):
    """A short and a long form: which one is told by what the node is."""

    def __init__(self, *, plain: Shape | None = None, items: Shape | None = None, mapping: Shape | None = None) -> None:
        self.plain, self.items, self.mapping = plain, items, mapping
        self.forms = [form for form in (plain, items, mapping) if form is not None]
        self.leaf = all(form.leaf for form in self.forms)

    def read(self, context: Context, node: Node, path: str) -> Any:
        if isinstance(node, MappingNode):
            form = self.mapping
        else:
            form = self.items if isinstance(node, SequenceNode) else self.plain
        if form is None:
            names = ((self.plain, "a text"), (self.items, "a list"), (self.mapping, "a mapping"))
            context.mistaken(node, path, " or ".join(name for known, name in names if known))
            return None
        return form.read(context, node, path)

    def leaves(self, path: str) -> Iterator[str]:
        for form in self.forms:
            yield from form.leaves(path)


class As(Shape):
    """A short form: it says one key of the long form; "" is the key itself."""

    leaf = False

    def __init__(self, name: str, shape: Shape) -> None:
        self.ending = f".{name}" if name else ""
        self.shape = shape

    def read(self, context: Context, node: Node, path: str) -> Any:
        context.say(path + self.ending, node)
        return self.shape.read(context, node, path)

    def leaves(self, path: str) -> Iterator[str]:
        yield path + self.ending


class Short(Shape):
    """A short form whose function says itself which keys of the long form (`names`) it stands for; "" is the key."""

    leaf = False

    def __init__(self, function: Callable[[Context, Node, str], Any], *names: str) -> None:
        self.function = function
        self.names = names

    def read(self, context: Context, node: Node, path: str) -> Any:
        return self.function(context, node, path)

    def leaves(self, path: str) -> Iterator[str]:
        for name in self.names:
            yield f"{path}.{name}" if name else path


class One(Shape):
    """What has parts, and is said as one."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape

    def read(self, context: Context, node: Node, path: str) -> Any:
        before = len(context.said)
        found = self.shape.read(context, node, path)
        del context.said[before:]
        return found


class Built(Shape):
    """A shape of which a value is made together with its node."""

    def __init__(self, shape: Shape, build: Callable[[Context, Node, Any], Any]) -> None:
        self.shape = shape
        self.leaf = shape.leaf
        self.build = build

    def read(self, context: Context, node: Node, path: str) -> Any:
        before = context.faults
        value = self.shape.read(context, node, path)
        if value is None or context.faults != before:
            return None
        try:
            return self.build(context, node, value)
        except ValueError as error:
            shown = f" '{shortened(node.value)}'" if isinstance(node, ScalarNode) else ""
            context.fault(node, f"{short(path)}{shown}: {error}", "value")
            return None

    def leaves(self, path: str) -> Iterator[str]:
        return self.shape.leaves(path)


class Pairs(Shape):
    """A mapping, or a list of KEY=VALUE: a tuple of (key, value or None, node). `tags` are those of the values; `sign`
    is what parts the key from the value in a list."""

    def __init__(self, tags: frozenset[str] = PLAIN | {NULL}, *, listed: bool = True) -> None:
        self.tags = tags
        self.listed = listed

    def read(self, context: Context, node: Node, path: str) -> Any:
        if isinstance(node, MappingNode) and kind(node) == "mapping":
            return tuple(self._entry(context, key, value, path) for key, value in context.pairs(node))
        if self.listed and isinstance(node, SequenceNode) and kind(node) == "list":
            return self._list(context, node, path)
        context.mistaken(node, path, "a mapping or a list of KEY=VALUE" if self.listed else "a mapping")
        return None

    def _entry(self, context: Context, key: Node, node: Node, path: str) -> tuple[str, str | None, Node]:
        if node.tag not in self.tags and not (STR in self.tags and kind(node) == "text"):
            expected = NAMES.get(self.tags - {NULL}, "a text or a number")
            context.mistaken(node, f"{path}.{shortened(key.value)}", expected)
        if not key.value:
            context.fault(key, f"{short(path)}: a name is empty", "value")
        return (key.value, None if node.tag == NULL else node.value, key)

    def _list(self, context: Context, node: SequenceNode, path: str) -> tuple[tuple[str, str | None, Node], ...]:
        found: dict[str, tuple[str, str | None, Node]] = {}
        seen: set[str] = set()
        for item in node.value:
            if kind(item) != "text":
                context.mistaken(item, path, "a text KEY=VALUE")
                continue
            text = item.value
            name, sign, value = text.partition("=")
            if text in seen:
                context.fault(item, f"{short(path)}: '{shortened(text)}' stands here twice", "duplicate")
            elif not name:
                context.fault(item, f"{short(path)} '{shortened(text)}': expected KEY=VALUE", "value")
            seen.add(text)
            found[name] = (name, value if sign else None, item)
        return tuple(found.values())
