"""A mapping whose values may lie there as text until somebody asks for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar, overload

KeyT = TypeVar("KeyT")
ValueT = TypeVar("ValueT")


class _Text(str):
    __slots__ = ()


class Shelf(Generic[KeyT, ValueT]):
    """Keeps its order, as a dict does, and which keys were set since :meth:`saved` was called.

    Most orders of a day are over, and a recovery would spend its time on making them again for nobody.
    """

    __slots__ = ("_read", "_values", "changed")

    def __init__(self, read: Callable[[str], ValueT]) -> None:
        self._read = read
        self._values: dict[KeyT, ValueT | _Text] = {}
        self.changed: dict[KeyT, None] = {}

    def put_text(self, key: KeyT, text: str) -> None:
        """Lay down a value in the form that ``read`` takes; it is not a change."""
        self._values[key] = _Text(text)

    def saved(self) -> None:
        """All that is here has been written elsewhere."""
        self.changed = {}

    def clear(self) -> None:
        self._values.clear()
        self.changed = {}

    def copy(self) -> Shelf[KeyT, ValueT]:
        other: Shelf[KeyT, ValueT] = Shelf(self._read)
        other._values = self._values.copy()
        return other

    def __getitem__(self, key: KeyT) -> ValueT:
        value = self._values[key]
        return self._made(key, value) if type(value) is _Text else value  # type: ignore[return-value]

    @overload
    def get(self, key: KeyT) -> ValueT | None: ...
    @overload
    def get(self, key: KeyT, default: ValueT) -> ValueT: ...
    def get(self, key: KeyT, default: ValueT | None = None) -> ValueT | None:
        value = self._values.get(key, default)
        return self._made(key, value) if isinstance(value, _Text) else value

    def __setitem__(self, key: KeyT, value: ValueT) -> None:
        self._values[key] = value
        self.changed[key] = None

    def __contains__(self, key: object) -> bool:
        return key in self._values

    def __len__(self) -> int:
        return len(self._values)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Shelf) and dict(self.items()) == dict(other.items())

    __hash__ = None  # type: ignore[assignment]

    def __iter__(self) -> Iterator[KeyT]:
        return iter(self._values)

    def items(self) -> Iterator[tuple[KeyT, ValueT]]:
        """Every value is made for this: what only counts keys should not ask for it."""
        return ((key, self[key]) for key in self._values)

    def values(self) -> Iterable[ValueT]:
        return (self[key] for key in self._values)

    def _made(self, key: KeyT, text: _Text) -> ValueT:
        value = self._values[key] = self._read(text)
        return value
