"""Merge reports of a leader's order: cumulative, by maximum and newest, never by addition."""

from __future__ import annotations

from datetime import datetime, timedelta


from dhan_copy.core.evolving import evolve
from dhan_copy.core.facts import Channel, LeaderReported
from dhan_copy.core.leader import LeaderOrder
from dhan_copy.core.legs import LINKED, is_implied
from dhan_copy.model.instrument import is_cut
from dhan_copy.model.order import Limit, Market, OrderReport, OrderStatus, StopLimit, StopMarket, Variety

SETTLED_AFTER = timedelta(seconds=2)
"""Dhan's times have a resolution of one second: a read begun this long after a report is newer than it."""


def merge(known: LeaderOrder | None, fact: LeaderReported, at: datetime) -> LeaderOrder:
    """The order after one more report; ``disputed`` when two channels disagree within one second."""
    report = fact.report
    if report.status is OrderStatus.TRADED and report.filled_quantity < report.quantity:
        # Status and quantity are not updated atomically (protocol facts 1.4): the rest of the fills is still to be told.
        report = evolve(report, status=OrderStatus.PART_TRADED)
        fact = evolve(fact, report=report)
    filled_at = report.updated_at or at
    if known is None:
        return LeaderOrder(
            leader=fact.leader,
            report=report,
            first_seen_at=at,
            seen_at=at,
            channel=fact.channel,
            confirmed=is_confirmed(report),
            first_filled_at=filled_at if report.filled_quantity else None,
            last_filled_at=filled_at if report.filled_quantity else None,
        )
    old = known.report
    if report.filled_quantity > old.filled_quantity:
        known = evolve(known, first_filled_at=known.first_filled_at or filled_at, last_filled_at=filled_at)
    filled = max(old.filled_quantity, report.filled_quantity)
    confirmed = known.confirmed or is_confirmed(report)
    if known.gone_at is not None and fact.read_at is not None and fact.read_at > known.gone_at:
        known = evolve(known, gone_at=None)  # it is listed again, or what it placed has appeared
    # What a leg's entry implies of it gives way to what is told of the leg itself.
    # And what a Forever order placed says more than the row of that order, which has no fills.
    better = (is_implied(old) and not is_implied(report)) or _is_first_of_child(old, report)
    newer = True if better else _is_newer(known, fact)
    if not newer:
        merged = _named(_with_fills(old, report, filled), report)
        return evolve(known, report=merged, disputed=known.disputed or newer is None, confirmed=confirmed)
    merged = _named(_with_fills(report, old, filled), old)
    if _reads_back(old, report):
        merged = evolve(merged, terms=old.terms)
    return evolve(known, report=merged, seen_at=at, channel=fact.channel, disputed=False, confirmed=confirmed)


def _is_first_of_child(old: OrderReport, new: OrderReport) -> bool:
    return new.variety is Variety.FOREVER and old.leg_order_id is None and new.leg_order_id is not None


def is_confirmed(report: OrderReport) -> bool:
    """Whether it shows the order past the broker: by its status, or by what has traded."""
    return report.status.is_confirmed or report.filled_quantity > 0


def _named(report: OrderReport, other: OrderReport) -> OrderReport:
    """``report`` with what it leaves out of the order's identity: some frames and rows name it, others do not."""
    if report.instrument is None and other.instrument is not None:
        report = evolve(report, instrument=other.instrument)
    if report.client_order_id is None and other.client_order_id is not None:
        report = evolve(report, client_order_id=other.client_order_id)
    if report.variety is Variety.REGULAR and other.variety in LINKED:
        report = evolve(report, variety=other.variety)
    if report.bracket is None and other.bracket is not None:
        report = evolve(report, bracket=other.bracket)
    if report.parent_order_id is None and other.parent_order_id is not None:
        report = evolve(report, parent_order_id=other.parent_order_id, variety=other.variety)
    if report.source is None and other.source is not None:
        report = evolve(report, source=other.source, platform=other.platform)
    if _says_more(other, report.symbol):
        report = evolve(report, symbol=other.symbol)
    if report.leg_order_id in (None, report.parent_order_id) and other.leg_order_id is not None:
        report = evolve(report, leg_order_id=other.leg_order_id)
    return report


