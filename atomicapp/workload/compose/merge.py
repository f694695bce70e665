"""How one service (or file) is laid over another, by the rules of the Compose Specification. Works on nodes.

Mappings are merged key by key, lists are appended, all else is replaced. A short form becomes the long one first, where
only that can be merged. `!reset` takes away what is below it, `!override` replaces it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from atomicapp.document import MappingNode, Node, ScalarNode, SequenceNode, items
from atomicapp.workload.compose.kinds import CAST, NULL, OVERRIDE, RESET, STR

_MAP, _SEQ = "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"
Path = tuple[str, ...]


def merge(base: Node, over: Node, path: Path) -> Node:
    """A node with another one laid over it. `path` is that of the file, with `*` for names: (services, *, ports)."""
    if over.tag == OVERRIDE:
        return over
    rule = _RULES.get(path)
    if rule is not None:
        return rule(base, over, path)
    if over.tag == NULL:
        return base
    if isinstance(base, MappingNode) and isinstance(over, MappingNode):
        return mappings(base, over, path)
    if isinstance(base, SequenceNode) and isinstance(over, SequenceNode):
        return _appended(base, over, path)
    return over


def mappings(base: MappingNode, over: MappingNode, path: Path) -> MappingNode:
    """Key by key."""
    found: dict[str, tuple[Any, Any]] = {key.value: (key, value) for key, value in items(base)}
    for key, value in items(over):
        name = key.value
        if value.tag == RESET:
            found.pop(name, None)
        elif name in found and not name.startswith("x-") and value is not found[name][1]:
            found[name] = (key, merge(found[name][1], value, _below(path, name)))
        else:
            found[name] = (key, value)
    done: MappingNode = like(MappingNode(_MAP, list(found.values()), over.start_mark, over.end_mark), over)
    return done


def _below(path: Path, name: str) -> Path:
    """The path of a key; names that the author chooses are a star."""
    if len(path) == 1 or path in _STARS:
        return (*path, "*")
    return (*path, name)


def like(node: Any, model: Any) -> Any:
    """A new node, put into the file of another one."""
    source = getattr(model, "source", None)
    if source is not None:
        node.source = source
    return node


def _scalar(value: str, model: Any, tag: str = STR) -> Any:
    return like(ScalarNode(tag, value, model.start_mark, model.end_mark), model)


def _mapping(pairs: list[tuple[Any, Any]], model: Any) -> Any:
    return like(MappingNode(_MAP, pairs, model.start_mark, model.end_mark), model)


def _list(nodes: list[Any], model: Any) -> Any:
    return like(SequenceNode(_SEQ, nodes, model.start_mark, model.end_mark), model)


# ---------------------------------------------------------------- rules


def _replaced(base: Node, over: Node, path: Path) -> Node:
    return over


def _appended(base: Node, over: Node, path: Path) -> Node:
    """Both lists; what is in both counts once."""
    done: dict[object, Any] = {}
    for item in (*_items(base), *_items(over)):
        done[item.value if isinstance(item, ScalarNode) else id(item)] = item
    return _list(list(done.values()), over) if over.tag != NULL else base


def _items(node: Node) -> list[Any]:
    if isinstance(node, SequenceNode):
        return list(node.value)
    return [] if node.tag == NULL else [node]


def _pairs(base: Node, over: Node, path: Path) -> Node:
    """Pairs, each of which may be a list of KEY=VALUE."""
    if over.tag == NULL:
        return base
    one, two = _as_pairs(base), _as_pairs(over)
    if one is None or two is None:
        return over
    found = {key.value: (key, value) for key, value in items(one)}
    for key, value in items(two):  # a value of nothing is one here
        if value.tag == RESET:
            found.pop(key.value, None)
        else:
            found[key.value] = (key, value)
    merged: Node = _mapping(list(found.values()), over)
    return merged


def _as_pairs(node: Node) -> MappingNode | None:
    if isinstance(node, MappingNode):
        return node
    if not isinstance(node, SequenceNode):
        return None
    pairs = []
    for item in node.value:
        if not isinstance(item, ScalarNode):
            return None
        name, sign, value = item.value.partition("=")
        pairs.append((_scalar(name, item), _scalar(value, item) if sign else _scalar("", item, NULL)))
    mapping: MappingNode = _mapping(pairs, node)
    return mapping


def _named(long: Callable[[Any], Any]) -> Callable[[Node, Node, Path], Node]:
    """A mapping by name that may be a list of the names; `long` gives the long form of a name."""

    def as_mapping(node: Node) -> MappingNode | None:
        if isinstance(node, MappingNode):
            return node
        if not isinstance(node, SequenceNode) or not all(isinstance(item, ScalarNode) for item in node.value):
            return None
        mapping: MappingNode = _mapping([(item, long(item)) for item in node.value], node)
        return mapping

    def rule(base: Node, over: Node, path: Path) -> Node:
        if over.tag == NULL:
            return base
        one, two = as_mapping(base), as_mapping(over)
        return over if one is None or two is None else mappings(one, two, path)

    return rule


def _started(item: Any) -> Any:
    return _mapping([(_scalar("condition", item), _scalar("service_started", item))], item)


def _nothing(item: Any) -> Any:
    return _scalar("", item, NULL)


def _build(base: Node, over: Node, path: Path) -> Node:
    """A text is the context."""

    def long(node: Node) -> Node:
        if isinstance(node, ScalarNode) and node.tag != NULL:
            mapping: Node = _mapping([(_scalar("context", node), node)], node)
            return mapping
        return node

    one, two = long(base), long(over)
    if isinstance(one, MappingNode) and isinstance(two, MappingNode):
        return mappings(one, two, path)
    return base if over.tag == NULL else two


def _hosts(base: Node, over: Node, path: Path) -> Node:
    if isinstance(base, MappingNode) and isinstance(over, MappingNode):
        return mappings(base, over, path)
    return _appended(_as_list(base), _as_list(over), path)


def _as_list(node: Node) -> Node:
    if not isinstance(node, MappingNode):
        return node
    found = []
    for key, value in items(node):
        for address in _items(value):
            found.append(_scalar(f"{key.value}={address.value}", address))
    done: Node = _list(found, node)
    return done


def _logging(base: Node, over: Node, path: Path) -> Node:
    """Options belong to their driver."""
    if not isinstance(base, MappingNode) or not isinstance(over, MappingNode):
        return base if over.tag == NULL else over
    one, two = ({key.value: value for key, value in items(node)}.get("driver") for node in (base, over))
    if one is not None and two is not None and one.value != two.value:
        return over
    return mappings(base, over, path)


def _unique(key_of: Callable[[Any], object]) -> Callable[[Node, Node, Path], Node]:
    """Lists whose items are told apart by a part of them; the later one counts."""

    def rule(base: Node, over: Node, path: Path) -> Node:
        if not isinstance(base, SequenceNode) or not isinstance(over, SequenceNode):
            return base if over.tag == NULL else over
        done: dict[object, Any] = {}
        for item in (*base.value, *over.value):
            done[key_of(item)] = item
        merged: Node = _list(list(done.values()), over)
        return merged

    return rule


def _fields(node: Any) -> dict[str, Any]:
    return {key.value: value.value for key, value in items(node) if isinstance(value, ScalarNode)}


def _port(node: Any) -> object:
    if isinstance(node, ScalarNode):
        rest, _, protocol = node.value.partition("/")
        before, _, target = rest.rpartition(":")
        ip, _, published = before.rpartition(":")
        return (ip.strip("[]"), published, target, protocol or "tcp")
    found = _fields(node)
    names = ("host_ip", "published", "target")
    return (*(found.get(name, "") for name in names), found.get("protocol") or "tcp")


def _mount(node: Any) -> object:
    if isinstance(node, ScalarNode):
        parts = node.value.split(":")
        return parts[0] if len(parts) == 1 else parts[1]
    return _fields(node).get("target", id(node))


def _device(node: Any) -> object:
    if isinstance(node, ScalarNode):
        parts = node.value.split(":")
        return parts[1] if len(parts) > 1 and parts[1].startswith("/") else parts[0]
    found = _fields(node)
    return found.get("target") or found.get("source")


def _grant(folder: str) -> Callable[[Any], object]:
    def key_of(node: Any) -> object:
        found = {"source": node.value} if isinstance(node, ScalarNode) else _fields(node)
        target = found.get("target") or found.get("source", "")
        return target if target.startswith("/") else folder + target

    return key_of


def _text(node: Any) -> object:
    return node.value if isinstance(node, ScalarNode) else id(node)


_SERVICE = ("services", "*")
_STARS = {
    (*_SERVICE, "networks"),
    (*_SERVICE, "ulimits"),
    (*_SERVICE, "depends_on"),
    (*_SERVICE, "models"),
}
_IN_SERVICE: dict[tuple[str, ...], Callable[[Node, Node, Path], Node]] = {
    **dict.fromkeys((("command",), ("entrypoint",), ("healthcheck", "test"), ("gpus",)), _replaced),
    **dict.fromkeys(
        (
            *(("environment",), ("labels",), ("annotations",), ("sysctls",), ("storage_opt",), ("deploy", "labels")),
            *(("build", name) for name in ("args", "labels", "additional_contexts", "ssh")),
        ),
        _pairs,
    ),
    **dict.fromkeys((("env_file",), ("label_file",), ("dns",), ("dns_search",), ("tmpfs",)), _appended),
    ("build",): _build,
    ("depends_on",): _named(_started),
    ("networks",): _named(_nothing),
    ("models",): _named(_nothing),
    ("extra_hosts",): _hosts,
    ("build", "extra_hosts"): _hosts,
    ("logging",): _logging,
    ("ports",): _unique(_port),
    ("volumes",): _unique(_mount),
    ("devices",): _unique(_device),
    ("expose",): _unique(_text),
    ("configs",): _unique(_grant("/")),
    ("secrets",): _unique(_grant("/run/secrets/")),
}
_RULES: dict[Path, Callable[[Node, Node, Path], Node]] = {
    **{(*_SERVICE, *path): rule for path, rule in _IN_SERVICE.items()},
    **{(room, "*", "labels"): _pairs for room in ("networks", "volumes", "configs", "secrets")},
}


def settle(root: Node) -> None:
    """Take out what is still marked `!reset`, and the marks `!override`, in place."""
    seen: set[int] = set()
    stack: list[Any] = [root]
    while stack:
        node = stack.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if node.tag == OVERRIDE:
            node.tag = _MAP if isinstance(node, MappingNode) else _SEQ if isinstance(node, SequenceNode) else CAST
        if isinstance(node, MappingNode):
            node.value = [(key, value) for key, value in node.value if value.tag != RESET]
            stack += [value for _, value in node.value]
        elif isinstance(node, SequenceNode):
            node.value = [item for item in node.value if item.tag != RESET]
            stack += node.value
