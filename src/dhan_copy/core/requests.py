"""What we ask of a broker: imperatives. A request that changes something is journaled before it leaves."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import TypeAlias

from attrs import astuple, field, frozen, validators

from dhan_copy.model.account import MarginOrder
from dhan_copy.model.bracket import Bracket
from dhan_copy.model.ids import AccountName, BrokerOrderId, ClientOrderId, SecurityId
from dhan_copy.model.instrument import ExchangeSegment, InstrumentKey
from dhan_copy.model.order import AmoSlot, ForeverLeg, Leg, Product, Side, Terms, Validity


class Intent(Enum):
    """Whether a request adds risk or takes it away: exits go first in every budget and are never stale."""

    ENTRY = "ENTRY"
    EXIT = "EXIT"


@frozen(kw_only=True)
class Submit:
    """Place a new order. ``attempt`` counts the requests for this follower order from 1."""

    follower: AccountName
    client_order_id: ClientOrderId
    attempt: int
    leader: AccountName
    leader_order_id: BrokerOrderId
    intent: Intent
    segment: ExchangeSegment
    security_id: SecurityId
    side: Side
    product: Product
    validity: Validity
    terms: Terms
    quantity: int = field(validator=validators.ge(1))
    disclosed_quantity: int = 0
    leg: Leg = Leg.ENTRY
    forever: bool = False
    """Place a Forever order, which waits for ``terms``' trigger; with ``second_leg`` a pair whose target it is."""
    second_leg: ForeverLeg | None = None
    bracket: Bracket | None = None
    """Place a super order: the entry, and these legs with it."""
    after_market: AmoSlot | None = None
    """Queue it until then."""
    not_after: datetime | None = None
    """The sender answers ``RequestWithheld`` instead of writing after this moment."""
    note: str = ""


@frozen(kw_only=True)
class Modify:
    """Change a working order. ``quantity`` is the TOTAL order quantity, not what is left (release notes of Dhan's v2);
    every field is sent, not a difference."""

    follower: AccountName
    client_order_id: ClientOrderId
    attempt: int
    broker_order_id: BrokerOrderId
    intent: Intent
    validity: Validity
    terms: Terms
    quantity: int = field(validator=validators.ge(1))
    disclosed_quantity: int = 0
    leg: Leg = Leg.ENTRY
    forever: bool = False
    """It is a Forever order that has not fired. A pair has a ``second_leg``, and ``leg`` says which of the two is to be
    changed: TARGET the order's own, STOP the second; the other is named as it stands."""
    second_leg: ForeverLeg | None = None
    linked: bool = False
    """It is a part of a super order, named by ``leg``: the entry, with what its legs are to be, or one of its legs."""
    bracket: Bracket | None = None
    not_after: datetime | None = None
    note: str = ""


@frozen(kw_only=True)
class Cancel:
    """Take a working order back."""

    follower: AccountName
    client_order_id: ClientOrderId
    attempt: int
    broker_order_id: BrokerOrderId
    leg: Leg = Leg.ENTRY
    forever: bool = False
    """It is a Forever order that has not fired."""
    linked: bool = False
    """It is a part of a super order, named by ``leg``."""


Request: TypeAlias = Submit | Modify | Cancel


def intent_of(request: Request) -> Intent:
    """A cancel takes risk away, whatever it cancels."""
    return Intent.EXIT if isinstance(request, Cancel) else request.intent


@frozen(kw_only=True)
class Query:
    """Ask what became of one order: by our id, and in the order book."""

    follower: AccountName
    client_order_id: ClientOrderId
    forever: bool = field(default=False, eq=False)
    """With the list of Forever orders."""
    linked: bool = field(default=False, eq=False)
    """With the list of super orders."""


@frozen(kw_only=True, cache_hash=True)
class ReadOrders:
    """Read the whole order book of an account, leader or follower."""

    account: AccountName
    forever: bool = field(default=False, eq=False)
    """With the list of Forever orders, of a follower: a leader's source knows which lists it reads."""
    linked: bool = field(default=False, eq=False)
    """With the list of super orders, of a follower."""


@frozen(kw_only=True, cache_hash=True)
class ReadPositions:
    """Read the positions and holdings of an account, leader or follower."""

    account: AccountName


@frozen(kw_only=True)
class ReadFunds:
    """Read the funds of an account, leader or follower."""

    account: AccountName


@frozen(kw_only=True, cache_hash=True)
class ReadMargin:
    """Ask what an order would block in a follower's account."""

    account: AccountName
    order: MarginOrder


@frozen(kw_only=True, cache_hash=True)
class ReadQuotes:
    """Ask a follower's broker for the last prices of what was copied there, or is about to be."""

    account: AccountName
    keys: tuple[InstrumentKey, ...] = field(default=(), eq=False)


@frozen(kw_only=True)
class ReadKillSwitch:
    """Ask whether the broker's kill switch is on at a follower."""

    account: AccountName


@frozen(kw_only=True)
class TurnKillSwitch:
    """Have the broker close a follower's account to orders for the rest of the day, or open it again."""

    follower: AccountName
    on: bool


Read: TypeAlias = Query | ReadOrders | ReadPositions | ReadFunds | ReadMargin | ReadQuotes | ReadKillSwitch
Command: TypeAlias = Request | TurnKillSwitch | Read


def all_of(command: Command) -> tuple[object, ...]:
    """All that is asked: two reads of one thing are equal whatever lists they are to read as well."""
    return type(command), *astuple(command, recurse=False)
