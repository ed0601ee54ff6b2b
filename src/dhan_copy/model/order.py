"""What an order says and what a broker says of it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import TypeAlias

from attrs import Attribute, field, frozen, validators

from dhan_copy.model.bracket import Bracket
from dhan_copy.model.ids import AccountName, BrokerOrderId, ClientOrderId, ExchangeOrderId, SecurityId
from dhan_copy.model.instrument import ExchangeSegment, InstrumentFacts, InstrumentKey, instrument_key


class Side(Enum):
    BUY = "BUY"
    SELL = "SELL"

    @property
    def sign(self) -> int:
        """+1 for BUY, -1 for SELL: signed quantities are long when positive."""
        return 1 if self is Side.BUY else -1

    @property
    def opposite(self) -> Side:
        return Side.SELL if self is Side.BUY else Side.BUY


class AmoSlot(Enum):
    """When an after-market order is sent to the exchange: at the opening, or 30 or 60 minutes after it. Dhan's ``PRE_OPEN``
    is not among them: its client (2.1 and later) refuses it."""

    OPEN = "OPEN"
    OPEN_30 = "OPEN_30"
    OPEN_60 = "OPEN_60"


class Product(Enum):
    """Dhan's product types."""

    CNC = "CNC"
    INTRADAY = "INTRADAY"
    MARGIN = "MARGIN"
    MTF = "MTF"
    CO = "CO"
    BO = "BO"

    # Members are singletons; Enum hashes them by name, in Python, and they stand in keys that are looked up often.
    __hash__ = object.__hash__

    @property
    def is_delivery(self) -> bool:
        """Whether a sell can only be an exit: shares cannot be sold short for delivery."""
        return self in (Product.CNC, Product.MTF)

    @property
    def ends_with_day(self) -> bool:
        """Whether the broker squares the position off before the day ends."""
        return self in (Product.INTRADAY, Product.CO, Product.BO)


class Validity(Enum):
    DAY = "DAY"
    IOC = "IOC"


class OrderStatus(Enum):
    """Dhan's order states, over both channels and all order kinds."""

    TRANSIT = "TRANSIT"
    PENDING = "PENDING"
    CONFIRM = "CONFIRM"
    INACTIVE = "INACTIVE"
    MODIFIED = "MODIFIED"
    TRIGGERED = "TRIGGERED"
    PART_TRADED = "PART_TRADED"
    TRADED = "TRADED"
    REJECTED = "REJECTED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"
    CLOSED = "CLOSED"

    __hash__ = object.__hash__

    @property
    def is_terminal(self) -> bool:
        """Whether no further fill or change is to be expected."""
        return self in _TERMINAL

    @property
    def is_confirmed(self) -> bool:
        """Whether the order has got past the broker: TRANSIT and REJECTED have not."""
        return self not in (OrderStatus.TRANSIT, OrderStatus.REJECTED)


_TERMINAL = frozenset(
    {OrderStatus.TRADED, OrderStatus.REJECTED, OrderStatus.CANCELLED, OrderStatus.EXPIRED, OrderStatus.CLOSED}
)


class Leg(Enum):
    """The part an order plays in a linked order; a plain order is an ENTRY."""

    ENTRY = "ENTRY"
    TARGET = "TARGET"
    STOP = "STOP"

    @property
    def letter(self) -> str:
        """How the leg reads in a client_order_id."""
        return self.value[0]


class Variety(Enum):
    """What sort of order it is; all but REGULAR need handling of their own."""

    REGULAR = "REGULAR"
    AFTER_MARKET = "AFTER_MARKET"
    BRACKET = "BRACKET"
    COVER = "COVER"
    SUPER = "SUPER"
    FOREVER = "FOREVER"
    """A Forever (GTT) order, or the child order that appears when one fires."""


def _above_zero(instance: object, attribute: Attribute[Decimal], value: Decimal) -> None:
    if not value.is_finite() or value <= 0:
        raise ValueError(f"{attribute.name} must be above zero, not {value}")


@frozen
class Market:
    """Trade at once at what the market offers."""


