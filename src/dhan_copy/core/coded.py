"""Values of one class as text and back, with the errors that a damaged journal gives."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cached_property
from typing import Generic, TypeVar, cast

from dhan_copy.coding.decoders import Decoders
from dhan_copy.coding.encoders import Encoders
from dhan_copy.coding.source import Malformed, UnknownHere
from dhan_copy.errors import StoreCorrupt, StoreTooNew

ValueT = TypeVar("ValueT")


class Coded(Generic[ValueT]):
    """``dump`` and ``load`` of one attrs class; its functions are made when they are first needed."""

    def __init__(self, cls: type[ValueT]) -> None:
        self._cls = cls

    def dump(self, value: ValueT) -> str:
        return self._encode(value)

    def load(self, text: str) -> ValueT:
        """Raises :class:`~dhan_copy.errors.StoreTooNew` or :class:`~dhan_copy.errors.StoreCorrupt` for what
        :meth:`dump` of this release does not write."""
        name = self._cls.__name__
        try:
            return cast(ValueT, self._decode(json.loads(text)))
        except UnknownHere as unknown:
            raise StoreTooNew(f"a checkpoint cannot be read: {unknown}") from unknown
        except KeyError as missing:
            raise StoreCorrupt(f"a checkpoint cannot be read: {name} lacks the field {missing}") from missing
        except (Malformed, ValueError, TypeError, AttributeError, ArithmeticError, RecursionError) as wrong:
            raise StoreCorrupt(f"a checkpoint cannot be read: {name}: {wrong}") from wrong

    @cached_property
    def _encode(self) -> Callable[[object], str]:
        return Encoders().of(self._cls)

    @cached_property
    def _decode(self) -> Callable[[object], object]:
        return Decoders().of(self._cls)
