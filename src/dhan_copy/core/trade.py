"""One leader order at one follower: the decision, and the follower orders it led to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import TypeAlias

from attrs import frozen

from dhan_copy.core.evolving import evolve
from dhan_copy.core.facts import (
    BookRead,
    Channel,
    CopyAdmitted,
    CopyDeclined,
    CopyMode,
    OrderNotFound,
    OrderReported,
    Refusal,
    RequestIssued,
    RequestRejected,
    RequestWithheld,
)
from dhan_copy.core.legs import leg_id
from dhan_copy.core.lifecycle import OrderEvent, OrderState, event_of, next_state
from dhan_copy.core.requests import Cancel, Intent, Modify, Request, Submit
from dhan_copy.model.bracket import Bracket
from dhan_copy.model.ids import AccountName, BrokerOrderId, ClientOrderId
from dhan_copy.model.instrument import InstrumentKey
from dhan_copy.model.order import (
    ForeverLeg,
    Leg,
    Limit,
    OrderReport,
    OrderStatus,
    Product,
    StopLimit,
    StopMarket,
    Terms,
    Validity,
    Variety,
)
from dhan_copy.model.reason import ReasonCode

CANCEL_GRACE = timedelta(seconds=5)
"""How long an accepted cancel may take to show in the book before it is asked again."""
CHANGE_GRACE = timedelta(seconds=60)
"""A book may lag by half of that (F36), and its row then shows what stood before the change."""
MOST_REPEATS = 2
"""Of a change that is taken and never made, so that others of the order's 25 are left."""

SLICES_APART = 2
"""Slices of the part of an order that goes first (an exit, where there is one) have even numbers, of the other odd ones."""

TradeKey: TypeAlias = tuple[AccountName, BrokerOrderId, AccountName]
"""(leader, leader's order, follower)"""
StakeKey: TypeAlias = tuple[AccountName, AccountName, InstrumentKey, Product, BrokerOrderId | None]
"""(leader, follower, instrument, product, the entry of a linked order): the legs of a linked order close what their own
entry opened, so that each has a ledger of its own; plain orders share one, under None."""
PositionKey: TypeAlias = tuple[AccountName, InstrumentKey, Product, BrokerOrderId | None]
"""(leader, instrument, product, the entry of a linked order)"""


OWN = "CLOSE-"
"""How the id of an order begins that no leader placed: the copier closes something on its own account."""
OWN_ENTRY = "OPEN-"
"""Likewise, where it enters at the user's word."""


def leg_key(entry: TradeKey, leg: Leg) -> TradeKey:
    """The copy of a leg of the linked order that an entry's copy is of."""
    return (entry[0], leg_id(entry[1], leg), entry[2])


def is_own(order_id: str) -> bool:
    return order_id.startswith((OWN, OWN_ENTRY))


def place_of(stake_key: StakeKey) -> PositionKey:
    """The leader's position that a holding copies."""
    leader, _, key, product, tree = stake_key
    return (leader, key, product, tree)


@frozen(slots=True)
class Instruction:
    """What can be changed about a working order; Dhan wants every field each time."""

    terms: Terms
    validity: Validity
    quantity: int
    disclosed_quantity: int = 0
    second_leg: ForeverLeg | None = None
    bracket: Bracket | None = None
    """What the legs of a super order are to be, or of a leg what it is."""

    @property
    def most(self) -> int:
        """What it could fill, whichever leg fires."""
        return self.quantity if self.second_leg is None else max(self.quantity, self.second_leg.quantity)


def instruction_of(request: Submit | Modify) -> Instruction:
    return Instruction(
        request.terms, request.validity, request.quantity, request.disclosed_quantity, request.second_leg, request.bracket
    )


def is_child(report: OrderReport) -> bool:
    """Whether an order is what appeared when a Forever order fired, and not one that waits: that has a trigger, and what
    it places is shown without one (protocol facts 1.11, 3.4)."""
    return report.variety is Variety.FOREVER and (
        report.parent_order_id is not None or not isinstance(report.terms, StopLimit | StopMarket)
    )


