"""NamedTuple whose classes are finished by their first value.

`from atomicapp.records import NamedTuple` is typing.NamedTuple to people and type checkers. The standard library compiles a
constructor for each class at import; a short command loads some eighty classes, which took a sixth of its time, and makes
values of half. Here the standard library is asked for it when the first value is made.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

__all__ = ["NamedTuple"]

if TYPE_CHECKING or sys.version_info >= (3, 14):  # where a class no longer lists its annotations in its body
    from typing import NamedTuple
else:
    from collections import _tuplegetter, namedtuple

    _MADE = ("__new__", "_make", "_replace", "_asdict", "__repr__", "__getnewargs__")
    """What the standard library brings with a constructor."""

    class _Late(type):
        def __new__(cls, name, bases, space):
            if not bases:
                return super().__new__(cls, name, bases, space)
            fields = tuple(space.get("__annotations__", ()))
            late = {
                **space,
                "__slots__": (),
                "__match_args__": fields,
                "__new__": _first,
                "_make": classmethod(lambda of, values: of(*values)),
                "_fields": fields,
                "_field_defaults": {field: space[field] for field in fields if field in space},
                **{field: _tuplegetter(number, None) for number, field in enumerate(fields)},
            }
            return type(name, (tuple,), late)

    class NamedTuple(metaclass=_Late):
        """typing.NamedTuple, but for the time at which its classes are finished."""

    def _first(cls, /, *values, **named):
        """Finish a class, and make its first value."""
        late = next(found for found in cls.__mro__ if "_fields" in vars(found))
        made = namedtuple(late.__name__, late._fields, defaults=late._field_defaults.values(), module=late.__module__)
        for name in _MADE:
            # what the class says itself goes before, as with typing.NamedTuple
            if name in ("__new__", "_make") or name not in vars(late):
                setattr(late, name, vars(made)[name])
        return cls.__new__(cls, *values, **named)
