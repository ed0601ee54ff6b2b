"""What the simulated exchange says of an order, a trade and an instrument: immutable values."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import TypeAlias

from attrs import field, frozen, validators

from dhan_copy.core.legs import leg_id as leg_id
from dhan_copy.model.bracket import Bracket
from dhan_copy.model.ids import AccountName, BrokerOrderId, ClientOrderId, SecurityId
from dhan_copy.model.instrument import ExchangeSegment, InstrumentFacts, InstrumentKey, InstrumentKind
from dhan_copy.model.order import (
    Leg,
    Limit,
    Market,
    OrderStatus,
    Product,
    Side,
    StopLimit,
    StopMarket,
    Terms,
    Validity,
    Variety,
)

NOT_AT_EXCHANGE = "0"
"""Dhan's ``exchangeOrderId`` of an order that never reached the exchange."""


@frozen(kw_only=True)
class Instrument:
    """What can be traded and under which rules; prices in rupees, quantities in the units of Dhan's orders.

    ``margin_rate`` is the part of the value that opening one unit takes. ``freeze_units`` is the largest single order.
    """

    key: InstrumentKey
    facts: InstrumentFacts
    symbol: str = ""
    display_name: str = ""
    isin: str = "NA"
    expiry: str | None = None
    """``YYYY-MM-DD``, None for equity."""
    option_type: str = "XX"
    """``CE``, ``PE`` or ``XX``."""
    strike: Decimal | None = None
    lowest: Decimal | None = None
    highest: Decimal | None = None
    margin_rate: Decimal = Decimal(1)
    freeze_units: int | None = None

    @property
    def tick(self) -> Decimal:
        return self.facts.tick or Decimal("0.05")


def plain_instrument(key: InstrumentKey) -> Instrument:
    """An instrument that nobody described: one unit a lot, tick 0.05. Right for shares; say more for anything else."""
    kind = InstrumentKind.EQUITY if key.segment.is_equity else None
    return Instrument(
        key=key, facts=InstrumentFacts(1, Decimal("0.05"), kind), symbol=str(key.security_id), display_name=str(key)
    )


@frozen(kw_only=True)
class NewOrder:
    """What somebody wants placed. ``source`` is Dhan's letter: ``P`` API, ``N`` app, ``W`` web, ``T`` TradingView."""

    key: InstrumentKey
    side: Side
    quantity: int = field(validator=validators.ge(1))
    terms: Terms = Market()
    product: Product = Product.INTRADAY
    validity: Validity = Validity.DAY
    disclosed_quantity: int = field(default=0, validator=validators.ge(0))
    tag: ClientOrderId | None = None
    after_market: bool = False
    source: str = "N"