@frozen(slots=True)
class FollowerOrder:
    """Our order at a follower. ``accepted`` is the last instruction that the broker took: wants are compared with it
    and not with the book, where a MARKET order reads LIMIT and a triggered stop reads LMT (price protection,
    protocol facts 1.7 and 1.8)."""

    client_order_id: ClientOrderId
    slice: int
    generation: int
    intent: Intent
    issued_at: datetime
    asked: Instruction
    waits: bool = False
    """It is a Forever order that has not fired, as far as is known: once it has, the order that appears is this one."""
    fired_at: datetime | None = None
    """When the list first said that it has fired: nothing shows what it placed, and nothing can be asked of it."""
    linked: Leg | None = None
    """Which part of a super order it is; None of every other order."""
    entry: ClientOrderId | None = None
    """Of a leg of a super order its entry's id: the broker sizes the leg by what that fills."""
    state: OrderState = OrderState.ISSUED
    accepted: Instruction | None = None
    broker_order_id: BrokerOrderId | None = None
    outstanding: Request | None = None
    """Journaled and not answered."""
    unresolved: Request | None = None
    unresolved_at: datetime | None = None
    missed_by_tag: int = 0
    missed_by_tag_at: datetime | None = None
    missed_in_book: int = 0
    missed_in_book_at: datetime | None = None
    filled_quantity: int = 0
    average_price: Decimal | None = None
    first_filled_at: datetime | None = None
    filled_at: datetime | None = None
    fill_seen_at: datetime | None = None
    """When its first fill became known, by the engine's clock."""
    attempts: int = 1
    modifications: int = 0
    cancel_taken: bool = False
    """The broker took a cancel of ours, whatever a book that lags has shown since; until it took a change, so that the order had outlived
    that."""
    cancel_lost: bool = False
    """A cancel of ours whose outcome was lost had not taken effect when the book was read: it may still arrive, after
    changes that were taken too."""
    tries: int = 0
    """Requests for the present want that were refused."""
    refused: Instruction | None = None
    """The last instruction that was finally refused: not asked again."""
    retry_at: datetime | None = None
    lost: tuple[Instruction, ...] = ()
    """Modifications whose answer was lost and that had not taken effect when the book was read: they may still arrive."""
    changed_from: tuple[Instruction, ...] = ()
    """What stood before changes that the broker took, until a row shows what became of those."""
    changed_at: datetime | None = None
    needs_look: bool = False
    """The broker said that the order has changed: look before asking anything else."""
    cancel_sent: bool = False
    """A cancel of ours has left, and no later look has shown that it came to nothing: the order is not changed."""
    cancel_accepted_at: datetime | None = None
    """The broker took the cancel: not asked again unless a later look still shows the order open."""
    refused_for_now: bool = False
    """The placement was refused for a passing reason: it may be sent again under the next generation."""
    code: str = ""
    text: str = ""
    over_at: datetime | None = None

    @property
    def is_leg(self) -> bool:
        """Whether the broker has it as a leg of a super order."""
        return self.entry is not None

    @property
    def leaves_quantity(self) -> int:
        """What can still fill, as far as we know."""
        return 0 if self.state.is_over else self.unfilled

    @property
    def unfilled(self) -> int:
        """What it was for and has not filled."""
        return max(0, (self.accepted or self.asked).quantity - self.filled_quantity)

    @property
    def raised(self) -> int:
        """The same, with a raise whose answer is not there."""
        asked = [request.quantity for request in (self.outstanding, self.unresolved) if isinstance(request, Modify)]
        return max([self.unfilled, *(quantity - self.filled_quantity for quantity in asked)])

    @property
    def may_fill(self) -> int:
        """The most that it could still fill: with one whose answer was lost, too."""
        return max([self.raised, *(one.quantity - self.filled_quantity for one in self.lost)])

    @property
    def given_up(self) -> int:
        """What an entry that ended has not filled, unless that was no longer wanted or may be placed anew."""
        return 0 if self.refused_for_now or self.was_cancelled_by_us else self.unfilled

    @property
    def is_busy(self) -> bool:
        """Whether a request is under way or its outcome unknown."""
        return self.outstanding is not None or self.unresolved is not None

    @property
    def was_cancelled_by_us(self) -> bool:
        return self.state is OrderState.CANCELLED and (self.cancel_sent or self.cancel_taken or self.cancel_lost)

    @property
    def was_cancelled_by_hand(self) -> bool:
        """Whether it was cancelled without our asking (an IOC's rest is cancelled by the exchange)."""
        return (
            self.state is OrderState.CANCELLED
            and not self.was_cancelled_by_us
            and (self.accepted or self.asked).validity is not Validity.IOC
        )


Lane: TypeAlias = tuple[int, list[FollowerOrder]]
"""A slice and its orders: each generation takes the place of the one before."""


