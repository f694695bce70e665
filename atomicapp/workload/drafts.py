"""How options of a command line become a Workload: the Draft that they fill, and the ways in which one fills it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from atomicapp.position import Position
from atomicapp.records import NamedTuple

BOOL = "bool"
TEXT = "text"


class Draft:
    """A Workload in the making: plain fields, members of the grouped ones, lists and mappings."""

    def __init__(self) -> None:
        self.fields: dict[str, Any] = {}
        self.groups: dict[str, dict[str, Any]] = defaultdict(dict)
        self.lists: dict[str, list[Any]] = defaultdict(list)
        self.maps: dict[str, dict[str, str]] = defaultdict(dict)
        self.where: dict[str, Position] = {}


Store = Callable[[Draft, str, Position], None]


class Option(NamedTuple):
    """One option. `store` puts its value into a Draft; `refusal` says why there is none; `remark` is a warning."""

    name: str
    short: str
    takes: str
    store: Store | None
    refusal: str = ""
    remark: str = ""
    hint: str = ""
    many: bool = False


def field(name: str, parse: Callable[[str], Any] = str) -> Store:
    """A field of the workload."""

    def store(draft: Draft, text: str, position: Position) -> None:
        draft.fields[name] = parse(text)
        draft.where[name] = position

    return store


def member(group: str, name: str, parse: Callable[[str], Any] = str) -> Store:
    """A member of one of its groups (`resources`, `health`)."""

    def store(draft: Draft, text: str, position: Position) -> None:
        draft.groups[group][name] = parse(text)
        draft.where[name] = position

    return store


def item(name: str, parse: Callable[[str, Position], Any]) -> Store:
    """One entry of a list for each time that the option is given; or several, when `parse` returns a list."""

    def store(draft: Draft, text: str, position: Position) -> None:
        found = parse(text, position)
        draft.lists[name] += found if isinstance(found, list) else [found]
        draft.where[name] = position

    return store


def plain(name: str, parse: Callable[[str], Any] = str) -> Store:
    """As `item`, for a text that needs no place of its own."""
    return item(name, lambda text, _: parse(text))


def placed(name: str) -> Store:
    """The text with its position, for what is read only when all options are known."""
    return item(name, lambda text, position: (text, position))


def pair(name: str, parse: Callable[[str], tuple[str, str]]) -> Store:
    """An entry of a mapping."""

    def store(draft: Draft, text: str, position: Position) -> None:
        key, value = parse(text)
        draft.maps[name][key] = value
        draft.where[name] = position

    return store


def option(name: str, store: Store, short: str = "", *, many: bool = False, remark: str = "") -> Option:
    """An option with a value."""
    return Option(name, short, TEXT, store, remark=remark, many=many)


def flag(name: str, store: Store, short: str = "") -> Option:
    """An option that is on or off."""
    return Option(name, short, BOOL, store)


def many(name: str, store: Store, short: str = "") -> Option:
    """An option that may be given again."""
    return Option(name, short, TEXT, store, many=True)