@frozen(kw_only=True)
class SimulatedOrder:
    """One order as the exchange knows it now; a change makes a new value."""

    account: AccountName
    order_id: BrokerOrderId
    exchange_order_id: str = NOT_AT_EXCHANGE
    tag: str | None
    key: InstrumentKey
    side: Side
    product: Product
    validity: Validity
    terms: Terms
    quantity: int
    disclosed_quantity: int = 0
    filled_quantity: int = 0
    traded_value: Decimal = Decimal(0)
    last_trade_price: Decimal | None = None
    status: OrderStatus
    after_market: bool = False
    source: str = "N"
    platform: str | None = None
    parent_order_id: str | None = None
    reason: str = ""
    reference_price: Decimal | None = None
    """The last price of the instrument when the order last changed (Dhan's ``refLtp``)."""
    created_at: datetime
    ordered_at: datetime
    """Moves with every modification, as Dhan's ``orderDateTime`` does."""
    updated_at: datetime
    exchange_at: datetime | None = None
    modifications: int = 0
    recorded: bool = False
    """Put into the book as somebody recorded it: prices never fill it."""
    rejected_in_answer: bool = False
    """Whether the answer to the placement already said REJECTED."""
    sequence: int = 0
    """Time priority: an order that is changed goes to the end of the queue."""
    leg: Leg = Leg.ENTRY
    is_super: bool = False
    """Whether it is a super order's entry or leg; those of one order share its id."""
    bracket: Bracket | None = None
    """On an entry with legs: where they stand now."""
    profit_change: Decimal | None = None
    """A bracket order's target as Dhan has it: how far from the entry's price."""
    stop_change: Decimal | None = None
    covers: int = 0
    """On a leg: how many units the entry had filled when the leg was last made larger for them."""
    triggered_quantity: int = 0
    """On a leg: for how many units its price was reached."""
    trails_from: Decimal | None = None
    """On a stop that trails: the price from which the next jump is counted."""

    @property
    def book_id(self) -> BrokerOrderId:
        """What tells it from every other order of its account: its id, or :func:`leg_id` for a super order's leg."""
        return leg_id(self.order_id, self.leg) if self.is_super else self.order_id

    @property
    def entry_id(self) -> BrokerOrderId:
        """The id of the entry that it belongs to, or is."""
        of_another = self.leg is not Leg.ENTRY and not self.is_super and self.parent_order_id
        return BrokerOrderId(of_another) if of_another else self.order_id

    @property
    def has_legs(self) -> bool:
        """Whether it is an entry with exit legs, or to have some."""
        asked = (self.bracket, self.profit_change, self.stop_change)
        return self.leg is Leg.ENTRY and any(each is not None for each in asked)

    @property
    def variety(self) -> Variety:
        if self.product is Product.BO:
            return Variety.BRACKET
        if self.product is Product.CO:
            return Variety.COVER
        if self.is_super:
            return Variety.SUPER
        if self.parent_order_id or self.platform == "FOVR":
            return Variety.FOREVER
        return Variety.AFTER_MARKET if self.after_market else Variety.REGULAR

    @property
    def leaves_quantity(self) -> int:
        """What can still fill; a leg waits for its entry to fill."""
        waits = self.leg is not Leg.ENTRY and not self.covers and not self.recorded
        return 0 if waits or self.status.is_terminal else self.quantity - self.filled_quantity

    @property
    def average_price(self) -> Decimal | None:
        """Rupees per unit over all fills; None before the first."""
        return self.traded_value / self.filled_quantity if self.filled_quantity else None

    @property
    def price(self) -> Decimal | None:
        """The limit price, where the order has one."""
        return self.terms.price if isinstance(self.terms, Limit | StopLimit) else None

    @property
    def trigger(self) -> Decimal | None:
        """The trigger price, where the order still waits for it."""
        return self.terms.trigger if isinstance(self.terms, StopLimit | StopMarket) else None


@frozen(kw_only=True)
class Trade:
    """One fill."""

    trade_id: str
    order: SimulatedOrder
    """The order just after the fill."""
    quantity: int
    price: Decimal
    at: datetime


@frozen
class OrderEvent:
    """An order changed: ``order`` is what the broker announces (``MODIFIED`` is announced, but never in the book)."""

    order: SimulatedOrder

    @property
    def account(self) -> AccountName:
        return self.order.account


class RequestKind(Enum):
    PLACE = "PLACE"
    MODIFY = "MODIFY"
    CANCEL = "CANCEL"


@frozen(kw_only=True)
class LoggedRequest:
    """One request that reached the broker, refused or not: what an oracle counts."""

    number: int
    at: datetime
    monotonic: float
    account: AccountName
    kind: RequestKind
    source: str
    tag: str | None
    order_id: BrokerOrderId | None
    """None for a placement that was refused without an order."""
    quantity: int | None = None
    terms: Terms | None = None
    problem: str = ""
    """Why it was refused; empty when it was taken."""
    leg: Leg = Leg.ENTRY


class RejectionWay(Enum):
    """The three ways in which Dhan says no to a placement (a synchronous error, the answer, or afterwards)."""

    REFUSED = "REFUSED"
    """An error answer; no order is in the book."""
    ANSWERED = "ANSWERED"
    """A success answer that says REJECTED; the order is in the book."""
    LATER = "LATER"
    """A success answer that says TRANSIT; the order is rejected right after."""


@frozen
class Rejection:
    """A no, with Dhan's code (``DH-905``, ``DH-906``...) and words."""

    text: str
    code: str = "DH-906"
    way: RejectionWay = RejectionWay.LATER


RejectionRule: TypeAlias = "Callable[[SimulatedOrder, Instrument], Rejection | None]"


class ExchangeRefusal(Exception):
    """A synchronous no: the request changed nothing."""

    def __init__(self, text: str, code: str = "DH-906") -> None:
        super().__init__(text)
        self.text = text
        self.code = code


def instrument_key(segment: str, security_id: str) -> InstrumentKey:
    """The key of an instrument from plain text, such as ``("NSE_FNO", "68456")``; ValueError for an unknown segment."""
    return InstrumentKey(ExchangeSegment(segment), SecurityId(security_id))
