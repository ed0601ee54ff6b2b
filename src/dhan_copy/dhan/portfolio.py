"""What an account holds, out of Dhan's answers: positions, holdings, funds.

One unreadable row fails the whole read: a position left out would pass for flat.
"""

from __future__ import annotations

from decimal import Decimal

from dhan_copy.dhan.fields import Fields, count, identifier, missing, number, text, unreadable, word
from dhan_copy.dhan.frames import mapping
from dhan_copy.dhan.rows import rows_of
from dhan_copy.dhan.words import PRODUCT, SEGMENT
from dhan_copy.model.account import Funds, Holding, Margin, Position
from dhan_copy.model.ids import SecurityId

_SIGNS = {"LONG": (0, 1), "SHORT": (-1, 0), "CLOSED": (0,)}


def parse_positions(data: object) -> list[Position]:
    """``GET /positions``: the net positions of the day, signed. An empty list says that there are none.

    Raises :class:`~dhan_copy.errors.UnreadableReport`, also where ``netQty`` contradicts ``positionType``.
    """
    return [_position(mapping(row, "row")) for row in rows_of(data)]


def parse_holdings(data: object) -> list[Holding]:
    """``GET /holdings``: all shares of the account, those bought yesterday (T1) included."""
    return [_holding(mapping(row, "row")) for row in rows_of(data)]


def parse_funds(data: object) -> Funds:
    """``GET /fundlimit``: rupees. Raises ``UnreadableReport`` for a missing amount: unknown is never zero."""
    rows = rows_of(data)
    if len(rows) != 1:
        raise unreadable("rows", f"must be the one row of an account's funds, not {len(rows)}")
    row = mapping(rows[0], "row")
    # "availabelBalance" is how Dhan spells it.
    available = _either(row, "availabelBalance", "availableBalance")
    total = _amount(row, "sodLimit")
    if total is None:
        raise missing("sodLimit")
    return Funds(available, total, _amount(row, "utilizedAmount"))


def parse_margin(data: object) -> Margin:
    """``POST /margincalculator`` and ``/margincalculator/multi``: rupees. Raises ``UnreadableReport`` without a total.

    The page documents the answer of the second in snake_case and as text; a live one of September 2026 was in camelCase
    and numbers.
    """
    rows = rows_of(data)
    if len(rows) != 1:
        raise unreadable("rows", f"must be one answer, not {len(rows)}")
    row = mapping(rows[0], "row")
    return Margin(_either(row, "totalMargin", "total_margin"), _amount(row, "availableBalance"))


def _position(row: Fields) -> Position:
    kind = word(row, "positionType", _SIGNS)
    net = _signed(row, "netQty")
    if (net > 0) - (net < 0) not in kind:
        raise unreadable("netQty", f"contradicts positionType {row['positionType']}", net)
    return Position(
        word(row, "exchangeSegment", SEGMENT),
        SecurityId(identifier(row, "securityId")),
        word(row, "productType", PRODUCT),
        net,
    )


def _holding(row: Fields) -> Holding:
    return Holding(SecurityId(identifier(row, "securityId")), count(row, "totalQty"), text(row, "tradingSymbol"))


def _signed(row: Fields, name: str) -> int:
    value = row.get(name)
    if value is None:
        raise missing(name)
    amount = number(value, name)
    if amount != amount.to_integral_value():
        raise unreadable(name, "must be a whole number", value)
    return int(amount)


def _either(row: Fields, name: str, other_name: str) -> Decimal:
    """An amount that goes by two names; both must say the same."""
    amount, other = _amount(row, name), _amount(row, other_name)
    if amount is not None and other is not None and amount != other:
        raise unreadable(name, f"contradicts {other_name} {other}", amount)
    found = other if amount is None else amount
    if found is None:
        raise missing(name)
    return found


def _amount(row: Fields, name: str) -> Decimal | None:
    value = row.get(name)
    return None if value is None else number(value, name)
