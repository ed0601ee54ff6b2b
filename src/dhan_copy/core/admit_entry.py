"""Decide whether and how large an entry is copied: filters, age, price, size, caps. Exits never come here."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from attrs import frozen
from typing_extensions import assert_never

from dhan_copy.core.after_market import is_queued
from dhan_copy.core.capping import Entered, NoRoom, needs_margin, room
from dhan_copy.core.caps import Cap
from dhan_copy.core.effective import Effective
from dhan_copy.core.facts import CopyMode, TradingState
from dhan_copy.core.filtering import Verdict
from dhan_copy.core.hours import refusal
from dhan_copy.core.leader import LeaderOrder
from dhan_copy.core.requests import ReadMargin, ReadQuotes
from dhan_copy.core.legs import is_exit_leg, leg_id
from dhan_copy.core.losses import last_told
from dhan_copy.core.reserve import spendable
from dhan_copy.core.rules import BelowLot, Percent
from dhan_copy.core.settings import CopierSettings, FollowerRules
from dhan_copy.core.sizers import unit_loss
from dhan_copy.core.sizing import entry_size
from dhan_copy.core.state import State, claim_left
from dhan_copy.core.target import carry_of
from dhan_copy.core.trade import StakeKey
from dhan_copy.core.worth import price_of, worth
from dhan_copy.errors import FundsUnknown, SizingError, StopUnknown
from dhan_copy.model.account import MarginOrder
from dhan_copy.model.instrument import InstrumentFacts
from dhan_copy.model.order import Leg, Market, Side, StopLimit, StopMarket, Validity
from dhan_copy.model.reason import ReasonCode
from dhan_copy.model.size import Quantity, Ratio
from dhan_copy.protocols import Accounts

YES = Verdict(True, "")
ANSWER_MAY_COME = timedelta(seconds=5)
"""How long an entry waits for what it would block, where a cap counts that, and for a price."""
A_MOMENT = timedelta(seconds=2)
"""A copy that follows the leader's order within this is not held up to ask for a price: times of the broker are in whole
seconds."""
MARGIN_HOLDS = timedelta(seconds=60)
"""How long an answer of the margin calculator counts for the next order of the same instrument."""


@frozen
class Refused:
    reason: ReasonCode
    detail: str = ""


@frozen
class Sized:
    """How an entry is scaled: what :class:`~dhan_copy.core.facts.CopyAdmitted` says."""

    ratio: Fraction
    carry: Fraction
    most_units: int | None
    reason: ReasonCode = ReasonCode.COPIED
    detail: str = ""
    uncapped: Fraction | None = None


@frozen
class Asked:
    """An entry of the leader at one follower; ``units`` of his order open something."""

    order: LeaderOrder
    facts: InstrumentFacts
    rules: FollowerRules
    holds: Effective
    stake_key: StakeKey
    units: int
    crossing: bool

    @property
    def side(self) -> Side:
        """The side that the follower would take."""
        side = self.order.report.side
        return side.opposite if self.rules.reverse else side


def age_of(order: LeaderOrder, now: datetime) -> timedelta:
    """How long ago the leader's order last did something."""
    return now - (order.report.updated_at or order.report.created_at or order.seen_at)


def is_momentary(order: LeaderOrder, *, copies_fills: bool = False) -> bool:
    """Whether a copy would trade now rather than rest at the leader's price: a filled, market or IOC order, and every
    order where fills are copied."""
    report = order.report
    return copies_fills or report.status.is_terminal or isinstance(report.terms, Market) or report.validity is Validity.IOC


def passes_at(order: LeaderOrder, now: datetime, settings: CopierSettings, *, copies_fills: bool = False) -> datetime | None:
    """When the moment of a filled, market or IOC order is over. None for a resting order, which is judged by its price
    instead, and for one that is queued for the next session: its moment is yet to come."""
    if is_queued(settings.calendar, order.report, now) or not is_momentary(order, copies_fills=copies_fills):
        return None
    return now - age_of(order, now) + settings.policy.entry_age