@frozen(slots=True)
class CopyTrade:
    """One leader order at one follower."""

    key: TradeKey
    stake_key: StakeKey
    admitted: CopyAdmitted | None = None
    admitted_at: datetime | None = None
    declined: CopyDeclined | None = None
    older: bool = False
    """The leader's order was there before the follower was."""
    leader_was_over: bool = False
    """The leader's order had already ended when it was admitted: the copy is sized from what it filled."""
    orders: tuple[FollowerOrder, ...] = ()
    opened: int = 0
    """Leader's fills of this order that opened, in the leader's units."""
    undecided: Fraction = Fraction(0)
    """What the leader still holds of that, until it is decided: he may close before."""
    closed: int = 0
    """Leader's fills of this order that closed, in the leader's units."""
    claim: int = 0
    """Units that the leader's fills of this order oblige the follower to exit."""
    covers: int = 0
    """Units of the entry that will close what others opened, because the leader's fills of it did: those that have not yet,
    or were filled before what they close."""
    covered: int = 0
    """Those that have."""
    forgone: int = 0
    """Units of the entry given up because an exit of the leader overtook them."""
    forgone_to: TradeKey | None = None
    gone_along: int = 0
    """What the entry had filled when the leader closed all that he held, some of it before him: it went along."""
    over_exited_at: datetime | None = None
    """When the legs of this entry were last seen to have closed more than there was: its claim is what is to be taken
    back."""
    requests: int = 0
    settled: bool = False
    unsent: ReasonCode | None = None
    """Why nothing had been sent for it when it was last settled."""

    @property
    def decision(self) -> ReasonCode | None:
        """The one answer for this leader order and follower; None while it is still open."""
        if self.declined is not None:
            return self.declined.reason
        if self.unsent is not None and not self.orders:
            return self.unsent
        return None if self.admitted is None else self.admitted.reason

    @property
    def why_left_out(self) -> ReasonCode | None:
        """Why what the leader opens by this order is not copied, where that was decided."""
        admitted, declined = self.admitted, self.declined
        plain = self.stake_key[4] is None and not self.stake_key[3].is_delivery
        if declined is not None:
            opened = plain and declined.reason is ReasonCode.NOTHING_OWNED
            return ReasonCode.OPENED_BY_EXIT if opened else declined.reason
        if admitted is None:
            return None
        closes = admitted.exit_quantity and (admitted.ratio or not admitted.entry_quantity)
        return admitted.entry_declined or (ReasonCode.OPENED_BY_EXIT if plain and closes else None)

    @property
    def copies_fills(self) -> bool:
        return self.admitted is not None and self.admitted.mode is CopyMode.EXECUTION

    @property
    def turn(self) -> int:
        """-1 where the follower takes the other side of the leader's."""
        return -1 if self.admitted is not None and self.admitted.reverse else 1

    @property
    def may_be_sliced(self) -> bool:
        """Whether its entry may be more than one order."""
        return self.copies_fills or (self.admitted is not None and self.admitted.slice_units is not None)

    def filled(self, intent: Intent) -> int:
        filled = 0
        for order in self.orders:
            if order.intent is intent:
                filled += order.filled_quantity
        return filled

    def leaves(self, intent: Intent) -> int:
        return sum(order.leaves_quantity for order in self.orders if order.intent is intent)

    @property
    def closing(self) -> int:
        """Units of the entry that have filled to close what is not there yet."""
        return min(self.covers, self.filled(Intent.ENTRY) - self.covered) if self.covers else 0

    @property
    def entered(self) -> int:
        """What the entry has filled that opened: what is to close comes first."""
        return max(0, self.filled(Intent.ENTRY) - self.covered - self.covers)

    def raised(self, intent: Intent) -> int:
        """The same, with raises whose answer is not there."""
        return sum(order.raised for order in self.orders if order.intent is intent and not order.state.is_over)

    def live(self, intent: Intent) -> FollowerOrder | None:
        """The order of this intent that is not over."""
        for order in reversed(self.orders):
            if order.intent is intent and not order.state.is_over:
                return order
        return None

    def last(self, intent: Intent) -> FollowerOrder | None:
        for order in reversed(self.orders):
            if order.intent is intent:
                return order
        return None

    def lanes(self, intent: Intent) -> dict[int, list[FollowerOrder]]:
        """The orders of an intent by their slice: each generation takes the place of the one before."""
        lanes: dict[int, list[FollowerOrder]] = {}
        for order in self.orders:
            if order.intent is intent:
                lanes.setdefault(order.slice, []).append(order)
        return lanes

    def given_up(self) -> int:
        """Units of slices of the entry that ended before they had filled: a finished entry is never replaced."""
        return sum(orders[-1].given_up for orders in self.lanes(Intent.ENTRY).values() if orders[-1].state.is_over)

    def with_order(self, order: FollowerOrder) -> CopyTrade:
        """The same trade with ``order`` in the place of its former self, or added."""
        for index, known in enumerate(self.orders):
            if known.client_order_id == order.client_order_id:
                return evolve(self, orders=self.orders[:index] + (order,) + self.orders[index + 1 :])
        return evolve(self, orders=self.orders + (order,))


