"""The price instructions that a follower's order gets for the leader's."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from typing_extensions import assert_never

from dhan_copy.core.settings import Percent, Policy, StopMarketForm, Ticks
from dhan_copy.model.instrument import ExchangeSegment, InstrumentFacts
from dhan_copy.model.order import Limit, Market, OrderReport, Side, StopLimit, StopMarket, Terms

OPTIONS_OFFSET = Percent(Decimal(5))
OTHERS_OFFSET = Percent(Decimal(1))
"""What Dhan itself allows a market order: 1 % measured for futures, 2 to 20 % by premium for options (protocol facts
1.7: the stop-limit in a stop-market's place is meant to trade as surely)."""
_RUPEE = Decimal(1)
"""A multiple of every tick: where the tick is unknown, whole rupees are on it."""


PROTECTIONS = tuple(Decimal(percent) for percent in (1, 2, 5, 10, 20))
"""By how much Dhan lets a market order of its API trade away from the last price: 1 % measured on a stock future in
September 2026 (12 of 12 frames), 2 to 20 % by premium for options (2024); protocol facts 1.7."""


def protected_market(report: OrderReport, facts: InstrumentFacts) -> Limit | None:
    """The limit of a market order that came over the API, as far as its price shows it: the last price of the same report
    and one of Dhan's protections, rounded down to the tick on both sides. None where anything of that is unknown."""
    terms, last, tick = report.terms, report.last_price, facts.tick
    if not isinstance(terms, Limit) or report.source != "P" or last is None or tick is None:
        return None
    for percent in PROTECTIONS:
        price = last * (1 + report.side.sign * percent / 100)
        if (price / tick).to_integral_value(ROUND_FLOOR) * tick == terms.price:
            return terms
    return None


def copied_terms(terms: Terms, side: Side, segment: ExchangeSegment, facts: InstrumentFacts, policy: Policy) -> Terms:
    """The leader's terms on the instrument's tick, with a stop-limit for a stop-market order unless ``policy`` says
    otherwise: Dhan drops the trigger of stop-market orders that come over its API."""
    if isinstance(terms, StopMarket) and policy.stop_market is not StopMarketForm.AS_IS:
        return _stop_limit(terms.trigger, side, segment, facts, policy)
    return aligned(terms, side, facts)


def _stop_limit(trigger: Decimal, side: Side, segment: ExchangeSegment, facts: InstrumentFacts, policy: Policy) -> StopLimit:
    """A limit beyond the trigger, on the side on which the order trades: a buy higher, a sell lower."""
    is_option = facts.kind is not None and facts.kind.is_option
    offset = policy.stop_market_offsets.get(segment, OPTIONS_OFFSET if is_option else OTHERS_OFFSET)
    trigger = trigger if facts.tick is None else _on_tick(trigger, facts.tick, side)
    tick = facts.tick or _RUPEE
    match offset:
        case Percent(value=percent):
            away = trigger * percent / 100
        case Ticks(count=count):
            away = tick * count
        case _:
            assert_never(offset)
    ticks = (trigger + side.sign * away) / tick
    price = tick * ticks.to_integral_value(ROUND_CEILING if side is Side.BUY else ROUND_FLOOR)
    return StopLimit(trigger, price if price > 0 else facts.tick or trigger)


def aligned(terms: Terms, side: Side, facts: InstrumentFacts) -> Terms:
    """The same prices on the instrument's tick; off it, the passive side is taken (a buy lower, a sell higher)."""
    tick = facts.tick
    if tick is None:
        return terms
    match terms:
        case Market():
            return terms
        case Limit(price=price):
            on_tick = _on_tick(price, tick, side)
            return terms if on_tick is price else Limit(on_tick)
        case StopLimit(trigger=trigger, price=price):
            return StopLimit(_on_tick(trigger, tick, side), _on_tick(price, tick, side))
        case StopMarket(trigger=trigger):
            return StopMarket(_on_tick(trigger, tick, side))
        case _:
            assert_never(terms)


def _on_tick(price: Decimal, tick: Decimal, side: Side) -> Decimal:
    ticks = price / tick
    whole = ticks.to_integral_value(ROUND_FLOOR if side is Side.BUY else ROUND_CEILING)
    return price if whole == ticks else max(tick, whole * tick)
