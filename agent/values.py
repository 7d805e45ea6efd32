"""Frozen values: dataclasses whose methods are shared instead of being written and compiled for each class.

`dataclasses` compiles six functions for a frozen class, 0.7 ms each time: for the hundred and fifty of this program it
was two fifths of what its own modules added to the start. Here a class costs a thirtieth of that, and so does replacing
fields of a large value, which a step of a checkout does several times between the closing drawer and `start/cash`.

The type checker takes these for the originals, and they are in all that is used here: fields, defaults, comparison,
hash, repr, `fields`, `asdict`. There are no slots and no `__post_init__`.
"""

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, Never, TypeVar

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass  # noqa: PLC0414 - for whoever imports it from here
    from dataclasses import replace as replace  # noqa: PLC0414 - as above
else:
    T = TypeVar("T")

    def dataclass(*, frozen: Literal[True], kw_only: Literal[True]) -> Callable[[type[T]], type[T]]:
        """Make a class a frozen dataclass with keywords only: there is no other kind here."""
        del frozen, kw_only
        return _made

    def replace(value: T, /, **changes: object) -> T:
        """Return a value with these fields instead."""
        replaced = object.__new__(type(value))
        fields = replaced.__dict__
        fields.update(value.__dict__)
        fields.update(changes)
        return replaced


def _made(cls: type) -> type:
    cls.__doc__ = cls.__doc__ or cls.__name__  # dataclass would work out a signature
    made: type = dataclasses.dataclass(init=False, repr=False, eq=False, kw_only=True)(cls)
    declared = dataclasses.fields(made)
    methods: dict[str, object] = {
        "_unset": {field.name: field.default for field in declared},
        "_factories": [(f.name, f.default_factory) for f in declared if f.default_factory is not dataclasses.MISSING],
        "_needed": frozenset(
            field.name
            for field in declared
            if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        ),
        "__init__": _init,
        "__repr__": _repr,
        "__eq__": _eq,
        "__hash__": _hash,
        "__setattr__": _refuse,
        "__delattr__": _refuse,
    }
    for name, method in methods.items():
        setattr(made, name, method)
    return made


def _init(self, **given):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN003, ANN202 - every class has its own fields
    cls = type(self)
    fields = self.__dict__
    fields.update(cls._unset)  # in the order of the fields
    for name, make in cls._factories:
        if name not in given:
            fields[name] = make()
    fields.update(given)
    if not cls._needed <= given.keys() or len(fields) != len(cls._unset):
        wrong = sorted(cls._needed - given.keys() or given.keys() - cls._unset.keys())
        raise TypeError(f"{cls.__name__}: missing or unknown: {', '.join(wrong)}")


def _repr(self: object) -> str:
    shown = (field.name for field in dataclasses.fields(self) if field.repr)  # type: ignore[arg-type]
    return f"{type(self).__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in shown)})"


def _eq(self: object, other: object) -> object:
    if type(other) is not type(self):
        return NotImplemented
    return self.__dict__ == other.__dict__


def _hash(self: object) -> int:
    return hash(tuple(getattr(self, field.name) for field in dataclasses.fields(self)))  # type: ignore[arg-type]


def _refuse(_self: object, name: str, *_value: object) -> Never:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")