def hands_first(lanes: Iterable[Lane]) -> list[Lane]:
    """Slices in the order in which what is left falls to them: what a hand took back is nobody else's to do."""
    return sorted(lanes, key=lambda lane: not lane[1][-1].was_cancelled_by_hand)


def shared_out(
    units: int, lanes: Iterable[Lane], slice_units: int | None, *, sliced: bool
) -> Iterator[tuple[int, list[FollowerOrder], int]]:
    """What each of the slices is to do of what is left: at most a slice each, and of several one that a hand took back no
    more than it had left."""
    for number, orders in lanes:
        if units <= 0:
            return
        share = units if slice_units is None else min(units, slice_units)
        if sliced and orders and orders[-1].was_cancelled_by_hand:
            share = min(share, orders[-1].unfilled)
        yield number, orders, share
        units -= share


def issued(order: FollowerOrder | None, fact: RequestIssued, at: datetime, slice: int, generation: int) -> FollowerOrder:
    """Fold a journaled request."""
    request = fact.request
    if order is None:
        assert isinstance(request, Submit)
        return FollowerOrder(
            client_order_id=request.client_order_id,
            slice=slice,
            generation=generation,
            intent=request.intent,
            issued_at=at,
            asked=instruction_of(request),
            waits=request.forever,
            linked=None if request.bracket is None else Leg.ENTRY,
            outstanding=request,
        )
    return evolve(
        order,
        outstanding=request,
        attempts=request.attempt,
        modifications=order.modifications + isinstance(request, Modify),
        cancel_sent=order.cancel_sent or isinstance(request, Cancel),
    )


def accepted(order: FollowerOrder, request: Request, broker_order_id: BrokerOrderId | None, at: datetime) -> FollowerOrder:
    """Fold that the broker took ``request``, by its answer or by evidence."""
    order = _cleared(order, request)
    if not isinstance(request, Submit) and request.forever and not order.waits:
        return order  # it fired first: what it placed stands as it is
    if isinstance(request, Cancel):
        return evolve(order, tries=0, needs_look=False, retry_at=None, cancel_accepted_at=at, cancel_taken=True)
    changes = isinstance(request, Modify) and order.linked is None and not order.waits
    return evolve(
        order,
        state=next_state(order.state, OrderEvent.ACCEPTED),
        accepted=instruction_of(request),
        changed_from=(*order.changed_from[-3:], order.accepted) if changes and order.accepted is not None else (),
        changed_at=at if changes else None,
        refused=None,
        broker_order_id=broker_order_id or order.broker_order_id,
        cancel_taken=False,
        tries=0,
        retry_at=None,
    )


def with_entry(leg: FollowerOrder, entry: FollowerOrder) -> FollowerOrder:
    """A leg of a super order as what is known of its entry makes it: there once that is, changed with it while that works,
    and gone with one that never filled. Such an end has no time of its own: should the entry fill after all, it stands."""
    linked = leg.linked
    assert linked is not None
    if entry.state.is_over and not entry.filled_quantity:
        gone = evolve(
            leg, state=entry.state, refused_for_now=entry.refused_for_now, cancel_sent=True, cancel_taken=True,
            outstanding=None, unresolved=None, unresolved_at=None, needs_look=False, lost=(),
        )  # fmt: skip
        return leg if leg.state.is_over else gone
    if entry.broker_order_id is None or entry.accepted is None:
        return leg
    if leg.broker_order_id is None or (leg.state.is_over and leg.over_at is None):
        there = leg_id(entry.broker_order_id, linked)
        leg = evolve(
            leg, state=OrderState.WORKING, accepted=leg.asked, broker_order_id=there, cancel_sent=False, cancel_taken=False
        )
    bracket = entry.accepted.bracket
    if bracket is None or entry.state.is_over or leg.is_busy or leg.accepted is None:
        return leg
    stands = as_leg(bracket, linked, leg.accepted.quantity)
    return leg if stands is None or stands == leg.accepted else evolve(leg, accepted=stands)


