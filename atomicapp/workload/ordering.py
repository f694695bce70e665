"""The order in which things of an app come that need each other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def ordered(
    things: Iterable[T], key: Callable[[T], str], needs: Callable[[T], Iterable[T]]
) -> tuple[list[T], list[list[T]]]:
    """The things in the order given, but each after those that it needs; and the circles found, each from a thing to
    itself again. Things are told apart by their key."""
    done: dict[str, T] = {}
    circles: list[list[T]] = []
    # a stack of our own and no recursion: a chain may be as long as the author likes
    path: dict[str, tuple[T, Iterator[T]]] = {}
    for first in things:
        if key(first) in done:
            continue
        path[key(first)] = (first, iter(needs(first)))
        while path:
            name, (thing, others) = next(reversed(path.items()))
            for other in others:
                if key(other) in path:
                    way = [found for found, _ in path.values()]
                    circles.append([*way[list(path).index(key(other)) :], other])
                elif key(other) not in done:
                    path[key(other)] = (other, iter(needs(other)))
                    break
            else:
                del path[name]
                done[name] = thing
    return [*done.values()], circles