def has_passed(order: LeaderOrder, now: datetime, settings: CopierSettings, *, copies_fills: bool = False) -> bool:
    """Whether it is too late for an entry."""
    at = passes_at(order, now, settings, copies_fills=copies_fills)
    return at is not None and now > at


def admit_entry(
    state: State, asked: Asked, now: datetime, *, more_may_follow: bool, patient: bool
) -> Sized | Refused | ReadMargin | ReadQuotes | None:
    """The first reason not to enter, or the size. None to ask again when a frame, a row or a list has told more; what to read first, as
    long as one is ``patient``."""
    read = _margin_to_read(state, asked, now) if patient else None
    if read is not None:
        return read
    try:
        verdict = YES if asked.holds.only is None else asked.holds.only.judge(asked.order, asked.facts)
        passes, because = verdict.passes, verdict.because
    except Exception as problem:  # the user's code may raise anything; the order must still get its answer
        return Refused(ReasonCode.FILTER_FAILED, f"{type(problem).__name__}: {problem}")
    if not passes:
        return None if passes is None and more_may_follow else Refused(ReasonCode.FILTERED, because)
    refused = _not_now(state, asked, now)
    quotes = _quotes_to_read(state, asked, now) if patient and refused is None else None
    return refused or quotes or _sized(state, asked)


# Now


def _not_now(state: State, asked: Asked, now: datetime) -> Refused | None:
    name = asked.rules.name
    if state.trading_state(name) is not TradingState.ACTIVE:
        return Refused(ReasonCode.NOT_ACTIVE, state.trading_state(name).value)
    closed = refusal(state.settings, asked.order.report, now)
    if closed is not None:
        return Refused(*closed)
    circuit = state.circuits.get(name)
    if circuit is not None and circuit.is_open(now):
        return Refused(ReasonCode.CIRCUIT_OPEN, f"{circuit.rejections} in a row, the last: {circuit.words}")
    policy = state.settings.policy
    if has_passed(asked.order, now, state.settings, copies_fills=asked.rules.mode is CopyMode.EXECUTION):
        age = age_of(asked.order, now).total_seconds()
        return Refused(ReasonCode.STALE, f"{age:.0f} s old, {policy.entry_age.total_seconds():.0f} s allowed")
    moved = price_moved(state, asked.order, asked.holds.price_deviation)
    return None if moved is None else Refused(ReasonCode.PRICE_MOVED, moved)


def price_moved(state: State, order: LeaderOrder, most: Percent) -> str | None:
    """Both prices, where the instrument now trades further from what the leader's order traded at than allowed.

    An order of his that rests has a price of its own, which the copy has too.
    """
    report = order.report
    told = last_told(state, report.key)
    was = report.average_price if report.filled_quantity else report.last_price
    if not is_momentary(order) or told is None or was is None or report.updated_at is None or told[1] <= report.updated_at:
        return None
    now = told[0]
    percent = abs(now - was) * 100 / was
    if percent <= most.value:
        return None
    return f"{was} when the leader traded, {now} now: {percent:.2f} %, and {most.value:f} % are allowed"


def _quotes_to_read(state: State, asked: Asked, now: datetime) -> ReadQuotes | None:
    """The question for the price by now, where an entry that would trade at it comes late. What closes something as well
    is not held up."""
    order, rules = asked.order, asked.rules
    if not (rules.reads_quotes and rules.live and rules.name in state.started_at) or asked.crossing:
        return None
    report = order.report
    if passes_at(order, now, state.settings) is None or age_of(order, now) <= A_MOMENT:
        return None
    marked = state.marks.get(report.key)
    if marked is not None and marked[1] >= max(order.first_seen_at, report.updated_at or order.first_seen_at):
        return None
    return ReadQuotes(account=rules.name, keys=(report.key,))


# Size


