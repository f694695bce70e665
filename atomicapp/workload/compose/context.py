"""What the parts of the reader share: the faults found, what was said, and how nodes are looked at.

A node of a file other than the one that is read (`include`, `extends`) carries the name of its file as `file`; see
`files`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from atomicapp import document
from atomicapp.document import MAX_NODES, MappingNode, Node, SequenceNode
from atomicapp.errors import ERROR, NOTE, WARNING, Issue, SpecError
from atomicapp.io import MAX_TEXT
from atomicapp.position import Position, line_of
from atomicapp.records import NamedTuple
from atomicapp.workload.compose.kinds import MERGE, found_what, kind, shortened
from atomicapp.workload.fidelity import APPROXIMATED, short
from atomicapp.workload.model import Env
from atomicapp.workload.project import FileSpec, Said, VolumeSpec

MAX_COMPARED = 20_000
"""Names that a misspelt one is compared with, over the whole file: a bad file must not take for ever."""


class Source(NamedTuple):
    """A file, the folder of the package to which the paths in it are relative, and the variables that it sees (None:
    those of the reading)."""

    file: str
    folder: str = ""
    variables: Mapping[str, str] | None = None


class Context:
    """The state of one reading. `subject` is the service or other thing whose keys are read at present; `declared` are the
    keys of each room of the file (`volumes`), `made_...` what is made of relative sources of mounts; `marked` is whether
    `!reset` or `!override` stands in a text, `alone` whether no other file was taken in, `expanded` whether something was
    taken from other files or services; `unfinished` are services that lack what they extend, after a fault."""

    def __init__(
        self,
        source: Source,
        text: str,
        variables: Mapping[str, str],
        files: Callable[[str], str] | None = None,
        folders: Callable[[str], Sequence[str]] | None = None,
    ) -> None:
        self.source = source
        self.variables = variables
        self.files = files
        self.folders = folders
        self.texts: dict[str, str] = {source.file: text}
        self.loaded: dict[str, tuple[str | None, str, str]] = {}
        self.environments: dict[tuple[Any, ...], list[Env]] = {}
        self.issues: list[Issue] = []
        self.faults = 0
        self.said: list[Said] = []
        self.subject = ""
        self.declared: dict[str, frozenset[str]] = {}
        self.made_volumes: dict[str, VolumeSpec] = {}
        self.made_configs: dict[str, FileSpec] = {}
        self.named_volumes: dict[str, str] = {}
        self.named_configs: dict[str, str] = {}
        self.absent: set[str] = set()
        self.alone = True
        self.marked = False
        self.expanded = False
        self.unfinished: set[str] = set()
        self._told: set[tuple[Position, str]] = set()
        self._spent = 0
        self._grown = 0
        self._compared = 0

    def source_of(self, node: Node) -> Source:
        """The file in which a node stands."""
        found: Any = node
        source: Source = getattr(found, "source", self.source)
        return source

    def variables_of(self, node: Node) -> Mapping[str, str]:
        """The variables that the file of a node sees."""
        variables = self.source_of(node).variables
        return self.variables if variables is None else variables

    def position(self, node: Node) -> Position:
        """Where a node begins."""
        found: Any = node
        mark = found.start_mark
        file = self.source.file if self.alone else self.source_of(node).file
        return Position(file, mark.line + 1, mark.column + 1)

    def made(self, room: str) -> dict[str, Any]:
        """What is made of the relative sources of mounts."""
        return dict(self.made_volumes if room == "volumes" else self.made_configs if room == "configs" else {})

    def unset(self, place: Node | Position, name: str) -> None:
        """Note that a variable has no value, once for each."""
        if name not in self.absent:
            self.absent.add(name)
            self.warn(
                place,
                f"the variable '{shortened(name)}' has no value",
                "unset-variable",
                f"declare a param '{shortened(name)}', or give a default: ${{{shortened(name)}:-DEFAULT}}",
            )

    def issue(self, severity: str, place: Node | Position, message: str, code: str, hint: str = "") -> None:
        """Note something about a place."""
        position = place if isinstance(place, Position) else self.position(place)
        self.faults += severity == ERROR
        if (position, message) in self._told:  # of what is merged into several services
            return
        self._told.add((position, message))
        excerpt = line_of(self.texts.get(position.file, ""), position.line)
        self.issues.append(Issue(severity, message, position, code, "", hint, excerpt))

    def fault(self, place: Node | Position, message: str, code: str, hint: str = "") -> None:
        """Note an error; the reading goes on."""
        self.issue(ERROR, place, message, code, hint)

    def warn(self, place: Node | Position, message: str, code: str, hint: str = "") -> None:
        """Note a warning."""
        self.issue(WARNING, place, message, code, hint)

    def note(self, place: Node | Position, message: str, code: str, hint: str = "") -> None:
        """Note something to know."""
        self.issue(NOTE, place, message, code, hint)

    def say(self, key: str, node: Node) -> None:
        """List something as said."""
        self.said.append(Said(key, self.subject, self.position(node)))

    def settle(self, key: str, node: Node, how: str, outcome: str = APPROXIMATED) -> None:
        """List something as said of which the reader itself makes something else, or nothing."""
        self.said.append(Said(key, self.subject, self.position(node), outcome, how))

    def mistaken(self, node: Node, path: str, expected: str) -> None:
        """Note a value of the wrong kind."""
        what = kind(node)
        hint = ""
        if what == "null":
            hint = "give it a value, or remove the key"
        elif expected.startswith("a text") and what in ("number", "boolean"):
            hint = f"write it in quotes: '{shortened(str(node.value))}'"
        self.fault(node, f"{short(path)}: expected {expected}, found {found_what(node)}", "type", hint)

    def unknown(self, node: Node, name: str, known: Iterable[str]) -> None:
        """Note a key that is none of the known ones."""
        self.fault(node, f"unknown key '{shortened(name)}'", "unknown-key", self.meant(name, known, "expected one of"))

    def undefined(self, place: Node | Position, what: str, name: str, known: Iterable[str]) -> None:
        """Note the name of something that there is not."""
        hint = self.meant(name, known, "known:")
        self.fault(place, f"{what} '{shortened(name)}' is not defined", "undefined", hint)

    def meant(self, name: str, known: Iterable[str], begin: str) -> str:
        """A hint: the name that was meant, or those that there are."""
        names = list(known)
        self._compared += len(names)
        if self._compared > MAX_COMPARED and len(names) > 100:
            return ""
        names.sort()
        if self._compared <= MAX_COMPARED:
            from difflib import get_close_matches

            close = get_close_matches(name[:80], names, n=1, cutoff=0.6)
            if close:
                return f"did you mean '{shortened(close[0])}'?"
        some = ", ".join(shortened(known) for known in names[:12])
        return f"{begin} {some}{', ...' if len(names) > 12 else ''}" if names else ""

    def grow(self, length: int, place: Node | Position) -> None:
        """Count the characters that variables bring; SpecError when they are too many."""
        self._grown += length
        if self._grown > MAX_TEXT:
            self.fault(place, f"the values have more than {MAX_TEXT} characters once variables are replaced", "bomb")
            raise SpecError(self.issues)

    def spend(self, number: int, place: Node | Position | None = None) -> None:
        """Count values that short texts bring forth (ranges, includes, hooks); SpecError when they are too many."""
        self._spent += number
        if self._spent > MAX_NODES:
            where = place if place is not None else Position(self.source.file)
            self.fault(where, f"this makes more than {MAX_NODES} values", "bomb", "write less, or in parts")
            raise SpecError(self.issues)

    def pairs(self, node: MappingNode) -> list[tuple[Any, Any]]:
        """Key and value nodes of a mapping, with `<<` merged in."""
        for key, _ in node.value:
            if key.tag == MERGE:
                self._check_merge(node)
                return list(document.items(node))
        found: list[tuple[Any, Any]] = node.value
        return found

    def _check_merge(self, node: MappingNode) -> None:
        for key, value in node.value:
            if key.tag == MERGE:
                for source in value.value if isinstance(value, SequenceNode) else [value]:
                    if not isinstance(source, MappingNode):
                        self.fault(source, "'<<' merges mappings, and this is none", "type", "expected an alias: *NAME")
