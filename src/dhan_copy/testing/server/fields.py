"""Reads the fields of a control request, one type at a time."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation


class Body:
    """The fields of a control request; a field that is missing or of another type is a ValueError that names it."""

    def __init__(self, fields: Mapping[str, object]) -> None:
        self.fields = fields

    def text(self, name: str) -> str:
        value = self.fields.get(name)
        if not isinstance(value, str) or not value:
            raise ValueError(f"{name} must be a text that is not empty")
        return value

    def text_or_none(self, name: str) -> str | None:
        return None if self.fields.get(name) is None else self.text(name)

    def whole(self, name: str, default: int | None = None) -> int:
        value = self.fields.get(name, default)
        if isinstance(value, str) and value.lstrip("-").isdigit():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise ValueError(f"{name} must be a whole number")
        return value

    def whole_or_none(self, name: str) -> int | None:
        return None if self.fields.get(name) is None else self.whole(name)

    def number(self, name: str, default: str | None = None) -> Decimal:
        value = self.fields.get(name, default)
        try:
            if isinstance(value, bool) or value is None:
                raise InvalidOperation
            number = Decimal(str(value))
        except InvalidOperation:
            raise ValueError(f"{name} must be a number") from None
        if not number.is_finite():
            raise ValueError(f"{name} must be a finite number")
        return number

    def number_or_none(self, name: str) -> Decimal | None:
        return None if self.fields.get(name) is None else self.number(name)

    def yes(self, name: str, default: bool) -> bool:
        value = self.fields.get(name, default)
        if not isinstance(value, bool):
            raise ValueError(f"{name} must be true or false")
        return value

    def objects(self, name: str) -> list[Body]:
        value = self.fields.get(name)
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise ValueError(f"{name} must be a list of objects")
        return [Body(item) for item in value]
