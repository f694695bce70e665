"""Named tuples that are finished by their first value: they do all that those of the standard library do."""

from __future__ import annotations

import copy
import inspect
import pickle
import typing

import pytest

from atomicapp.records import NamedTuple


class Late(NamedTuple):
    """A record."""

    name: str
    number: int = 3
    more: tuple[str, ...] = ()

    @property
    def twice(self) -> int:
        return self.number * 2

    def __str__(self) -> str:
        return f"<{self.name}>"


class Plain(typing.NamedTuple):
    """A record."""

    name: str
    number: int = 3
    more: tuple[str, ...] = ()

    @property
    def twice(self) -> int:
        return self.number * 2

    def __str__(self) -> str:
        return f"<{self.name}>"


def late() -> type[Late]:
    """The class as it is before its first value."""

    class Fresh(NamedTuple):
        name: str
        number: int = 3
        more: tuple[str, ...] = ()

    return Fresh  # type: ignore[return-value]


def test_it_is_a_tuple_with_names_defaults_and_methods() -> None:
    made: typing.Any = Late("a", more=("x",))
    plain: typing.Any = Plain("a", more=("x",))
    assert tuple(made) == tuple(plain) == ("a", 3, ("x",))
    assert made == plain
    assert issubclass(Late, tuple)
    assert (made.name, made.number, made.more, made.twice, str(made)) == ("a", 3, ("x",), 6, "<a>")
    assert repr(made) == repr(plain).replace("Plain", "Late")
    assert made._asdict() == plain._asdict()
    assert made._replace(number=4) == plain._replace(number=4)
    assert hash(made) == hash(plain)
    name, number, more = made
    assert (name, number, more) == tuple(plain)
    match made:
        case Late(found, 3):
            assert found == "a"
        case _:
            pytest.fail("no match")


def test_the_class_tells_the_same_before_and_after_its_first_value() -> None:
    for of in (late(), Late):
        assert of._fields == Plain._fields
        assert of._field_defaults == Plain._field_defaults
        assert of.__match_args__ == Plain.__match_args__
    assert late()._make(["a", 1, ()]) == ("a", 1, ())
    assert Late.__doc__ == "A record."
    assert list(Late.__annotations__) == list(Plain.__annotations__)
    Late("a")
    assert list(inspect.signature(Late).parameters) == ["name", "number", "more"]


@pytest.mark.parametrize("arguments", [(), ("a", 1, (), 2)])
def test_wrong_arguments_are_told_with_the_first_value_too(arguments: tuple[object, ...]) -> None:
    of: typing.Any = late()
    for _ in range(2):
        with pytest.raises(TypeError, match="argument"):
            of(*arguments)
    with pytest.raises(TypeError, match="nmae"):
        of(nmae="a")


def test_it_is_frozen_and_takes_no_more() -> None:
    made: typing.Any = Late("a")
    with pytest.raises(AttributeError):
        made.name = "b"
    with pytest.raises(AttributeError):
        made.other = "b"


def test_copies_and_pickles_are_equal() -> None:
    made = Late("a", 5)
    assert copy.copy(made) == copy.deepcopy(made) == pickle.loads(pickle.dumps(made)) == made


def test_a_class_below_it_finishes_it() -> None:
    class Base(NamedTuple):
        name: str

    class Below(Base):
        __slots__ = ()

        def __new__(cls, name: str) -> Below:
            return super().__new__(cls, name.upper())

    assert Below("a") == ("A",)
    assert type(Below("a")) is Below
    assert Base("a") == ("a",)
    assert type(Base("a")) is Base