def _sized(state: State, asked: Asked) -> Sized | Refused:
    order, lot = asked.order, asked.facts.lot_units
    accounts = _accounts(state, asked)
    size = _asked_of_the_sizer(state, asked, accounts)
    match size:
        case Refused():
            return size
        case Ratio():
            ratio = size.value
            carry = Fraction(0) if asked.crossing else carry_of(state, asked.stake_key, order.report.side.sign, lot)
        case Quantity():
            ratio, carry = Fraction(size.units, asked.units), Fraction(0)
    total = entry_size(carry, ratio, asked.units, lot)
    sized = Sized(ratio, carry, None)
    if total == 0:
        sized = _below_one_lot(asked, accounts, sized)
        total = 0 if sized.reason is ReasonCode.BELOW_ONE_LOT else lot
    return _capped(state, asked, sized, total)


def _asked_of_the_sizer(state: State, asked: Asked, accounts: Accounts) -> Ratio | Quantity | Refused:
    sizer = asked.holds.size
    if sizer is None:
        return Refused(ReasonCode.SIZER_FAILED, "nobody says how large a copy is")
    try:
        size: object = sizer.size(asked.order, accounts)
    except StopUnknown as problem:
        return Refused(ReasonCode.STOP_UNKNOWN, problem.message)
    except SizingError as problem:
        unknown = getattr(sizer, "needs_funds", False) and (accounts.leader is None or accounts.follower is None)
        is_funds = unknown or isinstance(problem, FundsUnknown)
        return Refused(ReasonCode.FUNDS_UNKNOWN if is_funds else ReasonCode.SIZER_FAILED, problem.message)
    except Exception as problem:  # the user's code may raise anything; the order must still get its answer
        return Refused(ReasonCode.SIZER_FAILED, f"{type(problem).__name__}: {problem}")
    if isinstance(size, (Ratio, Quantity)):
        return size
    return Refused(ReasonCode.SIZER_FAILED, f"the sizer answered {type(size).__name__}, not Ratio or Quantity")


def _below_one_lot(asked: Asked, accounts: Accounts, sized: Sized) -> Sized:
    """One lot where that is allowed; else the share is left to the next order."""
    lot, share = asked.facts.lot_units, sized.carry + sized.ratio * asked.units
    why = f"{float(share):g} of a lot of {lot}"
    if share > 0:
        match asked.holds.below_lot:
            case BelowLot.SKIP:
                too_much: str | None = ""
            case BelowLot.ONE_LOT:
                too_much = None
            case BelowLot.ONE_LOT_WITHIN_RISK:
                too_much = _too_much_at_risk(asked, accounts)
            case _:
                assert_never(asked.holds.below_lot)
        if too_much is None:
            return Sized(Fraction(lot, asked.units), Fraction(0), None, ReasonCode.COPIED, "raised to one lot")
        why += f"; {too_much}" if too_much else ""
    return Sized(sized.ratio, sized.carry, None, ReasonCode.BELOW_ONE_LOT, why)


def _too_much_at_risk(asked: Asked, accounts: Accounts) -> str | None:
    """Why one lot could lose more than is allowed, or nobody can say that it does not; None when it cannot."""
    funds, risk = accounts.follower, asked.holds.one_lot_risk.value
    if funds is None or not funds.total.is_finite():
        return "what one lot risks cannot be told: the follower's funds are unknown"
    try:
        loss = unit_loss(asked.order, accounts.stop, asked.facts) if accounts.stop is not None else _whole_price(asked)
    except SizingError as problem:
        return f"what one lot risks cannot be told: {problem.message}"
    rupees, allowed = loss * asked.facts.lot_units, Fraction(funds.total) * Fraction(risk) / 100
    if rupees > allowed:
        return f"one lot risks {float(rupees):.2f} rupees, {float(allowed):.2f} are allowed"
    return None


def _whole_price(asked: Asked) -> Fraction:
    """What a unit costs, where no more can be lost: shares and options that are bought. Raises ``SizingError``."""
    report, kind = asked.order.report, asked.facts.kind
    bounded = report.segment.is_equity or (kind is not None and kind.is_option)
    if asked.side is not Side.BUY or not bounded:
        raise StopUnknown("the leader has no stop for it")
    price = price_of(report)
    rupees = None if price is None else worth(report.segment, 1, price, asked.facts)
    if rupees is None:
        raise SizingError("what a unit is worth is unknown")
    return Fraction(rupees)


