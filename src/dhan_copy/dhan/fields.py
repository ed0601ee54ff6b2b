"""Typed values out of Dhan's JSON objects; whatever does not fit raises an error that names the field."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import TypeVar

from dhan_copy.dhan.secret import redact
from dhan_copy.dhan.words import status_of
from dhan_copy.errors import UnreadableReport
from dhan_copy.model.order import OrderStatus
from dhan_copy.model.times import ist

Fields = Mapping[str, object]
_Value = TypeVar("_Value")

MAX_COUNT = 10**12
_MAX_AMOUNT = Decimal(10**12)
_SMALLEST_PRICE = Decimal("0.0001")
_NO_ID = ("", "0", "NA", "NR")
_NUMBER = re.compile(r"-?\d{1,30}(\.\d{1,30})?", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d", re.ASCII)


def unreadable(field_name: str, problem: str, value: object = None) -> UnreadableReport:
    """The error for one field, with the offending value cut short and never with a token in it."""
    shown = "" if value is None else f", not {shorten(value)}"
    return UnreadableReport(f"{field_name} {problem}{shown}", field_name=field_name)


def shorten(value: object) -> str:
    """A value as it may appear in a message: at most 40 characters of it, without anything like a token."""
    if isinstance(value, str):
        text = ascii(redact(value[:2000])[:40])
        return text if len(value) <= 40 else f"{text}..."
    if isinstance(value, bool | float | Decimal) or (isinstance(value, int) and value.bit_length() < 200):
        return str(value)[:40]
    return f"a {type(value).__name__}"


def missing(field_name: str) -> UnreadableReport:
    return UnreadableReport(f"{field_name} is missing", field_name=field_name)


def text(row: Fields, name: str) -> str:
    """A text as it came; empty when absent or null."""
    value = row.get(name)
    if value is None:
        return ""
    if type(value) is not str:
        raise unreadable(name, "must be text", value)
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise unreadable(name, "must be text that can be written as UTF-8", value) from None
    return value


def label(row: Fields, name: str) -> str:
    """A short text for people, such as a symbol; empty when absent or null."""
    value = text(row, name)
    if len(value) > 200:
        raise unreadable(name, "must have at most 200 characters", value)
    return value


def identifier(row: Fields, name: str) -> str:
    """An id of Dhan's, as text even where it is sent as a number."""
    value = row.get(name)
    if type(value) is int:
        if 0 < value < 10**20:
            return str(value)
    elif type(value) is str and value.isascii() and 0 < len(value) <= 64 and (value.isalnum() or _is_id(value)):
        return value
    if value is None:
        raise missing(name)
    raise unreadable(name, "must be an id of letters, digits, - and _", value)


def optional_identifier(row: Fields, name: str) -> str | None:
    """An id, or None where Dhan writes that there is none: absent, null, empty, 0, NA or NR."""
    value = row.get(name)
    if value is None or value in _NO_ID or (type(value) is int and value == 0):
        return None
    return identifier(row, name)


def tag(row: Fields, name: str) -> str:
    """A correlation id as it came (it may be NA or NR); empty when absent, null or blank."""
    value = text(row, name)
    if len(value) > 64 or not value.isprintable():
        raise unreadable(name, "must be at most 64 printable characters", value)
    return "" if value.isspace() else value


def word(row: Fields, name: str, table: Mapping[str, _Value]) -> _Value:
    """What a word of Dhan's means; a word that is not in ``table`` is refused."""
    value = row.get(name)
    if type(value) is str:
        found = table.get(value)
        if found is not None:
            return found
    if value is None:
        raise missing(name)
    raise unreadable(name, f"must be one of {', '.join(filter(None, table))}", value)


def status(row: Fields, name: str) -> OrderStatus:
    value = row.get(name)
    found = status_of(value) if type(value) is str and len(value) < 64 else None
    if found is None:
        if value is None:
            raise missing(name)
        raise unreadable(name, "must be an order status that Dhan documents", value)
    return found


def count(row: Fields, name: str) -> int:
    """A whole number that is not negative."""
    value = row.get(name)
    if type(value) is int:
        if 0 <= value < MAX_COUNT:
            return value
        raise unreadable(name, f"must be between 0 and {MAX_COUNT}", value)
    if value is None:
        raise missing(name)
    amount = number(value, name)
    if amount != amount.to_integral_value():
        raise unreadable(name, "must be a whole number", value)
    if amount < 0:
        raise unreadable(name, "must not be negative", value)
    return int(amount)


def positive_count(row: Fields, name: str) -> int:
    value = count(row, name)
    if value == 0:
        raise unreadable(name, "must be above zero", value)
    return value


def count_or_zero(row: Fields, name: str) -> int:
    """As :func:`count`, 0 when absent: the socket leaves zeros out."""
    return count(row, name) if name in row else 0


def price(row: Fields, name: str) -> Decimal | None:
    """Rupees, at least 0.0001; None when absent, null, empty or 0."""
    value = row.get(name)
    if value is None or value == "":
        return None
    if type(value) is int and 0 <= value < MAX_COUNT:
        return Decimal(value) if value else None
    amount = value if type(value) is Decimal and value.is_finite() else number(value, name)
    if _SMALLEST_PRICE <= amount < _MAX_AMOUNT:
        return amount
    if amount == 0:
        return None
    raise unreadable(name, f"must be 0, or at least {_SMALLEST_PRICE} and below 10^12", value)


def required_price(row: Fields, name: str, why: str) -> Decimal:
    value = price(row, name)
    if value is None:
        raise unreadable(name, f"must be above zero {why}", row.get(name))
    return value


def number(value: object, name: str) -> Decimal:
    """A finite number below 10^12; a number written as text is one too, a boolean is not."""
    amount = value if type(value) is Decimal else _converted(value)
    if amount is None:
        raise unreadable(name, "must be a number", value)
    if amount.is_finite() and -_MAX_AMOUNT < amount < _MAX_AMOUNT:
        return amount
    raise unreadable(name, "must be a finite number below 10^12", value)


def _converted(value: object) -> Decimal | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return Decimal(value) if value.bit_length() < 200 else _MAX_AMOUNT
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return Decimal(value)
    return value if isinstance(value, Decimal) else None


def moment(row: Fields, name: str) -> datetime | None:
    """An aware time; None when absent, null, empty, NA or the zero date 0001-01-01."""
    value = row.get(name)
    if value is None:
        return None
    if type(value) is not str:
        raise unreadable(name, "must be a time", value)
    try:
        return _moment(value)
    except ValueError:
        raise unreadable(name, "must be a time as YYYY-MM-DD HH:MM:SS", value) from None


@lru_cache(maxsize=8192)
def _moment(value: str) -> datetime | None:
    if value in ("", "NA", "0001-01-01", "0001-01-01 00:00:00", "0001-01-01T00:00:00"):
        return None
    if not _MOMENT.fullmatch(value):
        raise ValueError(value)
    naive = datetime.fromisoformat(value)
    if not 1990 <= naive.year < 2200:
        raise ValueError(value)
    return ist(naive)


def later(one: datetime | None, other: datetime | None) -> datetime | None:
    if one is None or other is None:
        return one or other
    return max(one, other)


def _is_id(value: str) -> bool:
    return value.replace("-", "").replace("_", "").isalnum()
