"""Rows of ``GET /super/orders`` into reports: one for the entry, and one for each leg that is or was for something."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import evolve

from dhan_copy.dhan.fields import (
    Fields,
    count,
    count_or_zero,
    identifier,
    missing,
    price,
    required_price,
    status,
    unreadable,
    word,
)
from dhan_copy.dhan.frames import canonical, mapping
from dhan_copy.dhan.rows import parse_order_row, read_rows
from dhan_copy.dhan.words import LEG, SIDE
from dhan_copy.model.bracket import Bracket
from dhan_copy.model.ids import BrokerOrderId
from dhan_copy.model.order import Leg, Limit, OrderReport, OrderStatus, StopMarket, Variety
from dhan_copy.protocols import Unreadable

_TRADED = (OrderStatus.TRADED, OrderStatus.PART_TRADED)
_PARTS = ("remainingQuantity", "triggeredQuantity")


def parse_super_row(row: Mapping[str, object]) -> tuple[OrderReport, ...]:
    """The reports of one super order, the entry first. All have its id and tag, and differ in ``leg``.

    The entry's ``bracket`` has the prices of ``legDetails``, without a leg that was taken back before it was for
    anything. Its average price is None even after a fill: the list says 0.0 (received 2026-09-01), the order book says
    what it is. Raises :class:`~dhan_copy.errors.UnreadableReport` where the entry or any leg cannot be understood
    without a guess: an entry without the stop that it has would pass for an unprotected one.
    """
    row = mapping(row, "row")
    entry = parse_order_row(row)
    if entry.leg is not Leg.ENTRY or entry.variety is not Variety.SUPER:
        raise unreadable("legName", "must be ENTRY_LEG in the list of super orders", row.get("legName"))
    found = row.get("legDetails")
    if found is None:
        raise missing("legDetails")
    if not isinstance(found, list | tuple):
        raise unreadable("legDetails", "must be a list", found)
    legs: dict[Leg, _Leg] = {}
    for item in found:
        leg = _Leg.read(mapping(item, "legDetails"), entry)
        if leg.leg in legs:
            raise unreadable("legDetails", "must name a leg once", leg.leg.value)
        legs[leg.leg] = leg
    reports = [legs[name].report(entry) for name in (Leg.TARGET, Leg.STOP) if name in legs and legs[name].total]
    return (evolve(entry, bracket=_bracket(legs)), *reports)


def parse_super_book(data: object) -> tuple[list[OrderReport], list[Unreadable]]:
    """Every row of the list: the reports, and the rows that could not be read. Raises ``UnreadableReport`` where
    ``data`` has no rows at all to look at."""
    return read_rows(data, parse_super_row)


class _Leg:
    """One of ``legDetails``: ``totalQuatity`` (Dhan's spelling) is 0, or left out, until the entry has filled. The page's
    sample has it on STOP_LOSS_LEG alone: whether it comes later on TARGET_LEG nobody wrote down."""

    def __init__(self, row: Fields, leg: Leg, entry: OrderReport) -> None:
        self.leg = leg
        self.status = status(row, "orderStatus")
        self.price = required_price(row, "price", "for a leg")
        self.jump = price(row, "trailingJump")
        self.side = word(row, "transactionType", SIDE)
        self.total = self._total(row, entry)
        self.filled = self._filled(row)
        self.raw = canonical(row)

    @classmethod
    def read(cls, row: Fields, entry: OrderReport) -> _Leg:
        leg = word(row, "legName", LEG)
        if leg is Leg.ENTRY:
            raise unreadable("legName", "must be TARGET_LEG or STOP_LOSS_LEG in legDetails", row.get("legName"))
        read = cls(row, leg, entry)
        if read.side is entry.side:
            raise unreadable("transactionType", "must be the other side than the entry's", read.side.value)
        if BrokerOrderId(identifier(row, "orderId")) != entry.order_id:
            raise unreadable("orderId", "must be the entry's in legDetails", row.get("orderId"))
        return read

    def report(self, entry: OrderReport) -> OrderReport:
        return evolve(
            entry,
            leg=self.leg,
            side=self.side,
            terms=Limit(self.price) if self.leg is Leg.TARGET else StopMarket(self.price),
            quantity=self.total,
            disclosed_quantity=0,
            filled_quantity=self.filled,
            average_price=None,
            status=self.status,
            exchange_order_id=None,
            bracket=None,
            reason="",
            raw=self.raw,
        )

    def _total(self, row: Fields, entry: OrderReport) -> int:
        """Where it is left out, what remains and what was triggered: what was neither is in doubt, and both together may
        count some units twice, which shows where they are more than the entry has filled."""
        if "totalQuatity" not in row:
            total = sum(count_or_zero(row, name) for name in _PARTS)
            told = all(name in row for name in _PARTS) or not entry.filled_quantity
            in_doubt = self.status in _TRADED and not count_or_zero(row, "triggeredQuantity")
            if told and not in_doubt and total <= entry.filled_quantity:
                return total
        return count(row, "totalQuatity")

    def _filled(self, row: Fields) -> int:
        """What no longer remains. Of a leg whose state does not say that it traded no more than was triggered: a
        cancelled one may have nothing left that remains."""
        if not self.total:
            return 0
        remaining, triggered = count(row, "remainingQuantity"), count(row, "triggeredQuantity")
        for name, value in (("remainingQuantity", remaining), ("triggeredQuantity", triggered)):
            if value > self.total:
                raise unreadable(name, f"must not be above totalQuatity {self.total}", value)
        gone = self.total - remaining
        return gone if self.status in _TRADED else min(gone, triggered)


def _bracket(legs: Mapping[Leg, _Leg]) -> Bracket | None:
    standing = {name: leg for name, leg in legs.items() if leg.total or not leg.status.is_terminal}
    target, stop = standing.get(Leg.TARGET), standing.get(Leg.STOP)
    if target is None and stop is None:
        return None
    return Bracket(
        target=None if target is None else target.price,
        stop=None if stop is None else stop.price,
        trailing_jump=None if stop is None else stop.jump,
    )