@frozen
class Limit:
    """Trade at ``price`` (rupees) or better."""

    price: Decimal = field(validator=_above_zero)


@frozen
class StopLimit:
    """Become a limit at ``price`` once ``trigger`` trades. Dhan calls it STOP_LOSS (REST) and SL (socket)."""

    trigger: Decimal = field(validator=_above_zero)
    price: Decimal = field(validator=_above_zero)


@frozen
class StopMarket:
    """Become a market order once ``trigger`` trades. Dhan calls it STOP_LOSS_MARKET (REST) and SLM (socket)."""

    trigger: Decimal = field(validator=_above_zero)


Terms: TypeAlias = Market | Limit | StopLimit | StopMarket


@frozen(kw_only=True)
class ForeverLeg:
    """The second leg of a Forever order that has two: what is placed once a price is reached. ``terms`` name the trigger
    and, where there is one, the limit.

    Dhan gives both legs of one order the same order type: two limits, or two market orders (v2 Forever page).
    """

    terms: StopLimit | StopMarket
    quantity: int = field(validator=validators.ge(1))


@frozen(kw_only=True)
class OrderReport:
    """What a broker says of one order, cumulative: the same report twice says nothing new.

    Quantities are in the units of Dhan's orders (shares or contracts' units; MCX: lots). Prices are rupees.
    ``average_price`` may be present before anything has filled (a ``Pending`` frame can carry it): fills are read
    from ``filled_quantity`` alone. ``updated_at`` has a resolution of one second and is not an identity;
    ``created_at`` moves when an order is modified. Times are aware (IST) or None where the broker gave a zero date.
    ``raw`` is the frame or row as it came, as text; it takes no part in comparison or repr.
    """

    account: AccountName
    """The Dhan client id that the report names; the engine puts the user's name of the account in its place."""
    order_id: BrokerOrderId = field(validator=validators.min_len(1))
    segment: ExchangeSegment
    security_id: SecurityId = field(validator=validators.min_len(1))
    side: Side
    product: Product
    validity: Validity
    terms: Terms
    quantity: int = field(validator=validators.ge(1))
    filled_quantity: int = field(default=0, validator=validators.ge(0))
    average_price: Decimal | None = None
    status: OrderStatus
    exchange_order_id: ExchangeOrderId | None = None
    client_order_id: ClientOrderId | None = None
    parent_order_id: BrokerOrderId | None = None
    disclosed_quantity: int = field(default=0, validator=validators.ge(0))
    leg: Leg = Leg.ENTRY
    leg_order_id: BrokerOrderId | None = None
    """The broker's own id of an exit leg, where ``order_id`` names its place in its entry's tree."""
    variety: Variety = Variety.REGULAR
    second_leg: ForeverLeg | None = None
    """Of a Forever order with two legs the one that is not the order's own; None once one of them has fired."""
    bracket: Bracket | None = None
    """On an entry: the legs that close it, where this report tells of them. None says nothing: another report may."""
    instrument: InstrumentFacts | None = None
    symbol: str = ""
    last_price: Decimal | None = None
    """The broker's reference price when it reported (``refLtp``), where it gave one."""
    source: str | None = None
    """Where the order was entered: Dhan's letter (P API, N app, W web, T TradingView)."""
    platform: str | None = None
    """Dhan's ``orderPlatform`` (API, FOVR, FAST) where the frame has it."""
    reason: str = ""
    created_at: datetime | None = None
    updated_at: datetime | None = None
    raw: str = field(default="", eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        if self.filled_quantity > self.quantity:
            raise ValueError(f"filled_quantity {self.filled_quantity} is above quantity {self.quantity}")

    @property
    def key(self) -> InstrumentKey:
        return instrument_key(self.segment, self.security_id)

    @property
    def leaves_quantity(self) -> int:
        """What can still fill."""
        return 0 if self.status.is_terminal else self.quantity - self.filled_quantity

    @property
    def expected_quantity(self) -> int:
        """What it comes to: all of it while it lives, what it has filled once it is over."""
        return self.filled_quantity + self.leaves_quantity