def as_leg(bracket: Bracket, leg: Leg, quantity: int) -> Instruction | None:
    """One leg of a super order as an instruction of its own; None where the bracket has no such leg."""
    if leg is Leg.TARGET and bracket.target is not None:
        return Instruction(Limit(bracket.target), Validity.DAY, quantity, bracket=Bracket(target=bracket.target))
    if leg is Leg.STOP and bracket.stop is not None:
        part = Bracket(stop=bracket.stop, trailing_jump=bracket.trailing_jump)
        return Instruction(StopMarket(bracket.stop), Validity.DAY, quantity, bracket=part)
    return None


def _cleared(order: FollowerOrder, request: Request) -> FollowerOrder:
    """Without ``request`` among what is under way or unknown."""
    outstanding = None if order.outstanding and order.outstanding.attempt == request.attempt else order.outstanding
    if order.unresolved and order.unresolved.attempt == request.attempt:
        return evolve(order, outstanding=outstanding, unresolved=None, unresolved_at=None)
    return evolve(order, outstanding=outstanding)


def request_of(order: FollowerOrder, attempt: int) -> Request | None:
    """The request that an answer with this attempt belongs to, if it still matters."""
    for request in (order.outstanding, order.unresolved):
        if request is not None and request.attempt == attempt:
            return request
    return None


def rejected(order: FollowerOrder, request: Request, fact: RequestRejected, at: datetime, retry_at: datetime) -> FollowerOrder:
    """Fold a definite no."""
    order = evolve(_cleared(order, request), code=fact.code, text=fact.text, tries=order.tries + 1, retry_at=retry_at)
    match request:
        case Submit():
            state = next_state(order.state, OrderEvent.REFUSED)
            return evolve(order, state=state, over_at=at, refused_for_now=not fact.final)
        case Modify():
            look = fact.refusal is Refusal.ORDER_STATE
            return evolve(order, needs_look=look, refused=instruction_of(request) if fact.final and not look else None)
        case Cancel():
            return evolve(order, needs_look=fact.final, cancel_sent=False)


def unresolved(order: FollowerOrder, request: Request, at: datetime) -> FollowerOrder:
    """Fold that nobody knows what became of ``request``."""
    state = next_state(order.state, OrderEvent.LOST) if isinstance(request, Submit) else order.state
    order = _cleared(order, request)
    return evolve(order, state=state, unresolved=request, unresolved_at=at, missed_by_tag=0, missed_in_book=0)


def postponed(order: FollowerOrder, by: timedelta) -> FollowerOrder:
    """The same order after the clock was set forward: nothing has become due by that."""
    if {order.unresolved_at, order.retry_at, order.cancel_accepted_at, order.changed_at} == {None}:
        return order
    return evolve(
        order,
        unresolved_at=None if order.unresolved_at is None else order.unresolved_at + by,
        retry_at=None if order.retry_at is None else order.retry_at + by,
        cancel_accepted_at=None if order.cancel_accepted_at is None else order.cancel_accepted_at + by,
        changed_at=None if order.changed_at is None else order.changed_at + by,
    )


def taken_over(order: FollowerOrder, at: datetime, longest_retry: timedelta) -> FollowerOrder:
    """The same order in a new process, whose clock may show less than the one before did."""
    if order.retry_at is not None and order.retry_at > at + longest_retry:
        order = evolve(order, retry_at=at + longest_retry)
    if order.cancel_accepted_at is not None and order.cancel_accepted_at > at:
        order = evolve(order, cancel_accepted_at=at)
    if order.changed_at is not None and order.changed_at > at:
        order = evolve(order, changed_at=at)
    return order


def withheld(order: FollowerOrder, request: Request, fact: RequestWithheld, at: datetime, retry_at: datetime) -> FollowerOrder:
    """Fold that ``request`` never left."""
    order = evolve(_cleared(order, request), text=fact.problem)
    match request:
        case Submit():
            return evolve(order, state=next_state(order.state, OrderEvent.HELD_BACK), over_at=at, retry_at=retry_at)
        case Modify():
            return evolve(order, modifications=order.modifications - 1, retry_at=retry_at)
        case Cancel():
            return evolve(order, cancel_sent=False, retry_at=retry_at)


