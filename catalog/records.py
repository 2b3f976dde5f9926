"""``dataclass`` as in the standard library, its methods made when first called.

The standard decorator compiles half a dozen methods a class when a module is imported: a
millisecond each, for the ninety classes of a command most of its own start. Here fields are read
as they are there (``fields``, ``replace``, ``asdict`` and ``match`` work); only ``__init__`` is
compiled, for classes that are used, and the others are shared.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from operator import attrgetter
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any

# Not type[Any]: methods are put on the class, which type checkers take for a mistake.
Class = Any


@recursive_repr()
def _repr(self: Any) -> str:
    shown = (f"{f.name}={getattr(self, f.name)!r}" for f in dataclasses.fields(self) if f.repr)
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _values_of(names: list[str]) -> Callable[[Any], tuple[Any, ...]]:
    """Reads the named attributes of an instance as a tuple."""
    if len(names) > 1:
        return attrgetter(*names)
    return lambda self: tuple(getattr(self, name) for name in names)


def _compare(cls: Class, frozen: bool) -> None:
    """Equality of instances of the same class by their fields; frozen ones hash alike."""
    values = _values_of([f.name for f in dataclasses.fields(cls) if f.compare])

    def equal(self: Any, other: object) -> Any:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return values(self) == values(other)

    def hashed(self: Any) -> int:
        return hash(values(self))

    own_equal = "__eq__" in cls.__dict__
    if not own_equal:
        cls.__eq__ = equal
    # Python sets __hash__ to None where a class body has __eq__ alone.
    if cls.__dict__.get("__hash__") is None:
        cls.__hash__ = hashed if frozen else None


def _freeze(cls: Class) -> None:
    names = frozenset(f.name for f in dataclasses.fields(cls))

    def refuse_set(self: Any, name: str, value: object) -> None:
        if type(self) is cls or name in names:
            raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")
        super(cls, self).__setattr__(name, value)

    def refuse_delete(self: Any, name: str) -> None:
        if type(self) is cls or name in names:
            raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")
        super(cls, self).__delattr__(name)

    cls.__setattr__ = refuse_set
    cls.__delattr__ = refuse_delete


def _pickle_slots(cls: Class) -> None:
    """Without this, unpickling sets attributes, which a frozen class refuses."""
    names = [f.name for f in dataclasses.fields(cls)]

    def state(self: Any) -> list[Any]:
        return [getattr(self, name) for name in names]

    def restore(self: Any, values: list[Any]) -> None:
        for name, value in zip(names, values, strict=True):
            object.__setattr__(self, name, value)

    cls.__getstate__ = state
    cls.__setstate__ = restore


def _init_source(cls: Class, frozen: bool) -> tuple[str, dict[str, Any]]:
    """Text of ``__init__`` and the names it refers to."""
    scope: dict[str, Any] = {"_set": object.__setattr__, "_absent": dataclasses.MISSING}
    positional: list[str] = []
    keywords: list[str] = []
    body: list[str] = []
    for field in dataclasses.fields(cls):
        name, value = field.name, field.name
        given = field.name
        if field.default_factory is not dataclasses.MISSING:
            scope[f"_make_{name}"] = field.default_factory
            given = f"{name}=_absent"
            value = f"_make_{name}() if {name} is _absent else {name}"
        elif field.default is not dataclasses.MISSING:
            scope[f"_default_{name}"] = field.default
            given = f"{name}=_default_{name}"
        if field.init:
            (keywords if field.kw_only else positional).append(given)
        elif field.default_factory is not dataclasses.MISSING:
            value = f"_make_{name}()"
        else:  # the class has its default, or __post_init__ sets it
            continue
        body.append(f"_set(self, {name!r}, {value})" if frozen else f"self.{name} = {value}")
    if hasattr(cls, "__post_init__"):
        body.append("self.__post_init__()")
    parameters = ["self", *positional, *(["*", *keywords] if keywords else [])]
    lines = [f"def __init__({', '.join(parameters)}):", *(body or ["pass"])]
    return "\n ".join(lines), scope


def _init_later(cls: Class, frozen: bool) -> None:
    def first(self: Any, *args: Any, **kwargs: Any) -> None:
        source, scope = _init_source(cls, frozen)
        exec(source, scope)
        made = scope["__init__"]
        made.__qualname__ = f"{cls.__qualname__}.__init__"
        cls.__init__ = made
        made(self, *args, **kwargs)

    cls.__init__ = first


def _made(cls: Class, *, frozen: bool, eq: bool, slots: bool, kw_only: bool) -> Class:
    if cls.__doc__ is None:
        cls.__doc__ = cls.__name__  # the standard decorator would look for a signature
    own = set(cls.__dict__)
    cls = dataclasses.dataclass(init=False, repr=False, eq=False, slots=slots, kw_only=kw_only)(cls)
    if "__init__" not in own:
        _init_later(cls, frozen)
    if "__repr__" not in own:
        cls.__repr__ = _repr
    if eq:
        _compare(cls, frozen)
    if frozen:
        _freeze(cls)
        if slots and "__getstate__" not in own:
            _pickle_slots(cls)
    return cls


if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(cls=None, /, *, frozen=False, eq=True, slots=False, kw_only=False):
        """As ``dataclasses.dataclass``: with the arguments that this project uses."""

        def made(found: Class) -> Class:
            return _made(found, frozen=frozen, eq=eq, slots=slots, kw_only=kw_only)

        return made if cls is None else made(cls)