def _says_more(report: OrderReport, symbol: str) -> bool:
    """Whether it names the instrument where that is not known, or in full where only the beginning is."""
    if not symbol:
        return report.symbol != ""
    return is_cut(report.segment, symbol) and len(report.symbol) > len(symbol) and report.symbol.startswith(symbol)


def _reads_back(old: OrderReport, new: OrderReport) -> bool:
    """Whether new terms are the broker's own rewriting and no modification: a triggered SL reads LMT at its price
    without a trigger, a triggered SL-M MARKET, a price-protected MARKET reads LMT (protocol facts 1.7, 1.8). A modification moves the order's
    time or says MODIFIED (1.3)."""
    if new.status is OrderStatus.MODIFIED or (
        new.created_at != old.created_at and None not in (new.created_at, old.created_at)
    ):
        return False
    match old.terms, new.terms:
        case StopLimit(price=before), Limit(price=after):
            return before == after
        case (Market() | StopMarket(), Limit()) | (StopMarket(), Market()):
            return True
    return False


def says_nothing_new(known: LeaderOrder, merged: LeaderOrder) -> bool:
    """Whether a report changed nothing that matters for copying: it need not be journaled. One of a later time does, though
    it says the same: he may have moved his order to and fro, and what it was in between may be told late."""
    old, new = known.report, merged.report
    return (
        old.updated_at == new.updated_at
        and old.status is new.status
        and old.terms == new.terms
        and old.quantity == new.quantity
        and old.filled_quantity == new.filled_quantity
        and old.disclosed_quantity == new.disclosed_quantity
        and old.validity is new.validity
        and old.client_order_id == new.client_order_id
        and old.parent_order_id == new.parent_order_id
        and old.leg_order_id == new.leg_order_id
        and old.bracket == new.bracket
        and old.second_leg == new.second_leg
        and (old.instrument is not None or new.instrument is None)
        and (old.source is not None or new.source is None)
        and not _says_more(new, old.symbol)
        and known.confirmed == merged.confirmed
        and known.disputed == merged.disputed
        and known.gone_at == merged.gone_at
        and (old.average_price == new.average_price or new.filled_quantity == 0)
    )


def _with_fills(report: OrderReport, other: OrderReport, filled: int) -> OrderReport:
    """``report`` with the larger fills of the two, and the average price that belongs to them."""
    if report.filled_quantity == filled:
        return report
    quantity = max(report.quantity, filled)
    return evolve(report, filled_quantity=filled, average_price=other.average_price, quantity=quantity)


def _is_newer(known: LeaderOrder, fact: LeaderReported) -> bool | None:
    """Whether the report is newer than what is known; None where the channels disagree and nobody can tell."""
    old, new = known.report, fact.report
    if old.status.is_terminal:
        return new.status.is_terminal and _later(old, new) is True and new.filled_quantity >= old.filled_quantity
    if new.status.is_terminal:
        return True
    if OrderStatus.TRANSIT in (old.status, new.status) and old.status is not new.status:
        # A modification puts the row back to TRANSIT while the exchange decides: the state before it holds.
        return old.status is OrderStatus.TRANSIT
    later = _later(old, new)
    if later is not None:
        return later
    if fact.channel is known.channel or _same_state(old, new):
        return new.filled_quantity >= old.filled_quantity
    if fact.channel is Channel.BOOK and fact.read_at is not None and fact.read_at >= known.seen_at + SETTLED_AFTER:
        return True
    return None


def _later(old: OrderReport, new: OrderReport) -> bool | None:
    if old.updated_at is None or new.updated_at is None or old.updated_at == new.updated_at:
        return None
    return new.updated_at > old.updated_at


def _same_state(old: OrderReport, new: OrderReport) -> bool:
    return (old.status, old.terms, old.quantity, old.validity) == (new.status, new.terms, new.quantity, new.validity)