def reported(order: FollowerOrder, fact: OrderReported, at: datetime) -> FollowerOrder:
    """Fold what the broker says of the order: fills by maximum, ends by the table, unknown outcomes by what it shows."""
    report = fact.report
    if order.waits and is_child(report):
        order = fired(order, report)
    state = next_state(order.state, event_of(report.status))
    if order.state is OrderState.REJECTED and order.broker_order_id is not None and not state.is_over:
        state = order.state  # it was seen rejected: an open report is older
    if report.status is OrderStatus.TRADED and report.filled_quantity < report.quantity and not order.state.is_over:
        state = OrderState.WORKING  # status and quantity are not updated atomically (protocol facts 1.4)
    outlived = _outlived_cancel(order, fact)
    filled = max(order.filled_quantity, report.filled_quantity)
    grown = filled > order.filled_quantity
    over = state.is_over
    if order.is_leg:
        order = _as_the_broker_has_it(order, report)
    # A placement's answer may say REJECTED and nothing more: the words are in the order's row (protocol facts 1.5).
    told = state is not order.state or state is OrderState.REJECTED
    result = evolve(
        order,
        state=state,
        accepted=order.accepted or order.asked,
        broker_order_id=report.order_id,
        filled_quantity=filled,
        average_price=report.average_price if grown and report.average_price is not None else order.average_price,
        first_filled_at=order.first_filled_at or ((report.updated_at or at) if grown else None),
        filled_at=(report.updated_at or at) if grown else order.filled_at,
        fill_seen_at=order.fill_seen_at or (at if grown else None),
        text=report.reason or order.text if over and told else order.text,
        over_at=at if over and order.over_at is None else (order.over_at if over else None),
        needs_look=order.needs_look and fact.channel is not Channel.BOOK,
        fired_at=(order.fired_at or at) if order.waits and report.status is OrderStatus.TRIGGERED else None,
        cancel_sent=order.cancel_sent and not (outlived and not over),
        cancel_accepted_at=None if outlived else order.cancel_accepted_at,
    )
    pending = result.outstanding or result.unresolved
    if isinstance(pending, Submit):
        # The book shows it, so the broker took it, whatever became of the answer.
        result = evolve(result, outstanding=None, unresolved=None, unresolved_at=None)
    elif over:
        result = evolve(result, outstanding=None, unresolved=None, unresolved_at=None)
    elif result.unresolved is not None and _settles(result, fact):
        result = _settled_by(result, report)
    if result.changed_from and not result.is_busy:
        result = _verified(result, fact)
    return _overtaken(result, report) if result.lost and not result.is_busy else result


def _verified(order: FollowerOrder, fact: OrderReported) -> FollowerOrder:
    """What the broker took it may not have done: he answers before the exchange has seen it (protocol facts 1.3)."""
    stands, at = order.accepted, order.changed_at
    assert stands is not None and at is not None
    known = evolve(order, changed_from=(), changed_at=None)
    if order.state.is_over:
        return known
    if _stands_at(stands, fact.report):
        return evolve(known, lost=tuple(one for one in order.lost if one != stands))
    if fact.channel is not Channel.BOOK or fact.read_at is None or fact.read_at <= at + CHANGE_GRACE:
        return order
    before = next((one for one in order.changed_from if _stands_at(one, fact.report)), None)
    if before is None or (_is_stop(stands) and not _is_stop(before) and before.quantity == stands.quantity):
        return known  # a stop that has triggered reads as the limit that it may have been before
    refused = stands if order.lost.count(stands) >= MOST_REPEATS else order.refused
    return evolve(known, accepted=before, lost=(*order.lost[-3:], stands), refused=refused)


def _is_stop(what: Instruction) -> bool:
    return isinstance(what.terms, StopLimit | StopMarket)


def was_ignored(before: FollowerOrder, after: FollowerOrder) -> bool:
    """Whether a row has shown that changes that the broker took had no effect."""
    return not after.changed_from and after.accepted != before.accepted and after.accepted in before.changed_from


def _as_the_broker_has_it(leg: FollowerOrder, report: OrderReport) -> FollowerOrder:
    """The broker sizes the legs of a super order, and moves a stop that trails."""
    stands = leg.accepted or leg.asked
    bracket = stands.bracket
    if bracket is not None and bracket.trailing_jump is not None and isinstance(report.terms, StopMarket) and not leg.is_busy:
        moved = evolve(bracket, stop=report.terms.trigger)
        return evolve(leg, accepted=evolve(stands, quantity=report.quantity, terms=report.terms, bracket=moved))
    return evolve(leg, accepted=evolve(stands, quantity=report.quantity))


def fired(order: FollowerOrder, child: OrderReport) -> FollowerOrder:
    """The same order once it has fired: what was asked of the Forever order holds no more, and what has appeared is
    changed and cancelled as any other."""
    stands = Instruction(child.terms, child.validity, child.quantity, child.disclosed_quantity)
    unresolved = order.unresolved if isinstance(order.unresolved, Submit) else None
    if order.state.is_over:
        order = evolve(order, state=OrderState.WORKING, over_at=None)  # it fired before it was taken back
    return evolve(
        order, waits=False, accepted=stands, changed_from=(), refused=None, unresolved=unresolved, lost=(), cancel_sent=False,
        cancel_lost=False, cancel_accepted_at=None, retry_at=None, modifications=0,
    )  # fmt: skip