def _accounts(state: State, asked: Asked) -> Accounts:
    sizer, holds = asked.holds.size, asked.holds
    by_stop = getattr(sizer, "needs_stop", False) or holds.below_lot is BelowLot.ONE_LOT_WITHIN_RISK
    return Accounts(
        leader=state.funds.get(asked.order.leader),
        follower=spendable(state, asked.rules.name),
        instrument=asked.facts,
        stop=_stop_of(state, asked.order) if by_stop and not asked.rules.reverse else None,
    )


def _stop_of(state: State, order: LeaderOrder) -> Decimal | None:
    """Where the leader gives the entry up: the stop of its bracket or leg, else the furthest of the stop orders with
    which he protects the instrument already."""
    report = order.report
    leg = state.leader_orders.get((order.leader, leg_id(report.order_id, Leg.STOP)))
    if leg is not None and isinstance(leg.report.terms, (StopLimit, StopMarket)):
        return leg.report.terms.trigger
    if report.bracket is not None and report.bracket.stop is not None:
        return report.bracket.stop
    price, furthest = price_of(report), None
    for where in state.open_leader_orders:
        if where[0] != order.leader:
            continue
        other = state.leader_orders[where].report
        if (other.key, other.product) != (report.key, report.product) or other.side is report.side or is_exit_leg(other):
            continue
        if isinstance(other.terms, (StopLimit, StopMarket)) and price is not None:
            trigger = other.terms.trigger
            if (price - trigger) * report.side.sign > 0 and (furthest is None or (furthest - trigger) * report.side.sign > 0):
                furthest = trigger
    return furthest


# Caps


def _capped(state: State, asked: Asked, sized: Sized, total: int) -> Sized | Refused:
    caps = _caps(asked)
    if not caps:
        return sized
    report = asked.order.report
    price = price_of(report)
    lot, closes = asked.facts.lot_units, _closes(state, asked) if asked.crossing else 0
    entry = Entered(asked.rules.name, report.key, report.product, asked.side, lot, total, price, closes)
    left = room(state, caps, entry)
    if isinstance(left, NoRoom):
        return Refused(left.reason, left.detail)
    if left.total == total:
        return Sized(sized.ratio, sized.carry, left.most_units, sized.reason, sized.detail)
    ratio = Fraction(left.total, asked.units)
    return Sized(ratio, Fraction(0), left.most_units, ReasonCode.CAPPED, left.detail, sized.ratio)


def _closes(state: State, asked: Asked) -> int:
    """What the follower holds that an order closes which crosses zero: all that other exits are not due to close."""
    order, sign = asked.order, asked.order.report.side.sign
    own = claim_left(state.trades[order.leader, order.report.order_id, asked.rules.name])
    return max(0, state.stake(asked.stake_key).closable(sign) - state.claims(asked.stake_key, sign) + own)


def _caps(asked: Asked) -> tuple[Cap, ...]:
    most = asked.rules.max_lots
    return asked.holds.caps if most is None else (Cap("LOTS", most), *asked.holds.caps)


def _margin_to_read(state: State, asked: Asked, now: datetime) -> ReadMargin | None:
    """The question to the margin calculator, where a cap counts margin and its last answer is old: for one lot, of
    which it asks for so many times as much."""
    report = asked.order.report
    if not needs_margin(asked.holds.caps):
        return None
    told = state.margins.get((asked.rules.name, report.key, report.product, asked.side))
    price = price_of(report)
    if price is None or (told is not None and now < told.read_at + MARGIN_HOLDS):
        return None
    return ReadMargin(
        account=asked.rules.name,
        order=MarginOrder(
            segment=report.segment, security_id=report.security_id, side=asked.side, product=report.product,
            quantity=asked.facts.lot_units, price=price,
        ),
    )  # fmt: skip
