"""How a failed read is called in the journal, and which read that was."""

from __future__ import annotations

from decimal import Decimal

from typing_extensions import assert_never

from dhan_copy.core.requests import Query, Read, ReadFunds, ReadKillSwitch, ReadMargin, ReadOrders, ReadPositions, ReadQuotes
from dhan_copy.model.account import MarginOrder
from dhan_copy.model.ids import AccountName, ClientOrderId, SecurityId
from dhan_copy.model.instrument import ExchangeSegment
from dhan_copy.model.order import Product, Side


def name_of(read: Read) -> str:
    """A lookup's names its order after a colon, a calculation's what it is for."""
    match read:
        case Query():
            return f"Query:{read.client_order_id}"
        case ReadOrders() | ReadPositions() | ReadFunds() | ReadQuotes() | ReadKillSwitch():
            return type(read).__name__
        case ReadMargin(order=order):
            what = (order.segment.name, order.security_id, order.side.name, order.product.name)
            return ":".join(["ReadMargin", *what, str(order.quantity), str(order.price)])
    assert_never(read)


def read_named(account: AccountName, name: str) -> Read | None:
    """The read of an account that :func:`name_of` calls so; None for a name that it never gives."""
    kind, _, what = name.partition(":")
    match kind:
        case "Query":
            return Query(follower=account, client_order_id=ClientOrderId(what))
        case "ReadPositions":
            return ReadPositions(account=account)
        case "ReadFunds":
            return ReadFunds(account=account)
        case "ReadQuotes":
            return ReadQuotes(account=account)
        case "ReadKillSwitch":
            return ReadKillSwitch(account=account)
        case "ReadMargin":
            return ReadMargin(account=account, order=_margin_order(what))
        case "ReadOrders":
            return ReadOrders(account=account)
        case _:
            return None


def _margin_order(what: str) -> MarginOrder:
    segment, security_id, side, product, quantity, price = what.split(":")
    return MarginOrder(
        segment=ExchangeSegment[segment], security_id=SecurityId(security_id), side=Side[side], product=Product[product],
        quantity=int(quantity), price=Decimal(price),
    )  # fmt: skip