def ended_with_day(order: FollowerOrder, at: datetime) -> FollowerOrder:
    """The same order on the next day, which only a Forever order lives to see."""
    if order.waits or order.state.is_over:
        return order
    return evolve(
        order, state=OrderState.EXPIRED, over_at=at, outstanding=None, unresolved=None, unresolved_at=None,
        needs_look=False,
    )  # fmt: skip


def repeats(order: FollowerOrder, report: OrderReport) -> bool:
    """Whether a report only repeats how an order ended: most rows of a busy day's book do, at every sweep."""
    return (
        order.over_at is not None
        and order.state in (OrderState.FILLED, OrderState.CANCELLED, OrderState.EXPIRED)
        and report.filled_quantity == order.filled_quantity
        and report.order_id == order.broker_order_id
        and not (order.is_busy or order.needs_look or order.lost)
        and order.accepted is not None
        and next_state(order.state, event_of(report.status)) is order.state
    )


def is_undoubted(order: FollowerOrder) -> bool:
    """Whether when a row was read makes no difference: nothing is to be settled by a later look at the same."""
    asked = order.unresolved is None and order.cancel_accepted_at is None and not order.changed_from
    return asked and not (order.needs_look or order.lost)


def _overtaken(order: FollowerOrder, report: OrderReport) -> FollowerOrder:
    """A modification given up as lost has arrived after all, perhaps after its successor: it is what holds now."""
    for late in order.lost:
        there = evolve(late, quantity=report.quantity) if order.is_leg else late
        if there != order.accepted and _stands_at(there, report):
            return evolve(order, accepted=there, lost=tuple(one for one in order.lost if one != late))
    return order


def in_doubt(order: FollowerOrder) -> tuple[Instruction, ...]:
    """What was asked of an order that may have taken effect, or may yet, though nobody has seen it."""
    asked = (request for request in (order.outstanding, order.unresolved) if isinstance(request, Modify))
    return (*order.lost, *(instruction_of(request) for request in asked))


def inherited(leg: FollowerOrder, doubted: tuple[Instruction, ...]) -> FollowerOrder:
    """A leg of a super order whose entry has ended: what was asked of it with the entry and never seen is settled by the
    leg's own rows from here on."""
    assert leg.linked is not None
    quantity = (leg.accepted or leg.asked).quantity
    asked = (as_leg(one.bracket, leg.linked, quantity) for one in doubted if one.bracket is not None)
    lost = (*leg.lost, *(one for one in asked if one is not None))
    return leg if leg.state.is_over or lost == leg.lost else evolve(leg, lost=lost[-4:])


def _outlived_cancel(order: FollowerOrder, fact: OrderReported) -> bool:
    """Whether a book read well after the accepted cancel still shows the order open."""
    accepted_at = order.cancel_accepted_at
    return accepted_at is not None and fact.read_at is not None and fact.read_at > accepted_at + CANCEL_GRACE


def _settles(order: FollowerOrder, fact: OrderReported) -> bool:
    """One good read begun after the outcome was lost decides an absolute request (modify, cancel)."""
    begun_after = (
        fact.channel is Channel.BOOK
        and fact.read_at is not None
        and order.unresolved_at is not None
        and fact.read_at > order.unresolved_at
    )
    if isinstance(order.unresolved, Modify) and order.linked is Leg.ENTRY and fact.report.bracket is None:
        return False  # the list of super orders tells of its legs, and no other row does
    return begun_after or (isinstance(order.unresolved, Modify) and _shows(order.unresolved, fact.report))


def _shows(request: Modify, report: OrderReport) -> bool:
    return _stands_at(instruction_of(request), report)


def _stands_at(what: Instruction, report: OrderReport) -> bool:
    if report.leg_order_id is not None and what.bracket is not None:
        return report.terms == what.terms  # a leg of a super order, which the broker sizes
    if what.bracket is not None and not _stands_around(what.bracket, report.bracket):
        return False
    return (
        report.quantity == what.quantity
        and report.terms == what.terms
        and report.validity == what.validity
        and report.second_leg == what.second_leg
    )


def _stands_around(asked: Bracket, shown: Bracket | None) -> bool:
    """Whether the legs that an entry shows are as asked: one that was taken back is not shown, and rows of the order book
    have none."""
    if shown is None:
        return False
    stop = shown.stop is None or (shown.stop, shown.trailing_jump) == (asked.stop, asked.trailing_jump)
    return stop and shown.target in (None, asked.target)


def _settled_by(order: FollowerOrder, report: OrderReport) -> FollowerOrder:
    request = order.unresolved
    order = evolve(order, unresolved=None, unresolved_at=None)
    if isinstance(request, Cancel):
        # It had no effect, and may still arrive: what is wanted now is asked for, and an end by it stays ours.
        return evolve(order, cancel_sent=False, cancel_lost=True)
    if not isinstance(request, Modify):
        return order
    if _shows(request, report):
        return evolve(order, accepted=instruction_of(request), cancel_taken=False)
    return _with_lost(order, request)


def given_up_as_lost(order: FollowerOrder) -> FollowerOrder:
    """The same order, of whose change no look will tell what became: it is asked for again, or the order is taken back."""
    assert isinstance(order.unresolved, Modify)
    return _with_lost(evolve(order, unresolved=None, unresolved_at=None), order.unresolved)


def _with_lost(order: FollowerOrder, request: Modify) -> FollowerOrder:
    return evolve(order, lost=(*order.lost[-3:], instruction_of(request)))


def missed(order: FollowerOrder, fact: OrderNotFound | BookRead, counts_from: datetime) -> FollowerOrder:
    """Fold that a read did not show an order whose placement is unresolved.

    Absence counts only from reads begun after the absence window, by both sources, at least two reads apart.
    """
    if order.state is not OrderState.UNRESOLVED or fact.read_at < counts_from:
        return order
    if order.waits:
        # Nothing shows the tag of a Forever order: their list and the book, which has what it placed if it has fired, are
        # the two sources, and one look reads both.
        if isinstance(fact, OrderNotFound) or fact.forever is None or fact.read_at == order.missed_in_book_at:
            return order
        order = evolve(order, missed_by_tag=order.missed_by_tag + 1)
        return _absent(evolve(order, missed_in_book=order.missed_in_book + 1, missed_in_book_at=fact.read_at), fact)
    if isinstance(fact, OrderNotFound):
        if fact.read_at == order.missed_by_tag_at:
            return order
        order = evolve(order, missed_by_tag=order.missed_by_tag + 1, missed_by_tag_at=fact.read_at)
    else:
        if fact.read_at == order.missed_in_book_at:
            return order
        order = evolve(order, missed_in_book=order.missed_in_book + 1, missed_in_book_at=fact.read_at)
    return _absent(order, fact)


def unlisted(order: FollowerOrder, fact: BookRead) -> FollowerOrder:
    """Fold that the list of Forever orders does not show one whose cancel was accepted: two looks end it. What is not
    listed without that has fired, or somebody has taken it back: what it placed will tell, or nothing does."""
    if not is_leaving(order) or fact.forever is None or order.broker_order_id in fact.forever:
        return order
    assert order.cancel_accepted_at is not None
    if fact.read_at <= order.cancel_accepted_at + CANCEL_GRACE or fact.read_at == order.missed_in_book_at:
        return order
    order = evolve(order, missed_in_book=order.missed_in_book + 1, missed_in_book_at=fact.read_at)
    if order.missed_in_book < 2:
        return order
    return evolve(order, state=next_state(order.state, OrderEvent.SEEN_CANCELLED), over_at=fact.read_at)


def taken_back(leg: FollowerOrder, at: datetime, *, with_entry: bool) -> FollowerOrder:
    """A leg of a super order that the list no longer shows: ``with_entry``, if we took that back."""
    return evolve(
        leg, state=next_state(leg.state, OrderEvent.SEEN_CANCELLED), over_at=at, outstanding=None, unresolved=None,
        unresolved_at=None, needs_look=False, cancel_sent=leg.cancel_sent or with_entry,
    )  # fmt: skip


def is_leaving(order: FollowerOrder) -> bool:
    """Whether it is a Forever order whose cancel was accepted and whose end nobody has seen."""
    return order.waits and order.cancel_accepted_at is not None and not order.state.is_over


def _absent(order: FollowerOrder, fact: OrderNotFound | BookRead) -> FollowerOrder:
    if order.missed_by_tag >= 2 and order.missed_in_book >= 2:
        state = next_state(order.state, OrderEvent.PROVEN_ABSENT)
        return evolve(order, state=state, unresolved=None, unresolved_at=None, over_at=fact.read_at)
    return order
